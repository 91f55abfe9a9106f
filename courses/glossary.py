"""Glossary for readers: the words of modules and pages, in both languages.

Source: domain.md §1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from courses.awareness import LANGUAGES

_ROWS = (
    "あいうえお",
    "かきくけこ",
    "さしすせそ",
    "たちつてと",
    "なにぬねの",
    "はひふへほ",
    "まみむめも",
    "やゆよ",
    "らりるれろ",
    "わをん",
)
_PLAIN = str.maketrans(
    "がぎぐげござじずぜぞだぢづでどばびぶべぼぱぴぷぺぽぁぃぅぇぉっゃゅょゔ",
    "かきくけこさしすせそたちつてとはひふへほはひふへほあいうえおつやゆよう",
    "ー",
)


class GlossaryError(ValueError):
    """An entry of the glossary is not as it must be."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem
        """Stable code: ``twice``, ``language``, ``reading``, ``see``."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word, with what it means."""

    key: str
    term: Mapping[str, str]
    reading: str
    """Of the Japanese word, in hiragana."""
    text: Mapping[str, str]
    see: tuple[str, ...]
    """Keys of related words."""


def read_glossary(raw: Sequence[Mapping[str, Any]]) -> tuple[Term, ...]:
    """Read the entries of the glossary's file.

    Raises:
        GlossaryError: a key comes twice or is related to an unknown one, a language is absent, or a reading is not kana.
    """
    terms = tuple(
        Term(
            str(each["key"]),
            dict(each["term"]),
            str(each["reading"]),
            dict(each["text"]),
            tuple(str(key) for key in each.get("see", ())),
        )
        for each in raw
    )
    keys = [term.key for term in terms]
    for term in terms:
        checks = {
            "twice": keys.count(term.key) == 1,
            "language": all(term.term.get(each) and term.text.get(each) for each in LANGUAGES),
            "reading": bool(term.reading) and all("ぁ" <= sign <= "ん" or sign in "ゔー" for sign in term.reading),
            "see": set(term.see) <= set(keys) - {term.key},
        }
        for problem, is_well in checks.items():
            if not is_well:
                raise GlossaryError(term.key, problem)
    return terms


def in_order(terms: Sequence[Term], language: str) -> list[tuple[str, list[Term]]]:
    """Return the entries in a reader's order, under the row 行 of their reading or their first letter."""
    if language == "ja":
        ordered = sorted(terms, key=lambda term: (term.reading.translate(_PLAIN), term.reading))
        return [(row, list(found)) for row, found in groupby(ordered, key=lambda term: _row(term.reading))]
    ordered = sorted(terms, key=lambda term: term.term[language].casefold())
    return [
        (letter, list(found)) for letter, found in groupby(ordered, key=lambda term: term.term[language][0].upper())
    ]


def _row(reading: str) -> str:
    first = reading[0].translate(_PLAIN)
    return next((row[0] for row in _ROWS if first in row), first)
