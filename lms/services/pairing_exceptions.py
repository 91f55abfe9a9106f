"""Exceptions from independence: proposed by one person, approved by another, with a mitigation.

An exception covers the grounds that it names, and no other that appears later. A corrected record is another ground.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.services.auditor_decisions import check_text, known_person
from lms.services.auditors import open_book
from lms.services.audits import find_audit, judge_pairing
from lms.store.audits import PairingException, exceptions_of
from lms.store.organisations import Organisation, wait_for_others
from lms.store.records import Moment, record


class ExceptionProblemCode(StrEnum):
    """Why an exception can't be proposed or approved."""

    NOTHING_TO_EXCEPT = "nothing_to_except"
    """No ground excludes the auditor, or a named ground is none of them."""
    UNKNOWN = "unknown"
    DECIDED = "decided"
    BY_AUDITOR = "by_auditor"
    BY_PROPOSER = "by_proposer"


class ExceptionProblemError(ValueError):
    """An exception can't be proposed or approved."""

    def __init__(self, problem: ExceptionProblemCode) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ExceptionFacts:
    """What an exception is asked for."""

    audit_key: str
    area_key: str
    person_id: int
    references: Collection[str]
    """Records of the grounds that it is to cover."""
    reason: str
    mitigation: str


def propose_exception(
    session: Session, organisation: Organisation, facts: ExceptionFacts, proposer_id: int, now: datetime
) -> PairingException:
    """Record that an exception is proposed; it covers nothing before it is approved.

    Raises:
        UnknownAuditError: no audit has the key.
        UnknownAreaError: the area is not one of the audit's.
        ExceptionProblemError: a named ground does not exclude the auditor; the proposer is the auditor.
        BadDecisionError: reason or mitigation are missing.
    """
    wait_for_others(session, organisation.id)
    audit = find_audit(session, organisation.id, facts.audit_key)
    known_person(session, organisation, facts.person_id)
    if proposer_id == facts.person_id:
        raise ExceptionProblemError(ExceptionProblemCode.BY_AUDITOR)
    book = open_book(session, organisation.id, Moment(jst_date(now)), [facts.person_id])
    grounds = judge_pairing(book, audit, facts.area_key, facts.person_id).grounds
    named = [each for each in grounds if each.reference in set(facts.references)]
    if not named or len({each.reference for each in named}) < len(set(facts.references)):
        raise ExceptionProblemError(ExceptionProblemCode.NOTHING_TO_EXCEPT)
    check_text("reason", facts.reason, 2_000)
    check_text("mitigation", facts.mitigation, 2_000)
    row = PairingException(
        person_id=facts.person_id,
        audit_key=facts.audit_key,
        area_key=facts.area_key,
        grounds=[each.as_json() for each in named],
        mitigation=facts.mitigation.strip(),
        proposed_by=f"person:{proposer_id}",
        approved_by=None,
        valid_from=jst_date(now),
        valid_to=None,
        is_void=False,
        reason=facts.reason.strip(),
        recorded_by=f"person:{proposer_id}",
        recorded_at=now,
    )
    record(session, organisation, row)
    return row


def decide_exception(
    session: Session, organisation: Organisation, exception_id: int, decision: tuple[int, bool], now: datetime
) -> PairingException:
    """Record that a proposed exception is approved or refused; ``decision`` is who decides, and which.

    Raises:
        ExceptionProblemError: there is no such proposal, it is decided, or the approver is the auditor or the proposer.
    """
    wait_for_others(session, organisation.id)
    approver_id, is_approved = decision
    proposal = session.get(PairingException, exception_id)
    if proposal is None or proposal.organisation_id != organisation.id:
        raise ExceptionProblemError(ExceptionProblemCode.UNKNOWN)
    open_ids = {each.id for each in exceptions_of(session, organisation.id) if each.approved_by is None}
    if exception_id not in open_ids:
        raise ExceptionProblemError(ExceptionProblemCode.DECIDED)
    if approver_id == proposal.person_id:
        raise ExceptionProblemError(ExceptionProblemCode.BY_AUDITOR)
    if f"person:{approver_id}" == proposal.proposed_by:
        raise ExceptionProblemError(ExceptionProblemCode.BY_PROPOSER)
    row = PairingException(
        person_id=proposal.person_id,
        audit_key=proposal.audit_key,
        area_key=proposal.area_key,
        grounds=proposal.grounds,
        mitigation=proposal.mitigation,
        proposed_by=proposal.proposed_by,
        approved_by=f"person:{approver_id}" if is_approved else None,
        valid_from=jst_date(now),
        valid_to=None,
        is_void=not is_approved,
        reason=proposal.reason,
        supersedes_id=proposal.id,
        recorded_by=f"person:{approver_id}",
        recorded_at=now,
    )
    record(session, organisation, row)
    return row
