"""A rotation of the tool's keys while grades travel: no call fails, with platforms that keep our key set for a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lms.config import Settings
from lms.lti.tool_keys import ToolKeyring, add_key, retire_key
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from tests.factories import adopt, register, serve_lms, small_module
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.tokens import keys_of_tool
from tests.services.test_scores import CONFIG, HOUR, Campus


class Publisher:
    """The page of public keys, in a process other than the worker's; counts how often it is read."""

    def __init__(self, keyring: ToolKeyring) -> None:
        self.keyring, self.reads = keyring, 0

    def __call__(self, _url: str) -> dict[str, Any]:
        self.reads += 1
        return dict(self.keyring.public_jwks())


@pytest.fixture
def campus(database: Database, organisation: Organisation, tmp_path: Path) -> Iterator[Campus]:
    settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", tmp_path / "keys")
    with serve_lms(CONFIG) as lms:
        with database.transaction() as session:
            register(session, organisation, lms)
            module = adopt(session, organisation, small_module())
        yield Campus(database, organisation, lms, module, settings)


@pytest.fixture
def publisher(campus: Campus) -> Publisher:
    found = Publisher(ToolKeyring(campus.settings.keys))
    campus.lms.fetch_jwks = found
    return found


def deliver_anew(campus: Campus, moment: datetime) -> tuple[str, str | None]:
    """Want the grade sent again, as reconciliation does, and let the worker have a turn."""
    with campus.database.transaction() as session:
        row = session.scalars(select(ScoreDelivery)).one()
        row.state, row.next_try_at, row.wanted_version = "wanted", moment, row.wanted_version + 1
    assert campus.deliver(moment) == 1
    return campus.state()


def kids(lms: PracticeLms) -> set[str]:
    """The tool's keys that the platform has kept."""
    return set(lms.tool_keys[lms.config.tool.client_id])


def read_anew(lms: PracticeLms) -> None:
    """Let the platform read the tool's key set, as some do once a day without being asked."""
    keys_of_tool(lms, lms.config.tool, None)


def test_grades_arrive_all_through_a_rotation(campus: Campus, publisher: Publisher, now: datetime) -> None:
    delivered = ("delivered", None)
    campus.take(now, 1)
    assert deliver_anew(campus, now) == delivered
    [first] = kids(campus.lms)
    assert publisher.reads == 1
    added = add_key(campus.settings.keys, now)
    # Each call is later than a token lasts, so that a new assertion is signed.
    assert deliver_anew(campus, now + 2 * HOUR) == delivered
    assert kids(campus.lms) == {first}, "the platform still knows the former key set, and that is enough"
    campus.lms.clock.set(now + 23 * HOUR)
    read_anew(campus.lms)
    assert kids(campus.lms) == {first, added.kid}
    assert deliver_anew(campus, now + 25 * HOUR) == delivered
    assert publisher.reads == 2, "the new key was known before it signed"
    retire_key(campus.settings.keys, 1, now + 48 * HOUR)
    assert deliver_anew(campus, now + 49 * HOUR) == delivered
    read_anew(campus.lms)
    assert kids(campus.lms) == {added.kid}
    assert deliver_anew(campus, now + 51 * HOUR) == delivered
    assert campus.points() == pytest.approx(9.0)


def test_a_key_that_signs_at_once_needs_a_platform_that_asks_again(
    campus: Campus, publisher: Publisher, now: datetime
) -> None:
    campus.take(now, 1)
    deliver_anew(campus, now)
    add_key(campus.settings.keys, now, timedelta(0))
    assert deliver_anew(campus, now + 2 * HOUR) == ("delivered", None)
    assert publisher.reads == 2, "the control: the practice LMS met a key id that it did not know"
