"""The attendance register and its file: nobody vanishes, filters add up, and the past is answered as it was known."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear
from courses.requirements import Occasion, Requirement, State
from lms.reports.attendance import COLUMNS
from lms.reports.tables import UncodableCharacterError
from lms.services.attendance import (
    Attendance,
    AttendanceFilter,
    attendance,
    years_with_obligations,
)
from lms.services.attendance_export import ExportRequest, Format, export_attendance, file_name
from lms.services.awareness import ModuleInUse
from lms.services.identities import link_by_decision
from lms.services.moments import UnknownTreeSizeError
from lms.services.requirements import default_requirements
from lms.store.organisations import Organisation
from lms.store.people import Person, ScopeMembership
from lms.store.records import Moment, record
from lms.wording.gettext import use_language
from tests.factories import (
    ACTOR,
    FOUNDED,
    MODULE,
    add_identity,
    add_people,
    add_practice_platform,
    adopt,
    learner_of,
    place_events,
    require,
    small_module,
    take_test,
)

YEAR = FiscalYear(2026)
TODAY = date(2026, 11, 23)
EVERYTHING = AttendanceFilter()
PEOPLE = (
    {"staff_number": "000101", "unit": "総務係"},
    {"staff_number": "000102", "unit": "ネットワーク係", "category": "技術職員", "family_name": "髙橋"},
    {"staff_number": "000103", "unit": "ネットワーク係", "category": "技術職員", "employment": "非常勤"},
    {"staff_number": "000104", "unit": "認証基盤係", "left_on": "2026-09-30"},
    {"staff_number": "000105", "unit": "認証基盤係", "joined_on": "2026-11-01", "scope_from": "2026-11-01"},
    {"staff_number": "000106", "unit": "総務係", "scope_from": "2027-02-01"},
    {"staff_number": "000107", "unit": "総務係", "left_on": "2026-03-31"},
    {"staff_number": "V00001", "unit": "認証基盤係", "employment": "業者", "category": "外部"},
)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with use_language("en"):
        yield


@pytest.fixture
def module(session: Session, organisation: Organisation) -> ModuleInUse:
    """A module that everybody must pass, and people of every kind; 000102 in time, V00001 late, 000103 not."""
    adopted = adopt(session, organisation, small_module())
    everybody = Requirement("everybody", MODULE, Occasion.FISCAL_YEAR, 2026, due=(10, 31))
    require(session, organisation, *default_requirements(MODULE, 2026, (12, 31)), everybody)
    add_people(session, organisation, *PEOPLE)
    platform = add_practice_platform(session, organisation)
    now = datetime.combine(date(2026, 10, 1), FOUNDED.timetz())
    for sub, number, day, wrong in (("2", "000102", 0, 1), ("3", "000103", 0, 5), ("9", "V00001", 32, 0)):
        identity = add_identity(session, platform, sub)
        link_by_decision(session, organisation, identity.id, number, (ACTOR, now))
        moment = now + timedelta(days=day)
        take_test(session, learner_of(session, organisation, identity.id), adopted, moment, wrong)
    return adopted


def register(
    session: Session,
    organisation: Organisation,
    chosen: AttendanceFilter = EVERYTHING,
    as_of: date = TODAY,
    known_at: int | None = None,
) -> Attendance:
    return attendance(session, organisation.id, YEAR, Moment(as_of, known_at), chosen, "en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exports"
    made.mkdir()
    return made


def shown(found: Attendance) -> dict[tuple[str, str], str]:
    """Return the states by staff number and requirement."""
    return {(row.staff_number, row.requirement.partition(" ")[0]): row.state for row in found.rows}


def test_everyone_in_scope_on_any_day_of_the_year_has_a_row(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    found = register(session, organisation)
    states = shown(found)
    numbers = {number for number, _ in states}
    assert numbers == {row["staff_number"] for row in PEOPLE} - {"000107"}  # who left before the year
    assert (found.people, found.people_without_obligation) == (7, 0)
    assert states[("000101", "everybody")] == "overdue"
    assert states[("000102", "everybody")] == "complete"
    assert states[("000104", "everybody")] == "left_before_due"
    assert states[("000105", f"{MODULE}-joining")] == "open"
    assert states[("000106", f"{MODULE}-joining")] == "not_yet_due"
    assert states[("V00001", "everybody")] == "late_complete"
    assert found.units == {"総務係", "ネットワーク係", "認証基盤係"}
    order = [(row.unit, row.staff_number, row.due_on) for row in found.rows]
    assert order == sorted(order)


def test_a_row_names_the_evidence_that_it_rests_on(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    rows = {
        row.staff_number: row for row in register(session, organisation).rows if row.requirement.startswith("everyb")
    }
    done, open_ = rows["000102"], rows["000103"]
    assert (done.name, done.kana, done.unit, done.employment, done.category) == (
        "髙橋 あかり", "ミホン アカリ", "ネットワーク係", "regular", "technical",
    )  # fmt: skip
    assert (done.mark, done.maximum, done.pass_mark, done.attempts, done.mode) == (9, 10, 8, 1, "own_test")
    assert (done.evidence_id or "").startswith("E-")
    assert done.module_version == module.version_hash[:12]
    assert done.completed_at == datetime.combine(date(2026, 10, 1), FOUNDED.timetz())
    assert (done.occasion, done.opens_on, done.due_on) == ("fiscal_year:2026", date(2026, 4, 1), date(2026, 10, 31))
    assert (open_.state, open_.attempts, open_.evidence_id, open_.mark, open_.mode) == ("overdue", 1, "", None, "")


def test_the_population_is_the_sum_of_the_states_for_any_filter(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    whole = register(session, organisation)
    assert sum(whole.counts.values()) == len(whole.rows) == 12
    keys = ("everybody", f"{MODULE}-annual", f"{MODULE}-joining")
    partitions = {
        "unit": sorted(whole.units),
        "category": ("faculty", "administrative", "technical", "student", "external"),
        "employment": ("regular", "part_time", "seconded", "agency", "vendor"),
        "requirement": keys,
        "state": tuple(State),
    }
    for name, values in partitions.items():
        parts = [register(session, organisation, AttendanceFilter(**{name: value})) for value in values]
        assert sum(len(part.rows) for part in parts) == len(whole.rows), name
        assert sorted(row for part in parts for row in part.rows) == sorted(whole.rows)
        if name not in {"requirement", "state"}:
            assert sum(part.people for part in parts) == whole.people, name
            assert sum((part.counts for part in parts), start=type(whole.counts)()) == whole.counts
    for unit, state, key in itertools.product(whole.units, (None, State.OVERDUE), keys):
        part = register(session, organisation, AttendanceFilter(unit=unit, state=state, requirement=key))
        rows = [row for row in whole.rows if row.unit == unit and row.requirement.startswith(key)]
        assert sum(part.counts.values()) == len(rows)
        assert len(part.rows) == (len(rows) if state is None else part.counts[state])


def test_who_has_no_known_affiliation_belongs_to_no_unit(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    before = register(session, organisation, AttendanceFilter(unit="総務係"))
    person = Person(organisation_id=organisation.id, created_at=FOUNDED)
    session.add(person)
    session.flush()
    scope = ScopeMembership(
        person_id=person.id, valid_from=date(2026, 4, 2), valid_to=None, is_void=False, reason="移行",
        recorded_at=FOUNDED, recorded_by=ACTOR,
    )  # fmt: skip
    record(session, organisation, scope)
    after = register(session, organisation, AttendanceFilter(unit="総務係"))
    assert (after.people, after.rows) == (before.people, before.rows)
    whole = register(session, organisation)
    assert (whole.people, whole.units) == (8, {"", "総務係", "ネットワーク係", "認証基盤係"})
    nameless = register(session, organisation, AttendanceFilter(unit=""))
    assert [(row.staff_number, row.name, row.unit) for row in nameless.rows] == [("", "", "")]


def test_the_register_answers_for_its_as_of_date(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    past = shown(register(session, organisation, as_of=date(2026, 9, 30)))
    assert past[("000102", "everybody")] == "open"
    assert past[("000104", "everybody")] == "open"
    assert past[("000105", f"{MODULE}-joining")] == "not_yet_due"
    early = register(session, organisation, as_of=date(2026, 9, 30)).rows
    assert {(row.mark, row.attempts, row.evidence_id) for row in early} == {(None, 0, "")}
    later = shown(register(session, organisation, as_of=date(2027, 3, 31)))
    assert later[("000106", f"{MODULE}-joining")] == "overdue"
    assert set(past) == set(later)


def test_a_result_recorded_later_is_not_known_at_an_earlier_size(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    adopted = adopt(session, organisation, small_module())
    require(session, organisation, Requirement("everybody", MODULE, Occasion.FISCAL_YEAR, 2026))
    add_people(session, organisation, *PEOPLE[:2])
    identity = add_identity(session, add_practice_platform(session, organisation), "4")
    link_by_decision(session, organisation, identity.id, "000101", (ACTOR, FOUNDED))
    size = place_events(session, organisation, now)
    result = take_test(session, learner_of(session, organisation, identity.id), adopted, now - timedelta(days=9))
    late = add_people(session, organisation, PEOPLE[2], now=now)
    as_known = shown(register(session, organisation, known_at=size))
    assert as_known == {("000101", "everybody"): "open", ("000102", "everybody"): "open"}
    assert register(session, organisation, known_at=0).people == 0
    everything = shown(register(session, organisation))
    assert everything[("000101", "everybody")] == "complete"
    assert len(everything) == 3
    assert late
    assert result.id
    larger = place_events(session, organisation, now + timedelta(minutes=1))
    assert shown(register(session, organisation, known_at=larger)) == everything
    assert shown(register(session, organisation, known_at=size)) == as_known


def test_a_size_that_the_ledger_never_had_has_no_register(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    adopt(session, organisation, small_module())
    size = place_events(session, organisation, now)
    with pytest.raises(UnknownTreeSizeError) as caught:
        register(session, organisation, known_at=size + 1)
    assert caught.value.largest == size


def test_registers_can_be_asked_for_each_year_since_the_first() -> None:
    assert [each.year for each in years_with_obligations(2024, date(2027, 3, 31))] == [2026, 2025, 2024]
    assert list(years_with_obligations(2027, date(2027, 3, 31))) == []


# The file


def request(format_: Format = "csv", **changes: object) -> ExportRequest:
    return ExportRequest(**({"year": YEAR, "moment": Moment(TODAY), "chosen": EVERYTHING, "format": format_} | changes))  # type: ignore[arg-type]


def lines(target: Path, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(target.read_bytes().decode(encoding), newline="")))


def test_the_file_says_what_it_answers_for_and_holds_every_row(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime, folder: Path
) -> None:
    target = folder / file_name(organisation, request())
    assert target.name == "attendance-kakuu-2026-20261123.csv"
    chosen = AttendanceFilter("ネットワーク係", "technical", "regular", "everybody", State.COMPLETE)
    found = export_attendance(session, organisation, request(chosen=chosen), target)
    text = lines(target)
    head = {line[0]: line[1] for line in text if len(line) == 2}
    assert (head["organisation"], head["as_of"], head["rows"]) == ("Kakuu University IT Centre", "2026-11-23", "1")
    filters = {name: value for name, value in head.items() if name.startswith("filter:")}
    assert filters == {
        "filter:unit": "ネットワーク係",
        "filter:category": "Technical staff",
        "filter:employment": "Regular",
        "filter:requirement": "everybody",
        "filter:state": "Complete",
    }
    assert text[-2] == list(COLUMNS)
    assert dict(zip(COLUMNS, text[-1], strict=True))["staff_number"] == "000102"
    assert len(found.rows) == 1
    assert (target.stat().st_mode & 0o777, [each.name for each in folder.iterdir()]) == (0o600, [target.name])
    whole = export_attendance(session, organisation, request(), target)
    text = lines(target)
    assert len(text) - text.index(list(COLUMNS)) - 1 == len(whole.rows) == 12


def test_the_workbook_has_the_same_rows(
    session: Session, organisation: Organisation, module: ModuleInUse, folder: Path
) -> None:
    target = folder / "register.xlsx"
    found = export_attendance(session, organisation, request("xlsx"), target)
    book = load_workbook(target)
    values = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert [line[0] for line in values].count("000102") == 2
    assert len([line for line in values if line[0] in {row["staff_number"] for row in PEOPLE}]) == len(found.rows)
    book.close()


def test_a_file_that_cannot_be_written_leaves_what_was_there(
    session: Session, organisation: Organisation, module: ModuleInUse, folder: Path
) -> None:
    add_people(session, organisation, {"staff_number": "000109", "family_name": "𠮷例"})
    target = folder / "register.csv"
    target.write_text("before")
    with pytest.raises(UncodableCharacterError):
        export_attendance(session, organisation, request(encoding="cp932"), target)
    with pytest.raises(UnknownTreeSizeError):
        export_attendance(session, organisation, request(moment=Moment(TODAY, 10**6)), target)
    assert [(each.name, each.read_text()) for each in folder.iterdir()] == [("register.csv", "before")]
    with pytest.raises(FileNotFoundError):
        export_attendance(session, organisation, request(), folder / "absent" / "register.csv")
    chosen = AttendanceFilter(category="technical")
    export_attendance(session, organisation, request(chosen=chosen, encoding="cp932"), target)
    assert any("髙橋 あかり" in line for line in lines(target, "cp932"))
