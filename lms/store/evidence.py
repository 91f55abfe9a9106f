"""Keys that sign evidence packs, introduced by the ledger: who trusts the ledger's key needs no other.

Source: domain.md §7; docs/adr/0011-evidence-pack-format.md.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.orm import Mapped

from lms.store.base import Base
from lms.store.records import Record


class PackKey(Record, Base):
    """From here on, this key may sign the organisation's evidence packs."""

    __tablename__ = "pack_key"
    event_type: ClassVar[str] = "pack_key.introduced"

    verifier_key: Mapped[str]
    """C2SP verifier key; its name is that of the ledger and ``/pack``."""
