"""Submission review: one person's attempts at one activity's module, and nothing of anybody or anything else."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.services.activities import see_activity
from lms.services.attempts import start_attempt
from lms.services.identities import link_by_decision
from lms.services.organisations import add_organisation
from lms.services.reviews import UnknownReviewError, review_of
from lms.services.scores import want_scores_here
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform
from tests.factories import (
    ACTOR,
    MODULE,
    add_identity,
    add_learner,
    add_practice_platform,
    adopt,
    learner_of,
    message,
    small_module,
    take_test,
)

TODAY = date(2026, 11, 23)
OTHER = "other-module"


@pytest.fixture
def platform(session: Session, organisation: Organisation) -> Platform:
    return add_practice_platform(session, organisation)


@pytest.fixture
def link(session: Session, platform: Platform, now: datetime) -> ResourceLink:
    return see_activity(session, platform, message(custom={"akashi": MODULE}, resource_link_title="M1"), now)


def test_attempts_of_this_module_by_this_person_whatever_their_identity(
    session: Session, organisation: Organisation, platform: Platform, link: ResourceLink, now: datetime
) -> None:
    module, other = adopt(session, organisation, small_module()), adopt(session, organisation, small_module(OTHER))
    learner = add_learner(session, organisation, "000101")
    neighbour = add_learner(session, organisation, "000102", sub="5")
    earlier = take_test(session, learner, module, now - timedelta(days=9), wrong=5)
    take_test(session, learner, other, now)
    take_test(session, neighbour, module, now)
    second = add_identity(session, add_practice_platform(session, organisation, client_id="u2"), "77")
    link_by_decision(session, organisation, second.id, "000101", (ACTOR, now))
    later = take_test(session, learner_of(session, organisation, second.id), module, now)
    found = review_of(session, organisation.id, link.id, learner.identity_id, TODAY)
    assert [(each.attempt_id, each.mark, each.maximum, each.is_passed) for each in found.attempts] == [
        (later.attempt_id, 10, 10, True),
        (earlier.attempt_id, 5, 10, False),
    ]
    assert (found.is_known, found.is_under_way, found.activity) == (True, False, "M1")
    assert found.gradebook is None
    assert not hasattr(found.attempts[0], "answers")


def test_what_stands_in_the_gradebook_of_this_activity(
    session: Session, organisation: Organisation, platform: Platform, link: ResourceLink, now: datetime
) -> None:
    module = adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, "000101")
    take_test(session, learner, module, now)
    elsewhere = see_activity(session, platform, message(resource_link_id="2", custom={"akashi": MODULE}), now)
    for each in (link, elsewhere):
        want_scores_here(session, each, learner.identity_id, now)
    rows = {each.resource_link_pk: each for each in session.scalars(select(ScoreDelivery))}
    rows[link.id].state, rows[link.id].delivered_at = "delivered", now
    rows[link.id].standing, rows[link.id].held_score, rows[link.id].held_maximum = "overridden", 7.5, 10.0
    rows[link.id].compared_at = now
    session.flush()
    found = review_of(session, organisation.id, link.id, learner.identity_id, TODAY).gradebook
    assert found is not None
    assert (found.state, found.mark, found.maximum, found.standing, found.held_score) == (
        "delivered", 10, 10, "overridden", 7.5,
    )  # fmt: skip


def test_an_attempt_under_way_is_told_without_its_content(
    session: Session, organisation: Organisation, link: ResourceLink, now: datetime
) -> None:
    module = adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, "000101")
    start_attempt(session, learner, module, now)
    found = review_of(session, organisation.id, link.id, learner.identity_id, TODAY)
    assert (found.attempts, found.is_under_way) == ((), True)


@pytest.mark.parametrize("opens", ["pledges", "no-such-module", ""])
def test_an_activity_without_a_test_has_nothing_to_review(
    session: Session, organisation: Organisation, platform: Platform, now: datetime, opens: str
) -> None:
    adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, "000101")
    other = see_activity(session, platform, message(resource_link_id="3", custom={"akashi": opens}), now)
    found = review_of(session, organisation.id, other.id, learner.identity_id, TODAY)
    assert (found.module, found.attempts, found.is_under_way) == (None, (), False)


def test_nobody_and_another_organisations_person_are_unknown(
    session: Session, organisation: Organisation, link: ResourceLink, now: datetime
) -> None:
    adopt(session, organisation, small_module())
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    stranger = add_learner(session, other, "000101")
    for identity_id in (None, stranger.identity_id):
        found = review_of(session, organisation.id, link.id, identity_id, TODAY)
        assert (found.is_known, found.name, found.attempts) == (False, None, ())
    for where, link_pk in ((other.id, link.id), (organisation.id, None), (organisation.id, 10**9)):
        with pytest.raises(UnknownReviewError):
            review_of(session, where, link_pk, None, TODAY)
