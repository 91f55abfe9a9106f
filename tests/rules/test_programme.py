"""Pools of auditors: the check figures, reasons, horizon and what-if."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import combinations, product
from math import comb
from random import Random

import pytest

from courses.calendar import Period
from courses.programme import losses, undecided
from courses.programme.analysis import analyse
from courses.programme.coverage import Bench, benches
from courses.programme.horizon import TurnKind, horizon
from courses.programme.losses import lightest_loss, margin_of
from courses.programme.model import (
    Area,
    Auditor,
    Candidate,
    Exclusion,
    ExclusionKind,
    Pool,
    PoolError,
    PoolProblemCode,
    months_before,
)
from courses.programme.results import (
    MOST_EXPLAINED_AREAS,
    Analysis,
    EffortSpentError,
    Fact,
    FactKind,
    RepairKind,
    Verdict,
)
from courses.programme.solve import Program
from courses.programme.what_if import Change, compare, what_if
from tests.rules.pools import DAY, Trial, random_pool, random_pools


def excluded_from(*areas: str) -> tuple[Exclusion, ...]:
    return tuple(Exclusion(area, ExclusionKind.WORKS_IN) for area in areas)


def spread(shape: Iterable[int], leading: int | None = None, leaders: int = 0) -> Pool:
    """Return a pool in which so many auditors work in the first area, so many in the second, and so on.

    The first ``leading`` of them, taken in turn from the areas, may lead.
    """
    counts = list(shape)
    places = [(turn, area) for area, count in enumerate(counts) for turn in range(count)]
    order = sorted(places)
    auditors = tuple(
        Auditor(f"p{area}{turn}", leading is None or order.index((turn, area)) < leading, excluded_from(f"A{area}"))
        for turn, area in places
    )
    return Pool(DAY, tuple(Area(f"A{area}") for area in range(len(counts))), auditors, leaders_per_team=leaders)


def evenly(count: int, areas: int) -> list[int]:
    return [count // areas + (area < count % areas) for area in range(areas)]


# The check figures of domain.md §5.


@pytest.mark.parametrize(("areas", "needed"), [(2, (4, 6, 8)), (3, (3, 5, 6)), (4, (3, 4, 6)), (5, (3, 4, 5))], ids=str)
def test_auditors_needed_over_evenly_spread_areas(areas: int, needed: tuple[int, int, int]) -> None:
    margins = {count: analyse(spread(evenly(count, areas))).margin for count in range(1, 10)}
    assert tuple(min(count for count, each in margins.items() if each >= lost) for lost in (0, 1, 2)) == needed


@pytest.mark.parametrize(
    ("shape", "margin"),
    [
        ((1, 1, 1, 1), 1), ((2, 1, 1, 0), 0), ((2, 2, 0, 0), 0), ((3, 1, 0, 0), -1),
        ((2, 2, 2, 1), 3), ((3, 2, 1, 1), 2), ((4, 1, 1, 1), 1), ((6, 1, 0, 0), -1),
    ],
)  # fmt: skip
def test_four_areas_with_four_and_with_seven_auditors(shape: tuple[int, ...], margin: int) -> None:
    analysis = analyse(spread(shape))
    assert analysis.margin == margin
    assert (analysis.verdict is Verdict.FEASIBLE) == (margin >= 0)


def test_with_only_two_who_may_lead_seven_auditors_survive_no_loss() -> None:
    """Two leaders of different areas: the area of either has the other alone. Of one area: that area has none."""
    pool = spread((2, 2, 2, 1), leaders=1)
    margins = set()
    for first, second in product(range(7), repeat=2):
        if first < second:
            leading = {pool.auditors[first].id, pool.auditors[second].id}
            auditors = tuple(replace(each, may_lead=each.id in leading) for each in pool.auditors)
            margins.add(analyse(replace(pool, auditors=auditors)).margin)
    assert margins == {0, -1}
    assert analyse(spread((2, 2, 2, 1))).margin == 3


def test_where_everybody_may_lead_and_no_skills_are_asked_the_closed_form_is_the_exact_search() -> None:
    chance = Random(1)
    for _ in range(100):
        pool = random_pool(chance)
        plain = tuple(replace(each, skills=frozenset()) for each in pool.areas)
        leading = tuple(replace(each, may_lead=True) for each in pool.auditors)
        pool = replace(pool, areas=plain, auditors=leading)
        closed = min(len(Trial(pool).eligible(area)) for area in pool.areas) - pool.k
        assert margin_of(benches(pool, DAY))[0] == closed == Trial(pool).margin()


# Margin and loss sets where they are many or intricate.


def test_more_loss_sets_than_are_listed_are_counted() -> None:
    pool = Pool(DAY, (Area("A"),), tuple(Auditor(f"p{number:03}") for number in range(200)), k=3)
    found = analyse(pool).loss_sets
    assert (len(found.sets), found.total, found.is_complete) == (1000, comb(200, 2), False)
    assert found.sets[0] == tuple(f"p{number:03}" for number in range(198))
    assert list(found.sets) == sorted(set(found.sets))


def test_loss_sets_of_several_areas_are_counted_once() -> None:
    people = [f"p{number:02}" for number in range(40)]
    auditors = tuple(
        Auditor(each, exclusions=excluded_from(*(f"A{area}" for area in range(3) if number == area)))
        for number, each in enumerate(people)
    )
    pool = Pool(DAY, tuple(Area(f"A{area}") for area in range(3)), auditors, k=4)
    found = analyse(pool).loss_sets
    every = {frozenset(people) - {people[area]} for area in range(3)}
    # An area is broken when at most three of its 39 are left; the loss sets of two areas share those within both.
    assert found.total == 3 * comb(39, 36) - 3 * comb(38, 36) + comb(37, 36)
    assert all(any(set(lost) <= ground for ground in every) for lost in found.sets)


def test_loss_sets_that_would_take_too_many_steps_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MOST_STEPS_OF_COUNTING", 3)
    monkeypatch.setattr(losses._Steps.__init__, "__defaults__", (3,))
    auditors = tuple(Auditor(f"p{n}", exclusions=excluded_from(f"A{n}")) for n in range(6))
    found = analyse(Pool(DAY, tuple(Area(f"A{n}") for n in range(6)), auditors)).loss_sets
    assert found.total is None
    assert not found.is_complete


def test_a_skill_held_in_many_mixtures_is_lost_by_the_fewest() -> None:
    """Triangles: each auditor has two of three skills, so a pair covers all three unless it is of one type."""
    skills = {"x": {"a", "b"}, "y": {"b", "c"}, "z": {"a", "c"}}
    auditors = tuple(
        Auditor(f"{name}{number}", skills=frozenset(had)) for name, had in skills.items() for number in range(3)
    )
    pool = Pool(DAY, (Area("A", skills=frozenset("abc")),), auditors)
    analysis = analyse(pool)
    assert analysis.margin == 5
    assert analysis.loss_sets.total == 3
    assert analysis.loss_sets.sets == Trial(pool).loss_sets()
    assert analysis.minimum_pool is not None
    assert analysis.minimum_pool.auditors == ("x0", "y0")


def test_a_loss_above_the_ceiling_is_not_looked_for() -> None:
    pool = Pool(
        DAY, (Area("A", skills=frozenset("a")),), tuple(Auditor(f"p{n}", skills=frozenset("a")) for n in range(5))
    )
    (bench,) = benches(pool, DAY)
    assert lightest_loss(bench, 4) is None
    assert lightest_loss(bench, 5) == bench.kinds.keys()


# Teams.


def test_teams_have_the_smallest_largest_overrun_and_then_load() -> None:
    """Against trying every assignment of small pools."""
    checked = 0
    for pool in random_pools(77, 150):
        trial = Trial(pool)
        if not trial.covers() or len(pool.areas) > 3 or len(pool.auditors) > 5:
            continue
        choices = [[team for team in _teams(trial, area, pool.k) if trial.is_team(area, team)] for area in pool.areas]
        best = min(_burden(pool, teams) for teams in product(*choices))
        teams = analyse(pool).teams
        assert (teams.largest_overrun, teams.largest_load) == best
        assert (teams.overrun_bound, teams.load_bound) == best
        checked += 1
    assert checked > 10


def _teams(trial: Trial, area: Area, k: int) -> list[tuple[Auditor, ...]]:
    return list(combinations(trial.eligible(area), k))


def _burden(pool: Pool, teams: tuple[tuple[Auditor, ...], ...]) -> tuple[Fraction, Fraction]:
    load = {each.id: Fraction(0) for each in pool.auditors}
    for area, team in zip(pool.areas, teams, strict=True):
        for each in team:
            load[each.id] += area.hours
    over = [load[each.id] - each.hours for each in pool.auditors if each.hours is not None]
    return max(0, *over, Fraction(0)), max(load.values())


def test_the_order_of_a_pool_changes_no_answer() -> None:
    for pool in random_pools(5, 60):
        turned = replace(pool, areas=pool.areas[::-1], auditors=pool.auditors[::-1], candidates=pool.candidates[::-1])
        assert analyse(turned) == analyse(pool)


# Verdict and reasons.


def test_three_values_and_whose_declaration_decides() -> None:
    people = [Auditor("p1"), Auditor("p2", is_declared=False), Auditor("p3", is_declared=False)]
    pool = Pool(DAY, (Area("A"), Area("B")), tuple(people))
    analysis = analyse(pool)
    assert (analysis.verdict, analysis.margin) == (Verdict.CANNOT_TELL, -1)
    assert analysis.undecided_by == ("p2", "p3")
    people[2] = replace(people[2], exclusions=excluded_from("A"))
    analysis = analyse(replace(pool, auditors=tuple(people)))
    assert analysis.undecided_by == ("p2",)
    assert (analysis.loss_sets.sets, analysis.minimum_pool, analysis.teams.members) == ((), None, {})
    people[1] = replace(people[1], exclusions=excluded_from("A"))
    assert analyse(replace(pool, auditors=tuple(people))).verdict is Verdict.INFEASIBLE


def test_rows_and_the_solver_name_the_same_people(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = [pool for pool in random_pools(9, 300) if analyse(pool).verdict is Verdict.CANNOT_TELL]
    by_rows = [analyse(pool).undecided_by for pool in pools]
    monkeypatch.setattr(undecided, "MOST_STEPS", 0)
    assert [analyse(pool).undecided_by for pool in pools] == by_rows
    assert len(pools) > 8


def without(pool: Pool, area: Area, facts: Iterable[Fact]) -> tuple[int, list[str]]:
    """Return the shortfall and the eligible of an area if, of all facts, only these were so."""
    named = list(facts)

    def suppose(auditor: Auditor) -> Auditor:
        own = [fact for fact in named if fact.auditor == auditor.id]
        kinds = {fact.kind for fact in own}
        return Auditor(
            auditor.id,
            FactKind.MAY_NOT_LEAD not in kinds,
            excluded_from(area.id) if kinds & {FactKind.EXCLUDED, FactKind.NOT_VALID} else (),
            FactKind.UNDECLARED not in kinds,
            skills=area.skills - {fact.skill for fact in own},
        )

    trial = Trial(replace(pool, areas=(area,), auditors=tuple(map(suppose, pool.auditors)), candidates=()))
    return trial.shortfall(area), [each.id for each in trial.eligible(area)]


def test_reasons_explain_the_shortfall_and_none_can_be_left_out() -> None:
    seen = set()
    for pool in random_pools(3, 150):
        for witness in analyse(pool).witnesses:
            area = next(each for each in pool.areas if each.id == witness.area)
            assert witness.shortfall == Trial(pool).shortfall(area) > 0
            assert without(pool, area, witness.facts)[0] == witness.shortfall
            for fact in witness.facts:
                rest = [each for each in witness.facts if each != fact]
                assert without(pool, area, rest)[0] < witness.shortfall
                seen.add(fact.kind)
    assert seen == set(FactKind) - {FactKind.NOT_YET_VALID}


def test_the_example_without_p4_names_the_area_its_eligible_auditor_and_the_facts() -> None:
    areas = (Area("A"), Area("B"))
    auditors = (
        Auditor("p1", exclusions=(Exclusion("A", ExclusionKind.WORKS_IN, "duty 17"),)),
        Auditor("p2", exclusions=(*excluded_from("A"), Exclusion("A", ExclusionKind.CONFLICT))),
        Auditor("p3", exclusions=excluded_from("B")),
    )
    analysis = analyse(Pool(DAY, areas, auditors))
    assert (analysis.verdict, analysis.margin, analysis.binding_areas) == (Verdict.INFEASIBLE, -1, ("A",))
    (witness,) = analysis.witnesses
    assert (witness.area, witness.eligible, witness.shortfall) == ("A", ("p3",), 1)
    assert [(each.auditor, each.ground, each.reference) for each in witness.facts] == [
        ("p1", ExclusionKind.WORKS_IN, "duty 17"),
        ("p2", ExclusionKind.WORKS_IN, ""),
    ]
    assert [(each.kind, each.count) for each in witness.repairs] == [(RepairKind.EXCEPT, 1), (RepairKind.FIND, 1)]


def test_ways_out_are_named_with_the_people_whom_they_concern() -> None:
    pool = Pool(
        DAY,
        (Area("A", skills=frozenset({"law"})),),
        (
            Auditor("p1", may_lead=False),
            Auditor("p2", is_declared=False, skills=frozenset({"law"})),
            Auditor("p3", valid_until=date(2026, 3, 31), validity_fact="term 4", skills=frozenset({"law"})),
            Auditor("p4", exclusions=excluded_from("A")),
            Auditor("p5", may_lead=False),
        ),
        (Candidate("c1", skills=frozenset({"law"})), Candidate("c2", exclusions=excluded_from("A"))),
        leaders_per_team=1,
    )
    (witness,) = analyse(pool).witnesses
    repairs = {each.kind: (each.count, each.auditors) for each in witness.repairs}
    assert repairs == {
        RepairKind.DECLARE: (1, ("p2",)),
        RepairKind.RENEW: (1, ("p3",)),
        RepairKind.TRAIN: (1, ("c1",)),
        RepairKind.FIND: (1, ()),
    }
    assert ("term 4", date(2026, 3, 31)) in {(each.reference, each.day) for each in witness.facts}


def test_more_areas_than_are_explained_are_said_to_be_left_out() -> None:
    areas = tuple(Area(f"A{number:03}") for number in range(MOST_EXPLAINED_AREAS + 1))
    analysis = analyse(Pool(DAY, areas, (Auditor("p1"),)))
    assert len(analysis.witnesses) == MOST_EXPLAINED_AREAS
    assert not analysis.is_explained
    assert len(analysis.binding_areas) == MOST_EXPLAINED_AREAS + 1


def test_critical_people_are_those_whose_loss_alone_breaks_coverage() -> None:
    assert analyse(spread((2, 2))).critical == ("p00", "p01", "p10", "p11")
    assert analyse(spread((3, 3))).critical == ()


# Whom to train.


def test_candidates_who_help_no_area_are_named_and_ties_all_shown() -> None:
    pool = replace(
        spread((2, 1)),
        candidates=(
            Candidate("c1", exclusions=excluded_from("A1"), cost=Fraction(3)),
            Candidate("c2", exclusions=excluded_from("A1"), cost=Fraction(3)),
            Candidate("c3", exclusions=excluded_from("A0", "A1")),
            Candidate("c4", exclusions=excluded_from("A1"), cost=Fraction(7, 2)),
        ),
    )
    training = analyse(pool).training
    assert training.sets == (("c1",), ("c2",))
    assert (training.margin, training.deficit, training.cost) == (0, 0, 3)
    assert training.helps_no_area == ("c3",)


def test_more_ties_than_are_shown_are_said_to_be_left_out() -> None:
    candidates = tuple(Candidate(f"c{number:03}") for number in range(150))
    training = analyse(Pool(DAY, (Area("A"),), (), candidates, k=1)).training
    assert (len(training.sets), training.is_complete) == (100, False)


# Time.


def test_the_last_valid_day_is_valid() -> None:
    last = date(2027, 3, 31)
    pool = Pool(last, (Area("A"),), (Auditor("p1", valid_until=last),), k=1)
    assert analyse(pool).verdict is Verdict.FEASIBLE
    assert analyse(replace(pool, as_of=date(2027, 4, 1))).verdict is Verdict.INFEASIBLE


def test_the_horizon_is_a_step_function_with_its_causes() -> None:
    duty = Exclusion("A", ExclusionKind.WORKS_IN, "transfer 5", Period(date(2027, 4, 1)))
    old = Exclusion("A", ExclusionKind.WORKS_IN, "duty 2", Period(date(2020, 4, 1), date(2026, 10, 1)))
    pool = Pool(
        DAY,
        (Area("A"),),
        (
            Auditor("p1", valid_until=date(2027, 9, 30), validity_fact="term 1"),
            Auditor("p2", exclusions=(duty,)),
            Auditor("p3", exclusions=(old,)),
            Auditor("p4", valid_from=date(2027, 6, 1)),
        ),
        look_back=6,
    )
    found = horizon(pool, training_days=100)
    # On 1 April p2 is lost to the transfer, and p3's old duty falls out of the look-back: the margin stays.
    assert [(step.first_day, step.margin) for step in found.steps] == [
        (DAY, 0),
        (date(2027, 6, 1), 1),
        (date(2027, 10, 1), 0),
    ]
    assert (found.until, found.first_negative, found.latest_start) == (date(2028, 11, 30), None, None)
    lost = replace(pool, auditors=pool.auditors[:3])
    found = horizon(lost, training_days=100)
    assert (found.first_negative, found.latest_start) == (date(2027, 10, 1), date(2027, 6, 23))
    assert [(each.kind, each.auditor, each.reference) for each in found.steps[-1].turns] == [
        (TurnKind.VALIDITY_OVER, "p1", "term 1")
    ]


def test_an_old_duty_falls_out_of_the_look_back_on_the_first_day_whose_window_begins_after_it() -> None:
    old = Exclusion("A", ExclusionKind.WORKS_IN, "duty 2", Period(date(2020, 4, 1), date(2026, 10, 1)))
    pool = Pool(
        DAY, (Area("A"),), (Auditor("p3", exclusions=(old,)),), k=1, look_back=6, audited_from=date(2026, 11, 1)
    )
    found = horizon(pool, training_days=0)
    assert found.first_negative == DAY
    (step,) = found.steps[1:]
    assert step.margin == 0
    assert [(each.kind, each.day) for each in step.turns] == [(TurnKind.EXCLUSION_OVER, step.first_day)]
    assert (
        pool.window(step.first_day).start
        >= date(2026, 10, 1)
        > pool.window(step.first_day.replace(day=step.first_day.day - 1)).start
    )


def test_months_are_counted_back_to_a_day_that_exists() -> None:
    assert months_before(date(2027, 3, 31), 1) == date(2027, 2, 28)
    assert months_before(date(2028, 3, 31), 1) == date(2028, 2, 29)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
    assert months_before(date(2026, 11, 30), -24) == date(2028, 11, 30)


# What if.


def margins(pool: Pool, change: Change) -> tuple[int, int]:
    both = compare(pool, change)
    return both.before.margin, both.after.margin


def test_what_if_somebody_is_lost_or_the_consultant_dropped() -> None:
    pool = spread((2, 2, 2, 1))
    assert margins(pool, Change(without=frozenset({"p30"}))) == (3, 2)
    consultant = replace(pool.auditors[0], is_consultant=True)
    with_consultant = replace(pool, auditors=(consultant, *pool.auditors[1:]))
    assert margins(with_consultant, Change(without_consultants=True)) == (3, 2)


def test_what_if_the_look_back_is_longer() -> None:
    old = Exclusion("A", ExclusionKind.WORKS_IN, "duty", Period(date(2020, 4, 1), date(2026, 4, 1)))
    pool = Pool(DAY, (Area("A"),), (Auditor("p1", exclusions=(old,)), Auditor("p2"), Auditor("p3")))
    assert margins(pool, Change(look_back=12)) == (1, 0)


def test_what_if_an_area_is_added() -> None:
    pool = spread((2, 2))
    exclusions = {"p00": excluded_from("C"), "p10": excluded_from("C"), "p11": excluded_from("C")}
    changed = what_if(pool, Change(added_areas=(Area("C"),), added_exclusions=exclusions))
    assert analyse(changed).binding_areas == ("C",)
    assert analyse(changed).margin == -1


def test_a_change_of_somebody_unknown_is_refused() -> None:
    with pytest.raises(PoolError) as refused:
        what_if(spread((2, 2)), Change(without=frozenset({"p9"})))
    assert (refused.value.code, refused.value.value) == (PoolProblemCode.UNKNOWN_PERSON, "p9")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"areas": ()}, PoolProblemCode.NO_AREA),
        ({"areas": tuple(Area(f"A{n}") for n in range(501))}, PoolProblemCode.TOO_MANY_AREAS),
        ({"auditors": tuple(Auditor(f"p{n}") for n in range(501))}, PoolProblemCode.TOO_MANY_AUDITORS),
        ({"candidates": tuple(Candidate(f"c{n}") for n in range(501))}, PoolProblemCode.TOO_MANY_CANDIDATES),
        ({"areas": (Area("A"), Area("A"))}, PoolProblemCode.DUPLICATE_ID),
        ({"candidates": (Candidate("p1"),)}, PoolProblemCode.DUPLICATE_ID),
        ({"auditors": (Auditor("p1", exclusions=excluded_from("Z")),)}, PoolProblemCode.UNKNOWN_AREA),
        ({"areas": (Area("A", skills=frozenset(map(str, range(21)))),)}, PoolProblemCode.TOO_MANY_SKILLS),
        ({"areas": (Area("A", Fraction(-1)),)}, PoolProblemCode.NEGATIVE),
        ({"candidates": (Candidate("c1", cost=Fraction(-1)),)}, PoolProblemCode.NEGATIVE),
        ({"k": 0}, PoolProblemCode.TEAM_TOO_SMALL),
        ({"leaders_per_team": 3}, PoolProblemCode.TOO_MANY_LEADERS),
        ({"train": -1}, PoolProblemCode.NEGATIVE),
    ],
)  # fmt: skip
def test_an_inconsistent_pool_is_refused(change: dict[str, object], code: PoolProblemCode) -> None:
    pool = Pool(DAY, (Area("A"),), (Auditor("p1"),))
    with pytest.raises(PoolError) as refused:
        replace(pool, **change)  # type: ignore[arg-type]
    assert refused.value.code is code


# The solver.


def test_a_program_says_when_it_has_no_solution_and_when_its_effort_is_spent() -> None:
    program = Program()
    flags = [program.flag() for _ in range(2)]
    program.at_least([(flag, 1) for flag in flags], 1)
    solution = program.solve_exactly([(flag, 1) for flag in flags])
    assert solution is not None
    assert (solution.objective, solution.bound, solution.is_proven) == (1, 1, True)
    program.exactly([(flag, 1) for flag in flags], 3)
    assert program.solve() is None
    with pytest.raises(EffortSpentError):
        pigeons(12).solve(effort=1e-6)


def pigeons(holes: int) -> Program:
    program = Program()
    places = [[program.flag() for _hole in range(holes)] for _pigeon in range(holes + 1)]
    for pigeon in places:
        program.at_least([(flag, 1) for flag in pigeon], 1)
    for hole in zip(*places, strict=True):
        program.at_most([(flag, 1) for flag in hole], 1)
    return program


def large_pool(areas: int, auditors: int) -> Pool:
    chance = Random(1)
    ids = [f"A{number:03}" for number in range(areas)]
    return Pool(
        DAY,
        tuple(Area(each, Fraction(chance.randint(2, 16), 2)) for each in ids),
        tuple(
            Auditor(f"p{number:03}", exclusions=excluded_from(*(each for each in ids if chance.random() < 0.1)))
            for number in range(auditors)
        ),
    )


def test_a_large_programme_is_balanced_within_two_percent_and_its_minimum_proven() -> None:
    analysis: Analysis = analyse(large_pool(200, 80))
    assert analysis.minimum_pool is not None
    assert analysis.minimum_pool.is_proven
    assert analysis.teams.largest_load <= analysis.teams.load_bound * Fraction(102, 100)


def test_what_an_area_asks_of_a_bench_is_kept_with_it() -> None:
    bench = Bench(Area("A"), (Auditor("p1"), Auditor("p2", may_lead=False)), k=2, leaders=2)
    assert (bench.spare, bench.has_team, bench.shortfall) == (-1, False, 1)
