"""Internal audits: planning them, and every pairing of their teams judged by what is known.

A *pairing* is a member of a team and an area of an audit. One that was right when it was assigned is *flagged* as soon as
the facts say otherwise.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from courses.auditors import MemberKind
from courses.calendar import FiscalYear, Period, jst_date
from courses.independence import Ground, Independence, Verdict
from lms.services.auditor_decisions import BadDecisionError, check_text
from lms.services.auditors import Book, UnknownAreaError, open_book
from lms.store.audits import (
    Audit,
    PairingException,
    TeamAssignment,
    assignments_of,
    audits_of,
    exceptions_of,
)
from lms.store.organisations import Organisation, wait_for_others
from lms.store.records import Moment, record

_AUDIT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class UnknownAuditError(LookupError):
    """There is no audit with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """What plans an audit."""

    key: str
    title_ja: str
    title_en: str
    period: Period
    """The audited period."""
    held: Period
    """The days of the audit."""
    area_keys: tuple[str, ...]
    criteria: str
    approved_by: str


class Flag(StrEnum):
    """Why an assigned pairing is not right, as the facts are known now."""

    EXCLUDED = "excluded"
    """A ground for exclusion that no approved exception covers."""
    NOT_QUALIFIED = "not_qualified"
    NOT_DECLARED = "not_declared"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One member of a team and an area, judged by what is known."""

    audit: Audit
    assignment: TeamAssignment
    independence: Independence
    exceptions: tuple[PairingException, ...]
    """The approved ones for this pairing."""
    open_grounds: tuple[Ground, ...]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What is wrong with the pairing; nothing of members who are no auditors."""
        if self.assignment.member_kind != MemberKind.AUDITOR:
            return ()
        found = (
            (Flag.NOT_QUALIFIED, self.independence.verdict is Verdict.NOT_QUALIFIED),
            (Flag.EXCLUDED, bool(self.open_grounds)),
            (Flag.NOT_DECLARED, not self.independence.is_declared),
        )
        return tuple(flag for flag, is_raised in found if is_raised)


def audit_periods(audit: Audit) -> tuple[Period, Period]:
    """Return the audited period and the days of an audit."""
    return Period(audit.period_from, audit.period_to), Period(audit.held_from, audit.held_to)


def find_audit(session: Session, organisation_id: int, key: str, known_at: int | None = None) -> Audit:
    """Return the audit with a key.

    Raises:
        UnknownAuditError: there is none.
    """
    found = next((each for each in audits_of(session, organisation_id, known_at) if each.key == key), None)
    if found is None:
        raise UnknownAuditError(key)
    return found


def plan_audit(session: Session, organisation: Organisation, facts: AuditFacts, actor: str, now: datetime) -> Audit:
    """Record the decision to hold an audit.

    Raises:
        BadDecisionError: a value can't be recorded, the key is taken, or the days make no sense.
        UnknownAreaError: an area is not defined on the day of the audit.
    """
    wait_for_others(session, organisation.id)
    period_to, held_to = _check_audit(facts)
    if any(each.key == facts.key for each in audits_of(session, organisation.id)):
        raise BadDecisionError("key", "taken")
    book = open_book(session, organisation.id, Moment(jst_date(now)))
    for key in facts.area_keys:
        book.area_on(key, facts.held.start)
    row = Audit(
        key=facts.key,
        title_ja=facts.title_ja.strip(),
        title_en=facts.title_en.strip(),
        year=FiscalYear.of(facts.held.start).year,
        period_from=facts.period.start,
        period_to=period_to,
        held_from=facts.held.start,
        held_to=held_to,
        area_keys=sorted(set(facts.area_keys)),
        criteria=facts.criteria.strip(),
        approved_by=facts.approved_by.strip(),
        valid_from=jst_date(now),
        valid_to=None,
        is_void=False,
        reason=None,
        recorded_by=actor,
        recorded_at=now,
    )
    record(session, organisation, row)
    return row


def _check_audit(facts: AuditFacts) -> tuple[date, date]:
    """Return the ends of the audited period and of the days of the audit."""
    if not _AUDIT_KEY.fullmatch(facts.key):
        raise BadDecisionError("key", "malformed" if facts.key else "missing")
    for name in ("title_ja", "title_en", "criteria", "approved_by"):
        check_text(name, getattr(facts, name), 500)
    if facts.period.end is None or facts.period.is_empty:
        raise BadDecisionError("period_to", "order")
    if facts.held.end is None or facts.held.is_empty:
        raise BadDecisionError("held_to", "order")
    if facts.period.start >= facts.held.end:  # what is audited lies before or within the days of the audit
        raise BadDecisionError("period_from", "order")
    if (facts.held.end - facts.held.start).days > 366 or (facts.period.end - facts.period.start).days > 3_660:
        raise BadDecisionError("held_to", "range")
    if not facts.area_keys:
        raise BadDecisionError("areas", "missing")
    return facts.period.end, facts.held.end


def judge_pairing(book: Book, audit: Audit, area_key: str, person_id: int) -> Independence:
    """Return the verdict on a person and an area of an audit.

    Raises:
        UnknownAreaError: the area is not one of the audit's.
    """
    if area_key not in audit.area_keys:
        raise UnknownAreaError(area_key)
    audited, held = audit_periods(audit)
    return book.judge(person_id, book.area_on(area_key, held.start), audited, held)


def approved_exceptions(
    rows: Sequence[PairingException], audit_key: str, area_key: str, person_id: int
) -> tuple[PairingException, ...]:
    """Return the approved exceptions for a pairing."""
    wanted = (audit_key, area_key, person_id)
    return tuple(
        each
        for each in rows
        if each.approved_by is not None and (each.audit_key, each.area_key, each.person_id) == wanted
    )


def excepted_grounds(rows: Sequence[PairingException]) -> list[Mapping[str, object]]:
    """Return all grounds that exceptions name."""
    return [ground for row in rows for ground in row.grounds]


def team_on(rows: Sequence[TeamAssignment], area_key: str, day: date) -> tuple[TeamAssignment, ...]:
    """Return the members of an area's team as it stands on a day, the leader first."""
    members = [
        each
        for each in rows
        if each.area_key == area_key and each.valid_from <= day and (each.valid_to is None or day < each.valid_to)
    ]
    kinds = [each.value for each in MemberKind]
    return tuple(sorted(members, key=lambda each: (not each.is_leader, kinds.index(each.member_kind), each.id)))


def pairings(session: Session, organisation_id: int, moment: Moment, audit_key: str | None = None) -> list[Pairing]:
    """Return every member of the teams as of a date, judged by what was known; of one audit if named."""
    audits = {each.key: each for each in audits_of(session, organisation_id, moment.known_at)}
    rows = assignments_of(session, organisation_id, moment.known_at, audit_key)
    excepted = exceptions_of(session, organisation_id, moment.known_at, audit_key)
    book = open_book(session, organisation_id, moment, {row.person_id for row in rows})
    return list(_pairings(book, audits, rows, (excepted, moment.as_of)))


def _pairings(
    book: Book,
    audits: Mapping[str, Audit],
    rows: Sequence[TeamAssignment],
    how: tuple[Sequence[PairingException], date],
) -> Iterator[Pairing]:
    excepted, day = how
    for key, audit in audits.items():
        theirs = [row for row in rows if row.audit_key == key]
        for area_key in audit.area_keys:
            for row in team_on(theirs, area_key, day):
                found = judge_pairing(book, audit, area_key, row.person_id)
                approved = approved_exceptions(excepted, key, area_key, row.person_id)
                yield Pairing(audit, row, found, approved, found.open_grounds(excepted_grounds(approved)))
