"""``akashi pool``: how far a pool of auditors reaches, from a file and without a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from courses.calendar import jst_date
from courses.programme.analysis import analyse
from courses.programme.documents import as_document
from courses.programme.model import Pool
from courses.programme.pool_files import MOST_BYTES, PoolFileRefused, read_pool
from courses.programme.results import Analysis, EffortSpentError
from lms.cli.context import CommandContext
from lms.cli.organisations import READABLE_FILE
from lms.wording.gettext import _
from lms.wording.programme import (
    fact_sentence,
    file_problem_count_sentence,
    file_problem_sentence,
    names,
    repair_sentence,
    verdict_label,
    verdict_sentence,
    witness_sentences,
)

BAD_INPUT = 2
MOST_SHOWN = 10
"""Loss sets and training sets that are printed; --json has more."""


@click.group("pool")
def pool() -> None:
    """Pools of auditors, from files."""


@pool.command("analyse")
@click.argument("file", type=READABLE_FILE)
@click.option("--json", "as_json", is_flag=True, help="Write the analysis as JSON.")
@click.pass_obj
def analyse_file(context: CommandContext, file: Path, as_json: bool) -> None:
    """Analyse the pool of auditors in the JSON file FILE; exit with 2 where the file is unacceptable."""
    with file.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    try:
        given = read_pool(data, jst_date(context.now()))
    except PoolFileRefused as refusal:
        click.echo(file_problem_count_sentence(refusal.count), err=True)
        for problem in refusal.problems:
            click.echo(f"- {file_problem_sentence(problem)}", err=True)
        raise SystemExit(BAD_INPUT) from None
    analysis = analysed(given)
    if as_json:
        click.echo(json.dumps(pool_document(given, analysis), ensure_ascii=False, indent=2))
    else:
        print_analysis(given, analysis)


def analysed(given: Pool) -> Analysis:
    """Return the analysis of a pool.

    Raises:
        click.ClickException: the limit of the search came before a proof.
    """
    try:
        return analyse(given)
    except EffortSpentError:
        raise click.ClickException(
            _("The pool is too intricate: the limit of the search came before a proof.")
        ) from None


def pool_document(given: Pool, analysis: Analysis) -> dict[str, Any]:
    """Return an analysis as JSON values, its reasons in words as well."""
    document = as_document(analysis)
    for entry, witness in zip(document["explanation"], analysis.witnesses, strict=True):
        entry["sentence"] = " ".join(witness_sentences(given, witness))
        for shown, fact in zip(entry["facts"], witness.facts, strict=True):
            shown["sentence"] = fact_sentence(fact)
        for shown, repair in zip(entry["repairs"], witness.repairs, strict=True):
            shown["sentence"] = repair_sentence(repair)
    return document


def print_analysis(given: Pool, analysis: Analysis) -> None:
    """Print an analysis for people."""
    click.echo(_("As of %(day)s: %(verdict)s", day=analysis.as_of.isoformat(), verdict=verdict_label(analysis.verdict)))
    click.echo(verdict_sentence(analysis.verdict))
    click.echo(_("Margin: %(margin)s", margin=analysis.margin))
    click.echo(_("Binding areas: %(areas)s", areas=names(analysis.binding_areas)))
    if analysis.undecided_by:
        click.echo(_("Declarations that decide: %(auditors)s", auditors=names(analysis.undecided_by)))
    if analysis.minimum_pool is not None:
        _print_coverage(analysis)
    _print_training(analysis)
    for witness in analysis.witnesses:
        click.echo("")
        for sentence in witness_sentences(given, witness):
            click.echo(sentence)
        for repair in witness.repairs:
            click.echo(f"- {repair_sentence(repair)}")
    if not analysis.is_explained:
        rest = analysis.binding_areas[len(analysis.witnesses) :]
        click.echo(_("Areas with the same shortfall that are not explained here: %(areas)s", areas=names(rest)))


def _print_coverage(analysis: Analysis) -> None:
    total = analysis.loss_sets.total
    click.echo(_("Smallest losses that break coverage: %(count)s", count="?" if total is None else total))
    for each in analysis.loss_sets.sets[:MOST_SHOWN]:
        click.echo(f"- {names(each)}")
    least = analysis.minimum_pool
    if least is not None:
        click.echo(
            _("Smallest pool: %(count)s (%(auditors)s)", count=len(least.auditors), auditors=names(least.auditors))
        )
        if not least.is_proven:
            click.echo(_("Not proven smallest; none has fewer than %(count)s.", count=least.lower_bound))
    click.echo(_("Teams:"))
    for area, team in sorted(analysis.teams.members.items()):
        click.echo(f"- {area}: {names(team, most=len(team))}")
    load, bound = float(analysis.teams.largest_load), float(analysis.teams.load_bound)
    click.echo(_("Largest load: %(hours)s hours; not possible below %(bound)s.", hours=f"{load:g}", bound=f"{bound:g}"))


def _print_training(analysis: Analysis) -> None:
    training = analysis.training
    if training.margin is not None:
        click.echo(
            _(
                "Train next (margin then %(margin)s, cost %(cost)s):",
                margin=training.margin,
                cost=f"{float(training.cost):g}",
            )
        )
        for each in training.sets[:MOST_SHOWN]:
            click.echo(f"- {names(each)}")
    if training.helps_no_area:
        click.echo(_("Candidates who help no area: %(auditors)s", auditors=names(training.helps_no_area)))
