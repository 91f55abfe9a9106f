"""JST dates, half-open periods, fiscal years and Japanese-era labels."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import (
    FiscalYear,
    NaiveTimeError,
    Period,
    PeriodOrderError,
    UnknownFiscalYearError,
    end_of_day,
    era_date,
    era_year,
    jst_date,
    start_of_day,
)

BASE = date(2026, 4, 1)
# Japan had summer time from 1948 to 1951; no record of the tool is that old.
DAYS = st.dates(date(1990, 4, 1), date(2199, 12, 31))
NEAR_DAYS = st.integers(0, 12).map(lambda number: BASE + timedelta(number))
PERIODS = st.tuples(NEAR_DAYS, NEAR_DAYS | st.none()).map(
    lambda pair: Period(pair[0]) if pair[1] is None else Period(min(pair[0], pair[1]), max(pair[0], pair[1]))
)
HORIZON = [BASE + timedelta(number) for number in range(-1, 15)]
"""Every day on which two of the periods above can differ, and some beyond them."""
MOMENTS = st.datetimes(datetime(1990, 4, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def days_of(period: Period) -> set[date]:
    return {day for day in HORIZON if day in period}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 31, 14, 59, 59, 999999, tzinfo=UTC), date(2026, 3, 31)),
        (datetime(2026, 3, 31, 15, 0, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2027, 3, 31, 14, 59, 59, tzinfo=UTC), date(2027, 3, 31)),
        (datetime(2027, 3, 31, 15, 0, tzinfo=UTC), date(2027, 4, 1)),
        (datetime(2026, 3, 31, 10, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 4, 1)),
        (datetime(2026, 4, 1, 0, 0, tzinfo=timezone(timedelta(hours=9))), date(2026, 4, 1)),
    ],
)
def test_a_point_in_time_falls_on_its_japanese_day(moment: datetime, day: date) -> None:
    assert jst_date(moment) == day


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveTimeError):
        jst_date(datetime(2026, 4, 1))  # noqa: DTZ001


def test_a_japanese_day_starts_at_fifteen_hours_utc_of_the_day_before() -> None:
    assert start_of_day(BASE) == datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert start_of_day(BASE).tzinfo is UTC
    assert end_of_day(BASE) == datetime(2026, 4, 1, 15, 0, tzinfo=UTC)


@given(MOMENTS)
def test_a_moment_lies_between_the_start_and_the_end_of_its_japanese_day_and_of_no_other(moment: datetime) -> None:
    day = jst_date(moment)
    assert start_of_day(day) <= moment < end_of_day(day)
    assert moment >= end_of_day(day - timedelta(1))
    assert moment < start_of_day(day + timedelta(1))


@given(st.integers(1990, 2198))
def test_a_fiscal_year_changes_at_midnight_in_japan_and_nowhere_else(year: int) -> None:
    midnight = datetime(year, 3, 31, 15, 0, tzinfo=UTC) + timedelta(days=365 + ((year + 1) % 4 == 0))
    if (year + 1) % 100 == 0 and (year + 1) % 400:
        midnight -= timedelta(days=1)
    assert midnight == end_of_day(FiscalYear(year).last_day) == start_of_day(FiscalYear(year + 1).start)
    assert FiscalYear.of(jst_date(midnight - timedelta(microseconds=1))) == FiscalYear(year)
    assert FiscalYear.of(jst_date(midnight)) == FiscalYear(year + 1)


def test_a_period_holds_its_first_day_but_not_its_end() -> None:
    year = FiscalYear(2026).period
    assert date(2026, 3, 31) not in year
    assert date(2026, 4, 1) in year
    assert date(2027, 3, 31) in year
    assert date(2027, 4, 1) not in year
    assert year.last_day == date(2027, 3, 31)


def test_a_period_without_an_end_has_no_last_day_and_never_stops() -> None:
    endless = Period(BASE)
    assert endless.last_day is None
    assert not endless.is_empty
    assert date(9999, 12, 31) in endless
    assert BASE - timedelta(1) not in endless


def test_a_period_that_would_end_before_it_starts_is_refused_with_both_days() -> None:
    with pytest.raises(PeriodOrderError) as caught:
        Period(BASE, BASE - timedelta(1))
    assert (caught.value.start, caught.value.end) == (BASE, BASE - timedelta(1))


@given(PERIODS)
def test_a_period_is_empty_exactly_when_it_holds_no_day(period: Period) -> None:
    assert period.is_empty == (not days_of(period))


@given(PERIODS)
def test_the_last_day_is_the_latest_day_that_a_period_holds(period: Period) -> None:
    if period.end is not None and not period.is_empty:
        assert period.last_day == max(days_of(period))


@given(PERIODS, PERIODS)
def test_periods_overlap_exactly_when_they_share_a_day(one: Period, other: Period) -> None:
    assert one.overlaps(other) == bool(days_of(one) & days_of(other))
    assert one.overlaps(other) == other.overlaps(one)


@given(st.tuples(NEAR_DAYS, NEAR_DAYS, NEAR_DAYS))
def test_a_period_cut_at_a_day_falls_into_two_that_share_nothing(days: tuple[date, date, date]) -> None:
    start, middle, end = sorted(days)
    first, second = Period(start, middle), Period(middle, end)
    assert not first.overlaps(second)
    assert days_of(first) | days_of(second) == days_of(Period(start, end))


@given(DAYS)
def test_every_day_belongs_to_exactly_one_fiscal_year(day: date) -> None:
    year = FiscalYear.of(day)
    near = range(max(1990, day.year - 2), min(2199, day.year + 1) + 1)
    assert [each for each in near if day in FiscalYear(each).period] == [year.year]
    assert year.start <= day <= year.last_day < year.end
    assert (year.start.month, year.start.day, year.last_day.month, year.last_day.day) == (4, 1, 3, 31)


@given(st.integers(1990, 2198))
def test_fiscal_years_follow_each_other_without_gap_and_in_order(year: int) -> None:
    assert FiscalYear(year).end == FiscalYear(year + 1).start
    assert FiscalYear(year) < FiscalYear(year + 1)


@given(DAYS)
def test_a_month_and_day_name_one_day_of_a_fiscal_year(day: date) -> None:
    assert FiscalYear.of(day).day(day.month, day.day) == day


@pytest.mark.parametrize("year", [1989, 2200, 0, -1])
def test_a_year_that_no_record_can_have_is_refused(year: int) -> None:
    with pytest.raises(UnknownFiscalYearError) as caught:
        FiscalYear(year)
    assert caught.value.given == year


@pytest.mark.parametrize(("text", "year"), [("2026", 2026), (" 1990\n", 1990), ("2199", 2199)])
def test_a_fiscal_year_is_read_from_four_digits(text: str, year: int) -> None:
    assert FiscalYear.parse(text) == FiscalYear(year)


@pytest.mark.parametrize(
    "text", ["", "26", "20260", "1989", "2200", "+202", "2o26", "令和8", "２０２６", "²⁰²⁶", "20 6", "-202"]
)
def test_a_text_that_is_no_fiscal_year_is_refused(text: str) -> None:
    with pytest.raises(UnknownFiscalYearError) as caught:
        FiscalYear.parse(text)
    assert str(caught.value.given) == text


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (date(1926, 12, 25), "昭和元"),
        (date(1989, 1, 7), "昭和64"),
        (date(1989, 1, 8), "平成元"),
        (date(1990, 1, 1), "平成2"),
        (date(2019, 4, 30), "平成31"),
        (date(2019, 5, 1), "令和元"),
        (date(2019, 12, 31), "令和元"),
        (date(2020, 1, 1), "令和2"),
        (date(2026, 11, 23), "令和8"),
    ],
)
def test_an_era_starts_on_its_day_and_counts_calendar_years(day: date, label: str) -> None:
    assert era_year(day) == label


def test_a_date_before_the_eras_that_are_kept_is_refused() -> None:
    with pytest.raises(UnknownFiscalYearError):
        era_year(date(1926, 12, 24))


@pytest.mark.parametrize(
    ("year", "label"),
    [
        (1990, "平成2年度"),
        (2018, "平成30年度"),
        (2019, "平成31年度"),
        (2020, "令和2年度"),
        (2026, "令和8年度"),
    ],
)
def test_a_fiscal_year_bears_the_era_of_its_first_day(year: int, label: str) -> None:
    assert FiscalYear(year).era_label == label


def test_fiscal_year_2019_holds_days_of_both_eras() -> None:
    year = FiscalYear(2019)
    assert {era_year(year.day(4, 30)), era_year(year.day(5, 1)), era_year(year.last_day)} == {
        "平成31",
        "令和元",
        "令和2",
    }


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2026, 11, 23), "令和8年11月23日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2019, 4, 30), "平成31年4月30日"),
    ],
)
def test_a_date_is_written_as_official_documents_carry_it(day: date, text: str) -> None:
    assert era_date(day) == text
