"""The control of both time axes, as registers show it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lms.store.base import Database
from lms.store.organisations import find_organisation
from tests.factories import place_events
from tests.practice_organisation.seed import KEY
from tests.web.conftest import NOW, SECRETARY, Launched
from tests.web.visits import Visit, page_of

REGISTER = "/attendance"


@pytest.fixture
def size(tool_database: Database) -> int:
    """The size of the tree once everything seeded has its place, at noon."""
    with tool_database.transaction() as session:
        organisation = find_organisation(session, KEY)
        assert organisation is not None
        return place_events(session, organisation, NOW)


def test_today_needs_no_notice(launched: Launched) -> None:
    page = page_of(launched(SECRETARY, locale="en").get(REGISTER))
    assert "As of the end of 23 Nov 2026" in page
    assert "You are looking at" not in page


def test_the_past_is_named_and_leads_back(launched: Launched) -> None:
    page = page_of(
        launched(SECRETARY, locale="en").get(REGISTER, query_string={"as_of": "2026-05-31", "unit": "総務係"})
    )
    assert "You are looking at 31 May 2026 as known today." in page
    assert 'href="?unit=%E7%B7%8F%E5%8B%99%E4%BF%82"' in page


@pytest.mark.parametrize("axis", ["known_on", "known_at"])
def test_both_axes_are_named_with_the_time_of_the_knowledge(launched: Launched, size: int, axis: str) -> None:
    query = {"as_of": "2026-05-31", axis: "2026-11-23" if axis == "known_on" else str(size)}
    page = page_of(launched(SECRETARY, locale="en").get(REGISTER, query_string=query))
    assert "You are looking at 31 May 2026 as known on 23 Nov 2026, 12:00 JST." in page
    assert f"ledger size {size} (2026-11-23 12:00:00 JST)" in page
    assert f'name="{axis}" ' in page
    assert f'value="{query[axis]}"' in page


def test_before_the_first_checkpoint_nothing_was_known(launched: Launched, size: int) -> None:
    query = {"known_on": (NOW - timedelta(days=1)).date().isoformat()}
    page = page_of(launched(SECRETARY, locale="en").get(REGISTER, query_string=query))
    assert "as known before the first checkpoint" in page
    assert "Nobody matches." in page


def test_the_size_goes_before_the_day(secretary: Visit, size: int) -> None:
    query = {"known_on": "2026-11-22", "known_at": str(size), "unit": "総務係"}
    assert "00101" in page_of(secretary.get(REGISTER, query_string=query))


def test_filters_keep_the_moment_and_the_moment_keeps_filters(secretary: Visit, size: int) -> None:
    query = {"as_of": "2026-11-22", "known_at": str(size), "unit": "総務係"}
    page = page_of(secretary.get(REGISTER, query_string=query))
    hidden = '<input type="hidden" name="{}" value="{}">'
    for name, value in query.items():
        assert hidden.format(name, value) in page


def test_a_day_that_is_none_is_refused(secretary: Visit) -> None:
    assert secretary.get(REGISTER, query_string={"known_on": "2026-02-30"}).status_code == 400
