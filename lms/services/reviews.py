"""Submission review: what one person did in one activity, for that person and for the course's instructors.

Marks and times, and for instructors what stands in the gradebook; never answers, which tell the answer key, and never
another activity's or another person's.

Source: LTI Submission Review 1.0; lti.md §4 (messages).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import Module
from lms.services.awareness import UnknownModuleError, module_in_use
from lms.store.attempts import Attempt, AttemptResult
from lms.store.identities import LtiIdentity, identities_of, person_of
from lms.store.launches import ResourceLink
from lms.store.outbox import ScoreDelivery


class UnknownReviewError(LookupError):
    """The session was not opened to review a submission, or its holder may not."""


@dataclass(frozen=True, slots=True)
class ReviewedAttempt:
    """A submitted attempt, without its answers."""

    attempt_id: int
    number: int
    started_at: datetime
    submitted_at: datetime
    mark: int
    maximum: int
    is_passed: bool


@dataclass(frozen=True, slots=True)
class Gradebook:
    """What the platform's gradebook should hold for this activity, and what is known to stand there."""

    state: str
    """``wanted``, ``delivered`` or ``dead``; see `lms.store.outbox`."""
    mark: int
    maximum: int
    delivered_at: datetime | None
    standing: str | None
    """What the last comparison found: ``same``, ``lost``, ``overridden`` or ``emptied``; None before the first."""
    held_score: float | None
    held_maximum: float | None
    compared_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """What one person did in one activity."""

    activity: str | None
    opens: str | None
    module: Module | None
    """None where the activity opens no module, so that there is nothing to review."""
    is_known: bool
    """Whether the person has opened the tool at all."""
    name: str | None
    """As the platform says it, family name first."""
    attempts: tuple[ReviewedAttempt, ...]
    """Newest first."""
    is_under_way: bool
    """Whether an attempt was begun and not submitted."""
    gradebook: Gradebook | None


def review_of(
    session: Session, organisation_id: int, link_pk: int | None, reviewed_identity_id: int | None, on: date
) -> Review:
    """Return what a person did in an activity; the caller has made sure that the reader may see it.

    Raises:
        UnknownReviewError: the organisation has no such activity.
    """
    link = None if link_pk is None else session.get(ResourceLink, link_pk)
    if link is None or link.organisation_id != organisation_id:
        raise UnknownReviewError(link_pk)
    module = _module(session, organisation_id, link.opens, on)
    identity = None if reviewed_identity_id is None else session.get(LtiIdentity, reviewed_identity_id)
    if identity is None or identity.organisation_id != organisation_id:
        return Review(link.title, link.opens, module, False, None, (), False, None)
    person_id = person_of(session, identity.id)
    identity_ids = [identity.id] if person_id is None else identities_of(session, person_id)
    key = None if module is None else module.key
    return Review(
        activity=link.title,
        opens=link.opens,
        module=module,
        is_known=True,
        name=" ".join(part for part in (identity.claimed_family_name, identity.claimed_given_name) if part) or None,
        attempts=_attempts(session, identity_ids, key),
        is_under_way=_is_under_way(session, identity_ids, key),
        gradebook=_gradebook(session, link.id, identity.id),
    )


def _module(session: Session, organisation_id: int, key: str | None, on: date) -> Module | None:
    try:
        return None if key is None else module_in_use(session, organisation_id, key, on).module
    except UnknownModuleError:
        return None


def _attempts(session: Session, identity_ids: list[int], key: str | None) -> tuple[ReviewedAttempt, ...]:
    rows = session.scalars(
        select(AttemptResult)
        .where(AttemptResult.identity_id.in_(identity_ids), AttemptResult.module_key == key)
        .order_by(AttemptResult.submitted_at.desc(), AttemptResult.id.desc())
    )
    return tuple(
        ReviewedAttempt(
            row.attempt_id, row.number, row.started_at, row.submitted_at, row.mark, row.maximum, row.is_passed
        )
        for row in rows
    )


def _is_under_way(session: Session, identity_ids: list[int], key: str | None) -> bool:
    found = select(Attempt.id).where(
        Attempt.identity_id.in_(identity_ids), Attempt.module_key == key, Attempt.submitted_at.is_(None)
    )
    return session.scalar(found.limit(1)) is not None


def _gradebook(session: Session, link_pk: int, identity_id: int) -> Gradebook | None:
    sent = session.scalar(
        select(ScoreDelivery).where(ScoreDelivery.resource_link_pk == link_pk, ScoreDelivery.identity_id == identity_id)
    )
    if sent is None:
        return None
    return Gradebook(
        state=sent.state,
        mark=sent.mark,
        maximum=sent.maximum,
        delivered_at=sent.delivered_at,
        standing=sent.standing,
        held_score=sent.held_score,
        held_maximum=sent.held_maximum,
        compared_at=sent.compared_at,
    )
