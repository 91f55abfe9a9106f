"""Japanese time: JST dates, fiscal years and half-open periods.

Stored times are UTC; dates that people read and rules count in are JST dates. Every period is half-open: it includes
its first day and excludes its last.

Source: domain.md §2; fiscal year of Japanese national universities (1 April to 31 March).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

JST = ZoneInfo("Asia/Tokyo")

_ERAS = (
    (date(2019, 5, 1), "令和", "Reiwa"),
    (date(1989, 1, 8), "平成", "Heisei"),
    (date(1926, 12, 25), "昭和", "Showa"),
)


class NaiveTimeError(ValueError):
    """A point in time came without its zone."""


class PeriodOrderError(ValueError):
    """A period would end before it starts."""

    def __init__(self, start: date, end: date) -> None:
        super().__init__(f"{start} > {end}")
        self.start = start
        self.end = end


class UnknownFiscalYearError(ValueError):
    """A text or number names no fiscal year that the tool keeps (1990 to 2199)."""

    def __init__(self, given: object) -> None:
        super().__init__(repr(given))
        self.given = given


def jst_date(moment: datetime) -> date:
    """Return the JST calendar date of an aware point in time.

    Raises:
        NaiveTimeError: the time has no zone.
    """
    if moment.tzinfo is None:
        raise NaiveTimeError(moment)
    return moment.astimezone(JST).date()


def start_of_day(day: date) -> datetime:
    """Return the first moment of a JST day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=JST).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """Return the first moment after a JST day, in UTC; compare with ``<``."""
    return start_of_day(day + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``start`` up to but not including ``end``; ``end`` None means "until further notice"."""

    start: date
    end: date | None = None

    def __post_init__(self) -> None:
        """Refuse a period that ends before it starts (an empty one is allowed)."""
        if self.end is not None and self.end < self.start:
            raise PeriodOrderError(self.start, self.end)

    def __contains__(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)

    def overlaps(self, other: Period) -> bool:
        """Tell whether the two periods share at least one day."""
        if self.is_empty or other.is_empty:
            return False
        return (other.end is None or self.start < other.end) and (self.end is None or other.start < self.end)

    @property
    def is_empty(self) -> bool:
        """Tell whether the period holds no day."""
        return self.end is not None and self.end <= self.start

    @property
    def last_day(self) -> date | None:
        """The last day that belongs to the period, as screens show it; None without an end."""
        return None if self.end is None else self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class FiscalYear:
    """The Japanese fiscal year 年度 that starts on 1 April of ``year``."""

    year: int

    def __post_init__(self) -> None:
        """Refuse years that no record of the tool can have."""
        if not 1990 <= self.year <= 2199:
            raise UnknownFiscalYearError(self.year)

    @classmethod
    def of(cls, day: date) -> FiscalYear:
        """Return the fiscal year that a JST date belongs to."""
        return cls(day.year if day.month >= 4 else day.year - 1)

    @classmethod
    def parse(cls, text: str) -> FiscalYear:
        """Read "2026" as a fiscal year.

        Raises:
            UnknownFiscalYearError: the text is no year, or one out of range.
        """
        cleaned = text.strip()
        if not (cleaned.isascii() and cleaned.isdigit() and len(cleaned) == 4):
            raise UnknownFiscalYearError(text)
        return cls(int(cleaned))

    @property
    def start(self) -> date:
        """1 April of the year."""
        return date(self.year, 4, 1)

    @property
    def end(self) -> date:
        """1 April of the next year: the first day that no longer belongs to it."""
        return date(self.year + 1, 4, 1)

    @property
    def last_day(self) -> date:
        """31 March of the next year."""
        return self.end - timedelta(days=1)

    @property
    def period(self) -> Period:
        """The year as a half-open period."""
        return Period(self.start, self.end)

    def day(self, month: int, day: int) -> date:
        """Return the date with this month and day inside the fiscal year."""
        return date(self.year if month >= 4 else self.year + 1, month, day)

    @property
    def era_label(self) -> str:
        """The label that official documents use: "令和8年度"; the year of a change of era is named by its start."""
        return f"{era_year(self.start)}年度"


def era_year(day: date) -> str:
    """Return the Japanese-era year of a date: "令和8", the first year "令和元".

    Raises:
        UnknownFiscalYearError: the date lies before 昭和.
    """
    for first, name, _ in _ERAS:
        if day >= first:
            number = day.year - first.year + 1
            return f"{name}{'元' if number == 1 else number}"
    raise UnknownFiscalYearError(day.year)


def era_date(day: date) -> str:
    """Return the Japanese-era date that official documents carry: "令和8年11月23日"."""
    return f"{era_year(day)}年{day.month}月{day.day}日"


def add_months(day: date, months: int) -> date:
    """Return the same day some months later; the last day of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last_day))
