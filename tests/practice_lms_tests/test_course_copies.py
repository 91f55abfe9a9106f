"""A copy of a course has new ids and the same contents, as in a Moodle 4.5.6."""

from pathlib import Path

import pytest

from tests.practice_lms.claims import CLAIM
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms_tests.conftest import authorization_query, captured, launched, moodle_like_config, verified


def test_a_copy_launches_with_new_ids_the_same_custom_parameters_and_its_history(lms: PracticeLms) -> None:
    copied = lms.copy_course("2", "Copy")
    claims, theirs = launched(lms, "user1", copied.activities[0].key), captured("id_token_student_course_copy")
    assert claims[CLAIM + "context"]["id"] == copied.id != "2"
    assert claims[CLAIM + "context"]["title"] == theirs[CLAIM + "context"]["title"]
    assert claims[CLAIM + "resource_link"]["id"] not in {"1", "16"}
    differing = {"ctx_sourcedid", "rl_id", "ctx_id", "ctx_begin", "groups", "context_memberships_url"}
    ours, captured_custom = claims[CLAIM + "custom"], theirs[CLAIM + "custom"]
    assert list(ours) == list(captured_custom)
    assert {name: value for name, value in ours.items() if name not in differing} == {
        name: value for name, value in captured_custom.items() if name not in differing
    }
    assert ours["ctx_id_history"] == "2"
    assert (ours["ctx_id"], ours["rl_id"]) == (copied.id, copied.activities[0].link_id)
    assert claims["aud"] == theirs["aud"]


def test_the_history_names_the_parent_first(lms: PracticeLms) -> None:
    again = lms.copy_course(lms.copy_course("4").id)
    parent = int(again.id) - 1
    assert launched(lms, "user1", again.activities[0].key)[CLAIM + "custom"]["ctx_id_history"] == f"{parent},4,2"


def test_line_items_are_copied_without_their_grades(lms: PracticeLms) -> None:
    lms.add_line_item("2", "誓約書 提出", 5, resource_id="pledge-2026", tag="pledge")
    lms.add_line_item("2", "M1 第2評定", 100, tag="x2", link_id="1")
    lms.override_grade(2, "4", 7)
    copied = lms.copy_course("2")
    with lms.state.lock:
        items = [item for item in lms.state.line_items.values() if item.course_id == copied.id]
    facts = sorted((item.label, item.maximum, item.resource_id, item.tag, item.link_id is None) for item in items)
    assert facts == [
        ("M1 個人情報と情報資産", 10, "m1", "isms-test", False),
        ("M1 第2評定", 100, "", "x2", False),
        ("M2 パスワードと多要素認証", 10, "m2", "isms-test", False),
        ("M2 パスワードと多要素認証", 10, "m2", "isms-test", False),
        ("誓約書 提出", 5, "pledge-2026", "pledge", True),
    ]
    assert len(lms.line_items_of(copied.activities[0].key)) == 2
    assert lms.grade("user1", copied.activities[0].key) is None
    assert lms.grade("user1", "m1") is not None


def test_a_course_restored_elsewhere_brings_its_tool_with_a_new_client_id(lms: PracticeLms) -> None:
    copied = lms.copy_course("2", restored_elsewhere=True)
    activity = copied.activities[0]
    login = lms.launch("user1", activity.key)
    tool = lms.registration(login.fields["client_id"])
    assert (tool.client_id != lms.config.tool.client_id, tool.deployment_id) == (True, "2")
    assert login.url == lms.config.tool.login_url
    query = authorization_query(lms, login.fields, client_id=tool.client_id)
    claims = verified(lms, lms.authorize(query, "user1")["id_token"], tool.client_id)
    assert claims[CLAIM + "deployment_id"] == "2"
    assert claims[CLAIM + "custom"]["ctx_id_history"] == ""
    assert claims[CLAIM + "custom"]["module"] == "m1"
    assert "type_id=2" in claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"]
    assert len(lms.registrations()) == 2


def test_the_original_goes_on_as_before(lms: PracticeLms) -> None:
    before = launched(lms, "user1", "m1")
    lms.copy_course("2", restored_elsewhere=True)
    after = launched(lms, "user1", "m1")
    for name in ("aud", CLAIM + "context", CLAIM + "resource_link", CLAIM + "custom"):
        assert after[name] == before[name]


def test_what_is_not_there_is_not_copied(lms: PracticeLms) -> None:
    with pytest.raises(KeyError):
        lms.copy_course("99")


def test_a_second_run_knows_the_copy(tmp_path: Path) -> None:
    config = moodle_like_config(state_path=tmp_path / "lms.json")
    lms = PracticeLms(config)
    lms.copy_course("2")
    lms.copy_course("2", restored_elsewhere=True)
    again = PracticeLms(config)
    assert again.courses == lms.courses
    assert again.registrations() == lms.registrations()
    assert again.state.line_items == lms.state.line_items
