"""Dynamic registration: one-time invitations, what a platform answered to one, and the decision about it.

An invitation is used up by one atomic update before anything is sent, so that of many uses at once one goes on. What
the platform answers waits for somebody with the right to decide; nothing is opened and no registration is changed by
the network.

Source: lti.md rules 10 and 11.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from lms.lti.http import PlatformHttp
from lms.lti.registration import (
    MAX_TOKEN,
    PlatformConfiguration,
    Registered,
    RegistrationFault,
    RegistrationRefused,
    ask_to_register,
    check_keys,
    read_configuration,
)
from lms.lti.tool_facts import ToolFacts
from lms.services.audit import note
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.platforms import Platform, PlatformInvitation, RegistrationRequest

INVITATION_LIFETIME = timedelta(days=7)
LONGEST_INVITATION = timedelta(days=90)
MAX_NOTE = 200


class PlatformInvitationRefused(ValueError):
    """The address of an invitation to register opens nothing."""

    def __init__(self, code: str, organisation_id: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        """``platform_invitation_unknown``, ``…_used``, ``…_revoked`` or ``…_expired``."""
        self.organisation_id = organisation_id


class BadInvitationError(ValueError):
    """An invitation was asked for that can't be made: its note is too long, or its days are not 1 to 90."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class PlatformInvitationView:
    """An invitation to register and what became of it."""

    invitation: PlatformInvitation
    state: str
    """``open``, ``used``, ``revoked`` or ``expired``."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a platform opens the registration page with."""

    configuration_url: str
    registration_token: str | None


def invite_platform(
    session: Session,
    organisation: Organisation,
    written: str,
    by: tuple[str, datetime],
    lifetime: timedelta = INVITATION_LIFETIME,
) -> tuple[PlatformInvitation, str]:
    """Invite one platform to register; return the row and the secret of its address, which is kept nowhere.

    Args:
        session: a writing transaction.
        organisation: whose platform it will be.
        written: a note for those who see the list, such as the site that is meant; may be empty.
        by: who invites, and when.
        lifetime: how long it can be used; 1 to 90 days.

    Raises:
        BadInvitationError: the note is too long, or the days are not 1 to 90.
    """
    actor, now = by
    text = " ".join(written.replace("\0", "").split())
    if len(text) > MAX_NOTE:
        raise BadInvitationError("note")
    if not timedelta(days=1) <= lifetime <= LONGEST_INVITATION:
        raise BadInvitationError("days")
    token = secrets.token_urlsafe(32)
    row = PlatformInvitation(
        organisation_id=organisation.id,
        token_hash=_hash(token),
        note=text or None,
        created_at=now,
        created_by=actor,
        expires_at=now + lifetime,
        used_at=None,
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    note(session, "platform.invited", actor, now, organisation.id, invitation=row.id)
    return row, token


def revoke_platform_invitation(
    session: Session, organisation: Organisation, invitation_id: int, by: tuple[str, datetime]
) -> None:
    """Take an invitation back.

    Raises:
        PlatformInvitationRefused: there is none such, or it is not open any more.
    """
    actor, now = by
    row = session.get(PlatformInvitation, invitation_id)
    if row is None or row.organisation_id != organisation.id:
        raise PlatformInvitationRefused("platform_invitation_unknown", organisation.id)
    taken = session.execute(
        update(PlatformInvitation)
        .where(PlatformInvitation.id == row.id, *_is_open(now))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
        session.refresh(row)
        raise PlatformInvitationRefused(f"platform_invitation_{_state(row, now)}", organisation.id)
    note(session, "platform.invitation_revoked", actor, now, organisation.id, invitation=row.id)


def platform_invitations(session: Session, organisation_id: int, now: datetime) -> list[PlatformInvitationView]:
    """Return an organisation's invitations, the newest first."""
    rows = session.scalars(
        select(PlatformInvitation)
        .where(PlatformInvitation.organisation_id == organisation_id)
        .order_by(PlatformInvitation.id.desc())
    )
    return [PlatformInvitationView(row, _state(row, now)) for row in rows]


def open_platform_invitation(session: Session, token: str, now: datetime) -> PlatformInvitation:
    """Return the invitation with a secret, if it can still be used.

    Raises:
        PlatformInvitationRefused: it is unknown, used, revoked or expired.
    """
    row = session.scalar(select(PlatformInvitation).where(PlatformInvitation.token_hash == _hash(token)))
    if row is None:
        raise PlatformInvitationRefused("platform_invitation_unknown")
    state = _state(row, now)
    if state != "open":
        raise PlatformInvitationRefused(f"platform_invitation_{state}", row.organisation_id)
    return row


def registration_form_token(token: str) -> str:
    """Return the token that the form of an invitation carries; made from the secret, which it does not show."""
    return hmac.new(token.encode(), b"akashi registration form", sha256).hexdigest()


def look_at_platform(
    database: Database, http: PlatformHttp, invitation: PlatformInvitation, opening: Opening, now: datetime
) -> PlatformConfiguration:
    """Read what the platform says of itself, before anything is used up.

    Raises:
        RegistrationRefused: it can't be had, or is not to be trusted; an audit event says so.
    """
    try:
        _check_token(opening)
        return read_configuration(http, opening.configuration_url)
    except RegistrationRefused as refused:
        with database.transaction() as session:
            _note_refused(session, invitation, refused, now)
        raise


def register_by_invitation(
    database: Database,
    http: PlatformHttp,
    token: str,
    opening: Opening,
    tool: ToolFacts,
    now: datetime,
) -> RegistrationRequest:
    """Use an invitation: register the tool with a platform, and keep its answer until somebody decides.

    The invitation is consumed before the first call and given back only where the platform was surely not asked to
    register, so that a mistyped address or a platform at rest costs no new invitation.

    Raises:
        PlatformInvitationRefused: it is unknown, used, revoked or expired.
        RegistrationRefused: the platform can't be registered; an audit event says so.
    """
    with database.transaction() as session:
        invitation = _consume(session, token, now)
    try:
        _check_token(opening)
        configuration = read_configuration(http, opening.configuration_url)
        check_keys(http, configuration)
        answer = ask_to_register(http, configuration, opening.registration_token, tool)
    except RegistrationRefused as refused:
        with database.transaction() as session:
            if not refused.is_sent:
                _give_back(session, invitation)
            _note_refused(session, invitation, refused, now)
        raise
    elsewhere = RegistrationRefused(RegistrationFault.REGISTERED_ELSEWHERE, "registration", is_sent=True)
    with database.transaction() as session:
        kept = _keep(session, invitation, configuration, answer, now)
        if kept is None:
            _note_refused(session, invitation, elsewhere, now)
    if kept is None:
        raise elsewhere
    return kept


def _check_token(opening: Opening) -> None:
    if opening.registration_token is not None and len(opening.registration_token) > MAX_TOKEN:
        raise RegistrationRefused(RegistrationFault.TOKEN_MALFORMED, "registration", "length")


def _consume(session: Session, token: str, now: datetime) -> PlatformInvitation:
    taken = session.execute(
        update(PlatformInvitation)
        .where(PlatformInvitation.token_hash == _hash(token), *_is_open(now))
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    row = session.scalar(select(PlatformInvitation).where(PlatformInvitation.token_hash == _hash(token)))
    if row is None:
        raise PlatformInvitationRefused("platform_invitation_unknown")
    if taken.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
        raise PlatformInvitationRefused(f"platform_invitation_{_state(row, now)}", row.organisation_id)
    note(session, "platform.invitation_used", "anonymous", now, row.organisation_id, invitation=row.id)
    return row


def _give_back(session: Session, invitation: PlatformInvitation) -> None:
    session.execute(update(PlatformInvitation).where(PlatformInvitation.id == invitation.id).values(used_at=None))


def _keep(
    session: Session,
    invitation: PlatformInvitation,
    configuration: PlatformConfiguration,
    answer: Registered,
    now: datetime,
) -> RegistrationRequest | None:
    """Keep what a platform answered; None where the registration is another organisation's."""
    existing = session.execute(
        select(Platform.id, Platform.organisation_id).where(
            Platform.issuer == configuration.issuer, Platform.client_id == answer.client_id
        )
    ).one_or_none()
    if existing is not None and existing.organisation_id != invitation.organisation_id:
        return None
    row = RegistrationRequest(
        organisation_id=invitation.organisation_id,
        invitation_id=invitation.id,
        platform_id=None if existing is None else existing.id,
        issuer=configuration.issuer,
        client_id=answer.client_id,
        deployment_id=answer.deployment_id,
        authorization_url=configuration.authorization_url,
        token_url=configuration.token_url,
        keyset_url=configuration.keyset_url,
        scopes=list(answer.scopes),
        product=configuration.product,
        state="waiting",
        received_at=now,
        decided_at=None,
        decided_by=None,
    )
    session.add(row)
    session.flush()
    kind = "registration.received" if existing is None else "registration.update_received"
    note(session, kind, "anonymous", now, row.organisation_id, request=row.id, invitation=invitation.id)
    return row


def _note_refused(
    session: Session, invitation: PlatformInvitation, refused: RegistrationRefused, now: datetime
) -> None:
    note(
        session,
        "registration.refused",
        "anonymous",
        now,
        invitation.organisation_id,
        invitation=invitation.id,
        code=refused.code.value,
        step=refused.step,
        detail=refused.detail,
    )


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        PlatformInvitation.used_at.is_(None),
        PlatformInvitation.revoked_at.is_(None),
        PlatformInvitation.expires_at > now,
    )


def _state(row: PlatformInvitation, now: datetime) -> str:
    if row.used_at is not None:
        return "used"
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if now >= row.expires_at else "open"


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
