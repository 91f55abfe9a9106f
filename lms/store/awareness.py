"""Versions of modules and questions, the decisions that adopt them, and where each reader is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from courses.awareness import module_content_hash
from lms.store.base import Base, BigId, Owned
from lms.store.records import Record, known
from quizzes.questions import question_content_hash


class ModuleVersion(Record, Base):
    """A version of a module 教材(版), named by the hash of its texts, settings and question versions."""

    __tablename__ = "module_version"
    __table_args__ = (UniqueConstraint("organisation_id", "version_hash"),)
    event_type: ClassVar[str] = "module.version_kept"
    unledgered: ClassVar[frozenset[str]] = frozenset({"content", "question_hashes"})  # named by version_hash

    key: Mapped[str]
    version_hash: Mapped[str]
    content: Mapped[dict[str, Any]]
    """The texts and settings: `courses.awareness.module_content`."""
    question_hashes: Mapped[list[Any]]
    """Hashes of the question versions of its bank, in order."""

    def is_seal_whole(self) -> bool:
        """Tell whether texts, settings and question versions still hash to the version."""
        return module_content_hash(self.content, self.question_hashes) == self.version_hash


class QuestionVersion(Record, Base):
    """A version of a question 設問(版), named by its hash."""

    __tablename__ = "question_version"
    __table_args__ = (UniqueConstraint("organisation_id", "version_hash"),)
    event_type: ClassVar[str] = "question.version_kept"
    unledgered: ClassVar[frozenset[str]] = frozenset({"content"})  # sealed by version_hash: the key stays secret

    module_key: Mapped[str]
    key: Mapped[str]
    version_hash: Mapped[str]
    content: Mapped[dict[str, Any]]
    """`quizzes.questions.question_content`, answer key included."""

    def is_seal_whole(self) -> bool:
        """Tell whether the question still hashes to the version."""
        return question_content_hash(self.content) == self.version_hash


class Adoption(Record, Base):
    """A decision 採用承認 that adopts module versions from a day on."""

    __tablename__ = "adoption"
    event_type: ClassVar[str] = "catalogue.adopted"

    decision: Mapped[str]
    """Number or name of the decision, as in the organisation's own minutes."""
    approved_by: Mapped[str]
    """Office or body that approved, as it is named in the decision."""
    effective_on: Mapped[date]
    versions: Mapped[dict[str, Any]]
    """Module key to version hash: what the decision adopts."""


class ReadingPlace(Owned, Base):
    """Where somebody is in a module; work state."""

    __tablename__ = "reading_place"

    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), primary_key=True)
    module_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    section_id: Mapped[str]
    """The section that was opened last."""
    read_sections: Mapped[list[Any]]
    """Ids of the sections that were read to their end."""
    updated_at: Mapped[datetime]


def adopted_hashes(session: Session, organisation_id: int, on: date) -> dict[str, str]:
    """Return the version hash of each module in use on a day: for each key, what the newest decision in effect adopts."""
    adoptions = session.scalars(
        select(Adoption.versions)
        .where(Adoption.organisation_id == organisation_id, Adoption.effective_on <= on, known(Adoption, None))
        .order_by(Adoption.effective_on, Adoption.id)
    )
    return {key: version_hash for versions in adoptions for key, version_hash in versions.items()}


def adoptions_of(session: Session, organisation_id: int) -> list[Adoption]:
    """Return all decisions, in the order in which they take effect."""
    return list(
        session.scalars(
            select(Adoption)
            .where(Adoption.organisation_id == organisation_id, known(Adoption, None))
            .order_by(Adoption.effective_on, Adoption.id)
        )
    )


def version_by_hash(session: Session, organisation_id: int, version_hash: str) -> ModuleVersion:
    """Return a kept module version."""
    return session.scalars(
        select(ModuleVersion).where(
            ModuleVersion.organisation_id == organisation_id, ModuleVersion.version_hash == version_hash
        )
    ).one()


def versions_by_hash(session: Session, organisation_id: int, hashes: Sequence[str]) -> list[ModuleVersion]:
    """Return kept module versions, in no particular order."""
    return list(
        session.scalars(
            select(ModuleVersion).where(
                ModuleVersion.organisation_id == organisation_id, ModuleVersion.version_hash.in_(hashes)
            )
        )
    )


def question_versions(session: Session, organisation_id: int, hashes: list[str]) -> dict[str, QuestionVersion]:
    """Return question versions by their hash."""
    rows = session.scalars(
        select(QuestionVersion).where(
            QuestionVersion.organisation_id == organisation_id, QuestionVersion.version_hash.in_(hashes)
        )
    )
    return {row.version_hash: row for row in rows}
