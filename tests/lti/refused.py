"""What every refused launch leaves: a status with its code, one audit event, no session, and nothing of what was sent."""

from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import parse_qsl

import pytest
from werkzeug.test import TestResponse

from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import STAFF
from tests.web.visits import audit_events, page_of, session_count

OF_NOBODY = {"state_missing", "state_unknown", "registration_unknown", "login_malformed", "answer_malformed"}
"""Refused before anybody could tell whose launch it is."""
SHORTEST_SECRET = 12


def posted(response: TestResponse) -> list[str]:
    """The values of the form that was sent, and the parts of its token."""
    body = response.request.environ["wsgi.input"]
    assert isinstance(body, BytesIO)
    body.seek(0)
    values = dict(parse_qsl(body.read().decode()))
    return [values.get("state", ""), *values.get("id_token", "").split(".")]


class Refused:
    """Checks refusals one after the other: each one's event is the only one that came since the last."""

    def __init__(self, database: Database, lms: PracticeLms, capfd: pytest.CaptureFixture[str]) -> None:
        self._database = database
        self._lms = lms
        self._capfd = capfd
        self._seen = 0

    def __call__(self, response: TestResponse, status: int, code: str, sessions: int = 0) -> None:
        """The status and code, one audit event more, and not one session more."""
        page = page_of(response)
        assert (response.status_code, f"{status} {code}" in page) == (status, True), page
        assert "Location" not in response.headers
        assert not [each for each in response.headers.getlist("Set-Cookie") if each.startswith("__Host-s-")]
        assert session_count(self._database) == sessions
        facts = self._check_event(code)
        logged = "".join(self._capfd.readouterr())
        assert "Traceback" not in logged
        person = self._lms.person(STAFF)
        for secret in (*posted(response), person.family_name + person.given_name, person.email):
            if len(secret) >= SHORTEST_SECRET:
                assert secret not in page + logged + facts + str(response.headers)

    def _check_event(self, code: str) -> str:
        events = [each for each in audit_events(self._database) if each.kind.endswith(".refused")]
        assert len(events) == self._seen + 1
        self._seen += 1
        event = events[-1]
        assert (event.facts["code"], event.actor) == (code, "anonymous")
        assert (event.organisation_id is None) is (code in OF_NOBODY)
        if "platform" in event.facts:
            with self._database.reading() as session:
                platform = session.get_one(Platform, event.facts["platform"])
                assert session.get_one(Organisation, event.organisation_id).id == platform.organisation_id
        return json.dumps(event.facts)


@pytest.fixture
def refused(tool_database: Database, lms: PracticeLms, capfd: pytest.CaptureFixture[str]) -> Refused:
    """Checks refusals one after the other."""
    return Refused(tool_database, lms, capfd)
