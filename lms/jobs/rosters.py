"""Pulling rosters: each night those of all courses that were launched lately, and at once whenever somebody asks for one.

The platform is asked outside of any transaction; a pull that breaks off changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError

from courses.calendar import jst_date, start_of_day
from lms.config import Settings
from lms.jobs.crews import Crews, Done
from lms.jobs.offices import Office, office_of
from lms.lti.access_tokens import AccessTokenFault, ScopesNotGranted, TokenRefused
from lms.lti.connection import platform_services
from lms.lti.http import OutgoingFault, OutgoingRefused
from lms.lti.id_tokens import Registration
from lms.lti.roster import Roster, RosterFault, pull_roster
from lms.services.launches import registration_of
from lms.services.rosters import fail_pull, keep_snapshot, put_off, sources_to_pull, want_pull
from lms.store.base import Database
from lms.store.jobs import is_taken, take
from lms.store.platforms import Platform
from lms.store.rosters import RosterPull, RosterSource

NAME = "rosters"
NIGHT_HOUR = timedelta(hours=2)
"""After midnight, JST."""
SEEN_WITHIN = timedelta(days=400)
LEASE = timedelta(minutes=10)
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180, 360))
"""Between the tries of one pull; after the last it is given up, and the next night tries anew."""
_FOR_GOOD = frozenset({400, 401, 403, 404, 405, 406, 410, 415})
"""Statuses that the same call will get again."""

_log = structlog.get_logger("akashi.rosters")


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A pull in one worker's hands."""

    pull_id: int
    platform_id: int
    tries: int
    """How often it was tried before."""
    registration: Registration
    memberships_url: str
    context_id: str


class _Unfinished(Exception):
    """The pull broke off."""

    def __init__(self, code: str, *, is_for_good: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_for_good = is_for_good


RosterCrews = Crews[tuple[Settings, _Claimed, datetime], Roster | _Unfinished]


def pull_rosters(database: Database, settings: Settings, now: datetime) -> int:
    """Want this night's rosters once, and pull one that is wanted; return how many were tried.

    A platform that does not answer in time stays busy, and holds up no other; what comes of it is noted by a later call.
    """
    _want_nightly(database, now)
    office = office_of(database)
    crews: RosterCrews = office.crews("rosters", lambda: Crews(lambda task: _pull(*task), _is_unreachable))
    started = _start(database, settings, office, crews, now)
    tried = 0
    for found in crews.gather(started):
        for each in found:
            tried += _note(database, each, now)
    return tried


def _start(database: Database, settings: Settings, office: Office, crews: RosterCrews, now: datetime) -> list[int]:
    with database.reading() as session:
        ready = [
            each
            for each in session.scalars(_due(now).with_only_columns(Platform.id).order_by(None).distinct())
            if not crews.is_busy(each) and not office.platforms.rests(each, now)
        ]
    claimed = _claim(database, ready, now) if ready else None
    if claimed is None:
        return []
    crews.start(claimed.platform_id, [(settings, claimed, now)], LEASE.total_seconds())
    return [claimed.platform_id]


def _note(
    database: Database, done: Done[tuple[Settings, _Claimed, datetime], Roster | _Unfinished], now: datetime
) -> int:
    """Keep a roster, or note why there is none; return how many were tried."""
    claimed = done.task[1]
    if done.error is not None:
        raise done.error
    if isinstance(done.outcome, _Unfinished):
        _settle(database, claimed, done.outcome, now)
    elif done.outcome is not None:
        try:
            with database.transaction() as session:
                keep_snapshot(session, session.get_one(RosterPull, claimed.pull_id), done.outcome, now)
        except IntegrityError:  # somebody on the roster launches for the first time just now
            _settle(database, claimed, _Unfinished("launched_meanwhile"), now)
    return int(done.outcome is not None)


def _is_unreachable(outcome: Roster | _Unfinished) -> bool:
    return isinstance(outcome, _Unfinished) and outcome.code == "unreachable"


def _want_nightly(database: Database, now: datetime) -> None:
    slot = start_of_day(jst_date(now)) + NIGHT_HOUR
    if now < slot:
        return
    with database.reading() as session:
        if is_taken(session, NAME, slot):
            return
    with database.transaction() as session:
        take(session, NAME, slot, now)
        for source in sources_to_pull(session, now - SEEN_WITHIN):
            want_pull(session, source, "system:worker", now)


def _due(now: datetime) -> Select[int]:
    return (
        select(RosterPull.id)
        .join(RosterSource, RosterSource.id == RosterPull.source_id)
        .join(Platform, Platform.id == RosterSource.platform_id)
        .where(
            Platform.stopped_at.is_(None),
            RosterPull.state == "wanted",
            RosterPull.next_try_at <= now,
            or_(RosterPull.lease_until.is_(None), RosterPull.lease_until <= now),
        )
        .order_by(RosterPull.next_try_at, RosterPull.id)
    )


def _claim(database: Database, platform_ids: Sequence[int], now: datetime) -> _Claimed | None:
    with database.transaction() as session:
        wanted = _due(now).where(Platform.id.in_(platform_ids)).limit(1)
        pull_id = session.scalar(wanted.with_for_update(of=RosterPull, skip_locked=True))
        if pull_id is None:
            return None
        pull = session.get_one(RosterPull, pull_id)
        source = session.get_one(RosterSource, pull.source_id)
        platform = session.get_one(Platform, source.platform_id)
        pull.lease_until = now + LEASE
        tries, pull.tries = pull.tries, pull.tries + 1
        registration = registration_of(session, platform)
        return _Claimed(pull.id, platform.id, tries, registration, source.memberships_url, source.context_id)


def _pull(settings: Settings, claimed: _Claimed, now: datetime) -> Roster | _Unfinished:
    try:
        return _pull_whole(settings, claimed, now)
    except _Unfinished as fault:
        return fault


def _pull_whole(settings: Settings, claimed: _Claimed, now: datetime) -> Roster:
    try:
        roster = pull_roster(platform_services(settings), claimed.registration, claimed.memberships_url, now)
    except RosterFault as fault:
        code = f"status_{fault.status}" if fault.status else fault.code
        is_for_good = fault.status in _FOR_GOOD or fault.status == 0
        raise _Unfinished(code, is_for_good=is_for_good) from None
    except ScopesNotGranted:
        raise _Unfinished("scope_not_granted", is_for_good=True) from None
    except AccessTokenFault as fault:
        if isinstance(fault, TokenRefused) and fault.code == "invalid_scope":
            raise _Unfinished("scope_not_granted", is_for_good=True) from None
        raise _Unfinished("token_refused") from None
    except OutgoingRefused:
        raise _Unfinished("address_refused", is_for_good=True) from None
    except OutgoingFault:
        raise _Unfinished("unreachable") from None
    if roster.context_id != claimed.context_id:
        raise _Unfinished("other_course", is_for_good=True)
    return roster


def _settle(database: Database, claimed: _Claimed, fault: _Unfinished, now: datetime) -> None:
    _log.info("roster not pulled", pull=claimed.pull_id, code=fault.code, for_good=fault.is_for_good)
    with database.transaction() as session:
        pull = session.get_one(RosterPull, claimed.pull_id)
        if fault.is_for_good or claimed.tries >= len(PAUSES):
            fail_pull(session, pull, fault.code, now)
        else:
            put_off(pull, fault.code, now + PAUSES[claimed.tries])
