"""The database: one Base, aware UTC times, and the two ways in - reading, and one short writing transaction.

SQLite is opened through pysqlite3 (a current build: older ones can lose commits), in WAL mode with synchronous FULL, and
is written under a file lock taken before ``BEGIN IMMEDIATE``. PostgreSQL is refused with fsync off.

Rows belong to organisations. A session of somebody's request keeps to that person's organisation (`OwnedSession.keep_to`);
the steps before a session exists, the worker and the commands see all of them.

Source: quality.md §2 (measured), architecture.md §5; https://www.sqlite.org/wal.html#walresetbug
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import pysqlite3.dbapi2
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    literal_column,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, LoaderCriteriaOption, ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.types import TypeDecorator

OLDEST_SAFE_SQLITE = (3, 51, 3)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""Key type: 64 bits; on SQLite an INTEGER, which alone becomes the row id."""


class UnsafeDatabaseError(RuntimeError):
    """The database would acknowledge what a crash can take back; the tool refuses to start on it."""

    def __init__(self, what: str, found: str, wanted: str) -> None:
        super().__init__(f"{what} is {found}, wanted: {wanted}")
        self.what = what
        self.found = found
        self.wanted = wanted


class UtcDateTime(TypeDecorator[datetime]):
    """An aware point in time, stored in UTC; a naive one is refused at the door."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(value)
        as_utc = value.astimezone(UTC)
        return as_utc.replace(tzinfo=None) if dialect.name == "sqlite" else as_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


class _OwnColumn:
    """Stands in for each table's own column while SQLAlchemy looks at `own_rows`."""

    def __get__(self, _row: object, _owner: type) -> ColumnElement[int]:
        return literal_column("organisation_id")


class Owned:
    """A table whose rows belong to an organisation each, in their column ``organisation_id``."""

    if TYPE_CHECKING:
        organisation_id: Any
    else:
        organisation_id = _OwnColumn()


ALL_OWNERS: dict[str, Any] = {"akashi_all_owners": True}
"""Execution options of a statement that looks beyond one organisation on purpose."""


class ForeignOwnerError(RuntimeError):
    """A session that keeps to one organisation was to write a row of another."""


class OwnedSession(Session):
    """A session that can keep to one organisation: it finds, changes and adds rows of no other."""

    def keep_to(self, organisation_id: int) -> None:
        """Keep to an organisation from now on, whatever a statement asks for."""
        self.info["owner"] = organisation_id


@lru_cache(maxsize=1024)
def own_rows(organisation_id: int) -> LoaderCriteriaOption:
    """Return what narrows every table of a statement to an organisation's rows, aliases and subqueries too."""
    return with_loader_criteria(
        Owned, lambda table: table.organisation_id == organisation_id, include_aliases=True, propagate_to_loaders=False
    )


@event.listens_for(OwnedSession, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    owner = state.session.info.get("owner")
    if owner is None or state.is_column_load or state.is_relationship_load:
        return
    if state.is_insert:
        given = state.parameters or {}
        rows = [given] if isinstance(given, Mapping) else given
        if any(row.get("organisation_id", owner) not in {owner, None} for row in rows):
            raise ForeignOwnerError
    elif not state.execution_options.get("akashi_all_owners", False):
        state.statement = state.statement.options(own_rows(owner))


@event.listens_for(OwnedSession, "before_flush")
def _check_owner(session: Session, _context: Any, _instances: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    owner = session.info.get("owner")
    if owner is not None:
        for row in (*session.new, *session.dirty):
            if isinstance(row, Owned) and row.organisation_id not in {owner, None}:
                raise ForeignOwnerError(type(row).__name__)


class Database:
    """One database and the two ways into it."""

    def __init__(self, url: str) -> None:
        """Open lazily; nothing is connected before the first use."""
        self.url = url
        self.is_sqlite = url.startswith("sqlite:")
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._writing_engine = self.engine.execution_options(akashi_writes=True)
        path = self.engine.url.database
        self._lock_path = f"{path}.lock" if self.is_sqlite and path else None

    @contextmanager
    def reading(self) -> Iterator[OwnedSession]:
        """Open a session for reading one consistent state; what it changes is never written."""
        with OwnedSession(self.engine, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[OwnedSession]:
        """Open the one short transaction that writes: committed at the end, rolled back on any error.

        On SQLite it waits for the other writers at a file lock; keep it to about a millisecond, and no network in it.
        """
        with self._write_lock(), OwnedSession(self._writing_engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        if self._lock_path is None:
            yield
            return
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    version = tuple(int(part) for part in pysqlite3.dbapi2.sqlite_version.split("."))
    if version < OLDEST_SAFE_SQLITE:
        raise UnsafeDatabaseError("SQLite", pysqlite3.dbapi2.sqlite_version, ">= 3.51.3")
    engine = create_engine(
        url,
        module=pysqlite3.dbapi2,
        connect_args={"timeout": 10, "check_same_thread": False},
        hide_parameters=True,  # a failing statement's values are people's: they stay out of the log
    )
    event.listen(engine, "do_connect", _make_sqlite_file)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_on_sqlite)
    return engine


def _make_sqlite_file(_dialect: Dialect, _record: Any, arguments: list[Any], _options: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    """Make a missing file readable for the service account alone: it will hold people's records."""
    with suppress(FileNotFoundError):  # no such folder: SQLite says so itself
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None  # BEGIN is ours
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    for name, wanted in (("journal_mode", "wal"), ("synchronous", 2)):
        found = cursor.execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            raise UnsafeDatabaseError(f"SQLite {name}", str(found), str(wanted))
    cursor.close()


def _begin_on_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("akashi_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=10, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def check(connection: Any, _record: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        with connection.cursor() as cursor:
            for name in ("fsync", "synchronous_commit"):
                found = cursor.execute(f"SHOW {name}").fetchone()[0]
                if found == "off":
                    raise UnsafeDatabaseError(f"PostgreSQL {name}", found, "on")
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    return engine
