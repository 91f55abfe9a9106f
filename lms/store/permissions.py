"""Rights in the tool, granted to people for a period."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Fact, known, valid_on


class Grant(Fact, Base):
    """That a person holds an ISMS role which opens pages of the tool."""

    __tablename__ = "grant_of_role"
    event_type: ClassVar[str] = "role.granted"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    isms_role: Mapped[str]
    """``secretariat`` …: a key of `courses.roles.IsmsRole`."""


def roles_held(session: Session, person_id: int, day: date) -> frozenset[str]:
    """Return the ISMS roles that a person holds on a day."""
    return frozenset(
        session.scalars(
            select(Grant.isms_role).where(Grant.person_id == person_id, known(Grant, None), valid_on(Grant, day))
        )
    )
