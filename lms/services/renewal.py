"""Appointing again for the next fiscal year: whose terms end on a day, and the appointments that would follow.

Source: domain.md §1 (term 任期).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from courses.renewal import free_letter_number
from courses.roles import IsmsRole, Problem
from lms.services.roles import NewAppointment, examine
from lms.store.organisations import Organisation
from lms.store.roles import Appointment, appointments_of, seat_order


@dataclass(frozen=True, slots=True)
class NextTerm:
    """What the new appointments have in common."""

    first_day: date
    last_day: date
    letter_number: str
    """Of the first letter; the figure is raised for each role and seat."""
    appointed_on: date
    appointer: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """One appointment that would follow, and what stands against it."""

    former: Appointment
    wanted: NewAppointment
    problems: tuple[Problem, ...]

    @property
    def letter_number(self) -> str:
        """Number of the new letter."""
        return self.wanted.letter_number

    @property
    def is_refused(self) -> bool:
        """Tell whether it can't be recorded."""
        return any(each.is_refusal for each in self.problems)


@dataclass(frozen=True, slots=True)
class LastLetter:
    """What the next letter most likely repeats or follows."""

    free_number: str
    """The number that comes next and is not used; empty where there was no letter yet."""
    appointer: str


def last_letter(session: Session, organisation_id: int) -> LastLetter:
    """Return what a form about appointments is filled in with, from the letter recorded last."""
    rows = appointments_of(session, organisation_id)
    if not rows:
        return LastLetter("", "")
    newest = max(rows, key=lambda row: row.id)
    return LastLetter(
        free_letter_number(newest.end_letter_number or newest.letter_number, letters_used(rows)), newest.appointer
    )


def letters_used(rows: Iterable[Appointment]) -> set[str]:
    """Return all numbers of letters, of appointments and of endings."""
    return {number for row in rows for number in (row.letter_number, row.end_letter_number) if number}


def terms_ending(session: Session, organisation_id: int, last_day: date) -> list[Appointment]:
    """Return appointments whose term ends on a day, by its own end and with none that follows, in order of the seats."""
    rows = appointments_of(session, organisation_id)
    order = seat_order(session, organisation_id)
    rules = [row.rule() for row in rows]
    ending = [
        row
        for row in rows
        if row.last_day == last_day
        and row.end_kind is None
        and not any(
            each.person_id == row.person_id and each.is_same_place(row.rule()) and each.first_day > last_day
            for each in rules
        )
    ]
    return sorted(ending, key=lambda row: (order.get(row.seat_key or "", len(order)), row.isms_role, row.id))


def propose(
    session: Session, organisation: Organisation, rows: Sequence[Appointment], term: NextTerm, recorder_id: int | None
) -> list[Renewal]:
    """Return the appointments that would follow, each examined beside the others; nothing is changed."""
    used = letters_used(appointments_of(session, organisation.id))
    numbers: dict[tuple[str, str | None], str] = {}
    wanted = []
    number = term.letter_number
    for row in rows:
        place = (row.isms_role, row.seat_key)
        if place not in numbers:
            number = free_letter_number(number, used) if numbers else number
            numbers[place] = number
        wanted.append(_follow(row, term, numbers[place]))
    rules = [each.rule() for each in wanted]
    return [
        Renewal(
            row,
            each,
            examine(
                session, organisation, each, recorder_id, beside=[*rules[:position], *rules[position + 1 :]]
            ).problems,
        )
        for position, (row, each) in enumerate(zip(rows, wanted, strict=True))
    ]


def _follow(row: Appointment, term: NextTerm, letter_number: str) -> NewAppointment:
    return NewAppointment(
        person_id=row.person_id,
        isms_role=IsmsRole(row.isms_role),
        first_day=term.first_day,
        last_day=term.last_day,
        letter_number=letter_number,
        appointed_on=term.appointed_on,
        appointer=term.appointer,
        seat_key=row.seat_key,
        unit_id=row.unit_id,
    )
