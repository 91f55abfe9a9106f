"""Packs asked for on a page: what is wanted, what was made, and where the file lies meanwhile.

Source: domain.md §7; architecture.md §2 (work in the background is rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from courses.calendar import Period
from lms.services.audit import note
from lms.services.evidence.pack import MadePack
from lms.services.evidence.source import PackPeriodError, PackQuestion
from lms.services.moments import check_known_at
from lms.store.evidence import EvidencePackJob
from lms.store.organisations import Organisation

LEASE = timedelta(minutes=10)
"""After which another worker takes a job whose worker has gone; each step renews it."""
KEPT = timedelta(days=7)
"""How long a file waits to be downloaded."""
MOST_WAITING = 3
"""Packs of one organisation that may wait at once."""


class UnknownPackError(LookupError):
    """The organisation has no such pack, or its file is not there (any more)."""


class TooManyPacksError(Exception):
    """As many packs are waiting as may."""


@dataclass(frozen=True, slots=True)
class PackWanted:
    """What somebody asks for."""

    period: Period
    as_of: date
    known_at: int | None
    """None: the newest checkpoint when it is made."""
    is_named: bool


def ask_for_pack(
    session: Session, organisation: Organisation, wanted: PackWanted, actor: str, now: datetime
) -> EvidencePackJob:
    """Note that a pack is wanted.

    Raises:
        PackPeriodError: the period or the as-of date can't be.
        UnknownTreeSizeError: the ledger never had the size.
        TooManyPacksError: others must be made first.
    """
    check_known_at(session, organisation.id, wanted.known_at)
    if wanted.known_at == 0:
        raise PackPeriodError(wanted.period.start, wanted.period.end or wanted.period.start, wanted.as_of)
    question = PackQuestion(organisation, wanted.period, wanted.as_of, wanted.known_at or 1)
    waiting = session.scalar(
        select(func.count()).where(
            EvidencePackJob.organisation_id == organisation.id, EvidencePackJob.state == "wanted"
        )
    )
    if (waiting or 0) >= MOST_WAITING:
        raise TooManyPacksError
    job = EvidencePackJob(
        organisation_id=organisation.id,
        asked_by=actor,
        asked_at=now,
        period_from=question.period.start,
        period_to=question.end,
        as_of=question.as_of,
        known_at=wanted.known_at,
        is_named=wanted.is_named,
        state="wanted",
        step="",
        steps_done=0,
        steps=0,
    )
    session.add(job)
    session.flush()
    return job


def claim(session: Session, now: datetime) -> EvidencePackJob | None:
    """Take the oldest pack that is wanted and in nobody's hands; None where there is none."""
    job = session.scalar(
        select(EvidencePackJob)
        .where(
            EvidencePackJob.state == "wanted",
            or_(EvidencePackJob.lease_until.is_(None), EvidencePackJob.lease_until < now),
        )
        .order_by(EvidencePackJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if job is not None:
        job.lease_until = now + LEASE
        job.step, job.steps_done, job.steps = "", 0, 0
    return job


def is_any_wanted(session: Session, now: datetime) -> bool:
    """Tell whether there is a pack to be made."""
    return (
        session.scalar(
            select(EvidencePackJob.id)
            .where(
                EvidencePackJob.state == "wanted",
                or_(EvidencePackJob.lease_until.is_(None), EvidencePackJob.lease_until < now),
            )
            .limit(1)
        )
        is not None
    )


def note_progress(session: Session, job_id: int, progress: tuple[str, int, int], now: datetime) -> None:
    """Keep how far a pack is, and renew the lease."""
    job = session.get_one(EvidencePackJob, job_id)
    job.step, job.steps_done, job.steps = progress
    job.lease_until = now + LEASE


def note_done(session: Session, job_id: int, known_at: int, made: MadePack, now: datetime) -> None:
    """Keep what was made, and append its audit event."""
    job = session.get_one(EvidencePackJob, job_id)
    job.state, job.lease_until, job.finished_at, job.known_at = "done", None, now, known_at
    job.manifest_sha256, job.size, job.rows, job.pending = made.manifest_sha256, made.size, made.rows, made.pending
    note(
        session,
        "evidence.pack_made",
        job.asked_by,
        now,
        job.organisation_id,
        period_from=job.period_from.isoformat(),
        period_to=job.period_to.isoformat(),
        as_of=job.as_of.isoformat(),
        known_at=known_at,
        named=job.is_named,
        manifest=made.manifest_sha256,
    )


def note_failed(session: Session, job_id: int, code: str, now: datetime) -> None:
    """Keep that a pack can't be made, and append its audit event."""
    job = session.get_one(EvidencePackJob, job_id)
    job.state, job.lease_until, job.finished_at, job.refusal = "failed", None, now, code
    note(session, "evidence.pack_refused", job.asked_by, now, job.organisation_id, code=code)


def file_of(spool_dir: Path, job: EvidencePackJob) -> Path:
    """Return where a pack's file lies."""
    return spool_dir / f"evidence-pack-{job.id}.zip"


def download_name(organisation: Organisation, job: EvidencePackJob) -> str:
    """Return the name under which a pack is handed out: it says what it answers."""
    named = "-named" if job.is_named else ""
    return f"evidence-{organisation.key}-{job.period_from:%Y%m%d}-{job.period_to:%Y%m%d}-{job.known_at}{named}.zip"


def find_file(
    session: Session, organisation: Organisation, job_id: int, spool_dir: Path
) -> tuple[EvidencePackJob, Path]:
    """Return a pack that is done, and its file.

    Raises:
        UnknownPackError: there is none.
    """
    job = session.get(EvidencePackJob, job_id)
    if job is None or job.organisation_id != organisation.id or job.state != "done":
        raise UnknownPackError(job_id)
    path = file_of(spool_dir, job)
    if not path.is_file():
        raise UnknownPackError(job_id)
    return job, path


def remove_old(session: Session, spool_dir: Path, now: datetime) -> int:
    """Remove the files whose days are over; return how many."""
    rows = session.scalars(
        select(EvidencePackJob).where(EvidencePackJob.state == "done", EvidencePackJob.finished_at < now - KEPT)
    ).all()
    for job in rows:
        file_of(spool_dir, job).unlink(missing_ok=True)
        job.state = "removed"
    return len(rows)
