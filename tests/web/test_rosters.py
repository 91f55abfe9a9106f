"""The pages of rosters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms.lti.roster import Member, Roster
from lms.services.rosters import fail_pull, keep_snapshot, want_pull
from lms.store.base import Database
from lms.store.rosters import RosterPull, RosterSource
from tests.conftest import NOW
from tests.web.conftest import SECRETARY, STAFF, Launched
from tests.web.visits import Visit, page_of

ROSTERS = "/rosters"
ADDED = Member("901", ("Learner",), True, "<script>x</script>", "𠮷", "=1+1")


@pytest.fixture
def desk(launched: Launched) -> Visit:
    """The secretariat."""
    return launched(SECRETARY, locale="en")


def source_of(database: Database) -> int:
    with database.reading() as session:
        return session.scalars(select(RosterSource.id)).first() or 0


def snapshot(database: Database, members: Sequence[Member], days: int = 0) -> int:
    """Keep a snapshot of the one course; return the course's key."""
    with database.transaction() as session:
        source = session.scalars(select(RosterSource)).first()
        assert source is not None
        pull = want_pull(session, source, "system:worker", NOW + timedelta(days=days))
        keep_snapshot(session, pull, Roster(source.context_id, tuple(members), 1), NOW + timedelta(days=days))
        return source.id


def test_a_course_that_was_never_pulled_says_so(desk: Visit, tool_database: Database) -> None:
    page = page_of(desk.get(ROSTERS))
    assert "none yet" in page
    assert "waiting for the worker" in page
    course = page_of(desk.get(f"{ROSTERS}/{source_of(tool_database)}"))
    assert "nothing can be compared" in course


def test_no_course_is_an_empty_page_that_tells_what_to_switch_on(desk: Visit, tool_database: Database) -> None:
    with tool_database.transaction() as session:
        for row in [*session.scalars(select(RosterPull)), *session.scalars(select(RosterSource))]:
            session.delete(row)
            session.flush()
    assert "Names and Role Provisioning" in page_of(desk.get(ROSTERS))


def test_differences_are_shown_and_handed_out_with_nothing_live_in_them(desk: Visit, tool_database: Database) -> None:
    source_id = snapshot(tool_database, [ADDED])
    page = desk.get(f"{ROSTERS}/{source_id}").get_data(as_text=True)
    assert "&lt;script&gt;x&lt;/script&gt; 𠮷" in page
    assert "<script>x" not in page
    assert "New since the snapshot before" not in page, "there is none before"
    export = desk.get(f"{ROSTERS}/{source_id}/differences.csv")
    text = export.get_data().decode("utf-8-sig")
    assert "unlinked,'=1+1," in text
    assert text.count("\r\nmissing,") > 20
    assert export.headers["Content-Disposition"].startswith("attachment;")


def test_a_second_snapshot_is_compared_with_the_first(desk: Visit, tool_database: Database) -> None:
    snapshot(tool_database, [ADDED])
    source_id = snapshot(tool_database, [Member("902", ("Learner",), True, None, None, None)], days=1)
    page = page_of(desk.get(f"{ROSTERS}/{source_id}"))
    assert "New since the snapshot before (1)" in page
    assert "Gone since the snapshot before (1)" in page
    assert "Moodle sent no name" in page


def test_the_button_wants_a_pull_and_says_what_happens(desk: Visit, tool_database: Database) -> None:
    source_id = snapshot(tool_database, [ADDED])
    response = desk.post(f"{ROSTERS}/{source_id}/pull")
    assert response.status_code == 303
    page = page_of(desk.get(f"{ROSTERS}/{source_id}?wanted=yes"))
    assert "next piece of work" in page
    assert "waiting for the worker" in page
    with tool_database.reading() as session:
        latest = session.scalars(select(RosterPull).order_by(RosterPull.id.desc())).first()
        assert latest is not None
        assert (latest.state, latest.next_try_at) == ("wanted", NOW)


@pytest.mark.parametrize("code", ["scope_not_granted", "page_foreign", "status_500", "never_heard_of"])
def test_a_pull_that_failed_says_why_and_the_former_snapshot_stands(
    desk: Visit, tool_database: Database, code: str
) -> None:
    source_id = snapshot(tool_database, [ADDED])
    with tool_database.transaction() as session:
        pull = want_pull(session, session.get_one(RosterSource, source_id), "system:worker", NOW)
        fail_pull(session, pull, code, NOW)
    page = page_of(desk.get(f"{ROSTERS}/{source_id}"))
    assert "failed" in page
    assert "nothing was kept" in page or "switch on" in page
    assert "&lt;script&gt;" in desk.get(f"{ROSTERS}/{source_id}").get_data(as_text=True)


def test_staff_see_no_roster(launched: Launched, desk: Visit, tool_database: Database) -> None:
    curious = launched(STAFF)
    for path in (ROSTERS, f"{ROSTERS}/{source_of(tool_database)}"):
        assert curious.get(path).status_code == 403
    assert curious.post(f"{ROSTERS}/{source_of(tool_database)}/pull").status_code == 403
    assert desk.get(f"{ROSTERS}/999999").status_code == 404
