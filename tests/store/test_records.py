"""Records are insert-only, each with its ledger event, and answer as of a date and as known at a size of the tree."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from lms.store.base import Database
from lms.store.ledger import LedgerEvent, LedgerPending
from lms.store.migrations import schema_differences
from lms.store.organisations import Organisation, Unit, units_of
from lms.store.records import record, record_tables
from lms.store.schema import Base


def test_a_record_is_written_with_its_event(database: Database, organisation: Organisation, now: datetime) -> None:
    with database.transaction() as session:
        units = [
            Unit(name_ja=f"架空第{n}係", name_en=f"Section {n}", recorded_at=now, recorded_by="operator:test")
            for n in (1, 2)
        ]
        record(session, organisation, *units)
    with database.reading() as session:
        rows = units_of(session, organisation.id)
        events = {row.id: session.get_one(LedgerEvent, row.event_id) for row in rows}
        assert session.scalars(select(LedgerPending.event_id)).all() == [row.event_id for row in rows]
    for row in rows:
        payload = json.loads(events[row.id].payload)
        assert payload["type"] == "unit.added"
        assert payload["record"] == {"table": "unit", "id": row.id}
        assert payload["body"] == {"name_ja": row.name_ja, "name_en": row.name_en, "parent_id": None}


def test_a_failed_transaction_leaves_neither_row_nor_event(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(RuntimeError), database.transaction() as session:
        record(session, organisation, Unit(name_ja="x", name_en="x", recorded_at=now, recorded_by="operator:test"))
        raise RuntimeError
    with database.reading() as session:
        assert units_of(session, organisation.id) == []
        assert session.scalars(select(LedgerEvent)).all() == []


@pytest.mark.parametrize("table", [table.name for table in record_tables(Base)])
@pytest.mark.parametrize("verb", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}"])
def test_records_refuse_update_and_delete(
    database: Database, organisation: Organisation, table: str, verb: str
) -> None:
    column = next(iter(Base.metadata.tables[table].primary_key.columns)).name
    with database.transaction() as session:
        if database.is_sqlite:  # its triggers fire per row: look at the trigger itself
            names = session.scalars(
                text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name=:t"), {"t": table}
            )
            assert set(names) == {f"{table}_refuses_update", f"{table}_refuses_delete"}
            return
        with pytest.raises(DBAPIError, match="append-only"):
            session.execute(text(verb.format(table=table, column=column)))
        session.rollback()


def test_a_kept_row_can_be_neither_changed_nor_deleted(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        record(session, organisation, Unit(name_ja="架空係", name_en="U", recorded_at=now, recorded_by="operator:test"))
    for statement in ("UPDATE unit SET name_en = 'V'", "DELETE FROM unit", "DELETE FROM ledger_event"):
        with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(text(statement))
    with database.reading() as session:
        assert [unit.name_en for unit in units_of(session, organisation.id)] == ["U"]


def test_the_migrated_tables_are_those_of_the_models(database: Database) -> None:
    assert schema_differences(database) == []
