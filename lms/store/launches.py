"""Work state of launches: pending logins, launch sessions, and the activities that were launched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId


class PendingLogin(Base):
    """One login, from its start to the single launch that consumes it; at most 5 minutes old."""

    __tablename__ = "pending_login"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the ``state`` value."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"))
    nonce: Mapped[str]
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the secret in the browser's login cookie."""
    target_link_uri: Mapped[str]
    deployment_hint: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]


class ResourceLink(Base):
    """An activity in a platform's course that opens the tool, with its line item as last seen."""

    __tablename__ = "resource_link"
    __table_args__ = (UniqueConstraint("platform_id", "deployment_id", "resource_link_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"))
    deployment_id: Mapped[str]
    resource_link_id: Mapped[str]
    context_id: Mapped[str | None]
    context_title: Mapped[str | None]
    title: Mapped[str | None]
    opens: Mapped[str | None]
    """What the activity opens: its custom parameter ``akashi``."""
    line_item_url: Mapped[str | None]
    last_launched_at: Mapped[datetime]


class ResourceLinkVisit(Base):
    """That an identity launched an activity: its grade belongs there too."""

    __tablename__ = "resource_link_visit"

    resource_link_pk: Mapped[int] = mapped_column(BigId, ForeignKey("resource_link.id"), primary_key=True)
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    is_learner: Mapped[bool]
    """Whether the last launch said so; instructors cannot be graded in Moodle."""


class LaunchSession(Base):
    """What one launch may do, under its own address and cookie."""

    __tablename__ = "launch_session"

    handle: Mapped[str] = mapped_column(primary_key=True)
    """Public part of the address ``/s/<handle>/``."""
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the cookie's secret."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    resource_link_pk: Mapped[int] = mapped_column(BigId, ForeignKey("resource_link.id"))
    lti_roles: Mapped[list[Any]]
    return_url: Mapped[str | None]
    is_framed: Mapped[bool]
    language: Mapped[str]
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    """Last time the sliding expiry was moved; at most every 5 minutes."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class HandoverTicket(Base):
    """A one-time ticket that takes a launch's session from a frame to a top-level window; at most a minute old."""

    __tablename__ = "handover_ticket"

    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the ticket."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    handle: Mapped[str] = mapped_column(ForeignKey("launch_session.handle"), index=True)
    """The session that it continues."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]
