"""Obligations and their states from the records: whom a test counts for, and what an attempt works on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from courses.requirements import Audience, Occasion, Requirement, State
from lms.services.attempts import Learner, start_attempt, submit_attempt
from lms.services.awareness import ModuleInUse
from lms.services.completions import results_by_person
from lms.services.identities import link_by_decision
from lms.services.organisations import add_organisation
from lms.services.requirements import (
    Standing,
    default_requirements,
    occasion_of,
    standings,
    standings_of,
    year_credited,
)
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.store.requirements import requirements_of
from tests.factories import (
    ACTOR,
    FOUNDED,
    MODULE,
    add_learner,
    add_person,
    adopt,
    learner_of,
    place_events,
    require,
    small_module,
    take_test,
)

ANNUAL, JOINING = default_requirements(MODULE, 2026, (12, 31))


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 3, 0, tzinfo=UTC)


def states(session: Session, learner: Learner, day: date, known_at: int | None = None) -> dict[str, State]:
    """Return the states of the year's obligations by their keys."""
    assert learner.person_id is not None
    year = day.year if day.month >= 4 else day.year - 1
    return {
        each.obligation.key: each.status.state
        for person in standings(session, learner.organisation.id, year, Moment(day, known_at), {learner.person_id})
        for each in person.standings
    }


def occasion(session: Session, learner: Learner, now: datetime) -> str:
    return occasion_of(session, learner.organisation.id, learner.person_id, MODULE, now)


@pytest.fixture
def module(session: Session, organisation: Organisation) -> ModuleInUse:
    return adopt(session, organisation, small_module())


def test_the_default_load_is_once_a_year_and_within_thirty_days_of_joining(
    session: Session, organisation: Organisation
) -> None:
    require(session, organisation, ANNUAL, JOINING)
    veteran = add_learner(session, organisation, "000101")
    newcomer = add_learner(session, organisation, "000102", "5", joined_on="2026-11-01", scope_from="2026-11-01")
    add_person(session, organisation, "000103", scope_from="", scope_reason="")  # not in scope
    day = date(2026, 11, 30)
    assert states(session, veteran, day) == {f"{MODULE}-annual/fiscal_year:2026": State.OPEN}
    assert states(session, newcomer, day) == {f"{MODULE}-joining/joining:2026-11-01": State.OPEN}
    assert states(session, newcomer, date(2026, 12, 2)) == {f"{MODULE}-joining/joining:2026-11-01": State.OVERDUE}
    everyone = [each.person.person_id for each in standings(session, organisation.id, 2026, Moment(day))]
    assert everyone == [veteran.person_id, newcomer.person_id]
    assert list(standings(session, organisation.id, 2026, Moment(day), {10**6})) == []


def test_only_a_passed_test_meets_an_obligation(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime
) -> None:
    require(session, organisation, ANNUAL)
    learner = add_learner(session, organisation, "000101")

    def standing() -> Standing:
        assert learner.person_id is not None
        return standings_of(session, organisation.id, learner.person_id, now + timedelta(days=9))[-1]

    take_test(session, learner, module, now, wrong=3)
    assert (standing().status.state, standing().result, standing().attempts) == (State.OPEN, None, 1)
    passed = take_test(session, learner, module, now + timedelta(hours=1), wrong=2)
    found = standing()
    assert (found.status.state, found.attempts) == (State.COMPLETE, 2)
    assert found.result is not None
    assert (found.result.result_id, found.result.mark, found.result.pass_mark) == (passed.id, 8, 8)
    assert found.requirement.title("en") == f"{ANNUAL.key} (required)"


def test_a_late_test_is_credited_to_last_year_and_the_next_one_to_this(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    require(session, organisation, Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2025))
    learner = add_learner(session, organisation, "000101")
    assert learner.person_id is not None
    assert [
        each.obligation.year for each in standings_of(session, organisation.id, learner.person_id, at(2026, 4, 2))
    ] == [
        2025,
        2026,
    ]
    late = take_test(session, learner, module, at(2026, 4, 2))
    assert late.occasion == "annual/fiscal_year:2025"
    assert states(session, learner, date(2026, 4, 3)) == {"annual/fiscal_year:2026": State.OPEN}
    assert [
        each.obligation.year for each in standings_of(session, organisation.id, learner.person_id, at(2026, 4, 3))
    ] == [2026]
    again = take_test(session, learner, module, at(2026, 4, 3))
    assert again.occasion == "annual/fiscal_year:2026"
    assert states(session, learner, date(2026, 4, 3)) == {"annual/fiscal_year:2026": State.COMPLETE}
    assert occasion(session, learner, at(2026, 5, 1)) == "annual/fiscal_year:2026"
    years = [
        year_credited(session, organisation.id, learner.person_id, each.id, date(2026, 4, 3)).year
        for each in (late, again)
    ]
    assert years == [2025, 2026]


def test_who_missed_several_years_can_make_up_for_all_of_them(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    require(session, organisation, Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2023))
    learner = add_learner(session, organisation, "000101")
    occasions = [take_test(session, learner, module, at(2026, 11, day)).occasion for day in (1, 2, 3, 4)]
    assert occasions == [f"annual/fiscal_year:{year}" for year in (2023, 2024, 2025, 2026)]
    assert states(session, learner, date(2026, 11, 4)) == {"annual/fiscal_year:2026": State.COMPLETE}


def test_training_before_joining_counts_for_nothing_and_blocks_nothing(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    require(session, organisation, ANNUAL, JOINING)
    learner = add_learner(session, organisation, sub="4")
    add_person(session, organisation, "000102", joined_on="2026-11-01", scope_from="2026-12-01")
    link_by_decision(session, organisation, learner.identity_id, "000102", (ACTOR, at(2026, 11, 2)))
    learner = learner_of(session, organisation, learner.identity_id)
    early = take_test(session, learner, module, at(2026, 11, 20))
    assert early.occasion == "open:2026"
    obligation = f"{MODULE}-joining/joining:2026-12-01"
    assert states(session, learner, date(2026, 12, 1)) == {obligation: State.OPEN}
    assert take_test(session, learner, module, at(2026, 12, 1)).occasion == obligation
    assert states(session, learner, date(2026, 12, 1)) == {obligation: State.COMPLETE}


def test_an_attempt_after_a_return_works_on_the_new_stay(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    require(session, organisation, ANNUAL, JOINING)
    stay = {"joined_on": "2026-04-01", "left_on": "2026-04-20", "scope_from": "2026-04-01"}
    learner = add_learner(session, organisation, "000104", **stay)
    add_person(session, organisation, "000104", joined_on="2026-10-01", scope_from="2026-10-01")
    learner = learner_of(session, organisation, learner.identity_id)
    first, second = (f"{MODULE}-joining/joining:2026-{day}" for day in ("04-01", "10-01"))
    before = {first: State.LEFT_BEFORE_DUE, second: State.OPEN}
    assert states(session, learner, date(2026, 10, 2)) == before
    assert take_test(session, learner, module, at(2026, 10, 2)).occasion == second
    assert states(session, learner, date(2026, 10, 2)) == before | {second: State.COMPLETE}


def test_attempts_of_somebody_not_linked_yet_are_credited_and_counted_afterwards(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime
) -> None:
    require(session, organisation, ANNUAL)
    learner = add_learner(session, organisation)
    assert occasion(session, learner, now) == "open:2026"
    take_test(session, learner, module, now, wrong=5)
    add_person(session, organisation, "000101")
    link_by_decision(session, organisation, learner.identity_id, "000101", (ACTOR, now))
    learner = learner_of(session, organisation, learner.identity_id)
    assert learner.person_id is not None
    passed = take_test(session, learner, module, now + timedelta(hours=1))
    assert passed.occasion == f"{ANNUAL.key}/fiscal_year:2026"
    (standing,) = standings_of(session, organisation.id, learner.person_id, now)
    assert (standing.status.state, standing.attempts) == (State.COMPLETE, 2)
    assert year_credited(session, organisation.id, learner.person_id, 10**6, date(2026, 3, 1)).year == 2025


def test_without_a_requirement_the_year_is_the_occasion(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    learner = add_learner(session, organisation, "000101")
    assert [occasion(session, learner, at(2027, *day)) for day in ((3, 31), (4, 1))] == ["open:2026", "open:2027"]
    assert take_test(session, learner, module, at(2027, 4, 1)).occasion == "open:2027"
    assert states(session, learner, date(2027, 4, 1)) == {}


def test_an_attempt_begun_in_time_and_submitted_after_the_due_date_is_late(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    require(session, organisation, ANNUAL)
    learner = add_learner(session, organisation, "000101")
    midnight = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)  # in Japan
    attempt_id = start_attempt(session, learner, module, midnight - timedelta(minutes=5))
    assert states(session, learner, date(2026, 12, 31)) == {f"{ANNUAL.key}/fiscal_year:2026": State.OPEN}
    submit_attempt(session, learner, attempt_id, midnight)  # unanswered, and so not passed
    take_test(session, learner, module, midnight + timedelta(hours=1))
    assert states(session, learner, date(2026, 12, 31)) == {f"{ANNUAL.key}/fiscal_year:2026": State.OPEN}
    assert states(session, learner, date(2027, 1, 1)) == {f"{ANNUAL.key}/fiscal_year:2026": State.LATE_COMPLETE}


def test_a_new_version_of_a_requirement_supersedes_the_former_and_both_stay_answerable(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    narrow = Audience(units=frozenset({"ネットワーク係"}), employments=frozenset({"regular"}))
    (former,) = require(
        session, organisation, Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2026, audience=narrow)
    )
    learner = add_learner(session, organisation, "000101")
    size = place_events(session, organisation, now)
    (newer,) = require(session, organisation, Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2026))
    assert (newer.supersedes_id, former.audience) == (
        former.id,
        {"units": ["ネットワーク係"], "employments": ["regular"]},
    )
    assert former.rule().audience == narrow
    assert [row.id for row in requirements_of(session, organisation.id)] == [newer.id]
    day = date(2026, 11, 23)
    assert states(session, learner, day, size) == {}
    assert states(session, learner, day) == {"annual/fiscal_year:2026": State.OPEN}


def test_results_and_people_are_ones_own_organisations(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime
) -> None:
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", FOUNDED)
    require(session, other, ANNUAL)
    theirs = add_learner(session, other, "000101")
    result = take_test(session, theirs, adopt(session, other, small_module()), now)
    mine = add_learner(session, organisation, "000101")
    assert results_by_person(session, organisation.id, None) == {}
    assert states(session, mine, date(2026, 11, 23)) == {}
    assert theirs.person_id is not None
    found = results_by_person(session, other.id, None, {theirs.person_id})
    assert [each.result_id for each in found[theirs.person_id]] == [result.id]
    assert results_by_person(session, other.id, None, set()) == {}
