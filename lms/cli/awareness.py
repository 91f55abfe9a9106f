"""``akashi requirement``: what is asked of people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import click

from courses.calendar import FiscalYear, jst_date
from courses.requirements import RequirementError
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.services.awareness import UnknownModuleError, module_in_use
from lms.services.organisations import find_organisation_or_only
from lms.services.requirement_defaults import adopt_default_load, default_load
from lms.services.requirements import Approval, approve_requirement, default_requirements
from lms.store.requirements import requirements_of
from lms.wording.gettext import _, current_language

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("requirement")
def requirement() -> None:
    """What is asked of people."""


@requirement.command("default")
@click.argument("module")
@click.option("--approved-by", required=True, help="Office or body that approved.")
@click.option(
    "--approved-on", type=DAY, help="Day of the decision; nothing is asked as of an earlier day. Today if left out."
)
@click.option("--first-year", type=int, help="First fiscal year; the present one if left out.")
@click.option("--due", default="12-31", show_default=True, help="Month and day by which it is due each year.")
@ORGANISATION_OPTION
@click.pass_obj
def add_default(
    context: CommandContext,
    /,
    module: str,
    approved_by: str,
    key: str | None,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    """Ask everyone in scope for MODULE's test: once in each fiscal year, and within 30 days of joining."""
    now = context.now()
    today = jst_date(now)
    actor = f"operator:{context.operator}"
    approved_on: date = options["approved_on"].date() if options["approved_on"] else today
    try:
        rules = default_requirements(
            module, options["first_year"] or FiscalYear.of(approved_on).year, _month_and_day(options["due"])
        )
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            lessons = module_in_use(session, organisation.id, module, today).module.body
            titles = {language: lesson.title for language, lesson in lessons.items()}
            for rule, ja, en in zip(rules, ("年次", "着任時"), ("yearly", "on joining"), strict=True):
                approval = Approval(approved_by, approved_on, f"{titles['ja']}（{ja}）", f"{titles['en']} ({en})")
                approve_requirement(session, organisation, rule, approval, actor, now)
                click.echo(rule.key)
    except UnknownModuleError:
        raise click.ClickException(_("No adopted module has the key “%(key)s”.", key=module)) from None
    except (RequirementError, ValueError) as error:
        raise click.ClickException(str(error)) from None


@requirement.command("adopt-defaults")
@click.option("--approved-by", required=True, help="Office or body that approved.")
@click.option("--approved-on", type=DAY, help="Day of the decision; today if left out.")
@click.option("--first-year", type=int, help="First fiscal year; the present one if left out.")
@click.option("--due", default="12-31", show_default=True, help="Month and day by which it is due each year.")
@ORGANISATION_OPTION
@click.pass_obj
def adopt_defaults(
    context: CommandContext,
    approved_by: str,
    approved_on: datetime | None,
    first_year: int | None,
    due: str,
    key: str | None,
) -> None:
    """Adopt the default load by one decision: for each year, on joining, for roles, and the approved pledges."""
    now = context.now()
    day = approved_on.date() if approved_on else jst_date(now)
    try:
        year = first_year or FiscalYear.of(day).year
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            load = default_load(session, organisation.id, year, _month_and_day(due), jst_date(now))
            by = f"operator:{context.operator}", now
            for row in adopt_default_load(session, organisation, load, (approved_by, day), by):
                click.echo(f"+ {row.key}  {row.title(current_language())}")
    except (RequirementError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("What was asked for already stays as it is: akashi requirement list."))


@requirement.command("list")
@ORGANISATION_OPTION
@click.pass_obj
def list_all(context: CommandContext, key: str | None) -> None:
    """List the requirements: key, occasion, what is to be shown, years, day of approval, title."""
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        for row in requirements_of(session, organisation.id):
            years = f"{row.first_year}–{row.last_year or ''}"
            approved = _("approved by %(office)s on %(day)s", office=row.approved_by, day=row.valid_from)
            click.echo(
                f"{row.key}  {row.occasion}  {row.competence}  {years}  {approved}  {row.title(current_language())}"
            )


def _month_and_day(due: str) -> tuple[int, int]:
    month, _dash, day = due.partition("-")
    if not (month.isdigit() and day.isdigit()):
        raise click.BadParameter(_("Month and day are written like 12-31."), param_hint="--due")
    return int(month), int(day)
