"""``akashi keys``: what lies in the keys' folder, a new key for platforms, an old one taken away, all of them encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import click

from courses.calendar import JST
from lms.cli.context import CommandContext
from lms.lti.tool_keys import (
    PUBLISHED_BEFORE,
    KeyInUse,
    KeyState,
    RotationUnderway,
    ToolKeys,
    UnknownKey,
    add_key,
    load_or_create,
    retire_key,
)
from lms.services.audit import note
from lms.store.key_files import KeyFileFault, check_key_files, encrypt, key_files
from lms.wording.gettext import _
from lms.wording.keys import key_fault_sentence, key_state_label


@click.group("keys")
def keys() -> None:
    """Private keys: the ones that platforms know, and their passphrase."""


@keys.command("list")
@click.pass_obj
def list_keys(context: CommandContext) -> None:
    """List the keys that platforms know, with what each is for, and every file with whether it is encrypted."""
    folder = context.settings.keys
    with _explained():
        known = load_or_create(folder)
        check_key_files(folder)
    for each in known.standings(context.now()):
        made = each.key.made_at.astimezone(JST)
        cells = (
            str(each.key.number),
            each.key.kid,
            _("made on %(day)s", day=f"{made:%Y-%m-%d}"),
            key_state_label(each.state.value, _moment(each.until)),
        )
        click.echo("\t".join(cells))
    for file in key_files(folder):
        standing = _("encrypted") if file.is_encrypted else _("not encrypted")
        click.echo(f"{file.name}\t{standing}")


@keys.command("rotate")
@click.option(
    "--hours",
    type=click.IntRange(0, 24 * 30),
    default=int(PUBLISHED_BEFORE.total_seconds()) // 3600,
    show_default=True,
    help="How long the new key is published before it signs. 0: at once, for a key that somebody else may have.",
)
@click.pass_obj
def rotate(context: CommandContext, hours: int) -> None:
    """Make a new key for calls to platforms; those before it stay published, and running services take it over."""
    now = context.now()
    try:
        with _explained():
            key = add_key(context.settings.keys, now, timedelta(hours=hours))
    except RotationUnderway as underway:
        raise click.ClickException(
            _(
                "Key %(number)s waits already; it signs from %(time)s. Nothing was changed.",
                number=underway.key.number,
                time=_moment(underway.key.signs_from),
            )
        ) from None
    with context.database.transaction() as session:
        facts = {"number": key.number, "kid": key.kid, "hours": hours}
        note(session, "key.rotated", f"operator:{context.operator}", now, None, **facts)
    click.echo(_("Key %(number)s is published: %(kid)s", number=key.number, kid=key.kid))
    click.echo(_("It signs from %(time)s. The keys before it stay published.", time=_moment(key.signs_from)))
    _tell_retirement(load_or_create(context.settings.keys), now)


@keys.command("retire")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--force", "is_forced", is_flag=True, help="Even if platforms may still meet signatures of it.")
@click.pass_obj
def retire(context: CommandContext, number: int, is_forced: bool) -> None:
    """Take the key NUMBER away for good; refused while platforms may still meet signatures of it."""
    now = context.now()
    try:
        with _explained():
            key = retire_key(context.settings.keys, number, now, is_forced=is_forced)
    except UnknownKey:
        raise click.ClickException(_("There is no key %(number)s: akashi keys list.", number=number)) from None
    except KeyInUse as used:
        raise click.ClickException(_in_use_sentence(used)) from None
    with context.database.transaction() as session:
        facts = {"number": key.number, "kid": key.kid, "forced": is_forced}
        note(session, "key.retired", f"operator:{context.operator}", now, None, **facts)
    click.echo(_("Key %(number)s is gone.", number=number))


@keys.command("encrypt")
@click.option(
    "--former",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the passphrase under which keys are encrypted now, to give them the new one.",
)
@click.pass_obj
def encrypt_all(context: CommandContext, former: Path | None) -> None:
    """Write all keys anew under the passphrase in AKASHI_KEYS_PASSPHRASE_FILE; stop the services before."""
    with _explained():
        names = encrypt(context.settings.keys, former)
    if not names:
        click.echo(_("All keys are encrypted with this passphrase already."))
        return
    with context.database.transaction() as session:
        note(session, "keys.encrypted", f"operator:{context.operator}", context.now(), None, files=names)
    for name in names:
        click.echo(_("Encrypted: %(name)s", name=name))
    click.echo(_("Backups made before still hold the keys as they were."))


def _tell_retirement(known: ToolKeys, now: datetime) -> None:
    for each in known.standings(now):
        if each.state is KeyState.SPENT:
            click.echo(_("Key %(number)s may be retired: akashi keys retire %(number)s", number=each.key.number))


def _in_use_sentence(used: KeyInUse) -> str:
    standing = used.standing
    facts = {"number": standing.key.number, "time": _moment(standing.until)}
    if standing.state is KeyState.UPCOMING:
        return _("Key %(number)s is to sign from %(time)s. --force takes it away all the same.", **facts)
    if standing.state is KeyState.SIGNING:
        return _("Key %(number)s signs. Make another one first: akashi keys rotate", **facts)
    return _(
        "Platforms may still meet signatures of key %(number)s until %(time)s. --force takes it away all the same.",
        **facts,
    )


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(JST):%Y-%m-%d %H:%M} JST"


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what is wrong with a file into a sentence and exit code 1."""
    try:
        yield
    except KeyFileFault as fault:
        raise click.ClickException(key_fault_sentence(type(fault).__name__, fault.name)) from None
