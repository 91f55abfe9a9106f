"""Finding the line items of activities that have none yet or none any more; making them where the platform lets us.

Source: lti.md rule 13; LTI Assignment and Grade Services 2.0 §3.2.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from lms.config import Settings
from lms.jobs.crews import Done
from lms.jobs.offices import Errand, breakdown_of, office_of, send_out
from lms.lti.access_tokens import AccessTokenFault
from lms.lti.connection import PlatformServices
from lms.lti.http import OutgoingFault, OutgoingRefused
from lms.lti.line_items import LINE_ITEM_SCOPE, READ_SCOPE, find_line_item, make_line_item
from lms.lti.pages import ListFault
from lms.services.line_items import (
    BATCH,
    Found,
    Search,
    claim_searches,
    hand_back_search,
    searching_platforms,
    settle_search,
)
from lms.services.outbox import OF_THE_PLATFORM, bring_forward
from lms.store.base import Database

SEARCHING_SECONDS = 45.0
"""After which nothing is begun any more, and no item made: the lease would not last."""


def find_line_items(database: Database, settings: Settings, now: datetime) -> int:
    """Look for line items that scores wait for; return how many searches there were."""
    return sum(_note(database, found, now) for found in send_out(database, settings, SEARCHES, now))


def _note(database: Database, found: Sequence[Done[tuple[PlatformServices, Search], Found]], now: datetime) -> int:
    platforms = office_of(database).platforms
    for each in found:
        search = each.task[1]
        with database.transaction() as session:
            if each.outcome is not None:
                settle_search(session, search, each.outcome, now)
                said = breakdown_of(each.outcome.code, each.outcome.after_seconds)
                if platforms.note(search.platform_id, said, now):
                    bring_forward(session, search.platform_id, now)
            elif each.error is None:
                hand_back_search(session, search)
    for each in found:
        if each.error is not None:
            raise each.error
    return sum(each.outcome is not None for each in found)


def _is_failure(found: Found) -> bool:
    return found.code in OF_THE_PLATFORM


def _search(services: PlatformServices, search: Search) -> Found:
    try:
        return _find_or_make(services, search)
    except OutgoingRefused:
        return Found(code="address_refused", is_final=True)
    except OutgoingFault:
        return Found(code="unreachable")
    except AccessTokenFault:
        return Found(code="token_refused")
    except ListFault as fault:
        return _judge(fault)


def _find_or_make(services: PlatformServices, search: Search) -> Found:
    ends = time.monotonic() + SEARCHING_SECONDS
    scopes = set(search.scopes)
    if not scopes or scopes & {READ_SCOPE, LINE_ITEM_SCOPE}:
        url = find_line_item(
            services, search.registration, search.container_url, search.wanted, search.scopes, search.claimed_at
        )
        if url is not None:
            return Found(url)
    if scopes and LINE_ITEM_SCOPE not in scopes:
        return Found(code="no_line_item", is_final=True)
    if time.monotonic() >= ends:
        return Found(code="unreachable")
    return Found(make_line_item(services, search.registration, search.container_url, search.wanted, search.claimed_at))


def _judge(fault: ListFault) -> Found:
    if fault.status in {408, 425, 429}:
        return Found(code="busy", after_seconds=fault.after_seconds)
    if fault.status == 401:
        return Found(code="unauthorised")
    if 400 <= fault.status < 500:
        return Found(code="line_item_gone" if fault.status == 404 else "line_item_refused", is_final=True)
    if fault.code == "address_foreign":
        return Found(code="address_refused", is_final=True)
    return Found(code="platform_error", after_seconds=fault.after_seconds)


SEARCHES = Errand("line items", searching_platforms, claim_searches, _search, _is_failure, BATCH, SEARCHING_SECONDS)
