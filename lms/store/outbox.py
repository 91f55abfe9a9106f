"""Scores on their way to the platforms: one row per line item and person, with a wanted and a sent version.

Source: lti.md §4 (outbox); LTI Assignment and Grade Services 2.0.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.jobs import WantedWork


class ScoreDelivery(Owned, Base):
    """What a platform should hold for one person in one activity, and what it was last told."""

    __tablename__ = "score_delivery"
    __table_args__ = (
        UniqueConstraint("resource_link_pk", "identity_id"),
        Index("ix_score_delivery_state_next_try_at", "state", "next_try_at"),
        Index("ix_score_delivery_organisation_id_state", "organisation_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    resource_link_pk: Mapped[int] = mapped_column(BigId, ForeignKey("resource_link.id"))
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("ledger_event.id", deferrable=True, initially="DEFERRED"))
    """The record that the wanted score comes from: the best valid result, the last signature or acknowledgement."""
    mark: Mapped[int]
    maximum: Mapped[int]
    """What is wanted there: points, out of how many."""
    wanted_version: Mapped[int]
    sent_version: Mapped[int] = mapped_column(default=0)
    decided_at: Mapped[datetime]
    """When the wanted result came about."""
    state: Mapped[str]
    """``wanted``, ``delivered``, or ``dead`` (the platform refuses it for good)."""
    refusal: Mapped[str | None]
    """Stable code of the last refusal or fault; never the platform's own text."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    """Until when one worker has it."""
    sent_timestamp: Mapped[datetime | None]
    """The ``timestamp`` of the last score sent; the next one is later."""
    delivered_at: Mapped[datetime | None]
    compared_at: Mapped[datetime | None]
    """When the platform's gradebook was last read and compared."""
    standing: Mapped[str | None]
    """What that comparison found: ``same``, ``lost`` (sent again), ``overridden`` or ``emptied`` (shown and left)."""
    held_score: Mapped[float | None]
    """Points that the platform held then, out of `held_maximum`; NULL for none."""
    held_maximum: Mapped[float | None]
    set_aside_at: Mapped[datetime | None]
    """When an operator put a dead letter aside; NULL while it waits for somebody to look at it."""
    set_aside_by: Mapped[str | None]


class ScoreTry(Owned, Base):
    """One call that carried a score, whatever came of it: the history of a delivery, and how an own score is known again."""

    __tablename__ = "score_try"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    delivery_id: Mapped[int] = mapped_column(BigId, ForeignKey("score_delivery.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    version: Mapped[int]
    """The wanted version that was sent."""
    timestamp: Mapped[datetime]
    """The score's own time."""
    mark: Mapped[int]
    maximum: Mapped[int]
    outcome: Mapped[str]
    """``delivered``, else the code of the refusal or fault."""


class Reconciliation(WantedWork, Owned, Base):
    """One reading of a line item's results, nightly or because somebody asked for it; it ends ``done`` or ``failed``."""

    __tablename__ = "reconciliation"
    __table_args__ = (Index("ix_reconciliation_state_next_try_at", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    resource_link_pk: Mapped[int] = mapped_column(BigId, ForeignKey("resource_link.id"), index=True)
    same: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    overridden: Mapped[int] = mapped_column(default=0)
