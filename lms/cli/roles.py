"""``akashi role``: appointing, ending, listing, and the chart as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.roles import EndKind, IsmsRole
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, actor, explained
from lms.services.moments import UnknownTreeSizeError, check_known_at
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.roles import (
    AppointmentRefused,
    Ending,
    EndingRefused,
    NewAppointment,
    Recorder,
    UnknownAppointmentError,
    appoint,
    end_appointment,
    examine,
)
from lms.services.roles_documents import draw_chart_pdf, draw_chart_svg
from lms.services.roles_register import roles_register
from lms.store.organisations import Organisation, units_of
from lms.store.records import Moment
from lms.wording.gettext import _, current_language
from lms.wording.permissions import role_label
from lms.wording.roles import ending_sentence, problem_sentence, standing_label, term_label

AS_OF = click.option("--as-of", type=DAY, help="The end of this day in JST; today if left out.")
KNOWN_AT = click.option("--known-at", type=click.IntRange(min=0), help="Size of the ledger; everything if left out.")


@click.group("role")
def role() -> None:
    """ISMS roles: appointments and the organisation chart."""


@role.command("appoint")
@click.argument("isms_role", type=click.Choice([each.value for each in IsmsRole]))
@click.argument("staff_number")
@click.option("--from", "first_day", type=DAY, required=True, help="First day of the term.")
@click.option("--to", "last_day", type=DAY, help="Last day of the term; until further notice if left out.")
@click.option("--letter", required=True, help="Number of the letter of appointment.")
@click.option("--appointed-on", type=DAY, help="Date of appointment; the first day if left out.")
@click.option("--appointer", required=True, help="Office that appoints.")
@click.option("--seat", help="Key of the seat.")
@click.option("--unit", help="Japanese name of the unit, for a role that belongs to one.")
@click.option("--check", "is_checked", is_flag=True, help="Only say what stands against it; record nothing.")
@ORGANISATION_OPTION
@click.pass_obj
def appoint_one(context: CommandContext, /, key: str | None, is_checked: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Appoint the person with STAFF_NUMBER to ISMS_ROLE."""
    now = context.now()
    with _refusals(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        wanted = _wanted(session, organisation, options)
        found = examine(session, organisation, wanted, None)
        for problem in found.problems:
            if is_checked or not problem.is_refusal:
                click.echo(f"! {problem_sentence(problem)}", err=True)
        for each in found.competence:
            if not each.is_met:
                click.echo("! " + _("Competence lacking: %(name)s", name=each.required.competence), err=True)
        if is_checked:
            if found.is_refused:
                raise SystemExit(1)
            click.echo(_("Nothing was recorded. To record it, repeat without --check."))
            return
        row = appoint(session, organisation, wanted, Recorder(actor(context), now))
        appointment_id = row.id
    click.echo(
        _(
            "Appointed: %(role)s, staff number %(number)s, %(term)s. Appointment %(id)s.",
            role=role_label(wanted.isms_role.value),
            number=options["staff_number"],
            term=term_label(wanted.first_day, wanted.last_day),
            id=appointment_id,
        )
    )


def _wanted(session: Session, organisation: Organisation, options: dict[str, Any]) -> NewAppointment:
    first_day: date = options["first_day"].date()
    person_id = find_person(session, organisation.id, options["staff_number"], first_day)
    if person_id is None:
        raise click.ClickException(
            _(
                "Nobody on the staff list has the staff number “%(number)s” on %(day)s. Nothing was changed.",
                number=options["staff_number"],
                day=first_day.isoformat(),
            )
        )
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    if options["unit"] and options["unit"] not in units:
        raise click.ClickException(_("There is no unit %(unit)s. Nothing was changed.", unit=options["unit"]))
    last_day: datetime | None = options["last_day"]
    appointed_on: datetime | None = options["appointed_on"]
    return NewAppointment(
        person_id=person_id,
        isms_role=IsmsRole(options["isms_role"]),
        first_day=first_day,
        last_day=last_day.date() if last_day else None,
        letter_number=options["letter"],
        appointed_on=appointed_on.date() if appointed_on else first_day,
        appointer=options["appointer"],
        seat_key=options["seat"],
        unit_id=units.get(options["unit"]),
    )


@role.command("end")
@click.argument("appointment_id", type=click.IntRange(min=1))
@click.option("--kind", type=click.Choice([each.value for each in EndKind]), required=True)
@click.option("--last-day", type=DAY, required=True, help="Last day in the role; it still belongs to it.")
@click.option("--letter", required=True, help="Number of the letter that ends it.")
@click.option("--reason", required=True)
@ORGANISATION_OPTION
@click.pass_obj
def end(context: CommandContext, /, key: str | None, appointment_id: int, **options: Any) -> None:  # noqa: ANN401 - click's own
    """End the appointment APPOINTMENT_ID, as ``akashi role list`` numbers it, before its term."""
    ending = Ending(EndKind(options["kind"]), options["last_day"].date(), options["letter"], options["reason"])
    with _refusals(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        row = end_appointment(session, organisation, appointment_id, ending, Recorder(actor(context), context.now()))
        facts = {"role": role_label(row.isms_role), "day": ending.last_day.isoformat(), "id": row.id}
    click.echo(_("Ended: %(role)s, last day %(day)s. Appointment %(id)s.", **facts))


@role.command("list")
@AS_OF
@KNOWN_AT
@click.option("--all", "is_all", is_flag=True, help="Those that are over or to come too.")
@ORGANISATION_OPTION
@click.pass_obj
def list_appointments(
    context: CommandContext, as_of: datetime | None, known_at: int | None, is_all: bool, key: str | None
) -> None:
    """List appointments: number, staff number, role, seat, term, letter, standing, acknowledged."""
    with _refusals(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        moment = _moment(session, organisation, context, as_of, known_at)
        rows = roles_register(session, organisation.id, moment, current_language())
    for row in rows:
        if is_all or row.standing == "in_force":
            cells = (
                str(row.appointment_id),
                row.staff_number,
                role_label(row.isms_role),
                row.seat or "-",
                term_label(row.first_day, row.last_day),
                row.letter_number,
                standing_label(row.standing),
                _("acknowledged") if row.acknowledged_at else _("not acknowledged"),
            )
            click.echo("\t".join(cells))


@role.command("chart")
@AS_OF
@KNOWN_AT
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="FILE.svg or FILE.pdf.")
@ORGANISATION_OPTION
@click.pass_obj
def chart(context: CommandContext, as_of: datetime | None, known_at: int | None, out: Path, key: str | None) -> None:
    """Draw the organisation chart of a date."""
    if out.suffix.lower() not in {".svg", ".pdf"}:
        raise click.ClickException(_("The file's name must end in .svg or .pdf."))
    with _refusals(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        moment = _moment(session, organisation, context, as_of, known_at)
        if out.suffix.lower() == ".svg":
            content = draw_chart_svg(session, organisation, moment).encode()
        else:
            content = draw_chart_pdf(session, organisation, moment)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise click.ClickException(_("The file can't be written: %(reason)s", reason=error.strerror)) from None
    click.echo(_("Drawn as of %(day)s: %(file)s", day=moment.as_of.isoformat(), file=out))


def _moment(
    session: Session, organisation: Organisation, context: CommandContext, as_of: datetime | None, known_at: int | None
) -> Moment:
    check_known_at(session, organisation.id, known_at)
    return Moment(as_of.date() if as_of else jst_date(context.now()), known_at)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the services refuse into sentences and exit code 1."""
    try:
        with explained():
            yield
    except AppointmentRefused as refused:
        sentences = [problem_sentence(each) for each in refused.problems if each.is_refusal]
        raise click.ClickException("\n".join((*sentences, _("Nothing was recorded.")))) from None
    except EndingRefused as refused:
        raise click.ClickException(
            ending_sentence(refused.code, refused.field) + " " + _("Nothing was recorded.")
        ) from None
    except UnknownAppointmentError as unknown:
        raise click.ClickException(
            _("There is no appointment %(id)s in the list, or it was corrected meanwhile.", id=unknown.args[0])
        ) from None
    except UnknownTreeSizeError as unknown:
        raise click.ClickException(
            _("The ledger never had this size; its largest is %(largest)s.", largest=unknown.largest)
        ) from None
