"""Internal audits, their teams, and approved exceptions from independence.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact


class Audit(Fact, Base):
    """An internal audit; ``valid_from`` is the day of the decision that planned it."""

    __tablename__ = "audit"
    event_type: ClassVar[str] = "audit.planned"

    key: Mapped[str] = mapped_column(index=True)
    title_ja: Mapped[str]
    title_en: Mapped[str]
    year: Mapped[int]
    """Fiscal year."""
    period_from: Mapped[date]
    period_to: Mapped[date]
    """The audited period, half-open."""
    held_from: Mapped[date]
    held_to: Mapped[date]
    """The days of the audit, half-open."""
    area_keys: Mapped[list[Any]]
    criteria: Mapped[str]
    approved_by: Mapped[str]

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.title_ja if language == "ja" else self.title_en


class PairingException(PersonFact, Base):
    """An approved exception that lets somebody audit an area in spite of a ground for exclusion; ``reason`` says why."""

    __tablename__ = "pairing_exception"
    event_type: ClassVar[str] = "audit.exception_approved"

    audit_key: Mapped[str]
    area_key: Mapped[str]
    grounds: Mapped[list[Any]]
    """The grounds that it covers, as `courses.independence.Ground` writes them; another ground is not covered."""
    mitigation: Mapped[str]
    approved_by: Mapped[str]
    """``person:12``; never the auditor."""


class TeamAssignment(PersonFact, Base):
    """The assignment of a person to the team that audits an area; ``valid_from`` is the day of the assignment."""

    __tablename__ = "team_assignment"
    event_type: ClassVar[str] = "audit.team_assigned"

    audit_key: Mapped[str] = mapped_column(index=True)
    area_key: Mapped[str]
    member_kind: Mapped[str]
    """`courses.auditors.MemberKind`: auditor, technical expert, observer, guide."""
    is_leader: Mapped[bool]
    exception_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("pairing_exception.id"))
    verdict: Mapped[dict[str, Any]]
    """The verdict on independence as it was when assigned: ``{"verdict": …, "grounds": [...]}``."""
