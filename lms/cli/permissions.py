"""``akashi grant``: the first rights, before anybody has a page to grant them on."""

from __future__ import annotations

import click

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.cli.context import CommandContext
from lms.cli.organisations import ORGANISATION_OPTION, explained
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.permissions import grant_role
from lms.wording.gettext import _


@click.command("grant")
@click.argument("isms_role", type=click.Choice([each.value for each in IsmsRole]))
@click.argument("staff_number")
@ORGANISATION_OPTION
@click.pass_obj
def grant(context: CommandContext, isms_role: str, staff_number: str, key: str | None) -> None:
    """Grant ISMS_ROLE to the person with STAFF_NUMBER from today on."""
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
        grant_role(session, organisation, person_id, IsmsRole(isms_role), f"operator:{context.operator}", now)
    click.echo(_("Granted: %(role)s to staff number %(number)s.", role=isms_role, number=staff_number))
