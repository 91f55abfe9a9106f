"""Assignment and Grade Services: line items that a tool makes.

Source: LTI Assignment and Grade Services 2.0, section 3.2.5; the refusals are those of Moodle 4.5.6 (seen 2026-11).
"""

import json
import math
from typing import TYPE_CHECKING, Any, TypeGuard

from flask import Response, request

from tests.practice_lms.claims import lineitem_url
from tests.practice_lms.model import LineItem, PlatformConfig
from tests.practice_lms.refusals import ServiceRefusedError

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms


def create_line_item(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """Make a column of the gradebook; what was sent comes back with its address."""
    course = lms.course(place["course"])
    if course is None:
        raise ServiceRefusedError(404, f"Not Found: Course {place['course']} doesn't exist")
    sent = _sent()
    label, maximum, link_id = sent.get("label"), sent.get("scoreMaximum"), sent.get("resourceLinkId")
    if not isinstance(label, str) or not label or not _is_points(maximum):
        raise ServiceRefusedError(400, "No label or Score Maximum")
    if link_id is not None and str(link_id) not in {activity.link_id for activity in course.activities}:
        raise ServiceRefusedError(403, "Forbidden")
    item = LineItem(
        0, course.id, label, maximum, str(sent.get("resourceId") or ""), str(sent.get("tag") or ""),
        None if link_id is None else str(link_id), config.tool.client_id,
    )  # fmt: skip
    with lms.state.lock:
        lms.state.add_line_item(item)
        lms.state.save()
    body = {**sent, "id": lineitem_url(config, item)}
    return Response(json.dumps(body, ensure_ascii=False), 201, mimetype="application/json")


def _sent() -> dict[str, Any]:
    try:
        sent = json.loads(request.get_data(as_text=True))
    except ValueError:
        sent = None
    return sent if isinstance(sent, dict) else {}


def _is_points(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
