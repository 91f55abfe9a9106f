"""Tables as files: CSV that opens well in Excel, and XLSX that keeps text as text.

Both begin with a *head* that says what the table answers for, so that a file lying around still explains itself. In CSV
the head is a block of two-column rows, then an empty row, then the row of column names, then the data; a program
reads on to the first empty row and hands the rest to its CSV reader. In XLSX the head stands on top of the same sheet.

Rows are written as they come: neither form keeps them in memory.

Source: RFC 4180 (CSV); OWASP, "CSV Injection" (signs that turn a cell into a formula).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import StringIO
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import Any, BinaryIO, Literal

Cell = str | int | float | date | None
"""One value; a date is written as ISO text, None as an empty cell, a point in time must be text already (zones)."""

CsvEncoding = Literal["utf-8-sig", "cp932"]
"""``utf-8-sig`` is what Excel opens without a wizard; ``cp932`` is for older programs that read nothing else."""

_ROWS_PER_CHUNK = 100  # of which one formula makes us write the chunk twice
_BYTES_PER_PIECE = 256 * 1024
_SPOOL_BYTES = 8 * 1024 * 1024
_SHEET_ROWS = 1_048_576  # Excel's own limit

# The full-width forms are formulas to a Japanese Excel too; the minus sign U+2212 becomes one of them in cp932.
_SIGNS = "=+-@\t\r\n＝＋－＠−"
# A sign behind a separator or an opening quote. One search over a chunk of finished text is far cheaper than a look at every cell.
_SUSPECT = re.compile(r'[=+\-@\t＝＋－＠−](?<=[,\n"].)')
_SUSPECT_BREAK = re.compile(r'"[\r\n](?<=[,\n]"[\r\n])')
_NEGATIVE = re.compile(r"-\d+(\.\d+)?")

# Shift_JIS has one long dash, which Unix calls U+2014 and Windows U+2015; Python's codec knows the other such pairs (〜, −).
_CP932_NAMES = str.maketrans("—", "―")


class RowCountError(ValueError):
    """The head promised another number of rows than came."""

    def __init__(self, promised: int, came: int) -> None:
        super().__init__(f"{promised} != {came}")
        self.promised = promised
        self.came = came


class UncodableCharacterError(ValueError):
    """A cell holds a character that the wanted encoding lacks."""

    def __init__(self, row: int, column: str, character: str) -> None:
        super().__init__(f"row {row}, {column}: {character!r}")
        self.row = row
        """1 is the first row of data; 0 the head and the column names."""
        self.column = column
        """Name of the column; in the head the line's label."""
        self.character = character


class TooManyRowsError(ValueError):
    """A sheet cannot hold the table; CSV can."""

    def __init__(self, rows: int) -> None:
        super().__init__(str(rows))
        self.rows = rows


class CellTooLongError(ValueError):
    """A text is longer than the 32,767 characters that a cell of a sheet holds."""

    def __init__(self, row: int, column: str, length: int) -> None:
        super().__init__(f"row {row}, {column}: {length}")
        self.row = row
        self.column = column
        self.length = length


@dataclass(frozen=True, slots=True)
class Head:
    """What a table answers for; its last line is always the number of rows, so that a cut file is noticed."""

    lines: tuple[tuple[str, Cell], ...]
    """Label and value in the order of reading."""
    rows: int
    """How many rows of data follow; the writers hold the table to it."""

    @property
    def all_lines(self) -> tuple[tuple[str, Cell], ...]:
        """The lines as written, with the number of rows at the end."""
        return (*self.lines, ("rows", self.rows))


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """How a sheet looks."""

    name: str
    """Name on the tab, at most 31 characters."""
    widths: Sequence[float]
    """Column widths in half-width characters; a Japanese character takes two."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Translations of head labels and column names; a name without one stands for itself."""
    frozen_columns: int = 0
    """How many columns stay in sight when scrolling sideways."""


def write_csv(
    out: BinaryIO,
    head: Head,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    encoding: CsvEncoding = "utf-8-sig",
) -> int:
    r"""Write head and rows as CSV (comma, CRLF) and return the number of rows of data.

    A text that begins with one of ``= + - @`` (full-width ones too), a tab or a line break gets a leading ``'``, so that
    no spreadsheet runs it; numbers below zero stay. A staff number ``00123`` stays in the file as it is, but Excel shows
    123 on a double click: people who work in Excel are given the XLSX.

    Raises:
        UncodableCharacterError: the encoding lacks a character; with cp932 nothing has been written then.
        RowCountError: more or fewer rows came than the head says; known only at the end.
    """
    for chunk in csv_chunks(head, columns, rows, encoding):
        out.write(chunk)
    return head.rows


def csv_chunks(
    head: Head, columns: Sequence[str], rows: Iterable[Sequence[Cell]], encoding: CsvEncoding = "utf-8-sig"
) -> Iterator[bytes]:
    """Yield what ``write_csv`` writes, piece by piece, for a streamed response; pieces are about 20 kB.

    With cp932 all rows are encoded, into a temporary file, before the first piece comes: a caller that takes the first
    piece before sending headers can still answer with an error.

    Raises:
        UncodableCharacterError: the encoding lacks a character.
        RowCountError: more or fewer rows came than the head says; known only at the end.
    """
    pieces = _encoded(head, columns, rows, encoding)
    if encoding == "utf-8-sig":
        yield from pieces
        return
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as whole:
        for piece in pieces:
            whole.write(piece)
        whole.seek(0)
        while piece := whole.read(_BYTES_PER_PIECE):
            yield piece


def _encoded(
    head: Head, columns: Sequence[str], rows: Iterable[Sequence[Cell]], encoding: CsvEncoding
) -> Iterator[bytes]:
    for label, value in head.all_lines:
        _check_codable((label, value), (label, label), 0, encoding)
    _check_codable(columns, columns, 0, encoding)
    top = _csv_text([*head.all_lines, (), columns])
    yield (codecs.BOM_UTF8 if encoding == "utf-8-sig" else b"") + _encode(top, encoding)
    came = 0
    remaining = iter(rows)
    while batch := list(islice(remaining, _ROWS_PER_CHUNK)):
        try:
            yield _encode(_csv_text(batch), encoding)
        except UnicodeEncodeError:
            for number, row in enumerate(batch, came + 1):
                _check_codable(row, columns, number, encoding)
            raise
        came += len(batch)
    if came != head.rows:
        raise RowCountError(head.rows, came)


def _csv_text(rows: Sequence[Sequence[Cell]]) -> str:
    """Return the rows as CSV text without formulas.

    The rows go through the C writer as they are; only when the result shows a suspicious sign are they looked at cell
    by cell and written again.
    """
    text = _joined(rows)
    if _SUSPECT.search(text) or _SUSPECT_BREAK.search(text):
        text = _joined([[_disarmed(cell) for cell in row] for row in rows])
    return text[1:]


def _joined(rows: Sequence[Sequence[Cell]]) -> str:
    buffer = StringIO(newline="")
    buffer.write("\n")  # so that the first cell too has a separator before it; the caller drops it
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _disarmed(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell[:1] and cell[0] in _SIGNS and not _NEGATIVE.fullmatch(cell):
        return f"'{cell}"
    return cell


def _encode(text: str, encoding: CsvEncoding) -> bytes:
    return text.translate(_CP932_NAMES).encode("cp932") if encoding == "cp932" else text.encode("utf-8")


def _check_codable(cells: Sequence[Cell], columns: Sequence[str], row: int, encoding: CsvEncoding) -> None:
    for column, cell in zip(columns, cells, strict=True):
        text = str(cell)
        try:
            _encode(text, encoding)
        except UnicodeEncodeError as error:
            raise UncodableCharacterError(row, column, text[error.start]) from None


def write_xlsx(
    target: Path | BinaryIO, head: Head, columns: Sequence[str], rows: Iterable[Sequence[Cell]], layout: SheetLayout
) -> int:
    """Write head and rows as one XLSX sheet and return the number of rows of data.

    Under the head stands a row of translated headings and under it the row of column names, which carries the filter
    and stays in sight. Whole and decimal numbers become numbers, everything else text, so that 00123 keeps its zeros
    and ``=1+1`` is never run. The same input gives the same bytes.

    Raises:
        TooManyRowsError: the head promises more rows than a sheet has.
        CellTooLongError: a text is longer than a cell holds.
        RowCountError: more or fewer rows came than the head says. After any of them nothing has been written.
    """
    import xlsxwriter  # noqa: PLC0415 - a web process starts without it

    top = len(head.all_lines) + 3
    if top + head.rows > _SHEET_ROWS:
        raise TooManyRowsError(head.rows)
    with TemporaryDirectory() as scratch:
        book = xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, _options(scratch))
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - a constant instead of the clock
        sheet = book.add_worksheet(layout.name)
        try:
            _lay_out(sheet, layout, len(columns), top, head.rows)
            _write_top(book, sheet, head, columns, layout)
            _write_rows(sheet, top, columns, rows, head.rows, book.add_format({"num_format": "@"}))
        except BaseException:
            sheet.row_data_fh.close()  # the library closes its scratch file only with a finished book
            raise
        book.close()
    return head.rows


def _options(scratch: str) -> dict[str, object]:
    return {
        "constant_memory": True,
        "tmpdir": scratch,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }


def _lay_out(sheet: Any, layout: SheetLayout, columns: int, top: int, rows: int) -> None:  # noqa: ANN401 - untyped
    for column, width in enumerate(layout.widths):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(top, layout.frozen_columns)
    sheet.autofilter(top - 1, 0, top - 1 + rows, columns - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top - 2, top - 1)
    sheet.set_footer("&L&A&R&P / &N")


def _write_top(book: Any, sheet: Any, head: Head, columns: Sequence[str], layout: SheetLayout) -> None:  # noqa: ANN401 - untyped
    bold = book.add_format({"bold": True})
    heading = book.add_format({"bold": True, "bg_color": "#E4EAF2", "top": 1, "valign": "vcenter"})
    name = book.add_format({"font_color": "#5A6472", "font_size": 9, "bg_color": "#E4EAF2", "bottom": 1})
    number = book.add_format({"align": "left"})
    for row, (label, value) in enumerate(head.all_lines):
        sheet.write_string(row, 0, layout.labels.get(label, label), bold)
        if type(value) in {int, float}:
            sheet.write_number(row, 1, value, number)
        else:
            sheet.write_string(row, 1, "" if value is None else str(value))
    row = len(head.all_lines) + 1
    for column, text in enumerate(columns):
        sheet.write_string(row, column, layout.labels.get(text, text), heading)
    for column, text in enumerate(columns):
        sheet.write_string(row + 1, column, text, name)


def _write_rows(
    sheet: Any,  # noqa: ANN401 - untyped
    top: int,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    promised: int,
    as_text: Any,  # noqa: ANN401 - untyped
) -> None:
    """Write the data; ``as_text`` is Excel's text format, so that a cell typed over keeps its zeros too."""
    write_string, write_number = sheet.write_string, sheet.write_number
    number = top - 1
    for number, row in enumerate(rows, top):
        for column, cell in enumerate(row):
            kind = type(cell)
            if kind is int or kind is float:
                write_number(number, column, cell)
            elif cell is not None and cell != "" and write_string(number, column, str(cell), as_text):
                raise CellTooLongError(number - top + 1, columns[column], len(str(cell)))
    came = number - top + 1
    if came != promised:
        raise RowCountError(promised, came)
