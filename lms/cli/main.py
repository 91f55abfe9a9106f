"""The ``akashi`` command."""

from __future__ import annotations

import os

import click
from sqlalchemy.exc import DBAPIError

from lms.cli.accounts import account
from lms.cli.attendance import attendance
from lms.cli.auditors import auditors
from lms.cli.awareness import requirement
from lms.cli.catalogue import catalogue
from lms.cli.context import CommandContext
from lms.cli.database import db
from lms.cli.doctor import doctor
from lms.cli.evidence import evidence
from lms.cli.keys import keys
from lms.cli.ledger import ledger
from lms.cli.ledger_proofs import check, consistency, prove
from lms.cli.organisations import organisation, parameters, unit
from lms.cli.people import people
from lms.cli.permissions import grant
from lms.cli.platforms import platform
from lms.cli.pledges import pledge
from lms.cli.pool import pool
from lms.cli.restores import restore
from lms.cli.roles import role
from lms.cli.worker import worker
from lms.config import BadSettingError
from lms.store.base import UnsafeDatabaseError
from lms.store.key_files import KeyFileFault
from lms.store.revisions import SchemaBehindError
from lms.wording.gettext import _, set_language
from lms.wording.keys import key_fault_sentence


class ExplainedGroup(click.Group):
    """A group of commands that says in a sentence what is wrong with the installation."""

    def invoke(self, context: click.Context) -> object:
        """Run the command.

        Raises:
            click.ClickException: a setting, the schema or the database is not as it must be.
        """
        try:
            return super().invoke(context)
        except BadSettingError as bad:
            raise click.ClickException(f"{bad.name}: {bad.wanted}") from None
        except SchemaBehindError:
            raise click.ClickException(
                _("The database is not at this version's schema. Run: akashi db migrate")
            ) from None
        except KeyFileFault as fault:
            raise click.ClickException(key_fault_sentence(type(fault).__name__, fault.name)) from None
        except (UnsafeDatabaseError, DBAPIError, OSError) as fault:
            reason = fault.orig if isinstance(fault, DBAPIError) else fault
            raise click.ClickException(_("The database can't be used: %(reason)s", reason=reason)) from None


@click.group(cls=ExplainedGroup)
@click.option("--language", type=click.Choice(["ja", "en"]), help="Language of what is printed and exported.")
@click.pass_context
def cli(context: click.Context, language: str | None) -> None:
    """Akashi: ISMS training, tests and the evidence that they leave."""
    if context.obj is None:
        context.obj = CommandContext(os.environ)
    set_language(language or ("ja" if os.environ.get("LANG", "").startswith("ja") else "en"))


for command in (
    account,
    attendance,
    auditors,
    catalogue,
    db,
    doctor,
    evidence,
    grant,
    keys,
    ledger,
    organisation,
    parameters,
    people,
    platform,
    pool,
    pledge,
    requirement,
    role,
    restore,
    unit,
    worker,
):
    cli.add_command(command)
for command in (prove, consistency, check):
    ledger.add_command(command)
