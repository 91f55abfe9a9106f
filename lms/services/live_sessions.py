"""Sessions that are open: one's own, those of the whole organisation, and ending them.

A list names a session by a mark made from its handle, so that no list holds the address of somebody's pages.

Source: lti.md rule 8.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, update
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.services.audit import note
from lms.services.people import Particulars, particulars_on
from lms.services.sessions import Visitor
from lms.store.accounts import LocalAccount
from lms.store.identities import LtiIdentity, links_of, lock_identities
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.platforms import Platform


class NoSuchSessionError(LookupError):
    """Among the sessions in question there is none with this mark, or it has ended."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One session as its owner, or the secretariat, sees it."""

    mark: str
    kind: str
    """See `lms.store.launches.LaunchSession`."""
    opened_at: datetime
    """When the launch was verified."""
    used_at: datetime
    """The last use, to five minutes."""
    activity: str | None
    platform: str | None
    is_framed: bool
    browser: str | None
    is_this: bool
    """Whether it is the one that asks."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose sessions: a person of the staff list, an identity that is nobody's yet, or a local account."""

    key: str
    """``person:12``, ``identity:3`` or ``account:1``, as audit events name them."""
    name: str
    staff_number: str


@dataclass(frozen=True, slots=True)
class OwnedSessions:
    """Somebody's open sessions, the last used first."""

    owner: Owner
    sessions: Sequence[LiveSession]


def session_mark(handle: str) -> str:
    """Return the name of a session on lists; nobody finds its address from it."""
    return sha256(b"akashi session list " + handle.encode()).hexdigest()[:16]


def own_sessions(session: Session, asking: Visitor, now: datetime) -> list[LiveSession]:
    """Return the visitor's open sessions, of all their identities, the last used first."""
    rows = session.execute(_live(asking, now).where(_is_of(asking)))
    return [_shown(row, asking) for row in rows]


def everybodys_sessions(session: Session, asking: Visitor, now: datetime, text: str = "") -> list[OwnedSessions]:
    """Return the organisation's open sessions by owner, the last used first.

    Args:
        session: where to read.
        asking: whoever asks; theirs is the organisation.
        now: the present time.
        text: part of a name or staff number; empty: everybody's.
    """
    owners = _Owners(session, asking.organisation.id, now)
    found: dict[str, tuple[Owner, list[LiveSession]]] = {}
    for row in session.execute(_live(asking, now)):
        owner = owners.of(row)
        if text.casefold().replace(" ", "") in f"{owner.name}\n{owner.staff_number}".casefold().replace(" ", ""):
            found.setdefault(owner.key, (owner, []))[1].append(_shown(row, asking))
    return [OwnedSessions(owner, sessions) for owner, sessions in found.values()]


def end_own(session: Session, asking: Visitor, mark: str | None, now: datetime) -> bool:
    """End one of the visitor's sessions, or (None) all but the one that asks; tell whether it was the one that asks.

    Raises:
        NoSuchSessionError: none of theirs has this mark.
    """
    lock_identities(session, asking.identity_ids)
    live = session.scalars(_handles(asking, now).where(_is_of(asking))).all()
    if mark is None:
        wanted = [handle for handle in live if handle != asking.handle]
    else:
        wanted = [handle for handle in live if session_mark(handle) == mark]
        if not wanted:
            raise NoSuchSessionError
    _end(session, asking, wanted, asking.actor, now)
    return asking.handle in wanted


def end_anybodys(session: Session, asking: Visitor, mark: str, now: datetime) -> None:
    """End one of the organisation's sessions.

    Raises:
        NoSuchSessionError: none of the organisation's open sessions has this mark.
    """
    wanted = [row for row in session.execute(_live(asking, now)) if session_mark(row.handle) == mark]
    if not wanted:
        raise NoSuchSessionError
    _end(session, asking, [wanted[0].handle], _Owners(session, asking.organisation.id, now).of(wanted[0]).key, now)


def end_all_of(session: Session, asking: Visitor, owner_key: str, now: datetime) -> int:
    """End all sessions of somebody in the organisation; return how many.

    Raises:
        NoSuchSessionError: there are none.
    """
    kind, _colon, key = owner_key.partition(":")
    links = links_of(session, asking.organisation.id)
    if kind == "person":
        lock_identities(session, [identity for identity, person in links.items() if str(person) == key])
    elif kind == "identity" and key.isdecimal():
        lock_identities(session, [int(key)])
    owners = _Owners(session, asking.organisation.id, now)
    wanted = [row.handle for row in session.execute(_live(asking, now)) if owners.of(row).key == owner_key]
    if not wanted:
        raise NoSuchSessionError
    _end(session, asking, wanted, owner_key, now)
    return len(wanted)


class _Owners:
    """Finds who has a session; names are read once."""

    def __init__(self, session: Session, organisation_id: int, now: datetime) -> None:
        self._links = links_of(session, organisation_id)
        self._people: dict[int, Particulars | None] = particulars_on(session, organisation_id, jst_date(now))

    def of(self, row: Row[Any]) -> Owner:
        """Return whose a row of `_live` is."""
        if row.identity_id is None:
            return Owner(f"account:{row.account_id}", row.login_name or "", "")
        person_id = self._links.get(row.identity_id)
        if person_id is None:
            claimed = (row.claimed_family_name, row.claimed_given_name)
            return Owner(f"identity:{row.identity_id}", " ".join(part for part in claimed if part), "")
        who = self._people.get(person_id)
        name = f"{who.family_name} {who.given_name}".strip() if who else ""
        return Owner(f"person:{person_id}", name, who.staff_number if who else "")


def _live(asking: Visitor, now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            LaunchSession.handle,
            LaunchSession.kind,
            LaunchSession.created_at,
            LaunchSession.touched_at,
            LaunchSession.is_framed,
            LaunchSession.browser,
            LaunchSession.identity_id,
            LaunchSession.account_id,
            ResourceLink.title,
            ResourceLink.opens,
            Platform.name,
            LtiIdentity.claimed_family_name,
            LtiIdentity.claimed_given_name,
            LocalAccount.login_name,
        )
        .outerjoin(ResourceLink, ResourceLink.id == LaunchSession.resource_link_pk)
        .outerjoin(Platform, Platform.id == LaunchSession.platform_id)
        .outerjoin(LtiIdentity, LtiIdentity.id == LaunchSession.identity_id)
        .outerjoin(LocalAccount, LocalAccount.id == LaunchSession.account_id)
        .where(*_is_live(asking, now))
        .order_by(LaunchSession.touched_at.desc(), LaunchSession.created_at.desc(), LaunchSession.handle)
    )


def _handles(asking: Visitor, now: datetime) -> Select[str]:
    return select(LaunchSession.handle).where(*_is_live(asking, now)).order_by(LaunchSession.handle)


def _is_live(asking: Visitor, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        LaunchSession.organisation_id == asking.organisation.id,
        LaunchSession.revoked_at.is_(None),
        LaunchSession.expires_at > now,
    )


def _is_of(asking: Visitor) -> ColumnElement[bool]:
    if asking.account_id is not None:
        return LaunchSession.account_id == asking.account_id
    return LaunchSession.identity_id.in_(asking.identity_ids)


def _shown(found: Row[Any], asking: Visitor) -> LiveSession:
    return LiveSession(
        mark=session_mark(found.handle),
        kind=found.kind,
        opened_at=found.created_at,
        used_at=found.touched_at,
        activity=found.title or found.opens,
        platform=found.name,
        is_framed=found.is_framed,
        browser=found.browser,
        is_this=found.handle == asking.handle,
    )


def _end(session: Session, asking: Visitor, handles: Collection[str], owner_key: str, now: datetime) -> None:
    if not handles:
        return
    session.execute(
        update(LaunchSession)
        .where(LaunchSession.handle.in_(handles), LaunchSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    note(session, "session.ended", asking.actor, now, asking.organisation.id, of=owner_key, count=len(handles))
