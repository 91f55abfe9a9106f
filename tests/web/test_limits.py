"""Limits count refusals and nothing else: guessing is slowed down, and a university behind one address comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lms.store.base import Database
from lms.web import limits
from lms.web.limits import EXTENSION, RULES, Limits, Rule
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import STAFF, Launched, RunningTool
from tests.web.visits import LAUNCH, LOGIN, Browser, StandingClock, answer_of, audit_events, page_of, session_count

FEW = {name: Rule(rule.endpoints, 3, rule.per_minute, rule.is_guarded) for name, rule in RULES.items()}


@pytest.fixture(autouse=True)
def few(tool: RunningTool) -> Iterator[None]:
    """The tool with limits of three; the application is shared with tests that want none."""
    before = tool.app.extensions[EXTENSION]
    tool.app.extensions[EXTENSION] = Limits(FEW)
    yield
    tool.app.extensions[EXTENSION] = before


def refused_launch(browser: Browser, address: str = "192.0.2.7") -> int:
    return browser.post(
        LAUNCH, data={"state": "guess", "id_token": "x"}, headers={"X-Forwarded-For": address}
    ).status_code


def test_refused_launches_are_bounded_and_noted_no_more(client: Browser, tool_database: Database) -> None:
    assert [refused_launch(client) for _ in range(5)] == [401, 401, 401, 429, 429]
    assert len(audit_events(tool_database, "request.refused")) == 3
    [limited] = audit_events(tool_database, "request.limited")
    assert limited.facts == {"endpoint": "launches.launch"}
    assert "192.0.2" not in str(limited.facts) + limited.actor


def test_the_answer_says_when_to_come_again(client: Browser) -> None:
    for _ in range(3):
        refused_launch(client)
    response = client.post(LAUNCH, data={"state": "guess"}, headers={"X-Forwarded-For": "192.0.2.7"})
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    assert "短い時間に" in page_of(response)


def test_whoever_would_get_in_gets_in_from_an_address_beyond_its_limit(
    lms: PracticeLms, launched: Launched, client: Browser, new_browser: Callable[[], Browser], tool_database: Database
) -> None:
    for _ in range(5):
        refused_launch(client, "127.0.0.1")
    assert refused_launch(client, "127.0.0.1") == 429
    for _ in range(20):
        assert launched(STAFF).response.status_code == 303, "launches from the same address"
    assert session_count(tool_database) == 20
    replay = answer_of(client, lms, STAFF, "core")
    assert client.post(LAUNCH, data=replay).status_code == 303
    assert client.post(LAUNCH, data=replay).status_code == 429, "a copy is refused as before, and answered shortly"


def test_logins_and_launches_have_one_limit_and_other_addresses_their_own(client: Browser) -> None:
    for _ in range(3):
        assert client.post(LOGIN, data={"iss": "https://x.example.invalid"}).status_code == 400
    assert client.post(LOGIN, data={"iss": "https://x.example.invalid"}).status_code == 429
    assert refused_launch(client, "127.0.0.1") == 429
    assert refused_launch(client, "192.0.2.8") == 401


def test_refusals_become_free_again(client: Browser, clock: StandingClock) -> None:
    for _ in range(4):
        refused_launch(client)
    clock.advance(1)
    assert [refused_launch(client) for _ in range(3)] == [401, 401, 429]
    clock.advance(-3600)
    assert refused_launch(client) == 429, "a clock that was set back frees nothing"


GUARDED = [
    ("verify", "/verify?code=0000-0000-0000-0001"),
    ("invitation", "/pledge/no-such-invitation"),
    ("registration", "/lti/register/no-such-invitation?openid_configuration=https://lms.example.invalid/x"),
]


@pytest.mark.parametrize(("name", "path"), GUARDED, ids=[name for name, _ in GUARDED])
def test_codes_and_secrets_are_not_even_looked_up_beyond_the_limit(
    client: Browser, clock: StandingClock, tool: RunningTool, monkeypatch: pytest.MonkeyPatch, name: str, path: str
) -> None:
    assert RULES[name].is_guarded
    assert [client.get(path).status_code for _ in range(3)] == [404, 404, 404]
    endpoint = RULES[name].endpoints[0]
    looked_up: list[str] = []
    view = tool.app.view_functions[endpoint]

    def watched(**values: str) -> object:
        looked_up.append(endpoint)
        return view(**values)

    watched.permission = None  # type: ignore[attr-defined]  # as the guard wants it
    monkeypatch.setitem(tool.app.view_functions, endpoint, watched)
    response = client.get(path)
    assert (response.status_code, looked_up) == (429, [])
    assert response.headers["Retry-After"] == "10"
    clock.advance(10)
    assert client.get(path).status_code == 404
    assert looked_up == [endpoint]


def test_a_form_that_lacks_something_and_a_right_code_count_nothing(client: Browser) -> None:
    for _ in range(5):
        assert client.get("/verify").status_code == 200


def test_addresses_of_one_network_of_version_six_are_one(client: Browser) -> None:
    for host in ("1", "2", "3"):
        assert refused_launch(client, f"2001:db8:0:1::{host}") == 401
    assert refused_launch(client, "2001:db8:0:1:ffff::1") == 429
    assert refused_launch(client, "2001:db8:0:2::1") == 401
    assert refused_launch(client, "::ffff:192.0.2.9") == 401
    for odd in ("no address", "x" * 500):
        assert refused_launch(client, odd) == 401


def test_a_thousand_addresses_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 100)
    counts = Limits(FEW)
    for number in range(1000):
        counts.count("launches.launch", f"192.0.2.{number}", 0.0)
    assert len(counts._buckets) == 100


def test_every_limited_endpoint_exists_and_each_open_one_that_can_refuse_is_limited(tool: RunningTool) -> None:
    limited = {endpoint for rule in RULES.values() for endpoint in rule.endpoints}
    assert limited <= set(tool.app.view_functions)
    open_ones = {name for name, view in tool.app.view_functions.items() if view.permission is None}  # type: ignore[attr-defined]
    free = {
        "front_door",
        "health",
        "favicon",
        "static",
        "launches.jwks",
        "account_door.sign_in_page",
        "account_door.enter",
    }
    assert open_ones - limited == free, "signing in has its limits in the database"


def test_one_in_twenty_of_two_thousand_launches_may_fail_without_reaching_the_limit() -> None:
    counts = Limits()
    refused = 0
    for number in range(2000):  # in five minutes, one in twenty of them refused
        at = number * 300 / 2000
        if number % 20 == 0:
            refused += counts.seconds_to_wait("launches.launch", "192.0.2.1", at) > 0
            counts.count("launches.launch", "192.0.2.1", at)
    assert refused == 0
