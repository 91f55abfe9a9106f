"""Work state of launches: pending logins, launch sessions, and the activities that were launched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.accounts import LocalAccount
from lms.store.base import Base, BigId, Owned


class PendingLogin(Owned, Base):
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


class ResourceLink(Owned, Base):
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
    """What the activity opens: its custom parameter ``akashi``, else what was chosen for it here."""
    is_choice: Mapped[bool] = mapped_column(default=False)
    """Whether ``opens`` was chosen here by an instructor, because the platform sends no parameter."""
    item_key: Mapped[str | None] = mapped_column(index=True)
    """The stable key of an activity that was made by deep linking: kept by copies."""
    context_history: Mapped[list[Any] | None]
    """Ids of the courses that the activity's course was copied from, as the platform last said."""
    copied_from_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("resource_link.id"))
    """The activity that this one was adopted as a copy of."""
    line_item_url: Mapped[str | None]
    line_items_url: Mapped[str | None]
    """Where the platform keeps the course's line items; NULL where it offers no such service."""
    ags_scopes: Mapped[list[Any] | None]
    """What the platform lets us do with line items, scores and results, as last said."""
    line_item_wait_until: Mapped[datetime | None]
    """Until when nobody looks for its line item: a worker is at it, or the last try failed."""
    line_item_tries: Mapped[int] = mapped_column(default=0)
    """How often looking for its line item has failed in a row."""
    last_launched_at: Mapped[datetime]


class PlacedItem(Owned, Base):
    """An item that was handed to a platform by deep linking; the activity that becomes of it carries the key."""

    __tablename__ = "placed_item"

    key: Mapped[str] = mapped_column(primary_key=True)
    """Stands in the activity's custom parameter ``akashi_item``."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"))
    context_id: Mapped[str | None]
    opens: Mapped[str]
    title: Mapped[str]
    placed_at: Mapped[datetime]
    placed_by: Mapped[str]


class ResourceLinkVisit(Owned, Base):
    """That an identity launched an activity: its grade belongs there too."""

    __tablename__ = "resource_link_visit"

    resource_link_pk: Mapped[int] = mapped_column(BigId, ForeignKey("resource_link.id"), primary_key=True)
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    is_learner: Mapped[bool]
    """Whether the last launch said so; instructors cannot be graded in Moodle."""


class LaunchSession(Owned, Base):
    """What one launch may do, under its own address and cookie."""

    __tablename__ = "launch_session"

    handle: Mapped[str] = mapped_column(primary_key=True)
    """Public part of the address ``/s/<handle>/``."""
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the cookie's secret."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    kind: Mapped[str] = mapped_column(default="resource_link")
    """``resource_link``, ``deep_linking``, ``submission_review``, or ``account`` for a local account's."""
    platform_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("platform.id"))
    deployment_id: Mapped[str | None]
    identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("lti_identity.id"), index=True)
    resource_link_pk: Mapped[int | None] = mapped_column(BigId, ForeignKey("resource_link.id"))
    """NULL while content is chosen by deep linking, and for a local account."""
    reviewed_identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    """Whose submission is reviewed."""
    account_id: Mapped[int | None] = mapped_column(BigId, ForeignKey(LocalAccount.id), index=True)
    lti_roles: Mapped[list[Any]]
    return_url: Mapped[str | None]
    is_framed: Mapped[bool]
    language: Mapped[str]
    browser: Mapped[str | None]
    """The browser's family and system in a few words, for its owner to know it by."""
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    """Last time the sliding expiry was moved; at most every 5 minutes."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class DeepLinkingRequest(Owned, Base):
    """What a deep-linking launch asked for, until it is answered once."""

    __tablename__ = "deep_linking_request"

    handle: Mapped[str] = mapped_column(ForeignKey("launch_session.handle"), primary_key=True)
    """The session that chooses."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    context_id: Mapped[str | None]
    context_title: Mapped[str | None]
    return_url: Mapped[str]
    data: Mapped[str | None]
    """Goes back as it came."""
    takes_several: Mapped[bool]
    takes_line_items: Mapped[bool]
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class HandoverTicket(Owned, Base):
    """A one-time ticket that takes a launch's session from a frame to a top-level window; at most a minute old."""

    __tablename__ = "handover_ticket"

    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the ticket."""
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    handle: Mapped[str] = mapped_column(ForeignKey("launch_session.handle"), index=True)
    """The session that it continues."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]
