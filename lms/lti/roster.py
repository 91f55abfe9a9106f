"""Reading the roster of a course: all pages or nothing, and of each member no more than the tool has a use for.

Source: LTI Names and Role Provisioning Services 2.0, sections 2.2 (members), 2.4.1 (paging).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urldefrag

from lms.lti.access_tokens import ServiceCall, call_service
from lms.lti.connection import PlatformServices
from lms.lti.http import MAX_URL_LENGTH, HttpReply, OutgoingRefused, ReplyTooLarge, origin_of
from lms.lti.id_tokens import MAX_ID_LENGTH, Registration

ROSTER_SCOPE: Final = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ROSTER_TYPE: Final = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
PAGE_SIZE: Final = 1000
MAX_PAGES: Final = 200
MAX_MEMBERS: Final = 50_000
MAX_TEXT: Final = 255
MAX_ROLES: Final = 100
_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:"[^"]*"|[^",;\s]*))?)*)')
_RELATIONS: Final = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]*))', re.IGNORECASE)


class RosterFault(Exception):
    """No complete roster was to be had; carries a stable code and the HTTP status, 0 where the content is wrong."""

    def __init__(self, code: str, status: int = 0) -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a roster; addresses, pictures and user names are left where they are."""

    user_id: str
    """The platform's id of the person: the `sub` of their launches."""
    lti_roles: tuple[str, ...]
    """As sent; read them with `lms.lti.roles`."""
    is_active: bool
    """False where the platform says that the enrolment is inactive or deleted."""
    family_name: str | None
    """None is normal: a platform sends names only if its administrator lets it."""
    given_name: str | None
    staff_number: str | None
    """`lis_person_sourcedid`; trustworthy only where people cannot edit it on the platform."""


@dataclass(frozen=True, slots=True)
class Roster:
    """A complete roster."""

    context_id: str
    members: tuple[Member, ...]
    """Each user id once, in the platform's order."""
    pages: int


def pull_roster(services: PlatformServices, registration: Registration, memberships_url: str, now: datetime) -> Roster:
    """Read all pages of a roster.

    Asked for in one piece, which cannot change between two pages; in pages where that is too large. `Link` is followed
    word for word, on the same origin alone, and never twice to the same address.

    Raises:
        RosterFault: The platform answered an error, something that is no roster, or pages without an end.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached, or a page lies outside the registration's origins.
    """
    try:
        return _read_pages(services, registration, memberships_url, now)
    except ReplyTooLarge:
        return _read_pages(services, registration, _limited(memberships_url), now)


def _limited(address: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}limit={PAGE_SIZE}"


def _read_pages(services: PlatformServices, registration: Registration, first: str, now: datetime) -> Roster:
    members: dict[str, Member] = {}
    contexts: set[str] = set()
    asked: list[str] = []
    address: str | None = first
    while address is not None:
        _check_next(address, asked)
        asked.append(address)
        reply = _read_page(services, registration, address, now)
        context_id, found = _read_container(reply)
        contexts.add(context_id)
        members |= {each.user_id: each for each in found}
        if len(contexts) > 1:
            raise RosterFault("context_changed")
        if len(members) > MAX_MEMBERS:
            raise RosterFault("too_many_members")
        address = next_page(reply.headers)
    return Roster(contexts.pop(), tuple(members.values()), len(asked))


def next_page(headers: Mapping[str, str]) -> str | None:
    """Return the address of the next page as a `Link` header gives it (RFC 8288); None on the last page."""
    for address, parameters in _LINK.findall(headers.get("link", "")):
        named = _RELATIONS.search(parameters)
        if named is not None and "next" in (named[1] or named[2] or "").lower().split():
            return str(address).strip()
    return None


def _check_next(address: str, asked: list[str]) -> None:
    if len(asked) >= MAX_PAGES:
        raise RosterFault("too_many_pages")
    if not asked:
        return
    if urldefrag(address).url in {urldefrag(each).url for each in asked}:
        raise RosterFault("pages_repeat")
    try:
        is_foreign = origin_of(address) != origin_of(asked[0])
    except OutgoingRefused:
        is_foreign = True
    if is_foreign:
        raise RosterFault("page_foreign")


def _read_page(services: PlatformServices, registration: Registration, address: str, now: datetime) -> HttpReply:
    call = ServiceCall(frozenset({ROSTER_SCOPE}), "GET", address, {"Accept": ROSTER_TYPE})
    reply = call_service(services.http, services.tokens, registration, call, now)
    if reply.status != 200:
        raise RosterFault("status", reply.status)
    return reply


def _read_container(reply: HttpReply) -> tuple[str, list[Member]]:
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise RosterFault("not_json") from None
    context = value.get("context") if isinstance(value, dict) else None
    listed = value.get("members") if isinstance(value, dict) else None
    if not isinstance(context, dict) or not isinstance(listed, list):
        raise RosterFault("not_a_roster")
    context_id = _text(context, "id", MAX_ID_LENGTH)
    if context_id is None:
        raise RosterFault("not_a_roster")
    return context_id, [_read_member(each) for each in listed]


def _read_member(value: object) -> Member:
    if not isinstance(value, dict):
        raise RosterFault("member_malformed")
    user_id = _text(value, "user_id", MAX_ID_LENGTH)
    roles = value.get("roles")
    # The specification asks for at least one role; a member without any is enrolled all the same.
    if user_id is None or not isinstance(roles, list) or len(roles) > MAX_ROLES:
        raise RosterFault("member_malformed")
    if not all(isinstance(one, str) and len(one) <= MAX_URL_LENGTH and _is_storable(one) for one in roles):
        raise RosterFault("member_malformed")
    number = _shown(value, "lis_person_sourcedid")
    return Member(
        user_id=user_id,
        lti_roles=tuple(roles),
        is_active=value.get("status", "Active") == "Active",
        family_name=_shown(value, "family_name"),
        given_name=_shown(value, "given_name"),
        staff_number=None if number is None or number.startswith("$") else number,
    )


def _text(value: Mapping[str, Any], name: str, longest: int) -> str | None:
    found = value.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) > longest or not _is_storable(found):
        raise RosterFault("member_malformed")
    return found


def _shown(value: Mapping[str, Any], name: str) -> str | None:
    """A text for people, on one line; one of another kind counts as absent, as it identifies nobody."""
    found = value.get(name)
    if not isinstance(found, str) or not _is_storable(found):
        return None
    return " ".join(found.split())[:MAX_TEXT] or None


def _is_storable(text: str) -> bool:
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text)
