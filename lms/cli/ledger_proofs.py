"""``akashi ledger prove``, ``consistency`` and ``check``: proofs to hand out, and what a reader does with them."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import select

from courses.ledger import LedgerError
from courses.signed_notes import NoteError, NoteVerifier
from lms.cli.context import CommandContext
from lms.cli.ledger import organisations_named
from lms.services.ledger import find_events, inclusion
from lms.services.ledger_keys import own_ledger_keys
from lms.services.ledger_proofs import NoSuchCheckpointError, check_proof, consistency_file, inclusion_file
from lms.store.ledger import newest_checkpoint
from lms.store.organisations import Organisation
from lms.wording.gettext import _

_OUT = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output else."
)


@click.command("prove")
@click.argument("evidence_id")
@_OUT
@click.pass_obj
def prove(context: CommandContext, evidence_id: str, out: Path | None) -> None:
    """Write the event behind an evidence id, its place and the checkpoint over it, as one JSON file."""
    with context.database.reading() as session:
        found = [
            (organisation, event)
            for organisation in session.scalars(select(Organisation).order_by(Organisation.id)).all()
            for event in find_events(session, organisation.id, evidence_id)
        ]
        if not found:
            raise click.ClickException(_("No event has the evidence id %(evidence_id)s.", evidence_id=evidence_id))
        organisation, event = found[0]
        try:
            proof = inclusion(session, organisation.id, event.id)
        except LedgerError:
            raise click.ClickException(_("The proof does not hold: run `akashi ledger verify`.")) from None
    if proof is None:
        raise click.ClickException(_("It waits for its place in the tree."))
    _write(out, inclusion_file(event, proof))


@click.command("consistency")
@click.option("--from", "old_size", type=click.IntRange(min=1), required=True, help="Size of the earlier checkpoint.")
@click.option("--to", "new_size", type=click.IntRange(min=1), help="Size of the later one; the newest if left out.")
@click.option("--organisation", "key", metavar="KEY", help="Whose ledger; may be left out where there is only one.")
@_OUT
@click.pass_obj
def consistency(
    context: CommandContext, old_size: int, new_size: int | None, key: str | None, out: Path | None
) -> None:
    """Write two checkpoints and the proof that the later ledger goes on from the earlier, as one JSON file."""
    named = organisations_named(context, key)
    if len(named) != 1:
        raise click.UsageError(_("Say whose ledger with --organisation."))
    with context.database.reading() as session:
        newest = newest_checkpoint(session, named[0].id)
        try:
            content = consistency_file(session, named[0].id, old_size, new_size or (newest.size if newest else 0))
        except NoSuchCheckpointError as refusal:
            raise click.ClickException(
                _("No checkpoint over %(size)s events was signed, or it is larger than the other.", size=refusal.size)
            ) from None
    _write(out, content)


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", metavar="VERIFIER_KEY", help="The ledger's verifier key; this installation's own if left out.")
@click.pass_obj
def check(context: CommandContext, file: Path, key: str | None) -> None:
    """Check a file that `prove` or `consistency` has written; needs no database."""
    texts = [key] if key else own_ledger_keys(context.settings.keys)
    try:
        verifiers = [NoteVerifier.parse(text) for text in texts]
    except NoteError:
        raise click.ClickException(_("This is no verifier key.")) from None
    data = file.read_bytes()
    wrong = min((check_proof(data, verifier) for verifier in verifiers), key=len, default=["key"])
    if wrong:
        raise click.ClickException(_("The proof does not hold; wrong: %(members)s.", members=", ".join(wrong)))
    click.echo(_("The proof holds."))


def _write(out: Path | None, content: bytes) -> None:
    if out is None:
        click.echo(content, nl=False)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise click.ClickException(_("The file can't be written: %(reason)s", reason=error.strerror)) from None
