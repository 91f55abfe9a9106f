"""What a reader of a pack looks up: exemptions, leave, who is bound by which pledge, decisions, units, areas, parameters."""

from __future__ import annotations

import zipfile
from datetime import date
from hashlib import sha256
from pathlib import Path

from lms.reports.evidence import verify
from lms.services.evidence.pack import MadePack
from lms.store.base import Database
from lms.store.organisations import Organisation, OrganisationParameters
from lms.store.people import PersonLeave
from lms.store.pledges import PledgeSignature, PledgeWithdrawal
from lms.store.records import record
from lms.store.requirements import Exemption
from tests.auditing import add_row
from tests.evidence.cases import TODAY, at, pack_of, plant
from tests.evidence.test_pack_content import rows_of
from tests.factories import ACTOR, add_learner
from tests.pledges import signer_of


def planted_pack(database: Database, organisation: Organisation, folder: Path) -> MadePack:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, folder)
    assert verify.check(str(made.path)).findings == []
    return made


def test_exemptions_say_who_approved_why_and_until_when_and_those_taken_back_stay_visible(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        person = add_learner(session, organisation, "000501", given_name="取違子").person_id
        facts = {"person_id": person, "requirement_key": "core-annual", "approved_by": "情報セキュリティ委員会", "valid_from": date(2026, 4, 1), "valid_to": date(2027, 4, 1)}  # fmt: skip
        mistaken = add_row(session, organisation, Exemption, **facts, reason="取り違え")
        add_row(session, organisation, Exemption, **facts, reason="取り違え", correction_reason="別人の分", is_void=True, supersedes_id=mistaken.id)  # fmt: skip
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    found = rows_of(made.path, "03_exemptions.csv")
    assert {(row["approved_by"], row["ground"], row["to"], row["is_void"]) for row in found} == {
        ("情報セキュリティ委員会", "海外派遣", "2027-04-01", "false"),
        (" ", "海外派遣", "", "false"),
        ("情報セキュリティ委員会", "取り違え", "2027-04-01", "true"),
    }
    (void,) = (row for row in found if row["is_void"] == "true")
    assert void["correction_reason"] == "別人の分"


def test_leave_has_its_days_and_evidence(database: Database, organisation: Organisation, tmp_path: Path) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        person = add_learner(session, organisation, "000502", given_name="休業子").person_id
        add_row(session, organisation, PersonLeave, person_id=person, valid_from=date(2026, 6, 1), valid_to=date(2027, 1, 15))  # fmt: skip
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    (row,) = rows_of(made.path, "03_leave.csv")
    assert (row["from"], row["to"], row["is_void"]) == ("2026-06-01", "2027-01-15", "false")
    assert row["evidence_id"].startswith("E-")


def test_those_in_scope_whom_no_pledge_binds_are_named(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        taken_back = signer_of(session, organisation, "000503", given_name="撤回子")
        signature = session.query(PledgeSignature).order_by(PledgeSignature.id).first()
        assert signature is not None
        names = [each.key for each in PledgeSignature.__table__.columns if each.key not in {"id", "event_id", "organisation_id"}]  # fmt: skip
        values = {name: getattr(signature, name) for name in names}
        own = PledgeSignature(**{**values, "person_id": taken_back.person_id, "identity_id": taken_back.identity_id, "signed_at": at(10, 6), "code": "Y"})  # fmt: skip
        record(session, organisation, own)
        ended = PledgeWithdrawal(signature_id=own.id, withdrawn_on=date(2026, 11, 1), ground="signed_in_error", recorded_at=at(11, 1), recorded_by=ACTOR)  # fmt: skip
        record(session, organisation, ended)
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    found = rows_of(made.path, "09_binding.csv")
    in_scope = {row["person"] for row in rows_of(made.path, "01_people.csv") if not row["scope_to"] or row["scope_to"] > TODAY.isoformat()}  # fmt: skip
    assert {row["person"] for row in found} == in_scope
    states = {(row["bound"], row["state"], row["text_version"], row["since"]) for row in found}
    assert ("in_force", "in_force", "2", "2026-10-05") in states
    assert ("obsolete_only", "obsolete", "1", "2026-04-10") in states
    assert ("none", "withdrawn", "", "") in states
    assert ("none", "none", "", "") in states
    withdrawn = next(row for row in found if row["state"] == "withdrawn")
    assert (withdrawn["latest_reason"], withdrawn["reason_evidence_id"][:2]) == ("withdrawn", "E-")


def test_the_criteria_are_the_hash_of_the_decisions_listed(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    made = planted_pack(database, organisation, tmp_path)
    found = rows_of(made.path, "02_decisions.csv")
    ids = " ".join(row["evidence_id"] for row in found)
    manifest = verify.read_json(_member(made.path, "manifest.json"))
    assert manifest["criteria"] == f"{len(found)} decisions, {sha256(ids.encode()).hexdigest()[:12]}"
    assert {row["kind"] for row in found} >= {"requirement", "adoption", "pledge_text"}
    assert ("pledge_text", "confidentiality@2") in {(row["kind"], row["what"]) for row in found}


def test_areas_units_and_parameters_are_defined(database: Database, organisation: Organisation, tmp_path: Path) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        for phone in ("内線1111", "内線2222"):
            entries = {"contact_phone": {"ja": phone, "en": f"ext. {phone[2:]}"}}
            record(session, organisation, OrganisationParameters(entries=entries, recorded_at=at(5, 1), recorded_by=ACTOR))  # fmt: skip
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    units = {row["unit_id"]: row["name_ja"] for row in rows_of(made.path, "01_units.csv")}
    areas = rows_of(made.path, "12_areas.csv")
    assert {row["area"] for row in rows_of(made.path, "12_independence.csv")} <= {row["area"] for row in areas}
    assert all(units.get(row["unit_id"], "") == row["unit"] for row in areas)
    values = [(row["ja"], row["en"], row["is_in_force"]) for row in rows_of(made.path, "07_parameters.csv") if row["parameter"] == "contact_phone"]  # fmt: skip
    assert values[-2:] == [("内線1111", "ext. 1111", "false"), ("内線2222", "ext. 2222", "true")]


def test_days_late_are_counted_to_the_completion_or_to_the_as_of_date(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    made = planted_pack(database, organisation, tmp_path)
    matrix = rows_of(made.path, "03_matrix.csv")
    for row in matrix:
        if row["state"] in {"overdue", "late_complete"}:
            until = row["completed_on"] if row["state"] == "late_complete" else TODAY.isoformat()
            assert int(row["days_late"]) == (date.fromisoformat(until) - date.fromisoformat(row["due_on"])).days
        else:
            assert row["days_late"] == ""
    assert ("late_complete", "2") in {(row["state"], row["days_late"]) for row in matrix}


def test_a_module_version_says_how_its_test_is_taken_and_passed(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    made = planted_pack(database, organisation, tmp_path)
    for row in rows_of(made.path, "07_module_versions.csv"):
        rules = verify.read_json(_member(made.path, row["file"]))["module"]["test"]
        assert {name: int(row[name]) for name in ("pass_percent", "attempts", "wait_minutes")} == {
            name: rules[name] for name in ("pass_percent", "attempts", "wait_minutes")
        }
        assert int(row["questions_asked"]) == rules["questions"]


def _member(pack: Path, name: str) -> bytes:
    with zipfile.ZipFile(pack) as archive:
        return archive.read(name)
