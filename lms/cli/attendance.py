"""``akashi attendance``: the register of attendance as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from courses.calendar import FiscalYear, UnknownFiscalYearError, jst_date
from courses.requirements import State
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.reports.tables import UncodableCharacterError
from lms.services.attendance import AttendanceFilter
from lms.services.attendance_export import ExportRequest, export_attendance
from lms.services.audit import note
from lms.services.moments import UnknownTreeSizeError
from lms.services.organisations import find_organisation_or_only
from lms.store.records import Moment
from lms.wording.gettext import _, ngettext


@click.group("attendance")
def attendance() -> None:
    """The register of attendance."""


@attendance.command("export")
@click.option("--year", required=True, help="Fiscal year, for example 2026.")
@click.option("--as-of", type=DAY, help="The end of this day in JST; today if left out.")
@click.option("--known-at", type=click.IntRange(min=0), help="Size of the ledger; everything recorded if left out.")
@click.option("--format", "file_format", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option("--encoding", type=click.Choice(["utf-8-sig", "cp932"]), default="utf-8-sig", show_default=True)
@click.option("--state", type=click.Choice([each.value for each in State]), help="Only obligations in this state.")
@click.option("--unit", help="Only people of this unit.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@ORGANISATION_OPTION
@click.pass_obj
def export(context: CommandContext, /, key: str | None, out: Path, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Export one row per person in scope and obligation of a fiscal year."""
    now = context.now()
    try:
        wanted = _request(now, **options)
        with explained(), context.database.reading() as session:
            organisation = find_organisation_or_only(session, key)
            register = export_attendance(session, organisation, wanted, out)
    except (UnknownFiscalYearError, UnknownTreeSizeError, UncodableCharacterError) as refused:
        with context.database.transaction() as session:
            note(session, "export.refused", f"operator:{context.operator}", now, None, code=type(refused).__name__)
        raise click.ClickException(_refusal(refused)) from None
    except OSError as error:
        raise click.ClickException(_("The file can't be written: %(reason)s", reason=error.strerror)) from None
    click.echo(ngettext("%(count)s row in %(file)s", "%(count)s rows in %(file)s", len(register.rows), file=out))


def _request(now: datetime, **options: Any) -> ExportRequest:  # noqa: ANN401 - click's own
    as_of: datetime | None = options["as_of"]
    return ExportRequest(
        FiscalYear.parse(options["year"]),
        Moment(as_of.date() if as_of else jst_date(now), options["known_at"]),
        AttendanceFilter(unit=options["unit"], state=State(options["state"]) if options["state"] else None),
        options["file_format"],
        options["encoding"],
    )


def _refusal(refused: Exception) -> str:
    if isinstance(refused, UnknownTreeSizeError):
        return _("The ledger never had this size; its largest is %(largest)s.", largest=refused.largest)
    if isinstance(refused, UncodableCharacterError):
        return _(
            "CP932 lacks the character “%(character)s” (row %(row)s, column %(column)s). Export as UTF-8 or XLSX.",
            character=refused.character,
            row=refused.row,
            column=refused.column,
        )
    return _("There is no such fiscal year. Please give a year in four digits, for example 2026.")
