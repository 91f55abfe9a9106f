"""Modules in use: which version is in force on a day, its questions, and where each reader is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import Module, restore_module
from lms.store.awareness import (
    ModuleVersion,
    ReadingPlace,
    adopted_hashes,
    question_versions,
    version_by_hash,
    versions_by_hash,
)
from lms.store.identities import lock_identities
from lms.store.organisations import parameters_of
from quizzes.questions import Question, read_question


class UnknownModuleError(LookupError):
    """No module with this key is in use on the day."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class ModuleInUse:
    """A module version as adopted."""

    version_id: int
    version_hash: str
    module: Module
    question_hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is in a module."""

    section_id: str | None
    """The section opened last; None before the first."""
    read_sections: frozenset[str]


def module_in_use(session: Session, organisation_id: int, key: str, on: date) -> ModuleInUse:
    """Return the module version that is in force on a day.

    Raises:
        UnknownModuleError: no decision in effect adopts such a module.
    """
    version_hash = adopted_hashes(session, organisation_id, on).get(key)
    if version_hash is None:
        raise UnknownModuleError(key)
    return _by_hash(session, organisation_id, version_hash)


def modules_in_use(session: Session, organisation_id: int, on: date) -> dict[str, Module]:
    """Return all modules in force on a day by key, in the order in which they are listed."""
    hashes = adopted_hashes(session, organisation_id, on).values()
    # One look for all of them: every first page after a launch lists the whole catalogue.
    missing = [each for each in hashes if each not in _restored]
    for row in versions_by_hash(session, organisation_id, missing) if missing else ():
        _in_use(row)
    return {module.key: module for module in sorted((_restored[each] for each in hashes), key=lambda one: one.place)}


def module_version(session: Session, version_id: int) -> ModuleInUse:
    """Return a kept module version; content named by a hash is read from the database once."""
    row = session.execute(
        select(ModuleVersion.version_hash, ModuleVersion.question_hashes).where(ModuleVersion.id == version_id)
    ).one()
    module = _restored.get(row.version_hash)
    if module is None:
        return _in_use(session.get_one(ModuleVersion, version_id))
    return ModuleInUse(version_id, row.version_hash, module, tuple(row.question_hashes))


def _by_hash(session: Session, organisation_id: int, version_hash: str) -> ModuleInUse:
    """Return an adopted version; its content, which is long, is read from the database once."""
    module = _restored.get(version_hash)
    if module is None:
        return _in_use(version_by_hash(session, organisation_id, version_hash))
    row = session.execute(
        select(ModuleVersion.id, ModuleVersion.question_hashes).where(
            ModuleVersion.organisation_id == organisation_id, ModuleVersion.version_hash == version_hash
        )
    ).one()
    return ModuleInUse(row.id, version_hash, module, tuple(row.question_hashes))


_restored: dict[str, Module] = {}
"""Modules by version hash, which names their content; a process meets a handful."""
_questions: dict[str, Question] = {}


def _in_use(row: ModuleVersion) -> ModuleInUse:
    module = _restored.get(row.version_hash)
    if module is None:
        module = _restored[row.version_hash] = restore_module(row.content)
    return ModuleInUse(row.id, row.version_hash, module, tuple(row.question_hashes))


def questions_by_hash(session: Session, organisation_id: int, hashes: Sequence[str]) -> dict[str, Question]:
    """Return question versions by their hash; content named by a hash is read from the database once."""
    missing = [each for each in hashes if each not in _questions]
    if missing:
        for version_hash, row in question_versions(session, organisation_id, missing).items():
            _questions[version_hash] = read_question(row.content)
    return {each: _questions[each] for each in hashes}


def parameter_values(session: Session, organisation_id: int, language: str) -> dict[str, str]:
    """Return the organisation's values for the parameters of texts, in a language."""
    row = parameters_of(session, organisation_id)
    if row is None:
        return {}
    return {name: texts.get(language, "") for name, texts in row.entries.items()}


def reading_place(session: Session, identity_ids: Sequence[int], key: str) -> Place:
    """Return where a person is in a module, over all their identities."""
    rows = session.scalars(
        select(ReadingPlace)
        .where(ReadingPlace.identity_id.in_(identity_ids), ReadingPlace.module_key == key)
        .order_by(ReadingPlace.updated_at)
    ).all()
    if not rows:
        return Place(None, frozenset())
    return Place(rows[-1].section_id, frozenset(section for row in rows for section in row.read_sections))


def keep_place(
    session: Session,
    organisation_id: int,
    reader: tuple[int, str],
    section_id: str,
    *,
    read: frozenset[str],
    now: datetime,
) -> None:
    """Keep the section that a reader has opened, and the ones read so far.

    Args:
        session: a writing transaction.
        organisation_id: the reader's organisation.
        reader: identity and module key.
        section_id: the section opened.
        read: ids of the sections read to their end.
        now: the present time.
    """
    identity_id, key = reader
    lock_identities(session, [identity_id])  # two tabs of one reader: neither loses what the other has read
    row = session.get(ReadingPlace, (identity_id, key))
    if row is None:
        row = ReadingPlace(identity_id=identity_id, module_key=key, organisation_id=organisation_id, read_sections=[])
        session.add(row)
    row.section_id = section_id
    row.read_sections = sorted(set(row.read_sections) | read)
    row.updated_at = now
