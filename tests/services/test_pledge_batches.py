"""Papers from before the tool come in as a list: every problem named by row and column, recorded whole or not at all."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.staff_lists import StaffListRefused
from lms.services.pledge_batches import BatchSource, PaperProblemCode, PapersRefused, plan_papers, record_papers
from lms.services.record_checks import verify_records
from lms.store.documents import MigrationBatch
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeSignature
from tests.conftest import NOW
from tests.factories import ACTOR
from tests.pledges import approved, sign_as, signer_of

HEADING = "職員番号,誓約書,版,署名日,原本の所在\n"
SOURCE = BatchSource("誓約書綴 令和7年度", "書庫A-3", "000199")


def listed(*rows: str) -> bytes:
    return (HEADING + "\n".join(rows) + "\n").encode()


@pytest.fixture(autouse=True)
def known(session: Session, organisation: Organisation) -> None:
    approved(session, organisation, "初版", date(2026, 4, 1))
    for number in ("000101", "000102", "000199"):
        signer_of(session, organisation, number)


def test_a_list_is_recorded_as_one_batch(session: Session, organisation: Organisation) -> None:
    data = listed("000101,confidentiality,1,令和8年4月3日,書庫A-3", "000102,confidentiality,1,2026/4/4,書庫A-3")
    plan = plan_papers(session, organisation, data, SOURCE, NOW)
    assert (len(plan.papers), plan.problems) == (2, ())
    assert session.scalar(select(func.count()).select_from(PledgeSignature)) == 0
    batch = record_papers(session, organisation, data, SOURCE, (ACTOR, NOW))
    rows = session.scalars(select(PledgeSignature)).all()
    assert {(row.migration_batch_id, row.method, row.verified_by) for row in rows} == {
        (batch.id, "paper", f"person:{plan.verifier}")
    }
    again = plan_papers(session, organisation, data, SOURCE, NOW)
    assert [each.code for each in again.problems] == [PaperProblemCode.ALREADY_SIGNED] * 2
    assert verify_records(session, organisation.id).problems == []


def test_every_problem_is_named_with_its_row_and_column(session: Session, organisation: Organisation) -> None:
    sign_as(session, organisation, signer_of(session, organisation, "000103"), NOW)
    data = listed(
        "999999,confidentiality,1,2026-04-03,A",
        "000101,confidentiality,2,2026-04-03,A",
        "000101,confidentiality,1,2026-04-31,A",
        "000101,confidentiality,1,2027-01-01,A",
        "000101,confidentiality,1,2026-03-31,A",
        "000102,confidentiality,1,2026-04-03,A",
        "000102,confidentiality,1,2026-04-04,A",
        "000103,confidentiality,1,2026-04-04,A",
        "000199,confidentiality,1,2026-04-04,A",
    )
    found = plan_papers(session, organisation, data, SOURCE, NOW).problems
    assert [(each.code.value, each.row, each.column) for each in found] == [
        ("unknown_person", 2, "staff_number"),
        ("unknown_text", 3, "version"),
        ("bad_date", 4, "signed_on"),
        ("to_come", 5, "signed_on"),
        ("not_in_effect", 6, "signed_on"),
        ("twice", 8, "staff_number"),
        ("already_signed", 9, "staff_number"),
        ("self_verified", 10, "staff_number"),
    ]
    with pytest.raises(PapersRefused):
        record_papers(session, organisation, data, SOURCE, (ACTOR, NOW))
    assert session.scalar(select(func.count()).select_from(MigrationBatch)) == 0


def test_a_verifier_must_be_known_and_a_file_must_be_a_list(session: Session, organisation: Organisation) -> None:
    data = listed("000101,confidentiality,1,2026-04-03,A")
    nobody = BatchSource("誓約書綴", "書庫", "000000")
    assert plan_papers(session, organisation, data, nobody, NOW).problems[0].code is PaperProblemCode.UNKNOWN_VERIFIER
    for broken in (b"", "職員番号,版\n1,1\n".encode(), listed("000101,confidentiality,1,2026-04-03,")):
        with pytest.raises(StaffListRefused):
            plan_papers(session, organisation, broken, SOURCE, NOW)
