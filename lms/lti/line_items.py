"""The columns of a platform's gradebook: finding the one that an activity's scores belong to, or making it.

A line item is found by its link, then by the `resourceId` and `tag` that are ours. None is ever changed or deleted: on
Moodle 4.5 another maximum rescales the grades that are there (seen 2026-11).

Source: LTI Assignment and Grade Services 2.0, section 3.2; LTI Submission Review 1.0, section 3; lti.md rule 13.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from lms.lti.access_tokens import ServiceCall, call_service
from lms.lti.connection import PlatformServices
from lms.lti.http import HttpReply, OutgoingRefused, origin_of
from lms.lti.id_tokens import Registration
from lms.lti.pages import ListFault, read_list
from lms.lti.retry_after import retry_after

LINE_ITEM_SCOPE: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
READ_SCOPE: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
CONTAINER_TYPE: Final = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM_TYPE: Final = "application/vnd.ims.lis.v2.lineitem+json"
TAG: Final = "akashi"
"""The tag of line items that are ours."""
MAX_LABEL: Final = 255


class LineItemFault(ListFault):
    """A line item could not be made, or what is said of one makes no sense."""


@dataclass(frozen=True)
class WantedLineItem:
    """What the line item of an activity is known by, and what one would be made of."""

    resource_link_id: str
    """The activity, as the platform names it."""
    resource_id: str
    """Our stable name for what the activity opens; kept by copies of a course."""
    label: str
    maximum: int
    """Points of the test; a line item that is there keeps its own."""


def find_line_item(
    services: PlatformServices,
    registration: Registration,
    container_url: str,
    wanted: WantedLineItem,
    scopes: Sequence[str],
    now: datetime,
) -> str | None:
    """Return the address of the activity's line item; None if the platform has none.

    Asked first for the activity's own items, then for items with our name and tag. An item that belongs to another
    activity is never taken, whatever its name.

    Raises:
        ListFault: The platform did not give the whole list, or an address outside the registration's origins.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached.
    """
    asked_for: tuple[dict[str, str], ...] = (
        {"resource_link_id": wanted.resource_link_id},
        {"resource_id": wanted.resource_id, "tag": TAG},
    )
    scope = LINE_ITEM_SCOPE if LINE_ITEM_SCOPE in scopes else READ_SCOPE  # one token for all where that is enough
    for filters in asked_for:
        call = ServiceCall(frozenset({scope}), "GET", _filtered(container_url, filters), {"Accept": CONTAINER_TYPE})
        # A platform may leave filters unheeded: what it lists is looked at again.
        found = _choose(read_list(services, registration, call, now), wanted)
        if found is not None:
            return _own_address(found, registration)
    return None


def make_line_item(
    services: PlatformServices, registration: Registration, container_url: str, wanted: WantedLineItem, now: datetime
) -> str:
    """Make a line item for an activity and return its address.

    Raises:
        LineItemFault: The platform refused, or answered something that is no line item, or lies outside the
            registration's origins.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached; the item may be there all the same.
    """
    body = json.dumps(
        {
            "label": wanted.label[:MAX_LABEL],
            "scoreMaximum": wanted.maximum,
            "resourceId": wanted.resource_id,
            "tag": TAG,
            "resourceLinkId": wanted.resource_link_id,
            "submissionReview": {"reviewableStatus": ["Completed"]},
        },
        ensure_ascii=False,
    )
    call = ServiceCall(
        frozenset({LINE_ITEM_SCOPE}), "POST", container_url, {"Content-Type": LINE_ITEM_TYPE}, body.encode()
    )
    reply = call_service(services.http, services.tokens, registration, call, now)
    if not 200 <= reply.status < 300:
        raise LineItemFault("status", reply.status, retry_after(reply, now))
    return _own_address(_read_item(reply), registration)


def _read_item(reply: HttpReply) -> dict[str, Any]:
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise LineItemFault("not_json") from None
    if not isinstance(value, dict):
        raise LineItemFault("not_an_object")
    return value


def _choose(items: list[dict[str, Any]], wanted: WantedLineItem) -> dict[str, Any] | None:
    """Return the activity's item: ours by name and tag, else the first of its own, which a platform makes itself."""
    own = [item for item in items if _link_of(item) == wanted.resource_link_id]
    named = [item for item in own if _is_named(item, wanted)]
    free = [item for item in items if _link_of(item) is None and _is_named(item, wanted)]
    return next(iter([*named, *own, *free]), None)


def _link_of(item: dict[str, Any]) -> str | None:
    link = item.get("resourceLinkId") or item.get("ltiLinkId")  # its old name, which Moodle 4.5 sends beside it
    return str(link) if isinstance(link, str | int) and link != "" else None


def _is_named(item: dict[str, Any], wanted: WantedLineItem) -> bool:
    return item.get("resourceId") == wanted.resource_id and item.get("tag") == TAG


def _own_address(item: dict[str, Any], registration: Registration) -> str:
    address = item.get("id")
    try:
        if isinstance(address, str) and origin_of(address) in registration.origins:
            return address
    except OutgoingRefused:
        pass
    raise LineItemFault("address_foreign")


def _filtered(container_url: str, filters: dict[str, str]) -> str:
    parts = urlsplit(container_url)
    query = "&".join(part for part in (parts.query, urlencode(filters)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
