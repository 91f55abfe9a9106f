"""Attempts at a test: the open paper and its answers (work state), and the records that remain."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.records import Record

ITEMS = "items"
"""Name of the commitment to, in order of a paper, shown order, answer as given, points given and possible."""


class Attempt(Owned, Base):
    """An attempt 受験 and its paper; work state until it is submitted."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("identity_id", "module_key", "occasion", "number"),
        Index("ix_attempt_identity_id_module_key", "identity_id", "module_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    module_version_id: Mapped[int] = mapped_column(BigId, ForeignKey("module_version.id"))
    module_key: Mapped[str]
    occasion: Mapped[str]
    """The obligation that it works on, or ``open:YEAR``; tries are counted within it."""
    number: Mapped[int]
    """Number of the try within its occasion, from 1."""
    seed: Mapped[str]
    """From which the paper was drawn."""
    paper: Mapped[list[Any]]
    """In order: ``{"question": key, "version": hash, "order": [option keys as shown]}``."""
    started_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]


class Answer(Owned, Base):
    """The answer given to one question of a paper, saved as given."""

    __tablename__ = "answer"

    attempt_id: Mapped[int] = mapped_column(BigId, ForeignKey("attempt.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Place on the paper, from 1."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    given: Mapped[dict[str, Any]]
    """`quizzes.marking.read_answer`."""
    saved_at: Mapped[datetime]


class AttemptResult(Record, Base):
    """A submitted attempt 受験記録: the evidence that an own test leaves.

    Answers and points of each question stand apart, in the record's opening under `ITEMS`, and its event commits to
    them: many of them together tell the answer key, and events are handed out.
    """

    __tablename__ = "attempt_result"
    event_type: ClassVar[str] = "attempt.submitted"

    attempt_id: Mapped[int] = mapped_column(BigId, ForeignKey("attempt.id"), unique=True)
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    module_key: Mapped[str]
    module_version: Mapped[str]
    """Hash of the module version."""
    occasion: Mapped[str]
    number: Mapped[int]
    seed: Mapped[str]
    started_at: Mapped[datetime]
    submitted_at: Mapped[datetime]
    """The server's time of submission, which counts."""
    mark: Mapped[int]
    maximum: Mapped[int]
    pass_mark: Mapped[int]
    """Points needed to pass."""
    is_passed: Mapped[bool]
    questions: Mapped[list[Any]]
    """In order of the paper: ``{"question": key, "version": hash}``."""


class SupplementCompletion(Record, Base):
    """A supplementary lesson 補講 completed; the action of clause 7.2 c that unlocks a retest."""

    __tablename__ = "supplement_completion"
    event_type: ClassVar[str] = "supplement.completed"

    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    module_key: Mapped[str]
    module_version: Mapped[str]
    occasion: Mapped[str]
    completed_at: Mapped[datetime]
