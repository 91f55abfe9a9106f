"""Once an hour, what can serve no more is deleted; what is live stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from lms.config import Settings
from lms.jobs.housekeeping import NAME, keep_house
from lms.store.base import Database
from lms.store.jobs import take
from lms.store.launches import LaunchSession, PendingLogin
from tests.faults.test_kill import open_seats
from tests.practice_organisation.seed import seed


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url, "http://127.0.0.1:8000", tmp_path)


def _remaining(database: Database) -> tuple[int, int]:
    with database.reading() as session:
        return len(session.scalars(select(LaunchSession)).all()), len(session.scalars(select(PendingLogin)).all())


def test_old_sessions_and_logins_go_and_live_ones_stay(database: Database, settings: Settings, now: datetime) -> None:
    seed(database, "http://127.0.0.1:9", now)
    open_seats(database, 2)
    with database.transaction() as session:
        old, live = session.scalars(select(LaunchSession)).all()
        old.expires_at = now - timedelta(days=8)
        live.expires_at = now - timedelta(days=6)
        for number, age in enumerate((timedelta(hours=25), timedelta(hours=23))):
            session.add(
                PendingLogin(
                    state_hash=bytes([number]) * 32, organisation_id=live.organisation_id, platform_id=1, nonce="n",
                    browser_hash=b"b" * 32, target_link_uri="t", created_at=now - age,
                )
            )  # fmt: skip
    assert keep_house(database, settings, now) == 2
    assert _remaining(database) == (1, 1)


def test_a_slot_is_used_once_and_the_next_hour_has_its_own(
    database: Database, settings: Settings, now: datetime
) -> None:
    seed(database, "http://127.0.0.1:9", now)
    open_seats(database, 1)
    assert keep_house(database, settings, now) == 0
    with database.transaction() as session:
        session.scalars(select(LaunchSession)).one().expires_at = now - timedelta(days=8)
    assert keep_house(database, settings, now + timedelta(minutes=1)) == 0
    assert _remaining(database) == (1, 0)
    assert keep_house(database, settings, now + timedelta(hours=1)) == 1


def test_two_workers_cannot_take_one_slot(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        take(session, NAME, now, now)
    with pytest.raises(IntegrityError), database.transaction() as session:
        take(session, NAME, now, now)
