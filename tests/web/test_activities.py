"""An activity without a key, copies of a course, and what instructors and learners see of both."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from lms.services.organisations import find_organisation_or_only
from lms.services.platforms import NewPlatform, add_platform
from lms.store.base import Database
from lms.store.launches import ResourceLink
from tests.conftest import NOW
from tests.practice_lms.claims import CLAIM
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import LmsCourse
from tests.practice_organisation.seed import KEY, MODULE
from tests.web.conftest import BOTH_DATABASES, SECRETARY, STAFF, Launched
from tests.web.visits import LMS, audit_events, page_of

HANDMADE = "handmade"


def copy_of(course: LmsCourse, source: LmsCourse, activity_key: str) -> str:
    """The key of the activity that one of the source became."""
    place = [each.key for each in source.activities].index(activity_key)
    return course.activities[place].key


def link_of(database: Database, lms: PracticeLms, activity_key: str) -> ResourceLink:
    with database.reading() as session:
        wanted = ResourceLink.resource_link_id == lms.activity(activity_key).link_id
        return session.scalars(select(ResourceLink).where(wanted).order_by(ResourceLink.id.desc())).first()  # type: ignore[return-value]


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_instructor_chooses_and_learners_follow(launched: Launched, tool_database: Database) -> None:
    learner = launched(STAFF, HANDMADE, "en")
    assert learner.landing == learner.path("/")
    page = page_of(learner.get("/"))
    assert "The teacher has not chosen yet what this activity opens." in page
    assert "To do" in page, "their own training stands beneath"
    teacher = launched(SECRETARY, HANDMADE, "en")
    assert teacher.landing == teacher.path("/activity")
    assert "Moodle does not say what this activity opens." in page_of(teacher.get("/activity"))
    assert teacher.post("/activity", {"content": MODULE, "action": "choose"}).status_code == 303
    page = page_of(teacher.get("/activity"))
    assert "an instructor's choice on this page" in page
    came = launched(STAFF, HANDMADE)
    assert came.landing == came.path(f"/modules/{MODULE}/")
    assert "The teacher has not chosen" not in page_of(came.get("/"))
    assert teacher.post("/activity", {"action": "undo"}).status_code == 303
    assert launched(STAFF, HANDMADE).landing.endswith("/")
    kinds = [each.kind for each in audit_events(tool_database) if each.kind.startswith("activity.")]
    assert kinds == ["activity.chosen", "activity.choice_undone"]


def test_only_the_courses_instructors_choose(launched: Launched, lms: PracticeLms, tool_database: Database) -> None:
    learner = launched(STAFF, HANDMADE)
    assert learner.get("/activity").status_code == 404
    assert learner.post("/activity", {"content": MODULE}).status_code == 404
    assert link_of(tool_database, lms, HANDMADE).opens is None
    assert audit_events(tool_database, "activity.chosen") == []
    assert "/activity" not in learner.get("/").get_data(as_text=True)


@pytest.mark.parametrize("key", ["", "no-such-module", "<b>"])
def test_what_is_not_on_the_list_is_not_chosen(
    launched: Launched, lms: PracticeLms, tool_database: Database, key: str
) -> None:
    teacher = launched(SECRETARY, HANDMADE, "en")
    response = teacher.post("/activity", {"content": key})
    assert response.status_code == 422
    assert "Please choose one of the list." in page_of(response)
    assert link_of(tool_database, lms, HANDMADE).opens is None


def test_an_activity_that_speaks_for_itself_is_shown_and_left(launched: Launched) -> None:
    teacher = launched(SECRETARY, "core", "en")
    page = page_of(teacher.get("/activity"))
    assert "the activity's own custom parameter" in page
    assert 'type="radio"' not in page
    for form in ({"content": "pledges"}, {"action": "undo"}):
        assert teacher.post("/activity", form).status_code == 409


def test_a_key_that_nobody_adopted_is_explained(launched: Launched) -> None:
    teacher = launched(SECRETARY, "lost", "en")
    assert teacher.landing == teacher.path("/activity")
    page = page_of(teacher.get("/activity"))
    assert "Nothing with this key is in use." in page
    assert "<code>no-such-module</code>" in page
    assert f"<code>akashi={MODULE}</code>" in page
    learner = launched(STAFF, "lost", "en")
    assert "What this activity should open is not in use." in page_of(learner.get("/"))


def test_a_copied_course_works_and_knows_what_it_is_a_copy_of(
    launched: Launched, lms: PracticeLms, tool_database: Database
) -> None:
    teacher = launched(SECRETARY, HANDMADE)
    teacher.post("/activity", {"content": MODULE})
    launched(STAFF, "core-window")
    source = lms.course("2")
    assert source is not None
    copied = lms.copy_course("2", "情報セキュリティ講習 2027")
    came = launched(STAFF, copy_of(copied, source, "core-window"))
    assert came.landing == came.path(f"/modules/{MODULE}/")
    handmade = launched(SECRETARY, copy_of(copied, source, HANDMADE), "en")
    assert handmade.landing == handmade.path("/activity")
    page = page_of(handmade.get("/activity"))
    assert "An activity of the same title in the course that this one was copied from opened" in page
    assert f'value="{MODULE}" checked' in handmade.get("/activity").get_data(as_text=True)
    handmade.post("/activity", {"content": MODULE})
    page = page_of(handmade.get("/activity"))
    assert "Copy of" in page
    assert "情報セキュリティ講習 2026" in page
    original, copy = (link_of(tool_database, lms, key) for key in (HANDMADE, copy_of(copied, source, HANDMADE)))
    assert copy.copied_from_pk == original.id


def test_a_course_restored_elsewhere_works_once_its_tool_is_registered_anew(
    launched: Launched, lms: PracticeLms, tool_database: Database
) -> None:
    source = lms.course("2")
    assert source is not None
    restored = lms.copy_course("2", restored_elsewhere=True)
    key = copy_of(restored, source, "core")
    client_id = lms.activity(key).client_id
    tool = lms.registration(client_id)
    platform = NewPlatform(
        name="復元先", issuer=LMS, client_id=client_id, authorization_url=f"{LMS}/mod/lti/auth.php",
        token_url=f"{LMS}/mod/lti/token.php", keyset_url=f"{LMS}/mod/lti/certs.php", deployments=(tool.deployment_id,),
        trusts_staff_number=True,
    )  # fmt: skip
    with tool_database.transaction() as session:
        add_platform(session, find_organisation_or_only(session, KEY), platform, "operator:test", NOW)
    came = launched(STAFF, key)
    assert came.landing == came.path(f"/modules/{MODULE}/")


def test_hostile_titles_are_shown_as_text(launched: Launched, lms: PracticeLms) -> None:
    title = '<b>"𠮷" & שלום</b>'

    def mutate(header: dict[str, object], claims: dict[str, object]) -> tuple[object, object]:
        link = {"id": "77", "title": title}
        return header, {**claims, CLAIM + "resource_link": link, CLAIM + "custom": {"akashi": "<i>x</i>"}}

    lms.mutate = mutate
    page = launched(SECRETARY, HANDMADE).get("/activity").get_data(as_text=True)
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt;x&lt;/i&gt;" in page
