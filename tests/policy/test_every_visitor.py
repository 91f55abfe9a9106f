"""Every route, asked by every kind of visitor of a neighbouring organisation, with the keys of this one's rows: 0 leaks.

The kinds: a member of staff, an account that is nobody's, the holder of all roles, a teacher who chooses content, the
reader of a submission, an emergency account, somebody whose session was ended, somebody who only knows an address of
another's session, and nobody at all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from courses.roles import IsmsRole
from lms.lti.messages import MessageKind
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.registrations import invite_platform
from lms.services.sessions import end_session
from lms.store.base import Database
from lms.store.launches import LaunchSession
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform, PlatformInvitation, RegistrationRequest
from lms.store.rosters import RosterSource
from tests.accounts import make_account
from tests.conftest import NOW
from tests.factories import add_appointment, add_person
from tests.policy.hostile import Sender
from tests.policy.test_routes import TODAY, methods_of
from tests.policy.test_two_organisations import (
    OTHER,
    crossings,
    is_of_rows,
    routes,
    rows_of,
    secrets_of,
    sender_with_keys_of,
    shown,
)
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import KEY
from tests.web.conftest import SECRETARY, STAFF, Launched, RunningTool
from tests.web.visits import LAUNCH, Browser, Visit, log_in, path_of, visit

OF_EACH_ROUTE = int(os.environ.get("AKASHI_WALKED_REQUESTS", "2"))
"""Requests to a route by one kind of visitor, each with other rows of the other organisation."""


@pytest.fixture
def owner(launched: Launched, tool_database: Database) -> Visit:
    """The practice organisation's secretariat with every role, and a row of everything that the walk names."""
    visited = launched(SECRETARY)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, SECRETARY, TODAY)
        assert person_id is not None
        for role in IsmsRole:
            add_appointment(session, organisation, person_id, role, TODAY)
        invitation, _token = invite_platform(session, organisation, "見本サイト", ("operator:test", NOW))
        session.flush()
        platform = session.scalars(select(Platform).where(Platform.organisation_id == organisation.id)).one()
        session.add(
            RegistrationRequest(
                organisation_id=organisation.id, invitation_id=invitation.id, platform_id=None,
                issuer="https://shinsei.example.invalid", client_id="waiting", deployment_id="1",
                authorization_url=platform.authorization_url, token_url=platform.token_url,
                keyset_url=platform.keyset_url, scopes=[], product=None, state="waiting", received_at=NOW,
                decided_at=None, decided_by=None,
            )
        )  # fmt: skip
    return visited


def sender_for(app: Flask, database: Database) -> Sender:
    """A sender that knows every key of the practice organisation's rows."""
    sender = sender_with_keys_of(app, database, KEY)
    with database.reading() as session:
        organisation_id = find_organisation_or_only(session, KEY).id
        models: dict[str, Any] = {"source_id": RosterSource, "delivery_id": ScoreDelivery,
                                  "request_id": RegistrationRequest, "platform_invitation_id": PlatformInvitation}  # fmt: skip
        for name, model in models.items():
            sender.keys[name] = list(session.scalars(select(model.id).where(model.organisation_id == organisation_id)))
            assert sender.keys[name], name
    return sender


@dataclass
class NextDoor:
    """Makes visitors of the neighbouring organisation."""

    tool: RunningTool
    lms: PracticeLms
    owner: Visit
    new_browser: Callable[[], Browser]

    def launched(self) -> Visit:
        """A member of staff there."""
        return visit(self.new_browser(), self.lms, STAFF, "mine")

    def with_all_roles(self) -> Visit:
        """The holder of all roles there."""
        with self.tool.database.transaction() as session:
            organisation = find_organisation_or_only(session, OTHER)
            person_id = find_person(session, organisation.id, STAFF, TODAY)
            assert person_id is not None
            for role in IsmsRole:
                add_appointment(session, organisation, person_id, role, TODAY)
        return self.launched()

    def by_message(self, fields: dict[str, str]) -> Visit:
        """Whoever comes by a message of another kind, as the course's teacher."""
        browser = self.new_browser()
        response = browser.post(LAUNCH, data=self.lms.authorize(log_in(browser, fields), SECRETARY))
        landing = path_of(response)
        return Visit(browser, landing.split("/")[2], landing, response)

    def by_account(self) -> Visit:
        """An emergency account there."""
        keys = self.tool.app.extensions["akashi"].settings.keys
        return make_account(self.tool.database, keys, NOW, "neighbour", OTHER).sign_in(self.new_browser(), NOW)

    def ended(self) -> Visit:
        """Somebody whose session was ended."""
        found = self.launched()
        with self.tool.database.transaction() as session:
            end_session(session, found.handle, NOW)
        return found

    def make(self, kind: str) -> tuple[Browser, str, str]:
        """Return a browser, the handle in its addresses, and its form token."""
        if kind == "nobody":
            return self.new_browser(), self.owner.handle, ""
        if kind == "another's address":
            found = self.launched()
            return found.browser, self.owner.handle, found.form_token
        makers: dict[str, Callable[[], Visit]] = {
            "staff": self.launched,
            "nobody's account": lambda: visit(self.new_browser(), self.lms, "unlinked", "mine"),
            "all roles": self.with_all_roles,
            "choosing content": lambda: self.by_message(self.lms.deep_link(SECRETARY, "2").fields),
            "reading a submission": lambda: self.by_message(self.lms.review(SECRETARY, "core", STAFF).fields),
            "emergency account": self.by_account,
            "ended session": self.ended,
        }
        found = makers[kind]()
        return found.browser, found.handle, "" if kind == "ended session" else found.form_token


@pytest.fixture
def next_door(tool: RunningTool, owner: Visit, other_lms: PracticeLms, new_browser: Callable[[], Browser]) -> NextDoor:
    """The neighbouring organisation, with one member of staff."""
    with tool.database.transaction() as session:
        organisation = find_organisation_or_only(session, OTHER)
        add_person(session, organisation, STAFF, family_name="別人", given_name="みさき")
    return NextDoor(tool, other_lms, owner, new_browser)


KINDS = (
    "staff", "nobody's account", "all roles", "choosing content", "reading a submission", "emergency account",
    "ended session", "another's address", "nobody",
)  # fmt: skip


WITHOUT_SESSION = {"ended session", "another's address", "nobody"}
REFUSED = {303, 400, 401, 403, 404, 405, 409, 410, 422}


_LEARNT: dict[str, dict[str, list[str]]] = {}
"""What the owner's forms offer: the same for each test, since all begin with the same rows."""
LEAVING = {"accounts.sign_out", "sessions.end"}
"""Forms that end the session which walks."""


def learn_forms(app: Flask, owner: Visit, sender: Sender) -> None:
    """Read the owner's pages, so that forms are sent as they would be."""
    sender.fields = _LEARNT
    for rule in routes(app) if not _LEARNT else ():
        if "GET" in methods_of(rule):
            path = sender.address(rule, owner.handle, is_good=True)
            response = owner.browser.get(path)
            if response.mimetype == "text/html":
                sender.learn(shown(response), path)


def walk(app: Flask, sender: Sender, who: tuple[Browser, str, str]) -> Iterator[tuple[Rule, str, TestResponse]]:
    """Send requests to every route, and give each with what was sent and what came back."""
    browser, handle, token = who
    for rule in routes(app):
        for method in methods_of(rule) if rule.endpoint not in LEAVING else ():
            for _ in range(OF_EACH_ROUTE):
                path = sender.address(rule, handle, is_good=True)
                form = {**sender.good_form(rule.endpoint), "form_token": token} if method == "POST" else {}
                yield rule, str(form), browser.open(path, method=method, data=form or None)


@pytest.mark.parametrize("kind", KINDS)
def test_no_route_leaks_to_a_visitor_from_next_door(
    app: Flask, next_door: NextDoor, owner: Visit, tool_database: Database, kind: str
) -> None:
    who = next_door.make(kind)
    sender = sender_for(app, tool_database)
    if kind not in WITHOUT_SESSION:
        learn_forms(app, owner, sender)
    secret, before = secrets_of(tool_database), rows_of(tool_database, KEY)
    statuses: Counter[int] = Counter()
    for rule, sent, response in walk(app, sender, who):
        statuses[response.status_code] += 1
        told = [word for word in secret if word in shown(response) and word not in sent]
        assert (response.status_code < 500, told) == (True, []), (rule.rule, response.status_code)
        if kind in WITHOUT_SESSION:
            assert response.status_code == 401, rule.rule
        elif is_of_rows(rule) and rule.endpoint != "people.add_fact":
            assert response.status_code in REFUSED, (rule.rule, response.status_code)
    assert sum(statuses.values()) > 200, "the control: there are routes to walk"
    assert rows_of(tool_database, KEY) == before
    assert crossings(tool_database) == []
    print(f"{kind}: {sum(statuses.values())} requests, 0 leaks, {dict(sorted(statuses.items()))}")


def test_the_walk_knows_every_kind_of_session(next_door: NextDoor, tool_database: Database) -> None:
    for kind in KINDS:
        next_door.make(kind)
    with tool_database.reading() as session:
        kinds = set(session.scalars(select(LaunchSession.kind)))
    assert kinds == {each.value for each in MessageKind} | {"account"}
