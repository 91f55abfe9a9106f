"""Logins and launches: one answer to one login from one browser opens one session, and nothing else opens any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.lti.id_tokens import LaunchFault, LaunchRefused
from lms.lti.keysets import KeysetUnavailable
from lms.services.keysets import StoredKeysets
from lms.services.launches import (
    LOGIN_LIFETIME,
    LoginFault,
    LoginRefused,
    LoginRequest,
    begin_login,
    check_login,
    complete_launch,
    login_cookie_name,
    purge,
)
from lms.services.opening import SESSION_LIFETIME, OpenedSession
from lms.services.organisations import add_organisation
from lms.services.platforms import PlatformExistsError, UnknownPlatformError, add_deployment
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, PendingLogin, ResourceLink, ResourceLinkVisit
from lms.store.organisations import Organisation
from lms.store.platforms import Platform, PlatformKeyset
from tests.factories import (
    ACTOR,
    LAUNCH_URL,
    MODULE,
    KeysOf,
    add_practice_platform,
    all_at_once,
    errors_in,
    launch,
    log_in,
    make_lms,
    register,
    with_activities,
)
from tests.practice_lms.defaults import default_config, two_organisations
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, LmsPerson

STAFF = ("staff", "m1")
REQUEST = LoginRequest("https://lms.kakuu.example.invalid", "4", LAUNCH_URL, "uPracticeLms001", None, None)


@pytest.fixture
def lms(database: Database, organisation: Organisation) -> PracticeLms:
    """A practice LMS, registered."""
    made = make_lms()
    with database.transaction() as session:
        register(session, organisation, made)
    return made


def rows(database: Database, model: type[Any]) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(model)))


def count(database: Database, model: type[Any]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def refused(database: Database, work: Callable[[], object]) -> str:
    """Return the code of a refusal, after which there is no session."""
    with pytest.raises((LoginRefused, LaunchRefused)) as caught:
        work()
    assert count(database, LaunchSession) == 0
    return str(caught.value.code)


def test_a_launch_opens_a_session_for_the_one_who_was_launched(
    database: Database, lms: PracticeLms, now: datetime
) -> None:
    opened = launch(database, lms, STAFF, now)
    (row,) = rows(database, LaunchSession)
    (identity,) = rows(database, LtiIdentity)
    (link,) = rows(database, ResourceLink)
    (visit,) = rows(database, ResourceLinkVisit)
    assert (opened.handle, opened.opens) == (row.handle, MODULE)
    assert (identity.sub, identity.claimed_family_name, identity.claimed_staff_number) == ("4", "見本", "000101")
    assert (row.identity_id, row.resource_link_pk) == (identity.id, link.id) == (visit.identity_id, link.id)
    assert (row.language, row.is_framed, row.expires_at) == ("ja", True, now + SESSION_LIFETIME)
    assert row.return_url.startswith(lms.config.issuer)
    assert (link.opens, link.context_id, visit.is_learner) == (MODULE, "2", True)
    assert link.line_item_url is not None
    assert opened.secret.encode() not in row.secret_hash
    assert len(row.secret_hash) == 32


def test_fifty_copies_of_one_launch_open_one_session(database: Database, lms: PracticeLms, now: datetime) -> None:
    answer = log_in(database, lms, STAFF, now)
    found = all_at_once(50, lambda _: complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now))
    assert sum(isinstance(each, OpenedSession) for each in found) == 1
    codes = [each.code for each in errors_in(found) if isinstance(each, LoginRefused)]
    assert codes == [LoginFault.STATE_USED] * 49
    assert count(database, LaunchSession) == 1


def test_a_launch_posted_again_is_refused(database: Database, lms: PracticeLms, now: datetime) -> None:
    answer = log_in(database, lms, STAFF, now)
    complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now)
    with pytest.raises(LoginRefused) as caught:
        complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now + timedelta(seconds=1))
    assert caught.value.code is LoginFault.STATE_USED
    assert caught.value.platform_id is not None


def test_only_the_browser_that_began_a_login_ends_it(database: Database, lms: PracticeLms, now: datetime) -> None:
    answer = log_in(database, lms, STAFF, now)
    wrong = {
        ("", answer.browser): LoginFault.STATE_MISSING,
        ("never-given", answer.browser): LoginFault.STATE_UNKNOWN,
        (answer.state, "another"): LoginFault.BROWSER_CHANGED,
        (answer.state, None): LoginFault.BROWSER_CHANGED,
    }
    for (state, browser), code in wrong.items():
        fields = (state, answer.id_token)
        assert refused(database, partial(complete_launch, database, KeysOf((lms,)), fields, browser, now)) == code
    complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now)
    assert count(database, LaunchSession) == 1


def test_a_login_serves_for_five_minutes(database: Database, lms: PracticeLms, now: datetime) -> None:
    # The token is made at the end, as by somebody who first had to log in at the platform.
    late = log_in(database, lms, STAFF, now)
    for moment in (now + LOGIN_LIFETIME + timedelta(seconds=1), now - timedelta(seconds=61)):
        attempt = partial(complete_launch, database, KeysOf((lms,)), late.fields, late.browser, moment)
        assert refused(database, attempt) == LoginFault.STATE_EXPIRED
    in_time = now + timedelta(seconds=100)
    complete_launch(database, KeysOf((lms,)), late.fields, late.browser, in_time)
    assert count(database, LaunchSession) == 1


def test_answers_swapped_between_two_logins_are_refused_and_use_both_up(
    database: Database, lms: PracticeLms, now: datetime
) -> None:
    one, other = log_in(database, lms, STAFF, now), log_in(database, lms, STAFF, now)
    for swapped in ((one.state, other.id_token), (other.state, one.id_token)):
        attempt = partial(complete_launch, database, KeysOf((lms,)), swapped, "browser", now)
        assert refused(database, attempt) == LaunchFault.NONCE_WRONG
    right = partial(complete_launch, database, KeysOf((lms,)), one.fields, "browser", now)
    assert refused(database, right) == LoginFault.STATE_USED
    events = [(each.kind, each.facts["code"]) for each in rows(database, AuditEvent) if each.kind == "launch.refused"]
    assert events == [("launch.refused", "nonce_wrong")] * 2


def test_a_used_nonce_does_not_serve_another_login(database: Database, lms: PracticeLms, now: datetime) -> None:
    first = log_in(database, lms, STAFF, now)
    complete_launch(database, KeysOf((lms,)), first.fields, first.browser, now)
    fresh = log_in(database, lms, STAFF, now)
    with pytest.raises(LaunchRefused) as caught:
        complete_launch(database, KeysOf((lms,)), (fresh.state, first.id_token), fresh.browser, now)
    assert caught.value.code is LaunchFault.NONCE_WRONG
    assert count(database, LaunchSession) == 1


def test_two_organisations_with_the_same_ids_never_mix(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    here, there = (make_lms(config, f"key-{number}") for number, config in enumerate(two_organisations()))
    with database.transaction() as session:
        other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
        register(session, organisation, here)
        register(session, other, there)
    keys = KeysOf((here, there))
    mine, theirs = log_in(database, here, STAFF, now), log_in(database, there, STAFF, now)
    mixed = partial(complete_launch, database, keys, (mine.state, theirs.id_token), "browser", now)
    assert refused(database, mixed) == LaunchFault.KID_UNKNOWN
    mine = log_in(database, here, STAFF, now)
    for answer in (mine, theirs):
        complete_launch(database, keys, answer.fields, answer.browser, now)
    for model in (LtiIdentity, ResourceLink, ResourceLinkVisit, LaunchSession):
        assert sorted(each.organisation_id for each in rows(database, model)) == [organisation.id, other.id]
    assert {each.sub for each in rows(database, LtiIdentity)} == {"4"}


def test_while_the_platforms_keys_are_out_of_reach_the_login_stays_good(
    database: Database, lms: PracticeLms, now: datetime
) -> None:
    class Unreachable:
        def find_key(self, *_: object) -> Any:
            raise KeysetUnavailable(1, "PlatformUnreachable")

    answer = log_in(database, lms, STAFF, now)
    with pytest.raises(KeysetUnavailable):
        complete_launch(database, Unreachable(), answer.fields, answer.browser, now)
    complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now + timedelta(seconds=5))
    assert count(database, LaunchSession) == 1


def test_a_login_from_nowhere_or_to_elsewhere_is_refused(session: Session, organisation: Organisation) -> None:
    platform = add_practice_platform(session, organisation)
    changes: list[tuple[dict[str, str], LoginFault]] = [
        ({"issuer": "https://elsewhere.example.invalid"}, LoginFault.REGISTRATION_UNKNOWN),
        ({"client_id": "another"}, LoginFault.REGISTRATION_UNKNOWN),
        ({"login_hint": ""}, LoginFault.HINT_MISSING),
        ({"target_link_uri": "https://elsewhere.example.invalid/lti/launch"}, LoginFault.TARGET_FOREIGN),
        ({"target_link_uri": LAUNCH_URL + "/"}, LoginFault.TARGET_FOREIGN),
    ]
    for change, code in changes:
        with pytest.raises(LoginRefused) as caught:
            check_login(session, replace(REQUEST, **change), LAUNCH_URL)
        known = code is not LoginFault.REGISTRATION_UNKNOWN
        assert (caught.value.code, caught.value.platform_id) == (code, platform.id if known else None)


def test_without_client_id_the_issuer_must_say_enough(session: Session, organisation: Organisation) -> None:
    platform = add_practice_platform(session, organisation)
    unnamed = replace(REQUEST, client_id=None)
    assert check_login(session, unnamed, LAUNCH_URL).id == platform.id
    second = add_practice_platform(session, organisation, client_id="another")
    with pytest.raises(LoginRefused):
        check_login(session, unnamed, LAUNCH_URL)
    assert check_login(session, replace(REQUEST, client_id="another"), LAUNCH_URL).id == second.id
    with pytest.raises(PlatformExistsError):
        add_practice_platform(session, organisation)


def test_the_login_goes_on_with_what_binds_the_answer_to_it(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    platform = add_practice_platform(session, organisation, authorization_url="https://lms.example.invalid/auth?x=1")
    url, state = begin_login(session, platform, REQUEST, "browser", now)
    query = parse_qs(urlsplit(url).query)
    session.flush()
    login = session.scalars(select(PendingLogin)).one()
    assert url.startswith("https://lms.example.invalid/auth?x=1&")
    assert query["state"] == [state]
    assert query["nonce"] == [login.nonce]
    assert "lti_message_hint" not in query
    assert (query["response_mode"], query["prompt"], query["redirect_uri"]) == (["form_post"], ["none"], [LAUNCH_URL])
    assert state.encode() not in login.state_hash
    assert b"browser" not in login.browser_hash
    again, other_state = begin_login(session, platform, replace(REQUEST, message_hint="hint"), "browser", now)
    assert parse_qs(urlsplit(again).query)["lti_message_hint"] == ["hint"]
    assert other_state != state
    assert login_cookie_name(state) != login_cookie_name(other_state)
    assert state not in login_cookie_name(state)


def test_the_next_launch_tells_what_has_changed(database: Database, organisation: Organisation, now: datetime) -> None:
    before = make_lms()
    activity = Activity(key="m1", title="改題", link_id="1", custom={"akashi": "$Unknown.variable"})
    person = replace(before.person("staff"), family_name="改姓", staff_number="")
    after = make_lms(replace(with_activities(before.config, activity), people=(person,)))
    with database.transaction() as session:
        register(session, organisation, before)
    launch(database, before, STAFF, now)
    opened = launch(database, after, STAFF, now + timedelta(days=1), locale="en_us")
    (link,), (identity,) = rows(database, ResourceLink), rows(database, LtiIdentity)
    assert opened.opens is None
    assert (link.title, link.opens) == ("改題", None)
    assert link.line_item_url is not None, "what was found once stands until another one is named"
    assert (identity.claimed_family_name, identity.claimed_staff_number) == ("改姓", None)
    assert (identity.first_seen_at, identity.last_seen_at) == (now, now + timedelta(days=1))
    assert {each.language for each in rows(database, LaunchSession)} == {"ja", "en"}


def test_a_teacher_visits_but_not_as_a_learner(database: Database, lms: PracticeLms, now: datetime) -> None:
    launch(database, lms, ("teacher", "m1"), now)
    assert [each.is_learner for each in rows(database, ResourceLinkVisit)] == [False]


def test_a_class_that_opens_a_new_activity_at_one_moment_gets_in_as_a_whole(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    pupils = tuple(LmsPerson(f"p{number}", str(number + 10), f"p{number}", "見本", "学生") for number in range(8))
    lms = make_lms(replace(default_config(), people=pupils))
    with database.transaction() as session:
        register(session, organisation, lms)
    # Each of them from two tabs.
    answers = [log_in(database, lms, (person.key, "m1"), now) for person in pupils for _ in range(2)]
    found = all_at_once(
        len(answers),
        lambda number: complete_launch(database, KeysOf((lms,)), answers[number].fields, answers[number].browser, now),
    )
    assert errors_in(found) == []
    counts = {model: count(database, model) for model in (LaunchSession, LtiIdentity, ResourceLink, ResourceLinkVisit)}
    assert counts == {LaunchSession: 16, LtiIdentity: 8, ResourceLink: 1, ResourceLinkVisit: 8}


def test_what_can_serve_no_more_is_purged(database: Database, lms: PracticeLms, now: datetime) -> None:
    launch(database, lms, STAFF, now)
    for moment, purged in ((timedelta(days=1), 0), (timedelta(days=2), 1), (timedelta(days=8), 1)):
        with database.transaction() as session:
            assert purge(session, now + moment) == purged
    assert count(database, LaunchSession) == count(database, PendingLogin) == 0


def test_a_platforms_keys_are_kept_with_the_time_of_the_last_attempt(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        platform = add_practice_platform(session, organisation)
    keysets = StoredKeysets(database)
    assert keysets.get(platform.id) is None
    keysets.note_attempt(platform.id, now)
    assert keysets.get(platform.id) is None
    keysets.put(platform.id, "{}", now + timedelta(seconds=1))
    kept = keysets.get(platform.id)
    assert kept is not None
    assert (kept.jwks_json, kept.fetched_at, kept.last_attempt_at) == ("{}", now + timedelta(seconds=1), now)


def test_first_launches_at_one_moment_keep_one_key_set(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        platform = add_practice_platform(session, organisation)
    found = all_at_once(8, lambda number: StoredKeysets(database).put(platform.id, f"[{number}]", now))
    assert errors_in(found) == []
    assert count(database, PlatformKeyset) == 1
    assert count(database, Platform) == 1


def test_a_deployment_is_accepted_once_it_has_been_added(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    lms = make_lms(replace(default_config(), tool=replace(default_config().tool, deployment_id="2")))
    registration = (lms.config.issuer, lms.config.tool.client_id)
    with database.transaction() as session:
        add_practice_platform(session, organisation, issuer=registration[0])
        other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
        with pytest.raises(UnknownPlatformError):
            add_deployment(session, other, registration, "2", (ACTOR, now))
    answer = log_in(database, lms, STAFF, now)
    attempt = partial(complete_launch, database, KeysOf((lms,)), answer.fields, answer.browser, now)
    assert refused(database, attempt) == LaunchFault.DEPLOYMENT_UNKNOWN
    for _ in range(2):
        with database.transaction() as session:
            add_deployment(session, organisation, registration, "2", (ACTOR, now))
    launch(database, lms, STAFF, now)
    kinds = [each.kind for each in rows(database, AuditEvent) if not each.kind.startswith("roster.")]
    assert kinds == ["platform.added", "launch.refused", "platform.deployment_added"]
