"""Versions of modules and questions, the decisions that adopt them, and where each reader is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Record, known


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


class ReadingPlace(Base):
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


def adopted_version(session: Session, organisation_id: int, key: str, on: date) -> ModuleVersion | None:
    """Return the module version that the newest decision in effect on a day adopts."""
    adoptions = session.scalars(
        select(Adoption)
        .where(Adoption.organisation_id == organisation_id, Adoption.effective_on <= on, known(Adoption, None))
        .order_by(Adoption.effective_on.desc(), Adoption.id.desc())
    )
    version_hash = next((each.versions[key] for each in adoptions if key in each.versions), None)
    if version_hash is None:
        return None
    return session.scalar(
        select(ModuleVersion).where(
            ModuleVersion.organisation_id == organisation_id, ModuleVersion.version_hash == version_hash
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
