"""Which person on the staff list a platform's identity is: linked by a trusted staff number, or by decision.

Never by e-mail or name. Links are dated, logged and reversible; what an identity did follows its link.

Source: lti.md rule 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.lti.messages import Launch
from lms.services.audit import note
from lms.services.people import find_people, find_person
from lms.services.scores import scores_follow_identity, scores_follow_links
from lms.store.identities import IdentityLink, LtiIdentity, lock_identities, newest_link, person_of
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from lms.store.records import CorrectedMeanwhileError, record


class UnknownIdentityError(LookupError):
    """The organisation has no such identity."""


class UnknownPersonError(LookupError):
    """Nobody on the organisation's staff list has this staff number."""

    def __init__(self, staff_number: str) -> None:
        super().__init__(staff_number)
        self.staff_number = staff_number


class NothingToUndoError(LookupError):
    """Nobody has decided on the identity yet."""


class LinkState(StrEnum):
    """How an identity stands; stable codes for filters."""

    WAITING = "waiting"
    """Nobody has decided, or the first decision was undone."""
    LINKED = "linked"
    TAKEN_BACK = "taken_back"
    """It was linked to somebody who it was not."""
    NOBODY = "nobody"
    """Decided to be nobody on the staff list: a guest, a test account."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What belongs to a decision beside whom it names."""

    by: tuple[str, datetime]
    """Who decides, and when."""
    reason: str = ""
    seen: int | None = None
    """Key of the newest link that whoever decides has seen, 0 for none; None: whatever there is."""


def link_state(person_id: int | None, method: str | None) -> LinkState:
    """Return how an identity stands by its newest link; no method: there is none."""
    if person_id is not None:
        return LinkState.LINKED
    if method in {None, "undo_waiting"}:
        return LinkState.WAITING
    return LinkState.NOBODY if method in {"nobody", "undo_nobody"} else LinkState.TAKEN_BACK


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
        scores_follow_links(
            session, platform.organisation_id, {people[number] for number in waiting.values() if number in people}, now
        )
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
    decided: tuple[str, datetime] | Decision,
) -> None:
    """Link an identity to a person, or to nobody any more (``staff_number`` None).

    Args:
        session: a writing transaction.
        organisation: the organisation whose secretariat decides.
        identity_id: the identity in question.
        staff_number: of the person; None takes a link back.
        decided: who decides and when; or that with a reason, and what was seen before.

    Raises:
        UnknownIdentityError: the organisation has no such identity.
        UnknownPersonError: nobody has the staff number.
        CorrectedMeanwhileError: somebody else decided since.
    """
    decision = decided if isinstance(decided, Decision) else Decision(decided)
    identity, newest = _for_decision(session, organisation, identity_id, decision)
    person_id = None
    if staff_number is not None:
        person_id = find_person(session, organisation.id, staff_number, jst_date(decision.by[1]))
        if person_id is None:
            raise UnknownPersonError(staff_number)
    if (newest.person_id if newest else None) != person_id:
        _decide(session, organisation, identity, person_id, "decision", decision)


def decide_nobody(session: Session, organisation: Organisation, identity_id: int, decision: Decision) -> None:
    """Decide that an identity is nobody on the staff list, so that it waits no longer.

    Raises:
        UnknownIdentityError: the organisation has no such identity.
        CorrectedMeanwhileError: somebody else decided since.
    """
    identity, newest = _for_decision(session, organisation, identity_id, decision)
    if newest is None or link_state(newest.person_id, newest.method) is not LinkState.NOBODY:
        _decide(session, organisation, identity, None, "nobody", decision)


def undo_decision(session: Session, organisation: Organisation, identity_id: int, decision: Decision) -> None:
    """Restore by a new record how an identity stood before the newest one; undoing an undo brings it back.

    Raises:
        UnknownIdentityError: the organisation has no such identity.
        NothingToUndoError: nobody has decided on it.
        CorrectedMeanwhileError: somebody else decided since.
    """
    identity, newest = _for_decision(session, organisation, identity_id, decision)
    if newest is None:
        raise NothingToUndoError
    before = session.scalars(
        select(IdentityLink)
        .where(IdentityLink.identity_id == identity.id, IdentityLink.id < newest.id)
        .order_by(IdentityLink.id.desc())
        .limit(1)
    ).one_or_none()
    person_id = before.person_id if before else None
    restored = link_state(person_id, before.method if before else None)
    method = {LinkState.WAITING: "undo_waiting", LinkState.NOBODY: "undo_nobody"}.get(restored, "undo")
    _decide(session, organisation, identity, person_id, method, decision)


def record_links(
    session: Session, organisation: Organisation, people: Mapping[int, int], by: tuple[str, datetime], reason: str
) -> None:
    """Link many identities at once, each to a person; the caller has locked and looked at them."""
    rows = [_link_row(identity_id, person_id, "bulk", by, reason) for identity_id, person_id in people.items()]
    record(session, organisation, *rows)
    scores_follow_links(session, organisation.id, set(people.values()), by[1])


def _for_decision(
    session: Session, organisation: Organisation, identity_id: int, decision: Decision
) -> tuple[LtiIdentity, IdentityLink | None]:
    identity = session.get(LtiIdentity, identity_id)
    if identity is None or identity.organisation_id != organisation.id:
        raise UnknownIdentityError(identity_id)
    lock_identities(session, [identity_id])
    newest = newest_link(session, identity_id)
    if decision.seen is not None and decision.seen != (newest.id if newest else 0):
        raise CorrectedMeanwhileError
    return identity, newest


def _decide(
    session: Session,
    organisation: Organisation,
    identity: LtiIdentity,
    person_id: int | None,
    method: str,
    decision: Decision,
) -> None:
    now = decision.by[1]
    before = person_of(session, identity.id)
    record(session, organisation, _link_row(identity.id, person_id, method, decision.by, decision.reason))
    note(session, "identity.decided", decision.by[0], now, organisation.id, identity=identity.id, code=method)
    scores_follow_links(session, organisation.id, {each for each in (before, person_id) if each is not None}, now)
    if person_id is None:
        scores_follow_identity(session, identity.id, now)


def _link(
    session: Session, identity: LtiIdentity, person_id: int | None, method: str, actor: str, now: datetime
) -> None:
    organisation = session.get_one(Organisation, identity.organisation_id)
    record(session, organisation, _link_row(identity.id, person_id, method, (actor, now)))
    if person_id is not None:
        scores_follow_links(session, identity.organisation_id, {person_id}, now)


def _link_row(
    identity_id: int, person_id: int | None, method: str, by: tuple[str, datetime], reason: str = ""
) -> IdentityLink:
    actor, now = by
    return IdentityLink(
        identity_id=identity_id,
        person_id=person_id,
        method=method,
        reason=reason or None,
        recorded_at=now,
        recorded_by=actor,
    )
