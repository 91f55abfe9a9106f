"""The two axes of a question: sizes of the ledger that there were, their times, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.services.moments import (
    UnknownTreeSizeError,
    check_known_at,
    checkpoint_covering,
    known_at_label,
    size_at_end_of,
    tree_size,
)
from lms.store.organisations import Organisation
from lms.wording.gettext import use_language
from tests.factories import adopt, place_events, small_module


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with use_language("en"):
        yield


def test_a_size_that_the_ledger_never_had_is_refused(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    for given in (1, -1):
        with pytest.raises(UnknownTreeSizeError) as caught:
            check_known_at(session, organisation.id, given)
        assert (caught.value.given, caught.value.largest) == (given, 0)
    check_known_at(session, organisation.id, 0)
    adopt(session, organisation, small_module())
    size = place_events(session, organisation, now)
    assert tree_size(session, organisation.id) == size
    check_known_at(session, organisation.id, size)
    check_known_at(session, organisation.id, None)
    with pytest.raises(UnknownTreeSizeError):
        check_known_at(session, organisation.id, size + 1)


def test_a_day_means_the_tree_as_it_was_at_its_end(session: Session, organisation: Organisation, now: datetime) -> None:
    adopt(session, organisation, small_module())
    first = place_events(session, organisation, now)
    adopt(session, organisation, small_module(edition="改訂版"))
    second = place_events(session, organisation, now + timedelta(hours=12))  # midnight in Japan: the next day
    days = {date(2026, 11, 22): 0, date(2026, 11, 23): first, date(2026, 11, 24): second, date.max: second}
    assert {day: size_at_end_of(session, organisation.id, day) for day in days} == days
    covering = [checkpoint_covering(session, organisation.id, size) for size in (first, first + 1, second + 1)]
    assert [each and each.size for each in covering] == [first, second, None]


def test_the_label_names_the_size_and_its_time(session: Session, organisation: Organisation, now: datetime) -> None:
    adopt(session, organisation, small_module())
    assert known_at_label(session, organisation.id, None) == (
        "everything recorded: ledger size 0 (-), 12 more awaiting their place"
    )
    assert place_events(session, organisation, now) == 12
    adopt(session, organisation, small_module(edition="改訂版"))
    place_events(session, organisation, now + timedelta(hours=1))
    first, second = "2026-11-23 12:00:00 JST", "2026-11-23 13:00:00 JST"
    assert known_at_label(session, organisation.id, 12) == f"ledger size 12 ({first})"
    assert known_at_label(session, organisation.id, 13) == f"ledger size 13 ({second})"
    assert known_at_label(session, organisation.id, None) == f"everything recorded: ledger size 24 ({second})"
