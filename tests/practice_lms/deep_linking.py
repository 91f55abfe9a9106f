"""Deep linking: choosing content in the tool, and the activities that come of the choice.

Source: LTI Deep Linking 2.0; what is kept and what is dropped is Moodle 4.5's (its code read, and a return seen, 2026-11).
"""

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
from jwt.types import Options

from tests.practice_lms.claims import CLAIM, DeepLinkingFacts
from tests.practice_lms.model import AGS_SCOPES, Activity, ToolRegistration, Window, domain_of
from tests.practice_lms.state import PendingReturn
from tests.practice_lms.tokens import KeySetUnreadableError, keys_of_tool

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

DEEP_LINKING_CLAIM = "https://purl.imsglobal.org/spec/lti-dl/claim/"
RETURN_PATH = "/mod/lti/contentitem_return.php"
DEFAULT_MAXIMUM = 100.0
"""Points of a line item that names none, and the most that Moodle's form takes."""
LONGEST_TITLE = 255
ITEM_TYPE = "ltiResourceLink"
# By the platform's clock, in _check_time.
_CHECKED_LATER: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}


class DeepLinkingRefusedError(Exception):
    """A choice, or the wish to choose, is refused; ``reason`` says why, in English."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ContentChoice:
    """What came of a return."""

    course_id: str
    activities: tuple[Activity, ...]
    message: str = ""
    """What the tool says about it (``msg``), or what went wrong there (``errormsg``); then nothing was made."""


def begin_return(lms: "PracticeLms", tool: ToolRegistration, course_id: str, person_key: str) -> DeepLinkingFacts:
    """Make the return address of a deep-linking launch, and remember for whom it is."""
    key = secrets.token_hex(5)
    data = secrets.token_hex(8) if lms.profile.deep_linking_sends_data else ""
    lms.state.keep_return(key, PendingReturn(person_key, course_id, tool.client_id, data))
    query = f"course={course_id}&id={tool.deployment_id}&sesskey={key}"
    return DeepLinkingFacts(f"{lms.config.issuer}{RETURN_PATH}?{query}", data)


def receive_content(lms: "PracticeLms", return_url: str, form: Mapping[str, str], person_key: str) -> ContentChoice:
    """Take the tool's answer, as the browser of this person posts it, and make the activities.

    Raises:
        DeepLinkingRefusedError: Anything is wrong with the address, the person, the token or an item; nothing is made.
    """
    pending, tool = _find_return(lms, return_url, person_key)
    claims = _verified_claims(lms, tool, form.get("JWT", ""))
    if lms.profile.deep_linking_looks_at_everything:
        _check_claims(lms, tool, claims, pending)
    message = claims.get(DEEP_LINKING_CLAIM + "errormsg")
    if message:
        return ContentChoice(pending.course_id, (), str(message))
    items = claims.get(DEEP_LINKING_CLAIM + "content_items", [])
    if not isinstance(items, list):
        raise DeepLinkingRefusedError("content_items is not a list")
    chosen = _fitting(lms, [_activity(lms, tool, item) for item in items])
    made = tuple(lms.catalogue.add_activity(pending.course_id, activity) for activity in chosen)
    return ContentChoice(pending.course_id, made, str(claims.get(DEEP_LINKING_CLAIM + "msg") or ""))


def _fitting(lms: "PracticeLms", chosen: list[Activity]) -> list[Activity]:
    """The activities that the platform's own form takes."""
    if not lms.profile.deep_linking_points_whole_to_hundred:
        return chosen
    fitting = [
        activity
        for activity in chosen
        if len(activity.title) <= LONGEST_TITLE
        and (activity.maximum is None or (activity.maximum <= DEFAULT_MAXIMUM and float(activity.maximum).is_integer()))
    ]
    if len(chosen) == 1 and not fitting:
        raise DeepLinkingRefusedError("scoreMaximum is not a whole number from 1 to 100, or the title is too long")
    return fitting


def _find_return(lms: "PracticeLms", return_url: str, person_key: str) -> tuple[PendingReturn, ToolRegistration]:
    query = {name: values[-1] for name, values in parse_qs(urlsplit(return_url).query).items()}
    with lms.state.lock:
        pending = lms.state.pending_returns.get(query.get("sesskey", ""))
    if pending is None:
        raise DeepLinkingRefusedError("sesskey is not that of a choice that was begun here")
    if pending.person_key != person_key:
        raise DeepLinkingRefusedError("the choice was begun by another person")
    tool = lms.registration(pending.client_id)
    if query.get("course") != pending.course_id or query.get("id") != tool.deployment_id:
        raise DeepLinkingRefusedError("course or tool is not that of the choice that was begun")
    return pending, tool


def _verified_claims(lms: "PracticeLms", tool: ToolRegistration, token: str) -> dict[str, Any]:
    if not token:
        raise DeepLinkingRefusedError("JWT is missing")
    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
        if claimed.get("iss") != tool.client_id:
            raise DeepLinkingRefusedError("iss is not the tool's client id")
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise DeepLinkingRefusedError("kid is missing")
        key = keys_of_tool(lms, tool, kid).get(kid)
        if key is None:
            raise DeepLinkingRefusedError("kid is not in the tool's key set")
        claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], options=_CHECKED_LATER)
    except KeySetUnreadableError as unreadable:
        raise DeepLinkingRefusedError(f"the tool's key set cannot be read: {unreadable}") from unreadable
    except jwt.InvalidTokenError as invalid:
        raise DeepLinkingRefusedError(f"JWT is not valid: {type(invalid).__name__}") from invalid
    _check_time(lms, claims)
    return claims


def _check_time(lms: "PracticeLms", claims: Mapping[str, Any]) -> None:
    now = lms.clock.timestamp()
    if isinstance(claims.get("exp"), int) and claims["exp"] <= now:
        raise DeepLinkingRefusedError("exp is past")
    if isinstance(claims.get("iat"), int) and claims["iat"] > now + lms.profile.future_iat_leeway:
        raise DeepLinkingRefusedError("iat is ahead")


def _check_claims(
    lms: "PracticeLms", tool: ToolRegistration, claims: Mapping[str, Any], pending: PendingReturn
) -> None:
    """What the specification wants looked at beyond keys, ``iss`` and times."""
    audience = claims.get("aud")
    wanted = {
        "aud": lms.config.issuer in (audience if isinstance(audience, list) else [audience]),
        "exp": isinstance(claims.get("exp"), int),
        "iat": isinstance(claims.get("iat"), int),
        "deployment_id": claims.get(CLAIM + "deployment_id") == tool.deployment_id,
        "message_type": claims.get(CLAIM + "message_type") == "LtiDeepLinkingResponse",
        "version": claims.get(CLAIM + "version") == "1.3.0",
        "data": (claims.get(DEEP_LINKING_CLAIM + "data") or "") == pending.data,
        "nonce": isinstance(claims.get("nonce"), str) and bool(claims["nonce"]),
    }
    for name, is_right in wanted.items():
        if not is_right:
            raise DeepLinkingRefusedError(f"{name} is missing or not what it must be")
    with lms.state.lock:
        used = (tool.client_id, claims["nonce"])
        if used in lms.state.used_nonces:
            raise DeepLinkingRefusedError("nonce has been used")
        lms.state.used_nonces.add(used)


def _activity(lms: "PracticeLms", tool: ToolRegistration, item: Any) -> Activity:
    """The activity that an item becomes; key and link id come when it is placed."""
    if not isinstance(item, dict) or item.get("type") != ITEM_TYPE:
        raise DeepLinkingRefusedError(f"an item is not of the accepted type {ITEM_TYPE}")
    url = str(item.get("url") or "")
    # Moodle would make an activity of no tool at all, which opens nothing: it finds tools by the address's domain.
    if url and domain_of(url) != tool.domain:
        raise DeepLinkingRefusedError("the url of an item is not the tool's")
    custom = item.get("custom") or {}
    if not isinstance(custom, dict):
        raise DeepLinkingRefusedError("the custom parameters of an item are not an object")
    facts: dict[str, Any] = {
        "title": str(item.get("title") or tool.name),
        "description": str(item.get("text") or ""),
        "custom": {str(name): str(value) for name, value in custom.items()},
        "url": url,
        "client_id": "" if tool.client_id == lms.config.tool.client_id else tool.client_id,
        "window": tool.window,
    }
    facts |= _line_item_facts(lms, tool, item.get("lineItem"))
    if not lms.profile.deep_linking_drops_dates_and_window:
        facts |= _window_and_dates(item, tool)
    return Activity(key="", link_id="0", **facts)


def _line_item_facts(lms: "PracticeLms", tool: ToolRegistration, line_item: Any) -> dict[str, Any]:
    """Points, ``resourceId``, ``tag`` and submission review of the activity's own line item, if it shall have one."""
    if line_item is None or not set(tool.scopes) & set(AGS_SCOPES):
        return {}
    if not isinstance(line_item, dict):
        raise DeepLinkingRefusedError("the lineItem of an item is not an object")
    maximum = line_item.get("scoreMaximum", DEFAULT_MAXIMUM)
    if isinstance(maximum, bool) or not isinstance(maximum, int | float) or not 0 < maximum < math.inf:
        raise DeepLinkingRefusedError("the scoreMaximum of an item is not a positive number")
    facts: dict[str, Any] = {
        "maximum": maximum,
        "resource_id": str(line_item.get("resourceId") or ""),
        "tag": str(line_item.get("tag") or ""),
    }
    if not lms.profile.deep_linking_drops_label:
        facts["line_item_label"] = str(line_item.get("label") or "")
    review = line_item.get("submissionReview")
    if isinstance(review, dict):
        facts["reviews"] = True
        facts["review_url"] = str(review.get("url") or "")
        facts["review_custom"] = {str(name): str(value) for name, value in (review.get("custom") or {}).items()}
    return facts


def _window_and_dates(item: Mapping[str, Any], tool: ToolRegistration) -> dict[str, Any]:
    """What the specification keeps and Moodle drops."""
    dates = {
        f"ResourceLink.{name}.{end}": str(item[name][end])
        for name in ("available", "submission")
        for end in ("startDateTime", "endDateTime")
        if isinstance(item.get(name), dict) and item[name].get(end)
    }
    opens_apart = "window" in item and "iframe" not in item
    return {"dates": dates, "window": Window.NEW if opens_apart else tool.window}
