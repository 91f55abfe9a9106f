"""Competence requirements 力量要件: who must show what by when, and the states in which an obligation from one can be.

Source: ISO/IEC 27001 clauses 7.2 and 7.3; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from courses.calendar import FiscalYear, Period
from courses.people import PersonFacts, in_scope_during


class Occasion(StrEnum):
    """What an obligation arises from."""

    FISCAL_YEAR = "fiscal_year"
    JOINING = "joining"
    """Coming into scope."""
    ROLE = "role"
    """Appointment to one of the audience's ISMS roles."""
    PLEDGE_TEXT = "pledge_text"
    """A pledge's text that takes effect and must be signed anew."""
    LEAVING = "leaving"
    """The known last day in scope."""


PLEDGE = "pledge:"
"""Before the key of a pledge in the name of a competence: ``pledge:confidentiality``."""


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
    """Who is meant: everyone in scope, narrowed by unit, category, employment or role (None: not narrowed)."""

    units: frozenset[str] | None = None
    """Of the affiliation or of a concurrent post."""
    categories: frozenset[str] | None = None
    employments: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    """ISMS roles; of a requirement on appointment: those whose appointment asks for it."""

    @property
    def is_everyone(self) -> bool:
        """Tell whether nothing is narrowed."""
        return self.units is None and self.categories is None and self.employments is None and self.roles is None

    def meets(self, person: PersonFacts, period: Period) -> bool:
        """Tell whether the person is in scope and belongs to the audience on any one day of the period."""
        if self.is_everyone:
            return in_scope_during(person, period)
        return any(
            _share_a_day(period, membership, *belonging, *holding)
            for membership in person.scope
            for belonging in self._belonging(person)
            for holding in self._holding(person)
        )

    def _belonging(self, person: PersonFacts) -> Iterator[tuple[Period, ...]]:
        """Yield the periods that must fall together for the person to belong: one affiliation, or one beside a post."""
        if self.units is None and self.categories is None and self.employments is None:
            yield ()
            return
        kinds = [
            each
            for each in person.affiliations
            if (self.categories is None or each.category in self.categories)
            and (self.employments is None or each.employment in self.employments)
        ]
        for each in kinds:
            if self.units is None or each.unit in self.units:
                yield (each.period,)
        if self.units is not None:
            for post in person.concurrent_posts:
                if post.unit in self.units:
                    for each in kinds:
                        yield (post.period, each.period)

    def _holding(self, person: PersonFacts) -> Iterator[tuple[Period, ...]]:
        if self.roles is None:
            yield ()
            return
        for each in person.roles:
            if each.isms_role in self.roles:
                yield (each.period,)


def _share_a_day(*periods: Period) -> bool:
    start = max(each.start for each in periods)
    return all(each.end is None or start < each.end for each in periods)


def _is_in_every_year(month: int, day: int) -> bool:
    try:
        date(2001, month, day)  # no leap year
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class TextVersion:
    """A version of a pledge's text, as far as obligations depend on it."""

    version: int
    """From 1 within its pledge."""
    effective_on: date
    is_to_be_resigned: bool
    """Whether those who are in scope must sign it when it takes effect 再誓約."""
    days_to_sign: int
    """Days from its taking effect to the due date, that day not counted."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One approved version of a competence requirement."""

    key: str
    competence: str
    """What must be shown: the key of the module whose test is to be passed, another competence, or ``pledge:KEY``."""
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
    """Days from joining or appointment to the due date, that day not counted; of leaving: from opening to the last day."""
    days_after_leave: int = 30
    """Days from the return from leave within which a suspended obligation is due again."""
    valid_months: int | None = None
    """Months for which a completion holds; None: it is not time-limited within its occasion."""
    equivalents: frozenset[str] | None = None
    """Kinds of evidence that count, as `courses.records.EvidenceKind` names them; None: every kind."""
    texts: tuple[TextVersion, ...] = ()
    """Of a pledge: the versions of its text that were approved, in the order in which they take effect."""

    def __post_init__(self) -> None:
        """Refuse numbers and orders that make no sense."""
        if self.last_year is not None and self.last_year < self.first_year:
            raise RequirementError(self.key, "last_year")
        self._check_days()
        if self.days_to_complete < 1:
            raise RequirementError(self.key, "days_to_complete")
        if self.days_after_leave < 0:
            raise RequirementError(self.key, "days_after_leave")
        if self.valid_months is not None and self.valid_months < 1:
            raise RequirementError(self.key, "valid_months")
        if self.occasion is Occasion.ROLE and not self.audience.roles:
            raise RequirementError(self.key, "roles")
        if self.occasion is Occasion.PLEDGE_TEXT and not self.is_pledge:
            raise RequirementError(self.key, "competence")

    def _check_days(self) -> None:
        year = FiscalYear(self.first_year)
        for field, month_and_day in (("opens", self.opens), ("due", self.due)):
            if not _is_in_every_year(*month_and_day):
                raise RequirementError(self.key, field)
        if self.occasion is Occasion.FISCAL_YEAR and year.day(*self.due) < year.day(*self.opens):
            raise RequirementError(self.key, "due")

    @property
    def is_pledge(self) -> bool:
        """Tell whether a pledge is asked for."""
        return self.competence.startswith(PLEDGE)

    @property
    def shares_evidence(self) -> bool:
        """Tell whether what meets the requirement meets others as well: nobody signs or qualifies twice for one thing.

        A year's obligation, and the test of a newcomer, take evidence for themselves: last year's late test does not
        also satisfy this year.
        """
        if self.occasion is Occasion.FISCAL_YEAR:
            return False
        return self.is_pledge or self.occasion is not Occasion.JOINING

    def text_on(self, day: date) -> TextVersion | None:
        """Return the version of the pledge's text in force on a day."""
        return next((each for each in reversed(self.texts) if each.effective_on <= day), None)

    def holds_in(self, year: int) -> bool:
        """Tell whether the requirement gives obligations in a fiscal year."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)
