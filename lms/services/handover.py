"""Handing a session over from a platform's frame to a top-level window, by a ticket that serves once.

The Partitioned cookie of a frame is absent in a tab opened from it. The tab gets a session of its own: same identity,
same launch time, so that a launch grows no younger by it.

Source: lti.md, browser binding.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import update
from sqlalchemy.orm import Session

from lms.services.opening import LONGEST_SESSION, SESSION_LIFETIME, OpenedSession
from lms.store.identities import lock_identities
from lms.store.launches import HandoverTicket, LaunchSession

TICKET_LIFETIME = timedelta(seconds=60)


class TicketRefused(ValueError):
    """The ticket is unknown, was used, is too old, or its session has ended."""

    def __init__(self, code: str, organisation_id: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        """``ticket_unknown``, ``ticket_used``, ``ticket_expired`` or ``ticket_session_ended``."""
        self.organisation_id = organisation_id


def make_ticket(session: Session, handle: str, now: datetime) -> str:
    """Return a new ticket for a session; only its hash is kept."""
    ticket = secrets.token_urlsafe(32)
    session.add(
        HandoverTicket(
            ticket_hash=_hash(ticket),
            organisation_id=session.get_one(LaunchSession, handle).organisation_id,
            handle=handle,
            created_at=now,
            consumed_at=None,
        )
    )
    return ticket


def use_ticket(session: Session, ticket: str, now: datetime) -> OpenedSession:
    """Use a ticket up and open the session of the new window.

    Raises:
        TicketRefused: it opens nothing.
    """
    row = session.get(HandoverTicket, _hash(ticket))
    if row is None:
        raise TicketRefused("ticket_unknown")
    used = session.execute(
        update(HandoverTicket)
        .where(HandoverTicket.ticket_hash == row.ticket_hash, HandoverTicket.consumed_at.is_(None))
        .values(consumed_at=now)
    )
    if used.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
        raise TicketRefused("ticket_used", row.organisation_id)
    if not timedelta(0) <= now - row.created_at <= TICKET_LIFETIME:
        raise TicketRefused("ticket_expired", row.organisation_id)
    framed = session.get_one(LaunchSession, row.handle)
    if framed.identity_id is not None:  # whoever ends this person's sessions sees the new one, or is seen here
        lock_identities(session, [framed.identity_id])
        session.refresh(framed)
    if framed.revoked_at is not None or now >= framed.expires_at:
        raise TicketRefused("ticket_session_ended", row.organisation_id)
    secret = secrets.token_urlsafe(32)
    opened = LaunchSession(
        handle=secrets.token_hex(8),
        secret_hash=_hash(secret),
        organisation_id=framed.organisation_id,
        kind=framed.kind,
        platform_id=framed.platform_id,
        deployment_id=framed.deployment_id,
        identity_id=framed.identity_id,
        resource_link_pk=framed.resource_link_pk,
        reviewed_identity_id=framed.reviewed_identity_id,
        lti_roles=framed.lti_roles,
        return_url=framed.return_url,
        is_framed=False,
        language=framed.language,
        browser=framed.browser,
        created_at=framed.created_at,
        touched_at=now,
        expires_at=min(now + SESSION_LIFETIME, framed.created_at + LONGEST_SESSION),
        revoked_at=None,
    )
    session.add(opened)
    return OpenedSession(opened.handle, secret, None)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
