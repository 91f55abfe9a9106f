"""Activities: what each opens, whose copy it is, and what an instructor chose for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.services.activities import (
    ActivityDecidesError,
    UnknownActivityError,
    choose_content,
    see_activity,
    see_visit,
    state_of,
    undo_choice,
)
from lms.services.content import UnknownContentError
from lms.services.organisations import add_organisation
from lms.store.audit import AuditEvent
from lms.store.launches import PlacedItem, ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform
from tests.factories import ACTOR, MODULE, add_learner, add_practice_platform, adopt, message, small_module, take_test

TODAY = date(2026, 11, 23)
OTHER = "other-module"


@pytest.fixture
def platform(session: Session, organisation: Organisation) -> Platform:
    adopt(session, organisation, small_module(), small_module(OTHER))
    return add_practice_platform(session, organisation)


@pytest.fixture
def see(session: Session, platform: Platform, now: datetime) -> Any:
    """Launches an activity: its id, course and custom parameters."""

    def launch(link_id: str, course: str = "2", where: Platform | None = None, title: str = "M1", **custom: str) -> Any:
        said = message(resource_link_id=link_id, context_id=course, resource_link_title=title, custom=custom)
        return see_activity(session, where or platform, said, now)

    return launch


def place(session: Session, platform: Platform, key: str = "k1", course: str = "2", opens: str = MODULE) -> None:
    session.add(
        PlacedItem(
            key=key, organisation_id=platform.organisation_id, platform_id=platform.id, context_id=course,
            opens=opens, title="M1", placed_at=platform.created_at, placed_by=ACTOR,
        )
    )  # fmt: skip
    session.flush()


def kinds(session: Session) -> list[str]:
    return [each for each in session.scalars(select(AuditEvent.kind)) if each.startswith("activity.")]


@pytest.mark.parametrize("value", ["", "  ", "x" * 256])
def test_a_parameter_without_a_usable_value_is_absent(see: Any, value: str) -> None:
    link = see("1", akashi=value, akashi_item=value, context_history=value if len(value) < 9 else ",,")
    assert (link.opens, link.item_key, link.context_history) == (None, None, None)


def test_what_the_platform_says_is_kept(see: Any) -> None:
    link = see("1", akashi=f" {MODULE} ", akashi_item="k1", context_history="4, 2,,1")
    assert (link.opens, link.is_choice, link.item_key, link.context_history) == (MODULE, False, "k1", ["4", "2", "1"])


def test_a_copy_is_known_by_its_item_and_the_newest_course_of_its_history(
    see: Any, session: Session, platform: Platform
) -> None:
    place(session, platform)
    first = see("1", "2", akashi=MODULE, akashi_item="k1")
    second = see("5", "4", akashi=MODULE, akashi_item="k1", context_history="2")
    third = see("9", "6", akashi=MODULE, akashi_item="k1", context_history="4,2")
    assert (first.copied_from_pk, second.copied_from_pk, third.copied_from_pk) == (None, first.id, second.id)
    assert kinds(session) == ["activity.adopted"] * 2
    assert see("1", "2", akashi=MODULE, akashi_item="k1").copied_from_pk is None, "the original stays one"


def test_the_original_is_none_of_its_copies_whichever_is_launched_first(
    see: Any, session: Session, platform: Platform
) -> None:
    place(session, platform)
    copy = see("5", "4", akashi=MODULE, akashi_item="k1", context_history="2")
    original = see("1", "2", akashi=MODULE, akashi_item="k1")
    assert (copy.copied_from_pk, original.copied_from_pk) == (None, None)


def test_a_course_restored_elsewhere_is_known_by_its_items_after_registration_anew(
    see: Any, session: Session, organisation: Organisation, platform: Platform
) -> None:
    place(session, platform)
    first = see("1", "2", akashi=MODULE, akashi_item="k1")
    anew = add_practice_platform(session, organisation, client_id="uAnew")
    again = see("1", "2", anew, akashi=MODULE, akashi_item="k1")
    assert (again.opens, again.copied_from_pk) == (MODULE, first.id)


def test_without_an_item_the_history_names_the_original_where_only_one_opens_the_same(see: Any) -> None:
    see("1", "2", akashi=MODULE)
    see("2", "2", akashi=OTHER)
    see("3", "2", akashi=OTHER)
    one = see("5", "4", akashi=MODULE, context_history="2")
    several = see("6", "4", akashi=OTHER, context_history="2")
    unrelated = see("7", "5", akashi=MODULE)
    assert (one.copied_from_pk is not None, several.copied_from_pk, unrelated.copied_from_pk) == (True, None, None)


def test_another_organisations_item_is_nobody_elses(
    see: Any, session: Session, organisation: Organisation, platform: Platform, now: datetime
) -> None:
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    theirs = add_practice_platform(session, other)
    place(session, theirs, "k1")
    their_link = see("1", "2", theirs, akashi=MODULE, akashi_item="k1")
    mine = see("1", "2", akashi_item="k1", context_history="2")
    assert (mine.copied_from_pk, mine.opens) == (None, None)
    for pk in (their_link.id, None, 10**9):
        with pytest.raises(UnknownActivityError):
            state_of(session, organisation.id, pk, TODAY)


def test_an_item_whose_parameter_was_lost_opens_what_was_placed(see: Any, session: Session, platform: Platform) -> None:
    place(session, platform, opens=OTHER)
    assert see("1", akashi_item="k1").opens == OTHER


def test_a_choice_holds_until_the_activity_speaks_for_itself(
    see: Any, session: Session, organisation: Organisation, now: datetime
) -> None:
    link = see("1")
    assert state_of(session, organisation.id, link.id, TODAY).is_undecided
    choose_content(session, organisation, link.id, MODULE, (ACTOR, now))
    assert (see("1").opens, link.is_choice) == (MODULE, True)
    choose_content(session, organisation, link.id, "pledges", (ACTOR, now))
    assert (see("1").opens, link.is_choice) == ("pledges", True)
    assert (see("1", akashi=OTHER).opens, link.is_choice) == (OTHER, False)
    for work in (
        lambda: choose_content(session, organisation, link.id, MODULE, (ACTOR, now)),
        lambda: undo_choice(session, organisation, link.id, (ACTOR, now)),
    ):
        with pytest.raises(ActivityDecidesError):
            work()
    assert see("1").opens is None, "a choice that was overruled does not come back"
    assert kinds(session) == ["activity.chosen"] * 2


def test_a_choice_is_taken_back(see: Any, session: Session, organisation: Organisation, now: datetime) -> None:
    link = see("1")
    choose_content(session, organisation, link.id, MODULE, (ACTOR, now))
    undo_choice(session, organisation, link.id, (ACTOR, now))
    assert (link.opens, link.is_choice, see("1").opens) == (None, False, None)
    assert kinds(session) == ["activity.chosen", "activity.choice_undone"]


def test_only_what_is_in_force_can_be_chosen(
    see: Any, session: Session, organisation: Organisation, now: datetime
) -> None:
    link = see("1")
    for key in ("no-such-module", "", "PLEDGES", "pledges "):
        with pytest.raises(UnknownContentError):
            choose_content(session, organisation, link.id, key, (ACTOR, now))
    assert link.opens is None
    unknown = see("2", akashi="no-such-module")
    state = state_of(session, organisation.id, unknown.id, TODAY)
    assert (state.is_undecided, state.is_openable, state.can_be_chosen) == (False, False, False)


def test_who_passed_before_the_choice_gets_the_grade_that_belongs_there(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    module = adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, "000101")
    platform = session.scalars(select(Platform)).one()
    link = see_activity(session, platform, message(sub="4"), now)
    see_visit(session, link, learner.identity_id, is_learner=True)
    result = take_test(session, learner, module, now)
    assert session.scalars(select(ScoreDelivery)).all() == []
    choose_content(session, organisation, link.id, MODULE, (ACTOR, now))
    [wanted] = session.scalars(select(ScoreDelivery)).all()
    assert (wanted.resource_link_pk, wanted.event_id) == (link.id, result.event_id)


def test_what_is_not_sent_yet_is_put_aside_when_the_choice_changes_and_wanted_again_when_it_comes_back(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    module, _other = adopt(session, organisation, small_module()), adopt(session, organisation, small_module(OTHER))
    learner = add_learner(session, organisation, "000101")
    platform = session.scalars(select(Platform)).one()
    said = message(sub="4", line_item_url="https://lms.example.invalid/item")
    link = see_activity(session, platform, said, now)
    see_visit(session, link, learner.identity_id, is_learner=True)
    take_test(session, learner, module, now)

    def standing() -> tuple[str, str | None, bool]:
        session.expire_all()
        row = session.scalars(select(ScoreDelivery)).one()
        return row.state, row.refusal, row.set_aside_at is not None

    for key, expected in (
        (MODULE, ("wanted", None, False)),
        (OTHER, ("dead", "activity_changed", True)),
        (MODULE, ("wanted", None, False)),
        (MODULE, ("wanted", None, False)),
    ):
        choose_content(session, organisation, link.id, key, (ACTOR, now))
        assert standing() == expected
    undo_choice(session, organisation, link.id, (ACTOR, now))
    assert standing() == ("dead", "activity_changed", True)


class TestProposals:
    def proposal(self, session: Session, link: ResourceLink) -> str | None:
        found = state_of(session, link.organisation_id, link.id, TODAY).proposal
        return None if found is None else found.opens

    def test_history_and_title_point_to_one_activity(
        self, see: Any, session: Session, organisation: Organisation, now: datetime
    ) -> None:
        former = see("1", "2", title="教材")
        choose_content(session, organisation, former.id, MODULE, (ACTOR, now))
        copy = see("5", "4", title="教材", context_history="2")
        assert (copy.opens, self.proposal(session, copy)) == (None, MODULE)
        choose_content(session, organisation, copy.id, MODULE, (ACTOR, now))
        assert copy.copied_from_pk == former.id

    def test_nothing_is_proposed_where_it_is_not_certain(
        self, see: Any, session: Session, organisation: Organisation, now: datetime
    ) -> None:
        for link_id in ("1", "2"):
            choose_content(session, organisation, see(link_id, title="twice").id, MODULE, (ACTOR, now))
        see("3", title="unset")
        see("4", title="unknown", akashi="no-such-module")
        see("6", "9", title="elsewhere", akashi=MODULE)
        for number, title in enumerate(("twice", "unset", "unknown", "elsewhere", "another")):
            assert self.proposal(session, see(f"1{number}", "4", title=title, context_history="2")) is None

    def test_what_is_declined_is_no_copy(
        self, see: Any, session: Session, organisation: Organisation, now: datetime
    ) -> None:
        see("1", "2", akashi=MODULE)
        copy = see("5", "4", context_history="2")
        choose_content(session, organisation, copy.id, "pledges", (ACTOR, now))
        assert (copy.opens, copy.copied_from_pk) == ("pledges", None)
