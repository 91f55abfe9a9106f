"""The operator's view of the outbox: what waits, what was refused, what differs there; sending again and putting aside.

Glossary: a *dead letter* is a score that a platform refuses for good; somebody looks at it, mends the cause and sends
it again, or puts it aside.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from lms.services.audit import note
from lms.store.identities import LtiIdentity, people_behind
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import Reconciliation, ScoreDelivery, ScoreTry
from lms.store.platforms import Platform

SHIFTED = ("overridden", "emptied")
"""Standings in which the platform holds something else than what was sent."""


class UnknownDeliveryError(LookupError):
    """The organisation has no such delivery."""


class Kind(StrEnum):
    """How a delivery stands, for whoever looks after them."""

    DEAD = "dead"
    """Refused for good, and nobody has looked at it."""
    WAITING = "waiting"
    """On its way."""
    DIFFERING = "differing"
    """Delivered, and the platform shows something else."""
    ASIDE = "aside"
    """Refused for good, and put aside."""
    DELIVERED = "delivered"
    """Delivered, and nothing else is known."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant; None means all."""

    kind: Kind | None = None
    code: str | None = None
    platform_id: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as the page shows it."""

    id: int
    identity_id: int
    person_id: int | None
    claimed_name: str
    """What the platform says, family name first; empty where it says nothing."""
    activity: str
    course: str | None
    platform: str
    is_stopped: bool
    mark: int
    maximum: int
    kind: Kind
    code: str | None
    standing: str | None
    held_score: float | None
    held_maximum: float | None
    tries: int
    decided_at: datetime
    next_try_at: datetime
    delivered_at: datetime | None
    compared_at: datetime | None
    set_aside_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many deliveries of one kind have one reason."""

    kind: Kind
    code: str | None
    count: int


@dataclass(frozen=True, slots=True)
class ComparedActivity:
    """An activity whose last comparison failed."""

    activity: str
    course: str | None
    platform: str
    code: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ComparisonSummary:
    """What the last comparison of each gradebook column found, together."""

    last_at: datetime | None
    """When the newest of them ended."""
    compared: int
    wanted: int
    """How many are still to be made."""
    same: int
    lost: int
    overridden: int
    failed: tuple[ComparedActivity, ...]


def _condition(kind: Kind) -> ColumnElement[bool]:
    differs = and_(ScoreDelivery.standing.is_not(None), ScoreDelivery.standing.in_(SHIFTED))
    is_dead = ScoreDelivery.state == "dead"
    return {
        Kind.WAITING: ScoreDelivery.state == "wanted",
        Kind.DEAD: and_(is_dead, ScoreDelivery.set_aside_at.is_(None)),
        Kind.ASIDE: and_(is_dead, ScoreDelivery.set_aside_at.is_not(None)),
        Kind.DIFFERING: and_(ScoreDelivery.state == "delivered", differs),
        Kind.DELIVERED: and_(
            ScoreDelivery.state == "delivered",
            or_(ScoreDelivery.standing.is_(None), ScoreDelivery.standing.not_in(SHIFTED)),
        ),
    }[kind]


def _conditions(organisation_id: int, chosen: DeliveryFilter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [ScoreDelivery.organisation_id == organisation_id]
    if chosen.kind is not None:
        wanted.append(_condition(chosen.kind))
    if chosen.code is not None:
        is_seen = chosen.kind is Kind.DIFFERING
        wanted.append((ScoreDelivery.standing if is_seen else ScoreDelivery.refusal) == chosen.code)
    if chosen.platform_id is not None:
        links = select(ResourceLink.id).where(
            ResourceLink.organisation_id == organisation_id, ResourceLink.platform_id == chosen.platform_id
        )
        wanted.append(ScoreDelivery.resource_link_pk.in_(links))
    return wanted


def _kind_of(state: str, standing: str | None, is_aside: bool) -> Kind:
    if state == "wanted":
        return Kind.WAITING
    if state == "dead":
        return Kind.ASIDE if is_aside else Kind.DEAD
    return Kind.DIFFERING if standing in SHIFTED else Kind.DELIVERED


def count_deliveries(session: Session, organisation_id: int, platform_id: int | None = None) -> list[ReasonCount]:
    """Return how many deliveries there are of each kind and reason, the most frequent first."""
    is_aside = ScoreDelivery.set_aside_at.is_not(None)
    rows = session.execute(
        select(ScoreDelivery.state, ScoreDelivery.standing, is_aside, ScoreDelivery.refusal, func.count())
        .where(*_conditions(organisation_id, DeliveryFilter(platform_id=platform_id)))
        .group_by(ScoreDelivery.state, ScoreDelivery.standing, is_aside, ScoreDelivery.refusal)
    )
    counts: dict[tuple[Kind, str | None], int] = {}
    for state, standing, aside, code, count in rows:
        kind = _kind_of(state, standing, bool(aside))
        key = (kind, code if kind in {Kind.WAITING, Kind.DEAD, Kind.ASIDE} else standing)
        counts[key] = counts.get(key, 0) + count
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0][0].value, each[0][1] or ""))
    return [ReasonCount(kind, code, count) for (kind, code), count in ordered]


def list_deliveries(
    session: Session, organisation_id: int, chosen: DeliveryFilter, start: int = 0, most: int | None = None
) -> list[DeliveryRow]:
    """Return deliveries, those whose result is newest first."""
    query = (
        select(ScoreDelivery, ResourceLink, Platform, LtiIdentity)
        .join(ResourceLink, ResourceLink.id == ScoreDelivery.resource_link_pk)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .join(LtiIdentity, LtiIdentity.id == ScoreDelivery.identity_id)
        .where(*_conditions(organisation_id, chosen))
        .order_by(ScoreDelivery.decided_at.desc(), ScoreDelivery.id.desc())
        .offset(start)
        .limit(most)
    )
    found = session.execute(query).all()
    people = people_behind(session, [identity.id for *_, identity in found])
    return [
        DeliveryRow(
            id=row.id,
            identity_id=identity.id,
            person_id=people.get(identity.id),
            claimed_name=f"{identity.claimed_family_name or ''} {identity.claimed_given_name or ''}".strip(),
            activity=link.title or link.opens or "",
            course=link.context_title,
            platform=platform.name,
            is_stopped=platform.stopped_at is not None,
            mark=row.mark,
            maximum=row.maximum,
            kind=_kind_of(row.state, row.standing, row.set_aside_at is not None),
            code=row.refusal,
            standing=row.standing,
            held_score=row.held_score,
            held_maximum=row.held_maximum,
            tries=row.tries,
            decided_at=row.decided_at,
            next_try_at=row.next_try_at,
            delivered_at=row.delivered_at,
            compared_at=row.compared_at,
            set_aside_at=row.set_aside_at,
        )
        for row, link, platform, identity in found
    ]


def platforms_with_deliveries(session: Session, organisation_id: int) -> list[tuple[int, str]]:
    """Return key and name of the organisation's platforms to which anything is to go or went."""
    links = select(ScoreDelivery.resource_link_pk).where(ScoreDelivery.organisation_id == organisation_id)
    return [
        (platform_id, name)
        for platform_id, name in session.execute(
            select(Platform.id, Platform.name)
            .where(
                Platform.organisation_id == organisation_id,
                Platform.id.in_(select(ResourceLink.platform_id).where(ResourceLink.id.in_(links))),
            )
            .order_by(Platform.id)
        )
    ]


def find_delivery(session: Session, organisation_id: int, delivery_id: int) -> ScoreDelivery:
    """Return one of the organisation's deliveries.

    Raises:
        UnknownDeliveryError: it has no such one.
    """
    row = session.scalar(
        select(ScoreDelivery)
        .where(ScoreDelivery.id == delivery_id, ScoreDelivery.organisation_id == organisation_id)
        .with_for_update()
    )
    if row is None:
        raise UnknownDeliveryError(delivery_id)
    return row


def tries_of(session: Session, delivery_ids: Collection[int], most: int) -> dict[int, list[ScoreTry]]:
    """Return the last tries of some deliveries, the newest first."""
    number = func.row_number().over(partition_by=ScoreTry.delivery_id, order_by=ScoreTry.id.desc()).label("number")
    newest = select(ScoreTry.id, number).where(ScoreTry.delivery_id.in_(delivery_ids)).subquery()
    found: dict[int, list[ScoreTry]] = {}
    for each in session.scalars(
        select(ScoreTry).join(newest, newest.c.id == ScoreTry.id).where(newest.c.number <= most).order_by(ScoreTry.id.desc())
    ):  # fmt: skip
        found.setdefault(each.delivery_id, []).append(each)
    return found


def send_again(session: Session, organisation: Organisation, delivery_id: int, by: tuple[str, datetime]) -> None:
    """Send one delivery again, now.

    Raises:
        UnknownDeliveryError: the organisation has no such one.
    """
    row = find_delivery(session, organisation.id, delivery_id)
    _want_again(session, organisation, [ScoreDelivery.id == row.id], by[1])
    note(session, "delivery.sent_again", by[0], by[1], organisation.id, delivery=row.id)


def send_all_again(
    session: Session, organisation: Organisation, chosen: DeliveryFilter, by: tuple[str, datetime]
) -> int:
    """Send everything again, now, that is of one kind; return how many."""
    count = _want_again(session, organisation, _conditions(organisation.id, chosen), by[1])
    _note_many(session, "delivery.all_sent_again", organisation, chosen, (count, by))
    return count


def _change(session: Session, conditions: Sequence[ColumnElement[bool]], **values: object) -> int:
    """Change deliveries in one statement; those that somebody else is changing at the moment are left out."""
    free = select(ScoreDelivery.id).where(*conditions).order_by(ScoreDelivery.id).with_for_update(skip_locked=True)
    result = session.execute(
        update(ScoreDelivery)
        .where(ScoreDelivery.id.in_(free))
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE has one


def _want_again(
    session: Session, organisation: Organisation, conditions: Sequence[ColumnElement[bool]], now: datetime
) -> int:
    was_delivered = ScoreDelivery.state == "delivered"
    count = _change(
        session,
        conditions,
        wanted_version=case((was_delivered, ScoreDelivery.wanted_version + 1), else_=ScoreDelivery.wanted_version),
        # So it is read back after sending, and the page says whether it stands there then.
        standing=case((was_delivered, "lost"), else_=ScoreDelivery.standing),
        state="wanted",
        refusal=None,
        tries=0,
        next_try_at=now,
        set_aside_at=None,
        set_aside_by=None,
    )
    session.execute(
        update(ResourceLink)
        .where(ResourceLink.organisation_id == organisation.id, ResourceLink.line_item_tries > 0)
        .values(line_item_wait_until=None)
    )
    return count


def put_aside(session: Session, organisation: Organisation, delivery_id: int, by: tuple[str, datetime]) -> None:
    """Put a dead letter aside: it is known, and nothing is to be done; what is none is left.

    Raises:
        UnknownDeliveryError: the organisation has no such delivery.
    """
    row = find_delivery(session, organisation.id, delivery_id)
    if row.state != "dead" or row.set_aside_at is not None:
        return
    row.set_aside_by, row.set_aside_at = by
    note(session, "delivery.put_aside", by[0], by[1], organisation.id, delivery=row.id, code=row.refusal)


def put_all_aside(
    session: Session, organisation: Organisation, chosen: DeliveryFilter, by: tuple[str, datetime]
) -> int:
    """Put all dead letters of a reason aside; return how many."""
    dead = DeliveryFilter(Kind.DEAD, chosen.code, chosen.platform_id)
    count = _change(session, _conditions(organisation.id, dead), set_aside_by=by[0], set_aside_at=by[1])
    _note_many(session, "delivery.all_put_aside", organisation, dead, (count, by))
    return count


def take_back(session: Session, organisation: Organisation, delivery_id: int, by: tuple[str, datetime]) -> None:
    """Take back that a dead letter was put aside.

    Raises:
        UnknownDeliveryError: the organisation has no such delivery.
    """
    row = find_delivery(session, organisation.id, delivery_id)
    if row.set_aside_at is None:
        return
    row.set_aside_at = row.set_aside_by = None
    note(session, "delivery.taken_back", by[0], by[1], organisation.id, delivery=row.id)


def take_all_back(session: Session, organisation: Organisation, moment: datetime, by: tuple[str, datetime]) -> int:
    """Take back what the same actor put aside at one moment; return how many."""
    conditions = [
        ScoreDelivery.organisation_id == organisation.id,
        ScoreDelivery.set_aside_at == moment,
        ScoreDelivery.set_aside_by == by[0],
    ]
    count = _change(session, conditions, set_aside_at=None, set_aside_by=None)
    note(session, "delivery.all_taken_back", by[0], by[1], organisation.id, count=count)
    return count


def _note_many(
    session: Session,
    kind: str,
    organisation: Organisation,
    chosen: DeliveryFilter,
    done: tuple[int, tuple[str, datetime]],
) -> None:
    count, (actor, now) = done
    note(
        session,
        kind,
        actor,
        now,
        organisation.id,
        count=count,
        kind_of=chosen.kind.value if chosen.kind else None,
        code=chosen.code,
        platform=chosen.platform_id,
    )


def last_comparisons(session: Session, organisation_id: int) -> ComparisonSummary:
    """Return what the last comparison of each gradebook column found."""
    newest = (
        select(func.max(Reconciliation.id))
        .where(Reconciliation.organisation_id == organisation_id, Reconciliation.state != "wanted")
        .group_by(Reconciliation.resource_link_pk)
    )
    rows = session.execute(
        select(Reconciliation, ResourceLink, Platform.name)
        .join(ResourceLink, ResourceLink.id == Reconciliation.resource_link_pk)
        .join(Platform, Platform.id == ResourceLink.platform_id)
        .where(Reconciliation.id.in_(newest))
        .order_by(Reconciliation.id)
    ).all()
    wanted = session.scalar(
        select(func.count()).where(Reconciliation.organisation_id == organisation_id, Reconciliation.state == "wanted")
    )
    done = [row for row, *_ in rows if row.state == "done"]
    return ComparisonSummary(
        last_at=max((row.finished_at for row, *_ in rows if row.finished_at), default=None),
        compared=len(done),
        wanted=wanted or 0,
        same=sum(row.same for row in done),
        lost=sum(row.lost for row in done),
        overridden=sum(row.overridden for row in done),
        failed=tuple(
            ComparedActivity(
                link.title or link.opens or "", link.context_title, name, row.refusal, row.finished_at or row.wanted_at
            )
            for row, link, name in rows
            if row.state == "failed"
        ),
    )
