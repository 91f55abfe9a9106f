"""Auditors as the rules need them: everything recorded that qualification and independence rest on, as known at.

Glossary: the *file* of a person is what is known of them as an auditor; the *book* holds all files, areas and policies.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.auditors import (
    AUDITOR_ROLES,
    COURSE,
    AuditorRecord,
    Course,
    Qualification,
    Review,
    Standard,
    Term,
    is_qualified_through,
    qualification_on,
)
from courses.calendar import Period, jst_date
from courses.independence import (
    AuditedArea,
    Declaration,
    GroundKind,
    Independence,
    Membership,
    Scene,
    Tie,
    TieKind,
    Ties,
    judge,
)
from lms.store.auditors import (
    AreaTie,
    AuditArea,
    AuditorCandidate,
    AuditorPolicy,
    CompetenceReview,
    InterestDeclaration,
    known_rows,
)
from lms.store.organisations import Unit
from lms.store.people import LineAuthority, PersonAffiliation, PersonConcurrentPost, PersonService
from lms.store.records import Moment, known
from lms.store.roles import appointments_of
from lms.store.training_records import TrainingRecord


class UnknownAreaError(LookupError):
    """There is no audited area with this key on the day."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Policy:
    """What the organisation asks of auditors and teams; the defaults hold until it has decided."""

    auditors_per_area: int = 2
    leaders_per_team: int = 0
    look_back_months: int = 0
    course_valid_months: int | None = None
    needs_review: bool = True
    needs_declaration: bool = True
    training_days: int = 90
    approved_by: str = ""
    valid_from: date | None = None
    """None: nothing was decided."""

    def standard(self, *, reviews_go_on: bool = False) -> Standard:
        """Return what is asked of one auditor."""
        return Standard(self.course_valid_months, self.needs_review, reviews_go_on)


@dataclass(slots=True)
class AuditorFile:
    """What is known of a person as an auditor."""

    person_id: int
    record: AuditorRecord = field(default_factory=AuditorRecord)
    ties: Ties = field(default_factory=Ties)
    cost: int | None = None
    """Of training; None: not named as a candidate."""

    @property
    def is_auditor(self) -> bool:
        """Tell whether a course, an appointment or a review is recorded, whatever their dates."""
        return bool(self.record.courses or self.record.terms or self.record.reviews)


@dataclass(slots=True)
class Book:
    """Everything known that auditors and their independence rest on."""

    files: dict[int, AuditorFile] = field(default_factory=dict)
    """By key of the person: auditors, candidates, and whoever else was asked for."""
    areas: list[AuditArea] = field(default_factory=list)
    """All known versions of all areas, in order of their recording."""
    policies: list[AuditorPolicy] = field(default_factory=list)
    parents: Mapping[int, int | None] = field(default_factory=dict)
    """Unit above each unit."""
    units: Mapping[int, Unit] = field(default_factory=dict)

    def policy_on(self, day: date) -> Policy:
        """Return what was asked on a day: the latest decision that had taken effect."""
        rows = [each for each in self.policies if each.valid_from <= day and (not each.valid_to or day < each.valid_to)]
        if not rows:
            return Policy()
        newest = max(rows, key=lambda each: (each.valid_from, each.id))
        return Policy(**{name: getattr(newest, name) for name in Policy.__dataclass_fields__})

    def areas_on(self, day: date) -> dict[str, AuditArea]:
        """Return the areas of a day by key, sorted."""
        rows = [each for each in self.areas if each.valid_from <= day and (not each.valid_to or day < each.valid_to)]
        return {each.key: each for each in sorted(rows, key=lambda each: each.key)}

    def area_on(self, key: str, day: date) -> AuditArea:
        """Return an area as it is on a day.

        Raises:
            UnknownAreaError: there is none.
        """
        found = self.areas_on(day).get(key)
        if found is None:
            raise UnknownAreaError(key)
        return found

    def qualification(self, person_id: int, day: date, *, reviews_go_on: bool = False) -> Qualification:
        """Return how somebody stands as an auditor on a day."""
        standard = self.policy_on(day).standard(reviews_go_on=reviews_go_on)
        return qualification_on(self.file(person_id).record, standard, day)

    def is_qualified_through(self, person_id: int, days: Period) -> bool:
        """Tell whether somebody is a qualified auditor on every day of a period."""
        return is_qualified_through(self.file(person_id).record, self.policy_on(days.start).standard(), days)

    def file(self, person_id: int) -> AuditorFile:
        """Return somebody's file; an empty one of whom nothing is known."""
        return self.files.get(person_id) or AuditorFile(person_id)

    def scene(self, audited: Period, day: date, look_back: int | None = None) -> Scene:
        """Return for which days independence is asked of an audit that ends on a day."""
        months = self.policy_on(day).look_back_months if look_back is None else look_back
        return Scene(audited, months, day, self.parents)

    def judge(self, person_id: int, area: AuditArea, audited: Period, held: Period) -> Independence:
        """Return the verdict on a person and an area for an audit held on some days."""
        last_day = held.last_day or held.start
        return judge(
            self.file(person_id).ties,
            rule_area(area),
            self.scene(audited, last_day),
            is_qualified=self.is_qualified_through(person_id, held),
            needs_declaration=self.policy_on(last_day).needs_declaration,
        )


def rule_area(area: AuditArea) -> AuditedArea:
    """Return an area as the rules take it."""
    return AuditedArea(area.key, area.unit_id)


def reference_of(row: Any) -> str:  # noqa: ANN401 - any record
    """Return how rules and verdicts name a record: ``area_tie/3``."""
    return f"{row.__tablename__}/{row.id}"


def open_book(session: Session, organisation_id: int, moment: Moment, people: Iterable[int] = ()) -> Book:
    """Return everything known of auditors, candidates and the people named.

    Args:
        session: a reading session.
        organisation_id: whose auditors.
        moment: as known at which tree size; a declaration made after its date is not there yet.
        people: keys of others whose ties are wanted too.
    """
    known_at = moment.known_at
    book = Book(
        areas=known_rows(session, AuditArea, organisation_id, known_at),
        policies=known_rows(session, AuditorPolicy, organisation_id, known_at),
    )
    units = session.scalars(select(Unit).where(Unit.organisation_id == organisation_id).order_by(Unit.id)).all()
    book.units = {unit.id: unit for unit in units}
    book.parents = {unit.id: unit.parent_id for unit in units}
    _read_records(session, organisation_id, known_at, book)
    for person_id in people:
        book.files.setdefault(person_id, AuditorFile(person_id))
    _read_ties(session, organisation_id, moment, book)
    return book


def _read_records(session: Session, organisation_id: int, known_at: int | None, book: Book) -> None:
    courses: defaultdict[int, list[Course]] = defaultdict(list)
    trainings = select(TrainingRecord).where(
        TrainingRecord.organisation_id == organisation_id,
        TrainingRecord.competence == COURSE,
        known(TrainingRecord, known_at),
    )
    for training in session.scalars(trainings.order_by(TrainingRecord.valid_from, TrainingRecord.id)):
        courses[training.person_id].append(_course(training))
    terms: defaultdict[int, list[Term]] = defaultdict(list)
    for row in appointments_of(session, organisation_id, known_at):
        if row.isms_role in AUDITOR_ROLES:
            terms[row.person_id].append(Term(reference_of(row), row.isms_role, Period(row.valid_from, row.valid_to)))
    reviews: defaultdict[int, list[Review]] = defaultdict(list)
    for review in known_rows(session, CompetenceReview, organisation_id, known_at):
        reviews[review.person_id].append(_review(review))
    costs = {row.person_id: row.cost for row in known_rows(session, AuditorCandidate, organisation_id, known_at)}
    service = _periods(session, organisation_id, known_at)
    for person_id in sorted({*courses, *terms, *reviews, *costs}):
        record = AuditorRecord(
            tuple(courses[person_id]), tuple(terms[person_id]), tuple(reviews[person_id]), service.get(person_id, ())
        )
        book.files[person_id] = AuditorFile(person_id, record, cost=costs.get(person_id))


def _course(row: TrainingRecord) -> Course:
    return Course(
        reference_of(row), row.valid_from, row.is_passed, row.provider, row.certificate, row.equivalence_verified_by
    )


def _review(row: CompetenceReview) -> Review:
    period = Period(row.valid_from, row.valid_to)
    skills = frozenset(map(str, row.skills))
    return Review(reference_of(row), period, row.is_competent, row.may_lead, skills, row.capacity_minutes)


def _periods(session: Session, organisation_id: int, known_at: int | None) -> dict[int, tuple[Period, ...]]:
    found: defaultdict[int, list[Period]] = defaultdict(list)
    rows = select(PersonService.person_id, PersonService.valid_from, PersonService.valid_to).where(
        PersonService.organisation_id == organisation_id, known(PersonService, known_at)
    )
    for person_id, start, end in session.execute(rows.order_by(PersonService.valid_from, PersonService.id)):
        found[person_id].append(Period(start, end))
    return {person_id: tuple(periods) for person_id, periods in found.items()}


_UNIT_TIES: tuple[tuple[type[Any], GroundKind], ...] = (
    (PersonAffiliation, GroundKind.AFFILIATION),
    (PersonConcurrentPost, GroundKind.CONCURRENT_POST),
    (LineAuthority, GroundKind.LINE_AUTHORITY),
)


def _read_ties(session: Session, organisation_id: int, moment: Moment, book: Book) -> None:
    known_at = moment.known_at
    ties: defaultdict[int, list[Tie]] = defaultdict(list)
    for row in known_rows(session, AreaTie, organisation_id, known_at):
        period = Period(row.valid_from, row.valid_to)
        ties[row.person_id].append(Tie(reference_of(row), TieKind(row.kind), row.area_key, period, row.document))
    memberships: defaultdict[int, list[Membership]] = defaultdict(list)
    for model, kind in _UNIT_TIES:
        columns = select(model.person_id, model.id, model.unit_id, model.valid_from, model.valid_to)
        rows = columns.where(
            model.organisation_id == organisation_id, known(model, known_at), model.person_id.in_(list(book.files))
        )
        for person_id, key, unit_id, start, end in session.execute(rows.order_by(model.valid_from, model.id)):
            reference = f"{model.__tablename__}/{key}"
            memberships[person_id].append(Membership(reference, kind, unit_id, Period(start, end)))
    declarations: defaultdict[int, list[Declaration]] = defaultdict(list)
    for declared in known_rows(session, InterestDeclaration, organisation_id, known_at):
        day = jst_date(declared.declared_at)
        if day <= moment.as_of:
            areas = frozenset(map(str, declared.area_keys))
            declarations[declared.person_id].append(Declaration(reference_of(declared), declared.year, day, areas))
    for person_id, found in book.files.items():
        found.ties = Ties(
            tuple(ties.get(person_id, ())),
            tuple(memberships.get(person_id, ())),
            tuple(declarations.get(person_id, ())),
        )
