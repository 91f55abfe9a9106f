"""``akashi people``: taking over the staff list."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from courses.calendar import UnknownFiscalYearError, jst_date
from courses.staff_lists import StaffList, StaffListRefused, read_staff_list
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, READABLE_FILE, actor, known_organisation, print_problems
from lms.services.audit import note
from lms.services.moments import UnknownTreeSizeError, check_known_at
from lms.services.person_export import people_with_number, person_as_values
from lms.services.staff_lists import (
    AmbiguousStaffNumberError,
    ImportPlan,
    apply_import,
    note_import,
    note_refusal,
    plan_import,
)
from lms.store.organisations import Organisation, units_of
from lms.store.records import Moment
from lms.wording.gettext import _
from lms.wording.people import fact_kind_label, fact_value_text
from lms.wording.registers import state_label
from lms.wording.staff_lists import column_label, remark_sentence


@click.group("people")
def people() -> None:
    """People of an organisation."""


@people.command("import")
@click.argument("file", type=READABLE_FILE)
@click.option("--apply", "is_applied", is_flag=True, help="Record the differences; otherwise they are only shown.")
@ORGANISATION_OPTION
@click.option(
    "--effective-on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day (JST) from which changed names, units and posts hold; today by default.",
)
@click.pass_obj
def import_list(
    context: CommandContext, file: Path, is_applied: bool, key: str | None, effective_on: datetime | None
) -> None:
    """Show what the staff list FILE (CSV in UTF-8 or CP932) changes, and record it with --apply."""
    day = effective_on.date() if effective_on else jst_date(context.now())
    with context.database.reading() as session:
        owner = known_organisation(session, key)
        known_units = [unit.name_ja for unit in units_of(session, owner.id)]
    try:
        staff_list = read_staff_list(file.read_bytes(), known_units)
    except StaffListRefused as refusal:
        with context.database.transaction() as session:
            note_refusal(session, owner, refusal, context.now(), actor(context))
        print_problems(refusal)
        raise SystemExit(1) from None
    try:
        plan = _apply(context, owner, staff_list, day) if is_applied else _plan(context, owner, staff_list, day)
    except AmbiguousStaffNumberError as fault:
        raise click.ClickException(
            _("Several known people have the staff number %(number)s; correct that first.", number=fault.staff_number)
        ) from None
    _print(plan, is_applied)


@people.command("show")
@click.argument("staff_number")
@click.option("--as-of", type=DAY, help="The end of this day in JST; today if left out.")
@click.option("--known-at", type=click.IntRange(min=0), help="Size of the ledger; everything recorded if left out.")
@click.option("--json", "is_json", is_flag=True, help="Print everything as JSON, corrections included.")
@ORGANISATION_OPTION
@click.pass_obj
def show(
    context: CommandContext,
    staff_number: str,
    as_of: datetime | None,
    known_at: int | None,
    is_json: bool,
    key: str | None,
) -> None:
    """Show the whole record of the person with STAFF_NUMBER: facts, obligations, evidence ids."""
    now = context.now()
    moment = Moment(as_of.date() if as_of else jst_date(now), known_at)
    with context.database.reading() as session:
        owner = known_organisation(session, key)
        try:
            check_known_at(session, owner.id, known_at)
            found = people_with_number(session, owner.id, staff_number, moment)
            records = [person_as_values(session, owner.id, each, moment) for each in found]
        except UnknownTreeSizeError as unknown:
            raise click.ClickException(
                _("The ledger never had this size; its largest is %(largest)s.", largest=unknown.largest)
            ) from None
        except UnknownFiscalYearError:
            raise click.BadParameter(_("Years from 1990 to 2199 are kept."), param_hint="--as-of") from None
    if not records:
        raise click.ClickException(_("Nobody was known by the staff number %(number)s then.", number=staff_number))
    if len(records) > 1:
        raise click.ClickException(
            _("Several known people have the staff number %(number)s; correct that first.", number=staff_number)
        )
    with context.database.transaction() as session:
        note(session, "people.shown", actor(context), now, owner.id, person_id=records[0]["person"]["person_id"])
    if is_json:
        click.echo(json.dumps(records[0], ensure_ascii=False, indent=1))
    else:
        print_person(records[0])


def print_person(values: dict[str, Any]) -> None:
    """Print a person's record for reading."""
    who = values["person"]
    known_at = values["known_at"]
    click.echo(f"{who['staff_number'] or '–'}  {who['name'] or _('(erased)')}  {who['unit'] or ''}")
    click.echo(
        _("As of %(day)s, everything recorded.", day=values["as_of"])
        if known_at is None
        else _("As of %(day)s, as known at ledger size %(size)s.", day=values["as_of"], size=known_at)
    )
    before = _("before:")
    for kind, facts in values["facts"].items():
        for fact in facts:
            click.echo(f"- {fact_kind_label(kind)}: {_fact_line(kind, fact)}")
            for earlier in fact["earlier"]:
                click.echo(f"    {before} {_fact_line(kind, earlier)}")
    for each in values["obligations"]:
        ends = f" {each['evidence_id']}" if each["evidence_id"] else ""
        state = state_label(each["state"])
        click.echo(f"* {each['requirement']} {each['occasion']}  {state}  {each['due_on']}{ends}")


def _fact_line(kind: str, fact: dict[str, Any]) -> str:
    values = [text for name, value in fact["values"].items() if (text := fact_value_text(kind, name, value))]
    void = f" [{_('Voided')}]" if fact["is_void"] else ""
    why = fact["correction_reason"] or fact["reason"]
    parts = [f"{fact['valid_from']} – {fact['valid_to'] or ''}", *values, *([f"({why})"] if why else [])]
    return f"{' '.join(parts)}{void}  {fact['evidence_id']}"


def _plan(context: CommandContext, owner: Organisation, staff_list: StaffList, day: date) -> ImportPlan:
    with context.database.reading() as session:
        return plan_import(session, owner, staff_list, day)


def _apply(context: CommandContext, owner: Organisation, staff_list: StaffList, day: date) -> ImportPlan:
    plan = _plan(context, owner, staff_list, day)
    with context.database.transaction() as session:
        done = apply_import(session, owner, plan, context.now(), actor(context))
        note_import(session, owner, done, context.now(), actor(context))
    return done


def _print(plan: ImportPlan, is_applied: bool) -> None:
    names = {row.staff_number: f"{row.family_name} {row.given_name}".strip() for row in plan.staff_list.rows}
    for number in plan.added:
        click.echo(f"+ {number} {names[number]}")
    for change in plan.changed:
        before, after = change.before or _("(empty)"), change.after or _("(empty)")
        label = column_label(change.field)
        click.echo(f"* {change.staff_number} {names[change.staff_number]}  {label}: {before} → {after}")
    for number in plan.absent:
        click.echo(_("? %(number)s is not in the file and is left as it is", number=number))
    for remark in plan.warnings:
        click.echo(f"! {remark_sentence(remark)}", err=True)
    click.echo(
        _(
            "%(encoding)s, from %(day)s: added %(added)s, changed %(changed)s, unchanged %(unchanged)s, absent %(absent)s.",
            encoding=plan.staff_list.encoding,
            day=plan.effective_on.isoformat(),
            added=len(plan.added),
            changed=len({change.staff_number for change in plan.changed}),
            unchanged=plan.unchanged,
            absent=len(plan.absent),
        )
    )
    if plan.is_empty:
        click.echo(_("The file changes nothing."))
    elif is_applied:
        click.echo(_("Recorded."))
    else:
        click.echo(_("Nothing was recorded. To record it, repeat with --apply."))
