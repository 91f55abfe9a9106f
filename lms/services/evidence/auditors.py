"""Files 11 and 12: the register of auditors, and why each pairing of auditor and area is independent or not.

Source: ISO/IEC 27001 clauses 7.2 and 9.2, Annex A 5.35; domain.md §5, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from courses.auditors import CheckKind, Course
from courses.calendar import Period
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
    yield _register(source, book, rows)
    yield _pairings(source, book, _Audits(tuple(reversed(audits)), tuple(rows)))


@dataclass(frozen=True, slots=True)
class _Audits:
    """The audits held in the period, and all assignments."""

    audits: tuple[Audit, ...]
    assignments: tuple[TeamAssignment, ...]


def _register(source: Source, book: Book, assignments: Sequence[TeamAssignment]) -> Table:
    table = source.table(
        path=AUDITORS,
        columns=(
            *("person", "status", "since", "until", "course_provider", "course_passed_on", "course_certificate"),
            *("course_finding", "appointment_finding", "review_finding", "service_finding", "may_lead", "skills"),
            *("declared_for_year", "audits_assigned", "course_evidence_id", "appointment_evidence_id"),
            "review_evidence_id",
        ),
        people=frozenset({"person"}),
        evidence=("course_evidence_id", "appointment_evidence_id", "review_evidence_id"),
        values=(
            EventColumn("course_provider", "course_evidence_id", "body.provider"),
            EventColumn("course_passed_on", "course_evidence_id", "body.valid_from"),
            EventColumn("course_certificate", "course_evidence_id", "body.certificate"),
        ),
        notes=(
            ("status", "valid, lapsed or not_granted, on the as-of date; until: first day on which it no longer holds"),
            ("findings", "what each check found; attended_only: a course was attended and none was passed"),
        ),
    )
    day = source.question.as_of
    files = [each for _, each in sorted(book.files.items()) if each.is_auditor]
    cited = source.references([check.reference for each in files for check in book.qualification(each.person_id, day).checks])  # fmt: skip
    for file in files:
        _register_row(table, book, file, (day, cited, assignments))
    return table


def _register_row(
    table: Table,
    book: Book,
    file: AuditorFile,
    how: tuple[date, Mapping[str, str], Sequence[TeamAssignment]],
) -> None:
    day, cited, assignments = how
    standing = book.qualification(file.person_id, day)
    checks = {each.kind: each for each in standing.checks}
    course = _course(file, checks[CheckKind.COURSE].reference)
    assigned = {(each.audit_key, each.area_key) for each in assignments if each.person_id == file.person_id}
    table.add(
        file.person_id,
        *(standing.state.value, standing.since, standing.until),
        *(
            (course.provider, course.completed_on, course.certificate)
            if course is not None and course.reference in cited
            else (None, None, None)
        ),
        *(checks[kind].finding.value for kind in CheckKind),
        standing.review.may_lead if standing.review else None,
        sorted(standing.review.skills) if standing.review else "",
        is_declared(file.ties, day),
        len(assigned),
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
            _area(source, table, book, _Place(audit, area_key, held.assignments, tuple(excepted)))
    return table


@dataclass(frozen=True, slots=True)
class _Place:
    """An area of an audit, and everything that was decided about teams."""

    audit: Audit
    area_key: str
    assignments: tuple[TeamAssignment, ...]
    exceptions: tuple[PairingException, ...]


def _area(source: Source, table: Table, book: Book, place: _Place) -> None:
    """Add a row for each auditor and each other member of the team."""
    day = min(source.question.as_of, Period(place.audit.held_from, place.audit.held_to).last_day or date.max)
    theirs = [each for each in place.assignments if each.audit_key == place.audit.key]
    team = {each.person_id: each for each in team_on(theirs, place.area_key, day)}
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
