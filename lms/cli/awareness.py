"""``akashi catalogue`` and ``akashi requirement``: adopting content, and asking for it."""

from __future__ import annotations

from datetime import datetime

import click

from courses.awareness import short_version
from courses.calendar import FiscalYear, jst_date
from courses.requirements import RequirementError
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.services.awareness import Decision, UnknownModuleError, adopt_catalogue, module_in_use
from lms.services.organisations import find_organisation_or_only
from lms.services.requirements import Approval, approve_requirement, default_requirements
from lms.wording.gettext import _

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("catalogue")
def catalogue() -> None:
    """The catalogue of modules that the tool ships."""


@catalogue.command("adopt")
@click.option("--decision", required=True, help="Number or name of the decision, as in the minutes.")
@click.option("--approved-by", required=True, help="Office or body that decided.")
@click.option("--effective-on", type=DAY, help="First day on which it holds; today if left out.")
@ORGANISATION_OPTION
@click.pass_obj
def adopt(
    context: CommandContext, decision: str, approved_by: str, effective_on: datetime | None, key: str | None
) -> None:
    """Adopt the whole shipped catalogue by one recorded decision."""
    now = context.now()
    day = effective_on.date() if effective_on else jst_date(now)
    with explained(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        adoption = adopt_catalogue(
            session, organisation, Decision(decision, approved_by, day), f"operator:{context.operator}", now
        )
    for module, version in adoption.versions.items():
        click.echo(f"{module}  {short_version(version)}")
    click.echo(_("Adopted from %(day)s by decision “%(decision)s”.", day=day, decision=decision))


@click.group("requirement")
def requirement() -> None:
    """What is asked of people."""


@requirement.command("default")
@click.argument("module")
@click.option("--approved-by", required=True, help="Office or body that approved.")
@click.option("--first-year", type=int, help="First fiscal year; the present one if left out.")
@click.option("--due", default="12-31", show_default=True, help="Month and day by which it is due each year.")
@ORGANISATION_OPTION
@click.pass_obj
def add_default(
    context: CommandContext, module: str, approved_by: str, first_year: int | None, due: str, key: str | None
) -> None:
    """Ask everyone in scope for MODULE's test: once in each fiscal year, and within 30 days of joining."""
    now = context.now()
    today = jst_date(now)
    actor = f"operator:{context.operator}"
    month, _dash, day = due.partition("-")
    if not (month.isdigit() and day.isdigit()):
        raise click.BadParameter(_("Month and day are written like 12-31."), param_hint="--due")
    try:
        rules = default_requirements(module, first_year or FiscalYear.of(today).year, (int(month), int(day)))
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            lessons = module_in_use(session, organisation.id, module, today).module.body
            titles = {language: lesson.title for language, lesson in lessons.items()}
            for rule, ja, en in zip(rules, ("年次", "着任時"), ("yearly", "on joining"), strict=True):
                approval = Approval(approved_by, today, f"{titles['ja']}（{ja}）", f"{titles['en']} ({en})")
                approve_requirement(session, organisation, rule, approval, actor, now)
                click.echo(rule.key)
    except UnknownModuleError:
        raise click.ClickException(_("No adopted module has the key “%(key)s”.", key=module)) from None
    except (RequirementError, ValueError) as error:
        raise click.ClickException(str(error)) from None
