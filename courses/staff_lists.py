"""Staff lists 職員名簿 as files: their columns, how a cell is read, and all that makes a list unacceptable.

A list is CSV with commas or tabs, in UTF-8 (with or without a byte order mark) or CP932. It is taken whole or refused
with every problem in it. How cells are read:

- ``left_on`` and ``scope_to`` are last days, as people write them; here they become half-open ends.
- An empty ``joined_on`` means the day of ``scope_from``. Without ``scope_from`` the person is not in scope. An empty
  ``scope_to`` beside a ``left_on`` means that the scope membership ends with leaving.
- A lone hyphen means "nothing". Every other cell that starts with ``= + - @`` (half- or full-width, also after spaces)
  or with a tab is a formula.
- Only ``scope_reason`` may hold line breaks.
- Columns of `OPTIONAL_COLUMNS` may be left out; what is known of them then stays as it is.

Source: the organisation's staff list; domain.md §1-2; OWASP "CSV injection" for the starts of formulas.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from courses.calendar import Period, era_year
from courses.people import Category, Employment

MOST_ROWS = 100_000
MOST_PROBLEMS = 100
LONGEST_CELL = 200
LONGEST_REASON = 1000
LONGEST_SHOWN = 40
ENOUGH_UTF8 = 10
"""So many non-ASCII characters in UTF-8 are no accident of another encoding."""

COLUMNS = (
    "staff_number", "family_name", "given_name", "family_kana", "given_kana", "romaji", "former_name", "email",
    "unit", "post", "employment", "category", "joined_on", "left_on", "scope_from", "scope_to", "scope_reason",
)  # fmt: skip
OPTIONAL_COLUMNS = frozenset({"family_kana", "given_kana", "romaji", "former_name", "email"})
UNIT_COLUMNS = ("name_ja", "name_en")

HEADINGS: Mapping[str, str] = {
    "職員番号": "staff_number",
    "姓": "family_name", "氏": "family_name",
    "名": "given_name",
    "姓カナ": "family_kana", "姓（カナ）": "family_kana", "セイ": "family_kana",
    "名カナ": "given_kana", "名（カナ）": "given_kana", "メイ": "given_kana",
    "ローマ字": "romaji", "ローマ字氏名": "romaji",
    "旧姓・通称": "former_name", "旧姓": "former_name", "通称": "former_name",
    "メールアドレス": "email", "メール": "email",
    "所属": "unit",
    "職名": "post",
    "雇用区分": "employment", "常勤・非常勤": "employment",
    "職種区分": "category", "職種": "category",
    "着任日": "joined_on", "採用日": "joined_on",
    "退職日": "left_on", "離任日": "left_on", "転出日": "left_on",
    "適用開始日": "scope_from", "適用範囲開始日": "scope_from",
    "適用終了日": "scope_to", "適用範囲終了日": "scope_to",
    "適用理由": "scope_reason", "適用範囲の理由": "scope_reason",
}  # fmt: skip
"""Japanese headings and the columns that they name; widths and spaces of a heading do not matter."""
UNIT_HEADINGS: Mapping[str, str] = {
    "所属": "name_ja",
    "所属名": "name_ja",
    "英語名": "name_en",
    "所属英語名": "name_en",
}

EMPLOYMENT_LABELS: Mapping[str, Employment] = {
    "常勤": Employment.REGULAR,
    "非常勤": Employment.PART_TIME,
    "出向": Employment.SECONDED,
    "派遣": Employment.AGENCY,
    "業者": Employment.VENDOR,
}
CATEGORY_LABELS: Mapping[str, Category] = {
    "教員": Category.FACULTY,
    "事務職員": Category.ADMINISTRATIVE,
    "技術職員": Category.TECHNICAL,
    "学生": Category.STUDENT,
    "外部": Category.EXTERNAL,
}

_NOTHING = frozenset("-－−")
_FORMULA_STARTS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫−")
# C0 and C1 controls, invisible and direction marks, line separators, tags, and the sign that a character was lost.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd"
    "\U000e0001\U000e0020-\U000e007f]"
)
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
_WESTERN_DATE = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})")
_ERA_DATE = re.compile(
    r"(?:(令和|平成|昭和)([0-9]{1,2}|元)年([0-9]{1,2})月([0-9]{1,2})日|([RHS])([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{1,2}))"
)
_ERA_OF_LETTER = {"R": "令和", "H": "平成", "S": "昭和"}
_YEAR_BEFORE_ERA = {"令和": 2018, "平成": 1988, "昭和": 1925}
_EARLIEST, _LATEST = date(1926, 12, 25), date(2199, 12, 31)

# Each group's first character stands for the others; compatibility ideographs such as 神 U+FA19 are folded by NFKC.
_VARIANT_GROUPS = (
    "高髙", "崎﨑嵜碕", "吉𠮷", "辺邊邉", "斎斉齋齊", "沢澤", "浜濱濵", "広廣", "国國", "徳德", "瀬瀨", "清淸", "青靑", "真眞", "恵惠",
    "島嶋嶌", "富冨", "桑桒", "柳栁", "槙槇", "竜龍", "桜櫻", "学學", "円圓", "栄榮", "淵渕渊", "薮藪籔", "桧檜", "宝寶寳", "増增",
    "寛寬", "弥彌", "寿壽", "実實", "豊豐", "県縣", "鉄鐵", "条條", "岳嶽", "峰峯", "万萬", "関關", "黒黑", "曽曾", "兎兔", "ヶケ",
)  # fmt: skip
_VARIANTS: dict[int, int | None] = {ord(variant): ord(group[0]) for group in _VARIANT_GROUPS for variant in group[1:]}
# Variation selectors choose a glyph of the same character; spaces between the parts of a name mean nothing.
_VARIANTS |= dict.fromkeys((0x20, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))


class ProblemCode(StrEnum):
    """What makes a list unacceptable."""

    WRONG_ENCODING = "wrong_encoding"
    EMPTY_FILE = "empty_file"
    TOO_MANY_ROWS = "too_many_rows"
    BROKEN_QUOTES = "broken_quotes"
    RAGGED_ROW = "ragged_row"
    MISSING_COLUMN = "missing_column"
    UNKNOWN_COLUMN = "unknown_column"
    DUPLICATE_COLUMN = "duplicate_column"
    MISSING_VALUE = "missing_value"
    DUPLICATE_STAFF_NUMBER = "duplicate_staff_number"
    DUPLICATE_UNIT = "duplicate_unit"
    UNKNOWN_UNIT = "unknown_unit"
    UNKNOWN_EMPLOYMENT = "unknown_employment"
    UNKNOWN_CATEGORY = "unknown_category"
    BAD_DATE = "bad_date"
    END_BEFORE_START = "end_before_start"
    FORMULA = "formula"
    CONTROL_CHARACTER = "control_character"
    TOO_LONG = "too_long"


class RemarkCode(StrEnum):
    """What a person should look at although the list is acceptable."""

    FULL_WIDTH_NUMBER = "full_width_number"
    """A staff number was written in full-width characters and is read in plain ones."""
    PRIVATE_USE_CHARACTER = "private_use_character"
    """外字: a character that only the writer's computer can show."""
    VARIANT_SPELLING = "variant_spelling"
    """Two people of the list differ only by variants such as 髙 and 高."""
    SCOPE_WITHOUT_REASON = "scope_without_reason"
    SCOPE_LEFT_EMPTY = "scope_left_empty"
    """``scope_from`` is empty for somebody with a scope membership, which stays; ``scope_to`` would end it."""
    SAME_PERSON = "same_person"
    """A new staff number has the name of somebody known under another number."""
    LEADING_ZEROS = "leading_zeros"
    """A new staff number differs from a known one only by leading zeros."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that makes a list unacceptable, and where it stands."""

    code: ProblemCode
    row: int | None = None
    """Row as a spreadsheet counts, the heading being 1; for WRONG_ENCODING the line of text."""
    column: str | None = None
    value: str = ""
    """What stands there, at most 40 characters, unprintable ones replaced; for WRONG_ENCODING the bytes in hex."""
    number: int | None = None
    """DUPLICATE_*: the row that came first; WRONG_ENCODING: offset in bytes from 0; RAGGED_ROW: cells wanted (``value``
    is the number found); TOO_LONG: most characters; TOO_MANY_ROWS: most rows."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that a person should look at."""

    code: RemarkCode
    row: int
    column: str
    value: str
    other: str = ""
    """VARIANT_SPELLING: the other spelling; SAME_PERSON and LEADING_ZEROS: the known staff number."""


class StaffListRefused(ValueError):
    """A list is unacceptable as a whole; nothing of it is used."""

    def __init__(self, problems: tuple[Problem, ...], count: int | None = None) -> None:
        """Keep at most 100 problems; ``count`` says how many there are."""
        super().__init__(", ".join(sorted({str(problem.code) for problem in problems})))
        self.problems = problems[:MOST_PROBLEMS]
        self.count = len(problems) if count is None else count


@dataclass(frozen=True, slots=True)
class StaffRow:
    """What a list says of one person."""

    row: int
    """Row as a spreadsheet counts."""
    staff_number: str
    family_name: str
    given_name: str
    family_kana: str
    given_kana: str
    romaji: str
    former_name: str
    email: str
    unit: str
    """The unit's name as the organisation recorded it."""
    post: str
    employment: Employment
    category: Category
    service: Period
    """From ``joined_on`` to the day after ``left_on``."""
    scope: Period | None
    """From ``scope_from`` to the day after ``scope_to``, else after ``left_on``; None: not in scope."""
    scope_reason: str


@dataclass(frozen=True, slots=True)
class StaffList:
    """An acceptable list."""

    rows: tuple[StaffRow, ...]
    encoding: str
    """``utf-8``, ``utf-8-sig`` or ``cp932``."""
    warnings: tuple[Remark, ...] = ()
    columns: frozenset[str] = field(default_factory=lambda: frozenset(COLUMNS))
    """The columns that the list has."""


def read_staff_list(data: bytes, known_units: Collection[str]) -> StaffList:
    """Read a staff list.

    Args:
        data: the file as it is.
        known_units: the Japanese names of the organisation's units.

    Raises:
        StaffListRefused: with all problems of the list.
    """
    sheet = _Sheet(data, COLUMNS, OPTIONAL_COLUMNS, HEADINGS)
    reader = _StaffReader(sheet, known_units)
    rows = [reader.read(row, cells) for row, cells in sheet.rows()]
    sheet.refuse_if_bad()
    accepted = tuple(row for row in rows if row is not None)
    return StaffList(
        rows=accepted,
        encoding=sheet.encoding,
        warnings=(*sheet.remarks, *_variant_spellings(accepted)),
        columns=frozenset(column for column in sheet.columns if column),
    )


def read_unit_list(data: bytes) -> tuple[tuple[str, str], ...]:
    """Read a list of units: pairs of the Japanese and the English name, which may be empty.

    Raises:
        StaffListRefused: with all problems of the list.
    """
    sheet = _Sheet(data, UNIT_COLUMNS, frozenset({"name_en"}), UNIT_HEADINGS)
    first_row: dict[str, int] = {}
    units = []
    for row, cells in sheet.rows():
        name = sheet.required(row, "name_ja", cells)
        if name and first_row.setdefault(name, row) != row:
            sheet.add(Problem(ProblemCode.DUPLICATE_UNIT, row, "name_ja", _shown(name), first_row[name]))
        units.append((name, cells.get("name_en", "")))
    sheet.refuse_if_bad()
    return tuple(units)


def read_rows(
    data: bytes, columns: tuple[str, ...], headings: Mapping[str, str]
) -> tuple[tuple[int, dict[str, str]], ...]:
    """Read another list of the same make: the number of each row and its cells by column, none of them empty.

    Raises:
        StaffListRefused: with all problems of the list.
    """
    sheet = _Sheet(data, columns, frozenset(), headings)
    rows = []
    for row, cells in sheet.rows():
        for column in columns:
            sheet.required(row, column, cells)
        rows.append((row, cells))
    sheet.refuse_if_bad()
    return tuple(rows)


def variant_key(name: str) -> str:
    """Return a name with its variant characters folded (髙 as 高), without spaces; to compare, never to store."""
    return unicodedata.normalize("NFKC", name).translate(_VARIANTS)


def read_date(text: str) -> date | None:
    """Read 2026-04-01, 2026/4/1, 令和8年4月1日 or R8.4.1; None for all else, impossible days and years far away."""
    plain = unicodedata.normalize("NFKC", text)
    if match := _WESTERN_DATE.fullmatch(plain):
        year, month, day, era = int(match[1]), match[3], match[4], None
    elif match := _ERA_DATE.fullmatch(plain):
        era = match[1] or _ERA_OF_LETTER[match[5]]
        number = match[2] or match[6]
        year = _YEAR_BEFORE_ERA[era] + (1 if number == "元" else int(number))
        month, day = match[3] or match[7], match[4] or match[8]
    else:
        return None
    try:
        found = date(year, int(month), int(day))
    except ValueError:
        return None
    if not _EARLIEST <= found <= _LATEST or (era and not era_year(found).startswith(era)):
        return None
    return found


def _decode(data: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding: UTF-8 if it can be read so, else CP932."""
    # A NUL byte is no text in either encoding, but is in every UTF-16 file with a comma in it.
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data:
        raise _wrong_encoding(data, 0 if data[:1] in (b"\xfe", b"\xff") else data.find(0))
    has_mark = data.startswith(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8").removeprefix("\ufeff"), "utf-8-sig" if has_mark else "utf-8"
    except UnicodeDecodeError as error:
        offset = error.start
    # CP932 text stops being UTF-8 at its first characters; what is UTF-8 for longer is UTF-8 with a broken place.
    if has_mark or sum(sign > "\x7f" for sign in data[:offset].decode("utf-8")) >= ENOUGH_UTF8:
        raise _wrong_encoding(data, offset)
    try:
        return data.decode("cp932"), "cp932"
    except UnicodeDecodeError as error:
        raise _wrong_encoding(data, max(offset, error.start)) from None


def _wrong_encoding(data: bytes, offset: int) -> StaffListRefused:
    line = data.count(b"\n", 0, offset) + 1
    shown = data[offset : offset + 4].hex(" ")
    return StaffListRefused((Problem(ProblemCode.WRONG_ENCODING, line, None, shown, offset),))


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _shown(text: str) -> str:
    """Cut a value for a message and take out what would spoil a terminal."""
    short = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return "".join(sign if sign.isprintable() or sign == "\u3000" else "\ufffd" for sign in short)


class _Sheet:
    """A file as rows of cells by column, with the problems and remarks found so far."""

    def __init__(
        self, data: bytes, columns: tuple[str, ...], optional: frozenset[str], headings: Mapping[str, str]
    ) -> None:
        text, self.encoding = _decode(data)
        self.problems: list[Problem] = []
        self.count = 0
        self.remarks: list[Remark] = []
        self._table = self._lines(text)
        heading = next(self._table, None)
        self.columns: list[str | None] = []
        if heading is not None:
            self._read_heading(heading[1], columns, optional, headings)

    def add(self, problem: Problem) -> None:
        """Keep a problem; beyond 100 they are counted only."""
        self.count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def refuse_if_bad(self) -> None:
        """Raise what was found."""
        if self.problems:
            raise StaffListRefused(tuple(self.problems), self.count)

    def required(self, row: int, column: str, cells: Mapping[str, str]) -> str:
        """Return a cell that may not be empty; a missing column is a problem of the heading, not of each row."""
        text = cells.get(column)
        if text == "":
            self.add(Problem(ProblemCode.MISSING_VALUE, row, column))
        return text or ""

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Read the rows beneath the heading: row number and cells by column; unacceptable ones are left out."""
        taken = 0
        for row, cells in self._table:
            taken += 1
            if taken > MOST_ROWS:
                self.add(Problem(ProblemCode.TOO_MANY_ROWS, row, number=MOST_ROWS))
                return
            width = len(self.columns)
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) != width:
                self.add(Problem(ProblemCode.RAGGED_ROW, row, None, str(len(cells)), width))
                continue
            read = {
                column: self._cell(row, column, raw)
                for column, raw in zip(self.columns, cells, strict=True)
                if column is not None
            }
            yield row, {column: text for column, text in read.items() if text is not None}
        if not taken and not self.problems:
            self.add(Problem(ProblemCode.EMPTY_FILE))

    def _lines(self, text: str) -> Iterator[tuple[int, list[str]]]:
        first = text.lstrip().partition("\n")[0]
        delimiter = "\t" if first.count("\t") > first.count(",") else ","
        row = 0
        try:
            for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
                if any(cell.strip() for cell in cells):
                    yield row, cells
        except csv.Error:
            self.add(Problem(ProblemCode.BROKEN_QUOTES, row + 1))

    def _read_heading(
        self, cells: list[str], columns: tuple[str, ...], optional: frozenset[str], headings: Mapping[str, str]
    ) -> None:
        known = {_folded(heading): column for heading, column in headings.items()} | {each: each for each in columns}
        while not cells[-1].strip():
            cells.pop()
        for cell in cells:
            column = known.get(_folded(cell))
            if column is None:
                self.add(Problem(ProblemCode.UNKNOWN_COLUMN, 1, None, _shown(cell.strip())))
            elif column in self.columns:
                self.add(Problem(ProblemCode.DUPLICATE_COLUMN, 1, column, _shown(cell.strip())))
                column = None
            self.columns.append(column)
        for column in columns:
            if column not in self.columns and column not in optional:
                self.add(Problem(ProblemCode.MISSING_COLUMN, 1, column))

    def _cell(self, row: int, column: str, raw: str) -> str | None:
        """Return a trimmed cell; None where it is unacceptable whatever its column asks for."""
        text = raw.strip()
        if not text or text in _NOTHING:
            return ""
        longest, controlled = LONGEST_CELL, text
        if column == "scope_reason":
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            longest, controlled = LONGEST_REASON, text.replace("\n", "")
        if text[0] in _FORMULA_STARTS or raw[0] == "\t":
            self.add(Problem(ProblemCode.FORMULA, row, column, _shown(text)))
        elif _UNPRINTABLE.search(controlled):
            self.add(Problem(ProblemCode.CONTROL_CHARACTER, row, column, _shown(text)))
        elif len(text) > longest:
            self.add(Problem(ProblemCode.TOO_LONG, row, column, _shown(text), longest))
        else:
            if _PRIVATE_USE.search(text):
                self.remarks.append(Remark(RemarkCode.PRIVATE_USE_CHARACTER, row, column, _shown(text)))
            return text
        return None


_Choice = TypeVar("_Choice", Employment, Category)


class _StaffReader:
    """Reads the rows of one staff list."""

    def __init__(self, sheet: _Sheet, known_units: Collection[str]) -> None:
        self._sheet = sheet
        # Exact names win over folded ones, should two units differ only in width.
        self._units = {_folded(name): name for name in known_units} | {name: name for name in known_units}
        self._first_row: dict[str, int] = {}

    def read(self, row: int, cells: Mapping[str, str]) -> StaffRow | None:
        """Return a row; None where it has a problem, which the sheet then holds."""
        before = self._sheet.count
        number = self._staff_number(row, cells)
        family_name = self._sheet.required(row, "family_name", cells)
        unit = self._unit(row, cells)
        employment = self._choice(row, cells, ("employment", ProblemCode.UNKNOWN_EMPLOYMENT), EMPLOYMENT_LABELS)
        category = self._choice(row, cells, ("category", ProblemCode.UNKNOWN_CATEGORY), CATEGORY_LABELS)
        service, scope = self._periods(row, cells)
        if self._sheet.count > before or employment is None or category is None or service is None:
            return None
        if scope and not cells.get("scope_reason"):
            self._sheet.remarks.append(Remark(RemarkCode.SCOPE_WITHOUT_REASON, row, "scope_reason", number))
        return StaffRow(
            row=row,
            staff_number=number,
            family_name=family_name,
            given_name=cells.get("given_name", ""),
            family_kana=cells.get("family_kana", ""),
            given_kana=cells.get("given_kana", ""),
            romaji=cells.get("romaji", ""),
            former_name=cells.get("former_name", ""),
            email=cells.get("email", ""),
            unit=unit,
            post=cells.get("post", ""),
            employment=employment,
            category=category,
            service=service,
            scope=scope,
            scope_reason=cells.get("scope_reason", ""),
        )

    def _staff_number(self, row: int, cells: Mapping[str, str]) -> str:
        written = self._sheet.required(row, "staff_number", cells)
        number = unicodedata.normalize("NFKC", written)
        if number != written:
            self._sheet.remarks.append(Remark(RemarkCode.FULL_WIDTH_NUMBER, row, "staff_number", _shown(written)))
        if number and (first := self._first_row.setdefault(number, row)) != row:
            self._sheet.add(Problem(ProblemCode.DUPLICATE_STAFF_NUMBER, row, "staff_number", _shown(number), first))
        return number

    def _unit(self, row: int, cells: Mapping[str, str]) -> str:
        written = self._sheet.required(row, "unit", cells)
        unit = self._units.get(written) or self._units.get(_folded(written))
        if written and unit is None:
            self._sheet.add(Problem(ProblemCode.UNKNOWN_UNIT, row, "unit", _shown(written)))
        return unit or ""

    def _choice(
        self, row: int, cells: Mapping[str, str], asked: tuple[str, ProblemCode], labels: Mapping[str, _Choice]
    ) -> _Choice | None:
        column, problem = asked
        written = self._sheet.required(row, column, cells)
        folded = _folded(written)
        choice = labels.get(folded) or next((each for each in labels.values() if each.value == folded), None)
        if written and choice is None:
            self._sheet.add(Problem(problem, row, column, _shown(written)))
        return choice

    def _periods(self, row: int, cells: Mapping[str, str]) -> tuple[Period | None, Period | None]:
        """Return the periods of service and of scope."""
        joined, left, scope_from, scope_to = (
            self._day(row, column, cells) for column in ("joined_on", "left_on", "scope_from", "scope_to")
        )
        if cells.get("scope_from") == "" and (cells.get("scope_to") or cells.get("scope_reason")):
            self._sheet.add(Problem(ProblemCode.MISSING_VALUE, row, "scope_from"))
        elif cells.get("joined_on") == "" and cells.get("scope_from") == "":
            self._sheet.add(Problem(ProblemCode.MISSING_VALUE, row, "joined_on"))
        service = self._period(row, "left_on", (joined or scope_from, left), cells)
        if scope_from is None or service is None:
            return service, None
        ending = ("scope_to", scope_to) if scope_to else ("scope_from", left)
        return service, self._period(row, ending[0], (scope_from, ending[1]), cells)

    def _day(self, row: int, column: str, cells: Mapping[str, str]) -> date | None:
        written = cells.get(column)
        day = read_date(written) if written else None
        if written and day is None:
            self._sheet.add(Problem(ProblemCode.BAD_DATE, row, column, _shown(written)))
        return day

    def _period(
        self, row: int, column: str, days: tuple[date | None, date | None], cells: Mapping[str, str]
    ) -> Period | None:
        """Return the period from a first to a last day; ``column`` is blamed for a wrong order."""
        first, last = days
        if first is None:
            return None
        if last is not None and last < first:
            self._sheet.add(Problem(ProblemCode.END_BEFORE_START, row, column, _shown(cells.get(column, ""))))
            return None
        return Period(first, None if last is None else last + timedelta(days=1))


def _variant_spellings(rows: tuple[StaffRow, ...]) -> Iterator[Remark]:
    """Name the people whose names differ only by variants from somebody's before them in the list."""
    first_spelling: dict[str, str] = {}
    for row in rows:
        name = f"{row.family_name} {row.given_name}".strip()
        other = first_spelling.setdefault(variant_key(name), name)
        if other != name:
            yield Remark(RemarkCode.VARIANT_SPELLING, row.row, "family_name", _shown(name), _shown(other))
