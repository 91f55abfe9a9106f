"""``akashi doctor``: says what is misconfigured, and what to do about each."""

from __future__ import annotations

import json

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from lms.cli.context import CommandContext
from lms.services.doctor import installation_findings
from lms.services.doctor_organisations import organisation_findings
from lms.services.doctor_probes import Question, probe, questions_for
from lms.services.findings import Area, Finding, Level, looked, wrong
from lms.store.base import UnsafeDatabaseError
from lms.store.organisations import Organisation
from lms.wording.doctor import area_label, finding_advice, finding_sentence, level_label
from lms.wording.gettext import _, ngettext

_SIGNS = {Level.GOOD: " ", Level.NOTE: "?", Level.WRONG: "!", Level.UNKNOWN: "-"}


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask no platform, and not our own address.")
@click.option("--all", "is_all", is_flag=True, help="What is good too.")
@click.option("--json", "as_json", is_flag=True, help="For machines: every finding with its code and facts.")
@click.pass_obj
def doctor(context: CommandContext, offline: bool, is_all: bool, as_json: bool) -> None:
    """Look the installation over; exit code 1 if something is wrong.

    Platforms are asked for 15 seconds at most, all at once.
    """
    found = _found(context, is_online=not offline)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], ensure_ascii=False, indent=2))
    else:
        _print(found, is_all=is_all)
    if any(each.level is Level.WRONG for each in found):
        raise SystemExit(1)


def _found(context: CommandContext, *, is_online: bool) -> list[Finding]:
    now, database, settings = context.now(), context.unchecked_database, context.settings
    found = installation_findings(settings, database, now)
    questions: list[Question] = []
    if any(
        each.code in {"schema_behind", "database_unsafe", "look_failed"} and each.area is Area.DATABASE
        for each in found
    ):
        return found
    try:
        with database.reading() as session:
            for organisation in session.scalars(select(Organisation).order_by(Organisation.key)).all():
                found += organisation_findings(session, organisation, settings, now)
                questions += questions_for(session, organisation.id)
    except (SQLAlchemyError, UnsafeDatabaseError) as error:
        return [*found, wrong(Area.DATABASE, "look_failed", error=type(error).__name__)]
    return found + looked(Area.PLATFORMS, lambda: probe(settings, questions, now)) if is_online else found


def _print(found: list[Finding], *, is_all: bool) -> None:
    for area in Area:
        shown = [each for each in found if each.area is area and (is_all or each.level is not Level.GOOD)]
        if not shown:
            continue
        click.echo(area_label(area.value))
        for each in shown:
            click.echo(f"{_SIGNS[each.level]} {finding_sentence(each.code, each.facts)}")
            advice = finding_advice(each.code, each.facts) if each.level is not Level.GOOD else ""
            if advice:
                click.echo(f"    {advice}")
    counts = {level: sum(each.level is level for each in found) for level in Level}
    click.echo("; ".join(f"{level_label(level.value)}: {count}" for level, count in counts.items() if count))
    if not counts[Level.WRONG]:
        click.echo(_("Nothing is wrong."))
    else:
        click.echo(ngettext("%(count)s thing is wrong.", "%(count)s things are wrong.", counts[Level.WRONG]))


def _as_json(each: Finding) -> dict[str, object]:
    return {
        "area": each.area.value,
        "code": each.code,
        "level": each.level.value,
        "facts": dict(each.facts),
        "says": finding_sentence(each.code, each.facts),
        "advice": finding_advice(each.code, each.facts) if each.level is not Level.GOOD else "",
    }
