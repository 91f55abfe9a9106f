"""``akashi platform``: registering a Moodle, changing, stopping and starting its registration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, actor, explained
from lms.cli.registrations import approve, decline, explained_platforms, invite, requests
from lms.lti.tool_facts import CUSTOM_PARAMETERS, ToolFacts
from lms.services.organisations import find_organisation_or_only
from lms.services.platform_register import platform_views
from lms.services.platforms import (
    NewPlatform,
    PlatformDetails,
    UnknownPlatformError,
    add_deployment,
    add_platform,
    change_platform,
    check_change,
    details_of,
    platform_of,
    start_platform,
    stop_platform,
)
from lms.wording.gettext import _
from lms.wording.platforms import platform_field_label, platform_state_label


@click.group("platform")
def platform() -> None:
    """Platforms: the Moodle sites that launch the tool."""


@platform.command("add")
@click.argument("name")
@click.option("--issuer", required=True, help="Platform ID: the address of the Moodle site.")
@click.option("--client-id", required=True, help="Client ID that Moodle shows.")
@click.option("--deployment", "deployments", multiple=True, required=True, help="Deployment ID; may be given again.")
@click.option("--auth-url", help="Authentication request URL; Moodle's usual one if left out.")
@click.option("--token-url", help="Access token URL; Moodle's usual one if left out.")
@click.option("--keyset-url", help="Public keyset URL; Moodle's usual one if left out.")
@click.option(
    "--trust-staff-number",
    is_flag=True,
    help="Confirms that users cannot edit their ID number there; it then links accounts to the staff list.",
)
@click.option(
    "--trusted-audience",
    "audiences",
    multiple=True,
    help="Audience that may stand beside the client ID in a launch; may be given again. Moodle never sends one.",
)
@ORGANISATION_OPTION
@click.pass_obj
def add_one(
    context: CommandContext, /, key: str | None, name: str, **given: str | bool | tuple[str, ...] | None
) -> None:
    """Register a platform under NAME; launches from its deployments are accepted from then on."""
    issuer = str(given["issuer"])
    site = issuer.rstrip("/")
    deployments, audiences = given["deployments"], given["audiences"]
    new = NewPlatform(
        name=name,
        issuer=issuer,
        client_id=str(given["client_id"]),
        authorization_url=str(given["auth_url"] or f"{site}/mod/lti/auth.php"),
        token_url=str(given["token_url"] or f"{site}/mod/lti/token.php"),
        keyset_url=str(given["keyset_url"] or f"{site}/mod/lti/certs.php"),
        deployments=deployments if isinstance(deployments, tuple) else (),
        trusts_staff_number=bool(given["trust_staff_number"]),
        trusted_audiences=audiences if isinstance(audiences, tuple) else (),
    )
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        add_platform(session, organisation, new, actor(context), context.now())
    facts = ToolFacts(context.settings.base_url)
    click.echo(_("Registered %(name)s. In Moodle, the tool's addresses are:", name=name))
    click.echo(f"  Tool URL                {facts.launch_url}")
    click.echo(f"  Initiate login URL      {facts.login_url}")
    click.echo(f"  Redirection URI(s)      {facts.launch_url}")
    click.echo(f"  Public keyset           {facts.keyset_url}")
    click.echo(f"  Icon URL                {facts.icon_url}")
    for parameter, variable in CUSTOM_PARAMETERS.items():
        click.echo(f"  Custom parameters       {parameter}={variable}")
    click.echo(_("In each activity, the custom parameter says what it opens, for example: akashi=isms-and-my-role"))


@platform.command("deployment")
@click.argument("issuer")
@click.argument("client_id")
@click.argument("deployment_id")
@ORGANISATION_OPTION
@click.pass_obj
def add_one_deployment(
    context: CommandContext, /, issuer: str, client_id: str, deployment_id: str, key: str | None
) -> None:
    """Accept launches from one more DEPLOYMENT_ID of a registered platform."""
    try:
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            add_deployment(session, organisation, (issuer, client_id), deployment_id, (actor(context), context.now()))
    except UnknownPlatformError:
        raise click.ClickException(_("No platform is registered with this issuer and client ID.")) from None
    click.echo(_("Launches from deployment %(deployment)s are accepted.", deployment=deployment_id))


@platform.command("list")
@ORGANISATION_OPTION
@click.pass_obj
def list_all(context: CommandContext, key: str | None) -> None:
    """List the registrations with their numbers, their states, and how each is doing."""
    with explained(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        for view in platform_views(session, organisation.id, context.now()):
            row = view.platform
            click.echo(f"{row.id}  {row.name}  [{platform_state_label(view.state)}]")
            click.echo(f"    {row.issuer}  client {row.client_id}  deployments {', '.join(view.deployments)}")
            click.echo(
                _(
                    "    last launch %(launch)s; keys fetched %(keys)s; scores waiting %(waiting)s, refused %(dead)s",
                    launch=_time(view.last_launched_at),
                    keys=_time(view.keys_fetched_at),
                    waiting=view.deliveries_waiting,
                    dead=view.deliveries_dead,
                )
            )


def _time(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


@platform.command("stop")
@click.argument("platform_id", type=int)
@ORGANISATION_OPTION
@click.pass_obj
def stop(context: CommandContext, platform_id: int, key: str | None) -> None:
    """Stop registration PLATFORM_ID: nobody comes in by it, its sessions end, nothing is sent to it."""
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        ended = stop_platform(session, organisation, platform_id, (actor(context), context.now()))
    click.echo(_("Stopped. Sessions ended: %(count)s.", count=ended))


@platform.command("start")
@click.argument("platform_id", type=int)
@ORGANISATION_OPTION
@click.pass_obj
def start(context: CommandContext, platform_id: int, key: str | None) -> None:
    """Take the stopped registration PLATFORM_ID into use again."""
    with explained(), explained_platforms(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        start_platform(session, organisation, platform_id, (actor(context), context.now()))
    click.echo(_("In use."))


@platform.command("edit")
@click.argument("platform_id", type=int)
@click.option("--name", help="What lists here call it.")
@click.option("--auth-url", help="Authentication request URL.")
@click.option("--token-url", help="Access token URL.")
@click.option("--keyset-url", help="Public keyset URL.")
@click.option("--deployment", "deployments", multiple=True, help="Deployment ID; all that are accepted, again each.")
@click.option("--trusted-audience", "audiences", multiple=True, help="Trusted audience; all of them, again each.")
@click.option("--trust-staff-number/--no-trust-staff-number", default=None, help="Whether its ID number is trusted.")
@click.option("--succeeds", type=int, help="Number of the same site's earlier registration; 0 for none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ORGANISATION_OPTION
@click.pass_obj
def edit(
    context: CommandContext,
    /,
    platform_id: int,
    key: str | None,
    yes: bool,
    **given: str | bool | int | tuple[str, ...],
) -> None:
    """Change registration PLATFORM_ID; what is not given stays. Shows old and new, and asks."""
    with explained(), explained_platforms(), context.database.reading() as session:
        organisation = find_organisation_or_only(session, key)
        found = platform_of(session, organisation, platform_id)
        if found is None:
            raise UnknownPlatformError(platform_id)
        before = details_of(session, found)
        _row, wanted, names = check_change(session, organisation, platform_id, _wanted(before, given))
    if not names:
        click.echo(_("Nothing changes."))
        return
    for name in names:
        click.echo(f"{platform_field_label(name)}: {_text(getattr(before, name))} → {_text(getattr(wanted, name))}")
    if not yes:
        click.confirm(_("Change it?"), abort=True)
    with explained_platforms(), context.database.transaction() as session:
        change_platform(session, organisation, platform_id, wanted, (actor(context), context.now()))
    click.echo(_("Changed."))


def _wanted(before: PlatformDetails, given: dict[str, Any]) -> PlatformDetails:
    options = {
        "name": "name",
        "auth_url": "authorization_url",
        "token_url": "token_url",
        "keyset_url": "keyset_url",
        "trust_staff_number": "trusts_staff_number",
    }
    values = {field: given[option] for option, field in options.items() if given[option] is not None}
    values |= {
        field: given[option]
        for option, field in (("deployments", "deployments"), ("audiences", "trusted_audiences"))
        if given[option]
    }
    if given["succeeds"] is not None:
        values["succeeds_id"] = given["succeeds"] or None
    return before.changed(**values)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return (", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)) or "–"


for command in (invite, requests, approve, decline):
    platform.add_command(command)
