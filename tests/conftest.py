"""Fixtures that every floor's tests share: both databases, migrated once and copied for each test."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.orm import Session

from lms.store.base import Database
from lms.store.migrations import migrate
from lms.store.organisations import Organisation
from tests.postgresql_server import Cluster, find_binaries

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""23 November 2026, 12:00 JST."""


def is_required() -> bool:
    """Tell whether a missing server or browser is a failure (CI) rather than a skip."""
    return os.environ.get("AKASHI_TEST_ALL") == "1"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "akashi.sqlite"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if find_binaries() is None:
        if is_required():
            pytest.fail("PostgreSQL's programs are missing: apt-get install postgresql")
        pytest.skip("PostgreSQL's programs are missing: apt-get install postgresql")
    server = Cluster()
    try:
        with psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_akashi")
        database = Database(server.url("template_akashi"))
        migrate(database)
        database.close()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a fresh, migrated database, once per kind of database."""
    if request.param == "sqlite":
        path = tmp_path / "akashi.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Cluster = request.getfixturevalue("cluster")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_akashi")
        yield server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def organisation(database: Database) -> Organisation:
    """A fictional organisation, recorded and nothing else."""
    with database.transaction() as session:
        row = Organisation(
            key="kakuu", name_ja="架空大学情報基盤センター", name_en="Kakuu University IT Centre", created_at=NOW
        )
        session.add(row)
        session.flush()
        return row


@pytest.fixture
def session(database: Database, organisation: Organisation) -> Iterator[Session]:
    """One writing transaction, rolled back at the end."""
    with Session(database.engine.execution_options(akashi_writes=True), expire_on_commit=False) as opened:
        yield opened
        opened.rollback()
