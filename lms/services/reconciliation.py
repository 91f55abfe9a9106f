"""Comparing what a platform's gradebook holds with what was sent there, and deciding what is done about it.

What stands there is one of these:

- *same*: the same share of the maximum, whatever the maximum is now.
- *lost*: nothing, or a score that we had sent before the newest one (the same points with the same time): a grade book
  that was reset, restored or cleared. It is sent again, with a newer time.
- *overridden*: anything else. Somebody else wrote it: a teacher, as a rule. It is shown, and left as it is. Times don't
  tell this apart from an own score: Moodle 4.5 keeps the time of an override that is older than our score, answers our
  score with 200, and goes on holding the teacher's grade (seen 2026-11). So each score sent is kept with its time.
- *emptied*: nothing, although the platform has taken the lost score anew: a teacher's override with no grade in it.

Source: lti.md §4 (outbox); LTI Assignment and Grade Services 2.0 §3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, insert, or_, select
from sqlalchemy.orm import Session

from lms.lti.id_tokens import Registration
from lms.lti.scores import PlatformResult, is_same_share
from lms.services.audit import note
from lms.services.launches import registration_of
from lms.services.outbox import give_up_activity, pause
from lms.store.identities import LtiIdentity
from lms.store.launches import ResourceLink
from lms.store.outbox import Reconciliation, ScoreDelivery, ScoreTry
from lms.store.platforms import Platform

LEASE = timedelta(minutes=2)
BATCH = 4
"""Line items of one platform that are read in one round."""
REFUSED_TRIES = 5
"""After which a line item that gives no results, although it is there, is left until the next night."""
ROWS = 100
"""Deliveries that are compared in one transaction."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a platform should hold for one person, as it was when the reading began."""

    delivery_id: int
    user_id: str
    sent_version: int
    mark: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A line item in one worker's hands, whose results are to be read and compared."""

    id: int
    organisation_id: int
    resource_link_pk: int
    platform_id: int
    registration: Registration
    line_item_url: str
    scopes: tuple[str, ...]
    """What the platform lets us do, as last said; empty where it said nothing."""
    sent: tuple[Sent, ...]
    """What has not been compared since the comparison was wanted."""
    claimed_at: datetime
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a line item's results."""

    held: Mapping[str, PlatformResult | None]
    """By user id; somebody who was looked for and has no result is None, or absent where the whole list was read."""
    is_whole: bool
    """Whether everybody in the comparison was read."""
    code: str | None = None
    """Why it ended early; a stable code."""
    is_final: bool = False
    """Whether reading again would end the same."""
    after_seconds: int | None = None
    """What the platform asked for."""


def want_comparisons(
    session: Session, organisation_id: int, by: str, now: datetime, platform_id: int | None = None
) -> int:
    """Want the gradebook compared for every activity that something was delivered to; return for how many.

    An activity for which a comparison is wanted already is left out, and so are platforms that were stopped.
    """
    wanted = exists().where(Reconciliation.resource_link_pk == ResourceLink.id, Reconciliation.state == "wanted")
    delivered = exists().where(ScoreDelivery.resource_link_pk == ResourceLink.id, ScoreDelivery.state == "delivered")
    query = (
        select(ResourceLink.id)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .where(ResourceLink.organisation_id == organisation_id, Platform.stopped_at.is_(None), delivered, ~wanted)
        .order_by(ResourceLink.id)
    )
    if platform_id is not None:
        query = query.where(Platform.id == platform_id)
    links = session.scalars(query).all()
    for link_pk in links:
        session.execute(
            insert(Reconciliation).values(
                organisation_id=organisation_id,
                resource_link_pk=link_pk,
                wanted_at=now,
                wanted_by=by,
                state="wanted",
                tries=0,
                next_try_at=now,
                same=0,
                lost=0,
                overridden=0,
            )
        )
    return len(links)


def comparing_platforms(session: Session, now: datetime) -> list[int]:
    """Return the platforms on which comparisons are due."""
    return list(
        session.scalars(
            select(Platform.id)
            .join(ResourceLink, ResourceLink.platform_id == Platform.id)
            .join(Reconciliation, Reconciliation.resource_link_pk == ResourceLink.id)
            .where(*_due(now))
            .distinct()
            .order_by(Platform.id)
        )
    )


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Reconciliation.state == "wanted",
        Reconciliation.next_try_at <= now,
        or_(Reconciliation.lease_until.is_(None), Reconciliation.lease_until <= now),
        or_(ResourceLink.line_item_url.is_not(None), ResourceLink.line_items_url.is_(None)),
        Platform.stopped_at.is_(None),
    )


def claim_comparisons(session: Session, platform_id: int, most: int, now: datetime) -> list[Comparison]:
    """Take a platform's comparisons that are due."""
    rows = session.execute(
        select(Reconciliation, ResourceLink)
        .join(ResourceLink, ResourceLink.id == Reconciliation.resource_link_pk)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .where(Platform.id == platform_id, *_due(now))
        .order_by(Reconciliation.next_try_at, Reconciliation.id)
        .limit(most)
        .with_for_update(of=Reconciliation, skip_locked=True)
    ).all()
    if not rows:
        return []
    registration = registration_of(session, session.get_one(Platform, platform_id))
    taken = []
    for row, link in rows:
        row.lease_until = now + LEASE
        taken.append(
            Comparison(
                id=row.id,
                organisation_id=row.organisation_id,
                resource_link_pk=link.id,
                platform_id=platform_id,
                registration=registration,
                line_item_url=link.line_item_url or "",
                scopes=tuple(link.ags_scopes or ()),
                sent=_sent(session, row),
                claimed_at=now,
                lease_until=now + LEASE,
            )
        )
    return taken


def _sent(session: Session, row: Reconciliation) -> tuple[Sent, ...]:
    found = session.execute(
        select(ScoreDelivery.id, LtiIdentity.sub, ScoreDelivery.sent_version, ScoreDelivery.mark, ScoreDelivery.maximum)
        .join(LtiIdentity, LtiIdentity.id == ScoreDelivery.identity_id)
        .where(
            ScoreDelivery.resource_link_pk == row.resource_link_pk,
            ScoreDelivery.state == "delivered",
            ScoreDelivery.sent_version == ScoreDelivery.wanted_version,
            or_(ScoreDelivery.compared_at.is_(None), ScoreDelivery.compared_at < row.wanted_at),
        )
        .order_by(ScoreDelivery.id)
    )
    return tuple(Sent(*each) for each in found)


def compare(
    session: Session,
    comparison: Comparison,
    sent: Sequence[Sent],
    held: Mapping[str, PlatformResult | None],
    now: datetime,
) -> None:
    """Compare some of what was sent with what the platform holds, and act on what is found.

    What has changed since the reading began, or is being changed now, is left for another time.
    """
    by_id = {each.delivery_id: each for each in sent}
    rows = session.scalars(
        select(ScoreDelivery)
        .where(ScoreDelivery.id.in_(by_id), ScoreDelivery.state == "delivered")
        .order_by(ScoreDelivery.id)
        .with_for_update(skip_locked=True)
    ).all()
    counts: dict[str, int] = {}
    for row in rows:
        each = by_id[row.id]
        if (row.sent_version, row.wanted_version) != (each.sent_version, each.sent_version):
            continue
        standing = _standing(session, row, each, held.get(each.user_id))
        counts[standing] = counts.get(standing, 0) + 1
        _note_standing(row, standing, held.get(each.user_id), now)
    _count(session, comparison, counts)


def _standing(session: Session, row: ScoreDelivery, sent: Sent, held: PlatformResult | None) -> str:
    if held is None:
        return "emptied" if row.standing == "emptied" else "lost"
    if is_same_share(held, sent.mark, sent.maximum):
        return "same"
    return "lost" if _is_older_own(session, row, held) else "overridden"


def _is_older_own(session: Session, row: ScoreDelivery, held: PlatformResult) -> bool:
    """Tell whether a result is a score that we have sent: its points, and its time in whole seconds."""
    if held.timestamp is None:
        return False
    second = held.timestamp.replace(microsecond=0)
    tries = session.execute(
        select(ScoreTry.mark, ScoreTry.maximum).where(
            ScoreTry.delivery_id == row.id,
            ScoreTry.timestamp >= second,
            ScoreTry.timestamp < second + timedelta(seconds=1),
        )
    )
    return any(is_same_share(held, mark, maximum) for mark, maximum in tries)


def _note_standing(row: ScoreDelivery, standing: str, held: PlatformResult | None, now: datetime) -> None:
    row.compared_at = now
    row.standing = standing
    row.held_score = None if held is None else held.score
    row.held_maximum = None if held is None else held.maximum
    if standing == "lost":
        row.wanted_version += 1
        row.state = "wanted"
        row.refusal = None
        row.tries = 0
        row.next_try_at = now


def _count(session: Session, comparison: Comparison, counts: Mapping[str, int]) -> None:
    row = session.get_one(Reconciliation, comparison.id, with_for_update=True)
    row.same += counts.get("same", 0)
    row.lost += counts.get("lost", 0)
    row.overridden += counts.get("overridden", 0) + counts.get("emptied", 0)


def finish(session: Session, comparison: Comparison, reading: Reading, now: datetime) -> None:
    """Note what came of a comparison: done, wanted again after a pause, or failed for good."""
    row = session.get_one(Reconciliation, comparison.id, with_for_update=True)
    if row.lease_until != comparison.lease_until:  # its time was over, and another worker has taken it since
        return
    row.lease_until = None
    row.refusal = reading.code
    can_be_found = reading.code == "line_item_gone" and _forget_line_item(session, comparison)
    is_lost = reading.code == "line_item_gone" and not can_be_found
    gives_up = is_lost or (reading.code in {"line_item_gone", "results_refused"} and row.tries >= REFUSED_TRIES)
    if is_lost:
        give_up_activity(session, comparison.resource_link_pk, ("delivered",), reading.code, now)
    if reading.code is None and reading.is_whole:
        row.state, row.finished_at = "done", now
        _audit(session, row, now)
    elif reading.is_final or gives_up:
        row.state, row.finished_at = "failed", now
        _audit(session, row, now)
    elif reading.code is None:  # a part was read; the rest comes next
        row.next_try_at = now
    else:
        row.tries += 1
        row.next_try_at = now + max(pause(row.tries), timedelta(seconds=reading.after_seconds or 0))


def _forget_line_item(session: Session, comparison: Comparison) -> bool:
    """Let the line item be looked for anew; tell whether that can be done."""
    link = session.get_one(ResourceLink, comparison.resource_link_pk, with_for_update=True)
    if link.line_items_url is None:
        return link.line_item_url != comparison.line_item_url
    if link.line_item_url == comparison.line_item_url:
        link.line_item_url = link.line_item_wait_until = None
    return True


def _audit(session: Session, row: Reconciliation, now: datetime) -> None:
    facts = {"activity": row.resource_link_pk, "same": row.same, "lost": row.lost, "overridden": row.overridden}
    if row.refusal is not None:
        facts["code"] = row.refusal  # type: ignore[assignment]  # a code beside counts
    note(session, f"gradebook.{row.state}", row.wanted_by, now, row.organisation_id, **facts)


def hand_back_comparison(session: Session, comparison: Comparison) -> None:
    """Give back a comparison that was not begun."""
    row = session.get_one(Reconciliation, comparison.id, with_for_update=True)
    if row.lease_until == comparison.lease_until:
        row.lease_until = None
