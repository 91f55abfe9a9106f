"""Deciding about what a platform answered: a new registration, a change of one, or nothing of it.

Source: lti.md rule 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.services.audit import note
from lms.services.platforms import (
    BadPlatformError,
    NewPlatform,
    add_platform,
    change_platform,
    details_of,
    platform_of,
)
from lms.store.organisations import Organisation, wait_for_others
from lms.store.platforms import Platform, RegistrationRequest, deployments_of

CHANGEABLE = ("authorization_url", "token_url", "keyset_url", "product")


class UnknownRequestError(LookupError):
    """The organisation has no such request to register."""


class DecidedAlreadyError(ValueError):
    """Somebody has decided about the request already."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Approval:
    """What whoever approves adds to what the platform said."""

    name: str
    trusts_staff_number: bool
    deployment_id: str = ""
    """Only where the platform named none."""
    succeeds_id: int | None = None
    """The earlier registration of the same site whose links the new one takes over."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of a registration that a request would change."""

    field: str
    """Column of `lms.store.platforms.Platform`, ``scopes`` or ``deployment_id``."""
    before: str
    after: str


def waiting_requests(session: Session, organisation_id: int) -> list[RegistrationRequest]:
    """Return what waits for a decision, the oldest first."""
    return list(
        session.scalars(
            select(RegistrationRequest)
            .where(RegistrationRequest.organisation_id == organisation_id, RegistrationRequest.state == "waiting")
            .order_by(RegistrationRequest.id)
        )
    )


def request_of(session: Session, organisation_id: int, request_id: int) -> RegistrationRequest:
    """Return a request of the organisation.

    Raises:
        UnknownRequestError: it has none such.
    """
    row = session.get(RegistrationRequest, request_id)
    if row is None or row.organisation_id != organisation_id:
        raise UnknownRequestError(request_id)
    return row


def registration_changed_by(session: Session, request: RegistrationRequest) -> Platform | None:
    """Return the registration that a request would change, as it is now; None where it would be a new one."""
    return session.scalar(
        select(Platform).where(
            Platform.organisation_id == request.organisation_id,
            Platform.issuer == request.issuer,
            Platform.client_id == request.client_id,
        )
    )


def differences(session: Session, request: RegistrationRequest, platform: Platform) -> list[Difference]:
    """Return what a request would change of a registration."""
    found = [
        Difference(name, getattr(platform, name) or "", getattr(request, name) or "")
        for name in CHANGEABLE
        if getattr(request, name) is not None and getattr(platform, name) != getattr(request, name)
    ]
    if sorted(platform.scopes or []) != sorted(request.scopes):
        found.append(Difference("scopes", "\n".join(platform.scopes or []), "\n".join(request.scopes)))
    accepted = deployments_of(session, platform.id)
    if request.deployment_id is not None and request.deployment_id not in accepted:
        after = sorted({*accepted, request.deployment_id})
        found.append(Difference("deployment_id", "\n".join(sorted(accepted)), "\n".join(after)))
    return found


def predecessors(session: Session, organisation_id: int, issuer: str, but: int | None = None) -> list[Platform]:
    """Return the registrations of a site in an organisation, the newest first."""
    return list(
        session.scalars(
            select(Platform)
            .where(Platform.organisation_id == organisation_id, Platform.issuer == issuer, Platform.id != (but or 0))
            .order_by(Platform.id.desc())
        )
    )


def approve_request(
    session: Session, organisation: Organisation, request_id: int, approval: Approval, by: tuple[str, datetime]
) -> Platform:
    """Make a registration of a request, or change the one that it names.

    Args:
        session: a writing transaction.
        organisation: the request's own.
        request_id: the request.
        approval: what is decided with it; for a change, only ``deployment_id`` is looked at.
        by: who approves, and when.

    Raises:
        UnknownRequestError: the organisation has no such request.
        DecidedAlreadyError: it was decided already.
        BadPlatformError: a name or the deployment is missing, or the predecessor is not of the same site.
        PlatformExistsError: another organisation has the registration by now.
    """
    request = _waiting(session, organisation, request_id)
    changed = registration_changed_by(session, request)
    platform = _made(session, organisation, request, approval, by) if changed is None else changed
    if changed is not None:
        _change(session, organisation, request, changed, by)
    request.platform_id = platform.id
    _decide(session, request, "approved", by)
    return platform


def decline_request(session: Session, organisation: Organisation, request_id: int, by: tuple[str, datetime]) -> None:
    """Decide that nothing comes of a request.

    Raises:
        UnknownRequestError: the organisation has no such request.
        DecidedAlreadyError: it was decided already.
    """
    _decide(session, _waiting(session, organisation, request_id), "declined", by)


def _waiting(session: Session, organisation: Organisation, request_id: int) -> RegistrationRequest:
    wait_for_others(session, organisation.id)
    request = request_of(session, organisation.id, request_id)
    if request.state != "waiting":
        raise DecidedAlreadyError(request.state)
    return request


def _decide(session: Session, request: RegistrationRequest, state: str, by: tuple[str, datetime]) -> None:
    actor, now = by
    request.state = state
    request.decided_at = now
    request.decided_by = actor
    session.flush()
    facts = {"request": request.id, "platform": request.platform_id}
    note(session, f"registration.{state}", actor, now, request.organisation_id, **facts)


def _made(
    session: Session,
    organisation: Organisation,
    request: RegistrationRequest,
    approval: Approval,
    by: tuple[str, datetime],
) -> Platform:
    deployment_id = request.deployment_id or approval.deployment_id.replace("\0", "").strip()
    if not deployment_id:
        raise BadPlatformError("deployments", "missing")
    if approval.succeeds_id is not None:
        former = platform_of(session, organisation, approval.succeeds_id)
        if former is None or former.issuer != request.issuer:
            raise BadPlatformError("succeeds_id", "other_site")
    new = NewPlatform(
        name=approval.name,
        issuer=request.issuer,
        client_id=request.client_id,
        authorization_url=request.authorization_url,
        token_url=request.token_url,
        keyset_url=request.keyset_url,
        deployments=(deployment_id,),
        trusts_staff_number=approval.trusts_staff_number,
        scopes=tuple(request.scopes),
        product=request.product,
        succeeds_id=approval.succeeds_id,
    )
    return add_platform(session, organisation, new, *by)


def _change(
    session: Session,
    organisation: Organisation,
    request: RegistrationRequest,
    platform: Platform,
    by: tuple[str, datetime],
) -> None:
    now_there = details_of(session, platform)
    accepted = {*now_there.deployments, *([request.deployment_id] if request.deployment_id else [])}
    change_platform(
        session,
        organisation,
        platform.id,
        now_there.changed(
            authorization_url=request.authorization_url,
            token_url=request.token_url,
            keyset_url=request.keyset_url,
            deployments=tuple(sorted(accepted)),
        ),
        by,
    )
    platform.scopes = list(request.scopes)
    platform.product = request.product or platform.product
    session.flush()
