"""How long reading and tests take: a module with its test, the load of a year, a newcomer's path.

Silent reading of plain Japanese prose is commonly put at 400 to 600 characters a minute; of English non-fiction at 238
words (Brysbaert 2019, https://doi.org/10.1016/j.jml.2019.104047). The figures here are on the slow side: the texts are
work, not leisure.

Source: domain.md §3 (default load, humane).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from courses.awareness import Lesson, Module, ModuleKind, Section
from quizzes.questions import Question, Text

CHARACTERS_A_MINUTE = {"ja": 500, "en": 1150}
"""Reading speed: characters without blanks in Japanese, with blanks in English (about 200 words)."""
SECONDS_A_CASE = 30
"""To think before opening what a worked case tells."""
SECONDS_A_QUESTION = 12
"""To decide, beside reading the question."""
MINUTES_A_PLEDGE = 5
"""To read a pledge and sign it."""


class Taught(Protocol):
    """A module with its bank of questions."""

    @property
    def module(self) -> Module:
        """The module."""
        ...

    @property
    def questions(self) -> Sequence[Question]:
        """Its bank."""
        ...


def characters(text: str, language: str) -> int:
    """Return how many characters a reader reads; blanks count in English, markup hardly matters."""
    return len(re.sub(r"\s", "", text)) if language == "ja" else len(re.sub(r"\s+", " ", text))


def reading_minutes(lesson: Lesson, language: str) -> float:
    """Return the minutes that a lesson takes, thinking over its worked cases included."""
    read = sum(characters(each.heading + each.markdown, language) for each in lesson.sections)
    cases = sum(is_case(each) for each in lesson.sections)
    return read / CHARACTERS_A_MINUTE[language] + cases * SECONDS_A_CASE / 60


def minutes_of_test(taught: Taught, language: str) -> float:
    """Return the minutes that a drawn test takes, taking the bank's questions to be of average length."""
    read = sum(characters(each[language], language) for question in taught.questions for each in asked(question))
    average = read / max(1, len(taught.questions)) / CHARACTERS_A_MINUTE[language] + SECONDS_A_QUESTION / 60
    return average * taught.module.test.questions


def is_case(section: Section) -> bool:
    """Tell whether a section is a worked case, which asks before it tells."""
    return section.section_id.startswith("case-")


def minutes(taught: Taught, language: str) -> float:
    """Return the minutes that a module takes, its test included."""
    return reading_minutes(taught.module.body[language], language) + minutes_of_test(taught, language)


def yearly_load(catalogue: Sequence[Taught], core: str, language: str) -> float:
    """Return the minutes of the fullest year: the core module, the unit on the objective, and the two longest others."""
    taken = {each.module.key: minutes(each, language) for each in catalogue if each.module.kind is ModuleKind.AWARENESS}
    unit = sum(minutes(each, language) for each in catalogue if each.module.kind is ModuleKind.YEARLY)
    others = sorted((each for key, each in taken.items() if key != core), reverse=True)
    return taken[core] + unit + sum(others[:2])


def newcomers_path(catalogue: Sequence[Taught], core: str, language: str) -> float:
    """Return the minutes of the longest way in: the core module, the unit, a pledge, and the longest briefing of a role."""
    of_kind = {
        kind: [minutes(each, language) for each in catalogue if each.module.kind is kind]
        for kind in (ModuleKind.YEARLY, ModuleKind.BRIEFING)
    }
    first = sum(minutes(each, language) for each in catalogue if each.module.key == core)
    briefing = max(of_kind[ModuleKind.BRIEFING], default=0.0)
    return first + sum(of_kind[ModuleKind.YEARLY]) + MINUTES_A_PLEDGE + briefing


def asked(question: Question) -> list[Text]:
    """Return the texts that somebody reads who answers."""
    return [each for each in texts_of(question) if each is not question.feedback]


def texts_of(question: Question) -> list[Text]:
    """Return all texts of a question."""
    return [
        question.stem,
        question.feedback,
        *(each.text for each in question.options),
        *(side for each in question.pairs for side in (each.left, each.right)),
        *(each.text for each in question.distractors),
    ]
