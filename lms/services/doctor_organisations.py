"""Looking an organisation over: who may act, what is adopted, the ledger, deliveries and rosters; from the database alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.config import Settings
from lms.lti.http import OutgoingRefused, origin_of
from lms.services.anchors import AnchorError, check_newest_anchor
from lms.services.findings import Area, Finding, good, looked, note, wrong
from lms.services.platform_register import PlatformView, platform_views
from lms.store.accounts import LocalAccount
from lms.store.awareness import Adoption
from lms.store.ledger import LedgerPending, newest_checkpoint
from lms.store.organisations import Organisation
from lms.store.outbox import Reconciliation, ScoreDelivery
from lms.store.permissions import Grant, is_serving, roles_held
from lms.store.records import known, valid_on
from lms.store.requirements import RequirementVersion
from lms.store.roles import Appointment
from lms.store.rosters import RosterPull, RosterSource

WAITING_LONG = timedelta(hours=1)
LEDGER_LAG = timedelta(minutes=5)
COMPARED_EVERY = timedelta(hours=48)
"""Gradebooks are compared each night; one night may be missed."""
PULLED_EVERY = timedelta(days=3)
IN_USE = timedelta(days=14)
"""Since a course was last launched."""
UNUSED_AFTER = timedelta(days=1)


def organisation_findings(
    session: Session, organisation: Organisation, settings: Settings, now: datetime
) -> list[Finding]:
    """Look over what belongs to one organisation."""
    views = platform_views(session, organisation.id, now)
    return [
        *looked(Area.LEDGER, lambda: _ledger(session, organisation, settings, now)),
        *looked(Area.ORGANISATION, lambda: _organisation(session, organisation, now)),
        *looked(Area.PLATFORMS, lambda: _platforms(organisation, views, settings, now)),
        *looked(Area.DELIVERIES, lambda: _deliveries(session, organisation, now)),
        *looked(Area.DELIVERIES, lambda: _rosters(session, organisation, now)),
    ]


def _ledger(session: Session, organisation: Organisation, settings: Settings, now: datetime) -> Iterator[Finding]:
    area, key = Area.LEDGER, organisation.key
    pending = session.scalar(
        select(func.count()).select_from(LedgerPending).where(LedgerPending.organisation_id == organisation.id)
    )
    newest = newest_checkpoint(session, organisation.id)
    if pending and (newest is None or now - newest.created_at > LEDGER_LAG):
        yield note(area, "ledger_waits", organisation=key, count=pending)
    else:
        yield good(area, "ledger_good", organisation=key, size=newest.size if newest else 0)
    try:
        check_newest_anchor(session, organisation, settings.anchor_dir, settings.keys)
    except AnchorError as refusal:
        yield wrong(area, "anchor_unfit", organisation=key, file=refusal.file)
    if newest is not None and not (settings.anchor_dir / key).is_dir():
        yield note(area, "anchor_missing", organisation=key, folder=settings.anchor_dir)


def _organisation(session: Session, organisation: Organisation, now: datetime) -> Iterator[Finding]:
    area, key, today = Area.ORGANISATION, organisation.key, jst_date(now)
    secretaries = _secretaries(session, organisation.id, now)
    if secretaries:
        yield good(area, "secretariat_good", organisation=key, count=secretaries)
    else:
        yield wrong(area, "secretariat_none", organisation=key)
    adopted = select(Adoption.id).where(Adoption.organisation_id == organisation.id, Adoption.effective_on <= today)
    if session.scalar(adopted.limit(1)) is None:
        yield note(area, "catalogue_none", organisation=key)
    asked = select(RequirementVersion.id).where(
        RequirementVersion.organisation_id == organisation.id,
        known(RequirementVersion, None),
        valid_on(RequirementVersion, today),
    )
    if session.scalar(asked.limit(1)) is None:
        yield note(area, "requirements_none", organisation=key)
    account = select(LocalAccount.id).where(
        LocalAccount.organisation_id == organisation.id, LocalAccount.disabled_at.is_(None)
    )
    if session.scalar(account.limit(1)) is None:
        yield note(area, "account_none", organisation=key)


def _secretaries(session: Session, organisation_id: int, now: datetime) -> int:
    today, role = jst_date(now), IsmsRole.SECRETARIAT.value
    people: set[int] = set()
    for table in (Grant, Appointment):
        people |= set(
            session.scalars(
                select(table.person_id).where(table.organisation_id == organisation_id, table.isms_role == role)
            )
        )
    return sum(is_serving(session, each, today) and role in roles_held(session, each, today) for each in people)


def _platforms(
    organisation: Organisation, views: list[PlatformView], settings: Settings, now: datetime
) -> Iterator[Finding]:
    area = Area.PLATFORMS
    if not any(view.state != "stopped" for view in views):
        yield note(area, "platform_none", organisation=organisation.key)
    for view in views:
        row, facts = view.platform, {"name": view.platform.name}
        if view.state == "stopped":
            continue
        if not view.deployments:
            yield wrong(area, "deployments_none", **facts)
        if view.state == "unused" and now - row.created_at > UNUSED_AFTER:
            yield note(area, "platform_unused", **facts)
        if view.keys_asked_at is not None and (
            view.keys_fetched_at is None or view.keys_asked_at > view.keys_fetched_at
        ):
            yield note(area, "keyset_failed", **facts)
        if not _is_https(row.issuer) and not settings.is_loopback_http:
            yield note(area, "issuer_http", **facts, address=row.issuer)


def _is_https(address: str) -> bool:
    try:
        return origin_of(address).startswith("https:")
    except OutgoingRefused:
        return True  # an issuer need not be a web address


def _deliveries(session: Session, organisation: Organisation, now: datetime) -> Iterator[Finding]:
    area, key = Area.DELIVERIES, organisation.key
    mine = ScoreDelivery.organisation_id == organisation.id
    count, oldest = session.execute(
        select(func.count(), func.min(ScoreDelivery.decided_at)).where(mine, ScoreDelivery.state == "wanted")
    ).one()
    dead = session.scalar(
        select(func.count()).where(mine, ScoreDelivery.state == "dead", ScoreDelivery.set_aside_at.is_(None))
    )
    if count and now - oldest > WAITING_LONG:
        hours = int((now - oldest).total_seconds() // 3600)
        yield note(area, "outbox_waits", organisation=key, count=count, hours=hours)
    else:
        yield good(area, "outbox_good", organisation=key, count=count)
    if dead:
        yield note(area, "outbox_dead", organisation=key, count=dead)
    delivered = select(ScoreDelivery.id).where(
        mine, ScoreDelivery.state == "delivered", ScoreDelivery.delivered_at < now - COMPARED_EVERY
    )
    compared = session.scalar(
        select(func.max(Reconciliation.finished_at)).where(Reconciliation.organisation_id == organisation.id)
    )
    is_owed = session.scalar(delivered.limit(1)) is not None
    if is_owed and (compared is None or now - compared > COMPARED_EVERY):
        yield note(area, "comparison_overdue", organisation=key)


def _rosters(session: Session, organisation: Organisation, now: datetime) -> Iterator[Finding]:
    newest = (
        select(RosterPull.source_id, func.max(RosterPull.finished_at).label("at"))
        .where(RosterPull.organisation_id == organisation.id, RosterPull.state == "complete")
        .group_by(RosterPull.source_id)
        .subquery()
    )
    rows = session.execute(
        select(RosterSource.context_title, RosterSource.context_id, newest.c.at)
        .outerjoin(newest, newest.c.source_id == RosterSource.id)
        .where(RosterSource.organisation_id == organisation.id, RosterSource.seen_at > now - IN_USE)
        .order_by(RosterSource.id)
    ).all()
    late = [title or context_id for title, context_id, at in rows if at is None or now - at > PULLED_EVERY]
    if late:
        names = ", ".join(late[:5]) + (" …" if len(late) > 5 else "")
        yield note(Area.DELIVERIES, "rosters_overdue", organisation=organisation.key, count=len(late), names=names)
    elif rows:
        yield good(Area.DELIVERIES, "rosters_good", organisation=organisation.key, count=len(rows))
