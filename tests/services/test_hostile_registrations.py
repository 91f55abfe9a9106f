"""The practice LMS, which shares no code with the tool, registers it; and fails in every way that it can on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from lms.lti.http import OutgoingPolicy, PlatformHttp
from lms.lti.registration import RegistrationRefused
from lms.lti.tool_facts import CLAIMS, SCOPES, ToolFacts
from lms.services.registration_decisions import Approval, approve_request
from lms.services.registrations import Opening, invite_platform, register_by_invitation
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.platforms import RegistrationRequest, deployments_of
from tests.conftest import NOW
from tests.factories import ACTOR, serve_lms
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.profiles import MOODLE_4_5, STRICT

TOOL = ToolFacts("http://127.0.0.1:8000")
WAITS = 0.3
"""Seconds of silence after which the tool hangs up here; in an installation 4."""
LONGEST = 3 * 0.5 + 1
"""Seconds that three calls may take in all, each cut off after half a second, and one for the machine."""


@pytest.fixture(scope="module")
def served() -> Iterator[PracticeLms]:
    with serve_lms(default_config()) as running:
        yield running


@pytest.fixture
def lms(served: PracticeLms) -> PracticeLms:
    """A platform without faults, and without memory of what happened in other tests."""
    served.faults.clear()
    served.state.events.clear()
    return served


def use(database: Database, organisation: Organisation, lms: PracticeLms) -> RegistrationRequest:
    http = PlatformHttp(
        OutgoingPolicy(allow_http_loopback=True, timeout_seconds=WAITS, total_seconds=0.5, max_bytes=200_000)
    )
    with database.transaction() as session:
        token = invite_platform(session, organisation, "", (ACTOR, NOW))[1]
    start = lms.begin_registration()
    return register_by_invitation(database, http, token, Opening(start.openid_configuration, start.token), TOOL, NOW)


@pytest.mark.parametrize("profile", [MOODLE_4_5, STRICT], ids=["moodle", "strict"])
def test_the_practice_lms_takes_the_tool_and_gives_it_all_that_it_asks_for(
    database: Database, organisation: Organisation, profile: object
) -> None:
    with serve_lms(replace(default_config(), profile=profile)) as lms:
        request = use(database, organisation, lms)
        tool = lms.registrations()[-1]
    assert (
        (request.client_id, request.deployment_id) == (tool.client_id, tool.deployment_id) != ("uPracticeLms001", "1")
    )
    assert set(tool.scopes) == set(SCOPES) == set(request.scopes)
    assert (tool.sends_names, tool.sends_email) == (True, False)
    assert "email" not in CLAIMS
    assert tool.takes_deep_linking
    with database.transaction() as session:
        approval = Approval("練習用", trusts_staff_number=False)
        platform = approve_request(session, organisation, request.id, approval, (ACTOR, NOW))
        assert platform.issuer == lms.config.issuer
        assert deployments_of(session, platform.id) == {tool.deployment_id}


_FAULTS = {
    FaultKind.REDIRECT: "redirected",
    FaultKind.HUGE: "too_large",
    FaultKind.TIMEOUT: "timed_out",
    FaultKind.TRICKLE: "timed_out",
    FaultKind.CUT: "unreachable",
    FaultKind.UNAVAILABLE: "status_unexpected",
    FaultKind.TOO_MANY_REQUESTS: "status_unexpected",
}


@pytest.mark.parametrize("endpoint", ["configuration", "jwks", "registration"])
@pytest.mark.parametrize(("kind", "code"), list(_FAULTS.items()))
def test_a_platform_that_fails_is_left_fast_and_for_a_reason(
    database: Database, organisation: Organisation, lms: PracticeLms, endpoint: str, kind: FaultKind, code: str
) -> None:
    lms.faults.add(Fault(endpoint, kind, seconds=1))
    began = time.monotonic()
    with pytest.raises(RegistrationRefused) as refused:
        use(database, organisation, lms)
    assert time.monotonic() - began < LONGEST
    assert refused.value.code == code
    assert waiting(database) == 0
    assert code in codes(database)


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [("configuration", "answer_malformed"), ("jwks", "keys_malformed"), ("registration", "answer_malformed")],
)
def test_a_page_in_place_of_an_answer_is_named(
    database: Database, organisation: Organisation, lms: PracticeLms, endpoint: str, code: str
) -> None:
    lms.faults.add(Fault(endpoint, FaultKind.NOT_JSON))
    with pytest.raises(RegistrationRefused) as refused:
        use(database, organisation, lms)
    assert refused.value.code == code
    assert waiting(database) == 0


@pytest.mark.parametrize("location", ["https://elsewhere.example.invalid", "http://10.0.0.1", "http://169.254.169.254"])
def test_addresses_elsewhere_or_in_private_networks_are_not_called(
    database: Database, organisation: Organisation, lms: PracticeLms, location: str
) -> None:
    lms.faults.add(Fault("configuration", FaultKind.ELSEWHERE, location=location))
    before = lms.registrations()
    with pytest.raises(RegistrationRefused) as refused:
        use(database, organisation, lms)
    assert refused.value.code == "origin_foreign"
    assert [event.kind for event in lms.events()] == ["configuration"]
    assert lms.registrations() == before


def waiting(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(RegistrationRequest)) or 0


def codes(database: Database) -> list[str | None]:
    with database.reading() as session:
        return [event.facts.get("code") for event in session.scalars(select(AuditEvent))]
