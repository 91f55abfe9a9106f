"""Versions of competence requirements 力量要件, each with its approval, and exemptions from them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from courses.requirements import Audience, Occasion, Requirement, TextVersion
from lms.store.base import Base
from lms.store.people import PersonFact
from lms.store.records import Fact, known


class RequirementVersion(Fact, Base):
    """An approved version of a requirement; ``valid_from`` is the day of the decision, ``valid_to`` that of the next one."""

    __tablename__ = "requirement_version"
    event_type: ClassVar[str] = "requirement.approved"

    key: Mapped[str] = mapped_column(index=True)
    title_ja: Mapped[str]
    title_en: Mapped[str]
    clauses: Mapped[list[Any]]
    """Numbers of the clauses that it answers."""
    approved_by: Mapped[str]
    competence: Mapped[str]
    occasion: Mapped[str]
    first_year: Mapped[int]
    last_year: Mapped[int | None]
    audience: Mapped[dict[str, Any]]
    """``{"units": [...], "categories": [...], "employments": [...], "roles": [...]}``; an absent key narrows nothing."""
    opens_month: Mapped[int]
    opens_day: Mapped[int]
    due_month: Mapped[int]
    due_day: Mapped[int]
    days_to_complete: Mapped[int]
    days_after_leave: Mapped[int]
    valid_months: Mapped[int | None]
    document: Mapped[str | None]
    """Number or name of the document of the organisation that states the requirement."""
    document_version: Mapped[str | None]
    equivalents: Mapped[list[Any] | None]
    """Kinds of evidence that count, as `courses.records.EvidenceKind` names them; NULL: every kind."""

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.title_ja if language == "ja" else self.title_en

    def rule(self, texts: tuple[TextVersion, ...] = ()) -> Requirement:
        """Return the requirement as the rules take it, with the approved texts where it asks for a pledge."""
        return Requirement(
            key=self.key,
            competence=self.competence,
            occasion=Occasion(self.occasion),
            first_year=self.first_year,
            last_year=self.last_year,
            audience=Audience(**{name: frozenset(values) for name, values in self.audience.items()}),
            opens=(self.opens_month, self.opens_day),
            due=(self.due_month, self.due_day),
            days_to_complete=self.days_to_complete,
            days_after_leave=self.days_after_leave,
            valid_months=self.valid_months,
            equivalents=None if self.equivalents is None else frozenset(self.equivalents),
            texts=texts,
        )


class Exemption(PersonFact, Base):
    """An approved exemption 免除 from a requirement; ``reason`` says why, and ``valid_to`` is never NULL."""

    __tablename__ = "exemption"
    event_type: ClassVar[str] = "requirement.exempted"

    requirement_key: Mapped[str]
    approved_by: Mapped[str]
    """Office or body that approved, as it is named in the decision."""
    correction_reason: Mapped[str | None]
    """Why an earlier row was corrected by this one."""


def requirement_versions_of(
    session: Session, organisation_id: int, known_at: int | None = None
) -> list[RequirementVersion]:
    """Return all known, uncorrected versions of an organisation's requirements, in the order of their approval."""
    return list(
        session.scalars(
            select(RequirementVersion)
            .where(RequirementVersion.organisation_id == organisation_id, known(RequirementVersion, known_at))
            .order_by(RequirementVersion.valid_from, RequirementVersion.id)
        )
    )


def requirements_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[RequirementVersion]:
    """Return the newest known version of each requirement, in order of their recording."""
    newest = {row.key: row for row in requirement_versions_of(session, organisation_id, known_at)}
    return sorted(newest.values(), key=lambda row: row.id)


def exemptions_of(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> list[Exemption]:
    """Return the known, uncorrected exemptions in order of their start; of these people (None: of everybody)."""
    rows = select(Exemption).where(Exemption.organisation_id == organisation_id, known(Exemption, known_at))
    if person_ids is not None:
        rows = rows.where(Exemption.person_id.in_(person_ids))
    return list(session.scalars(rows.order_by(Exemption.valid_from, Exemption.id)))
