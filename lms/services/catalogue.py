"""The catalogue that the tool ships: reading it, keeping its versions, and adopting it by one decision.

Source: domain.md §3 (採用承認).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import module_content
from lms.services.organisations import set_parameters
from lms.services.shipped import ShippedModule, chosen_modules, shipped_catalogue
from lms.services.text_values import (
    AlikeChoicesError,
    entries_of,
    modules_of,
    spoilt_questions,
    unset_defaults,
    unset_parameters,
)
from lms.store.awareness import (
    Adoption,
    ModuleVersion,
    QuestionVersion,
    adopted_hashes,
    adoptions_of,
    question_versions,
)
from lms.store.organisations import Organisation, wait_for_others
from lms.store.records import record
from quizzes.questions import question_content, question_hash


class NothingToAdoptError(ValueError):
    """All the modules are in force, or will be by then, in the shipped version."""


class ParametersNotSetError(LookupError):
    """The organisation has not said what the texts need and nobody else can say."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


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
    spoilt = spoilt_questions(shipped, entries_of(session, organisation.id))
    if spoilt:
        raise AlikeChoicesError(modules_of(spoilt))
    set_parameters(session, organisation, unset_defaults(session, organisation.id, needed), now, actor)
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
