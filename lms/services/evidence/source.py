"""What a pack is asked, and the reading that its files share.

Source: domain.md §2 (two time axes), §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session, aliased

from courses.calendar import FiscalYear, Period, end_of_day, start_of_day
from courses.ledger import short_id
from lms.services.evidence.pseudonyms import Naming
from lms.services.evidence.tables import Layout, Table
from lms.store.base import Base
from lms.store.documents import StoredDocument
from lms.store.ledger import LedgerEvent, LedgerLeaf
from lms.store.organisations import Organisation
from lms.store.records import Fact, Moment, Record, known

_AnyRecord = TypeVar("_AnyRecord", bound=Record)
_AnyFact = TypeVar("_AnyFact", bound=Fact)
_ROWS_AT_A_TIME = 1_000
PEOPLE_AT_A_TIME = 500
"""How many people's facts are held at once; SQLite takes no more than some thousand values in one statement."""


class PackPeriodError(ValueError):
    """The period, the as-of date or both can't be: an end before the start, or a day before the period."""

    def __init__(self, start: date, end: date, as_of: date) -> None:
        super().__init__(start, end, as_of)
        self.start, self.end, self.as_of = start, end, as_of


@dataclass(frozen=True, slots=True)
class PackQuestion:
    """What a pack answers."""

    organisation: Organisation
    period: Period
    """Half-open, with an end."""
    as_of: date
    known_at: int | None
    """Size of the tree; None, everything recorded, is for pages: a pack always says its size."""
    is_named: bool = False

    def __post_init__(self) -> None:
        """Refuse a period that holds no day, and an as-of date before it."""
        if self.period.end is None or self.period.is_empty or self.as_of < self.period.start:
            raise PackPeriodError(self.period.start, self.period.end or self.period.start, self.as_of)

    @property
    def moment(self) -> Moment:
        """As of which date, as known at which size."""
        return Moment(self.as_of, self.known_at)

    @property
    def size(self) -> int:
        """Size of the tree from which a pack answers."""
        return self.known_at or 0

    @property
    def end(self) -> date:
        """First day after the period."""
        return self.period.end or date.max

    @property
    def years(self) -> tuple[int, ...]:
        """Fiscal years that share a day with the period."""
        first, last = FiscalYear.of(self.period.start).year, FiscalYear.of(self.period.last_day or self.end).year
        return tuple(range(first, last + 1))

    @property
    def since(self) -> datetime:
        """First moment of the period."""
        return start_of_day(self.period.start)

    @property
    def until(self) -> datetime:
        """First moment after what the pack may tell: the period's end or the as-of date's, whichever comes first."""
        return min(start_of_day(self.end), end_of_day(self.as_of))


@dataclass(slots=True)
class Source:
    """Where a pack's files come from."""

    session: Session
    question: PackQuestion
    naming: Naming

    @property
    def organisation_id(self) -> int:
        """Key of the organisation."""
        return self.question.organisation.id

    def table(self, **layout: Any) -> Table:  # noqa: ANN401 - the fields of Layout
        """Begin a table."""
        return Table(Layout(**layout), self.naming)

    def records(
        self, model: type[_AnyRecord], *conditions: ColumnElement[bool], order: Sequence[Any] = ()
    ) -> Iterator[tuple[_AnyRecord, str]]:
        """Yield the known, uncorrected rows of a table and the evidence id of each, few at a time."""
        query = (
            select(model, LedgerEvent.leaf)
            .join(LedgerEvent, LedgerEvent.id == model.event_id)
            .where(model.organisation_id == self.organisation_id, known(model, self.question.known_at), *conditions)
            .order_by(*order, model.id)
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )
        for row, leaf in self.session.execute(query):
            yield row, short_id(leaf)

    def standing(
        self, model: type[_AnyFact], *conditions: ColumnElement[bool], order: Sequence[Any] = ()
    ) -> Iterator[tuple[_AnyFact, str]]:
        """Yield the newest known row of each fact and its evidence id: as `records`, those taken back included."""
        later: Any = aliased(model)
        corrected = exists(select(later.id).where(later.supersedes_id == model.id, self._placed(later.event_id)))
        query = (
            select(model, LedgerEvent.leaf)
            .join(LedgerEvent, LedgerEvent.id == model.event_id)
            .where(model.organisation_id == self.organisation_id, self._placed(model.event_id), ~corrected, *conditions)
            .order_by(*order, model.id)
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )
        for row, leaf in self.session.execute(query):
            yield row, short_id(leaf)

    def _placed(self, event_id: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column, mapped or not
        return exists(select(LedgerLeaf.n).where(LedgerLeaf.event_id == event_id, LedgerLeaf.n < self.question.size))

    def on_the_day(self, model: type[Fact]) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions that a fact is true on the as-of date."""
        as_of = self.question.as_of
        return (model.valid_from <= as_of, model.valid_to.is_(None) | (model.valid_to > as_of))

    def overlapping(self, model: type[Fact]) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions that a fact is true on a day of the period, and began by the as-of date."""
        question = self.question
        return (
            model.valid_from < question.end,
            model.valid_from <= question.as_of,
            model.valid_to.is_(None) | (model.valid_to > question.period.start),
        )

    def document_hashes(self) -> dict[int, str]:
        """Return the SHA-256 of each stored document in hex, by its key."""
        rows = self.session.execute(
            select(StoredDocument.id, StoredDocument.sha256).where(
                StoredDocument.organisation_id == self.organisation_id
            )
        )
        return {row_id: sha256 for row_id, sha256 in rows}  # noqa: C416 - rows are no pairs to the type checker

    def evidence_ids(self, event_ids: Sequence[int]) -> dict[int, str]:
        """Return the evidence id of each of these events."""
        found: dict[int, str] = {}
        for at in range(0, len(event_ids), _ROWS_AT_A_TIME):
            rows = self.session.execute(
                select(LedgerEvent.id, LedgerEvent.leaf).where(LedgerEvent.id.in_(event_ids[at : at + _ROWS_AT_A_TIME]))
            )
            found.update((event_id, short_id(leaf)) for event_id, leaf in rows)
        return found

    def references(self, references: Iterable[str]) -> dict[str, str]:
        """Return the evidence id of each record that a rule names as ``area_tie/3``; names of no record are left out."""
        wanted: dict[str, set[int]] = {}
        for reference in references:
            table, _, number = reference.rpartition("/")
            if number.isdigit():
                wanted.setdefault(table, set()).add(int(number))
        found: dict[str, str] = {}
        for mapper in Base.registry.mappers:
            table = str(mapper.local_table.name) if isinstance(mapper.local_table, SqlTable) else ""
            if table in wanted and issubclass(mapper.class_, Record):
                found.update(self._evidence_of(mapper.class_, table, sorted(wanted[table])))
        return found

    def _evidence_of(self, model: Any, table: str, row_ids: Sequence[int]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - one of the classes of records
        for at in range(0, len(row_ids), _ROWS_AT_A_TIME):
            rows = self.session.execute(
                select(model.id, LedgerEvent.leaf)
                .join(LedgerEvent, LedgerEvent.id == model.event_id)
                .where(model.organisation_id == self.organisation_id, model.id.in_(row_ids[at : at + _ROWS_AT_A_TIME]))
                .order_by(model.id)
            )
            yield from ((f"{table}/{row_id}", short_id(leaf)) for row_id, leaf in rows)
