"""What registers are read with: labels of columns, states, occasions and years."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from courses.calendar import FiscalYear
from courses.requirements import State
from lms.wording.gettext import _, current_language


def year_label(year: FiscalYear) -> str:
    """Return the fiscal year as documents write it: "令和8年度（2026年度）" or "fiscal year 2026"."""
    if current_language() == "ja":
        return f"{year.era_label}（{year.year}年度）"
    return f"Fiscal year {year.year} (April {year.year} to March {year.year + 1})"


def date_label(day: date) -> str:
    """Return a date as pages write it: "2026年11月23日" or "23 Nov 2026"."""
    if current_language() == "ja":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {day:%b} {day.year}"


def state_label(state: State | str) -> str:
    """Return the name of a state of an obligation."""
    labels: dict[State, Callable[[], str]] = {
        State.COMPLETE: lambda: _("Complete"),
        State.LATE_COMPLETE: lambda: _("Complete, late"),
        State.EXEMPT: lambda: _("Exempt"),
        State.ON_LEAVE: lambda: _("On leave"),
        State.LEFT_BEFORE_DUE: lambda: _("Left before due"),
        State.LAPSED: lambda: _("Lapsed"),
        State.OVERDUE: lambda: _("Overdue"),
        State.OPEN: lambda: _("Open"),
        State.NOT_YET_DUE: lambda: _("Not yet due"),
    }
    return labels[State(state)]()


def employment_label(code: str) -> str:
    """Return the name of a kind of employment; an unknown code stands for itself."""
    labels: dict[str, Callable[[], str]] = {
        "regular": lambda: _("Regular"),
        "part_time": lambda: _("Part-time"),
        "seconded": lambda: _("Seconded"),
        "agency": lambda: _("Agency staff"),
        "vendor": lambda: _("Vendor"),
    }
    return labels[code]() if code in labels else code


def category_label(code: str) -> str:
    """Return the name of a category of staff; an unknown code stands for itself."""
    labels: dict[str, Callable[[], str]] = {
        "faculty": lambda: _("Faculty"),
        "administrative": lambda: _("Administrative staff"),
        "technical": lambda: _("Technical staff"),
        "student": lambda: _("Student"),
        "external": lambda: _("External"),
    }
    return labels[code]() if code in labels else code


def mode_label(code: str) -> str:
    """Return the name of a way in which a competence was shown; an unknown code stands for itself."""
    labels: dict[str, Callable[[], str]] = {
        "own_test": lambda: _("E-learning with test"),
        "face_to_face": lambda: _("Face to face"),
        "make_up": lambda: _("Make-up session"),
        "external_course": lambda: _("External course"),
        "signature": lambda: _("Signed pledge"),
        "supplement": lambda: _("Supplementary lesson"),
    }
    return labels[code]() if code in labels else code


def occasion_label(occasion: str) -> str:
    """Return what an obligation arose from, in words: ``fiscal_year:2026``, ``joining:2026-11-01`` and the like."""
    kind, _colon, value = occasion.rpartition("/")[2].partition(":")
    day = date_label(date.fromisoformat(value[-10:])) if value[-10:].count("-") == 2 else value
    labels: dict[str, Callable[[], str]] = {
        "joining": lambda: _("Joining on %(date)s", date=day),
        "role": lambda: _("Appointment on %(date)s", date=day),
        "pledge_text": lambda: _("Text changed on %(date)s", date=day),
        "leaving": lambda: _("Leaving on %(date)s", date=day),
        "renewal": lambda: _("Renewal of what lapsed on %(date)s", date=day),
    }
    if kind in labels:
        return labels[kind]()
    if value.isdigit():
        year = FiscalYear(int(value))
        return year.era_label if current_language() == "ja" else f"Fiscal year {year.year}"
    return occasion


def column_labels() -> dict[str, str]:
    """Return the headings of the attendance register, and of the lines above it."""
    return {
        "staff_number": _("Staff number"),
        "name": _("Name"),
        "kana": _("Name in kana"),
        "unit": _("Unit"),
        "employment": _("Employment"),
        "category": _("Category"),
        "requirement": _("Requirement"),
        "occasion": _("Occasion"),
        "opens_on": _("Opens on"),
        "due_on": _("Due on"),
        "state": _("State"),
        "completed_at_jst": _("Completed at (JST)"),
        "completed_at_utc": _("Completed at (UTC)"),
        "mode": _("Mode"),
        "module": _("Module"),
        "module_version": _("Module version"),
        "mark": _("Mark"),
        "maximum": _("Maximum"),
        "pass_mark": _("Pass mark"),
        "attempts": _("Attempts"),
        "evidence_id": _("Evidence id"),
        "organisation": _("Organisation"),
        "year": _("Fiscal year"),
        "period": _("First and last day of the year"),
        "as_of": _("As of the end of the day (JST)"),
        "known_at": _("As known at"),
        "people": _("People in scope on any day of the year"),
        "without_obligation": _("Of these without an obligation"),
        **{f"state:{state.value}": _("State: %(state)s", state=state_label(state)) for state in State},
        "rows": _("Rows"),
        "filter:unit": _("Filter: unit"),
        "filter:employment": _("Filter: employment"),
        "filter:category": _("Filter: category"),
        "filter:state": _("Filter: state"),
        "filter:requirement": _("Filter: requirement"),
    }
