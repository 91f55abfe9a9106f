"""Line items, results and scores: the recorded session with a Moodle 4.5.6 is played again."""

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from tests.practice_lms.lms import PracticeLms
from tests.practice_lms_tests.conftest import captured
from tests.practice_lms_tests.service_calls import (
    BASE,
    LINE_ITEM,
    LINE_ITEMS,
    PROBE,
    RESULTS,
    ROSTER,
    SCORE,
    a_score,
    post_score,
    read,
    results_of,
    same_as_probe,
)

# In the order in which they were recorded: a score (with its own user), or the results of one user.
SESSION: tuple[tuple[str, str | None], ...] = (
    ("results before any score", "5"),
    ("score 0/10", None),
    ("results after score 0", "5"),
    ("score 7/10", None),
    ("after 7/10 (comment kept?)", "5"),
    ("same timestamp again 8/10", None),
    ("older ts -1h", None),
    ("after older", "5"),
    ("75/100 scaling", None),
    ("after 75/100", "5"),
    ("12/10 over max", None),
    ("after 12/10", "5"),
    ("scoreGiven without max", None),
    ("no timestamp", None),
    ("no activityProgress", None),
    ("bogus progress values", None),
    ("ts format Z no ms", None),
    ("ts format Z ms", None),
    ("ts format microseconds +00:00", None),
    ("ts format JST +09:00", None),
    ("ts format naive no tz", None),
    ("ts format space sep", None),
    ("8/10 pass", None),
    ("after 8/10", "5"),
    ("InProgress/Pending, no score", None),
    ("after InProgress w/o score (is the grade wiped?)", "5"),
    ("8/10 again", None),
    ("PendingManual with scoreGiven 9", None),
    ("after PendingManual", "5"),
    ("8/10 again + submission ext", None),
    ("after submission ext", "5"),
    ("unknown user 9999", None),
    ("teacher as user", None),
    ("negative", None),
    ("neg", "6"),
    ("future ts +1d", None),
    ("then now", None),
    ("future", "7"),
)


def test_the_recorded_session_of_scores_and_results_is_answered_alike(
    client: FlaskClient, bearer: dict[str, str]
) -> None:
    for name, sub in SESSION:
        if sub is None:
            reply = post_score(client, bearer, PROBE[name]["sent"])
            # A status line is bytes; Moodle's were read as Latin-1 here and there, and all refusals below are ASCII.
            same_as_probe(reply, name)
        else:
            path = f"/2/lineitems/2/lineitem/results?type_id=1&user_id={sub}"
            same_as_probe(read(client, bearer, path, RESULTS), name)


@pytest.mark.parametrize(
    ("name", "path", "accept"),
    [
        ("lineitem GET", "/2/lineitems/2/lineitem?type_id=1", LINE_ITEM),
        ("lineitems GET tag=pledge", "/2/lineitems?type_id=1&tag=pledge", LINE_ITEMS),
        ("lineitems GET resource_id=m2", "/2/lineitems?type_id=1&resource_id=m2", LINE_ITEMS),
        ("lineitems GET resource_link_id=1", "/2/lineitems?type_id=1&resource_link_id=1", LINE_ITEMS),
        ("lineitems GET limit=2", "/2/lineitems?type_id=1&limit=2", LINE_ITEMS),
        ("lineitems GET limit=2&from=2", "/2/lineitems?type_id=1&limit=2&from=2", LINE_ITEMS),
        ("lineitems GET tag=isms-test&limit=1", "/2/lineitems?type_id=1&tag=isms-test&limit=1", LINE_ITEMS),
        ("lineitems Accept json", "/2/lineitems?type_id=1", "application/json"),
        ("lineitems Accept */*", "/2/lineitems?type_id=1", "*/*"),
        ("NRPS rlid=99", "/CourseSection/2/bindings/1/memberships?rlid=99", ROSTER),
        ("NRPS Accept json", "/CourseSection/2/bindings/1/memberships", "application/json"),
        ("GET scores", "/2/lineitems/2/lineitem/scores?type_id=1", "*/*"),
    ],
)
def test_a_recorded_reading_is_answered_alike(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str], name: str, path: str, accept: str
) -> None:
    # The recorded site had these when it was asked; its copy of the course came later, with higher numbers.
    lms.remove_line_item(5)
    lms.add_line_item("2", "誓約書 提出", 1, resource_id="pledge-2026", tag="pledge")
    lms.add_line_item("2", "M3 予備", 100, resource_id="m3", tag="x", link_id="4")
    lms.add_line_item("2", "M1 第2評定", 100, tag="x2", link_id="1")
    same_as_probe(read(client, bearer, path, accept), name)


def test_scores_without_a_token_in_force_are_refused(client: FlaskClient, lms: PracticeLms) -> None:
    same_as_probe(post_score(client, {}, a_score()), "no bearer")
    same_as_probe(post_score(client, {"Authorization": "Bearer nonsense"}, a_score()), "bad bearer")


def test_a_score_in_plain_json_is_refused(client: FlaskClient, bearer: dict[str, str]) -> None:
    same_as_probe(post_score(client, bearer, a_score(), "application/json"), "wrong content type")


def test_a_line_item_that_is_gone_answers_not_found(client: FlaskClient, bearer: dict[str, str]) -> None:
    reply = client.post(
        f"{BASE}/2/lineitems/9999/lineitem/scores?type_id=1",
        data=json.dumps(a_score()),
        headers={**bearer, "Accept": "*/*"},
        content_type=SCORE,
    )
    same_as_probe(reply, "bad lineitem id")


def test_a_line_item_of_another_course_is_not_found(client: FlaskClient, bearer: dict[str, str]) -> None:
    assert read(client, bearer, "/4/lineitems/2/lineitem?type_id=1", LINE_ITEM).status_code == 404
    assert read(client, bearer, "/7/lineitems?type_id=1", LINE_ITEMS).status_code == 404


def test_results_refuse_a_limit(client: FlaskClient, bearer: dict[str, str]) -> None:
    reply = read(client, bearer, "/2/lineitems/2/lineitem/results?type_id=1&limit=1", RESULTS)
    assert (reply.status_code, reply.content_type) == (404, "text/html; charset=utf-8")


def test_results_have_the_captured_fields(client: FlaskClient, bearer: dict[str, str]) -> None:
    post_score(client, bearer, a_score("8", comment="<b>太字</b>\n2行目", scoreGiven=6))
    post_score(client, bearer, a_score("7", scoreGiven=3))
    with_comment, without = results_of(client, bearer, "8")[0], results_of(client, bearer, "7")[0]
    theirs = captured("ags_results")
    assert set(with_comment) == set(theirs[0])
    assert set(without) == set(theirs[2])
    assert with_comment["id"] == theirs[0]["id"]
    assert with_comment["scoreOf"] == theirs[0]["scoreOf"]
    assert with_comment["comment"] == "<b>太字</b>\n2行目"


def test_line_items_have_the_captured_fields(lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]) -> None:
    lms.add_line_item("2", "内部監査員資格", 1, tag="qual")
    ours = json.loads(read(client, bearer, "/2/lineitems?type_id=1", LINE_ITEMS).data)
    theirs = captured("ags_lineitems")
    assert ours[0] == theirs[0]
    assert {name: value for name, value in ours[-1].items() if name != "id"} == {
        name: value for name, value in theirs[-1].items() if name != "id"
    }


def test_an_override_stays_although_the_score_is_taken(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    post_score(client, bearer, a_score(at="2026-11-22T23:10:50Z", comment="機械"))
    lms.override_grade(2, "5", 3, "教師")
    assert post_score(client, bearer, a_score(at="2099-01-01T00:00:00Z", scoreGiven=10)).status_code == 200
    result = results_of(client, bearer, "5")[0]
    assert (result["resultScore"], result["comment"]) == (3, "教師")
    lms.lift_override(2, "5")
    assert results_of(client, bearer, "5")[0]["resultScore"] == 10


def test_a_deleted_grade_is_gone_and_an_old_score_is_welcome_again(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    post_score(client, bearer, a_score())
    assert post_score(client, bearer, a_score()).status_code == 409
    lms.delete_grade(2, "5")
    assert results_of(client, bearer, "5") == []
    assert post_score(client, bearer, a_score()).status_code == 200


@pytest.mark.parametrize("sub", ["3", "2", "16", "17", "9999"])
def test_only_students_can_be_graded(client: FlaskClient, bearer: dict[str, str], sub: str) -> None:
    assert post_score(client, bearer, a_score(sub)).status_code == 400


def members(client: FlaskClient, bearer: dict[str, str]) -> list[str]:
    roster = json.loads(read(client, bearer, "/CourseSection/2/bindings/1/memberships", ROSTER).data)
    return [member["user_id"] for member in roster["members"]]


def test_a_suspended_person_is_absent_and_is_graded_all_the_same(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    lms.suspend("user2")
    assert "5" not in members(client, bearer)
    assert post_score(client, bearer, a_score("5")).status_code == 200
    lms.suspend("user2", suspended=False)
    assert "5" in members(client, bearer)


def test_a_person_who_left_is_absent_and_cannot_be_graded(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    lms.unenrol("user2")
    assert "5" not in members(client, bearer)
    assert post_score(client, bearer, a_score("5")).status_code == 400
    lms.unenrol("user2", gone=False)
    assert "5" in members(client, bearer)
    assert post_score(client, bearer, a_score("5")).status_code == 200


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"userId": "5"}', "5"])
def test_a_body_that_is_not_a_score_is_refused(client: FlaskClient, bearer: dict[str, str], body: str) -> None:
    reply = client.post(
        f"{BASE}/2/lineitems/2/lineitem/scores?type_id=1", data=body, headers=bearer, content_type=SCORE
    )
    assert reply.status == f"400 Incorrect score received{body}"


@pytest.mark.parametrize("given", ["8", True, float("nan"), float("inf")])
def test_points_that_are_no_number_are_refused(client: FlaskClient, bearer: dict[str, str], given: object) -> None:
    assert post_score(client, bearer, a_score(scoreGiven=given)).status_code == 400


def test_a_body_with_line_breaks_and_japanese_fits_into_the_status_line(
    client: FlaskClient, bearer: dict[str, str]
) -> None:
    reply = client.post(
        f"{BASE}/2/lineitems/2/lineitem/scores?type_id=1",
        data='{\r\n "comment": "日本"\n}'.encode(),
        headers=bearer,
        content_type=SCORE,
    )
    assert reply.status.encode("latin-1").decode() == '400 Incorrect score received{  "comment": "日本" }'


def test_calls_are_logged_with_status_and_reason(lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]) -> None:
    post_score(client, bearer, a_score())
    post_score(client, bearer, a_score())
    first, second = lms.events("scores")
    assert (first.status, second.status) == (200, 409)
    assert (first.person, first.what) == ("user2", "M1 個人情報と情報資産: 8 / 10")
    assert second.reason == "Refusing score with an earlier timestamp for item 2 and user 5"


def test_a_cell_that_a_teacher_emptied_stays_empty_and_its_result_names_the_person_alone(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    post_score(client, bearer, a_score())
    lms.override_grade(2, "5", None)
    (shown,) = results_of(client, bearer, "5")
    assert list(shown) == ["id", "userId"]
    later = datetime.fromtimestamp(lms.clock.timestamp() + 5, UTC).isoformat()
    assert post_score(client, bearer, a_score()).status_code == 409
    assert post_score(client, bearer, a_score(at=later)).status_code == 200
    assert results_of(client, bearer, "5") == [shown]
    lms.lift_override(2, "5")
    assert results_of(client, bearer, "5")[0]["resultScore"] == 8


def test_a_locked_grade_is_answered_500_for_as_long_as_it_is_locked(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    post_score(client, bearer, a_score())
    lms.lock_grade(2, "5")
    for _ in range(2):
        reply = post_score(client, bearer, a_score(at="2026-11-22T23:11:00Z", scoreGiven=9))
        assert (reply.status_code, reply.get_data(as_text=True)) == (500, "[]")
    assert results_of(client, bearer, "5")[0]["resultScore"] == 8
    lms.lock_grade(2, "5", locked=False)
    assert post_score(client, bearer, a_score(at="2026-11-22T23:11:00Z", scoreGiven=9)).status_code == 200


def test_who_comes_back_after_leaving_has_no_grades(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    post_score(client, bearer, a_score())
    lms.unenrol("user2")
    lms.unenrol("user2", gone=False)
    assert results_of(client, bearer, "5") == []
    assert post_score(client, bearer, a_score()).status_code == 200
