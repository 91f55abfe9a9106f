"""Choosing content for a course: the request that a launch brought, and its one answer.

Source: LTI Deep Linking 2.0; lti.md §4 (deep linking).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.lti.deep_linking import Addressee, ContentItem, DeepLinkingSettings
from lms.lti.messages import Launch
from lms.lti.roles import may_place_content
from lms.services.audit import note
from lms.store.launches import DeepLinkingRequest, LaunchSession, PlacedItem
from lms.store.platforms import Platform


class NothingToChooseError(LookupError):
    """The session was not opened to choose content, or its holder may not."""


class ChoiceAnsweredError(ValueError):
    """The platform has its answer already."""


@dataclass(frozen=True, slots=True)
class Request:
    """A platform's request, unanswered."""

    handle: str
    organisation_id: int
    platform_id: int
    context_id: str | None
    context_title: str | None
    return_url: str
    takes_several: bool
    takes_line_items: bool
    to: Addressee


@dataclass(frozen=True, slots=True)
class Wish:
    """An activity as somebody wishes it; checked by whoever makes it."""

    opens: str
    title: str
    text: str
    maximum: int | None


def keep_request(session: Session, row: LaunchSession, launch: Launch, now: datetime) -> None:
    """Keep what a deep-linking launch asked for, beside its session."""
    settings = launch.settings
    assert isinstance(settings, DeepLinkingSettings)  # noqa: S101 - a deep-linking launch has them; this tells mypy
    session.flush()
    session.add(
        DeepLinkingRequest(
            handle=row.handle,
            organisation_id=row.organisation_id,
            context_id=launch.context_id,
            context_title=launch.context_title,
            return_url=settings.return_url,
            data=settings.data,
            takes_several=settings.takes_several,
            takes_line_items=settings.takes_line_items,
            created_at=now,
            answered_at=None,
        )
    )


def request_of(session: Session, handle: str) -> Request:
    """Return the request that a session is to answer.

    Raises:
        NothingToChooseError: the session was opened for something else, or by somebody who does not place content.
        ChoiceAnsweredError: it was answered already.
    """
    row = session.execute(
        select(
            DeepLinkingRequest,
            LaunchSession.lti_roles,
            LaunchSession.deployment_id,
            Platform.id,
            Platform.issuer,
            Platform.client_id,
        )
        .join(LaunchSession, LaunchSession.handle == DeepLinkingRequest.handle)
        .join(Platform, Platform.id == LaunchSession.platform_id)
        .where(DeepLinkingRequest.handle == handle)
    ).one_or_none()
    if row is None or not may_place_content(row.lti_roles):
        raise NothingToChooseError(handle)
    kept = row.DeepLinkingRequest
    if kept.answered_at is not None:
        raise ChoiceAnsweredError(handle)
    return Request(
        handle=handle,
        organisation_id=kept.organisation_id,
        platform_id=row.id,
        context_id=kept.context_id,
        context_title=kept.context_title,
        return_url=kept.return_url,
        takes_several=kept.takes_several,
        takes_line_items=kept.takes_line_items,
        to=Addressee(row.issuer, row.client_id, row.deployment_id, kept.data),
    )


def answer_request(
    session: Session, asked: Request, wishes: Sequence[Wish], decided: tuple[str, datetime]
) -> list[ContentItem]:
    """Answer a request once: give each wish its stable key, and return the items to be handed to the platform.

    Raises:
        ChoiceAnsweredError: another window was quicker.
    """
    actor, now = decided
    result = session.execute(
        update(DeepLinkingRequest)
        .where(DeepLinkingRequest.handle == asked.handle, DeepLinkingRequest.answered_at.is_(None))
        .values(answered_at=now)
    )
    if result.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
        raise ChoiceAnsweredError(asked.handle)
    items = [
        ContentItem(secrets.token_hex(8), wish.opens, wish.title, wish.text, wish.maximum if asked.takes_line_items else None)
        for wish in wishes
    ]  # fmt: skip
    for item in items:
        session.add(
            PlacedItem(
                key=item.key,
                organisation_id=asked.organisation_id,
                platform_id=asked.platform_id,
                context_id=asked.context_id,
                opens=item.opens,
                title=item.title,
                placed_at=now,
                placed_by=actor,
            )
        )
    facts = {
        "platform": asked.platform_id,
        "items": [item.key for item in items],
        "opens": [item.opens for item in items],
    }
    note(session, "content.placed" if items else "content.not_chosen", actor, now, asked.organisation_id, **facts)
    return items
