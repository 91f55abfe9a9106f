"""The claims of a launch of each kind, in the shape in which Moodle 4.5.6 sent them (seen 2026-11).

Source: LTI Core 1.3, "Required message claims"; LTI Deep Linking 2.0; LTI Submission Review; LTI Advantage services'
endpoint claims.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.practice_lms.model import (
    AGS_SCOPES,
    NRPS_SCOPE,
    Activity,
    LineItem,
    LmsCourse,
    LmsPerson,
    LmsRole,
    MessageType,
    PlatformConfig,
    Window,
)

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
BASIC_OUTCOME = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"
AGS_ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_ENDPOINT = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
DEEP_LINKING_SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
VOCABULARY = "http://purl.imsglobal.org/vocab/lis/v2/"
LAUNCH_CONTAINER = {Window.EMBED: 3, Window.NEW: 4}
DOCUMENT_TARGET = {Window.EMBED: "iframe", Window.NEW: "window"}


@dataclass(frozen=True)
class DeepLinkingFacts:
    """Where the chosen content is to be sent."""

    return_url: str
    data: str = ""
    """Sent where not empty, and expected back."""


@dataclass(frozen=True)
class LaunchFacts:
    """Who opens what, and where."""

    config: PlatformConfig
    """As the launched tool sees the platform (``PlatformConfig.for_tool``)."""
    course: LmsCourse
    activity: Activity | None
    """``None`` while content is being chosen."""
    person: LmsPerson
    line_items: tuple[LineItem, ...]
    """The line items bound to the activity's link."""
    locale: str
    """Language of the page from which the launch started, ``ja`` or ``en``."""
    message: MessageType = MessageType.RESOURCE_LINK
    for_user: str = ""
    """``sub`` of the person whose work is to be reviewed."""
    deep_linking: DeepLinkingFacts | None = None


def build_claims(facts: LaunchFacts, nonce: str, now: int) -> dict[str, Any]:
    """All claims of one launch; ``now`` is in epoch seconds."""
    config, tool, person = facts.config, facts.config.tool, facts.person
    claims: dict[str, Any] = {
        "nonce": nonce,
        "iat": now,
        "exp": now + config.profile.id_token_lifetime,
        "iss": config.issuer,
        **_audience(config),
        CLAIM + "deployment_id": tool.deployment_id,
        CLAIM + "target_link_uri": target_link_uri(config, facts.activity, facts.message),
        "sub": person.sub,
        CLAIM + "lis": {
            "person_sourcedid": person.staff_number,
            "course_section_sourcedid": facts.course.idnumber,
        },
        CLAIM + "roles": launch_roles(person.lms_role),
        CLAIM + "context": {
            "id": facts.course.id,
            "label": facts.course.label,
            "title": facts.course.title,
            "type": ["CourseSection"],
        },
    }
    if facts.message is MessageType.SUBMISSION_REVIEW:
        claims[CLAIM + "for_user"] = {"user_id": facts.for_user}
    claims[CLAIM + "message_type"] = facts.message.value
    claims |= _link_claims(facts)
    claims |= _personal_claims(facts)
    claims |= {
        CLAIM + "launch_presentation": _presentation(facts),
        CLAIM + "tool_platform": _tool_platform(config),
        CLAIM + "version": "1.3.0",
        CLAIM + "custom": _custom(facts),
    }
    claims |= _service_claims(facts)
    if facts.deep_linking is not None:
        claims[DEEP_LINKING_SETTINGS] = _deep_linking_settings(config, facts.deep_linking)
    return claims


def target_link_uri(config: PlatformConfig, activity: Activity | None, message: MessageType) -> str:
    """Where the launch is to lead in the tool."""
    if message is MessageType.DEEP_LINKING:
        return config.tool.deep_linking_url or config.tool.target_link_uri
    if activity is None:
        return config.tool.target_link_uri
    review_url = activity.review_url if message is MessageType.SUBMISSION_REVIEW else ""
    return review_url or activity.url or config.tool.target_link_uri


def _link_claims(facts: LaunchFacts) -> dict[str, Any]:
    activity = facts.activity
    if activity is None:
        return {}
    claims: dict[str, Any] = {
        CLAIM + "resource_link": {
            "title": activity.title,
            "description": activity.description,
            "id": activity.link_id,
        }
    }
    if facts.line_items:
        claims[BASIC_OUTCOME] = basic_outcome(facts.config, activity.link_id, facts.person.sub)
    return claims


def _deep_linking_settings(config: PlatformConfig, deep_linking: DeepLinkingFacts) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["frame", "iframe", "window"],
        "accept_copy_advice": False,
        "accept_multiple": True,
        "accept_unsigned": False,
        "auto_create": False,
        "can_confirm": False,
        "deep_link_return_url": deep_linking.return_url,
        "title": config.tool.name,
        "text": "",
    }
    return settings | ({"data": deep_linking.data} if deep_linking.data else {})


def _audience(config: PlatformConfig) -> dict[str, Any]:
    client_id = config.tool.client_id
    return {"aud": [client_id], "azp": client_id} if config.profile.audience_as_list else {"aud": client_id}


def launch_roles(role: LmsRole) -> list[str]:
    """Role URIs of a launch; assistants and managers are Instructors here."""
    if role is LmsRole.STUDENT:
        return [VOCABULARY + "membership#Learner"]
    if role is LmsRole.ADMIN:
        return [
            VOCABULARY + "institution/person#Administrator",
            VOCABULARY + "membership#Instructor",
            VOCABULARY + "system/person#Administrator",
        ]
    return [VOCABULARY + "membership#Instructor"]


def basic_outcome(config: PlatformConfig, link_id: str, sub: str) -> dict[str, str]:
    """The LTI 1.1 outcome claim that Moodle adds for an activity with points; the practice LMS does not serve it."""
    data = {"instanceid": link_id, "userid": sub, "typeid": config.tool.deployment_id, "launchid": secrets.randbits(31)}
    seal = hmac.new(config.issuer.encode(), json.dumps(data).encode(), hashlib.sha256).hexdigest()
    return {
        "lis_result_sourcedid": json.dumps({"data": data, "hash": seal}, separators=(",", ":")),
        "lis_outcome_service_url": f"{config.issuer}/mod/lti/service.php",
    }


def lineitems_url(config: PlatformConfig, course_id: str) -> str:
    """Address of the line items of a course."""
    return f"{config.issuer}/mod/lti/services.php/{course_id}/lineitems?type_id={config.tool.deployment_id}"


def lineitem_url(config: PlatformConfig, item: LineItem) -> str:
    """Address of one line item; ``/scores`` and ``/results`` go before the query."""
    base = f"{config.issuer}/mod/lti/services.php/{item.course_id}/lineitems/{item.id}/lineitem"
    return f"{base}?type_id={config.tool.deployment_id}"


def memberships_url(config: PlatformConfig, course_id: str) -> str:
    """Address of the roster of a course."""
    return f"{config.issuer}/mod/lti/services.php/CourseSection/{course_id}/bindings/{config.tool.deployment_id}/memberships"


def _personal_claims(facts: LaunchFacts) -> dict[str, Any]:
    config, person = facts.config, facts.person
    claims: dict[str, Any] = {}
    ext = {"lms": "moodle-2"}
    if config.sends_names:
        claims = {"given_name": person.given_name, "family_name": person.family_name, "name": _full_name(person)}
        ext = {"user_username": person.username} | ext
    claims[CLAIM + "ext"] = ext
    if config.sends_email:
        claims["email"] = person.email
    return claims


def _full_name(person: LmsPerson) -> str:
    # Moodle's default name format puts the given name first, for Japanese names too.
    return f"{person.given_name} {person.family_name}"


def _presentation(facts: LaunchFacts) -> dict[str, str]:
    if facts.activity is None:
        return {"locale": facts.locale}
    window = facts.activity.window
    return {
        "locale": facts.locale,
        "document_target": DOCUMENT_TARGET[window],
        "return_url": f"{facts.config.issuer}/mod/lti/return.php?course={facts.course.id}"
        f"&launch_container={LAUNCH_CONTAINER[window]}&instanceid={facts.activity.link_id}"
        f"&sesskey={secrets.token_hex(5)}",
    }


def _tool_platform(config: PlatformConfig) -> dict[str, str]:
    return {
        "product_family_code": config.profile.product_family,
        "version": config.profile.product_version,
        "guid": hashlib.sha256(config.issuer.encode()).hexdigest()[:32],
        "name": config.short_name,
        "description": config.name,
    }


def _custom(facts: LaunchFacts) -> dict[str, str | None]:
    variables = _variables(facts)
    literal = facts.config.profile.unknown_variables_stay_literal
    custom: dict[str, str | None] = {}
    own = dict(facts.activity.custom) if facts.activity else {}
    if facts.activity and facts.message is MessageType.SUBMISSION_REVIEW:
        own |= facts.activity.review_custom
    for name, value in (*own.items(), *facts.config.tool.custom_parameters.items()):
        if value.startswith("$"):
            custom[name] = variables.get(value[1:], value if literal else "")
        else:
            custom[name] = value
    if _has_roster(facts):
        custom["context_memberships_url"] = memberships_url(facts.config, facts.course.id)
    return custom


def _variables(facts: LaunchFacts) -> Mapping[str, str | None]:
    """Values of the variables that Moodle 4.5 supports; a name or address that is not sent is null."""
    course, activity, person = facts.course, facts.activity, facts.person
    names = facts.config.sends_names
    return {
        **(activity.dates if activity else {}),
        "Context.id": course.id,
        "Context.title": course.title,
        "Context.label": course.label,
        "Context.id.history": course.copied_from,
        "Context.sourcedId": course.idnumber,
        "Context.longDescription": "",
        "Context.timeFrame.begin": str(course.starts_at),
        "CourseSection.title": course.title,
        "CourseSection.label": course.label,
        "CourseSection.sourcedId": course.idnumber,
        "CourseSection.longDescription": "",
        "CourseSection.timeFrame.begin": str(course.starts_at),
        "CourseSection.timeFrame.end": "",
        "ResourceLink.id": activity.link_id if activity else None,
        "ResourceLink.title": activity.title if activity else None,
        "ResourceLink.description": activity.description if activity else None,
        "User.id": person.sub,
        "User.username": person.username,
        "Person.name.full": _full_name(person) if names else None,
        "Person.name.given": person.given_name if names else None,
        "Person.name.family": person.family_name if names else None,
        "Person.email.primary": person.email if facts.config.sends_email else None,
        "Person.sourcedId": person.staff_number,
        "Person.address.timezone": person.timezone,
        "Person.webaddress": "",
        "Membership.role": _membership_role(person.lms_role),
        "Moodle.Person.userGroupIds": person.moodle_groups,
    }


def _membership_role(role: LmsRole) -> str:
    if role is LmsRole.STUDENT:
        return "Learner"
    if role is LmsRole.ADMIN:
        return "Instructor,urn:lti:sysrole:ims/lis/Administrator,urn:lti:instrole:ims/lis/Administrator"
    return "Instructor"


def _service_claims(facts: LaunchFacts) -> dict[str, Any]:
    config, course = facts.config, facts.course
    claims: dict[str, Any] = {}
    scopes = [scope for scope in AGS_SCOPES if scope in config.tool.scopes]
    if scopes:
        endpoint: dict[str, Any] = {"scope": scopes, "lineitems": lineitems_url(config, course.id)}
        if len(facts.line_items) == 1:
            endpoint["lineitem"] = lineitem_url(config, facts.line_items[0])
        claims[AGS_ENDPOINT] = endpoint
    if _has_roster(facts):
        claims[NRPS_ENDPOINT] = {
            "context_memberships_url": memberships_url(config, course.id),
            "service_versions": ["1.0", "2.0"],
        }
    return claims


def _has_roster(facts: LaunchFacts) -> bool:
    """Moodle names the grade service in a deep-linking launch, and not the roster."""
    return NRPS_SCOPE in facts.config.tool.scopes and facts.message is not MessageType.DEEP_LINKING
