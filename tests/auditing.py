"""A small organisation with four areas and its auditors, for tests of audits: everybody and everything is made up.

Units and areas: 総務係 A-GA, ネットワーク係 A-NET, 認証基盤係 A-AUTH; A-DOC has no unit. Auditors are appointed and
reviewed for the fiscal years 2025 and 2026, and have declared no interest in 2026 unless a test says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from courses.auditors import COURSE, MemberKind
from courses.calendar import Period
from courses.roles import IsmsRole
from lms.services.audit_teams import Member
from lms.services.auditor_decisions import (
    AreaFacts,
    Declared,
    ReviewFacts,
    declare_interests,
    define_area,
    review_auditor,
)
from lms.services.audits import AuditFacts, plan_audit
from lms.store.auditors import AreaTie
from lms.store.audits import Audit
from lms.store.organisations import Organisation, units_of
from lms.store.records import record
from lms.store.training_records import TrainingRecord
from tests.factories import ACTOR, FOUNDED, add_appointment, add_people

UNIT_OF = {"A-GA": "総務係", "A-NET": "ネットワーク係", "A-AUTH": "認証基盤係", "A-DOC": None}
AUDIT = "IA-2026"
W = Period(date(2026, 4, 1), date(2026, 12, 1))
HELD = Period(date(2026, 12, 8), date(2026, 12, 11))
PLANNED = datetime(2026, 10, 1, 1, 0, tzinfo=UTC)


@dataclass
class Cast:
    """Who plays: keys of people by staff number."""

    chief: int
    approver: int
    auditors: dict[str, int]


def add_row(session: Session, organisation: Organisation, row: Any, **facts: Any) -> Any:
    """Record a row with the house's usual marks."""
    values = {"is_void": False, "reason": None, "recorded_at": FOUNDED, "recorded_by": ACTOR, **facts}
    made = row(**values)
    record(session, organisation, made)
    return made


def add_course(session: Session, organisation: Organisation, person_id: int, **facts: Any) -> TrainingRecord:
    """Record that somebody passed the auditor's course, unless the facts say otherwise."""
    values = {
        "person_id": person_id,
        "competence": COURSE,
        "kind": "external_course",
        "is_passed": True,
        "provider": "架空監査研修株式会社",
        "certificate": f"KA-{person_id:04d}",
        "equivalence_verified_by": "内部監査責任者",
        "valid_from": date(2024, 9, 1),
        "valid_to": None,
    }
    row: TrainingRecord = add_row(session, organisation, TrainingRecord, **(values | facts))
    return row


def add_tie(
    session: Session, organisation: Organisation, person_id: int, area: str | None, period: Period, **facts: Any
) -> AreaTie:
    """Record a tie to an area: a duty, unless the facts say otherwise."""
    values = {
        "person_id": person_id,
        "area_key": area,
        "kind": "duty",
        "document": None,
        "valid_from": period.start,
        "valid_to": period.end,
    }
    row: AreaTie = add_row(session, organisation, AreaTie, **(values | facts))
    return row


def define_areas(session: Session, organisation: Organisation, keys: Sequence[str] = tuple(UNIT_OF)) -> None:
    """Define the areas."""
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    for key in keys:
        unit = UNIT_OF[key]
        facts = AreaFacts(key, f"{key}の範囲", f"Area {key}", units[unit] if unit else None, 240, (), date(2020, 4, 1))
        define_area(session, organisation, facts, ACTOR, FOUNDED)


def make_auditor(session: Session, organisation: Organisation, person_id: int, chief: int) -> None:
    """Give somebody a passed course, an appointment and reviews for 2025 and 2026."""
    add_course(session, organisation, person_id)
    first, last = date(2025, 4, 1), date(2028, 4, 1)
    add_appointment(session, organisation, person_id, IsmsRole.INTERNAL_AUDITOR, first, valid_to=last)
    for year in (2025, 2026):
        period = Period(date(year, 4, 1), date(year + 1, 4, 1))
        facts = ReviewFacts(True, True, (), None, "面談", period)
        review_auditor(session, organisation, person_id, facts, chief, FOUNDED)


def cast_auditors(session: Session, organisation: Organisation, *, declare: bool = True) -> Cast:
    """Add four auditors (one in each unit, one in none of the areas' by 000204's duty in A-DOC), a chief and an approver."""
    rows = (
        {"staff_number": "000201", "unit": "総務係"},
        {"staff_number": "000202", "unit": "ネットワーク係"},
        {"staff_number": "000203", "unit": "認証基盤係"},
        {"staff_number": "000204", "unit": "総務係"},
        {"staff_number": "000205", "unit": "総務係"},
        {"staff_number": "000206", "unit": "総務係"},
    )
    names = ("一", "二", "三", "四", "五", "六")
    keys = add_people(
        session,
        organisation,
        *({**row, "given_name": name, "given_kana": "カリ"} for row, name in zip(rows, names, strict=True)),
    )
    define_areas(session, organisation)
    chief, approver = keys[4], keys[5]
    auditors = {f"00020{number}": keys[number - 1] for number in (1, 2, 3, 4)}
    for person_id in auditors.values():
        make_auditor(session, organisation, person_id, chief)
        if declare:
            declare_interests(session, organisation, person_id, Declared(()), FOUNDED)
    return Cast(chief, approver, auditors)


def plan(session: Session, organisation: Organisation, **changes: Any) -> Audit:
    """Plan the audit of the year."""
    facts = {
        "key": AUDIT,
        "title_ja": "令和8年度内部監査",
        "title_en": "Internal audit 2026",
        "period": W,
        "held": HELD,
        "area_keys": tuple(UNIT_OF),
        "criteria": "ISMSマニュアル",
        "approved_by": "監査委員会",
    }
    return plan_audit(session, organisation, AuditFacts(**(facts | changes)), ACTOR, PLANNED)


def team(*person_ids: int) -> list[Member]:
    """Return a team of auditors that the first leads."""
    return [Member(each, MemberKind.AUDITOR, each == person_ids[0]) for each in person_ids]
