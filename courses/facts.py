"""What a fact about a person must be to be recorded: possible dates, room for it, a reason where one is asked.

Source: domain.md §2 (two time axes), §3 (an exemption needs reason, approver, end date).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from courses.calendar import Period
from courses.people import FIRST_DAY

END_OF_DAYS = date(2200, 1, 1)
"""First day that a fact can't name, save as its end."""


class FactError(ValueError):
    """A fact could not be true, or lacks what it must carry; ``field`` says where."""

    field = ""


class ImpossibleDateError(FactError):
    """A date lies outside of the years that the tool keeps (1990 to 2199)."""

    def __init__(self, field: str, given: date) -> None:
        super().__init__(field, given)
        self.field = field
        self.given = given


class EndBeforeStartError(FactError):
    """A fact would end before it starts, or hold on no day."""

    field = "valid_to"

    def __init__(self, start: date, end: date) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end
        """First day on which it would no longer hold."""


class OverlapError(FactError):
    """A fact would share days with another of its kind, which leaves no room for it."""

    field = "valid_from"

    def __init__(self, period: Period, other: Period) -> None:
        super().__init__(period, other)
        self.period = period
        self.other = other


class MissingValueError(FactError):
    """A value is absent that the fact must carry."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class UnknownValueError(FactError):
    """A value names nothing that there is: a unit, an area, a code, a requirement."""

    def __init__(self, field: str, given: str) -> None:
        super().__init__(field, given)
        self.field = field
        self.given = given


class MarkError(FactError):
    """A mark contradicts its maximum, its pass mark, or what is said of passing."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def fact_period(start: date, end: date | None) -> Period:
    """Return the period of a fact, which holds on one day at least.

    Raises:
        ImpossibleDateError: a date lies outside of 1990 to 2199.
        EndBeforeStartError: it would end before it starts.
    """
    if not FIRST_DAY <= start < END_OF_DAYS:
        raise ImpossibleDateError("valid_from", start)
    if end is not None and not FIRST_DAY < end <= END_OF_DAYS:
        raise ImpossibleDateError("valid_to", end)
    if end is not None and end <= start:
        raise EndBeforeStartError(start, end)
    return Period(start, end)


def check_alone(period: Period, others: Iterable[Period]) -> None:
    """Refuse a period that shares a day with another: nobody has two main affiliations, or two leaves, at once.

    Raises:
        OverlapError: it does.
    """
    for other in others:
        if period.overlaps(other):
            raise OverlapError(period, other)


def check_marks(mark: int | None, maximum: int | None, pass_mark: int | None, *, is_passed: bool) -> None:
    """Refuse marks, in points, that contradict each other or what is said of passing.

    Raises:
        MarkError: they do.
    """
    for field, value in (("mark", mark), ("maximum", maximum), ("pass_mark", pass_mark)):
        if value is not None and not 0 <= value <= 100_000:
            raise MarkError(field)
    if maximum is not None and max(mark or 0, pass_mark or 0) > maximum:
        raise MarkError("maximum")
    if mark is not None and pass_mark is not None and (mark >= pass_mark) is not is_passed:
        raise MarkError("is_passed")
