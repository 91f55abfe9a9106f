"""The linking queue: how every identity stands, found by name, number, state and platform; and one identity's history.

Source: lti.md rule 6.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.orm import Session

from lms.services.identities import LinkState, UnknownIdentityError, link_state
from lms.services.people import Particulars, particulars_on
from lms.store.identities import IdentityLink, LtiIdentity
from lms.store.platforms import Platform

OPEN_STATES = frozenset({LinkState.WAITING, LinkState.TAKEN_BACK})
"""What the secretariat is asked to decide."""


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which identities to show; None or empty: all."""

    text: str = ""
    """Part of what the platform claims, or of the linked person's name or number."""
    states: frozenset[LinkState] = OPEN_STATES
    platform_id: int | None = None


@dataclass(frozen=True, slots=True)
class QueuedIdentity:
    """An identity and how it stands."""

    identity_id: int
    platform_id: int
    platform_name: str
    claimed_name: str
    """What the platform says, in the order family then given; not proof of anything."""
    claimed_staff_number: str | None
    last_seen_at: datetime
    was_launched: bool
    """Whether it ever came here; False: it is known from a roster alone."""
    person_id: int | None
    method: str | None
    newest_link_id: int
    """0: nobody has decided."""
    reason: str | None

    @property
    def state(self) -> LinkState:
        """How it stands."""
        return link_state(self.person_id, self.method)


@dataclass(frozen=True, slots=True)
class LinkingQueue:
    """What a filter finds, and how many there are of each state besides it."""

    shown: Sequence[QueuedIdentity]
    """Those of the page asked for."""
    found: int
    """How many there are on all pages."""
    page: int
    counts: Mapping[LinkState, int]
    """Of the whole organisation."""


@dataclass(frozen=True, slots=True)
class IdentityHistory:
    """One identity with every decision on it, the newest first."""

    identity: QueuedIdentity
    first_seen_at: datetime
    links: Sequence[IdentityLink]
    people: Mapping[int, Particulars | None]
    """Of those whom it is or was linked to."""


def identity_queue(
    session: Session, organisation_id: int, chosen: QueueFilter, day: date, page: tuple[int, int] | None = None
) -> LinkingQueue:
    """Return the identities of an organisation that a filter chooses, those last seen first.

    Args:
        session: where to read.
        organisation_id: whose.
        chosen: the filter.
        day: the JST date whose names of linked people are searched.
        page: which page, from 1, and its size; one after the last is the last. None: everything found.
    """
    rows, state = _rows(organisation_id)
    by_state = rows.with_only_columns(state, func.count(), maintain_column_froms=True).order_by(None).group_by(state)
    counts = {LinkState(code): count for code, count in session.execute(by_state)}
    rows = rows.where(state.in_([each.value for each in chosen.states]))
    if chosen.platform_id is not None:
        rows = rows.where(LtiIdentity.platform_id == chosen.platform_id)
    if chosen.text:
        keys = _matching(session, organisation_id, rows, folded(chosen.text), day)
        total, number = len(keys), page[0] if page else 1
        size = page[1] if page else max(1, total)
        number = min(number, max(1, -(-total // size)))
        shown = rows.where(LtiIdentity.id.in_(keys[(number - 1) * size : number * size]))
    else:
        total = session.scalar(rows.with_only_columns(func.count(), maintain_column_froms=True).order_by(None))
        number = min(page[0], max(1, -(-total // page[1]))) if page else 1
        shown = rows.limit(page[1]).offset((number - 1) * page[1]) if page else rows
    return LinkingQueue([_queued(row) for row in session.execute(shown)], total, number, counts)


def waiting_numbers(session: Session, organisation_id: int) -> dict[int, str | None]:
    """Return what staff number each waiting identity claims; light enough for thousands."""
    rows, state = _rows(organisation_id)
    numbers = rows.with_only_columns(LtiIdentity.id, LtiIdentity.claimed_staff_number, maintain_column_froms=True)
    found = session.execute(numbers.where(state == LinkState.WAITING.value))
    return {identity_id: number or None for identity_id, number in found}


def identities_by_key(session: Session, organisation_id: int, keys: Collection[int]) -> list[QueuedIdentity]:
    """Return some identities of an organisation, those last seen first."""
    rows, _state = _rows(organisation_id)
    return [_queued(row) for row in session.execute(rows.where(LtiIdentity.id.in_(keys)))]


def _matching(session: Session, organisation_id: int, rows: Any, wanted: str, day: date) -> list[int]:  # noqa: ANN401 - a select
    """Return the keys of those that a text is found in, by what is claimed or by the linked person."""
    columns = (
        LtiIdentity.id,
        LtiIdentity.claimed_family_name,
        LtiIdentity.claimed_given_name,
        LtiIdentity.claimed_staff_number,
        *(each for each in rows.selected_columns if each.key == "person_id"),
    )
    light = session.execute(rows.with_only_columns(*columns, maintain_column_froms=True)).all()
    linked = {row.person_id for row in light if row.person_id is not None}
    people = particulars_on(session, organisation_id, day, None, linked) if linked else {}
    return [row.id for row in light if wanted in _searchable(row, people)]


def identity_history(session: Session, organisation_id: int, identity_id: int, day: date) -> IdentityHistory:
    """Return one identity's history.

    Raises:
        UnknownIdentityError: the organisation has no such identity.
    """
    rows, _state = _rows(organisation_id)
    row = session.execute(rows.where(LtiIdentity.id == identity_id)).one_or_none()
    if row is None:
        raise UnknownIdentityError(identity_id)
    links = session.scalars(
        select(IdentityLink).where(IdentityLink.identity_id == identity_id).order_by(IdentityLink.id.desc())
    ).all()
    people = {each.person_id for each in links if each.person_id is not None}
    named = particulars_on(session, organisation_id, day, None, people) if people else {}
    return IdentityHistory(_queued(row), row.first_seen_at, links, named)


def platform_names(session: Session, organisation_id: int) -> dict[int, str]:
    """Return the names of an organisation's platforms."""
    platforms = select(Platform.id, Platform.name).where(Platform.organisation_id == organisation_id)
    return {row.id: row.name for row in session.execute(platforms.order_by(Platform.id))}


def folded(text: str) -> str:
    """Fold width, case and the space between names."""
    return unicodedata.normalize("NFKC", text).casefold().replace(" ", "")


def _searchable(row: Row[Any], people: Mapping[int, Particulars | None]) -> str:
    who = people.get(row.person_id) if row.person_id is not None else None
    linked = f"{who.staff_number}\n{who.family_name}{who.given_name}\n{who.family_kana}{who.given_kana}" if who else ""
    claimed = f"{row.claimed_family_name or ''}{row.claimed_given_name or ''}\n{row.claimed_staff_number or ''}"
    return folded(f"{claimed}\n{linked}")


def _rows(organisation_id: int) -> tuple[Any, Any]:
    """Return the select of an organisation's identities, and the column that says how each stands."""
    newest = (
        select(func.max(IdentityLink.id).label("id"))
        .where(IdentityLink.organisation_id == organisation_id)
        .group_by(IdentityLink.identity_id)
        .subquery()
    )
    link = (
        select(
            IdentityLink.id,
            IdentityLink.identity_id,
            IdentityLink.person_id,
            IdentityLink.method,
            IdentityLink.reason,
        )
        .join(newest, newest.c.id == IdentityLink.id)
        .subquery()
    )
    state = case(
        (link.c.person_id.is_not(None), LinkState.LINKED.value),
        (or_(link.c.method.is_(None), link.c.method == "undo_waiting"), LinkState.WAITING.value),
        (link.c.method.in_(("nobody", "undo_nobody")), LinkState.NOBODY.value),
        else_=LinkState.TAKEN_BACK.value,
    )
    rows = (
        select(
            LtiIdentity.id,
            LtiIdentity.platform_id,
            Platform.name,
            LtiIdentity.claimed_family_name,
            LtiIdentity.claimed_given_name,
            LtiIdentity.claimed_staff_number,
            LtiIdentity.first_seen_at,
            LtiIdentity.last_seen_at,
            LtiIdentity.last_launched_at,
            link.c.person_id,
            link.c.method,
            link.c.id.label("link_id"),
            link.c.reason,
        )
        .join(Platform, Platform.id == LtiIdentity.platform_id)
        .outerjoin(link, link.c.identity_id == LtiIdentity.id)
        .where(LtiIdentity.organisation_id == organisation_id)
        .order_by(LtiIdentity.last_seen_at.desc(), LtiIdentity.id)
    )
    return rows, state


def _queued(row: Row[Any]) -> QueuedIdentity:
    return QueuedIdentity(
        identity_id=row.id,
        platform_id=row.platform_id,
        platform_name=row.name,
        claimed_name=" ".join(part for part in (row.claimed_family_name, row.claimed_given_name) if part),
        claimed_staff_number=row.claimed_staff_number or None,
        last_seen_at=row.last_seen_at,
        was_launched=row.last_launched_at is not None,
        person_id=row.person_id,
        method=row.method,
        newest_link_id=row.link_id or 0,
        reason=row.reason,
    )
