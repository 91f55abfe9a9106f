"""Personal values behind the commitments of any record's event, kept apart so that they can be erased.

`lms.store.people.PersonalOpening` holds those of the staff list, in columns that queries can search; this table holds
those of every other record.

Source: quality.md §3; docs/ledger.md section 3.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from courses.events import SALT_LENGTH, commit_fields
from lms.store.base import Base, BigId, Owned
from lms.store.records import OrganisationKey, Record, record_personal

PersonalValues = Mapping[str, str | None]
"""Field name to text; None for a value that is absent."""


class RecordOpening(Owned, Base):
    """The personal values of one record, with the salt of their commitments; erased whole."""

    __tablename__ = "record_opening"

    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("ledger_event.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    """32 random bytes, from which each field's salt is derived."""
    entries: Mapped[dict[str, Any]]
    """`PersonalValues`."""


def record_with_openings(
    session: Session, organisation: OrganisationKey, rows: Sequence[tuple[Record, PersonalValues]]
) -> None:
    """Insert records whose events commit to personal values, and the openings of these."""
    salted = [(row, secrets.token_bytes(SALT_LENGTH), values) for row, values in rows]
    record_personal(session, organisation, [(row, commit_fields(salt, values)) for row, salt, values in salted])
    if salted:
        session.execute(
            insert(RecordOpening),
            [
                {"event_id": row.event_id, "organisation_id": organisation.id, "salt": salt, "entries": dict(values)}
                for row, salt, values in salted
            ],
        )


def openings_of(session: Session, event_ids: Sequence[int]) -> dict[int, dict[str, str | None]]:
    """Return the personal values of records by the key of their event; those that were erased are left out."""
    rows = session.execute(
        select(RecordOpening.event_id, RecordOpening.entries).where(RecordOpening.event_id.in_(event_ids))
    )
    return {event_id: dict(entries) for event_id, entries in rows}
