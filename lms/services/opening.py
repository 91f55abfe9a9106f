"""Opening a launch's session: who came, to which activity, and what for; and who may not have what they ask for.

Source: lti.md rules 7 and 8, §4 (messages).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.lti.messages import Launch, MessageKind
from lms.lti.roles import is_instructor, is_learner, may_place_content
from lms.services.activities import see_activity, see_visit
from lms.services.audit import note
from lms.services.deep_linking import keep_request
from lms.services.identities import link_as_before, link_by_staff_number, see_identity
from lms.services.rosters import see_source
from lms.services.scores import want_scores_here
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.platforms import Platform

SESSION_LIFETIME = timedelta(minutes=60)
LONGEST_SESSION = timedelta(hours=12)
"""From the launch on; its cookie lasts no longer either, however often it is used."""
TOUCH_INTERVAL = timedelta(minutes=5)


class LaunchForbidden(Exception):
    """A genuine launch of somebody who may not have what it asks for."""

    code = "launch_forbidden"


class MayNotChooseError(LaunchForbidden):
    """Content is chosen by those who make the course, and this is somebody else."""

    code = "may_not_choose"


class ForeignSubmissionError(LaunchForbidden):
    """Somebody else's submission is shown to the course's instructors alone."""

    code = "submission_foreign"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A launch that succeeded: where it goes on, and the secret for the browser's cookie."""

    handle: str
    secret: str
    opens: str | None
    """Key of what the activity opens."""
    kind: MessageKind = MessageKind.RESOURCE_LINK


def check_allowed(launch: Launch) -> None:
    """Refuse a genuine message of somebody who may not have what it asks for."""
    if launch.kind is MessageKind.DEEP_LINKING and not may_place_content(launch.roles):
        raise MayNotChooseError
    # A student who asks for it is given a review launch of another one by Moodle 4.5 (seen 2026-11).
    is_foreign = launch.kind is MessageKind.SUBMISSION_REVIEW and launch.for_user != launch.sub
    if is_foreign and not is_instructor(launch.roles):
        raise ForeignSubmissionError


def open_session(
    session: Session, platform: Platform, launch: Launch, now: datetime, browser: str | None
) -> OpenedSession:
    """Open a session for a verified launch, and keep what it says of the person, the course and the activity."""
    identity = see_identity(session, platform, launch, now)
    link_as_before(session, platform, identity, now)
    if platform.trusts_staff_number and launch.staff_number is not None:
        link_by_staff_number(session, platform, {identity.id: launch.staff_number}, now, f"identity:{identity.id}")
    see_source(session, platform, launch, now)
    link = _see_place(session, platform, launch, identity.id, now)
    secret = secrets.token_urlsafe(32)
    row = LaunchSession(
        handle=secrets.token_hex(8),
        secret_hash=sha256(secret.encode()).digest(),
        organisation_id=platform.organisation_id,
        kind=launch.kind.value,
        platform_id=platform.id,
        deployment_id=launch.deployment_id,
        identity_id=identity.id,
        resource_link_pk=None if link is None else link.id,
        reviewed_identity_id=_reviewed(session, platform, launch, identity.id, now),
        lti_roles=list(launch.roles),
        return_url=launch.return_url,
        is_framed=launch.document_target in {"iframe", "frame"},
        language=_language(launch.locale),
        browser=browser,
        created_at=now,
        touched_at=now,
        expires_at=now + SESSION_LIFETIME,
        revoked_at=None,
    )
    session.add(row)
    if launch.kind is MessageKind.DEEP_LINKING:
        keep_request(session, row, launch, now)
    return OpenedSession(row.handle, secret, None if link is None else link.opens, launch.kind)


def _see_place(
    session: Session, platform: Platform, launch: Launch, identity_id: int, now: datetime
) -> ResourceLink | None:
    """Keep which activity was launched and by whom; None while content is chosen."""
    if launch.kind is MessageKind.DEEP_LINKING:
        return None
    link = see_activity(session, platform, launch, now)
    see_visit(session, link, identity_id, is_learner=is_learner(launch.roles) and not is_instructor(launch.roles))
    want_scores_here(session, link, identity_id, now)
    return link


def launched_where(session: Session, handle: str) -> tuple[int, list[str]]:
    """Return the organisation of a launch's session, and the LTI roles that the platform stated."""
    row = session.execute(
        select(LaunchSession.organisation_id, LaunchSession.lti_roles).where(LaunchSession.handle == handle)
    ).one()
    return row.organisation_id, row.lti_roles


def _reviewed(session: Session, platform: Platform, launch: Launch, identity_id: int, now: datetime) -> int | None:
    """Return whose submission is reviewed, and note who looks at it; None where nobody is known by this id yet."""
    if launch.kind is not MessageKind.SUBMISSION_REVIEW:
        return None
    reviewed = session.scalar(
        select(LtiIdentity.id).where(LtiIdentity.platform_id == platform.id, LtiIdentity.sub == launch.for_user)
    )
    if reviewed != identity_id:
        actor, organisation_id = f"identity:{identity_id}", platform.organisation_id
        note(session, "submission.reviewed", actor, now, organisation_id, identity=reviewed, platform=platform.id)
    return reviewed


def _language(locale: str | None) -> str:
    """Return the language for a platform's locale: Moodle writes ``ja``, ``en`` or ``en_us``."""
    return "ja" if (locale or "ja").lower().startswith("ja") else "en"
