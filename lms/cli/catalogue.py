"""``akashi catalogue``: proofreading what the tool ships, and adopting it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from courses.awareness import LANGUAGES, short_version
from courses.calendar import jst_date
from courses.plain_words import LONGEST_QUOTATION, copied
from courses.proofreading import Remark, proofread_catalogue, texts_with_places
from courses.reading_time import minutes, newcomers_path, yearly_load
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, READABLE_FILE, explained
from lms.services.catalogue import Decision, NothingToAdoptError, ParametersNotSetError, adopt_catalogue
from lms.services.organisations import find_organisation_or_only
from lms.services.requirement_defaults import CORE_MODULE
from lms.services.shipped import UnknownShippedModuleError, shipped_catalogue, shipped_parameters
from lms.services.text_values import AlikeChoicesError
from lms.wording.gettext import _, current_language
from lms.wording.modules import adoption_fault, alike_sentence


@click.group("catalogue")
def catalogue() -> None:
    """The catalogue of modules that the tool ships."""


@catalogue.command("adopt")
@click.option("--decision", required=True, help="Number or name of the decision, as in the minutes.")
@click.option("--approved-by", required=True, help="Office or body that decided.")
@click.option("--effective-on", type=DAY, help="First day on which it holds; today if left out.")
@click.option("--module", "modules", multiple=True, help="Adopt this module alone; may be repeated.")
@ORGANISATION_OPTION
@click.pass_obj
def adopt(
    context: CommandContext,
    decision: str,
    approved_by: str,
    effective_on: datetime | None,
    modules: tuple[str, ...],
    key: str | None,
) -> None:
    """Adopt the whole shipped catalogue, or some of its modules, by one recorded decision."""
    now = context.now()
    day = effective_on.date() if effective_on else jst_date(now)
    try:
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            adoption = adopt_catalogue(
                session,
                organisation,
                Decision(decision, approved_by, day),
                f"operator:{context.operator}",
                now,
                modules,
            )
    except UnknownShippedModuleError as unknown:
        raise click.ClickException(_("The catalogue has no module “%(key)s”.", key=unknown.key)) from None
    except NothingToAdoptError:
        raise click.ClickException(adoption_fault("adopted_already")) from None
    except AlikeChoicesError as alike:
        titles = [each.body[current_language()].title for each in alike.modules]
        raise click.ClickException(alike_sentence(titles)) from None
    except ParametersNotSetError as missing:
        names = ", ".join(missing.names)
        raise click.ClickException(
            _("Set these values first (akashi parameters set): %(names)s", names=names)
        ) from None
    for module, version in adoption.versions.items():
        click.echo(f"{module}  {short_version(version)}")
    click.echo(_("Adopted from %(day)s by decision “%(decision)s”.", day=day, decision=decision))


@catalogue.command("check")
@click.option(
    "--against",
    "standards",
    type=READABLE_FILE,
    multiple=True,
    help="A standard's text in UTF-8, of your own copy: nothing may be copied from it. May be repeated.",
)
def check(standards: tuple[Path, ...]) -> None:
    """Proofread the shipped catalogue: shape, parameters, questions, words, and how long each module takes."""
    shipped = shipped_catalogue()
    remarks = [*proofread_catalogue(shipped, shipped_parameters(), CORE_MODULE), *_copied(standards)]
    for each in shipped:
        taken = "  ".join(f"{language} {minutes(each, language):4.1f}" for language in LANGUAGES)
        click.echo(f"{each.module.key:28} {len(each.questions):4}  {taken}")
    for language in LANGUAGES:
        year, way_in = (measure(shipped, CORE_MODULE, language) for measure in (yearly_load, newcomers_path))
        click.echo(
            _(
                "%(language)s: %(year)s minutes in the fullest year, %(way_in)s for a newcomer.",
                language=language,
                year=round(year),
                way_in=round(way_in),
            )
        )
    for remark in remarks:
        click.echo(f"{remark.module}: {remark.problem}: {remark.where}", err=True)
    if remarks:
        raise SystemExit(1)
    click.echo(_("Nothing to mend."))


def _copied(standards: tuple[Path, ...]) -> Iterator[Remark]:
    for file in standards:
        standard = file.read_text("utf-8")
        for each in shipped_catalogue():
            for where, language, text in texts_with_places(each):
                for run in copied(text, standard, LONGEST_QUOTATION[language]):
                    yield Remark(each.module.key, "copied", f"{where} ({language}), {file.name}: {run}")
