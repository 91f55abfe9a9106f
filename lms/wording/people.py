"""What facts about people are read with: names of kinds, fields and codes, and what is wrong with a fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from courses.facts import (
    EndBeforeStartError,
    FactError,
    ImpossibleDateError,
    MarkError,
    MissingValueError,
    OverlapError,
)
from lms.wording.gettext import _
from lms.wording.permissions import role_label
from lms.wording.registers import category_label, date_label, employment_label, mode_label


def fact_kind_label(kind: str) -> str:
    """Return the name of a kind of fact."""
    labels: dict[str, Callable[[], str]] = {
        "particulars": lambda: _("Name and staff number"),
        "scope": lambda: _("In scope"),
        "service": lambda: _("Service, from joining to leaving"),
        "affiliation": lambda: _("Unit and post"),
        "concurrent_post": lambda: _("Concurrent post"),
        "leave": lambda: _("Leave"),
        "line_authority": lambda: _("Line authority (heads a unit)"),
        "tie": lambda: _("Tie to an audited area"),
        "exemption": lambda: _("Exemption"),
        "training": lambda: _("Training taken elsewhere"),
        "appointment": lambda: _("Appointment to an ISMS role"),
        "engagement": lambda: _("Work under a contract"),
    }
    return labels[kind]() if kind in labels else kind


def fact_field_label(field: str) -> str:
    """Return the name of a field of a fact."""
    labels: dict[str, Callable[[], str]] = {
        "staff_number": lambda: _("Staff number"),
        "family_name": lambda: _("Family name"),
        "given_name": lambda: _("Given name"),
        "family_kana": lambda: _("Family name in kana"),
        "given_kana": lambda: _("Given name in kana"),
        "romaji": lambda: _("Name in Latin letters"),
        "former_name": lambda: _("Former name"),
        "email": lambda: _("Mail address"),
        "valid_from": lambda: _("Begins on"),
        "valid_to": lambda: _("Ends on"),
        "completed_on": lambda: _("Completed on"),
        "unit": lambda: _("Unit"),
        "unit_id": lambda: _("Unit"),
        "post": lambda: _("Post"),
        "employment": lambda: _("Employment"),
        "category": lambda: _("Category"),
        "kind": lambda: _("Kind"),
        "area_key": lambda: _("Area"),
        "document": lambda: _("Document"),
        "requirement_key": lambda: _("Requirement"),
        "approved_by": lambda: _("Approved by"),
        "competence": lambda: _("Counts for"),
        "is_passed": lambda: _("Passed"),
        "mark": lambda: _("Mark"),
        "maximum": lambda: _("Maximum"),
        "pass_mark": lambda: _("Pass mark"),
        "provider": lambda: _("Given by"),
        "session": lambda: _("Session"),
        "certificate": lambda: _("Certificate number"),
        "grader": lambda: _("Graded by"),
        "equivalence_verified_by": lambda: _("Equivalence verified by"),
        "reason": lambda: _("Reason"),
        "why": lambda: _("Why it is corrected"),
        "isms_role": lambda: _("ISMS role"),
        "letter_number": lambda: _("Letter number"),
        "appointed_on": lambda: _("Date of appointment"),
        "appointer": lambda: _("Appointed by"),
        "firm": lambda: _("Firm"),
    }
    return labels[field]() if field in labels else field


def tie_label(code: str) -> str:
    """Return the name of a tie to an audited area."""
    labels: dict[str, Callable[[], str]] = {
        "duty": lambda: _("Works in it"),
        "authorship": lambda: _("Wrote a document of it"),
        "consultancy": lambda: _("Advises it"),
    }
    return labels[code]() if code in labels else code


_NO_TITLES: Mapping[str, str] = MappingProxyType({})
_NAMED_BY_KEY = frozenset({"competence", "requirement_key", "area_key"})


def fact_value_text(kind: str, field: str, value: object, titles: Mapping[str, str] = _NO_TITLES) -> str:
    """Return a value of a fact as pages write it; an empty text for one that is absent.

    Args:
        kind: the kind of fact.
        field: the field.
        value: what the field holds.
        titles: what keys of modules, requirements and areas are called; a key without a title stands for itself.
    """
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, date):
        return date_label(value)
    labels = {"employment": employment_label, "category": category_label, "isms_role": role_label}
    if field in labels:
        return labels[field](str(value))
    if field == "kind":
        return tie_label(str(value)) if kind == "tie" else mode_label(str(value))
    if field in _NAMED_BY_KEY:
        return titles.get(str(value), str(value))
    return str(value)


def fact_error_sentence(error: FactError) -> str:
    """Return what is wrong with a field of a fact, and what to do."""
    if isinstance(error, EndBeforeStartError):
        return _("It would end before it starts. Give a last day that is not before the first.")
    if isinstance(error, ImpossibleDateError):
        return _("This date can't be: years from 1990 to 2199 are kept, and what was completed lies in the past.")
    if isinstance(error, OverlapError):
        last = error.other.last_day
        until = date_label(last) if last else _("until further notice")
        return _("Another one holds from %(start)s (%(until)s). Close or correct that one first.", start=date_label(error.other.start), until=until)  # fmt: skip
    if isinstance(error, MissingValueError):
        return _("This must be filled in.")
    if isinstance(error, MarkError):
        return _(
            "The marks contradict each other: 0 ≤ mark ≤ maximum, and passed means that the pass mark was reached."
        )
    return _("There is no such value to choose, or it can't be read.")
