"""Sending wanted scores to the platforms: claim in one short transaction, send outside of any, note what came of it.

Source: lti.md §4; LTI Assignment and Grade Services 2.0.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from lms.config import Settings
from lms.lti.access_tokens import AccessTokenFault
from lms.lti.connection import PlatformServices, platform_services
from lms.lti.http import OutgoingFault
from lms.lti.id_tokens import Registration
from lms.lti.scores import (
    Conflict,
    Delivered,
    Delivery,
    Gone,
    PlatformResult,
    Refused,
    ResultFault,
    Retry,
    Score,
    read_result,
    send_score,
)
from lms.services.launches import registration_of
from lms.services.scores import note_dead
from lms.store.attempts import AttemptResult
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform

_Row = TypeVar("_Row")

LEASE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)
BATCH = 20
SENDING_SECONDS = 60.0
"""After which a round begins no other score, so that the slowest platform is done before the lease is."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A score in one worker's hands."""

    delivery_id: int
    wanted_version: int
    registration: Registration
    line_item_url: str | None
    user_id: str
    mark: int
    maximum: int
    timestamp: datetime
    """When it was decided, or a second after the last score sent, whichever is later."""


def deliver_scores(database: Database, settings: Settings, now: datetime) -> int:
    """Send a batch of wanted scores; return how many were tried."""
    with database.reading() as session:  # an idle worker leaves the write lock to those who answer
        if session.scalar(_due(select(ScoreDelivery.id), now).limit(1)) is None:
            return 0
    with database.transaction() as session:
        batch = _claim(session, now)
    ends = time.monotonic() + SENDING_SECONDS
    tried = 0
    for claimed in batch:
        if time.monotonic() >= ends:
            break
        outcome = _send(platform_services(settings), claimed, now)
        with database.transaction() as session:
            _settle(session, claimed, outcome, now)
        tried += 1
    if tried < len(batch):
        with database.transaction() as session:
            _hand_back(session, [claimed.delivery_id for claimed in batch[tried:]])
    return tried


def _hand_back(session: Session, delivery_ids: list[int]) -> None:
    session.execute(update(ScoreDelivery).where(ScoreDelivery.id.in_(delivery_ids)).values(lease_until=None))


def _due(query: Select[_Row], now: datetime) -> Select[_Row]:
    """Narrow a select to the deliveries that a worker may take now."""
    return query.where(
        ScoreDelivery.state == "wanted",
        ScoreDelivery.next_try_at <= now,
        or_(ScoreDelivery.lease_until.is_(None), ScoreDelivery.lease_until <= now),
    )


def _claim(session: Session, now: datetime) -> list[Claimed]:
    rows = session.scalars(
        _due(select(ScoreDelivery), now)
        .order_by(ScoreDelivery.next_try_at, ScoreDelivery.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    claimed = []
    for row in rows:
        row.lease_until = now + LEASE
        link = session.get_one(ResourceLink, row.resource_link_pk)
        result = session.get_one(AttemptResult, row.result_id)
        timestamp = row.decided_at
        if row.sent_timestamp is not None:
            timestamp = max(timestamp, row.sent_timestamp + timedelta(seconds=1))
        claimed.append(
            Claimed(
                delivery_id=row.id,
                wanted_version=row.wanted_version,
                registration=registration_of(session, session.get_one(Platform, link.platform_id)),
                line_item_url=link.line_item_url,
                user_id=session.get_one(LtiIdentity, row.identity_id).sub,
                mark=result.mark,
                maximum=result.maximum,
                timestamp=timestamp,
            )
        )
    return claimed


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one try."""

    state: str
    refusal: str | None = None
    sent_timestamp: datetime | None = None
    retry_at: datetime | None = None


def _send(services: PlatformServices, claimed: Claimed, now: datetime) -> _Outcome:
    if claimed.line_item_url is None:
        return _Outcome("dead", "no_line_item")
    if claimed.timestamp > now:  # a timestamp in the future would block every later score on Moodle 4.5, seen 2026-11
        return _Outcome("wanted", None, None, claimed.timestamp)
    score = Score(claimed.user_id, claimed.mark, claimed.maximum, None, claimed.timestamp)
    delivery = send_score(services.http, services.tokens, claimed.registration, claimed.line_item_url, score, now)
    if isinstance(delivery, Conflict):
        return _reconcile(services, claimed, now)
    return _judge(delivery, claimed, now)


def _judge(delivery: Delivery, claimed: Claimed, now: datetime) -> _Outcome:
    if isinstance(delivery, Delivered):
        return _Outcome("delivered", None, claimed.timestamp)
    if isinstance(delivery, Refused):
        return _Outcome("dead", delivery.reason.value)
    if isinstance(delivery, Gone):
        return _Outcome("wanted", "line_item_gone")
    assert isinstance(delivery, Retry)  # noqa: S101 - the one kind that is left; this tells mypy
    wait = None if delivery.after_seconds is None else now + timedelta(seconds=delivery.after_seconds)
    return _Outcome("wanted", delivery.reason.value, None, wait)


def _reconcile(services: PlatformServices, claimed: Claimed, now: datetime) -> _Outcome:
    """Answer a 409: the platform holds a score of the same second or later. Read it, then be content or come after it."""
    assert claimed.line_item_url is not None  # noqa: S101 - checked before sending; this tells mypy
    try:
        held = read_result(
            services.http, services.tokens, claimed.registration, claimed.line_item_url, claimed.user_id, now
        )
    except (ResultFault, AccessTokenFault, OutgoingFault):
        return _Outcome("wanted", "conflict")
    if held is not None and _is_wanted(held, claimed):
        return _Outcome("delivered", None, held.timestamp or claimed.timestamp)
    after = max(claimed.timestamp, held.timestamp if held and held.timestamp else now)
    return _Outcome("wanted", "conflict", after, max(now, after + timedelta(seconds=1)))


def _is_wanted(held: PlatformResult, claimed: Claimed) -> bool:
    return abs(held.score * claimed.maximum - claimed.mark * held.maximum) < 0.01 * held.maximum


def _settle(session: Session, claimed: Claimed, outcome: _Outcome, now: datetime) -> None:
    row = session.get_one(ScoreDelivery, claimed.delivery_id, with_for_update=True)
    row.lease_until = None
    if outcome.sent_timestamp is not None:
        row.sent_timestamp = outcome.sent_timestamp
    if outcome.state == "delivered":
        row.sent_version = claimed.wanted_version
        row.delivered_at = now
    if row.wanted_version != claimed.wanted_version:  # a newer result came meanwhile: it is next
        row.state = "wanted"
        row.next_try_at = now
        return
    row.state = outcome.state
    row.refusal = outcome.refusal
    if outcome.state == "dead":
        note_dead(session, row, now)
    elif outcome.state == "wanted":
        row.tries += 1
        # Never without a growing pause: a platform may name a time again and again.
        row.next_try_at = max(now + _pause(row.tries), outcome.retry_at or now)


def _pause(tries: int) -> timedelta:
    """Return how long to wait after a number of failed tries: doubling from 2 seconds to 6 hours, with jitter."""
    seconds = min(2.0**tries, LONGEST_PAUSE.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
