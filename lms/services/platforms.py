"""Registering platforms, changing and stopping their registrations."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.lti.http import OutgoingRefused, origin_of
from lms.services.audit import note
from lms.services.identities import link_as_before
from lms.store.base import ALL_OWNERS
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession
from lms.store.organisations import Organisation, wait_for_others
from lms.store.platforms import Deployment, Platform, PlatformKeyset, deployments_of

MAX_NAME = 100
MAX_ID = 255
MAX_ENTRIES = 50
_ADDRESSES = ("authorization_url", "token_url", "keyset_url")


class PlatformExistsError(ValueError):
    """The issuer and client_id are registered already; an existing registration is never overwritten."""


class UnknownPlatformError(LookupError):
    """The organisation has no such registration."""


class BadPlatformError(ValueError):
    """Something entered about a platform can't be kept."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem
        """``missing``, ``too_long``, ``too_many``, ``characters``, ``no_address``, ``not_https``, ``other_site`` or ``circle``."""


@dataclass(frozen=True, slots=True)
class NewPlatform:
    """What an administrator enters about a platform, or has approved of it; the names are Moodle's own."""

    name: str
    issuer: str
    client_id: str
    authorization_url: str
    token_url: str
    keyset_url: str
    deployments: tuple[str, ...]
    trusts_staff_number: bool
    trusted_audiences: tuple[str, ...] = ()
    """Audiences that may stand beside our client_id in one token."""
    scopes: tuple[str, ...] | None = None
    product: str | None = None
    succeeds_id: int | None = None


@dataclass(frozen=True, slots=True)
class PlatformDetails:
    """What can be changed of a registration; issuer and client_id are what it is."""

    name: str
    authorization_url: str
    token_url: str
    keyset_url: str
    deployments: tuple[str, ...]
    trusted_audiences: tuple[str, ...]
    trusts_staff_number: bool
    succeeds_id: int | None

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - the class's own fields
        """Return the details with other values for some fields."""
        return replace(self, **values)

    def differing(self, other: Self) -> tuple[str, ...]:
        """Return the names of the fields in which another differs."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name))


def add_platform(session: Session, organisation: Organisation, new: NewPlatform, actor: str, now: datetime) -> Platform:
    """Register a platform.

    Raises:
        PlatformExistsError: it is registered already.
        BadPlatformError: something about it can't be kept.
    """
    anywhere = select(Platform.id).where(Platform.issuer == new.issuer, Platform.client_id == new.client_id)
    if session.scalar(anywhere.execution_options(**ALL_OWNERS)):
        raise PlatformExistsError(new.issuer, new.client_id)
    for field, value in (("issuer", new.issuer), ("client_id", new.client_id)):
        _check_text(field, value, MAX_ID)
    details = _checked(_details_in(new))
    platform = Platform(
        organisation_id=organisation.id,
        name=details.name,
        issuer=new.issuer,
        client_id=new.client_id,
        authorization_url=new.authorization_url,
        token_url=new.token_url,
        keyset_url=new.keyset_url,
        trusts_staff_number=new.trusts_staff_number,
        trusted_audiences=list(details.trusted_audiences),
        scopes=None if new.scopes is None else list(new.scopes),
        product=new.product,
        succeeds_id=new.succeeds_id,
        created_at=now,
    )
    session.add(platform)
    try:
        session.flush()
    except IntegrityError:  # somebody else registered it in the same moment
        raise PlatformExistsError(new.issuer, new.client_id) from None
    for deployment_id in details.deployments:
        session.add(Deployment(platform_id=platform.id, deployment_id=deployment_id, organisation_id=organisation.id))
    note(
        session,
        "platform.added",
        actor,
        now,
        organisation.id,
        platform=platform.id,
        issuer=new.issuer,
        trusts_staff_number=new.trusts_staff_number,
        succeeds=new.succeeds_id,
    )
    return platform


def _details_in(new: NewPlatform) -> PlatformDetails:
    return PlatformDetails(
        name=new.name,
        authorization_url=new.authorization_url,
        token_url=new.token_url,
        keyset_url=new.keyset_url,
        deployments=new.deployments,
        trusted_audiences=new.trusted_audiences,
        trusts_staff_number=new.trusts_staff_number,
        succeeds_id=new.succeeds_id,
    )


def _checked(details: PlatformDetails) -> PlatformDetails:
    """Return the details with their texts trimmed.

    Raises:
        BadPlatformError: something in them can't be kept.
    """
    name = " ".join(details.name.split())
    _check_text("name", name, MAX_NAME)
    for field in _ADDRESSES:
        _check_address(field, getattr(details, field))
    if not details.deployments:
        raise BadPlatformError("deployments", "missing")
    for field, entries in (("deployments", details.deployments), ("trusted_audiences", details.trusted_audiences)):
        if len(entries) > MAX_ENTRIES:
            raise BadPlatformError(field, "too_many")
        for entry in entries:
            _check_text(field, entry, MAX_ID)
    return details.changed(name=name, deployments=tuple(sorted(set(details.deployments))))


def _check_address(field: str, address: str) -> None:
    try:
        origin_of(address)
    except OutgoingRefused:
        raise BadPlatformError(field, "no_address") from None
    parts = urlsplit(address)
    # Plain http is for first steps on one machine: elsewhere tokens and people would be sent in the clear.
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise BadPlatformError(field, "not_https")


def _check_text(field: str, value: str, longest: int) -> None:
    if not value:
        raise BadPlatformError(field, "missing")
    if len(value) > longest:
        raise BadPlatformError(field, "too_long")
    if not value.isprintable():
        raise BadPlatformError(field, "characters")


def platform_of(session: Session, organisation: Organisation, platform_id: int) -> Platform | None:
    """Return a registration of the organisation; None if it has none such."""
    platform = session.get(Platform, platform_id)
    return platform if platform is not None and platform.organisation_id == organisation.id else None


def details_of(session: Session, platform: Platform) -> PlatformDetails:
    """Return what can be changed of a registration, as it is."""
    return PlatformDetails(
        name=platform.name,
        authorization_url=platform.authorization_url,
        token_url=platform.token_url,
        keyset_url=platform.keyset_url,
        deployments=tuple(sorted(deployments_of(session, platform.id))),
        trusted_audiences=tuple(platform.trusted_audiences),
        trusts_staff_number=platform.trusts_staff_number,
        succeeds_id=platform.succeeds_id,
    )


def check_change(
    session: Session, organisation: Organisation, platform_id: int, wanted: PlatformDetails
) -> tuple[Platform, PlatformDetails, tuple[str, ...]]:
    """Return a registration, the details it would get, and the names of those that would change.

    Raises:
        UnknownPlatformError: the organisation has no such registration.
        BadPlatformError: something can't be kept.
    """
    platform = platform_of(session, organisation, platform_id)
    if platform is None:
        raise UnknownPlatformError(platform_id)
    if wanted.succeeds_id is not None:
        _check_predecessor(session, organisation, platform, wanted.succeeds_id)
    checked = _checked(wanted)
    return platform, checked, details_of(session, platform).differing(checked)


def _check_predecessor(session: Session, organisation: Organisation, platform: Platform, former_id: int) -> None:
    """Refuse a predecessor of another site, and one that in the end succeeds the registration itself."""
    seen = {platform.id}
    former: Platform | None = platform_of(session, organisation, former_id)
    if former is None or former.issuer != platform.issuer:
        raise BadPlatformError("succeeds_id", "other_site")
    while former is not None:
        if former.id in seen:
            raise BadPlatformError("succeeds_id", "circle")
        seen.add(former.id)
        former = None if former.succeeds_id is None else session.get(Platform, former.succeeds_id)


def change_platform(
    session: Session, organisation: Organisation, platform_id: int, wanted: PlatformDetails, by: tuple[str, datetime]
) -> tuple[str, ...]:
    """Change a registration; return the names of what changed.

    A changed key-set address forgets the keys of the former one; a predecessor's links are taken over at once.

    Raises:
        UnknownPlatformError: the organisation has no such registration.
        BadPlatformError: something can't be kept.
    """
    actor, now = by
    wait_for_others(session, organisation.id)
    platform, checked, names = check_change(session, organisation, platform_id, wanted)
    if not names:
        return ()
    if "keyset_url" in names:
        session.execute(delete(PlatformKeyset).where(PlatformKeyset.platform_id == platform.id))
    for name in ("name", *_ADDRESSES, "trusts_staff_number", "succeeds_id"):
        setattr(platform, name, getattr(checked, name))
    platform.trusted_audiences = list(checked.trusted_audiences)
    if "deployments" in names:
        _set_deployments(session, platform, checked.deployments)
    session.flush()
    note(session, "platform.changed", actor, now, organisation.id, platform=platform.id, fields=list(names))
    if "succeeds_id" in names:
        for identity in session.scalars(select(LtiIdentity).where(LtiIdentity.platform_id == platform.id)):
            link_as_before(session, platform, identity, now)
    return names


def _set_deployments(session: Session, platform: Platform, wanted: tuple[str, ...]) -> None:
    accepted = deployments_of(session, platform.id)
    session.execute(
        delete(Deployment).where(Deployment.platform_id == platform.id, Deployment.deployment_id.not_in(wanted))
    )
    for deployment_id in wanted:
        if deployment_id not in accepted:
            session.add(
                Deployment(
                    platform_id=platform.id, deployment_id=deployment_id, organisation_id=platform.organisation_id
                )
            )


def stop_platform(session: Session, organisation: Organisation, platform_id: int, by: tuple[str, datetime]) -> int:
    """Let nobody in by a registration any more, end its sessions and send nothing to it; return how many were ended.

    Raises:
        UnknownPlatformError: the organisation has no such registration.
    """
    actor, now = by
    platform = _held(session, organisation, platform_id)
    if platform.stopped_at is not None:
        return 0
    platform.stopped_at = now
    ended = session.execute(
        update(LaunchSession)
        .where(
            LaunchSession.platform_id == platform.id,
            LaunchSession.revoked_at.is_(None),
            LaunchSession.expires_at > now,
        )
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]  # an UPDATE has one
    note(session, "platform.stopped", actor, now, organisation.id, platform=platform.id, sessions=ended)
    return int(ended)


def start_platform(session: Session, organisation: Organisation, platform_id: int, by: tuple[str, datetime]) -> None:
    """Take a stopped registration into use again; one that is in use stays as it is.

    Raises:
        UnknownPlatformError: the organisation has no such registration.
    """
    actor, now = by
    platform = _held(session, organisation, platform_id)
    if platform.stopped_at is not None:
        platform.stopped_at = None
        note(session, "platform.started", actor, now, organisation.id, platform=platform.id)


def _held(session: Session, organisation: Organisation, platform_id: int) -> Platform:
    platform = session.scalar(
        select(Platform)
        .where(Platform.id == platform_id, Platform.organisation_id == organisation.id)
        .with_for_update(key_share=True)
    )
    if platform is None:
        raise UnknownPlatformError(platform_id)
    return platform


def add_deployment(
    session: Session,
    organisation: Organisation,
    registration: tuple[str, str],
    deployment_id: str,
    by: tuple[str, datetime],
) -> None:
    """Accept one more deployment of a registered platform; adding it again changes nothing.

    Args:
        session: a writing transaction.
        organisation: the organisation that registered the platform.
        registration: issuer and client_id.
        deployment_id: the deployment.
        by: who adds it, and when.

    Raises:
        UnknownPlatformError: the organisation has no such registration.
    """
    issuer, client_id = registration
    platform_id = session.scalar(
        select(Platform.id).where(
            Platform.organisation_id == organisation.id, Platform.issuer == issuer, Platform.client_id == client_id
        )
    )
    if platform_id is None:
        raise UnknownPlatformError(issuer, client_id)
    if session.get(Deployment, (platform_id, deployment_id)) is None:
        session.add(Deployment(platform_id=platform_id, deployment_id=deployment_id, organisation_id=organisation.id))
        note(session, "platform.deployment_added", *by, organisation.id, platform=platform_id)
