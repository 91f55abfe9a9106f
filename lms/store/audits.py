"""Internal audits, their teams, and approved exceptions from independence.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact, known


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
    """An exception that lets somebody audit an area in spite of a ground for exclusion; ``reason`` says why.

    A row without an approver is a proposal; the approval supersedes it.
    """

    __tablename__ = "pairing_exception"
    event_type: ClassVar[str] = "audit.exception_recorded"

    audit_key: Mapped[str]
    area_key: Mapped[str]
    grounds: Mapped[list[Any]]
    """The grounds that it covers, as `courses.independence.Ground` writes them; another ground is not covered."""
    mitigation: Mapped[str]
    proposed_by: Mapped[str]
    """``person:12``."""
    approved_by: Mapped[str | None]
    """``person:12``; neither the auditor nor the proposer. NULL: not approved."""


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


def audits_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[Audit]:
    """Return the known, uncorrected audits, the latest held first."""
    return list(
        session.scalars(
            select(Audit)
            .where(Audit.organisation_id == organisation_id, known(Audit, known_at))
            .order_by(Audit.held_from.desc(), Audit.key)
        )
    )


def assignments_of(
    session: Session, organisation_id: int, known_at: int | None = None, audit_key: str | None = None
) -> list[TeamAssignment]:
    """Return the known, uncorrected assignments in order of their recording; of one audit if named."""
    rows = select(TeamAssignment).where(
        TeamAssignment.organisation_id == organisation_id, known(TeamAssignment, known_at)
    )
    if audit_key is not None:
        rows = rows.where(TeamAssignment.audit_key == audit_key)
    return list(session.scalars(rows.order_by(TeamAssignment.id)))


def exceptions_of(
    session: Session, organisation_id: int, known_at: int | None = None, audit_key: str | None = None
) -> list[PairingException]:
    """Return the known, uncorrected exceptions, proposals among them, in order of their recording."""
    rows = select(PairingException).where(
        PairingException.organisation_id == organisation_id, known(PairingException, known_at)
    )
    if audit_key is not None:
        rows = rows.where(PairingException.audit_key == audit_key)
    return list(session.scalars(rows.order_by(PairingException.id)))
