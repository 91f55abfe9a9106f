"""Names and Role Provisioning Services: the roster of a course.

Source: LTI Names and Role Provisioning Services 2.0; habits of Moodle 4.5.6 (seen 2026-11): active enrolments
only, short role names, no differences, no paging unless a limit is given.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Response, g, request

from tests.practice_lms.claims import BASIC_OUTCOME, CLAIM, basic_outcome, memberships_url
from tests.practice_lms.faults import Fault, FaultKind, address_elsewhere
from tests.practice_lms.model import LmsPerson, LmsRole, PlatformConfig
from tests.practice_lms.profiles import Profile
from tests.practice_lms.refusals import ServiceRefusedError

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms


def list_members(lms: "PracticeLms", config: PlatformConfig, place: dict[str, str]) -> Response:
    """The people of a course; of one ``role``; with ``rlid`` also what a launch of that link would carry."""
    course = lms.course(place["course"])
    if course is None:
        raise ServiceRefusedError(404, f"Not Found: Course {place['course']} doesn't exist")
    link_id = request.args.get("rlid")
    if link_id is not None and link_id not in {activity.link_id for activity in course.activities}:
        raise ServiceRefusedError(404, f"Not Found: LTI link {link_id} doesn't exist")
    role = request.args.get("role", "").rsplit("#", 1)[-1]
    people = [person for person in lms.config.people if _is_listed(lms, person, role)]
    limit = request.args.get("limit", lms.profile.page_size, int)
    start = max(request.args.get("from", 0, int), 0)
    fault: Fault | None = g.get("fault")
    is_endless = fault is not None and fault.kind is FaultKind.ENDLESS
    if is_endless or (fault is not None and fault.kind is FaultKind.ELSEWHERE):
        limit = limit or len(people) // 2 or 1
    first = start % max(len(people), 1) if is_endless else start
    shown = people[first : first + limit] if limit > 0 else people
    body = {
        "id": memberships_url(config, course.id),
        "context": {"id": course.id, "label": course.label, "title": course.title},
        "members": [_member(lms, config, person, link_id) for person in shown],
    }
    response = Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
    if is_endless or 0 < limit < len(people) - start:
        query = {"limit": limit, "from": start + limit} | ({"rlid": link_id} if link_id else {})
        base = address_elsewhere(config.issuer, memberships_url(config, course.id), fault)
        response.headers["Link"] = f'<{base}?{urlencode(query)}>; rel="next"'
    return response


def _is_listed(lms: "PracticeLms", person: LmsPerson, role: str) -> bool:
    if not person.is_enrolled or person.key in lms.state.suspended | lms.state.unenrolled:
        return False
    return role in {"", roster_role(person.lms_role, lms.profile)}


def roster_role(role: LmsRole, profile: Profile) -> str:
    """The short role name in the roster, which is not always that of the launch."""
    if role is LmsRole.NONEDITING_TEACHER and profile.assistants_are_learners_in_roster:
        return "Learner"
    return "Learner" if role is LmsRole.STUDENT else "Instructor"


def _member(lms: "PracticeLms", config: PlatformConfig, person: LmsPerson, link_id: str | None) -> dict[str, Any]:
    member: dict[str, Any] = {"status": "Active", "roles": [roster_role(person.lms_role, lms.profile)]}
    if link_id is not None:
        member["message"] = [_message(lms, config, link_id, person)]
    member |= {"user_id": person.sub, "lis_person_sourcedid": person.staff_number}
    return member | _personal_fields(config, person)


def _message(lms: "PracticeLms", config: PlatformConfig, link_id: str, person: LmsPerson) -> dict[str, Any]:
    message: dict[str, Any] = {CLAIM + "message_type": "LtiResourceLinkRequest"}
    with lms.state.lock:
        has_item = any(item.link_id == link_id for item in lms.state.line_items.values())
    if has_item:
        message[BASIC_OUTCOME] = basic_outcome(config, link_id, person.sub)
    return message


def _personal_fields(config: PlatformConfig, person: LmsPerson) -> dict[str, str]:
    fields: dict[str, str] = {}
    if config.sends_names:
        # A roster always says given + family, whatever the site's name format.
        fields = {
            "name": f"{person.given_name} {person.family_name}",
            "given_name": person.given_name,
            "family_name": person.family_name,
        }
    if config.sends_email:
        fields["email"] = person.email
    if config.sends_names:
        fields["ext_user_username"] = person.username
    return fields
