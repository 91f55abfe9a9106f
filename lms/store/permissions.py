"""Roles that open pages of the tool: appointments, and grants that a tool needs before it has any."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonService
from lms.store.records import Fact, known, valid_on
from lms.store.roles import roles_appointed_to


class Grant(Fact, Base):
    """That a person holds an ISMS role which opens pages of the tool."""

    __tablename__ = "grant_of_role"
    event_type: ClassVar[str] = "role.granted"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    isms_role: Mapped[str]
    """``secretariat`` …: a key of `courses.roles.IsmsRole`."""


def roles_held(session: Session, person_id: int, day: date) -> frozenset[str]:
    """Return the ISMS roles that a person holds on a day, by appointment or by grant."""
    return roles_appointed_to(session, person_id, day) | roles_granted(session, person_id, day)


def is_serving(session: Session, person_id: int, day: date) -> bool:
    """Tell whether a person serves in the organisation on a day, as everything recorded says."""
    rows = select(PersonService.id).where(
        PersonService.person_id == person_id, known(PersonService, None), valid_on(PersonService, day)
    )
    return session.scalar(rows.limit(1)) is not None


def roles_granted(session: Session, person_id: int, day: date) -> frozenset[str]:
    """Return the ISMS roles that are granted to a person on a day, whatever appointments say."""
    return frozenset(each.isms_role for each in grants_of(session, person_id, day))


def grants_of(session: Session, person_id: int, day: date) -> list[Grant]:
    """Return the grants to a person that are in force on a day."""
    return list(
        session.scalars(
            select(Grant)
            .where(Grant.person_id == person_id, known(Grant, None), valid_on(Grant, day))
            .order_by(Grant.id)
        )
    )
