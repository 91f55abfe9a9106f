"""Staff lists: what is read from a cell, what makes a list unacceptable, and that nothing else can happen."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses import staff_lists as s
from courses.calendar import Period, era_date
from courses.people import Category, Employment
from courses.staff_lists import ProblemCode as P
from courses.staff_lists import RemarkCode as R
from courses.staff_lists import StaffListRefused, read_staff_list, read_unit_list

UNITS = ("情報基盤運用係", "ネットワーク係", "総務係")
PRACTICE = Path(__file__).parents[1] / "practice_organisation"

ROW = {
    "staff_number": "00101", "family_name": "架空", "given_name": "花子", "family_kana": "カクウ", "given_kana": "ハナコ",
    "romaji": "KAKUU Hanako", "former_name": "", "email": "hanako@example.invalid", "unit": "総務係", "post": "係員",
    "employment": "非常勤", "category": "事務職員", "joined_on": "2026-04-01", "left_on": "", "scope_from": "2026-05-01",
    "scope_to": "", "scope_reason": "文書を扱うため",
}  # fmt: skip


def file_of(*rows: dict[str, str], headings: tuple[str, ...] = s.COLUMNS, encoding: str = "utf-8") -> bytes:
    """Write rows as a spreadsheet program would: ROW with the given cells in place of its own."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    for row in rows:
        writer.writerow([(ROW | row)[column] for column in s.COLUMNS])
    return text.getvalue().encode(encoding)


def problems_of(data: bytes) -> list[tuple[P, int | None, str | None]]:
    with pytest.raises(StaffListRefused) as caught:
        read_staff_list(data, UNITS)
    return [(problem.code, problem.row, problem.column) for problem in caught.value.problems]


def problem_of(data: bytes) -> s.Problem:
    with pytest.raises(StaffListRefused) as caught:
        read_staff_list(data, UNITS)
    (problem,) = caught.value.problems
    return problem


def only(data: bytes) -> s.StaffRow:
    (row,) = read_staff_list(data, UNITS).rows
    return row


def test_a_row_is_read_with_its_last_days_turned_into_half_open_ends() -> None:
    row = only(file_of({"left_on": "2027-03-31", "scope_to": "2026/12/28"}))
    assert row == s.StaffRow(
        row=2,
        staff_number="00101",
        family_name="架空",
        given_name="花子",
        family_kana="カクウ",
        given_kana="ハナコ",
        romaji="KAKUU Hanako",
        former_name="",
        email="hanako@example.invalid",
        unit="総務係",
        post="係員",
        employment=Employment.PART_TIME,
        category=Category.ADMINISTRATIVE,
        service=Period(date(2026, 4, 1), date(2027, 4, 1)),
        scope=Period(date(2026, 5, 1), date(2026, 12, 29)),
        scope_reason="文書を扱うため",
    )


@pytest.mark.parametrize(
    ("cells", "service", "scope"),
    [
        ({}, Period(date(2026, 4, 1)), Period(date(2026, 5, 1))),
        ({"joined_on": ""}, Period(date(2026, 5, 1)), Period(date(2026, 5, 1))),
        ({"scope_from": "", "scope_reason": ""}, Period(date(2026, 4, 1)), None),
        (
            {"left_on": "2026-06-30"},
            Period(date(2026, 4, 1), date(2026, 7, 1)),
            Period(date(2026, 5, 1), date(2026, 7, 1)),
        ),
        (
            {"left_on": "2026-06-30", "scope_to": "2026-09-30"},
            Period(date(2026, 4, 1), date(2026, 7, 1)),
            Period(date(2026, 5, 1), date(2026, 10, 1)),
        ),
        (
            {"left_on": "2026-04-01", "scope_from": "2026-04-01"},
            Period(date(2026, 4, 1), date(2026, 4, 2)),
            Period(date(2026, 4, 1), date(2026, 4, 2)),
        ),
    ],
)
def test_empty_dates_mean_what_the_other_dates_say(
    cells: dict[str, str], service: Period, scope: Period | None
) -> None:
    row = only(file_of(cells))
    assert (row.service, row.scope) == (service, scope)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-04-01", date(2026, 4, 1)),
        ("2026/4/1", date(2026, 4, 1)),
        ("２０２６／４／１", date(2026, 4, 1)),
        ("令和8年4月1日", date(2026, 4, 1)),
        ("令和８年４月１日", date(2026, 4, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("昭和63年4月1日", date(1988, 4, 1)),
        ("R8.4.1", date(2026, 4, 1)),
        ("H31.4.30", date(2019, 4, 30)),
        ("S63.04.01", date(1988, 4, 1)),
        ("2024-02-29", date(2024, 2, 29)),
        *[
            (text, None)
            for text in (
                "2026-02-29", "2026/13/1", "2026-04/01", "26/4/1", "2026.4.1", "4/1/2026", "2026年4月1日", "20260401",
                "令和8年2月30日", "平成31年5月1日", "令和1年4月30日", "昭和0年1月1日", "R8/4/1", "r8.4.1", "R8.4.31", "M45.1.1",
                "9999-12-31", "1900-01-01", "2026-04-01 00:00", "未定", "46113", "2026-4-",
            )
        ],
    ],
)  # fmt: skip
def test_dates_are_read_in_four_forms_and_no_other(text: str, day: date | None) -> None:
    assert s.read_date(text) == day
    if day is None:
        problem = problem_of(file_of({"joined_on": text}))
        assert (problem.code, problem.row, problem.column, problem.value) == (P.BAD_DATE, 2, "joined_on", text)


@given(st.dates(date(1926, 12, 25), date(2117, 12, 31)))
def test_every_day_reads_the_same_in_western_and_era_form(day: date) -> None:
    assert (
        s.read_date(day.isoformat()) == s.read_date(era_date(day)) == s.read_date(f"{day.year}/{day.month}/{day.day}")
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_list_reads_the_same_in_each_encoding(encoding: str) -> None:
    read = read_staff_list(file_of({"family_name": "髙﨑"}, encoding=encoding), UNITS)
    assert read.encoding == encoding
    assert read.rows[0].family_name == "髙﨑"


def test_japanese_headings_in_any_width_and_order_name_the_columns() -> None:
    headings = [
        "職員番号", " 氏 ", "名", "姓(カナ)", "名（ｶﾅ）", "ローマ字", "旧姓・通称", "メール", "所属", "職名", "常勤・非常勤", "職種\n区分",
        "着任日", "退職日", "適用開始日", "適用終了日", "適用理由",
    ]  # fmt: skip
    assert only(file_of({}, headings=tuple(headings))) == only(file_of({}))
    lines = list(csv.reader(io.StringIO(file_of({}).decode())))
    turned = "\n".join(",".join(reversed(line)) for line in lines).encode()
    assert only(turned) == only(file_of({}))


def test_each_heading_names_a_column() -> None:
    assert set(s.HEADINGS.values()) == set(s.COLUMNS)
    assert set(s.UNIT_HEADINGS.values()) == set(s.UNIT_COLUMNS)


def test_a_list_may_be_separated_by_tabs() -> None:
    text = file_of({}).decode().replace(",", "\t")
    assert only(text.encode()) == only(file_of({}))


def test_optional_columns_may_be_left_out_and_the_list_says_so() -> None:
    lines = list(csv.reader(io.StringIO(file_of({}).decode())))
    kept = [index for index, column in enumerate(s.COLUMNS) if column not in s.OPTIONAL_COLUMNS]
    read = read_staff_list("\n".join(",".join(line[index] for index in kept) for line in lines).encode(), UNITS)
    assert read.columns == set(s.COLUMNS) - s.OPTIONAL_COLUMNS
    assert read.rows[0].email == ""


@pytest.mark.parametrize(
    ("column", "written", "wanted"),
    [
        ("family_name", "　架空 ", "架空"),
        ("given_name", "", ""),
        ("given_name", "－", ""),
        ("email", "-", ""),
        ("unit", "ﾈｯﾄﾜｰｸ係", "ネットワーク係"),
        ("employment", "Regular", Employment.REGULAR),
        ("employment", "派遣", Employment.AGENCY),
        ("category", "technical", Category.TECHNICAL),
        ("scope_reason", "一行目\r\n二行目", "一行目\n二行目"),
        ("romaji", "O'Example-Sample", "O'Example-Sample"),
        ("post", "主任, 兼務", "主任, 兼務"),
        ("family_name", "葛󠄀城", "葛󠄀城"),
    ],
)
def test_a_cell_is_trimmed_and_matched(column: str, written: str, wanted: str) -> None:
    assert getattr(only(file_of({column: written})), column) == wanted


def test_a_staff_number_keeps_its_zeros_and_full_width_digits_are_read_with_a_remark() -> None:
    read = read_staff_list(file_of({"staff_number": "００１０１"}, {"staff_number": "007"}), UNITS)
    assert [row.staff_number for row in read.rows] == ["00101", "007"]
    assert read.warnings == (s.Remark(R.FULL_WIDTH_NUMBER, 2, "staff_number", "００１０１"),)


@pytest.mark.parametrize(
    ("column", "written", "code"),
    [
        ("staff_number", "", P.MISSING_VALUE),
        ("staff_number", "　", P.MISSING_VALUE),
        ("family_name", "-", P.MISSING_VALUE),
        ("unit", "", P.MISSING_VALUE),
        ("employment", "", P.MISSING_VALUE),
        ("category", "", P.MISSING_VALUE),
        ("unit", "無い係", P.UNKNOWN_UNIT),
        ("employment", "常動", P.UNKNOWN_EMPLOYMENT),
        ("category", "職員", P.UNKNOWN_CATEGORY),
        ("left_on", "2026-03-31", P.END_BEFORE_START),
        ("scope_to", "2026-04-30", P.END_BEFORE_START),
        ("family_name", '=HYPERLINK("https://example.invalid")', P.FORMULA),
        ("family_name", "  =1+1", P.FORMULA),
        ("family_name", "　＝１＋１", P.FORMULA),
        ("staff_number", "+1", P.FORMULA),
        ("post", "-係員", P.FORMULA),
        ("post", "−係員", P.FORMULA),
        ("email", "@SUM(A1)", P.FORMULA),
        ("email", "＠SUM", P.FORMULA),
        ("joined_on", "=TODAY()", P.FORMULA),
        ("employment", "\t常勤", P.FORMULA),
        ("family_name", "架\x07空", P.CONTROL_CHARACTER),
        ("family_name", "架\u202e空", P.CONTROL_CHARACTER),
        ("family_name", "架\u200b空", P.CONTROL_CHARACTER),
        ("family_name", "架\ufffd", P.CONTROL_CHARACTER),
        ("family_name", "架\n空", P.CONTROL_CHARACTER),
        ("scope_reason", "理\x1b由", P.CONTROL_CHARACTER),
        ("post", "係" * 201, P.TOO_LONG),
        ("scope_reason", "理" * 1001, P.TOO_LONG),
    ],
)
def test_a_bad_cell_refuses_the_list_and_is_named(column: str, written: str, code: P) -> None:
    problem = problem_of(file_of({"staff_number": "00100"}, {column: written}))
    assert (problem.code, problem.row, problem.column) == (code, 3, column)
    assert len(problem.value) <= 40
    assert "\x1b" not in problem.value


@pytest.mark.parametrize(
    ("cells", "code", "column"),
    [
        ({"joined_on": "", "scope_from": "", "scope_reason": ""}, P.MISSING_VALUE, "joined_on"),
        ({"scope_from": ""}, P.MISSING_VALUE, "scope_from"),
        ({"scope_from": "", "scope_reason": "", "scope_to": "2026-05-01"}, P.MISSING_VALUE, "scope_from"),
        ({"left_on": "2026-04-30"}, P.END_BEFORE_START, "scope_from"),
        ({"joined_on": "", "left_on": "2026-04-30"}, P.END_BEFORE_START, "left_on"),
    ],
)
def test_dates_that_do_not_fit_each_other_refuse_the_list(cells: dict[str, str], code: P, column: str) -> None:
    assert problems_of(file_of(cells)) == [(code, 2, column)]


def test_a_duplicate_staff_number_names_both_rows() -> None:
    data = file_of({}, {"staff_number": "00102"}, {"staff_number": "００１０１"})
    problem = problem_of(data)
    assert problem == s.Problem(P.DUPLICATE_STAFF_NUMBER, 4, "staff_number", "00101", 2)


def test_all_problems_are_reported_at_once() -> None:
    data = file_of({"unit": "無い係", "joined_on": "未定"}, {"family_name": "", "category": "=1"})
    assert problems_of(data) == [
        (P.UNKNOWN_UNIT, 2, "unit"),
        (P.BAD_DATE, 2, "joined_on"),
        (P.FORMULA, 3, "category"),
        (P.DUPLICATE_STAFF_NUMBER, 3, "staff_number"),
        (P.MISSING_VALUE, 3, "family_name"),
    ]


def test_only_the_first_hundred_problems_are_kept_and_all_are_counted() -> None:
    with pytest.raises(StaffListRefused) as caught:
        read_staff_list(file_of(*({"staff_number": str(n), "unit": "無い係"} for n in range(150))), UNITS)
    assert (len(caught.value.problems), caught.value.count) == (100, 150)


def test_wrong_headings_are_reported_together_with_bad_rows() -> None:
    headings = ["=列" if column == "romaji" else column for column in s.COLUMNS]
    headings[s.COLUMNS.index("post")] = "所属"
    assert problems_of(file_of({"unit": "無い係"}, headings=tuple(headings))) == [
        (P.UNKNOWN_COLUMN, 1, None),
        (P.DUPLICATE_COLUMN, 1, "unit"),
        (P.MISSING_COLUMN, 1, "post"),
        (P.UNKNOWN_UNIT, 2, "unit"),
    ]


def test_a_missing_column_is_reported_once_and_not_for_each_row() -> None:
    data = "職員番号,姓\n1,架空\n2,見本\n".encode()
    assert problems_of(data) == [
        (P.MISSING_COLUMN, 1, column)
        for column in s.COLUMNS
        if column not in {*s.OPTIONAL_COLUMNS, "staff_number", "family_name"}
    ]


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    lines = (
        file_of({"scope_reason": "一\n二\n三"}, {"staff_number": "2", "unit": "無い係"})
        .decode()
        .splitlines(keepends=True)
    )
    data = "".join(lines[:-1]) + "\r\n" + "," * 16 + "\r\n" + lines[-1]
    assert problems_of(data.encode()) == [(P.UNKNOWN_UNIT, 5, "unit")]


def test_rows_with_too_few_or_too_many_cells_are_refused() -> None:
    data = file_of({}) + b"00102,x\r\n" + file_of({"staff_number": "3"}).splitlines()[1] + b",,y\r\n"
    with pytest.raises(StaffListRefused) as caught:
        read_staff_list(data, UNITS)
    assert [(p.code, p.row, p.value, p.number) for p in caught.value.problems] == [
        (P.RAGGED_ROW, 3, "2", 17),
        (P.RAGGED_ROW, 4, "19", 17),
    ]


def test_empty_cells_beyond_the_heading_do_not_matter() -> None:
    lines = [line + b",,\r\n" for line in file_of({}).splitlines()]
    assert only(b"".join(lines)) == only(file_of({}))


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b" , \n", file_of()])
def test_a_file_without_people_is_refused(data: bytes) -> None:
    assert problems_of(data) == [(P.EMPTY_FILE, None, None)]


@pytest.mark.parametrize("tail", ['"00102,x\n', '"00102"x,y\n', '"' + "x" * 200_000])
def test_an_unclosed_quotation_mark_is_named_with_its_row(tail: str) -> None:
    assert problems_of(file_of({}) + tail.encode()) == [(P.BROKEN_QUOTES, 3, None)]


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "MOST_ROWS", 2)
    data = file_of(*({"staff_number": str(n)} for n in range(3)))
    assert problem_of(data) == s.Problem(P.TOO_MANY_ROWS, 4, number=2)
    assert len(read_staff_list(data[: data.rindex(b"\n", 0, -1) + 1], UNITS).rows) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_refused(encoding: str) -> None:
    problem = problem_of(file_of({}, encoding=encoding))
    assert problem.code == P.WRONG_ENCODING


def test_broken_utf8_is_refused_with_its_line_and_offset() -> None:
    data = file_of({}, {"staff_number": "2"})
    offset = data.rindex("花".encode())
    spoiled = data[:offset] + b"\xff\xff" + data[offset:]
    problem = problem_of(spoiled)
    assert (problem.code, problem.row, problem.number) == (P.WRONG_ENCODING, 3, offset)
    assert problem.value == "ff ff e8 8a"


def test_a_byte_order_mark_promises_utf8() -> None:
    data = b"\xef\xbb\xbf" + file_of({}, encoding="cp932")
    assert problem_of(data).number == data.index("架空".encode("cp932"))


def test_broken_cp932_is_refused_with_its_line_and_offset() -> None:
    data = file_of({"post": "係"}, encoding="cp932")
    offset = data.index("係,".encode("cp932"))
    problem = problem_of(data[: offset + 1] + b"\x01" + data[offset + 1 :])
    assert (problem.code, problem.row, problem.number) == (P.WRONG_ENCODING, 2, offset)


def test_people_who_differ_only_by_variant_characters_are_remarked() -> None:
    data = file_of({"family_name": "髙見"}, {"staff_number": "2", "family_name": "高見"}, {"staff_number": "3"})
    assert read_staff_list(data, UNITS).warnings == (
        s.Remark(R.VARIANT_SPELLING, 3, "family_name", "高見 花子", "髙見 花子"),
    )


def test_people_of_the_same_name_are_not_remarked() -> None:
    assert read_staff_list(file_of({}, {"staff_number": "2"}), UNITS).warnings == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("髙橋", "高橋"), ("山﨑", "山崎"), ("𠮷田", "吉田"), ("渡邊", "渡辺"), ("渡邉", "渡辺"), ("齋藤", "斎藤"), ("斉藤", "齊藤"), ("葛󠄀城", "葛城"), ("神\ufa19", "神神"), ("Ａ B", "AB")],
)  # fmt: skip
def test_variants_have_one_key(one: str, other: str) -> None:
    assert s.variant_key(one) == s.variant_key(other)


def test_different_names_have_different_keys() -> None:
    assert len({s.variant_key(name) for name in ("高橋", "吉田", "山崎", "山口", "田中")}) == 5


def test_a_scope_without_reason_and_a_private_character_are_remarked() -> None:
    read = read_staff_list(file_of({"scope_reason": "", "family_name": "架\ue000"}), UNITS)
    assert [(remark.code, remark.column) for remark in read.warnings] == [
        (R.PRIVATE_USE_CHARACTER, "family_name"),
        (R.SCOPE_WITHOUT_REASON, "scope_reason"),
    ]


def test_a_refusal_names_its_codes_and_no_values() -> None:
    with pytest.raises(StaffListRefused) as caught:
        read_staff_list(file_of({"unit": "無い係", "category": "x"}), UNITS)
    assert str(caught.value) == "unknown_category, unknown_unit"


def test_a_list_of_units_is_read() -> None:
    assert read_unit_list("所属,英語名\n総務係,General Affairs\n図書係,\n".encode("cp932")) == (
        ("総務係", "General Affairs"),
        ("図書係", ""),
    )
    assert read_unit_list("name_ja\n総務係\n".encode()) == (("総務係", ""),)


def test_a_list_of_units_with_bad_rows_is_refused() -> None:
    with pytest.raises(StaffListRefused) as caught:
        read_unit_list("name_ja,name_en\n総務係,a\n総務係,b\n-,c\n=1,d\n".encode())
    assert [(p.code, p.row, p.number) for p in caught.value.problems] == [
        (P.DUPLICATE_UNIT, 3, 2),
        (P.MISSING_VALUE, 4, None),
        (P.FORMULA, 5, None),
    ]


def test_the_practice_organisation_is_acceptable() -> None:
    units = read_unit_list((PRACTICE / "units.csv").read_bytes())
    read = read_staff_list((PRACTICE / "staff.csv").read_bytes(), [name for name, _ in units])
    assert read.warnings == ()
    assert {row.employment for row in read.rows} >= {Employment.AGENCY, Employment.VENDOR, Employment.PART_TIME}


# Texts that every one of the encodings can hold, without the starts of formulas.
_SIGNS = st.sampled_from("架空見本花子髙﨑アｱｶﾞ々ー〇09azA'\",;. 　()・")
_TEXTS = st.text(_SIGNS, max_size=8).map(str.strip)
_DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@st.composite
def people(draw: st.DrawFn) -> dict[str, str]:
    row = {column: draw(_TEXTS) for column in s.COLUMNS}
    joined = draw(_DAYS)
    row |= {
        "staff_number": "N" + draw(st.text(st.sampled_from("0123456789"), min_size=1, max_size=6)),
        "family_name": "架" + row["family_name"],
        "unit": draw(st.sampled_from(UNITS)),
        "employment": draw(st.sampled_from(sorted(s.EMPLOYMENT_LABELS))),
        "category": draw(st.sampled_from(sorted(s.CATEGORY_LABELS))),
        "joined_on": joined.isoformat(),
        "left_on": draw(st.sampled_from(["", (joined + timedelta(days=400)).isoformat()])),
        "scope_from": (joined + timedelta(days=draw(st.integers(-50, 300)))).isoformat(),
        "scope_to": draw(st.sampled_from(["", (joined + timedelta(days=500)).isoformat()])),
    }
    return row


@given(
    rows=st.lists(people(), min_size=1, max_size=5, unique_by=lambda row: row["staff_number"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp932"]),
)
def test_what_was_written_is_read_again(rows: list[dict[str, str]], encoding: str) -> None:
    read = read_staff_list(file_of(*rows, encoding=encoding), UNITS)
    assert read.encoding == encoding
    for row, wanted in zip(read.rows, rows, strict=True):
        texts = ("staff_number", "family_name", "given_name", "family_kana", "given_kana", "romaji", "former_name", "email", "unit", "post", "scope_reason")  # fmt: skip
        assert {column: getattr(row, column) for column in texts} == {column: wanted[column] for column in texts}
        assert row.service.start.isoformat() == wanted["joined_on"]
        assert (row.service.last_day.isoformat() if row.service.last_day else "") == wanted["left_on"]
        assert row.scope is not None
        assert row.scope.start.isoformat() == wanted["scope_from"]
        assert (row.scope.last_day.isoformat() if row.scope.last_day else "") == wanted["scope_to"] or wanted["left_on"]


_HEADING = ",".join(s.COLUMNS).encode()


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda tail: _HEADING + b"\n" + tail),
        st.text(max_size=200).map(lambda tail: _HEADING + b"\n" + tail.encode()),
        st.lists(st.lists(st.text(max_size=6), min_size=17, max_size=17), max_size=4).map(
            lambda rows: _HEADING + b"\n" + "\n".join(",".join(row) for row in rows).encode()
        ),
        st.tuples(people(), st.sampled_from(s.COLUMNS), st.text(max_size=12)).map(
            lambda drawn: file_of(drawn[0] | {drawn[1]: drawn[2]})
        ),
    )
)
def test_no_bytes_at_all_lead_to_anything_but_a_list_or_its_refusal(data: bytes) -> None:
    try:
        read = read_staff_list(data, UNITS)
    except StaffListRefused as refusal:
        problems = refusal.problems
    else:
        problems = ()
        assert all(row.staff_number and row.family_name and row.unit in UNITS for row in read.rows)
    assert problems or read.rows
    assert all(len(problem.value) <= 40 for problem in problems)
