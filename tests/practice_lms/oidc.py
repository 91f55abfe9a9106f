"""The three-legged login: initiation by the platform, authorization on the tool's return, the signed launch.

Source: 1EdTech Security Framework 1.0, section 5.1; OpenID Connect Core, implicit flow with ``form_post``.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.practice_lms.claims import LaunchFacts, build_claims, target_link_uri
from tests.practice_lms.deep_linking import begin_return
from tests.practice_lms.keys import sign
from tests.practice_lms.model import LmsPerson, MessageType
from tests.practice_lms.state import PendingLaunch

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms


class UntrustedAuthorizationError(Exception):
    """The request cannot be answered to its redirect URI: a page tells the person. ``reason`` says why, in English."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AuthorizationRefusedError(Exception):
    """The request is refused by an error posted to the registered redirect URI."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error, description)
        self.error = error
        self.description = description


@dataclass(frozen=True)
class LoginRequest:
    """The form that the platform has the browser post to the tool."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class AuthorizationAnswer:
    """The form that the platform has the browser post to the redirect URI: a launch or an error."""

    url: str
    fields: dict[str, str]


def begin_login(lms: "PracticeLms", pending: PendingLaunch) -> LoginRequest:
    """Start a launch: remember it under a fresh hint and make the login form."""
    config, person = lms.config.for_tool(lms.registration(pending.client_id)), lms.person(pending.person_key)
    activity = lms.activity(pending.activity_key) if pending.activity_key else None
    number = secrets.randbelow(2**31)
    if activity is None:
        launch_id = f"ltilaunch_ContentItemSelectionRequest{number}"
        hint: dict[str, Any] = {"launchid": launch_id}
    else:
        launch_id = f"ltilaunch{activity.link_id}_{number}"
        hint = {"cmid": int(activity.link_id) + 1, "launchid": launch_id}
    lms.state.keep_pending(launch_id, pending)
    fields = {
        "iss": config.issuer,
        "target_link_uri": target_link_uri(config, activity, pending.message),
        "login_hint": person.sub,
        "lti_message_hint": json.dumps(hint, separators=(",", ":")),
        "client_id": config.tool.client_id,
        "lti_deployment_id": config.tool.deployment_id,
    }
    lms.record("login", person.key, _what(lms, pending), 200)
    return LoginRequest(config.tool.login_url, fields)


def answer_authorization(lms: "PracticeLms", query: Mapping[str, str], person: LmsPerson) -> AuthorizationAnswer:
    """Answer an authorization request of the browser in which the person is logged in.

    Raises:
        UntrustedAuthorizationError: The client or its redirect URI is not registered, or the hint does not serve.
    """
    tool = next((tool for tool in lms.registrations() if tool.client_id == query.get("client_id")), None)
    # The redirect URI is looked at before anything is answered to it: an unregistered one never gets a form.
    if tool is None:
        raise UntrustedAuthorizationError("client_id is not registered here")
    redirect_uri = query.get("redirect_uri", "")
    if redirect_uri not in tool.redirect_uris:
        raise UntrustedAuthorizationError("redirect_uri is not registered, character by character")
    pending = _take_pending(lms, query.get("lti_message_hint", ""))
    if pending.client_id != tool.client_id:
        raise UntrustedAuthorizationError("client_id is not that of the tool that was launched")
    try:
        _check_request(query)
        if query.get("login_hint") != person.sub or pending.person_key != person.key:
            raise AuthorizationRefusedError("access_denied", "The login is for another person than the one logged in")
        fields = {"id_token": _id_token(lms, pending, person, query["nonce"])}
        lms.record("launch", person.key, _what(lms, pending), 200)
    except AuthorizationRefusedError as refused:
        fields = {"error": refused.error, "error_description": refused.description}
        lms.record("auth", person.key, redirect_uri, 400, f"{refused.error} {refused.description}".strip())
    if "state" in query:
        fields["state"] = query["state"]
    return AuthorizationAnswer(redirect_uri, fields)


def _what(lms: "PracticeLms", pending: PendingLaunch) -> str:
    """The launch in the event log."""
    if pending.message is MessageType.DEEP_LINKING:
        return f"{pending.message}: {pending.course_id}"
    title = lms.activity(pending.activity_key).title
    if pending.message is MessageType.SUBMISSION_REVIEW:
        return f"{pending.message}: {title}, {pending.for_user}"
    return title


def _check_request(query: Mapping[str, str]) -> None:
    wanted = {
        "scope": ("openid", "invalid_scope"),
        "response_type": ("id_token", "unsupported_response_type"),
        "response_mode": ("form_post", "invalid_request"),
        "prompt": ("none", "invalid_request"),
    }
    for name, (value, error) in wanted.items():
        if not query.get(name):
            raise AuthorizationRefusedError("invalid_request", f"Missing {name}")
        if query[name] != value:
            raise AuthorizationRefusedError(error, f"Invalid {name}")
    for name in ("login_hint", "nonce"):
        if not query.get(name):
            raise AuthorizationRefusedError("invalid_request", f"Missing {name}")


def _take_pending(lms: "PracticeLms", hint: str) -> PendingLaunch:
    try:
        launch_id = json.loads(hint)["launchid"]
    except (ValueError, TypeError, KeyError):
        raise UntrustedAuthorizationError("lti_message_hint is not the one that was sent") from None
    with lms.state.lock:
        if lms.profile.hint_serves_once:
            pending = lms.state.pending_launches.pop(launch_id, None)
        else:
            pending = lms.state.pending_launches.get(launch_id)
    if pending is None:
        raise UntrustedAuthorizationError("lti_message_hint is unknown or has been used: it serves once")
    return pending


def _id_token(lms: "PracticeLms", pending: PendingLaunch, person: LmsPerson, nonce: str) -> str:
    config = lms.config.for_tool(lms.registration(pending.client_id))
    course = lms.course(pending.course_id)
    if course is None:
        raise AuthorizationRefusedError("invalid_request", "The course is gone")
    activity = lms.activity(pending.activity_key) if pending.activity_key else None
    facts = LaunchFacts(
        config=config,
        course=course,
        activity=activity,
        person=person,
        line_items=lms.line_items_of(activity.key) if activity else (),
        locale=pending.locale,
        message=pending.message,
        for_user=pending.for_user,
        deep_linking=None if activity else begin_return(lms, config.tool, course.id, person.key),
    )
    key = lms.keys.current
    header: Any = {"typ": "JWT", "alg": "RS256", "kid": key.kid}
    claims: Any = build_claims(facts, nonce, int(lms.clock.timestamp()))
    if lms.mutate is not None:
        mutated = lms.mutate(header, claims)
        if isinstance(mutated, str):
            return mutated
        header, claims = mutated
    return sign(header, claims, key.private_key if lms.sign_with is None else lms.sign_with)
