"""Rosters of the platforms' courses: wanting a pull, keeping what came of it, and how it differs from the staff list.

A snapshot is complete or it is none: whoever is absent from one has left the course, whoever is missing from a pull that
broke off has not. Nobody's record changes by a roster; it shows differences for people to act on.

Source: lti.md rule 14; LTI Names and Role Provisioning Services 2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from lms.lti.messages import Launch
from lms.lti.roster import Member, Roster
from lms.services.audit import note
from lms.services.identities import link_as_before, link_by_staff_number
from lms.store.identities import LtiIdentity
from lms.store.platforms import Platform
from lms.store.rosters import RosterMember, RosterPull, RosterSource

SNAPSHOTS_KEPT = 400
"""Complete snapshots of one course that are kept; at one a night a fiscal year and a month."""
_BATCH = 500
_T = TypeVar("_T")


class UnknownRosterError(LookupError):
    """The organisation has no such course."""


@dataclass(frozen=True, slots=True)
class RosterState:
    """A course whose roster is pulled, and how that went."""

    source_id: int
    platform_id: int
    platform_name: str
    title: str | None
    newest: RosterPull | None
    """The newest complete snapshot."""
    latest: RosterPull | None
    """The latest pull, complete or not."""
    member_count: int
    """People in the newest snapshot."""


def see_source(session: Session, platform: Platform, launch: Launch, now: datetime) -> None:
    """Remember that a launch's course offers its roster, and where; one that is new is pulled at once."""
    if launch.roster_url is None or launch.context_id is None:
        return
    source = session.scalar(
        select(RosterSource).where(
            RosterSource.platform_id == platform.id,
            RosterSource.deployment_id == launch.deployment_id,
            RosterSource.context_id == launch.context_id,
        )
    )
    is_new = source is None
    if source is None:
        source = RosterSource(
            organisation_id=platform.organisation_id,
            platform_id=platform.id,
            deployment_id=launch.deployment_id,
            context_id=launch.context_id,
        )
        session.add(source)
    source.context_title = launch.context_title
    source.memberships_url = launch.roster_url
    source.seen_at = now
    session.flush()
    if is_new:
        want_pull(session, source, "system:launch", now)


def find_source(session: Session, organisation_id: int, source_id: int) -> RosterSource:
    """Return a course of an organisation.

    Raises:
        UnknownRosterError: there is none.
    """
    source = session.get(RosterSource, source_id)
    if source is None or source.organisation_id != organisation_id:
        raise UnknownRosterError(source_id)
    return source


def want_pull(session: Session, source: RosterSource, actor: str, now: datetime) -> RosterPull:
    """Want a roster to be pulled; while one is wanted already, it is brought forward."""
    pull = session.scalar(
        select(RosterPull).where(RosterPull.source_id == source.id, RosterPull.state == "wanted").with_for_update()
    )
    if pull is not None:
        pull.next_try_at = min(pull.next_try_at, now)
        return pull
    pull = RosterPull(
        organisation_id=source.organisation_id,
        source_id=source.id,
        wanted_at=now,
        wanted_by=actor,
        state="wanted",
        tries=0,
        next_try_at=now,
    )
    session.add(pull)
    note(session, "roster.wanted", actor, now, source.organisation_id, roster=source.id)
    session.flush()
    return pull


def sources_to_pull(session: Session, seen_since: datetime) -> Sequence[RosterSource]:
    """Return the courses whose rosters are pulled at night: launched since then, on platforms that are in use."""
    return session.scalars(
        select(RosterSource)
        .join(Platform, Platform.id == RosterSource.platform_id)
        .where(Platform.stopped_at.is_(None), RosterSource.seen_at >= seen_since)
        .order_by(RosterSource.id)
    ).all()


def keep_snapshot(session: Session, pull: RosterPull, roster: Roster, now: datetime) -> None:
    """Keep a complete roster as a snapshot: everybody on it has an identity from now on."""
    source = session.get_one(RosterSource, pull.source_id)
    platform = session.get_one(Platform, source.platform_id)
    identities = _see_members(session, platform, roster.members, now)
    rows = [
        {
            "pull_id": pull.id,
            "identity_id": identities[each.user_id].id,
            "organisation_id": pull.organisation_id,
            "lti_roles": list(each.lti_roles),
            "is_active": each.is_active,
        }
        for each in roster.members
    ]
    if rows:
        session.execute(insert(RosterMember), rows)
    for identity in identities.values() if platform.succeeds_id is not None else ():
        link_as_before(session, platform, identity, now)
    if platform.trusts_staff_number:
        claimed = {identities[each.user_id].id: each.staff_number for each in roster.members if each.staff_number}
        for batch in _batched(claimed.items(), _BATCH):
            link_by_staff_number(session, platform, dict(batch), now, "system:roster")
    pull.state, pull.refusal, pull.pages = "complete", None, roster.pages
    pull.finished_at, pull.lease_until = now, None
    session.flush()
    _forget_old(session, source.id)


def _see_members(
    session: Session, platform: Platform, members: Sequence[Member], now: datetime
) -> dict[str, LtiIdentity]:
    found = _identities(session, platform.id, members)
    unseen = [each.user_id for each in members if each.user_id not in found]
    if unseen:
        shared = {"organisation_id": platform.organisation_id, "platform_id": platform.id}
        rows = [{**shared, "sub": sub, "first_seen_at": now, "last_seen_at": now} for sub in unseen]
        session.execute(insert(LtiIdentity), rows)
        found = _identities(session, platform.id, members)
    for member in members:
        identity = found[member.user_id]
        # A roster with fewer claims than a launch takes nothing away.
        identity.claimed_family_name = member.family_name or identity.claimed_family_name
        identity.claimed_given_name = member.given_name or identity.claimed_given_name
        identity.claimed_staff_number = member.staff_number or identity.claimed_staff_number
        identity.last_seen_at = now
    session.flush()
    return found


def _identities(session: Session, platform_id: int, members: Sequence[Member]) -> dict[str, LtiIdentity]:
    found: dict[str, LtiIdentity] = {}
    for batch in _batched(members, _BATCH):
        subs = [each.user_id for each in batch]
        rows = select(LtiIdentity).where(LtiIdentity.platform_id == platform_id, LtiIdentity.sub.in_(subs))
        found |= {each.sub: each for each in session.scalars(rows)}
    return found


def _batched(values: Iterable[_T], size: int) -> Iterator[tuple[_T, ...]]:
    """Yield values in order, so many at once: a statement takes a limited number of them."""
    waiting = iter(values)
    while batch := tuple(islice(waiting, size)):
        yield batch


def _forget_old(session: Session, source_id: int) -> None:
    complete = (
        select(RosterPull.id)
        .where(RosterPull.source_id == source_id, RosterPull.state == "complete")
        .order_by(RosterPull.id.desc())
    )
    oldest = session.scalar(complete.offset(SNAPSHOTS_KEPT - 1).limit(1))
    if oldest is not None:
        old = select(RosterPull.id).where(RosterPull.source_id == source_id, RosterPull.id < oldest)
        session.execute(delete(RosterMember).where(RosterMember.pull_id.in_(old)))
        session.execute(delete(RosterPull).where(RosterPull.source_id == source_id, RosterPull.id < oldest))


def fail_pull(session: Session, pull: RosterPull, refusal: str, now: datetime) -> None:
    """Give a pull up: nothing of it is kept, the newest snapshot stands."""
    pull.state, pull.refusal = "failed", refusal
    pull.finished_at, pull.lease_until = now, None
    note(session, "roster.failed", "system:worker", now, pull.organisation_id, roster=pull.source_id, code=refusal)


def put_off(pull: RosterPull, refusal: str, until: datetime) -> None:
    """Try a pull again later."""
    pull.refusal, pull.next_try_at, pull.lease_until = refusal, until, None


def newest_snapshots(session: Session, source_id: int, count: int) -> list[RosterPull]:
    """Return the newest complete snapshots of a course, the newest first."""
    return list(
        session.scalars(
            select(RosterPull)
            .where(RosterPull.source_id == source_id, RosterPull.state == "complete")
            .order_by(RosterPull.id.desc())
            .limit(count)
        )
    )


def roster_states(session: Session, organisation_id: int) -> list[RosterState]:
    """Return the courses of an organisation whose rosters are pulled, in order of platform and title."""
    rows = session.execute(
        select(RosterSource, Platform.name)
        .join(Platform, Platform.id == RosterSource.platform_id)
        .where(RosterSource.organisation_id == organisation_id)
        .order_by(Platform.name, RosterSource.context_title, RosterSource.id)
    ).all()
    return [roster_state(session, source, name) for source, name in rows]


def roster_state(session: Session, source: RosterSource, platform_name: str) -> RosterState:
    """Return how the pulls of one course went."""
    newest = next(iter(newest_snapshots(session, source.id, 1)), None)
    latest = session.scalar(
        select(RosterPull).where(RosterPull.source_id == source.id).order_by(RosterPull.id.desc()).limit(1)
    )
    count = 0
    if newest is not None:
        count = session.scalar(select(func.count()).where(RosterMember.pull_id == newest.id)) or 0
    return RosterState(source.id, source.platform_id, platform_name, source.context_title, newest, latest, count)


def pulls_of(session: Session, source_id: int, limit: int) -> list[tuple[RosterPull, int]]:
    """Return the latest pulls of a course with the number of people in each, the latest first."""
    counted = select(RosterMember.pull_id, func.count().label("people")).group_by(RosterMember.pull_id).subquery()
    rows = session.execute(
        select(RosterPull, func.coalesce(counted.c.people, 0))
        .outerjoin(counted, counted.c.pull_id == RosterPull.id)
        .where(RosterPull.source_id == source_id)
        .order_by(RosterPull.id.desc())
        .limit(limit)
    )
    return [(pull, int(people)) for pull, people in rows]


def is_pulled_lately(state: RosterState, now: datetime) -> bool:
    """Tell whether the newest snapshot is of the last two days."""
    finished = state.newest.finished_at if state.newest else None
    return finished is not None and now - finished < timedelta(days=2)
