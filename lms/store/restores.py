"""Acknowledged restores: the ledger went back behind what was anchored outside the database, and somebody says why.

Source: quality.md §3 (anchors).
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.orm import Mapped

from lms.store.base import Base
from lms.store.records import Record


class LedgerRestore(Record, Base):
    """That the tree no longer fits an anchor is known, and has a reason."""

    __tablename__ = "ledger_restore"
    event_type: ClassVar[str] = "ledger.restored"

    reason: Mapped[str]
    """Why the ledger went back, such as which backup was put back and when."""
    found_size: Mapped[int]
    """Leaves of the tree that was found."""
    found_root: Mapped[str]
    """Its root, 64 hex digits."""
    anchor_size: Mapped[int]
    """Leaves of the anchored tree."""
    anchor_root: Mapped[str]
    """Its root, 64 hex digits."""
