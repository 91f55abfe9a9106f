"""Platforms: an LMS's registration of the tool, its deployments and key set; invitations to register, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId, Owned


class Platform(Owned, Base):
    """One registration: an issuer and the client_id that it gave the tool."""

    __tablename__ = "platform"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    authorization_url: Mapped[str]
    token_url: Mapped[str]
    keyset_url: Mapped[str]
    trusts_staff_number: Mapped[bool] = mapped_column(default=False)
    """An administrator has confirmed that users cannot edit their ID number there."""
    trusted_audiences: Mapped[list[Any]] = mapped_column(default=list)
    """Audiences that may stand beside our client_id in one token."""
    scopes: Mapped[list[Any] | None]
    """Scopes of services that the platform granted at registration; NULL where nobody said."""
    product: Mapped[str | None]
    """``product_family_code`` and version as the platform's configuration says, such as ``moodle 4.5.6``."""
    succeeds_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("platform.id"))
    """The registration of the same site that this one stands in for: whoever was linked there is linked here."""
    stopped_at: Mapped[datetime | None]
    """Since when nobody comes in by it and nothing is sent to it; NULL while it is in use."""
    created_at: Mapped[datetime]


class Deployment(Owned, Base):
    """A deployment of a registration; launches from others are refused."""

    __tablename__ = "deployment"

    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"), primary_key=True)
    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))


class PlatformKeyset(Owned, Base):
    """The platform's public keys as last fetched; a good copy outlives the platform's outages."""

    __tablename__ = "platform_keyset"

    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    document: Mapped[str | None]
    """The JWKS as JSON text; NULL while none was ever fetched."""
    fetched_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    """When a fetch was last tried: limits how often an unknown ``kid`` asks again."""


class PlatformInvitation(Owned, Base):
    """An administrator's invitation to register one platform, which serves once."""

    __tablename__ = "platform_invitation"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the secret in the invitation's address."""
    note: Mapped[str | None]
    """What the administrator wrote down about it, such as the site that is meant."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RegistrationRequest(Owned, Base):
    """What a platform answered to a dynamic registration; it opens nothing before somebody has approved it."""

    __tablename__ = "registration_request"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    invitation_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform_invitation.id"))
    platform_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("platform.id"))
    """The registration that was made of it; from the start, the one that it would change."""
    issuer: Mapped[str]
    client_id: Mapped[str]
    deployment_id: Mapped[str | None]
    authorization_url: Mapped[str]
    token_url: Mapped[str]
    keyset_url: Mapped[str]
    scopes: Mapped[list[Any]]
    product: Mapped[str | None]
    state: Mapped[str]
    """``waiting``, ``approved`` or ``declined``."""
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]


def deployments_of(session: Session, platform_id: int) -> frozenset[str]:
    """Return the deployment ids of a registration."""
    return frozenset(session.scalars(select(Deployment.deployment_id).where(Deployment.platform_id == platform_id)))
