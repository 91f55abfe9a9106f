"""Pages of roles: the chart, appointing step by step, the appointee's page, renewal, bodies."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from courses.requirements import Audience, Occasion, Requirement
from courses.roles import IsmsRole
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.roles import Recorder, appoint
from lms.store.base import Database
from lms.store.records import known
from lms.store.roles import Acknowledgement, Appointment, Body, Seat, SeparationRule
from tests.conftest import NOW
from tests.factories import require
from tests.practice_organisation.roles import AUDITORS_OF_2026
from tests.practice_organisation.seed import KEY
from tests.services.test_roles import wanted
from tests.web.conftest import STAFF, Launched
from tests.web.visits import Visit, audit_events, contents, page_of

NEW = {
    "person": "00101 架空 花子",
    "place": "seat:internal-auditor",
    "unit": "",
    "first_day": "2026-12-01",
    "last_day": "2027-03-31",
    "letter_number": "架空任第R8-50号",
    "appointed_on": "",
    "appointer": "架空大学情報基盤センター長",
}


def appointment_of(database: Database, staff_number: str, role: IsmsRole = IsmsRole.INTERNAL_AUDITOR) -> Appointment:
    """The newest appointment in force of somebody to a role."""
    with database.reading() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, staff_number, date(2026, 11, 23))
        row = session.scalars(
            select(Appointment)
            .where(Appointment.person_id == person_id, Appointment.isms_role == role.value, known(Appointment, None))
            .order_by(Appointment.valid_from.desc())
        ).first()
    assert row is not None
    return row


def count(database: Database, model: type[Any]) -> int:
    with database.reading() as session:
        return len(session.scalars(select(model)).all())


def test_everybody_on_the_staff_sees_the_chart_and_nobody_else(launched: Launched) -> None:
    page = page_of(launched(STAFF).get("/roles"))
    assert "内部監査チーム" in page
    assert "仮置 春香" in page
    assert "/roles/appointments" not in page
    assert launched("unlinked").get("/roles").status_code == 403


def test_the_chart_of_a_past_day_is_that_of_its_day(secretary: Visit) -> None:
    now, before = (
        secretary.get(f"/roles/chart.svg?as_of={day}").get_data(as_text=True) for day in ("2026-11-23", "2026-03-31")
    )
    auditors = {number: f">{name}<" for number, name in zip(AUDITORS_OF_2026[4:], ("仮名 太郎", "例示 大樹", "仮置 春香"), strict=True)}  # fmt: skip
    assert all(name in now for name in auditors.values())
    assert ">仮名 太郎<" not in before
    for document in (now, before):
        ElementTree.fromstring(document)  # noqa: S314 - our own
    assert "欠員 1名" in now
    nothing = page_of(secretary.get("/roles?as_of=2020-01-01"))
    assert "記録されていません" in nothing


def test_the_chart_and_its_list_come_as_pdf(secretary: Visit) -> None:
    response = secretary.get("/roles/chart.pdf")
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.data.startswith(b"%PDF")


def test_the_picture_is_an_image_of_this_site_with_words_for_it(secretary: Visit) -> None:
    page = page_of(secretary.get("/roles?as_of=2026-05-01"))
    found = re.search(r'<img src="([^"]+chart\.svg\?as_of=2026-05-01)" alt="([^"]+)"', page)
    assert found is not None
    assert "欠員1名" in found[2]
    response = secretary.browser.get(found[1])
    assert response.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "script-src 'nonce-" in response.headers["Content-Security-Policy"]


def test_contradictions_are_shown_to_those_who_read_appointments_alone(secretary: Visit, launched: Launched) -> None:
    assert "席「リスクアセスメント担当：担当者」の人数が、定員の下限に足りません。" in page_of(secretary.get("/roles"))
    assert "定員の下限に足りません" not in page_of(launched(STAFF).get("/roles"))


def test_an_appointment_is_checked_then_recorded_and_gives_its_rights(
    secretary: Visit, launched: Launched, tool_database: Database
) -> None:
    before = contents(tool_database)
    today = NEW | {"first_day": "2026-11-23"}
    checked = secretary.post("/roles/appoint", today | {"action": "check"})
    assert checked.status_code == 200
    assert "任命できます。" in page_of(checked)
    assert 'value="record"' in page_of(checked)
    assert contents(tool_database) == before, "a check records nothing"
    visit = launched(STAFF)
    assert visit.get("/roles/appointments").status_code == 403
    recorded = secretary.post("/roles/appoint", today | {"action": "record"})
    assert recorded.status_code == 303
    row = appointment_of(tool_database, STAFF)
    assert (row.letter_number, row.appointed_on, row.seat_key) == ("架空任第R8-50号", date(2026, 11, 23), "internal-auditor")  # fmt: skip
    assert visit.get("/roles/appointments").status_code == 200, "in the session that was open already"
    page = page_of(secretary.browser.get(recorded.headers["Location"]))
    assert "記録しました" in page
    letter = secretary.get(f"/roles/appointments/{row.id}/appointment.pdf")
    assert letter.data.startswith(b"%PDF")
    assert secretary.get(f"/roles/appointments/{row.id}/ending.pdf").status_code == 404


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"last_day": "2026-11-30"}, "始まりより前"),
        ({"person": "00103"}, "同じ役割に就いています"),
        ({"person": "00124"}, "この二つの役割は兼ねられません"),
        ({"place": "seat:ciso", "person": "00101"}, "席の定員は1名"),
        ({"letter_number": "架空任第R8-01号"}, "別の任命に使われています"),
        ({"letter_number": ""}, "「任命書番号」が記入されていません"),
        ({"appointer": " "}, "「任命者」が記入されていません"),
        ({"place": "role:unit_head"}, "「所属」が記入されていません"),
        ({"person": "99999"}, "職員名簿にありません"),
        ({"person": ""}, "職員名簿にありません"),
        ({"place": "seat:nowhere"}, "一覧から選んでください"),
        ({"place": "role:king"}, "一覧から選んでください"),
        ({"place": ""}, "一覧から選んでください"),
        ({"first_day": "昨日"}, "日付として読めません"),
        ({"first_day": ""}, "「任期の初日」が記入されていません"),
        ({"last_day": "9999-12-31"}, "日付として読めません"),
        ({"unit": "9" * 400}, "「所属」が記入されていません"),
    ],
)
@pytest.mark.parametrize("action", ["check", "record"])
def test_what_cannot_be_recorded_is_named_and_writes_nothing(
    secretary: Visit, tool_database: Database, changes: dict[str, str], sentence: str, action: str
) -> None:
    before = contents(tool_database)
    response = secretary.post("/roles/appoint", NEW | changes | {"action": action})
    assert response.status_code == 422
    page = page_of(response)
    assert sentence in page
    assert 'value="record"' not in page, "what is refused has no button that records it"
    assert 'value="架空大学情報基盤センター長"' in page or "appointer" in changes, "what was entered stays"
    assert contents(tool_database) == before


def test_the_competence_gap_stands_beside_the_verdict(secretary: Visit, tool_database: Database) -> None:
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        audience = Audience(roles=frozenset({IsmsRole.INTERNAL_AUDITOR.value}))
        rule = Requirement("auditor-course", "internal-auditor-course", Occasion.ROLE, 2026, audience=audience)
        require(session, organisation, rule)
    page = page_of(secretary.post("/roles/appoint", NEW | {"action": "check"}))
    assert "auditor-course（必修）" in page
    assert "不足" in page


def test_recording_ones_own_appointment_is_remarked(secretary: Visit) -> None:
    page = page_of(
        secretary.post("/roles/appoint", NEW | {"person": "00123", "place": "role:risk_assessor", "action": "check"})
    )
    assert "ご自身の任命を記録しようとしています" in page


def test_an_appointment_is_ended_and_the_letter_of_release_made(secretary: Visit, tool_database: Database) -> None:
    row = appointment_of(tool_database, "00103")
    path = f"/roles/appointments/{row.id}/end"
    form = {"kind": "resigned", "last_day": "2026-11-30", "letter_number": "架空任第R8-60号", "reason": "辞任願による"}
    for changes, sentence in (
        ({"last_day": "2027-03-31"}, "任期の最終日より前の日"),
        ({"last_day": "2026-01-01"}, "役割に就いた日より前"),
        ({"last_day": ""}, "記入されていません"),
        ({"reason": ""}, "「理由」が記入されていません"),
        ({"kind": "exiled"}, "一覧から選んでください"),
    ):
        refused = secretary.post(path, form | changes)
        assert refused.status_code == 422
        assert sentence in page_of(refused)
    assert appointment_of(tool_database, "00103").id == row.id
    assert secretary.post(path, form).status_code == 303
    ended = appointment_of(tool_database, "00103")
    assert (ended.last_day, ended.end_kind, ended.supersedes_id) == (date(2026, 11, 30), "resigned", row.id)
    assert secretary.get(f"/roles/appointments/{ended.id}/ending.pdf").data.startswith(b"%PDF")
    assert secretary.post(path, form).status_code == 404, "the row that was shown is in force no more"


def test_a_correction_needs_its_reason_and_shows_what_is_there(secretary: Visit, tool_database: Database) -> None:
    row = appointment_of(tool_database, "00105")
    path = f"/roles/appointments/{row.id}/correct"
    shown = page_of(secretary.get(path))
    assert 'value="架空任第R8-12号"' in shown
    form = NEW | {"person": "00105", "first_day": "2026-04-01", "letter_number": "架空任第R8-13号"}
    assert "「理由」が記入されていません" in page_of(secretary.post(path, form | {"action": "record"}))
    assert secretary.post(path, form | {"reason": "誤記", "action": "check"}).status_code == 200
    assert secretary.post(path, form | {"reason": "誤記", "action": "record"}).status_code == 303
    corrected = appointment_of(tool_database, "00105")
    assert (corrected.letter_number, corrected.reason) == ("架空任第R8-13号", "誤記")
    path = f"/roles/appointments/{corrected.id}/correct"
    assert secretary.post(path, {"action": "annul", "reason": ""}).status_code == 422
    assert secretary.post(path, {"action": "annul", "reason": "二重の記録"}).status_code == 303
    assert secretary.get(f"/roles/appointments/{corrected.id}").status_code == 404


def test_the_appointee_alone_acknowledges(launched: Launched, tool_database: Database) -> None:
    row = appointment_of(tool_database, "00105")
    mine, others = launched("00105"), launched("00126")
    assert "受領を確認する" in page_of(mine.get("/"))
    assert "監査計画に沿った監査の実施" in page_of(mine.get("/roles/mine"))
    before = count(tool_database, Acknowledgement)
    assert others.post(f"/roles/mine/{row.id}/acknowledge").status_code == 404
    assert audit_events(tool_database)[-1].facts["code"] == "appointment_not_yours"
    assert others.get(f"/roles/mine/{row.id}/appointment.pdf").status_code == 404
    assert mine.get(f"/roles/mine/{row.id}/appointment.pdf").data.startswith(b"%PDF")
    assert count(tool_database, Acknowledgement) == before
    assert mine.post(f"/roles/mine/{row.id}/acknowledge").status_code == 303
    assert mine.post(f"/roles/mine/{row.id}/acknowledge").status_code == 409
    assert count(tool_database, Acknowledgement) == before + 1
    assert "受領を確認しました" in page_of(mine.get("/roles/mine"))


def test_who_has_no_role_is_told_so(launched: Launched) -> None:
    assert "任命はありません" in page_of(launched(STAFF).get("/roles/mine"))
    assert launched("unlinked").get("/roles/mine").status_code == 200


def test_the_secretariat_sees_who_has_not_acknowledged(secretary: Visit, launched: Launched) -> None:
    before = re.search(r"受領が未確認の任命が(\d+)件", page_of(secretary.get("/roles/appointments")))
    assert before is not None
    mine = launched("00105")
    found = re.search(r"/roles/mine/(\d+)/acknowledge", page_of(mine.get("/roles/mine")))
    assert found is not None
    mine.post(f"/roles/mine/{found[1]}/acknowledge")
    after = re.search(r"受領が未確認の任命が(\d+)件", page_of(secretary.get("/roles/appointments")))
    assert after is not None
    assert int(after[1]) == int(before[1]) - 1


def test_the_register_is_exported_with_codes_and_in_words(secretary: Visit) -> None:
    text = secretary.get("/roles/appointments/export.csv?as_of=2026-05-01").data.decode("utf-8-sig")
    head, _, table = text.partition("\r\n\r\n")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert f"rows,{len(rows)}" in head
    auditors = [row for row in rows if row["isms_role"] == "internal_auditor" and row["standing"] == "in_force"]
    assert sorted(row["staff_number"] for row in auditors) == sorted(AUDITORS_OF_2026)
    old = next(row for row in rows if row["first_day"] == "2025-04-01")
    assert old["standing"] == "over"
    assert old["source"] == "令和7年度ISMS役割任命簿（架空）"
    assert secretary.get("/roles/appointments/export.xlsx").data[:2] == b"PK"


def test_a_year_is_renewed_by_ticking_checking_and_recording(secretary: Visit, tool_database: Database) -> None:
    page = page_of(secretary.get("/roles/renew"))
    ticked = re.findall(r'name="again" value="(\d+)" checked', page)
    assert len(ticked) == 33
    number = re.search(r'name="letter_number" type="text" value="([^"]+)"', page)
    assert number is not None
    assert number[1] == "架空任第R8-13号", "the first that is free"
    form = {
        "ends_on": "2027-03-31",
        "first_day": "2027-04-01",
        "last_day": "2028-03-31",
        "letter_number": "架空任第R9-01号",
        "appointed_on": "",
        "appointer": "架空大学情報基盤センター長",
    }
    before = count(tool_database, Appointment)
    assert secretary.post("/roles/renew", form | {"action": "record"}).status_code == 422, "nobody is ticked"
    assert secretary.post("/roles/renew", form | {"again": ticked, "letter_number": "", "action": "record"}).status_code == 422  # fmt: skip
    checked = secretary.post("/roles/renew", form | {"again": ticked, "action": "check"})
    assert checked.status_code == 200
    assert "33件の任命を記録する" in page_of(checked)
    assert count(tool_database, Appointment) == before
    assert secretary.post("/roles/renew", form | {"again": ticked, "action": "record"}).status_code == 303
    assert count(tool_database, Appointment) == before + 33
    with tool_database.reading() as session:
        rows = session.scalars(select(Appointment).where(Appointment.valid_from == date(2027, 4, 1))).all()
    letters = {row.seat_key: row.letter_number for row in rows}
    assert len(set(letters.values())) == 12
    assert {row.letter_number for row in rows} == set(letters.values()), "one letter for all of a seat"
    assert page_of(secretary.get("/roles/renew")).count('name="again"') == 0


def test_a_renewal_of_which_one_is_refused_records_none(secretary: Visit, tool_database: Database) -> None:
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, "00123", date(2026, 11, 23))
        assert person_id is not None
        facts = {"first_day": date(2027, 6, 1), "last_day": None, "letter_number": "架空任第R9-99号"}
        appoint(session, organisation, wanted(person_id, isms_role=IsmsRole.INTERNAL_AUDITOR, **facts), Recorder("operator:test", NOW + timedelta(0)))  # fmt: skip
    ticked = re.findall(r'name="again" value="(\d+)"', page_of(secretary.get("/roles/renew")))
    form = {
        "ends_on": "2027-03-31", "first_day": "2027-04-01", "last_day": "2028-03-31", "letter_number": "架空任第R9-01号",
        "appointer": "センター長", "again": ticked, "action": "record",
    }  # fmt: skip
    before = count(tool_database, Appointment)
    refused = secretary.post("/roles/renew", form)
    assert refused.status_code == 422
    assert "この二つの役割は兼ねられません" in page_of(refused)
    assert count(tool_database, Appointment) == before


def test_bodies_seats_and_rules_are_established_and_closed(secretary: Visit, tool_database: Database) -> None:
    body = {"key": "csirt", "name_ja": "緊急対応班", "name_en": "Response team", "parent_key": "ciso", "position": "90", "first_day": "2026-11-23"}  # fmt: skip
    assert secretary.post("/roles/bodies/body", body).status_code == 303
    seat = {"key": "csirt-head", "body_key": "csirt", "isms_role": "risk_assessor", "title_ja": "班長", "title_en": "Head", "least": "1", "most": "1", "first_day": "2026-11-23"}  # fmt: skip
    assert secretary.post("/roles/bodies/seat", seat).status_code == 303
    assert "緊急対応班" in secretary.get("/roles/chart.svg").get_data(as_text=True)
    rule = {"first": "unit_head", "second": "risk_assessor", "reason": "部門の評価を部門長が行わないため", "approved_by": "情報セキュリティ委員会", "first_day": "2027-04-01"}  # fmt: skip
    assert secretary.post("/roles/bodies/separation", rule).status_code == 303
    assert "部門の評価を部門長が行わないため（決定：情報セキュリティ委員会）" in page_of(secretary.get("/roles/bodies"))
    assert secretary.post("/roles/bodies/close", {"what": "body:csirt", "last_day": "2026-12-31"}).status_code == 422
    assert (
        secretary.post("/roles/bodies/close", {"what": "seat:csirt-head", "last_day": "2026-12-31"}).status_code == 303
    )
    assert secretary.post("/roles/bodies/close", {"what": "body:csirt", "last_day": "2026-12-31"}).status_code == 303
    assert "緊急対応班" not in secretary.get("/roles/chart.svg?as_of=2027-01-01").get_data(as_text=True)


@pytest.mark.parametrize(
    ("form", "data", "sentence"),
    [
        ("body", {"key": "X"}, "英小文字"),
        ("body", {"name_ja": ""}, "「日本語名」が記入されていません"),
        ("body", {"parent_key": "audit-team", "key": "audit-committee"}, "この会議体自身に戻って"),
        ("body", {"position": "x"}, "使える数ではありません"),
        ("body", {"first_day": "x"}, "日付として読めません"),
        ("seat", {"isms_role": "king"}, "一覧から選んでください"),
        ("seat", {"least": "3", "most": "2"}, "上限が下限より少なく"),
        ("seat", {"body_key": "nowhere"}, "このキーの会議体はないか"),
        ("close", {"what": "seat:ciso", "last_day": "2026-12-31"}, "その日より後も使われています"),
        ("close", {"what": "body:nowhere", "last_day": "2026-12-31"}, "廃止されています"),
        ("separation", {"second": "unit_head"}, "異なる二つの役割"),
        ("separation", {"first": "ciso", "second": "chief_auditor"}, "すでに兼ねられない"),
        ("separation", {"reason": " "}, "「理由」が記入されていません"),
    ],
)
def test_a_body_a_seat_or_a_rule_that_cannot_be_is_named(
    secretary: Visit, tool_database: Database, form: str, data: dict[str, str], sentence: str
) -> None:
    good = {
        "body": {"key": "new", "name_ja": "新会議体", "name_en": "New body", "first_day": "2026-11-23"},
        "seat": {"key": "new", "body_key": "risk", "isms_role": "risk_assessor", "title_ja": "席", "title_en": "Seat", "least": "0", "first_day": "2026-11-23"},
        "close": {},
        "separation": {"first": "unit_head", "second": "risk_assessor", "reason": "理由", "approved_by": "委員会", "first_day": "2026-11-23"},
    }  # fmt: skip
    before = {model: count(tool_database, model) for model in (Body, Seat, SeparationRule)}
    response = secretary.post(f"/roles/bodies/{form}", good[form] | data)
    assert response.status_code == 422
    page = page_of(response)
    assert sentence in page
    assert 'role="alert"' in page
    assert {model: count(tool_database, model) for model in before} == before
