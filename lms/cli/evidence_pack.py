"""``akashi evidence pack``: the evidence of an organisation and a period in one ZIP that proves itself."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, Period, PeriodOrderError, UnknownFiscalYearError, jst_date
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.jobs.evidence import prepare_pack_key
from lms.reports.documents import UnprintableCharacterError
from lms.reports.evidence.pack import MissingEventsError, UnsoundPackError
from lms.services.audit import note
from lms.services.evidence.pack import MadePack, NoCheckpointError, make_pack, newest_known_at
from lms.services.evidence.source import PackPeriodError, PackQuestion
from lms.services.moments import UnknownTreeSizeError
from lms.services.organisations import find_organisation_or_only
from lms.services.pack_keys import PackKeyNotIntroducedError
from lms.store.key_files import KeyFileFault
from lms.store.organisations import Organisation
from lms.wording.gettext import _, ngettext
from lms.wording.keys import key_fault_sentence

REFUSALS = (
    UnknownFiscalYearError,
    UnknownTreeSizeError,
    PackPeriodError,
    PeriodOrderError,
    NoCheckpointError,
    PackKeyNotIntroducedError,
    KeyFileFault,
    UnprintableCharacterError,
    MissingEventsError,
    UnsoundPackError,
)


@click.command("pack")
@click.option("--year", help="Fiscal year, for example 2026.")
@click.option("--from", "start", type=DAY, help="First day of the period, in place of --year.")
@click.option("--to", "end", type=DAY, help="First day after the period.")
@click.option("--as-of", type=DAY, help="The end of this day in JST; today if left out.")
@click.option("--known-at", type=click.IntRange(min=1), help="Size of the ledger; the newest checkpoint's if left out.")
@click.option("--named", is_flag=True, help="Name people; without it they stand under pseudonyms.")
@click.option(
    "--names", is_flag=True, help="Write who is who beside the pack, as OUT.names.csv, readable by you alone."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@ORGANISATION_OPTION
@click.pass_obj
def pack(context: CommandContext, /, key: str | None, out: Path, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Write the evidence of an organisation and a period as one ZIP, whole or not at all.

    Its summary and the page on how to verify it are in Japanese and in English. Nothing in it depends on when it is made: the
    same ledger, erasures, version and keys give the same bytes.
    """
    now, by = context.now(), f"operator:{context.operator}"
    try:
        period = _period(options["year"], options["start"], options["end"])
        with explained(), context.database.reading() as session:
            organisation = find_organisation_or_only(session, key)
        prepare_pack_key(context.database, context.settings, organisation, now, by)
        with context.database.reading() as session:
            question = _question(session, organisation, period, now, options)
            names = out.with_name(f"{out.name}.names.csv") if options["names"] else None
            made = make_pack(session, question, context.settings.keys, out, names=names, progress=_show)
    except REFUSALS as refused:
        with context.database.transaction() as session:
            note(session, "evidence.pack_refused", by, now, None, code=type(refused).__name__)
        raise click.ClickException(refusal_sentence(refused)) from None
    except OSError as error:
        raise click.ClickException(_("The file can't be written: %(reason)s", reason=error.strerror)) from None
    with context.database.transaction() as session:
        note_pack(session, organisation, question, made, (by, now))
    _report(made)


def _period(year: str | None, start: datetime | None, end: datetime | None) -> Period:
    if year is not None and start is None and end is None:
        return FiscalYear.parse(year).period
    if year is None and start is not None and end is not None:
        return Period(start.date(), end.date())
    raise click.UsageError(_("Give either --year, or --from and --to."))


def _question(
    session: Session, organisation: Organisation, period: Period, now: datetime, options: dict[str, Any]
) -> PackQuestion:
    as_of: datetime | None = options["as_of"]
    known_at = options["known_at"] or newest_known_at(session, organisation.id)
    day: date = as_of.date() if as_of else jst_date(now)
    return PackQuestion(organisation, period, day, known_at, is_named=options["named"])


def note_pack(
    session: Session, organisation: Organisation, question: PackQuestion, made: MadePack, by: tuple[str, datetime]
) -> None:
    """Append the audit event of a pack that was made."""
    actor, now = by
    note(
        session,
        "evidence.pack_made",
        actor,
        now,
        organisation.id,
        period_from=question.period.start.isoformat(),
        period_to=question.end.isoformat(),
        as_of=question.as_of.isoformat(),
        known_at=question.known_at,
        named=question.is_named,
        manifest=made.manifest_sha256,
    )


def _show(step: str, done: int, steps: int) -> None:
    click.echo(f"  {done:2}/{steps}  {step}", err=True)


def _report(made: MadePack) -> None:
    click.echo(
        ngettext(
            "%(count)s row in %(file)s (%(size)s bytes)",
            "%(count)s rows in %(file)s (%(size)s bytes)",
            made.rows,
            file=made.path,
            size=made.size,
        )
    )
    click.echo(_("SHA-256 of its manifest: %(digest)s", digest=made.manifest_sha256))
    if made.pending:
        click.echo(
            ngettext(
                "%(count)s event has no place in the ledger yet, and is not in the pack.",
                "%(count)s events have no place in the ledger yet, and are not in the pack.",
                made.pending,
            ),
            err=True,
        )


def refusal_sentence(refused: Exception) -> str:
    """Return what is wrong, and what to do about it."""
    if isinstance(refused, UnknownTreeSizeError):
        return _("The ledger never had this size; its largest is %(largest)s.", largest=refused.largest)
    if isinstance(refused, PackPeriodError | PeriodOrderError):
        return _("The period must hold a day, and the as-of date must not lie before it.")
    if isinstance(refused, KeyFileFault):
        return key_fault_sentence(type(refused).__name__, refused.name)
    if isinstance(refused, NoCheckpointError | PackKeyNotIntroducedError):
        return _("Nothing has a place in the ledger yet. Let the worker run, then try again.")
    if isinstance(refused, MissingEventsError | UnsoundPackError):
        return _(
            "The tables and the ledger contradict each other: %(where)s. Run `akashi ledger verify`.",
            where=_where(refused),
        )
    if isinstance(refused, UnprintableCharacterError):
        return _("The summary's font lacks a character: %(characters)s", characters=" ".join(refused.characters))
    return _("There is no such fiscal year. Please give a year in four digits, for example 2026.")


def _where(refused: MissingEventsError | UnsoundPackError) -> str:
    if isinstance(refused, MissingEventsError):
        return ", ".join(refused.evidence_ids[:5])
    return "; ".join(f"{finding.code} {finding.where}" for finding in refused.findings[:5])
