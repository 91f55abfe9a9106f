"""How many refusals an address may bring about: guessing is slowed down, and refusals don't fill the log of events.

Successes are never counted: two thousand people who launch at nine through one proxy are two thousand successes. Two ways:

- *Bounded*: steps of a launch. Beyond the limit a refusal is answered 429 and noted no more; whoever would get in gets in.
  What they present - state, ticket, signed token - cannot be guessed.
- *Guarded*: addresses with a code or a secret in them. Beyond the limit nothing is looked up.

Counts are kept in this process's memory: several processes allow so many times as much. Signing in to an emergency
account has its own limits, in the database.

Source: quality.md §5; docs/adr/0015-limits-count-refusals.md; RFC 6585 section 4.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Flask, Response, current_app, request

from lms.services.audit import note
from lms.web.request import end_reading, now, tool

EXTENSION: Final = "akashi_limits"
MOST_ADDRESSES: Final = 10_000


class TooManyRefusalsError(Exception):
    """This address has brought about too many refusals of a kind."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        """Until the next one is looked at."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit on some endpoints together."""

    endpoints: tuple[str, ...]
    burst: int
    """Refusals at once."""
    per_minute: float
    """Refusals that become free again."""
    is_guarded: bool = False


RULES: Final[Mapping[str, Rule]] = {
    "launch": Rule(("launches.login", "launches.login_check", "launches.launch"), 300, 120),
    "handover": Rule(("pledge_window.take_window",), 300, 120),
    "invitation": Rule(("invited.page", "invited.answer"), 60, 6, is_guarded=True),
    "registration": Rule(("registration.page", "registration.register"), 60, 6, is_guarded=True),
    "verify": Rule(("verify.verify",), 60, 6, is_guarded=True),
}
"""Of two thousand launches in five minutes one in twenty may go wrong: a hundred. Nobody mistypes sixty codes."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    is_told: bool = False


class Limits:
    """The counts of one process, by rule and address."""

    def __init__(self, rules: Mapping[str, Rule] = RULES) -> None:
        """Begin with full buckets."""
        self._rules = dict(rules)
        self._rule_of = {endpoint: name for name, rule in self._rules.items() for endpoint in rule.endpoints}
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def rule_of(self, endpoint: str | None) -> Rule | None:
        """Return the rule that an endpoint falls under."""
        name = self._rule_of.get(endpoint or "")
        return None if name is None else self._rules[name]

    def seconds_to_wait(self, endpoint: str | None, address: str, at: float) -> int:
        """Return how long an address waits at an endpoint; 0: it need not."""
        name = self._rule_of.get(endpoint or "")
        if name is None or (name, address) not in self._buckets:
            return 0
        rule = self._rules[name]
        with self._lock:
            bucket = self._filled(name, address, at)
        return 0 if bucket.left >= 1 else max(1, math.ceil((1 - bucket.left) * 60 / rule.per_minute))

    def count(self, endpoint: str | None, address: str, at: float) -> bool:
        """Count a refusal; tell whether it is the one with which a limit is reached."""
        name = self._rule_of.get(endpoint or "")
        if name is None:
            return False
        with self._lock:
            bucket = self._filled(name, address, at)
            bucket.left = max(0.0, bucket.left - 1)
            if bucket.left >= 1 or bucket.is_told:
                return False
            bucket.is_told = True
        return True

    def _filled(self, name: str, address: str, at: float) -> _Bucket:
        rule = self._rules[name]
        bucket = self._buckets.get((name, address))
        if bucket is None:
            if len(self._buckets) >= MOST_ADDRESSES:
                self._buckets.popitem(last=False)  # the one that was quiet for longest
            bucket = self._buckets[name, address] = _Bucket(float(rule.burst), at)
        self._buckets.move_to_end((name, address))
        # A clock that was set back fills nothing.
        bucket.left = min(float(rule.burst), bucket.left + max(0.0, at - bucket.at) * rule.per_minute / 60)
        bucket.at = at
        bucket.is_told = bucket.is_told and bucket.left < rule.burst / 2
        return bucket


def init_app(app: Flask) -> None:
    """Look before a guarded view, and count after it."""
    app.extensions[EXTENSION] = Limits()
    app.before_request(_guard)
    app.after_request(_count_guarded)


def wait_after_refusal(status: int) -> int:
    """Count a refusal of a bounded endpoint; return the seconds to wait where there were too many before it."""
    limits, rule = _limits(), _limits().rule_of(request.endpoint)
    if rule is None or rule.is_guarded or not _is_refusal(status):
        return 0
    seconds = limits.seconds_to_wait(request.endpoint, _address(), _at())
    _count(limits)
    return seconds


def _is_refusal(status: int) -> bool:
    # 422 is a form that lacks something: whoever sends one had the right address.
    return 400 <= status < 500 and status not in {422, 429}


def _guard() -> None:
    limits = _limits()
    rule = limits.rule_of(request.endpoint)
    if rule is not None and rule.is_guarded:
        seconds = limits.seconds_to_wait(request.endpoint, _address(), _at())
        if seconds:
            raise TooManyRefusalsError(seconds)


def _count_guarded(response: Response) -> Response:
    limits = _limits()
    rule = limits.rule_of(request.endpoint)
    if rule is not None and rule.is_guarded and _is_refusal(response.status_code):
        _count(limits)
    return response


def _count(limits: Limits) -> None:
    if limits.count(request.endpoint, _address(), _at()):
        end_reading()
        with tool().database.transaction() as session:
            note(session, "request.limited", "anonymous", now(), None, endpoint=request.endpoint or "")


def _limits() -> Limits:
    found: Limits = current_app.extensions[EXTENSION]
    return found


def _at() -> float:
    return now().timestamp()


def _address() -> str:
    """Return whom a request is counted to: an IPv4 address, or the network of 64 bits that an IPv6 one comes from."""
    text = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
