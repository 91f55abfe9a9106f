"""Reading a launch out of verified claims: every type checked once, here, so that nobody else has to.

Three kinds of message are taken: a resource link opened, content to be chosen (deep linking), a submission to be
reviewed.

Source: LTI Core 1.3, section 5 (messages) and appendix C; LTI Deep Linking 2.0; LTI Submission Review 1.0;
AGS 2.0 section 3.1; NRPS 2.0 section 3.6.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lms.lti.claims import (
    LTI,
    MAX_ENTRIES,
    MAX_TEXT,
    address,
    identifier,
    section,
    string,
    strings,
    strings_or_none,
    text,
    whole,
)
from lms.lti.deep_linking import DeepLinkingSettings, read_settings
from lms.lti.http import OutgoingRefused, origin_of
from lms.lti.id_tokens import LaunchFault, LaunchRefused, Registration

VERSION: Final = "1.3.0"
MAX_VALUE: Final = 2000

_AGS: Final = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
_NRPS: Final = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
_TARGETS: Final = frozenset({"frame", "iframe", "window"})


class MessageKind(StrEnum):
    """What a platform asks for; the values are those of a launch session's kind."""

    RESOURCE_LINK = "resource_link"
    """Open an activity."""
    DEEP_LINKING = "deep_linking"
    """Choose what activities a course gets."""
    SUBMISSION_REVIEW = "submission_review"
    """Look at what somebody did in an activity."""


_KINDS: Final = {
    "LtiResourceLinkRequest": MessageKind.RESOURCE_LINK,
    "LtiDeepLinkingRequest": MessageKind.DEEP_LINKING,
    "LtiSubmissionReviewRequest": MessageKind.SUBMISSION_REVIEW,
}


@dataclass(frozen=True)
class Launch:
    """What a platform said in one launch; texts are cut to a length that a page and a column bear."""

    sub: str
    """The platform's id of the person."""
    deployment_id: str
    resource_link_id: str | None
    """Changes when the activity is copied or restored; None while content is chosen."""
    resource_link_title: str | None
    context_id: str | None
    """The course; None where the platform launches from outside one."""
    context_title: str | None
    roles: tuple[str, ...]
    """As sent; read them with `lms.lti.roles`."""
    given_name: str | None
    """A missing name is normal: a platform sends names only if its administrator lets it."""
    family_name: str | None
    email: str | None
    """For display; nobody is ever identified by it."""
    staff_number: str | None
    """`lis.person_sourcedid`; trustworthy only where people cannot edit it on the platform."""
    custom: Mapping[str, str]
    """Custom parameters that have a value; an unexpanded variable has none."""
    locale: str | None
    document_target: str | None
    """frame, iframe or window."""
    return_url: str | None
    """Where the person may be sent back to; None unless it is on one of the platform's registered origins."""
    line_item_url: str | None
    """Present only where exactly one line item belongs to the link."""
    line_items_url: str | None
    ags_scopes: tuple[str, ...]
    """What the platform lets us do with line items, scores and results."""
    roster_url: str | None
    kind: MessageKind = MessageKind.RESOURCE_LINK
    settings: DeepLinkingSettings | None = None
    """What the chosen content is to be; only while content is chosen."""
    for_user: str | None = None
    """The platform's id of the person whose submission is to be reviewed; only in a submission review."""


def read_launch(
    claims: Mapping[str, Any], registration: Registration, expected_target: str, deployment_hint: str | None
) -> Launch:
    """Read a launch, after `verify_id_token`; `expected_target` and `deployment_hint` are what its login was bound to.

    Raises:
        LaunchRefused: The message is not one that we take, is bound to something else, or is malformed.
    """
    kind = _read_kind(claims)
    deployment_id = _read_deployment(claims, registration, deployment_hint)
    if claims.get(LTI + "target_link_uri") != expected_target:
        raise LaunchRefused(LaunchFault.TARGET_WRONG)
    link_id, link_title = _read_link(claims, kind)
    context = section(claims, LTI + "context", LaunchFault.CONTEXT_MALFORMED)
    presentation = section(claims, LTI + "launch_presentation", LaunchFault.PRESENTATION_MALFORMED)
    services = section(claims, _AGS, LaunchFault.SERVICES_MALFORMED)
    roster = section(claims, _NRPS, LaunchFault.SERVICES_MALFORMED)
    return Launch(
        sub=_read_subject(claims),
        deployment_id=deployment_id,
        resource_link_id=link_id,
        resource_link_title=link_title,
        context_id=identifier(context, "id", LaunchFault.CONTEXT_MALFORMED),
        context_title=text(context, "title", LaunchFault.CONTEXT_MALFORMED),
        roles=_read_roles(claims),
        given_name=text(claims, "given_name", LaunchFault.PROFILE_MALFORMED),
        family_name=text(claims, "family_name", LaunchFault.PROFILE_MALFORMED),
        email=whole(claims, "email", LaunchFault.PROFILE_MALFORMED),
        staff_number=_read_staff_number(claims),
        custom=_read_custom(claims),
        locale=whole(presentation, "locale", LaunchFault.PRESENTATION_MALFORMED),
        document_target=_read_target(presentation),
        return_url=_read_return_url(presentation, registration),
        line_item_url=_url(services, "lineitem"),
        line_items_url=_url(services, "lineitems"),
        ags_scopes=strings_or_none(services.get("scope"), LaunchFault.SERVICES_MALFORMED),
        roster_url=_url(roster, "context_memberships_url"),
        kind=kind,
        settings=read_settings(claims, registration) if kind is MessageKind.DEEP_LINKING else None,
        for_user=_read_for_user(claims) if kind is MessageKind.SUBMISSION_REVIEW else None,
    )


def _read_kind(claims: Mapping[str, Any]) -> MessageKind:
    if claims.get(LTI + "version") != VERSION:
        raise LaunchRefused(LaunchFault.VERSION_WRONG)
    message_type = claims.get(LTI + "message_type")
    kind = _KINDS.get(message_type) if isinstance(message_type, str) else None
    if kind is None:
        raise LaunchRefused(LaunchFault.MESSAGE_TYPE_UNKNOWN)
    return kind


def _read_deployment(claims: Mapping[str, Any], registration: Registration, hint: str | None) -> str:
    deployment_id = claims.get(LTI + "deployment_id")
    if not isinstance(deployment_id, str) or deployment_id not in registration.deployments:
        raise LaunchRefused(LaunchFault.DEPLOYMENT_UNKNOWN)
    if hint is not None and deployment_id != hint:
        raise LaunchRefused(LaunchFault.DEPLOYMENT_CHANGED)
    return deployment_id


def _read_link(claims: Mapping[str, Any], kind: MessageKind) -> tuple[str | None, str | None]:
    """Id and title of the activity; while content is chosen there is none, and one that is named means nothing."""
    if kind is MessageKind.DEEP_LINKING:
        return None, None
    link = section(claims, LTI + "resource_link", LaunchFault.RESOURCE_LINK_MALFORMED)
    link_id = identifier(link, "id", LaunchFault.RESOURCE_LINK_MALFORMED)
    if link_id is None:
        raise LaunchRefused(LaunchFault.RESOURCE_LINK_MISSING)
    return link_id, text(link, "title", LaunchFault.RESOURCE_LINK_MALFORMED)


def _read_subject(claims: Mapping[str, Any]) -> str:
    subject = identifier(claims, "sub", LaunchFault.SUBJECT_MALFORMED)
    if subject is None:
        raise LaunchRefused(LaunchFault.SUBJECT_MISSING)
    return subject


def _read_roles(claims: Mapping[str, Any]) -> tuple[str, ...]:
    roles = claims.get(LTI + "roles")
    if roles is None:
        raise LaunchRefused(LaunchFault.ROLES_MISSING)
    return strings(roles, LaunchFault.ROLES_MALFORMED)


def _read_staff_number(claims: Mapping[str, Any]) -> str | None:
    lis = section(claims, LTI + "lis", LaunchFault.PROFILE_MALFORMED)
    number = whole(lis, "person_sourcedid", LaunchFault.PROFILE_MALFORMED)
    return None if number is None or number.startswith("$") else number


def _read_for_user(claims: Mapping[str, Any]) -> str:
    of_whom = section(claims, LTI + "for_user", LaunchFault.FOR_USER_MALFORMED)
    user_id = identifier(of_whom, "user_id", LaunchFault.FOR_USER_MALFORMED)
    if user_id is None:
        raise LaunchRefused(LaunchFault.FOR_USER_MISSING)
    return user_id


def _read_custom(claims: Mapping[str, Any]) -> dict[str, str]:
    """The parameters with a value: a platform sends a variable that it does not know as its own literal name."""
    custom = section(claims, LTI + "custom", LaunchFault.CUSTOM_MALFORMED)
    if len(custom) > MAX_ENTRIES:
        raise LaunchRefused(LaunchFault.CUSTOM_MALFORMED)
    return {
        name: value
        for name, value in custom.items()
        if isinstance(value, str) and not value.startswith("$") and len(value) <= MAX_VALUE and len(name) <= MAX_TEXT
    }


def _read_target(presentation: Mapping[str, Any]) -> str | None:
    target = whole(presentation, "document_target", LaunchFault.PRESENTATION_MALFORMED)
    return target if target in _TARGETS else None


def _read_return_url(presentation: Mapping[str, Any], registration: Registration) -> str | None:
    url = string(presentation, "return_url", LaunchFault.PRESENTATION_MALFORMED)
    try:
        return url if url is not None and origin_of(url) in registration.origins else None
    except OutgoingRefused:
        return None


def _url(claims: Mapping[str, Any], name: str) -> str | None:
    return address(claims, name, LaunchFault.SERVICES_MALFORMED)
