"""Papers with their scans, the register on two time axes, and one person's pledges with the reasons."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from courses.pledges import ReasonCode, SignatureState, WithdrawalGround
from lms.reports.pledges import COLUMNS
from lms.services.documents import BadDocumentError, UnknownDocumentError, document_of, recognise, store_document
from lms.services.pledge_export import export_pledges
from lms.services.pledge_papers import BadPaperError, SelfVerifiedError, SignedPaper, Verifier, record_paper
from lms.services.pledge_records import find_record, paper_of, record_of, state_of
from lms.services.pledge_register import PledgeFilter, person_pledges, pledge_register
from lms.services.record_checks import verify_records
from lms.services.signing import AlreadySignedError, UnknownSignatureError, withdraw_signature
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.gettext import use_language
from tests.conftest import NOW
from tests.factories import ACTOR, place_events
from tests.pledges import Signer, approved, sign_as, signer_of
from tests.practice_organisation.pledges import SCAN

TODAY = date(2026, 11, 23)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40 + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 40 + b"\xff\xd9"
VERIFIER = Verifier("person:99", 99, "person:99")
EVERYTHING = PledgeFilter()


@pytest.fixture
def signer(session: Session, organisation: Organisation) -> Signer:
    approved(session, organisation, "初版", date(2026, 4, 1))
    return signer_of(session, organisation)


def paper(signer: Signer, **changes: Any) -> SignedPaper:
    facts = {"person_id": signer.person_id, "text_id": 1, "signed_on": date(2026, 5, 1), "original_place": "書庫A"}
    return SignedPaper(**(facts | changes))


def test_a_file_is_recognised_by_its_content() -> None:
    assert [recognise(each) for each in (SCAN, JPEG, PNG)] == ["application/pdf", "image/jpeg", "image/png"]
    for content, code in (
        (b"", "document_empty"),
        (b"0" * 10_000_001, "document_too_large"),
        (b"MZ\x90\x00 %PDF-1.4 %%EOF", "document_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "document_kind"),
        (SCAN[:-8], "document_cut"),
        (PNG[:-4], "document_cut"),
        (JPEG[:-2], "document_cut"),
    ):
        with pytest.raises(BadDocumentError) as bad:
            recognise(content)
        assert bad.value.code == code


def test_a_paper_is_recorded_with_scan_place_and_verifier(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    document = store_document(session, organisation, SCAN, ACTOR, NOW)
    assert store_document(session, organisation, SCAN, ACTOR, NOW).id == document.id
    row = record_paper(session, organisation, paper(signer, document_id=document.id), VERIFIER, NOW)
    assert (row.method, row.verified_by, row.original_place, row.document_id) == (
        "paper",
        "person:99",
        "書庫A",
        document.id,
    )
    assert (row.unit, row.post) == ("総務係", "係員")
    assert document_of(session, organisation, document.id).content == SCAN
    with pytest.raises(UnknownDocumentError):
        document_of(session, organisation, 999)
    assert verify_records(session, organisation.id).problems == []


def test_a_paper_that_can_not_be_is_refused_by_name(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    for field, changes in (
        ("text", {"signed_on": date(2026, 3, 31)}),
        ("signed_on", {"signed_on": TODAY + timedelta(days=1)}),
        ("original_place", {"original_place": " "}),
        ("language", {"language": "fr"}),
        ("signer", {"person_id": 999}),
    ):
        with pytest.raises(BadPaperError) as bad:
            record_paper(session, organisation, paper(signer, **changes), VERIFIER, NOW)
        assert bad.value.field == field
    for verifier in (
        Verifier("person:1", signer.person_id, "person:99"),
        Verifier(ACTOR, None, f"person:{signer.person_id}"),
    ):
        with pytest.raises(SelfVerifiedError):
            record_paper(session, organisation, paper(signer), verifier, NOW)
    record_paper(session, organisation, paper(signer), VERIFIER, NOW)
    with pytest.raises(AlreadySignedError):
        record_paper(session, organisation, paper(signer), VERIFIER, NOW)


def test_the_register_shows_states_as_of_a_day_and_as_known_then(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW - timedelta(days=100))
    before = place_events(session, organisation, NOW)
    why = (WithdrawalGround.SIGNED_IN_ERROR, "")
    withdraw_signature(session, organisation, row.id, why, (ACTOR, NOW, None))
    after = place_events(session, organisation, NOW)

    def states(moment: Moment, chosen: PledgeFilter = EVERYTHING) -> list[SignatureState]:
        return [each.state for each in pledge_register(session, organisation.id, moment, chosen, "ja").rows]

    assert states(Moment(TODAY)) == [SignatureState.WITHDRAWN]
    assert states(Moment(TODAY, after)) == [SignatureState.WITHDRAWN]
    assert states(Moment(TODAY, before)) == [SignatureState.IN_FORCE]
    assert states(Moment(date(2026, 8, 15))) == [SignatureState.IN_FORCE]
    assert states(Moment(date(2026, 8, 14))) == []
    assert states(Moment(TODAY, 0)) == []
    assert states(Moment(TODAY), PledgeFilter(state=SignatureState.IN_FORCE)) == []
    assert states(Moment(TODAY), PledgeFilter(is_vendor=True)) == []
    assert states(Moment(TODAY), PledgeFilter(unit="総務係", key="confidentiality", is_vendor=False)) != []


def test_a_persons_page_says_which_text_bound_and_how_we_know(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    first = sign_as(session, organisation, signer, NOW - timedelta(days=100))
    approved(session, organisation, "改", date(2026, 10, 1), resign=True, days=30)
    second = sign_as(session, organisation, signer, NOW)

    def asked(day: date) -> Any:
        particulars, found = person_pledges(session, organisation.id, signer.person_id, Moment(day))
        assert particulars is not None
        return found[0]

    assert asked(date(2026, 9, 30)).signature.id == first.id
    between = asked(date(2026, 11, 1))
    assert (between.binding.is_bound, between.binding.state) == (False, SignatureState.OBSOLETE)
    assert [each.reason.code for each in between.reasons][-1] is ReasonCode.RESIGNING_MISSED
    now = asked(TODAY)
    assert (now.signature.id, now.text.version) == (second.id, 2)
    assert all(each.evidence_id for each in now.reasons if each.reason.event_id is not None)
    assert record_of(session, organisation, second.id).evidence_id in {each.evidence_id for each in now.reasons}
    rows = pledge_register(session, organisation.id, Moment(TODAY), EVERYTHING, "ja").rows
    assert [row.replaced_by for row in rows] == [None, rows[0].evidence_id]


def test_a_record_is_found_by_its_code_and_printed_the_same_each_time(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW)
    found = find_record(session, row.code.lower())
    assert found.signature.id == row.id
    assert found.is_text_whole
    assert state_of(session, found, TODAY) is SignatureState.IN_FORCE
    for language in ("ja", "en"):
        with use_language(language):
            pdf = paper_of(found, organisation, language, "https://akashi.example.invalid/verify?code=x")
            assert pdf.startswith(b"%PDF")
            assert pdf == paper_of(found, organisation, language, "https://akashi.example.invalid/verify?code=x")
    for bad in ("", "x", "0000-0000-0000-0000"):
        with pytest.raises(UnknownSignatureError):
            find_record(session, bad)
    with pytest.raises(UnknownSignatureError):
        record_of(session, organisation, row.id, person_id=999)


def test_the_export_holds_every_row_of_the_register(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW)
    with use_language("en"):
        data = export_pledges(session, organisation, Moment(TODAY), EVERYTHING, "csv").decode("utf-8-sig")
        assert export_pledges(session, organisation, Moment(TODAY), EVERYTHING, "xlsx").startswith(b"PK")
    head, _, table = data.partition("\r\n\r\n")
    assert "rows,1" in head
    read = list(csv.DictReader(io.StringIO(table)))
    assert tuple(read[0]) == COLUMNS
    assert (read[0]["staff_number"], read[0]["state"], read[0]["verify_code"]) == ("000101", "in_force", row.code)
    assert read[0]["signed_at_jst"] == "2026-11-23 12:00:00"
