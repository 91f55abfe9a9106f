"""``akashi evidence``: check an evidence pack, and print the keys by which readers recognise packs."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import click

from courses.signed_notes import NoteVerifier
from lms.cli.context import CommandContext
from lms.cli.evidence_pack import pack as write_pack
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.jobs.evidence import prepare_pack_key
from lms.reports.evidence import verify as verifier
from lms.reports.evidence.pack import fingerprint, verifier_source
from lms.services.ledger_keys import own_ledger_keys, pack_verifier_for, verifier_for
from lms.services.organisations import find_organisation_or_only
from lms.store.key_files import KeyFileFault
from lms.wording.gettext import _, current_language
from lms.wording.keys import key_fault_sentence


@click.group("evidence")
def evidence() -> None:
    """Evidence packs: check them, and print the keys by which readers recognise them."""


evidence.add_command(write_pack)


@evidence.command("verify")
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--key", metavar="KEY", help="Fingerprint or verifier key that the reader trusts.")
@click.option("--since", type=click.Path(path_type=Path), help="File with a checkpoint that the reader holds.")
@click.pass_obj
def verify(context: CommandContext, pack: Path, key: str | None, since: Path | None) -> None:
    """Check an evidence pack with the verifier that lies in every pack; needs no database.

    Without --key, the pack is compared with the ledger key of this installation, if it has one for the pack's organisation.
    Exit code 1: something is wrong; 2: the file can't be used.
    """
    options = [*(["--key", key] if key else []), *(["--since", str(since)] if since else [])]
    own = own_ledger_keys(context.settings.keys)
    raise SystemExit(verifier.main([*options, "--lang", current_language(), "--", str(pack)], own))


@evidence.command("key")
@ORGANISATION_OPTION
@click.pass_obj
def key(context: CommandContext, key: str | None) -> None:
    """Print verifier keys and fingerprints for readers of packs; at first use, make the pack key and record it."""
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
    try:
        now, by = context.now(), f"operator:{context.operator}"
        prepare_pack_key(context.database, context.settings, organisation, now, by)
        keys = [each(context.settings.keys, organisation.key) for each in (verifier_for, pack_verifier_for)]
    except KeyFileFault as fault:
        raise click.ClickException(key_fault_sentence(type(fault).__name__, fault.name)) from None
    for label, each in zip((_("Ledger key"), _("Pack key")), keys, strict=True):
        _print_key(label, each)
    click.echo(_("SHA-256 of verify.py: %(digest)s", digest=sha256(verifier_source()).hexdigest()))


def _print_key(label: str, verifier_key: NoteVerifier) -> None:
    digits = fingerprint(verifier_key)
    click.echo(f"{label}: {verifier_key}")
    click.echo("  " + _("Fingerprint: %(digits)s", digits=" ".join(digits[at : at + 8] for at in range(0, 64, 8))))
