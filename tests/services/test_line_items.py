"""The columns of a gradebook: found by link or name, made once where there is none, and never another activity's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lms.config import KeyFolder, Settings
from lms.jobs import line_items as job
from lms.jobs.line_items import find_line_items
from lms.jobs.scores import deliver_scores
from lms.lti.http import AddressRefused
from lms.lti.line_items import TAG
from lms.lti.tool_keys import load_or_create
from lms.services.line_items import LEASE
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from tests.factories import (
    MODULE,
    adopt,
    all_at_once,
    errors_in,
    launch,
    learner_of,
    register,
    serve_lms,
    small_module,
    take_test,
    with_activities,
)
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, LineItem

SECOND = timedelta(seconds=1)
CONFIG = with_activities(
    default_config(),
    Activity("plain", "M1 without a column", "3", {"akashi": MODULE}),
    Activity("other", "Something else", "4", {"akashi": "beside"}, 5),
)


class Course:
    """A course with an activity that has no column, and a member of staff who has passed the test."""

    def __init__(self, database: Database, settings: Settings, lms: PracticeLms) -> None:
        self.database, self.settings, self.lms = database, settings, lms

    def find(self, now: datetime) -> int:
        """Let the worker look for line items."""
        self.lms.clock.set(now)
        return find_line_items(self.database, self.settings, now)

    def deliver(self, now: datetime) -> int:
        """Let the worker look, then send."""
        self.find(now)
        return deliver_scores(self.database, self.settings, now)

    def link(self) -> ResourceLink:
        """Return the activity."""
        with self.database.reading() as session:
            return session.scalars(select(ResourceLink)).one()

    def delivery(self) -> ScoreDelivery:
        """Return what is meant for it."""
        with self.database.reading() as session:
            return session.scalars(select(ScoreDelivery)).one()

    def items(self) -> list[LineItem]:
        """Return the columns of its course."""
        return [item for item in self.lms.state.line_items.values() if item.course_id == "2"]

    def calls(self) -> int:
        """Return how often line items were asked for or made."""
        return len(self.lms.events("lineitems"))


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture
def course(database: Database, organisation: Organisation, keys_dir: Path, now: datetime) -> Iterator[Course]:
    keys = load_or_create(KeyFolder(keys_dir))
    with serve_lms(CONFIG) as lms:
        lms.fetch_jwks = lambda _: keys.public_jwks()
        with database.transaction() as session:
            register(session, organisation, lms)
            module = adopt(session, organisation, small_module())
        launch(database, lms, ("staff", "plain"), now)
        with database.transaction() as session:
            identity = session.scalars(select(LtiIdentity)).one()
            take_test(session, learner_of(session, organisation, identity.id), module, now, 1)
        yield Course(database, Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir), lms)


def test_a_missing_column_is_made_once_and_found_by_name_ever_after(course: Course, now: datetime) -> None:
    assert len(course.items()) == 1
    assert course.deliver(now) == 1
    _, made = course.items()
    assert (made.label, made.maximum, made.resource_id, made.tag, made.link_id) == (
        "M1 without a column", 10, MODULE, TAG, "3",
    )  # fmt: skip
    assert course.lms.state.grades[made.id, "4"].final == 9
    assert course.delivery().state == "delivered"
    launch(course.database, course.lms, ("newcomer", "plain"), now + SECOND)
    with course.database.transaction() as session:
        session.scalars(select(ResourceLink)).one().line_item_url = None
        session.scalars(select(ScoreDelivery)).one().state = "wanted"
    assert course.find(now + SECOND) == 1
    assert course.link().line_item_url == f"{course.lms.config.issuer}/mod/lti/services.php/2/lineitems/{made.id}/lineitem?type_id=1"  # fmt: skip
    assert len(course.items()) == 2
    assert course.find(now + 2 * SECOND) == 0


def test_of_several_columns_of_an_activity_ours_is_taken_else_its_first(course: Course, now: datetime) -> None:
    first = course.lms.add_line_item("2", "its own", 100, link_id="3")
    named = course.lms.add_line_item("2", "ours", 10, link_id="3", resource_id=MODULE, tag=TAG)
    course.find(now)
    assert f"/{named.id}/" in (course.link().line_item_url or "")
    course.lms.remove_line_item(named.id)
    course.deliver(now)  # 404
    assert course.link().line_item_url is None
    course.deliver(course.delivery().next_try_at)
    assert f"/{first.id}/" in (course.link().line_item_url or "")
    assert course.delivery().state == "delivered"
    assert (first.maximum, first.label) == (100, "its own")  # never changed
    assert course.lms.state.grades[first.id, "4"].final == 90


def test_a_column_of_our_name_without_an_activity_is_taken(course: Course, now: datetime) -> None:
    free = course.lms.add_line_item("2", "free", 10, resource_id=MODULE, tag=TAG)
    course.find(now)
    assert f"/{free.id}/" in (course.link().line_item_url or "")


def test_a_column_of_our_name_that_belongs_to_another_activity_is_left(course: Course, now: datetime) -> None:
    course.lms.add_line_item("2", "the other's", 10, resource_id=MODULE, tag=TAG, link_id="4")
    course.lms.add_line_item("2", "no tag", 10, resource_id=MODULE)
    course.find(now)
    made = course.items()[-1]
    assert (made.link_id, len(course.items())) == ("3", 4)
    assert f"/{made.id}/" in (course.link().line_item_url or "")


def test_one_worker_makes_it_however_many_look(course: Course, now: datetime) -> None:
    course.lms.clock.set(now)
    course.lms.faults.add(Fault("lineitems", FaultKind.SLOW, seconds=0.2))
    databases = [Database(course.database.url) for _ in range(4)]  # four processes
    found = all_at_once(4, lambda number: find_line_items(databases[number], course.settings, now))
    for each in databases:
        each.close()
    assert errors_in(found) == []
    assert sum(each for each in found if isinstance(each, int)) == 1
    assert len(course.items()) == 2


def test_a_column_whose_making_was_not_acknowledged_is_found_and_not_made_again(course: Course, now: datetime) -> None:
    faults = [Fault("lineitems", FaultKind.SLOW, calls=2, seconds=0), Fault("lineitems", FaultKind.LOST_REPLY, calls=1)]
    for each in faults:
        course.lms.faults.add(each)
    assert course.find(now) == 1
    assert (course.link().line_item_url, course.delivery().refusal) == (None, "unreachable")
    assert len(course.items()) == 2
    assert course.find(now) == 0
    wait = course.link().line_item_wait_until
    assert wait is not None
    assert course.find(wait) == 1
    assert len(course.items()) == 2
    assert f"/{course.items()[-1].id}/" in (course.link().line_item_url or "")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.TOO_MANY_REQUESTS, "busy"),
        (FaultKind.SERVER_ERROR, "platform_error"),
        (FaultKind.UNAVAILABLE, "platform_error"),
        (FaultKind.TIMEOUT, "unreachable"),
        (FaultKind.UNAUTHORIZED, "unauthorised"),
    ],
)
def test_a_passing_fault_is_outlived(course: Course, now: datetime, kind: FaultKind, code: str) -> None:
    course.lms.faults.add(Fault("lineitems", kind, calls=2, seconds=0.05, retry_after="90"))
    course.find(now)
    assert (course.delivery().state, course.delivery().refusal, course.link().line_item_tries) == ("wanted", code, 1)
    wait = course.link().line_item_wait_until
    assert wait is not None
    assert wait - now >= (90 if kind in {"429", "503"} else 1) * SECOND
    assert course.find(wait - SECOND) == 0
    course.lms.faults.clear()
    assert course.deliver(wait) == 1
    assert (course.delivery().state, course.link().line_item_tries) == ("delivered", 0)


def test_what_the_platform_refuses_for_good_is_shown_and_wanted_again_at_a_launch(
    course: Course, now: datetime
) -> None:
    course.lms.faults.add(Fault("lineitems", FaultKind.CONFLICT, calls=1))
    course.find(now)
    assert (course.delivery().state, course.delivery().refusal) == ("dead", "line_item_refused")
    with course.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "score.refused"))
        assert event.facts == {"delivery": course.delivery().id, "code": "line_item_refused"}
    assert course.find(now + LEASE) == 0
    launch(course.database, course.lms, ("staff", "plain"), now + SECOND)
    assert course.deliver(now + SECOND) == 1
    assert course.delivery().state == "delivered"


def test_a_killed_worker_leaves_the_search_to_the_next(
    course: Course, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(job, "find_line_item", be_killed)
        with pytest.raises(SystemExit):
            course.find(now)
    assert course.find(now + LEASE - SECOND) == 0
    assert course.find(now + LEASE) == 1
    assert course.link().line_item_url is not None


def test_an_address_that_is_refused_is_not_asked_again(
    course: Course, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AddressRefused("https://moodle.example", "network")

    monkeypatch.setattr(job, "find_line_item", refuse)
    course.find(now)
    assert (course.delivery().state, course.delivery().refusal) == ("dead", "address_refused")
