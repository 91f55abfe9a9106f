"""People's facts as the rules and the pages need them.

Source: domain.md §1-2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from courses.calendar import Period
from courses.people import Affiliation, ConcurrentPost, KnownPerson, RoleHeld
from lms.store.organisations import Unit
from lms.store.people import (
    PERSONAL_FIELDS,
    Person,
    PersonAffiliation,
    PersonalOpening,
    PersonConcurrentPost,
    PersonLeave,
    PersonParticulars,
    ScopeMembership,
)
from lms.store.records import known, valid_on
from lms.store.roles import Appointment

_T = TypeVar("_T")

AFFILIATION_FIELDS = ("unit_id", "post", "employment", "category")
AFFILIATION_COLUMNS = tuple(getattr(PersonAffiliation, name) for name in AFFILIATION_FIELDS)


@dataclass(frozen=True, slots=True)
class Particulars:
    """Somebody's particulars 氏名等 on a day."""

    staff_number: str
    family_name: str
    given_name: str
    family_kana: str
    given_kana: str
    romaji: str
    former_name: str
    email: str


class Dated(NamedTuple):
    """A fact's row, known or wanted."""

    origin: int | None
    """The row's key; of a wanted row, the known one that it continues or corrects."""
    start: date
    end: date | None
    value: tuple[Any, ...]
    is_void: bool = False


def people_facts(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> dict[int, KnownPerson]:
    """Return what the rules need to know of people, by key of the person, each kind of fact in order of start.

    Args:
        session: where to read.
        organisation_id: whose people.
        known_at: size of the ledger's tree; people of whom nothing was known then are left out. None: everything.
        person_ids: whom; None: everybody.
    """
    asked = _Asked(session, organisation_id, known_at, person_ids)
    units = dict(session.execute(_UNIT_NAMES, {"organisation": organisation_id}).all())
    scope = asked.by_person(ScopeMembership, (), lambda period: period)
    affiliations = asked.by_person(
        PersonAffiliation,
        AFFILIATION_FIELDS,
        lambda period, unit_id, *others: Affiliation(period, units[unit_id], *others),
    )
    posts = asked.by_person(
        PersonConcurrentPost,
        ("unit_id", "post"),
        lambda period, unit_id, post: ConcurrentPost(period, units[unit_id], post),
    )
    leave = asked.by_person(PersonLeave, (), lambda period: period)
    roles = asked.by_person(Appointment, ("isms_role",), RoleHeld)
    known_then = {*scope, *affiliations, *posts, *leave, *roles}
    if known_at is not None:
        known_then.update(asked.by_person(PersonParticulars, (), lambda period: period))
    return {
        key: KnownPerson(
            key,
            tuple(scope.get(key, ())),
            tuple(affiliations.get(key, ())),
            tuple(leave.get(key, ())),
            tuple(posts.get(key, ())),
            tuple(roles.get(key, ())),
        )
        for key in asked.everybody()
        if known_at is None or key in known_then
    }


_UNIT_NAMES = select(Unit.id, Unit.name_ja).where(Unit.organisation_id == bindparam("organisation"))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose facts are asked for, and as known when."""

    session: Session
    organisation_id: int
    known_at: int | None
    person_ids: Collection[int] | None

    def everybody(self) -> Iterable[int]:
        """Return the keys of all people asked for, in order."""
        return self.session.scalars(_person_keys(self.person_ids is not None), self._values())

    def by_person(
        self,
        model: Any,  # noqa: ANN401 - a mapped class with a person
        columns: tuple[str, ...],
        make: Callable[..., _T],
    ) -> dict[int, list[_T]]:
        """Return known facts by person; what several share is made once."""
        statement = _known_facts(model, columns, self.known_at is not None, self.person_ids is not None)
        made: dict[tuple[Any, ...], _T] = {}
        found: dict[int, list[_T]] = {}
        for person_id, *values in self.session.execute(statement, self._values()):
            key = tuple(values)
            fact = made.get(key)
            if fact is None:
                fact = made[key] = make(Period(values[0], values[1]), *values[2:])
            theirs = found.get(person_id)
            if theirs is None:
                found[person_id] = [fact]
            else:
                theirs.append(fact)
        return found

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"organisation": self.organisation_id}
        if self.known_at is not None:
            values["size"] = self.known_at
        if self.person_ids is not None:
            values["people"] = list(self.person_ids)
        return values


@cache
def _known_facts(
    model: Any,  # noqa: ANN401 - a mapped class with a person
    columns: tuple[str, ...],
    is_limited: bool,
    is_for_some: bool,
) -> Select[Any]:
    """Make a statement once: making it anew for each page cost as much as running it."""
    size: Any = bindparam("size") if is_limited else None
    chosen = (getattr(model, name) for name in columns)
    statement = select(model.person_id, model.valid_from, model.valid_to, *chosen).where(
        model.organisation_id == bindparam("organisation"), known(model, size)
    )
    if is_for_some:
        statement = statement.where(model.person_id.in_(bindparam("people", expanding=True)))
    return statement.order_by(model.person_id, model.valid_from, model.id)


@cache
def _person_keys(is_for_some: bool) -> Select[Any]:
    statement = select(Person.id).where(Person.organisation_id == bindparam("organisation"))
    if is_for_some:
        statement = statement.where(Person.id.in_(bindparam("people", expanding=True)))
    return statement.order_by(Person.id)


def particulars_on(
    session: Session,
    organisation_id: int,
    as_of: date,
    known_at: int | None = None,
    person_ids: Collection[int] | None = None,
) -> dict[int, Particulars | None]:
    """Return particulars on a JST date by key of the person, of everybody or of some; None where they were erased.

    Outside every period it is the latest version that began before, else the first.
    """
    versions: defaultdict[int, list[Dated]] = defaultdict(list)
    for person_id, row in particulars_rows(session, organisation_id, known_at, person_ids):
        versions[person_id].append(row)
    chosen = ((key, in_force(rows, as_of).value) for key, rows in versions.items())
    return {key: Particulars(*value) if value else None for key, value in chosen}


def find_person(session: Session, organisation_id: int, staff_number: str, on: date) -> int | None:
    """Return the one person who has a staff number on a JST date; None where nobody or several have it."""
    return find_people(session, organisation_id, {staff_number}, on).get(staff_number)


def find_people(session: Session, organisation_id: int, staff_numbers: Collection[str], on: date) -> dict[str, int]:
    """Return people by their staff numbers on a JST date; numbers that nobody or several have are left out."""
    rows = session.execute(
        select(PersonalOpening.staff_number, PersonParticulars.person_id)
        .join(PersonParticulars, PersonParticulars.id == PersonalOpening.particulars_id)
        .where(
            PersonalOpening.organisation_id == organisation_id,
            PersonalOpening.staff_number.in_(staff_numbers),
            known(PersonParticulars, None),
            valid_on(PersonParticulars, on),
        )
        .distinct()
    ).all()
    times = Counter(number for number, _ in rows)
    return {number: person_id for number, person_id in rows if times[number] == 1}


def dated_rows(
    model: type[Any], organisation_id: int, known_at: int | None, person_ids: Collection[int] | None = None
) -> Select[Any]:
    """Select person, start and end of known facts in order of person and start."""
    rows = select(model.person_id, model.valid_from, model.valid_to).where(
        model.organisation_id == organisation_id, known(model, known_at)
    )
    if person_ids is not None:
        rows = rows.where(model.person_id.in_(person_ids))
    return rows.order_by(model.person_id, model.valid_from, model.id)


def particulars_rows(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None = None
) -> Iterator[tuple[int, Dated]]:
    """Yield each person with a known version of their particulars, in order of person and start."""
    columns = (getattr(PersonalOpening, name) for name in PERSONAL_FIELDS)
    rows = (
        dated_rows(PersonParticulars, organisation_id, known_at, person_ids)
        .add_columns(PersonParticulars.id, PersonalOpening.particulars_id, *columns)
        .outerjoin(PersonalOpening, PersonalOpening.particulars_id == PersonParticulars.id)
    )
    for person_id, start, end, key, opened, *values in session.execute(rows):
        yield person_id, Dated(key, start, end, () if opened is None else tuple(values))


def in_force(rows: Sequence[Dated], day: date) -> Dated:
    """Return the row in force on a day; else the latest that began before, else the first."""
    latest = rows[0]
    for row in rows:
        if row.start > day:
            continue
        if row.end is None or day < row.end or not (latest.start <= day and (latest.end is None or day < latest.end)):
            latest = row
    return latest
