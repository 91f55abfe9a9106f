"""Facts about people on two time axes: recording one, correcting, closing and voiding it.

Nothing is updated in place. To correct, to close and to void are rows that supersede, with an actor and a reason; the
first recording stays. A row can be corrected once: the second who tries is told, and decides anew on the newest one.

Source: domain.md §1-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import Period, jst_date
from courses.facts import ImpossibleDateError, MissingValueError, check_alone, fact_period
from lms.services.fact_kinds import KINDS, FactKind
from lms.store.organisations import Organisation
from lms.store.people import Person, PersonFact
from lms.store.records import CorrectedMeanwhileError, known, record


class NoSuchPersonError(LookupError):
    """The organisation has no such person."""


class NoSuchFactError(LookupError):
    """The person has no such fact of this kind."""


class FactSupersededError(ValueError):
    """The fact was corrected or voided meanwhile; what is to be decided must be looked at anew."""

    def __init__(self, fact_id: int) -> None:
        super().__init__(fact_id)
        self.fact_id = fact_id


class NothingChangedError(ValueError):
    """A correction says what is recorded already."""


@dataclass(frozen=True, slots=True)
class GivenFact:
    """A fact as it is to be recorded."""

    start: date
    end: date | None = None
    """First day on which it no longer holds."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """By field of its kind."""
    reason: str = ""
    """Why the fact is so, where its kind carries that."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who records, and when."""

    actor: str
    now: datetime


def record_fact(
    session: Session, organisation: Organisation, kind: FactKind, person_id: int, given: GivenFact, by: Recorder
) -> PersonFact:
    """Record a fact about a person.

    Raises:
        NoSuchPersonError: the organisation has no such person.
        courses.facts.FactError: it could not be true, or lacks what it must carry.
        courses.records.IncompleteEvidenceError: passed training lacks what its kind must carry.
    """
    _lock_person(session, organisation, person_id)
    given = _tidied(kind, given)
    _check(session, organisation, (kind, person_id, None), given, by)
    row = _row(kind, person_id, given, by)
    record(session, organisation, row)
    return row


def correct_fact(
    session: Session, organisation: Organisation, fact: PersonFact, given: GivenFact, why: str, by: Recorder
) -> PersonFact:
    """Correct a fact: what it says now takes its place, and why is kept with it.

    Raises:
        FactSupersededError: somebody corrected or voided it meanwhile.
        NothingChangedError: it says so already.
        courses.facts.FactError: it could not be true, or there is no reason.
        courses.records.IncompleteEvidenceError: passed training lacks what its kind must carry.
    """
    kind = kind_of(fact)
    given = _tidied(kind, given)
    _lock_person(session, organisation, fact.person_id)
    _check_stands(session, fact)
    _check(session, organisation, (kind, fact.person_id, fact.id), given, by)
    if given == given_by(fact):
        raise NothingChangedError
    return _supersede(session, organisation, fact, given, (why, by))


def close_fact(
    session: Session, organisation: Organisation, fact: PersonFact, end: date, why: str, by: Recorder
) -> PersonFact:
    """Let a fact end on a day, which is the first on which it no longer holds.

    Raises:
        FactSupersededError: somebody corrected or voided it meanwhile.
        NothingChangedError: it ends then already.
        courses.facts.FactError: it could not be true, or there is no reason.
    """
    return correct_fact(session, organisation, fact, replace(given_by(fact), end=end), why, by)


def void_fact(session: Session, organisation: Organisation, fact: PersonFact, why: str, by: Recorder) -> PersonFact:
    """Say that a fact was never true; the undo of a recording.

    Raises:
        FactSupersededError: somebody corrected or voided it meanwhile.
        courses.facts.MissingValueError: there is no reason.
    """
    _lock_person(session, organisation, fact.person_id)
    _check_stands(session, fact)
    return _supersede(session, organisation, fact, given_by(fact), (why, by), is_void=True)


def find_fact(session: Session, organisation_id: int, kind: FactKind, person_id: int, fact_id: int) -> PersonFact:
    """Return a fact of a person, whether it stands or was superseded.

    Raises:
        NoSuchFactError: there is none.
    """
    model: Any = kind.model
    found: PersonFact | None = session.scalar(
        select(model).where(model.id == fact_id, model.person_id == person_id, model.organisation_id == organisation_id)
    )
    if found is None:
        raise NoSuchFactError(kind.key, fact_id)
    return found


def given_by(fact: PersonFact) -> GivenFact:
    """Return what a recorded fact says."""
    kind = kind_of(fact)
    values = {name: getattr(fact, name) for name in kind.fields}
    return GivenFact(fact.valid_from, fact.valid_to, values, (fact.reason or "") if kind.has_reason else "")


def kind_of(fact: PersonFact) -> FactKind:
    """Return the kind of a recorded fact."""
    return next(kind for kind in KINDS.values() if isinstance(fact, kind.model))


def _tidied(kind: FactKind, given: GivenFact) -> GivenFact:
    return replace(given, values=kind.tidied(given.values), reason=given.reason.strip() if kind.has_reason else "")


def _row(kind: FactKind, person_id: int, given: GivenFact, by: Recorder) -> PersonFact:
    model: Any = kind.model
    row: PersonFact = model(
        person_id=person_id,
        valid_from=given.start,
        valid_to=given.end,
        is_void=False,
        reason=given.reason.strip() or None,
        supersedes_id=None,
        recorded_at=by.now,
        recorded_by=by.actor,
        **given.values,
    )
    return row


def _supersede(
    session: Session,
    organisation: Organisation,
    fact: PersonFact,
    given: GivenFact,
    why_by: tuple[str, Recorder],
    *,
    is_void: bool = False,
) -> PersonFact:
    why, by = why_by
    if not why.strip():
        raise MissingValueError("why")
    kind = kind_of(fact)
    row = _row(kind, fact.person_id, given, by)
    row.supersedes_id = fact.id
    row.is_void = is_void
    setattr(row, kind.correction_field, why.strip())
    for name in _KEPT_ALONG:
        if hasattr(fact, name):
            setattr(row, name, getattr(fact, name))
    try:
        record(session, organisation, row)
    except CorrectedMeanwhileError:
        raise FactSupersededError(fact.id) from None
    return row


_KEPT_ALONG = ("document_id", "migration_batch_id")


def _lock_person(session: Session, organisation: Organisation, person_id: int) -> None:
    """Let those who record facts of one person wait for each other, so that what was checked still holds."""
    found = session.scalar(
        select(Person.id)
        .where(Person.id == person_id, Person.organisation_id == organisation.id)
        .with_for_update(key_share=True)
    )
    if found is None:
        raise NoSuchPersonError(person_id)


def _check_stands(session: Session, fact: PersonFact) -> None:
    model: Any = type(fact)
    if session.scalar(select(model.id).where(model.id == fact.id, known(model, None))) is None:
        raise FactSupersededError(fact.id)


def _check(
    session: Session,
    organisation: Organisation,
    which: tuple[FactKind, int, int | None],
    given: GivenFact,
    by: Recorder,
) -> None:
    kind, person_id, corrected_id = which
    period = fact_period(given.start, given.end)
    if kind.needs_end and given.end is None:
        raise MissingValueError("valid_to")
    if kind.is_of_one_day and given.start > jst_date(by.now):
        raise ImpossibleDateError("valid_from", given.start)
    if kind.has_reason and not given.reason.strip():
        raise MissingValueError("reason")
    kind.check(session, organisation, given.values)
    if kind.is_alone:
        check_alone(period, _others(session, (kind, person_id, corrected_id), given))


def _others(session: Session, which: tuple[FactKind, int, int | None], given: GivenFact) -> list[Period]:
    kind, person_id, corrected_id = which
    model: Any = kind.model
    rows = session.execute(
        select(model.valid_from, model.valid_to).where(
            model.person_id == person_id,
            known(model, None),
            model.id != (corrected_id or 0),
            *(getattr(model, name) == given.values.get(name) for name in kind.alone_by),
        )
    )
    return [Period(start, end) for start, end in rows]
