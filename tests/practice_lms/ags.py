"""Assignment and Grade Services: line items and results to read, scores to receive.

Source: LTI Assignment and Grade Services 2.0; departures are named in the profile (Moodle 4.5.6, seen 2026-11).
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Response, g, request

from tests.practice_lms.claims import lineitem_url
from tests.practice_lms.grading import Score, ScoreConflictError, ScoreOutOfRangeError, apply_score
from tests.practice_lms.model import Grade, LineItem, PlatformConfig
from tests.practice_lms.refusals import ServiceRefusedError

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"


def list_line_items(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """The line items of a course, filtered by ``resource_id``, ``tag`` and ``resource_link_id``, paged by ``limit``."""
    if lms.course(place["course"]) is None:
        raise ServiceRefusedError(404, f"Not Found: Course {place['course']} doesn't exist")
    filters = {"resource_id": "resource_id", "tag": "tag", "resource_link_id": "link_id"}
    wanted = {field: request.args[name] for name, field in filters.items() if name in request.args}
    with lms.state.lock:
        items = [
            item
            for item in lms.state.line_items.values()
            if item.course_id == place["course"]
            and _is_of(lms, config, item)
            and all(getattr(item, name) == value for name, value in wanted.items())
        ]
    return _paged(config, [show(config, item) for item in items])


def show_line_item(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """One line item."""
    return _json(show(config, _item(lms, config, place)))


def show(config: PlatformConfig, item: LineItem) -> dict[str, Any]:
    """A line item as the service shows it; the link's id stands twice, under its new and its old name."""
    shown: dict[str, Any] = {
        "id": lineitem_url(config, item),
        "label": item.label,
        "scoreMaximum": _number(item.maximum),
        "resourceId": item.resource_id,
        "tag": item.tag,
    }
    if item.link_id is not None:
        shown |= {"resourceLinkId": item.link_id, "ltiLinkId": item.link_id}
    return shown


def list_results(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """The grades of a line item, but those that are empty of themselves; of one person with ``user_id``."""
    item = _item(lms, config, place)
    if "limit" in request.args and lms.profile.results_refuse_limit:
        return Response("<!DOCTYPE html>\n<title>Error</title>\n", 404, content_type="text/html; charset=utf-8")
    sub = request.args.get("user_id")
    with lms.state.lock:
        results = [
            _result(config, item, who, grade)
            for (item_id, who), grade in lms.state.grades.items()
            if item_id == item.id and (grade.final is not None or grade.overridden) and sub in {None, who}
        ]
    return _paged(config, results)


def receive_score(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """Take a score, or refuse it with 400 or 409."""
    item = _item(lms, config, place)
    body = request.get_data(as_text=True)
    refusal = "Incorrect score received" + (body if lms.profile.reason_repeats_body else "")
    score = _score(lms, body)
    if score is not None:
        g.call_note = _note(lms, item, score)
    if score is None or not _is_gradable(lms, score.sub):
        raise ServiceRefusedError(400, refusal, SCORE_TYPE)
    with lms.state.lock:
        grade = lms.state.grades.get((item.id, score.sub)) or Grade()
        if grade.locked:
            status, reason = (
                (500, "Internal Server Error") if lms.profile.locked_grades_are_errors else (403, "Forbidden")
            )
            raise ServiceRefusedError(status, reason, SCORE_TYPE)
        try:
            apply_score(grade, score, item, lms.profile)
        except ScoreConflictError as conflict:
            raise ServiceRefusedError(409, str(conflict), SCORE_TYPE) from None
        except ScoreOutOfRangeError:
            raise ServiceRefusedError(400, refusal, SCORE_TYPE) from None
        lms.state.grades[item.id, score.sub] = grade
        lms.state.save()
    return Response("", mimetype=SCORE_TYPE)


def _note(lms: "PracticeLms", item: LineItem, score: Score) -> tuple[str, str]:
    """Person and sentence for the event log."""
    person = lms.person_by_sub(score.sub)
    points = "—" if score.given is None else f"{score.given:g} / {score.maximum:g}"
    return (person.key if person else score.sub), f"{item.label}: {points}"


def _item(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> LineItem:
    with lms.state.lock:
        item = lms.state.line_items.get(int(place["item"])) if place["item"].isdecimal() else None
    if item is None or item.course_id != place["course"]:
        raise ServiceRefusedError(404, f"Not Found: Grade item {place['item']} doesn't exist")
    if not _is_of(lms, config, item):
        raise ServiceRefusedError(404, "Line item does not exist")
    return item


def _is_of(lms: "PracticeLms", config: PlatformConfig, item: LineItem) -> bool:
    """Is it the calling tool's own item?"""
    return (item.client_id or lms.config.tool.client_id) == config.tool.client_id


def _is_gradable(lms: "PracticeLms", sub: str) -> bool:
    person = lms.person_by_sub(sub)
    if person is None or not person.is_gradable or person.key in lms.state.unenrolled:
        return False
    return lms.profile.suspended_are_gradable or person.key not in lms.state.suspended


def _score(lms: "PracticeLms", body: str) -> Score | None:
    """The score in the body, or None where something needed is missing or of the wrong kind."""
    try:
        sent = json.loads(body)
    except ValueError:
        return None
    if not isinstance(sent, dict) or not _has_needed_fields(sent):
        return None
    moment = _moment(lms, sent["timestamp"])
    if moment is None:
        return None
    comment = sent.get("comment")
    return Score(
        sub=str(sent["userId"]),
        moment=moment,
        is_fully_graded=sent["gradingProgress"] == "FullyGraded",
        given=sent.get("scoreGiven"),
        maximum=sent.get("scoreMaximum"),
        comment=comment if isinstance(comment, str) else None,
    )


def _has_needed_fields(sent: Mapping[str, Any]) -> bool:
    if any(sent.get(name) is None for name in ("userId", "timestamp", "activityProgress", "gradingProgress")):
        return False
    if sent.get("scoreGiven") is None:
        return True
    return _is_finite(sent["scoreGiven"]) and _is_finite(sent.get("scoreMaximum")) and sent["scoreMaximum"] > 0


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _moment(lms: "PracticeLms", timestamp: object) -> int | None:
    """Whole epoch seconds of an ISO 8601 timestamp, or None where the platform does not take it."""
    try:
        moment = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
    except ValueError:
        moment = None
    if moment is None:
        return None
    if moment.tzinfo is None:
        if not lms.profile.unzoned_timestamps_read_as_local:
            return None
        moment = moment.replace(tzinfo=ZoneInfo(lms.profile.server_timezone))
    if moment.timestamp() > lms.clock.timestamp() and not lms.profile.future_timestamps_accepted:
        return None
    return math.floor(moment.timestamp())


def _result(config: PlatformConfig, item: LineItem, sub: str, grade: Grade) -> dict[str, Any]:
    url = lineitem_url(config, item)
    result: dict[str, Any] = {
        "id": url.replace("/lineitem?", "/lineitem/results?") + f"&user_id={sub}",
        "userId": sub,
    }
    if grade.final is None:
        # A teacher has emptied the cell: Moodle names the person and says no more.
        return result
    result |= {
        "resultScore": _number(grade.final),
        "resultMaximum": _number(item.maximum),
        "scoreOf": url,
        "timestamp": _local_time(config, grade.modified),
    }
    if grade.comment:
        result["comment"] = grade.comment
    return result


def _local_time(config: PlatformConfig, moment: int | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(config.profile.server_timezone)).isoformat()


def _number(value: float | None) -> float | None:
    return int(value) if value is not None and float(value).is_integer() else value


def _paged(config: PlatformConfig, entries: list[dict[str, Any]]) -> Response:
    """All entries, or the page of them that was asked for, or the first where the platform pages by itself."""
    limit, start = request.args.get("limit", config.profile.page_size, int), max(request.args.get("from", 0, int), 0)
    if limit <= 0:
        return _json(entries)
    response = _json(entries[start : start + limit])
    response.headers["Link"] = _paging(config, len(entries), limit, start)
    return response


def _paging(config: PlatformConfig, total: int, limit: int, start: int) -> str:
    """The ``Link`` header with first, prev, canonical, next and last."""
    starts = [(0, "first")]
    if start >= limit:
        starts.append((start - limit, "prev"))
    starts.append((start, "canonical"))
    is_moodle = config.profile.paging_links_malformed
    if start + limit < total or (is_moodle and start + limit == total):
        starts.append((start + limit, "next"))
    # Moodle counts "last" back from the end by one page, not to a page's beginning.
    starts.append((max(total - limit + 1, 0) if is_moodle else max(total - 1, 0) // limit * limit, "last"))
    kept = {name: value for name, value in request.args.items() if name not in {"limit", "from", "type_id"}}
    links = []
    for first, relation in starts:
        query = kept | {"type_id": config.tool.deployment_id, "limit": limit, "from": first}
        url, quoted = f"{config.issuer}{request.path}?{urlencode(query)}", f'"{relation}"'
        if config.profile.paging_links_malformed:
            url, quoted = url.replace("&", "&amp;"), f"“{relation}”"
        links.append(f"<{url}>; rel={quoted}")
    return ", ".join(links).encode("utf-8").decode("latin-1")


def _json(value: object) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), mimetype="application/json")
