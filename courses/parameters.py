"""Parameters of texts: what an organisation puts into the catalogue's texts, so that they never contradict its own rules.

A text names a parameter as ``{{ contact_name }}``. One list says what each is, what stands there until the organisation
says otherwise, and what it has to say itself.

Source: domain.md §3; the list is ``courses/catalogue/parameters.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from quizzes.questions import LANGUAGES, Question, question_content, read_question

_PARAMETER = re.compile(r"\{\{ *([a-z_]+) *\}\}")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_MAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")


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


@dataclass(frozen=True, slots=True)
class Filled:
    """What an organisation wants its parameters to be."""

    entries: Mapping[str, Mapping[str, str]]
    """Name to text by language: those that fit."""
    faults: Mapping[tuple[str, str], str]
    """Name and language to what is wrong: ``missing`` or ``unfit``."""


def read_values(
    groups: Sequence[ParameterGroup],
    sent: Mapping[tuple[str, str], str],
    known: Collection[str],
    languages: Sequence[str],
) -> Filled:
    """Read what was sent for the parameters of a list.

    What is left empty in every language becomes the default again; without one it stays unset, but what was set once
    can't be emptied.

    Args:
        groups: the list.
        sent: texts by name and language; names that are not there are left as they are.
        known: names that the organisation has set.
        languages: each must be written.
    """
    entries: dict[str, Mapping[str, str]] = {}
    faults: dict[tuple[str, str], str] = {}
    for each in (one for group in groups for one in group.parameters):
        if not any((each.name, language) in sent for language in languages):
            continue
        texts = {language: sent.get((each.name, language), "").strip() for language in languages}
        if not any(texts.values()):
            if each.default is not None:
                if each.name in known:
                    entries[each.name] = each.default
            elif each.name in known:
                faults |= {(each.name, language): "missing" for language in languages}
            continue
        wrong = {
            (each.name, language): "unfit" if text else "missing"
            for language, text in texts.items()
            if not is_fit(each.kind, text)
        }
        faults |= wrong
        if not wrong:
            entries[each.name] = texts
    return Filled(entries, faults)


def is_fit(kind: ParameterKind, value: str) -> bool:
    """Tell whether a value is of a parameter's kind; every kind takes one line that is not blank."""
    if not value.strip() or not value.isprintable():
        return False
    if kind is ParameterKind.URL:
        return _ADDRESS.fullmatch(value.strip()) is not None
    if kind is ParameterKind.EMAIL:
        return _MAIL.fullmatch(value.strip()) is not None
    if kind is ParameterKind.NUMBER:
        return value.strip().isascii() and value.strip().isdecimal() and int(value) > 0
    return True
