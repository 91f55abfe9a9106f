"""Launches while the platform's keys hang, move, are no keys or lie where nobody may go: answered in time, and told why.

Over real sockets; the guarded client has tests of its own beside these.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select

from lms.lti.http import OutgoingPolicy, PlatformHttp, PlatformTimedOut
from lms.lti.keysets import KeysetSource
from lms.services.keysets import StoredKeysets
from lms.store.base import Database
from lms.store.platforms import Platform, PlatformKeyset
from tests.lti.refused import *  # noqa: F403 - its fixture
from tests.lti.refused import Refused
from tests.lti.spoilt import launch
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import STAFF, RunningTool
from tests.web.visits import LAUNCH, LMS, Browser, KeyRoom, StandingClock, answer_of, audit_events

SILENCE, WHOLE = 0.3, 0.6
"""Seconds that the client waits here, instead of 5 and 10."""
SLACK = 1.5
"""Seconds that a busy machine may take beyond."""

Answer = Callable[[socket.socket], None]


def nothing(_connection: socket.socket) -> None:
    time.sleep(WHOLE + SLACK)


def drop_by_drop(connection: socket.socket) -> None:
    """Send a byte again and again: never silent, never done."""
    for sign in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
        connection.sendall(bytes([sign]))
        time.sleep(SILENCE / 4)


def says(status: str, body: bytes, *headers: str) -> Answer:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


@dataclass
class Address:
    """An address on this machine at which somebody answers in one way."""

    port: int
    asked: int = 0


@pytest.fixture
def served() -> Iterator[Callable[[Answer], Address]]:
    """Serves an answer from a thread."""
    listeners: list[socket.socket] = []

    def serve(answer: Answer) -> Address:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        address = Address(listener.getsockname()[1])

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    address.asked += 1
                    with closing(connection), suppress(OSError):
                        connection.recv(4096)
                        answer(connection)

        threading.Thread(target=run, daemon=True).start()
        return address

    yield serve
    for listener in listeners:
        listener.close()


@pytest.fixture
def asking(tool: RunningTool) -> Iterator[Callable[[str, PlatformHttp], None]]:
    """Lets the tool ask a real address for the platform's keys."""
    before = tool.app.extensions["akashi"]

    def ask(url: str, http: PlatformHttp) -> None:
        tool.app.extensions["akashi"] = replace(before, keysets=KeysetSource(http, StoredKeysets(tool.database)))
        with tool.database.transaction() as session:
            session.scalars(select(Platform)).one().keyset_url = url

    yield ask
    tool.app.extensions["akashi"] = before


@pytest.fixture
def answering(
    served: Callable[[Answer], Address], asking: Callable[[str, PlatformHttp], None]
) -> Callable[[Answer], Address]:
    """Lets the platform's key-set address answer in one way, and the tool ask it with less patience."""

    def answer_so(answer: Answer) -> Address:
        address = served(answer)
        policy = OutgoingPolicy(allow_http_loopback=True, timeout_seconds=SILENCE, total_seconds=WHOLE)
        asking(f"http://127.0.0.1:{address.port}/keys", PlatformHttp(policy))
        return address

    return answer_so


@pytest.mark.parametrize(
    "how",
    [
        pytest.param((nothing, "PlatformTimedOut"), id="hanging"),
        pytest.param((drop_by_drop, "PlatformTimedOut"), id="drop-by-drop"),
        pytest.param((says("500 Oh", b""), "status_500"), id="500"),
        pytest.param((says("200 OK", b"<html>", "Content-Type: text/html"), "malformed"), id="html"),
        pytest.param((says("200 OK", b'{"keys":[]}'), "malformed"), id="no-keys"),
        pytest.param((says("200 OK", b" " * 1_000_001), "ReplyTooLarge"), id="huge"),
        pytest.param(
            (says("302 Found", b"", "Location: http://127.0.0.1:9/keys"), "RedirectRefused"), id="moved-to-this-machine"
        ),
        pytest.param((lambda connection: connection.close(), "PlatformUnreachable"), id="hanging-up"),
    ],
)
def test_a_launch_is_answered_in_time_and_the_reason_noted(
    client: Browser,
    lms: PracticeLms,
    tool_database: Database,
    refused: Refused,
    answering: Callable[[Answer], Address],
    how: tuple[Answer, str],
) -> None:
    answer, reason = how
    address = answering(answer)
    form = answer_of(client, lms, STAFF, "core")
    start = time.monotonic()
    response = client.post(LAUNCH, data=form)
    assert time.monotonic() - start < WHOLE + SLACK
    refused(response, 503, "keys_unavailable")
    assert audit_events(tool_database, "launch.refused")[-1].facts["reason"] == reason
    assert address.asked == 1
    with tool_database.reading() as session:
        assert [row.document for row in session.scalars(select(PlatformKeyset))] == [], "nothing of it is kept"


@pytest.mark.parametrize("found", ["10.1.2.3", "169.254.169.254", "127.0.0.1", "::1", "fd00::1", "::ffff:192.168.0.1"])
def test_keys_at_an_address_of_the_inner_network_are_not_asked_for(
    client: Browser,
    lms: PracticeLms,
    tool_database: Database,
    refused: Refused,
    asking: Callable[[str, PlatformHttp], None],
    found: str,
) -> None:
    asking(f"{LMS}/keys", PlatformHttp(OutgoingPolicy(), resolver=lambda _host, _port: ["203.0.113.7", found]))
    refused(launch(client, lms), 503, "keys_unavailable")
    assert audit_events(tool_database, "launch.refused")[-1].facts["reason"] == "AddressRefused"


def test_good_keys_that_are_due_to_be_read_again_serve_while_the_platform_hangs(
    client: Browser,
    lms: PracticeLms,
    clock: StandingClock,
    answering: Callable[[Answer], Address],
) -> None:
    assert launch(client, lms).status_code == 303
    address = answering(nothing)
    clock.advance(25 * 3600)
    start = time.monotonic()
    assert [launch(client, lms).status_code for _ in range(3)] == [303] * 3
    assert time.monotonic() - start < WHOLE + 2 * SLACK
    assert address.asked == 1, "and it is asked once in half a minute"


def test_after_a_change_of_keys_during_an_outage_the_same_launch_gets_in_later(
    client: Browser, lms: PracticeLms, clock: StandingClock, key_room: KeyRoom, refused: Refused
) -> None:
    assert launch(client, lms).status_code == 303
    clock.advance(5)
    lms.rotate_key()
    form = answer_of(client, lms, STAFF, "core")
    key_room.fault = PlatformTimedOut(LMS)
    refused(client.post(LAUNCH, data=form), 503, "keys_unavailable", sessions=1)
    key_room.fault = None
    asked = len(key_room.asked)
    refused(client.post(LAUNCH, data=form), 503, "keys_unavailable", sessions=1)
    assert len(key_room.asked) == asked, "the platform was asked less than half a minute ago"
    clock.advance(31)
    assert client.post(LAUNCH, data=form).status_code == 303
