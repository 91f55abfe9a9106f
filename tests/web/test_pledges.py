"""Signing pledges: from the frame to a window of its own, the form, the receipt, and each refusal by its own page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lms.services.signing import LAUNCH_FRESH
from lms.store.base import Database
from lms.store.launches import HandoverTicket, ResourceLink
from lms.store.outbox import ScoreDelivery
from lms.store.pledges import PledgeDecline, PledgeSignature
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, STAFF, Launched
from tests.web.visits import Browser, StandingClock, Visit, audit_events, contents, page_of, path_of

KEY = "confidentiality"
NAME = "架空 花子"


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the signing form."""
    found = dict(re.findall(r'<input type="hidden" name="([a-z_0-9]+)" value="([^"]*)"', page))
    return {name: found[name] for name in ("text_id", "sha256", "text_language", "signer") if name in found}


def filled(visit: Visit, key: str = KEY, **changes: str) -> dict[str, str]:
    """Return the form as filled in."""
    page = page_of(visit.get(f"/pledges/{key}/sign"))
    return {**fields_of(page), "accepted": "yes", "typed_name": NAME, "action": "sign", **changes}


def signatures(database: Database, person: str | None = None) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(PledgeSignature)) or 0


@pytest.fixture
def window(launched: Launched) -> Visit:
    """A launch in a window of its own."""
    return launched(STAFF, "core-window")


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_a_pledge_is_signed_and_the_receipt_shows_the_record(
    window: Visit, tool_database: Database, database_kind: str
) -> None:
    before = signatures(tool_database)
    response = window.post(f"/pledges/{KEY}/sign", filled(window))
    page = page_of(window.browser.get(path_of(response)))
    for expected in ("架空 花子", "00101", "総務係", "事務補佐員", "2026-11-23 12:00:00 JST", "2026-11-23T03:00:00Z"):
        assert expected in page
    assert re.search(r"E-[0-9a-f]{16}", page)
    assert re.search(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", page)
    assert signatures(tool_database) == before + 1
    mine = page_of(window.get("/pledges"))
    assert "signature-in_force" in mine


def test_the_text_shown_is_the_one_that_is_hashed(window: Visit, tool_database: Database) -> None:
    from html import unescape

    from courses.pledges import text_hash

    for language in ("ja", "en"):
        page = window.get(f"/pledges/{KEY}/sign?text={language}").get_data(as_text=True)
        shown = re.search(r'<div class="pledge-text">(.*?)</div>', page, re.DOTALL)
        assert shown is not None
        assert text_hash(unescape(shown[1])) == fields_of(page)["sha256"]


def test_the_signing_page_may_be_framed_by_nobody_and_a_frame_is_sent_back(window: Visit, launched: Launched) -> None:
    address = f"/pledges/{KEY}/sign"
    assert "frame-ancestors 'none'" in window.get(address).headers["Content-Security-Policy"]
    assert path_of(window.get(address, headers={"Sec-Fetch-Dest": "iframe"})).endswith("/pledges")
    framed = launched(STAFF, "core")
    assert path_of(framed.get(address)).endswith("/pledges")
    assert "frame-ancestors https://lms." in framed.get("/pledges").headers["Content-Security-Policy"]


def hand_over(framed: Visit, browser: Browser, **headers: str) -> TestResponse:
    page = page_of(framed.post(f"/pledges/{KEY}/window"))
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket is not None
    return browser.post("/lti/window", data={"ticket": ticket[1], "pledge_key": KEY}, headers=headers)


def test_a_ticket_carries_the_frames_session_into_a_window(
    launched: Launched, new_browser: Callable[[], Browser], tool_database: Database
) -> None:
    framed, browser = launched(STAFF, "core"), new_browser()
    response = hand_over(framed, browser)
    address = path_of(response)
    assert address.split("/")[2] != framed.handle
    own = Visit(browser, address.split("/")[2], address, response)
    assert own.post(f"/pledges/{KEY}/sign", filled(own)).status_code == 303
    with tool_database.reading() as session:
        row = session.scalars(select(PledgeSignature).order_by(PledgeSignature.id.desc())).first()
        assert row is not None
        assert row.launched_at == session.scalars(select(HandoverTicket)).one().created_at
        assert row.platform_issuer == "https://lms.example.invalid"


def test_a_ticket_serves_once_within_a_minute_and_from_our_own_page(
    launched: Launched, new_browser: Callable[[], Browser], clock: StandingClock, tool_database: Database
) -> None:
    framed = launched(STAFF, "core")
    page = page_of(framed.post(f"/pledges/{KEY}/window"))
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]  # type: ignore[index]
    sent = {"ticket": ticket, "pledge_key": KEY}
    foreign = new_browser().post("/lti/window", data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 401
    assert new_browser().post("/lti/window", data=sent, headers={"Sec-Fetch-Dest": "iframe"}).status_code == 401
    assert new_browser().post("/lti/window", data=sent).status_code == 303
    for code, data in (("ticket_used", sent), ("ticket_unknown", {"ticket": "x"})):
        response = new_browser().post("/lti/window", data=data)
        assert response.status_code == 409
        assert code in page_of(response)
        assert audit_events(tool_database)[-1].facts["code"] == code
    late = page_of(framed.post(f"/pledges/{KEY}/window"))
    ticket = re.search(r'name="ticket" value="([^"]+)"', late)[1]  # type: ignore[index]
    clock.advance(61)
    assert "ticket_expired" in page_of(new_browser().post("/lti/window", data={"ticket": ticket}))


def test_a_window_grows_no_younger_than_its_launch(
    launched: Launched, new_browser: Callable[[], Browser], clock: StandingClock
) -> None:
    framed, browser = launched(STAFF, "core"), new_browser()
    clock.advance(LAUNCH_FRESH.total_seconds() - 10)
    address = path_of(hand_over(framed, browser))
    assert browser.get(address).status_code == 200
    clock.advance(11)
    assert browser.get(address).status_code == 409


Change = Callable[[dict[str, str]], dict[str, Any]]

REFUSED: list[tuple[str, Change, int, str]] = [
    ("another person", lambda form: {"signer": "2"}, 409, "form_of_another"),
    ("nobody", lambda form: {"signer": "x"}, 409, "form_of_another"),
    ("wrong hash", lambda form: {"sha256": "0" * 64}, 422, "text_hash_wrong"),
    ("the other language's hash", lambda form: {"text_language": "en"}, 422, "text_hash_wrong"),
    ("an outdated text", lambda form: {"text_id": "1"}, 409, "text_outdated"),
    ("no such text", lambda form: {"text_id": "999999"}, 404, "pledge_unknown"),
]


@pytest.mark.parametrize(("what", "change", "status", "code"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_form_that_may_not_sign_is_refused_by_name(
    window: Visit, tool_database: Database, what: str, change: Change, status: int, code: str
) -> None:
    form = filled(window)
    before = contents(tool_database)
    response = window.post(f"/pledges/{KEY}/sign", form | change(form))
    assert response.status_code == status
    assert audit_events(tool_database)[-1].facts["code"] == code
    assert contents(tool_database) == before


def test_signing_in_a_frame_or_after_the_fresh_minutes_or_twice_is_refused(
    window: Visit, launched: Launched, clock: StandingClock, tool_database: Database
) -> None:
    form = filled(window)
    framed = launched(STAFF, "core")
    before = contents(tool_database)
    in_a_frame = window.post(f"/pledges/{KEY}/sign", form, headers={"Sec-Fetch-Dest": "iframe"})
    assert (in_a_frame.status_code, "signing_framed" in page_of(in_a_frame)) == (409, True)
    assert framed.post(f"/pledges/{KEY}/sign", form).status_code == 409
    assert contents(tool_database) == before
    assert window.post(f"/pledges/{KEY}/sign", form).status_code == 303
    assert "already_signed" in page_of(window.post(f"/pledges/{KEY}/sign", form))
    clock.advance(LAUNCH_FRESH.total_seconds() + 1)
    stale = window.post("/pledges/leaving/sign", form)
    assert (stale.status_code, "launch_stale" in page_of(stale)) == (409, True)
    kinds = [event.facts.get("code") for event in audit_events(tool_database)]
    assert kinds[-4:] == ["signing_framed", "signing_framed", "already_signed", "launch_stale"]


def test_an_account_without_a_person_signs_nothing(launched: Launched, tool_database: Database) -> None:
    stranger = launched("unlinked", "core-window")
    assert "職員名簿" in page_of(stranger.get("/pledges"))
    assert stranger.get(f"/pledges/{KEY}/sign").status_code == 409
    before = signatures(tool_database)
    refused = stranger.post(f"/pledges/{KEY}/sign", {"text_id": "1", "signer": "1"})
    assert (refused.status_code, "signer_unknown" in page_of(refused)) == (409, True)
    assert signatures(tool_database) == before


def test_without_tick_or_name_the_form_comes_back_as_filled_in(window: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    for change in ({"accepted": ""}, {"typed_name": " "}):
        response = window.post(f"/pledges/{KEY}/sign", filled(window, **change))
        assert response.status_code == 422
        assert 'role="alert"' in page_of(response)
    assert contents(tool_database) == before


def test_a_differing_name_is_asked_about_once_and_not_blocked(window: Visit, tool_database: Database) -> None:
    form = filled(window, typed_name="架空 はな子")
    response = window.post(f"/pledges/{KEY}/sign", form)
    page = page_of(response)
    assert response.status_code == 422
    assert 'name="confirmed_name" value="架空 はな子"' in page
    assert window.post(f"/pledges/{KEY}/sign", form | {"confirmed_name": "架空 はな子"}).status_code == 303


def test_a_decline_stays_owed_and_is_recorded(window: Visit, tool_database: Database) -> None:
    response = window.post(f"/pledges/{KEY}/sign", filled(window, action="decline", reason="読み直します"))
    assert path_of(response).endswith("/pledges")
    with tool_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PledgeDecline)) == 2
    assert f"/pledges/{KEY}/sign" in page_of(window.get("/pledges"))


def test_the_paper_is_a_pdf_of_ones_own_record_alone(window: Visit, launched: Launched) -> None:
    receipt = path_of(window.post(f"/pledges/{KEY}/sign", filled(window)))
    pdf = window.browser.get(f"{receipt}/record.pdf")
    assert pdf.data.startswith(b"%PDF")
    assert "attachment" in pdf.headers["Content-Disposition"]
    other = launched(OTHER_STAFF, "core-window")
    inside = receipt.split("/", 3)[3]
    assert other.get(f"/{inside}").status_code == 404
    assert other.get(f"/{inside}/record.pdf").status_code == 404
    assert other.post(f"/{inside}/withdraw").status_code == 404


def test_the_signer_withdraws_and_may_sign_anew(window: Visit) -> None:
    receipt = path_of(window.post(f"/pledges/{KEY}/sign", filled(window)))
    inside = "/" + receipt.split("/", 3)[3]
    assert window.post(f"{inside}/withdraw", {"reason": "誤って署名"}).status_code == 303
    assert "signature-withdrawn" in page_of(window.browser.get(receipt))
    assert "already_withdrawn" in page_of(window.post(f"{inside}/withdraw"))
    assert window.post(f"/pledges/{KEY}/sign", filled(window)).status_code == 303


def test_the_code_of_a_record_is_verified_by_anybody_without_a_name(window: Visit, client: Browser) -> None:
    receipt = page_of(window.browser.get(path_of(window.post(f"/pledges/{KEY}/sign", filled(window)))))
    code = re.search(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", receipt)[0]  # type: ignore[index]
    found = client.get("/verify", query_string={"code": code.lower()})
    page = page_of(found)
    assert found.status_code == 200
    assert "2026年11月23日" in page
    assert fields_of(page_of(window.get("/pledges/vendor/sign")))["sha256"] not in page
    for personal in ("架空", "花子", "00101", "総務係"):
        assert personal not in page.replace("架空大学", "")
    assert client.get("/verify", query_string={"code": "0000-0000-0000-0000"}).status_code == 404
    assert client.get("/verify").status_code == 200


def test_an_activity_opens_ones_pledges(launched: Launched) -> None:
    assert launched(STAFF, "pledges").landing.endswith("/pledges")


def test_what_a_requirement_asks_stands_among_what_is_to_be_signed(window: Visit) -> None:
    page = page_of(window.get("/pledges"))
    assert "署名をお願いするもの" in page
    assert "期限" in page
    assert window.post(f"/pledges/{KEY}/sign", filled(window)).status_code == 303
    assert "署名をお願いするもの" not in page_of(window.get("/pledges"))


def points_of(database: Database, key: str) -> list[tuple[int, int, int]]:
    """What activities that open a page should hold: mark, maximum, version."""
    with database.reading() as session:
        rows = session.execute(
            select(ScoreDelivery.mark, ScoreDelivery.maximum, ScoreDelivery.wanted_version)
            .join(ResourceLink, ResourceLink.id == ScoreDelivery.resource_link_pk)
            .where(ResourceLink.opens == key)
        )
        return [(mark, maximum, version) for mark, maximum, version in rows]


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_the_activity_of_pledges_gets_its_point_when_nothing_is_owed_any_more(
    launched: Launched, window: Visit, tool_database: Database
) -> None:
    launched(STAFF, "pledges")
    assert points_of(tool_database, "pledges") == []
    owed = re.findall(r"/pledges/([a-z-]+)/window", page_of(window.get("/pledges"))) or [KEY]
    for key in owed:
        assert points_of(tool_database, "pledges") == []
        assert window.post(f"/pledges/{key}/sign", filled(window, key)).status_code == 303
    assert points_of(tool_database, "pledges") == [(1, 1, 1)]
    launched(STAFF, "pledges")
    assert points_of(tool_database, "pledges") == [(1, 1, 1)]


def test_a_declined_pledge_earns_nothing(launched: Launched, window: Visit, tool_database: Database) -> None:
    launched(STAFF, "pledges")
    assert window.post(f"/pledges/{KEY}/sign", filled(window, action="decline", reason="x")).status_code == 303
    assert points_of(tool_database, "pledges") == []
