"""Audit events: what was refused or done in the tool itself; append-only, without names or tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned


class AuditEvent(Owned, Base):
    """One event; refusals before an organisation is known have none."""

    __tablename__ = "audit_event"
    is_append_only: ClassVar[bool] = True

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str]
    """Dotted code such as ``launch.refused``."""
    actor: Mapped[str]
    """``person:12``, ``identity:3``, ``operator:NAME``, ``anonymous`` …"""
    facts: Mapped[dict[str, Any]]
    """Codes and keys; never names, mail addresses, tokens or bodies."""
