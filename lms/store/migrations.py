"""Bringing a database to the newest schema.

The migrations lie in the project's ``migrations/`` folder. After each run the append-only triggers are set again:
Alembic's batch mode on SQLite rebuilds tables and drops them. A table that others point at can't be rebuilt while foreign
keys are enforced: there they are checked once, before the commit.

Source: https://www.sqlite.org/lang_altertable.html, section 7 (the twelve steps)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from lms.store.base import Database
from lms.store.records import append_only_ddl, drop_append_only_ddl, record_tables
from lms.store.revisions import FOLDER
from lms.store.schema import Base


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def migrate(database: Database, revision: str = "head") -> None:
    """Bring a database up to a revision, making the folder of a new SQLite file."""
    if database.is_sqlite and database.engine.url.database:
        Path(database.engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    _run(database, lambda connection: command.upgrade(_config(connection), revision))


def unmigrate(database: Database, revision: str = "base") -> None:
    """Take a database down to a revision; what newer tables hold is lost."""
    _run(database, lambda connection: command.downgrade(_config(connection), revision))


class BrokenReferencesError(RuntimeError):
    """A migration would leave rows that point at rows which are not there; it is taken back."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(", ".join(tables))
        self.tables = tables


def _run(database: Database, change: Callable[[Connection], None]) -> None:
    with (
        database.engine.execution_options(akashi_writes=True).connect() as connection,
        _references_unchecked(connection),
    ):
        for statement in drop_append_only_ddl(_existing_record_tables(connection), connection.dialect.name):
            connection.exec_driver_sql(statement)
        change(connection)
        for table in _existing_record_tables(connection):
            for statement in append_only_ddl(table, connection.dialect.name):
                connection.exec_driver_sql(statement)
        _check_references(connection)
        connection.commit()


@contextmanager
def _references_unchecked(connection: Connection) -> Iterator[None]:
    """Let SQLite rebuild tables that others point at: the pragma works outside a transaction alone."""
    raw = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or raw is None:
        yield
        return
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = sorted({str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})
        if broken:
            raise BrokenReferencesError(broken)


def _existing_record_tables(connection: Connection) -> list[str]:
    present = set(inspect(connection).get_table_names())
    return [table.name for table in record_tables(Base) if table.name in present]


def schema_differences(database: Database) -> list[object]:
    """Return what the tables of a migrated database and the models disagree on; empty when all is well."""
    with database.engine.connect() as connection:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
        )


def new_migration(database: Database, message: str, revision: str) -> None:
    """Write a new migration from the difference between the models and a migrated database."""
    with database.engine.connect() as connection:
        command.revision(_config(connection), message=message, rev_id=revision, autogenerate=True)
