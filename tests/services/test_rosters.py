"""Rosters: pulled whole or not at all, kept as snapshots, and compared with the staff list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from courses.calendar import jst_date
from lms.config import KeyFolder, Settings
from lms.jobs import rosters as job
from lms.jobs.rosters import PAUSES, pull_rosters
from lms.lti.roster import Member, Roster
from lms.lti.tool_keys import ToolKeys, load_or_create
from lms.services import rosters as service
from lms.services.identities import link_by_decision
from lms.services.roster_differences import Difference, RosterComparison, compare_roster
from lms.services.rosters import (
    UnknownRosterError,
    find_source,
    keep_snapshot,
    newest_snapshots,
    roster_states,
    want_pull,
)
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity, person_of
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from lms.store.records import Moment
from lms.store.rosters import RosterMember, RosterPull, RosterSource
from tests.factories import ACTOR, add_person, all_at_once, errors_in, launch, register, serve_lms
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms

DAY = timedelta(days=1)


@dataclass
class Campus:
    """An organisation, its practice LMS, and the worker."""

    database: Database
    organisation: Organisation
    lms: PracticeLms
    settings: Settings

    def pull(self, now: datetime) -> int:
        """Let the worker have a turn; the platform's clock shows the same time."""
        self.lms.clock.set(now)
        return pull_rosters(self.database, self.settings, now)

    def ask(self, now: datetime) -> None:
        """Want the one roster, as the button does."""
        with self.database.transaction() as session:
            want_pull(session, session.scalars(select(RosterSource)).one(), ACTOR, now)

    def latest(self) -> RosterPull:
        """Return the latest pull."""
        with self.database.reading() as session:
            return session.scalars(select(RosterPull).order_by(RosterPull.id.desc()).limit(1)).one()

    def listed(self) -> set[str]:
        """Return the platform's ids of those in the newest snapshot."""
        with self.database.reading() as session:
            source = session.scalars(select(RosterSource)).one()
            newest = newest_snapshots(session, source.id, 1)[0]
            rows = select(LtiIdentity.sub).join(RosterMember, RosterMember.identity_id == LtiIdentity.id)
            return set(session.scalars(rows.where(RosterMember.pull_id == newest.id)))

    def compared(self, now: datetime) -> RosterComparison:
        """Return how the newest snapshot differs."""
        with self.database.reading() as session:
            source = session.scalars(select(RosterSource)).one()
            return compare_roster(session, source, Moment(jst_date(now)))

    def differing(self, now: datetime, difference: Difference) -> list[str]:
        """Return the staff numbers of those in whom it differs."""
        return [each.staff_number for each in self.compared(now).differing if each.difference is difference]


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def tool_keys(keys_dir: Path) -> ToolKeys:
    return load_or_create(KeyFolder(keys_dir))


@pytest.fixture
def campus(
    database: Database, organisation: Organisation, keys_dir: Path, tool_keys: ToolKeys, now: datetime
) -> Iterator[Campus]:
    settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir)
    with serve_lms(default_config()) as lms:
        lms.fetch_jwks = lambda _: tool_keys.public_jwks()
        with database.transaction() as session:
            register(session, organisation, lms)
        launch(database, lms, ("staff", "m1"), now)
        yield Campus(database, organisation, lms, settings)


def identities(database: Database) -> dict[str, LtiIdentity]:
    with database.reading() as session:
        return {each.sub: each for each in session.scalars(select(LtiIdentity))}


def test_a_course_is_pulled_when_it_is_first_launched_and_then_once_a_night(campus: Campus, now: datetime) -> None:
    assert campus.pull(now) == 1
    assert campus.latest().state == "complete"
    assert campus.latest().wanted_by == "system:launch"
    assert campus.listed() == {"3", "4", "5"}, "the site's administrator is not enrolled"
    assert campus.pull(now + timedelta(minutes=1)) == 0
    assert campus.pull(now + DAY) == 1
    assert campus.latest().wanted_by == "system:worker"
    with campus.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RosterPull)) == 2


def test_the_button_pulls_at_once_and_pressing_it_twice_asks_once(campus: Campus, now: datetime) -> None:
    campus.pull(now)
    campus.ask(now)
    campus.ask(now)
    assert campus.pull(now) == 1
    assert campus.pull(now) == 0
    with campus.database.reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.kind == "roster.wanted", AuditEvent.actor == ACTOR)
        )
        assert len(events.all()) == 1


def test_people_whom_only_a_roster_names_have_an_identity_with_what_it_says(campus: Campus, now: datetime) -> None:
    campus.pull(now)
    known = identities(campus.database)
    assert known["5"].claimed_family_name == "試験"
    assert known["5"].claimed_staff_number == "000102"
    assert known["5"].last_launched_at is None
    assert known["4"].last_launched_at == now


def test_a_roster_with_fewer_claims_takes_nothing_away(campus: Campus, now: datetime) -> None:
    campus.lms.config = replace(campus.lms.config, sends_names=False, sends_email=False)
    campus.pull(now)
    known = identities(campus.database)
    assert (known["4"].claimed_family_name, known["4"].claimed_given_name) == ("見本", "あかり")
    assert known["5"].claimed_family_name is None
    assert campus.listed() == {"3", "4", "5"}


@pytest.mark.parametrize("trusts", [True, False])
def test_trusted_staff_numbers_link_before_the_first_launch(campus: Campus, now: datetime, trusts: bool) -> None:
    with campus.database.transaction() as session:
        person_id = add_person(session, campus.organisation, "000102")
        session.scalars(select(Platform)).one().trusts_staff_number = trusts
    campus.pull(now)
    with campus.database.reading() as session:
        linked = person_of(session, identities(campus.database)["5"].id)
        assert linked == (person_id if trusts else None)


def test_a_decision_is_not_undone_by_a_trusted_number(campus: Campus, now: datetime) -> None:
    campus.pull(now)
    identity = identities(campus.database)["5"].id
    with campus.database.transaction() as session:
        other = add_person(session, campus.organisation, "000777")
        add_person(session, campus.organisation, "000102")
        link_by_decision(session, campus.organisation, identity, "000777", (ACTOR, now))
        session.scalars(select(Platform)).one().trusts_staff_number = True
    campus.pull(now + DAY)
    with campus.database.reading() as session:
        assert person_of(session, identity) == other
        assert session.scalar(select(func.count()).select_from(IdentityLink)) == 1


# Whole or nothing


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.TOO_MANY_REQUESTS, FaultKind.LOST_REPLY])
def test_a_pull_that_breaks_off_changes_nothing_and_is_tried_again(
    campus: Campus, now: datetime, kind: FaultKind
) -> None:
    campus.pull(now)
    campus.lms.suspend("newcomer")
    before = campus.compared(now).differing
    campus.lms.faults.add(Fault("memberships", kind, calls=1))
    campus.ask(now + timedelta(hours=1))
    assert campus.pull(now + timedelta(hours=1)) == 1
    assert campus.latest().state == "wanted"
    assert campus.listed() == {"3", "4", "5"}
    assert campus.compared(now).differing == before
    assert campus.pull(now + timedelta(hours=1, seconds=1)) == 0, "not before its pause is over"
    assert campus.pull(now + timedelta(hours=1) + PAUSES[0]) == 1
    assert campus.latest().state == "complete"
    assert campus.listed() == {"3", "4"}


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.CUT, FaultKind.NOT_JSON, FaultKind.REDIRECT])
def test_a_pull_that_breaks_off_on_its_second_page_changes_nothing(
    database: Database, organisation: Organisation, keys_dir: Path, tool_keys: ToolKeys, now: datetime, kind: FaultKind
) -> None:
    config = default_config()
    with serve_lms(replace(config, profile=replace(config.profile, page_size=1))) as lms:
        lms.fetch_jwks = lambda _: tool_keys.public_jwks()
        with database.transaction() as session:
            register(session, organisation, lms)
        launch(database, lms, ("staff", "m1"), now)
        settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir)
        campus = Campus(database, organisation, lms, settings)
        campus.pull(now)
        assert (campus.latest().state, campus.listed()) == ("complete", {"3", "4", "5"})
        lms.unenrol("newcomer")
        lms.faults.add(Fault("memberships", kind, after=1))
        campus.ask(now + timedelta(hours=1))
        campus.pull(now + timedelta(hours=1))
        assert campus.latest().state != "complete"
        assert campus.listed() == {"3", "4", "5"}
        assert [event.fault for event in lms.events("memberships")][-2:] == ["", kind.value]


@pytest.mark.parametrize(
    ("kind", "code"), [(FaultKind.ELSEWHERE, "page_foreign"), (FaultKind.ENDLESS, "too_many_pages")]
)
def test_a_roster_that_leads_elsewhere_or_has_no_end_is_refused_whole(
    campus: Campus, now: datetime, kind: FaultKind, code: str
) -> None:
    campus.pull(now)
    campus.lms.unenrol("newcomer")
    campus.lms.faults.add(Fault("memberships", kind))
    campus.ask(now + timedelta(hours=1))
    campus.pull(now + timedelta(hours=1))
    assert (campus.latest().state, campus.latest().refusal) == ("failed", code)
    assert campus.listed() == {"3", "4", "5"}


def test_a_platform_that_never_answers_well_is_given_up_and_the_night_tries_anew(campus: Campus, now: datetime) -> None:
    campus.lms.faults.add(Fault("memberships", FaultKind.UNAVAILABLE))
    moment = now
    for pause in PAUSES:
        assert campus.pull(moment) == 1
        assert (campus.latest().state, campus.latest().refusal) == ("wanted", "status_503")
        moment += pause
    assert campus.pull(moment) == 1
    assert campus.latest().state == "failed"
    with campus.database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.kind == "roster.failed")).one()
        assert event.facts["code"] == "status_503"
        assert newest_snapshots(session, campus.latest().source_id, 1) == []
    campus.lms.faults.clear()
    assert campus.pull(now + DAY) == 1
    assert campus.latest().state == "complete"


def test_a_roster_that_is_not_ours_to_read_fails_at_once(campus: Campus, now: datetime) -> None:
    campus.lms.config = replace(campus.lms.config, tool=replace(campus.lms.config.tool, scopes=()))
    assert campus.pull(now) == 1
    assert campus.latest().state == "failed"
    assert campus.latest().refusal == "scope_not_granted"


def test_another_courses_roster_is_refused(campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "pull_roster", lambda *_: Roster("another", (), 1))
    campus.pull(now)
    assert (campus.latest().state, campus.latest().refusal) == ("failed", "other_course")


def test_a_platform_that_was_stopped_is_not_asked(campus: Campus, now: datetime) -> None:
    with campus.database.transaction() as session:
        session.scalars(select(Platform)).one().stopped_at = now
    assert campus.pull(now) == 0
    campus.ask(now)
    assert campus.pull(now) == 0
    assert campus.lms.events("memberships") == []


def test_two_workers_pull_a_roster_once(campus: Campus, now: datetime) -> None:
    campus.lms.clock.set(now)
    found = all_at_once(4, lambda _: pull_rosters(campus.database, campus.settings, now))
    # The slot's key lets one of two simultaneous nights fail; the worker's loop tries again.
    assert all("scheduled_run" in str(error) for error in errors_in(found))
    campus.pull(now)
    with campus.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RosterPull)) == 1
    assert len(campus.lms.events("memberships")) == 1


# Differences


def test_the_comparison_names_each_kind_of_difference(campus: Campus, now: datetime) -> None:
    with campus.database.transaction() as session:
        for number in ("000101", "000102", "000103", "000555"):
            add_person(session, campus.organisation, number)
        session.scalars(select(Platform)).one().trusts_staff_number = True
    launch(campus.database, campus.lms, ("staff", "m1"), now)
    campus.pull(now)
    found = campus.compared(now)
    assert (found.learners, found.instructors, found.linked, found.in_scope) == (2, 1, 3, 4)
    assert campus.differing(now, Difference.MISSING) == ["000555"]
    assert found.former is None
    campus.lms.suspend("newcomer")
    campus.pull(now + DAY)
    assert campus.differing(now, Difference.LEFT) == ["000102"]
    assert campus.differing(now, Difference.MISSING) == ["000102", "000555"]
    campus.lms.suspend("newcomer", suspended=False)
    campus.pull(now + 2 * DAY)
    assert campus.differing(now, Difference.JOINED) == ["000102"]
    assert campus.differing(now, Difference.LEFT) == []


def test_accounts_that_are_nobodys_and_people_out_of_scope_are_shown(campus: Campus, now: datetime) -> None:
    with campus.database.transaction() as session:
        add_person(session, campus.organisation, "000777")
    campus.pull(now)
    assert campus.differing(now, Difference.UNLINKED) == ["000101", "000102", "000103"]
    with campus.database.transaction() as session:
        for sub in ("4", "5"):
            identity = session.scalars(select(LtiIdentity).where(LtiIdentity.sub == sub)).one()
            link_by_decision(session, campus.organisation, identity.id, "000777", (ACTOR, now))
    assert campus.differing(now, Difference.TWICE) == ["000777"]
    assert campus.differing(now, Difference.MISSING) == []
    before_anybody_joined = datetime(1991, 1, 1, tzinfo=now.tzinfo)
    assert campus.differing(before_anybody_joined, Difference.NOT_IN_SCOPE) == ["000777"]


def test_a_change_of_role_or_standing_is_a_change(campus: Campus, now: datetime) -> None:
    for number, (roles, is_active) in enumerate([(["Learner"], True), (["Instructor"], True), (["Instructor"], False)]):
        with campus.database.transaction() as session:
            source = session.scalars(select(RosterSource)).one()
            pull = want_pull(session, source, ACTOR, now)
            member = Member("4", tuple(roles), is_active, None, None, "000101")
            keep_snapshot(session, pull, Roster("2", (member,), 1), now)
        assert campus.differing(now, Difference.CHANGED) == ([] if number == 0 else ["000101"])


def test_an_empty_roster_is_a_snapshot_and_everybody_left(campus: Campus, now: datetime) -> None:
    campus.pull(now)
    with campus.database.transaction() as session:
        source = session.scalars(select(RosterSource)).one()
        keep_snapshot(session, want_pull(session, source, ACTOR, now), Roster("2", (), 1), now)
    assert len(campus.differing(now, Difference.LEFT)) == 3


# Keeping


def test_old_snapshots_go_and_as_many_as_said_stay(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SNAPSHOTS_KEPT", 3)
    for number in range(6):
        campus.pull(now + number * DAY)
    with campus.database.reading() as session:
        kept = session.scalars(select(RosterPull).order_by(RosterPull.id)).all()
        assert [each.wanted_at for each in kept] == [now + number * DAY for number in (3, 4, 5)]
        assert session.scalar(select(func.count(func.distinct(RosterMember.pull_id)))) == 3


def test_a_course_of_another_organisation_is_unknown(campus: Campus, now: datetime) -> None:
    with campus.database.reading() as session:
        source_id = session.scalars(select(RosterSource.id)).one()
        with pytest.raises(UnknownRosterError):
            find_source(session, campus.organisation.id + 1, source_id)
        assert roster_states(session, campus.organisation.id + 1) == []
        [state] = roster_states(session, campus.organisation.id)
        assert (state.source_id, state.newest, state.member_count) == (source_id, None, 0)


def count_statements(database: Database, work: Any) -> int:
    """Return how many statements a piece of work sends."""
    from sqlalchemy import event

    sent: list[str] = []
    listener = lambda *arguments: sent.append(arguments[2])  # noqa: E731
    event.listen(database.engine, "before_cursor_execute", listener)
    try:
        work()
    finally:
        event.remove(database.engine, "before_cursor_execute", listener)
    return len(sent)


def test_a_large_roster_takes_hardly_more_statements_than_a_small_one(campus: Campus, now: datetime) -> None:
    def keep(count: int) -> None:
        with campus.database.transaction() as session:
            pull = want_pull(session, session.scalars(select(RosterSource)).one(), ACTOR, now)
            members = tuple(Member(f"u{number}", ("Learner",), True, "大勢", "いる", None) for number in range(count))
            keep_snapshot(session, pull, Roster("2", members, 1), now)

    small = count_statements(campus.database, lambda: keep(20))
    large = count_statements(campus.database, lambda: keep(2000))
    assert large <= small + 30


def test_a_platform_that_hangs_holds_up_no_other_work(campus: Campus, now: datetime) -> None:
    campus.lms.faults.add(Fault("memberships", FaultKind.TIMEOUT, calls=1, seconds=4))
    began = time.monotonic()
    assert campus.pull(now) == 0
    assert campus.pull(now) == 0  # it is busy: nobody waits for it, and no second call is made
    assert time.monotonic() - began < 3.5
    while campus.latest().refusal is None and time.monotonic() - began < 20:
        time.sleep(0.1)
        campus.pull(now)
    assert (campus.latest().state, campus.latest().refusal) == ("wanted", "unreachable")
    assert campus.pull(campus.latest().next_try_at) == 1
    assert campus.latest().state == "complete"
