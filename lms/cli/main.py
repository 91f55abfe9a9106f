"""The ``akashi`` command."""

from __future__ import annotations

import os

import click

from lms.cli.attendance import attendance
from lms.cli.awareness import catalogue, requirement
from lms.cli.context import CommandContext
from lms.cli.database import db
from lms.cli.ledger import ledger
from lms.cli.organisations import organisation, parameters, unit
from lms.cli.people import people
from lms.cli.permissions import grant
from lms.cli.platforms import platform
from lms.cli.worker import worker
from lms.wording.gettext import set_language


@click.group()
@click.option("--language", type=click.Choice(["ja", "en"]), help="Language of what is printed and exported.")
@click.pass_context
def cli(context: click.Context, language: str | None) -> None:
    """Akashi: ISMS training, tests and the evidence that they leave."""
    if context.obj is None:
        context.obj = CommandContext(os.environ)
    set_language(language or ("ja" if os.environ.get("LANG", "").startswith("ja") else "en"))


for command in (
    attendance,
    catalogue,
    db,
    grant,
    ledger,
    organisation,
    parameters,
    people,
    platform,
    requirement,
    unit,
    worker,
):
    cli.add_command(command)
