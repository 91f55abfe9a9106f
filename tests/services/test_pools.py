"""Pools from dated facts, and the growth of the practice organisation's from four auditors to seven."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from courses.calendar import Period
from courses.independence import AuditedArea, Verdict
from courses.programme.analysis import analyse
from courses.programme.horizon import TurnKind
from courses.programme.model import Pool, PoolError
from courses.programme.results import Verdict as PoolVerdict
from lms.services.audit_teams import propose_teams
from lms.services.auditor_decisions import Declared, declare_interests, name_candidate
from lms.services.auditors import open_book
from lms.services.audits import Flag, find_audit, judge_pairing, pairings
from lms.services.people import find_person
from lms.services.planner import make_plan, reckon_changed
from lms.services.pools import PoolChange, PoolQuestion, auditor_id, build_pool, changed_pool, matrix
from lms.store.audits import exceptions_of
from lms.store.base import Database
from lms.store.organisations import Organisation, find_organisation, units_of
from lms.store.records import Moment
from tests.auditing import add_tie, cast_auditors, plan
from tests.conftest import NOW
from tests.factories import ACTOR, FOUNDED
from tests.practice_organisation.auditors import FIRST_FOUR, NOT_DECLARED, PASSED
from tests.practice_organisation.seed import KEY, seed

TODAY = date(2026, 11, 23)


def pool_of(session: Session, organisation: Organisation, day: date, look_back: int | None = None) -> Pool:
    return build_pool(open_book(session, organisation.id, Moment(day)), PoolQuestion(day, look_back=look_back))


def eligible_on(pool: Pool) -> dict[str, set[str]]:
    """Who may audit each area, told without the solver."""
    return {
        area.id: {
            each.id
            for each in pool.auditors
            if each.is_declared
            and each.is_valid(pool.as_of)
            and area.id not in {exclusion.area for exclusion in pool.grounds(each, pool.as_of)}
        }
        for area in pool.areas
    }


def margin_by_trying(pool: Pool) -> int:
    """Try every loss of people until an area is left with fewer than k."""
    eligible = eligible_on(pool)
    everyone = sorted(set[str]().union(*eligible.values()))
    for size in range(len(everyone) + 1):
        for lost in combinations(everyone, size):
            if any(len(each - set(lost)) < pool.k for each in eligible.values()):
                return size - 1
    raise AssertionError(pool)


@pytest.fixture(scope="module")
def practice(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The practice organisation, as it is on 23 November 2026."""
    path = tmp_path_factory.mktemp("practice") / "akashi.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    seed(database, "https://lms.example.invalid", NOW)
    yield database
    database.close()


@pytest.fixture
def practising(practice: Database) -> Iterator[tuple[Session, Organisation]]:
    with practice.reading() as session:
        found = find_organisation(session, KEY)
        assert found is not None
        yield session, found


def person(session: Session, organisation: Organisation, number: str) -> int:
    found = find_person(session, organisation.id, number, TODAY)
    assert found is not None
    return found


def test_the_pool_has_the_qualified_and_each_area_its_grounds(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    pool = pool_of(session, organisation, TODAY)
    assert {each.id for each in pool.auditors} == {auditor_id(each) for each in cast.auditors.values()}
    a, b, c, d = (auditor_id(each) for each in cast.auditors.values())
    assert eligible_on(pool) == {"A-AUTH": {a, b, d}, "A-DOC": {a, b, c, d}, "A-GA": {b, c}, "A-NET": {a, c, d}}
    assert analyse(pool).margin == margin_by_trying(pool) == 0
    assert all(each.valid_until == date(2028, 3, 31) for each in pool.auditors)
    assert {each.validity_fact.partition("/")[0] for each in pool.auditors} == {"appointment"}


def test_without_an_area_there_is_no_pool(session: Session, organisation: Organisation) -> None:
    with pytest.raises(PoolError):
        pool_of(session, organisation, TODAY)
    assert make_plan(session, organisation.id, Moment(TODAY), PoolQuestion(TODAY)).reckoning is None


def test_the_look_back_and_the_audited_period_decide_which_duties_count(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation)
    someone = cast.auditors["000203"]
    add_tie(session, organisation, someone, "A-NET", Period(date(2024, 4, 1), date(2025, 10, 1)))
    for look_back, is_eligible in ((0, True), (1, True), (2, False), (12, False)):
        found = eligible_on(pool_of(session, organisation, TODAY, look_back))["A-NET"]
        assert (auditor_id(someone) in found) is is_eligible, look_back


def test_an_undeclared_auditor_makes_the_verdict_open_and_is_named(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation, declare=False)
    for number in ("000201", "000203", "000204"):
        declare_interests(session, organisation, cast.auditors[number], Declared(()), FOUNDED)
    found = analyse(pool_of(session, organisation, TODAY))
    assert found.verdict is PoolVerdict.CANNOT_TELL
    assert found.undecided_by == (auditor_id(cast.auditors["000202"]),)
    rows = matrix(open_book(session, organisation.id, Moment(TODAY)), PoolQuestion(TODAY))
    cells = next(row.cells for row in rows if row.person_id == cast.auditors["000202"])
    assert {key: each.verdict for key, each in cells.items()} == {
        "A-AUTH": Verdict.CANNOT_TELL,
        "A-DOC": Verdict.CANNOT_TELL,
        "A-GA": Verdict.CANNOT_TELL,
        "A-NET": Verdict.EXCLUDED,
    }


def test_what_if_changes_the_pool_and_leaves_the_facts_alone(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    a, b, _c, _d = cast.auditors.values()
    name_candidate(session, organisation, cast.approver, 1, ACTOR, FOUNDED)
    add_tie(session, organisation, b, None, Period(date(2020, 4, 1), date(2020, 5, 1)), kind="consultancy")
    book = open_book(session, organisation.id, Moment(TODAY))
    question = PoolQuestion(TODAY)
    base = build_pool(book, question)
    removed = changed_pool(book, question, PoolChange(removed=frozenset({auditor_id(a)})))
    assert {each.id for each in base.auditors} - {each.id for each in removed.auditors} == {auditor_id(a)}
    without = changed_pool(book, question, PoolChange(without_consultants=True))
    assert {each.id for each in base.auditors} - {each.id for each in without.auditors} == {auditor_id(b)}
    trained = changed_pool(book, question, PoolChange(trained=frozenset({auditor_id(cast.approver)})))
    assert (len(trained.auditors), len(trained.candidates)) == (5, 0)
    unit = next(each for each in units_of(session, organisation.id) if each.name_ja == "ネットワーク係")
    larger = changed_pool(book, question, PoolChange(areas=(AuditedArea("+", unit.id),)))
    assert eligible_on(larger)["+"] == eligible_on(larger)["A-NET"]
    assert changed_pool(book, question, PoolChange(look_back=24)).look_back == 24
    assert build_pool(book, question) == base


def test_teams_are_proposed_for_the_areas_that_can_be_covered_and_no_other(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation)
    audit = plan(session, organisation)
    add_tie(session, organisation, cast.auditors["000202"], "A-GA", Period(date(2026, 4, 1)))
    book = open_book(session, organisation.id, Moment(TODAY))
    proposed = propose_teams(book, audit, exceptions_of(session, organisation.id), audit.area_keys)
    assert sorted(proposed) == ["A-AUTH", "A-DOC", "A-NET"]
    for area, members in proposed.items():
        assert len(members) == 2
        assert [each.is_leader for each in members] == [True, False]
        assert all(judge_pairing(book, audit, area, each.person_id).may_audit() for each in members)
    assert propose_teams(book, audit, (), ["A-GA"]) == {}


def test_the_growth_from_four_to_seven_is_replayed(practising: tuple[Session, Organisation]) -> None:
    """Assumptions: four areas; works-in 1-1-1-1 in fiscal year 2025, 2-2-2-1 in 2026; k = 2; all declared."""
    session, organisation = practising
    before = pool_of(session, organisation, date(2025, 11, 30))
    four = {auditor_id(person(session, organisation, number)) for number in FIRST_FOUR}
    assert {each.id for each in before.auditors if each.is_valid(before.as_of)} == four
    assert sorted(len(four - each) for each in eligible_on(before).values()) == [1, 1, 1, 1]
    assert analyse(before).margin == margin_by_trying(before) == 1

    day = date(2026, 9, 30)
    after = pool_of(session, organisation, day)
    seven = {auditor_id(person(session, organisation, number)) for number in PASSED}
    assert {each.id for each in after.auditors if each.is_valid(day)} == seven
    missing = auditor_id(person(session, organisation, NOT_DECLARED))
    assert {each.id for each in after.auditors if not each.is_declared} == {missing}
    assert analyse(after).margin == margin_by_trying(after) == 2

    declared = replace(after, auditors=tuple(replace(each, is_declared=True) for each in after.auditors))
    assert sorted(len(seven - each) for each in eligible_on(declared).values()) == [1, 2, 2, 2]
    assert analyse(declared).margin == margin_by_trying(declared) == 3


def test_the_practice_organisation_looks_ahead_to_the_end_of_its_terms(
    practising: tuple[Session, Organisation],
) -> None:
    session, organisation = practising
    found = make_plan(session, organisation.id, Moment(TODAY), PoolQuestion(TODAY))
    assert found.reckoning is not None
    assert found.reckoning.horizon.first_negative == date(2027, 4, 1)
    assert found.reckoning.horizon.latest_start == date(2027, 4, 1) - timedelta(days=120)
    turn = next(each for each in found.reckoning.horizon.steps if each.first_day == date(2027, 4, 1))
    assert {each.kind for each in turn.turns} == {TurnKind.VALIDITY_OVER}
    assert len(turn.turns) == 7


def test_a_longer_look_back_costs_margin_in_the_practice_organisation(
    practising: tuple[Session, Organisation],
) -> None:
    session, organisation = practising
    found = make_plan(session, organisation.id, Moment(TODAY), PoolQuestion(TODAY))
    changed = reckon_changed(found, PoolChange(look_back=24))
    assert changed is not None
    mover = auditor_id(person(session, organisation, "00126"))
    assert mover in eligible_on(found.reckoning.pool)["A-OPS"]  # type: ignore[union-attr]  # has areas
    assert mover not in eligible_on(changed.pool)["A-OPS"]


def test_last_years_audit_was_independent_and_this_years_has_one_pairing_to_look_at(
    practising: tuple[Session, Organisation],
) -> None:
    session, organisation = practising
    found = pairings(session, organisation.id, Moment(TODAY))
    flagged = [
        (each.audit.key, each.assignment.area_key, each.assignment.person_id, each.flags)
        for each in found
        if each.flags
    ]
    assert flagged == [("IA-2026", "A-NET", person(session, organisation, "00113"), (Flag.EXCLUDED,))]
    assert sum(each.audit.key == "IA-2025" for each in found) == 8
    excepted = [each for each in found if each.exceptions]
    assert [each.assignment.person_id for each in excepted] == [person(session, organisation, "00133")]
    audit = find_audit(session, organisation.id, "IA-2026")
    assert audit.held_from > TODAY


def test_the_planner_of_an_ordinary_pool_loads_no_solver(practice: Database) -> None:
    url = practice.engine.url.render_as_string()
    program = (
        "import sys\n"
        "from datetime import date\n"
        "from lms.services.planner import make_plan\n"
        "from lms.services.pools import PoolQuestion\n"
        "from lms.store.base import Database\n"
        "from lms.store.organisations import find_organisation\n"
        "from lms.store.records import Moment\n"
        f"database = Database({url!r})\n"
        "with database.reading() as session:\n"
        "    key = find_organisation(session, 'kakuu').id\n"
        "    margins = [make_plan(session, key, Moment(day), PoolQuestion(day)).reckoning.analysis.margin\n"
        "               for day in (date(2025, 11, 30), date(2026, 9, 30), date(2027, 4, 2))]\n"
        "database.close()\n"
        "print(margins, 'ortools' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[1, 2, -2] False\n", "")
