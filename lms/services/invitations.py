"""One-time invitations to sign a pledge without a platform's account, for people of vendors.

The address holds a secret of 256 bits, of which only the hash is kept; it is shown once, to be sent by whoever invites.

Source: domain.md §4 (assurance methods).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.pledges import AssuranceMethod, Purpose
from lms.services.pledges import is_serving, text_in_force, text_version
from lms.services.signing import Assurance, OutdatedTextError, SigningForm, decline_pledge, sign_pledge
from lms.services.vendors import is_engaged
from lms.store.organisations import Organisation, wait_for_others
from lms.store.pledges import PledgeDecline, PledgeInvitation, PledgeInvitationRevocation, PledgeSignature
from lms.store.records import known, record

INVITATION_LIFETIME = timedelta(days=14)


class NotEngagedError(ValueError):
    """The person works under no contract today, or does not serve the organisation."""


class InvitationRefused(ValueError):
    """An address of an invitation opens nothing."""

    def __init__(self, code: str, organisation_id: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        """``invitation_unknown``, ``…_used``, ``…_revoked``, ``…_expired`` or ``…_over`` (engagement or service)."""
        self.organisation_id = organisation_id


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation and what became of it."""

    invitation: PledgeInvitation
    state: str
    """``open``, ``used``, ``revoked`` or ``expired``."""


def form_token_of(token: str) -> str:
    """Return the token that the form of an invitation carries; made from the secret, which it does not show."""
    return hmac.new(token.encode(), b"akashi invitation form", sha256).hexdigest()


def invite(
    session: Session,
    organisation: Organisation,
    person_id: int | None,
    key: str,
    by: tuple[str, datetime],
) -> tuple[PledgeInvitation, str]:
    """Invite somebody to sign the text in force; return the record and the secret of its address.

    An earlier invitation of theirs to the same pledge that is still open is revoked.

    Raises:
        NotEngagedError: nobody engaged today is meant.
        UnknownPledgeError: no text of the key is in force.
    """
    wait_for_others(session, organisation.id)
    actor, now = by
    today = jst_date(now)
    if person_id is None or not is_engaged(session, person_id, today) or not is_serving(session, person_id, today):
        raise NotEngagedError
    text_in_force(session, organisation.id, key, today)
    for each in invitations_of(session, organisation.id, now):
        if each.state == "open" and (each.invitation.person_id, each.invitation.text_key) == (person_id, key):
            _revoke(session, organisation, each.invitation, by)
    token = secrets.token_urlsafe(32)
    row = PledgeInvitation(
        person_id=person_id,
        text_key=key,
        purpose=Purpose.JOINING.value,
        token_hash=_hash(token),
        expires_at=now + INVITATION_LIFETIME,
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, row)
    return row, token


def revoke_invitation(
    session: Session, organisation: Organisation, invitation_id: int, by: tuple[str, datetime]
) -> None:
    """Take an invitation back.

    Raises:
        InvitationRefused: there is none such, or it is not open any more.
    """
    wait_for_others(session, organisation.id)
    found = next(
        (each for each in invitations_of(session, organisation.id, by[1]) if each.invitation.id == invitation_id), None
    )
    if found is None:
        raise InvitationRefused("invitation_unknown", organisation.id)
    if found.state != "open":
        raise InvitationRefused(f"invitation_{found.state}", organisation.id)
    _revoke(session, organisation, found.invitation, by)


def _revoke(session: Session, organisation: Organisation, row: PledgeInvitation, by: tuple[str, datetime]) -> None:
    record(
        session,
        organisation,
        PledgeInvitationRevocation(invitation_id=row.id, recorded_at=by[1], recorded_by=by[0]),
    )


def invitations_of(session: Session, organisation_id: int, now: datetime) -> list[InvitationView]:
    """Return all invitations of an organisation, the newest first."""
    used = set(
        session.scalars(
            select(PledgeSignature.invitation_id).where(
                PledgeSignature.organisation_id == organisation_id, PledgeSignature.invitation_id.is_not(None)
            )
        )
    )
    revoked = set(
        session.scalars(
            select(PledgeInvitationRevocation.invitation_id).where(
                PledgeInvitationRevocation.organisation_id == organisation_id
            )
        )
    )
    rows = session.scalars(
        select(PledgeInvitation)
        .where(PledgeInvitation.organisation_id == organisation_id, known(PledgeInvitation, None))
        .order_by(PledgeInvitation.id.desc())
    )
    found = []
    for row in rows:
        state = "expired" if now >= row.expires_at else "open"
        state = "used" if row.id in used else "revoked" if row.id in revoked else state
        found.append(InvitationView(row, state))
    return found


def open_invitation(session: Session, token: str, now: datetime) -> PledgeInvitation:
    """Return the invitation with a secret, if it can still be used.

    Raises:
        InvitationRefused: it is unknown, used, revoked, expired, or its engagement is over.
    """
    row = session.scalar(select(PledgeInvitation).where(PledgeInvitation.token_hash == _hash(token)))
    if row is None:
        raise InvitationRefused("invitation_unknown")
    state = next(
        each.state for each in invitations_of(session, row.organisation_id, now) if each.invitation.id == row.id
    )
    if state != "open":
        raise InvitationRefused(f"invitation_{state}", row.organisation_id)
    today = jst_date(now)
    if not is_engaged(session, row.person_id, today) or not is_serving(session, row.person_id, today):
        raise InvitationRefused("invitation_over", row.organisation_id)
    return row


def sign_by_invitation(
    session: Session, token: str, form: SigningForm, browser: tuple[str | None, str], now: datetime
) -> PledgeSignature:
    """Sign by an invitation, which is used up by it.

    Args:
        session: a writing transaction.
        token: the secret of the address.
        form: as sent.
        browser: network address and user agent.
        now: the present time.

    Raises:
        InvitationRefused: the address opens nothing.
        ValueError: what `lms.services.signing.sign_pledge` refuses; see there.
    """
    row = open_invitation(session, token, now)
    organisation = session.get_one(Organisation, row.organisation_id)
    _check_key(session, row, form)
    return sign_pledge(session, organisation, row.person_id, form, (_assured(row, browser), now))


def decline_by_invitation(
    session: Session, token: str, form: SigningForm, browser: tuple[str | None, str], now: datetime
) -> PledgeDecline:
    """Decline by an invitation, which stays open.

    Raises:
        InvitationRefused: the address opens nothing.
    """
    row = open_invitation(session, token, now)
    organisation = session.get_one(Organisation, row.organisation_id)
    _check_key(session, row, form)
    return decline_pledge(session, organisation, row.person_id, form, (_assured(row, browser), now))


def _check_key(session: Session, row: PledgeInvitation, form: SigningForm) -> None:
    """An invitation opens the pledge that it names, and no other."""
    if text_version(session, row.organisation_id, form.text_id).key != row.text_key:
        raise OutdatedTextError


def _assured(row: PledgeInvitation, browser: tuple[str | None, str]) -> Assurance:
    return Assurance(
        method=AssuranceMethod.INVITATION,
        actor=f"person:{row.person_id}",
        invitation_id=row.id,
        address=browser[0],
        user_agent=browser[1],
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
