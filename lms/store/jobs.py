"""Scheduled work as rows: the slot of a schedule is taken once, by whichever worker comes first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base


class WantedWork:
    """Columns of work on a platform that is wanted, tried until it is done or given up, and then kept."""

    wanted_at: Mapped[datetime]
    wanted_by: Mapped[str]
    """``system:worker`` at night, else who asked for it."""
    state: Mapped[str]
    """``wanted`` until it has ended."""
    refusal: Mapped[str | None]
    """Stable code of why it failed, or why it has not succeeded yet."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    """Until when one worker has it."""
    finished_at: Mapped[datetime | None]


class ScheduledRun(Base):
    """A slot of a schedule that was taken; it concerns the installation, not one organisation."""

    __tablename__ = "scheduled_run"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    """Start of the slot; the key makes two workers fail rather than do it twice."""
    started_at: Mapped[datetime]


class WorkerBeat(Base):
    """When a worker was last seen at work; it concerns the installation, not one organisation."""

    __tablename__ = "worker_beat"

    worker: Mapped[str] = mapped_column(primary_key=True)
    """Host name and process id."""
    started_at: Mapped[datetime]
    at: Mapped[datetime]
    failing: Mapped[dict[str, Any]]
    """Rounds that failed at their last call, with the kind of error."""


def is_taken(session: Session, name: str, due_at: datetime) -> bool:
    """Tell whether a slot was taken already."""
    return (
        session.scalar(select(ScheduledRun.name).where(ScheduledRun.name == name, ScheduledRun.due_at == due_at))
        is not None
    )


def take(session: Session, name: str, due_at: datetime, now: datetime) -> None:
    """Take a slot; another worker's simultaneous try fails at the key."""
    session.add(ScheduledRun(name=name, due_at=due_at, started_at=now))
    session.flush()
