"""Wrong, huge and hostile values in every address, question and form: refused with a sentence, and nothing is written.

A seeded walk: the routes and the forms' fields are the application's own, so that new ones are walked as soon as they
are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import String, cast, select
from werkzeug.test import TestResponse

from courses.roles import IsmsRole
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.store.base import Database
from lms.store.schema import Base
from tests.factories import add_appointment
from tests.policy.hostile import WORDS, Sender, keys_of, writes_of
from tests.policy.test_routes import TODAY, VALUES, methods_of
from tests.practice_organisation.seed import KEY
from tests.web.conftest import STAFF, Launched
from tests.web.visits import Visit, audit_events, page_of

REQUESTS = 2_000
NOT_RECORDS = {"audit_event", "launch_session"}
"""What a refusal may leave: that it was refused, and that the session is alive."""


@pytest.fixture
def powerful(launched: Launched, tool_database: Database) -> Visit:
    """Somebody with every role."""
    found = launched(STAFF)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, STAFF, TODAY)
        assert person_id is not None
        for role in IsmsRole:
            add_appointment(session, organisation, person_id, role, TODAY)
    return found


@pytest.fixture
def sender(app: Flask, powerful: Visit, tool_database: Database) -> Sender:
    """Knows the forms of all pages, and every key but those of the visitor's own rights."""
    with tool_database.reading() as session:
        organisation = find_organisation_or_only(session, KEY)
        keys = keys_of(session, organisation.id)
        own = find_person(session, organisation.id, STAFF, TODAY)
    keys["appointment_id"] = keys["appointment_id"][: -len(IsmsRole)]
    keys["person_id"].remove(own)
    made = Sender(app, keys, VALUES, 20261123)
    for rule in routes(app):
        for _ in range(3 if "GET" in methods_of(rule) else 0):
            path = made.address(rule, powerful.handle, is_good=True)
            response = powerful.browser.get(path)
            if response.mimetype == "text/html":
                made.learn(page_of(response), path)
    return made


def routes(app: Flask) -> list[Any]:
    """The routes that take something; the LTI steps have tests of their own."""
    return [
        rule for rule in app.url_map.iter_rules() if rule.arguments and not rule.rule.startswith(("/static", "/lti"))
    ]


def requests(app: Flask, sender: Sender, visit: Visit) -> Iterator[tuple[str, str, TestResponse]]:
    found = routes(app)
    forms = [rule for rule in found if "POST" in methods_of(rule)]
    for turn in range(REQUESTS):
        rule = sender.random.choice(forms if turn % 3 else found)
        method = "POST" if turn % 3 else sender.random.choice(methods_of(rule))
        path = sender.address(rule, visit.handle, is_good=sender.random.random() < 0.8)
        how: dict[str, Any] = {"query_string": sender.question()} if method == "GET" or turn % 10 == 0 else {}
        if method == "POST":
            how["data"] = sender.form(rule.endpoint) | {"form_token": visit.form_token}
        yield rule.endpoint, method, visit.browser.open(path, method=method, **how)


def check_answer(endpoint: str, response: TestResponse, written: set[str]) -> None:
    assert response.status_code < 500, endpoint
    if response.mimetype in {"text/html", "image/svg+xml"}:
        assert b"<b id=zz>" not in response.get_data(), endpoint
    if response.status_code >= 400:
        assert written == set(), endpoint


def nul_in(database: Database) -> list[str]:
    """Columns that hold a NUL, which PostgreSQL would have refused to keep."""
    found = []
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.c:
                if isinstance(column.type, String):
                    query = select(column).where(cast(column, String).contains("\0"))
                    found += [str(column)] if any("\0" in value for value in session.scalars(query)) else []
    return found


@pytest.mark.slow
def test_hostile_values_are_refused_or_kept_harmlessly(
    app: Flask, powerful: Visit, sender: Sender, tool_database: Database
) -> None:
    with writes_of(tool_database) as writes:
        for endpoint, _method, response in requests(app, sender, powerful):
            check_answer(endpoint, response, {table.strip('"') for table in writes} - NOT_RECORDS)
            writes.clear()
    for rule in routes(app):  # what was kept is shown by these
        for _ in range(3 if "GET" in methods_of(rule) else 0):
            response = powerful.browser.get(sender.address(rule, powerful.handle, is_good=True))
            check_answer(rule.endpoint, response, set())
    assert nul_in(tool_database) == []
    assert {event.kind for event in audit_events(tool_database)} >= {"request.refused"}


@pytest.mark.parametrize("word", [each for each in WORDS if each.strip() and each.strip("\0")])
def test_every_number_in_a_form_is_read_with_care(powerful: Visit, word: str) -> None:
    appointment = {"person": "00102", "place": "role:unit_head", "first_day": "2026-12-01", "letter_number": "第1号"}
    body = {"key": "new-body", "name_ja": "新", "name_en": "New", "first_day": "2026-12-01", "position": word}
    contract = {"firm_id": word, "number": "1", "title": "保守", "first_day": "2026-12-01"}
    for path, form in (
        ("/roles/appoint", appointment | {"unit": word, "appointer": "センター長", "action": "record"}),
        ("/roles/bodies/body", body),
        ("/vendors/contracts", contract),
    ):
        assert powerful.post(path, form).status_code < 500, path


def test_an_invitation_is_made_only_where_its_address_can_be_shown(powerful: Visit, tool_database: Database) -> None:
    with writes_of(tool_database) as writes:
        for person_id in range(1, 45):
            form = {"person_id": str(person_id), "pledge_key": "confidentiality"}
            response = powerful.post("/vendors/invitations", form, query_string={"as_of": "never"})
            assert response.status_code == 400
        assert {table.strip('"') for table in writes} <= NOT_RECORDS
