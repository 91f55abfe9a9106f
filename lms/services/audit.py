"""Noting what was refused or done in the tool itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from lms.store.audit import AuditEvent


def note(session: Session, kind: str, actor: str, now: datetime, organisation_id: int | None, **facts: object) -> None:
    """Append an audit event; ``facts`` are codes and keys, never names, addresses, tokens or bodies."""
    session.execute(
        insert(AuditEvent).values(organisation_id=organisation_id, at=now, kind=kind, actor=actor, facts=facts)
    )
