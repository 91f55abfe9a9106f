"""Records: insert-only rows on two time axes, each written with its ledger event.

A record is corrected by a new row that names it in ``supersedes_id``; triggers refuse update and delete. Queries say as
of which date and as known at which size of the ledger they want the facts: `Moment`.

Source: architecture.md §2 (three kinds of table); domain.md §2 (two time axes); docs/adr/0003.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar, Protocol

from sqlalchemy import ColumnElement, ForeignKey, Table, and_, exists, insert, inspect, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column

from courses.events import (
    Actor,
    ActorKind,
    EventFacts,
    RecordReference,
    build_event,
    event_bytes,
    recorded_time,
)
from courses.ledger import leaf_hash
from lms.store.base import BigId, Owned
from lms.store.ledger import LedgerEvent, LedgerLeaf, LedgerPending, reserve_event_ids


class CorrectedMeanwhileError(Exception):
    """Somebody else corrected the same record a moment before."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The date of which facts are asked, and the state of knowledge from which they are answered."""

    as_of: date
    """The end of that day in JST."""
    known_at: int | None = None
    """Size of the organisation's ledger tree; None: everything recorded."""


class Record(Owned):
    """Columns that every record has."""

    event_type: ClassVar[str]
    """Type of the ledger event that is written with the row."""
    unledgered: ClassVar[frozenset[str]] = frozenset()
    """Columns that the event leaves out because another part of it holds them."""

    def is_seal_whole(self) -> bool:
        """Tell whether the columns that the event leaves out still hash to what it holds in their place."""
        return True

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recorded_at: Mapped[datetime]
    """When the system learnt it."""
    recorded_by: Mapped[str]
    """Who recorded it: ``person:12``, ``identity:3``, ``operator:NAME`` or ``system:NAME``."""

    @declared_attr
    @classmethod
    def organisation_id(cls) -> Mapped[int]:
        """The organisation that owns the row."""
        return mapped_column(BigId, ForeignKey("organisation.id"), index=True)

    @declared_attr
    @classmethod
    def event_id(cls) -> Mapped[int]:
        """The ledger event written with the row."""
        return mapped_column(BigId, ForeignKey("ledger_event.id", deferrable=True, initially="DEFERRED"), unique=True)


class Fact(Record):
    """A record that is true for a period of days and can be corrected."""

    valid_from: Mapped[date]
    """First JST day on which it is true."""
    valid_to: Mapped[date | None]
    """First day on which it is no longer true; NULL: until further notice."""
    is_void: Mapped[bool] = mapped_column(default=False)
    """A correction that says: the superseded row was never true."""
    reason: Mapped[str | None]
    """Why the fact was recorded or corrected."""

    @declared_attr
    @classmethod
    def supersedes_id(cls: type[Any]) -> Mapped[int | None]:
        """The row of the same table that this one corrects."""
        return mapped_column(BigId, ForeignKey(f"{cls.__tablename__}.id"), unique=True)


def known(model: type[Record], known_at: int | None) -> ColumnElement[bool]:
    """Return the condition that a row was known at a size of the ledger's tree and is not corrected by a known row.

    Args:
        model: the record's class.
        known_at: size of the tree; None: everything recorded.
    """
    key: Any = model  # mypy doubts that mapped classes can be keys
    return _stands(key) if known_at is None else _is_known(model, known_at)


@cache
def _stands(model: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a mapped class
    """Make the condition once for each table: making it anew took half a millisecond, ten times as long as the rest."""
    return _is_known(model, None)


def _is_known(model: type[Record], known_at: int | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if known_at is not None:
        conditions.append(_placed_before(model.event_id, known_at))
    if issubclass(model, Fact):
        later: Any = model.__table__.alias()  # type: ignore[attr-defined]  # mapped classes have one
        corrected = later.c.supersedes_id == model.id
        if known_at is not None:
            corrected = and_(corrected, _placed_before(later.c.event_id, known_at))
        conditions += [~exists(select(later.c.id).where(corrected)), ~model.is_void]
    return and_(True, *conditions)


def _placed_before(event_id: Any, size: int) -> ColumnElement[bool]:  # noqa: ANN401 - a column, mapped or not
    return exists(select(LedgerLeaf.n).where(LedgerLeaf.event_id == event_id, LedgerLeaf.n < size))


def valid_on(model: type[Fact], day: date) -> ColumnElement[bool]:
    """Return the condition that a fact is true on a day."""
    return and_(model.valid_from <= day, or_(model.valid_to.is_(None), model.valid_to > day))


def record_tables(base: type[DeclarativeBase]) -> list[Table]:
    """Return the tables that triggers keep append-only: all records, and the ledger's own."""
    tables = {
        mapper.local_table
        for mapper in base.registry.mappers
        if issubclass(mapper.class_, Record) or getattr(mapper.class_, "is_append_only", False)
    }
    return sorted((table for table in tables if isinstance(table, Table)), key=lambda table: table.name)


def append_only_ddl(table: str, dialect: str) -> list[str]:
    """Return the statements that make a table refuse update and delete; to be run after every change of the table."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{verb} BEFORE {verb.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("update", "delete")
        ]
    return [
        (
            "CREATE OR REPLACE FUNCTION akashi_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION akashi_append_only()"
        ),
    ]


def drop_append_only_ddl(tables: Iterable[str], dialect: str) -> list[str]:
    """Return the statements that take the triggers away again, for migrations alone."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {table}_refuses_{verb}" for table in tables for verb in ("update", "delete")]
    return [f"DROP TRIGGER IF EXISTS {table}_refuses_change ON {table}" for table in tables]


BLINDING = "blinding"
"""Name of the random commitment of an event that commits to no value."""

_OWN_COLUMNS = frozenset({"id", "organisation_id", "recorded_at", "recorded_by", "event_id", "supersedes_id"})


def record(session: Session, organisation: OrganisationKey, *rows: Record) -> None:
    """Insert records with their ledger events, in one go.

    The rows carry ``recorded_at`` and ``recorded_by``; personal values are committed to by `record_personal`. An event
    that commits to no value carries a random commitment ``blinding``, so that its leaf hash confirms no guess.
    """
    _write(session, organisation, [(row, {}) for row in rows])


def record_personal(
    session: Session, organisation: OrganisationKey, rows: Sequence[tuple[Record, Mapping[str, str]]]
) -> None:
    """Insert records whose events carry commitments: pairs of a row and its commitments by field."""
    _write(session, organisation, rows)


class OrganisationKey(Protocol):
    """An organisation, as far as a ledger event names it."""

    @property
    def id(self) -> int:
        """Key of the row."""
        ...

    @property
    def key(self) -> str:
        """The name that stands in the ledger's origin."""
        ...


def _write(session: Session, organisation: OrganisationKey, rows: Sequence[tuple[Record, Mapping[str, str]]]) -> None:
    if not rows:
        return
    event_ids = reserve_event_ids(session, len(rows))
    for (row, _), event_id in zip(rows, event_ids, strict=True):
        row.organisation_id = organisation.id
        row.event_id = event_id
        session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        if "supersedes_id" in str(error.orig):  # two at once: one row can be superseded by one other alone
            raise CorrectedMeanwhileError from None
        raise
    events = []
    for row, commitments in rows:
        payload = event_bytes(build_event(_facts(organisation.key, row, commitments)))
        events.append(
            {"id": row.event_id, "organisation_id": organisation.id, "leaf": leaf_hash(payload), "payload": payload}
        )
    session.execute(insert(LedgerEvent), events)
    session.execute(
        insert(LedgerPending), [{"event_id": each, "organisation_id": organisation.id} for each in event_ids]
    )


def _facts(organisation_key: str, row: Record, commitments: Mapping[str, str]) -> EventFacts:
    kind, _, key = row.recorded_by.partition(":")
    return EventFacts(
        event_type=row.event_type,
        organisation=organisation_key,
        recorded_at=row.recorded_at,
        actor=Actor(ActorKind(kind), key),
        record=RecordReference(f"{inspect(type(row)).local_table.name}", row.id),
        body=event_body(row),
        commitments=commitments or {BLINDING: secrets.token_hex(32)},
        supersedes=getattr(row, "supersedes_id", None),
    )


def event_body(row: Record) -> dict[str, object]:
    """Return what the row's event says of it: its columns as JSON values, less those that stand elsewhere."""
    return {
        attribute.key: _json_value(getattr(row, attribute.key))
        for attribute in inspect(type(row)).column_attrs
        if attribute.key not in _OWN_COLUMNS and attribute.key not in row.unledgered
    }


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return recorded_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value
