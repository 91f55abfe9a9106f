"""Training that was not taken in the tool: face-to-face sessions, make-ups, and courses given by others.

Source: ISO/IEC 27001 clause 7.2 d; `courses.records` for what each kind must carry.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact


class TrainingRecord(PersonFact, Base):
    """One person's training; ``valid_from`` is the JST day on which it was completed."""

    __tablename__ = "training_record"
    event_type: ClassVar[str] = "training.recorded"

    competence: Mapped[str] = mapped_column(index=True)
    """What it counts for: a module's key, or ``internal-auditor-course``."""
    kind: Mapped[str]
    """`courses.records.EvidenceKind`."""
    is_passed: Mapped[bool]
    """False: attended only, or failed; it then meets no requirement that bears a test."""
    mark: Mapped[int | None]
    maximum: Mapped[int | None]
    pass_mark: Mapped[int | None]
    """All three in points."""
    provider: Mapped[str | None]
    """Firm or office that gave it."""
    session: Mapped[str | None]
    """Title and date of the session."""
    certificate: Mapped[str | None]
    """Number of the certificate."""
    grader: Mapped[str | None]
    equivalence_verified_by: Mapped[str | None]
    """Office that found it equivalent."""
    document_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("stored_document.id"))
    """Scan of the certificate or sign-in sheet."""
    migration_batch_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("migration_batch.id"))
