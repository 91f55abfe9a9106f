"""Activities in platforms' courses: what each opens, whose copy it is, and what an instructor chose for it.

A copied or restored activity has new ids and keeps its custom parameters: by them, and by the course's history, it is
known again.

Source: lti.md rule 13 and §4 (copies).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.lti.messages import Launch
from lms.services.audit import note
from lms.services.content import ITEM_PARAMETER, PARAMETER, UnknownContentError, can_open
from lms.services.scores import want_scores_here
from lms.store.launches import PlacedItem, ResourceLink, ResourceLinkVisit
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform

HISTORY_PARAMETER = "context_history"
"""Name of the custom parameter that registration sets to ``$Context.id.history``."""
LONGEST_HISTORY = 50
_LONGEST_KEY = 255


class UnknownActivityError(LookupError):
    """The session belongs to no activity of the visitor's course that could be looked at or changed."""


class ActivityDecidesError(ValueError):
    """The activity says by its own custom parameter what it opens; nothing can be chosen for it here."""


@dataclass(frozen=True, slots=True)
class ActivityState:
    """What an activity opens, and how that came about."""

    link: ResourceLink
    opens: str | None
    is_openable: bool
    """Whether the organisation has adopted what it opens."""
    copied_from: ResourceLink | None
    proposal: ResourceLink | None
    """The one former activity that this one seems to be the copy of; only where it opens nothing."""

    @property
    def is_undecided(self) -> bool:
        """Tell whether somebody has yet to say what the activity opens."""
        return self.opens is None

    @property
    def can_be_chosen(self) -> bool:
        """Tell whether an instructor may say here what it opens."""
        return self.opens is None or self.link.is_choice


def see_activity(session: Session, platform: Platform, launch: Launch, now: datetime) -> ResourceLink:
    """Return the activity that was launched, kept up to date with what the platform says of it."""
    link = session.scalar(
        select(ResourceLink).where(
            ResourceLink.platform_id == platform.id,
            ResourceLink.deployment_id == launch.deployment_id,
            ResourceLink.resource_link_id == launch.resource_link_id,
        )
    )
    is_new = link is None
    if link is None:
        link = ResourceLink(
            organisation_id=platform.organisation_id,
            platform_id=platform.id,
            deployment_id=launch.deployment_id,
            resource_link_id=launch.resource_link_id,
            is_choice=False,
        )
        session.add(link)
    before = (link.item_key, link.context_history)
    link.context_id = launch.context_id
    link.context_title = launch.context_title
    link.title = launch.resource_link_title
    link.item_key = _key(launch, ITEM_PARAMETER)
    link.context_history = _history(launch)
    # Moodle 4.5 names the line item only where there is exactly one (seen 2026-11): what was found here stands till then.
    link.line_item_url = launch.line_item_url or link.line_item_url
    link.line_items_url = launch.line_items_url
    link.ags_scopes = list(launch.ags_scopes)
    link.last_launched_at = now
    _see_what_opens(session, link, _key(launch, PARAMETER))
    session.flush()
    if link.copied_from_pk is None and (is_new or before != (link.item_key, link.context_history)):
        _adopt_as_copy(session, link, now)
    return link


def see_visit(session: Session, link: ResourceLink, identity_id: int, *, is_learner: bool) -> None:
    """Keep that an identity launched an activity."""
    visit = session.get(ResourceLinkVisit, (link.id, identity_id))
    if visit is None:
        visit = ResourceLinkVisit(
            resource_link_pk=link.id, identity_id=identity_id, organisation_id=link.organisation_id
        )
        session.add(visit)
    visit.is_learner = is_learner
    session.flush()


def _key(launch: Launch, parameter: str) -> str | None:
    value = launch.custom.get(parameter, "").strip()
    return value if 0 < len(value) <= _LONGEST_KEY else None


def _history(launch: Launch) -> list[str] | None:
    """The ids of the courses that this one was copied from, the newest first; Moodle writes them between commas."""
    ids = [each.strip() for each in launch.custom.get(HISTORY_PARAMETER, "").split(",")]
    return [each for each in ids if each][:LONGEST_HISTORY] or None


def _see_what_opens(session: Session, link: ResourceLink, said: str | None) -> None:
    if said is not None:
        link.opens, link.is_choice = said, False
    elif not link.is_choice:
        placed = None if link.item_key is None else session.get(PlacedItem, link.item_key)
        is_ours = placed is not None and placed.organisation_id == link.organisation_id
        link.opens = placed.opens if placed is not None and is_ours else None


# Copies


def _adopt_as_copy(session: Session, link: ResourceLink, now: datetime) -> None:
    original = _by_item_key(session, link) or _by_history(session, link)
    if original is None:
        return
    link.copied_from_pk = original.id
    session.flush()
    facts = {"activity": link.id, "copied_from": original.id, "opens": link.opens}
    note(session, "activity.adopted", "system:launch", now, link.organisation_id, **facts)


def _by_item_key(session: Session, link: ResourceLink) -> ResourceLink | None:
    """Another activity of the same placed item; none where the item was placed in this very course."""
    if link.item_key is None:
        return None
    placed = session.get(PlacedItem, link.item_key)
    if placed is not None and (placed.platform_id, placed.context_id) == (link.platform_id, link.context_id):
        return None
    others = session.scalars(
        select(ResourceLink)
        .where(
            ResourceLink.organisation_id == link.organisation_id,
            ResourceLink.item_key == link.item_key,
            ResourceLink.id != link.id,
        )
        .order_by(ResourceLink.id)
    ).all()
    for former in _in_order_of_history(link, others):
        return former
    is_elsewhere = [
        each for each in others if (each.platform_id, each.context_id) != (link.platform_id, link.context_id)
    ]
    return is_elsewhere[0] if is_elsewhere else None


def _by_history(session: Session, link: ResourceLink) -> ResourceLink | None:
    """The only activity of the former courses that opens the same."""
    if link.opens is None:
        return None
    same = [each for each in _former(session, link) if each.opens == link.opens]
    return same[0] if len(same) == 1 else None


def _former(session: Session, link: ResourceLink) -> list[ResourceLink]:
    """The activities of the courses that the activity's course was copied from."""
    if not link.context_history:
        return []
    return list(
        session.scalars(
            select(ResourceLink)
            .where(
                ResourceLink.platform_id == link.platform_id,
                ResourceLink.context_id.in_(link.context_history),
                ResourceLink.id != link.id,
            )
            .order_by(ResourceLink.id)
        )
    )


def _in_order_of_history(link: ResourceLink, others: Sequence[ResourceLink]) -> list[ResourceLink]:
    history = link.context_history or []
    former = [each for each in others if each.platform_id == link.platform_id and each.context_id in history]
    return sorted(former, key=lambda each: history.index(each.context_id))


# What an activity opens


def state_of(session: Session, organisation_id: int, link_pk: int | None, on: date) -> ActivityState:
    """Return what an activity opens on a day.

    Raises:
        UnknownActivityError: the organisation has no such activity.
    """
    link = None if link_pk is None else session.get(ResourceLink, link_pk)
    if link is None or link.organisation_id != organisation_id:
        raise UnknownActivityError(link_pk)
    copied_from = None if link.copied_from_pk is None else session.get(ResourceLink, link.copied_from_pk)
    return ActivityState(
        link,
        link.opens,
        link.opens is not None and can_open(session, organisation_id, link.opens, on),
        copied_from,
        _proposal(session, link, on) if link.opens is None else None,
    )


def _proposal(session: Session, link: ResourceLink, on: date) -> ResourceLink | None:
    """The one former activity of the same title, if what it opens can be opened."""
    same = [each for each in _former(session, link) if each.title == link.title and each.opens is not None]
    openable = [each for each in same if can_open(session, link.organisation_id, str(each.opens), on)]
    return openable[0] if len(openable) == 1 else None


def choose_content(
    session: Session, organisation: Organisation, link_pk: int | None, key: str, decided: tuple[str, datetime]
) -> None:
    """Let an activity that says nothing of its own open this; whoever was there already gets the grade that belongs there.

    Args:
        session: a writing transaction.
        organisation: the organisation of the activity.
        link_pk: the activity.
        key: of what it opens.
        decided: by whom, and when.

    Raises:
        UnknownActivityError: the organisation has no such activity.
        ActivityDecidesError: the platform sends a key with it.
        UnknownContentError: nothing has this key today.
    """
    actor, now = decided
    state = state_of(session, organisation.id, link_pk, jst_date(now))
    if not state.can_be_chosen:
        raise ActivityDecidesError
    if not can_open(session, organisation.id, key, jst_date(now)):
        raise UnknownContentError(key)
    link = state.link
    if state.proposal is not None and state.proposal.opens == key:
        link.copied_from_pk = state.proposal.id
    if link.opens != key:
        _withdraw_scores(session, link, actor, now)
    link.opens, link.is_choice = key, True
    session.flush()
    note(session, "activity.chosen", actor, now, organisation.id, activity=link.id, opens=key)
    visitors = select(ResourceLinkVisit.identity_id).where(ResourceLinkVisit.resource_link_pk == link.id)
    for identity_id in session.scalars(visitors.order_by(ResourceLinkVisit.identity_id)).all():
        want_scores_here(session, link, identity_id, now)


def undo_choice(
    session: Session, organisation: Organisation, link_pk: int | None, decided: tuple[str, datetime]
) -> None:
    """Take back what was chosen for an activity: it opens nothing again.

    Raises:
        UnknownActivityError: the organisation has no such activity.
        ActivityDecidesError: nothing was chosen here.
    """
    actor, now = decided
    link = state_of(session, organisation.id, link_pk, jst_date(now)).link
    if not link.is_choice:
        raise ActivityDecidesError
    note(session, "activity.choice_undone", actor, now, organisation.id, activity=link.id, opens=link.opens)
    _withdraw_scores(session, link, actor, now)
    link.opens, link.is_choice = None, False
    session.flush()


def _withdraw_scores(session: Session, link: ResourceLink, actor: str, now: datetime) -> None:
    """Put aside what is still to be sent of the module that the activity opened; what was delivered stands there."""
    session.execute(
        update(ScoreDelivery)
        .where(ScoreDelivery.resource_link_pk == link.id, ScoreDelivery.state == "wanted")
        .values(state="dead", refusal="activity_changed", set_aside_at=now, set_aside_by=actor)
    )
