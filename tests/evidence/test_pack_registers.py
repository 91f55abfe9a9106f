"""What the registers in a pack say about roles held twice, auditors, corrections and the rules that were put."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from courses.roles import IsmsRole
from lms.reports.evidence import verify
from lms.store.audits import PairingException
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.roles import Appointment
from tests.auditing import AUDIT, add_row
from tests.evidence.cases import pack_of, plant
from tests.evidence.test_pack_content import rows_of
from tests.factories import add_appointment


def test_roles_held_twice_are_listed_and_the_rules_that_keep_roles_apart(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        assessor = session.query(Appointment).filter_by(isms_role="risk_assessor").one().person_id
        for role in (IsmsRole.CHIEF_AUDITOR, IsmsRole.UNIT_HEAD):  # as a migration might bring them in
            add_appointment(session, organisation, assessor, role, date(2026, 4, 1), letter_number=f"第{role}号")
    made = pack_of(database, organisation, tmp_path)
    rules = {(row["first_role"], row["second_role"]) for row in rows_of(made.path, "10_separations.csv")}
    assert ("chief_auditor", "risk_assessor") in rules
    found = rows_of(made.path, "10_double_roles.csv")
    assert {(row["first_role"], row["second_role"]): row["is_separated"] for row in found} == {
        ("chief_auditor", "risk_assessor"): "true",
        ("chief_auditor", "unit_head"): "false",
        ("risk_assessor", "unit_head"): "false",
    }
    assert all(len(row["evidence_id"].split()) == 2 for row in found)


def test_an_attended_course_is_not_shown_as_a_passed_one_and_reviews_have_their_days_and_reviewer(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    found = rows_of(made.path, "11_auditors.csv")
    (attended,) = (row for row in found if row["course_finding"] == "attended_only")
    assert attended["course_is_passed"] == "false"
    assert all(row["course_is_passed"] == "true" for row in found if row["course_finding"] == "passed")
    reviewed = [row for row in found if row["review_evidence_id"]]
    assert reviewed
    assert all(row["reviewer"].startswith("P-") and row["review_from"] and row["reviewed_on"] for row in reviewed)
    assert all(row["since_evidence_id"].startswith("E-") for row in found if row["since"])
    teams = [row["person"] for row in rows_of(made.path, "12_independence.csv") if row["member"]]
    assert {row["person"]: int(row["areas_assigned"]) for row in found} == {
        row["person"]: teams.count(row["person"]) for row in found
    }


def test_corrections_speak_of_people_by_pseudonym_and_tell_an_approval_apart(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
        people = {"person_id": 1, "audit_key": AUDIT, "area_key": "A-NET"}
        facts = {"grounds": ["duty:area_tie/1"], "ground_reason": "人手", "mitigation": "主任監査員が確認", "proposed_by": "person:1", "valid_from": date(2026, 10, 1), "valid_to": None}  # fmt: skip
        names = {each.key for each in PairingException.__table__.columns}
        facts = {name: value for name, value in facts.items() if name in names}
        proposal = add_row(session, organisation, PairingException, **people, **facts, approved_by=None)
        add_row(session, organisation, PairingException, **people, **facts, approved_by="person:2", supersedes_id=proposal.id)  # fmt: skip
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    found = {row["kind"]: row for row in rows_of(made.path, "18_corrections.csv")}
    assert {kind: row["record"] for kind, row in found.items()} == {
        "correction": "training_record",
        "approval": "pairing_exception",
    }
    for row in found.values():
        for text in (row["before"], row["after"]):
            assert json.loads(text)["person_id"] == row["person"]
            assert "person:" not in text
    assert json.loads(found["approval"]["after"])["approved_by"].startswith("P-")


def test_each_rule_says_whether_it_was_put_and_whether_it_could_look(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    rules = {row["rule"]: row for row in rows_of(made.path, "15_rules.csv")}
    assert sorted(rules) == [f"NC{number:02}" for number in range(1, 20)]
    hits = [row["rule"] for row in rows_of(made.path, "15_self_check.csv")]
    assert all(int(row["hits"]) == hits.count(name) for name, row in rules.items() if row["state"] == "run")
    assert {name for name, row in rules.items() if row["state"] == "not_run"} >= {"NC01", "NC16"}


def test_a_rule_that_finds_no_writers_does_not_claim_to_have_found_nothing(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    made = pack_of(database, organisation, tmp_path)
    (rule,) = (row for row in rows_of(made.path, "15_rules.csv") if row["rule"] == "NC19")
    assert (rule["state"], rule["hits"]) == ("not_examined", "")
