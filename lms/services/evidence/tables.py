"""Tables on their way into a pack: rows are kept in a temporary file until their number is known.

Glossary: a *cell* is written as it will stand in the CSV; a *person column* gets the key of a person and writes a
pseudonym; an *actor column* gets ``person:12``, an office or an account.

Source: domain.md §7; quality.md §1 (constant memory).
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from tempfile import TemporaryFile
from typing import IO, Any

from courses.calendar import JST
from lms.reports.evidence.pack import EventColumn
from lms.reports.tables import Cell
from lms.services.evidence.pseudonyms import Naming

_ROWS_PER_BATCH = 1_000
_AS_THEY_ARE = frozenset({str, int, date})
"""Types of values that stand in a table as they are; a truth value is of another type, and so is a point in time."""


class Spool:
    """Rows in a temporary file: written once, counted, read as often as wanted."""

    def __init__(self) -> None:
        """Open the temporary file; it is gone when the spool is."""
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with the spool
        self._batch: list[tuple[Cell, ...]] = []
        self._batches = 0
        self.count = 0

    def append(self, row: tuple[Cell, ...]) -> None:
        """Add a row."""
        self._batch.append(row)
        self.count += 1
        if len(self._batch) == _ROWS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._file.seek(0, 2)
            pickle.dump(self._batch, self._file, pickle.HIGHEST_PROTOCOL)
            self._batches += 1
            self._batch = []

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        self._flush()
        self._file.seek(0)
        for _ in range(self._batches):
            yield from pickle.load(self._file)  # noqa: S301 - our own temporary file, which nobody else can name

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Absent:
    """A column that the specification names and for which there is no source yet."""

    column: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table's name, columns, and what its columns are."""

    path: str
    columns: tuple[str, ...]
    people: frozenset[str] = frozenset()
    """Person columns; in a pack that names people each is followed by ``…_name``."""
    actors: frozenset[str] = frozenset()
    """Actor columns."""
    evidence: tuple[str, ...] = ()
    values: tuple[EventColumn, ...] = ()
    absent: tuple[Absent, ...] = ()
    notes: tuple[tuple[str, Cell], ...] = ()
    """Further lines of the head."""


@dataclass(slots=True)
class Table:
    """A table being filled."""

    layout: Layout
    naming: Naming
    rows: Spool = field(default_factory=Spool)
    _named: tuple[tuple[int, bool], ...] = ()
    """Places of the person columns and (False) of the actor columns, last first."""
    _counts: dict[tuple[tuple[str, ...], str | None], Mapping[tuple[str, ...], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the columns once: a table of a large organisation has millions of cells."""
        named = (
            (place, name in self.layout.people)
            for place, name in enumerate(self.layout.columns)
            if name in self.layout.people or name in self.layout.actors
        )
        self._named = tuple(reversed([*named]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns as written."""
        if not self.naming.is_named:
            return self.layout.columns
        return tuple(
            written
            for name in self.layout.columns
            for written in ((name, f"{name}_name") if name in self.layout.people else (name,))
        )

    def add(self, *cells: object) -> None:
        """Add a row; one value for each column of the layout."""
        if len(cells) != len(self.layout.columns):
            raise ValueError(self.layout.path, len(cells))
        self.rows.append(self.written(cells))

    def written(self, cells: Sequence[object], first: int = 0) -> tuple[Cell, ...]:
        """Return the cells of some neighbouring columns as they are written: rows often share the greater part of theirs.

        Args:
            cells: one value for each of these columns of the layout.
            first: the place of the first of them.
        """
        row: list[Any] = [value if type(value) in _AS_THEY_ARE else cell(value) for value in cells]
        for place, is_person in self._named:
            at = place - first
            if not 0 <= at < len(cells):
                continue
            value: Any = cells[at]
            if not is_person:
                row[at] = self.naming.actor(value if value is None else str(value))
            elif not isinstance(value, str):  # a string is an account's pseudonym
                row[at] = self.naming.person(value)
            if is_person and self.naming.is_named:
                row.insert(at + 1, "" if isinstance(value, str) else self.naming.name(value))
        return tuple(row)

    def counted(self, by: Sequence[str], distinct: str | None = None) -> Mapping[tuple[str, ...], int]:
        """Count rows, or the distinct values of a column, by the values of some columns; the table must be whole."""
        key = (tuple(by), distinct)
        if key not in self._counts:
            self._counts[key] = self._counted(by, distinct)
        return self._counts[key]

    def _counted(self, by: Sequence[str], distinct: str | None) -> Mapping[tuple[str, ...], int]:
        if not by and distinct is None:
            return Counter({(): self.rows.count})
        last = distinct or by[-1]
        names = (*by, last, last)  # two or more, so that they come as a tuple
        found: Counter[tuple[Cell, ...]] = Counter(map(itemgetter(*map(self.columns.index, names)), self.rows))
        counts: Counter[tuple[str, ...]] = Counter()
        for values, count in found.items():
            counts[tuple(map(str, values[: len(by)]))] += count if distinct is None else 1
        return counts

    def head_lines(self) -> Iterator[tuple[str, Cell]]:
        """Yield the lines of the head that are this table's own."""
        yield from self.layout.notes
        for each in self.layout.absent:
            yield f"absent:{each.column}", each.why


def cell(value: object) -> Cell:
    """Return a value as it stands in a table: times in JST, truth as ``true`` and ``false``, lists with spaces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(str(each) for each in value)
    return value if isinstance(value, str | int | date) else str(value)
