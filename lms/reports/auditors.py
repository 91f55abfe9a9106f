"""The register of auditors as CSV and XLSX.

Codes and column names are a stable contract and are never translated; people read the translated headings of the XLSX.

Source: ISO/IEC 27001 clauses 7.2 and 9.2; domain.md §7 (file 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import BinaryIO, NamedTuple

from lms.reports.tables import Head, SheetLayout, write_csv, write_xlsx


class AuditorRow(NamedTuple):
    """One auditor on the as-of date."""

    staff_number: str
    name: str
    status: str
    """Code: valid, lapsed, not_granted."""
    since: date | None
    """First day of the present or last unbroken validity."""
    valid_until: date | None
    """Last day of validity, where an end is known; of a lapsed qualification its last day."""
    shortcomings: str
    """Codes of what fails on the date, separated by spaces."""
    course_provider: str | None
    course_passed_on: date | None
    """Empty where none was passed."""
    certificate: str | None
    equivalence_verified_by: str | None
    appointed_from: date | None
    appointed_to: date | None
    """Last day of the term."""
    reviewed_to: date | None
    """Last day of the review's period."""
    may_lead: str
    """yes or no; empty without a review."""
    declared: str
    """yes or no: the declaration of interests of the date's fiscal year."""
    audits: str
    """Audit and area of each assignment, separated by spaces."""
    course_evidence: str
    appointment_evidence: str
    review_evidence: str


_WIDTHS = (15, 20, 14, 14, 14, 34, 26, 14, 20, 20, 14, 14, 14, 12, 12, 34, 22, 22, 22)


def auditors_csv(out: BinaryIO, head: Head, rows: Iterable[AuditorRow]) -> int:
    """Write the register as CSV and return the number of rows."""
    return write_csv(out, head, AuditorRow._fields, rows)


def auditors_xlsx(out: BinaryIO, head: Head, rows: Iterable[AuditorRow], name: str, labels: Mapping[str, str]) -> int:
    """Write the register as XLSX and return the number of rows."""
    return write_xlsx(out, head, AuditorRow._fields, rows, SheetLayout(name, _WIDTHS, labels, frozen_columns=2))
