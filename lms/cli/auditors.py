"""``akashi auditors``: the register of auditors, and their pool, as of a date and as known then."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.programme.model import PoolError
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.cli.pool import analysed, pool_document, print_analysis
from lms.services.auditor_export import auditor_row
from lms.services.auditor_register import auditor_register
from lms.services.auditors import open_book
from lms.services.moments import UnknownTreeSizeError, check_known_at
from lms.services.organisations import find_organisation_or_only
from lms.services.pool_documents import pool_input
from lms.services.pools import PoolQuestion, auditor_id, build_pool
from lms.store.records import Moment
from lms.wording.auditors import check_sentence, qualification_label
from lms.wording.gettext import _

AS_OF = click.option("--as-of", type=DAY, help="The end of this day in JST; today if left out.")
KNOWN_AT = click.option(
    "--known-at", type=click.IntRange(min=0), help="Size of the ledger; everything recorded if left out."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@click.group("auditors")
def auditors() -> None:
    """Internal auditors."""


@auditors.command("list")
@AS_OF
@KNOWN_AT
@AS_JSON
@ORGANISATION_OPTION
@click.pass_obj
def list_auditors(
    context: CommandContext, as_of: datetime | None, known_at: int | None, as_json: bool, key: str | None
) -> None:
    """List the auditors with their names in the pool, their status and what is lacking."""
    moment = _moment(context, as_of, known_at)
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        _check(session, organisation.id, moment.known_at)
        rows = auditor_register(session, organisation.id, moment)
    if as_json:
        found = [{"id": auditor_id(each.person_id), **auditor_row(each)._asdict()} for each in rows]
        click.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
        return
    for each in rows:
        row = auditor_row(each)
        lacking = "; ".join(check_sentence(check) for check in each.qualification.shortcomings)
        click.echo(f"{auditor_id(each.person_id)}  {row.staff_number}  {row.name}  {qualification_label(row.status)}  {lacking}".rstrip())  # fmt: skip


@auditors.command("pool")
@AS_OF
@KNOWN_AT
@AS_JSON
@click.option("--look-back", type=click.IntRange(0, 120), help="Months of look-back; as the policy says if left out.")
@click.option("--train", type=click.IntRange(0, 20), default=1, show_default=True, help="How many can be trained.")
@click.option(
    "--input-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the pool as a file that “akashi pool analyse” reads.",
)
@ORGANISATION_OPTION
@click.pass_obj
def analyse_pool(
    context: CommandContext,
    /,
    key: str | None,
    input_out: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    """Analyse the pool of auditors, as “akashi pool analyse” does a file."""
    moment = _moment(context, options["as_of"], options["known_at"])
    question = PoolQuestion(moment.as_of, look_back=options["look_back"], train=options["train"])
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        _check(session, organisation.id, moment.known_at)
        book = open_book(session, organisation.id, moment)
    try:
        given = build_pool(book, question)
    except PoolError:
        raise click.ClickException(_("No audited area is defined on this day.")) from None
    if input_out is not None:
        try:
            input_out.write_text(json.dumps(pool_input(given), ensure_ascii=False, indent=2) + "\n", "utf-8")
        except OSError as error:
            raise click.ClickException(_("The file can't be written: %(reason)s", reason=error.strerror)) from None
    analysis = analysed(given)
    if as_json:
        click.echo(json.dumps(pool_document(given, analysis), ensure_ascii=False, indent=2))
    else:
        print_analysis(given, analysis)


def _moment(context: CommandContext, as_of: datetime | None, known_at: int | None) -> Moment:
    return Moment(as_of.date() if as_of else jst_date(context.now()), known_at)


def _check(session: Session, organisation_id: int, known_at: int | None) -> None:
    try:
        check_known_at(session, organisation_id, known_at)
    except UnknownTreeSizeError as refused:
        raise click.ClickException(
            _("The ledger never had this size; its largest is %(largest)s.", largest=refused.largest)
        ) from None
