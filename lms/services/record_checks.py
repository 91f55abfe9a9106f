"""Checking records against their events, and personal values against the commitments to them.

Source: quality.md §3; docs/ledger.md sections 1 and 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from sqlalchemy import Select, exists, inspect, or_, select
from sqlalchemy.orm import Session

from courses.events import EVENT_FORMAT, commit_fields, differing_members, recorded_time
from courses.ledger import LedgerError
from lms.services.ledger_checks import (
    RAW_PAYLOAD,
    ROWS_AT_A_TIME,
    AnyRow,
    LedgerProblem,
    ProblemCode,
    Problems,
    fix_snapshot,
)
from lms.store.ledger import LedgerEvent
from lms.store.openings import RecordOpening
from lms.store.organisations import Organisation
from lms.store.people import PERSONAL_FIELDS, PersonalOpening, PersonParticulars
from lms.store.records import BLINDING, Record, event_body
from lms.store.schema import Base

_AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What verify_records read and found."""

    records: int
    openings: int
    """Rows of personal values whose commitments were computed again."""
    erased: int
    """Events that commit to values of which no row is there."""
    problem_count: int
    problems: list[LedgerProblem]
    """The first MOST_PROBLEMS_LISTED."""


def verify_records(session: Session, organisation_id: int) -> RecordReport:
    """Check every record against its event, every event for its record, and personal values against commitments.

    Values that were erased are counted and no problem. Needs a session that has read nothing yet, or that verify_ledger has used.
    """
    fix_snapshot(session)
    organisation = session.get_one(Organisation, organisation_id)
    problems = Problems()
    check = _RecordCheck(session, organisation, problems)
    models = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Record)]
    models.sort(key=_table_of)
    for model in models:
        check.compare(model)
    check.name_missing(models)
    openings, opened = _check_openings(session, organisation_id, problems)
    return RecordReport(check.records, openings, max(0, check.committed - opened), problems.count, problems.listed)


def _table_of(model: type[Record]) -> str:
    return str(inspect(model).local_table.name)


class _RecordCheck:
    """Compares records with their events, table by table."""

    def __init__(self, session: Session, organisation: Organisation, problems: Problems) -> None:
        self._session, self._organisation, self._problems = session, organisation, problems
        self.records = self.committed = 0

    def compare(self, model: type[Record]) -> None:
        query = (
            select(model, LedgerEvent.organisation_id.label("owner"), RAW_PAYLOAD)
            .outerjoin(LedgerEvent, LedgerEvent.id == model.event_id)
            .where(model.organisation_id == self._organisation.id)
            .execution_options(populate_existing=True)
        )
        ids = select(model.id).where(model.organisation_id == self._organisation.id).order_by(model.id)
        for portion in _portions(self._session, ids, model.id):
            for record_id, row in self._readable(model, query, portion):
                self.records += 1
                where = f"{_table_of(model)} {record_id}"
                if row is None:
                    self._problems.add(ProblemCode.RECORD_UNREADABLE, where)
                else:
                    self._compare_row(row[0], row.owner, row.payload, where)

    def _readable(
        self, model: type[Record], query: _AnySelect, ids: Sequence[int]
    ) -> Iterator[tuple[int, AnyRow | None]]:
        """Give the rows of a portion; one by one, with None for those that can't be read, when it can't be read whole."""
        try:
            found = self._session.execute(query.where(model.id.in_(ids)).order_by(model.id)).all()
        except (ValueError, TypeError, LookupError):
            if len(ids) == 1:
                yield ids[0], None
                return
            for each in ids:
                yield from self._readable(model, query, [each])
            return
        yield from ((row[0].id, row) for row in found)

    def _compare_row(self, row: Record, owner: int | None, payload: object, where: str) -> None:
        if owner is None:
            self._problems.add(ProblemCode.RECORD_WITHOUT_EVENT, where, row.event_id)
            return
        if owner != self._organisation.id:
            self._problems.add(ProblemCode.EVENT_FOREIGN, where, row.event_id)
            return
        event = _read_event(payload)
        if event is None:
            self._problems.add(ProblemCode.EVENT_UNREADABLE, f"ledger_event {row.event_id}", row.event_id)
            return
        self.committed += bool(_commitments(event))
        for member in differing_members(event, _expected_event(self._organisation.key, row)):
            self._problems.add(ProblemCode.RECORD_CHANGED, where, row.event_id, member)
        if not _is_seal_whole(row):
            self._problems.add(ProblemCode.RECORD_CHANGED, where, row.event_id, ", ".join(sorted(row.unledgered)))

    def name_missing(self, models: Sequence[type[Record]]) -> None:
        """Name the events of which no table has the record."""
        there = (
            exists().where(model.event_id == LedgerEvent.id, model.organisation_id == self._organisation.id)
            for model in models
        )
        query = (
            select(LedgerEvent.id, RAW_PAYLOAD)
            .where(LedgerEvent.organisation_id == self._organisation.id, ~or_(*there))
            .order_by(LedgerEvent.id)
            .execution_options(yield_per=ROWS_AT_A_TIME)
        )
        for event_id, payload in self._session.execute(query):
            event = _read_event(payload) or {}
            named = event.get("record")
            row = f"{named.get('table')} {named.get('id')}" if isinstance(named, dict) else f"ledger_event {event_id}"
            self._problems.add(ProblemCode.RECORD_MISSING, row, event_id)


def _is_seal_whole(row: Record) -> bool:
    try:
        return row.is_seal_whole()
    except (rfc8785.CanonicalizationError, TypeError, AttributeError):
        return False


def _portions(session: Session, ids: _AnySelect, key: Any) -> Iterator[Sequence[int]]:  # noqa: ANN401 - a column
    last = 0
    while portion := session.scalars(ids.where(key > last).limit(500)).all():
        yield portion
        last = portion[-1]


def _read_event(payload: object) -> dict[str, Any] | None:
    try:
        event = json.loads(payload) if isinstance(payload, bytes) else None
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _expected_event(organisation_key: str, row: Record) -> Mapping[str, object]:
    kind, _, actor = row.recorded_by.partition(":")
    return {
        "akashi_event": EVENT_FORMAT,
        "type": row.event_type,
        "organisation": organisation_key,
        "recorded_at": recorded_time(row.recorded_at),
        "actor": {"kind": kind, "id": actor},
        "record": {"table": _table_of(type(row)), "id": row.id},
        "supersedes": getattr(row, "supersedes_id", None),
        "body": event_body(row),
    }


def _commitments(event: Mapping[str, Any]) -> dict[str, object]:
    """Return an event's commitments to values."""
    found = event.get("commitments")
    return {name: each for name, each in found.items() if name != BLINDING} if isinstance(found, dict) else {}


def _check_openings(session: Session, organisation_id: int, problems: Problems) -> tuple[int, int]:
    """Check all openings; return how many there are, and how many of them belong to an event that commits to values."""
    count = opened = 0
    for table, key, event_id, payload, salt, values in _openings(session, organisation_id):
        count += 1
        if payload is None:
            problems.add(ProblemCode.OPENING_CHANGED, f"{table} {key}", event_id, "owner")
            continue
        commitments = _commitments(_read_event(payload) or {})
        opened += bool(commitments)
        for member in _unopened(salt, values, commitments):
            problems.add(ProblemCode.OPENING_CHANGED, f"{table} {key}", event_id, member)
    return count, opened


def _openings(
    session: Session, organisation_id: int
) -> Iterator[tuple[str, int, int | None, object, bytes, Mapping[str, str | None]]]:
    """Yield table, key, event, the event's payload, salt and values of all openings that are there.

    The payload is None where an opening belongs to nothing that was recorded, or to another organisation's record.
    """
    own = PersonalOpening.organisation_id
    of_people = (
        select(PersonalOpening, PersonParticulars.event_id, RAW_PAYLOAD, LedgerEvent.organisation_id.label("owner"))
        .outerjoin(PersonParticulars, PersonParticulars.id == PersonalOpening.particulars_id)
        .outerjoin(LedgerEvent, LedgerEvent.id == PersonParticulars.event_id)
        .where(or_(own == organisation_id, PersonParticulars.organisation_id == organisation_id))
        .execution_options(yield_per=500, populate_existing=True)
    )
    for opening, event_id, payload, owner in session.execute(of_people):
        known = payload if owner == opening.organisation_id else None
        values = {name: getattr(opening, name) for name in PERSONAL_FIELDS}
        yield "personal_opening", opening.particulars_id, event_id, known, opening.salt, values
    of_records = (
        select(RecordOpening, RAW_PAYLOAD, LedgerEvent.organisation_id.label("owner"))
        .outerjoin(LedgerEvent, LedgerEvent.id == RecordOpening.event_id)
        .where(or_(RecordOpening.organisation_id == organisation_id, LedgerEvent.organisation_id == organisation_id))
        .execution_options(yield_per=500, populate_existing=True)
    )
    for row, payload, owner in session.execute(of_records):
        known = payload if owner == row.organisation_id else None
        yield "record_opening", row.event_id, row.event_id, known, row.salt, row.entries


def _unopened(salt: bytes, values: Mapping[str, str | None], commitments: Mapping[str, object]) -> list[str]:
    """Name the fields that do not open their commitments; `salt` when none does."""
    try:
        expected = commit_fields(salt, values)
    except (LedgerError, TypeError, AttributeError):
        return ["salt"]
    changed = [name for name in sorted({*expected, *commitments}) if expected.get(name) != commitments.get(name)]
    return ["salt"] if len(changed) >= len(expected) else changed
