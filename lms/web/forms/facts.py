"""The fields in which a fact about a person is typed, and reading them; one list of fields for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from courses.facts import MissingValueError, UnknownValueError
from courses.independence import TieKind
from courses.people import Category, Employment
from courses.records import TRAINING_KINDS
from lms.services.fact_kinds import FactKind
from lms.services.person_facts import GivenFact
from lms.wording.gettext import _
from lms.wording.people import fact_field_label, tie_label
from lms.wording.registers import category_label, employment_label, mode_label

LONGEST_TEXT = 500
"""Characters of one field."""

_NUMBERS = frozenset({"unit_id", "mark", "maximum", "pass_mark"})
_OPTIONAL = frozenset(
    {
        *("valid_to", "post", "area_key", "document", "mark", "maximum", "pass_mark", "provider", "session"),
        *("certificate", "grader", "equivalence_verified_by", "is_passed"),
    }
)

Option = tuple[str, str]
"""Value and label."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    label: str
    type: str
    """``date``, ``text``, ``number``, ``checkbox`` or ``select``."""
    options: tuple[Option, ...] = ()
    """What can be chosen, or what is offered beneath a text."""
    is_required: bool = True
    hint: str = ""
    value: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from in an organisation, as pairs of value and label."""

    units: Sequence[Option]
    areas: Sequence[Option]
    requirements: Sequence[Option]
    competences: Sequence[Option]


def fields_of(kind: FactKind, choices: Choices) -> tuple[Field, ...]:
    """Return the empty fields of a kind of fact."""
    return tuple(_field(kind, name, choices) for name in _names(kind))


def _names(kind: FactKind) -> list[str]:
    names = ["valid_from"] if kind.is_of_one_day else ["valid_from", "valid_to"]
    return [*names, *kind.fields, *(["reason"] if kind.has_reason else [])]


def _field(kind: FactKind, name: str, choices: Choices) -> Field:
    label = fact_field_label("completed_on" if kind.is_of_one_day and name == "valid_from" else name)
    is_required = name not in _OPTIONAL or (name == "valid_to" and kind.needs_end)
    if kind.key == "concurrent_post" and name == "post":
        is_required = True
    options = _options(kind, name, choices)
    if name in {"valid_from", "valid_to"}:
        hint = _("The day belongs to it; leave it empty while the end is not known.") if name == "valid_to" else ""
        return Field(name, label, "date", is_required=is_required, hint="" if kind.needs_end else hint)
    if name == "is_passed":
        return Field(name, label, "checkbox", is_required=False, hint=_("Attending is not passing."))
    if name == "competence":
        return Field(name, label, "select", tuple(options), is_required)
    if options:
        return Field(name, label, "select", tuple(options), is_required)
    return Field(name, label, "number" if name in _NUMBERS else "text", is_required=is_required, hint=_hint(name))


def _hint(name: str) -> str:
    hints = {
        "grader": _("For training held face to face: who marked the test."),
        "equivalence_verified_by": _("For an external course: the office that found it equivalent."),
        "session": _("For training held face to face: title and date."),
        "document": _("For a document written: its number."),
    }
    return hints.get(name, "")


def _options(kind: FactKind, name: str, choices: Choices) -> Iterable[Option]:
    if name == "unit_id":
        return choices.units
    if name == "employment":
        return [(each.value, employment_label(each.value)) for each in Employment]
    if name == "category":
        return [(each.value, category_label(each.value)) for each in Category]
    if name == "kind" and kind.key == "tie":
        return [(each.value, tie_label(each.value)) for each in TieKind]
    if name == "kind":
        return [(each.value, mode_label(each.value)) for each in TRAINING_KINDS]
    if name == "area_key":
        return [("", _("All areas")), *choices.areas]
    return {"requirement_key": choices.requirements, "competence": choices.competences}.get(name, ())


def filled(fields: Iterable[Field], typed: Mapping[str, str], errors: Mapping[str, str]) -> tuple[Field, ...]:
    """Return fields with what was typed into them and what is wrong with it."""
    return tuple(_filled(each, typed.get(each.name, ""), errors.get(each.name, "")) for each in fields)


def _filled(field: Field, value: str, error: str) -> Field:
    """Return a field with its value; a list still offers one that is no longer chosen anew, such as a former module."""
    options = field.options
    if field.type == "select" and value and value not in {each for each, _label in options}:
        options = (*options, (value, value))
    return replace(field, value=value, error=error, options=options)


def typed_of(given: GivenFact) -> dict[str, str]:
    """Return a fact as it would have been typed."""
    values: dict[str, Any] = {
        "valid_from": given.start.isoformat(),
        "valid_to": (given.end - timedelta(days=1)).isoformat() if given.end else "",
        "reason": given.reason,
        **given.values,
    }
    return {name: _typed(value) for name, value in values.items()}


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


def read_fact(kind: FactKind, typed: Mapping[str, str]) -> GivenFact:
    """Return the fact that was typed.

    Raises:
        courses.facts.MissingValueError: the first day is empty.
        courses.facts.UnknownValueError: a date or a number can't be read, or a text is too long.
    """
    texts = {name: typed.get(name, "").replace("\0", "").strip() for name in _names(kind)}
    for name, text in texts.items():
        if len(text) > LONGEST_TEXT:
            raise UnknownValueError(name, text[:20])
    last_day = None if kind.is_of_one_day or not texts["valid_to"] else read_day("valid_to", texts["valid_to"])
    return GivenFact(
        start=read_day("valid_from", texts["valid_from"]),
        end=None if last_day is None else day_after(last_day),
        values={name: _read(name, texts[name]) for name in kind.fields},
        reason=texts.get("reason", ""),
    )


def read_day(name: str, text: str) -> date:
    """Return a date that was typed.

    Raises:
        courses.facts.MissingValueError: nothing was typed.
        courses.facts.UnknownValueError: it is none.
    """
    if not text:
        raise MissingValueError(name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UnknownValueError(name, text) from None


def day_after(day: date) -> date:
    """Return the first day on which what lasts through a day no longer holds."""
    return min(day, date.max - timedelta(days=1)) + timedelta(days=1)


def _read(name: str, text: str) -> Any:  # noqa: ANN401 - what the column takes
    if name == "is_passed":
        return text == "yes"
    if not text:
        return None
    if name in _NUMBERS:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise UnknownValueError(name, text)
        return int(text)
    return text
