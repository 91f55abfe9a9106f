"""The summary of an evidence pack: a PDF for people, and its figures for programs.

Every figure says which table it comes from and how it is counted there, so that a reader, or a script, counts again.

Source: domain.md §7 (file 00).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import rfc8785

from lms.reports.documents import render_pdf

Way = Literal["rows", "distinct", "cell"]
"""How a figure is got from the rows that its conditions leave: their number, the number of distinct values of a column,
or the one value of a column."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the summary, and where it comes from."""

    key: str
    """Name within the pack, such as ``03_matrix.csv/state=overdue``."""
    value: int | str
    file: str
    where: tuple[tuple[str, str], ...]
    """Column and value, all of which a row must have."""
    way: Way
    of: str
    """The column that is counted or read; empty for rows."""
    words: str = ""
    """What people read instead of the value, where it is a code."""

    @classmethod
    def counted(
        cls, file: str, value: int, where: Sequence[tuple[str, str]] = (), distinct: str | None = None
    ) -> Figure:
        """Return a number of rows, or of distinct values."""
        way: Way = "rows" if distinct is None else "distinct"
        return cls(_key(file, where, distinct or ""), value, file, tuple(where), way, distinct or "")

    @classmethod
    def read(cls, file: str, value: str, column: str, where: Sequence[tuple[str, str]] = (), words: str = "") -> Figure:
        """Return the value of one cell; with words for people where it is a code."""
        return cls(_key(file, where, column), value, file, tuple(where), "cell", column, words)


def _key(file: str, where: Sequence[tuple[str, str]], of: str) -> str:
    conditions = "&".join(f"{column}={value}" for column, value in where)
    return "/".join(part for part in (file, conditions, of) if part)


@dataclass(frozen=True, slots=True)
class Grid:
    """Figures side by side, one line for each group of people or requirement."""

    title: str
    caption: str
    """Names the filter of each column in words."""
    columns: tuple[str, ...]
    """Headings, that of the lines' names first."""
    lines: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Figures one below the other."""

    title: str
    lines: tuple[tuple[str, Figure], ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary in one language; all words are in it."""

    language: Literal["ja", "en"]
    title: str
    organisation: str
    facts: tuple[tuple[str, str], ...]
    """Period, as-of date, known-at size, generator, criteria: label and value."""
    documents: tuple[tuple[str, str], ...]
    """Scope statement and statement of applicability: label, and number with version."""
    grids: tuple[Grid, ...]
    listings: tuple[Listing, ...]
    headings: tuple[str, str, str]
    """Of a listing's columns: what, number, filter."""
    documents_title: str
    notes_title: str
    notes: tuple[str, ...]
    """What is not in the pack, what the proof does not prove."""
    dated: date
    filters: tuple[str, str, str, str]
    """Words of filters: between conditions, an empty value, how distinct values and how one value are written."""
    keys_title: str
    keys: tuple[tuple[str, str], ...]
    """Fingerprints: label and value."""
    contents_title: str
    contents: tuple[str, ...]
    """Files of the pack, tables with their number of rows."""
    share: str
    """How a share of the obligations is written: ``%(number)s (%(percent)s%%)``."""

    def figures(self) -> Iterator[Figure]:
        """Yield all figures in the order of reading."""
        for grid in self.grids:
            for _, figures in grid.lines:
                yield from figures
        for listing in self.listings:
            for _, figure in listing.lines:
                yield figure


_ALARMING = ("overdue", "lapsed")
"""States that must catch the eye."""


def filter_text(figure: Figure, words: tuple[str, str, str, str]) -> str:
    """Return how a figure is got, as the PDF writes it: ``03_matrix.csv: state = overdue``."""
    joint, empty, distinct, cell = words
    conditions = joint.join(f"{column} = {value or empty}" for column, value in figure.where)
    counted = {"rows": "", "distinct": distinct % {"column": figure.of}, "cell": cell % {"column": figure.of}}[
        figure.way
    ]
    rest = ", ".join(part for part in (conditions, counted) if part)
    return f"{figure.file}: {rest}" if rest else figure.file


def _grid_cells(figures: Sequence[Figure], share: str) -> list[list[object]]:
    """Return what stands in a line, and whether it must catch the eye: obligations past their day, with their share."""
    totals = [each.value for each in figures if "state" not in dict(each.where) and each.way == "rows"]
    cells: list[list[object]] = []
    for each in figures:
        is_alarming = dict(each.where).get("state") in _ALARMING and each.value != 0
        text = str(each.value)
        if is_alarming and totals and isinstance(each.value, int) and isinstance(totals[0], int):
            text = share % {"number": text, "percent": f"{100 * each.value / totals[0]:.0f}"}
        cells.append([text, is_alarming])
    return cells


def summary_pdf(summary: Summary) -> bytes:
    """Return the summary as PDF; the same values give the same bytes.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value.
    """
    values: dict[str, object] = {
        "language": summary.language,
        "title": summary.title,
        "organisation": summary.organisation,
        "facts": summary.facts,
        "documents_title": summary.documents_title,
        "documents": summary.documents,
        "grids": [
            {
                "title": grid.title,
                "caption": grid.caption,
                "columns": grid.columns,
                "lines": [[[name, False], *_grid_cells(figures, summary.share)] for name, figures in grid.lines],
            }
            for grid in summary.grids
        ],
        "listings": [
            {
                "title": each.title,
                "lines": [
                    [label, figure.words or str(figure.value), filter_text(figure, summary.filters)]
                    for label, figure in each.lines
                ],
            }
            for each in summary.listings
            if each.lines
        ],
        "headings": summary.headings,
        "notes_title": summary.notes_title,
        "notes": summary.notes,
        "keys_title": summary.keys_title,
        "keys": summary.keys,
        "contents_title": summary.contents_title,
        "contents": summary.contents,
    }
    return render_pdf("evidence_summary.typ", values, summary.dated)


def summary_json(summary: Summary) -> bytes:
    """Return the figures as canonical JSON, for a program that counts again."""
    figures = {each.key: each for each in summary.figures()}
    return rfc8785.dumps({"figures": [_json(each) for each in figures.values()]})


def _json(figure: Figure) -> dict[str, Any]:
    values = asdict(figure)
    del values["words"]
    return {**values, "where": [list(pair) for pair in figure.where]}
