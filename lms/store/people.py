"""People on two time axes: particulars, affiliations, scope memberships; personal values apart, erasable.

Names, numbers and addresses stand in `PersonalOpening` alone; the ledger holds salted commitments to them, so that they
can be erased and every root stays valid.

Source: domain.md §1-2, §8; quality.md §3.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.records import Fact

PERSONAL_FIELDS = (
    "staff_number",
    "family_name",
    "given_name",
    "family_kana",
    "given_kana",
    "romaji",
    "former_name",
    "email",
)


class Person(Owned, Base):
    """A person; everything known of them stands in dated facts."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    created_at: Mapped[datetime]


class PersonFact(Fact):
    """A fact about one person."""

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)


class PersonParticulars(PersonFact, Base):
    """A version of somebody's particulars 氏名等; its values stand in the opening with the same id."""

    __tablename__ = "person_particulars"
    event_type: ClassVar[str] = "person.particulars_recorded"


class PersonalOpening(Owned, Base):
    """The personal values behind a row of particulars, with the salt of their commitments; may be erased."""

    __tablename__ = "personal_opening"
    __table_args__ = (Index("ix_personal_opening_staff_number", "organisation_id", "staff_number"),)

    particulars_id: Mapped[int] = mapped_column(BigId, ForeignKey("person_particulars.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    salt: Mapped[bytes]
    """32 random bytes, from which each field's salt is derived."""
    staff_number: Mapped[str]
    """職員番号: text, because leading zeros matter."""
    family_name: Mapped[str]
    given_name: Mapped[str]
    family_kana: Mapped[str]
    given_kana: Mapped[str]
    romaji: Mapped[str]
    former_name: Mapped[str]
    """旧姓・通称; empty where there is none."""
    email: Mapped[str]


class PersonAffiliation(PersonFact, Base):
    """Where somebody belongs for a time: unit, post, kind of employment, category."""

    __tablename__ = "person_affiliation"
    event_type: ClassVar[str] = "person.affiliation_recorded"

    unit_id: Mapped[int] = mapped_column(BigId, ForeignKey("unit.id"))
    post: Mapped[str]
    employment: Mapped[str]
    category: Mapped[str]


class PersonService(PersonFact, Base):
    """The period in which somebody serves the organisation: from joining 着任 to leaving 退職・転出."""

    __tablename__ = "person_service"
    event_type: ClassVar[str] = "person.service_recorded"


class ScopeMembership(PersonFact, Base):
    """A period in which somebody is in scope 適用範囲; ``reason`` says why."""

    __tablename__ = "scope_membership"
    event_type: ClassVar[str] = "person.scope_recorded"

    correction_reason: Mapped[str | None]
    """Why an earlier row was corrected by this one."""


class PersonConcurrentPost(PersonFact, Base):
    """A concurrent post 兼務: a second unit and post beside the affiliation."""

    __tablename__ = "person_concurrent_post"
    event_type: ClassVar[str] = "person.concurrent_post_recorded"

    unit_id: Mapped[int] = mapped_column(BigId, ForeignKey("unit.id"))
    post: Mapped[str]


class PersonLeave(PersonFact, Base):
    """A leave 休職・休業; ``valid_to`` is the day of return. Why somebody is on leave is never recorded."""

    __tablename__ = "person_leave"
    event_type: ClassVar[str] = "person.leave_recorded"


class LineAuthority(PersonFact, Base):
    """That somebody heads a unit, and with it the units beneath."""

    __tablename__ = "line_authority"
    event_type: ClassVar[str] = "person.line_authority_recorded"

    unit_id: Mapped[int] = mapped_column(BigId, ForeignKey("unit.id"))
