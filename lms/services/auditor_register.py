"""The register of auditors 監査員名簿: course, provider, certificate, validity and status on a date.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §7 (file 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from courses.auditors import CheckKind, Course, MemberKind, Qualification
from courses.independence import is_declared
from lms.services.auditors import AuditorFile, Book, open_book
from lms.services.audits import Pairing, pairings
from lms.services.people import Particulars, particulars_on
from lms.services.references import evidence_ids
from lms.store.records import Moment


@dataclass(frozen=True, slots=True)
class RegisteredAuditor:
    """One auditor on a date."""

    person_id: int
    particulars: Particulars | None
    """None: erased."""
    file: AuditorFile
    qualification: Qualification
    course: Course | None
    """The course that counts, or else the latest one."""
    is_declared: bool
    """Whether the declaration of the date's fiscal year is there."""
    audits: tuple[Pairing, ...]
    """Areas audited, or to be audited, as an auditor."""
    evidence: Mapping[str, str]
    """Evidence ids by reference of the records behind the checks."""

    def evidence_of(self, kind: CheckKind) -> str:
        """Return the evidence id of the record behind a check; empty where there is none."""
        check = next(each for each in self.qualification.checks if each.kind is kind)
        return self.evidence.get(check.reference, "")


def auditor_register(session: Session, organisation_id: int, moment: Moment) -> tuple[RegisteredAuditor, ...]:
    """Return everybody with a course, an appointment or a review as of a date, the qualified first."""
    book = open_book(session, organisation_id, moment)
    names = particulars_on(session, organisation_id, moment.as_of, moment.known_at)
    audited = [
        each for each in pairings(session, organisation_id, moment) if each.assignment.member_kind == MemberKind.AUDITOR
    ]
    references = [
        check.reference
        for file in book.files.values()
        for check in book.qualification(file.person_id, moment.as_of).checks
    ]
    evidence = evidence_ids(session, organisation_id, references)
    rows = [
        _registered(book, file, moment, (names.get(file.person_id), audited, evidence))
        for file in book.files.values()
        if _is_registered(file, moment)
    ]
    rows.sort(key=lambda row: (not row.qualification.is_valid, row.particulars.staff_number if row.particulars else ""))
    return tuple(rows)


def _is_registered(file: AuditorFile, moment: Moment) -> bool:
    """Tell whether anything about the auditor had happened by the date."""
    record = file.record
    days = [each.completed_on for each in record.courses]
    days += [each.period.start for each in record.terms]
    days += [each.period.start for each in record.reviews]
    return any(day <= moment.as_of for day in days)


def _registered(
    book: Book,
    file: AuditorFile,
    moment: Moment,
    known: tuple[Particulars | None, Sequence[Pairing], Mapping[str, str]],
) -> RegisteredAuditor:
    particulars, audited, evidence = known
    standing = book.qualification(file.person_id, moment.as_of)
    reference = standing.checks[0].reference
    course = next((each for each in file.record.courses if each.reference == reference), None)
    return RegisteredAuditor(
        file.person_id,
        particulars,
        file,
        standing,
        course,
        is_declared(file.ties, moment.as_of),
        tuple(each for each in audited if each.assignment.person_id == file.person_id),
        evidence,
    )
