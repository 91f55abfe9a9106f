"""Rosters: who is enrolled in a platform's course, as each complete pull said.

Source: LTI Names and Role Provisioning Services 2.0; lti.md rule 14.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.jobs import WantedWork


class RosterSource(Owned, Base):
    """A course whose roster a platform offers."""

    __tablename__ = "roster_source"
    __table_args__ = (UniqueConstraint("platform_id", "deployment_id", "context_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    platform_id: Mapped[int] = mapped_column(BigId, ForeignKey("platform.id"))
    deployment_id: Mapped[str]
    context_id: Mapped[str]
    context_title: Mapped[str | None]
    memberships_url: Mapped[str]
    """``context_memberships_url`` as the last launch said."""
    seen_at: Mapped[datetime]


class RosterPull(WantedWork, Owned, Base):
    """One pull of a roster, from the wish to its end: ``complete``, and so a snapshot, or ``failed``."""

    __tablename__ = "roster_pull"
    __table_args__ = (Index("ix_roster_pull_state_next_try_at", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    source_id: Mapped[int] = mapped_column(BigId, ForeignKey("roster_source.id"), index=True)
    pages: Mapped[int | None]
    """Pages that the platform needed for it."""


class RosterMember(Owned, Base):
    """Somebody in a snapshot; names are kept with the identity alone."""

    __tablename__ = "roster_member"

    pull_id: Mapped[int] = mapped_column(BigId, ForeignKey("roster_pull.id"), primary_key=True)
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"), primary_key=True, index=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    lti_roles: Mapped[list[Any]]
    is_active: Mapped[bool]
    """What the platform says of the enrolment; Moodle 4.5 lists active ones alone (seen 2026-11)."""
