"""ISMS roles in an organisation: bodies and their seats, appointments, acknowledgements, separation of duties.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.2-5.4; domain.md §1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact, Record


class Body(Fact, Base):
    """A body 会議体: the committee, the secretariat, the audit committee, and others."""

    __tablename__ = "body"
    event_type: ClassVar[str] = "body.established"

    key: Mapped[str] = mapped_column(index=True)
    """Stays the same when the body is renamed; a later row with it supersedes."""
    name_ja: Mapped[str]
    name_en: Mapped[str]
    parent_key: Mapped[str | None]
    """The body that it reports to, for the chart."""
    position: Mapped[int]
    """Order among its neighbours on the chart."""

    def name(self, language: str) -> str:
        """Return the name in a language."""
        return self.name_ja if language == "ja" else self.name_en


class Seat(Fact, Base):
    """A seat 構成員 of a body: the role that it gives, and how many may or must hold it."""

    __tablename__ = "seat"
    event_type: ClassVar[str] = "seat.established"

    key: Mapped[str] = mapped_column(index=True)
    body_key: Mapped[str]
    isms_role: Mapped[str]
    """`courses.roles.IsmsRole`."""
    title_ja: Mapped[str]
    title_en: Mapped[str]
    is_chair: Mapped[bool]
    least: Mapped[int]
    """Fewest holders."""
    most: Mapped[int | None]
    """Most holders; NULL: any number."""
    bound_post: Mapped[str | None]
    """The post 充て職 that brings the seat with it."""
    position: Mapped[int]

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.title_ja if language == "ja" else self.title_en


class Appointment(PersonFact, Base):
    """The appointment of a person to an ISMS role for a term; ended early by a row that supersedes it."""

    __tablename__ = "appointment"
    event_type: ClassVar[str] = "role.appointed"

    isms_role: Mapped[str]
    """`courses.roles.IsmsRole`."""
    seat_key: Mapped[str | None]
    unit_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("unit.id"))
    """For a role that belongs to a unit, such as its head."""
    letter_number: Mapped[str]
    """Number of the appointment letter 任命書."""
    appointed_on: Mapped[date]
    """Date of appointment 発令日."""
    appointer: Mapped[str]
    """Office that appointed, such as センター長."""
    end_kind: Mapped[str | None]
    """`courses.roles.EndKind` where the term was ended early."""
    end_letter_number: Mapped[str | None]
    migration_batch_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("migration_batch.id"))


class Acknowledgement(Record, Base):
    """That an appointee acknowledged receipt 確認（受領） of the appointment; consent is not asked."""

    __tablename__ = "acknowledgement"
    event_type: ClassVar[str] = "role.acknowledged"

    appointment_id: Mapped[int] = mapped_column(BigId, ForeignKey("appointment.id"), unique=True)
    """The row as it was shown; rows that supersede it are acknowledged with it unless role or person differ."""
    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    acknowledged_at: Mapped[datetime]


class SeparationRule(Fact, Base):
    """Two roles that nobody may hold at once 職務の分離, by a decision of the organisation."""

    __tablename__ = "separation_rule"
    event_type: ClassVar[str] = "role.separated"

    first_role: Mapped[str]
    second_role: Mapped[str]
    approved_by: Mapped[str]
