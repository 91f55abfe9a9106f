"""Competence requirements 力量要件, the obligations that they give each person, and their state on a date.

A requirement says who must show what by when. Each person gets *obligations* from it: requirement x occasion, where an
occasion is a fiscal year or an event such as joining. The state of an obligation on a date is the first of nine that
fits; population = sum of the states, for any filter.

Source: ISO/IEC 27001 clauses 7.2 and 7.3; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from courses.calendar import FiscalYear, Period
from courses.people import PersonFacts, in_scope_during, joined_scope, left_scope_after


class Occasion(StrEnum):
    """What an obligation arises from."""

    FISCAL_YEAR = "fiscal_year"
    JOINING = "joining"


class State(StrEnum):
    """The nine states of an obligation, in the order in which they are tried."""

    COMPLETE = "complete"
    LATE_COMPLETE = "late_complete"
    EXEMPT = "exempt"
    ON_LEAVE = "on_leave"
    LEFT_BEFORE_DUE = "left_before_due"
    LAPSED = "lapsed"
    OVERDUE = "overdue"
    OPEN = "open"
    NOT_YET_DUE = "not_yet_due"


class RequirementError(ValueError):
    """A requirement contradicts itself."""

    def __init__(self, key: str, field: str) -> None:
        super().__init__(f"{key}: {field}")
        self.key = key
        self.field = field


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant: everyone in scope, narrowed by unit, category or employment (None: not narrowed)."""

    units: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    employments: frozenset[str] | None = None

    @property
    def is_everyone(self) -> bool:
        """Tell whether nothing is narrowed."""
        return self.units is None and self.categories is None and self.employments is None

    def meets(self, person: PersonFacts, period: Period) -> bool:
        """Tell whether the person is in scope and belongs to the audience on any one day of the period."""
        if self.is_everyone:
            return in_scope_during(person, period)
        # Three periods share a day exactly when each two of them do.
        return any(
            (self.units is None or affiliation.unit in self.units)
            and (self.categories is None or affiliation.category in self.categories)
            and (self.employments is None or affiliation.employment in self.employments)
            for affiliation in person.affiliations
            if affiliation.period.overlaps(period)
            and any(each.overlaps(period) and each.overlaps(affiliation.period) for each in person.scope)
        )


def _is_in_every_year(month: int, day: int) -> bool:
    try:
        date(2001, month, day)  # no leap year
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Requirement:
    """One approved version of a competence requirement."""

    key: str
    competence: str
    """What must be shown: the key of the module whose test is to be passed."""
    occasion: Occasion
    first_year: int
    """First fiscal year in which the requirement gives obligations."""
    last_year: int | None = None
    audience: Audience = Audience()
    opens: tuple[int, int] = (4, 1)
    """Month and day on which a fiscal-year obligation opens."""
    due: tuple[int, int] = (3, 31)
    """Month and day by which a fiscal-year obligation is due, that day included."""
    days_to_complete: int = 30
    """Days from joining to the due date of a joining obligation, the day of joining not counted."""
    days_after_leave: int = 30
    """Days from the return from leave within which a suspended obligation is due again."""
    valid_months: int | None = None
    """Months for which a completion holds; None: it is not time-limited within its occasion."""

    def __post_init__(self) -> None:
        """Refuse numbers and orders that make no sense."""
        if self.last_year is not None and self.last_year < self.first_year:
            raise RequirementError(self.key, "last_year")
        year = FiscalYear(self.first_year)
        for field, month_and_day in (("opens", self.opens), ("due", self.due)):
            if not _is_in_every_year(*month_and_day):
                raise RequirementError(self.key, field)
        if self.occasion is Occasion.FISCAL_YEAR and year.day(*self.due) < year.day(*self.opens):
            raise RequirementError(self.key, "due")
        if self.days_to_complete < 1:
            raise RequirementError(self.key, "days_to_complete")
        if self.days_after_leave < 0:
            raise RequirementError(self.key, "days_after_leave")
        if self.valid_months is not None and self.valid_months < 1:
            raise RequirementError(self.key, "valid_months")

    def holds_in(self, year: int) -> bool:
        """Tell whether the requirement gives obligations in a fiscal year."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one person must show on one occasion."""

    person_id: int
    requirement: Requirement
    occasion: str
    """``fiscal_year:2026`` or ``joining:2026-05-01``."""
    year: int
    """The fiscal year to which it belongs 対象年度: an event's obligation belongs to the year of its event."""
    opens_on: date
    due_on: date
    """Last day on which completing counts as in time."""
    counts_from: date
    """Evidence before this day does not count for it."""
    left_on: date | None = None
    """First day out of scope after the stay in which the obligation arose; None while the stay goes on."""

    @property
    def key(self) -> str:
        """Name of the obligation among the person's own: requirement and occasion."""
        return f"{self.requirement.key}/{self.occasion}"


@dataclass(frozen=True, slots=True)
class Exemption:
    """An approved exemption 免除 from one requirement; in force on the days of its period."""

    requirement_key: str
    period: Period
    record_id: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Evidence as crediting and status see it: what was shown, and on which JST date."""

    evidence_id: int
    competence: str
    completed_on: date


@dataclass(frozen=True, slots=True)
class Credit:
    """The evidence that meets an obligation, and what renewed it since."""

    completion: Completion
    renewals: tuple[Completion, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an obligation on a date, with what says so."""

    state: State
    due_on: date
    """The due date in force: later than the obligation's own where leave suspended it."""
    completion: Completion | None = None
    exemption: Exemption | None = None
    valid_until: date | None = None
    """First day on which the completion no longer holds, where it is time-limited."""


def obligations_of(person: PersonFacts, requirements: Sequence[Requirement], year: int) -> tuple[Obligation, ...]:
    """Return the person's obligations that belong to a fiscal year, in order of due date.

    In the year of joining, the obligation from joining replaces the annual one for the same competence.
    """
    fiscal_year = FiscalYear(year)
    period = fiscal_year.period
    stays = [start for start in joined_scope(person) if start < fiscal_year.end]
    obligations: list[Obligation] = []
    from_joining: set[str] = set()
    for requirement in requirements:
        if requirement.occasion is Occasion.JOINING and requirement.holds_in(year):
            for start in stays:
                if start in period and requirement.audience.meets(person, _stay_within(person, start, fiscal_year)):
                    obligations.append(_joining_obligation(person, requirement, start, fiscal_year))
                    from_joining.add(requirement.competence)
    for requirement in requirements:
        if (
            requirement.occasion is Occasion.FISCAL_YEAR
            and requirement.holds_in(year)
            and requirement.competence not in from_joining
        ):
            obligation = _annual_obligation(person, requirement, stays, fiscal_year)
            if obligation is not None:
                obligations.append(obligation)
    obligations.sort(key=lambda each: (each.due_on, each.requirement.key, each.occasion))
    return tuple(obligations)


def _stay_within(person: PersonFacts, start: date, year: FiscalYear) -> Period:
    left = left_scope_after(person, start)
    return Period(start, year.end if left is None else min(left, year.end))


def _joining_obligation(person: PersonFacts, requirement: Requirement, start: date, year: FiscalYear) -> Obligation:
    return Obligation(
        person_id=person.person_id,
        requirement=requirement,
        occasion=f"{Occasion.JOINING.value}:{start.isoformat()}",
        year=year.year,
        opens_on=start,
        due_on=start + timedelta(days=requirement.days_to_complete),
        counts_from=start,
        left_on=left_scope_after(person, start),
    )


def _annual_obligation(
    person: PersonFacts, requirement: Requirement, stays: Sequence[date], year: FiscalYear
) -> Obligation | None:
    stay = next(
        (
            (start, left)
            for start in reversed(stays)
            if (left := left_scope_after(person, start)) is None or left > year.start
        ),
        None,
    )
    if stay is None or not requirement.audience.meets(person, year.period):
        return None
    start, left = stay
    opens_on = max(year.day(*requirement.opens), start)
    due_on = year.day(*requirement.due)
    if start > due_on:  # came into scope after the year's due date: as long as a newcomer has
        due_on = start + timedelta(days=requirement.days_to_complete)
    return Obligation(
        person_id=person.person_id,
        requirement=requirement,
        occasion=f"{Occasion.FISCAL_YEAR.value}:{year.year}",
        year=year.year,
        opens_on=opens_on,
        due_on=due_on,
        counts_from=year.start,
        left_on=left,
    )


def credit(
    obligations: Iterable[Obligation],
    completions: Iterable[Completion],
    exemptions: Sequence[Exemption] = (),
    overrides: dict[int, str] | None = None,
) -> dict[str, Credit]:
    """Credit each piece of evidence to the earliest unmet obligation of its kind, for one person.

    Args:
        obligations: all of the person's obligations up to the year in question.
        completions: all of the person's passed evidence.
        exemptions: an obligation exempt on the day of the evidence does not take it.
        overrides: evidence id to obligation key, where the secretariat decided otherwise. What it decided is placed
            first, whatever its date; a key that no obligation of the competence has lets the evidence count for none.

    Returns:
        Credit by obligation key. Evidence for which no unmet obligation is left renews the latest credited one.
    """
    chosen = overrides or {}
    by_competence: dict[str, list[Obligation]] = {}
    for obligation in obligations:
        by_competence.setdefault(obligation.requirement.competence, []).append(obligation)
    for of_a_kind in by_competence.values():
        # By year first: obligations of later years then never change what an earlier year's register says.
        of_a_kind.sort(key=lambda each: (each.year, each.due_on, each.key))
    credited: dict[str, Credit] = {}
    for completion in sorted(
        completions, key=lambda each: (each.evidence_id not in chosen, each.completed_on, each.evidence_id)
    ):
        wanted = chosen.get(completion.evidence_id)
        candidates = [each for each in by_competence.get(completion.competence, ()) if wanted in (None, each.key)]
        target = next(
            (
                each
                for each in candidates
                if each.key not in credited and (wanted is not None or _takes(each, completion, exemptions))
            ),
            None,
        )
        if target is not None:
            credited[target.key] = Credit(completion)
        else:
            _renew(credited, candidates, completion)
    return credited


def _takes(obligation: Obligation, completion: Completion, exemptions: Sequence[Exemption]) -> bool:
    day = completion.completed_on
    if day < obligation.counts_from:
        return False
    if obligation.left_on is not None and day >= obligation.left_on:
        return False
    return not any(each.requirement_key == obligation.requirement.key and day in each.period for each in exemptions)


def _renew(credited: dict[str, Credit], candidates: Iterable[Obligation], completion: Completion) -> None:
    latest: Obligation | None = None
    for each in candidates:
        if each.key in credited and credited[each.key].completion.completed_on <= completion.completed_on:
            latest = each
    if latest is not None:
        held = credited[latest.key]
        credited[latest.key] = Credit(held.completion, (*held.renewals, completion))


def status_on(
    obligation: Obligation,
    as_of: date,
    credited: Credit | None,
    leave: Sequence[Period] = (),
    exemptions: Sequence[Exemption] = (),
) -> Status:
    """Return the state of an obligation at the end of a JST date: the first of the nine that fits.

    Evidence, exemptions and leave that begin after the date are not looked at.
    """
    due_on, is_on_leave = _due_with_leave(obligation, as_of, leave)
    completion = credited.completion if credited is not None and credited.completion.completed_on <= as_of else None
    valid_until = _valid_until(obligation.requirement, credited, as_of) if credited and completion else None
    if completion is not None and (valid_until is None or as_of < valid_until):
        # What leave suspends has no due date to miss: a test passed during leave is in time, before the return as after.
        is_in_time = is_on_leave or completion.completed_on <= due_on
        state = State.COMPLETE if is_in_time else State.LATE_COMPLETE
        return Status(state, due_on, completion, None, valid_until)
    exemption = next(
        (each for each in exemptions if _excuses(each, obligation.requirement, as_of)),
        None,
    )
    if exemption is not None:
        state = State.EXEMPT
    elif is_on_leave:
        state = State.ON_LEAVE
    else:
        state = _unmet_state(obligation, as_of, due_on, was_met=completion is not None)
    return Status(state, due_on, completion, exemption, valid_until)


def _excuses(exemption: Exemption, requirement: Requirement, day: date) -> bool:
    return exemption.requirement_key == requirement.key and day in exemption.period


def _unmet_state(obligation: Obligation, as_of: date, due_on: date, *, was_met: bool) -> State:
    if obligation.left_on is not None and obligation.left_on <= as_of and obligation.left_on <= due_on:
        return State.LEFT_BEFORE_DUE
    if was_met:
        return State.LAPSED
    if as_of > due_on:
        return State.OVERDUE
    return State.OPEN if as_of >= obligation.opens_on else State.NOT_YET_DUE


def _due_with_leave(obligation: Obligation, as_of: date, leave: Sequence[Period]) -> tuple[date, bool]:
    """Return the due date in force on a date, and whether leave suspends the obligation on it."""
    due_on, is_on_leave = obligation.due_on, False
    for absence in leave:
        if absence.start > as_of or absence.is_empty or (absence.start > due_on and not is_on_leave):
            continue
        if absence.end is None or absence.end > as_of:
            is_on_leave = True
        elif absence.end > obligation.opens_on:
            due_on = max(due_on, absence.end + timedelta(days=obligation.requirement.days_after_leave))
    return due_on, is_on_leave


def _valid_until(requirement: Requirement, credited: Credit, as_of: date) -> date | None:
    if requirement.valid_months is None:
        return None
    latest = credited.completion.completed_on
    for renewal in credited.renewals:
        if latest < renewal.completed_on <= as_of:
            latest = renewal.completed_on
    return add_months(latest, requirement.valid_months)


def add_months(day: date, months: int) -> date:
    """Return the same day some months later; the last day of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last_day))
