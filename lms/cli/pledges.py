"""``akashi pledge``: texts of pledges, verify codes, and papers from before the tool."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from courses.calendar import jst_date
from courses.parameters import MissingParameterError
from courses.pledges import text_state
from courses.staff_lists import StaffListRefused
from lms.cli.awareness import DAY
from lms.cli.context import CommandContext
from lms.cli.organisations import (
    ORGANISATION_OPTION,
    READABLE_FILE,
    actor,
    explained,
    known_organisation,
    print_problems,
)
from lms.services.organisations import find_organisation_or_only
from lms.services.pledge_batches import BatchSource, PaperProblem, plan_papers, record_papers
from lms.services.pledge_records import find_record, state_of
from lms.services.pledges import (
    AlreadyApprovedError,
    BadDecisionError,
    RetroactiveApprovalError,
    TextDecision,
    UnchangedTextError,
    UnknownPledgeError,
    approve_text,
    approved_texts,
    draft_text,
    filled_sample,
)
from lms.services.signing import UnknownSignatureError
from lms.store.pledges import approvals_of, texts_of
from lms.wording.gettext import _, current_language
from lms.wording.pledge_faults import fault_sentence, paper_problem_sentence
from lms.wording.pledges import signature_state_label, text_state_label
from lms.wording.registers import date_label


@click.group("pledge")
def pledge() -> None:
    """Pledges 誓約書."""


@pledge.command("draft")
@click.argument("sample")
@ORGANISATION_OPTION
@click.pass_obj
def draft(context: CommandContext, sample: str, key: str | None) -> None:
    """Draft the shipped SAMPLE (confidentiality, vendor, leaving) with the organisation's values filled in."""
    try:
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            new = filled_sample(session, organisation.id, sample)
            row = draft_text(session, organisation, new, actor(context), context.now())
    except UnknownPledgeError:
        raise click.ClickException(_("No sample has this name.")) from None
    except MissingParameterError as missing:
        raise click.ClickException(
            _("Set the value %(name)s first: akashi parameters set", name=missing.name)
        ) from None
    except UnchangedTextError:
        raise click.ClickException(fault_sentence("unchanged")) from None
    click.echo(f"{row.id}  {row.key}  {row.version}")
    click.echo(f"{row.title_ja}\n\n{row.text_ja}\n\n{row.title_en}\n\n{row.text_en}")


@pledge.command("list")
@ORGANISATION_OPTION
@click.pass_obj
def list_texts(context: CommandContext, key: str | None) -> None:
    """List all text versions with their state."""
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        approved = approved_texts(session, organisation.id)
        approvals = {row.text_id: row for row in approvals_of(session, organisation.id)}
        for row in texts_of(session, organisation.id):
            state = text_state(row.id, approved.get(row.key, ()), jst_date(context.now()))
            approval = approvals.get(row.id)
            since = approval.valid_from.isoformat() if approval else "-"
            label = text_state_label(state.value)
            click.echo(f"{row.id}  {row.key}  {row.version}  {since}  {label}  {row.title(current_language())}")


@pledge.command("approve")
@click.argument("text_id", type=int)
@click.option("--decision", required=True, help="Number or name of the decision, as in the minutes.")
@click.option("--approved-by", required=True, help="Office or body that decided.")
@click.option("--effective-on", type=DAY, required=True, help="First day on which the text is in effect.")
@click.option("--resign", is_flag=True, help="Those who signed an earlier version must sign this one.")
@click.option("--days", type=click.IntRange(0, 365), default=30, show_default=True, help="Days to sign anew.")
@ORGANISATION_OPTION
@click.pass_obj
def approve(  # noqa: PLR0913 - one argument an option
    context: CommandContext,
    *,
    text_id: int,
    decision: str,
    approved_by: str,
    effective_on: datetime,
    resign: bool,
    days: int,
    key: str | None,
) -> None:
    """Record that the text version TEXT_ID was approved."""
    decided = TextDecision(decision, approved_by, effective_on.date(), resign, days)
    try:
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            approve_text(session, organisation, text_id, decided, (actor(context), context.now()))
    except UnknownPledgeError:
        raise click.ClickException(_("There is no text version with this number; see: akashi pledge list")) from None
    except BadDecisionError as bad:
        raise click.ClickException(fault_sentence(bad.field)) from None
    except AlreadyApprovedError:
        raise click.ClickException(fault_sentence("already_approved")) from None
    except RetroactiveApprovalError:
        raise click.ClickException(fault_sentence("retroactive")) from None
    click.echo(_("Approved; in effect from %(day)s.", day=date_label(effective_on.date())))


@pledge.command("verify")
@click.argument("code")
@click.pass_obj
def verify(context: CommandContext, code: str) -> None:
    """Say whether a signature record with the verify code CODE exists, without a name."""
    with context.database.reading() as session:
        try:
            found = find_record(session, code)
        except UnknownSignatureError:
            raise click.ClickException(_("No record has this code.")) from None
        state = state_of(session, found, jst_date(context.now()))
    click.echo(found.evidence_id)
    title = found.text.title(current_language())
    click.echo(_("%(title)s, version %(number)s", title=title, number=found.text.version))
    click.echo(_("Signed on %(day)s; today: %(state)s", day=date_label(jst_date(found.signature.signed_at)), state=signature_state_label(state.value)))  # fmt: skip
    click.echo(f"SHA-256 {found.signature.text_sha256}")
    if not found.is_text_whole:
        raise click.ClickException(_("The text as kept no longer has the hash that was signed."))


@pledge.command("import")
@click.argument("file", type=READABLE_FILE)
@click.option("--source", required=True, help="Name and number of the document that the rows were taken from.")
@click.option("--place", required=True, help="Where that document is kept.")
@click.option("--verified-by", required=True, metavar="STAFF_NUMBER", help="Who compared the rows with the papers.")
@click.option("--apply", "is_applied", is_flag=True, help="Record the rows; otherwise they are only checked.")
@ORGANISATION_OPTION
@click.pass_obj
def import_papers(  # noqa: PLR0913 - one argument an option
    context: CommandContext,
    *,
    file: Path,
    source: str,
    place: str,
    verified_by: str,
    is_applied: bool,
    key: str | None,
) -> None:
    """Check the list FILE (CSV) of pledges signed on paper before the tool, and record it whole with --apply."""
    batch = BatchSource(source, place, verified_by)
    with context.database.reading() as session:
        owner = known_organisation(session, key)
        try:
            plan = plan_papers(session, owner, file.read_bytes(), batch, context.now())
        except StaffListRefused as refusal:
            print_problems(refusal)
            raise SystemExit(1) from None
    if plan.problems:
        _print_problems(plan.problems)
    if is_applied:
        with context.database.transaction() as session:
            record_papers(session, owner, file.read_bytes(), batch, (actor(context), context.now()))
        click.echo(_("Recorded: %(count)s.", count=len(plan.papers)))
    else:
        click.echo(_("Acceptable rows: %(count)s. To record them, repeat with --apply.", count=len(plan.papers)))


def _print_problems(problems: tuple[PaperProblem, ...]) -> None:
    for each in problems:
        click.echo(paper_problem_sentence(each.code.value, each.row, each.column, each.value), err=True)
    raise SystemExit(1)
