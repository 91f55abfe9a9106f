"""The emergency door: one form, no frame, short sessions, every use noted and shown to the secretariat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lms.services.sign_in import FREE_FAILURES
from lms.store.base import Database
from tests.accounts import DOOR, NAME, PASSWORD, Account, make_account
from tests.conftest import NOW
from tests.web.conftest import RunningTool
from tests.web.visits import Browser, StandingClock, Visit, audit_events, cookies_set, page_of, session_count

STEP = timedelta(seconds=30)


@pytest.fixture
def account(tool: RunningTool) -> Account:
    return make_account(tool.database, tool.app.extensions["akashi"].settings.keys, NOW)


@pytest.fixture
def inside(account: Account, new_browser: Callable[[], Browser]) -> Visit:
    return account.sign_in(new_browser(), NOW)


def test_the_door_is_for_no_frame_and_no_cache_and_says_nothing_of_accounts(client: Browser, account: Account) -> None:
    response = client.get(DOOR)
    assert response.status_code == 200
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert NAME not in page_of(response)


def test_signing_in_opens_a_session_whose_cookie_is_for_our_own_pages_alone(client: Browser, account: Account) -> None:
    response = account.knock(client, NOW)
    [cookie] = cookies_set(response)
    assert cookie.startswith("__Host-s-")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    home = client.get(response.headers["Location"])
    page = page_of(home)
    assert home.status_code == 200
    assert "緊急用アカウントを使用中です" in page
    assert "frame-ancestors 'none'" in home.headers["Content-Security-Policy"]
    assert "マイ研修" not in page
    for closed in ("/attendance", "/people", "/modules"):
        assert closed not in page, "the bar shows only what the account may open"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://attacker.example.invalid"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_form_of_another_page_or_in_a_frame_is_refused(
    client: Browser, account: Account, headers: dict[str, str], tool_database: Database
) -> None:
    assert client.post(DOOR, data=account.fields(NOW), headers=headers).status_code == 403
    assert session_count(tool_database) == 0
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "https://akashi.example.invalid"}
    assert client.post(DOOR, data=account.fields(NOW), headers=own).status_code == 303, "the control"


def test_wrong_names_passwords_and_codes_get_the_same_page(client: Browser, account: Account) -> None:
    wrong = ({"login_name": "nobody"}, {"password": "wrong"}, {"code": "000000"})
    pages = []
    for changes in wrong:
        response = account.knock(client, NOW, **changes)
        assert response.status_code == 401
        pages.append(page_of(response).replace("nobody", NAME))
    assert len({page.partition("<main")[2] for page in pages}) == 1
    assert PASSWORD not in pages[0]


def test_too_many_tries_are_answered_with_when_to_come_again(client: Browser, account: Account) -> None:
    for _ in range(FREE_FAILURES):
        assert account.knock(client, NOW, password="wrong").status_code == 401
    locked = account.knock(client, NOW)
    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "30"
    assert "あと1分" in page_of(locked)


def test_a_session_ends_after_a_quarter_of_an_hour_without_use_and_after_two_hours(
    inside: Visit, clock: StandingClock
) -> None:
    for _ in range(8):
        clock.advance(14 * 60)
        assert inside.get("/account").status_code == 200
    clock.advance(9 * 60)
    over = inside.get("/account")
    assert over.status_code == 401
    assert DOOR in page_of(over), "whoever signed in is not sent to Moodle"


def test_without_use_a_session_is_over_after_fifteen_minutes(inside: Visit, clock: StandingClock) -> None:
    clock.advance(15 * 60)
    assert inside.get("/account").status_code == 401


def test_signing_out_ends_the_session(inside: Visit, tool_database: Database) -> None:
    assert inside.post("/account/sign-out").status_code == 303
    assert inside.get("/account").status_code == 401
    assert [each.actor for each in audit_events(tool_database, "account.signed_out")] == ["account:1"]


def test_the_language_is_kept(inside: Visit) -> None:
    response = inside.post("/account/language", {"language": "en", "back": inside.path("/account-uses")})
    assert response.headers["Location"].endswith("/account-uses")
    assert "You are using an emergency account." in page_of(inside.get("/account"))
    for outside in ("https://attacker.example.invalid", "//attacker.example.invalid", "/s/0000000000000000/"):
        away = inside.post("/account/language", {"language": "en", "back": outside})
        assert away.headers["Location"].endswith(inside.path("/account"))


def test_whoever_was_launched_finds_no_account_page(secretary: Visit) -> None:
    assert secretary.get("/account").status_code == 403
    assert secretary.post("/account/sign-out").status_code == 403
    assert secretary.get("/").status_code == 200


def test_the_secretariat_is_told_sees_what_was_opened_and_says_so(
    inside: Visit, secretary: Visit, tool_database: Database
) -> None:
    inside.get("/sessions/all")
    inside.post("/account/language", {"language": "ja"})
    assert "緊急用アカウントが使用されました" in page_of(secretary.get("/"))
    page = page_of(secretary.get("/account-uses"))
    assert NAME in page
    assert "<td>セッション</td><td>緊急用アカウント</td>" in page
    assert "badge-new" in page
    until = page.partition('name="until" value="')[2].partition('"')[0]
    assert secretary.post("/account-uses/seen", {"until": until}).status_code == 303
    assert "badge-new" not in page_of(secretary.get("/account-uses"))
    assert "緊急用アカウントが使用されました" not in page_of(secretary.get("/"))
    assert len(audit_events(tool_database, "account.uses_seen")) == 1


def test_an_account_does_not_say_of_itself_that_it_was_seen(inside: Visit) -> None:
    assert 'name="until"' not in page_of(inside.get("/account-uses"))
    assert inside.post("/account-uses/seen", {"until": "999999"}).status_code == 403


def test_failed_tries_stand_among_the_uses(client: Browser, account: Account, secretary: Visit) -> None:
    for _ in range(FREE_FAILURES):
        account.knock(client, NOW, code="000000")
    page = page_of(secretary.get("/account-uses"))
    assert "5回失敗しました" in page
    assert "途中で待機時間が設けられました" in page


def test_acknowledging_more_than_there_is_does_not_cover_what_comes(
    account: Account, secretary: Visit, new_browser: Callable[[], Browser]
) -> None:
    secretary.post("/account-uses/seen", {"until": "9" * 18})
    for odd in ("", "x", "-1", "9" * 19, "１"):
        assert secretary.post("/account-uses/seen", {"until": odd}).status_code == 303
    account.sign_in(new_browser(), NOW)
    assert "緊急用アカウントが使用されました" in page_of(secretary.get("/"))
