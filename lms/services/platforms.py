"""Registering platforms, and keeping their public keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.lti.keysets import StoredKeyset
from lms.services.audit import note
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.platforms import Deployment, Platform, PlatformKeyset


class PlatformExistsError(ValueError):
    """The issuer and client_id are registered already; an existing registration is never overwritten."""


class UnknownPlatformError(LookupError):
    """The organisation has no registration with this issuer and client_id."""


@dataclass(frozen=True, slots=True)
class NewPlatform:
    """What an administrator enters about a platform; the names are Moodle's own."""

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


def add_platform(session: Session, organisation: Organisation, new: NewPlatform, actor: str, now: datetime) -> Platform:
    """Register a platform.

    Raises:
        PlatformExistsError: it is registered already.
    """
    if session.scalar(select(Platform.id).where(Platform.issuer == new.issuer, Platform.client_id == new.client_id)):
        raise PlatformExistsError(new.issuer, new.client_id)
    platform = Platform(
        organisation_id=organisation.id,
        name=new.name,
        issuer=new.issuer,
        client_id=new.client_id,
        authorization_url=new.authorization_url,
        token_url=new.token_url,
        keyset_url=new.keyset_url,
        trusts_staff_number=new.trusts_staff_number,
        trusted_audiences=list(new.trusted_audiences),
        created_at=now,
    )
    session.add(platform)
    session.flush()
    for deployment_id in new.deployments:
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
    )
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


class StoredKeysets:
    """Platforms' key sets in the database; each call is a transaction of its own (`lms.lti.keysets.KeysetStore`)."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def get(self, platform_id: int) -> StoredKeyset | None:
        """Return the last good key set."""
        with self._database.reading() as session:
            row = session.get(PlatformKeyset, platform_id)
            if row is None or row.document is None or row.fetched_at is None:
                return None
            return StoredKeyset(row.document, row.fetched_at, row.last_attempt_at)

    def put(self, platform_id: int, jwks_json: str, fetched_at: datetime) -> None:
        """Keep a good key set in place of the former one."""
        with self._database.transaction() as session:
            row = self._row(session, platform_id)
            row.document = jwks_json
            row.fetched_at = fetched_at

    def note_attempt(self, platform_id: int, attempted_at: datetime) -> None:
        """Remember that the platform is being asked again."""
        with self._database.transaction() as session:
            self._row(session, platform_id).last_attempt_at = attempted_at

    @staticmethod
    def _row(session: Session, platform_id: int) -> PlatformKeyset:
        # Held, so that of two first launches one waits for the other's row.
        platform = session.get_one(Platform, platform_id, with_for_update={"key_share": True})
        row = session.get(PlatformKeyset, platform_id)
        if row is None:
            row = PlatformKeyset(
                platform_id=platform_id, organisation_id=platform.organisation_id, document=None, last_attempt_at=None
            )
            session.add(row)
        return row
