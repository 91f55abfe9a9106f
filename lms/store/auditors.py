"""Internal auditors: audited areas, ties to them, yearly reviews, declarations of interests, the policy in force.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §5.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact, Record, known

_Row = TypeVar("_Row", bound=Record)


class AuditArea(Fact, Base):
    """An auditee area 被監査部門."""

    __tablename__ = "audit_area"
    event_type: ClassVar[str] = "audit_area.defined"

    key: Mapped[str] = mapped_column(index=True)
    """Stays the same through corrections; ties, teams and declarations name the area by it."""
    name_ja: Mapped[str]
    name_en: Mapped[str]
    unit_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("unit.id"))
    """Whoever belongs to this unit, or to one beneath it, works in the area."""
    effort_minutes: Mapped[int]
    skills: Mapped[list[Any]]
    """Keys of the skills that its audit team must have."""

    def name(self, language: str) -> str:
        """Return the name in a language."""
        return self.name_ja if language == "ja" else self.name_en


class AreaTie(PersonFact, Base):
    """A dated tie of a person to an area, which makes them unfit to audit it."""

    __tablename__ = "area_tie"
    event_type: ClassVar[str] = "audit_area.tie_recorded"

    area_key: Mapped[str | None]
    """NULL: all areas, as for a consultant to the whole ISMS."""
    kind: Mapped[str]
    """`courses.independence.TieKind`: duty, authorship, consultancy."""
    document: Mapped[str | None]
    """For authorship: number of the document."""


class InterestDeclaration(Record, Base):
    """A yearly declaration of interests by an auditor; the newest of the year holds. Explanations are personal values."""

    __tablename__ = "interest_declaration"
    event_type: ClassVar[str] = "auditor.interests_declared"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    year: Mapped[int]
    """Fiscal year."""
    declared_at: Mapped[datetime]
    area_keys: Mapped[list[Any]]
    """Areas in which the auditor declares an interest; empty: none."""


class CompetenceReview(PersonFact, Base):
    """A yearly review of an auditor's competence by the chief auditor; it holds on the days of its period."""

    __tablename__ = "competence_review"
    event_type: ClassVar[str] = "auditor.reviewed"

    reviewer: Mapped[str]
    """``person:12``."""
    is_competent: Mapped[bool]
    may_lead: Mapped[bool]
    skills: Mapped[list[Any]]
    capacity_minutes: Mapped[int | None]
    """Time that the auditor has for audits in the period."""
    basis: Mapped[str]
    """What the judgement rests on."""


class AuditorPolicy(Fact, Base):
    """What the organisation asks of auditors and teams; the one in force on a date holds."""

    __tablename__ = "auditor_policy"
    event_type: ClassVar[str] = "auditor_policy.approved"

    auditors_per_area: Mapped[int]
    leaders_per_team: Mapped[int]
    look_back_months: Mapped[int]
    course_valid_months: Mapped[int | None]
    """Months for which a passed course holds; NULL: without end."""
    needs_review: Mapped[bool]
    needs_declaration: Mapped[bool]
    training_days: Mapped[int]
    """Days that it takes from a decision to train somebody until they may audit."""
    approved_by: Mapped[str]


class AuditorCandidate(PersonFact, Base):
    """Somebody who could be trained as an auditor."""

    __tablename__ = "auditor_candidate"
    event_type: ClassVar[str] = "auditor.candidate_named"

    cost: Mapped[int]
    """Relative cost of training, in points; 0 where nothing is known."""


def known_rows(session: Session, model: type[_Row], organisation_id: int, known_at: int | None = None) -> list[_Row]:
    """Return the known, uncorrected rows of one of these tables, in order of their recording."""
    return list(
        session.scalars(
            select(model).where(model.organisation_id == organisation_id, known(model, known_at)).order_by(model.id)
        )
    )
