"""The pages say what they should in both languages, and change what they say they change."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.practice_lms import pages, wording
from tests.practice_lms.faults import ENDPOINTS, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import LmsRole

TEMPLATES = Path(pages.__file__).parent / "templates"
ADDRESSES = (
    "/",
    "/courses",
    "/courses/2",
    "/activities/m1",
    "/courses/2/grades",
    "/grades/2/4",
    "/events",
    "/faults",
    "/facts",
    "/tools",
    "/tools/register?url=http://127.0.0.1:9001/register",
    "/tools/register?url=http://127.0.0.1:9002/register",
    "/courses/2/choose/1",
    "/activities/m1/review/user1",
)


def sesskey(client: FlaskClient) -> str:
    found = re.search(r'name="sesskey" value="(\w+)"', client.get("/").get_data(as_text=True))
    assert found
    return found[1]


def post(client: FlaskClient, path: str, **form: str) -> int:
    return client.post(path, data={"sesskey": sesskey(client), **form}).status_code


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("person", ["user1", "teacher1", None])
def test_every_page_is_shown_in_both_languages(
    lms: PracticeLms, client: FlaskClient, address: str, language: str, person: str | None
) -> None:
    lms.override_grade(2, "4", 7, "<b>注意</b>")
    if person:
        assert post(client, "/enter", person=person) == 302
    reply = client.get(f"{address}{'&' if '?' in address else '?'}lang={language}")
    page = reply.get_data(as_text=True)
    assert reply.status_code == 200
    assert f'<html lang="{language}">' in page
    assert "<b>注意" not in page
    assert "http://127.0.0.1:8081/static" not in page
    assert not re.search(r'(src|href)="https?://(?!127\.0\.0\.1)', page)


def test_every_word_that_the_pages_ask_for_exists() -> None:
    asked = set()
    for template in TEMPLATES.glob("*.html"):
        asked |= set(re.findall(r'say\("([a-z_.]+)"[,)]', template.read_text(encoding="utf-8")))
    built = {f"fault.{kind}" for kind in FaultKind} | {f"role.{role}" for role in LmsRole}
    built |= {f"kind.{name}" for name in (*ENDPOINTS, "login", "launch", "gradebook", "tool", "content", "course")}
    assert len(asked) > 50
    assert asked | built <= set(wording.all_words())


def test_every_word_has_two_languages() -> None:
    for key, (japanese, english) in wording.all_words().items():
        assert japanese, key
        assert english, key
        assert re.findall(r"{\w+}", japanese) == re.findall(r"{\w+}", english) or key == "events.lead", key


def test_the_choice_of_language_stays(client: FlaskClient) -> None:
    client.get("/?lang=en")
    assert '<html lang="en">' in client.get("/courses/2").get_data(as_text=True)
    assert '<html lang="ja">' in client.get("/courses/2?lang=ja").get_data(as_text=True)


def test_the_browsers_language_is_taken_first_and_japanese_where_it_has_neither(client: FlaskClient) -> None:
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": "en-GB,en"}).get_data(as_text=True)
    assert '<html lang="ja">' in client.get("/", headers={"Accept-Language": "fr"}).get_data(as_text=True)


def test_a_form_without_the_sessions_key_changes_nothing(lms: PracticeLms, client: FlaskClient) -> None:
    assert client.post("/enter", data={"person": "user1"}).status_code == 400
    assert client.post("/grades/2/4", data={"action": "override", "points": "5", "sesskey": "x"}).status_code == 400
    assert lms.grade("user1", "m1") is None


def test_an_embedded_activity_has_a_frame_of_the_profiles_size(client: FlaskClient) -> None:
    post(client, "/enter", person="user1")
    page = client.get("/activities/m1").get_data(as_text=True)
    assert re.search(r'<iframe [^>]*src="/mod/lti/launch.php\?id=1"[^>]*height="670"', page)
    assert 'style="--frame: 860px"' in page


def test_nobody_opens_a_tool_before_a_person_is_picked(client: FlaskClient) -> None:
    assert "<iframe" not in client.get("/activities/m1").get_data(as_text=True)


def test_a_grade_is_overridden_lifted_emptied_locked_and_deleted_on_its_page(
    lms: PracticeLms, client: FlaskClient
) -> None:
    assert post(client, "/grades/2/4", action="override", points="6.5", comment="口頭試問") == 302
    grade = lms.grade("user1", "m1")
    assert grade is not None
    assert (grade.final, grade.overridden, grade.comment) == (6.5, True, "口頭試問")
    page = client.get("/courses/2/grades").get_data(as_text=True)
    assert "6.5" in page
    assert "上書き済み" in page
    assert post(client, "/grades/2/4", action="lift") == 302
    assert grade.overridden is False
    assert post(client, "/grades/2/4", action="empty") == 302
    assert (grade.final, grade.overridden) == (None, True)
    for action, is_locked in (("lock", True), ("unlock", False)):
        assert post(client, "/grades/2/4", action=action) == 302
        assert grade.locked is is_locked
    assert post(client, "/grades/2/4", action="delete") == 302
    assert lms.grade("user1", "m1") is None


@pytest.mark.parametrize("points", ["11", "-1", "viel", "", "nan"])
def test_points_outside_the_range_are_refused(lms: PracticeLms, client: FlaskClient, points: str) -> None:
    assert post(client, "/grades/2/4", action="override", points=points) == 400
    assert lms.grade("user1", "m1") is None


def test_faults_are_switched_on_and_off_on_their_page(lms: PracticeLms, client: FlaskClient) -> None:
    form = {"endpoint": "scores", "kind": "503", "calls": "3", "share": "50", "seconds": "1", "retry_after": "9"}
    assert post(client, "/faults", **form) == 302
    (fault,) = lms.faults.active()
    assert (fault.kind, fault.calls, fault.share, fault.retry_after) == (FaultKind.UNAVAILABLE, 3, 0.5, "9")
    assert post(client, f"/faults/{fault.id}/remove") == 302
    assert lms.faults.active() == []
    post(client, "/faults", **form | {"calls": ""})
    assert lms.faults.active()[0].calls is None
    post(client, "/faults/clear")
    assert lms.faults.active() == []
    assert post(client, "/faults", endpoint="scores", kind="nonsense") == 400


@pytest.mark.parametrize(
    "address",
    [
        "/nothing",
        "/courses/77",
        "/activities/x",
        "/grades/99/4",
        "/grades/2/3",
        "/mod/lti/return.php",
        "/courses/2/choose/9",
        "/activities/m1/review/x",
        "/courses/9/choose/1",
        "/activities/x/review/user1",
    ],
)
def test_what_does_not_exist_is_not_found(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_the_return_page_leads_to_the_course_and_shows_the_tools_message_escaped(client: FlaskClient) -> None:
    page = client.get("/mod/lti/return.php?course=2&lti_msg=<i>fertig</i>").get_data(as_text=True)
    assert "&lt;i&gt;fertig" in page
    assert 'href="/courses/2"' in page


def test_the_facts_page_lists_what_a_tool_needs(client: FlaskClient) -> None:
    page = client.get("/facts").get_data(as_text=True)
    for fact in ("http://127.0.0.1:8081/mod/lti/auth.php", "token.php", "certs.php", "uWABm2tolIlohLt"):
        assert fact in page
