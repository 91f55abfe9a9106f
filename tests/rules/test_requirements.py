"""Obligations, crediting and the nine states, also against slow readings of the same rules, day by day.

The slow readings share no code with the rules: they look at every single day and try every assignment of evidence.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.calendar import FiscalYear, Period, UnknownFiscalYearError, add_months
from courses.crediting import Completion, Credit, Exemption, credit, status_on
from courses.obligations import Obligation, obligations_of
from courses.people import Affiliation, Category, ConcurrentPost, Employment, KnownPerson, RoleHeld, in_scope_during
from courses.requirements import Audience, Occasion, Requirement, RequirementError, State, TextVersion

ANNUAL = Requirement("core-annual", "core", Occasion.FISCAL_YEAR, 2025, due=(9, 30))
JOINING = Requirement("core-joining", "core", Occasion.JOINING, 2025)
YEARS = (2025, 2026, 2027)
ONE_DAY = timedelta(1)
HORIZON = date(2028, 6, 30)
"""Beyond every finite day that is drawn below; who is in scope on it stays."""
UNITS = ("network", "systems")
ROLES = ("internal_auditor", "secretariat")
PLEDGE = "pledge:confidentiality"
NEVER = date(1990, 1, 1)


def annual(year: int) -> str:
    return f"core-annual/fiscal_year:{year}"


def person(*scope: Period, leave: tuple[Period, ...] = (), affiliations: tuple[Affiliation, ...] = ()) -> KnownPerson:
    return KnownPerson(1, scope, affiliations, leave)


def belongs(unit: str, period: Period, category: str = Category.FACULTY) -> Affiliation:
    return Affiliation(period, unit, "助教", Employment.REGULAR, category)


def passed(number: int, day: date, competence: str = "core") -> Completion:
    return Completion(number, competence, day)


def credited_ids(found: dict[str, Credit]) -> dict[str, int]:
    return {key: each.completion.evidence_id for key, each in found.items()}


STAFF = person(Period(date(2020, 4, 1)))
OBLIGATION = obligations_of(STAFF, [ANNUAL], 2026)[0]
OF_THREE_YEARS = [each for year in YEARS for each in obligations_of(STAFF, [ANNUAL], year)]


# --- The random world ---------------------------------------------------------------------------------------------

BORDERS = [date(year, *rest) for year in (2025, 2026, 2027) for rest in ((4, 1), (6, 30), (9, 30))]
NEAR_THE_BORDERS = st.sampled_from(
    sorted(
        border + timedelta(offset)
        for border in [*BORDERS, date(2027, 12, 31), date(2028, 3, 31)]
        for offset in (-31, -30, -2, -1, 0, 1, 2, 29, 30, 31)
    )
)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(NEAR_THE_BORDERS)
    end = draw(st.none() | NEAR_THE_BORDERS)
    return Period(start) if end is None else Period(min(start, end), max(start, end))


def in_order(most: int) -> st.SearchStrategy[tuple[Period, ...]]:
    return st.lists(periods(), max_size=most).map(lambda found: tuple(sorted(found, key=lambda each: each.start)))


@st.composite
def people(draw: st.DrawFn) -> KnownPerson:
    affiliations = tuple(
        belongs(draw(st.sampled_from(UNITS)), each, draw(st.sampled_from(["faculty", "technical"])))
        for each in draw(in_order(2))
    )
    posts = tuple(ConcurrentPost(each, draw(st.sampled_from(UNITS)), "兼務") for each in draw(in_order(1)))
    roles = tuple(RoleHeld(each, draw(st.sampled_from(ROLES))) for each in draw(in_order(3)))
    return KnownPerson(draw(st.integers(1, 9)), draw(in_order(3)), affiliations, draw(in_order(3)), posts, roles)


AUDIENCES = st.sampled_from(
    [
        Audience(),
        Audience(),
        Audience(units=frozenset({"network"})),
        Audience(categories=frozenset({"technical"})),
        Audience(frozenset({"systems"}), frozenset({"faculty"}), frozenset({"regular"})),
    ]
)


TEXTS = st.lists(
    st.tuples(NEAR_THE_BORDERS, st.booleans(), st.sampled_from([1, 30])), max_size=3, unique_by=lambda each: each[0]
).map(
    lambda found: tuple(
        TextVersion(number, *each) for number, each in enumerate(sorted(found, key=lambda each: each[0]), 1)
    )
)


@st.composite
def requirement_lists(draw: st.DrawFn, audiences: st.SearchStrategy[Audience] = AUDIENCES) -> list[Requirement]:
    first_year = draw(st.sampled_from([2025, 2026]))
    texts = draw(TEXTS)
    found = []
    for number in range(draw(st.integers(1, 3))):
        occasion = draw(st.sampled_from(Occasion))
        competence = draw(st.sampled_from(["core", "core", "network", PLEDGE]))
        if occasion is Occasion.PLEDGE_TEXT:
            competence = PLEDGE
        audience = draw(audiences)
        if occasion is Occasion.ROLE:
            audience = replace(audience, roles=frozenset(draw(st.sampled_from([ROLES[:1], ROLES]))))
        found.append(
            Requirement(
                key=f"r{number}",
                competence=competence,
                occasion=occasion,
                first_year=first_year,
                last_year=draw(st.sampled_from([None, None, 2026])),
                audience=audience,
                opens=draw(st.sampled_from([(4, 1), (6, 1)])),
                due=draw(st.sampled_from([(6, 30), (9, 30), (3, 31)])),
                days_to_complete=draw(st.sampled_from([1, 30, 400])),
                days_after_leave=draw(st.sampled_from([0, 1, 30])),
                valid_months=draw(st.sampled_from([None, 1, 12])),
                equivalents=draw(st.sampled_from([None, None, frozenset({"own_test", "signature"})])),
                texts=texts if competence == PLEDGE else (),
            )
        )
    return found


@st.composite
def completions_of(draw: st.DrawFn) -> list[Completion]:
    found = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        competence = draw(st.sampled_from(["core", "core", "network", PLEDGE, PLEDGE]))
        day = draw(NEAR_THE_BORDERS)
        if competence == PLEDGE:
            version, ends_on = draw(st.sampled_from([1, 2, 3])), draw(st.none() | NEAR_THE_BORDERS)
            ends_on = None if ends_on is None else max(ends_on, day)
            found.append(Completion(number, competence, day, "signature", version, ends_on))
        else:
            found.append(Completion(number, competence, day, draw(st.sampled_from(["own_test", "face_to_face"]))))
    return found


COMPLETIONS = completions_of()
EXEMPTIONS = st.lists(st.builds(Exemption, st.sampled_from(["r0", "r1"]), periods()), max_size=2)


# --- The slow readings --------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def days_of(period: Period) -> frozenset[date]:
    last = period.end.toordinal() if period.end is not None else HORIZON.toordinal() + 1
    return frozenset(map(date.fromordinal, range(period.start.toordinal(), last)))


def days_within(found: Iterable[Period]) -> set[date]:
    return {day for each in found for day in days_of(each)}


def slow_stays(scope: set[date]) -> list[list[date]]:
    """Runs of days without a gap, in order."""
    runs: list[list[date]] = []
    for day in sorted(scope):
        if runs and runs[-1][-1] == day - ONE_DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def slow_audience(who: KnownPerson, audience: Audience, scope: set[date]) -> set[date]:
    """The days on which somebody is in scope and meant."""
    meant = set(scope)
    if (audience.units, audience.categories, audience.employments) != (None, None, None):
        belonging: set[date] = set()
        for each in who.affiliations:
            wanted = (audience.categories, each.category), (audience.employments, "regular")
            if all(names is None or name in names for names, name in wanted):
                days = days_within([each.period])
                if audience.units is not None and each.unit not in audience.units:
                    days &= days_within(post.period for post in who.concurrent_posts if post.unit in audience.units)
                belonging |= days
        meant &= belonging
    if audience.roles is not None:
        meant &= days_within(each.period for each in who.roles if each.isms_role in audience.roles)
    return meant


@dataclass(frozen=True)
class Owed:
    """An obligation as the slow reading finds it."""

    key: str
    year: int
    opens_on: date
    due_on: date
    counts_from: date
    left_on: date | None


def slow_version(rule: Requirement, day: date) -> int | None:
    return max((each.version for each in rule.texts if each.effective_on <= day), default=None)


class SlowYear:
    """What one person owes in one fiscal year, found by looking at every day of their lives."""

    def __init__(self, who: KnownPerson, requirements: Sequence[Requirement], year: int) -> None:
        self.who, self.year = who, year
        self.scope = days_within(who.scope)
        self.first, self.last = date(year, 4, 1), date(year + 1, 3, 31)
        self.stays = slow_stays(self.scope)
        self.owed: set[tuple[Owed, int | None]] = set()
        """Each with the least version of a text that meets it."""
        self.joined: set[tuple[str, date]] = set()
        alive = [each for each in requirements if each.first_year <= year <= (each.last_year or 9999)]
        for rule in sorted(alive, key=lambda each: each.occasion != "joining"):
            self.meant = slow_audience(who, rule.audience, self.scope)
            getattr(self, f"on_{rule.occasion}")(rule)

    def owe(self, rule: Requirement, occasion: str, opens: date, due: date, how: tuple[date, date | None]) -> None:
        owed = Owed(f"{rule.key}/{occasion}", self.year, opens, due, *how)
        self.owed.add((owed, slow_version(rule, opens)))

    def is_in_year(self, day: date) -> bool:
        return self.first <= day <= self.last

    def on_joining(self, rule: Requirement) -> None:
        for number, run in enumerate(self.stays):
            if self.is_in_year(run[0]) and any(day in self.meant for day in run if day <= self.last):
                counts = run[0]
                if rule.competence == PLEDGE:
                    counts = self.stays[number - 1][-1] + ONE_DAY if number else NEVER
                due = run[0] + timedelta(rule.days_to_complete)
                self.owe(rule, f"joining:{run[0]}", run[0], due, (counts, after(run)))
                self.joined.add((rule.competence, run[0]))

    def on_leaving(self, rule: Requirement) -> None:
        for run in self.stays:
            if run[-1] != HORIZON and self.is_in_year(run[-1]) and run[-1] in self.meant:
                opens = max(run[0], run[-1] - timedelta(rule.days_to_complete))
                self.owe(rule, f"leaving:{run[-1]}", opens, run[-1], (run[0], None))

    def on_fiscal_year(self, rule: Requirement) -> None:
        within = [
            run for run in self.stays if any(map(self.is_in_year, run)) and (rule.competence, run[0]) not in self.joined
        ]
        if not any(self.is_in_year(day) and day in self.meant for run in within for day in run):
            return
        opens, due = (
            date(self.year if month > 3 else self.year + 1, month, day) for month, day in (rule.opens, rule.due)
        )
        dues = {run[0]: due if run[0] <= due else run[0] + timedelta(rule.days_to_complete) for run in within}
        mine = next((run for run in within if dues[run[0]] in run), within[-1])
        how = self.first, after(within[-1])
        self.owe(rule, f"fiscal_year:{self.year}", max(opens, mine[0]), dues[mine[0]], how)

    def on_role(self, rule: Requirement) -> None:
        for role in rule.audience.roles or ():
            held = days_within(each.period for each in self.who.roles if each.isms_role == role)
            for term in slow_stays(held):
                both = slow_stays(set(term) & self.scope)
                if both and self.is_in_year(both[0][0]) and any(day in self.meant for day in both[0]):
                    start = both[0][0]
                    due = start + timedelta(rule.days_to_complete)
                    self.owe(rule, f"role:{role}:{term[0]}", start, due, (NEVER, after(both[0])))

    def on_pledge_text(self, rule: Requirement) -> None:
        for number, run in enumerate(self.stays):
            signs_as_newcomer = (rule.competence, run[0]) in self.joined
            for text in (each for each in rule.texts if each.is_to_be_resigned):
                was_away = number > 0 and self.stays[number - 1][-1] < text.effective_on < run[0]
                opens = None
                if text.effective_on in run and not (signs_as_newcomer and text.effective_on == run[0]):
                    opens = text.effective_on
                elif was_away and slow_version(rule, run[0]) == text.version and not signs_as_newcomer:
                    opens = run[0]
                if opens is not None and opens in self.meant and self.is_in_year(opens):
                    due = opens + timedelta(text.days_to_sign)
                    self.owe(rule, f"pledge_text:{text.version}:{opens}", opens, due, (NEVER, after(run)))


def after(run: list[date]) -> date | None:
    return None if run[-1] == HORIZON else run[-1] + ONE_DAY


def slow_credit(
    obligations: Sequence[Obligation],
    completions: Sequence[Completion],
    exemptions: Sequence[Exemption] = (),
    decided: dict[int, str] | None = None,
) -> dict[str, Credit]:
    """Try every assignment: the right one is the only one in which no evidence could have met an earlier obligation."""
    decided = decided or {}
    shared = [each for each in obligations if not is_exclusive(each)]
    obligations = [each for each in obligations if is_exclusive(each)]
    order = sorted(completions, key=lambda each: (each.evidence_id not in decided, each.completed_on, each.evidence_id))
    rank = {
        each.key: number for number, each in enumerate(sorted(obligations, key=lambda o: (o.year, o.due_on, o.key)))
    }
    takes = {each.evidence_id: {o.key for o in obligations if may_take(o, each, exemptions, decided)} for each in order}
    right = []
    for chosen in product(*([*takes[each.evidence_id], None] for each in order)):
        met = [key for key in chosen if key is not None]
        if len(set(met)) == len(met) and all(
            key in chosen[:number]
            for number, (each, mine) in enumerate(zip(order, chosen, strict=True))
            for key in takes[each.evidence_id]
            if mine is None or rank[key] < rank[mine]
        ):
            right.append(chosen)
    assert len(right) == 1
    found = {key: Credit(each) for each, key in zip(order, right[0], strict=True) if key is not None}
    for number, each in enumerate(order):
        if right[0][number] is None:
            held = [
                o
                for o in obligations
                if o.requirement.competence == each.competence
                and o.key in right[0][:number]
                and found[o.key].completion.completed_on <= each.completed_on
                and decided.get(each.evidence_id, o.key) == o.key
                and is_of_its_kind(o, each)
            ]
            lapsed = [o for o in held if not holds(o, found[o.key], each.completed_on)]
            if held:
                renewed = min((o.key for o in lapsed), key=rank.__getitem__, default="") or max(
                    (o.key for o in held), key=rank.__getitem__
                )
                found[renewed] = Credit(found[renewed].completion, (*found[renewed].renewals, each))
    for obligation in shared:
        fits = [
            each
            for each in sorted(completions, key=lambda each: (each.completed_on, each.evidence_id))
            if may_take(obligation, each, exemptions, decided)
            and (each.evidence_id in decided or holds(obligation, Credit(each), obligation.opens_on))
        ]
        if fits:
            found[obligation.key] = Credit(fits[0], tuple(fits[1:]))
    return found


def is_exclusive(obligation: Obligation) -> bool:
    """Tell whether evidence that meets the obligation is used up: that of a year, and that of a newcomer's test."""
    rule = obligation.requirement
    return rule.occasion == "fiscal_year" or (rule.occasion == "joining" and rule.competence != PLEDGE)


def holds(obligation: Obligation, held: Credit, day: date) -> bool:
    """Tell whether any of the evidence still holds on a day."""
    months = obligation.requirement.valid_months
    return any(
        (months is None or day < slow_months_later(each.completed_on, months))
        and (each.ends_on is None or day < each.ends_on)
        for each in (held.completion, *held.renewals)
    )


def is_of_its_kind(obligation: Obligation, completion: Completion) -> bool:
    kinds, least = obligation.requirement.equivalents, obligation.least_version
    return (kinds is None or completion.kind in kinds) and (least is None or (completion.version or 0) >= least)


def may_take(
    obligation: Obligation, completion: Completion, exemptions: Sequence[Exemption], decided: dict[int, str]
) -> bool:
    if obligation.requirement.competence != completion.competence:
        return False
    if completion.evidence_id in decided:
        return decided[completion.evidence_id] == obligation.key
    day = completion.completed_on
    exempt = days_within(each.period for each in exemptions if each.requirement_key == obligation.requirement.key)
    is_within = obligation.counts_from <= day < (obligation.left_on or date.max)
    return is_within and day not in exempt and is_of_its_kind(obligation, completion)


@lru_cache(maxsize=64)
def slow_due_dates(obligation: Obligation, leave: tuple[Period, ...]) -> dict[date, tuple[date, bool]]:
    """Walk day by day: leave that starts while the obligation runs suspends it; each return moves its due date."""
    found = {}
    due = obligation.due_on
    suspending: set[Period] = set()
    for day in sorted(days_of(Period(date(2025, 1, 1)))):
        for each in [each for each in suspending if each.end == day]:
            suspending.remove(each)
            if day > obligation.opens_on:
                due = max(due, day + timedelta(obligation.requirement.days_after_leave))
        if day <= due or suspending:
            suspending |= {each for each in leave if each.start == day != each.end}
        found[day] = due, bool(suspending)
    return found


def slow_state(
    obligation: Obligation, as_of: date, met: Credit | None, leave: Sequence[Period], exemptions: Sequence[Exemption]
) -> State:
    due_dates = slow_due_dates(obligation, tuple(leave))
    due, is_suspended = due_dates[as_of]
    seen = [met.completion, *met.renewals] if met is not None and met.completion.completed_on <= as_of else []
    seen = [each for each in seen if each.completed_on <= as_of]
    if seen and holds(obligation, Credit(seen[0], tuple(seen[1:])), as_of):
        # Judged on the day itself: what happens later makes nobody late.
        day = seen[0].completed_on
        due_then, was_suspended = due_dates[day]
        return State.COMPLETE if was_suspended or day <= due_then else State.LATE_COMPLETE
    if as_of in days_within(each.period for each in exemptions if each.requirement_key == obligation.requirement.key):
        return State.EXEMPT
    if is_suspended:
        return State.ON_LEAVE
    if obligation.left_on is not None and obligation.left_on <= min(as_of, due):
        return State.LEFT_BEFORE_DUE
    if seen:
        return State.LAPSED
    if as_of > due:
        return State.OVERDUE
    return State.NOT_YET_DUE if as_of < obligation.opens_on else State.OPEN


def slow_months_later(day: date, months: int) -> date:
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@settings(max_examples=60, deadline=None)
@given(people(), requirement_lists())
def test_obligations_are_those_that_a_day_by_day_reading_finds(
    who: KnownPerson, requirements: list[Requirement]
) -> None:
    for year in YEARS:
        found = obligations_of(who, requirements, year)
        owed = [(Owed(o.key, o.year, o.opens_on, o.due_on, o.counts_from, o.left_on), o.least_version) for o in found]
        assert len(set(owed)) == len(owed)
        assert set(owed) == SlowYear(who, requirements, year).owed
        assert [o.due_on for o in found] == sorted(o.due_on for o in found)


@settings(max_examples=80, deadline=None)
@given(st.data(), people(), requirement_lists(), COMPLETIONS, EXEMPTIONS)
def test_credit_is_the_only_assignment_in_which_nothing_meets_a_later_obligation_than_it_could(
    data: st.DataObject,
    who: KnownPerson,
    requirements: list[Requirement],
    completions: list[Completion],
    exemptions: list[Exemption],
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    keys = st.sampled_from(["nothing", *(each.key for each in owed)])
    ids = st.sampled_from([each.evidence_id for each in completions] or [0])
    decided = data.draw(st.dictionaries(ids, keys, max_size=2))
    assert credit(owed, completions, exemptions, decided) == slow_credit(owed, completions, exemptions, decided)


@settings(max_examples=80, deadline=None)
@given(people(), requirement_lists(), COMPLETIONS, EXEMPTIONS, st.lists(NEAR_THE_BORDERS, min_size=3, max_size=3))
def test_states_are_those_that_a_day_by_day_reading_finds(
    who: KnownPerson,
    requirements: list[Requirement],
    completions: list[Completion],
    exemptions: list[Exemption],
    days: list[date],
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    met = credit(owed, completions, exemptions)
    for obligation, as_of in product(owed, days):
        held = met.get(obligation.key)
        status = status_on(obligation, as_of, held, who.leave, exemptions)
        assert status.state is slow_state(obligation, as_of, held, who.leave, exemptions)
        assert status.due_on == slow_due_dates(obligation, who.leave)[as_of][0]


# --- The nine states and their order ------------------------------------------------------------------------------

RULE = replace(ANNUAL, opens=(6, 1), due=(9, 30))
VALID_A_MONTH = replace(RULE, valid_months=1)
EXEMPT_ALL_YEAR = Exemption("core-annual", FiscalYear(2026).period, 7)
ENDLESS_LEAVE = Period(date(2026, 5, 1))


@dataclass(frozen=True)
class Case:
    """One obligation, opening on 1 June and due on 30 September 2026, and all that is known of it."""

    as_of: date
    completed_on: date | None = None
    valid_months: int | None = None
    is_exempt: bool = False
    is_on_leave: bool = False
    left_on: date | None = None

    @property
    def state(self) -> State:
        who = person(Period(date(2020, 4, 1), self.left_on))
        obligation = obligations_of(who, [replace(RULE, valid_months=self.valid_months)], 2026)[0]
        held = None if self.completed_on is None else Credit(passed(1, self.completed_on))
        exemptions = [EXEMPT_ALL_YEAR] if self.is_exempt else []
        return status_on(obligation, self.as_of, held, [ENDLESS_LEAVE] if self.is_on_leave else [], exemptions).state

    def fitting(self) -> list[State]:
        """Every state whose own words fit, each read alone."""
        opens, due = date(2026, 6, 1), date(2026, 9, 30)
        is_shown = self.completed_on is not None and self.completed_on <= self.as_of
        months = self.valid_months
        until = date.max if months is None else slow_months_later(self.completed_on or due, months)
        is_in_time = self.is_on_leave or (self.completed_on or date.max) <= due
        fits = {
            State.COMPLETE: is_shown and self.as_of < until and is_in_time,
            State.LATE_COMPLETE: is_shown and self.as_of < until and not is_in_time,
            State.EXEMPT: self.is_exempt,
            State.ON_LEAVE: self.is_on_leave,
            State.LEFT_BEFORE_DUE: self.left_on is not None and self.left_on <= min(self.as_of, due),
            State.LAPSED: is_shown and self.as_of >= until,
            State.OVERDUE: self.as_of > due,
            State.OPEN: opens <= self.as_of <= due,
            State.NOT_YET_DUE: self.as_of < opens,
        }
        return [state for state, fit in fits.items() if fit]


CASES = [
    Case(*facts)
    for facts in product(
        [date(2026, 5, 20), date(2026, 8, 15), date(2026, 10, 15)],
        [None, date(2026, 4, 5), date(2026, 8, 10), date(2026, 10, 5)],
        [None, 1],
        [False, True],
        [False, True],
        [None, date(2026, 5, 15), date(2026, 8, 1), date(2026, 10, 1)],
    )
]
NEVER_TOGETHER = {
    # With evidence that holds: either in time or late. Late evidence is shown after the due date, and not on leave.
    frozenset(pair)
    for pair in (
        (State.COMPLETE, State.LATE_COMPLETE),
        (State.COMPLETE, State.LAPSED),
        (State.LATE_COMPLETE, State.LAPSED),
        (State.LATE_COMPLETE, State.ON_LEAVE),
        (State.LATE_COMPLETE, State.OPEN),
        (State.LATE_COMPLETE, State.NOT_YET_DUE),
        (State.OVERDUE, State.OPEN),
        (State.OVERDUE, State.NOT_YET_DUE),
        (State.OPEN, State.NOT_YET_DUE),
    )
}


def test_there_are_nine_states_in_the_order_of_the_design() -> None:
    assert [state.value for state in State] == [
        "complete",
        "late_complete",
        "exempt",
        "on_leave",
        "left_before_due",
        "lapsed",
        "overdue",
        "open",
        "not_yet_due",
    ]


@pytest.mark.parametrize(
    ("case", "state"),
    [
        (Case(date(2026, 9, 30), date(2026, 9, 30)), State.COMPLETE),
        (Case(date(2026, 4, 2), date(2026, 4, 2)), State.COMPLETE),
        (Case(date(2026, 10, 1), date(2026, 10, 1)), State.LATE_COMPLETE),
        (Case(date(2026, 4, 1), is_exempt=True), State.EXEMPT),
        (Case(date(2027, 3, 31), is_exempt=True), State.EXEMPT),
        (Case(date(2027, 4, 1), is_exempt=True), State.OVERDUE),
        (Case(date(2026, 5, 1), is_on_leave=True), State.ON_LEAVE),
        (Case(date(2026, 4, 30), is_on_leave=True), State.NOT_YET_DUE),
        (Case(date(2026, 9, 30), left_on=date(2026, 9, 30)), State.LEFT_BEFORE_DUE),
        (Case(date(2026, 9, 29), left_on=date(2026, 9, 30)), State.OPEN),
        (Case(date(2027, 1, 1), left_on=date(2026, 9, 30)), State.LEFT_BEFORE_DUE),
        (Case(date(2027, 1, 1), left_on=date(2026, 10, 1)), State.OVERDUE),
        (Case(date(2026, 9, 10), date(2026, 8, 10), 1), State.LAPSED),
        (Case(date(2026, 9, 9), date(2026, 8, 10), 1), State.COMPLETE),
        (Case(date(2026, 11, 9), date(2026, 10, 10), 1), State.LATE_COMPLETE),
        (Case(date(2026, 11, 10), date(2026, 10, 10), 1), State.LAPSED),
        (Case(date(2026, 10, 1)), State.OVERDUE),
        (Case(date(2026, 9, 30)), State.OPEN),
        (Case(date(2026, 6, 1)), State.OPEN),
        (Case(date(2026, 5, 31)), State.NOT_YET_DUE),
        (Case(date(2026, 8, 1), date(2026, 8, 2)), State.OPEN),
    ],
)
def test_each_state_is_reached_up_to_its_last_and_from_its_first_day(case: Case, state: State) -> None:
    assert case.state is state


@pytest.mark.parametrize(("one", "other"), list(combinations(State, 2)), ids=lambda state: state.value)
def test_of_two_states_that_fit_at_once_the_earlier_wins(one: State, other: State) -> None:
    both = [case for case in CASES if {one, other} <= set(case.fitting())]
    if frozenset((one, other)) in NEVER_TOGETHER:
        assert both == []
        return
    assert both
    assert {case.state for case in both if case.fitting()[0] is one} == {one}
    assert other not in {case.state for case in both}


def test_in_every_combination_of_facts_the_first_that_fits_is_the_state() -> None:
    assert [(case, case.state) for case in CASES if case.state is not case.fitting()[0]] == []
    assert {case.state for case in CASES} == set(State)


def test_a_status_names_the_records_that_say_so() -> None:
    obligation = obligations_of(STAFF, [VALID_A_MONTH], 2026)[0]
    held = Credit(passed(5, date(2026, 8, 31)))
    status = status_on(obligation, date(2026, 12, 1), held, [], [EXEMPT_ALL_YEAR])
    assert (status.state, status.exemption, status.completion) == (State.EXEMPT, EXEMPT_ALL_YEAR, held.completion)
    assert status.valid_until == date(2026, 9, 30)
    status = status_on(OBLIGATION, date(2026, 12, 1), held, [], [EXEMPT_ALL_YEAR])
    assert (status.state, status.exemption, status.completion) == (State.COMPLETE, None, held.completion)
    assert status.valid_until is None


def test_an_exemption_from_another_requirement_excuses_nothing() -> None:
    other = replace(EXEMPT_ALL_YEAR, requirement_key="core-joining")
    assert status_on(OBLIGATION, date(2026, 5, 1), None, [], [other]).state is State.OPEN


# --- Population ---------------------------------------------------------------------------------------------------

EVERYBODY = st.lists(people(), min_size=1, max_size=4).map(
    lambda found: [replace(each, person_id=number) for number, each in enumerate(found)]
)
FILTERS: list[Callable[[KnownPerson], bool]] = [
    lambda _: True,
    lambda who: any(each.unit == "network" for each in who.affiliations),
    lambda who: any(each.category == "technical" for each in who.affiliations),
    lambda who: bool(who.leave),
    lambda who: who.person_id % 2 == 0,
]


@settings(max_examples=60, deadline=None)
@given(EVERYBODY, requirement_lists(), COMPLETIONS, EXEMPTIONS, NEAR_THE_BORDERS)
def test_the_population_is_the_sum_of_the_states_for_any_filter(
    everybody: list[KnownPerson],
    requirements: list[Requirement],
    completions: list[Completion],
    exemptions: list[Exemption],
    as_of: date,
) -> None:
    for year, chosen in product(YEARS, FILTERS):
        population: set[tuple[int, str]] = set()
        states: Counter[State] = Counter()
        for who in filter(chosen, everybody):
            owed = [each for past in range(2025, year + 1) for each in obligations_of(who, requirements, past)]
            met = credit(owed, completions, exemptions)
            for each in (each for each in owed if each.year == year):
                population.add((who.person_id, each.key))
                states[status_on(each, as_of, met.get(each.key), who.leave, exemptions).state] += 1
        assert len(population) == sum(states.values()) == sum(states[state] for state in State)


@settings(max_examples=60, deadline=None)
@given(people(), requirement_lists(st.just(Audience())))
def test_everyone_in_scope_on_any_day_of_a_year_has_obligations_and_nobody_else_has(
    who: KnownPerson, requirements: list[Requirement]
) -> None:
    everybody = [*requirements, replace(ANNUAL, competence="policy")]
    for year in YEARS:
        has_some = bool(obligations_of(who, everybody, year))
        assert has_some == in_scope_during(who, FiscalYear(year).period)
        assert not obligations_of(who, requirements, 2024)


@pytest.mark.parametrize(
    ("scope", "years"),
    [
        (Period(date(2026, 3, 31), date(2026, 4, 1)), [2025]),
        (Period(date(2026, 4, 1), date(2026, 4, 2)), [2026]),
        (Period(date(2027, 3, 31), date(2027, 4, 1)), [2026]),
        (Period(date(2026, 3, 31), date(2027, 4, 2)), [2025, 2026, 2027]),
        (Period(date(2026, 4, 1), date(2026, 4, 1)), []),
    ],
)
def test_a_single_day_in_scope_is_enough_for_a_year(scope: Period, years: list[int]) -> None:
    assert [year for year in YEARS if obligations_of(person(scope), [ANNUAL], year)] == years


# --- Who is meant -------------------------------------------------------------------------------------------------

NETWORK = Audience(units=frozenset({"network"}))
FIRST_HALF, SECOND_HALF = Period(date(2026, 4, 1), date(2026, 10, 1)), Period(date(2026, 10, 1), date(2027, 4, 1))


def test_an_audience_is_everyone_only_when_nothing_is_narrowed() -> None:
    assert Audience().is_everyone
    for name in ("units", "categories", "employments"):
        assert not Audience(**{name: frozenset({"x"})}).is_everyone


@pytest.mark.parametrize(
    ("audience", "is_meant"),
    [
        (Audience(), True),
        (NETWORK, True),
        (Audience(units=frozenset({"systems"})), False),
        (Audience(units=frozenset()), False),
        (Audience(categories=frozenset({"faculty"})), True),
        (Audience(categories=frozenset({"technical"})), False),
        (Audience(employments=frozenset({"regular", "vendor"})), True),
        (Audience(employments=frozenset({"vendor"})), False),
        (Audience(frozenset({"network"}), frozenset({"faculty"}), frozenset({"vendor"})), False),
    ],
)
def test_all_that_narrows_an_audience_must_fit_one_affiliation(audience: Audience, is_meant: bool) -> None:
    who = person(Period(date(2026, 4, 1)), affiliations=(belongs("network", Period(date(2026, 4, 1))),))
    assert audience.meets(who, FiscalYear(2026).period) == is_meant
    assert bool(obligations_of(who, [replace(ANNUAL, audience=audience)], 2026)) == is_meant


def test_two_affiliations_that_fit_half_each_do_not_make_a_whole() -> None:
    halves = (belongs("network", FIRST_HALF, "technical"), belongs("systems", SECOND_HALF, "faculty"))
    who = person(Period(date(2026, 4, 1)), affiliations=halves)
    assert not Audience(frozenset({"network"}), frozenset({"faculty"})).meets(who, FiscalYear(2026).period)


def test_somebody_who_was_in_the_unit_for_part_of_the_year_is_meant() -> None:
    who = person(
        Period(date(2026, 4, 1)), affiliations=(belongs("network", FIRST_HALF), belongs("office", SECOND_HALF))
    )
    assert NETWORK.meets(who, FiscalYear(2026).period)
    assert not NETWORK.meets(who, SECOND_HALF)


def test_an_affiliation_outside_the_scope_makes_nobody_meant() -> None:
    who = person(FIRST_HALF, affiliations=(belongs("office", FIRST_HALF), belongs("network", SECOND_HALF)))
    assert not NETWORK.meets(who, FiscalYear(2026).period)
    assert not Audience().meets(who, SECOND_HALF)
    assert obligations_of(who, [replace(ANNUAL, audience=NETWORK)], 2026) == ()


def test_each_of_two_joinings_in_a_year_is_judged_by_its_own_stay() -> None:
    early, late = Period(date(2026, 4, 1), date(2026, 6, 1)), Period(date(2026, 10, 1), None)
    who = person(early, late, affiliations=(belongs("office", early), belongs("network", late)))
    found = obligations_of(who, [replace(JOINING, audience=NETWORK)], 2026)
    assert [each.occasion for each in found] == ["joining:2026-10-01"]


# --- Joining and leaving ------------------------------------------------------------------------------------------


def test_the_obligation_from_joining_replaces_the_annual_one_in_the_joining_year_only() -> None:
    who = person(Period(date(2026, 5, 1)))
    found = {year: [each.key for each in obligations_of(who, [ANNUAL, JOINING], year)] for year in YEARS}
    assert found == {2025: [], 2026: ["core-joining/joining:2026-05-01"], 2027: [annual(2027)]}


@pytest.mark.parametrize(
    "joining",
    [
        replace(JOINING, competence="network"),
        replace(JOINING, audience=NETWORK),
        replace(JOINING, first_year=2027),
        replace(JOINING, last_year=2025),
    ],
)
def test_a_joining_requirement_that_does_not_bind_the_newcomer_replaces_nothing(joining: Requirement) -> None:
    found = obligations_of(person(Period(date(2026, 5, 1))), [ANNUAL, joining], 2026)
    assert annual(2026) in [each.key for each in found]


@pytest.mark.parametrize(("joined", "year"), [(date(2027, 3, 31), 2026), (date(2027, 4, 1), 2027)])
def test_an_obligation_from_joining_belongs_to_the_year_of_joining_even_when_due_in_the_next(
    joined: date, year: int
) -> None:
    found = [each for each_year in YEARS for each in obligations_of(person(Period(joined)), [JOINING], each_year)]
    assert [(each.year, each.opens_on, each.counts_from) for each in found] == [(year, joined, joined)]
    assert found[0].due_on == joined + timedelta(30)


def test_a_re_entry_after_a_gap_is_a_new_joining_and_a_touching_membership_is_not() -> None:
    first = Period(date(2026, 4, 10), date(2026, 6, 1))
    touching = person(first, Period(date(2026, 6, 1)))
    after_a_gap = person(first, Period(date(2026, 6, 2)))
    assert [each.opens_on for each in obligations_of(touching, [JOINING], 2026)] == [date(2026, 4, 10)]
    found = obligations_of(after_a_gap, [ANNUAL, JOINING], 2026)
    assert [(each.opens_on, each.left_on) for each in found] == [
        (date(2026, 4, 10), date(2026, 6, 1)),
        (date(2026, 6, 2), None),
    ]


@pytest.mark.parametrize(
    ("joined", "opens", "due"),
    [
        (date(2020, 4, 1), date(2026, 6, 1), date(2026, 9, 30)),
        (date(2026, 6, 1), date(2026, 6, 1), date(2026, 9, 30)),
        (date(2026, 9, 30), date(2026, 9, 30), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 10, 1), date(2026, 10, 31)),
        (date(2027, 3, 31), date(2027, 3, 31), date(2027, 4, 30)),
    ],
)
def test_somebody_new_after_the_due_date_has_as_long_as_a_newcomer(joined: date, opens: date, due: date) -> None:
    obligation = obligations_of(person(Period(joined)), [RULE], 2026)[0]
    assert (obligation.opens_on, obligation.due_on, obligation.year) == (opens, due, 2026)
    assert obligation.counts_from == date(2026, 4, 1)


def test_where_nothing_is_asked_on_joining_the_annual_obligation_follows_the_latest_stay_of_the_year() -> None:
    who = person(Period(date(2020, 4, 1), date(2026, 5, 1)), Period(date(2026, 8, 1), date(2026, 9, 1)))
    obligation = obligations_of(who, [RULE], 2026)[0]
    assert (obligation.opens_on, obligation.due_on) == (date(2026, 8, 1), date(2026, 9, 30))
    assert obligation.left_on == date(2026, 9, 1)


def test_a_requirement_gives_obligations_from_its_first_to_its_last_year() -> None:
    rule = replace(ANNUAL, first_year=2026, last_year=2026)
    assert [year for year in YEARS if obligations_of(STAFF, [rule], year)] == [2026]
    assert [year for year in YEARS if rule.holds_in(year)] == [2026]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"last_year": 2024}, "last_year"),
        ({"opens": (10, 1)}, "due"),
        ({"opens": (4, 1), "due": (3, 32)}, "due"),
        ({"due": (2, 29)}, "due"),
        ({"opens": (13, 1)}, "opens"),
        ({"opens": (0, 0)}, "opens"),
        ({"days_to_complete": 0}, "days_to_complete"),
        ({"days_after_leave": -1}, "days_after_leave"),
        ({"valid_months": 0}, "valid_months"),
    ],
)
def test_a_requirement_that_makes_no_sense_is_refused_with_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(RequirementError) as caught:
        replace(ANNUAL, **change)  # type: ignore[arg-type]
    assert (caught.value.key, caught.value.field) == ("core-annual", field)


def test_a_requirement_may_be_due_on_its_opening_day_and_in_its_only_year() -> None:
    rule = replace(ANNUAL, opens=(9, 30), due=(9, 30), last_year=2025, days_after_leave=0, valid_months=1)
    assert obligations_of(STAFF, [rule], 2025)[0].opens_on == date(2025, 9, 30)
    assert replace(JOINING, opens=(10, 1), due=(9, 30)).occasion is Occasion.JOINING


def test_a_requirement_cannot_start_in_a_year_that_the_tool_does_not_keep() -> None:
    with pytest.raises(UnknownFiscalYearError):
        replace(ANNUAL, first_year=1989)


# --- Crediting ----------------------------------------------------------------------------------------------------


def test_last_years_late_test_taken_in_april_does_not_also_satisfy_this_year() -> None:
    late = passed(1, date(2026, 4, 10))
    met = credit(OF_THREE_YEARS[:2], [late])
    assert credited_ids(met) == {annual(2025): 1}
    last, this = OF_THREE_YEARS[:2]
    assert status_on(last, date(2026, 4, 10), met.get(last.key)).state is State.LATE_COMPLETE
    assert status_on(this, date(2026, 4, 10), met.get(this.key)).state is State.OPEN


def test_a_second_test_in_april_satisfies_this_year() -> None:
    met = credit(OF_THREE_YEARS, [passed(1, date(2026, 4, 10)), passed(2, date(2026, 4, 11))])
    assert credited_ids(met) == {annual(2025): 1, annual(2026): 2}


def test_a_further_test_in_the_same_year_renews_and_does_not_reach_ahead() -> None:
    extra = [passed(number, date(2026, 5, number)) for number in (1, 2, 3)]
    met = credit(OF_THREE_YEARS[1:], extra)
    assert met == {annual(2026): Credit(extra[0], (extra[1], extra[2]))}


def test_the_secretariat_may_credit_the_april_test_to_this_year() -> None:
    evidence = [passed(1, date(2026, 4, 10)), passed(2, date(2026, 4, 20))]
    assert credited_ids(credit(OF_THREE_YEARS, evidence, overrides={1: annual(2026)})) == {
        annual(2026): 1,
        annual(2025): 2,
    }


def test_what_the_secretariat_decided_comes_before_what_the_rule_would_do() -> None:
    evidence = [passed(1, date(2026, 4, 10)), passed(2, date(2026, 4, 20))]
    assert credited_ids(credit(OF_THREE_YEARS, evidence, overrides={2: annual(2025)})) == {
        annual(2025): 2,
        annual(2026): 1,
    }


def test_two_pieces_decided_for_one_obligation_make_a_credit_and_a_renewal() -> None:
    evidence = [passed(1, date(2026, 4, 10)), passed(2, date(2026, 4, 20))]
    met = credit(OF_THREE_YEARS, evidence, overrides={1: annual(2026), 2: annual(2026)})
    assert met == {annual(2026): Credit(evidence[0], (evidence[1],))}


def test_evidence_from_before_the_credited_one_renews_nothing() -> None:
    evidence = [passed(1, date(2026, 4, 10)), passed(2, date(2026, 4, 20))]
    met = credit([OBLIGATION], evidence, overrides={2: annual(2026)})
    assert met == {annual(2026): Credit(evidence[1])}


@pytest.mark.parametrize("wanted", ["network-annual/fiscal_year:2026", ""])
def test_evidence_decided_for_no_obligation_of_its_competence_counts_for_none(wanted: str) -> None:
    network = obligations_of(STAFF, [replace(ANNUAL, key="network-annual", competence="network")], 2026)
    assert credit([*OF_THREE_YEARS, *network], [passed(1, date(2026, 4, 10))], overrides={1: wanted}) == {}


def test_a_decision_may_credit_what_the_rule_would_not() -> None:
    evidence = passed(1, date(2025, 3, 31))
    assert credit(OF_THREE_YEARS, [evidence]) == {}
    assert credited_ids(credit(OF_THREE_YEARS, [evidence], overrides={1: annual(2025)})) == {annual(2025): 1}


def test_evidence_of_another_competence_or_from_before_counts_for_nothing() -> None:
    assert credit([OBLIGATION], [passed(1, date(2026, 5, 1), "network"), passed(2, date(2026, 3, 31))]) == {}
    assert credited_ids(credit([OBLIGATION], [passed(3, date(2026, 4, 1))])) == {annual(2026): 3}


@pytest.mark.parametrize(("day", "is_credited"), [(date(2026, 5, 31), True), (date(2026, 6, 1), False)])
def test_evidence_counts_up_to_the_last_day_in_scope(day: date, is_credited: bool) -> None:
    owed = obligations_of(person(Period(date(2020, 4, 1), date(2026, 6, 1))), [ANNUAL], 2026)
    assert bool(credit(owed, [passed(1, day)])) == is_credited


def test_a_test_before_the_day_of_joining_does_not_meet_the_obligation_from_joining() -> None:
    owed = obligations_of(person(Period(date(2026, 5, 1))), [JOINING], 2026)
    assert credit(owed, [passed(1, date(2026, 4, 30))]) == {}
    assert credited_ids(credit(owed, [passed(1, date(2026, 5, 1))])) == {owed[0].key: 1}


def test_while_one_obligation_is_exempt_evidence_goes_to_the_next() -> None:
    other = replace(ANNUAL, key="core-again", due=(12, 31))
    owed = obligations_of(STAFF, [ANNUAL, other], 2026)
    evidence = passed(1, date(2026, 5, 1))
    assert credited_ids(credit(owed, [evidence])) == {annual(2026): 1}
    assert credited_ids(credit(owed, [evidence], [EXEMPT_ALL_YEAR])) == {"core-again/fiscal_year:2026": 1}


def test_an_obligation_of_an_earlier_year_comes_first_even_when_due_later() -> None:
    early = replace(ANNUAL, due=(4, 10))
    who = person(Period(date(2027, 3, 20)))
    owed = [each for year in YEARS for each in obligations_of(who, [early, JOINING], year)]
    assert [(each.year, each.due_on) for each in owed] == [(2026, date(2027, 4, 19)), (2027, date(2027, 4, 10))]
    assert credited_ids(credit(owed, [passed(1, date(2027, 4, 5))])) == {"core-joining/joining:2027-03-20": 1}


@settings(max_examples=60, deadline=None)
@given(people(), requirement_lists(), COMPLETIONS, EXEMPTIONS)
def test_one_piece_of_evidence_is_used_once_and_later_years_change_nothing_in_earlier_ones(
    who: KnownPerson, requirements: list[Requirement], completions: list[Completion], exemptions: list[Exemption]
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    met = credit(owed, completions, exemptions)
    for_itself = [met[each.key] for each in owed if each.key in met and is_exclusive(each)]
    used = [each.evidence_id for held in for_itself for each in (held.completion, *held.renewals)]
    assert len(set(used)) == len(used)
    until = [each for each in owed if each.year <= 2026]
    earlier = {each.key for each in until}
    assert credited_ids(credit(until, completions, exemptions)) == {
        key: number for key, number in credited_ids(met).items() if key in earlier
    }


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), people(), requirement_lists(), COMPLETIONS, EXEMPTIONS)
def test_crediting_does_not_depend_on_the_order_in_which_anything_is_given(
    random: Random,
    who: KnownPerson,
    requirements: list[Requirement],
    completions: list[Completion],
    exemptions: list[Exemption],
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    expected = credit(owed, completions, exemptions)
    shuffled = [random.sample(each, len(each)) for each in (requirements, completions, exemptions)]
    again = [each for year in reversed(YEARS) for each in obligations_of(who, shuffled[0], year)]
    assert sorted(each.key for each in again) == sorted(each.key for each in owed)
    assert credit(random.sample(again, len(again)), shuffled[1], shuffled[2]) == expected
    assert credit(iter(owed), iter(completions), exemptions) == expected


# --- Leave --------------------------------------------------------------------------------------------------------


def leave(*pairs: tuple[str, str | None]) -> list[Period]:
    return [Period(date.fromisoformat(start), end and date.fromisoformat(end)) for start, end in pairs]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("absences", "as_of", "due", "state"),
    [
        (leave(), "2026-10-01", "2026-09-30", State.OVERDUE),
        (leave(("2026-08-01", "2026-12-01")), "2026-07-31", "2026-09-30", State.OPEN),
        (leave(("2026-08-01", "2026-12-01")), "2026-08-01", "2026-09-30", State.ON_LEAVE),
        (leave(("2026-08-01", "2026-12-01")), "2026-11-30", "2026-09-30", State.ON_LEAVE),
        (leave(("2026-08-01", "2026-12-01")), "2026-12-01", "2026-12-31", State.OPEN),
        (leave(("2026-08-01", "2026-12-01")), "2027-01-01", "2026-12-31", State.OVERDUE),
        (leave(("2026-08-01", None)), "2031-01-01", "2026-09-30", State.ON_LEAVE),
        # From the due date itself on it still suspends; from the day after it no longer does.
        (leave(("2026-09-30", "2026-12-01")), "2026-10-15", "2026-09-30", State.ON_LEAVE),
        (leave(("2026-10-01", "2026-12-01")), "2026-10-15", "2026-09-30", State.OVERDUE),
        # Leave never makes a due date earlier.
        (leave(("2026-05-01", "2026-05-02")), "2026-06-15", "2026-09-30", State.OPEN),
        # Leave that was over when the obligation opened moves nothing.
        (leave(("2025-12-01", "2026-04-01")), "2026-10-15", "2026-09-30", State.OVERDUE),
        (leave(("2026-05-01", "2026-05-01")), "2026-05-01", "2026-09-30", State.OPEN),
        (leave(("2026-09-20", "2026-09-20")), "2026-10-01", "2026-09-30", State.OVERDUE),
        # A second leave within the days after the first one suspends again.
        (leave(("2026-08-01", "2026-12-01"), ("2026-12-31", "2027-02-01")), "2027-01-05", "2026-12-31", State.ON_LEAVE),
        (leave(("2026-08-01", "2026-12-01"), ("2026-12-31", "2027-02-01")), "2027-03-03", "2027-03-03", State.OPEN),
        (leave(("2026-08-01", "2026-12-01"), ("2027-01-01", "2027-02-01")), "2027-01-05", "2026-12-31", State.OVERDUE),
        # One leave within another, two that start together, and two that touch.
        (leave(("2026-08-01", "2027-01-01"), ("2026-09-01", "2026-10-01")), "2026-11-01", "2026-10-31", State.ON_LEAVE),
        (leave(("2026-08-01", None), ("2026-11-01", "2026-11-20")), "2026-12-01", "2026-12-20", State.ON_LEAVE),
        (leave(("2026-08-01", None), ("2026-08-01", "2026-10-01")), "2026-11-01", "2026-10-31", State.ON_LEAVE),
        (leave(("2026-08-01", "2026-10-01"), ("2026-08-01", None)), "2026-11-01", "2026-10-31", State.ON_LEAVE),
        (leave(("2026-08-01", "2026-10-01"), ("2026-10-01", "2026-11-01")), "2026-10-01", "2026-10-31", State.ON_LEAVE),
    ],
)
def test_leave_suspends_an_obligation_and_it_is_due_again_some_days_after_the_return(
    absences: list[Period], as_of: str, due: str, state: State
) -> None:
    status = status_on(OBLIGATION, date.fromisoformat(as_of), None, absences)
    assert (status.due_on, status.state) == (date.fromisoformat(due), state)


@pytest.mark.parametrize("as_of", ["2026-10-10", "2026-11-30", "2026-12-01", "2027-03-01"])
def test_a_test_passed_during_leave_is_in_time_before_the_return_as_after(as_of: str) -> None:
    held = Credit(passed(1, date(2026, 10, 10)))
    absences = leave(("2026-08-01", "2026-12-01"))
    assert status_on(OBLIGATION, date.fromisoformat(as_of), held, absences).state is State.COMPLETE


@pytest.mark.parametrize(("day", "state"), [("2026-12-31", State.COMPLETE), ("2027-01-01", State.LATE_COMPLETE)])
def test_after_leave_a_test_is_in_time_up_to_the_moved_due_date(day: str, state: State) -> None:
    held = Credit(passed(1, date.fromisoformat(day)))
    absences = leave(("2026-08-01", "2026-12-01"))
    assert status_on(OBLIGATION, date(2027, 2, 1), held, absences).state is state


@pytest.mark.parametrize(("returned", "due"), [("2026-04-01", "2026-04-10"), ("2026-04-02", "2026-05-02")])
def test_only_a_return_after_the_opening_day_moves_the_due_date(returned: str, due: str) -> None:
    obligation = obligations_of(STAFF, [replace(ANNUAL, due=(4, 10))], 2026)[0]
    status = status_on(obligation, date(2026, 6, 1), None, leave(("2025-12-01", returned)))
    assert status.due_on == date.fromisoformat(due)


def test_somebody_who_leaves_between_the_first_and_the_moved_due_date_left_before_due() -> None:
    who = person(Period(date(2020, 4, 1), date(2026, 12, 15)))
    obligation = obligations_of(who, [ANNUAL], 2026)[0]
    absences = leave(("2026-08-01", "2026-12-01"))
    assert status_on(obligation, date(2027, 2, 1), None, absences).state is State.LEFT_BEFORE_DUE
    assert status_on(obligation, date(2027, 2, 1), None).state is State.OVERDUE


# --- Validity -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("renewed", "as_of", "until", "state"),
    [
        ([], "2027-05-09", "2027-05-10", State.COMPLETE),
        ([], "2027-05-10", "2027-05-10", State.LAPSED),
        (["2027-02-01"], "2027-01-31", "2027-05-10", State.COMPLETE),
        (["2027-02-01"], "2028-01-31", "2028-02-01", State.COMPLETE),
        (["2027-02-01"], "2028-02-01", "2028-02-01", State.LAPSED),
        (["2027-02-01", "2027-01-01"], "2028-01-31", "2028-02-01", State.COMPLETE),
        # A renewal after the end: lapsed in between, complete from then on.
        (["2027-06-01"], "2027-05-31", "2027-05-10", State.LAPSED),
        (["2027-06-01"], "2027-06-01", "2028-06-01", State.COMPLETE),
    ],
)
def test_a_completion_holds_until_its_validity_ends_unrenewed(
    renewed: list[str], as_of: str, until: str, state: State
) -> None:
    obligation = replace(OBLIGATION, requirement=replace(ANNUAL, valid_months=12))
    renewals = tuple(passed(number, date.fromisoformat(day)) for number, day in enumerate(renewed, 2))
    held = Credit(passed(1, date(2026, 5, 10)), renewals)
    status = status_on(obligation, date.fromisoformat(as_of), held)
    assert (status.valid_until, status.state) == (date.fromisoformat(until), state)


def test_a_late_completion_stays_late_when_it_is_renewed() -> None:
    obligation = replace(OBLIGATION, requirement=replace(ANNUAL, valid_months=12))
    held = Credit(passed(1, date(2026, 10, 10)), (passed(2, date(2027, 2, 1)),))
    assert status_on(obligation, date(2027, 12, 1), held).state is State.LATE_COMPLETE


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
        (date(2026, 10, 31), 1, date(2026, 11, 30)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 3, 31), 36, date(2029, 3, 31)),
        (date(2026, 4, 1), 0, date(2026, 4, 1)),
    ],
)
def test_months_end_with_the_month(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.integers(0, 120))
def test_months_are_counted_one_by_one(day: date, months: int) -> None:
    assert add_months(day, months) == slow_months_later(day, months)


# --- As of a date -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(people(), requirement_lists(), COMPLETIONS, EXEMPTIONS, NEAR_THE_BORDERS)
def test_nothing_that_begins_after_the_date_matters_on_it(
    who: KnownPerson,
    requirements: list[Requirement],
    completions: list[Completion],
    exemptions: list[Exemption],
    as_of: date,
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    met = credit(owed, completions, exemptions)
    so_far = [each for each in exemptions if each.period.start <= as_of]
    met_so_far = credit(owed, [each for each in completions if each.completed_on <= as_of], so_far)
    leave_so_far = [each for each in who.leave if each.start <= as_of]
    for each in owed:
        assert status_on(each, as_of, met.get(each.key), who.leave, exemptions) == status_on(
            each, as_of, met_so_far.get(each.key), leave_so_far, so_far
        )


@settings(max_examples=60, deadline=None)
@given(people(), requirement_lists(), COMPLETIONS)
def test_complete_and_late_never_turn_into_each_other_and_due_dates_only_move_on(
    who: KnownPerson, requirements: list[Requirement], completions: list[Completion]
) -> None:
    owed = [each for year in YEARS for each in obligations_of(who, requirements, year)]
    met = credit(owed, completions)
    days = [date(2025, 1, 1) + timedelta(number) for number in range(0, 1500, 15)]
    for each in owed:
        found = [status_on(each, day, met.get(each.key), who.leave) for day in days]
        assert len({status.state for status in found} & {State.COMPLETE, State.LATE_COMPLETE}) <= 1
        assert [status.due_on for status in found] == sorted(status.due_on for status in found)
