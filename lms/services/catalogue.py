"""The catalogue that the tool ships: reading it, keeping its versions, and adopting it by one decision.

Source: domain.md §3 (採用承認).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import frontmatter
import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES, Lesson, Module, module_content, module_hash, read_lesson, read_module
from courses.glossary import Term, read_glossary
from courses.parameters import (
    Parameter,
    ParameterGroup,
    ValueFault,
    faults_of,
    filled_question,
    read_parameters,
    read_values,
)
from lms.services.organisations import set_parameters
from lms.store.awareness import (
    Adoption,
    ModuleVersion,
    QuestionVersion,
    adopted_hashes,
    adoptions_of,
    question_versions,
)
from lms.store.organisations import Organisation, parameters_of, wait_for_others
from lms.store.records import record
from quizzes.questions import Question, QuestionError, question_content, question_hash, read_bank

YEARLY_UNIT = "objective-of-the-year"
_FOLDER = files("courses") / "catalogue"


class UnknownShippedModuleError(LookupError):
    """The tool ships no module with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class NothingToAdoptError(ValueError):
    """All the modules are in force, or will be by then, in the shipped version."""


class UnfitValuesError(ValueError):
    """Values do not fit their parameters."""

    def __init__(self, faults: Mapping[tuple[str, str], ValueFault]) -> None:
        super().__init__(", ".join(f"{name} ({language}): {fault}" for (name, language), fault in faults.items()))
        self.faults = faults


class AlikeChoicesError(ValueError):
    """With these values two choices of a question would read the same."""

    def __init__(self, modules: Sequence[Module]) -> None:
        super().__init__(", ".join(module.key for module in modules))
        self.modules = tuple(modules)


class ValuesChangedError(RuntimeError):
    """Somebody set values since the page was made from which these come."""


class ParametersNotSetError(LookupError):
    """The organisation has not said what the texts need and nobody else can say."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


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


def keep_versions(
    session: Session, organisation: Organisation, shipped: Sequence[ShippedModule], actor: str, now: datetime
) -> int:
    """Record the versions of modules and questions that the organisation does not have yet; return how many modules."""
    new_modules = 0
    for each in shipped:
        hashes = [question_hash(question) for question in each.questions]
        known_questions = question_versions(session, organisation.id, hashes)
        stamp = {"recorded_at": now, "recorded_by": actor}
        record(
            session,
            organisation,
            *(
                QuestionVersion(
                    module_key=each.module.key,
                    key=question.key,
                    version_hash=version_hash,
                    content=question_content(question),
                    **stamp,
                )
                for question, version_hash in zip(each.questions, hashes, strict=True)
                if version_hash not in known_questions
            ),
        )
        is_known = session.scalar(
            select(ModuleVersion.id).where(
                ModuleVersion.organisation_id == organisation.id, ModuleVersion.version_hash == each.version_hash
            )
        )
        if is_known is None:
            record(
                session,
                organisation,
                ModuleVersion(
                    key=each.module.key,
                    version_hash=each.version_hash,
                    content=module_content(each.module),
                    question_hashes=hashes,
                    **stamp,
                ),
            )
            new_modules += 1
    return new_modules


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of the organisation that adopts content: what stands in its minutes."""

    reference: str
    approved_by: str
    effective_on: date


def adopt_catalogue(
    session: Session,
    organisation: Organisation,
    decision: Decision,
    actor: str,
    now: datetime,
    keys: Collection[str] = (),
) -> Adoption:
    """Adopt the whole shipped catalogue 採用承認, or some of its modules, by one recorded decision.

    With it, the organisation adopts the defaults of the parameters that it has not set: from then on they are its own,
    and another edition of the tool does not change what its texts say.

    Args:
        session: a writing session.
        organisation: which adopts.
        decision: what stands in its minutes.
        actor: who records it.
        now: the present time.
        keys: of the modules to be adopted; none for all.

    Raises:
        UnknownShippedModuleError: the tool ships no module with one of the keys.
        NothingToAdoptError: their shipped versions are adopted already.
        ParametersNotSetError: a text needs a value that has no default and is not set.
        AlikeChoicesError: a question would have two choices that read the same.
    """
    wait_for_others(session, organisation.id)
    adopted = adopted_hashes(session, organisation.id, decision.effective_on)
    shipped = [each for each in chosen_modules(keys) if adopted.get(each.module.key) != each.version_hash]
    if not shipped:
        raise NothingToAdoptError
    needed = frozenset[str]().union(*(each.module.parameters for each in shipped))
    if missing := unset_parameters(session, organisation.id, needed):
        raise ParametersNotSetError(missing)
    spoilt = _spoilt(shipped, _entries(session, organisation.id))
    if spoilt:
        raise AlikeChoicesError(_modules(spoilt))
    set_parameters(session, organisation, _defaults(session, organisation.id, needed), now, actor)
    keep_versions(session, organisation, shipped, actor, now)
    adoption = Adoption(
        decision=decision.reference,
        approved_by=decision.approved_by,
        effective_on=decision.effective_on,
        versions={each.module.key: each.version_hash for each in shipped},
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, adoption)
    return adoption


class CatalogueState(StrEnum):
    """How a shipped module stands to what an organisation has adopted."""

    NOT_ADOPTED = "not_adopted"
    CURRENT = "current"
    """The shipped version is in force."""
    COMING = "coming"
    """A decision adopts the shipped version from a later day on."""
    NEWER_SHIPPED = "newer_shipped"
    """Another version is in force, and nothing adopts the shipped one."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A shipped module, and which of its versions an organisation uses."""

    shipped: ShippedModule
    in_force: Adoption | None
    """The decision by which a version is in force today."""
    coming: Adoption | None
    """The last decision that takes effect later and changes the version."""

    @property
    def state(self) -> CatalogueState:
        """How the shipped version stands to the adopted ones."""
        key, version = self.shipped.module.key, self.shipped.version_hash
        newest = self.coming or self.in_force
        if newest is None:
            return CatalogueState.NOT_ADOPTED
        if newest.versions[key] != version:
            return CatalogueState.NEWER_SHIPPED
        return CatalogueState.CURRENT if self.coming is None else CatalogueState.COMING


def catalogue_of(session: Session, organisation_id: int, today: date) -> tuple[list[CatalogueEntry], list[Adoption]]:
    """Return how each shipped module stands to what an organisation has adopted, and all its decisions, newest first."""
    adoptions = adoptions_of(session, organisation_id)
    entries = []
    for each in shipped_catalogue():
        about = [one for one in adoptions if each.module.key in one.versions]
        in_force = next((one for one in reversed(about) if one.effective_on <= today), None)
        coming = about[-1] if about and about[-1].effective_on > today else None
        if coming and in_force and coming.versions[each.module.key] == in_force.versions[each.module.key]:
            coming = None
        entries.append(CatalogueEntry(each, in_force, coming))
    return entries, sorted(adoptions, key=lambda one: one.id, reverse=True)


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


def set_values(
    session: Session,
    organisation: Organisation,
    sent: Mapping[tuple[str, str], str],
    by: tuple[str, datetime],
    seen: int | None = None,
) -> None:
    """Set values of the list's parameters: those that were sent and differ.

    Args:
        session: a writing session.
        organisation: whose values.
        sent: texts by name and language; see `courses.parameters.read_values`.
        by: who sets them, and when.
        seen: id of the values that the sender saw, 0 for none; None: whatever they are.

    Raises:
        ValuesChangedError: others were set meanwhile.
        UnfitValuesError: a value does not fit; nothing is set.
        AlikeChoicesError: with these a question would have two choices that read the same; nothing is set.
    """
    wait_for_others(session, organisation.id)
    row = parameters_of(session, organisation.id)
    if seen is not None and seen != (row.id if row else 0):
        raise ValuesChangedError
    known = _entries(session, organisation.id)
    filled = read_values(_parameters(), sent, known)
    if filled.faults:
        raise UnfitValuesError(filled.faults)
    _check_together(known, filled.entries)
    actor, now = by
    set_parameters(session, organisation, filled.entries, now, actor)


def set_entries(
    session: Session, organisation: Organisation, entries: Mapping[str, Mapping[str, str]], by: tuple[str, datetime]
) -> None:
    """Set values from a file: of the list's parameters, which must fit, and of others, which pledges may use.

    Raises:
        lms.services.organisations.BadParametersError: a name or a text is not acceptable.
        UnfitValuesError: a value does not fit; roll back.
        AlikeChoicesError: with these a question would have two choices that read the same; roll back.
    """
    known = _entries(session, organisation.id)
    actor, now = by
    set_parameters(session, organisation, entries, now, actor)
    faults = {
        (each.name, language): fault
        for each in _parameters()
        if each.name in entries
        for language, fault in faults_of(each, entries[each.name]).items()
    }
    if faults:
        raise UnfitValuesError(faults)
    _check_together(known, entries)


def _check_together(known: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse values that spoil a question which the present ones do not spoil."""
    before = {(each.module.key, question.key) for each, question in _spoilt(shipped_catalogue(), known)}
    after = _spoilt(shipped_catalogue(), {**known, **new})
    if spoilt := [(each, question) for each, question in after if (each.module.key, question.key) not in before]:
        raise AlikeChoicesError(_modules(spoilt))


_Spoilt = list[tuple[ShippedModule, Question]]


def _spoilt(modules: Sequence[ShippedModule], entries: Mapping[str, Mapping[str, str]]) -> _Spoilt:
    """Return the questions in which two choices would read the same with these values, defaults for the rest."""
    known = {each.name: each.default or each.example for each in _parameters()} | dict(entries)
    values = {language: {name: _as_read(texts[language]) for name, texts in known.items()} for language in LANGUAGES}
    found = []
    for each in modules:
        for question in each.questions:
            try:
                filled_question(question, values)
            except QuestionError:
                found.append((each, question))
    return found


def _as_read(text: str) -> str:
    """Return a text as the eye takes it: whatever the width of its letters and blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _modules(spoilt: _Spoilt) -> list[Module]:
    return list({each.module.key: each.module for each, _question in spoilt}.values())


def unset_parameters(session: Session, organisation_id: int, names: Collection[str]) -> list[str]:
    """Return which of these parameters have neither a value of the organisation nor a default, in order of the list."""
    known = _entries(session, organisation_id)
    defaults = {each.name for each in _parameters() if each.default is not None}
    return [
        each.name
        for each in _parameters()
        if each.name in names and each.name not in known and each.name not in defaults
    ]


def _defaults(session: Session, organisation_id: int, names: Collection[str]) -> dict[str, Mapping[str, str]]:
    known = _entries(session, organisation_id)
    return {
        each.name: each.default
        for each in _parameters()
        if each.default is not None and each.name in names and each.name not in known
    }


def _entries(session: Session, organisation_id: int) -> dict[str, Mapping[str, str]]:
    row = parameters_of(session, organisation_id)
    return dict(row.entries) if row else {}


def _parameters() -> list[Parameter]:
    return [each for group in shipped_parameters() for each in group.parameters]
