"""Files 11 and 12: the register of auditors, and why each pairing of auditor and area is independent or not.

Source: ISO/IEC 27001 clauses 7.2 and 9.2, Annex A 5.35; domain.md §5, §7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from courses.auditors import Check, CheckKind, Course, Qualification
from courses.calendar import Period, jst_date
from courses.independence import Independence, is_declared
from lms.reports.evidence.pack import EventColumn
from lms.services.auditors import AuditorFile, Book, open_book
from lms.services.audits import (
    approved_exceptions,
    audit_periods,
    excepted_grounds,
    judge_pairing,
    team_on,
)
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.selfcheck_facts import ground_text
from lms.store.auditors import CompetenceReview
from lms.store.audits import Audit, PairingException, TeamAssignment, assignments_of, audits_of, exceptions_of

AUDITORS = "11_auditors.csv"
PAIRINGS = "12_independence.csv"


def auditor_tables(source: Source) -> Iterator[Table]:
    """Yield files 11 and 12."""
    moment = source.question.moment
    rows = assignments_of(source.session, source.organisation_id, moment.known_at)
    book = open_book(source.session, source.organisation_id, moment, {row.person_id for row in rows})
    audits = [
        audit
        for audit in audits_of(source.session, source.organisation_id, moment.known_at)
        if Period(audit.held_from, audit.held_to).overlaps(source.question.period)
    ]
    held = _Audits(tuple(reversed(audits)), tuple(rows))
    yield _register(source, book, held)
    yield _pairings(source, book, held)


@dataclass(frozen=True, slots=True)
class _Audits:
    """The audits held in the period, and all assignments."""

    audits: tuple[Audit, ...]
    assignments: tuple[TeamAssignment, ...]

    def team(self, audit: Audit, area_key: str, as_of: date) -> dict[int, TeamAssignment]:
        """Return who is on the team of an area: on the last day of the audit, or on the as-of date before it."""
        day = min(as_of, Period(audit.held_from, audit.held_to).last_day or date.max)
        theirs = [each for each in self.assignments if each.audit_key == audit.key]
        return {each.person_id: each for each in team_on(theirs, area_key, day)}

    def areas_of(self, as_of: date) -> Counter[int]:
        """Return for how many areas each person is on the team."""
        return Counter(
            person_id
            for audit in self.audits
            for area_key in audit.area_keys
            for person_id in self.team(audit, area_key, as_of)
        )


def _register(source: Source, book: Book, held: _Audits) -> Table:
    table = source.table(
        path=AUDITORS,
        columns=(
            *("person", "status", "since", "until", "course_provider", "course_on", "course_is_passed"),
            *(
                "course_certificate",
                "course_finding",
                "appointment_finding",
                "review_finding",
                "service_finding",
                "may_lead",
                "skills",
            ),
            *("reviewer", "reviewed_on", "review_from", "review_to", "declared_for_year", "areas_assigned"),
            *("since_evidence_id", "course_evidence_id", "appointment_evidence_id", "review_evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"reviewer"}),
        evidence=("since_evidence_id", "course_evidence_id", "appointment_evidence_id", "review_evidence_id"),
        values=(
            EventColumn("course_provider", "course_evidence_id", "body.provider"),
            EventColumn("course_on", "course_evidence_id", "body.valid_from"),
            EventColumn("course_is_passed", "course_evidence_id", "body.is_passed"),
            EventColumn("course_certificate", "course_evidence_id", "body.certificate"),
            EventColumn("reviewed_on", "review_evidence_id", "recorded_at", "jst_date"),
            EventColumn("review_from", "review_evidence_id", "body.valid_from"),
            EventColumn("review_to", "review_evidence_id", "body.valid_to"),
        ),
        notes=(
            ("status", "valid, lapsed or not_granted, on the as-of date; until: first day on which it no longer holds"),
            ("findings", "what each check found; attended_only: a course was attended and none was passed"),
            ("course_on, course_is_passed", "of the course record shown; an attended course is not a passed one"),
            (
                "since",
                "first day of the unbroken stretch; it can rest on earlier appointments and reviews than those shown for the as-of date: since_evidence_id names the records that held on it",
            ),
            (
                "areas_assigned",
                "areas of audits held in the period on whose team the person is, the rows of 12_independence.csv with a member",
            ),
        ),
    )
    day = source.question.as_of
    files = [each for _, each in sorted(book.files.items()) if each.is_auditor]
    standings = {each.person_id: book.qualification(each.person_id, day) for each in files}
    begun = {
        person_id: book.qualification(person_id, each.since).checks
        for person_id, each in standings.items()
        if each.since is not None
    }
    named = [*(check for each in standings.values() for check in each.checks), *(check for each in begun.values() for check in each)]  # fmt: skip
    reviews = {f"competence_review/{row.id}": row for row, _ in source.records(CompetenceReview)}
    shown = _Shown(source.references([each.reference for each in named]), reviews, held.areas_of(day), day)
    for file in files:
        _register_row(table, file, standings[file.person_id], (begun.get(file.person_id, ()), shown))
    return table


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the rows of the register share."""

    cited: Mapping[str, str]
    """Evidence id of each record that a check names."""
    reviews: Mapping[str, CompetenceReview]
    areas: Mapping[int, int]
    day: date


def _register_row(
    table: Table, file: AuditorFile, standing: Qualification, how: tuple[Sequence[Check], _Shown]
) -> None:
    begun, shown = how
    cited = shown.cited
    checks = {each.kind: each for each in standing.checks}
    course = _course(file, checks[CheckKind.COURSE].reference)
    review = shown.reviews.get(checks[CheckKind.REVIEW].reference)
    table.add(
        file.person_id,
        *(standing.state.value, standing.since, standing.until),
        *(
            (course.provider, course.completed_on, course.is_passed, course.certificate)
            if course is not None and course.reference in cited
            else (None,) * 4
        ),
        *(checks[kind].finding.value for kind in CheckKind),
        standing.review.may_lead if standing.review else None,
        sorted(standing.review.skills) if standing.review else "",
        *(
            (review.reviewer, jst_date(review.recorded_at), review.valid_from, review.valid_to)
            if review is not None
            else (None,) * 4
        ),
        is_declared(file.ties, shown.day),
        shown.areas.get(file.person_id, 0),
        list(dict.fromkeys(cited[each.reference] for each in begun if each.reference in cited)),
        *(
            cited.get(checks[kind].reference, "")
            for kind in (CheckKind.COURSE, CheckKind.APPOINTMENT, CheckKind.REVIEW)
        ),
    )


def _course(file: AuditorFile, reference: str) -> Course | None:
    return next((each for each in file.record.courses if each.reference == reference), None)


def _pairings(source: Source, book: Book, held: _Audits) -> Table:
    table = source.table(
        path=PAIRINGS,
        columns=(
            *("audit", "area", "person", "member", "is_leader", "audited_from", "audited_to", "held_from", "held_to"),
            *("look_back_months", "is_qualified", "is_declared", "verdict", "grounds", "open_grounds"),
            *("may_audit", "verdict_when_assigned", "mitigation", "proposed_by", "approved_by"),
            *("exception_evidence_id", "grounds_evidence_id", "audit_evidence_id", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"proposed_by", "approved_by"}),
        evidence=("exception_evidence_id", "grounds_evidence_id", "audit_evidence_id", "evidence_id"),
        values=(
            EventColumn("member", "evidence_id", "body.member_kind"),
            EventColumn("is_leader", "evidence_id", "body.is_leader"),
            EventColumn("mitigation", "exception_evidence_id", "body.mitigation"),
            EventColumn("audit", "audit_evidence_id", "body.key"),
            EventColumn("held_from", "audit_evidence_id", "body.held_from"),
            EventColumn("held_to", "audit_evidence_id", "body.held_to"),
        ),
        notes=(
            ("content", "every auditor against every area of each audit held in the period, assigned or not"),
            ("member", "empty: not on the team; only auditors must be independent"),
            ("open_grounds", "grounds for exclusion that no approved exception covers"),
        ),
    )
    excepted = exceptions_of(source.session, source.organisation_id, source.question.known_at)
    for audit in held.audits:
        for area_key in audit.area_keys:
            team = held.team(audit, area_key, source.question.as_of)
            _area(source, table, book, _Place(audit, area_key, team, tuple(excepted)))
    return table


@dataclass(frozen=True, slots=True)
class _Place:
    """An area of an audit, its team, and every exception that was decided."""

    audit: Audit
    area_key: str
    team: Mapping[int, TeamAssignment]
    exceptions: tuple[PairingException, ...]


def _area(source: Source, table: Table, book: Book, place: _Place) -> None:
    """Add a row for each auditor and each other member of the team."""
    team = place.team
    people = sorted({each.person_id for each in book.files.values() if each.is_auditor} | set(team))
    pairs = [
        _Pair(
            place.audit,
            person_id,
            judge_pairing(book, place.audit, place.area_key, person_id),
            approved_exceptions(place.exceptions, place.audit.key, place.area_key, person_id),
            team.get(person_id),
        )
        for person_id in people
    ]
    cited = source.references([ground.reference for pair in pairs for ground in pair.independence.grounds])
    events = source.evidence_ids([event_id for pair in pairs for event_id in pair.event_ids])
    for pair in pairs:
        _pairing_row(table, book, pair, (cited, events))


@dataclass(frozen=True, slots=True)
class _Pair:
    """One person and one area of an audit, judged."""

    audit: Audit
    person_id: int
    independence: Independence
    exceptions: tuple[PairingException, ...]
    assignment: TeamAssignment | None

    @property
    def event_ids(self) -> list[int]:
        """Ledger events of the audit, the exceptions and the assignment."""
        found = [self.audit.event_id, *(each.event_id for each in self.exceptions)]
        return found if self.assignment is None else [*found, self.assignment.event_id]


def _pairing_row(table: Table, book: Book, pair: _Pair, how: tuple[Mapping[str, str], Mapping[int, str]]) -> None:
    cited, events = how
    audited, held = audit_periods(pair.audit)
    found, member = pair.independence, pair.assignment
    excepted = excepted_grounds(pair.exceptions)
    last = pair.exceptions[-1] if pair.exceptions else None
    table.add(
        *(pair.audit.key, found.area, pair.person_id),
        member.member_kind if member else "",
        member.is_leader if member else "",
        *(audited.start, audited.end, held.start, held.end),
        book.policy_on(held.last_day or held.start).look_back_months,
        book.is_qualified_through(pair.person_id, held),
        *(found.is_declared, found.verdict.value),
        [ground_text(each) for each in found.grounds],
        [ground_text(each) for each in found.open_grounds(excepted)],
        found.may_audit(excepted),
        member.verdict.get("verdict", "") if member else "",
        *((last.mitigation, last.proposed_by, last.approved_by) if last else ("", "", "")),
        events[last.event_id] if last else "",
        list(dict.fromkeys(cited[each.reference] for each in found.grounds if each.reference in cited)),
        events[pair.audit.event_id],
        events[member.event_id] if member else "",
    )
