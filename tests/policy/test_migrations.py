"""Migrations go up, down, and up again with data, on both databases; the append-only triggers stand after each."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from lms.services.organisations import add_organisation, add_units
from lms.store.base import Database
from lms.store.migrations import FOLDER, BrokenReferencesError, _run, migrate, schema_differences, unmigrate
from lms.store.records import drop_append_only_ddl, record_tables
from lms.store.revisions import SchemaBehindError, check_schema, current_revision, newest_revision
from lms.store.schema import Base
from tests.conftest import NOW
from tests.postgresql_server import Cluster
from tests.web.conftest import BOTH_DATABASES

Rows = dict[str, list[tuple[Any, ...]]]


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(FOLDER))
    found.set_main_option("path_separator", "os")
    return found


def revisions() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()][::-1]


REVISIONS = revisions()


@pytest.fixture(params=BOTH_DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'akashi.sqlite'}")
        yield database
        database.close()
        return
    yield from _on_postgresql(request, "template1")


@pytest.fixture(params=BOTH_DATABASES)
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The practice organisation at the newest schema."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("seeded_sqlite"), tmp_path / "akashi.sqlite")
        database = Database(f"sqlite:///{tmp_path / 'akashi.sqlite'}")
        yield database
        database.close()
        return
    yield from _on_postgresql(request, request.getfixturevalue("seeded_postgresql"))


def _on_postgresql(request: pytest.FixtureRequest, template: str) -> Iterator[Database]:
    server: Cluster = request.getfixturevalue("cluster")
    name = f"m{uuid.uuid4().hex}"
    with psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        database = Database(server.url(name))
        yield database
        database.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def rows(database: Database, names: set[str]) -> Rows:
    with database.engine.connect() as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(text(f"SELECT * FROM {name}")))  # noqa: S608 - our own names
            for name in sorted(names)
        }


def triggers(database: Database) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not database.is_sqlite:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
    with database.engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def wanted_triggers(database: Database) -> set[str]:
    endings = ("refuses_update", "refuses_delete") if database.is_sqlite else ("refuses_change",)
    kept = {table.name for table in record_tables(Base)} & tables(database)
    return {f"{name}_{ending}" for name in kept for ending in endings}


def check_sound(database: Database) -> None:
    """At the newest schema: the tables are the models', and the triggers stand."""
    check_schema(database)
    assert schema_differences(database) == []
    assert triggers(database) == wanted_triggers(database) != set()
    with database.engine.connect() as connection:
        checking = config()
        checking.attributes["connection"] = connection
        command.check(checking)


def check_records_refuse_change(database: Database) -> None:
    """Rows that are there can be neither changed nor deleted."""
    for table in record_tables(Base):
        column = next(iter(table.primary_key.columns)).name
        with database.engine.connect() as connection:
            has_rows = connection.execute(text(f"SELECT 1 FROM {table.name} LIMIT 1")).first()  # noqa: S608 - our own names
        if has_rows is None and database.is_sqlite:  # its triggers fire per row
            continue
        for statement in (f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}"):  # noqa: S608 - our own names
            with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
                session.execute(text(statement))


def test_an_empty_database_is_refused_and_then_brought_up(empty: Database) -> None:
    assert current_revision(empty) is None
    with pytest.raises(SchemaBehindError):
        check_schema(empty)
    migrate(empty)
    assert current_revision(empty) == newest_revision() == REVISIONS[-1]
    assert tables(empty) == set(Base.metadata.tables)
    check_sound(empty)


def test_each_step_up_and_down_leaves_the_triggers_standing(empty: Database) -> None:
    for revision in REVISIONS:
        migrate(empty, revision)
        assert triggers(empty) == wanted_triggers(empty) != set()
    for revision in [*REVISIONS[-2::-1], "base"]:
        unmigrate(empty, revision)
        assert triggers(empty) == wanted_triggers(empty)
    assert tables(empty) == set()
    assert triggers(empty) == set()
    migrate(empty)
    check_sound(empty)


def test_a_filled_database_goes_down_and_up_and_keeps_what_older_tables_hold(filled: Database) -> None:
    for revision in [*REVISIONS[-2::-1], "base"]:
        before = rows(filled, tables(filled))
        unmigrate(filled, revision)
        kept = tables(filled)
        below = rows(filled, kept)
        assert {name: len(found) for name, found in below.items()} == {name: len(before[name]) for name in kept}
        migrate(filled)
        check_sound(filled)
        after = rows(filled, kept)
        assert {name: len(found) for name, found in after.items()} == {name: len(before[name]) for name in kept}


def test_a_database_whose_events_hold_answers_is_refused_and_left_as_it_was(filled: Database) -> None:
    unmigrate(filled, "0001")
    with filled.engine.connect() as connection:
        for statement in drop_append_only_ddl(["attempt_result"], connection.dialect.name):
            connection.execute(text(statement))
        old = (
            """[{"question": "q1", "version": "0", "order": [], "answer": {"choice": "b"}, "given": 1, "maximum": 1}]"""
        )
        query = "UPDATE attempt_result SET items = :old WHERE id = (SELECT min(id) FROM attempt_result)"
        connection.execute(text(query), {"old": old})
        connection.commit()
    before = rows(filled, tables(filled))
    with pytest.raises(RuntimeError, match="hold answers"):
        migrate(filled)
    assert current_revision(filled) == "0001"
    assert rows(filled, tables(filled)) == before


def test_the_questions_of_a_paper_survive_the_way_down_and_up(filled: Database) -> None:
    before = rows(filled, {"attempt_result"})
    unmigrate(filled, "0001")
    migrate(filled)
    assert rows(filled, {"attempt_result"}) == before


def test_a_filled_database_taken_down_to_nothing_can_be_filled_again(filled: Database) -> None:
    unmigrate(filled)
    assert tables(filled) == set()
    migrate(filled)
    with filled.transaction() as session:
        organisation = add_organisation(session, "kakuu", "架空大学", "Kakuu University", NOW)
        add_units(session, organisation, [("総務係", "General Affairs")], NOW, "operator:test")
    check_sound(filled)
    check_records_refuse_change(filled)


def test_migrating_again_changes_no_row_and_keeps_the_triggers(filled: Database) -> None:
    before = rows(filled, tables(filled))
    assert before["attempt_result"]
    migrate(filled)
    assert rows(filled, tables(filled)) == before
    check_sound(filled)
    check_records_refuse_change(filled)


def test_a_migration_that_fails_leaves_rows_and_triggers_as_they_were(filled: Database) -> None:
    before = rows(filled, tables(filled))
    with pytest.raises(CommandError):
        migrate(filled, "no-such-revision")
    assert rows(filled, tables(filled)) == before
    check_sound(filled)


def test_triggers_that_somebody_dropped_are_missed_and_come_back_with_the_next_run(filled: Database) -> None:
    [name, *_] = sorted(triggers(filled))
    table = name.partition("_refuses_")[0]
    with filled.engine.connect() as connection:
        connection.execute(text(f"DROP TRIGGER {name}" if filled.is_sqlite else f"DROP TRIGGER {name} ON {table}"))
        connection.commit()
    assert triggers(filled) != wanted_triggers(filled)
    migrate(filled)
    check_sound(filled)


@pytest.mark.parametrize(
    "change", ["ALTER TABLE unit ADD COLUMN colour VARCHAR", "DROP INDEX ix_attempt_identity_id_module_key", "CREATE TABLE stray (id INTEGER)"]
)  # fmt: skip
def test_a_schema_that_is_not_the_models_is_noticed(filled: Database, change: str) -> None:
    with filled.engine.connect() as connection:
        connection.execute(text(change))
        connection.commit()
    assert schema_differences(filled) != []


def test_files_are_named_by_their_revision_in_one_line_of_descent() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert scripts.get_heads() == [REVISIONS[-1]]
    names = sorted(path.name for path in (FOLDER / "versions").glob("*.py"))
    assert [name.partition("_")[0] for name in names] == REVISIONS == sorted(REVISIONS)


def test_a_migration_that_would_leave_rows_pointing_nowhere_is_taken_back_and_references_hold_again(
    seeded_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copyfile(seeded_sqlite, tmp_path / "akashi.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'akashi.sqlite'}")
    with pytest.raises(BrokenReferencesError) as found:
        _run(database, lambda connection: connection.exec_driver_sql("DELETE FROM platform"))
    assert "deployment" in found.value.tables
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM platform")) == 1
    with pytest.raises(DBAPIError), database.transaction() as session:
        session.execute(text("DELETE FROM platform"))
    database.close()
