"""Keys that sign evidence packs, introduced by the ledger, and the packs that were asked for on a page.

Source: domain.md §7; docs/adr/0011-evidence-pack-format.md.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import ClassVar

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId, Owned
from lms.store.records import Record


class PackKey(Record, Base):
    """From here on, this key may sign the organisation's evidence packs."""

    __tablename__ = "pack_key"
    event_type: ClassVar[str] = "pack_key.introduced"

    verifier_key: Mapped[str]
    """C2SP verifier key; its name is that of the ledger and ``/pack``."""


class EvidencePackJob(Owned, Base):
    """A pack that somebody asked for; work state. The file lies in the spool folder for some days, the row stays."""

    __tablename__ = "evidence_pack_job"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    asked_by: Mapped[str]
    """``person:12``."""
    asked_at: Mapped[datetime]
    period_from: Mapped[date]
    period_to: Mapped[date]
    as_of: Mapped[date]
    known_at: Mapped[int | None]
    """NULL until it is begun, where the newest checkpoint was asked for."""
    is_named: Mapped[bool]
    state: Mapped[str] = mapped_column(index=True)
    """``wanted``, ``done``, ``failed`` or ``removed`` (its days are over)."""
    lease_until: Mapped[datetime | None]
    """Until when one worker has it."""
    step: Mapped[str]
    """The part that was finished last."""
    steps_done: Mapped[int]
    steps: Mapped[int]
    """0 until it is begun."""
    refusal: Mapped[str | None]
    """Name of the exception that ended it."""
    manifest_sha256: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigId)
    """Bytes."""
    rows: Mapped[int | None]
    pending: Mapped[int | None]
    """Events that had no place in the ledger when it was made."""
    finished_at: Mapped[datetime | None]

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return self.period_to - timedelta(days=1)

    @property
    def person_id(self) -> int | None:
        """Who asked for it, where it was somebody on the staff list."""
        kind, _, key = self.asked_by.partition(":")
        return int(key) if kind == "person" else None


def pack_jobs_of(session: Session, organisation_id: int, limit: int = 50) -> list[EvidencePackJob]:
    """Return the packs that were asked for, newest first."""
    return list(
        session.scalars(
            select(EvidencePackJob)
            .where(EvidencePackJob.organisation_id == organisation_id)
            .order_by(EvidencePackJob.id.desc())
            .limit(limit)
        )
    )
