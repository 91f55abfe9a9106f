"""Making the packs that were asked for on a page, one at a time; and removing their files after some days."""

from __future__ import annotations

from datetime import datetime

from courses.calendar import Period
from lms.clock import read_clock
from lms.config import Settings
from lms.jobs.evidence import prepare_pack_key
from lms.reports.documents import UnprintableCharacterError
from lms.reports.evidence.pack import MissingEventsError, UnsoundPackError
from lms.services.evidence.jobs import (
    claim,
    file_of,
    is_any_wanted,
    note_done,
    note_failed,
    note_progress,
    remove_old,
)
from lms.services.evidence.pack import NoCheckpointError, make_pack, newest_known_at
from lms.services.evidence.source import PackQuestion
from lms.services.moments import UnknownTreeSizeError
from lms.services.pack_keys import PackKeyNotIntroducedError
from lms.store.base import Database
from lms.store.evidence import EvidencePackJob
from lms.store.key_files import KeyFileFault
from lms.store.organisations import Organisation

REFUSALS = (
    NoCheckpointError,
    PackKeyNotIntroducedError,
    KeyFileFault,
    UnknownTreeSizeError,
    UnprintableCharacterError,
    UnsoundPackError,
    MissingEventsError,
)
"""What another try would meet again."""


def make_wanted_pack(database: Database, settings: Settings, now: datetime) -> int:
    """Make the oldest pack that is wanted; return whether there was one, as a number.

    Raises:
        OSError: the spool folder can't be written; the pack is tried again when its lease is over.
    """
    with database.reading() as session:
        if not is_any_wanted(session, now):
            return 0
    with database.transaction() as session:
        job = claim(session, now)
    if job is None:
        return 0
    try:
        _make(database, settings, job, now)
    except REFUSALS as refused:
        with database.transaction() as session:
            note_failed(session, job.id, type(refused).__name__, now)
    return 1


def _make(database: Database, settings: Settings, job: EvidencePackJob, now: datetime) -> None:
    with database.reading() as session:
        organisation = session.get_one(Organisation, job.organisation_id)
    prepare_pack_key(database, settings, organisation, now, job.asked_by)
    settings.spool_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def progress(step: str, done: int, steps: int) -> None:
        with database.transaction() as writing:
            note_progress(
                writing, job.id, (step, done, steps), read_clock()
            )  # the lease runs on while the pack is made

    with database.reading() as session:
        known_at = job.known_at or newest_known_at(session, organisation.id)
        question = PackQuestion(
            organisation, Period(job.period_from, job.period_to), job.as_of, known_at, is_named=job.is_named
        )
        made = make_pack(session, question, settings.keys, file_of(settings.spool_dir, job), progress=progress)
    with database.transaction() as session:
        note_done(session, job.id, known_at, made, now)


def remove_old_packs(database: Database, settings: Settings, now: datetime) -> int:
    """Remove files whose days are over; part of the hourly housekeeping."""
    with database.transaction() as session:
        return remove_old(session, settings.spool_dir, now)
