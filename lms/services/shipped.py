"""What the tool ships: modules with their questions, the list of parameters, samples of the year, and the glossary.

Source: domain.md §3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import frontmatter
import yaml

from courses.awareness import LANGUAGES, Lesson, Module, module_hash, read_lesson, read_module
from courses.glossary import Term, read_glossary
from courses.parameters import Parameter, ParameterGroup, read_parameters
from quizzes.questions import Question, question_hash, read_bank

YEARLY_UNIT = "objective-of-the-year"
_FOLDER = files("courses") / "catalogue"


class UnknownShippedModuleError(LookupError):
    """The tool ships no module with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class YearSample:
    """A worked sample of the year's unit: an objective and theme with all that belongs to them."""

    title: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ShippedModule:
    """A module of the shipped catalogue with its bank of questions."""

    module: Module
    questions: tuple[Question, ...]

    @property
    def version_hash(self) -> str:
        """The hash that names this version."""
        return module_hash(self.module, [question_hash(question) for question in self.questions])


@lru_cache
def shipped_catalogue() -> tuple[ShippedModule, ...]:
    """Read the catalogue that the tool ships, in the order in which modules are listed."""
    folder = _FOLDER / "modules"
    found = [_read_shipped(entry) for entry in folder.iterdir() if (entry / "module.yaml").is_file()]
    return tuple(sorted(found, key=lambda each: each.module.place))


@lru_cache
def shipped_parameters() -> tuple[ParameterGroup, ...]:
    """Read the list of the parameters that the catalogue's texts use."""
    return read_parameters(_yaml(_FOLDER / "parameters.yaml")["groups"])


@lru_cache
def shipped_glossary() -> tuple[Term, ...]:
    """Read the glossary."""
    return read_glossary(_yaml(_FOLDER / "glossary.yaml")["terms"])


@lru_cache
def year_samples() -> dict[str, YearSample]:
    """Read the worked samples of the year's unit, by key."""
    folder = _FOLDER / "modules" / YEARLY_UNIT / "samples"
    files_found = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    raw = {each.name.removesuffix(".yaml"): _yaml(each) for each in files_found}
    return {key: YearSample(each["title"], each["parameters"]) for key, each in raw.items()}


def _yaml(file: Traversable) -> dict[str, Any]:
    # The C loader reads the whole catalogue in a tenth of the time; it is as safe.
    content: dict[str, Any] = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return content


def _read_shipped(folder: Traversable) -> ShippedModule:
    facts = _yaml(folder / "module.yaml")
    key = str(facts["key"])

    def lessons(name: str) -> dict[str, Lesson]:
        posts = {
            language: frontmatter.loads((folder / f"{name}.{language}.md").read_text("utf-8")) for language in LANGUAGES
        }
        return {language: read_lesson(key, post.metadata, post.content) for language, post in posts.items()}

    has_case = (folder / f"exercise.{LANGUAGES[0]}.md").is_file()
    case = (lessons("exercise"), lessons("guide")) if has_case else ({}, {})
    module = read_module(facts, lessons("module"), lessons("supplement"), case)
    return ShippedModule(module, read_bank(_yaml(folder / "questions.yaml")["questions"]))


def listed_parameters() -> list[Parameter]:
    """Return the parameters of all groups, in order of the list."""
    return [each for group in shipped_parameters() for each in group.parameters]


def chosen_modules(keys: Collection[str]) -> tuple[ShippedModule, ...]:
    """Return the shipped modules with these keys; without any, all.

    Raises:
        UnknownShippedModuleError: the tool ships no module with one of them.
    """
    shipped = shipped_catalogue()
    known = {each.module.key for each in shipped}
    if unknown := [key for key in keys if key not in known]:
        raise UnknownShippedModuleError(unknown[0])
    return tuple(each for each in shipped if not keys or each.module.key in keys)
