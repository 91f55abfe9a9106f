"""What each activity on a platform should hold: one wanted score per activity and identity, written with the result.

Wanted is the best result of the newest occasion: the last score wins on a platform, and a worse one would turn passed
into failed there.

Source: lti.md §4 (outbox); LTI Assignment and Grade Services 2.0 §3.4.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, jst_date
from lms.services.requirements import open_occasion
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


def want_scores(session: Session, identity_ids: Sequence[int], module_key: str, now: datetime) -> None:
    """Want the best result of a module in every activity that opens it and that these identities have launched."""
    # A launch in another tab waits here or is waited for: either this sees its visit, or it sees the new result.
    lock_identities(session, identity_ids)
    visits = session.execute(
        select(ResourceLink, ResourceLinkVisit.identity_id)
        .join(ResourceLinkVisit, ResourceLinkVisit.resource_link_pk == ResourceLink.id)
        .where(ResourceLinkVisit.identity_id.in_(identity_ids), ResourceLink.opens == module_key)
    ).all()
    best = best_result(session, identity_ids, module_key) if visits else None
    if best is not None:
        for link, identity_id in visits:
            _want(session, link, identity_id, best, now)


def scores_follow_links(session: Session, organisation_id: int, person_ids: Collection[int], now: datetime) -> None:
    """Want each person's best results in all activities that their identities have launched, as links stand now."""
    person_by_identity = links_of(session, organisation_id, None, person_ids) if person_ids else {}
    identities: dict[int, list[int]] = {}
    for identity_id, person_id in person_by_identity.items():
        identities.setdefault(person_id, []).append(identity_id)
    passed = {(person_by_identity[identity_id], key) for identity_id, key in _modules_of(session, person_by_identity)}
    for person_id, module_key in sorted(passed):
        want_scores(session, identities[person_id], module_key, now)


def scores_follow_identity(session: Session, identity_id: int, now: datetime) -> None:
    """Want an identity's own best results in its activities: it is nobody's, or nobody's any more."""
    for _identity, module_key in sorted(_modules_of(session, [identity_id])):
        want_scores(session, [identity_id], module_key, now)


def _modules_of(session: Session, identity_ids: Collection[int]) -> set[tuple[int, str]]:
    """Return the modules in which identities have results."""
    results = select(AttemptResult.identity_id, AttemptResult.module_key).where(
        AttemptResult.identity_id.in_(list(identity_ids))
    )
    return {(identity_id, key) for identity_id, key in session.execute(results.distinct())}


def want_scores_here(session: Session, link: ResourceLink, identity_id: int, now: datetime) -> None:
    """Want in a launched activity what the person already has: a copied course gets its grades at the next launch."""
    if link.opens is None:
        return
    person_id = person_of(session, identity_id)
    identity_ids = [identity_id] if person_id is None else identities_of(session, person_id)
    best = best_result(session, identity_ids, link.opens)
    if best is not None:
        _want(session, link, identity_id, best, now)


def best_result(session: Session, identity_ids: Sequence[int], module_key: str) -> AttemptResult | None:
    """Return the best result of the newest occasion; of equal ones the earliest.

    Attempts of somebody not linked yet work on no obligation: they are of one occasion with all others of their year.
    """
    results = session.scalars(
        select(AttemptResult)
        .where(AttemptResult.identity_id.in_(identity_ids), AttemptResult.module_key == module_key)
        .order_by(AttemptResult.submitted_at, AttemptResult.id)
    ).all()
    if not results:
        return None
    newest = results[-1]
    year = FiscalYear.of(jst_date(newest.submitted_at))
    occasions = {newest.occasion}
    if newest.occasion == open_occasion(year.year):
        occasions.update(each.occasion for each in results if jst_date(each.submitted_at) in year.period)
    return max(
        (each for each in results if each.occasion in occasions),
        key=lambda each: (each.is_passed, each.mark / each.maximum, -each.id),
    )


def _want(session: Session, link: ResourceLink, identity_id: int, best: AttemptResult, now: datetime) -> None:
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
                result_id=best.id,
                wanted_version=1,
                decided_at=best.submitted_at,
                state="wanted",
                next_try_at=now,
            )
        )
    elif delivery.result_id != best.id or (delivery.state == "dead" and _may_take_scores(link)):
        delivery.result_id = best.id
        delivery.wanted_version += 1
        delivery.decided_at = max(best.submitted_at, delivery.decided_at)
        delivery.state = "wanted"
        delivery.refusal = None
        delivery.tries = 0
        delivery.next_try_at = now
        delivery.set_aside_at = delivery.set_aside_by = None
    elif delivery.state == "wanted":
        delivery.next_try_at = min(delivery.next_try_at, now)
    session.flush()


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
