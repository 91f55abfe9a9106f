"""Live sessions: who is asking, until when, and that two tabs are two sessions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from courses.roles import IsmsRole
from lms.services.identities import link_by_decision
from lms.services.opening import SESSION_LIFETIME, TOUCH_INTERVAL, OpenedSession
from lms.services.permissions import EVERYONE, ON_STAFF, Permission, grant_role
from lms.services.sessions import Visitor, choose_language, end_session, find_visitor, touch
from lms.store.base import Database
from lms.store.organisations import Organisation
from tests.factories import ACTOR, MODULE, add_people, launch, make_lms, register
from tests.practice_lms.lms import PracticeLms

SECOND = timedelta(seconds=1)


@pytest.fixture
def lms(database: Database, organisation: Organisation) -> PracticeLms:
    """A practice LMS, registered; its people are on the staff list."""
    made = make_lms()
    with database.transaction() as session:
        register(session, organisation, made)
        add_people(session, organisation, {"staff_number": "000101"}, {"staff_number": "000103"})
    return made


def visitor(database: Database, opened: OpenedSession, now: datetime) -> Visitor | None:
    with database.reading() as session:
        return find_visitor(session, opened.handle, opened.secret, now)


def test_a_session_tells_who_is_asking_and_from_where(
    database: Database, organisation: Organisation, lms: PracticeLms, now: datetime
) -> None:
    found = visitor(database, launch(database, lms, ("staff", "m1"), now), now)
    assert found is not None
    assert (found.organisation.id, found.person_id, found.opens) == (organisation.id, None, MODULE)
    assert found.identity_ids == (found.identity_id,)
    assert found.actor == f"identity:{found.identity_id}"
    assert (found.permissions, found.may(Permission.LEARN)) == (EVERYONE, True)
    assert not found.may(Permission.READ_ATTENDANCE)
    assert (found.is_framed, found.is_instructor, found.language) == (True, False, "ja")
    assert found.platform_address.startswith(lms.config.issuer)
    assert (found.return_url or "").startswith(lms.config.issuer)


def test_without_its_secret_a_session_is_nobodys(database: Database, lms: PracticeLms, now: datetime) -> None:
    one, other = (launch(database, lms, (key, "m1"), now) for key in ("staff", "newcomer"))
    wrong = [(one.handle, other.secret), (one.handle, ""), (one.handle, one.secret + "x"), ("0" * 16, one.secret)]
    with database.reading() as session:
        assert [find_visitor(session, *pair, now) for pair in wrong] == [None] * 4


def test_two_tabs_are_two_sessions(database: Database, lms: PracticeLms, now: datetime) -> None:
    first = launch(database, lms, ("staff", "m1"), now)
    second = launch(database, lms, ("staff", "records"), now)
    teacher = launch(database, lms, ("teacher", "m1"), now)
    with database.transaction() as session:
        end_session(session, second.handle, now)
        choose_language(session, first.handle, "en")
    mine, theirs = visitor(database, first, now), visitor(database, teacher, now)
    assert visitor(database, second, now) is None
    assert mine is not None
    assert theirs is not None
    assert (mine.language, mine.is_instructor, mine.opens) == ("en", False, MODULE)
    assert (theirs.language, theirs.is_instructor) == ("ja", True)
    assert mine.identity_id != theirs.identity_id


def test_a_session_lives_for_an_hour_after_it_was_last_touched(
    database: Database, lms: PracticeLms, now: datetime
) -> None:
    opened = launch(database, lms, ("staff", "m1"), now)
    early, due = (visitor(database, opened, now + each) for each in (TOUCH_INTERVAL - SECOND, TOUCH_INTERVAL))
    assert early is not None
    assert due is not None
    assert (early.needs_touch, due.needs_touch) == (False, True)
    assert visitor(database, opened, now + SESSION_LIFETIME - SECOND) is not None
    assert visitor(database, opened, now + SESSION_LIFETIME) is None
    later = now + timedelta(minutes=59)
    with database.transaction() as session:
        touch(session, opened.handle, later)
    assert visitor(database, opened, later + SESSION_LIFETIME - SECOND) is not None
    assert visitor(database, opened, later + SESSION_LIFETIME) is None


def test_an_ended_session_is_not_touched_back_to_life(database: Database, lms: PracticeLms, now: datetime) -> None:
    opened = launch(database, lms, ("staff", "m1"), now)
    with database.transaction() as session:
        end_session(session, opened.handle, now)
        touch(session, opened.handle, now + SECOND)
    assert visitor(database, opened, now + SECOND) is None


def test_a_linked_visitor_has_the_rights_and_all_the_identities_of_the_person(
    database: Database, organisation: Organisation, lms: PracticeLms, now: datetime
) -> None:
    opened, other = (launch(database, lms, (key, "m1"), now) for key in ("teacher", "staff"))
    unlinked, second = visitor(database, opened, now), visitor(database, other, now)
    assert unlinked is not None
    assert second is not None
    with database.transaction() as session:
        for identity_id in (unlinked.identity_id, second.identity_id):
            link_by_decision(session, organisation, identity_id, "000103", (ACTOR, now))
    linked = visitor(database, opened, now)
    assert linked is not None
    assert linked.person_id is not None
    assert linked.permissions == EVERYONE | ON_STAFF  # a teacher there has no rights here
    with database.transaction() as session:
        grant_role(session, organisation, linked.person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    linked = visitor(database, opened, now)
    assert linked is not None
    assert linked.may(Permission.READ_ATTENDANCE)
    assert linked.actor == f"person:{linked.person_id}"
    assert set(linked.identity_ids) == {unlinked.identity_id, second.identity_id}
