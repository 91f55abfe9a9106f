"""Comparing gradebooks: what was lost is sent again, what a teacher did is shown and left, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from lms.jobs import reconciliation as job
from lms.jobs.reconciliation import compare_gradebooks, want_nightly_comparisons
from lms.lti import connection
from lms.lti.http import OutgoingPolicy, PlatformHttp
from lms.lti.line_items import READ_SCOPE
from lms.lti.scores import SCORE_SCOPE, read_results
from lms.services.outbox import KEPT, forget_old
from lms.services.reconciliation import LEASE, REFUSED_TRIES, want_comparisons
from lms.store.audit import AuditEvent
from lms.store.launches import ResourceLink
from lms.store.outbox import Reconciliation, ScoreTry
from lms.store.platforms import Platform
from tests.factories import ACTOR, all_at_once, errors_in, launch
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.model import Grade
from tests.services.test_scores import HOUR, ITEM, SECOND, Campus, campus, epoch, keys_dir, profile, tool_keys

__all__ = ["campus", "keys_dir", "profile", "tool_keys"]

NIGHT = timedelta(days=1)


def compared(campus: Campus, now: datetime) -> Reconciliation:
    """Want a comparison, let the worker make it, and return it."""
    campus.lms.clock.set(now)
    with campus.database.transaction() as session:
        assert want_comparisons(session, campus.organisation.id, ACTOR, now) == 1
    assert compare_gradebooks(campus.database, campus.settings, now) == 1
    return newest(campus)


def newest(campus: Campus) -> Reconciliation:
    with campus.database.reading() as session:
        return session.scalars(select(Reconciliation).order_by(Reconciliation.id.desc()).limit(1)).one()


def counts(row: Reconciliation) -> tuple[str, int, int, int]:
    return row.state, row.same, row.lost, row.overridden


def standing(campus: Campus) -> tuple[str, str | None, float | None, float | None]:
    row = campus.delivery()
    return row.state, row.standing, row.held_score, row.held_maximum


def test_what_stands_there_as_it_was_sent_is_left_alone(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=1)
    campus.deliver(now)
    row = compared(campus, now + NIGHT)
    assert counts(row) == ("done", 1, 0, 0)
    assert (row.wanted_by, row.finished_at) == (ACTOR, now + NIGHT)
    assert standing(campus) == ("delivered", "same", 9, 10)
    assert campus.delivery().compared_at == now + NIGHT
    assert campus.deliver(now + NIGHT) == 0
    assert (campus.calls("results"), campus.calls("scores")) == (1, 1)
    with campus.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "gradebook.done"))
        assert (event.actor, event.facts) == (
            ACTOR,
            {"activity": row.resource_link_pk, "same": 1, "lost": 0, "overridden": 0},
        )


def test_everybody_of_a_line_item_is_read_in_one_call(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=1)
    campus.take(now, who=("newcomer", "m1"))
    campus.deliver(now)
    assert counts(compared(campus, now + NIGHT)) == ("done", 2, 0, 0)
    assert campus.calls("results") == 1


def test_a_grade_that_was_cleared_is_sent_again_with_a_newer_time(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=1)
    campus.deliver(now)
    campus.lms.delete_grade(ITEM, "4")
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 1, 0)
    assert standing(campus) == ("wanted", "lost", None, None)
    assert campus.deliver(now + NIGHT) == 1
    assert standing(campus) == ("delivered", "same", 9, 10)
    grade = campus.lms.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.modified) == (9, epoch(now) + 1)
    assert (campus.delivery().sent_version, campus.delivery().wanted_version) == (2, 2)


@pytest.mark.parametrize("points", [5, 0, 9.5])
def test_a_teachers_grade_is_shown_and_left(campus: Campus, now: datetime, points: float) -> None:
    campus.take(now, wrong=1)
    campus.deliver(now)
    campus.lms.clock.set(now + HOUR)
    campus.lms.override_grade(ITEM, "4", points, "see me")
    for night in (1, 2):
        assert counts(compared(campus, now + night * NIGHT)) == ("done", 0, 0, 1)
        assert standing(campus) == ("delivered", "overridden", points, 10)
        assert campus.deliver(now + night * NIGHT) == 0
    assert campus.points() == points
    campus.lms.lift_override(ITEM, "4")
    assert counts(compared(campus, now + 3 * NIGHT)) == ("done", 1, 0, 0)
    assert standing(campus) == ("delivered", "same", 9, 10)


def test_an_override_that_is_older_than_our_score_is_a_teachers_too(campus: Campus, now: datetime) -> None:
    campus.lms.clock.set(now - HOUR)
    campus.lms.override_grade(ITEM, "4", 5)
    campus.take(now)
    campus.deliver(now)
    assert campus.state() == ("delivered", None)  # answered 200, and not there
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 0, 1)
    assert standing(campus) == ("delivered", "overridden", 5, 10)


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_an_older_score_of_our_own_is_a_gradebook_put_back(
    campus: Campus, now: datetime, is_acknowledged: bool
) -> None:
    campus.take(now, wrong=6)
    if not is_acknowledged:  # it came about there, and we were never told
        campus.lms.faults.add(Fault("scores", FaultKind.LOST_REPLY, calls=1))
    campus.deliver(now)
    older = campus.lms.state.grades[ITEM, "4"]
    backup = Grade(older.raw, older.final, older.comment, older.modified)
    campus.take(now + HOUR, wrong=1)
    campus.deliver(now + HOUR)
    assert campus.points() == 9
    campus.lms.state.grades[ITEM, "4"] = backup
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 1, 0)
    assert campus.deliver(now + NIGHT) == 1
    assert (campus.points(), standing(campus)[1]) == (9, "same")


def test_the_points_of_an_older_score_at_another_time_are_a_teachers(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=6)
    campus.deliver(now)
    campus.take(now + HOUR, wrong=1)
    campus.deliver(now + HOUR)
    campus.lms.clock.set(now + 2 * HOUR)
    campus.lms.override_grade(ITEM, "4", 4)
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 0, 1)
    assert campus.deliver(now + NIGHT) == 0


def test_a_grade_that_a_teacher_has_emptied_is_tried_once_and_left(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.deliver(now)
    campus.lms.clock.set(now + HOUR)
    campus.lms.override_grade(ITEM, "4", None)  # Moodle lists the person without a grade
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 1, 0)
    moment = now + NIGHT
    while campus.delivery().state == "wanted":
        campus.deliver(moment)
        moment = max(moment + SECOND, campus.delivery().next_try_at)
    assert standing(campus) == ("delivered", "emptied", None, None)
    calls = campus.calls()
    assert counts(compared(campus, now + 2 * NIGHT)) == ("done", 0, 0, 1)
    assert campus.deliver(now + 2 * NIGHT) == 0
    assert (standing(campus)[1], campus.calls(), campus.points()) == ("emptied", calls, None)


def test_another_maximum_with_the_same_share_is_the_same(campus: Campus, now: datetime) -> None:
    campus.take(now, wrong=1)
    campus.deliver(now)
    campus.lms.state.line_items[ITEM].maximum = 30
    campus.hold(raw=27, final=27, modified=epoch(now + HOUR))  # Moodle rescales, and touches the time
    assert counts(compared(campus, now + NIGHT)) == ("done", 1, 0, 0)
    assert standing(campus) == ("delivered", "same", 27, 30)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.SERVER_ERROR, "platform_error"),
        (FaultKind.UNAVAILABLE, "platform_error"),
        (FaultKind.TOO_MANY_REQUESTS, "busy"),
        (FaultKind.TIMEOUT, "unreachable"),
        (FaultKind.LOST_REPLY, "unreachable"),
        (FaultKind.UNAUTHORIZED, "unauthorised"),
    ],
)
def test_a_reading_that_breaks_off_changes_nothing_and_is_tried_again(
    campus: Campus, now: datetime, kind: FaultKind, code: str
) -> None:
    campus.take(now)
    campus.deliver(now)
    campus.lms.delete_grade(ITEM, "4")
    campus.lms.faults.add(Fault("results", kind, calls=2, seconds=0.05, retry_after="60"))
    moment = now + NIGHT
    row = compared(campus, moment)
    assert (counts(row), row.refusal, row.tries) == (("wanted", 0, 0, 0), code, 1)
    assert standing(campus) == ("delivered", None, None, None)
    assert row.next_try_at - moment >= (60 if kind in {"429", "503"} else 1) * SECOND
    assert compare_gradebooks(campus.database, campus.settings, row.next_try_at - SECOND) == 0
    campus.lms.faults.clear()
    assert compare_gradebooks(campus.database, campus.settings, row.next_try_at) == 1
    assert counts(newest(campus)) == ("done", 0, 1, 0)


def test_half_a_list_is_no_list(campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    campus.take(now)
    campus.deliver(now)
    request = PlatformHttp.request

    def cut(self: PlatformHttp, method: str, url: str, **how: Any) -> Any:
        reply = request(self, method, url, **how)
        return replace(reply, body=reply.body[: len(reply.body) // 2]) if "/results" in url else reply

    monkeypatch.setattr(PlatformHttp, "request", cut)
    row = compared(campus, now + NIGHT)
    assert (counts(row), row.refusal) == (("wanted", 0, 0, 0), "platform_error")
    assert standing(campus) == ("delivered", None, None, None)


def test_a_list_too_large_for_one_reply_is_read_person_by_person(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = PlatformHttp(OutgoingPolicy(allow_http_loopback=True, max_bytes=500))
    monkeypatch.setattr(connection, "platform_http", lambda _: small)
    campus.settings = replace(campus.settings, log_format="console", default_language="en")
    for who in ("staff", "newcomer"):
        campus.take(now, who=(who, "m1"))
    campus.deliver(now)
    campus.lms.delete_grade(ITEM, "4")
    campus.hold(raw=None, final=None)
    monkeypatch.setattr(job, "READING_SECONDS", 0.0)
    campus.lms.add_line_item("2", "padding", 1)
    big = {f"s{number}": Grade(1, 1, "x" * 50, epoch(now)) for number in range(9)}
    campus.lms.state.grades |= {(ITEM, sub): grade for sub, grade in big.items()}
    row = compared(campus, now + NIGHT)
    assert counts(row) == ("wanted", 0, 0, 0)  # no time for anybody
    monkeypatch.setattr(job, "READING_SECONDS", 45.0)
    assert compare_gradebooks(campus.database, campus.settings, now + NIGHT) == 1
    assert counts(newest(campus)) == ("done", 1, 1, 0)


def test_a_column_that_was_deleted_is_found_or_made_anew_and_filled(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.deliver(now)
    campus.lms.remove_line_item(ITEM)
    row = compared(campus, now + NIGHT)
    assert (counts(row), row.refusal) == (("wanted", 0, 0, 0), "line_item_gone")
    campus.deliver(now + NIGHT)  # finds none, and makes one
    assert compare_gradebooks(campus.database, campus.settings, row.next_try_at) == 1
    assert counts(newest(campus)) == ("done", 0, 1, 0)
    assert campus.deliver(row.next_try_at) == 1
    assert campus.points() == 10


def test_a_column_that_was_deleted_for_good_is_said(campus: Campus, now: datetime) -> None:
    campus.grant(SCORE_SCOPE, READ_SCOPE, "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly")
    campus.take(now)
    campus.deliver(now)
    campus.lms.remove_line_item(ITEM)
    compared(campus, now + NIGHT)
    campus.deliver(now + NIGHT)
    assert campus.state() == ("dead", "no_line_item")
    assert (newest(campus).state, newest(campus).refusal) == ("failed", "no_line_item")


def test_what_may_not_be_read_is_said(campus: Campus, now: datetime) -> None:
    campus.grant(SCORE_SCOPE)
    campus.take(now)
    campus.deliver(now)
    row = compared(campus, now + NIGHT)
    assert (row.state, row.refusal, campus.calls("results")) == ("failed", "scope_missing", 0)
    with campus.database.transaction() as session:
        session.execute(update(ResourceLink).values(ags_scopes=None))  # nobody said, so it is tried
    row = compared(campus, now + NIGHT)
    assert (row.state, row.refusal) == ("wanted", "token_refused")
    assert standing(campus) == ("delivered", None, None, None)


def test_a_platform_that_refuses_to_be_read_is_not_pressed(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.deliver(now)
    campus.lms.faults.add(Fault("results", FaultKind.CONFLICT))
    row = compared(campus, now + NIGHT)
    moment = row.next_try_at
    while row.state == "wanted":
        assert row.refusal == "results_refused"
        moment = row.next_try_at
        campus.lms.clock.set(moment)
        compare_gradebooks(campus.database, campus.settings, moment)
        row = newest(campus)
    assert (row.state, row.refusal, row.finished_at, row.tries) == ("failed", "results_refused", moment, REFUSED_TRIES)
    assert standing(campus) == ("delivered", None, None, None)
    assert compare_gradebooks(campus.database, campus.settings, now + 2 * NIGHT) == 0


def test_a_stopped_platform_is_not_read(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.deliver(now)
    with campus.database.transaction() as session:
        assert want_comparisons(session, campus.organisation.id, ACTOR, now) == 1
        session.execute(update(Platform).values(stopped_at=now))
        assert want_comparisons(session, campus.organisation.id, ACTOR, now) == 0
    assert compare_gradebooks(campus.database, campus.settings, now) == 0


def test_a_result_that_comes_while_the_gradebook_is_read_is_left_for_another_time(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus.take(now, wrong=6)
    campus.deliver(now)

    def be_overtaken(*call: Any) -> Any:
        held = read_results(*call)
        campus.take(now + HOUR, wrong=1)
        campus.deliver(now + HOUR)
        return held

    monkeypatch.setattr(job, "read_results", be_overtaken)
    assert counts(compared(campus, now + NIGHT)) == ("done", 0, 0, 0)
    assert standing(campus) == ("delivered", None, None, None)
    assert campus.points() == 9


def test_each_night_once_by_whichever_worker_comes_first(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.deliver(now)
    found = all_at_once(4, lambda _: want_nightly_comparisons(campus.database, campus.settings, now))
    assert sum(each for each in found if isinstance(each, int)) == 1
    assert len(errors_in(found)) <= 3  # at the slot's key
    assert want_nightly_comparisons(campus.database, campus.settings, now + HOUR) == 0
    assert newest(campus).wanted_by == "system:worker"
    assert want_nightly_comparisons(campus.database, campus.settings, now + NIGHT) == 0  # still wanted
    campus.lms.clock.set(now + NIGHT)
    compare_gradebooks(campus.database, campus.settings, now + NIGHT)
    assert newest(campus).state == "done"
    assert want_nightly_comparisons(campus.database, campus.settings, now + 2 * NIGHT) == 1


def test_a_killed_worker_leaves_the_comparison_to_the_next(
    campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(*_: Any) -> None:
        raise SystemExit

    campus.take(now)
    campus.deliver(now)
    with campus.database.transaction() as session:
        want_comparisons(session, campus.organisation.id, ACTOR, now)
    with monkeypatch.context() as patch:
        patch.setattr(job, "read_results", be_killed)
        with pytest.raises(SystemExit):
            compare_gradebooks(campus.database, campus.settings, now)
    campus.lms.clock.set(now + LEASE)
    assert compare_gradebooks(campus.database, campus.settings, now + LEASE - SECOND) == 0
    assert compare_gradebooks(campus.database, campus.settings, now + LEASE) == 1
    assert newest(campus).state == "done"


def test_old_failures_are_forgotten_and_deliveries_are_not(campus: Campus, now: datetime) -> None:
    campus.take(now)
    campus.lms.faults.add(Fault("scores", FaultKind.SERVER_ERROR, calls=1))
    campus.deliver(now)
    campus.deliver(campus.delivery().next_try_at)
    compared(campus, now + HOUR)
    launch(campus.database, campus.lms, ("staff", "m1"), now)
    with campus.database.transaction() as session:
        outcomes = select(ScoreTry.outcome).order_by(ScoreTry.id)
        assert session.scalars(outcomes).all() == ["platform_error", "delivered"]
        forget_old(session, now + KEPT)
        assert len(session.scalars(outcomes).all()) == 2
        forget_old(session, now + KEPT + NIGHT)
        assert session.scalars(outcomes).all() == ["delivered"]
        assert session.scalars(select(Reconciliation)).all() == []
