"""The attendance register as a file: what Excel opens and what a program reads back."""

from __future__ import annotations

import csv
import gc
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import JST, NaiveTimeError
from lms.reports.attendance import (
    COLUMNS,
    AttendanceHead,
    AttendanceRow,
    attendance_csv,
    attendance_csv_chunks,
    attendance_xlsx,
)
from lms.reports.tables import (
    Cell,
    CellTooLongError,
    Head,
    RowCountError,
    SheetLayout,
    TooManyRowsError,
    UncodableCharacterError,
    csv_chunks,
    write_csv,
    write_xlsx,
)

DONE = AttendanceRow(
    staff_number="00123",
    name="髙﨑 花子",
    kana="タカサキ ハナコ",
    unit="情報基盤センター",
    employment="part_time",
    category="administrative",
    requirement="isms-core",
    occasion="2026",
    opens_on=date(2026, 4, 1),
    due_on=date(2027, 3, 31),
    state="late_complete",
    completed_at=datetime(2026, 4, 30, 15, 0, 1, tzinfo=UTC),
    mode="own_test",
    module="core",
    module_version="2026.1",
    mark=9,
    maximum=10,
    pass_mark=8,
    attempts=2,
    evidence_id="EV-0001",
)
UNDONE = DONE._replace(
    staff_number="00124",
    state="overdue",
    completed_at=None,
    mode=None,
    module=None,
    module_version=None,
    mark=None,
    maximum=None,
    pass_mark=None,
    attempts=0,
    evidence_id=None,
)


def head_for(rows: int) -> AttendanceHead:
    return AttendanceHead(
        organisation="架空大学",
        year_label="令和8年度",
        as_of=date(2026, 9, 30),
        known_at_label="1234 (2026-10-01 09:00 JST)",
        rows=rows,
        filters=(("unit", "情報基盤センター"),),
    )


def csv_of(rows: list[AttendanceRow]) -> bytes:
    out = BytesIO()
    assert attendance_csv(out, head_for(len(rows)), rows) == len(rows)
    return out.getvalue()


def cells_written(*cells: Cell) -> list[str]:
    """Write one row as CSV and read its cells back with the standard library."""
    out = BytesIO()
    write_csv(out, Head((), 1), [f"c{number}" for number in range(len(cells))], [cells])
    return list(csv.reader(StringIO(out.getvalue().decode("utf-8-sig"), newline="")))[-1]


def sheet_of(rows: list[AttendanceRow]) -> list[tuple[object, ...]]:
    out = BytesIO()
    assert attendance_xlsx(out, head_for(len(rows)), rows, "受講記録", {"name": "氏名", "year": "年度"}) == len(rows)
    return list(openpyxl.load_workbook(out)["受講記録"].iter_rows(values_only=True))


def test_the_columns_are_the_promised_ones_in_order() -> None:
    assert " ".join(COLUMNS) == (
        "staff_number name kana unit employment category requirement occasion opens_on due_on state completed_at_jst "
        "completed_at_utc mode module module_version mark maximum pass_mark attempts evidence_id"
    )


def test_the_csv_begins_with_what_excel_needs_to_open_it_without_a_wizard() -> None:
    content = csv_of([DONE])
    assert content.startswith("\ufefforganisation,架空大学\r\n".encode())
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_the_head_tells_organisation_year_dates_filters_and_number_of_rows() -> None:
    lines = csv_of([DONE, UNDONE]).decode("utf-8-sig").split("\r\n")
    assert lines[:7] == [
        "organisation,架空大学",
        "year,令和8年度",
        "as_of,2026-09-30",
        "known_at,1234 (2026-10-01 09:00 JST)",
        "filter:unit,情報基盤センター",
        "rows,2",
        "",
    ]
    assert lines[7] == ",".join(COLUMNS)


def test_a_program_reads_the_rows_after_the_first_empty_line() -> None:
    _, table = csv_of([DONE, UNDONE]).decode("utf-8-sig").split("\r\n\r\n", 1)
    done, undone = csv.DictReader(StringIO(table, newline=""))
    assert done["staff_number"] == "00123"
    assert done["completed_at_jst"] == "2026-05-01 00:00:01"
    assert done["completed_at_utc"] == "2026-04-30T15:00:01Z"
    assert (done["mark"], done["maximum"], done["pass_mark"], done["attempts"]) == ("9", "10", "8", "2")
    assert undone["completed_at_jst"] == undone["completed_at_utc"] == undone["mark"] == undone["evidence_id"] == ""
    assert (undone["state"], undone["attempts"]) == ("overdue", "0")


@given(st.datetimes(datetime(2015, 1, 1), datetime(2099, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_completion_is_written_in_both_zones_to_the_second(moment: datetime) -> None:
    line = csv_of([DONE._replace(completed_at=moment)]).decode("utf-8-sig").split("\r\n")[-2].split(",")
    assert line[11] == f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}"
    assert line[12] == f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_completion_without_its_zone_is_refused() -> None:
    naive = DONE._replace(completed_at=datetime(2026, 5, 1))  # noqa: DTZ001 - the error under test
    with pytest.raises(NaiveTimeError):
        csv_of([naive])


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+81-3-0000",
        "-cmd",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "＝1",
        "＋1",
        "－x",
        "＠x",
        '="a"',
        "=1,2",
        "-1-1",
        "-",
    ],
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_text_that_a_spreadsheet_would_run_is_disarmed_wherever_it_stands(text: str, position: int) -> None:
    cells = ["a", "b", "c"]
    cells[position] = text
    assert cells_written(*cells)[position] == f"'{text}"


@pytest.mark.parametrize("cell", [-5, -0.5, "-5", "-12.50"])
def test_negative_numbers_stay_numbers(cell: Cell) -> None:
    assert cells_written("a", cell) == ["a", str(cell)]


@given(
    st.lists(
        st.text(st.sampled_from("=+-@\t\r\n,\"'a＝1 ")) | st.text(st.characters(exclude_categories=["Cs"])),
        min_size=2,
        max_size=4,
    )
)
def test_whatever_the_texts_nothing_dangerous_comes_first_and_nothing_is_lost(cells: list[str]) -> None:
    for given_text, read in zip(cells, cells_written(*cells), strict=True):
        assert read in (given_text, f"'{given_text}")
        assert read[:1] not in {*"=+@\t\r\n＝"}
        assert read[:1] != "-" or float(read) <= 0


def test_the_head_is_disarmed_too() -> None:
    out = BytesIO()
    write_csv(out, Head((("organisation", "=HYPERLINK(1)"),), 0), ["a"], [])
    assert out.getvalue().decode("utf-8-sig").startswith("organisation,'=HYPERLINK(1)\r\n")


def test_chunks_together_are_the_file_and_come_before_the_rows_end() -> None:
    def endless() -> Iterator[AttendanceRow]:
        while True:
            yield DONE

    assert b"".join(attendance_csv_chunks(head_for(2), [DONE, UNDONE])) == csv_of([DONE, UNDONE])
    chunks = attendance_csv_chunks(head_for(10**9), endless())
    assert all(len(next(chunks)) < 1_000_000 for _ in range(3))


@pytest.mark.parametrize("came", [0, 1, 3])
def test_another_number_of_rows_than_the_head_says_is_an_error(came: int) -> None:
    with pytest.raises(RowCountError) as refused:
        attendance_csv(BytesIO(), head_for(2), [DONE] * came)
    assert (refused.value.promised, refused.value.came) == (2, came)
    out = BytesIO()
    with pytest.raises(RowCountError):
        attendance_xlsx(out, head_for(2), [DONE] * came, "s", {})
    assert out.getvalue() == b""


def test_cp932_writes_what_older_programs_read() -> None:
    out = BytesIO()
    attendance_csv(out, head_for(1), [DONE._replace(unit="研究\u301c教育\u2014\u2212")], "cp932")
    assert "髙﨑 花子,タカサキ ハナコ,研究\uff5e教育\u2015\uff0d," in out.getvalue().decode("cp932")


def test_cp932_names_the_character_that_it_lacks_before_anything_is_written() -> None:
    out = BytesIO()
    rows = [DONE] * 700 + [DONE._replace(name="𠮷野 太郎")]
    with pytest.raises(UncodableCharacterError) as refused:
        attendance_csv(out, head_for(701), rows, "cp932")
    assert (refused.value.row, refused.value.column, refused.value.character) == (701, "name", "𠮷")
    assert out.getvalue() == b""


def test_cp932_refuses_a_head_that_it_cannot_write() -> None:
    with pytest.raises(UncodableCharacterError) as refused:
        list(csv_chunks(Head((("organisation", "𠮷"),), 0), ["a"], [], "cp932"))
    assert (refused.value.row, refused.value.column) == (0, "organisation")


def test_the_sheet_has_the_head_on_top_then_headings_names_and_rows() -> None:
    rows = sheet_of([DONE, UNDONE])
    assert [row[:2] for row in rows[:6]] == [
        ("organisation", "架空大学"),
        ("年度", "令和8年度"),
        ("as_of", "2026-09-30"),
        ("known_at", "1234 (2026-10-01 09:00 JST)"),
        ("filter:unit", "情報基盤センター"),
        ("rows", 2),
    ]
    assert rows[6] == (None,) * 21
    assert rows[7][:3] == ("staff_number", "氏名", "kana")
    assert rows[8] == COLUMNS
    assert len(rows) == 11


def test_the_sheet_keeps_text_as_text_and_marks_as_numbers() -> None:
    cells = dict(
        zip(COLUMNS, sheet_of([DONE._replace(module="=1+1", unit="https://example.invalid/")])[-1], strict=True)
    )
    assert cells["staff_number"] == "00123"
    assert cells["due_on"] == "2027-03-31"
    assert cells["completed_at_jst"] == "2026-05-01 00:00:01"
    assert (cells["mark"], cells["maximum"], cells["pass_mark"], cells["attempts"]) == (9, 10, 8, 2)
    assert cells["module"] == "=1+1"
    assert cells["unit"] == "https://example.invalid/"


def test_a_formula_stays_a_string_and_an_address_no_link_in_the_sheet() -> None:
    out = BytesIO()
    attendance_xlsx(out, head_for(1), [DONE._replace(module="=1+1", unit="https://example.invalid/")], "s", {})
    cells = openpyxl.load_workbook(out)["s"][10]
    assert {cell.data_type for cell in cells} == {"s", "n"}  # not "f"
    assert all(cell.hyperlink is None for cell in cells)


def test_the_sheet_keeps_names_in_sight_and_filters_on_the_row_of_column_names() -> None:
    out = BytesIO()
    attendance_xlsx(out, head_for(2), [DONE, UNDONE], "s", {})
    sheet = openpyxl.load_workbook(out)["s"]
    assert sheet.freeze_panes == "C10"
    assert sheet.auto_filter.ref == "A9:U11"


def test_the_same_rows_give_the_same_sheet_bytes(tmp_path: Path) -> None:
    out = BytesIO()
    attendance_xlsx(out, head_for(1), [DONE], "s", {})
    attendance_xlsx(tmp_path / "a.xlsx", head_for(1), [DONE], "s", {})
    assert (tmp_path / "a.xlsx").read_bytes() == out.getvalue()
    assert openpyxl.load_workbook(out).properties.created == datetime(2000, 1, 1)  # noqa: DTZ001 - openpyxl's own form


def test_a_text_too_long_for_a_cell_is_refused_instead_of_dropped() -> None:
    with pytest.raises(CellTooLongError) as refused:
        write_xlsx(BytesIO(), Head((), 2), ["a", "b"], [["x", "y"], ["x", "y" * 32_768]], SheetLayout("s", ()))
    assert (refused.value.row, refused.value.column, refused.value.length) == (2, "b", 32_768)


def test_more_rows_than_a_sheet_holds_are_refused_at_once() -> None:
    with pytest.raises(TooManyRowsError):
        attendance_xlsx(BytesIO(), head_for(1_048_576), [], "s", {})


def test_a_refused_sheet_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(RowCountError):
        attendance_xlsx(tmp_path / "a.xlsx", head_for(2), [DONE], "s", {})
    gc.collect()  # an unclosed scratch file would warn here, and warnings are errors
    assert list(tmp_path.iterdir()) == []
