"""Faults on demand: the next calls, or a share of calls, to an endpoint go wrong in a chosen way."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from flask import Response, jsonify, request

ENDPOINTS = (
    "token", "lineitems", "lineitem", "results", "scores", "memberships", "jwks", "auth", "configuration",
    "registration",
)  # fmt: skip
_ids = count(1)


class FaultKind(StrEnum):
    """What goes wrong."""

    TOO_MANY_REQUESTS = "429"
    CONFLICT = "409"
    """Nothing is processed: the platform says that it holds something as new, which need not be so."""
    UNAUTHORIZED = "401"
    """Nothing is processed: the platform no longer knows the token."""
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "timeout"
    """Nothing is processed; after ``seconds`` the connection closes without a reply."""
    SLOW = "slow"
    """The call is processed and answered, ``seconds`` late."""
    LOST_REPLY = "lost-reply"
    """The call is processed, then the connection closes without a reply."""
    ERROR_AFTER = "error-after"
    """The call is processed, then 500 is answered."""
    CUT = "cut"
    """The call is processed; the connection closes after half of the reply's body."""
    TRICKLE = "trickle"
    """The call is processed; the reply comes byte by byte for ``seconds``, then the connection closes."""
    REDIRECT = "redirect"
    """Nothing is processed; 302 to ``location``."""
    HUGE = "huge"
    """Nothing is processed; 200 with ``HUGE_BYTES`` of white space, without a length."""
    NOT_JSON = "not-json"
    """Nothing is processed; 200 with a page of HTML."""
    ELSEWHERE = "elsewhere"
    """Processed; the addresses that the reply names lie below ``location``: endpoints, or the next page of a roster."""
    ENDLESS = "endless"
    """Processed; each page of the roster names one more."""


ONLY_AT: Mapping[FaultKind, tuple[str, ...]] = {
    FaultKind.ELSEWHERE: ("configuration", "memberships"),
    FaultKind.ENDLESS: ("memberships",),
}
"""Kinds that only some endpoints can have."""
HUGE_BYTES = 200_000_000


@dataclass
class Fault:
    """One fault switched on."""

    endpoint: str
    """One of ``ENDPOINTS``."""
    kind: FaultKind
    calls: int | None = None
    """How many calls it still hits; ``None`` for any number."""
    share: float = 1.0
    """Probability, 0 to 1, with which a call is hit."""
    retry_after: str = ""
    """Value of ``Retry-After`` with 429 and 503, in seconds or as an HTTP date; empty sends none."""
    seconds: float = 5.0
    """Delay of ``TIMEOUT`` and ``SLOW``."""
    after: int = 0
    """How many calls pass first: with 2, the third is the first that is hit."""
    location: str = "https://elsewhere.example.invalid"
    """Base address of ``ELSEWHERE``, address of ``REDIRECT``; may be a private one."""
    id: int = field(default_factory=lambda: next(_ids))
    served: int = 0
    """How many calls it has hit."""


class FaultBoard:
    """The faults that are switched on; the first that fits is served."""

    def __init__(self, seed: int = 1) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on.

        Raises:
            ValueError: There is no such endpoint, the endpoint cannot fail so, or the share is outside 0..1.
        """
        if fault.endpoint not in ENDPOINTS:
            raise ValueError(fault.endpoint)
        if fault.endpoint not in ONLY_AT.get(fault.kind, ENDPOINTS):
            raise ValueError(fault.kind)
        if not 0 <= fault.share <= 1:
            raise ValueError(fault.share)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault_id: int) -> None:
        """Switch one fault off; one that is off already does no harm."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.id != fault_id]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults = []

    def active(self) -> list[Fault]:
        """The faults that may still hit a call."""
        with self._lock:
            return [fault for fault in self._faults if fault.calls is None or fault.calls > 0]

    def all(self) -> list[Fault]:
        """Every fault that was not switched off, with how many calls it has hit."""
        with self._lock:
            return list(self._faults)

    def take(self, endpoint: str) -> Fault | None:
        """The fault that this call meets, if any; it counts down."""
        with self._lock:
            for fault in self._faults:
                if fault.endpoint != endpoint or fault.calls == 0 or self._random.random() >= fault.share:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.served += 1
                if fault.calls is not None:
                    fault.calls -= 1
                return fault
        return None


def serve_with_fault(fault: Fault | None, serve: Callable[[], Response]) -> Response:
    """Serve the call, with the fault before, after or instead of it."""
    if fault is None:
        return serve()
    if fault.kind.isdigit():
        return _error(int(fault.kind), fault.retry_after)
    if fault.kind in _INSTEAD:
        return _INSTEAD[fault.kind](fault)
    if fault.kind is FaultKind.SLOW:
        time.sleep(fault.seconds)
    response = serve()
    return _AFTER[fault.kind](fault, response) if fault.kind in _AFTER else response


def address_elsewhere(issuer: str, address: str, fault: Fault | None) -> str:
    """The address, below the fault's ``location`` in place of the issuer where that is the fault."""
    if fault is None or fault.kind is not FaultKind.ELSEWHERE:
        return address
    return fault.location.rstrip("/") + address.removeprefix(issuer)


def _time_out(fault: Fault) -> Response:
    time.sleep(fault.seconds)
    return _hang_up()


def _redirect(fault: Fault) -> Response:
    return Response("", 302, {"Location": fault.location}, content_type="text/html; charset=utf-8")


def _huge(fault: Fault) -> Response:
    piece = b" " * 65536
    return Response((piece for _ in range(HUGE_BYTES // len(piece))), content_type="application/json")


def _cut(fault: Fault, response: Response) -> Response:
    body = response.get_data()
    half = Response(iter([body[: len(body) // 2]]), response.status, response.headers)
    half.headers["Content-Length"] = str(len(body))
    return half


def _trickle(fault: Fault, response: Response) -> Response:
    body = response.get_data()

    def drops() -> Iterator[bytes]:
        end = time.monotonic() + fault.seconds
        for place in range(len(body) - 1):
            if time.monotonic() >= end:
                return
            time.sleep(0.1)
            yield body[place : place + 1]

    slow = Response(drops(), response.status, response.headers)
    slow.headers["Content-Length"] = str(len(body))
    return slow


def _error(status: int, retry_after: str) -> Response:
    response = jsonify({"status": status})
    response.status_code = status
    if retry_after and status in {429, 503}:
        response.headers["Retry-After"] = retry_after
    return response


def _hang_up() -> Response:
    """Close the connection under the reply; where there is no connection (a test client), answer 500."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return _error(500, "")


_INSTEAD: Mapping[FaultKind, Callable[[Fault], Response]] = {
    FaultKind.TIMEOUT: _time_out,
    FaultKind.REDIRECT: _redirect,
    FaultKind.HUGE: _huge,
    FaultKind.NOT_JSON: lambda fault: Response("<!DOCTYPE html>\n<title>Error</title>\n"),
}
_AFTER: Mapping[FaultKind, Callable[[Fault, Response], Response]] = {
    FaultKind.LOST_REPLY: lambda fault, response: _hang_up(),
    FaultKind.ERROR_AFTER: lambda fault, response: _error(500, ""),
    FaultKind.CUT: _cut,
    FaultKind.TRICKLE: _trickle,
}
