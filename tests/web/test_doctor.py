"""The system check on a page: what is wrong stands first, and only a button asks the platforms."""

from __future__ import annotations

import pytest

from lms.lti.http import PlatformHttp, PlatformUnreachable
from tests.accounts import make_account
from tests.conftest import NOW
from tests.web.conftest import RunningTool
from tests.web.visits import Browser, Visit, page_of


@pytest.fixture
def no_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were asked; nobody answers."""
    asked: list[str] = []

    def refuse(_self: PlatformHttp, _method: str, url: str, **_how: object) -> None:
        asked.append(url)
        raise PlatformUnreachable(url, "connection")

    monkeypatch.setattr(PlatformHttp, "request", refuse)
    return asked


def test_the_page_shows_what_is_wrong_and_asks_nobody(secretary: Visit, no_calls: list[str]) -> None:
    response = secretary.get("/doctor", headers={"X-Forwarded-For": "192.0.2.7"})
    shown = page_of(response)
    assert response.status_code == 200
    assert "動作中のワーカーがありません" in shown
    assert "プロキシは公開アドレスを正しく伝えています" in shown
    assert no_calls == []


def test_the_button_asks_the_platforms_and_our_own_address(secretary: Visit, no_calls: list[str]) -> None:
    shown = page_of(secretary.post("/doctor"))
    assert {"https://akashi.example.invalid/lti/jwks", "https://lms.example.invalid/mod/lti/certs.php"} <= set(no_calls)
    assert "プラットフォームに問い合わせました" in shown


def test_a_proxy_that_does_not_hand_on_the_address_is_found(secretary: Visit) -> None:
    shown = page_of(secretary.get("/doctor", headers={"X-Forwarded-Host": "other.example.invalid"}))
    assert "https://other.example.invalid" in shown
    assert "全員が127.0.0.1からの要求" in page_of(secretary.get("/doctor")), "no X-Forwarded-For"


def test_an_emergency_account_may_look_and_a_member_of_staff_may_not(
    tool: RunningTool, client: Browser, staff: Visit
) -> None:
    account = make_account(tool.database, tool.app.extensions["akashi"].settings.keys, NOW)
    inside = account.sign_in(client, NOW)
    assert inside.get("/doctor").status_code == 200
    assert "/doctor" in page_of(inside.get("/account"))
    assert staff.get("/doctor").status_code == 403


def test_nothing_of_another_organisation_is_told(secretary: Visit, other_lms: object) -> None:
    shown = page_of(secretary.get("/doctor"))
    assert "betsu" not in shown
    assert "別組織のLMS" not in shown
