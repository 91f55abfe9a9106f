"""Two organisations in one database: with every right in one, nothing of the other can be seen or touched.

The routes are the application's own, so that a new one is walked as soon as it is there.
"""

from __future__ import annotations

from collections import Counter
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from courses.roles import IsmsRole
from lms.lti.tool_facts import ToolFacts
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.registrations import Opening, invite_platform, register_by_invitation
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.schema import Base
from tests.conftest import NOW
from tests.factories import add_appointment, add_person
from tests.policy.hostile import Sender, keys_of
from tests.policy.test_routes import TODAY, VALUES, methods_of
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import KEY, staff
from tests.registering import Site
from tests.web.conftest import STAFF, Launched
from tests.web.visits import Browser, Visit, visit

OTHER = "betsu"
OF_EACH_ROUTE = 3
"""Requests to a route, each with other rows of the other organisation."""


@pytest.fixture
def neighbours(tool_database: Database, other_lms: PracticeLms, launched: Launched, new_browser: Any) -> list[Visit]:
    """Somebody of each organisation with every role there; the practice organisation's comes first."""
    with tool_database.transaction() as session:
        add_person(session, find_organisation_or_only(session, OTHER), STAFF, family_name="別人", given_name="みさき")
    visits = [launched(STAFF, "mine"), visit(new_browser(), other_lms, STAFF, "mine")]
    for key in (KEY, OTHER):
        with tool_database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            person_id = find_person(session, organisation.id, STAFF, TODAY)
            assert person_id is not None
            for role in IsmsRole:
                add_appointment(session, organisation, person_id, role, TODAY)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        token = invite_platform(session, organisation, "架空第二Moodle", ("operator:test", NOW))[1]
    site = Site()
    register_by_invitation(
        tool_database,
        site,
        token,
        Opening(site.configuration_url, None),
        ToolFacts("https://akashi.example.invalid"),
        NOW,
    )
    return visits


def sender_with_keys_of(app: Flask, database: Database, key: str, seed: int = 1) -> Sender:
    with database.reading() as session:
        return Sender(app, keys_of(session, find_organisation_or_only(session, key).id), VALUES, seed)


def rows_of(database: Database, key: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of an organisation, less audit events and the sessions that time its visits."""
    with database.reading() as session:
        organisation_id = find_organisation_or_only(session, key).id
        return {
            table.name: [tuple(row) for row in session.execute(select(table).where(table.c.organisation_id == organisation_id))]
            for table in Base.metadata.sorted_tables
            if "organisation_id" in table.c and table.name not in {"audit_event", "launch_session"}
        }  # fmt: skip


def crossings(database: Database) -> list[tuple[str, str]]:
    """Columns in which a row of one organisation points at a row of another."""
    found = []
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.c if "organisation_id" in table.c else ():
                for key in column.foreign_keys:
                    target = key.column.table
                    if "organisation_id" in target.c:
                        to = target.alias()
                        query = select(table.c.organisation_id).join(to, column == to.c[key.column.name])
                        if session.execute(query.where(to.c.organisation_id != table.c.organisation_id)).first():
                            found.append((table.name, column.name))
    return found


def secrets_of(database: Database) -> list[str]:
    """Words that only the practice organisation's pages hold: its name, and its people's."""
    with database.reading() as session:
        organisation = session.scalars(select(Organisation).where(Organisation.key == KEY)).one()
    names = [f"{row.family_name} {row.given_name}" for row in staff() if row.staff_number != STAFF]
    return [organisation.name_ja, organisation.name_en, *names]


def shown(response: Any) -> str:
    """What a response holds, as text; of a document what can be read without opening it."""
    return unescape(response.get_data().decode("utf-8", "replace"))


def routes(app: Flask) -> list[Any]:
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/s/")]


def is_of_rows(rule: Any) -> bool:
    """Tell whether an address names a row, which the other organisation does not have."""
    return bool(
        set(rule.arguments) - {"handle", "file_format", "chart_format", "number", "key", "section_id", "position"}
    )


def ask(browser: Browser, sender: Sender, rule: Any, asking: Visit, form: dict[str, Any]) -> Any:
    """Send one request to a route; a form goes with the session's token."""
    method = "POST" if "POST" in methods_of(rule) else "GET"
    path = sender.address(rule, asking.handle, is_good=True)
    data = {**form, "form_token": asking.form_token} if method == "POST" else None
    return browser.open(path, method=method, data=data)


def test_no_address_shows_anything_of_another_organisation(
    app: Flask, neighbours: list[Visit], tool_database: Database
) -> None:
    owner, curious = neighbours
    sender = sender_with_keys_of(app, tool_database, KEY)
    secret, before = secrets_of(tool_database), rows_of(tool_database, KEY)
    statuses: Counter[int] = Counter()
    for rule in routes(app):
        for _ in range(OF_EACH_ROUTE if "GET" in methods_of(rule) else 0):
            path = sender.address(rule, owner.handle, is_good=True)
            statuses[owner.browser.get(path).status_code] += 1
            response = curious.browser.get(path.replace(owner.handle, curious.handle))
            page = shown(response)
            assert response.status_code < 500, path
            assert [word for word in secret if word in page] == [], path
            if is_of_rows(rule):
                assert response.status_code in {404, 400, 303}, (path, response.status_code)
    assert statuses[200] > 100, "the control: the owner's pages open with the same keys"
    assert rows_of(tool_database, KEY) == before


def test_no_form_changes_anything_of_another_organisation(
    app: Flask, neighbours: list[Visit], tool_database: Database
) -> None:
    owner, curious = neighbours
    sender = sender_with_keys_of(app, tool_database, KEY)
    for rule in routes(app):
        if "GET" in methods_of(rule):
            for _ in range(OF_EACH_ROUTE):
                path = sender.address(rule, owner.handle, is_good=True)
                response = owner.browser.get(path)
                if response.mimetype == "text/html":
                    sender.learn(shown(response), path)
    secret, before = secrets_of(tool_database), rows_of(tool_database, KEY)
    learnt = 0
    for rule in routes(app):
        for _ in range(OF_EACH_ROUTE if "POST" in methods_of(rule) else 0):
            form = sender.good_form(rule.endpoint)
            learnt += bool(form)
            response = ask(curious.browser, sender, rule, curious, form)
            assert response.status_code < 500, rule.rule
            told = [word for word in secret if word in shown(response) and word not in str(form)]
            assert told == [], rule.rule
            if is_of_rows(rule) and rule.endpoint != "people.add_fact":
                assert response.status_code >= 400, (rule.rule, form, response.status_code)
    assert learnt > 60, "the control: most forms were found on the owner's pages"
    assert rows_of(tool_database, KEY) == before
    assert crossings(tool_database) == []
