"""``akashi restore``: say that the ledger went back on purpose, and why."""

from __future__ import annotations

import click

from lms.cli.context import CommandContext
from lms.cli.organisations import explained
from lms.services.anchors import AnchorError, TreeInconsistentError, TreeSmallerError, acknowledge_restore, read_anchors
from lms.services.organisations import find_organisation_or_only
from lms.wording.gettext import _


@click.command("restore")
@click.option("--organisation", "key", metavar="KEY", required=True, help="Key of the organisation.")
@click.option("--reason", required=True, help="Why the ledger is not the one that was anchored; stands in the ledger.")
@click.pass_obj
def restore(context: CommandContext, key: str, reason: str) -> None:
    """Acknowledge that a backup was put back, so that the tool starts again.

    The acknowledgement is a record of its own, and `akashi ledger verify` names it for ever.
    """
    if not reason.strip():
        raise click.ClickException(_("Please say why: which backup was put back, and what happened before."))
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
    anchors = read_anchors(context.settings.anchor_dir, organisation.key, None)
    stamp = f"operator:{context.operator}", context.now()
    with context.database.transaction() as session:
        rows = acknowledge_restore(session, organisation, anchors, reason.strip(), stamp)
    if not rows:
        raise click.ClickException(
            _("The ledger of %(key)s fits its anchors; there is nothing to acknowledge.", key=organisation.key)
        )
    for row in rows:
        click.echo(
            _(
                "Recorded: the ledger of %(key)s has %(tree)s events, where %(anchor)s were anchored.",
                key=organisation.key,
                tree=row.found_size,
                anchor=row.anchor_size,
            )
        )


def anchor_sentence(refusal: AnchorError) -> str:
    """Say why the tool does not start on a ledger, and what to do."""
    facts = {"key": refusal.organisation_key, "file": refusal.file, "tree": refusal.tree_size}
    if isinstance(refusal, TreeSmallerError):
        said = _(
            "The ledger of %(key)s has %(tree)s events, fewer than the %(anchor)s of its anchor %(file)s.",
            anchor=refusal.anchor_size,
            **facts,
        )
    elif isinstance(refusal, TreeInconsistentError):
        said = _(
            "The ledger of %(key)s, with %(tree)s events, does not go on from the %(anchor)s events of its anchor %(file)s.",
            anchor=refusal.anchor_size,
            **facts,
        )
    else:
        return _(
            "The anchor %(file)s is no checkpoint of this ledger. Put the file back from a backup; don't delete it unseen.",
            file=refusal.file,
        )
    advice = _(
        "If you have put a backup back: akashi restore --organisation %(key)s --reason TEXT. Otherwise records are missing: stop, and ask why.",
        key=refusal.organisation_key,
    )
    return f"{said} {advice}"
