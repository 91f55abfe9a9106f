"""Obligations: what each person must show on each occasion that a requirement names.

Each person gets *obligations* from a requirement: requirement x occasion, where an occasion is a fiscal year or an event:
joining, appointment to a role, a new text of a pledge, leaving. An event's obligation belongs to the year of its event.

Source: ISO/IEC 27001 clauses 7.2 and 7.3; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from courses.calendar import FiscalYear, Period
from courses.people import FIRST_DAY, PersonFacts, merged, stays_of
from courses.requirements import Occasion, Requirement


@dataclass(frozen=True, slots=True)
class Obligation:
    """What somebody must show on one occasion; equal for all whose facts are."""

    requirement: Requirement
    occasion: str
    """``fiscal_year:2026``, ``joining:2026-05-01``, ``role:internal_auditor:2026-05-01`` (its first day),
    ``pledge_text:2:2026-05-01`` (version, opening day) or ``leaving:2026-09-30`` (last day)."""
    year: int
    """The fiscal year to which it belongs 対象年度: an event's obligation belongs to the year of its event."""
    opens_on: date
    due_on: date
    """Last day on which completing counts as in time."""
    counts_from: date
    """Evidence before this day does not count for it."""
    left_on: date | None = None
    """First day out of scope, or without the role, after the stay in which the obligation arose; None while it goes on.
    An obligation on leaving outlasts the stay and has none."""
    least_version: int | None = None
    """Of a pledge: the version in force when it opened; an earlier one does not meet it. None: any does."""

    key: str = field(init=False)
    """Name of the obligation among the person's own: requirement and occasion."""

    def __post_init__(self) -> None:
        """Name the obligation."""
        object.__setattr__(self, "key", f"{self.requirement.key}/{self.occasion}")


class _World(NamedTuple):
    """What the obligations of one person from one requirement in one fiscal year depend on, beside the two."""

    stays: Sequence[Period]
    """The person's unbroken stays in scope that began before the year's end."""
    year: FiscalYear
    joined: Collection[date]
    """Starts of the stays that gave an obligation from joining for the same competence."""


def obligations_of(person: PersonFacts, requirements: Sequence[Requirement], year: int) -> tuple[Obligation, ...]:
    """Return the person's obligations that belong to a fiscal year, in order of due date.

    For a stay that began in the year, the obligation from joining replaces the annual one for the same competence.
    """
    return RequirementsInYear(requirements, year).obligations_of(person)


class RequirementsInYear:
    """The requirements of a fiscal year, prepared once for everybody's obligations.

    Who is in scope from before the year until further notice has, from a requirement of each year and from a new text
    of a pledge, the same obligation as everybody else who is: it is made once.
    """

    def __init__(self, requirements: Sequence[Requirement], year: int) -> None:
        """Prepare those that give obligations in the year."""
        self.year = FiscalYear(year)
        asked = [each for each in requirements if each.holds_in(year)]
        self._on_joining = [each for each in asked if each.occasion is Occasion.JOINING]
        self._others = [each for each in asked if each.occasion is not Occasion.JOINING]
        self._has_roles = any(each.occasion is Occasion.ROLE for each in self._others)
        self._throughout = sorted(
            (found for each in asked for found in _throughout(each, self.year)), key=lambda found: _order(found[0])
        )
        self.shared = tuple(obligation for obligation, _ in self._throughout)
        """The obligations of whoever is in scope from before the year until further notice and belongs to the audience."""
        self._is_for_everyone = all(days is None for _, days in self._throughout)

    def obligations_of(self, person: PersonFacts) -> tuple[Obligation, ...]:
        """Return the person's obligations that belong to the year, in order of due date."""
        stays = [stay for stay in stays_of(person) if stay.start < self.year.end]
        if not self._is_untouched(person, stays):
            return self._one_by_one(person, stays)
        if self._is_for_everyone:
            return self.shared
        return tuple(
            each for each, days in self._throughout if days is None or each.requirement.audience.meets(person, days)
        )

    def _is_untouched(self, person: PersonFacts, stays: Sequence[Period]) -> bool:
        """Tell whether no event of the year, and none of its days, makes a difference to the person."""
        if len(stays) != 1 or stays[0].end is not None or stays[0].start >= self.year.start:
            return False
        return not (self._has_roles and person.roles)

    def _one_by_one(self, person: PersonFacts, stays: Sequence[Period]) -> tuple[Obligation, ...]:
        obligations: list[Obligation] = []
        joined: dict[str, set[date]] = {}
        for requirement in self._on_joining:
            for obligation in _on_joining(person, requirement, _World(stays, self.year, ())):
                joined.setdefault(requirement.competence, set()).add(obligation.opens_on)
                obligations.append(obligation)
        for requirement in self._others:
            world = _World(stays, self.year, joined.get(requirement.competence, ()))
            obligations += _ARISING[requirement.occasion](person, requirement, world)
        obligations.sort(key=_order)
        return tuple(obligations)


def _throughout(requirement: Requirement, year: FiscalYear) -> Iterator[tuple[Obligation, Period | None]]:
    """Yield the obligations of whoever is in scope from before the year until further notice.

    With each come the days on one of which the person must belong to the requirement's audience; None: everyone does.
    """
    is_for_all = requirement.audience.is_everyone
    world = _World([Period(FIRST_DAY)], year, ())
    if requirement.occasion is Occasion.FISCAL_YEAR:
        for each in _annual_of(world.stays, requirement, year):
            yield each, None if is_for_all else year.period
    elif requirement.occasion is Occasion.PLEDGE_TEXT:
        for each in _of_changed_texts(requirement, world):
            yield each, None if is_for_all else _one_day(each.opens_on)


def _one_day(day: date) -> Period:
    return Period(day, day + timedelta(days=1))


def _order(obligation: Obligation) -> tuple[date, str, str]:
    return obligation.due_on, obligation.requirement.key, obligation.occasion


def _least_version(requirement: Requirement, day: date) -> int | None:
    if not requirement.texts:
        return None
    text = requirement.text_on(day)
    return None if text is None else text.version


def _on_joining(person: PersonFacts, requirement: Requirement, world: _World) -> Iterator[Obligation]:
    left_before: date | None = None
    for stay in world.stays:
        end = world.year.end if stay.end is None else min(stay.end, world.year.end)
        if stay.start >= world.year.start and requirement.audience.meets(person, Period(stay.start, end)):
            # A pledge may be signed before the first day; what was signed in an earlier stay ended with it.
            counts_from = (left_before or FIRST_DAY) if requirement.is_pledge else stay.start
            yield Obligation(
                requirement=requirement,
                occasion=f"joining:{stay.start.isoformat()}",
                year=world.year.year,
                opens_on=stay.start,
                due_on=stay.start + timedelta(days=requirement.days_to_complete),
                counts_from=counts_from,
                left_on=stay.end,
                least_version=_least_version(requirement, stay.start),
            )
        left_before = stay.end


def _annual(person: PersonFacts, requirement: Requirement, world: _World) -> Iterator[Obligation]:
    within = [
        stay
        for stay in world.stays
        if stay.start not in world.joined and (stay.end is None or stay.end > world.year.start)
    ]
    if any(requirement.audience.meets(person, _in_year(stay, world.year)) for stay in within):
        yield from _annual_of(within, requirement, world.year)


def _annual_of(within: Sequence[Period], requirement: Requirement, year: FiscalYear) -> Iterator[Obligation]:
    """Yield the obligation of a year: that of the stay in which it falls due, else of the last one in the year."""
    for stay in within:
        due_on = year.day(*requirement.due)
        if stay.start > due_on:  # came into scope after the year's due date: as long as a newcomer has
            due_on = stay.start + timedelta(days=requirement.days_to_complete)
        if stay.end is None or stay.end > due_on or stay is within[-1]:
            opens_on = max(year.day(*requirement.opens), stay.start)
            yield Obligation(
                requirement=requirement,
                occasion=f"fiscal_year:{year.year}",
                year=year.year,
                opens_on=opens_on,
                due_on=due_on,
                counts_from=year.start,
                left_on=within[-1].end,
                least_version=_least_version(requirement, opens_on),
            )
            return


def _in_year(stay: Period, year: FiscalYear) -> Period:
    end = year.end if stay.end is None else min(stay.end, year.end)
    return Period(max(stay.start, year.start), end)


def _on_appointment(person: PersonFacts, requirement: Requirement, world: _World) -> Iterator[Obligation]:
    """Yield one obligation for each unbroken holding of a role, from its first day in scope to its end."""
    for role in sorted(requirement.audience.roles or ()):
        for term in merged(each.period for each in person.roles if each.isms_role == role):
            stay = next((each for each in world.stays if each.overlaps(term)), None)
            if stay is None:
                continue
            start, ends = max(term.start, stay.start), [end for end in (term.end, stay.end) if end is not None]
            end = min(ends) if ends else None
            if start in world.year.period and requirement.audience.meets(person, Period(start, end)):
                yield Obligation(
                    requirement=requirement,
                    occasion=f"role:{role}:{term.start.isoformat()}",
                    year=world.year.year,
                    opens_on=start,
                    due_on=start + timedelta(days=requirement.days_to_complete),
                    counts_from=FIRST_DAY,  # who is qualified already need not qualify again
                    left_on=end,
                    least_version=_least_version(requirement, start),
                )


def _on_leaving(person: PersonFacts, requirement: Requirement, world: _World) -> Iterator[Obligation]:
    for stay in world.stays:
        last_day = stay.last_day
        if last_day is None or last_day not in world.year.period:
            continue
        if requirement.audience.meets(person, Period(last_day, stay.end)):
            opens_on = max(stay.start, last_day - timedelta(days=requirement.days_to_complete))
            yield Obligation(
                requirement=requirement,
                occasion=f"leaving:{last_day.isoformat()}",
                year=world.year.year,
                opens_on=opens_on,
                due_on=last_day,
                counts_from=stay.start,
                least_version=_least_version(requirement, opens_on),
            )


def _on_changed_text(person: PersonFacts, requirement: Requirement, world: _World) -> Iterator[Obligation]:
    for each in _of_changed_texts(requirement, world):
        if requirement.audience.meets(person, _one_day(each.opens_on)):
            yield each


def _of_changed_texts(requirement: Requirement, world: _World) -> Iterator[Obligation]:
    """Yield an obligation for each text that took effect while the person was in scope, or away between two stays.

    Newcomers, and those who return and must sign as newcomers do, have the obligation from joining alone.
    """
    left_before: date | None = None
    for stay in world.stays:
        is_newcomer = left_before is None or stay.start in world.joined
        missed = None if is_newcomer else requirement.text_on(stay.start)
        for text in requirement.texts:
            is_missed = text == missed and left_before is not None and left_before <= text.effective_on < stay.start
            is_change = text.effective_on in stay and not (
                text.effective_on == stay.start and stay.start in world.joined
            )
            opens_on = stay.start if is_missed else text.effective_on
            if text.is_to_be_resigned and (is_missed or is_change) and opens_on in world.year.period:
                yield Obligation(
                    requirement=requirement,
                    occasion=f"pledge_text:{text.version}:{opens_on.isoformat()}",
                    year=world.year.year,
                    opens_on=opens_on,
                    due_on=opens_on + timedelta(days=text.days_to_sign),
                    counts_from=FIRST_DAY,  # the version says enough
                    left_on=stay.end,
                    least_version=text.version,
                )
        left_before = stay.end


_ARISING = {
    Occasion.FISCAL_YEAR: _annual,
    Occasion.ROLE: _on_appointment,
    Occasion.PLEDGE_TEXT: _on_changed_text,
    Occasion.LEAVING: _on_leaving,
}
