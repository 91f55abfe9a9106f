"""The register of people: who is known, where they belong, and whether they are in scope, at any moment.

Source: ISO/IEC 27001 clause 4.3; domain.md §2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from courses.people import Affiliation, KnownPerson, affiliation_on, in_scope_on
from lms.services.people import Particulars, particulars_on, people_facts
from lms.store.records import Moment


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom to show; None or empty: everybody."""

    text: str = ""
    """Part of a staff number, a name or its kana."""
    unit: str | None = None
    """Of the affiliation, or of a concurrent post held on the day."""
    employment: str | None = None
    is_in_scope: bool | None = None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of the register."""

    person_id: int
    particulars: Particulars | None
    """None where they were erased."""
    affiliation: Affiliation | None
    concurrent_units: tuple[str, ...]
    is_in_scope: bool
    is_on_leave: bool


def people_register(session: Session, organisation_id: int, moment: Moment, chosen: PeopleFilter) -> list[PersonRow]:
    """Return the people of an organisation as of a date and as known at a size of the tree, by unit and number."""
    names = particulars_on(session, organisation_id, moment.as_of, moment.known_at)
    facts = people_facts(session, organisation_id, moment.known_at)
    rows = [row for row in _rows(facts, names, moment) if _is_chosen(row, chosen)]
    rows.sort(
        key=lambda row: (
            row.affiliation.unit if row.affiliation else "",
            row.particulars.staff_number if row.particulars else "",
            row.person_id,
        )
    )
    return rows


def _rows(facts: dict[int, KnownPerson], names: dict[int, Particulars | None], moment: Moment) -> Iterator[PersonRow]:
    for person_id, person in facts.items():
        yield PersonRow(
            person_id=person_id,
            particulars=names.get(person_id),
            affiliation=affiliation_on(person, moment.as_of),
            concurrent_units=tuple(each.unit for each in person.concurrent_posts if moment.as_of in each.period),
            is_in_scope=in_scope_on(person, moment.as_of),
            is_on_leave=any(moment.as_of in each for each in person.leave),
        )


def _is_chosen(row: PersonRow, chosen: PeopleFilter) -> bool:
    if chosen.is_in_scope is not None and row.is_in_scope is not chosen.is_in_scope:
        return False
    units = {*row.concurrent_units, *([row.affiliation.unit] if row.affiliation else [])}
    if chosen.unit is not None and chosen.unit not in units:
        return False
    if chosen.employment is not None and (row.affiliation is None or row.affiliation.employment != chosen.employment):
        return False
    return not chosen.text or _folded(chosen.text) in _searchable(row.particulars)


def _searchable(particulars: Particulars | None) -> str:
    if particulars is None:
        return ""
    each = particulars
    return _folded(
        f"{each.staff_number}\n{each.family_name}{each.given_name}\n{each.family_kana}{each.given_kana}\n"
        f"{each.romaji}\n{each.former_name}"
    )


def _folded(text: str) -> str:
    """Fold width, case and the space between names."""
    return unicodedata.normalize("NFKC", text).casefold().replace(" ", "")
