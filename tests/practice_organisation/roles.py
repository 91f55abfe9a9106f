"""Bodies, seats and appointments of the practice organisation, of fiscal years 2025 (from before the tool) and 2026.

Letter numbers are evidently made up: ``架空任第R8-01号``. One seat is short of a holder, so that a chart has a vacancy to show.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear
from courses.roles import IsmsRole
from lms.services.bodies import BodyFacts, SeatFacts, establish_body, establish_seat
from lms.services.people import find_person
from lms.services.roles import NewAppointment, Recorder, acknowledge, appoint
from lms.store.documents import MigrationBatch
from lms.store.identities import identities_of
from lms.store.organisations import Organisation, units_of
from lms.store.records import known, record
from lms.store.roles import Appointment

ACTOR = "operator:practice"
APPOINTER = "架空大学情報基盤センター長"
SINCE = date(2025, 4, 1)
AUDITORS_OF_2025 = ("00103", "00116", "00119", "00113")
AUDITORS_OF_2026 = (*AUDITORS_OF_2025, "00105", "00126", "00133")
ACKNOWLEDGED = ("00107", "00108", "00109", "00112", "00116", "00119", "00123", "00124")
"""Who has acknowledged all appointments of 2026."""

BODIES = (
    BodyFacts("management", "ISMS経営陣", "ISMS management", None, 10),
    BodyFacts("committee", "情報セキュリティ委員会", "Information Security Committee", "management", 20),
    BodyFacts("audit-committee", "監査委員会", "Audit Committee", "management", 30),
    BodyFacts("ciso", "ISMS-CISO", "ISMS-CISO", "committee", 40),
    BodyFacts("secretariat", "ISMS事務局", "ISMS Secretariat", "ciso", 50),
    BodyFacts("risk", "リスクアセスメント担当", "Risk Assessment", "ciso", 60),
    BodyFacts("units", "部門", "Units", "ciso", 70),
    BodyFacts("audit-team", "内部監査チーム", "Internal Audit Team", "audit-committee", 80),
)
SEATS = (
    SeatFacts("management-head", "management", IsmsRole.MANAGEMENT, "センター長", "Director", True, 1, 1, "センター長"),
    SeatFacts("committee-chair", "committee", IsmsRole.COMMITTEE, "委員長", "Chair", True, 1, 1),
    SeatFacts("committee-member", "committee", IsmsRole.COMMITTEE, "委員", "Members", False, 3, 8, None, 1),
    SeatFacts("audit-committee-chair", "audit-committee", IsmsRole.AUDIT_COMMITTEE, "委員長", "Chair", True, 1, 1),
    SeatFacts("audit-committee-member", "audit-committee", IsmsRole.AUDIT_COMMITTEE, "委員", "Members", False, 2, 4, None, 1),
    SeatFacts("ciso", "ciso", IsmsRole.CISO, "情報セキュリティ責任者", "Responsible for information security", True, 1, 1),
    SeatFacts("secretariat-head", "secretariat", IsmsRole.SECRETARIAT, "事務局長", "Head", True, 1, 1),
    SeatFacts("secretariat-member", "secretariat", IsmsRole.SECRETARIAT, "事務局員", "Members", False, 2, None, None, 1),
    SeatFacts("risk-assessor", "risk", IsmsRole.RISK_ASSESSOR, "担当者", "Assessors", False, 3, None),
    SeatFacts("unit-head", "units", IsmsRole.UNIT_HEAD, "部門長", "Heads of units", False, 9, None),
    SeatFacts("chief-auditor", "audit-team", IsmsRole.CHIEF_AUDITOR, "内部監査責任者", "Chief internal auditor", True, 1, 1),
    SeatFacts("internal-auditor", "audit-team", IsmsRole.INTERNAL_AUDITOR, "内部監査員", "Internal auditors", False, 4, None, None, 1),
)  # fmt: skip
HOLDERS_OF_BOTH_YEARS = {
    "management-head": ("00107",),
    "committee-chair": ("00108",),
    "audit-committee-chair": ("00109",),
    "ciso": ("00108",),
    "secretariat-head": ("00123",),
    "secretariat-member": ("00124", "00125"),
    "chief-auditor": ("00109",),
}
HOLDERS = {
    2025: {
        **HOLDERS_OF_BOTH_YEARS,
        "committee-member": ("00102", "00104", "00112"),
        "audit-committee-member": ("00110", "00129"),
        "risk-assessor": ("00102", "00106"),
        "internal-auditor": AUDITORS_OF_2025,
    },
    2026: {
        **HOLDERS_OF_BOTH_YEARS,
        "committee-member": ("00102", "00104", "00106", "00112", "00123"),
        "audit-committee-member": ("00110", "00129"),
        "risk-assessor": ("00102", "00112"),
        "internal-auditor": AUDITORS_OF_2026,
    },
}
HEADS_OF_UNITS = {
    "情報基盤運用係": "00102",
    "ネットワーク係": "00104",
    "認証基盤係": "00106",
    "計算機システム係": "00112",
    "情報セキュリティ係": "00123",
    "教育支援係": "00132",
    "図書系連携係": "00129",
    "総務係": "00126",
    "研究開発部門": "00107",
}


def found_roles(session: Session, organisation: Organisation, founded: datetime) -> None:
    """Establish the bodies and seats, and appoint everybody of both years."""
    for body in BODIES:
        establish_body(session, organisation, body, SINCE, founded, ACTOR)
    for seat in SEATS:
        establish_seat(session, organisation, seat, SINCE, founded, ACTOR)
    batch = MigrationBatch(
        source_document="令和7年度ISMS役割任命簿（架空）",
        place="総務係 書庫 第0棚",
        verified_by="総務係長",
        verified_on=date(2026, 3, 30),
        recorded_at=founded,
        recorded_by=ACTOR,
    )
    record(session, organisation, batch)
    for year, batch_id in ((2025, batch.id), (2026, None)):
        _appoint_year(session, organisation, FiscalYear(year), batch_id, founded)


def _appoint_year(
    session: Session, organisation: Organisation, year: FiscalYear, batch_id: int | None, founded: datetime
) -> None:
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    roles = {seat.key: seat.isms_role for seat in SEATS}
    places = [(seat, number, None) for seat, numbers in HOLDERS[year.year].items() for number in numbers]
    places += [("unit-head", number, units[unit]) for unit, number in HEADS_OF_UNITS.items()]
    letters = {seat.key: f"架空任第R{year.year - 2018}-{position:02d}号" for position, seat in enumerate(SEATS, 1)}
    for seat_key, number, unit_id in places:
        person_id = find_person(session, organisation.id, number, year.start)
        assert person_id is not None, number
        wanted = NewAppointment(
            person_id=person_id,
            isms_role=roles[seat_key],
            first_day=year.start,
            last_day=year.last_day,
            letter_number=letters[seat_key],
            appointed_on=year.start,
            appointer=APPOINTER,
            seat_key=seat_key,
            unit_id=unit_id,
            migration_batch_id=batch_id,
        )
        appoint(session, organisation, wanted, Recorder(ACTOR, founded))


def acknowledge_some(session: Session, organisation: Organisation, now: datetime) -> None:
    """Let those acknowledge their appointments who have an account already, in October 2026."""
    moment = datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    if moment >= now:
        return
    for number in ACKNOWLEDGED:
        person_id = find_person(session, organisation.id, number, moment.date())
        assert person_id is not None, number
        identities = identities_of(session, person_id)
        rows = session.scalars(
            select(Appointment).where(
                Appointment.person_id == person_id,
                Appointment.valid_from == date(2026, 4, 1),
                known(Appointment, None),
            )
        )
        for row in rows.all():
            acknowledge(session, organisation, row.id, (person_id, identities[0]), moment)
