"""The differences between a roster and the staff list as a file."""

from __future__ import annotations

from io import BytesIO

from sqlalchemy.orm import Session

from courses.calendar import JST
from lms.reports.tables import Head, write_csv
from lms.services.roster_differences import compare_roster
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.store.rosters import RosterSource
from lms.wording.gettext import current_language

COLUMNS = ("difference", "staff_number", "name", "unit", "account_linked")


def export_differences(session: Session, organisation: Organisation, source: RosterSource, moment: Moment) -> bytes:
    """Return everybody in whom the newest snapshot differs, codes untranslated, as CSV."""
    found = compare_roster(session, source, moment)
    finished = found.newest.finished_at if found.newest else None
    head = Head(
        (
            ("organisation", organisation.name(current_language())),
            ("course", source.context_title or source.context_id),
            ("as_of", moment.as_of),
            ("roster_pulled_at", f"{finished.astimezone(JST):%Y-%m-%d %H:%M:%S}" if finished else ""),
        ),
        len(found.differing),
    )
    out = BytesIO()
    rows = (
        (each.difference.value, each.staff_number, each.name, each.unit, "yes" if each.person_id else "no")
        for each in found.differing
    )
    write_csv(out, head, COLUMNS, rows)
    return out.getvalue()
