"""The planner's pages: pool, audits and teams, exceptions, the register of auditors, areas and policy, declarations."""

from __future__ import annotations

import csv
import io
import re

import pytest

from courses.calendar import jst_date
from courses.programme.results import EffortSpentError
from lms.services.audits import pairings
from lms.services.people import find_person
from lms.store.auditors import AuditArea, AuditorPolicy, CompetenceReview, InterestDeclaration, known_rows
from lms.store.audits import assignments_of, audits_of, exceptions_of
from lms.store.base import Database
from lms.store.organisations import find_organisation
from lms.store.records import Moment
from lms.web import pools
from tests.conftest import NOW
from tests.practice_organisation.seed import KEY
from tests.web.conftest import BOTH_DATABASES, STAFF, Launched
from tests.web.visits import Visit, contents, page_of, path_of

CHIEF, APPROVER, MEMBER = "00109", "00108", "00110"
"""Chief auditor (and chair of the audit committee), CISO, member of the audit committee."""
TODAY = jst_date(NOW)
TEAM = "/audit/audits/IA-2026/areas/A-GA"


@pytest.fixture
def planner(launched: Launched) -> Visit:
    return launched(CHIEF, locale="en")


def organisation_id(database: Database) -> int:
    with database.reading() as session:
        found = find_organisation(session, KEY)
        assert found is not None
        return found.id


def key_of(database: Database, number: str) -> int:
    with database.reading() as session:
        found = find_person(session, organisation_id(database), number, TODAY)
        assert found is not None
        return found


def team_form(database: Database, *numbers: str) -> dict[str, str]:
    keys = [key_of(database, number) for number in numbers]
    return {f"kind-{key}": "auditor" for key in keys} | {"leader": str(keys[0])}


def test_the_pool_shows_every_cell_with_its_reason_and_the_key_figures(planner: Visit) -> None:
    page = page_of(planner.get("/audit/pool"))
    assert "Enough" in page
    assert "Belongs to the area's unit (Identity Management Section), since 1 Apr 2018" in page
    assert "Attended a course without passing it" in page
    assert page.count('class="cell-cannot_tell"') == 3
    assert "1 Apr 2027" in page
    assert "twelve months up to the day" in page


def test_a_what_if_stands_beside_the_state_as_it_is(planner: Visit, tool_database: Database) -> None:
    removed = "&".join(f"remove=p{key_of(tool_database, number)}" for number in ("00103", "00116", "00119"))
    page = page_of(planner.get(f"/audit/pool?{removed}&what_look_back=24&add_unit=1&without_consultants=1"))
    row = re.search(r"<th scope=\"row\">Margin</th>(.*?)</tr>", page, re.DOTALL)
    assert row is not None
    assert re.findall(r"<strong>(.*?)</strong>", row[1]) == ["2", "−1"]
    assert "lacks 1 for a team" in page
    assert "without any one of them less would be lacking" in page
    assert "Train 1 of these candidates" in page


def test_a_day_without_auditors_is_explained_in_facts_and_repairs(planner: Visit) -> None:
    page = page_of(planner.get("/audit/pool?as_of=2027-04-02"))
    assert "Not enough" in page
    assert "not qualified since the end of 31 Mar 2027" in page
    assert "Find further auditors: 2" in page


@pytest.mark.parametrize(
    "query",
    [
        *("audited_from=2027-01-01", "audited_from=x", "look_back=121", "look_back=-1", "train=21"),
        *(
            "remove=p999",
            "remove=x",
            "train_also=p1",
            "add_unit=99",
            "what_look_back=999",
            "as_of=x",
            "known_at=9999999",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(planner: Visit, query: str) -> None:
    assert planner.get(f"/audit/pool?{query}").status_code == 400


def test_the_picture_is_an_svg_that_runs_nothing(planner: Visit) -> None:
    response = planner.get("/audit/pool/outlook.svg")
    assert response.content_type == "image/svg+xml; charset=utf-8"
    text = response.get_data(as_text=True)
    assert text.startswith("<svg")
    assert "script" not in text
    assert "style" not in text


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_teams_are_proposed_and_assigned_at_one_click(planner: Visit, tool_database: Database) -> None:
    page = page_of(planner.get("/audit/audits/IA-2026?propose=1"))
    teams = re.findall(r'name="team" value="([^"]+)"', page)
    assert [each.partition(":")[0] for each in teams] == ["A-AUTH", "A-GA"]
    response = planner.post("/audit/audits/IA-2026/teams", {"team": teams})
    assert path_of(response) == planner.path("/audit/audits/IA-2026")
    with tool_database.reading() as session:
        found = pairings(session, organisation_id(tool_database), Moment(TODAY), "IA-2026")
    assert sorted({each.assignment.area_key for each in found}) == ["A-AUTH", "A-GA", "A-NET", "A-OPS"]
    assert [each.flags for each in found if each.assignment.area_key in {"A-AUTH", "A-GA"}] == [()] * 4


def test_an_auditor_of_own_work_is_refused_by_name_and_nothing_is_written(
    planner: Visit, tool_database: Database
) -> None:
    before = contents(tool_database)
    response = planner.post(TEAM, team_form(tool_database, "00103", "00126"))
    assert response.status_code == 422
    page = page_of(response)
    assert "例示 大樹 may not audit A-GA: Belongs to the area's unit (General Affairs Section)" in page
    assert "見本 花子 may not audit" not in page
    assert contents(tool_database) == before


@pytest.mark.parametrize(
    ("people", "changes", "sentence"),
    [
        (("00103",), {}, "at least 2 auditors"),
        (("00103", "00116"), {"leader": ""}, "Exactly one auditor leads"),
        (("00103", "00105"), {}, "declaration of interests is missing"),
        (("00103", "00117"), {}, "Attended a course without passing it"),
        (("00103", "00116"), {"further_number": "99999", "further_kind": "guide"}, "names nobody"),
        (("00103", "00116"), {"further_number": "00101", "further_kind": "king"}, "names nobody"),
    ],
)
def test_a_team_that_does_not_hold_is_refused_with_the_reason(
    planner: Visit, tool_database: Database, people: tuple[str, ...], changes: dict[str, str], sentence: str
) -> None:
    before = contents(tool_database)
    response = planner.post(TEAM, team_form(tool_database, *people) | changes)
    assert response.status_code == 422
    assert sentence in page_of(response)
    assert contents(tool_database) == before


def test_a_team_of_auditors_and_a_guide_is_assigned(planner: Visit, tool_database: Database) -> None:
    form = team_form(tool_database, "00116", "00103") | {"further_number": "00101", "further_kind": "guide"}
    assert planner.post(TEAM, form).status_code == 303
    with tool_database.reading() as session:
        rows = assignments_of(session, organisation_id(tool_database), None, "IA-2026")
    team = {(each.person_id, each.member_kind, each.is_leader) for each in rows if each.area_key == "A-GA"}
    assert team == {
        (key_of(tool_database, "00116"), "auditor", True),
        (key_of(tool_database, "00103"), "auditor", False),
        (key_of(tool_database, "00101"), "guide", False),
    }
    page = page_of(planner.get("/audit/audits/IA-2026"))
    assert "架空 花子" in page


def propose(planner: Visit, database: Database, number: str = "00126") -> None:
    page = page_of(planner.get(TEAM))
    form = re.search(rf'name="person" value="{key_of(database, number)}">(.*?)</form>', page, re.DOTALL)
    assert form is not None
    grounds = re.findall(r'name="ground" value="([^"]+)"', form[1])
    facts = {"person": str(key_of(database, number)), "ground": grounds, "reason": "人がいない", "mitigation": "見直す"}
    assert planner.post(f"{TEAM}/exceptions", facts).status_code == 303


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_exception_is_approved_by_somebody_else_and_opens_the_pairing(
    planner: Visit, launched: Launched, tool_database: Database
) -> None:
    propose(planner, tool_database)
    with tool_database.reading() as session:
        (proposal,) = [each for each in exceptions_of(session, organisation_id(tool_database)) if not each.approved_by]
    decide = f"/audit/audits/IA-2026/exceptions/{proposal.id}"
    assert f'action="{planner.path(decide)}"' not in page_of(planner.get("/audit/audits/IA-2026"))
    own = planner.post(decide, {"decision": "approve"})
    assert own.status_code == 422
    assert "somebody other than its proposer" in page_of(own)
    form = team_form(tool_database, "00103", "00126")
    assert planner.post(TEAM, form).status_code == 422
    approver = launched(APPROVER, locale="en")
    assert approver.post(decide, {"decision": "perhaps"}).status_code == 422
    assert approver.post(decide, {"decision": "approve"}).status_code == 303
    assert approver.post(decide, {"decision": "approve"}).status_code == 422
    assert planner.post(TEAM, form).status_code == 303
    assert "by exception" in page_of(planner.get("/audit/audits/IA-2026"))


def test_an_exception_without_mitigation_or_ground_is_refused(planner: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    key = str(key_of(tool_database, "00126"))
    for facts in (
        {"person": key, "ground": ["area_tie/1"], "reason": "x", "mitigation": "x"},
        {"person": key, "reason": "x", "mitigation": "x"},
        {"person": "x", "ground": ["area_tie/1"], "reason": "x", "mitigation": "x"},
        {"person": "999999", "ground": ["area_tie/1"], "reason": "x", "mitigation": "x"},
    ):
        assert planner.post(f"{TEAM}/exceptions", facts).status_code == 422
    assert contents(tool_database) == before


def test_a_flagged_pairing_says_what_changed_since_it_was_assigned(planner: Visit) -> None:
    page = page_of(planner.get("/audit/audits/IA-2026"))
    assert "Duty in the area, since 1 Oct 2026" in page
    assert "When assigned on 20 Oct 2026 the verdict was: Eligible." in page
    assert "to look at: 1" in page_of(planner.get("/audit/audits"))


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_paper_says_why_a_pairing_is_independent(launched: Launched, tool_database: Database, locale: str) -> None:
    visit = launched(CHIEF, locale=locale)
    for number, area in (("00116", "A-OPS"), ("00113", "A-NET"), ("00133", "A-OPS"), ("00117", "A-GA")):
        response = visit.get(f"/audit/audits/IA-2026/areas/{area}/{key_of(tool_database, number)}.pdf")
        assert response.status_code == 200
        assert response.data.startswith(b"%PDF-")


@pytest.mark.parametrize(
    "path",
    [
        *("/audit/audits/IA-NO", "/audit/audits/IA-NO/areas/A-GA", "/audit/audits/IA-2026/areas/A-NO"),
        *("/audit/auditors/999999", "/audit/audits/IA-2026/areas/A-NO/1.pdf"),
    ],
)
def test_what_is_not_there_is_not_found(planner: Visit, path: str) -> None:
    assert planner.get(path).status_code == 404


AUDIT = {
    "key": "IA-2027",
    "title_ja": "令和9年度内部監査",
    "title_en": "Internal audit 2027",
    "period_from": "2026-12-01",
    "period_to": "2027-11-30",
    "held_from": "2027-12-07",
    "held_to": "2027-12-09",
    "criteria": "ISMSマニュアル",
    "approved_by": "監査委員会",
    "area": ["A-GA", "A-OPS"],
}


def test_an_audit_is_planned(planner: Visit, tool_database: Database) -> None:
    response = planner.post("/audit/audits", AUDIT)
    assert path_of(response) == planner.path("/audit/audits/IA-2027")
    with tool_database.reading() as session:
        planned = next(each for each in audits_of(session, organisation_id(tool_database)) if each.key == "IA-2027")
    assert (planned.year, planned.area_keys, str(planned.held_to)) == (2027, ["A-GA", "A-OPS"], "2027-12-10")
    assert planner.get("/audit/audits/IA-2027?propose=1").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "IA-2026"},
        {"key": "監査"},
        {"held_to": "2027-12-06"},
        {"held_from": "2027-02-30"},
        {"held_from": "0001-01-01"},
        {"period_to": "2026-11-30"},
        {"period_from": "2028-01-01", "period_to": "2028-02-01"},
        {"area": []},
        {"area": ["A-NO"]},
        {"criteria": ""},
    ],
)
def test_an_audit_with_impossible_values_is_refused_and_the_form_keeps_what_was_typed(
    planner: Visit, tool_database: Database, changes: dict[str, object]
) -> None:
    before = contents(tool_database)
    response = planner.post("/audit/audits", AUDIT | changes)
    assert response.status_code == 422
    page = page_of(response)
    assert 'role="alert"' in page
    assert "Internal audit 2027" in page
    assert contents(tool_database) == before


def test_the_register_says_who_is_qualified_by_what(planner: Visit) -> None:
    page = page_of(planner.get("/audit/auditors"))
    assert "架空監査研修株式会社" in page
    assert "架監研-2024-001" in page
    past = page_of(planner.get("/audit/auditors?as_of=2025-11-30"))
    assert past.count("state-complete") == 4
    assert past.count("state-not_yet_due") == 1  # the chief auditor has passed no course


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_the_register_is_handed_out_as_a_file(planner: Visit, file_format: str) -> None:
    response = planner.get(f"/audit/auditors/export.{file_format}?as_of=2026-09-30")
    assert response.headers["Content-Disposition"] == f'attachment; filename="auditors-kakuu-20260930.{file_format}"'
    if file_format == "csv":
        _, _, table = response.data.decode("utf-8-sig").partition("\r\n\r\n")
        rows = list(csv.DictReader(io.StringIO(table)))
        assert [row["status"] for row in rows] == ["valid"] * 7 + ["not_granted"] * 2
        assert rows[-1]["shortcomings"] == "attended_only never_appointed review_missing"
        assert all(re.fullmatch(r"E-[0-9a-f]{16}", row["course_evidence"]) for row in rows[:7])


REVIEW = {
    "is_competent": "yes",
    "may_lead": "1",
    "valid_from": "2026-11-01",
    "valid_to": "2027-03-31",
    "capacity": "12.5",
    "skills": "クラウド、法令",
    "basis": "同行監査の結果",
}


def test_the_chief_auditor_reviews_and_nobody_else(planner: Visit, launched: Launched, tool_database: Database) -> None:
    path = f"/audit/auditors/{key_of(tool_database, '00105')}"
    assert planner.post(f"{path}/reviews", REVIEW).status_code == 303
    with tool_database.reading() as session:
        newest = known_rows(session, CompetenceReview, organisation_id(tool_database))[-1]
    assert (newest.capacity_minutes, newest.skills, newest.may_lead) == (750, ["クラウド", "法令"], True)
    assert newest.reviewer == f"person:{key_of(tool_database, CHIEF)}"
    before = contents(tool_database)
    for changes in ({"basis": ""}, {"valid_to": "2026-10-01"}, {"is_competent": "perhaps"}, {"capacity": "many"}):
        assert planner.post(f"{path}/reviews", REVIEW | changes).status_code == 422
    own = f"/audit/auditors/{key_of(tool_database, CHIEF)}"
    assert "Nobody reviews the own competence." in page_of(planner.post(f"{own}/reviews", REVIEW))
    assert contents(tool_database) == before
    assert launched(MEMBER).post(f"{path}/reviews", REVIEW).status_code == 403


AREA = {"key": "A-LMS", "name_ja": "学習管理", "name_en": "Learning", "effort": "2.5", "valid_from": "2026-11-01"}


def test_areas_policy_and_candidates_are_recorded(planner: Visit, tool_database: Database) -> None:
    assert planner.post("/audit/areas", AREA | {"unit": "6", "skills": "教育"}).status_code == 303
    corrected = AREA | {"name_en": "Learning systems", "reason": "renamed", "valid_to": "2027-03-31"}
    assert planner.post("/audit/areas/A-LMS", corrected).status_code == 303
    policy = {
        "auditors_per_area": "2", "leaders_per_team": "1", "look_back_months": "12", "course_valid_months": "",
        "training_days": "90", "approved_by": "監査委員会", "valid_from": "2026-11-01", "needs_review": "1",
    }  # fmt: skip
    assert planner.post("/audit/areas/policy", policy).status_code == 303
    assert planner.post("/audit/areas/candidates", {"staff_number": "00112", "cost": "4"}).status_code == 303
    with tool_database.reading() as session:
        areas = known_rows(session, AuditArea, organisation_id(tool_database))
        newest = known_rows(session, AuditorPolicy, organisation_id(tool_database))[-1]
    (area,) = (each for each in areas if each.key == "A-LMS")
    assert (area.name_en, area.effort_minutes, str(area.valid_to)) == ("Learning systems", 150, "2027-04-01")
    assert (newest.look_back_months, newest.course_valid_months, newest.needs_declaration) == (12, None, False)
    page = page_of(planner.get("/audit/areas"))
    assert "Learning systems" in page
    assert "仮邊 ひろし" in page


def test_values_out_of_range_are_refused_on_the_page(planner: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    posts = (
        ("/audit/areas", AREA | {"effort": "-1"}),
        ("/audit/areas", AREA | {"key": "A-GA"}),
        ("/audit/areas", AREA | {"unit": "999"}),
        ("/audit/areas/A-NO", AREA | {"reason": "x"}),
        ("/audit/areas/A-GA", AREA),
        ("/audit/areas/policy", {"auditors_per_area": "0"}),
        ("/audit/areas/candidates", {"staff_number": "99999", "cost": "1"}),
        ("/audit/areas/candidates", {"staff_number": "00112", "cost": "-1"}),
    )
    for path, facts in posts:
        response = planner.post(path, facts)
        assert response.status_code == 422, path
        assert 'role="alert"' in page_of(response)
    assert contents(tool_database) == before


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_auditor_declares_on_the_own_page(launched: Launched, tool_database: Database) -> None:
    auditor = launched("00105", locale="en")
    assert "Declare your interests" in page_of(auditor.get("/"))
    assert "missing" in page_of(auditor.get("/declaration"))
    for facts in ({}, {"interests": "some"}, {"interests": "none", "area": ["A-GA"]}, {"interests": "some", "area": ["A-NO"], "explanation": "x"}):  # fmt: skip
        assert auditor.post("/declaration", facts).status_code == 422
    whole = {"interests": "some", "area": ["A-GA"], "explanation": "家族が勤めている"}
    assert auditor.post("/declaration", whole).status_code == 303
    assert "Interest in: A-GA" in page_of(auditor.get("/declaration"))
    assert "Declare your interests" not in page_of(auditor.get("/"))
    with tool_database.reading() as session:
        newest = known_rows(session, InterestDeclaration, organisation_id(tool_database))[-1]
    assert (newest.person_id, newest.area_keys) == (key_of(tool_database, "00105"), ["A-GA"])


def test_who_is_no_auditor_is_told_so_and_can_declare_nothing(launched: Launched, tool_database: Database) -> None:
    for somebody in (STAFF, "unlinked"):
        visit = launched(somebody, locale="en")
        before = contents(tool_database, "launch_session")
        assert "You are not appointed" in page_of(visit.get("/declaration"))
        assert visit.post("/declaration", {"interests": "none"}).status_code == 422
        assert contents(tool_database, "launch_session") == before


def test_a_pool_beyond_the_solver_is_refused_with_advice(planner: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(*_args: object, **_more: object) -> None:
        raise EffortSpentError("UNKNOWN")

    monkeypatch.setattr(pools, "make_plan", spent)
    answer = planner.get("/audit/pool")
    assert answer.status_code == 409
    assert "Please ask for less" in page_of(answer)
