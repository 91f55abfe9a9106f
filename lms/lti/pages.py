"""Lists of a platform's service that may come in pages: all of it or nothing.

Source: RFC 8288 (Link); LTI Assignment and Grade Services 2.0, sections 3.2.4 and 3.3.4.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from lms.lti.access_tokens import ServiceCall, call_service
from lms.lti.connection import PlatformServices
from lms.lti.http import HttpReply, OutgoingRefused, origin_of
from lms.lti.id_tokens import Registration
from lms.lti.retry_after import retry_after

MAX_PAGES: Final = 50
MAX_ENTRIES: Final = 100_000
_NEXT: Final = re.compile(r'<([^<>]*)>[^,<]*?;\s*rel\s*=\s*"?(?:[a-z-]+ )*next\b', re.IGNORECASE)
_NEXT_SOMEHOW: Final = re.compile(r"rel\s*=\s*\W*next\b", re.IGNORECASE)


class ListFault(Exception):
    """A list could not be read whole; carries a code and the HTTP status, 0 where the reply's content is wrong."""

    def __init__(self, code: str, status: int = 0, after_seconds: int | None = None) -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status
        self.after_seconds = after_seconds
        """What the platform asked for; None if it did not say."""


def read_list(
    services: PlatformServices, registration: Registration, call: ServiceCall, now: datetime
) -> list[dict[str, Any]]:
    """Read a list of objects with all its pages; entries that are no objects are left out.

    Never asks for pages itself: Moodle 4.5 then writes links that nobody can follow, or answers 404 (seen 2026-11).

    Raises:
        ListFault: The platform answered an error, something that is no list, or pages that don't end or lead away.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached.
    """
    entries: list[dict[str, Any]] = []
    asked: set[str] = set()
    address: str | None = call.url
    while address is not None:
        _check_page(address, call.url, asked)
        asked.add(address)
        reply = call_service(services.http, services.tokens, registration, replace(call, url=address), now)
        entries += _read_entries(reply, now)
        if len(entries) > MAX_ENTRIES:
            raise ListFault("too_long")
        address = _next_page(reply)
    return entries


def _check_page(address: str, first: str, asked: set[str]) -> None:
    if address in asked:
        raise ListFault("pages_repeat")
    if len(asked) >= MAX_PAGES:
        raise ListFault("too_many_pages")
    try:
        is_foreign = origin_of(address) != origin_of(first)
    except OutgoingRefused:
        is_foreign = True
    if is_foreign:
        raise ListFault("page_foreign")


def _read_entries(reply: HttpReply, now: datetime) -> list[dict[str, Any]]:
    if reply.status != 200:
        raise ListFault("status", reply.status, retry_after(reply, now))
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise ListFault("not_json") from None
    if not isinstance(value, list):
        raise ListFault("not_a_list")
    return [entry for entry in value if isinstance(entry, dict)]


def _next_page(reply: HttpReply) -> str | None:
    header = reply.headers.get("link", "")
    found = _NEXT.search(header)
    if found:
        return found[1].strip()
    if _NEXT_SOMEHOW.search(header):  # there is more, and no telling where
        raise ListFault("link_malformed")
    return None
