"""``akashi organisation``, ``akashi unit`` and ``akashi parameters``: setting up an organisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import yaml
from sqlalchemy.orm import Session

from courses.staff_lists import StaffListRefused, read_unit_list
from lms.cli.context import CommandContext
from lms.services.organisations import (
    BadOrganisationKeyError,
    BadParametersError,
    EmptyNameError,
    NoOrganisationError,
    OrganisationExistsError,
    OrganisationNotNamedError,
    ParameterProblem,
    UnitExistsError,
    UnknownOrganisationError,
    add_organisation,
    add_units,
    find_organisation_or_only,
)
from lms.services.text_values import AlikeChoicesError, UnfitValuesError, set_entries
from lms.store.organisations import Organisation
from lms.wording.gettext import _, current_language
from lms.wording.modules import alike_sentence, value_fault
from lms.wording.staff_lists import problem_count_sentence, problem_sentence

READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ORGANISATION_OPTION = click.option(
    "--organisation", "key", metavar="KEY", help="Key of the organisation; may be left out where there is only one."
)


@click.group("organisation")
def organisation() -> None:
    """Organisations that the tool serves."""


@organisation.command("add")
@click.argument("key")
@click.argument("name_ja")
@click.argument("name_en")
@click.pass_obj
def add_one(context: CommandContext, key: str, name_ja: str, name_en: str) -> None:
    """Add the organisation KEY, a short ASCII name that never changes, with its Japanese and English names."""
    with explained(), context.database.transaction() as session:
        added = add_organisation(session, key, name_ja, name_en, context.now())
    click.echo(_("Added the organisation %(key)s: %(name)s.", key=added.key, name=added.name_ja))


@click.group("unit")
def unit() -> None:
    """Units 所属 of an organisation."""


@unit.command("add")
@click.argument("name_ja")
@click.argument("name_en", required=False, default="")
@ORGANISATION_OPTION
@click.pass_obj
def add_unit(context: CommandContext, name_ja: str, name_en: str, key: str | None) -> None:
    """Add one unit by its Japanese and English names."""
    _add_units(context, key, ((name_ja, name_en),))


@unit.command("import")
@click.argument("file", type=READABLE_FILE)
@ORGANISATION_OPTION
@click.pass_obj
def import_units(context: CommandContext, file: Path, key: str | None) -> None:
    """Add the units of the CSV file FILE with the columns name_ja and name_en; known ones are passed over."""
    try:
        names = read_unit_list(file.read_bytes())
    except StaffListRefused as refusal:
        print_problems(refusal)
        raise SystemExit(1) from None
    _add_units(context, key, names)


@click.group("parameters")
def parameters() -> None:
    """Values that fill the texts of modules and letters."""


@parameters.command("set")
@click.argument("file", type=READABLE_FILE)
@ORGANISATION_OPTION
@click.pass_obj
def set_from_file(context: CommandContext, file: Path, key: str | None) -> None:
    """Set the parameters of the YAML file FILE, each with its text in ja and en; others keep their texts."""
    try:
        entries = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise click.ClickException(_("The file is not YAML: %(fault)s", fault=fault)) from None
    if not isinstance(entries, dict) or not entries:
        raise click.ClickException(_("The file names no parameters: each is a name with its texts in ja and en."))
    try:
        with explained(), context.database.transaction() as session:
            owner = find_organisation_or_only(session, key)
            set_entries(session, owner, entries, (actor(context), context.now()))
    except UnfitValuesError as unfit:
        lines = [f"{name} ({language}): {value_fault(fault)}" for (name, language), fault in unfit.faults.items()]
        raise click.ClickException("\n".join(lines)) from None
    except AlikeChoicesError as alike:
        titles = [each.body[current_language()].title for each in alike.modules]
        raise click.ClickException(alike_sentence(titles)) from None
    click.echo(_("Parameters set for %(key)s: %(names)s.", key=owner.key, names=", ".join(entries)))


def actor(context: CommandContext) -> str:
    """Return the one at the keyboard as records name them."""
    return f"operator:{context.operator}"


def known_organisation(session: Session, key: str | None) -> Organisation:
    """Return the organisation that a command means; a command ends with an explanation where none fits."""
    with explained():
        return find_organisation_or_only(session, key)


def print_problems(refusal: StaffListRefused) -> None:
    """List on stderr what makes a file unacceptable."""
    click.echo(problem_count_sentence(refusal.count), err=True)
    for problem in refusal.problems:
        click.echo(f"- {problem_sentence(problem)}", err=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what an organisation's service refuses into a sentence and exit code 1."""
    try:
        yield
    except (LookupError, ValueError) as refusal:
        explain = _REFUSALS.get(type(refusal))
        if explain is None:
            raise
        raise click.ClickException(explain(refusal)) from None


def _add_units(context: CommandContext, key: str | None, names: tuple[tuple[str, str], ...]) -> None:
    with explained(), context.database.transaction() as session:
        owner = find_organisation_or_only(session, key)
        added = add_units(session, owner, names, context.now(), actor(context))
    click.echo(_("Units added to %(key)s: %(count)s.", key=owner.key, count=len(added)))
    for each in added:
        click.echo(f"+ {each.name_ja} ({each.name_en})")


def _parameter_sentence(problem: ParameterProblem) -> str:
    facts = {"name": problem.name, "language": problem.language}
    sentences: dict[str, Callable[[], str]] = {
        "bad_name": lambda: _('"%(name)s" cannot name a parameter: lower-case ASCII letters and "_" only.', **facts),
        "not_by_language": lambda: _("%(name)s needs a text in ja and one in en.", **facts),
        "unknown_language": lambda: _("%(name)s has a text in %(language)s; only ja and en are known.", **facts),
        "missing_language": lambda: _("%(name)s lacks its text in %(language)s.", **facts),
        "not_text": lambda: _("%(name)s in %(language)s is empty or no text; put numbers in quotation marks.", **facts),
    }
    return sentences[problem.code]()


_REFUSALS: dict[type[Exception], Callable[..., str]] = {
    BadOrganisationKeyError: lambda refusal: _(
        '"%(key)s" cannot be a key: lower-case ASCII letters and digits, with single . _ or - between them.',
        key=refusal.key,
    ),
    OrganisationExistsError: lambda refusal: _("There is an organisation %(key)s already.", key=refusal.key),
    EmptyNameError: lambda refusal: _("A name is empty."),
    NoOrganisationError: lambda refusal: _("There is no organisation yet: akashi organisation add."),
    UnknownOrganisationError: lambda refusal: _(
        "There is no organisation %(key)s; there are: %(known)s.", key=refusal.key, known=", ".join(refusal.known)
    ),
    OrganisationNotNamedError: lambda refusal: _(
        "There are several organisations; say which with --organisation: %(known)s.", known=", ".join(refusal.known)
    ),
    UnitExistsError: lambda refusal: _(
        'The unit %(name)s has the English name "%(recorded)s", not "%(given)s".',
        name=refusal.name_ja,
        recorded=refusal.recorded,
        given=refusal.given,
    ),
    BadParametersError: lambda refusal: "\n".join(_parameter_sentence(problem) for problem in refusal.problems),
}
