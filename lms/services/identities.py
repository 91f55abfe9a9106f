"""Which person on the staff list a platform's identity is: linked by a trusted staff number, or by decision.

Never by e-mail or name. Links are dated, logged and reversible; what an identity did follows its link.

Source: lti.md rule 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.lti.messages import Launch
from lms.services.people import find_people, find_person
from lms.store.identities import IdentityLink, LtiIdentity, person_of
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from lms.store.records import record


class UnknownIdentityError(LookupError):
    """The organisation has no such identity."""


class UnknownPersonError(LookupError):
    """Nobody on the organisation's staff list has this staff number."""

    def __init__(self, staff_number: str) -> None:
        super().__init__(staff_number)
        self.staff_number = staff_number


@dataclass(frozen=True, slots=True)
class QueuedIdentity:
    """An identity in the linking queue, or one that was linked."""

    identity_id: int
    platform_name: str
    claimed_name: str
    """What the platform says, in the order family then given; not proof of anything."""
    claimed_staff_number: str | None
    last_seen_at: datetime
    person_id: int | None
    method: str | None


def lock_identities(session: Session, identity_ids: Collection[int]) -> None:
    """Hold identities until the end of the transaction: what one person does in two tabs is done one after the other."""
    # In order of their ids, so that two transactions never wait for each other; SQLite has one writer anyhow.
    wanted = select(LtiIdentity.id).where(LtiIdentity.id.in_(identity_ids)).order_by(LtiIdentity.id)
    session.scalars(wanted.with_for_update(key_share=True)).all()


def see_identity(session: Session, platform: Platform, launch: Launch, now: datetime) -> LtiIdentity:
    """Return the identity that was launched, kept up to date with what the platform says of it."""
    identity = session.scalar(
        select(LtiIdentity)
        .where(LtiIdentity.platform_id == platform.id, LtiIdentity.sub == launch.sub)
        .with_for_update(key_share=True)
    )
    if identity is None:
        identity = LtiIdentity(
            organisation_id=platform.organisation_id, platform_id=platform.id, sub=launch.sub, first_seen_at=now
        )
        session.add(identity)
    identity.claimed_family_name = launch.family_name
    identity.claimed_given_name = launch.given_name
    identity.claimed_staff_number = launch.staff_number
    identity.last_seen_at = identity.last_launched_at = now
    session.flush()
    return identity


def link_by_staff_number(
    session: Session, platform: Platform, claimed: Mapping[int, str], now: datetime, actor: str
) -> int:
    """Link identities that nobody has decided on yet to the people with the platform's trusted staff numbers.

    Args:
        session: a writing transaction.
        platform: one whose staff numbers are trusted.
        claimed: the number that the platform states, by identity.
        now: the present time.
        actor: who is noted to have linked them.

    Returns:
        How many were linked.
    """
    decided = set(session.scalars(select(IdentityLink.identity_id).where(IdentityLink.identity_id.in_(claimed))))
    waiting = {key: number for key, number in claimed.items() if key not in decided}
    people = find_people(session, platform.organisation_id, set(waiting.values()), jst_date(now)) if waiting else {}
    links = [
        _link_row(key, people[number], "staff_number", (actor, now))
        for key, number in waiting.items()
        if number in people
    ]
    if links:
        record(session, session.get_one(Organisation, platform.organisation_id), *links)
    return len(links)


def link_as_before(session: Session, platform: Platform, identity: LtiIdentity, now: datetime) -> None:
    """Link an identity that nobody has decided on yet as the same user of the site was linked before it registered anew.

    Only where an administrator has said that the registration succeeds another one of the same issuer; a user is the
    same by issuer and ``sub``.
    """
    if platform.succeeds_id is None or _is_decided(session, identity):
        return
    former_id: int | None = platform.succeeds_id
    seen = {platform.id}
    while former_id is not None and former_id not in seen:
        seen.add(former_id)
        former = session.get_one(Platform, former_id)
        before = session.scalar(
            select(LtiIdentity.id).where(LtiIdentity.platform_id == former.id, LtiIdentity.sub == identity.sub)
        )
        person_id = None if before is None else person_of(session, before)
        if person_id is not None and (former.issuer, former.organisation_id) == (
            platform.issuer,
            platform.organisation_id,
        ):
            _link(session, identity, person_id, "registered_anew", f"identity:{identity.id}", now)
            return
        former_id = former.succeeds_id


def _is_decided(session: Session, identity: LtiIdentity) -> bool:
    return bool(session.scalar(select(func.count()).where(IdentityLink.identity_id == identity.id)))


def link_by_decision(
    session: Session,
    organisation: Organisation,
    identity_id: int,
    staff_number: str | None,
    decided: tuple[str, datetime],
) -> None:
    """Link an identity to a person, or to nobody any more (``staff_number`` None).

    Args:
        session: a writing transaction.
        organisation: the organisation whose secretariat decides.
        identity_id: the identity in question.
        staff_number: of the person; None takes a link back.
        decided: who decides, and when.

    Raises:
        UnknownIdentityError: the organisation has no such identity.
        UnknownPersonError: nobody has the staff number.
    """
    actor, now = decided
    identity = session.get(LtiIdentity, identity_id)
    if identity is None or identity.organisation_id != organisation.id:
        raise UnknownIdentityError(identity_id)
    person_id = None
    if staff_number is not None:
        person_id = find_person(session, organisation.id, staff_number, jst_date(now))
        if person_id is None:
            raise UnknownPersonError(staff_number)
    if person_of(session, identity.id) != person_id:
        _link(session, identity, person_id, "decision", actor, now)


def _link(
    session: Session, identity: LtiIdentity, person_id: int | None, method: str, actor: str, now: datetime
) -> None:
    organisation = session.get_one(Organisation, identity.organisation_id)
    record(session, organisation, _link_row(identity.id, person_id, method, (actor, now)))


def _link_row(identity_id: int, person_id: int | None, method: str, by: tuple[str, datetime]) -> IdentityLink:
    actor, now = by
    return IdentityLink(
        identity_id=identity_id, person_id=person_id, method=method, reason=None, recorded_at=now, recorded_by=actor
    )


def linking_queue(session: Session, organisation_id: int) -> list[QueuedIdentity]:
    """Return all identities of an organisation, those without a person first, then by when they were last seen."""
    newest = (
        select(func.max(IdentityLink.id).label("id"))
        .where(IdentityLink.organisation_id == organisation_id)
        .group_by(IdentityLink.identity_id)
        .subquery()
    )
    link = select(IdentityLink).join(newest, newest.c.id == IdentityLink.id).subquery()
    rows = session.execute(
        select(LtiIdentity, Platform.name, link.c.person_id, link.c.method)
        .join(Platform, Platform.id == LtiIdentity.platform_id)
        .outerjoin(link, link.c.identity_id == LtiIdentity.id)
        .where(LtiIdentity.organisation_id == organisation_id)
        .order_by(link.c.person_id.is_not(None), LtiIdentity.last_seen_at.desc(), LtiIdentity.id)
    )
    return [
        QueuedIdentity(
            identity.id,
            platform_name,
            " ".join(part for part in (identity.claimed_family_name, identity.claimed_given_name) if part),
            identity.claimed_staff_number,
            identity.last_seen_at,
            person_id,
            method,
        )
        for identity, platform_name, person_id, method in rows
    ]
