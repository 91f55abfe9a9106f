"""Scores on their way to a platform that refuses, hangs, forgets and answers late: the wanted one arrives, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from courses.requirements import Occasion, Requirement
from lms.config import KeyFolder, Settings
from lms.jobs import scores as job
from lms.jobs.line_items import find_line_items
from lms.jobs.scores import deliver_scores
from lms.lti import connection
from lms.lti.http import OutgoingPolicy, PlatformHttp
from lms.lti.line_items import READ_SCOPE
from lms.lti.scores import RESULT_SCOPE, SCORE_SCOPE, Delivery
from lms.lti.tool_keys import ToolKeys, load_or_create
from lms.services.attempts import Learner, start_attempt, submit_attempt
from lms.services.awareness import ModuleInUse
from lms.services.earned import best_result
from lms.services.identities import link_by_decision
from lms.services.outbox import LEASE, LONGEST_PAUSE
from lms.services.scores import deliveries_of, want_scores
from lms.store.attempts import AttemptResult
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform
from tests.factories import (
    ACTOR,
    MODULE,
    add_identity,
    add_learner,
    add_person,
    add_practice_platform,
    adopt,
    all_at_once,
    answer_paper,
    errors_in,
    launch,
    learner_of,
    make_lms,
    register,
    require,
    serve_lms,
    small_module,
    take_test,
    with_activities,
)
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, Grade, LmsPerson
from tests.practice_lms.profiles import MOODLE_4_5, PROFILES, Profile

ON_EVERY_PLATFORM = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ITEM = 2
"""Line item of the first activity."""
ANNUAL = Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2025, due=(12, 31))
CONFIG = with_activities(
    default_config(),
    Activity("m1", "M1", "1", {"akashi": MODULE}, 10),
    Activity("copy", "M1 (copy)", "2", {"akashi": MODULE}, 100),
    Activity("ungraded", "M1 (no points)", "3", {"akashi": MODULE}),
    Activity("records", "Records", "4"),
)


@dataclass
class Campus:
    """An organisation, its practice LMS, and the worker."""

    database: Database
    organisation: Organisation
    lms: PracticeLms
    module: ModuleInUse
    settings: Settings

    def learner(self, session: Session, sub: str = "4") -> Learner:
        """Return who was launched with this id."""
        identity = session.scalars(select(LtiIdentity).where(LtiIdentity.sub == sub)).one()
        return learner_of(session, self.organisation, identity.id)

    def take(self, now: datetime, wrong: int = 0, who: tuple[str, str] = ("staff", "m1")) -> AttemptResult:
        """Launch and take the test, submitted at a time."""
        launch(self.database, self.lms, who, now)
        with self.database.transaction() as session:
            return take_test(session, self.learner(session, self.lms.person(who[0]).sub), self.module, now, wrong)

    def deliver(self, now: datetime) -> int:
        """Let the worker have a turn; the platform's clock shows the same time."""
        self.lms.clock.set(now)
        find_line_items(self.database, self.settings, now)
        return deliver_scores(self.database, self.settings, now)

    def grant(self, *scopes: str) -> None:
        """Let the platform grant these scopes, and say so at the next launch."""
        config = self.lms.config
        self.lms.config = replace(config, tool=replace(config.tool, scopes=scopes))

    def line_item_url(self) -> str:
        """Return the line item of the one activity, as it is kept."""
        with self.database.reading() as session:
            return session.scalars(select(ResourceLink.line_item_url)).one() or ""

    def delivery(self) -> ScoreDelivery:
        """Return the one delivery."""
        with self.database.reading() as session:
            return session.scalars(select(ScoreDelivery)).one()

    def state(self) -> tuple[str, str | None]:
        """Return state and code of the one delivery."""
        return self.delivery().state, self.delivery().refusal

    def points(self, activity: str = "m1") -> float | None:
        """Return what the platform shows for the member of staff."""
        grade = self.lms.grade("staff", activity)
        return None if grade is None else grade.final

    def calls(self, kind: str = "scores") -> int:
        """Return how many calls of a kind the platform has had."""
        return len(self.lms.events(kind))

    def hold(self, **grade: Any) -> None:
        """Put a grade of the member of staff into the platform, past the tool."""
        self.lms.state.grades[ITEM, "4"] = Grade(**grade)

    def refusals(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the audit events of refused scores."""
        with self.database.reading() as session:
            found = session.scalars(select(AuditEvent).where(AuditEvent.kind == "score.refused"))
            return [(each.actor, each.facts) for each in found]


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def tool_keys(keys_dir: Path) -> ToolKeys:
    return load_or_create(KeyFolder(keys_dir))


@pytest.fixture
def profile() -> Profile:
    """The platform's habits."""
    return MOODLE_4_5


@pytest.fixture
def campus(
    database: Database, organisation: Organisation, keys_dir: Path, tool_keys: ToolKeys, profile: Profile
) -> Iterator[Campus]:
    settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir)
    with serve_lms(replace(CONFIG, profile=profile)) as lms:
        lms.fetch_jwks = lambda _: tool_keys.public_jwks()
        with database.transaction() as session:
            register(session, organisation, lms)
            module = adopt(session, organisation, small_module())
        yield Campus(database, organisation, lms, module, settings)


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


# What is wanted


def test_a_result_is_wanted_in_every_activity_that_was_launched(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    lms = make_lms(CONFIG)
    with database.transaction() as session:
        register(session, organisation, lms)
        module = adopt(session, organisation, small_module())
    for key in ("m1", "ungraded", "records"):
        launch(database, lms, ("staff", key), now)
    launch(database, lms, ("newcomer", "m1"), now)
    with database.transaction() as session:
        identity = session.scalars(select(LtiIdentity).where(LtiIdentity.sub == "4")).one()
        learner = learner_of(session, organisation, identity.id)
        assert deliveries_of(session, learner.identity_ids, MODULE) == []
        result = take_test(session, learner, module, now)
        assert [each.activity for each in deliveries_of(session, learner.identity_ids, MODULE)] == [
            "M1",
            "M1 (no points)",
        ]
    launch(database, lms, ("staff", "copy"), now + SECOND)  # a copied course gets its grades at the next launch
    launch(database, lms, ("staff", "m1"), now + SECOND)
    with database.reading() as session:
        wanted = session.scalars(select(ScoreDelivery).order_by(ScoreDelivery.id)).all()
        assert [(each.event_id, each.identity_id, each.state, each.wanted_version) for each in wanted] == [
            (result.event_id, identity.id, "wanted", 1)
        ] * 3
        assert [each.activity for each in deliveries_of(session, [identity.id], MODULE)][-1] == "M1 (copy)"
        assert deliveries_of(session, [identity.id], "beside") == []


def test_a_worse_result_is_not_wanted(session: Session, organisation: Organisation, now: datetime) -> None:
    module = adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, "000101")
    assert best_result(session, learner.identity_ids, MODULE) is None
    results = [
        take_test(session, learner, module, now + number * HOUR, wrong) for number, wrong in enumerate((3, 8, 3))
    ]
    assert best_result(session, learner.identity_ids, MODULE) == results[0]  # of equal ones the earliest
    assert best_result(session, learner.identity_ids, "beside") is None


def test_last_years_best_does_not_cover_this_years_attempt(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    module = adopt(session, organisation, small_module())
    require(session, organisation, ANNUAL)
    learner = add_learner(session, organisation, "000101")
    former = take_test(session, learner, module, now - timedelta(days=365))
    assert best_result(session, learner.identity_ids, MODULE) == former
    result = take_test(session, learner, module, now, wrong=7)
    assert (former.occasion, result.occasion) == ("annual/fiscal_year:2025", "annual/fiscal_year:2026")
    assert best_result(session, learner.identity_ids, MODULE) == result


@pytest.mark.parametrize("required", [True, False])
def test_two_of_ten_from_another_account_does_not_undo_nine_of_ten(
    session: Session, organisation: Organisation, now: datetime, required: bool
) -> None:
    module = adopt(session, organisation, small_module())
    if required:
        require(session, organisation, replace(ANNUAL, first_year=2026))
    mine = add_learner(session, organisation, "000101")
    platform = add_practice_platform(session, organisation, client_id="another")
    other = learner_of(session, organisation, add_identity(session, platform, "77").id)
    begun = start_attempt(session, other, module, now)  # before anybody knew whose account it is
    good = take_test(session, mine, module, now + SECOND, wrong=1)
    link_by_decision(session, organisation, other.identity_id, "000101", (ACTOR, now))
    both = learner_of(session, organisation, other.identity_id)
    answer_paper(session, both, begun, now, wrong=8)
    bad = submit_attempt(session, both, begun, now + HOUR)
    assert (good.mark, bad.mark, bad.occasion) == (9, 2, "open:2026")
    assert best_result(session, both.identity_ids, MODULE) == good


def test_launching_and_submitting_at_one_moment_forgets_no_activity(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    people = tuple(LmsPerson(f"p{number}", str(number + 10), f"p{number}", "見本", "学生") for number in range(6))
    lms = make_lms(replace(CONFIG, people=people))
    with database.transaction() as session:
        register(session, organisation, lms)
        module = adopt(session, organisation, small_module())
    attempts = []
    for person in people:
        launch(database, lms, (person.key, "m1"), now)
        with database.transaction() as session:
            identity = session.scalars(select(LtiIdentity).where(LtiIdentity.sub == person.sub)).one()
            learner = learner_of(session, organisation, identity.id)
            attempts.append((learner, start_attempt(session, learner, module, now)))

    def work(number: int) -> None:
        if number % 2:
            launch(database, lms, (people[number // 2].key, "copy"), now + SECOND)
            return
        with database.transaction() as session:
            submit_attempt(session, *attempts[number // 2], now + SECOND)

    assert errors_in(all_at_once(12, work)) == []
    with database.reading() as session:
        for learner, _ in attempts:
            assert len(deliveries_of(session, learner.identity_ids, MODULE)) == 2


# How it arrives


@ON_EVERY_PLATFORM
def test_a_result_arrives_once_with_its_own_time(campus: Campus, now: datetime) -> None:
    launch(campus.database, campus.lms, ("staff", "m1"), now)
    assert campus.deliver(now) == 0
    campus.take(now, wrong=1)
    campus.take(now, who=("newcomer", "copy"))
    assert campus.deliver(now + SECOND) == 2
    grade = campus.lms.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.modified) == (9, epoch(now))
    assert getattr(campus.lms.grade("newcomer", "copy"), "final", None) == 100  # out of the item's own maximum
    assert campus.deliver(now + HOUR) == 0
    assert campus.calls() == 2
    with campus.database.reading() as session:
        for each in session.scalars(select(ScoreDelivery)):
            assert (each.state, each.sent_version, each.wanted_version) == ("delivered", 1, 1)
            assert (each.delivered_at, each.sent_timestamp, each.lease_until) == (now + SECOND, now, None)
        (shown,) = deliveries_of(session, campus.learner(session).identity_ids, MODULE)
        assert (shown.activity, shown.state, shown.refusal, shown.delivered_at) == (
            "M1",
            "delivered",
            None,
            now + SECOND,
        )


@ON_EVERY_PLATFORM
def test_a_better_result_replaces_the_one_before(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=8)
    campus.deliver(now)
    assert campus.points() == 2
    campus.take(now + HOUR, wrong=9)
    assert campus.deliver(now + HOUR) == 0
    campus.take(now + 2 * HOUR)
    assert campus.deliver(now + 2 * HOUR) == 1
    assert campus.points() == 10
    assert (campus.delivery().wanted_version, campus.delivery().sent_version) == (2, 2)


def test_who_cannot_be_graded_there_is_told_so_and_asked_again_at_a_launch(campus: Campus, now: datetime) -> None:
    campus.lms.unenrol("staff")
    campus.take(now)
    campus.deliver(now)
    assert campus.state() == ("dead", "not_gradable")
    assert campus.refusals() == [("system:worker", {"delivery": campus.delivery().id, "code": "not_gradable"})]
    assert campus.deliver(now + timedelta(days=1)) == 0
    with campus.database.reading() as session:
        (shown,) = deliveries_of(session, campus.learner(session).identity_ids, MODULE)
        assert (shown.state, shown.refusal, shown.delivered_at) == ("dead", "not_gradable", None)
    campus.lms.unenrol("staff", False)
    launch(campus.database, campus.lms, ("staff", "m1"), now + timedelta(days=2))
    assert campus.deliver(now + timedelta(days=2)) == 1
    assert campus.state() == ("delivered", None)
    assert campus.points() == 10


def test_an_activity_without_points_is_named_and_served_when_it_gets_some(campus: Campus, now: datetime) -> None:
    campus.grant(SCORE_SCOPE, RESULT_SCOPE, READ_SCOPE)  # "grade sync only" in Moodle: no columns are made
    campus.take(now, who=("staff", "ungraded"))
    campus.deliver(now)
    assert campus.state() == ("dead", "no_line_item")
    assert campus.calls() == 0
    launch(campus.database, campus.lms, ("staff", "ungraded"), now + SECOND)
    assert campus.deliver(now + SECOND) == 0
    campus.lms.add_line_item("2", "new", 10, link_id="3")
    launch(campus.database, campus.lms, ("staff", "ungraded"), now + HOUR)
    assert campus.deliver(now + HOUR) == 1
    assert campus.points("ungraded") == 10


def test_a_platform_without_any_service_of_grades_is_named(campus: Campus, now: datetime) -> None:
    campus.take(now)
    with campus.database.transaction() as session:
        session.execute(update(ResourceLink).values(line_item_url=None, line_items_url=None))
    assert campus.deliver(now) == 1
    assert campus.state() == ("dead", "no_line_item")
    assert (campus.calls(), campus.calls("lineitems")) == (0, 0)


def test_a_registration_that_may_not_send_scores_is_named(campus: Campus, now: datetime) -> None:
    campus.grant(READ_SCOPE)
    campus.take(now)
    campus.deliver(now)
    assert campus.state() == ("dead", "scope_missing")
    assert campus.calls() == 0


def test_a_line_item_that_is_gone_is_found_anew(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.lms.remove_line_item(ITEM)
    again = campus.lms.add_line_item("2", "again", 10, link_id="1")
    campus.deliver(now)
    assert campus.state() == ("wanted", "line_item_gone")
    assert campus.deliver(campus.delivery().next_try_at) == 1  # nobody has launched it since
    assert campus.state() == ("delivered", None)
    assert campus.points() == 10
    assert campus.line_item_url().endswith(f"/lineitems/{again.id}/lineitem?type_id=1")


def test_nothing_is_sent_to_a_platform_that_was_stopped(campus: Campus, now: datetime) -> None:
    campus.take(now)
    with campus.database.transaction() as session:
        session.execute(update(Platform).values(stopped_at=now))
    assert campus.deliver(now + HOUR) == 0
    assert (campus.calls(), campus.state()) == (0, ("wanted", None))
    with campus.database.transaction() as session:
        session.execute(update(Platform).values(stopped_at=None))
    assert campus.deliver(now + HOUR) == 1
    assert campus.points() == 10


@ON_EVERY_PLATFORM
def test_a_passing_fault_is_outlived(campus: Campus, now: datetime) -> None:
    campus.take(now)
    for kind, retry_after, code in (
        (FaultKind.TOO_MANY_REQUESTS, "120", "busy"),
        (FaultKind.UNAVAILABLE, "300", "platform_error"),
        (FaultKind.SERVER_ERROR, "", "platform_error"),
        (FaultKind.TIMEOUT, "", "unreachable"),
    ):
        campus.lms.faults.add(Fault("scores", kind, calls=1, retry_after=retry_after, seconds=0.05))
        assert campus.deliver(now) == 1
        row = campus.delivery()
        assert (row.state, row.refusal, row.lease_until) == ("wanted", code, None)
        assert row.next_try_at - now >= timedelta(seconds=int(retry_after or 1))
        assert campus.deliver(row.next_try_at - SECOND) == 0
        now = row.next_try_at
    assert campus.deliver(now) == 1
    assert campus.state() == ("delivered", None)
    assert (campus.points(), campus.refusals()) == (10, [])


def test_an_outage_of_days_is_outlived_at_a_growing_pause(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.lms.faults.add(Fault("token", FaultKind.SERVER_ERROR))
    pauses = []
    for _ in range(28):
        assert campus.deliver(now) == 1
        assert campus.state() == ("wanted", "token_refused")
        pauses.append(campus.delivery().next_try_at - now)
        now = campus.delivery().next_try_at
    assert pauses[0] < timedelta(seconds=3)
    assert all(earlier * 1.2 < later for earlier, later in pairwise(pauses[:8]))
    assert all(timedelta(minutes=4) <= each <= timedelta(minutes=6) for each in pauses[8:20])
    assert all(earlier * 1.2 < later for earlier, later in pairwise(pauses[19:26]))
    assert 0.8 * LONGEST_PAUSE <= pauses[-1] <= 1.2 * LONGEST_PAUSE
    campus.lms.faults.clear()
    assert campus.deliver(now) == 1
    assert campus.points() == 10


@ON_EVERY_PLATFORM
def test_a_token_that_the_platform_has_forgotten_is_renewed(campus: Campus, now: datetime) -> None:
    campus.take(now, who=("newcomer", "m1"))
    campus.deliver(now)
    campus.lms.state.access_tokens.clear()
    asked = campus.calls("token")
    campus.take(now + SECOND)
    assert campus.deliver(now + SECOND) == 1
    assert campus.calls("token") == asked + 1
    assert campus.points() == 10


# When an acknowledgement is lost, or somebody else was there


@pytest.mark.parametrize("kind", [FaultKind.LOST_REPLY, FaultKind.ERROR_AFTER])
def test_a_lost_acknowledgement_is_found_out_by_reading_back(campus: Campus, now: datetime, kind: FaultKind) -> None:
    campus.take(now, wrong=1)
    campus.lms.faults.add(Fault("scores", kind, calls=1))
    campus.deliver(now)
    assert campus.delivery().state == "wanted"
    assert campus.points() == 9
    assert campus.deliver(campus.delivery().next_try_at) == 1
    assert campus.state() == ("delivered", None)
    grade = campus.lms.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.modified) == (9, epoch(now))  # the first one's; nothing was written twice
    assert [each.status for each in campus.lms.events("scores")][-1] == 409


def test_a_platform_that_answers_too_late_is_asked_what_it_holds(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = PlatformHttp(OutgoingPolicy(allow_http_loopback=True, timeout_seconds=0.4, total_seconds=0.8))
    monkeypatch.setattr(connection, "platform_http", lambda _: impatient)
    campus.settings = replace(campus.settings, log_format="console")  # of its own: senders are kept by their settings
    campus.take(now)
    campus.deliver(now - SECOND)  # nothing is sent yet, but the token is there
    campus.lms.faults.add(Fault("scores", FaultKind.SLOW, calls=1, seconds=1.0))
    campus.deliver(now)
    assert campus.state() == ("wanted", "unreachable")
    assert campus.deliver(campus.delivery().next_try_at) == 1
    assert campus.state() == ("delivered", None)
    assert campus.points() == 10


@pytest.mark.parametrize("held", [10, 3])
def test_a_grade_of_the_same_second_is_reconciled(campus: Campus, now: datetime, held: int) -> None:
    campus.take(now)
    campus.hold(raw=held, final=held, modified=epoch(now))
    campus.deliver(now)
    if held == 3:  # another tool's: ours comes after it
        assert campus.state() == ("wanted", "conflict")
        again = campus.delivery().next_try_at
        assert now + SECOND <= again <= now + 3 * SECOND
        assert campus.deliver(again) == 1
    assert campus.state() == ("delivered", None)
    grade = campus.lms.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.modified) == (10, epoch(now) + (held == 3))


@pytest.mark.parametrize("held", [10, 3])
def test_a_grade_from_the_future_is_come_after_when_its_time_has_passed(
    campus: Campus, now: datetime, held: int
) -> None:
    campus.take(now, wrong=0)
    campus.hold(raw=held, final=held, modified=epoch(now + HOUR))
    campus.deliver(now)
    if held == 10:
        assert campus.state() == ("delivered", None)
        assert campus.delivery().sent_timestamp == now + HOUR
        return
    assert campus.state() == ("wanted", "conflict")
    calls = campus.calls()
    launch(campus.database, campus.lms, ("staff", "m1"), now + timedelta(minutes=30))  # brings the next try forward
    campus.deliver(now + timedelta(minutes=30))
    campus.deliver(now + HOUR)
    assert (campus.calls(), campus.points()) == (calls, 3)  # nothing was sent with a time of the future
    assert campus.deliver(now + HOUR + 3 * SECOND) == 1
    assert campus.state() == ("delivered", None)
    grade = campus.lms.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.modified) == (10, epoch(now + HOUR + SECOND))


def test_a_conflict_that_does_not_end_is_not_pressed(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.hold(comment="emptied", modified=epoch(now + timedelta(days=9)))  # no result to read, and newer than ours
    pauses = []
    for _ in range(8):
        assert campus.deliver(now) == 1
        assert campus.state() == ("wanted", "conflict")
        pauses.append(campus.delivery().next_try_at - now)
        now = campus.delivery().next_try_at
    assert pauses[-1] > timedelta(minutes=3)
    campus.lms.faults.add(Fault("results", FaultKind.SERVER_ERROR, calls=1))
    campus.deliver(now)
    assert campus.state() == ("wanted", "conflict")
    campus.lms.delete_grade(ITEM, "4")
    campus.deliver(campus.delivery().next_try_at)
    assert (campus.state(), campus.points()) == (("delivered", None), 10)


@ON_EVERY_PLATFORM
def test_a_teachers_grade_is_left_standing(campus: Campus, now: datetime) -> None:
    campus.lms.override_grade(ITEM, "4", 5)
    campus.lms.state.grades[ITEM, "4"].modified = epoch(now) - 60
    campus.take(now)
    campus.deliver(now)
    assert campus.state() == ("delivered", None)
    assert campus.points() == 5


def test_a_locked_grade_is_waited_for_and_holds_up_nobody(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.lms.lock_grade(ITEM, "4")
    for _ in range(8):
        assert campus.deliver(now) == 1
        assert campus.state() == ("wanted", "platform_error")
        now = campus.delivery().next_try_at
    campus.take(now, who=("newcomer", "m1"))
    assert campus.deliver(now) == 2
    assert getattr(campus.lms.grade("newcomer", "m1"), "final", None) == 10
    with campus.database.reading() as session:
        locked = session.scalars(select(ScoreDelivery).order_by(ScoreDelivery.id)).all()[0]
    assert locked.next_try_at - now > timedelta(minutes=3)  # not brought forward by the other's success


@ON_EVERY_PLATFORM
def test_two_results_of_one_second_end_with_the_wanted_one(campus: Campus, now: datetime) -> None:
    with campus.database.transaction() as session:
        add_person(session, campus.organisation, "000101")
    for who in (("staff", "m1"), ("newcomer", "copy")):
        launch(campus.database, campus.lms, who, now)
    with campus.database.transaction() as session:
        attempts = [
            (who, start_attempt(session, who, campus.module, now))
            for who in (campus.learner(session, sub) for sub in "45")
        ]
        for learner, _ in attempts:
            link_by_decision(session, campus.organisation, learner.identity_id, "000101", (ACTOR, now))
        both = campus.learner(session)
        for wrong, (_, attempt_id) in zip((8, 1), attempts, strict=True):
            answer_paper(session, both, attempt_id, now, wrong)
        submit_attempt(session, both, attempts[0][1], now + 0.2 * SECOND)
    campus.deliver(now + 0.3 * SECOND)
    assert campus.points() == 2
    with campus.database.transaction() as session:
        submit_attempt(session, both, attempts[1][1], now + 0.4 * SECOND)
    for moment in (0.5, 0.9, 1.1, 1.3, 4):
        campus.deliver(now + moment * SECOND)
    assert campus.points() == 9
    assert campus.points("copy") is None  # the other account's own grade
    assert getattr(campus.lms.grade("newcomer", "copy"), "final", None) == 90
    assert all(event.status == 200 for event in campus.lms.events("scores"))


def test_times_are_never_of_the_future_and_a_second_apart(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[datetime, datetime]] = []
    send = job.send_score

    def note_time(*call: Any) -> Delivery:
        seen.append((call[4].timestamp, call[5]))
        return send(*call)

    monkeypatch.setattr(job, "send_score", note_time)
    campus.take(now, wrong=8)
    assert campus.deliver(now - HOUR) == 0  # the clock has stepped back
    with campus.database.transaction() as session:
        want_scores(session, campus.learner(session).identity_ids, MODULE, now - HOUR)
    assert campus.deliver(now - HOUR) == 1
    assert seen == []
    campus.deliver(now)
    campus.take(now + HOUR, wrong=5)
    campus.take(now + 2 * HOUR, wrong=1)
    for minute in (0, 30, 59, 60, 61):
        campus.deliver(now + HOUR + timedelta(minutes=minute))
    assert campus.points() == 9
    assert all(timestamp <= moment for timestamp, moment in seen)
    assert all(later[0] - earlier[0] >= SECOND for earlier, later in pairwise(seen))


# Several at once


def test_a_result_that_comes_while_another_is_being_sent_is_next(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus.take(now, wrong=8)
    send = job.send_score
    later = now + HOUR

    def be_overtaken(*call: Any) -> Delivery:
        monkeypatch.setattr(job, "send_score", send)
        campus.take(later, wrong=1)
        campus.lms.clock.set(now)
        return send(*call)

    monkeypatch.setattr(job, "send_score", be_overtaken)
    campus.deliver(now)
    row = campus.delivery()
    assert (row.state, row.sent_version, row.wanted_version, row.lease_until) == ("wanted", 1, 2, None)
    assert campus.points() == 2
    assert campus.deliver(later) == 1
    assert (campus.points(), campus.state()) == (9, ("delivered", None))


def test_two_workers_do_not_send_the_same_score(campus: Campus, now: datetime) -> None:
    for who in (("staff", "m1"), ("staff", "copy"), ("newcomer", "m1")):
        launch(campus.database, campus.lms, who, now)
    campus.take(now)
    campus.take(now, who=("newcomer", "m1"))
    campus.lms.clock.set(now)
    campus.lms.faults.add(Fault("scores", FaultKind.SLOW, seconds=0.2))
    found = all_at_once(4, lambda _: deliver_scores(campus.database, campus.settings, now))
    assert errors_in(found) == []
    assert sum(each for each in found if isinstance(each, int)) == 3
    assert [event.status for event in campus.lms.events("scores")] == [200] * 3


def test_what_a_killed_worker_held_is_taken_over_when_its_lease_is_over(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(*_: Any) -> Delivery:
        raise SystemExit

    campus.take(now)
    with monkeypatch.context() as patch:
        patch.setattr(job, "send_score", be_killed)
        with pytest.raises(SystemExit):
            campus.deliver(now)
    assert campus.deliver(now + LEASE - SECOND) == 0
    assert campus.deliver(now + LEASE) == 1
    assert campus.points() == 10


def test_a_round_that_takes_too_long_hands_back_what_it_has_not_begun(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus.take(now)
    with monkeypatch.context() as patch:
        patch.setattr(job, "SCORES", replace(job.SCORES, seconds=0.0))
        assert campus.deliver(now) == 0
    row = campus.delivery()
    assert (row.state, row.tries, row.lease_until) == ("wanted", 0, None)
    assert campus.deliver(now) == 1
    assert campus.points() == 10


def test_a_batch_takes_few_statements_however_many_scores_it_has(campus: Campus, now: datetime) -> None:
    people = tuple(LmsPerson(f"p{number}", str(number + 50), f"p{number}", "見本", "学生") for number in range(12))
    campus.lms.config = replace(campus.lms.config, people=people)
    campus.lms._people = {person.key: person for person in people}
    for person in people:
        campus.take(now, who=(person.key, "m1"))
    statements: list[str] = []

    def note_statement(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(campus.database.engine, "before_cursor_execute", note_statement)
    try:
        assert campus.deliver(now) == 12
    finally:
        event.remove(campus.database.engine, "before_cursor_execute", note_statement)
    reads = [each for each in statements if each.startswith("SELECT")]
    writes = [each for each in statements if each.startswith(("UPDATE", "INSERT"))]
    assert (
        len(reads) <= 6 + 12
    )  # what is due, the batch, its registration; and once for each that is gathered by itself
    assert len(writes) <= 1 + 2 * 12
    assert len([each for each in statements if "ledger_event" in each]) == 1
