"""A registration is changed, stopped, and stands in for the one before it: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.services.identities import link_as_before, link_by_decision
from lms.services.launches import LoginFault, LoginRefused, LoginRequest, check_login, complete_launch
from lms.services.organisations import add_organisation
from lms.services.platforms import (
    BadPlatformError,
    PlatformExistsError,
    UnknownPlatformError,
    change_platform,
    details_of,
    start_platform,
    stop_platform,
)
from lms.store.base import Database
from lms.store.identities import IdentityLink, person_of
from lms.store.launches import LaunchSession
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform
from tests.conftest import NOW
from tests.factories import (
    ACTOR,
    LAUNCH_URL,
    MODULE,
    KeysOf,
    add_identity,
    add_person,
    add_practice_platform,
    adopt,
    launch,
    learner_of,
    log_in,
    make_lms,
    register,
    small_module,
    take_test,
)
from tests.practice_lms.defaults import default_config

BY = (ACTOR, NOW)


def change(session: Session, organisation: Organisation, platform: Platform, **values: Any) -> tuple[str, ...]:
    return change_platform(session, organisation, platform.id, details_of(session, platform).changed(**values), BY)


def anew(session: Session, organisation: Organisation, former: Platform, **values: Any) -> Platform:
    """The same site's registration with another client_id."""
    facts = {"issuer": former.issuer, "client_id": "anew", "deployments": ("9",)} | values
    platform = add_practice_platform(session, organisation, **facts)
    platform.succeeds_id = former.id
    session.flush()
    return platform


def method_of(session: Session, identity_id: int) -> str | None:
    return session.scalar(
        select(IdentityLink.method).where(IdentityLink.identity_id == identity_id).order_by(IdentityLink.id.desc())
    )


def test_of_two_who_register_one_site_at_once_the_second_is_told(session: Session, organisation: Organisation) -> None:
    add_practice_platform(session, organisation)
    with pytest.raises(PlatformExistsError):
        add_practice_platform(session, organisation)


def test_a_change_that_changes_nothing_is_no_event(session: Session, organisation: Organisation) -> None:
    platform = add_practice_platform(session, organisation)
    assert change(session, organisation, platform) == ()
    assert change(session, organisation, platform, name="新しい名前") == ("name",)


def test_nothing_of_another_organisation_is_changed_stopped_or_started(
    session: Session, organisation: Organisation
) -> None:
    platform = add_practice_platform(session, organisation)
    other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
    for act in (
        lambda: change(session, other, platform, name="x"),
        lambda: stop_platform(session, other, platform.id, BY),
        lambda: start_platform(session, other, platform.id, BY),
    ):
        with pytest.raises(UnknownPlatformError):
            act()
    assert platform.stopped_at is None


# Stopping


def test_a_stopped_registration_ends_its_sessions_and_a_login_that_was_under_way(
    database: Database, organisation: Organisation
) -> None:
    lms = make_lms()
    with database.transaction() as session:
        platform = register(session, organisation, lms)
    opened = launch(database, lms, ("staff", "m1"), NOW)
    answer = log_in(database, lms, ("staff", "m1"), NOW)
    with database.transaction() as session:
        assert stop_platform(session, organisation, platform.id, BY) == 1
        assert stop_platform(session, organisation, platform.id, BY) == 0
        assert session.get_one(LaunchSession, opened.handle).revoked_at == NOW
    with pytest.raises(LoginRefused) as found:
        complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, NOW)
    assert found.value.code is LoginFault.REGISTRATION_STOPPED
    with database.transaction() as session:
        start_platform(session, organisation, platform.id, BY)
    complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, NOW)


def test_a_stopped_registration_stands_in_the_way_of_none_in_use(session: Session, organisation: Organisation) -> None:
    former = add_practice_platform(session, organisation)
    wanted = LoginRequest(former.issuer, "4", LAUNCH_URL, None, None, None)
    stop_platform(session, organisation, former.id, BY)
    session.flush()
    with pytest.raises(LoginRefused) as found:
        check_login(session, wanted, LAUNCH_URL)
    assert (found.value.code, found.value.organisation_id) == (LoginFault.REGISTRATION_STOPPED, organisation.id)
    platform = anew(session, organisation, former)
    assert check_login(session, wanted, LAUNCH_URL) is platform


# Registered anew


def test_whoever_was_linked_before_is_linked_in_the_registration_that_stands_in(
    session: Session, organisation: Organisation
) -> None:
    former = add_practice_platform(session, organisation)
    person_id = add_person(session, organisation, "000101")
    linked, unlinked = (add_identity(session, former, sub) for sub in ("4", "5"))
    link_by_decision(session, organisation, linked.id, "000101", BY)
    platform = anew(session, organisation, former)
    same, other, unknown = (add_identity(session, platform, sub) for sub in ("4", "5", "6"))
    for identity in (same, other, unknown):
        link_as_before(session, platform, identity, NOW)
    assert person_of(session, same.id) == person_id
    assert method_of(session, same.id) == "registered_anew"
    assert person_of(session, other.id) is None, f"identity {unlinked.id} was nobody's either"
    assert person_of(session, unknown.id) is None


def test_links_are_not_taken_from_another_site_or_without_being_said(
    session: Session, organisation: Organisation
) -> None:
    former = add_practice_platform(session, organisation)
    add_person(session, organisation, "000101")
    link_by_decision(session, organisation, add_identity(session, former, "4").id, "000101", BY)
    stranger = add_practice_platform(session, organisation, issuer="https://other.example.invalid", client_id="o")
    with pytest.raises(BadPlatformError) as found:
        change(session, organisation, stranger, succeeds_id=former.id)
    assert found.value.problem == "other_site"
    stranger.succeeds_id = former.id  # even if it were written
    foreign = add_identity(session, stranger, "4")
    link_as_before(session, stranger, foreign, NOW)
    assert person_of(session, foreign.id) is None
    second = add_practice_platform(session, organisation, issuer=former.issuer, client_id="second")
    unsaid = add_identity(session, second, "4")
    link_as_before(session, second, unsaid, NOW)
    assert person_of(session, unsaid.id) is None


def test_a_registration_that_stands_in_can_do_so_in_a_row_but_not_in_a_circle(
    session: Session, organisation: Organisation
) -> None:
    first = add_practice_platform(session, organisation)
    person_id = add_person(session, organisation, "000101")
    link_by_decision(session, organisation, add_identity(session, first, "4").id, "000101", BY)
    second = anew(session, organisation, first)
    third = anew(session, organisation, second, client_id="third")
    identity = add_identity(session, third, "4")
    link_as_before(session, third, identity, NOW)
    assert person_of(session, identity.id) == person_id
    with pytest.raises(BadPlatformError) as found:
        change(session, organisation, first, succeeds_id=third.id)
    assert found.value.problem == "circle"


def test_a_decision_made_in_the_new_registration_is_left_as_it_is(session: Session, organisation: Organisation) -> None:
    former = add_practice_platform(session, organisation)
    add_person(session, organisation, "000101")
    link_by_decision(session, organisation, add_identity(session, former, "4").id, "000101", BY)
    platform = anew(session, organisation, former)
    identity = add_identity(session, platform, "4")
    link_as_before(session, platform, identity, NOW)
    link_by_decision(session, organisation, identity.id, None, BY)
    link_as_before(session, platform, identity, NOW)
    assert person_of(session, identity.id) is None


def test_saying_so_later_links_those_who_have_come_already(session: Session, organisation: Organisation) -> None:
    former = add_practice_platform(session, organisation)
    person_id = add_person(session, organisation, "000101")
    link_by_decision(session, organisation, add_identity(session, former, "4").id, "000101", BY)
    platform = add_practice_platform(session, organisation, issuer=former.issuer, client_id="anew")
    identity = add_identity(session, platform, "4")
    assert change(session, organisation, platform, succeeds_id=former.id) == ("succeeds_id",)
    assert person_of(session, identity.id) == person_id


def test_grades_follow_into_the_activity_of_the_new_registration(
    database: Database, organisation: Organisation
) -> None:

    config = default_config()
    before, after = (
        make_lms(config),
        make_lms(replace(config, tool=replace(config.tool, client_id="uAnew", deployment_id="77"))),
    )
    with database.transaction() as session:
        former = register(session, organisation, before)
        add_person(session, organisation, "000101")
        module = adopt(session, organisation, small_module(MODULE))
    opened = launch(database, before, ("staff", "m1"), NOW)
    with database.transaction() as session:
        identity_id = session.get_one(LaunchSession, opened.handle).identity_id
        assert identity_id is not None
        link_by_decision(session, organisation, identity_id, "000101", BY)
        take_test(session, learner_of(session, organisation, identity_id), module, NOW + timedelta(minutes=10))
    with database.transaction() as session:
        stop_platform(session, organisation, former.id, BY)
        anew(session, organisation, former, client_id="uAnew", deployments=("77",),
             authorization_url=former.authorization_url, keyset_url=former.keyset_url)  # fmt: skip
    again = launch(database, after, ("staff", "m1"), NOW + timedelta(minutes=20))
    with database.reading() as session:
        new_identity = session.get_one(LaunchSession, again.handle).identity_id
        assert new_identity != identity_id
        deliveries = session.scalars(select(ScoreDelivery).where(ScoreDelivery.identity_id == new_identity)).all()
        assert [each.state for each in deliveries] == ["wanted"]
