"""What is decided about auditors: areas, the policy, reviews of competence, declarations of interests, candidates.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §5.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.auditors import AUDITOR_ROLES
from courses.calendar import FiscalYear, Period, jst_date
from lms.services.auditors import AuditorFile, Policy, UnknownAreaError, open_book
from lms.store.auditors import (
    AuditArea,
    AuditorCandidate,
    AuditorPolicy,
    CompetenceReview,
    InterestDeclaration,
    known_rows,
)
from lms.store.openings import record_with_openings
from lms.store.organisations import Organisation, Unit, wait_for_others
from lms.store.people import Person
from lms.store.records import Moment, record
from lms.store.roles import appointments_of

_AREA_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}")
MOST_MINUTES = 60 * 24 * 365
LONGEST_TEXT = 2_000


class BadDecisionError(ValueError):
    """A value of a decision can't be recorded."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        """``missing``, ``malformed``, ``taken``, ``range``, ``order``, ``unknown`` or ``too_long``."""


class OwnReviewError(ValueError):
    """Somebody would review the own competence."""


class NotAnAuditorError(ValueError):
    """The person is not appointed as an auditor in the year."""


@dataclass(frozen=True, slots=True)
class AreaFacts:
    """What defines an audited area."""

    key: str
    name_ja: str
    name_en: str
    unit_id: int | None
    effort_minutes: int
    skills: tuple[str, ...]
    valid_from: date
    valid_to: date | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What the chief auditor found in a review of competence."""

    is_competent: bool
    may_lead: bool
    skills: tuple[str, ...]
    capacity_minutes: int | None
    basis: str
    period: Period


def define_area(session: Session, organisation: Organisation, facts: AreaFacts, actor: str, now: datetime) -> AuditArea:
    """Record a new audited area.

    Raises:
        BadDecisionError: a value can't be recorded, or the key is taken.
    """
    wait_for_others(session, organisation.id)
    _check_area(session, organisation, facts)
    if any(each.key == facts.key for each in known_rows(session, AuditArea, organisation.id)):
        raise BadDecisionError("key", "taken")
    return _record_area(session, organisation, facts, None, (actor, now))


def correct_area(
    session: Session, organisation: Organisation, facts: AreaFacts, actor: str, now: datetime
) -> AuditArea:
    """Record a correction of an area: other names, unit, effort, skills or days; the key stays.

    Raises:
        BadDecisionError: a value can't be recorded.
        UnknownAreaError: no area has the key.
    """
    wait_for_others(session, organisation.id)
    _check_area(session, organisation, facts)
    former = next((each for each in known_rows(session, AuditArea, organisation.id) if each.key == facts.key), None)
    if former is None:
        raise UnknownAreaError(facts.key)
    if not (facts.reason or "").strip():
        raise BadDecisionError("reason", "missing")
    return _record_area(session, organisation, facts, former.id, (actor, now))


def _check_area(session: Session, organisation: Organisation, facts: AreaFacts) -> None:
    if not _AREA_KEY.fullmatch(facts.key):
        raise BadDecisionError("key", "malformed" if facts.key else "missing")
    for name in ("name_ja", "name_en"):
        check_text(name, getattr(facts, name), 200)
    if not 1 <= facts.effort_minutes <= MOST_MINUTES:
        raise BadDecisionError("effort", "range")
    if facts.valid_to is not None and facts.valid_to <= facts.valid_from:
        raise BadDecisionError("valid_to", "order")
    unit = session.get(Unit, facts.unit_id) if facts.unit_id is not None else None
    if facts.unit_id is not None and (unit is None or unit.organisation_id != organisation.id):
        raise BadDecisionError("unit", "unknown")
    check_skills(facts.skills)


def _record_area(
    session: Session, organisation: Organisation, facts: AreaFacts, former: int | None, by: tuple[str, datetime]
) -> AuditArea:
    row = AuditArea(
        key=facts.key,
        name_ja=facts.name_ja.strip(),
        name_en=facts.name_en.strip(),
        unit_id=facts.unit_id,
        effort_minutes=facts.effort_minutes,
        skills=sorted(set(facts.skills)),
        valid_from=facts.valid_from,
        valid_to=facts.valid_to,
        is_void=False,
        reason=facts.reason,
        supersedes_id=former,
        recorded_by=by[0],
        recorded_at=by[1],
    )
    record(session, organisation, row)
    return row


def approve_policy(
    session: Session, organisation: Organisation, policy: Policy, actor: str, now: datetime
) -> AuditorPolicy:
    """Record what is asked of auditors and teams from a day on.

    Raises:
        BadDecisionError: a number is out of range, or approver or date are missing.
    """
    wait_for_others(session, organisation.id)
    months = policy.course_valid_months
    limits = (
        ("auditors_per_area", 1 <= policy.auditors_per_area <= 20),
        ("leaders_per_team", 0 <= policy.leaders_per_team <= policy.auditors_per_area),
        ("look_back_months", 0 <= policy.look_back_months <= 120),
        ("course_valid_months", months is None or 1 <= months <= 240),
        ("training_days", 0 <= policy.training_days <= 1_000),
    )
    for name, is_within in limits:
        if not is_within:
            raise BadDecisionError(name, "range")
    check_text("approved_by", policy.approved_by, 200)
    if policy.valid_from is None:
        raise BadDecisionError("valid_from", "missing")
    values = {name: getattr(policy, name) for name in Policy.__dataclass_fields__}
    row = AuditorPolicy(**values, valid_to=None, is_void=False, reason=None, recorded_by=actor, recorded_at=now)
    record(session, organisation, row)
    return row


def review_auditor(
    session: Session, organisation: Organisation, person_id: int, facts: ReviewFacts, reviewer_id: int, now: datetime
) -> CompetenceReview:
    """Record the chief auditor's review of somebody's competence.

    Raises:
        OwnReviewError: the reviewer is the auditor.
        BadDecisionError: a value can't be recorded.
    """
    if reviewer_id == person_id:
        raise OwnReviewError
    known_person(session, organisation, person_id)
    check_text("basis", facts.basis, LONGEST_TEXT)
    check_skills(facts.skills)
    if facts.period.end is None or facts.period.is_empty:
        raise BadDecisionError("valid_to", "order")
    if facts.capacity_minutes is not None and not 0 <= facts.capacity_minutes <= MOST_MINUTES:
        raise BadDecisionError("capacity", "range")
    row = CompetenceReview(
        person_id=person_id,
        reviewer=f"person:{reviewer_id}",
        is_competent=facts.is_competent,
        may_lead=facts.may_lead and facts.is_competent,
        skills=sorted(set(facts.skills)),
        capacity_minutes=facts.capacity_minutes,
        basis=facts.basis.strip(),
        valid_from=facts.period.start,
        valid_to=facts.period.end,
        is_void=False,
        reason=None,
        recorded_by=f"person:{reviewer_id}",
        recorded_at=now,
    )
    record(session, organisation, row)
    return row


@dataclass(frozen=True, slots=True)
class Declared:
    """What an auditor declares."""

    area_keys: Collection[str]
    """Areas in which there is an interest; empty: none."""
    explanation: str = ""
    identity_id: int | None = None


def declare_interests(
    session: Session, organisation: Organisation, person_id: int, declared: Declared, now: datetime
) -> InterestDeclaration:
    """Record an auditor's declaration of interests for the fiscal year of today.

    Raises:
        NotAnAuditorError: the person is not appointed in the year.
        UnknownAreaError: an area is not one of today's.
        BadDecisionError: an interest came without its explanation, or one that is too long.
    """
    today = jst_date(now)
    year = FiscalYear.of(today)
    book = open_book(session, organisation.id, Moment(today))
    if not is_appointed_in(book.file(person_id), year):
        raise NotAnAuditorError
    areas = book.areas_on(today)
    for key in declared.area_keys:
        if key not in areas:
            raise UnknownAreaError(key)
    explanation = declared.explanation.strip()
    if declared.area_keys:
        check_text("explanation", explanation, LONGEST_TEXT)
    row = InterestDeclaration(
        person_id=person_id,
        identity_id=declared.identity_id,
        year=year.year,
        declared_at=now,
        area_keys=sorted(set(declared.area_keys)),
        recorded_by=f"person:{person_id}",
        recorded_at=now,
    )
    record_with_openings(session, organisation, [(row, {"explanation": explanation or None})])
    return row


def is_appointed_in(file: AuditorFile, year: FiscalYear) -> bool:
    """Tell whether somebody is appointed as an auditor on any day of a fiscal year."""
    return any(term.period.overlaps(year.period) for term in file.record.terms)


def must_declare(session: Session, organisation_id: int, person_id: int | None, day: date) -> bool:
    """Tell whether somebody is an auditor of a day's fiscal year who has not declared for it; a light query."""
    if person_id is None:
        return False
    year = FiscalYear.of(day)
    terms = appointments_of(session, organisation_id, None, {person_id})
    is_auditor = any(
        each.isms_role in AUDITOR_ROLES and Period(each.valid_from, each.valid_to).overlaps(year.period)
        for each in terms
    )
    return is_auditor and not session.scalar(
        select(InterestDeclaration.id)
        .where(InterestDeclaration.person_id == person_id, InterestDeclaration.year == year.year)
        .limit(1)
    )


def name_candidate(
    session: Session, organisation: Organisation, person_id: int, cost: int, actor: str, now: datetime
) -> AuditorCandidate:
    """Record that somebody could be trained as an auditor, and at what relative cost.

    Raises:
        BadDecisionError: the cost is out of range, or the person is named already.
    """
    wait_for_others(session, organisation.id)
    known_person(session, organisation, person_id)
    if not 0 <= cost <= 1_000_000:
        raise BadDecisionError("cost", "range")
    if any(each.person_id == person_id for each in known_rows(session, AuditorCandidate, organisation.id)):
        raise BadDecisionError("staff_number", "taken")
    row = AuditorCandidate(
        person_id=person_id,
        cost=cost,
        valid_from=jst_date(now),
        valid_to=None,
        is_void=False,
        reason=None,
        recorded_by=actor,
        recorded_at=now,
    )
    record(session, organisation, row)
    return row


def known_person(session: Session, organisation: Organisation, person_id: int) -> Person:
    """Return a person of the organisation.

    Raises:
        BadDecisionError: there is none with the key.
    """
    person = session.get(Person, person_id)
    if person is None or person.organisation_id != organisation.id:
        raise BadDecisionError("staff_number", "unknown")
    return person


def check_text(field: str, value: str, longest: int) -> None:
    """Refuse an empty text, one that is too long, and one with characters that cannot be seen."""
    if not value.strip():
        raise BadDecisionError(field, "missing")
    if len(value) > longest:
        raise BadDecisionError(field, "too_long")
    if any(ord(character) < 32 and character not in "\r\n\t" for character in value):
        raise BadDecisionError(field, "malformed")


def check_skills(skills: Collection[str]) -> None:
    """Refuse more skills than a pool takes, and overlong ones."""
    if len(skills) > 20 or any(not each.strip() or len(each) > 60 for each in skills):
        raise BadDecisionError("skills", "malformed")
