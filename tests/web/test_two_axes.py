"""A correction made in June changes what May looks like known in June, and not what it looked like known in May."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from lms.cli.context import CommandContext
from lms.cli.main import cli
from lms.services.fact_kinds import KINDS
from lms.services.people import find_person
from lms.services.person_facts import GivenFact, Recorder, correct_fact, record_fact
from lms.store.organisations import find_organisation
from tests.factories import place_events
from tests.practice_organisation.seed import KEY
from tests.web.conftest import SECRETARY, Launched, RunningTool
from tests.web.visits import Visit, page_of

NUMBER = "00101"
MAY = "2026-05-31"


@dataclass(frozen=True)
class Told:
    """Sizes of the tree at the end of May and of June, and whom it is about."""

    person_id: int
    in_may: int
    in_june: int


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 3, tzinfo=UTC)


@pytest.fixture
def told(tool: RunningTool) -> Told:
    """Told in May: on leave since 20 May. Told in June: that was a misreading, the leave began on 5 June."""
    secretary = "person:1"
    with tool.database.transaction() as session:
        organisation = find_organisation(session, KEY)
        assert organisation is not None
        person_id = find_person(session, organisation.id, NUMBER, date(2026, 5, 31))
        assert person_id is not None
        wrong = GivenFact(date(2026, 5, 20), date(2026, 9, 1))
        row = record_fact(session, organisation, KINDS["leave"], person_id, wrong, Recorder(secretary, at(5, 21)))
        in_may = place_events(session, organisation, at(5, 31))
        right = GivenFact(date(2026, 6, 5), date(2026, 9, 1))
        correct_fact(session, organisation, row, right, "届出を読み違えたため", Recorder(secretary, at(6, 10)))
        in_june = place_events(session, organisation, at(6, 30))
    return Told(person_id, in_may, in_june)


def in_register(visit: Visit, **known: str) -> str:
    response = visit.get("/attendance/export.csv", query_string={"as_of": MAY, **known})
    lines = list(csv.reader(StringIO(response.data.decode("utf-8-sig"))))
    top = next(place for place, line in enumerate(lines) if line and line[0] == "staff_number")
    rows = [dict(zip(lines[top], line, strict=True)) for line in lines[top + 1 :]]
    (state,) = {row["state"] for row in rows if row["staff_number"] == NUMBER and row["module"] == "isms-and-my-role"}
    return state


def on_page(visit: Visit, told: Told, **known: str) -> tuple[bool, bool]:
    """Whether the page shows the obligation as suspended, and whether it shows a correction."""
    page = page_of(visit.get(f"/people/{told.person_id}", query_string={"as_of": MAY, **known}))
    return "state-on_leave" in page, "Correction history" in page


def on_command_line(path: Path, keys: Path, *known: str) -> tuple[str, int]:
    """The state of the year's obligation, and how many recordings of the leave are told."""
    context = CommandContext({"AKASHI_DATABASE_URL": f"sqlite:///{path}", "AKASHI_KEYS_DIR": str(keys)})
    arguments = ["people", "show", NUMBER, "--as-of", MAY, *known, "--json"]
    result = CliRunner().invoke(cli, arguments, obj=context)
    context.close()
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    (state,) = [each["state"] for each in found["obligations"] if each["competence"] == "isms-and-my-role"]
    return state, sum(1 + len(each["earlier"]) for each in found["facts"]["leave"])


def test_the_register_answers_for_both_axes(launched: Launched, told: Told) -> None:
    secretary = launched(SECRETARY)
    assert in_register(secretary, known_at=str(told.in_may)) == "on_leave"
    assert in_register(secretary, known_at=str(told.in_june)) == "open"
    assert in_register(secretary, known_on="2026-05-31") == "on_leave"
    assert in_register(secretary, known_on="2026-06-30") == "open"
    assert in_register(secretary) == "open"


def test_the_persons_page_answers_for_both_axes(launched: Launched, told: Told) -> None:
    secretary = launched(SECRETARY, locale="en")
    assert on_page(secretary, told, known_on="2026-05-31") == (True, False)
    assert on_page(secretary, told, known_on="2026-06-30") == (False, True)
    page = page_of(secretary.get(f"/people/{told.person_id}", query_string={"as_of": MAY, "known_on": "2026-06-30"}))
    assert "You are looking at 31 May 2026 as known on 30 Jun 2026, 12:00 JST." in page
    assert "because: 届出を読み違えたため" in page
    assert "<del>20 May 2026 to 31 Aug 2026</del> → <ins>5 Jun 2026 to 31 Aug 2026</ins>" in page


def test_the_command_answers_for_both_axes(tool: RunningTool, told: Told, tmp_path: Path) -> None:
    assert tool.path is not None
    asked = {size: ("--known-at", str(size)) for size in (told.in_may, told.in_june)}
    assert on_command_line(tool.path, tmp_path, *asked[told.in_may]) == ("on_leave", 1)
    assert on_command_line(tool.path, tmp_path, *asked[told.in_june]) == ("open", 2)
    assert on_command_line(tool.path, tmp_path) == ("open", 2)
