"""An organisation whose records have gaps planted in them, each beside a clean control. Everybody in it is made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear
from courses.requirements import Audience, Occasion, Requirement
from courses.roles import IsmsRole
from lms.config import Settings
from lms.jobs.evidence import prepare_pack_key
from lms.jobs.ledger import run_sequencer
from lms.services.audit_teams import assign_team
from lms.services.catalogue import keep_versions
from lms.services.evidence.pack import MadePack, make_pack, newest_known_at
from lms.services.evidence.source import PackQuestion
from lms.store.attempts import Attempt, AttemptResult
from lms.store.audits import TeamAssignment
from lms.store.awareness import Adoption, ModuleVersion
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeSignature
from lms.store.records import record
from lms.store.requirements import Exemption
from lms.store.training_records import TrainingRecord
from tests.auditing import AUDIT, add_row, cast_auditors, make_auditor, plan, team
from tests.factories import ACTOR, FOUNDED, add_appointment, add_learner, adopt, require, small_module, take_test
from tests.pledges import approved, sign_as, signer_of

TODAY = date(2026, 12, 15)
NOW = datetime(2026, 12, 15, 3, 0, tzinfo=UTC)
PERSONAL_CELLS = {
    "family_name": "秘密野",
    "family_kana": "ヒミツ",
    "romaji": "HIMITSU Kari",
    "email": "himitsu@example.invalid",
}


def at(month: int, day: int) -> datetime:
    """Return a time of the year."""
    return datetime(2026, month, day, 2, 0, tzinfo=UTC)


@dataclass
class Planted:
    """What a self-check must find, and nothing else: rule and key of each hit."""

    hits: set[tuple[str, str]]


def plant(session: Session, organisation: Organisation) -> Planted:
    """Fill an organisation with gaps and clean controls."""
    hits: set[tuple[str, str]] = set()
    cast = cast_auditors(session, organisation)
    _audits(session, organisation, cast, hits)
    _tests(session, organisation, hits)
    _pledges(session, organisation, hits)
    _roles_and_exemptions(session, organisation, cast, hits)
    return Planted(hits)


def _audits(session: Session, organisation: Organisation, cast: Any, hits: set[tuple[str, str]]) -> None:
    """Plan an audit with a clean team, an auditor in her own area, and one who only attended the course."""
    first, third = cast.auditors["000201"], cast.auditors["000203"]
    plan(session, organisation)
    assign_team(session, organisation, (AUDIT, "A-NET"), team(first, third), (ACTOR, at(10, 2)))  # clean control
    attended = cast.approver  # the sixth: there for the course, not passed
    make_auditor(session, organisation, attended, cast.chief)
    course = session.scalar(select(TrainingRecord).where(TrainingRecord.person_id == attended))
    assert course is not None
    facts = {"is_passed": False, "valid_from": course.valid_from, "supersedes_id": course.id, "reason": "修了証の誤読"}
    add_row(session, organisation, TrainingRecord, person_id=attended, competence=course.competence, kind=course.kind, provider=course.provider, valid_to=None, **facts)  # fmt: skip
    hits.add(("NC18", f"{attended}"))
    for area, person_id in (("A-AUTH", third), ("A-DOC", attended)):  # past the service, as a migration might
        add_row(
            session,
            organisation,
            TeamAssignment,
            person_id=person_id,
            audit_key=AUDIT,
            area_key=area,
            member_kind="auditor",
            is_leader=False,
            exception_id=None,
            verdict={"verdict": "eligible", "grounds": []},
            valid_from=date(2026, 10, 2),
            valid_to=None,
        )
    hits.add(("NC05", f"{AUDIT}/A-AUTH/{third}"))
    hits.add(("NC06", f"{AUDIT}/A-DOC/{attended}"))


def _tests(session: Session, organisation: Organisation, hits: set[tuple[str, str]]) -> None:
    """Take tests on an adopted version, and record one on a version that nobody kept; one person does everything."""
    module = adopt(session, organisation, small_module())
    require(
        session,
        organisation,
        Requirement("core-annual", module.module.key, Occasion.FISCAL_YEAR, 2026, due=(11, 30)),
        Requirement("core-joining", module.module.key, Occasion.JOINING, 2026),
    )
    learner = add_learner(session, organisation, "000301", sub="301", **PERSONAL_CELLS)
    take_test(session, learner, module, at(5, 1), wrong=5)
    passed = take_test(session, learner, module, at(5, 2))
    late = add_learner(session, organisation, "000302", sub="302", **{**PERSONAL_CELLS, "given_name": "遅延子"})
    take_test(session, late, module, at(12, 2))
    add_learner(session, organisation, "000303", sub="303", **{**PERSONAL_CELLS, "given_name": "未受講子"})
    add_learner(session, organisation, "000304", sub="304", left_on="2026-09-30", scope_to="2026-09-30")
    stray = add_learner(session, organisation, sub="999")  # an account of nobody
    take_test(session, stray, module, at(6, 1))
    attempt = _unknown_version(session, organisation, passed)
    hits.add(("NC08", f"{attempt.event_id}"))
    _one_person(session, organisation, learner.person_id or 0, hits)


def _unknown_version(session: Session, organisation: Organisation, like: AttemptResult) -> AttemptResult:
    """Record a result on a module version that is not kept."""
    other = session.scalar(select(AttemptResult).where(AttemptResult.id != like.id, AttemptResult.identity_id != like.identity_id).order_by(AttemptResult.id.desc()))  # fmt: skip
    assert other is not None
    columns = [each.key for each in AttemptResult.__table__.columns]
    values = {name: getattr(other, name) for name in columns if name not in {"id", "event_id", "organisation_id"}}
    attempt = _copied_attempt(session, other.attempt_id)
    row = AttemptResult(**{**values, "attempt_id": attempt, "number": 9, "module_version": "f" * 64})
    record(session, organisation, row)
    return row


def _copied_attempt(session: Session, attempt_id: int) -> int:
    old = session.get_one(Attempt, attempt_id)
    columns = [each.key for each in Attempt.__table__.columns if each.key != "id"]
    new = Attempt(**{**{name: getattr(old, name) for name in columns}, "number": 9})
    session.add(new)
    session.flush()
    return new.id


def _one_person(session: Session, organisation: Organisation, person_id: int, hits: set[tuple[str, str]]) -> None:
    """Let one person write, approve and grade a module; another one is written and graded by two."""
    who = f"person:{person_id}"
    for key, grader in (("own-work", who), ("shared-work", "person:999999")):
        shipped = small_module(key, edition=key)

        keep_versions(session, organisation, [shipped], who, FOUNDED)
        row = session.scalars(select(ModuleVersion).where(ModuleVersion.key == key)).one()
        adoption = Adoption(
            decision="単独決定",
            approved_by=who,
            effective_on=date(2026, 4, 1),
            versions={key: row.version_hash},
            recorded_at=FOUNDED,
            recorded_by=who,
        )
        record(session, organisation, adoption)
        graded = TrainingRecord(
            person_id=person_id,
            competence=key,
            kind="face_to_face",
            is_passed=True,
            mark=8,
            maximum=10,
            pass_mark=8,
            session="架空研修 2026-06-10",
            grader=grader,
            valid_from=date(2026, 6, 10),
            valid_to=None,
            is_void=False,
            reason=None,
            recorded_at=FOUNDED,
            recorded_by=grader,
        )
        record(session, organisation, graded)
    hits.add(("NC19", f"own-work/{person_id}"))


def _pledges(session: Session, organisation: Organisation, hits: set[tuple[str, str]]) -> None:
    """Let one stay bound by a text that was replaced, one sign anew, and one have signed after the replacement."""
    approved(session, organisation, "初版", date(2026, 4, 1))
    stale = signer_of(session, organisation, "000401", given_name="旧版子")
    fresh = signer_of(session, organisation, "000402", given_name="新版子")
    for who in (stale, fresh):
        sign_as(session, organisation, who, at(4, 10))
    approved(session, organisation, "改訂", date(2026, 10, 1), resign=True, now=at(9, 1))
    sign_as(session, organisation, fresh, at(10, 5))
    paper = signer_of(session, organisation, "000403", given_name="紙面子")
    first = session.scalars(select(PledgeSignature).order_by(PledgeSignature.id)).first()
    assert first is not None
    columns = [each.key for each in PledgeSignature.__table__.columns]
    values = {name: getattr(first, name) for name in columns if name not in {"id", "event_id", "organisation_id"}}
    late = PledgeSignature(
        **{
            **values,
            "person_id": paper.person_id,
            "identity_id": paper.identity_id,
            "signed_at": at(12, 1),
            "code": "X",
        }
    )
    record(session, organisation, late)
    hits.add(("NC10", f"not_resigned/{stale.person_id}/confidentiality/1/2"))
    hits.add(("NC10", f"signed_obsolete/{paper.person_id}/confidentiality/1/2"))
    hits.add(("NC10", f"not_resigned/{paper.person_id}/confidentiality/1/2"))


def _roles_and_exemptions(session: Session, organisation: Organisation, cast: Any, hits: set[tuple[str, str]]) -> None:
    """Appoint to a role that no requirement names, and grant an exemption without an end."""
    require(
        session,
        organisation,
        Requirement(
            "auditor-course",
            "internal-auditor-course",
            Occasion.ROLE,
            2026,
            audience=Audience(roles=frozenset({IsmsRole.INTERNAL_AUDITOR.value})),
        ),
    )
    add_appointment(session, organisation, cast.chief, IsmsRole.RISK_ASSESSOR, date(2026, 4, 1), letter_number="第9号")
    hits.add(("NC11", "risk_assessor"))
    year = FiscalYear(2026)
    for person_id, end, approver in ((cast.chief, year.end, "情報セキュリティ委員会"), (cast.approver, None, " ")):
        add_row(
            session,
            organisation,
            Exemption,
            person_id=person_id,
            requirement_key="core-annual",
            approved_by=approver,
            valid_from=year.start,
            valid_to=end,
            reason="海外派遣",
        )
    hits.add(("NC12", f"{cast.approver}/core-annual/2026-04-01"))


def pack_of(
    database: Database, organisation: Organisation, folder: Path, name: str = "pack.zip", **changes: Any
) -> MadePack:
    """Place all events and write the pack of 2026."""
    settings = Settings(database.url, "http://127.0.0.1:8000", folder / "keys")
    while run_sequencer(database, settings, NOW):
        pass
    prepare_pack_key(database, settings, organisation, NOW, ACTOR)
    names = changes.pop("names", None)
    with database.reading() as session:
        facts: dict[str, Any] = {
            "organisation": organisation,
            "period": FiscalYear(2026).period,
            "as_of": TODAY,
            "known_at": newest_known_at(session, organisation.id),
        }
        return make_pack(session, PackQuestion(**(facts | changes)), settings.keys, folder / name, names=names)
