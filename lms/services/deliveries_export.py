"""The outbox as a file, for whoever looks after it: codes untranslated, and each reason in words beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

from sqlalchemy.orm import Session

from lms.reports.tables import Cell, Head, write_csv
from lms.services.deliveries import DeliveryFilter, DeliveryRow, list_deliveries
from lms.services.people import Particulars, particulars_on
from lms.services.signing import full_name
from lms.store.organisations import Organisation
from lms.wording.deliveries import advice_sentence, reason_sentence
from lms.wording.gettext import current_language

COLUMNS = (
    "delivery", "staff_number", "name", "activity", "course", "platform", "mark", "maximum", "kind", "code", "reason",
    "advice", "held_score", "held_maximum", "tries", "decided_at_utc", "next_try_at_utc", "delivered_at_utc",
    "compared_at_utc", "set_aside_at_utc",
)  # fmt: skip


def export_deliveries(
    session: Session, organisation: Organisation, chosen: DeliveryFilter, now: datetime, day: date | None
) -> bytes:
    """Return deliveries as CSV; people's names and numbers as of a day, or left out with their points (None)."""
    rows = list_deliveries(session, organisation.id, chosen)
    people = {} if day is None else particulars_on(session, organisation.id, day)
    filters = {"kind": chosen.kind.value if chosen.kind else None, "code": chosen.code, "platform": chosen.platform_id}
    head = Head(
        (
            ("organisation", organisation.name(current_language())),
            ("as_of_utc", _text(now)),
            *((name, value) for name, value in filters.items() if value is not None),
        ),
        len(rows),
    )
    out = BytesIO()
    write_csv(out, head, COLUMNS, (_cells(row, people.get(row.person_id or 0), day is not None) for row in rows))
    return out.getvalue()


def _cells(row: DeliveryRow, person: Particulars | None, is_named: bool) -> tuple[Cell, ...]:
    code = row.code or (row.standing if row.kind.value == "differing" else None)
    name = (full_name(person) or row.claimed_name) if is_named else None
    return (
        row.id, person.staff_number if person else None, name, row.activity, row.course, row.platform,
        *((row.mark, row.maximum) if is_named else (None, None)), row.kind.value, code, None if code is None else reason_sentence(code), advice_sentence(code),
        *((row.held_score, row.held_maximum) if is_named else (None, None)), row.tries, _text(row.decided_at), _text(row.next_try_at),
        _text(row.delivered_at), _text(row.compared_at), _text(row.set_aside_at),
    )  # fmt: skip


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
