"""``akashi ledger``: check the ledger, show a piece of evidence, print what outsiders need."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import JST
from courses.ledger import LedgerError, leaf_hash, short_id, verify_inclusion
from courses.signed_notes import NoteError, NoteVerifier, open_checkpoint
from lms.cli.context import CommandContext
from lms.config import KeyFolder
from lms.services.anchors import AnchorReport, restores, verify_anchors
from lms.services.ledger import Inclusion, checkpoint_at, find_events, inclusion
from lms.services.ledger_checks import LedgerProblem, LedgerReport, ProblemCode, verify_ledger
from lms.services.ledger_keys import verifier_for
from lms.services.record_checks import RecordReport, verify_records
from lms.store.key_files import KeyFileFault, KeyFileMissing
from lms.store.ledger import LedgerEvent, newest_checkpoint
from lms.store.organisations import Organisation, find_organisation
from lms.store.restores import LedgerRestore
from lms.wording.gettext import _
from lms.wording.keys import key_fault_sentence


@click.group("ledger")
def ledger() -> None:
    """Check the ledger and show what it holds."""


@ledger.command("verify")
@click.option("--organisation", "key", metavar="KEY", help="Only this organisation's ledger.")
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
@click.pass_obj
def verify(context: CommandContext, key: str | None, as_json: bool) -> None:
    """Check every event, place, checkpoint, record and anchor; exit with 1 when anything is wrong."""
    results = [_verify_one(context, each) for each in organisations_named(context, key)]
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results], ensure_ascii=False, indent=2))
    else:
        for result in results:
            _print_result(result)
    if any(result.problem_count for result in results):
        raise SystemExit(1)


@ledger.command("show")
@click.argument("evidence_id")
@click.pass_obj
def show(context: CommandContext, evidence_id: str) -> None:
    """Show the event behind an evidence id, its place, and whether its proof holds."""
    with context.database.reading() as session:
        found = [
            (organisation, event)
            for organisation in session.scalars(select(Organisation).order_by(Organisation.id)).all()
            for event in find_events(session, organisation.id, evidence_id)
        ]
        if not found:
            raise click.ClickException(_("No event has the evidence id %(evidence_id)s.", evidence_id=evidence_id))
        is_proven = [_print_event(context, session, organisation, event) for organisation, event in found]
    if not all(is_proven):
        raise SystemExit(1)


@ledger.command("checkpoint")
@click.option("--organisation", "key", metavar="KEY", help="Only this organisation's ledger.")
@click.pass_obj
def checkpoint(context: CommandContext, key: str | None) -> None:
    """Print the newest signed checkpoint."""
    for organisation in organisations_named(context, key):
        with context.database.reading() as session:
            newest = newest_checkpoint(session, organisation.id)
        if newest is None:
            click.echo(_("The ledger of %(key)s has no checkpoint yet.", key=organisation.key), err=True)
        else:
            click.echo(newest.note, nl=False)


@ledger.command("key")
@click.option("--organisation", "key", metavar="KEY", help="Only this organisation's ledger.")
@click.pass_obj
def key(context: CommandContext, key: str | None) -> None:
    """Print the verifier key by which readers recognise the ledger's signature."""
    for organisation in organisations_named(context, key):
        click.echo(str(_verifier(context.settings.keys, organisation.key)))


def organisations_named(context: CommandContext, key: str | None) -> list[Organisation]:
    """Return the organisation with a key, or all when none is named."""
    with context.database.reading() as session:
        if key is None:
            return list(session.scalars(select(Organisation).order_by(Organisation.id)))
        organisation = find_organisation(session, key)
    if organisation is None:
        raise click.ClickException(_("There is no organisation %(key)s.", key=key))
    return [organisation]


def _verifier(keys: KeyFolder, organisation_key: str) -> NoteVerifier:
    try:
        return verifier_for(keys, organisation_key)
    except KeyFileMissing as fault:
        raise click.ClickException(
            _("The key file %(name)s is missing; it is made with the first checkpoint.", name=fault.name)
        ) from None
    except KeyFileFault as fault:
        raise click.ClickException(key_fault_sentence(type(fault).__name__, fault.name)) from None


@dataclass(frozen=True, slots=True)
class _Result:
    """All that was found in one organisation's ledger."""

    key: str
    tree: LedgerReport
    records: RecordReport
    anchors: AnchorReport
    restores: list[LedgerRestore]

    @property
    def problem_count(self) -> int:
        return self.tree.problem_count + self.records.problem_count + self.anchors.problem_count

    def as_json(self) -> dict[str, Any]:
        return {
            "organisation": self.key,
            "ledger": asdict(self.tree),
            "records": asdict(self.records),
            "anchors": asdict(self.anchors),
            "restores": [
                {
                    "recorded_at": row.recorded_at.isoformat(),
                    "recorded_by": row.recorded_by,
                    "reason": row.reason,
                    "found_size": row.found_size,
                    "anchor_size": row.anchor_size,
                }
                for row in self.restores
            ],
        }


def _verify_one(context: CommandContext, organisation: Organisation) -> _Result:
    settings = context.settings
    try:
        verifier = verifier_for(settings.keys, organisation.key)
    except KeyFileMissing:
        verifier = None  # well before the first checkpoint; a problem of every checkpoint afterwards
    except KeyFileFault:
        verifier = _verifier(settings.keys, organisation.key)
    with context.database.reading() as session:
        return _Result(
            organisation.key,
            verify_ledger(session, organisation.id, verifier),
            verify_records(session, organisation.id),
            verify_anchors(session, organisation, settings.anchor_dir, settings.keys),
            restores(session, organisation.id),
        )


def _print_result(result: _Result) -> None:
    tree, records = result.tree, result.records
    click.echo(
        _(
            "%(key)s: %(events)s events, %(leaves)s in the tree, %(pending)s pending, %(checkpoints)s checkpoints, "
            "%(records)s records, %(openings)s openings, %(erased)s erased.",
            key=result.key,
            events=tree.events,
            leaves=tree.leaves,
            pending=tree.pending,
            checkpoints=tree.checkpoints,
            records=records.records,
            openings=records.openings,
            erased=records.erased,
        )
    )
    _print_anchors(result)
    problems = [*tree.problems, *records.problems, *result.anchors.problems]
    for problem in problems:
        click.echo(f"  {problem.code}  {_location(problem)}")
        click.echo(f"    {_meaning(problem.code)}")
    count = result.problem_count
    if count > len(problems):
        click.echo("  " + _("… and %(count)s more.", count=count - len(problems)))
    click.echo("  " + (_("Problems: %(count)s", count=count) if count else _("Nothing is wrong.")))


def _print_anchors(result: _Result) -> None:
    if result.anchors.newest_size is None and result.tree.checkpoints:
        click.echo("  " + _("No anchor is there to compare with."))
    elif (newest := result.anchors.newest_size) is not None:
        click.echo("  " + _("Anchors: %(count)s; the newest has %(newest)s events.", count=result.anchors.anchors, newest=newest))  # fmt: skip
    for row in result.restores:
        click.echo(
            "  "
            + _(
                "A restore was acknowledged on %(time)s JST by %(by)s: %(tree)s events, where %(anchor)s were anchored. Reason: %(reason)s",
                time=f"{row.recorded_at.astimezone(JST):%Y-%m-%d %H:%M:%S}",
                by=row.recorded_by,
                tree=row.found_size,
                anchor=row.anchor_size,
                reason=row.reason,
            )
        )


def _location(problem: LedgerProblem) -> str:
    event = f"event {problem.event_id}" if problem.event_id is not None else ""
    return "  ".join(part for part in (problem.where, problem.member, event) if part)


def _meaning(code: ProblemCode) -> str:
    return {
        ProblemCode.EVENT_CHANGED: _("The event's content and its hash do not belong together: one was changed."),
        ProblemCode.EVENT_MISSING: _("The event is not there."),
        ProblemCode.EVENT_FOREIGN: _("The event belongs to another organisation."),
        ProblemCode.EVENT_UNPLACED: _("The event is neither in the tree nor waiting for its place."),
        ProblemCode.EVENT_PENDING_TWICE: _("The event is in the tree and waits for a place all the same."),
        ProblemCode.EVENT_UNREADABLE: _("The event can't be read."),
        ProblemCode.LEAF_GAP: _("Places before this one are empty."),
        ProblemCode.LEAF_ORDER: _("The event does not stand where it was put."),
        ProblemCode.LEAF_UNSIGNED: _("From this place on, no checkpoint covers the tree."),
        ProblemCode.CHECKPOINT_NOTE: _("The checkpoint is not one that this ledger's key has signed."),
        ProblemCode.CHECKPOINT_CONTENT: _("The checkpoint's row says something else than what was signed."),
        ProblemCode.CHECKPOINT_ROOT: _("The events in these places are not those that were signed."),
        ProblemCode.CHECKPOINT_FRONTIER: _("The state from which the tree goes on is damaged."),
        ProblemCode.CHECKPOINT_ORDER: _("The checkpoint is older than one of a smaller tree."),
        ProblemCode.CHECKPOINT_GAP: _("The checkpoint before this one is not there."),
        ProblemCode.RECORD_MISSING: _("The event's record is not there."),
        ProblemCode.RECORD_CHANGED: _("The record says something else than its event."),
        ProblemCode.RECORD_UNREADABLE: _("The record holds a value that can't be read."),
        ProblemCode.RECORD_WITHOUT_EVENT: _("The record's event is not there."),
        ProblemCode.ANCHOR_UNREADABLE: _("The anchor is no checkpoint that this ledger's key has signed."),
        ProblemCode.ANCHOR_SMALLER: _(
            "The ledger is smaller than its anchor outside the database: its end is missing."
        ),
        ProblemCode.ANCHOR_INCONSISTENT: _("The ledger does not go on from its anchor: its past was changed."),
        ProblemCode.OPENING_CHANGED: _("The personal value is not the one that was recorded."),
    }[code]


def _print_event(context: CommandContext, session: Session, organisation: Organisation, event: LedgerEvent) -> bool:
    """Print an event with its place; say whether it has one and the proof holds."""
    click.echo(_("Evidence id: %(evidence_id)s", evidence_id=short_id(event.leaf)))
    click.echo(_("Organisation: %(key)s", key=organisation.key))
    click.echo(_("Event: %(event_id)s", event_id=event.id))
    click.echo(json.dumps(json.loads(event.payload), ensure_ascii=False, indent=2))
    try:
        proof = inclusion(session, organisation.id, event.id)
    except LedgerError:
        click.echo(_("The proof does not hold: run `akashi ledger verify`."))
        return False
    if proof is None:
        click.echo(_("It waits for its place in the tree."))
        return False
    return _print_proof(context, session, organisation, event, proof)


def _print_proof(
    context: CommandContext, session: Session, organisation: Organisation, event: LedgerEvent, proof: Inclusion
) -> bool:
    known = checkpoint_at(session, organisation.id, proof.size)
    click.echo(
        _(
            "Place: %(n)s in the tree of %(size)s, signed on %(time)s JST",
            n=proof.n,
            size=proof.size,
            time=f"{known.created_at.astimezone(JST):%Y-%m-%d %H:%M:%S}" if known else "?",
        )
    )
    try:
        signed = open_checkpoint(proof.note, _verifier(context.settings.keys, organisation.key))
    except NoteError:
        click.echo(_("The checkpoint is not one that this ledger's key has signed."))
        return False
    holds = verify_inclusion(leaf_hash(event.payload), proof.n, signed.size, proof.proof, signed.root)
    click.echo(_("The proof holds.") if holds else _("The proof does not hold: run `akashi ledger verify`."))
    return holds
