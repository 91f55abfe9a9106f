"""``akashi platform``: registering a Moodle."""

from __future__ import annotations

import click

from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.lti.http import OutgoingRefused, origin_of
from lms.services.organisations import find_organisation_or_only
from lms.services.platforms import (
    NewPlatform,
    PlatformExistsError,
    UnknownPlatformError,
    add_deployment,
    add_platform,
)
from lms.wording.gettext import _


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
    for address in (new.authorization_url, new.token_url, new.keyset_url):
        try:
            origin_of(address)
        except OutgoingRefused:
            raise click.ClickException(_("This is no web address: %(address)s", address=address)) from None
    try:
        with explained(), context.database.transaction() as session:
            organisation = find_organisation_or_only(session, key)
            add_platform(session, organisation, new, f"operator:{context.operator}", context.now())
    except PlatformExistsError:
        raise click.ClickException(
            _("This issuer and client ID are registered already; an existing registration is never overwritten.")
        ) from None
    settings = context.settings
    click.echo(_("Registered %(name)s. In Moodle, the tool's addresses are:", name=name))
    click.echo(f"  Tool URL                {settings.launch_url}")
    click.echo(f"  Initiate login URL      {settings.base_url}/lti/login")
    click.echo(f"  Redirection URI(s)      {settings.launch_url}")
    click.echo(f"  Public keyset           {settings.base_url}/lti/jwks")
    click.echo(f"  Icon URL                {settings.base_url}/static/icon.png")
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
            actor = f"operator:{context.operator}"
            add_deployment(session, organisation, (issuer, client_id), deployment_id, (actor, context.now()))
    except UnknownPlatformError:
        raise click.ClickException(_("No platform is registered with this issuer and client ID.")) from None
    click.echo(_("Launches from deployment %(deployment)s are accepted.", deployment=deployment_id))
