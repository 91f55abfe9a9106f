"""The right answers of the shipped question bank, found by the words of a question as a person would read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from courses.parameters import fill
from lms.services.shipped import shipped_parameters

BANK = Path(__file__).parents[2] / "courses/catalogue/modules/isms-and-my-role/questions.yaml"
VALUES = {each.name: each.default for group in shipped_parameters() for each in group.parameters if each.default} | (
    yaml.safe_load((Path(__file__).parents[1] / "practice_organisation/parameters.yaml").read_text("utf-8"))
)
"""What the practice organisation puts into texts, by language."""
RAW_QUESTIONS: list[dict[str, Any]] = yaml.safe_load(BANK.read_text("utf-8"))["questions"]


@dataclass(frozen=True)
class RightAnswer:
    """What to choose on the page of one question."""

    kind: str
    """single, multiple, true_false or matching."""
    values: tuple[str, ...] = ()
    """Values of the boxes to mark."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Name of each list of a matching question, and the text to choose in it."""


def _plain(text: str) -> str:
    return "".join(text.replace("**", "").split())


def _right(raw: dict[str, Any], language: str) -> RightAnswer:
    if raw["kind"] == "true_false":
        return RightAnswer("true_false", values=("true" if raw["answer"] else "false",))
    if raw["kind"] == "matching":
        return RightAnswer(
            "matching", pairs=tuple((f"pair-{pair['key']}", pair["right"][language]) for pair in raw["pairs"])
        )
    return RightAnswer(raw["kind"], values=tuple(each["key"] for each in raw["options"] if each["correct"]))


def _filled(text: str, language: str) -> str:
    return fill(text, {name: texts[language] for name, texts in VALUES.items()})


_BY_STEM = {
    _plain(_filled(raw["stem"][language], language)): _right(raw, language)
    for raw in RAW_QUESTIONS
    for language in ("ja", "en")
}


def right_answer_to(stem: str) -> RightAnswer:
    """Return the right answer to a question, given its words in either language.

    Raises:
        KeyError: the bank has no such question.
    """
    return _BY_STEM[_plain(stem)]
