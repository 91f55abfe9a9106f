"""``akashi account``: local accounts for emergencies, made and taken back at the server alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import click
import segno

from courses.calendar import JST
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, actor, explained
from lms.services.account_uses import uses_of
from lms.services.accounts import (
    SHORTEST_PASSWORD,
    AccountExistsError,
    BadLoginNameError,
    Credentials,
    UnknownAccountError,
    WeakPasswordError,
    accounts_of,
    add_account,
    disable_account,
    enable_account,
    find_account,
    reset_account,
)
from lms.services.organisations import find_organisation_or_only
from lms.wording.gettext import _

ASK = click.option("--ask", "is_asked", is_flag=True, help="Ask for the password; one is generated otherwise.")


@click.group("account")
def account() -> None:
    """Emergency accounts: the way in when no Moodle works."""


@account.command("add")
@click.argument("login_name")
@ASK
@ORGANISATION_OPTION
@click.pass_obj
def add_one(context: CommandContext, login_name: str, is_asked: bool, key: str | None) -> None:
    """Make the account LOGIN_NAME; its password and the secret of its codes are shown once."""
    password = _ask() if is_asked else None
    with _refusals(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        by = (actor(context), context.now())
        given = add_account(session, context.settings.keys, organisation, login_name, password, by)
    click.echo(_("Made the emergency account %(name)s.", name=login_name))
    _show(context, given, is_asked)


@account.command("reset")
@click.argument("login_name")
@ASK
@ORGANISATION_OPTION
@click.pass_obj
def reset(context: CommandContext, login_name: str, is_asked: bool, key: str | None) -> None:
    """Give LOGIN_NAME a new password and a new secret; its sessions end, failed tries are forgotten."""
    password = _ask() if is_asked else None
    with _refusals(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        found = find_account(session, organisation.id, login_name)
        given = reset_account(session, context.settings.keys, found, password, (actor(context), context.now()))
    click.echo(_("Reset the emergency account %(name)s. What it had before opens nothing.", name=login_name))
    _show(context, given, is_asked)


@account.command("disable")
@click.argument("login_name")
@ORGANISATION_OPTION
@click.pass_obj
def disable(context: CommandContext, login_name: str, key: str | None) -> None:
    """Close LOGIN_NAME; its sessions end at once."""
    with _refusals(), context.database.transaction() as session:
        found = find_account(session, find_organisation_or_only(session, key).id, login_name)
        is_new = disable_account(session, found, (actor(context), context.now()))
    click.echo(
        _("Closed: %(name)s.", name=login_name) if is_new else _("%(name)s was closed already.", name=login_name)
    )


@account.command("enable")
@click.argument("login_name")
@ORGANISATION_OPTION
@click.pass_obj
def enable(context: CommandContext, login_name: str, key: str | None) -> None:
    """Open LOGIN_NAME again, with the password and secret that it had; failed tries are forgotten."""
    with _refusals(), context.database.transaction() as session:
        found = find_account(session, find_organisation_or_only(session, key).id, login_name)
        is_new = enable_account(session, context.settings.keys, found, (actor(context), context.now()))
    click.echo(_("Open again: %(name)s.", name=login_name) if is_new else _("%(name)s is open.", name=login_name))


@account.command("list")
@ORGANISATION_OPTION
@click.pass_obj
def list_accounts(context: CommandContext, key: str | None) -> None:
    """List the accounts: name, day of making, by whom, open or closed."""
    with _refusals(), context.database.reading() as session:
        rows = accounts_of(session, find_organisation_or_only(session, key).id)
    for row in rows:
        made = f"{row.created_at.astimezone(JST):%Y-%m-%d}"
        standing = _("open") if row.disabled_at is None else _("closed")
        click.echo("\t".join((row.login_name, made, row.created_by, standing)))


@account.command("uses")
@ORGANISATION_OPTION
@click.pass_obj
def uses(context: CommandContext, key: str | None) -> None:
    """List the uses of all accounts, newest first: from, to, account, pages opened and forms sent, or failed tries."""
    with _refusals(), context.database.reading() as session:
        found = uses_of(session, find_organisation_or_only(session, key).id, context.now())
    for use in found:
        began, last = (f"{each.astimezone(JST):%Y-%m-%d %H:%M}" for each in (use.began_at, use.last_at))
        click.echo("\t".join((began, last, use.login_name or "-", *_what(use.pages, use.changes, use.failures))))


def _what(pages: dict[str, int], changes: dict[str, int], failures: int) -> tuple[str, ...]:
    if failures:
        return (_("failed tries: %(count)s", count=failures),)
    return tuple(" ".join(f"{name}×{count}" for name, count in each.items()) or "-" for each in (pages, changes))


def _ask() -> str:
    prompt = _("Password (at least %(count)s characters)", count=SHORTEST_PASSWORD)
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True)
    return typed


def _show(context: CommandContext, given: Credentials, is_asked: bool) -> None:
    if not is_asked:
        click.echo(_("Password: %(password)s", password=given.password))
    click.echo(_("For the authenticator: %(uri)s", uri=given.totp_uri))
    picture = StringIO()
    segno.make_qr(given.totp_uri).terminal(out=picture, compact=True)
    click.echo(picture.getvalue())
    click.echo(_("Sign in at %(address)s. None of this is shown again.", address=f"{context.settings.base_url}/admin/sign-in"))  # fmt: skip


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the services refuse into sentences and exit code 1."""
    try:
        with explained():
            yield
    except BadLoginNameError:
        raise click.ClickException(
            _("An account is called by 3 to 32 lower-case ASCII letters and digits, with single . _ or - between them.")
        ) from None
    except AccountExistsError as taken:
        raise click.ClickException(_("There is an account %(name)s already.", name=taken.args[0])) from None
    except WeakPasswordError:
        raise click.ClickException(
            _("The password needs 15 to 200 characters. Without --ask a good one is generated.")
        ) from None
    except UnknownAccountError as unknown:
        raise click.ClickException(_("There is no account %(name)s.", name=unknown.args[0])) from None
