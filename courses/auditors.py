"""Qualification of internal auditors 内部監査員: granted, valid until, lapsed, each with the fact that says so.

An auditor is qualified on a day on which all of these hold: a *passed* course, an appointment, the yearly review of
competence, and service in the organisation. Having attended a course never qualifies.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from courses.calendar import Period, add_months
from courses.roles import IsmsRole

COURSE = "internal-auditor-course"
"""Competence of the training records that count as the auditor's course."""
AUDITOR_ROLES = frozenset({IsmsRole.INTERNAL_AUDITOR, IsmsRole.CHIEF_AUDITOR})
"""Roles whose appointment makes an auditor."""


class MemberKind(StrEnum):
    """Kinds of members of an audit team."""

    AUDITOR = "auditor"
    """監査員: the only kind that counts towards the number of auditors asked for."""
    TECHNICAL_EXPERT = "technical_expert"
    """技術専門家."""
    OBSERVER = "observer"
    """オブザーバ."""
    GUIDE = "guide"
    """案内役."""


@dataclass(frozen=True, slots=True)
class Course:
    """A training record of the auditor's course."""

    reference: str
    """Table and key of the record: ``training_record/3``."""
    completed_on: date
    """JST date."""
    is_passed: bool
    provider: str | None = None
    certificate: str | None = None
    equivalence_verified_by: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Fields that a passed course must carry and this one does not."""
        names = ("provider", "certificate", "equivalence_verified_by")
        return tuple(name for name in names if not (getattr(self, name) or "").strip())


@dataclass(frozen=True, slots=True)
class Term:
    """An appointment to an auditor's role."""

    reference: str
    role: str
    period: Period


@dataclass(frozen=True, slots=True)
class Review:
    """A yearly review of competence by the chief auditor; of several that hold on a day the last given one counts."""

    reference: str
    period: Period
    is_competent: bool
    may_lead: bool = False
    skills: frozenset[str] = frozenset()
    capacity_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class AuditorRecord:
    """Everything that an auditor's qualification rests on."""

    courses: tuple[Course, ...] = ()
    terms: tuple[Term, ...] = ()
    reviews: tuple[Review, ...] = ()
    """In order of their recording."""
    service: tuple[Period, ...] = ()
    """Periods of service; none: not asked about."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What the organisation asks of its auditors."""

    course_valid_months: int | None = None
    needs_review: bool = True
    reviews_go_on: bool = False
    """Take the newest review as repeated with the same result each year: for looking ahead alone."""


class CheckKind(StrEnum):
    """What is asked of an auditor, in the order in which it is checked."""

    COURSE = "course"
    APPOINTMENT = "appointment"
    REVIEW = "review"
    SERVICE = "service"


class Finding(StrEnum):
    """What a check found."""

    PASSED = "passed"
    COURSE_MISSING = "course_missing"
    ATTENDED_ONLY = "attended_only"
    """A course was attended or failed, none was passed."""
    COURSE_INCOMPLETE = "course_incomplete"
    """Passed, but provider, certificate or the verifier of its equivalence is missing."""
    COURSE_EXPIRED = "course_expired"
    APPOINTED = "appointed"
    NEVER_APPOINTED = "never_appointed"
    NOT_YET_APPOINTED = "not_yet_appointed"
    TERM_OVER = "term_over"
    REVIEWED = "reviewed"
    REVIEW_NOT_ASKED = "review_not_asked"
    REVIEW_MISSING = "review_missing"
    REVIEW_OVER = "review_over"
    NOT_COMPETENT = "not_competent"
    IN_SERVICE = "in_service"
    LEFT = "left"


_MET = frozenset({Finding.PASSED, Finding.APPOINTED, Finding.REVIEWED, Finding.REVIEW_NOT_ASKED, Finding.IN_SERVICE})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing asked of an auditor, and what was found."""

    kind: CheckKind
    finding: Finding
    reference: str = ""
    """The record that says so; empty where there is none."""
    until: date | None = None
    """First day on which it no longer holds or, where it is not met, did not hold any more; None: no end is known."""

    @property
    def is_met(self) -> bool:
        """Tell whether the check is passed."""
        return self.finding in _MET


class QualificationState(StrEnum):
    """How somebody stands as an auditor on a day."""

    VALID = "valid"
    LAPSED = "lapsed"
    """Was qualified on an earlier day."""
    NOT_GRANTED = "not_granted"


@dataclass(frozen=True, slots=True)
class Qualification:
    """How somebody stands as an auditor on a day, and why."""

    state: QualificationState
    checks: tuple[Check, ...]
    """In the order of `CheckKind`."""
    since: date | None = None
    """VALID: first day of the unbroken stretch; LAPSED: of the last one."""
    until: date | None = None
    """VALID: first day on which it no longer holds, None without a known end; LAPSED: the day on which it lapsed."""
    ended_by: tuple[Check, ...] = ()
    """The checks that fail on ``until``."""
    review: Review | None = None
    """The review that holds on the day."""

    @property
    def is_valid(self) -> bool:
        """Tell whether the person is a qualified auditor on the day."""
        return self.state is QualificationState.VALID

    @property
    def shortcomings(self) -> tuple[Check, ...]:
        """The checks that fail on the day."""
        return tuple(each for each in self.checks if not each.is_met)


def qualification_on(record: AuditorRecord, standard: Standard, day: date) -> Qualification:
    """Return how somebody stands as an auditor on a JST date."""
    checks = checks_on(record, standard, day)
    review = review_on(record, standard, day)
    marks = _boundaries(record, standard)
    if all(each.is_met for each in checks):
        later = (mark for mark in marks if mark > day)
        end = next((mark for mark in later if not _holds(record, standard, mark)), None)
        ended_by = _failing(record, standard, end) if end else ()
        since = _start_of_stretch(record, standard, marks, day)
        return Qualification(QualificationState.VALID, checks, since, end, ended_by, review)
    earlier = [mark for mark in marks if mark <= day]
    last_good = next((mark for mark in reversed(earlier) if _holds(record, standard, mark)), None)
    if last_good is None:
        return Qualification(QualificationState.NOT_GRANTED, checks, review=review)
    lapsed = next(mark for mark in earlier if mark > last_good)
    since = _start_of_stretch(record, standard, marks, last_good)
    return Qualification(QualificationState.LAPSED, checks, since, lapsed, _failing(record, standard, lapsed), review)


def next_grant(record: AuditorRecord, standard: Standard, day: date) -> Qualification | None:
    """Return the qualification on the first later day on which the facts already recorded grant one; None: never."""
    for mark in _boundaries(record, standard):
        if mark > day and _holds(record, standard, mark):
            return qualification_on(record, standard, mark)
    return None


def is_qualified_through(record: AuditorRecord, standard: Standard, period: Period) -> bool:
    """Tell whether somebody is qualified on every day of a period, such as the days of an audit."""
    inside = [mark for mark in _boundaries(record, standard) if mark in period]
    return all(_holds(record, standard, day) for day in (period.start, *inside))


def checks_on(record: AuditorRecord, standard: Standard, day: date) -> tuple[Check, ...]:
    """Return what is asked of an auditor and how each stands on a day, in order."""
    return (
        _course(record.courses, standard, day),
        _appointment(record.terms, day),
        _review(record, standard, day),
        _service(record.service, day),
    )


def review_on(record: AuditorRecord, standard: Standard, day: date) -> Review | None:
    """Return the review of competence that holds on a day."""
    holding = [each for each in record.reviews if day in each.period]
    if not holding and standard.reviews_go_on:
        holding = sorted(
            (each for each in record.reviews if each.period.start <= day), key=lambda each: each.period.start
        )
    return holding[-1] if holding else None


def _holds(record: AuditorRecord, standard: Standard, day: date) -> bool:
    return all(each.is_met for each in checks_on(record, standard, day))


def _failing(record: AuditorRecord, standard: Standard, day: date) -> tuple[Check, ...]:
    return tuple(each for each in checks_on(record, standard, day) if not each.is_met)


def _start_of_stretch(record: AuditorRecord, standard: Standard, marks: Sequence[date], day: date) -> date:
    start = day
    for mark in reversed([each for each in marks if each <= day]):
        if not _holds(record, standard, mark):
            break
        start = mark
    return start


def _boundaries(record: AuditorRecord, standard: Standard) -> list[date]:
    """Return the days on which anything can change, in order."""
    return sorted({day for day in _changes(record, standard) if day is not None})


def _changes(record: AuditorRecord, standard: Standard) -> Iterator[date | None]:
    for course in record.courses:
        yield course.completed_on
        yield _course_end(course, standard)
    for period in (
        *(each.period for each in record.terms),
        *(each.period for each in record.reviews),
        *record.service,
    ):
        yield period.start
        yield period.end


def _course_end(course: Course, standard: Standard) -> date | None:
    months = standard.course_valid_months
    return None if months is None else add_months(course.completed_on, months)


def _course(courses: Sequence[Course], standard: Standard, day: date) -> Check:
    past = sorted((each for each in courses if each.completed_on <= day), key=lambda each: each.completed_on)
    if not past:
        return Check(CheckKind.COURSE, Finding.COURSE_MISSING)
    passed = [each for each in past if each.is_passed]
    if not passed:
        return Check(CheckKind.COURSE, Finding.ATTENDED_ONLY, past[-1].reference)
    whole = [each for each in passed if not each.missing]
    if not whole:
        return Check(CheckKind.COURSE, Finding.COURSE_INCOMPLETE, passed[-1].reference)
    newest = whole[-1]
    end = _course_end(newest, standard)
    finding = Finding.PASSED if end is None or day < end else Finding.COURSE_EXPIRED
    return Check(CheckKind.COURSE, finding, newest.reference, end)


def _appointment(terms: Sequence[Term], day: date) -> Check:
    ordered = sorted((each for each in terms if not each.period.is_empty), key=lambda each: each.period.start)
    held = [each for each in ordered if day in each.period]
    if held:
        longest = max(held, key=lambda each: each.period.end or date.max)
        return Check(CheckKind.APPOINTMENT, Finding.APPOINTED, longest.reference, longest.period.end)
    over = [each for each in ordered if each.period.end is not None and each.period.end <= day]
    if over:
        last = max(over, key=lambda each: each.period.end or date.max)
        return Check(CheckKind.APPOINTMENT, Finding.TERM_OVER, last.reference, last.period.end)
    if ordered:
        return Check(CheckKind.APPOINTMENT, Finding.NOT_YET_APPOINTED, ordered[0].reference)
    return Check(CheckKind.APPOINTMENT, Finding.NEVER_APPOINTED)


def _review(record: AuditorRecord, standard: Standard, day: date) -> Check:
    holding = review_on(record, standard, day)
    if holding is not None and not holding.is_competent:
        return Check(CheckKind.REVIEW, Finding.NOT_COMPETENT, holding.reference, holding.period.end)
    if not standard.needs_review:
        return Check(CheckKind.REVIEW, Finding.REVIEW_NOT_ASKED)
    if holding is not None:
        end = None if standard.reviews_go_on else holding.period.end
        return Check(CheckKind.REVIEW, Finding.REVIEWED, holding.reference, end)
    over = [each for each in record.reviews if each.period.end is not None and each.period.end <= day]
    if over:
        last = max(over, key=lambda each: each.period.end or date.max)
        return Check(CheckKind.REVIEW, Finding.REVIEW_OVER, last.reference, last.period.end)
    return Check(CheckKind.REVIEW, Finding.REVIEW_MISSING)


def _service(service: Sequence[Period], day: date) -> Check:
    if not service or any(day in each for each in service):
        ends = [each.end for each in service if day in each]
        return Check(
            CheckKind.SERVICE, Finding.IN_SERVICE, until=max(ends, key=lambda end: end or date.max, default=None)
        )
    ended = [each.end for each in service if each.end is not None and each.end <= day]
    return Check(CheckKind.SERVICE, Finding.LEFT, until=max(ended, default=None))
