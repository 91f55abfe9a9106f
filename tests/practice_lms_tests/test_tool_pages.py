"""A newcomer registers a tool, chooses content, looks at work and copies a course by clicking."""

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from tests.practice_lms.claims import CLAIM, DEEP_LINKING_SETTINGS
from tests.practice_lms.keys import sign
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms_tests.conftest import authorization_query, captured, verified
from tests.practice_lms_tests.test_authorization import enter, form_of
from tests.practice_lms_tests.test_pages import post
from tests.practice_lms_tests.test_registrations import a_request, register, registered

REGISTRATION_URL = "https://isms-tool.test:9443/register?invitation=abc"


def frame_of(page: str) -> str:
    found = re.search(r'<iframe [^>]*src="([^"]+)"', page)
    assert found
    return html.unescape(found[1])


def test_a_tool_is_registered_from_its_url_in_a_frame(lms: PracticeLms, client: FlaskClient) -> None:
    page = client.get("/tools/register", query_string={"url": REGISTRATION_URL}).get_data(as_text=True)
    assert 'data-close-to="/tools"' in page
    reply = client.get(frame_of(page))
    address = urlsplit(reply.headers["Location"])
    query = parse_qs(address.query)
    assert reply.status_code == 302
    assert (address.netloc, address.path, query["invitation"]) == ("isms-tool.test:9443", "/register", ["abc"])
    assert client.get(urlsplit(query["openid_configuration"][0]).path).status_code == 200
    assert register(client, query["registration_token"][0]).status_code == 200
    page = client.get("/tools?lang=en").get_data(as_text=True)
    assert "ISMS Lab Tool" in page
    assert "Pending" in page


def test_a_second_registration_of_a_domain_offers_an_update(lms: PracticeLms, client: FlaskClient) -> None:
    tool = registered(lms, client)
    page = client.get("/tools/register", query_string={"url": REGISTRATION_URL}).get_data(as_text=True)
    assert "<iframe" not in page
    choices = [html.unescape(link) for link in re.findall(r'href="(/tools/register\?[^"]+type=\w+[^"]*)"', page)]
    update, anew = choices
    assert parse_qs(urlsplit(update).query)["type"] == [tool.deployment_id]
    assert parse_qs(urlsplit(anew).query)["type"] == ["0"]
    for choice, count in ((update, 2), (anew, 3)):
        start = client.get(frame_of(client.get(choice).get_data(as_text=True))).headers["Location"]
        assert register(client, parse_qs(urlsplit(start).query)["registration_token"][0]).status_code == 200
        assert len(lms.registrations()) == count


def test_nobody_is_sent_off_with_a_token_without_the_sessions_key(client: FlaskClient) -> None:
    client.get("/tools")
    address = "/mod/lti/startltiadvregistration.php"
    assert client.get(address, query_string={"url": REGISTRATION_URL}).status_code == 400
    assert client.get(address, query_string={"url": REGISTRATION_URL, "sesskey": "x"}).status_code == 400


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "isms-tool.test/register", "https://[::1", "https:///x"])
def test_a_registration_url_is_a_web_address(client: FlaskClient, url: str) -> None:
    assert client.get("/tools/register", query_string={"url": url}).status_code == 400


def test_a_pending_tool_is_activated_shown_hidden_and_removed(lms: PracticeLms, client: FlaskClient) -> None:
    tool = registered(lms, client)
    enter(client, "teacher1")
    choose = f"/courses/2/choose/{tool.deployment_id}"
    for action, is_active, in_chooser in (
        ("activate", True, False), ("show", True, True), ("hide", True, False), ("show", True, True),
    ):  # fmt: skip
        assert post(client, f"/tools/{tool.deployment_id}", action=action) == 302
        now = lms.registration(tool.client_id)
        assert (now.is_active, now.in_chooser) == (is_active, in_chooser)
        assert (choose in client.get("/courses/2").get_data(as_text=True)) is in_chooser
    assert post(client, f"/tools/{tool.deployment_id}", action="remove") == 302
    assert len(lms.registrations()) == 1
    assert post(client, "/tools/1", action="remove") == 400
    assert post(client, "/tools/1", action="nonsense") == 400
    assert post(client, "/tools/9", action="activate") == 404


def test_a_teacher_chooses_content_and_finds_it_in_the_course(
    lms: PracticeLms, client: FlaskClient, tool_key: rsa.RSAPrivateKey
) -> None:
    enter(client, "teacher1")
    course = client.get("/courses/2").get_data(as_text=True)
    assert "/courses/2/choose/1" in course
    picker = frame_of(client.get("/courses/2/choose/1").get_data(as_text=True))
    url, login = form_of(client.get(picker).get_data(as_text=True))
    assert url == "http://127.0.0.1:9001/login"
    page = client.get("/mod/lti/auth.php", query_string=authorization_query(lms, login)).get_data(as_text=True)
    claims = verified(lms, form_of(page)[1]["id_token"])
    settings: dict[str, Any] = claims[DEEP_LINKING_SETTINGS]
    now = int(lms.clock.timestamp())
    answer = captured("deep_linking_response") | {"iat": now, "exp": now + 60}
    address = urlsplit(settings["deep_link_return_url"])
    reply = client.post(
        f"{address.path}?{address.query}", data={"JWT": sign({"alg": "RS256", "kid": "k1"}, answer, tool_key)}
    )
    out = re.search(r'id="out" target="_top" href="([^"]+)"', reply.get_data(as_text=True))
    assert out
    course = client.get(html.unescape(out[1])).get_data(as_text=True)
    assert course.count('class="activity added"') == 2
    assert "M3 セキュリティ誓約" in course


def test_a_refused_choice_says_why_and_makes_nothing(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "teacher1")
    reply = client.post("/mod/lti/contentitem_return.php?course=2&id=1&sesskey=x", data={"JWT": "a.b.c"})
    assert reply.status_code == 400
    assert "sesskey is not that" in reply.get_data(as_text=True)
    assert lms.events("content")[-1].status == 400


def test_a_post_from_another_site_without_a_cookie_is_posted_again_from_here(client: FlaskClient) -> None:
    path = "/mod/lti/contentitem_return.php?course=2&id=1&sesskey=x"
    url, fields = form_of(client.post(path, data={"JWT": "a.b.c"}).get_data(as_text=True))
    assert (url, fields) == (path, {"JWT": "a.b.c", "repost": "true"})
    assert client.post(path, data=fields).status_code == 401


def test_a_student_is_offered_no_choice_and_no_copy(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    page = client.get("/courses/2").get_data(as_text=True)
    assert "/choose/" not in page
    assert "/copy" not in page
    assert "<iframe" not in client.get("/courses/2/choose/1").get_data(as_text=True)
    assert client.get("/mod/lti/contentitem.php?id=1&course=2").status_code == 403
    assert post(client, "/courses/2/copy") == 403
    assert len(lms.courses) == 2


def test_nobody_chooses_before_a_person_is_picked(client: FlaskClient) -> None:
    assert client.get("/mod/lti/contentitem.php?id=1&course=2").status_code == 401


def test_work_is_reviewed_from_the_gradebook(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "teacher1")
    assert "/activities/m1/review/user2" in client.get("/courses/2/grades").get_data(as_text=True)
    assert "/activities/m1/review/user2" in client.get("/grades/2/5").get_data(as_text=True)
    frame = frame_of(client.get("/activities/m1/review/user2").get_data(as_text=True))
    login = form_of(client.get(frame).get_data(as_text=True))[1]
    page = client.get("/mod/lti/auth.php", query_string=authorization_query(lms, login)).get_data(as_text=True)
    claims = verified(lms, form_of(page)[1]["id_token"])
    assert claims[CLAIM + "message_type"] == "LtiSubmissionReviewRequest"
    assert claims[CLAIM + "for_user"] == {"user_id": "5"}


def test_a_course_is_copied_by_its_teacher(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "teacher1")
    assert post(client, "/courses/2/copy") == 302
    assert post(client, "/courses/2/copy", action="elsewhere") == 302
    assert [course.copied_from for course in lms.courses[2:]] == ["2", ""]
    page = client.get("/courses?lang=en").get_data(as_text=True)
    assert page.count("情報セキュリティ講習 2026 copy 1") == 2


def test_an_activity_whose_tool_was_removed_opens_nothing(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    copied = lms.copy_course("2", restored_elsewhere=True)
    activity = copied.activities[0]
    lms.remove_registration(activity.client_id)
    assert client.get(f"/activities/{activity.key}").status_code == 200
    assert client.get(f"/mod/lti/launch.php?id={activity.link_id}").status_code == 404


def test_a_tools_logo_becomes_the_icon_of_its_activities(lms: PracticeLms, client: FlaskClient) -> None:
    assert "logo.png" not in client.get("/courses/2").get_data(as_text=True)
    register(client, lms.begin_registration(lms.config.tool.client_id).token, a_request())
    for page in ("/courses/2", "/activities/m1", "/tools"):
        assert 'src="https://isms-tool.test:9443/logo.png"' in client.get(page).get_data(as_text=True)
