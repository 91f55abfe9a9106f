"""Which schema a database is at, and which one this version needs; Alembic is not loaded for it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from lms.store.base import Database

FOLDER = Path(__file__).resolve().parents[2] / "migrations"


class SchemaBehindError(RuntimeError):
    """The database is not at the schema that this version of the tool needs: run ``akashi db migrate``."""

    def __init__(self, found: str | None, wanted: str) -> None:
        super().__init__(f"{found} != {wanted}")
        self.found = found
        self.wanted = wanted


def newest_revision() -> str:
    """Return the revision that this version of the tool needs: files are named by their revision, ``0001_….py``."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """Return the revision of a database; None for an empty one."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def check_schema(database: Database) -> None:
    """Refuse a database that is not at this version's schema.

    Raises:
        SchemaBehindError: it is at another revision.
    """
    found = current_revision(database)
    if found != newest_revision():
        raise SchemaBehindError(found, newest_revision())
