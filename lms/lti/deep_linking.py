"""Deep linking: what a platform's request asks for, and the signed answer that places activities in its course.

Source: LTI Deep Linking 2.0, sections 4.4 (request) and 4.5 (response); what Moodle 4.5 keeps of an answer was seen
2026-11.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from lms.lti.claims import LTI, address, flag, section, string, strings, text
from lms.lti.http import origin_of
from lms.lti.id_tokens import LaunchFault, LaunchRefused, Registration

RESOURCE_LINK: Final = "ltiResourceLink"
MAX_DATA: Final = 16_000
"""Characters of a platform's own `data`, which is kept for as long as somebody chooses and goes back as it came."""
BACK_DATED: Final = timedelta(seconds=5)
"""Moodle 4.5 takes no token from the future, not even by a second (seen 2026-11)."""
LIFETIME: Final = timedelta(minutes=10)
TAG: Final = "akashi"
"""The `tag` of the line items of placed activities; their `resourceId` is the item's key."""
MAX_TITLE: Final = 255
POINTS: Final = range(1, 101)
"""Moodle 4.5 takes whole maxima up to its `gradepointmax`, 100 unless changed; of several items it drops one with
another maximum without a word (seen 2026-11)."""

_DL: Final = "https://purl.imsglobal.org/spec/lti-dl/claim/"
_REVIEWABLE: Final = ("InProgress", "Submitted", "Completed")


@dataclass(frozen=True)
class DeepLinkingSettings:
    """What a request says about its answer."""

    return_url: str
    """Where the answer is posted; on one of the platform's registered origins."""
    data: str | None
    """The platform's own; goes back as it came."""
    takes_several: bool
    """Whether an answer may hold more than one item; not, where the platform does not say."""
    takes_line_items: bool
    """False only where the platform says that it ignores line items; Moodle 4.5 says nothing and takes them."""
    title: str | None
    """What the platform would call a single activity."""


def read_settings(claims: Mapping[str, Any], registration: Registration) -> DeepLinkingSettings:
    """Read the settings of a deep-linking request.

    Raises:
        LaunchRefused: They are absent or malformed, lead to a foreign origin, or leave nothing that we could answer.
    """
    fault = LaunchFault.SETTINGS_MALFORMED
    settings = section(claims, _DL + "deep_linking_settings", fault)
    if not settings:
        raise LaunchRefused(LaunchFault.SETTINGS_MISSING)
    if RESOURCE_LINK not in strings(settings.get("accept_types"), fault):
        raise LaunchRefused(LaunchFault.LINKS_NOT_ACCEPTED)
    if not strings(settings.get("accept_presentation_document_targets"), fault):  # required, and any of them is well
        raise LaunchRefused(fault)
    data = settings.get("data")  # an empty one goes back too
    if string(settings, "data", fault) is not None and len(settings["data"]) > MAX_DATA:
        raise LaunchRefused(LaunchFault.DATA_TOO_LONG)
    return DeepLinkingSettings(
        return_url=_read_return_url(settings, registration),
        data=data,
        takes_several=flag(settings, "accept_multiple", fault) is True,
        takes_line_items=flag(settings, "accept_lineitem", fault) is not False,
        title=text(settings, "title", fault),
    )


def _read_return_url(settings: Mapping[str, Any], registration: Registration) -> str:
    url = address(settings, "deep_link_return_url", LaunchFault.SETTINGS_MALFORMED)
    if url is None:
        raise LaunchRefused(LaunchFault.RETURN_URL_MISSING)
    if origin_of(url) not in registration.origins:
        raise LaunchRefused(LaunchFault.RETURN_URL_FOREIGN)
    return url


@dataclass(frozen=True)
class ContentItem:
    """One activity to be made."""

    key: str
    """The stable key, which copies of the activity keep."""
    opens: str
    """What the activity opens."""
    title: str
    text: str
    maximum: int | None
    """Points of its line item; None for an activity without one."""


def item_claim(item: ContentItem) -> dict[str, Any]:
    """An item as it stands in an answer.

    Without an address of its own: Moodle 4.5 would tie the activity to it instead of to the tool (seen 2026-11).
    """
    claim: dict[str, Any] = {
        "type": RESOURCE_LINK,
        "title": item.title,
        "text": item.text,
        "custom": {"akashi": item.opens, "akashi_item": item.key},
    }
    if item.maximum is not None:
        claim["lineItem"] = {
            "scoreMaximum": item.maximum,
            "label": item.title,
            "resourceId": item.key,
            "tag": TAG,
            "submissionReview": {"reviewableStatus": list(_REVIEWABLE)},
        }
    return claim


@dataclass(frozen=True)
class Addressee:
    """Whom an answer goes to."""

    issuer: str
    client_id: str
    deployment_id: str
    data: str | None


def answer_claims(
    to: Addressee, items: Sequence[ContentItem], now: datetime, message: str | None = None
) -> dict[str, Any]:
    """The claims of an answer; an empty list of items says that nothing was chosen, and a message says it in words."""
    claims: dict[str, Any] = {
        "iss": to.client_id,
        "aud": to.issuer,
        "iat": int((now - BACK_DATED).timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "nonce": secrets.token_urlsafe(24),
        LTI + "deployment_id": to.deployment_id,
        LTI + "message_type": "LtiDeepLinkingResponse",
        LTI + "version": "1.3.0",
        _DL + "content_items": [item_claim(item) for item in items],
    }
    if to.data is not None:
        claims[_DL + "data"] = to.data
    if message is not None:
        claims[_DL + "msg"] = message
    return claims
