"""Identities that platforms vouch for, and the dated, reversible links to people."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Record, known


class LtiIdentity(Base):
    """Somebody as one registration knows them; the only table that holds a platform's ``sub``."""

    __tablename__ = "lti_identity"
    __table_args__ = (UniqueConstraint("platform_id", "sub"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"))
    sub: Mapped[str]
    claimed_family_name: Mapped[str | None]
    """What the platform last said; shown in the queue, never trusted for linking."""
    claimed_given_name: Mapped[str | None]
    claimed_staff_number: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class IdentityLink(Record, Base):
    """A decision that an identity is a person (or, with no person, that it is nobody's any more); the newest holds."""

    __tablename__ = "identity_link"
    event_type: ClassVar[str] = "identity.linked"

    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    method: Mapped[str]
    """``staff_number`` (trusted platform) or ``decision`` (of the secretariat)."""
    reason: Mapped[str | None]


def person_of(session: Session, identity_id: int) -> int | None:
    """Return the person whom an identity is linked to now."""
    return session.scalar(
        select(IdentityLink.person_id)
        .where(IdentityLink.identity_id == identity_id)
        .order_by(IdentityLink.id.desc())
        .limit(1)
    )


def identities_of(session: Session, person_id: int) -> list[int]:
    """Return the identities that are linked to a person now."""
    newer = aliased(IdentityLink)
    is_newest = (
        ~select(newer.id).where(newer.identity_id == IdentityLink.identity_id, newer.id > IdentityLink.id).exists()
    )
    return list(session.scalars(select(IdentityLink.identity_id).where(IdentityLink.person_id == person_id, is_newest)))


def links_of(session: Session, organisation_id: int, known_at: int | None = None) -> dict[int, int]:
    """Return the person of each linked identity of an organisation, as known at a size of the tree."""
    newest = (
        select(func.max(IdentityLink.id).label("id"))
        .where(IdentityLink.organisation_id == organisation_id, known(IdentityLink, known_at))
        .group_by(IdentityLink.identity_id)
        .subquery()
    )
    rows = session.execute(
        select(IdentityLink.identity_id, IdentityLink.person_id).join(newest, newest.c.id == IdentityLink.id)
    )
    return {identity_id: person_id for identity_id, person_id in rows if person_id is not None}
