"""The secretariat's register of attendance and its exports."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest

from lms.store.base import Database
from lms.web import attendance
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, SECRETARY, Launched
from tests.web.papers import start
from tests.web.visits import Browser, Visit, audit_events, contents, page_of, visit

REGISTER = "/attendance"
PAGES = (REGISTER, f"{REGISTER}/export.csv", f"{REGISTER}/export.xlsx")


def csv_of(visit: Visit, **query: str) -> tuple[list[list[str]], list[dict[str, str]]]:
    """The head lines of an export, and its rows by column."""
    response = visit.get(f"{REGISTER}/export.csv", query_string=query)
    assert response.status_code == 200, page_of(response)
    lines = list(csv.reader(StringIO(response.data.decode("utf-8-sig"))))
    top = next(place for place, line in enumerate(lines) if line and line[0] == "staff_number")
    return lines[:top], [dict(zip(lines[top], line, strict=True)) for line in lines[top + 1 :]]


def numbers(rows: Iterable[dict[str, str]]) -> set[str]:
    return {row["staff_number"] for row in rows}


class TestPermission:
    @pytest.mark.parametrize("page", PAGES)
    @pytest.mark.parametrize("somebody", ["00101", "00127", "unlinked"])
    def test_staff_are_refused_and_it_is_noted(
        self, launched: Launched, tool_database: Database, page: str, somebody: str
    ) -> None:
        curious = launched(somebody, locale="en")
        before = contents(tool_database)
        response = curious.get(page)
        assert response.status_code == 403
        assert "This page is not open to you." in page_of(response)
        assert "00107" not in page_of(response)
        event = audit_events(tool_database)[-1]
        assert (event.facts["code"], event.facts["status"]) == ("not_permitted", 403)
        assert contents(tool_database) == before

    @pytest.mark.parametrize("page", PAGES)
    def test_the_secretariat_is_let_in(self, secretary: Visit, page: str) -> None:
        assert secretary.get(page).status_code == 200

    @pytest.mark.parametrize("lms_role", ["teacher", "admin"])
    def test_no_lti_role_opens_the_register(self, launched: Launched, lms: PracticeLms, lms_role: str) -> None:
        person = {"teacher": "Instructor", "admin": "Administrator"}[lms_role]
        roles = [
            f"http://purl.imsglobal.org/vocab/lis/v2/membership#{person}",
            "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
            "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",
        ]
        lms.mutate = lambda header, claims: (
            header,
            {**claims, "https://purl.imsglobal.org/spec/lti/claim/roles": roles},
        )
        assert launched("00101").get(REGISTER).status_code == 403


class TestRegister:
    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_the_register_shows_everybody_in_scope(self, launched: Launched) -> None:
        secretary = launched(SECRETARY, locale="en")
        first, second = (page_of(secretary.get(REGISTER, query_string={"page": page})) for page in ("1", "2"))
        page = first + second
        _, rows = csv_of(secretary)
        assert len(numbers(rows)) == 42
        for row in rows:
            assert row["staff_number"] in page
        assert "As of the end of 23 Nov 2026" in page
        assert "42 people in scope" in page

    def test_the_counts_by_state_add_up(self, secretary: Visit) -> None:
        _, rows = csv_of(secretary)
        states = {row["state"] for row in rows}
        assert {"complete", "open"} <= states
        assert sum(len(csv_of(secretary, state=state)[1]) for state in states) == len(rows)

    @pytest.mark.parametrize(
        ("name", "value", "column"),
        [
            ("unit", "総務係", "unit"), ("category", "faculty", "category"), ("employment", "agency", "employment"),
            ("state", "complete", "state"),
        ],
    )  # fmt: skip
    def test_a_filter_leaves_what_it_names_and_says_so(
        self, secretary: Visit, name: str, value: str, column: str
    ) -> None:
        _, everything = csv_of(secretary)
        head, rows = csv_of(secretary, **{name: value})
        wanted = [row for row in everything if row[column] == value]
        assert rows == wanted
        assert 0 < len(wanted) < len(everything)
        assert [line for line in head if line and f"filter:{name}" in line[0]]
        page = page_of(secretary.get(REGISTER, query_string={name: value}))
        assert all(row["staff_number"] in page for row in rows)
        assert f"export.xlsx?{urlencode({name: value})}" in page

    def test_a_requirement_is_a_filter_too(self, secretary: Visit) -> None:
        _, everything = csv_of(secretary)
        _, rows = csv_of(secretary, requirement="isms-and-my-role-joining")
        assert 0 < len(rows) < len(everything)
        assert all("joining" in row["occasion"] for row in rows)

    def test_filters_that_nobody_matches_leave_an_empty_register(self, launched: Launched) -> None:
        secretary = launched(SECRETARY, locale="en")
        assert "Nobody matches." in page_of(secretary.get(REGISTER, query_string={"unit": "どこにもない係"}))

    def test_the_past_is_shown_as_it_was(self, secretary: Visit) -> None:
        _, rows = csv_of(secretary, as_of="2026-05-01")
        tests = [row for row in rows if row["module"] == MODULE]
        assert {row["staff_number"] for row in tests if row["state"] == "complete"} == {"H0001", "V0001", "00128"}
        modes = {row["mode"] for row in rows if row["state"] == "complete"}
        assert modes == {"own_test", "signature", "external_course"}

    def test_nothing_was_known_at_the_beginning_of_the_ledger(self, launched: Launched) -> None:
        assert csv_of(launched(SECRETARY), known_at="0")[1] == []

    def test_a_result_of_today_is_in_the_register(self, launched: Launched, tool_database: Database) -> None:
        sitting = start(launched("00101"), tool_database)
        sitting.answer_all(wrong=1)
        sitting.submit()
        rows = csv_of(launched(SECRETARY))[1]
        [row] = [row for row in rows if (row["staff_number"], row["module"]) == ("00101", MODULE)]
        assert (row["state"], row["mark"], row["maximum"], row["attempts"]) == ("complete", "9", "10", "1")
        assert row["completed_at_jst"] == "2026-11-23 12:00:00"

    def test_long_registers_are_shown_by_pages(self, launched: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attendance, "PAGE_SIZE", 20)
        secretary = launched(SECRETARY, locale="en")
        _, rows = csv_of(secretary)
        pages = -(-len(rows) // 20)
        shown = [page_of(secretary.get(REGISTER, query_string={"page": str(number)})) for number in range(1, pages + 1)]
        assert [page.count('<th scope="row">') for page in shown] == [20] * (pages - 1) + [len(rows) - 20 * (pages - 1)]
        assert f"1 / {pages}" in shown[0]
        assert "Previous page" not in shown[0]
        assert "Next page" not in shown[-1]
        for strange in ("0", "-3", "x", "９", "99999", "9" * 5000):
            assert secretary.get(REGISTER, query_string={"page": strange}).status_code == 200

    def test_another_organisations_people_are_not_in_it(
        self, other_lms: PracticeLms, client: Browser, secretary: Visit
    ) -> None:
        assert visit(client, other_lms, SECRETARY).get(REGISTER).status_code == 403
        assert csv_of(secretary)[1]


class TestBadQuestions:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"as_of": "2026-13-01"}, "filter_bad"),
            ({"as_of": "yesterday"}, "filter_bad"),
            ({"as_of": "\0"}, "filter_bad"),
            ({"known_at": "-1"}, "filter_bad"),
            ({"known_at": "1.5"}, "filter_bad"),
            ({"known_at": "²"}, "filter_bad"),
            ({"known_at": "9" * 400}, "filter_bad"),
            ({"known_at": "999999"}, "tree_size_unknown"),
            ({"category": "nobody"}, "filter_bad"),
            ({"employment": "x"}, "filter_bad"),
            ({"state": "x"}, "filter_bad"),
            ({"year": "0000"}, "year_unknown"),
            ({"year": "26"}, "year_unknown"),
            ({"year": "1989"}, "year_unknown"),
            ({"year": "2200"}, "year_unknown"),
            ({"year": "２０２６"}, "year_unknown"),
            ({"year": "x"}, "year_unknown"),
        ],
    )
    @pytest.mark.parametrize("page", [REGISTER, f"{REGISTER}/export.csv"])
    def test_a_question_that_has_no_answer_is_400(
        self, secretary: Visit, tool_database: Database, page: str, query: dict[str, str], code: str
    ) -> None:
        response = secretary.get(page, query_string=query)
        assert response.status_code == 400
        event = audit_events(tool_database)[-1]
        assert (event.facts["code"], event.facts["status"]) == (code, 400)

    @pytest.mark.parametrize(
        "query",
        [
            {"as_of": "0001-01-01"}, {"as_of": "9999-12-31"}, {"year": "1990"}, {"year": "2199"}, {"year": "2025"},
            {"handle": "x"}, {"file_format": "x"}, {"endpoint": "x"}, {"_external": "1"}, {"_anchor": "x"},
            {"_scheme": "javascript"}, {"values": "x"}, {"unit": "\0"}, {"requirement": "<script>alert(1)</script>"},
        ],
    )  # fmt: skip
    def test_an_odd_question_is_answered(self, secretary: Visit, query: dict[str, str]) -> None:
        response = secretary.get(REGISTER, query_string=query)
        assert response.status_code == 200
        html = response.get_data(as_text=True)
        assert "javascript:" not in html
        assert "<script>alert" not in html
        assert secretary.get(f"{REGISTER}/export.csv", query_string=query).status_code == 200

    def test_another_file_format_is_no_page(self, secretary: Visit) -> None:
        assert secretary.get(f"{REGISTER}/export.pdf").status_code == 404


class TestExport:
    def test_the_head_says_what_the_file_answers_for(self, secretary: Visit) -> None:
        head, rows = csv_of(secretary, unit="総務係")
        lines = {line[0].lstrip("# "): line[1:] for line in head if line}
        text = repr(head)
        for fact in ("架空大学情報基盤センター", "令和8年度", "2026-11-23", "総務係"):
            assert fact in text
        assert {"organisation", "year", "as_of", "known_at", "filter:unit"} <= set(lines)
        assert str(len(rows)) in text

    def test_the_csv_is_a_download_with_a_telling_name(self, secretary: Visit) -> None:
        response = secretary.get(f"{REGISTER}/export.csv")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"] == 'attachment; filename="attendance-kakuu-2026-20261123.csv"'
        assert response.headers["Cache-Control"] == "no-store"
        assert response.data.startswith(b"\xef\xbb\xbf")

    def test_staff_numbers_are_text_in_the_workbook(self, secretary: Visit) -> None:
        response = secretary.get(f"{REGISTER}/export.xlsx")
        assert response.headers["Content-Type"].startswith("application/vnd.openxmlformats")
        assert response.headers["Content-Disposition"].endswith('-20261123.xlsx"')
        sheet = openpyxl.load_workbook(BytesIO(response.data)).worksheets[0]
        cells: list[list[Any]] = [list(row) for row in sheet.iter_rows()]
        top = next(place for place, row in enumerate(cells) if row[0].value == "staff_number")
        column = [row[0] for row in cells[top + 1 :] if row[0].value]
        _, rows = csv_of(secretary)
        assert [cell.value for cell in column] == [row["staff_number"] for row in rows]
        assert {cell.data_type for cell in column} == {"s"}
        assert "00101" in {cell.value for cell in column}

    def test_names_beyond_the_usual_characters_come_through(self, secretary: Visit) -> None:
        names = {row["name"] for row in csv_of(secretary)[1]}
        assert {"𠮷例 まこと", "髙見本 ゆき", "試﨑 仁", "仮邊 ひろし"} <= names

    def test_the_folder_of_an_export_is_gone_afterwards(
        self, secretary: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert secretary.get(f"{REGISTER}/export.csv").status_code == 200
        assert list(tmp_path.iterdir()) == []
