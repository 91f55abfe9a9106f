"""The register of auditors as a file: the head that says what it answers for, then its rows."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import Literal

from sqlalchemy.orm import Session

from courses.auditors import CheckKind
from lms.reports.auditors import AuditorRow, auditors_csv, auditors_xlsx
from lms.reports.tables import Head
from lms.services.auditor_register import RegisteredAuditor, auditor_register
from lms.services.moments import known_at_label
from lms.services.planner import full_name
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.auditors import qualification_label
from lms.wording.gettext import _, current_language

Format = Literal["csv", "xlsx"]


def export_auditors(session: Session, organisation: Organisation, moment: Moment, file_format: Format) -> bytes:
    """Return the register as of a date and as known then, as a file."""
    rows = [auditor_row(each) for each in auditor_register(session, organisation.id, moment)]
    head = Head(
        (
            ("organisation", organisation.name(current_language())),
            ("as_of", moment.as_of),
            ("known_at", known_at_label(session, organisation.id, moment.known_at)),
        ),
        len(rows),
    )
    out = BytesIO()
    if file_format == "csv":
        auditors_csv(out, head, rows)
    else:
        auditors_xlsx(out, head, map(_in_words, rows), _("Auditors"), auditor_labels())
    return out.getvalue()


def auditor_row(found: RegisteredAuditor) -> AuditorRow:
    """Return an auditor as the register's file says it."""
    standing, course = found.qualification, found.course
    term = next((each for each in found.file.record.terms if each.reference == standing.checks[1].reference), None)
    review = standing.review
    return AuditorRow(
        staff_number=found.particulars.staff_number if found.particulars else "",
        name=full_name(found.particulars) if found.particulars else "",
        status=standing.state.value,
        since=standing.since,
        valid_until=_last(standing.until),
        shortcomings=" ".join(each.finding.value for each in standing.shortcomings),
        course_provider=course.provider if course else None,
        course_passed_on=course.completed_on if course and course.is_passed else None,
        certificate=course.certificate if course else None,
        equivalence_verified_by=course.equivalence_verified_by if course else None,
        appointed_from=term.period.start if term else None,
        appointed_to=_last(term.period.end) if term else None,
        reviewed_to=_last(review.period.end) if review else None,
        may_lead="" if review is None else _yes(review.may_lead),
        declared=_yes(found.is_declared),
        audits=" ".join(f"{each.audit.key}/{each.assignment.area_key}" for each in found.audits),
        course_evidence=found.evidence_of(CheckKind.COURSE),
        appointment_evidence=found.evidence_of(CheckKind.APPOINTMENT),
        review_evidence=found.evidence_of(CheckKind.REVIEW),
    )


def _last(end: date | None) -> date | None:
    return None if end is None else end - timedelta(days=1)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _in_words(row: AuditorRow) -> AuditorRow:
    words = {"yes": _("Yes"), "no": _("No")}
    return row._replace(
        status=qualification_label(row.status),
        may_lead=words.get(row.may_lead, ""),
        declared=words[row.declared],
    )


def auditor_labels() -> dict[str, str]:
    """Return the headings of the register of auditors, and of the lines above it."""
    return {
        "staff_number": _("Staff number"),
        "name": _("Name"),
        "status": _("Status on the date"),
        "since": _("Qualified since"),
        "valid_until": _("Qualified until"),
        "shortcomings": _("What is lacking"),
        "course_provider": _("Provider of the course"),
        "course_passed_on": _("Passed on"),
        "certificate": _("Certificate"),
        "equivalence_verified_by": _("Equivalence verified by"),
        "appointed_from": _("Appointed from"),
        "appointed_to": _("Appointed to"),
        "reviewed_to": _("Reviewed until"),
        "may_lead": _("May lead"),
        "declared": _("Interests declared"),
        "audits": _("Audits and areas"),
        "course_evidence": _("Evidence id of the course"),
        "appointment_evidence": _("Evidence id of the appointment"),
        "review_evidence": _("Evidence id of the review"),
        "organisation": _("Organisation"),
        "as_of": _("As of the end of the day (JST)"),
        "known_at": _("As known at"),
        "rows": _("Rows"),
    }


def file_name(organisation: Organisation, moment: Moment, file_format: Format) -> str:
    """Return a name for the file that says what it is."""
    return f"auditors-{organisation.key}-{moment.as_of:%Y%m%d}.{file_format}"
