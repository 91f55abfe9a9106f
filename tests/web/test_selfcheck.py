"""The self-check's page: questions, and judgements by people who are not concerned."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from courses.calendar import jst_date
from courses.selfcheck import Hit
from lms.jobs.selfcheck import check_nightly
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.selfcheck import hits
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.records import Moment
from lms.store.requirements import Exemption
from lms.store.selfcheck import SelfCheckJudgement
from tests.auditing import add_row
from tests.conftest import NOW
from tests.practice_organisation.seed import KEY
from tests.web.conftest import SECRETARY, STAFF, Launched, RunningTool
from tests.web.visits import Visit, page_of

WHOLE = {
    "judgement": "observation",
    "reason": "終期を次回委員会で定める",
    "treatment": "",
    "approved_by": "",
    "due_on": "",
}


def exempt(database: Database, staff_number: str) -> Hit:
    """Exempt somebody without an end, and return what the self-check asks."""
    with database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, staff_number, jst_date(NOW))
        add_row(
            session,
            organisation,
            Exemption,
            person_id=person_id,
            requirement_key="isms-and-my-role-annual",
            approved_by="情報セキュリティ委員会",
            valid_from=date(2026, 4, 1),
            valid_to=None,
            reason="海外派遣",
        )
        found = hits(session, organisation.id, Moment(jst_date(NOW)))
        return next(each for each in found if each.rule.value == "NC12" and person_id in each.about)


@pytest.fixture
def desk(launched: Launched) -> Visit:
    return launched(SECRETARY, locale="en")


def judge(desk: Visit, hit: Hit, **fields: str) -> Any:
    return desk.post("/self-check/judge", {"rule": hit.rule.value, "hit": hit.key, **WHOLE, **fields})


def judgements(database: Database) -> list[SelfCheckJudgement]:
    with database.reading() as session:
        return list(session.scalars(select(SelfCheckJudgement).order_by(SelfCheckJudgement.id)))


def test_a_hit_is_shown_judged_and_then_shown_as_judged(desk: Visit, tool_database: Database) -> None:
    hit = exempt(tool_database, STAFF)
    page = page_of(desk.get("/self-check"))
    assert "lacks: end date" in page
    assert "架空 花子" in page
    assert judge(desk, hit).status_code == 303
    page = page_of(desk.get("/self-check?rule=NC12"))
    assert "終期を次回委員会で定める" in page
    assert "Judge anew" in page
    (row,) = judgements(tool_database)
    assert (row.judgement, row.judged_on) == ("observation", jst_date(NOW))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": " "}, "give the reason"),
        ({"judgement": ""}, "choose a judgement"),
        ({"judgement": "nonconformity"}, "needs a treatment"),
        ({"treatment": "corrective_action", "approved_by": "委員会", "due_on": "soon"}, "treatment&#39;s day"),
        ({"treatment": "corrective_action", "due_on": "2027-01-31"}, "who approved"),
    ],
)
def test_an_incomplete_judgement_is_shown_again_with_what_it_lacks(
    desk: Visit, tool_database: Database, fields: dict[str, str], sentence: str
) -> None:
    hit = exempt(tool_database, STAFF)
    response = judge(desk, hit, **fields)
    assert response.status_code == 422
    assert sentence.replace("&#39;", "'") in page_of(response).replace("&#39;", "'")
    assert judgements(tool_database) == []


def test_nobody_judges_their_own_case(desk: Visit, tool_database: Database) -> None:
    hit = exempt(tool_database, SECRETARY)
    assert "It is about you" in page_of(desk.get("/self-check"))
    assert judge(desk, hit).status_code == 403
    assert judgements(tool_database) == []


def test_a_hit_that_is_not_asked_today_is_not_judged(desk: Visit, tool_database: Database) -> None:
    response = desk.post("/self-check/judge", {"rule": "NC12", "hit": "1/none/2026-04-01", **WHOLE})
    assert response.status_code == 404
    assert judgements(tool_database) == []


def test_staff_see_nothing_of_it(launched: Launched) -> None:
    curious = launched(STAFF)
    assert curious.get("/self-check").status_code == 403
    assert curious.post("/self-check/judge", {}).status_code == 403


def test_the_past_is_looked_at_and_not_judged(desk: Visit, tool_database: Database) -> None:
    exempt(tool_database, STAFF)
    assert "Record the judgement" in page_of(desk.get("/self-check"))
    page = page_of(desk.get("/self-check?as_of=2026-11-01"))
    assert "lacks: end date" in page
    assert "Record the judgement" not in page


def test_it_runs_once_a_night_and_leaves_counts_alone(tool: RunningTool, tool_database: Database) -> None:
    exempt(tool_database, STAFF)
    settings = tool.app.extensions["akashi"].settings
    assert check_nightly(tool_database, settings, NOW) > 0
    assert check_nightly(tool_database, settings, NOW) == 0
    with tool_database.reading() as session:
        runs = session.scalars(select(AuditEvent).where(AuditEvent.kind == "self_check.run")).all()
    (run,) = runs
    assert run.facts["as_of"] == "2026-11-22"
    assert run.facts["hits"]["NC12"] == 1


def test_titles_stand_where_the_facts_have_keys(launched: Launched) -> None:
    page = page_of(launched(SECRETARY, locale="en").get("/self-check?rule=NC10"))
    assert "Information security pledge: bound by version 1" in page
    assert "confidentiality: bound by" not in page
