"""``akashi db``: bringing the database to this version's schema."""

from __future__ import annotations

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
    migrate(database)
    click.echo(_("The database is at revision %(revision)s.", revision=current_revision(database)))
