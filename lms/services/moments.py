"""The two axes of a question: as of which date, and as known at which size of the ledger's tree.

Source: domain.md §2 (two time axes).
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import JST, end_of_day
from lms.store.ledger import LedgerCheckpoint, LedgerLeaf, LedgerPending
from lms.wording.gettext import _


class UnknownTreeSizeError(ValueError):
    """The organisation's ledger never had this size."""

    def __init__(self, given: int, largest: int) -> None:
        super().__init__(given, largest)
        self.given = given
        self.largest = largest


def tree_size(session: Session, organisation_id: int) -> int:
    """Return how many events of an organisation have a place in its tree."""
    largest = session.scalar(select(func.max(LedgerLeaf.n)).where(LedgerLeaf.organisation_id == organisation_id))
    return 0 if largest is None else largest + 1


def check_known_at(session: Session, organisation_id: int, known_at: int | None) -> None:
    """Refuse a tree size that the organisation's ledger never had.

    Raises:
        UnknownTreeSizeError: it never had it.
    """
    if known_at is None:
        return
    size = tree_size(session, organisation_id)
    if not 0 <= known_at <= size:
        raise UnknownTreeSizeError(known_at, size)


def size_at_end_of(session: Session, organisation_id: int, day: date) -> int:
    """Return the size that the tree had at the end of a JST day, as its checkpoints say; 0 before the first."""
    if day >= date.max:
        return tree_size(session, organisation_id)
    size = session.scalar(
        select(func.max(LedgerCheckpoint.size)).where(
            LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.created_at < end_of_day(day)
        )
    )
    return size or 0


def checkpoint_covering(session: Session, organisation_id: int, size: int) -> LedgerCheckpoint | None:
    """Return the first checkpoint whose tree is at least so large: its time is that of the size."""
    return session.scalar(
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.size >= size)
        .order_by(LedgerCheckpoint.size)
        .limit(1)
    )


def known_at_label(session: Session, organisation_id: int, known_at: int | None) -> str:
    """Return the size of the ledger's tree that a register answers from, with its time."""
    size = tree_size(session, organisation_id) if known_at is None else known_at
    checkpoint = checkpoint_covering(session, organisation_id, size) if size else None
    time = checkpoint.created_at.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S JST") if checkpoint else "-"
    if known_at is not None:
        return _("ledger size %(size)s (%(time)s)", size=size, time=time)
    pending = session.scalar(select(func.count()).where(LedgerPending.organisation_id == organisation_id)) or 0
    if not pending:
        return _("everything recorded: ledger size %(size)s (%(time)s)", size=size, time=time)
    return _("everything recorded: ledger size %(size)s (%(time)s), %(pending)s more awaiting their place", size=size, time=time, pending=pending)  # fmt: skip
