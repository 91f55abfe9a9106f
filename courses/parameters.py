"""Parameters of texts: what an organisation puts into the catalogue's texts, so that they never contradict its own rules.

A text names a parameter as ``{{ contact_name }}``. One list says what each is, what stands there until the organisation
says otherwise, and what it has to say itself.

Source: domain.md §3; the list is ``courses/catalogue/parameters.yaml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from quizzes.questions import LANGUAGES, Question, question_content, read_question

_PARAMETER = re.compile(r"\{\{ *([a-z_]+) *\}\}")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_MAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_UNSEEN = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
_TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffd"
"""Marks that turn the direction of writing, and what stands where a text could not be read."""
LONGEST_VALUE = 1000
"""Characters."""


class ParameterKind(StrEnum):
    """What kind of value a parameter takes."""

    TEXT = "text"
    """A phrase that stands within a sentence."""
    SENTENCE = "sentence"
    """One or more whole sentences."""
    URL = "url"
    EMAIL = "email"
    NUMBER = "number"
    """A positive whole number, in digits."""


class MissingParameterError(LookupError):
    """The organisation has not set a parameter that a text needs."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, with its words in each language."""

    name: str
    kind: ParameterKind
    label: Mapping[str, str]
    example: Mapping[str, str]
    default: Mapping[str, str] | None
    """What stands there until the organisation says otherwise; None: it has to say it."""


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters that are asked for together."""

    key: str
    title: Mapping[str, str]
    parameters: tuple[Parameter, ...]


def parameters_in(text: str) -> frozenset[str]:
    """Return the names of the parameters in a text."""
    return frozenset(_PARAMETER.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the organisation's values put in, as plain text.

    Raises:
        MissingParameterError: the organisation has not set a value that the text needs.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not values.get(name):
            raise MissingParameterError(name)
        return values[name]

    return _PARAMETER.sub(value, text)


def filled_question(question: Question, values: Mapping[str, Mapping[str, str]]) -> Question:
    """Return a question as people read it, with an organisation's values by language put in.

    Raises:
        MissingParameterError: a value is not set.
        quizzes.questions.QuestionError: with these values two of its choices read the same.
    """

    def filled(part: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(part, Mapping):
            return {
                name: fill(text, values.get(name, {})) if name in LANGUAGES else filled(text)
                for name, text in part.items()
            }
        return [filled(each) for each in part] if isinstance(part, list) else part

    content: Mapping[str, object] = filled(question_content(question))
    return read_question(content)


def read_parameters(raw: Sequence[Mapping[str, Any]]) -> tuple[ParameterGroup, ...]:
    """Make the list of parameters of the groups in its file."""
    return tuple(
        ParameterGroup(
            str(group["key"]),
            dict(group["title"]),
            tuple(
                Parameter(
                    str(each["name"]),
                    ParameterKind(each["kind"]),
                    dict(each["label"]),
                    dict(each["example"]),
                    dict(each["default"]) if "default" in each else None,
                )
                for each in group["parameters"]
            ),
        )
        for group in raw
    )


class ValueFault(StrEnum):
    """What is wrong with a value."""

    MISSING = "missing"
    """It is written in one language and not in another, or was set once and is emptied although it has no default."""
    LINE = "line"
    """It does not stand on one line, or holds characters that can't be seen."""
    TOO_LONG = "too_long"
    ADDRESS = "address"
    EMAIL = "email"
    NUMBER = "number"
    DIFFERS = "differs"
    """A number that is another one in another language."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What an organisation wants its parameters to be."""

    entries: Mapping[str, Mapping[str, str]]
    """Name to text by language: those that fit."""
    faults: Mapping[tuple[str, str], ValueFault]
    """By name and language."""


_FORMS = {
    ParameterKind.URL: (_ADDRESS, ValueFault.ADDRESS),
    ParameterKind.EMAIL: (_MAIL, ValueFault.EMAIL),
    ParameterKind.NUMBER: (re.compile(r"[1-9][0-9]{0,5}"), ValueFault.NUMBER),
}


def read_values(parameters: Sequence[Parameter], sent: Mapping[tuple[str, str], str], known: Collection[str]) -> Filled:
    """Read what was sent for parameters.

    What is left empty in every language becomes the default again; without one it stays unset, but what was set once
    can't be emptied.

    Args:
        parameters: the list.
        sent: texts by name and language; names that are not there are left as they are.
        known: names that the organisation has set.
    """
    entries: dict[str, Mapping[str, str]] = {}
    faults: dict[tuple[str, str], ValueFault] = {}
    for each in parameters:
        if not any((each.name, language) in sent for language in LANGUAGES):
            continue
        texts = {language: sent.get((each.name, language), "").strip() for language in LANGUAGES}
        if any(texts.values()) or (each.default is None and each.name in known):
            wrong = faults_of(each, texts)
            faults |= {(each.name, language): fault for language, fault in wrong.items()}
            if not wrong:
                entries[each.name] = texts
        elif each.default is not None and each.name in known:
            entries[each.name] = each.default
    return Filled(entries, faults)


def by_place(entries: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """Return texts by name and language."""
    return {(name, language): text for name, texts in entries.items() for language, text in texts.items()}


def faults_of(parameter: Parameter, texts: Mapping[str, str]) -> dict[str, ValueFault]:
    """Return what is wrong with a parameter's value, by language."""
    faults = {
        language: fault for language, text in texts.items() if (fault := fault_of(parameter.kind, text)) is not None
    }
    if parameter.kind is ParameterKind.NUMBER and not faults and len({int(text) for text in texts.values()}) > 1:
        faults = dict.fromkeys(texts, ValueFault.DIFFERS)
    return faults


def is_one_line(text: str) -> bool:
    """Tell whether a text stands on one line, and holds nothing unseen that turns or breaks it."""
    return not any(unicodedata.category(sign) in _UNSEEN or sign in _TURNING for sign in text)


def fault_of(kind: ParameterKind, text: str) -> ValueFault | None:
    """Return what is wrong with a value of a kind; None: it fits."""
    if not text.strip():
        return ValueFault.MISSING
    if not is_one_line(text):
        return ValueFault.LINE
    if len(text) > LONGEST_VALUE:
        return ValueFault.TOO_LONG
    pattern, fault = _FORMS.get(kind, (None, ValueFault.LINE))
    return fault if pattern is not None and pattern.fullmatch(text.strip()) is None else None
