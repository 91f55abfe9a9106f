"""Invitations on the web: made by the secretariat, used once by anybody who holds the address, each refusal by its own page."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.store.base import Database
from lms.store.documents import StoredDocument
from lms.store.pledges import PledgeApproval, PledgeSignature, PledgeText
from lms.store.vendors import VendorEngagement
from tests.conftest import NOW
from tests.factories import add_appointment
from tests.practice_organisation.pledges import SCAN
from tests.practice_organisation.seed import KEY
from tests.web.conftest import BOTH_DATABASES, STAFF, Launched
from tests.web.test_pledges import fields_of
from tests.web.visits import Browser, StandingClock, Visit, audit_events, contents, page_of, path_of


def person(database: Database, staff_number: str) -> int:
    with database.reading() as session:
        organisation = find_organisation_or_only(session, KEY)
        found = find_person(session, organisation.id, staff_number, jst_date(NOW))
    assert found is not None
    return found


def invited(secretary: Visit, database: Database, staff_number: str = "V0002") -> str:
    """Invite somebody; return the path of the address that is shown once."""
    sent = {"person_id": str(person(database, staff_number)), "pledge_key": "vendor"}
    page = page_of(secretary.post("/vendors/invitations", sent))
    found = re.search(r'value="https://akashi.example.invalid(/pledge/[\w-]{43})"', page)
    assert found is not None, page
    assert found[1] not in page_of(secretary.get("/vendors"))
    return found[1]


def filled(browser: Browser, address: str, **changes: str) -> dict[str, str]:
    """Return the form of an invitation as filled in."""
    page = page_of(browser.get(address))
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert token is not None
    assert f'action="{address}"' in page
    assert f'href="{address}?text=' in page
    return {
        "form_token": token[1], **fields_of(page), "accepted": "yes", "typed_name": "委託例 実花", "action": "sign",
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_invitation_signs_once_without_session_or_cookie(
    secretary: Visit, client: Browser, tool_database: Database, database_kind: str
) -> None:
    address = invited(secretary, tool_database)
    page = client.get(address)
    assert "Set-Cookie" not in page.headers
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "委託例 実花" in page_of(page)
    form = filled(client, address)
    signed = client.post(address, data=form)
    assert signed.status_code == 200
    assert re.search(r"E-[0-9a-f]{16}", page_of(signed))
    for again in (client.get(address), client.post(address, data=form)):
        assert (again.status_code, "invitation_used" in page_of(again)) == (410, True)
    assert audit_events(tool_database)[-1].facts["code"] == "invitation_used"


def test_an_address_that_opens_nothing_says_why(
    secretary: Visit, client: Browser, tool_database: Database, clock: StandingClock
) -> None:
    assert client.get("/pledge/unknown").status_code == 404
    old = invited(secretary, tool_database)
    new = invited(secretary, tool_database)
    assert "invitation_revoked" in page_of(client.get(old))
    row = re.search(r"/vendors/invitations/(\d+)/revoke", page_of(secretary.get("/vendors")))
    assert row is not None
    assert secretary.post(f"/vendors/invitations/{row[1]}/revoke").status_code == 303
    assert "invitation_revoked" in page_of(client.get(new))
    assert secretary.post(f"/vendors/invitations/{row[1]}/revoke").status_code == 410
    last = invited(secretary, tool_database)
    clock.advance(timedelta(days=14).total_seconds())
    assert "invitation_expired" in page_of(client.get(last))


def test_an_invitation_ends_with_the_engagement(
    secretary: Visit, client: Browser, tool_database: Database, clock: StandingClock
) -> None:
    address = invited(secretary, tool_database)
    form = filled(client, address)
    with tool_database.reading() as session:
        mine = select(VendorEngagement.id).where(VendorEngagement.person_id == person(tool_database, "V0002"))
        engagement = session.scalars(mine).one()
    assert secretary.post(f"/vendors/engagements/{engagement}/end").status_code == 303
    assert client.get(address).status_code == 200, "today is its last day"
    clock.advance(86400)
    refused = client.post(address, data=form)
    assert (refused.status_code, "invitation_over" in page_of(refused)) == (410, True)


def test_the_form_of_an_invitation_signs_for_its_own_person_and_text_alone(
    secretary: Visit, client: Browser, tool_database: Database
) -> None:
    address, other = invited(secretary, tool_database), invited(secretary, tool_database, "V0001")
    form = filled(client, address)
    before = contents(tool_database)
    for change, status in (
        ({"form_token": ""}, 403),
        ({"form_token": filled(client, other)["form_token"]}, 403),
        ({"signer": "1"}, 409),
        ({"sha256": "0" * 64}, 422),
        ({"text_id": "1"}, 409),
        ({"accepted": ""}, 422),
        ({"typed_name": "別人 太郎"}, 422),
    ):
        assert client.post(address, data=form | change).status_code == status, change
    assert client.post(address, data=form, headers={"Sec-Fetch-Dest": "iframe"}).status_code == 409
    assert contents(tool_database) == before
    assert client.post(address, data=form | {"action": "decline"}).status_code == 200
    assert client.post(address, data=form).status_code == 200


def test_who_is_not_engaged_is_not_invited(secretary: Visit, tool_database: Database) -> None:
    for sent in (
        {"person_id": str(person(tool_database, STAFF)), "pledge_key": "vendor"},
        {"person_id": "x", "pledge_key": "vendor"},
        {"person_id": str(person(tool_database, "V0002")), "pledge_key": "no-such"},
    ):
        response = secretary.post("/vendors/invitations", sent)
        assert response.status_code == 422
        assert "/pledge/" not in page_of(response)


def test_firms_contracts_and_people_are_added_and_bad_ones_named(secretary: Visit) -> None:
    assert secretary.post("/vendors/firms", {"name_ja": "例示産業株式会社", "name_en": "Reiji"}).status_code == 303
    page = page_of(secretary.get("/vendors"))
    firm = re.search(r'<option value="(\d+)">例示産業株式会社', page)
    assert firm is not None
    contract = {
        "firm_id": firm[1],
        "number": "例契-1",
        "title": "清掃",
        "first_day": "2026-10-01",
        "last_day": "2027-03-31",
    }
    for change in (
        {"first_day": ""},
        {"last_day": "2026-01-01"},
        {"last_day": "9999-12-31"},
        {"firm_id": "x"},
        {"number": ""},
    ):
        assert secretary.post("/vendors/contracts", contract | change).status_code == 422, change
    assert secretary.post("/vendors/contracts", contract).status_code == 303
    under = re.search(r'<option value="(\d+)">例契-1', page_of(secretary.get("/vendors")))
    assert under is not None
    work = {"contract_id": under[1], "staff_number": "V0002", "first_day": "2026-10-01", "last_day": "2027-03-31"}
    for change in ({"staff_number": "99999"}, {"contract_id": "x"}, {"first_day": "2026-01-01"}, {"last_day": "x"}):
        assert secretary.post("/vendors/engagements", work | change).status_code == 422, change
    assert secretary.post("/vendors/engagements", work).status_code == 303
    assert secretary.post("/vendors/engagements", work).status_code == 422


# The register, texts and papers


def test_the_register_answers_its_filters_and_exports_them(secretary: Visit) -> None:
    whole = page_of(secretary.get("/pledge-register"))
    assert "見出 剛" in whole.split("<table")[0], "who declined is named above the records"
    vendors = page_of(secretary.get("/pledge-register?kind=vendor"))
    assert "業者例 力" in vendors
    assert vendors.count("<tr>") == 2
    assert page_of(secretary.get("/pledge-register?as_of=2026-03-31")).count("<tr>") == 0
    assert secretary.get("/pledge-register?state=nonsense").status_code == 400
    assert secretary.get("/pledge-register?page=9999").status_code == 200
    data = secretary.get("/pledge-register/export.csv?state=obsolete").data.decode("utf-8-sig")
    assert "filter:state,obsolete" in data
    assert secretary.get("/pledge-register/export.xlsx").data.startswith(b"PK")


def test_one_persons_page_says_which_text_bound_on_a_day(secretary: Visit, tool_database: Database) -> None:
    key = person(tool_database, "00103")
    june = page_of(secretary.get(f"/pledge-register/people/{key}?as_of=2026-06-01"))
    today = page_of(secretary.get(f"/pledge-register/people/{key}"))
    assert "signature-in_force" in june
    assert "signature-obsolete" in today
    assert secretary.get("/pledge-register/people/999999").status_code == 404


def paper(tool_database: Database, **changes: Any) -> dict[str, Any]:
    sent = {
        "staff_number": "00131", "text_id": "1", "language": "ja", "signed_on": "2026-05-01", "original_place": "書庫A-3",
        "scan": (BytesIO(SCAN), "誓約書.pdf"),
    }  # fmt: skip
    return sent | changes


def test_a_paper_is_entered_with_its_scan_and_handed_out_as_a_file(secretary: Visit, tool_database: Database) -> None:
    response = secretary.post("/pledge-register/paper", paper(tool_database))
    page = page_of(secretary.browser.get(path_of(response)))
    assert "標本 千夏" in page
    assert "架設 恵" in page, "who compared it"
    scan = secretary.browser.get(f"{path_of(response)}/scan")
    assert scan.data == SCAN
    assert scan.headers["Content-Disposition"].startswith("attachment")
    assert scan.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in scan.headers["Content-Security-Policy"]


def test_a_paper_that_can_not_be_is_refused_whole(secretary: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    for changes in (
        {"staff_number": "99999"},
        {"staff_number": "00123"},
        {"signed_on": "2026-12-01"},
        {"signed_on": "x"},
        {"signed_on": "2026-03-01"},
        {"original_place": " "},
        {"text_id": "999"},
        {"text_id": "x"},
        {"staff_number": "00103"},
        {"scan": (BytesIO(b""), "a.pdf")},
        {"scan": (BytesIO(b"<script>"), "a.pdf")},
        {"scan": (BytesIO(SCAN[:-9]), "a.pdf")},
    ):
        response = secretary.post("/pledge-register/paper", paper(tool_database, **changes))
        assert response.status_code == 422, changes
        assert 'role="alert"' in page_of(response)
    assert contents(tool_database) == before


def posted(secretary: Visit, sent: dict[str, Any]) -> int:
    """Post a large form from memory, without the test client's own temporary file; return the status."""
    boundary, body = encode_multipart({**sent, "form_token": secretary.form_token, "scan": FileStorage(*sent["scan"])})
    kind = f"multipart/form-data; boundary={boundary}"
    return secretary.browser.post(secretary.path("/pledge-register/paper"), data=body, content_type=kind).status_code


def test_a_scan_may_be_large_and_nothing_else_may(secretary: Visit, tool_database: Database) -> None:
    large = SCAN[:-6] + b"0" * 5_000_000 + b"\n%%EOF\n"
    assert posted(secretary, paper(tool_database, scan=(BytesIO(large), "a.pdf"))) == 303
    with tool_database.reading() as session:
        assert session.scalar(select(func.max(StoredDocument.size))) == len(large)
    for size, status in ((10_000_001, 422), (11_000_000, 413)):
        scan = (BytesIO(b"%PDF-" + b"0" * size), "a.pdf")
        assert posted(secretary, paper(tool_database, staff_number="00134", scan=scan)) == status
    assert secretary.post("/vendors/firms", {"name_ja": "あ" * 1_000_000}).status_code == 413


def test_the_secretariat_withdraws_with_a_ground(secretary: Visit, tool_database: Database) -> None:
    with tool_database.reading() as session:
        record = session.scalar(select(func.max(PledgeSignature.id)))
    assert secretary.post(f"/pledge-register/records/{record}/withdraw", {"ground": "x"}).status_code == 422
    sent = {"ground": "released", "reason": "担当を離れたため"}
    assert secretary.post(f"/pledge-register/records/{record}/withdraw", sent).status_code == 303
    assert "signature-withdrawn" in page_of(secretary.get(f"/pledge-register/records/{record}"))
    assert secretary.post(f"/pledge-register/records/{record}/withdraw", sent).status_code == 409
    assert secretary.get(f"/pledge-register/records/{record}/record.pdf").data.startswith(b"%PDF")
    assert secretary.get(f"/pledge-register/records/{record}/scan").status_code in {200, 404}


DRAFT = {
    "key": "confidentiality",
    "title_ja": "誓約書",
    "title_en": "Pledge",
    "text_ja": "誓います。\r\n守ります。",
    "text_en": "I promise.",
}


def test_a_text_goes_from_draft_to_approval_by_two_roles(
    secretary: Visit, launched: Launched, tool_database: Database
) -> None:
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        add_appointment(session, organisation, person(tool_database, STAFF), IsmsRole.CISO, jst_date(NOW))
    ciso = launched(STAFF)
    assert "生成AI" in page_of(secretary.get("/pledge-texts/draft?sample=confidentiality"))
    assert ciso.post("/pledge-texts/draft", DRAFT).status_code == 403
    for change in ({"key": "X"}, {"text_en": ""}, {"title_ja": "a\nb"}, {"text_ja": "a" * 20_001}):
        assert secretary.post("/pledge-texts/draft", DRAFT | change).status_code == 422, change
    address = path_of(secretary.post("/pledge-texts/draft", DRAFT))
    assert secretary.post("/pledge-texts/draft", DRAFT).status_code == 422
    inside = "/" + address.split("/", 3)[3]
    page = page_of(ciso.get(inside))
    assert "<ins>" in page
    assert "<del>" in page
    decision = {
        "decision": "第4回委員会", "approved_by": "情報セキュリティ委員会", "effective_on": "2026-12-01", "days_to_sign": "30",
        "requires_resigning": "yes",
    }  # fmt: skip
    assert launched("00118").post(f"{inside}/approve", decision).status_code == 403
    for change in (
        {"decision": ""},
        {"approved_by": ""},
        {"effective_on": "x"},
        {"days_to_sign": "366"},
        {"days_to_sign": "-"},
    ):
        assert ciso.post(f"{inside}/approve", decision | change).status_code == 422, change
    assert ciso.post(f"{inside}/approve", decision | {"effective_on": "2026-10-05"}).status_code == 409
    assert ciso.post(f"{inside}/approve", decision).status_code == 303
    assert ciso.post(f"{inside}/approve", decision).status_code == 409
    assert ciso.post(f"{inside}/void", {"reason": ""}).status_code == 422
    assert ciso.post(f"{inside}/void", {"reason": "誤字"}).status_code == 303
    assert ciso.post(f"{inside}/void", {"reason": "誤字"}).status_code == 404
    with tool_database.reading() as session:
        rows = session.scalars(select(PledgeApproval).order_by(PledgeApproval.id.desc()).limit(2)).all()
        assert [row.is_void for row in rows] == [True, False]
        effective = session.scalars(select(PledgeText.id).where(PledgeText.key == "vendor")).one()
    assert ciso.post(f"/pledge-texts/{effective}/void", {"reason": "x"}).status_code == 409
