"""Platforms: an LMS's registration of the tool, its deployments and its cached key set."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId


class Platform(Base):
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
    created_at: Mapped[datetime]


class Deployment(Base):
    """A deployment of a registration; launches from others are refused."""

    __tablename__ = "deployment"

    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"), primary_key=True)
    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))


class PlatformKeyset(Base):
    """The platform's public keys as last fetched; a good copy outlives the platform's outages."""

    __tablename__ = "platform_keyset"

    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    document: Mapped[str | None]
    """The JWKS as JSON text; NULL while none was ever fetched."""
    fetched_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    """When a fetch was last tried: limits how often an unknown ``kid`` asks again."""


def deployments_of(session: Session, platform_id: int) -> frozenset[str]:
    """Return the deployment ids of a registration."""
    return frozenset(session.scalars(select(Deployment.deployment_id).where(Deployment.platform_id == platform_id)))
