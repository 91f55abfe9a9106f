"""Activities whose line item is still to be found or made: claiming the search, and noting what it found.

The claim is the lock under which a line item is made: one worker at a time looks for an activity's item.

Source: lti.md rule 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from lms.lti.id_tokens import Registration
from lms.lti.line_items import WantedLineItem
from lms.services.launches import registration_of
from lms.services.outbox import give_up_activity, pause
from lms.store.launches import ResourceLink
from lms.store.outbox import Reconciliation, ScoreDelivery
from lms.store.platforms import Platform

LEASE = timedelta(minutes=2)
BATCH = 20


@dataclass(frozen=True, slots=True)
class Search:
    """An activity in one worker's hands, whose line item is looked for."""

    resource_link_pk: int
    platform_id: int
    registration: Registration
    container_url: str
    scopes: tuple[str, ...]
    """What the platform lets us do, as last said; empty where it said nothing."""
    wanted: WantedLineItem
    claimed_at: datetime
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a search."""

    url: str | None = None
    """Address of the line item."""
    code: str | None = None
    """Why there is none: a stable code."""
    is_final: bool = False
    """Whether looking again would find the same."""
    after_seconds: int | None = None
    """What the platform asked for."""


def _is_wanted(now: datetime) -> ColumnElement[bool]:
    """The condition of an activity whose line item is looked for now: something is to be sent there, or compared."""
    return and_(
        ResourceLink.line_item_url.is_(None),
        ResourceLink.line_items_url.is_not(None),
        or_(ResourceLink.line_item_wait_until.is_(None), ResourceLink.line_item_wait_until <= now),
        Platform.stopped_at.is_(None),
        or_(
            exists().where(ScoreDelivery.resource_link_pk == ResourceLink.id, ScoreDelivery.state == "wanted"),
            exists().where(Reconciliation.resource_link_pk == ResourceLink.id, Reconciliation.state == "wanted"),
        ),
    )


def searching_platforms(session: Session, now: datetime) -> list[int]:
    """Return the platforms on which line items are looked for now."""
    return list(
        session.scalars(
            select(Platform.id)
            .join(ResourceLink, ResourceLink.platform_id == Platform.id)
            .where(_is_wanted(now))
            .distinct()
            .order_by(Platform.id)
        )
    )


def claim_searches(session: Session, platform_id: int, most: int, now: datetime) -> list[Search]:
    """Take activities of a platform whose line item is looked for."""
    links = session.scalars(
        select(ResourceLink)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .where(ResourceLink.platform_id == platform_id, _is_wanted(now))
        .order_by(ResourceLink.id)
        .limit(most)
        .with_for_update(of=ResourceLink, skip_locked=True)
    ).all()
    if not links:
        return []
    registration = registration_of(session, session.get_one(Platform, platform_id))
    searches = []
    for link in links:
        link.line_item_wait_until = now + LEASE
        searches.append(
            Search(
                resource_link_pk=link.id,
                platform_id=platform_id,
                registration=registration,
                container_url=link.line_items_url or "",
                scopes=tuple(link.ags_scopes or ()),
                wanted=_wanted_item(session, link),
                claimed_at=now,
                lease_until=now + LEASE,
            )
        )
    return searches


def _wanted_item(session: Session, link: ResourceLink) -> WantedLineItem:
    maximum = session.scalar(
        select(ScoreDelivery.maximum)
        .where(ScoreDelivery.resource_link_pk == link.id)
        .order_by(ScoreDelivery.id)
        .limit(1)
    )
    name = link.item_key or link.opens or str(link.id)
    return WantedLineItem(link.resource_link_id, name, link.title or link.opens or "Akashi", maximum or 1)


def settle_search(session: Session, search: Search, found: Found, now: datetime) -> None:
    """Note what became of a search, unless its time was over and another worker has begun anew."""
    link = session.get_one(ResourceLink, search.resource_link_pk, with_for_update=True)
    if link.line_item_wait_until != search.lease_until or link.line_item_url is not None:
        return
    link.line_item_wait_until = None
    if found.url is not None:
        link.line_item_url = found.url
        link.line_item_tries = 0
    elif found.is_final:
        link.line_item_tries = 0
        _give_up(session, link, found.code, now)
    else:
        link.line_item_tries += 1
        asked = timedelta(seconds=found.after_seconds or 0)
        link.line_item_wait_until = now + max(pause(link.line_item_tries), asked)
        session.execute(
            update(ScoreDelivery)
            .where(ScoreDelivery.resource_link_pk == link.id, ScoreDelivery.state == "wanted")
            .values(refusal=found.code)
            .execution_options(synchronize_session=False)
        )


def hand_back_search(session: Session, search: Search) -> None:
    """Give back a search that was not begun."""
    session.execute(
        update(ResourceLink)
        .where(
            ResourceLink.id == search.resource_link_pk,
            ResourceLink.line_item_wait_until == search.lease_until,
        )
        .values(line_item_wait_until=None)
    )


def _give_up(session: Session, link: ResourceLink, code: str | None, now: datetime) -> None:
    # Where there is no column, what was delivered into one is no longer there.
    is_none = code in {"no_line_item", "line_item_gone"}
    give_up_activity(session, link.id, ("wanted", "delivered") if is_none else ("wanted",), code, now)
    session.execute(
        update(Reconciliation)
        .where(Reconciliation.resource_link_pk == link.id, Reconciliation.state == "wanted")
        .values(state="failed", refusal=code, finished_at=now, lease_until=None)
    )
