"""Reading a resource-link launch out of verified claims: every type checked once, here, so that nobody else has to.

Source: LTI Core 1.3, section 5 (messages) and appendix C; AGS 2.0 section 3.1; NRPS 2.0 section 3.6.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lms.lti.http import MAX_URL_LENGTH, OutgoingRefused, origin_of
from lms.lti.id_tokens import MAX_ID_LENGTH, LaunchFault, LaunchRefused, Registration

VERSION: Final = "1.3.0"
RESOURCE_LINK_REQUEST: Final = "LtiResourceLinkRequest"
MAX_TEXT: Final = 255
MAX_VALUE: Final = 2000
MAX_ENTRIES: Final = 100

_LTI: Final = "https://purl.imsglobal.org/spec/lti/claim/"
_AGS: Final = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
_NRPS: Final = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
_TARGETS: Final = frozenset({"frame", "iframe", "window"})


@dataclass(frozen=True)
class Launch:
    """What a platform said in one resource-link launch; texts are cut to a length that a page and a column bear."""

    sub: str
    """The platform's id of the person."""
    deployment_id: str
    resource_link_id: str
    """Changes when the activity is copied or restored."""
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


def read_launch(
    claims: Mapping[str, Any], registration: Registration, expected_target: str, deployment_hint: str | None
) -> Launch:
    """Read a launch, after `verify_id_token`; `expected_target` and `deployment_hint` are what its login was bound to.

    Raises:
        LaunchRefused: The message is not one that we take, is bound to something else, or is malformed.
    """
    _check_message(claims)
    deployment_id = _read_deployment(claims, registration, deployment_hint)
    if claims.get(_LTI + "target_link_uri") != expected_target:
        raise LaunchRefused(LaunchFault.TARGET_WRONG)
    link_id, link_title = _read_link(claims)
    context = _section(claims, _LTI + "context", LaunchFault.CONTEXT_MALFORMED)
    presentation = _section(claims, _LTI + "launch_presentation", LaunchFault.PRESENTATION_MALFORMED)
    services = _section(claims, _AGS, LaunchFault.SERVICES_MALFORMED)
    roster = _section(claims, _NRPS, LaunchFault.SERVICES_MALFORMED)
    return Launch(
        sub=_read_subject(claims),
        deployment_id=deployment_id,
        resource_link_id=link_id,
        resource_link_title=link_title,
        context_id=_id(context, "id", LaunchFault.CONTEXT_MALFORMED),
        context_title=_text(context, "title", LaunchFault.CONTEXT_MALFORMED),
        roles=_read_roles(claims),
        given_name=_text(claims, "given_name", LaunchFault.PROFILE_MALFORMED),
        family_name=_text(claims, "family_name", LaunchFault.PROFILE_MALFORMED),
        email=_whole(claims, "email", LaunchFault.PROFILE_MALFORMED),
        staff_number=_read_staff_number(claims),
        custom=_read_custom(claims),
        locale=_whole(presentation, "locale", LaunchFault.PRESENTATION_MALFORMED),
        document_target=_read_target(presentation),
        return_url=_read_return_url(presentation, registration),
        line_item_url=_url(services, "lineitem"),
        line_items_url=_url(services, "lineitems"),
        ags_scopes=_strings(_or_empty(services.get("scope")), LaunchFault.SERVICES_MALFORMED),
        roster_url=_url(roster, "context_memberships_url"),
    )


def _check_message(claims: Mapping[str, Any]) -> None:
    if claims.get(_LTI + "version") != VERSION:
        raise LaunchRefused(LaunchFault.VERSION_WRONG)
    if claims.get(_LTI + "message_type") != RESOURCE_LINK_REQUEST:
        raise LaunchRefused(LaunchFault.MESSAGE_TYPE_UNKNOWN)


def _read_deployment(claims: Mapping[str, Any], registration: Registration, hint: str | None) -> str:
    deployment_id = claims.get(_LTI + "deployment_id")
    if not isinstance(deployment_id, str) or deployment_id not in registration.deployments:
        raise LaunchRefused(LaunchFault.DEPLOYMENT_UNKNOWN)
    if hint is not None and deployment_id != hint:
        raise LaunchRefused(LaunchFault.DEPLOYMENT_CHANGED)
    return deployment_id


def _read_link(claims: Mapping[str, Any]) -> tuple[str, str | None]:
    link = _section(claims, _LTI + "resource_link", LaunchFault.RESOURCE_LINK_MALFORMED)
    link_id = _id(link, "id", LaunchFault.RESOURCE_LINK_MALFORMED)
    if link_id is None:
        raise LaunchRefused(LaunchFault.RESOURCE_LINK_MISSING)
    return link_id, _text(link, "title", LaunchFault.RESOURCE_LINK_MALFORMED)


def _read_subject(claims: Mapping[str, Any]) -> str:
    subject = _id(claims, "sub", LaunchFault.SUBJECT_MALFORMED)
    if subject is None:
        raise LaunchRefused(LaunchFault.SUBJECT_MISSING)
    return subject


def _read_roles(claims: Mapping[str, Any]) -> tuple[str, ...]:
    roles = claims.get(_LTI + "roles")
    if roles is None:
        raise LaunchRefused(LaunchFault.ROLES_MISSING)
    return _strings(roles, LaunchFault.ROLES_MALFORMED)


def _read_staff_number(claims: Mapping[str, Any]) -> str | None:
    lis = _section(claims, _LTI + "lis", LaunchFault.PROFILE_MALFORMED)
    number = _whole(lis, "person_sourcedid", LaunchFault.PROFILE_MALFORMED)
    return None if number is None or number.startswith("$") else number


def _read_custom(claims: Mapping[str, Any]) -> dict[str, str]:
    """The parameters with a value: a platform sends a variable that it does not know as its own literal name."""
    custom = _section(claims, _LTI + "custom", LaunchFault.CUSTOM_MALFORMED)
    if len(custom) > MAX_ENTRIES:
        raise LaunchRefused(LaunchFault.CUSTOM_MALFORMED)
    return {
        name: value
        for name, value in custom.items()
        if isinstance(value, str) and not value.startswith("$") and len(value) <= MAX_VALUE and len(name) <= MAX_TEXT
    }


def _read_target(presentation: Mapping[str, Any]) -> str | None:
    target = _whole(presentation, "document_target", LaunchFault.PRESENTATION_MALFORMED)
    return target if target in _TARGETS else None


def _read_return_url(presentation: Mapping[str, Any], registration: Registration) -> str | None:
    url = _string(presentation, "return_url", LaunchFault.PRESENTATION_MALFORMED)
    try:
        return url if url is not None and origin_of(url) in registration.origins else None
    except OutgoingRefused:
        return None


def _section(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> Mapping[str, Any]:
    """A claim that is an object, or nothing where it is absent."""
    value = claims.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LaunchRefused(fault)
    return value


def _string(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise LaunchRefused(fault)
    return value or None


def _id(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    value = _string(claims, name, fault)
    if value is not None and len(value) > MAX_ID_LENGTH:
        raise LaunchRefused(fault)
    return value


def _text(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A text for people, on one line and cut where it is too long."""
    value = _string(claims, name, fault)
    return " ".join((value or "").split())[:MAX_TEXT] or None


def _whole(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A text that means something else when cut: taken whole or not at all."""
    value = _string(claims, name, fault)
    stripped = (value or "").strip()
    return stripped if 0 < len(stripped) <= MAX_TEXT else None


def _url(claims: Mapping[str, Any], name: str) -> str | None:
    value = _string(claims, name, LaunchFault.SERVICES_MALFORMED)
    if value is None:
        return None
    try:
        origin_of(value)
    except OutgoingRefused:
        raise LaunchRefused(LaunchFault.SERVICES_MALFORMED) from None
    return value


def _or_empty(value: object) -> object:
    return [] if value is None else value


def _strings(value: object, fault: LaunchFault) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise LaunchRefused(fault)
    if not all(isinstance(one, str) and len(one) <= MAX_URL_LENGTH for one in value):
        raise LaunchRefused(fault)
    return tuple(value)
