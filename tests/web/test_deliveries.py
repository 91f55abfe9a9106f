"""The page of grades on their way: what waits, was refused or differs, and what its buttons do."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from lms.services.deliveries import DeliveryFilter, Kind, count_deliveries, list_deliveries
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import Reconciliation, ScoreDelivery, ScoreTry
from lms.store.platforms import Platform
from tests.accounts import make_account
from tests.conftest import NOW
from tests.web.conftest import OTHER_STAFF, SECRETARY, STAFF, Launched, RunningTool
from tests.web.papers import start
from tests.web.visits import Browser, Visit, audit_events, page_of, path_of

PEOPLE = (STAFF, OTHER_STAFF, "00104")


def pass_test(tool: RunningTool, visit: Visit) -> str:
    """Take the test, and return the path of the result."""
    sitting = start(visit, tool.database)
    sitting.answer_all()
    return path_of(sitting.submit())


@pytest.fixture
def results(tool: RunningTool, launched: Launched) -> list[str]:
    """Three people have taken the test from an activity; return the paths of their results."""
    return [pass_test(tool, launched(person)) for person in PEOPLE]


def change(tool: RunningTool, number: int, **values: Any) -> int:
    """Change the delivery of one of these people as the worker would; return its key."""
    with tool.database.transaction() as session:
        row = session.scalars(
            select(ScoreDelivery)
            .join(LtiIdentity, LtiIdentity.id == ScoreDelivery.identity_id)
            .where(LtiIdentity.claimed_staff_number == PEOPLE[number])
        ).one()
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


def delivery(tool: RunningTool, delivery_id: int) -> ScoreDelivery:
    with tool.database.reading() as session:
        return session.get_one(ScoreDelivery, delivery_id)


def test_each_grade_stands_with_its_reason_and_what_to_do(
    tool: RunningTool, secretary: Visit, results: list[str]
) -> None:
    change(tool, 0, state="dead", refusal="not_gradable")
    change(tool, 1, state="delivered", standing="overridden", held_score=5, held_maximum=10, delivered_at=NOW, compared_at=NOW)  # fmt: skip
    change(tool, 2, refusal="unreachable", tries=3, next_try_at=NOW + timedelta(minutes=5))
    page = page_of(secretary.get("/deliveries"))
    for sentence in (
        "Moodleではこの人に評点を付けられません",
        "教師がMoodleで別の評点を付けました",
        "Moodleが時間内に応答しませんでした",
        "試行3回",
        "5 / 10",
    ):
        assert sentence in page, sentence
    for person in PEOPLE:
        assert person in page
    dead = page_of(secretary.get("/deliveries?kind=dead"))
    assert STAFF in dead
    assert OTHER_STAFF not in dead
    assert OTHER_STAFF in page_of(secretary.get("/deliveries?kind=differing&code=overridden"))
    assert OTHER_STAFF not in page_of(secretary.get("/deliveries?code=unreachable"))
    assert secretary.get("/deliveries?kind=nonsense").status_code == 400
    assert secretary.get("/deliveries?page=99&platform=abc").status_code == 200


def test_the_page_is_the_secretariats(staff: Visit, launched: Launched) -> None:
    assert staff.get("/deliveries").status_code == 403
    assert "/deliveries" not in page_of(staff.get("/"))
    assert "/deliveries" in page_of(launched(SECRETARY).get("/identities")), "beside the other rooms of Moodle"


def test_one_is_sent_again(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    key = change(tool, 0, state="dead", refusal="other", tries=4, set_aside_at=NOW, set_aside_by="person:1")
    answer = secretary.post(f"/deliveries/{key}/again", {"kind": "dead"})
    assert answer.status_code == 303
    assert "kind=dead" in answer.headers["Location"]
    row = delivery(tool, key)
    assert (row.state, row.refusal, row.tries, row.next_try_at, row.set_aside_at) == ("wanted", None, 0, NOW, None)
    assert audit_events(tool.database, "delivery.sent_again")[-1].facts == {"delivery": key}


def test_one_that_differs_is_sent_anew_and_looked_at_again(
    tool: RunningTool, secretary: Visit, results: list[str]
) -> None:
    key = change(tool, 0, state="delivered", standing="overridden", wanted_version=2, sent_version=2)
    secretary.post(f"/deliveries/{key}/again")
    row = delivery(tool, key)
    assert (row.state, row.standing, row.wanted_version, row.sent_version) == ("wanted", "lost", 3, 2)


def test_one_is_put_aside_and_taken_back(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    key = change(tool, 0, state="dead", refusal="not_gradable")
    answer = secretary.post(f"/deliveries/{key}/aside")
    assert delivery(tool, key).set_aside_at == NOW
    assert (delivery(tool, key).set_aside_by or "").startswith("person:")
    assert "取消し" in page_of(secretary.browser.get(answer.headers["Location"]))
    assert STAFF not in page_of(secretary.get("/deliveries?kind=dead"))
    assert STAFF in page_of(secretary.get("/deliveries?kind=aside"))
    secretary.post(f"/deliveries/{key}/back")
    assert delivery(tool, key).set_aside_at is None
    assert [audit_events(tool.database, f"delivery.{kind}")[-1].facts["delivery"] for kind in ("put_aside", "taken_back")] == [key] * 2  # fmt: skip


def test_what_is_no_dead_letter_is_not_put_aside(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    key = change(tool, 0, state="delivered", delivered_at=NOW)
    secretary.post(f"/deliveries/{key}/aside")
    assert delivery(tool, key).set_aside_at is None


def test_all_of_a_reason_are_put_aside_and_that_is_undone(
    tool: RunningTool, secretary: Visit, results: list[str]
) -> None:
    same = [change(tool, number, state="dead", refusal="not_gradable") for number in (0, 1)]
    other = change(tool, 2, state="dead", refusal="forbidden")
    secretary.post("/deliveries/aside", {"kind": "dead", "code": "not_gradable"})
    assert [delivery(tool, key).set_aside_at for key in (*same, other)] == [NOW, NOW, None]
    assert audit_events(tool.database, "delivery.all_put_aside")[-1].facts["count"] == 2
    tool.clock.advance(60)
    secretary.post(f"/deliveries/{other}/aside")
    secretary.post("/deliveries/back", {"at": NOW.isoformat()})
    assert [delivery(tool, key).set_aside_at is None for key in (*same, other)] == [True, True, False]
    for nonsense in ("", "yesterday", "2026-11-23T12:00:00"):
        assert secretary.post("/deliveries/back", {"at": nonsense}).status_code == 303


def test_all_of_a_reason_are_sent_again(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    same = [change(tool, number, state="dead", refusal="no_line_item") for number in (0, 1)]
    other = change(tool, 2, state="dead", refusal="forbidden")
    with tool.database.transaction() as session:
        session.execute(update(ResourceLink).values(line_item_tries=3, line_item_wait_until=NOW + timedelta(hours=1)))
    secretary.post("/deliveries/again", {"kind": "dead", "code": "no_line_item"})
    assert [delivery(tool, key).state for key in (*same, other)] == ["wanted", "wanted", "dead"]
    with tool.database.reading() as session:
        assert set(session.scalars(select(ResourceLink.line_item_wait_until))) == {None}
    assert audit_events(tool.database, "delivery.all_sent_again")[-1].facts == {
        "count": 2, "kind_of": "dead", "code": "no_line_item", "platform": None,
    }  # fmt: skip


def test_gradebooks_are_compared_when_somebody_asks(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    change(tool, 0, state="delivered", delivered_at=NOW)
    assert "まだ照合していません" in page_of(secretary.get("/deliveries"))
    secretary.post("/deliveries/compare")
    with tool.database.transaction() as session:
        row = session.scalars(select(Reconciliation)).one()
        assert (row.state, row.wanted_at) == ("wanted", NOW)
        assert row.wanted_by.startswith("person:")
        row.state, row.finished_at, row.same, row.lost, row.overridden = "done", NOW, 40, 2, 1
    page = page_of(secretary.get("/deliveries"))
    for sentence in ("一致40件", "送り直し2件", "教師による変更1件"):
        assert sentence in page
    with tool.database.transaction() as session:
        row = session.scalars(select(Reconciliation)).one()
        row.state, row.refusal = "failed", "scope_missing"
    assert "評点の送信が許可されていません" in page_of(secretary.get("/deliveries"))


def test_the_file_holds_what_the_page_shows(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    change(tool, 0, state="dead", refusal="not_gradable")
    answer = secretary.get("/deliveries/export.csv?kind=dead")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    head, _, body = answer.get_data(as_text=True).lstrip("\ufeff").partition("\r\n\r\n")
    assert "kind,dead" in head
    (row,) = csv.DictReader(io.StringIO(body))
    assert (row["staff_number"], row["kind"], row["code"]) == (STAFF, "dead", "not_gradable")
    assert row["reason"].startswith("Moodleではこの人に")


def test_tries_are_told(tool: RunningTool, secretary: Visit, results: list[str]) -> None:
    key = change(tool, 0, refusal="busy", tries=12)
    with tool.database.transaction() as session:
        for number in range(12):
            session.add(
                ScoreTry(
                    organisation_id=delivery(tool, key).organisation_id,
                    delivery_id=key,
                    at=NOW,
                    version=1,
                    timestamp=NOW,
                    mark=9,
                    maximum=10,
                    outcome="delivered" if number == 11 else "busy",
                )
            )
    page = page_of(secretary.get("/deliveries"))
    assert "送信の記録 (10)" in page
    assert page.count("9 / 10 – Moodleが混み合っています") == 9
    assert "9 / 10 – 受領済み" in page


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"state": "wanted"}, "Moodleに送信中"),
        ({"state": "wanted", "tries": 2, "refusal": "busy"}, "届くまで自動で送り直します"),
        ({"state": "wanted", "standing": "lost"}, "失われていたため"),
        ({"state": "delivered", "delivered_at": NOW}, "Moodleに送信済み"),
        ({"state": "delivered", "delivered_at": NOW, "standing": "overridden", "held_score": 5.5, "held_maximum": 10}, "10点満点中5.5点"),
        ({"state": "delivered", "delivered_at": NOW, "standing": "emptied"}, "空欄または非表示"),
        ({"state": "dead", "refusal": "not_gradable"}, "コースの教師"),
        ({"state": "dead", "refusal": "no_line_item"}, "評定項目がありません"),
        ({"state": "dead", "refusal": "forbidden"}, "事務局が確認"),
        ({"state": "dead", "refusal": "forbidden", "set_aside_at": NOW}, "事務局が確認"),
    ],
)  # fmt: skip
def test_learners_read_what_really_happened(
    tool: RunningTool, launched: Launched, values: dict[str, Any], sentence: str
) -> None:
    visit = launched(STAFF)
    path = pass_test(tool, visit)
    change(tool, 0, **values)
    page = page_of(visit.browser.get(path))
    assert sentence in page


def test_learners_read_that_the_connection_is_stopped(tool: RunningTool, launched: Launched) -> None:
    visit = launched(STAFF)
    path = pass_test(tool, visit)
    with tool.database.transaction() as session:
        session.execute(update(Platform).values(stopped_at=NOW))
    with tool.database.reading() as session:
        organisation = session.scalars(select(Organisation)).one()
        (row,) = list_deliveries(session, organisation.id, DeliveryFilter(Kind.WAITING))
        assert row.is_stopped
        assert [(each.kind, each.count) for each in count_deliveries(session, organisation.id)] == [(Kind.WAITING, 1)]
    answer = visit.browser.get(path)
    assert answer.status_code == 401 or "現在停止中" in page_of(answer)


def test_an_emergency_account_mends_deliveries_and_sees_nobodys_name_or_points(
    tool: RunningTool, new_browser: Callable[[], Browser], results: list[str]
) -> None:
    key = change(tool, 0, state="dead", refusal="forbidden")
    account = make_account(tool.database, tool.app.extensions["akashi"].settings.keys, NOW)
    inside = account.sign_in(new_browser(), NOW)
    page = page_of(inside.get("/deliveries"))
    assert f"評点{key}" in page
    file = inside.get("/deliveries/export.csv").get_data(as_text=True)
    for person in PEOPLE:
        assert person not in page
        assert person not in file
    assert "10 / 10" not in page
    inside.post(f"/deliveries/{key}/again")
    assert delivery(tool, key).state == "wanted"
    assert audit_events(tool.database, "delivery.sent_again")[-1].actor.startswith("account:")
