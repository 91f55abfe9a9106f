"""Each habit of Moodle's can be turned off by its switch in the profile."""

import json

from flask.testing import FlaskClient

from tests.practice_lms.lms import platform_of
from tests.practice_lms_tests.service_calls import (
    LINE_ITEMS,
    RESULTS,
    ROSTER,
    a_score,
    other,
    post_score,
    read,
    results_of,
)


def test_a_platform_may_keep_grades_under_scores_that_are_not_final() -> None:
    client, bearer = other(ungraded_scores_wipe=False)
    post_score(client, bearer, a_score())
    post_score(client, bearer, a_score(at="2026-11-22T23:11:00Z", gradingProgress="Pending"))
    assert results_of(client, bearer, "5")[0]["resultScore"] == 8


def test_a_platform_may_keep_points_above_the_maximum_and_refuse_negative_ones() -> None:
    client, bearer = other(clamps_scores=False)
    post_score(client, bearer, a_score(scoreGiven=12))
    assert results_of(client, bearer, "5")[0]["resultScore"] == 12
    assert post_score(client, bearer, a_score("6", scoreGiven=-1)).status_code == 400


def test_a_platform_may_take_a_score_of_the_same_second() -> None:
    client, bearer = other(same_second_conflicts=False)
    post_score(client, bearer, a_score())
    assert post_score(client, bearer, a_score()).status_code == 200
    assert post_score(client, bearer, a_score(at="2026-11-22T23:10:49Z")).status_code == 409


def test_a_platform_may_refuse_timestamps_that_lie_ahead_or_lack_a_zone() -> None:
    client, bearer = other(future_timestamps_accepted=False, unzoned_timestamps_read_as_local=False)
    assert post_score(client, bearer, a_score(at="2099-01-01T00:00:00Z")).status_code == 400
    assert post_score(client, bearer, a_score(at="2026-11-01T00:00:00")).status_code == 400
    assert post_score(client, bearer, a_score(at="2020-11-01T00:00:00Z")).status_code == 200


def test_moodle_reads_a_timestamp_without_zone_in_its_own(client: FlaskClient, bearer: dict[str, str]) -> None:
    post_score(client, bearer, a_score(at="2026-11-01T09:00:00"))
    assert results_of(client, bearer, "5")[0]["timestamp"] == "2026-11-01T09:00:00+09:00"


def test_a_platform_may_keep_the_body_out_of_the_reason_and_write_sound_links() -> None:
    client, bearer = other(reason_repeats_body=False, paging_links_malformed=False, results_refuse_limit=False)
    assert post_score(client, bearer, a_score("9999")).status == "400 Incorrect score received"
    link = read(client, bearer, "/2/lineitems?type_id=1&limit=1", LINE_ITEMS).headers["Link"]
    assert 'limit=1&from=1>; rel="next"' in link
    assert read(client, bearer, "/2/lineitems/2/lineitem/results?type_id=1&limit=1", RESULTS).status_code == 200


def test_a_platform_may_take_any_media_type_and_list_assistants_as_instructors() -> None:
    client, bearer = other(strict_media_types=False, assistants_are_learners_in_roster=False)
    assert post_score(client, bearer, a_score(), "application/json").status_code == 200
    roster = json.loads(read(client, bearer, "/CourseSection/2/bindings/1/memberships", "*/*").data)
    assert {"16": ["Instructor"]}.items() <= {m["user_id"]: m["roles"] for m in roster["members"]}.items()


def test_a_platform_may_refuse_scores_of_suspended_people() -> None:
    client, bearer = other(suspended_are_gradable=False)
    platform_of(client.application).suspend("user2")
    assert post_score(client, bearer, a_score("5")).status_code == 400
    assert post_score(client, bearer, a_score("6")).status_code == 200


def test_a_platform_may_page_its_roster_unasked() -> None:
    client, bearer = other(page_size=6)
    found, link = [], "/CourseSection/2/bindings/1/memberships"
    while link:
        reply = read(client, bearer, link, ROSTER)
        found += [member["user_id"] for member in json.loads(reply.data)["members"]]
        link = reply.headers.get("Link", "").partition("services.php")[2].partition(">")[0]
    assert len(found) == len(set(found)) == 15


def test_a_platform_may_refuse_scores_of_locked_grades() -> None:
    client, bearer = other(locked_grades_are_errors=False)
    platform_of(client.application).lock_grade(2, "5")
    assert post_score(client, bearer, a_score()).status_code == 403
