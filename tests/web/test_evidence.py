"""The pages of evidence packs and of the trace, for those who hold the right."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from lms.config import Settings
from lms.jobs.evidence_packs import make_wanted_pack, remove_old_packs
from lms.jobs.ledger import run_sequencer
from lms.reports.evidence import verify
from lms.services.ledger_keys import verifier_for
from lms.services.ledger_proofs import check_proof
from lms.store.base import Database
from lms.store.evidence import EvidencePackJob
from tests.conftest import NOW
from tests.web.conftest import SECRETARY, STAFF, Launched, RunningTool
from tests.web.visits import Visit, audit_events, page_of

SINCE = re.compile(r"E-[0-9a-f]{16}")


@pytest.fixture
def settings(tool: RunningTool, tmp_path: Path) -> Settings:
    """The tool's own settings, with anchors for this test's ledger alone."""
    found: Settings = tool.app.extensions["akashi"].settings
    return replace(found, anchors=tmp_path / "anchors")


@pytest.fixture
def desk(launched: Launched, tool_database: Database, settings: Settings) -> Visit:
    """The secretariat, with everything recorded in its place."""
    while run_sequencer(tool_database, settings, NOW):
        pass
    return launched(SECRETARY, locale="en")


def job_of(database: Database) -> EvidencePackJob:
    with database.reading() as session:
        return session.scalars(select(EvidencePackJob).order_by(EvidencePackJob.id.desc())).first() or pytest.fail(
            "no job"
        )


def ask(desk: Visit, **fields: str) -> int:
    response = desk.post("/evidence", {"year": "2026", "as_of": "2026-11-23", **fields})
    return int(response.status_code)


def test_a_pack_is_asked_for_made_and_downloaded(
    desk: Visit, tool_database: Database, settings: Settings, tmp_path: Path
) -> None:
    assert ask(desk) == 303
    assert "Waiting for the worker" in page_of(desk.get("/evidence"))
    assert make_wanted_pack(tool_database, settings, NOW) == 1
    assert make_wanted_pack(tool_database, settings, NOW) == 0
    job = job_of(tool_database)
    assert (job.state, job.steps_done) == ("done", job.steps)
    assert job.manifest_sha256 is not None
    assert job.manifest_sha256[:16] in page_of(desk.get("/evidence"))
    response = desk.get(f"/evidence/{job.id}/pack.zip")
    assert response.headers["Content-Disposition"].startswith("attachment; filename=evidence-kakuu-20260401-20270401-")
    pack = tmp_path / "pack.zip"
    pack.write_bytes(response.data)
    response.close()
    report = verify.check(str(pack), str(verifier_for(settings.keys, "kakuu")))
    assert report.findings == []
    kinds = [event.kind for event in audit_events(tool_database)]
    assert kinds[-3:] == ["evidence.pack_asked", "evidence.pack_made", "evidence.pack_downloaded"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"as_of": "2026-03-31"}, "as-of date"),
        ({"from": "2026-04-01"}, "could not be read"),
        ({"from": "2026-04-02", "to": "2026-04-01"}, "must hold a day"),
        ({"from": "2026-04-01", "to": "2026-04-01"}, "must hold a day"),
        ({"year": "26"}, "no such fiscal year"),
        ({"as_of": "tomorrow"}, "could not be read"),
        ({"known_at": "9999999"}, "never had this size"),
        ({"known_at": "0"}, "must hold a day"),
        ({"known_at": "-1"}, "could not be read"),
    ],
)
def test_what_can_not_be_asked_is_said_and_nothing_is_noted(
    desk: Visit, tool_database: Database, fields: dict[str, str], sentence: str
) -> None:
    response = desk.post("/evidence", {"year": "2026", "as_of": "2026-11-23", **fields})
    assert response.status_code == 422
    assert sentence in page_of(response)
    with tool_database.reading() as session:
        assert session.scalars(select(EvidencePackJob)).all() == []


def test_three_packs_may_wait_and_no_more(desk: Visit) -> None:
    assert [ask(desk) for _ in range(4)] == [303, 303, 303, 422]


def test_a_file_is_removed_after_its_days_and_its_manifest_stays_named(
    desk: Visit, tool_database: Database, settings: Settings
) -> None:
    ask(desk)
    make_wanted_pack(tool_database, settings, NOW)
    job = job_of(tool_database)
    assert remove_old_packs(tool_database, settings, NOW + timedelta(days=7)) == 0
    assert remove_old_packs(tool_database, settings, NOW + timedelta(days=7, seconds=1)) == 1
    assert not list(settings.spool_dir.glob(f"evidence-pack-{job.id}.zip"))
    assert desk.get(f"/evidence/{job.id}/pack.zip").status_code == 404
    assert "File removed" in page_of(desk.get("/evidence"))


def test_a_pack_whose_worker_died_is_made_by_another(desk: Visit, tool_database: Database, settings: Settings) -> None:
    ask(desk)
    with tool_database.transaction() as session:
        job = session.scalars(select(EvidencePackJob)).one()
        job.lease_until = NOW + timedelta(minutes=10)
    assert make_wanted_pack(tool_database, settings, NOW) == 0
    assert make_wanted_pack(tool_database, settings, NOW + timedelta(minutes=11)) == 1
    assert job_of(tool_database).state == "done"


def test_staff_may_neither_ask_nor_download(launched: Launched, desk: Visit, tool_database: Database, settings: Settings) -> None:  # fmt: skip
    ask(desk)
    make_wanted_pack(tool_database, settings, NOW)
    curious = launched(STAFF)
    assert curious.get("/evidence").status_code == 403
    assert curious.post("/evidence", {}).status_code == 403
    assert curious.get(f"/evidence/{job_of(tool_database).id}/pack.zip").status_code == 403
    assert curious.get("/trace").status_code == 403


def test_two_clicks_lead_from_a_clause_to_the_proof_and_one_leads_back(desk: Visit, settings: Settings) -> None:
    start = page_of(desk.get("/trace"))
    assert "A.7.2.2" in start, "the older numbering stands beside the newer"
    clause = page_of(desk.get("/trace/clauses/7.2"))  # the first click
    assert "架設 恵" in clause or "Complete" in clause
    people = clause.partition("People and what they have shown")[2]
    records = {each: page_of(desk.get(f"/trace/records/{each}")) for each in SINCE.findall(people)}  # the second click
    evidence_id = next(each for each, page in records.items() if "Test submitted" in page)
    record = records[evidence_id]
    assert "Download the proof" in record
    assert "module version" in record
    assert "/trace/clauses/7.2" in record, "and back"
    assert "Not in the ledger; it holds commitments to: items" in record
    proof = desk.get(f"/trace/records/{evidence_id}/proof")
    assert check_proof(proof.data, verifier_for(settings.keys, "kakuu")) == []
    assert json.loads(proof.data)["evidence_id"] == evidence_id
    body = json.loads(json.loads(proof.data)["payload"])["body"]
    assert [sorted(each) for each in body["questions"]] == [["question", "version"]] * 10
    told = re.compile(r"""(?:"|&#34;)(?:answer|given|order)(?:"|&#34;)""")
    for text in (record, json.loads(proof.data)["payload"]):
        assert "questions" in text
        assert told.search(text) is None, "a proof is handed out, and the answers are not in it"


def test_every_clause_of_the_list_has_its_page(desk: Visit) -> None:
    numbers = re.findall(r'/trace/clauses/([^"?]+)"', page_of(desk.get("/trace")))
    assert len(numbers) == 23
    for number in numbers:
        assert desk.get(f"/trace/clauses/{number}").status_code == 200, number
    assert desk.get("/trace/clauses/A.7.2.2").status_code == 200, "by the older number too"
    assert desk.get("/trace/clauses/7.99").status_code == 404


def test_an_evidence_id_is_searched_for(desk: Visit) -> None:
    evidence_id = SINCE.findall(page_of(desk.get("/trace/clauses/7.2")))[0]
    response = desk.get(f"/trace?evidence={evidence_id}")
    assert response.status_code == 303
    assert response.headers["Location"].endswith(f"/trace/records/{evidence_id}")
    for wrong in ("E-0000000000000000", "nonsense", "E-" + "f" * 60):
        assert desk.get(f"/trace/records/{wrong}").status_code == 404


def test_every_record_of_the_practice_organisation_can_be_looked_at(desk: Visit, tool_database: Database) -> None:
    from courses.ledger import short_id
    from lms.store.ledger import LedgerEvent

    with tool_database.reading() as session:
        rows = session.execute(select(LedgerEvent.leaf, LedgerEvent.payload).order_by(LedgerEvent.id)).all()
    first_of_kind = {json.loads(payload)["type"]: short_id(leaf) for leaf, payload in rows}
    assert len(first_of_kind) > 10
    for kind, evidence_id in first_of_kind.items():
        assert desk.get(f"/trace/records/{evidence_id}").status_code == 200, kind
