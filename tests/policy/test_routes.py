"""Every route names who may come in, and keeps everybody else out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.permissions import ACCOUNT, EVERYONE, ON_STAFF, PERMISSIONS_OF, Permission
from lms.store.base import Database
from lms.web.security import requires
from tests.accounts import make_account
from tests.conftest import NOW
from tests.factories import add_appointment
from tests.practice_organisation.seed import KEY, MODULE
from tests.web.conftest import OTHER_STAFF, SECRETARY, STAFF, Launched, RunningTool, put_copy, start_tool
from tests.web.papers import start
from tests.web.visits import TOOL, Browser, Visit, audit_events, contents, page_of

TODAY = jst_date(NOW)
AT_WORK = EVERYONE | ON_STAFF
"""Rights of a member of staff without any role."""

OPEN = {
    "front_door",
    "health",
    "favicon",
    "static",
    "launches.login",
    "launches.login_check",
    "launches.launch",
    "launches.jwks",
    "account_door.sign_in_page",
    "account_door.enter",
    "pledge_window.take_window",
    "verify.verify",
    "registration.page",
    "registration.register",
    "invited.page",
    "invited.answer",
}
"""What anybody may call: the steps before a session exists, and what says nothing about anyone."""

VALUES: dict[str, Any] = {
    "key": MODULE,
    "section_id": "what-we-protect",
    "position": 1,
    "pledge_key": "confidentiality",
    "signature_id": 1,
    "text_id": 1,
    "person_id": 1,
    "engagement_id": 1,
    "invitation_id": 1,
    "platform_invitation_id": 1,
    "request_id": 1,
    "platform_id": 1,
    "identity_id": 1,
    "source_id": 1,
    "delivery_id": 1,
    "kind": "affiliation",
    "fact_id": 1,
    "file_format": "csv",
    "chart_format": "svg",
    "appointment_id": 1,
    "letter_kind": "appointment",
    "filename": "akashi.css",
    "audit_key": "IA-2026",
    "area_key": "A-GA",
    "exception_id": 1,
    "number": "7.2",
    "evidence_id": "E-0123456789abcdef",
    "pack_id": 1,
    "content_key": MODULE,
}
"""What stands in the addresses' variable parts; a new variable needs a value here."""


def methods_of(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def calls(app: Flask, **values: Any) -> Iterator[tuple[str, str, str]]:
    """Each route under a session: endpoint, method and path."""
    adapter = app.url_map.bind(TOOL.removeprefix("https://"), url_scheme="https")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/s/"):
            arguments = {name: {**VALUES, **values}[name] for name in rule.arguments}
            for method in methods_of(rule):
                yield rule.endpoint, method, adapter.build(rule.endpoint, arguments, method)


def unguarded(app: Flask) -> set[str]:
    """Endpoints that name neither a permission nor that they are open."""
    return {name for name, view in app.view_functions.items() if not hasattr(view, "permission")}


def call(browser: Browser, method: str, path: str, token: str = "") -> Any:
    if method == "GET":
        return browser.get(path)
    return browser.open(path, method=method, data={"form_token": token})


def bare(handle: str = "") -> str:
    """A view whose author forgot to say who may come in."""
    return f"secret {handle}"


@pytest.fixture
def another_app(seeded_sqlite: Path, tool_keys: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application that a test may add views to."""
    put_copy(seeded_sqlite, tmp_path / "akashi.sqlite")
    running = start_tool(f"sqlite:///{tmp_path / 'akashi.sqlite'}", tool_keys)
    yield running.app
    running.database.close()


@pytest.fixture
def sitting_of(tool_database: Database) -> Callable[[Visit], int]:
    """Gives an attempt of a visitor: one in the past, or else one that is started now."""

    def attempt_of(visit: Visit) -> int:
        past = re.search(r"/attempts/(\d+)/result", page_of(visit.get("/")))
        return int(past[1]) if past else start(visit, tool_database).attempt_id

    return attempt_of


def test_every_route_names_a_permission_or_is_open(app: Flask) -> None:
    assert unguarded(app) == set()
    for name, view in app.view_functions.items():
        assert view.permission is None or isinstance(view.permission, Permission), name


def test_a_view_that_names_nothing_is_found_and_refused(another_app: Flask) -> None:
    another_app.add_url_rule("/bare", "bare", bare)
    another_app.add_url_rule("/s/<handle>/bare", "bare_within", bare)
    assert unguarded(another_app) == {"bare", "bare_within"}
    browser = another_app.test_client()
    for path in ("/bare", "/s/0123456789abcdef/bare"):
        response = browser.get(path)
        assert response.status_code == 401
        assert "secret" not in page_of(response)


def test_the_open_routes_are_the_known_ones(app: Flask) -> None:
    assert {name for name, view in app.view_functions.items() if view.permission is None} == OPEN


def test_no_open_route_lies_under_a_session_and_no_guarded_one_elsewhere(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        assert rule.rule.startswith("/s/<handle>/") is (view.permission is not None), rule.rule  # type: ignore[attr-defined]


def test_every_permission_is_asked_for_somewhere(app: Flask) -> None:
    assert {view.permission for view in app.view_functions.values()} == {None, *Permission}  # type: ignore[attr-defined]


SIGN_OUT = "accounts.sign_out"


def walk(visit: Visit, attempt_id: int, rights: frozenset[Permission]) -> set[tuple[Permission, bool]]:
    """Call every route; return which permissions were granted (True) and which refused."""
    app, seen = visit.browser.application, set()
    for endpoint, method, path in calls(app, handle=visit.handle, attempt_id=attempt_id):
        if endpoint == SIGN_OUT and Permission.USE_ACCOUNT in rights:
            continue  # it would end the walk
        wanted: Permission = app.view_functions[endpoint].permission  # type: ignore[attr-defined]
        response = call(visit.browser, method, path, visit.form_token)
        assert response.status_code < 500, (path, page_of(response))
        assert (response.status_code == 403) is (wanted not in rights), (method, path)
        assert response.status_code != 401
        seen.add((wanted, response.status_code != 403))
    return seen


@contextmanager
def appointed(database: Database, role: IsmsRole, **facts: Any) -> Iterator[None]:
    """Appoint the member of staff to a role of today until further notice, and say at the end that it never was."""
    with database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, STAFF, TODAY)
        assert person_id is not None
        row = add_appointment(session, organisation, person_id, role, facts.pop("first_day", TODAY), **facts)
    yield
    with database.transaction() as session:
        add_appointment(session, organisation, person_id, role, row.valid_from, superseded=row, is_void=True)


@pytest.fixture
def emergency(tool: RunningTool, new_browser: Callable[[], Browser]) -> Visit:
    """Somebody who has signed in with an emergency account."""
    account = make_account(tool.database, tool.app.extensions["akashi"].settings.keys, NOW)
    return account.sign_in(new_browser(), NOW)


def test_every_role_opens_the_routes_of_its_rights_and_no_other(
    launched: Launched, sitting_of: Callable[[Visit], int], tool_database: Database, emergency: Visit
) -> None:
    stranger, visit = launched("unlinked"), launched(STAFF)
    others_attempt = sitting_of(launched(OTHER_STAFF))
    assert Permission.LEARN not in ACCOUNT
    by_account = walk(emergency, others_attempt, ACCOUNT)
    assert {each for each, is_granted in by_account if is_granted} == ACCOUNT
    seen = {each for each in by_account if each[0] is Permission.USE_ACCOUNT}
    seen |= walk(stranger, sitting_of(stranger), EVERYONE)
    attempt_id = sitting_of(visit)
    seen |= walk(visit, attempt_id, AT_WORK)
    for role in IsmsRole:
        with appointed(tool_database, role):
            seen |= walk(visit, attempt_id, AT_WORK | PERMISSIONS_OF[role])
    seen |= walk(visit, attempt_id, AT_WORK)
    assert seen == {(each, is_granted) for each in Permission for is_granted in (True, False)} - {
        (each, False) for each in EVERYONE
    }


@pytest.mark.parametrize(
    "facts",
    [
        {"first_day": TODAY + timedelta(days=1)},
        {"first_day": TODAY - timedelta(days=30), "valid_to": TODAY},
        {"first_day": TODAY - timedelta(days=30), "valid_to": TODAY - timedelta(days=1)},
        {"is_void": True},
    ],
    ids=["begins tomorrow", "ended yesterday", "ended the day before", "was never made"],
)
def test_an_appointment_out_of_its_days_opens_no_route(
    facts: dict[str, Any], launched: Launched, sitting_of: Callable[[Visit], int], tool_database: Database
) -> None:
    visit = launched(STAFF)
    attempt_id = sitting_of(visit)
    with ExitStack() as stack:
        for role in IsmsRole:
            stack.enter_context(appointed(tool_database, role, **facts))
        assert walk(visit, attempt_id, AT_WORK) >= {(each, False) for each in set(Permission) - AT_WORK}


def test_a_dismissal_of_today_closes_the_pages_of_an_open_session(launched: Launched, tool_database: Database) -> None:
    visit = launched(STAFF)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, STAFF, TODAY)
        assert person_id is not None
        row = add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, date(2026, 4, 1))
    assert visit.get("/attendance").status_code == 200
    with tool_database.transaction() as session:
        ended = {"superseded": row, "valid_to": TODAY, "end_kind": "dismissed"}
        add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, row.valid_from, **ended)
    assert visit.get("/attendance").status_code == 403


def test_without_a_session_every_guarded_route_is_401(app: Flask, client: Browser, tool_database: Database) -> None:
    before = contents(tool_database)
    found = list(calls(app, handle="0123456789abcdef", attempt_id=1))
    assert len(found) > 15
    for _, method, path in found:
        assert call(client, method, path).status_code == 401, path
    assert contents(tool_database) == before


def test_no_route_answers_a_foreign_handle(
    app: Flask, launched: Launched, sitting_of: Callable[[Visit], int], tool_database: Database
) -> None:
    owner, curious = launched(SECRETARY), launched(OTHER_STAFF)
    attempt_id = sitting_of(owner)
    assert curious.get("/").status_code == 200, "the control: the curious one's own session works"
    before = contents(tool_database)
    for _, method, path in calls(app, handle=owner.handle, attempt_id=attempt_id):
        for token in ("", curious.form_token, owner.form_token):
            assert call(curious.browser, method, path, token).status_code == 401, path
    assert contents(tool_database) == before


def test_every_post_refuses_a_form_without_this_sessions_token(
    app: Flask,
    launched: Launched,
    sitting_of: Callable[[Visit], int],
    tool_database: Database,
    emergency: Visit,
) -> None:
    holder, other = launched(STAFF), launched(OTHER_STAFF)
    attempt_id = sitting_of(holder)
    assert holder.form_token != other.form_token
    with ExitStack() as stack:
        for role in IsmsRole:
            stack.enter_context(appointed(tool_database, role))
        rights = frozenset(Permission) - {Permission.USE_ACCOUNT}
        _refuses_foreign_tokens(app, (holder, other), rights, attempt_id, tool_database)
    _refuses_foreign_tokens(app, (emergency, other), ACCOUNT, attempt_id, tool_database)


def _refuses_foreign_tokens(
    app: Flask, visits: tuple[Visit, Visit], rights: frozenset[Permission], attempt_id: int, tool_database: Database
) -> None:
    holder, other = visits
    before = contents(tool_database)
    posts = [
        (end, path)
        for end, method, path in calls(app, handle=holder.handle, attempt_id=attempt_id)
        if method == "POST" and app.view_functions[end].permission in rights  # type: ignore[attr-defined]
    ]
    assert len(posts) > 2
    for endpoint, path in posts:
        for token in ("", "x", "é", other.form_token, holder.form_token[:-1], holder.form_token.upper()):
            assert call(holder.browser, "POST", path, token).status_code == 403, path
            event = audit_events(tool_database)[-1]
            assert (event.facts["code"], event.facts["endpoint"]) == ("form_token", endpoint)
        in_the_address = holder.browser.post(path, query_string={"form_token": holder.form_token})
        assert in_the_address.status_code == 403, "a token in an address would end up in logs"
    assert contents(tool_database) == before


def test_an_emergency_account_leaves_an_event_of_every_page_and_form(
    app: Flask, emergency: Visit, tool_database: Database
) -> None:
    assert emergency.form_token
    for endpoint, method, path in calls(app, handle=emergency.handle, attempt_id=1):
        before = len(audit_events(tool_database))
        response = call(emergency.browser, method, path, emergency.form_token)
        [first, *_] = audit_events(tool_database)[before:]
        kind = "request.refused" if response.status_code == 403 else "account.used"
        assert (first.kind, first.facts["endpoint"]) == (kind, endpoint)
        assert first.actor.startswith("account:")
        if endpoint == SIGN_OUT:
            return
    pytest.fail("nobody can sign out")


def test_only_get_and_post_are_spoken(app: Flask) -> None:
    assert {method for rule in app.url_map.iter_rules() for method in methods_of(rule)} == {"GET", "POST"}


def test_no_get_changes_anything(
    app: Flask, launched: Launched, sitting_of: Callable[[Visit], int], tool_database: Database
) -> None:
    secretary = launched(SECRETARY)
    attempt_id = sitting_of(secretary)
    assert secretary.form_token
    before = contents(tool_database)
    for _, method, path in calls(app, handle=secretary.handle, attempt_id=attempt_id):
        if method == "GET":
            call(secretary.browser, method, path)
    assert contents(tool_database) == before


def test_the_guard_compares_rights_and_not_names(another_app: Flask) -> None:
    @requires(Permission.READ_ATTENDANCE)
    def page(handle: str) -> str:
        return f"secret {handle}"

    another_app.add_url_rule("/s/<handle>/page", "page", page)
    assert unguarded(another_app) == set()
    assert another_app.test_client().get("/s/0123456789abcdef/page").status_code == 401
