"""What each activity on a platform should hold: one wanted score per activity and identity, written with the record.

Wanted is what was earned (`lms.services.earned`): of a module the best result of the newest occasion, since the last score
wins on a platform, and a worse one would turn passed into failed there.

Source: lti.md §4 (outbox); LTI Assignment and Grade Services 2.0 §3.4.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.services.earned import PAGES_WITH_POINTS, Earned, earned
from lms.store.attempts import AttemptResult
from lms.store.identities import identities_of, links_of, lock_identities, person_of
from lms.store.launches import ResourceLink, ResourceLinkVisit
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """How far a result has come on its way to one activity."""

    activity: str
    """Title of the activity, or its key where the platform sent none."""
    state: str
    """``wanted``, ``delivered`` or ``dead``; see `lms.store.outbox`."""
    refusal: str | None
    delivered_at: datetime | None
    decided_at: datetime
    """Since when it has been wanted there."""
    tries: int
    """How often it was tried in vain."""
    standing: str | None
    """What the platform was last seen to hold; see `lms.store.outbox`."""
    held_score: float | None
    held_maximum: float | None
    is_stopped: bool
    """Whether nothing is sent to this platform at present."""


def want_scores(session: Session, identity_ids: Sequence[int], key: str, now: datetime) -> None:
    """Want what one person's identities earned behind a key in every activity that opens it and that they have launched."""
    # A launch in another tab waits here or is waited for: either this sees its visit, or it sees the new result.
    lock_identities(session, identity_ids)
    visits = session.execute(
        select(ResourceLink, ResourceLinkVisit.identity_id)
        .join(ResourceLinkVisit, ResourceLinkVisit.resource_link_pk == ResourceLink.id)
        .where(ResourceLinkVisit.identity_id.in_(identity_ids), ResourceLink.opens == key)
    ).all()
    found = earned(session, identity_ids, key, now) if visits else None
    if found is not None:
        for link, identity_id in visits:
            _want(session, link, identity_id, found, now)


def scores_follow_links(session: Session, organisation_id: int, person_ids: Collection[int], now: datetime) -> None:
    """Want each person's best results in all activities that their identities have launched, as links stand now."""
    person_by_identity = links_of(session, organisation_id, None, person_ids) if person_ids else {}
    identities: dict[int, list[int]] = {}
    for identity_id, person_id in person_by_identity.items():
        identities.setdefault(person_id, []).append(identity_id)
    concerned = {(person_by_identity[identity_id], key) for identity_id, key in _keys_of(session, person_by_identity)}
    for person_id, key in sorted(concerned):
        want_scores(session, identities[person_id], key, now)


def scores_follow_identity(session: Session, identity_id: int, now: datetime) -> None:
    """Want an identity's own best results in its activities: it is nobody's, or nobody's any more."""
    for _identity, key in sorted(_keys_of(session, [identity_id])):
        want_scores(session, [identity_id], key, now)


def _keys_of(session: Session, identity_ids: Collection[int]) -> set[tuple[int, str]]:
    """Return the modules in which identities have results, and the pages worth points that they have launched."""
    wanted = list(identity_ids)
    results = select(AttemptResult.identity_id, AttemptResult.module_key).where(AttemptResult.identity_id.in_(wanted))
    pages = (
        select(ResourceLinkVisit.identity_id, ResourceLink.opens)
        .join(ResourceLink, ResourceLink.id == ResourceLinkVisit.resource_link_pk)
        .where(ResourceLinkVisit.identity_id.in_(wanted), ResourceLink.opens.in_(PAGES_WITH_POINTS))
    )
    rows = [*session.execute(results.distinct()), *session.execute(pages.distinct())]
    return {(identity_id, key) for identity_id, key in rows if key is not None}


def want_scores_here(session: Session, link: ResourceLink, identity_id: int, now: datetime) -> None:
    """Want in a launched activity what the person already has: a copied course gets its grades at the next launch."""
    if link.opens is None:
        return
    person_id = person_of(session, identity_id)
    identity_ids = [identity_id] if person_id is None else identities_of(session, person_id)
    found = earned(session, identity_ids, link.opens, now)
    if found is not None:
        _want(session, link, identity_id, found, now)


def _want(session: Session, link: ResourceLink, identity_id: int, found: Earned, now: datetime) -> None:
    delivery = session.scalar(
        select(ScoreDelivery)
        .where(ScoreDelivery.resource_link_pk == link.id, ScoreDelivery.identity_id == identity_id)
        .with_for_update()
    )
    if delivery is None:
        session.add(
            ScoreDelivery(
                organisation_id=link.organisation_id,
                resource_link_pk=link.id,
                identity_id=identity_id,
                event_id=found.event_id,
                mark=found.mark,
                maximum=found.maximum,
                wanted_version=1,
                decided_at=found.decided_at,
                state="wanted",
                next_try_at=now,
            )
        )
    elif _is_other(delivery, found) or (delivery.state == "dead" and _may_take_scores(link)):
        delivery.event_id, delivery.mark, delivery.maximum = found.event_id, found.mark, found.maximum
        delivery.wanted_version += 1
        delivery.decided_at = max(found.decided_at, delivery.decided_at)
        delivery.state = "wanted"
        delivery.refusal = None
        delivery.tries = 0
        delivery.next_try_at = now
        delivery.set_aside_at = delivery.set_aside_by = None
    elif delivery.state == "wanted":
        delivery.next_try_at = min(delivery.next_try_at, now)
    session.flush()


def _is_other(delivery: ScoreDelivery, found: Earned) -> bool:
    """Tell whether something else is earned than is wanted; one more signature is worth the same one point."""
    return delivery.event_id != found.event_id and not (delivery.mark == found.mark == found.maximum == 1)


def _may_take_scores(link: ResourceLink) -> bool:
    return link.line_item_url is not None or link.line_items_url is not None


def deliveries_of(session: Session, identity_ids: Sequence[int], module_key: str) -> list[DeliveryState]:
    """Return how far the results of a module have come, by activity, for one person."""
    rows = session.execute(
        select(ResourceLink.title, ResourceLink.opens, Platform.stopped_at, ScoreDelivery)
        .join(ScoreDelivery, ScoreDelivery.resource_link_pk == ResourceLink.id)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .where(ScoreDelivery.identity_id.in_(identity_ids), ResourceLink.opens == module_key)
        .order_by(ScoreDelivery.id)
    )
    return [
        DeliveryState(
            activity=title or opens or module_key,
            state=row.state,
            refusal=row.refusal,
            delivered_at=row.delivered_at,
            decided_at=row.decided_at,
            tries=row.tries,
            standing=row.standing,
            held_score=row.held_score,
            held_maximum=row.held_maximum,
            is_stopped=stopped_at is not None,
        )
        for title, opens, stopped_at, row in rows
    ]
