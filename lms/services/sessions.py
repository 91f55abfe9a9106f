"""Live launch sessions: who is asking, what they may do, and until when.

Source: lti.md rule 8; architecture.md §2.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.lti.roles import is_instructor
from lms.services.opening import LONGEST_SESSION, SESSION_LIFETIME, TOUCH_INTERVAL
from lms.services.permissions import ACCOUNT, Permission, permissions_of
from lms.store.identities import identities_of, person_of
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.organisations import Organisation
from lms.store.platforms import Platform

ACCOUNT_IDLE = timedelta(minutes=15)
"""How long the session of a local account lasts without use."""
ACCOUNT_LONGEST = timedelta(hours=2)


class NoIdentityError(LookupError):
    """A local account was asked for the identity of a platform, which it does not have."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The one who is asking, for the length of a request."""

    handle: str
    kind: str
    """What the session came from; see `lms.store.launches.LaunchSession`."""
    organisation: Organisation
    launched_identity_id: int | None
    """None for a local account; whoever may learn has one, see `identity_id`."""
    account_id: int | None
    """The local account; None for everybody who was launched."""
    person_id: int | None
    """The person on the staff list; None while the identity is nobody's."""
    identity_ids: tuple[int, ...]
    """All identities of the same person: their attempts and reading places are one."""
    permissions: frozenset[Permission]
    language: str
    is_framed: bool
    is_instructor: bool
    return_url: str | None
    resource_link_pk: int | None
    """The activity; None while content is chosen, and for a local account."""
    reviewed_identity_id: int | None
    """Whose submission is reviewed; None but for a submission review."""
    opens: str | None
    """Key of what the activity opens."""
    platform_id: int | None
    platform_address: str | None
    """An address of the platform, whose origin may frame our pages; None for a local account."""
    platform_issuer: str | None
    deployment_id: str | None
    launched_at: datetime
    """When the launch was verified; a window opened from its frame keeps it."""
    needs_touch: bool
    """Whether the sliding expiry is due to be moved."""

    @property
    def identity_id(self) -> int:
        """The identity that was launched.

        Raises:
            NoIdentityError: a local account asks.
        """
        if self.launched_identity_id is None:
            raise NoIdentityError
        return self.launched_identity_id

    @property
    def actor(self) -> str:
        """The visitor as records and audit events name them."""
        if self.account_id is not None:
            return f"account:{self.account_id}"
        return f"identity:{self.identity_id}" if self.person_id is None else f"person:{self.person_id}"

    def may(self, permission: Permission) -> bool:
        """Tell whether the visitor holds a right."""
        return permission in self.permissions


def find_visitor(session: Session, handle: str, secret: str, now: datetime) -> Visitor | None:
    """Return the visitor of a live session; None if there is none with this secret."""
    row = session.execute(
        select(
            LaunchSession.secret_hash,
            LaunchSession.kind,
            LaunchSession.identity_id,
            LaunchSession.account_id,
            LaunchSession.resource_link_pk,
            LaunchSession.reviewed_identity_id,
            LaunchSession.platform_id,
            LaunchSession.deployment_id,
            LaunchSession.lti_roles,
            LaunchSession.return_url,
            LaunchSession.is_framed,
            LaunchSession.language,
            LaunchSession.touched_at,
            LaunchSession.expires_at,
            LaunchSession.revoked_at,
            LaunchSession.created_at,
            ResourceLink.opens,
            Platform.authorization_url,
            Platform.issuer,
            Organisation,
        )
        .outerjoin(ResourceLink, ResourceLink.id == LaunchSession.resource_link_pk)
        .outerjoin(Platform, Platform.id == LaunchSession.platform_id)
        .join(Organisation, Organisation.id == LaunchSession.organisation_id)
        .where(LaunchSession.handle == handle)
    ).one_or_none()
    if row is None:
        return None
    if not hmac.compare_digest(row.secret_hash, sha256(secret.encode()).digest()):
        return None
    if row.revoked_at is not None or now >= row.expires_at:
        return None
    person_id, identity_ids = _person_behind(session, row.identity_id)
    return Visitor(
        handle=handle,
        kind=row.kind,
        organisation=row.Organisation,
        launched_identity_id=row.identity_id,
        account_id=row.account_id,
        person_id=person_id,
        identity_ids=identity_ids,
        permissions=_permissions(session, row.account_id, person_id, now),
        language=row.language,
        is_framed=row.is_framed,
        is_instructor=is_instructor(row.lti_roles),
        return_url=row.return_url,
        resource_link_pk=row.resource_link_pk,
        reviewed_identity_id=row.reviewed_identity_id,
        opens=row.opens,
        platform_id=row.platform_id,
        platform_address=row.authorization_url,
        platform_issuer=row.issuer,
        deployment_id=row.deployment_id,
        launched_at=row.created_at,
        needs_touch=now - row.touched_at >= TOUCH_INTERVAL,
    )


def _person_behind(session: Session, identity_id: int | None) -> tuple[int | None, tuple[int, ...]]:
    if identity_id is None:
        return None, ()
    person_id = person_of(session, identity_id)
    return person_id, (identity_id,) if person_id is None else tuple(identities_of(session, person_id))


def _permissions(
    session: Session, account_id: int | None, person_id: int | None, now: datetime
) -> frozenset[Permission]:
    return ACCOUNT if account_id is not None else permissions_of(session, person_id, jst_date(now))


def was_ended(session: Session, handle: str, secret: str) -> bool:
    """Tell whoever holds its secret whether a session was ended by somebody; one that ran out was not."""
    row = session.execute(
        select(LaunchSession.secret_hash, LaunchSession.revoked_at).where(LaunchSession.handle == handle)
    ).one_or_none()
    if row is None or not hmac.compare_digest(row.secret_hash, sha256(secret.encode()).digest()):
        return False
    return row.revoked_at is not None


def platform_address_of_session(session: Session, handle: str) -> str | None:
    """Return an address of the platform that a session came from, over or not; None if there is none."""
    return session.scalar(
        select(Platform.authorization_url)
        .join(LaunchSession, LaunchSession.platform_id == Platform.id)
        .where(LaunchSession.handle == handle)
    )


def is_of_account(session: Session, handle: str, secret: str) -> bool:
    """Tell whoever holds its secret whether a session, over or not, is an emergency account's."""
    row = session.execute(
        select(LaunchSession.secret_hash, LaunchSession.kind).where(LaunchSession.handle == handle)
    ).one_or_none()
    return (
        row is not None
        and row.kind == "account"
        and hmac.compare_digest(row.secret_hash, sha256(secret.encode()).digest())
    )


def touch(session: Session, handle: str, now: datetime) -> None:
    """Move the sliding expiry of a session, up to the longest that a session lasts."""
    found = session.execute(
        select(LaunchSession.created_at, LaunchSession.kind).where(LaunchSession.handle == handle)
    ).one_or_none()
    if found is None:
        return
    idle, longest = SESSION_LIFETIME, LONGEST_SESSION
    if found.kind == "account":
        idle, longest = ACCOUNT_IDLE, ACCOUNT_LONGEST
    session.execute(
        update(LaunchSession)
        .where(LaunchSession.handle == handle, LaunchSession.revoked_at.is_(None))
        .values(touched_at=now, expires_at=min(now + idle, found.created_at + longest))
    )


def choose_language(session: Session, handle: str, language: str) -> None:
    """Keep the language that the visitor chose for this session."""
    session.execute(update(LaunchSession).where(LaunchSession.handle == handle).values(language=language))


def end_session(session: Session, handle: str, now: datetime) -> None:
    """Revoke a session."""
    session.execute(update(LaunchSession).where(LaunchSession.handle == handle).values(revoked_at=now))
