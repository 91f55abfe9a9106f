"""Dispatch of service calls under ``/mod/lti/services.php``: address, method, media type, token, in this order.

The order and the wording of refusals are those of Moodle 4.5.6 (seen 2026-11).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from tests.practice_lms import ags, line_items, nrps
from tests.practice_lms.faults import serve_with_fault
from tests.practice_lms.model import PlatformConfig
from tests.practice_lms.refusals import ServiceRefusedError
from tests.practice_lms.tokens import tool_of_token

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

SCOPE_OF = "https://purl.imsglobal.org/spec/"


@dataclass(frozen=True)
class Service:
    """One kind of service address and the one method that it serves."""

    name: str
    """Also the endpoint's name on the fault board and the event's kind."""
    pattern: re.Pattern[str]
    method: str
    media_type: str
    """Of the reply to a GET, of the request's body in a POST."""
    scopes: tuple[str, ...]
    """A token needs one of these."""
    serve: Callable[["PracticeLms", PlatformConfig, dict[str, str]], Response]
    """Gets the platform as the calling tool sees it beside the platform itself."""


SERVICES = (
    Service(
        "lineitems",
        re.compile(r"/(?P<course>[^/]+)/lineitems"),
        "GET",
        "application/vnd.ims.lis.v2.lineitemcontainer+json",
        (SCOPE_OF + "lti-ags/scope/lineitem", SCOPE_OF + "lti-ags/scope/lineitem.readonly"),
        ags.list_line_items,
    ),
    Service(
        "lineitems",
        re.compile(r"/(?P<course>[^/]+)/lineitems"),
        "POST",
        "application/vnd.ims.lis.v2.lineitem+json",
        (SCOPE_OF + "lti-ags/scope/lineitem",),
        line_items.create_line_item,
    ),
    Service(
        "lineitem",
        re.compile(r"/(?P<course>[^/]+)/lineitems/(?P<item>[^/]+)/lineitem"),
        "GET",
        "application/vnd.ims.lis.v2.lineitem+json",
        (SCOPE_OF + "lti-ags/scope/lineitem", SCOPE_OF + "lti-ags/scope/lineitem.readonly"),
        ags.show_line_item,
    ),
    Service(
        "results",
        re.compile(r"/(?P<course>[^/]+)/lineitems/(?P<item>[^/]+)/lineitem/results"),
        "GET",
        "application/vnd.ims.lis.v2.resultcontainer+json",
        (SCOPE_OF + "lti-ags/scope/result.readonly",),
        ags.list_results,
    ),
    Service(
        "scores",
        re.compile(r"/(?P<course>[^/]+)/lineitems/(?P<item>[^/]+)/lineitem/scores"),
        "POST",
        "application/vnd.ims.lis.v1.score+json",
        (SCOPE_OF + "lti-ags/scope/score",),
        ags.receive_score,
    ),
    Service(
        "memberships",
        re.compile(r"/CourseSection/(?P<course>[^/]+)/bindings/(?P<binding>[^/]+)/memberships"),
        "GET",
        "application/vnd.ims.lti-nrps.v2.membershipcontainer+json",
        (SCOPE_OF + "lti-nrps/scope/contextmembership.readonly",),
        nrps.list_members,
    ),
)


def serve_call(lms: "PracticeLms", path: str) -> Response:
    """Answer one service call at the path below ``services.php``, with whatever fault is due, and log it."""
    service, place = _find(path)
    if service is None:
        return _refusal(ServiceRefusedError(400, _no_handler(path)))
    fault = g.fault = lms.faults.take(service.name)
    response = serve_with_fault(fault, lambda: _serve(lms, service, place, path))
    status, _, reason = response.status.partition(" ")
    person, what = g.pop("call_note", ("", f"{request.method} {path}"))
    lms.record(service.name, person, what, int(status), _readable(reason), fault.kind if fault else "")
    return response


def _readable(reason: str) -> str:
    """The reason phrase as text: on the status line it is UTF-8 written as Latin-1."""
    return reason.encode("latin-1", "replace").decode("utf-8", "replace")


def _find(path: str) -> tuple[Service | None, dict[str, str]]:
    found = [(service, match.groupdict()) for service in SERVICES if (match := service.pattern.fullmatch(path))]
    served = [each for each in found if each[0].method == request.method]
    return next(iter(served or found), (None, {}))


def _serve(lms: "PracticeLms", service: Service, place: dict[str, str], path: str) -> Response:
    try:
        if request.method != service.method:
            raise ServiceRefusedError(405, "Method Not Allowed")
        if lms.profile.strict_media_types:
            _check_media_type(service, path)
        deployment_id = place.get("binding") or request.args.get("type_id")
        tool = tool_of_token(lms, request.headers.get("Authorization", ""), service.scopes, deployment_id)
        if tool is None:
            raise ServiceRefusedError(401, "Unauthorized")
        response = service.serve(lms, lms.config.for_tool(tool), place)
    except ServiceRefusedError as refused:
        return _refusal(refused)
    if response.mimetype != "text/html":
        response.headers["Content-Type"] = f"{service.media_type}; charset=utf-8"
    return response


def _check_media_type(service: Service, path: str) -> None:
    if service.method == "POST":
        if request.headers.get("Content-Type", "").split(";")[0].strip() != service.media_type:
            raise ServiceRefusedError(400, _no_handler(path))
        return
    accept = request.headers.get("Accept", "")
    if accept == "*/*":
        raise ServiceRefusedError(400, "No context or unsupported content type")
    if accept not in {"", service.media_type}:
        raise ServiceRefusedError(400, _no_handler(path))


def _no_handler(path: str) -> str:
    if request.method == "GET":
        return f"No handler found for {path} {request.headers.get('Accept', '')} "
    return f"No handler found for {path}  {request.headers.get('Content-Type', '').split(';')[0]}"


def _refusal(refused: ServiceRefusedError) -> Response:
    """The refusal as the status line's reason, and again in a JSON body unless the service itself refused."""
    if refused.media_type:
        response = Response("[]", content_type=f"{refused.media_type}; charset=utf-8")
    else:
        echo = {
            "method": request.method,
            "url": request.full_path.rstrip("?"),
            "accept": request.headers.get("Accept", ""),
            "contentType": request.headers.get("Content-Type", ""),
        }
        response = jsonify({"status": refused.status, "reason": refused.reason, "request": echo})
        response.headers["Content-Type"] = "application/json; charset=utf-8"
    # A status line carries bytes, which Python writes as Latin-1; Moodle puts UTF-8 there. No line breaks fit in.
    reason = " ".join(refused.reason.split("\n")).replace("\r", "").strip()
    response.status = f"{refused.status} {reason.encode('utf-8').decode('latin-1')}"
    return response
