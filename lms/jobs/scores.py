"""Sending wanted scores to the platforms: claim in one short transaction, send outside of any, note what came of it.

Source: lti.md §4; LTI Assignment and Grade Services 2.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lms.config import Settings
from lms.jobs.crews import Done
from lms.jobs.offices import Errand, breakdown_of, office_of, send_out
from lms.lti.access_tokens import AccessTokenFault
from lms.lti.connection import PlatformServices
from lms.lti.http import OutgoingFault
from lms.lti.scores import (
    SCORE_SCOPE,
    Conflict,
    Delivered,
    Delivery,
    Gone,
    PlatformResult,
    Refused,
    ResultFault,
    Retry,
    Score,
    is_same_share,
    read_result,
    send_score,
)
from lms.services.outbox import (
    OF_THE_PLATFORM,
    Claimed,
    Outcome,
    bring_forward,
    claim,
    due_platforms,
    hand_back,
    settle,
)
from lms.store.base import Database

BATCH = 40
"""Scores that a platform's crew gets at once."""
SENDING_SECONDS = 45.0


def deliver_scores(database: Database, settings: Settings, now: datetime) -> int:
    """Send what is due to each platform, and note what came of it; return how many scores were tried.

    A platform that does not answer in time stays busy: what comes of it is noted by a later call.
    """
    return sum(_note(database, found, now) for found in send_out(database, settings, SCORES, now))


def _note(database: Database, found: Sequence[Done[tuple[PlatformServices, Claimed], Outcome]], now: datetime) -> int:
    """Note what came of some tries; return how many there were."""
    platforms = office_of(database).platforms
    tried = [(each.task[1], each.outcome) for each in found if each.outcome is not None]
    well_again = {
        claimed.platform_id
        for claimed, outcome in tried
        if outcome.is_call
        and platforms.note(
            claimed.platform_id, breakdown_of(outcome.refusal, outcome.after_seconds), now, claimed.delivery_id
        )
    }
    with database.transaction() as session:
        left = settle(session, tried, now)
        hand_back(session, [each.task[1] for each in found if each.outcome is None and each.error is None])
        for platform_id in well_again:
            bring_forward(session, platform_id, now)
    for one in left:
        with database.transaction() as session:
            settle(session, [one], now)
    for each in found:
        if each.error is not None:
            raise each.error
    return len(tried)


def _is_failure(outcome: Outcome) -> bool:
    return outcome.refusal in OF_THE_PLATFORM


def _send(services: PlatformServices, claimed: Claimed) -> Outcome:
    if claimed.line_item_url is None:
        return Outcome("dead", "no_line_item", is_call=False)
    if claimed.scopes and SCORE_SCOPE not in claimed.scopes:
        return Outcome("dead", "scope_missing", is_call=False)
    # A timestamp in the future would block every later score on Moodle 4.5, seen 2026-11.
    if claimed.timestamp > claimed.claimed_at:
        return Outcome("wanted", None, retry_at=claimed.timestamp, is_call=False)
    score = Score(claimed.user_id, claimed.mark, claimed.maximum, claimed.comment, claimed.timestamp)
    delivery = send_score(
        services.http, services.tokens, claimed.registration, claimed.line_item_url, score, claimed.claimed_at
    )
    if isinstance(delivery, Conflict):
        return _reconcile(services, claimed)
    if isinstance(delivery, Delivered) and claimed.was_lost:
        return _look_again(services, claimed)
    return _judge(delivery, claimed)


def _judge(delivery: Delivery, claimed: Claimed) -> Outcome:
    if isinstance(delivery, Delivered):
        return Outcome("delivered", None, claimed.timestamp)
    if isinstance(delivery, Refused):
        return Outcome("dead", delivery.reason.value)
    if isinstance(delivery, Gone):
        return Outcome("wanted", "line_item_gone")
    assert isinstance(delivery, Retry)  # noqa: S101 - the one kind that is left; this tells mypy
    after = delivery.after_seconds
    wait = None if after is None else claimed.claimed_at + timedelta(seconds=after)
    return Outcome("wanted", delivery.reason.value, None, wait, after_seconds=after)


def _reconcile(services: PlatformServices, claimed: Claimed) -> Outcome:
    """Answer a 409: the platform holds a score of the same second or later. Read it, then be content or come after it."""
    try:
        held = _read_back(services, claimed)
    except (ResultFault, AccessTokenFault, OutgoingFault):
        try:  # it has just answered: once more costs less than another round
            held = _read_back(services, claimed)
        except (ResultFault, AccessTokenFault, OutgoingFault):
            return Outcome("wanted", "conflict")
    if held is not None and _is_wanted(held, claimed):
        return Outcome("delivered", None, held.timestamp or claimed.timestamp)
    now = claimed.claimed_at
    after = max(claimed.timestamp, held.timestamp if held and held.timestamp else now)
    return Outcome("wanted", "conflict", after, max(now, after + timedelta(seconds=1)))


def _look_again(services: PlatformServices, claimed: Claimed) -> Outcome:
    """See whether a score that was lost is there now: a grade that a teacher emptied stays so, and is answered 200."""
    try:
        held = _read_back(services, claimed)
    except (ResultFault, AccessTokenFault, OutgoingFault):
        return Outcome("delivered", None, claimed.timestamp)
    if held is None:
        return Outcome("delivered", None, claimed.timestamp, standing="emptied")
    is_wanted = _is_wanted(held, claimed)
    standing = "same" if is_wanted else "overridden"
    return Outcome("delivered", None, claimed.timestamp, standing=standing, held=(held.score, held.maximum))


def _read_back(services: PlatformServices, claimed: Claimed) -> PlatformResult | None:
    assert claimed.line_item_url is not None  # noqa: S101 - checked before sending; this tells mypy
    return read_result(
        services.http,
        services.tokens,
        claimed.registration,
        claimed.line_item_url,
        claimed.user_id,
        claimed.claimed_at,
    )


def _is_wanted(held: PlatformResult, claimed: Claimed) -> bool:
    return is_same_share(held, claimed.mark, claimed.maximum)


SCORES = Errand("scores", due_platforms, claim, _send, _is_failure, BATCH, SENDING_SECONDS)
