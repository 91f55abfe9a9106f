"""The outbox's rows in a worker's hands: which are due, claiming them, and noting what came of each try.

A claim is a lease: what a killed worker held is taken over when it ends. Whoever comes back later than that changes
nothing any more but the time of the last score sent, which never goes back.

Source: lti.md §4 (outbox); architecture.md §2 (work in the background).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Select, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from courses.ledger import short_id
from lms.lti.id_tokens import Registration
from lms.services.audit import note
from lms.services.launches import registration_of
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.ledger import LedgerEvent
from lms.store.outbox import Reconciliation, ScoreDelivery, ScoreTry
from lms.store.platforms import Platform

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])

LEASE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)
STEADY_PAUSE = 300
"""Seconds between tries when it has failed a while, until it has failed so often that it may be for good."""
STEADY_TRIES = 20
KEPT = timedelta(days=90)
"""For which failed tries and finished comparisons are kept; delivered tries stay: an own score is known again by them."""
OWN_FAULT_TRIES = 5
OF_THE_PLATFORM = ("unreachable", "platform_error", "token_refused", "unauthorised")
"""Codes of tries that failed because the platform was out of order, not because of the score."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A score in one worker's hands."""

    delivery_id: int
    organisation_id: int
    wanted_version: int
    platform_id: int
    registration: Registration
    line_item_url: str | None
    scopes: tuple[str, ...]
    """What the platform lets us do, as last said; empty where it said nothing."""
    user_id: str
    mark: int
    maximum: int
    comment: str
    """Evidence id of the result, for whoever sees the grade."""
    timestamp: datetime
    """When it was decided, or a second after the last score sent, whichever is later."""
    was_lost: bool
    """Whether the platform had it once and lost it."""
    claimed_at: datetime
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try."""

    state: str
    """``wanted``, ``delivered`` or ``dead``."""
    refusal: str | None = None
    sent_timestamp: datetime | None = None
    retry_at: datetime | None = None
    is_call: bool = True
    """Whether anything was sent."""
    after_seconds: int | None = None
    """What the platform asked for."""
    standing: str | None = None
    held: tuple[float, float] | None = None
    """Points and maximum of a result that was read back and is not the one sent."""


def due(query: _Query, now: datetime) -> _Query:
    """Narrow a select of deliveries, joined with their activity and platform, to those that a worker may take now.

    An activity whose line item is still to be found waits for that; nothing is sent to a platform that was stopped.
    """
    return query.where(
        ScoreDelivery.state == "wanted",
        ScoreDelivery.next_try_at <= now,
        or_(ScoreDelivery.lease_until.is_(None), ScoreDelivery.lease_until <= now),
        or_(ResourceLink.line_item_url.is_not(None), ResourceLink.line_items_url.is_(None)),
        Platform.stopped_at.is_(None),
    )


def due_platforms(session: Session, now: datetime) -> list[int]:
    """Return the platforms that scores are due for."""
    return list(
        session.scalars(
            due(
                select(Platform.id)
                .join(ResourceLink, ResourceLink.platform_id == Platform.id)
                .join(ScoreDelivery, ScoreDelivery.resource_link_pk == ResourceLink.id),
                now,
            )
            .distinct()
            .order_by(Platform.id)
        )
    )


def claim(session: Session, platform_id: int, most: int, now: datetime) -> list[Claimed]:
    """Take a platform's scores that are due, the longest due first; a single one is the one that failed least often."""
    rows = session.execute(
        due(
            select(ScoreDelivery, ResourceLink, LtiIdentity.sub, LedgerEvent.leaf)
            .join(ResourceLink, ResourceLink.id == ScoreDelivery.resource_link_pk)
            .join(Platform, Platform.id == ResourceLink.platform_id)
            .join(LedgerEvent, LedgerEvent.id == ScoreDelivery.event_id)
            .join(LtiIdentity, LtiIdentity.id == ScoreDelivery.identity_id)
            .where(Platform.id == platform_id),
            now,
        )
        .order_by(*([ScoreDelivery.tries] if most == 1 else []), ScoreDelivery.next_try_at, ScoreDelivery.id)
        .limit(most)
        .with_for_update(of=ScoreDelivery, skip_locked=True)
    ).all()
    if not rows:
        return []
    registration = registration_of(session, session.get_one(Platform, platform_id))
    session.execute(
        update(ScoreDelivery).where(ScoreDelivery.id.in_([row.id for row, *_ in rows])).values(lease_until=now + LEASE)
    )
    return [
        Claimed(
            delivery_id=row.id,
            organisation_id=row.organisation_id,
            wanted_version=row.wanted_version,
            platform_id=platform_id,
            registration=registration,
            line_item_url=link.line_item_url,
            scopes=tuple(link.ags_scopes or ()),
            user_id=sub,
            mark=row.mark,
            maximum=row.maximum,
            comment=f"Akashi {short_id(leaf)}",
            timestamp=_timestamp(row),
            was_lost=row.standing == "lost",
            claimed_at=now,
            lease_until=now + LEASE,
        )
        for row, link, sub, leaf in rows
    ]


def _timestamp(row: ScoreDelivery) -> datetime:
    if row.sent_timestamp is None:
        return row.decided_at
    return max(row.decided_at, row.sent_timestamp + timedelta(seconds=1))


def hand_back(session: Session, claims: Sequence[Claimed]) -> None:
    """Give back what was not begun."""
    if claims:
        session.execute(
            update(ScoreDelivery)
            .where(
                ScoreDelivery.id.in_([each.delivery_id for each in claims]),
                ScoreDelivery.lease_until == claims[0].lease_until,
            )
            .values(lease_until=None)
        )


def settle(
    session: Session, settled: Sequence[tuple[Claimed, Outcome]], now: datetime
) -> list[tuple[Claimed, Outcome]]:
    """Note what came of tries; return those whose row somebody else has locked, to be settled one by one."""
    by_id = {claimed.delivery_id: (claimed, outcome) for claimed, outcome in settled}
    rows = session.scalars(
        select(ScoreDelivery)
        .where(ScoreDelivery.id.in_(by_id))
        .order_by(ScoreDelivery.id)
        # Never waiting for one row while holding another: a submitted test locks a person's rows in an order of its own.
        .with_for_update(skip_locked=len(settled) > 1)
    ).all()
    tries = []
    for row in rows:
        claimed, outcome = by_id.pop(row.id)
        _settle(session, row, claimed, outcome, now)
        if outcome.is_call:
            tries.append(_try(claimed, outcome, now))
    if tries:
        session.execute(insert(ScoreTry), tries)
    return list(by_id.values())


def _try(claimed: Claimed, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "organisation_id": claimed.organisation_id,
        "delivery_id": claimed.delivery_id,
        "at": now,
        "version": claimed.wanted_version,
        "timestamp": claimed.timestamp,
        "mark": claimed.mark,
        "maximum": claimed.maximum,
        "outcome": outcome.refusal or outcome.state,
    }


def _settle(session: Session, row: ScoreDelivery, claimed: Claimed, outcome: Outcome, now: datetime) -> None:
    if outcome.sent_timestamp is not None:
        row.sent_timestamp = max(outcome.sent_timestamp, row.sent_timestamp or outcome.sent_timestamp)
    if row.lease_until != claimed.lease_until:  # its time was over, and another worker has taken it since
        return
    row.lease_until = None
    if outcome.state == "delivered":
        row.sent_version = claimed.wanted_version
        row.delivered_at = now
        _note_standing(row, outcome)
    if outcome.refusal == "line_item_gone":
        _forget_line_item(session, row, claimed)
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
        row.next_try_at = max(now + pause(row.tries), outcome.retry_at or now)


def _note_standing(row: ScoreDelivery, outcome: Outcome) -> None:
    if outcome.standing is not None:
        row.standing = outcome.standing
        row.held_score, row.held_maximum = outcome.held or (None, None)
    elif row.standing not in {"overridden", "emptied"}:  # what a teacher did stands until the next comparison
        row.standing = row.held_score = row.held_maximum = None


def _forget_line_item(session: Session, row: ScoreDelivery, claimed: Claimed) -> None:
    """Let the line item be looked for anew, unless somebody has found another since."""
    session.execute(
        update(ResourceLink)
        .where(
            ResourceLink.id == row.resource_link_pk,
            ResourceLink.line_item_url == claimed.line_item_url,
            ResourceLink.line_items_url.is_not(None),
        )
        .values(line_item_url=None, line_item_wait_until=None)
        .execution_options(synchronize_session=False)
    )


def note_dead(session: Session, delivery: ScoreDelivery, now: datetime) -> None:
    """Append the audit event of a score that a platform refuses for good."""
    note(
        session,
        "score.refused",
        "system:worker",
        now,
        delivery.organisation_id,
        delivery=delivery.id,
        code=delivery.refusal,
    )


def pause(tries: int) -> timedelta:
    """Return how long to wait after a number of failed tries, with jitter.

    Doubling from 2 seconds to 5 minutes, then every 5 minutes for an hour - on a platform that fails now and then a score
    may just have been unlucky -, then doubling to 6 hours.
    """
    doublings = min(tries, 8) + max(0, tries - STEADY_TRIES)
    seconds = min(2.0 ** min(doublings, 30) * (1 if tries <= 8 else STEADY_PAUSE / 256), LONGEST_PAUSE.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret


def bring_forward(session: Session, platform_id: int, now: datetime) -> None:
    """Let everything that waits only because a platform was out of order be tried now: it answers again."""
    links = select(ResourceLink.id).where(ResourceLink.platform_id == platform_id)
    waiting = (
        select(ScoreDelivery.id)
        .where(
            ScoreDelivery.resource_link_pk.in_(links),
            ScoreDelivery.state == "wanted",
            ScoreDelivery.next_try_at > now,
            ScoreDelivery.refusal.in_(OF_THE_PLATFORM),
            # What it has answered with an error so often fails for a reason of its own, such as a locked grade.
            or_(ScoreDelivery.refusal != "platform_error", ScoreDelivery.tries < OWN_FAULT_TRIES),
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(ScoreDelivery)
        .where(ScoreDelivery.id.in_(waiting))
        .values(next_try_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ResourceLink)
        .where(
            ResourceLink.platform_id == platform_id,
            ResourceLink.line_item_url.is_(None),
            ResourceLink.line_item_tries > 0,
        )
        .values(line_item_wait_until=None)
    )


def give_up_activity(session: Session, link_pk: int, states: Sequence[str], code: str | None, now: datetime) -> None:
    """Let what is meant for an activity that has no line item be seen by an operator; a launch wants it again."""
    rows = session.scalars(
        select(ScoreDelivery)
        .where(ScoreDelivery.resource_link_pk == link_pk, ScoreDelivery.state.in_(states))
        .order_by(ScoreDelivery.id)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.state = "dead"
        row.refusal = code
        note_dead(session, row, now)


def forget_old(session: Session, now: datetime) -> None:
    """Delete failed tries and finished comparisons that nobody will ask about; part of the hourly housekeeping."""
    session.execute(delete(ScoreTry).where(ScoreTry.at < now - KEPT, ScoreTry.outcome != "delivered"))
    session.execute(delete(Reconciliation).where(Reconciliation.finished_at < now - KEPT))
