"""Identities that platforms vouch for, and the dated, reversible links to people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Select, UniqueConstraint, bindparam, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.records import Record, known


class LtiIdentity(Owned, Base):
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
    """The last launch, or the last roster that listed it."""
    last_launched_at: Mapped[datetime | None]
    """NULL for somebody whom only a roster has named so far."""


class IdentityLink(Record, Base):
    """A decision that an identity is a person (or, with no person, that it is nobody's any more); the newest holds."""

    __tablename__ = "identity_link"
    event_type: ClassVar[str] = "identity.linked"

    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    method: Mapped[str]
    """``staff_number`` (trusted platform), ``decision`` (of the secretariat) or ``registered_anew`` (as the same user of
    the site was linked before the site registered anew)."""
    reason: Mapped[str | None]


def lock_identities(session: Session, identity_ids: Collection[int]) -> None:
    """Hold identities until the end of the transaction: what one person does in two tabs is done one after the other."""
    # In order of their ids, so that two transactions never wait for each other; SQLite has one writer anyhow.
    wanted = select(LtiIdentity.id).where(LtiIdentity.id.in_(identity_ids)).order_by(LtiIdentity.id)
    session.scalars(wanted.with_for_update(key_share=True)).all()


def newest_link(session: Session, identity_id: int) -> IdentityLink | None:
    """Return the decision on an identity that holds now."""
    links = select(IdentityLink).where(IdentityLink.identity_id == identity_id)
    return session.scalars(links.order_by(IdentityLink.id.desc()).limit(1)).one_or_none()


def person_of(session: Session, identity_id: int) -> int | None:
    """Return the person whom an identity is linked to now."""
    return session.scalar(
        select(IdentityLink.person_id)
        .where(IdentityLink.identity_id == identity_id)
        .order_by(IdentityLink.id.desc())
        .limit(1)
    )


def people_behind(session: Session, identity_ids: Collection[int]) -> dict[int, int]:
    """Return the person whom each of some identities is linked to now; who is nobody's is left out."""
    newest = (
        select(func.max(IdentityLink.id))
        .where(IdentityLink.identity_id.in_(identity_ids))
        .group_by(IdentityLink.identity_id)
    )
    rows = session.execute(select(IdentityLink.identity_id, IdentityLink.person_id).where(IdentityLink.id.in_(newest)))
    return {identity_id: person_id for identity_id, person_id in rows if person_id is not None}


def identities_of(session: Session, person_id: int) -> list[int]:
    """Return the identities that are linked to a person now."""
    newer = aliased(IdentityLink)
    is_newest = (
        ~select(newer.id).where(newer.identity_id == IdentityLink.identity_id, newer.id > IdentityLink.id).exists()
    )
    return list(session.scalars(select(IdentityLink.identity_id).where(IdentityLink.person_id == person_id, is_newest)))


def links_of(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> dict[int, int]:
    """Return the person of each linked identity, as known at a size of the tree; of these people (None: of everybody)."""
    statement = _links(known_at is not None, person_ids is not None)
    values: dict[str, Any] = {"organisation": organisation_id}
    if known_at is not None:
        values["size"] = known_at
    if person_ids is not None:
        values["people"] = list(person_ids)
    return {
        identity_id: person_id
        for identity_id, person_id in session.execute(statement, values)
        if person_id is not None and (person_ids is None or person_id in person_ids)
    }


@cache
def _links(is_limited: bool, is_for_some: bool) -> Select[*tuple[Any, ...]]:
    size: Any = bindparam("size") if is_limited else None
    newest = select(func.max(IdentityLink.id).label("id")).where(
        IdentityLink.organisation_id == bindparam("organisation"), known(IdentityLink, size)
    )
    if is_for_some:
        ever = aliased(IdentityLink)
        linked = select(ever.identity_id).where(ever.person_id.in_(bindparam("people", expanding=True)))
        newest = newest.where(IdentityLink.identity_id.in_(linked))
    found = newest.group_by(IdentityLink.identity_id).subquery()
    return select(IdentityLink.identity_id, IdentityLink.person_id).join(found, found.c.id == IdentityLink.id)
