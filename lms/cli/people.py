"""``akashi people``: taking over the staff list."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from courses.calendar import jst_date
from courses.staff_lists import StaffList, StaffListRefused, read_staff_list
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, READABLE_FILE, actor, known_organisation, print_problems
from lms.services.staff_lists import (
    AmbiguousStaffNumberError,
    ImportPlan,
    apply_import,
    note_import,
    note_refusal,
    plan_import,
)
from lms.store.organisations import Organisation, units_of
from lms.wording.gettext import _
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
