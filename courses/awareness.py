"""Awareness modules 教材: their texts in each language, their parameters, and the hash that names a version.

A module is Markdown in sections, the same sections in each language. Organisations fill in parameters such as the
contact; the version is the hash of the texts as shipped, and the filled-in values are recorded beside it.

Source: ISO/IEC 27001 clause 7.3; domain.md §3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import rfc8785

from courses.parameters import parameters_in

LANGUAGES = ("ja", "en")

_HEADING = re.compile(r"^## +(?P<heading>.+?) +\{#(?P<id>[a-z0-9-]+)\}\s*$", re.MULTILINE)


class ModuleKind(StrEnum):
    """What a module is for; the order is that in which they are listed."""

    AWARENESS = "awareness"
    """For everyone."""
    YEARLY = "yearly"
    """The unit on the year's objective 年度目的."""
    BRIEFING = "briefing"
    """For those who take on a role, and for vendors and leavers."""
    AUDITOR = "auditor"
    """A unit of the course for internal auditors."""


class ModuleError(ValueError):
    """A module's texts do not fit together."""

    def __init__(self, module: str, problem: str, where: str) -> None:
        super().__init__(f"{module}: {problem}: {where}")
        self.module = module
        self.problem = problem
        """Stable code: ``no_sections``, ``duplicate_section``, ``languages_differ``, ``parameter_undeclared`` …"""
        self.where = where


@dataclass(frozen=True, slots=True)
class Section:
    """One short section of a text: a screen or two on a phone."""

    section_id: str
    heading: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text in one language: a module's body or a supplementary lesson 補講."""

    title: str
    summary: str
    objectives: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the text uses."""
        texts = [self.title, self.summary, *self.objectives]
        texts += [part for section in self.sections for part in (section.heading, section.markdown)]
        return frozenset(name for text in texts for name in parameters_in(text))


@dataclass(frozen=True, slots=True)
class TestSettings:
    """How a module's test is drawn and passed; the organisation's defaults of domain.md §3."""

    __test__ = False  # pytest: this is no test case

    questions: int
    pass_percent: int
    attempts: int
    wait_minutes: int


@dataclass(frozen=True, slots=True)
class Module:
    """One version of a module in all its languages."""

    key: str
    minutes: int
    clauses: tuple[str, ...]
    parameters: tuple[str, ...]
    test: TestSettings
    body: Mapping[str, Lesson]
    supplement: Mapping[str, Lesson]
    kind: ModuleKind = ModuleKind.AWARENESS
    position: int = 1
    """Its place among those of its kind, from 1."""
    exercise: Mapping[str, Lesson] = field(default_factory=dict)
    """A case to be worked on and handed in; empty: there is none."""
    guide: Mapping[str, Lesson] = field(default_factory=dict)
    """How the exercise is marked: for those who mark, never for those who take it."""

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands in a list of modules."""
        return (list(ModuleKind).index(self.kind), self.position, self.key)

    def section_ids(self) -> tuple[str, ...]:
        """Return the sections' ids in reading order; the same in every language."""
        return tuple(section.section_id for section in self.body[LANGUAGES[0]].sections)


def read_sections(module: str, markdown: str) -> tuple[Section, ...]:
    """Cut a text into its sections at headings of the form ``## Heading {#id}``.

    Raises:
        ModuleError: there is no section, text before the first, or an id twice.
    """
    headings = list(_HEADING.finditer(markdown))
    if not headings or markdown[: headings[0].start()].strip():
        raise ModuleError(module, "no_sections", "before the first heading")
    sections: list[Section] = []
    for index, match in enumerate(headings):
        end = headings[index + 1].start() if index + 1 < len(headings) else len(markdown)
        text = markdown[match.end() : end].strip()
        if any(section.section_id == match["id"] for section in sections):
            raise ModuleError(module, "duplicate_section", match["id"])
        if not text:
            raise ModuleError(module, "empty_section", match["id"])
        sections.append(Section(match["id"], match["heading"], text))
    return tuple(sections)


def read_lesson(module: str, matter: Mapping[str, Any], markdown: str) -> Lesson:
    """Make a lesson of its front matter and its Markdown.

    Raises:
        ModuleError: title or summary is absent, objectives are no list, or the sections do not hold together.
    """
    for name in ("title", "summary"):
        if not isinstance(matter.get(name), str) or not matter[name].strip():
            raise ModuleError(module, "front_matter", name)
    objectives = matter.get("objectives", [])
    if not isinstance(objectives, list | tuple):  # a lone text would be cut into its characters
        raise ModuleError(module, "front_matter", "objectives")
    return Lesson(
        title=matter["title"].strip(),
        summary=matter["summary"].strip(),
        objectives=tuple(str(each) for each in objectives),
        sections=read_sections(module, markdown),
    )


def read_module(
    facts: Mapping[str, Any],
    body: Mapping[str, Lesson],
    supplement: Mapping[str, Lesson],
    case: tuple[Mapping[str, Lesson], Mapping[str, Lesson]] = ({}, {}),
) -> Module:
    """Make a module of its facts (``module.yaml``) and its lessons by language.

    Args:
        facts: key, kind, position, minutes, clauses, parameters (of questions too), test.
        body: what everyone reads.
        supplement: what those read who have used up their attempts.
        case: the case exercise and its marking guide; both empty where the module has none.

    Raises:
        ModuleError: the languages differ in their sections or objectives, or a text uses an undeclared parameter.
    """
    key = str(facts["key"])
    exercise, guide = case
    try:
        kind = ModuleKind(facts.get("kind", ModuleKind.AWARENESS))
    except ValueError:
        raise ModuleError(key, "unknown_kind", str(facts["kind"])) from None
    module = Module(
        key=key,
        minutes=int(facts["minutes"]),
        clauses=tuple(str(clause) for clause in facts["clauses"]),
        parameters=tuple(str(name) for name in facts["parameters"]),
        test=TestSettings(**{name: int(value) for name, value in facts["test"].items()}),
        body=dict(body),
        supplement=dict(supplement),
        kind=kind,
        position=int(facts.get("position", 1)),
        exercise=dict(exercise),
        guide=dict(guide),
    )
    if bool(exercise) != bool(guide):
        raise ModuleError(key, "case_incomplete", "guide" if exercise else "exercise")
    texts = [body, supplement, *([exercise, guide] if exercise else [])]
    for lessons in texts:
        _check_languages(key, lessons)
    used = frozenset[str]().union(*(lesson.parameters for lessons in texts for lesson in lessons.values()))
    if undeclared := used - set(module.parameters):
        raise ModuleError(key, "parameter_undeclared", sorted(undeclared)[0])
    return module


def _check_languages(key: str, lessons: Mapping[str, Lesson]) -> None:
    if set(lessons) != set(LANGUAGES):
        raise ModuleError(key, "languages_differ", ", ".join(sorted(lessons)))
    first, *others = (lessons[language] for language in LANGUAGES)
    for other in others:
        if [each.section_id for each in first.sections] != [each.section_id for each in other.sections]:
            raise ModuleError(key, "languages_differ", "sections")
        if len(first.objectives) != len(other.objectives):
            raise ModuleError(key, "languages_differ", "objectives")


def _lesson_content(lesson: Lesson) -> dict[str, Any]:
    return {
        "title": lesson.title,
        "summary": lesson.summary,
        "objectives": list(lesson.objectives),
        "sections": [
            {"id": section.section_id, "heading": section.heading, "markdown": section.markdown}
            for section in lesson.sections
        ],
    }


LESSONS = ("body", "supplement", "exercise", "guide")
"""What a module can have of lessons, by the names of its fields."""


def module_content(module: Module) -> dict[str, Any]:
    """Return the module as a JSON-able mapping: what is kept with a version and hashed."""
    content: dict[str, Any] = {
        "key": module.key,
        "minutes": module.minutes,
        "clauses": list(module.clauses),
        "parameters": list(module.parameters),
        "test": {
            "questions": module.test.questions,
            "pass_percent": module.test.pass_percent,
            "attempts": module.test.attempts,
            "wait_minutes": module.test.wait_minutes,
        },
    }
    # Versions of before there were kinds and places keep their hashes.
    if module.kind is not ModuleKind.AWARENESS:
        content["kind"] = module.kind.value
    if module.position != 1:
        content["position"] = module.position
    for name in LESSONS:
        lessons: Mapping[str, Lesson] = getattr(module, name)
        if lessons:
            content[name] = {language: _lesson_content(lesson) for language, lesson in lessons.items()}
    return content


def restore_module(content: Mapping[str, Any]) -> Module:
    """Make the module again from `module_content`, as kept with a version."""

    def lesson(raw: Mapping[str, Any]) -> Lesson:
        return Lesson(
            raw["title"],
            raw["summary"],
            tuple(raw["objectives"]),
            tuple(Section(each["id"], each["heading"], each["markdown"]) for each in raw["sections"]),
        )

    return Module(
        key=content["key"],
        minutes=content["minutes"],
        clauses=tuple(content["clauses"]),
        parameters=tuple(content["parameters"]),
        test=TestSettings(**content["test"]),
        kind=ModuleKind(content.get("kind", ModuleKind.AWARENESS)),
        position=content.get("position", 1),
        **{name: {language: lesson(raw) for language, raw in content.get(name, {}).items()} for name in LESSONS},
    )


def module_hash(module: Module, question_hashes: list[str]) -> str:
    """Return the SHA-256 (hex) that names a version: its texts, settings and question versions in bank order."""
    return module_content_hash(module_content(module), question_hashes)


def module_content_hash(content: dict[str, Any], question_hashes: list[str]) -> str:
    """Return the hash of a module's content as kept with a version."""
    return hashlib.sha256(rfc8785.dumps({"module": content, "questions": question_hashes})).hexdigest()


def short_version(version_hash: str) -> str:
    """Return the part of a version's hash that people read and registers show: its first 12 digits."""
    return version_hash[:12]
