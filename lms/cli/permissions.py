"""``akashi grant``: the first rights, before anybody has a page on which to record appointments."""

from __future__ import annotations

import click

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, actor, explained
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.permissions import grant_role, revoke_grant
from lms.wording.gettext import _


@click.command("grant")
@click.argument("isms_role", type=click.Choice([each.value for each in IsmsRole]))
@click.argument("staff_number")
@click.option("--revoke", "is_revoked", is_flag=True, help="Take the grant back from today on.")
@ORGANISATION_OPTION
@click.pass_obj
def grant(context: CommandContext, isms_role: str, staff_number: str, is_revoked: bool, key: str | None) -> None:
    """Grant the rights of ISMS_ROLE to the person with STAFF_NUMBER from today on, until appointments are recorded."""
    now = context.now()
    with explained(), context.database.transaction() as session:
        organisation = find_organisation_or_only(session, key)
        person_id = find_person(session, organisation.id, staff_number, jst_date(now))
        if person_id is None:
            raise click.ClickException(
                _(
                    "Nobody on the staff list has the staff number “%(number)s” today. Nothing was changed.",
                    number=staff_number,
                )
            )
        change = revoke_grant if is_revoked else grant_role
        row = change(session, organisation, person_id, IsmsRole(isms_role), actor(context), now)
    facts = {"role": isms_role, "number": staff_number}
    if row is None:
        raise click.ClickException(
            _("Staff number %(number)s has no grant of %(role)s today. Nothing was changed.", **facts)
        )
    if is_revoked:
        click.echo(_("Taken back: %(role)s from staff number %(number)s.", **facts))
    else:
        click.echo(_("Granted: %(role)s to staff number %(number)s.", **facts))
