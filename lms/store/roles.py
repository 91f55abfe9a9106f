"""ISMS roles in an organisation: bodies and their seats, appointments, acknowledgements, separation of duties.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.2-5.4; domain.md §1.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from courses.calendar import Period
from courses.charts import BodyRule
from courses.roles import IsmsRole, RoleAssignment, SeatRule, Separation
from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact, Record, known, valid_on


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

    def rule(self) -> BodyRule:
        """Return the body as the rules take it."""
        return BodyRule(self.key, self.parent_key, Period(self.valid_from, self.valid_to))

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

    def rule(self) -> SeatRule:
        """Return the seat as the rules take it."""
        period = Period(self.valid_from, self.valid_to)
        return SeatRule(self.key, IsmsRole(self.isms_role), period, self.least, self.most)

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

    def rule(self) -> RoleAssignment:
        """Return the appointment as the rules take it."""
        return RoleAssignment(
            person_id=self.person_id,
            isms_role=IsmsRole(self.isms_role),
            first_day=self.valid_from,
            last_day=self.last_day,
            seat_key=self.seat_key,
            unit_id=self.unit_id,
            letter_number=self.letter_number,
            appointed_on=self.appointed_on,
            appointment_id=self.id,
        )

    @property
    def last_day(self) -> date | None:
        """Last day on which the role is held; None: until further notice."""
        return Period(self.valid_from, self.valid_to).last_day


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

    def rule(self) -> Separation:
        """Return the rule as the rules take it."""
        period = Period(self.valid_from, self.valid_to)
        return Separation(IsmsRole(self.first_role), IsmsRole(self.second_role), period, self.reason, self.approved_by)


def appointments_of(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> list[Appointment]:
    """Return the known, uncorrected appointments in order of their start; of these people (None: of everybody)."""
    rows = _known(Appointment, organisation_id, known_at)
    if person_ids is not None:
        rows = rows.where(Appointment.person_id.in_(person_ids))
    return list(session.scalars(rows.order_by(Appointment.valid_from, Appointment.id)))


def roles_appointed_to(session: Session, person_id: int, day: date) -> frozenset[str]:
    """Return the ISMS roles to which a person is appointed on a day, as everything recorded says."""
    return frozenset(
        session.scalars(
            select(Appointment.isms_role).where(
                Appointment.person_id == person_id, known(Appointment, None), valid_on(Appointment, day)
            )
        )
    )


def bodies_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[Body]:
    """Return the known, uncorrected bodies in the order of the chart."""
    return list(
        session.scalars(_known(Body, organisation_id, known_at).order_by(Body.position, Body.valid_from, Body.id))
    )


def seats_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[Seat]:
    """Return the known, uncorrected seats in the order of the chart."""
    return list(
        session.scalars(_known(Seat, organisation_id, known_at).order_by(Seat.position, Seat.valid_from, Seat.id))
    )


def seat_order(session: Session, organisation_id: int, known_at: int | None = None) -> dict[str, int]:
    """Return the place of each seat when all are listed body by body."""
    bodies = {each.key: number for number, each in enumerate(bodies_of(session, organisation_id, known_at))}
    seats = seats_of(session, organisation_id, known_at)
    ordered = sorted(seats, key=lambda each: bodies.get(each.body_key, len(bodies)))
    return {each.key: number for number, each in enumerate(ordered)}


def separation_rules_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[SeparationRule]:
    """Return the known, uncorrected rules of separation that the organisation added, in order of their recording."""
    return list(session.scalars(_known(SeparationRule, organisation_id, known_at).order_by(SeparationRule.id)))


def acknowledgements_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[Acknowledgement]:
    """Return the known acknowledgements in order of their recording."""
    return list(session.scalars(_known(Acknowledgement, organisation_id, known_at).order_by(Acknowledgement.id)))


def _known(model: type[Any], organisation_id: int, known_at: int | None) -> Select[Any]:
    return select(model).where(model.organisation_id == organisation_id, known(model, known_at))
