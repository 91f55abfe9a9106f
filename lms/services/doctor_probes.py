"""Asking platforms, and our own address, whether they answer: all at once, through the guarded client, in bounded time.

Nothing here holds a database transaction: what is to be asked is read before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.config import Settings
from lms.lti.access_tokens import AccessTokenFault, AccessTokens, ScopesNotGranted, TokenRefused
from lms.lti.connection import probing_http
from lms.lti.http import HttpReply, OutgoingFault, OutgoingRefused, PlatformHttp
from lms.lti.id_tokens import Registration
from lms.lti.keysets import KeysetMalformed, parse_keyset
from lms.lti.tool_facts import SCOPES, SCORE_SCOPE, ToolFacts
from lms.lti.tool_keys import ToolKeyring
from lms.services.findings import Area, Finding, good, looked, note, unknown, wrong
from lms.services.launches import registration_of
from lms.store.platforms import Platform

LONGEST = 15.0
"""Seconds for all questions together."""
_AT_ONCE = 8
CLOCK_NOTE, CLOCK_WRONG = timedelta(seconds=20), timedelta(seconds=60)
"""A launch of Moodle is good for 60 seconds, and it takes no assertion from its future."""


@dataclass(frozen=True, slots=True)
class Question:
    """A platform to be asked."""

    name: str
    registration: Registration
    scopes: frozenset[str]
    """What it has granted; what we ask for where it never said."""


def questions_for(session: Session, organisation_id: int) -> list[Question]:
    """Return the platforms of an organisation that are in use, or are to be."""
    rows = session.scalars(
        select(Platform)
        .where(Platform.organisation_id == organisation_id, Platform.stopped_at.is_(None))
        .order_by(Platform.id)
    ).all()
    return [
        Question(
            row.name, registration_of(session, row), frozenset(row.scopes or ()) & set(SCOPES) or frozenset(SCOPES)
        )
        for row in rows
    ]


def probe(settings: Settings, questions: list[Question], now: datetime) -> list[Finding]:
    """Ask all platforms and our own address; what has not answered in time is said to be unknown."""
    http, keys = probing_http(settings), ToolKeyring(settings.keys)
    begun = time.monotonic()
    looks: dict[str, Callable[[], list[Finding]]] = {
        settings.base_url: partial(looked, Area.SETTINGS, partial(_own, http, keys, settings))
    }
    for each in questions:
        looks[each.name] = partial(looked, Area.PLATFORMS, partial(_platform, http, keys, each, (now, begun)))
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor")
    asked = {name: pool.submit(look) for name, look in looks.items()}
    wait(asked.values(), timeout=LONGEST)
    pool.shutdown(wait=False, cancel_futures=True)  # each call ends by itself within its five seconds
    found = []
    for name, future in asked.items():
        is_answered = future.done() and not future.cancelled()
        found += future.result() if is_answered else [unknown(Area.PLATFORMS, "probe_late", name=name)]
    return found


def _own(http: PlatformHttp, keys: ToolKeyring, settings: Settings) -> Iterator[Finding]:
    area, address = Area.SETTINGS, ToolFacts(settings.base_url).keyset_url
    try:
        reply = http.request("GET", address, headers={"Accept": "application/json"})
    except OutgoingRefused as refused:
        yield unknown(area, "own_not_asked", address=address, reason=refused.reason)
        return
    except OutgoingFault as fault:
        yield wrong(area, "own_unreachable", address=address, reason=fault.reason)
        return
    published = _kids(reply)
    if published is None:
        yield wrong(area, "own_unreachable", address=address, reason=f"status {reply.status}")
    elif published != {key["kid"] for key in keys.public_jwks()["keys"]}:
        yield wrong(area, "own_other_keys", address=address)
    else:
        yield good(area, "own_good", address=address)


def _kids(reply: HttpReply) -> set[str] | None:
    try:
        return {key["kid"] for key in json.loads(reply.body)["keys"]} if reply.status == 200 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _platform(
    http: PlatformHttp, keys: ToolKeyring, asked: Question, clock: tuple[datetime, float]
) -> Iterator[Finding]:
    yield from _keyset(http, asked, clock)
    yield _token(http, keys, asked, clock[0])


def _keyset(http: PlatformHttp, asked: Question, clock: tuple[datetime, float]) -> Iterator[Finding]:
    facts = {"name": asked.name, "address": asked.registration.keyset_url}
    try:
        reply = http.request("GET", asked.registration.keyset_url, headers={"Accept": "application/json"})
        if reply.status != 200:
            yield wrong(Area.PLATFORMS, "keyset_unreachable", **facts, reason=f"status {reply.status}")
            return
        parse_keyset(reply.body.decode())
    except OutgoingFault as fault:
        yield wrong(Area.PLATFORMS, "keyset_unreachable", **facts, reason=_reason(fault))
        return
    except (UnicodeDecodeError, KeysetMalformed):
        yield wrong(Area.PLATFORMS, "keyset_malformed", **facts)
        return
    yield good(Area.PLATFORMS, "keyset_good", **facts)
    now, begun = clock
    yield from _clock(asked.name, reply.headers.get("date"), now + timedelta(seconds=time.monotonic() - begun))


def _clock(name: str, date: str | None, now: datetime) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date or "")
        apart = abs(theirs - now)
    except (ValueError, TypeError):
        return
    facts = {"name": name, "seconds": int(apart.total_seconds())}
    if apart > CLOCK_WRONG:
        yield wrong(Area.PLATFORMS, "clock_apart", **facts)
    elif apart > CLOCK_NOTE:
        yield note(Area.PLATFORMS, "clock_apart", **facts)
    else:
        yield good(Area.PLATFORMS, "clock_good", **facts)


def _token(http: PlatformHttp, keys: ToolKeyring, asked: Question, now: datetime) -> Finding:
    area, facts = Area.PLATFORMS, {"name": asked.name, "address": asked.registration.token_url}
    try:
        AccessTokens(http, keys).token(asked.registration, asked.scopes, now)
    except ScopesNotGranted as lacking:
        names = ", ".join(sorted(each.rpartition("/")[2] for each in lacking.missing))
        return (wrong if SCORE_SCOPE in lacking.missing else note)(area, "scopes_missing", **facts, scopes=names)
    except TokenRefused as refused:
        return wrong(area, "token_refused", **facts, reason=f"{refused.status} {refused.code}")
    except AccessTokenFault as fault:
        return wrong(area, "token_refused", **facts, reason=type(fault).__name__)
    except OutgoingFault as fault:
        return wrong(area, "token_unreachable", **facts, reason=_reason(fault))
    return good(area, "token_good", **facts)


def _reason(fault: OutgoingFault) -> str:
    return f"{type(fault).__name__} {fault.reason}".strip()
