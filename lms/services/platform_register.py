"""The register of an organisation's platforms: their state, and how each is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Deployment, Platform, PlatformKeyset


@dataclass(frozen=True, slots=True)
class PlatformView:
    """A registration as the pages and commands show it."""

    platform: Platform
    deployments: tuple[str, ...]
    last_launched_at: datetime | None
    keys_fetched_at: datetime | None
    keys_asked_at: datetime | None
    """When the keys were last asked for again; later than `keys_fetched_at` where they were out of reach."""
    identities: int
    """Accounts that it has shown."""
    live_sessions: int
    deliveries_waiting: int
    deliveries_dead: int
    """Scores that it refuses for good, and that nobody has put aside."""

    @property
    def state(self) -> str:
        """``stopped``, ``in_use``, or ``unused`` while nobody has come in by it."""
        if self.platform.stopped_at is not None:
            return "stopped"
        return "unused" if self.last_launched_at is None else "in_use"


def platform_views(session: Session, organisation_id: int, now: datetime) -> list[PlatformView]:
    """Return an organisation's registrations, in order of their making."""
    platforms = session.scalars(
        select(Platform).where(Platform.organisation_id == organisation_id).order_by(Platform.id)
    ).all()
    deployments: dict[int, list[str]] = {}
    for platform_id, deployment_id in session.execute(
        select(Deployment.platform_id, Deployment.deployment_id)
        .where(Deployment.organisation_id == organisation_id)
        .order_by(Deployment.deployment_id)
    ):
        deployments.setdefault(platform_id, []).append(deployment_id)
    seen = _seen(session, organisation_id)
    keysets = {
        row.platform_id: row
        for row in session.scalars(select(PlatformKeyset).where(PlatformKeyset.organisation_id == organisation_id))
    }
    live = _live(session, organisation_id, now)
    waiting, dead = _deliveries(session, organisation_id)
    return [
        PlatformView(
            platform=each,
            deployments=tuple(deployments.get(each.id, ())),
            last_launched_at=seen.get(each.id, (None, 0))[0],
            keys_fetched_at=keysets[each.id].fetched_at if each.id in keysets else None,
            keys_asked_at=keysets[each.id].last_attempt_at if each.id in keysets else None,
            identities=seen.get(each.id, (None, 0))[1],
            live_sessions=live.get(each.id, 0),
            deliveries_waiting=waiting.get(each.id, 0),
            deliveries_dead=dead.get(each.id, 0),
        )
        for each in platforms
    ]


def _seen(session: Session, organisation_id: int) -> dict[int, tuple[datetime | None, int]]:
    rows = session.execute(
        select(LtiIdentity.platform_id, func.max(LtiIdentity.last_launched_at), func.count())
        .where(LtiIdentity.organisation_id == organisation_id)
        .group_by(LtiIdentity.platform_id)
    )
    return {platform_id: (last, count) for platform_id, last, count in rows}


def _live(session: Session, organisation_id: int, now: datetime) -> dict[int, int]:
    rows = session.execute(
        select(LaunchSession.platform_id, func.count())
        .where(
            LaunchSession.organisation_id == organisation_id,
            LaunchSession.platform_id.is_not(None),
            LaunchSession.revoked_at.is_(None),
            LaunchSession.expires_at > now,
        )
        .group_by(LaunchSession.platform_id)
    )
    return {platform_id: count for platform_id, count in rows if platform_id is not None}


def _deliveries(session: Session, organisation_id: int) -> tuple[dict[int, int], dict[int, int]]:
    rows = session.execute(
        select(ResourceLink.platform_id, ScoreDelivery.state, func.count())
        .join(ResourceLink, ResourceLink.id == ScoreDelivery.resource_link_pk)
        .where(
            ScoreDelivery.organisation_id == organisation_id,
            ScoreDelivery.state.in_(("wanted", "dead")),
            ScoreDelivery.set_aside_at.is_(None),
        )
        .group_by(ResourceLink.platform_id, ScoreDelivery.state)
    )
    counts: dict[str, dict[int, int]] = {"wanted": {}, "dead": {}}
    for platform_id, state, count in rows:
        counts[state][platform_id] = count
    return counts["wanted"], counts["dead"]
