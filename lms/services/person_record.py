"""One person's whole record: every fact with its evidence id and its corrections, and how each obligation stands.

Source: domain.md §2 (two time axes), §3 (each state comes with the records that say so).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear
from courses.ledger import short_id
from courses.people import KnownPerson
from lms.services.fact_kinds import KINDS
from lms.services.people import Particulars, in_force, particulars_rows, people_facts
from lms.services.person_facts import NoSuchPersonError
from lms.services.requirements import Standing, standings_in
from lms.store.ledger import LedgerEvent, LedgerLeaf
from lms.store.organisations import Unit
from lms.store.people import PERSONAL_FIELDS, PersonalOpening, PersonFact, PersonParticulars
from lms.store.records import Moment
from lms.store.roles import Appointment
from lms.store.vendors import VendorEngagement, VendorFirm

_BOOKKEEPING = frozenset(
    {
        *("id", "person_id", "organisation_id", "event_id", "recorded_at", "recorded_by", "supersedes_id", "is_void"),
        *("document_id", "migration_batch_id", "valid_from", "valid_to", "correction_reason"),
    }
)
_SHOWN_ONLY: dict[str, type[PersonFact]] = {"appointment": Appointment, "engagement": VendorEngagement}
"""Kinds that other rooms record."""


@dataclass(frozen=True, slots=True)
class FactVersion:
    """One recording of a fact."""

    fact_id: int
    start: date
    end: date | None
    """First day on which it no longer holds."""
    values: Mapping[str, Any]
    """By column; of units and firms, their names in Japanese; None for erased personal values."""
    reason: str | None
    """Why the fact is so, or why it was corrected, where its kind keeps only one of the two."""
    correction_reason: str | None
    is_void: bool
    recorded_at: datetime
    recorded_by: str
    evidence_id: str
    event_id: int


@dataclass(frozen=True, slots=True)
class FactHistory:
    """A fact as it stands, and all that was recorded of it before."""

    kind: str
    versions: tuple[FactVersion, ...]
    """Oldest first."""

    @property
    def newest(self) -> FactVersion:
        """The recording that stands."""
        return self.versions[-1]

    def holds_on(self, day: date) -> bool:
        """Tell whether the fact is true on a JST date."""
        newest = self.newest
        return not newest.is_void and newest.start <= day and (newest.end is None or day < newest.end)


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """All that is known of a person."""

    person_id: int
    particulars: Particulars | None
    """On the date asked for; None where they were erased."""
    known: KnownPerson
    facts: Mapping[str, tuple[FactHistory, ...]]
    """By kind, in order of their start; those that were voided too."""
    standings: tuple[Standing, ...]
    """Of all fiscal years up to that of the date, the newest year first."""


def person_record(session: Session, organisation_id: int, person_id: int, moment: Moment) -> PersonRecord:
    """Return a person's record as of a date and as known at a size of the tree.

    Raises:
        NoSuchPersonError: the organisation has no such person, or nothing was known of them then.
    """
    known = people_facts(session, organisation_id, moment.known_at, {person_id}).get(person_id)
    if known is None:
        raise NoSuchPersonError(person_id)
    models: dict[str, type[PersonFact]] = {"particulars": PersonParticulars}
    models |= {key: kind.model for key, kind in KINDS.items()} | _SHOWN_ONLY
    names = _Names(session, organisation_id)
    versions = [row for key, row in particulars_rows(session, organisation_id, moment.known_at, {person_id})]
    value = in_force(versions, moment.as_of).value if versions else ()
    return PersonRecord(
        person_id=person_id,
        particulars=Particulars(*value) if value else None,
        known=known,
        facts={key: _histories(session, (key, model), person_id, (moment, names)) for key, model in models.items()},
        standings=standings_in_all_years(session, organisation_id, person_id, moment),
    )


def standings_in_all_years(
    session: Session, organisation_id: int, person_id: int, moment: Moment
) -> tuple[Standing, ...]:
    """Return how a person stands in all years up to that of a date, the newest first."""
    last = FiscalYear.of(moment.as_of).year
    found = standings_in(session, organisation_id, person_id, None, moment)
    return tuple(
        sorted(
            (each for each in found if each.obligation.year <= last),
            key=lambda each: (-each.obligation.year, each.obligation.due_on, each.obligation.key),
        )
    )


class _Names:
    """Names of what facts point at."""

    def __init__(self, session: Session, organisation_id: int) -> None:
        self.units: dict[int, str] = dict(
            session.execute(select(Unit.id, Unit.name_ja).where(Unit.organisation_id == organisation_id)).all()
        )
        self.firms: dict[int, str] = dict(
            session.execute(
                select(VendorFirm.id, VendorFirm.name_ja).where(VendorFirm.organisation_id == organisation_id)
            ).all()
        )


def _histories(
    session: Session, kind: tuple[str, type[PersonFact]], person_id: int, how: tuple[Moment, _Names]
) -> tuple[FactHistory, ...]:
    key, row_model = kind
    moment, names = how
    model: Any = row_model
    query = (
        select(model, LedgerEvent.leaf)
        .join(LedgerEvent, LedgerEvent.id == model.event_id)
        .where(model.person_id == person_id)
        .order_by(model.id)
    )
    if moment.known_at is not None:
        query = query.join(LedgerLeaf, LedgerLeaf.event_id == model.event_id).where(LedgerLeaf.n < moment.known_at)
    rows = session.execute(query).all()
    personal = _personal_values(session, [row.id for row, _ in rows]) if key == "particulars" else {}
    chains: dict[int, list[FactVersion]] = {}
    for row, leaf in rows:
        chain = chains.pop(row.supersedes_id, []) if row.supersedes_id is not None else []
        chains[row.id] = [*chain, _version(row, leaf, names, personal.get(row.id))]
    found = (FactHistory(key, tuple(chain)) for chain in chains.values())
    return tuple(sorted(found, key=lambda each: (each.newest.start, each.newest.fact_id)))


def _version(row: PersonFact, leaf: bytes, names: _Names, personal: Mapping[str, str] | None) -> FactVersion:
    values: dict[str, Any] = {
        each.key: getattr(row, each.key)
        for each in inspect(type(row)).column_attrs
        if each.key not in _BOOKKEEPING and each.key != "reason"
    }
    if "unit_id" in values:
        unit_id = values.pop("unit_id")
        values = {"unit": None if unit_id is None else names.units.get(unit_id), **values}
    if "firm_id" in values:
        values["firm"] = names.firms.get(values.pop("firm_id"))
    if isinstance(row, PersonParticulars):
        values = dict(personal) if personal is not None else dict.fromkeys(PERSONAL_FIELDS)
    return FactVersion(
        fact_id=row.id,
        start=row.valid_from,
        end=row.valid_to,
        values=values,
        reason=row.reason,
        correction_reason=getattr(row, "correction_reason", None),
        is_void=row.is_void,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        evidence_id=short_id(leaf),
        event_id=row.event_id,
    )


def _personal_values(session: Session, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    rows = session.scalars(select(PersonalOpening).where(PersonalOpening.particulars_id.in_(ids)))
    return {row.particulars_id: {name: getattr(row, name) for name in PERSONAL_FIELDS} for row in rows}
