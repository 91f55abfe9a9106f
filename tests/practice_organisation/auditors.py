"""Audited areas, auditors and audits of the practice organisation: the pool's growth from four to seven.

Assumptions, all made up: there are four areas; in fiscal year 2025 each of the four auditors works in one of them
(1-1-1-1); the three who join in 2026 make it 2-2-2-1. The course is given by 架空監査研修株式会社 and holds for 36 months.

Planted for the self-check and the pages: somebody who only attended the course, a declaration that is missing, a pairing
through an approved exception, and one that a fact recorded later makes wrong.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from courses.auditors import COURSE, MemberKind
from courses.calendar import FiscalYear, Period
from lms.services.audit_teams import Member, assign_team
from lms.services.auditor_decisions import (
    AreaFacts,
    Declared,
    ReviewFacts,
    approve_policy,
    declare_interests,
    define_area,
    name_candidate,
    review_auditor,
)
from lms.services.auditors import Policy, open_book
from lms.services.audits import AuditFacts, find_audit, judge_pairing, plan_audit
from lms.services.pairing_exceptions import ExceptionFacts, decide_exception, propose_exception
from lms.services.people import find_person
from lms.store.auditors import AreaTie, InterestDeclaration
from lms.store.audits import TeamAssignment
from lms.store.documents import MigrationBatch
from lms.store.openings import record_with_openings
from lms.store.organisations import Organisation, units_of
from lms.store.records import Moment, record
from lms.store.training_records import TrainingRecord

ACTOR = "operator:practice"
AREAS = (
    ("A-OPS", "情報基盤運用", "Infrastructure operations", "情報基盤運用係", 360),
    ("A-NET", "学内ネットワーク", "Campus network", "ネットワーク係", 300),
    ("A-AUTH", "認証基盤", "Identity management", "認証基盤係", 300),
    ("A-GA", "総務・文書管理", "General affairs and documents", "総務係", 240),
)
PROVIDER = "架空監査研修株式会社"
CHIEF, APPROVER = "00109", "00108"
PASSED = {
    "00103": date(2024, 6, 14),
    "00116": date(2024, 6, 14),
    "00119": date(2024, 6, 14),
    "00113": date(2025, 2, 21),
    "00105": date(2026, 2, 20),
    "00126": date(2026, 2, 20),
    "00133": date(2026, 2, 20),
}
"""Last day of the course that each auditor passed."""
FIRST_FOUR = ("00103", "00116", "00119", "00113")
ATTENDED_ONLY = "00117"
NOT_DECLARED = "00105"
CANDIDATES = {"00129": 2, "00121": 1, "00128": 1}
"""Relative cost of training by staff number."""
DUTIES = (
    ("00113", "A-GA", Period(date(2023, 4, 1)), "文書管理システムの運用を担当"),
    ("00133", "A-OPS", Period(date(2025, 4, 1)), "学習管理システムのサーバを情報基盤運用係と監視"),
    ("00126", "A-OPS", Period(date(2024, 4, 1), date(2025, 7, 1)), "情報基盤運用係の物品管理を兼務"),
)
LAST_YEARS_TEAMS = {
    "A-OPS": ("00116", "00119"),
    "A-NET": ("00103", "00113"),
    "A-AUTH": ("00116", "00113"),
    "A-GA": ("00103", "00119"),
}
"""The first of each leads."""


def _at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 1, 0, tzinfo=UTC)


def found_auditors(session: Session, organisation: Organisation, founded: datetime) -> None:
    """Record areas, policy, courses, reviews and duties, and last year's audit as it was migrated."""
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    for key, ja, en, unit, minutes in AREAS:
        facts = AreaFacts(key, ja, en, units[unit], minutes, (), date(2024, 4, 1))
        define_area(session, organisation, facts, ACTOR, founded)
    policy = Policy(course_valid_months=36, training_days=120, approved_by="監査委員会", valid_from=date(2025, 4, 1))
    approve_policy(session, organisation, policy, ACTOR, founded)
    batch = MigrationBatch(
        source_document="令和7年度内部監査員名簿（架空）",
        place="総務係 書庫 第0棚",
        verified_by="総務係長",
        verified_on=date(2026, 3, 30),
        recorded_at=founded,
        recorded_by=ACTOR,
    )
    record(session, organisation, batch)
    _found_courses(session, organisation, batch.id, founded)
    _found_reviews(session, organisation, founded)
    for number, area, period, reason in DUTIES:
        _record_duty(session, organisation, (number, area, period, reason), founded)
    for number, cost in CANDIDATES.items():
        name_candidate(session, organisation, _person(session, organisation, number), cost, ACTOR, founded)
    _found_last_years_audit(session, organisation, founded)


def audit_this_year(session: Session, organisation: Organisation, now: datetime) -> None:
    """Let the auditors declare, and the chief auditor plan this year's audit, as far as the time has come."""
    steps = (
        (_at(4, 20), _declare),
        (_at(10, 1), _plan),
        (_at(10, 19), _except),
        (_at(10, 20), _assign),
        (_at(11, 10), _learn_of_a_duty),
    )
    for moment, step in steps:
        if moment < now:
            step(session, organisation, moment)


def _person(session: Session, organisation: Organisation, number: str) -> int:
    found = find_person(session, organisation.id, number, date(2026, 4, 1))
    assert found is not None, number
    return found


def _record(session: Session, organisation: Organisation, row: Any, now: datetime) -> None:
    row.recorded_at, row.recorded_by, row.is_void = now, ACTOR, False
    record(session, organisation, row)


def _found_courses(session: Session, organisation: Organisation, batch_id: int, founded: datetime) -> None:
    for position, (number, day) in enumerate(sorted({**PASSED, ATTENDED_ONLY: date(2026, 2, 20)}.items()), 1):
        is_passed = number != ATTENDED_ONLY
        row = TrainingRecord(
            person_id=_person(session, organisation, number),
            competence=COURSE,
            kind="external_course",
            is_passed=is_passed,
            mark=None,
            maximum=None,
            pass_mark=None,
            provider=PROVIDER,
            session=f"ISMS内部監査員養成コース（{day.year}年{day.month}月）",
            certificate=f"架監研-{day.year}-{position:03d}" if is_passed else None,
            grader=None,
            equivalence_verified_by="内部監査責任者" if is_passed else None,
            document_id=None,
            migration_batch_id=batch_id,
            valid_from=day,
            valid_to=None,
            reason=None if is_passed else "修了試験を受けていない",
        )
        _record(session, organisation, row, founded)


def _found_reviews(session: Session, organisation: Organisation, founded: datetime) -> None:
    chief = _person(session, organisation, CHIEF)
    for year, numbers in ((2025, FIRST_FOUR), (2026, tuple(PASSED))):
        for number in numbers:
            facts = ReviewFacts(
                is_competent=True,
                may_lead=number in FIRST_FOUR,
                skills=(),
                capacity_minutes=1_200,
                basis="研修の修了、前年度の監査の実績及び面談による"
                if number in FIRST_FOUR
                else "研修の修了及び面談による",
                period=FiscalYear(year).period,
            )
            review_auditor(session, organisation, _person(session, organisation, number), facts, chief, founded)


def _record_duty(
    session: Session, organisation: Organisation, duty: tuple[str, str, Period, str], now: datetime
) -> None:
    number, area, period, reason = duty
    row = AreaTie(
        person_id=_person(session, organisation, number),
        area_key=area,
        kind="duty",
        document=None,
        valid_from=period.start,
        valid_to=period.end,
        reason=reason,
    )
    _record(session, organisation, row, now)


def _found_last_years_audit(session: Session, organisation: Organisation, founded: datetime) -> None:
    for number in FIRST_FOUR:
        person_id = _person(session, organisation, number)
        row = InterestDeclaration(
            person_id=person_id,
            identity_id=None,
            year=2025,
            declared_at=datetime(2025, 4, 21, 1, 0, tzinfo=UTC),
            area_keys=[],
            recorded_at=founded,
            recorded_by=ACTOR,
        )
        record_with_openings(session, organisation, [(row, {"explanation": None})])
    facts = AuditFacts(
        key="IA-2025",
        title_ja="令和7年度内部監査",
        title_en="Internal audit, fiscal year 2025",
        period=Period(date(2025, 4, 1), date(2026, 1, 1)),
        held=Period(date(2026, 2, 3), date(2026, 2, 6)),
        area_keys=tuple(LAST_YEARS_TEAMS),
        criteria="ISMSマニュアル第5版、情報セキュリティ対策規程",
        approved_by="監査委員会",
    )
    audit = plan_audit(session, organisation, facts, ACTOR, founded)
    book = open_book(session, organisation.id, Moment(date(2026, 1, 20)))
    for area, numbers in LAST_YEARS_TEAMS.items():
        for number in numbers:
            person_id = _person(session, organisation, number)
            assigned = TeamAssignment(
                person_id=person_id,
                audit_key=audit.key,
                area_key=area,
                member_kind=MemberKind.AUDITOR.value,
                is_leader=number == numbers[0],
                exception_id=None,
                verdict=judge_pairing(book, audit, area, person_id).as_json(),
                valid_from=date(2026, 1, 20),
                valid_to=None,
                reason="移行",
            )
            _record(session, organisation, assigned, founded)


def _declare(session: Session, organisation: Organisation, now: datetime) -> None:
    for number in PASSED:
        if number != NOT_DECLARED:
            declare_interests(session, organisation, _person(session, organisation, number), Declared(()), now)


def _plan(session: Session, organisation: Organisation, now: datetime) -> None:
    facts = AuditFacts(
        key="IA-2026",
        title_ja="令和8年度内部監査",
        title_en="Internal audit, fiscal year 2026",
        period=Period(date(2026, 1, 1), date(2026, 12, 1)),
        held=Period(date(2026, 12, 15), date(2026, 12, 18)),
        area_keys=tuple(key for key, *_ in AREAS),
        criteria="ISMSマニュアル第6版、情報セキュリティ対策規程",
        approved_by="監査委員会",
    )
    plan_audit(session, organisation, facts, f"person:{_person(session, organisation, CHIEF)}", now)


def _except(session: Session, organisation: Organisation, now: datetime) -> None:
    person_id = _person(session, organisation, "00133")
    chief, approver = (_person(session, organisation, number) for number in (CHIEF, APPROVER))
    audit = find_audit(session, organisation.id, "IA-2026")
    book = open_book(session, organisation.id, Moment(now.date()))
    grounds = judge_pairing(book, audit, "A-OPS", person_id).grounds
    facts = ExceptionFacts(
        "IA-2026",
        "A-OPS",
        person_id,
        [each.reference for each in grounds],
        "監視の当番に加わるだけで、設定の変更や運用の判断に関わっていないため",
        "監視に関する記録は主任監査員が確認し、本人の所見はすべて内部監査責任者が見直す",
    )
    proposal = propose_exception(session, organisation, facts, chief, now)
    decide_exception(session, organisation, proposal.id, (approver, True), now)


def _assign(session: Session, organisation: Organisation, now: datetime) -> None:
    chief = f"person:{_person(session, organisation, CHIEF)}"
    for area, numbers in (("A-OPS", ("00116", "00133")), ("A-NET", ("00103", "00113"))):
        team = [
            Member(_person(session, organisation, number), MemberKind.AUDITOR, number == numbers[0])
            for number in numbers
        ]
        assign_team(session, organisation, ("IA-2026", area), team, (chief, now))


def _learn_of_a_duty(session: Session, organisation: Organisation, now: datetime) -> None:
    duty = ("00113", "A-NET", Period(date(2026, 10, 1)), "無線LANの更新作業に加わる")
    _record_duty(session, organisation, duty, now)
