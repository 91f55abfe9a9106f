"""Clauses of the standard by number, in both numberings, and which records speak to them.

A long-standing ISMS has records of JIS Q 27001:2014 and of :2023. Numbers alone are kept here; the standard's text is not.

Source: JIS Q 27001:2023 and :2014 (numbers only); domain.md §1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class UnknownClauseError(LookupError):
    """The list has no clause with this number."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


class Records(StrEnum):
    """Kinds of records that a clause can lead to."""

    REQUIREMENTS = "requirements"
    """Requirements that name the clause, with the people who owe them and what they have shown."""
    APPOINTMENTS = "appointments"
    PLEDGES = "pledges"
    MATERIALS = "materials"
    """Module versions and the decisions that adopted them."""
    AUDITORS = "auditors"
    """Auditors' courses, reviews, declarations, and audit teams."""
    VENDORS = "vendors"
    SCOPE = "scope"
    """Scope memberships."""
    CORRECTIONS = "corrections"
    JUDGEMENTS = "judgements"
    """Judgements of the self-check."""
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause."""

    number: str
    """In JIS Q 27001:2023; those of Annex A begin with ``A.``."""
    older: tuple[str, ...]
    """In JIS Q 27001:2014."""
    records: tuple[Records, ...]


CLAUSES: tuple[Clause, ...] = (
    Clause("4.3", ("4.3",), (Records.SCOPE, Records.DOCUMENTS)),
    Clause("5.3", ("5.3",), (Records.REQUIREMENTS, Records.APPOINTMENTS)),
    Clause("7.2", ("7.2",), (Records.REQUIREMENTS, Records.MATERIALS, Records.AUDITORS)),
    Clause("7.3", ("7.3",), (Records.REQUIREMENTS, Records.MATERIALS)),
    Clause("7.5", ("7.5",), (Records.MATERIALS, Records.DOCUMENTS, Records.CORRECTIONS)),
    Clause("9.2", ("9.2",), (Records.REQUIREMENTS, Records.AUDITORS)),
    Clause("10.2", ("10.1",), (Records.JUDGEMENTS,)),
    Clause("A.5.2", ("A.6.1.1",), (Records.REQUIREMENTS, Records.APPOINTMENTS)),
    Clause("A.5.3", ("A.6.1.2",), (Records.REQUIREMENTS, Records.APPOINTMENTS)),
    Clause("A.5.4", ("A.7.2.1",), (Records.REQUIREMENTS, Records.APPOINTMENTS)),
    Clause("A.5.10", ("A.8.1.3", "A.8.2.3"), (Records.REQUIREMENTS, Records.PLEDGES)),
    Clause("A.5.19", ("A.15.1.1",), (Records.REQUIREMENTS, Records.VENDORS)),
    Clause("A.5.20", ("A.15.1.2",), (Records.REQUIREMENTS, Records.VENDORS, Records.PLEDGES)),
    Clause("A.5.33", ("A.18.1.3",), (Records.CORRECTIONS, Records.DOCUMENTS)),
    Clause("A.5.35", ("A.18.2.1",), (Records.REQUIREMENTS, Records.AUDITORS)),
    Clause("A.6.1", ("A.7.1.1",), (Records.REQUIREMENTS,)),
    Clause("A.6.2", ("A.7.1.2",), (Records.REQUIREMENTS, Records.PLEDGES)),
    Clause("A.6.3", ("A.7.2.2",), (Records.REQUIREMENTS, Records.MATERIALS)),
    Clause("A.6.4", ("A.7.2.3",), (Records.REQUIREMENTS,)),
    Clause("A.6.5", ("A.7.3.1",), (Records.REQUIREMENTS, Records.PLEDGES)),
    Clause("A.6.6", ("A.13.2.4",), (Records.REQUIREMENTS, Records.PLEDGES)),
    Clause("A.6.7", ("A.6.2.2",), (Records.REQUIREMENTS,)),
    Clause("A.6.8", ("A.16.1.2", "A.16.1.3"), (Records.REQUIREMENTS,)),
)
"""In the order of the standard."""

KIND_OF_TABLE: Mapping[str, Records] = {
    "requirement_version": Records.REQUIREMENTS,
    "exemption": Records.REQUIREMENTS,
    "attempt_result": Records.REQUIREMENTS,
    "supplement_completion": Records.REQUIREMENTS,
    "training_record": Records.REQUIREMENTS,
    "appointment": Records.APPOINTMENTS,
    "acknowledgement": Records.APPOINTMENTS,
    "body": Records.APPOINTMENTS,
    "seat": Records.APPOINTMENTS,
    "grant_of_role": Records.APPOINTMENTS,
    "separation_rule": Records.APPOINTMENTS,
    "pledge_text": Records.PLEDGES,
    "pledge_approval": Records.PLEDGES,
    "pledge_signature": Records.PLEDGES,
    "pledge_decline": Records.PLEDGES,
    "pledge_withdrawal": Records.PLEDGES,
    "module_version": Records.MATERIALS,
    "question_version": Records.MATERIALS,
    "adoption": Records.MATERIALS,
    "competence_review": Records.AUDITORS,
    "interest_declaration": Records.AUDITORS,
    "auditor_policy": Records.AUDITORS,
    "audit_area": Records.AUDITORS,
    "area_tie": Records.AUDITORS,
    "audit": Records.AUDITORS,
    "team_assignment": Records.AUDITORS,
    "pairing_exception": Records.AUDITORS,
    "vendor_firm": Records.VENDORS,
    "vendor_contract": Records.VENDORS,
    "vendor_engagement": Records.VENDORS,
    "scope_membership": Records.SCOPE,
    "document_reference": Records.DOCUMENTS,
    "stored_document": Records.DOCUMENTS,
    "self_check_judgement": Records.JUDGEMENTS,
}
"""What a record of a table speaks to, beside the clauses that its requirement names."""


def clause(number: str) -> Clause:
    """Return the clause with a number of either numbering; the newer numbering goes first.

    Raises:
        UnknownClauseError: the list has none.
    """
    for each in CLAUSES:
        if each.number == number:
            return each
    for each in CLAUSES:
        if number in each.older:
            return each
    raise UnknownClauseError(number)


def clauses_of_table(table: str) -> tuple[str, ...]:
    """Return the clauses to which records of a table speak; of requirements and what meets them, none by themselves."""
    kind = KIND_OF_TABLE.get(table)
    if kind is None or kind is Records.REQUIREMENTS:
        return ()
    return tuple(each.number for each in CLAUSES if kind in each.records)
