"""``akashi platform invite``, ``requests``, ``approve`` and ``decline``: a platform that registers itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, actor, explained
from lms.services.organisations import find_organisation_or_only
from lms.services.platforms import BadPlatformError, PlatformExistsError, UnknownPlatformError
from lms.services.registration_decisions import (
    Approval,
    DecidedAlreadyError,
    UnknownRequestError,
    approve_request,
    decline_request,
    differences,
    registration_changed_by,
    waiting_requests,
)
from lms.services.registrations import INVITATION_LIFETIME, BadInvitationError, invite_platform
from lms.store.platforms import RegistrationRequest
from lms.wording.gettext import _
from lms.wording.platforms import platform_fault_sentence, platform_field_label, scope_label

_WIDTH = 30


@click.command("invite")
@click.option("--note", "written", default="", help="Note for the list of invitations, such as the site that is meant.")
@click.option("--days", type=int, default=INVITATION_LIFETIME.days, show_default=True, help="How long it can be used.")
@ORGANISATION_OPTION
@click.pass_obj
def invite(context: CommandContext, /, written: str, days: int, key: str | None) -> None:
    """Make an invitation to register one platform; print its address, which serves once."""
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        by = (actor(context), context.now())
        row, token = invite_platform(session, organisation, written, by, timedelta(days=days))
    click.echo(_("In Moodle's “Manage tools”, paste this address into “Tool URL” and press “Add LTI Advantage”:"))
    click.echo(f"{context.settings.base_url}/lti/register/{token}")
    click.echo(_("It is shown only now, and serves once, until %(when)s.", when=f"{row.expires_at:%Y-%m-%d %H:%M} UTC"))


@click.command("requests")
@ORGANISATION_OPTION
@click.pass_obj
def requests(context: CommandContext, key: str | None) -> None:
    """List what platforms have asked for and nobody has decided yet, whole."""
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        waiting = waiting_requests(session, organisation.id)
        if not waiting:
            click.echo(_("Nothing waits for approval."))
        for each in waiting:
            changed = registration_changed_by(session, each)
            head = _("changes a registration") if changed else _("new registration")
            click.echo(f"{each.id}  {each.issuer}  ({head}, {each.received_at:%Y-%m-%d %H:%M} UTC)")
            _print_request(each)
            for difference in differences(session, each, changed) if changed else ():
                label = platform_field_label(difference.field)
                click.echo(f"    {label}: {_flat(difference.before)} → {_flat(difference.after)}")


def _print_request(each: RegistrationRequest) -> None:
    for field, value in (
        ("product", each.product or "–"),
        ("client_id", each.client_id),
        ("deployment_id", each.deployment_id or "–"),
        ("authorization_url", each.authorization_url),
        ("token_url", each.token_url),
        ("keyset_url", each.keyset_url),
        ("scopes", ", ".join(scope_label(scope) for scope in each.scopes) or "–"),
    ):
        click.echo(f"  {platform_field_label(field):<{_WIDTH}} {value}")


def _flat(lines: str) -> str:
    return ", ".join(scope_label(line) for line in lines.split("\n")) or "–"


@click.command("approve")
@click.argument("request_id", type=int)
@click.option("--name", default="", help="What lists here call it; not needed where a registration is changed.")
@click.option("--deployment", default="", help="Deployment ID, where the platform named none.")
@click.option(
    "--trust-staff-number",
    is_flag=True,
    help="Confirms that users cannot edit their ID number there; it then links accounts to the staff list.",
)
@click.option("--succeeds", type=int, help="Number of the same site's earlier registration, whose links it takes over.")
@ORGANISATION_OPTION
@click.pass_obj
def approve(context: CommandContext, /, request_id: int, key: str | None, **given: str | bool | int | None) -> None:
    """Approve REQUEST_ID: make the registration that a platform asked for, or change the one that it names."""
    succeeds = given["succeeds"]
    approval = Approval(
        name=str(given["name"]),
        trusts_staff_number=bool(given["trust_staff_number"]),
        deployment_id=str(given["deployment"]),
        succeeds_id=succeeds if isinstance(succeeds, int) else None,
    )
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        made = approve_request(session, organisation, request_id, approval, (actor(context), context.now()))
    click.echo(_("Approved: registration %(number)s, %(name)s.", number=made.id, name=made.name))
    click.echo(_("In Moodle, press “Activate” on the tool's card, and let it be shown in the activity chooser."))


@click.command("decline")
@click.argument("request_id", type=int)
@ORGANISATION_OPTION
@click.pass_obj
def decline(context: CommandContext, request_id: int, key: str | None) -> None:
    """Turn REQUEST_ID down; nothing comes of it."""
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        decline_request(session, organisation, request_id, (actor(context), context.now()))
    click.echo(_("Turned down."))


@contextmanager
def explained_platforms() -> Iterator[None]:
    """Turn what the services of platforms refuse into a sentence and exit code 1."""
    try:
        yield
    except (LookupError, ValueError) as refusal:
        explain = _REFUSALS.get(type(refusal))
        if explain is None:
            raise
        raise click.ClickException(explain(refusal)) from None


_REFUSALS: dict[type[Exception], Callable[..., str]] = {
    BadInvitationError: lambda bad: platform_fault_sentence(bad.field, "too_long" if bad.field == "note" else "range"),
    BadPlatformError: lambda bad: platform_fault_sentence(bad.field, bad.problem),
    PlatformExistsError: lambda _bad: _(
        "This issuer and client ID are registered already; an existing registration is never overwritten."
    ),
    UnknownPlatformError: lambda _bad: _("There is no such platform; see: akashi platform list"),
    UnknownRequestError: lambda _bad: _("There is no such request; see: akashi platform requests"),
    DecidedAlreadyError: lambda _bad: _("This request was decided already."),
}
