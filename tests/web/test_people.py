"""The secretariat's pages of people, and recording facts on them."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import select

from lms.services.people import find_person
from lms.store.base import Database
from lms.store.organisations import find_organisation
from lms.store.people import PersonLeave
from tests.practice_organisation.seed import KEY
from tests.web.conftest import SECRETARY, STAFF, Launched
from tests.web.visits import Visit, page_of, path_of


@pytest.fixture
def person_id(tool_database: Database) -> int:
    with tool_database.reading() as session:
        organisation = find_organisation(session, KEY)
        assert organisation is not None
        found = find_person(session, organisation.id, "00107", date(2026, 11, 23))
        assert found is not None
        return found


def leaves(database: Database) -> list[PersonLeave]:
    with database.reading() as session:
        return list(session.scalars(select(PersonLeave).order_by(PersonLeave.id)))


LEAVE = {"valid_from": "2026-12-01", "valid_to": "2027-03-31"}


def test_the_register_shows_everybody_and_finds_by_name_number_and_kana(launched: Launched) -> None:
    secretary = launched(SECRETARY, locale="en")
    everybody = page_of(secretary.get("/people"))
    assert "42 people" in everybody
    for text in ("00107", "２０２６no such"):
        page = page_of(secretary.get("/people", query_string={"q": text}))
        assert ("00107" in page) is (text == "00107")
    assert "1 person" in page_of(secretary.get("/people", query_string={"q": "00107"}))


def test_filters_leave_what_they_name(launched: Launched) -> None:
    secretary = launched(SECRETARY, locale="en")
    counts = {}
    for scope in ("", "in", "out"):
        page = page_of(secretary.get("/people", query_string={"scope": scope, "as_of": "2026-11-23"}))
        found = re.search(r"(\d+) (?:person|people)</p>", page)
        assert found is not None
        counts[scope] = int(found[1])
    assert counts[""] == counts["in"] + counts["out"]
    assert secretary.get("/people", query_string={"scope": "x"}).status_code == 400
    assert "Nobody matches" in page_of(secretary.get("/people", query_string={"unit": "どこにもない係"}))


def test_a_persons_page_shows_facts_with_evidence_and_obligations_with_states(
    launched: Launched, person_id: int
) -> None:
    page = page_of(launched(SECRETARY, locale="en").get(f"/people/{person_id}"))
    assert page.count("<h1>") == 1
    assert "00107" in page
    assert "In scope" in page
    assert len(re.findall(r"E-[0-9a-f]{16}", page)) >= 5
    assert "Fiscal year 2026" in page
    assert "state-complete" in page


def test_a_persons_page_leads_to_their_pledges_and_to_each_record(secretary: Visit, person_id: int) -> None:
    page = page_of(secretary.get(f"/people/{person_id}"))
    assert f"/pledge-register/people/{person_id}" in page
    assert re.search(r'/trace/records/(E-[0-9a-f]{16})"><code>\1</code>', page)


def test_nobody_is_known_under_a_foreign_key(secretary: Visit) -> None:
    assert secretary.get("/people/999999").status_code == 404
    assert secretary.get("/people/1", query_string={"known_at": "0"}).status_code == 404


def test_staff_may_neither_read_nor_record(launched: Launched, person_id: int) -> None:
    curious = launched(STAFF)
    for path in ("/people", f"/people/{person_id}", f"/people/{person_id}/leave/new"):
        assert curious.get(path).status_code == 403
    assert curious.post(f"/people/{person_id}/leave/new", LEAVE).status_code == 403


def test_a_leave_is_recorded_corrected_closed_and_voided(
    launched: Launched, person_id: int, tool_database: Database
) -> None:
    secretary = launched(SECRETARY, locale="en")
    form = page_of(secretary.get(f"/people/{person_id}/leave/new"))
    assert "Why somebody is on leave is never recorded." in form
    assert path_of(secretary.post(f"/people/{person_id}/leave/new", LEAVE)) == secretary.path(f"/people/{person_id}")
    (first,) = leaves(tool_database)
    assert (first.valid_from, first.valid_to) == (date(2026, 12, 1), date(2027, 4, 1))
    change = f"/people/{person_id}/leave/{first.id}"
    assert 'value="2027-03-31"' in page_of(secretary.get(change))
    corrected = {**LEAVE, "valid_from": "2026-12-10", "why": "届出の日付を読み違えたため", "action": "correct"}
    assert secretary.post(change, corrected).status_code == 303
    _, second = leaves(tool_database)
    assert (second.supersedes_id, second.valid_from, second.reason) == (first.id, date(2026, 12, 10), corrected["why"])
    closing = {"close_valid_to": "2027-01-31", "close_why": "復職", "action": "close"}
    assert secretary.post(f"/people/{person_id}/leave/{second.id}", closing).status_code == 303
    third = leaves(tool_database)[-1]
    assert third.valid_to == date(2027, 2, 1)
    page = page_of(secretary.get(f"/people/{person_id}"))
    assert "Correction history (2)" in page
    assert "because: 届出の日付を読み違えたため" in page
    assert "<del>1 Dec 2026 to 31 Mar 2027</del> → <ins>10 Dec 2026 to 31 Mar 2027</ins>" in page
    assert (
        secretary.post(
            f"/people/{person_id}/leave/{third.id}", {"void_why": "別人の届出", "action": "void"}
        ).status_code
        == 303
    )
    assert leaves(tool_database)[-1].is_void
    assert "Voided" in page_of(secretary.get(f"/people/{person_id}"))


def test_what_was_typed_stands_beside_what_is_wrong_with_it(
    launched: Launched, person_id: int, tool_database: Database
) -> None:
    secretary = launched(SECRETARY, locale="en")
    for typed, sentence in (
        ({"valid_from": "2026-12-01", "valid_to": "2026-11-01"}, "It would end before it starts."),
        ({"valid_from": "1989-12-01", "valid_to": ""}, "This date can't be"),
        ({"valid_from": "yesterday", "valid_to": ""}, "it can't be read"),
        ({"valid_from": "", "valid_to": "2026-11-01"}, "This must be filled in."),
    ):
        response = secretary.post(f"/people/{person_id}/leave/new", typed)
        assert response.status_code == 422
        page = page_of(response)
        assert sentence in page
        assert 'aria-invalid="true"' in page
        assert all(f'value="{value}"' in page for value in typed.values() if value)
        assert "Please check the form" in page
    assert leaves(tool_database) == []


def test_a_correction_needs_its_reason_and_a_change(
    launched: Launched, person_id: int, tool_database: Database
) -> None:
    secretary = launched(SECRETARY, locale="en")
    secretary.post(f"/people/{person_id}/leave/new", LEAVE)
    (first,) = leaves(tool_database)
    change = f"/people/{person_id}/leave/{first.id}"
    without = secretary.post(change, {**LEAVE, "valid_from": "2026-12-02", "why": " ", "action": "correct"})
    assert (without.status_code, "This must be filled in." in page_of(without)) == (422, True)
    same = secretary.post(change, {**LEAVE, "why": "x", "action": "correct"})
    assert (same.status_code, "says so already" in page_of(same)) == (422, True)
    for action in ("close", "void"):
        assert secretary.post(change, {"action": action}).status_code == 422
    assert len(leaves(tool_database)) == 1


def test_the_second_of_two_corrections_is_told(launched: Launched, person_id: int, tool_database: Database) -> None:
    secretary = launched(SECRETARY, locale="en")
    secretary.post(f"/people/{person_id}/leave/new", LEAVE)
    (first,) = leaves(tool_database)
    change = f"/people/{person_id}/leave/{first.id}"
    for day, status in (("2026-12-02", 303), ("2026-12-03", 409)):
        response = secretary.post(change, {**LEAVE, "valid_from": day, "why": "訂正", "action": "correct"})
        assert response.status_code == status
    assert "Somebody corrected this entry meanwhile." in page_of(response)
    assert "corrected meanwhile" in page_of(secretary.get(change))
    assert [each.valid_from for each in leaves(tool_database)] == [date(2026, 12, 1), date(2026, 12, 2)]


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("scope", {"valid_from": "2030-04-01", "reason": "新しい業務"}),
        ("service", {"valid_from": "2030-04-01"}),
        ("affiliation", {"valid_from": "1999-04-01", "valid_to": "1999-04-30", "unit_id": "1", "employment": "regular", "category": "faculty"}),
        ("concurrent_post", {"valid_from": "2026-04-01", "unit_id": "2", "post": "兼任"}),
        ("line_authority", {"valid_from": "2026-04-01", "unit_id": "2"}),
        ("tie", {"valid_from": "2026-04-01", "kind": "consultancy", "area_key": ""}),
        ("exemption", {"valid_from": "2026-04-01", "valid_to": "2026-09-30", "requirement_key": "isms-and-my-role-annual", "approved_by": "委員会", "reason": "長期出張"}),
        ("training", {"valid_from": "2026-06-01", "competence": "isms-and-my-role", "kind": "external_course", "is_passed": "yes", "provider": "架空研修センター", "certificate": "K-1", "equivalence_verified_by": "ISMS事務局"}),
    ],
)  # fmt: skip
def test_every_kind_of_fact_has_a_form_that_records_and_reopens(
    launched: Launched, person_id: int, kind: str, typed: dict[str, str]
) -> None:
    secretary = launched(SECRETARY, locale="en")
    assert secretary.get(f"/people/{person_id}/{kind}/new").status_code == 200
    if kind in {"scope", "service"}:  # the one in force goes on: it must end first
        assert secretary.post(f"/people/{person_id}/{kind}/new", typed).status_code == 422
        return
    response = secretary.post(f"/people/{person_id}/{kind}/new", typed)
    assert response.status_code == 303, page_of(response)
    page = page_of(secretary.get(f"/people/{person_id}"))
    links = re.findall(rf"/people/{person_id}/{kind}/(\d+)", page)
    assert links
    assert secretary.get(f"/people/{person_id}/{kind}/{links[-1]}").status_code == 200


def test_training_that_was_only_attended_meets_nothing(launched: Launched, person_id: int) -> None:
    secretary = launched(SECRETARY, locale="en")
    typed = {
        "valid_from": "2026-06-01",
        "competence": "isms-and-my-role",
        "kind": "face_to_face",
        "session": "6月集合研修",
    }
    response = secretary.post(f"/people/{person_id}/training/new", {**typed, "is_passed": "yes"})
    assert (response.status_code, "This must be filled in." in page_of(response)) == (422, True)
    assert secretary.post(f"/people/{person_id}/training/new", typed).status_code == 303
