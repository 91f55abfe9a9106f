"""The ledger's tables: events as hashed, their queue, their places in the tree, and signed checkpoints.

Source: quality.md §3; the formats are specified in docs/ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, LargeBinary, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId, Owned


class LedgerEvent(Owned, Base):
    """One event: the canonical bytes of what was recorded, and their leaf hash."""

    __tablename__ = "ledger_event"
    __table_args__ = (Index("ix_ledger_event_leaf", "organisation_id", "leaf"),)
    is_append_only: ClassVar[bool] = True

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256(0x00 || payload)."""
    payload: Mapped[bytes]
    """RFC 8785 bytes, stored as hashed."""


class LedgerPending(Owned, Base):
    """Events that have no place in the tree yet; row ids are no order of commits, so this table is the queue."""

    __tablename__ = "ledger_pending"

    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("ledger_event.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)


class LedgerLeaf(Owned, Base):
    """The place of an event in its organisation's tree; the key makes two sequencers fail rather than fork."""

    __tablename__ = "ledger_leaf"
    is_append_only: ClassVar[bool] = True

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), primary_key=True)
    n: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    """Place, from 0 without gaps."""
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("ledger_event.id"), unique=True)


class LedgerCheckpoint(Owned, Base):
    """A signed tree head, with the state from which the next one is computed."""

    __tablename__ = "ledger_checkpoint"
    is_append_only: ClassVar[bool] = True

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    frontier: Mapped[str]
    """Compact range of the tree in hex: O(log size)."""
    note: Mapped[str]
    """The C2SP signed note."""
    created_at: Mapped[datetime]
    previous_size: Mapped[int | None] = mapped_column(BigId)
    """Size of the checkpoint before, 0 for the first: one that was removed is missed."""


def reserve_event_ids(session: Session, count: int) -> list[int]:
    """Return the keys of the next events; on SQLite the write lock keeps others from taking the same."""
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(select(func.max(LedgerEvent.id))) or 0
        return list(range(last + 1, last + 1 + count))
    statement = text("SELECT nextval('ledger_event_id_seq') FROM generate_series(1, :count)")
    return list(session.scalars(statement, {"count": count}))


def leaves_between(session: Session, organisation_id: int, start: int, stop: int) -> Iterator[bytes]:
    """Give the leaf hashes at the places [start, stop) of an organisation's tree, in order, a portion at a time."""
    query = (
        select(LedgerEvent.leaf)
        .join(LedgerLeaf, LedgerLeaf.event_id == LedgerEvent.id)
        .where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.n >= start, LedgerLeaf.n < stop)
        .order_by(LedgerLeaf.n)
        .execution_options(yield_per=2_000)
    )
    yield from session.scalars(query)


def newest_checkpoint(session: Session, organisation_id: int) -> LedgerCheckpoint | None:
    """Return the checkpoint with the largest tree."""
    return session.scalar(
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.organisation_id == organisation_id)
        .order_by(LedgerCheckpoint.size.desc())
        .limit(1)
    )
