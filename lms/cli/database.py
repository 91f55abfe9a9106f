"""``akashi db``: bringing the database to this version's schema."""

from __future__ import annotations

from pathlib import Path

import click

from lms.cli.context import CommandContext
from lms.store.migrations import migrate
from lms.store.revisions import current_revision
from lms.wording.gettext import _


@click.group("db")
def db() -> None:
    """Bring the database to the schema that this version needs."""


@db.command("migrate")
@click.pass_obj
def migrate_database(context: CommandContext) -> None:
    """Bring the database to the newest schema; a new SQLite file is made."""
    database = context.unchecked_database
    if database.is_sqlite and database.engine.url.database:
        path = Path(database.engine.url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # people's records: for the service account alone
    before = current_revision(database)
    migrate(database)
    after = current_revision(database)
    if before == after:
        click.echo(_("The database is at revision %(revision)s already.", revision=after))
    else:
        click.echo(_("The database is now at revision %(revision)s.", revision=after))
