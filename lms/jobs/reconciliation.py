"""Every night, and when somebody asks: each gradebook is read and compared with what was sent there.

A line item is read in one call; person by person where its list is too large for one reply. A reading that breaks off
changes nothing and is tried again.

Source: lti.md §4 (outbox).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from courses.calendar import jst_date, start_of_day
from lms.config import Settings
from lms.jobs.crews import Done
from lms.jobs.offices import Errand, breakdown_of, office_of, send_out
from lms.lti.access_tokens import AccessTokenFault
from lms.lti.connection import PlatformServices
from lms.lti.http import OutgoingFault, OutgoingRefused, ReplyTooLarge
from lms.lti.scores import RESULT_SCOPE, LineItemGone, PlatformResult, ResultFault, read_result, read_results
from lms.services.outbox import OF_THE_PLATFORM, bring_forward
from lms.services.reconciliation import (
    BATCH,
    ROWS,
    Comparison,
    Reading,
    claim_comparisons,
    compare,
    comparing_platforms,
    finish,
    hand_back_comparison,
    want_comparisons,
)
from lms.store.base import Database
from lms.store.jobs import is_taken, take
from lms.store.organisations import Organisation

NAME = "gradebook_comparison"
NIGHT = timedelta(hours=2)
"""After midnight in Japan, when hardly anybody takes a test."""
STARTING_SECONDS = 45.0
READING_SECONDS = 45.0
"""After which no other person's result is read in one go."""


def want_nightly_comparisons(database: Database, settings: Settings, now: datetime) -> int:
    """Take this night's slot and want every gradebook compared, unless another worker has; return for how many items."""
    slot = start_of_day(jst_date(now - NIGHT)) + NIGHT
    with database.reading() as session:
        if is_taken(session, NAME, slot):
            return 0
    with database.transaction() as session:
        take(session, NAME, slot, now)
        organisations = session.scalars(select(Organisation.id).order_by(Organisation.id)).all()
        return sum(want_comparisons(session, each, "system:worker", now) for each in organisations)


def compare_gradebooks(database: Database, settings: Settings, now: datetime) -> int:
    """Read the results that are to be compared, and compare them; return how many line items were read."""
    return sum(_note(database, found, now) for found in send_out(database, settings, COMPARISONS, now))


def _note(
    database: Database, found: Sequence[Done[tuple[PlatformServices, Comparison], Reading]], now: datetime
) -> int:
    platforms = office_of(database).platforms
    for each in found:
        comparison = each.task[1]
        if each.outcome is not None:
            _compare(database, comparison, each.outcome, now)
            said = breakdown_of(each.outcome.code, each.outcome.after_seconds)
            if platforms.note(comparison.platform_id, said, now):
                with database.transaction() as session:
                    bring_forward(session, comparison.platform_id, now)
        elif each.error is None:
            with database.transaction() as session:
                hand_back_comparison(session, comparison)
    for each in found:
        if each.error is not None:
            raise each.error
    return sum(each.outcome is not None for each in found)


def _compare(database: Database, comparison: Comparison, reading: Reading, now: datetime) -> None:
    read = [each for each in comparison.sent if reading.is_whole or each.user_id in reading.held]
    for start in range(0, len(read), ROWS):  # in pieces: people are answering meanwhile
        with database.transaction() as session:
            compare(session, comparison, read[start : start + ROWS], reading.held, now)
    with database.transaction() as session:
        finish(session, comparison, reading, now)


def _is_failure(reading: Reading) -> bool:
    return reading.code in OF_THE_PLATFORM


def _read(services: PlatformServices, comparison: Comparison) -> Reading:
    held: dict[str, PlatformResult | None] = {}
    if not comparison.line_item_url:
        return Reading(held, False, "no_line_item", is_final=True)
    if comparison.scopes and RESULT_SCOPE not in comparison.scopes:
        return Reading(held, False, "scope_missing", is_final=True)
    try:
        try:
            everybody = read_results(services, comparison.registration, comparison.line_item_url, comparison.claimed_at)
            return Reading(everybody, True)
        except ReplyTooLarge:
            return _read_each(services, comparison, held)
    except OutgoingRefused:
        return Reading(held, False, "address_refused", is_final=True)
    except OutgoingFault:
        return Reading(held, False, "unreachable")
    except AccessTokenFault:
        return Reading(held, False, "token_refused")
    except ResultFault as fault:
        return _judge(held, fault)


def _read_each(services: PlatformServices, comparison: Comparison, held: dict[str, PlatformResult | None]) -> Reading:
    """Read person by person; what was read before a fault stays read."""
    ends = time.monotonic() + READING_SECONDS
    for each in comparison.sent:
        if time.monotonic() >= ends:
            return Reading(held, False)
        held[each.user_id] = read_result(
            services.http,
            services.tokens,
            comparison.registration,
            comparison.line_item_url,
            each.user_id,
            comparison.claimed_at,
        )
    return Reading(held, True)


def _judge(held: dict[str, PlatformResult | None], fault: ResultFault) -> Reading:
    if isinstance(fault, LineItemGone):
        return Reading(held, False, "line_item_gone")
    if fault.status in {408, 425, 429}:
        return Reading(held, False, "busy", after_seconds=fault.after_seconds)
    if fault.status == 401:
        return Reading(held, False, "unauthorised")
    if 400 <= fault.status < 500:
        return Reading(held, False, "results_refused", is_final=fault.status == 403)
    return Reading(held, False, "platform_error", after_seconds=fault.after_seconds)


COMPARISONS = Errand("comparisons", comparing_platforms, claim_comparisons, _read, _is_failure, BATCH, STARTING_SECONDS)
