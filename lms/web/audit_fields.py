"""Reading the fields of the forms about auditors and audits: texts, dates, numbers, lists."""

from __future__ import annotations

from datetime import date, timedelta

from flask import request

from courses.calendar import Period
from lms.services.auditor_decisions import BadDecisionError

_LONGEST = 4_000


def text(field: str) -> str:
    """Return what stands in a field, without spaces around it; empty where it is absent."""
    return request.form.get(field, "").replace("\0", "").strip()[:_LONGEST]


def day(field: str, *, is_needed: bool = True) -> date | None:
    """Return the date in a field.

    Raises:
        BadDecisionError: it is no date, or is needed and absent.
    """
    value = text(field)
    if not value:
        if is_needed:
            raise BadDecisionError(field, "missing")
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise BadDecisionError(field, "malformed") from None
    if not date(1990, 1, 1) <= found <= date(2199, 12, 31):
        raise BadDecisionError(field, "range")
    return found


def needed_day(field: str) -> date:
    """Return the date in a field that has to be filled in.

    Raises:
        BadDecisionError: it is no date or absent.
    """
    found = day(field)
    if found is None:  # pragma: no cover - day() refuses
        raise BadDecisionError(field, "missing")
    return found


def period(first: str, last: str) -> Period:
    """Return the period from the day in one field to the day in another, that day included.

    Raises:
        BadDecisionError: one is no date or absent, or the last lies before the first.
    """
    start, end = needed_day(first), needed_day(last)
    if end < start:
        raise BadDecisionError(last, "order")
    return Period(start, end + timedelta(days=1))


def number(field: str, *, is_needed: bool = True) -> int | None:
    """Return the whole number in a field.

    Raises:
        BadDecisionError: it is no number, or is needed and absent.
    """
    value = text(field)
    if not value:
        if is_needed:
            raise BadDecisionError(field, "missing")
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise BadDecisionError(field, "malformed")
    return int(value)


def needed_number(field: str) -> int:
    """Return the whole number in a field that has to be filled in.

    Raises:
        BadDecisionError: it is no number or absent.
    """
    found = number(field)
    if found is None:  # pragma: no cover - number() refuses
        raise BadDecisionError(field, "missing")
    return found


def minutes(field: str, *, is_needed: bool = True) -> int | None:
    """Return the hours in a field, such as 2.5, as minutes.

    Raises:
        BadDecisionError: it is no number, or is needed and absent.
    """
    value = text(field)
    if not value and not is_needed:
        return None
    whole, _dot, part = value.partition(".")
    digits = whole.removeprefix("-") + part
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise BadDecisionError(field, "malformed" if value else "missing")
    return round(float(value) * 60)


def skills(field: str = "skills") -> tuple[str, ...]:
    """Return the skills in a field, divided by commas or 、."""
    return tuple(each.strip() for each in text(field).replace("、", ",").split(",") if each.strip())
