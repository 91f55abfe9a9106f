"""Sending scores and reading results, against what Moodle 4.5.6 was seen to answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms.config import KeyFolder
from lms.lti.access_tokens import AccessTokens, TokenRefused
from lms.lti.http import (
    AddressRefused,
    HttpReply,
    OutgoingPolicy,
    PlatformHttp,
    PlatformTimedOut,
    PlatformUnreachable,
    RedirectRefused,
)
from lms.lti.id_tokens import Registration
from lms.lti.scores import (
    Conflict,
    Delivered,
    Delivery,
    Gone,
    LineItemGone,
    PlatformResult,
    RefusalReason,
    Refused,
    ResultFault,
    Retry,
    RetryReason,
    Score,
    ScoreFault,
    ScoreInvalid,
    read_result,
    results_url,
    score_body,
    scores_url,
    send_score,
)
from lms.lti.tool_keys import ToolKeys, load_or_create

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 11, 22, 23, 41, 40, tzinfo=UTC)
PLATFORM = "https://moodle.example"
LINE_ITEM = f"{PLATFORM}/mod/lti/services.php/2/lineitems/2/lineitem?type_id=1"
REGISTRATION = Registration(
    id=1,
    organisation_id=1,
    issuer=PLATFORM,
    client_id="uWABm2tolIlohLt",
    authorization_url=f"{PLATFORM}/mod/lti/auth.php",
    token_url=f"{PLATFORM}/mod/lti/token.php",
    keyset_url=f"{PLATFORM}/mod/lti/certs.php",
    deployments=frozenset({"1"}),
)
SCORE = Score("11", 9.0, 10.0, "よくできました", datetime(2026, 11, 23, 8, 41, 39, 865_999, tzinfo=JST))
TOKEN = HttpReply(200, {}, b'{"access_token": "token", "token_type": "Bearer", "expires_in": 3600}')


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> ToolKeys:
    return load_or_create(KeyFolder(Path(tmp_path_factory.mktemp("keys"))))


class Scripted(PlatformHttp):
    """A platform that grants any token and answers its services as a test says."""

    def __init__(self, *replies: HttpReply | Exception, token: HttpReply | Exception = TOKEN) -> None:
        super().__init__(OutgoingPolicy())
        self.replies = list(replies)
        self.token = token
        self.calls: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **rest: Any) -> HttpReply:
        if url == REGISTRATION.token_url:
            reply = self.token
        else:
            self.calls.append({"method": method, "url": url, **rest})
            reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def send(keys: ToolKeys, http: Scripted) -> Delivery:
    return send_score(http, AccessTokens(http, keys), REGISTRATION, LINE_ITEM, SCORE, NOW)


def read(keys: ToolKeys, http: Scripted) -> PlatformResult | None:
    return read_result(http, AccessTokens(http, keys), REGISTRATION, LINE_ITEM, "5", NOW)


def answered(status: int, body: Any = "", **headers: str) -> HttpReply:
    return HttpReply(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()
    )


def test_a_score_is_written_as_moodle_was_seen_to_take_it() -> None:
    assert score_body(SCORE).decode() == (
        '{"scoreGiven": 9.0, "scoreMaximum": 10.0, "activityProgress": "Completed", "gradingProgress": "FullyGraded", '
        '"timestamp": "2026-11-22T23:41:39.865+00:00", "userId": "11", "comment": "よくできました"}'
    )
    assert "comment" not in json.loads(score_body(replace(SCORE, comment=None)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"user_id": ""}, ScoreFault.USER_MISSING),
        ({"user_id": "1" * 256}, ScoreFault.USER_MISSING),
        ({"given": float("nan")}, ScoreFault.NOT_A_NUMBER),
        ({"given": float("inf")}, ScoreFault.NOT_A_NUMBER),
        ({"given": True}, ScoreFault.NOT_A_NUMBER),
        ({"given": "9"}, ScoreFault.NOT_A_NUMBER),
        ({"maximum": float("inf")}, ScoreFault.NOT_A_NUMBER),
        ({"maximum": 10**400}, ScoreFault.NOT_A_NUMBER),
        ({"given": -0.1}, ScoreFault.OUT_OF_RANGE),
        ({"given": 10.1}, ScoreFault.OUT_OF_RANGE),
        ({"given": 0, "maximum": 0}, ScoreFault.OUT_OF_RANGE),
        ({"timestamp": datetime(2026, 11, 23)}, ScoreFault.TIME_WITHOUT_ZONE),  # noqa: DTZ001 - to be refused
        ({"grading_progress": "PendingManual"}, ScoreFault.NOT_FINAL),
        ({"activity_progress": "InProgress"}, ScoreFault.NOT_FINAL),
    ],
)
def test_a_score_that_must_not_be_sent_cannot_be_made(changes: dict[str, Any], fault: ScoreFault) -> None:
    with pytest.raises(ScoreInvalid) as caught:
        replace(SCORE, **changes)
    assert caught.value.code == fault


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.datetimes(timezones=st.timezones()))
def test_any_score_within_its_bounds_survives_the_way_through_json(
    given_points: float, maximum: float, at: datetime
) -> None:
    points = min(given_points, maximum)
    body = json.loads(score_body(Score("1", points, maximum, None, at.replace(year=2026))))
    assert (body["scoreGiven"], body["scoreMaximum"]) == (points, maximum)
    assert body["timestamp"].endswith("+00:00")


@pytest.mark.parametrize(
    ("line_item", "scores", "results"),
    [
        (LINE_ITEM, f"{PLATFORM}/mod/lti/services.php/2/lineitems/2/lineitem/scores?type_id=1", "results?type_id=1&user_id=a%2Fb%26c"),
        (f"{PLATFORM}/items/2", f"{PLATFORM}/items/2/scores", "results?user_id=a%2Fb%26c"),
        (f"{PLATFORM}/items/2/#x", f"{PLATFORM}/items/2/scores", "results?user_id=a%2Fb%26c"),
        (f"{PLATFORM}/items/2?a=%20b&c", f"{PLATFORM}/items/2/scores?a=%20b&c", "results?a=%20b&c&user_id=a%2Fb%26c"),
    ],
)  # fmt: skip
def test_the_service_path_goes_before_the_query(line_item: str, scores: str, results: str) -> None:
    assert scores_url(line_item) == scores
    assert results_url(line_item, "a/b&c").endswith(f"/{results}")


def test_a_score_is_posted_with_its_own_media_type_and_a_token(keys: ToolKeys) -> None:
    http = Scripted(answered(200))
    assert send(keys, http) == Delivered()
    [call] = http.calls
    assert (call["method"], call["url"]) == ("POST", scores_url(LINE_ITEM))
    assert call["headers"] == {"Content-Type": "application/vnd.ims.lis.v1.score+json"}
    assert (call["body"], call["bearer"]) == (score_body(SCORE), "token")
    assert call["origin_allowlist"] == {PLATFORM}


DATE = "Sun, 22 Nov 2026 23:43:10 GMT"


@pytest.mark.parametrize(
    ("reply", "delivery"),
    [
        (answered(204), Delivered()),
        (answered(409, []), Conflict()),
        (answered(404), Gone()),
        (answered(400, []), Refused(RefusalReason.NOT_GRADABLE, 400)),
        (answered(403), Refused(RefusalReason.FORBIDDEN, 403)),
        (answered(405), Refused(RefusalReason.OTHER, 405)),
        (answered(422), Refused(RefusalReason.OTHER, 422)),
        (answered(429), Retry(RetryReason.BUSY, None)),
        (answered(429, retry_after="7"), Retry(RetryReason.BUSY, 7)),
        (answered(408, retry_after="0"), Retry(RetryReason.BUSY, 0)),
        (answered(503, retry_after=DATE), Retry(RetryReason.PLATFORM_ERROR, 90)),
        (answered(503, retry_after=DATE.replace("GMT", "-0000")), Retry(RetryReason.PLATFORM_ERROR, 90)),
        (answered(503, retry_after="Sun, 22 Nov 2020 23:43:10 GMT"), Retry(RetryReason.PLATFORM_ERROR, 0)),
        (answered(503, retry_after="9" * 5000), Retry(RetryReason.PLATFORM_ERROR, 86_400)),
        (answered(503, retry_after="-5"), Retry(RetryReason.PLATFORM_ERROR, None)),
        (answered(503, retry_after="soon"), Retry(RetryReason.PLATFORM_ERROR, None)),
        (answered(500), Retry(RetryReason.PLATFORM_ERROR, None)),
        (answered(304), Retry(RetryReason.PLATFORM_ERROR, None)),
        (PlatformTimedOut(PLATFORM, "total"), Retry(RetryReason.UNREACHABLE, None)),
        (PlatformUnreachable(PLATFORM, "connection"), Retry(RetryReason.UNREACHABLE, None)),
        (RedirectRefused(PLATFORM, "302"), Retry(RetryReason.UNREACHABLE, None)),
        (AddressRefused(PLATFORM, "network"), Refused(RefusalReason.ADDRESS_REFUSED, None)),
    ],
)
def test_what_the_platform_answers_decides_what_becomes_of_a_score(
    keys: ToolKeys, reply: HttpReply | Exception, delivery: Delivery
) -> None:
    http = Scripted(reply)
    assert send(keys, http) == delivery
    assert len(http.calls) == 1


def test_a_refused_token_is_renewed_once_and_then_the_score_waits(keys: ToolKeys) -> None:
    assert send(keys, Scripted(answered(401), answered(200))) == Delivered()
    http = Scripted(answered(401), answered(401))
    assert send(keys, http) == Retry(RetryReason.UNAUTHORISED, None)
    assert len(http.calls) == 2


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (answered(400, {"error": "invalid_client"}), RetryReason.TOKEN_REFUSED),
        (answered(500), RetryReason.TOKEN_REFUSED),
        (answered(200, "x"), RetryReason.TOKEN_REFUSED),
        (PlatformTimedOut(PLATFORM, "total"), RetryReason.UNREACHABLE),
    ],
)
def test_a_score_waits_while_no_token_is_to_be_had(
    keys: ToolKeys, token: HttpReply | Exception, reason: RetryReason
) -> None:
    assert send(keys, Scripted(token=token)) == Retry(reason, None)


def entry(**changes: Any) -> dict[str, Any]:
    shown = {
        "id": f"{PLATFORM}/mod/lti/services.php/2/lineitems/2/lineitem/results?type_id=1&user_id=5",
        "userId": "5",
        "resultScore": 7.5,
        "resultMaximum": 10,
        "scoreOf": LINE_ITEM,
        "timestamp": "2026-11-23T08:10:40+09:00",
        **changes,
    }
    return {name: value for name, value in shown.items() if value is not ...}


AT = datetime(2026, 11, 22, 23, 10, 40, tzinfo=UTC)


def test_a_result_is_asked_for_by_person_and_media_type(keys: ToolKeys) -> None:
    http = Scripted(answered(200, [entry(userId="4", resultScore=3), entry()]))
    assert read(keys, http) == PlatformResult(7.5, 10, AT)
    [call] = http.calls
    assert (call["method"], call["url"]) == ("GET", results_url(LINE_ITEM, "5"))
    assert call["headers"] == {"Accept": "application/vnd.ims.lis.v2.resultcontainer+json"}
    assert call["body"] is None


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ([], None),
        ([entry(userId="4")], None),
        ([entry(userId=5)], None),
        ([entry(resultScore=...)], None),
        ([entry(resultScore=None)], None),
        (["text", None], None),
        ([entry(resultScore=0)], PlatformResult(0, 10, AT)),
        ([entry(resultScore=12, resultMaximum=...)], PlatformResult(12, 1, AT)),
        ([entry(timestamp=...)], PlatformResult(7.5, 10, None)),
        ([entry(timestamp=5)], PlatformResult(7.5, 10, None)),
        ([entry(timestamp="yesterday")], PlatformResult(7.5, 10, None)),
        ([entry(timestamp="2026-11-23T08:10:40")], PlatformResult(7.5, 10, None)),
    ],
)
def test_what_the_grade_book_holds_is_read(keys: ToolKeys, body: Any, result: PlatformResult | None) -> None:
    assert read(keys, Scripted(answered(200, body))) == result


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        (answered(404), "gone", 404),
        (answered(400), "status", 400),
        (answered(401), "status", 401),
        (HttpReply(200, {}, b"<html>"), "not_json", 0),
        (HttpReply(200, {}, b"[" * 20_000), "not_json", 0),
        (answered(200, {}), "not_a_list", 0),
        (answered(200, [entry(resultScore="7")]), "not_a_number", 0),
        (answered(200, [entry(resultMaximum=True)]), "not_a_number", 0),
        (HttpReply(200, {}, b'[{"userId": "5", "resultScore": NaN}]'), "not_a_number", 0),
    ],
)
def test_an_answer_that_is_no_result_is_named(keys: ToolKeys, reply: HttpReply, code: str, status: int) -> None:
    with pytest.raises(ResultFault) as caught:
        read(keys, Scripted(reply, reply))
    assert (caught.value.code, caught.value.status) == (code, status)
    assert isinstance(caught.value, LineItemGone) == (status == 404)


def test_reading_names_the_faults_of_token_and_network(keys: ToolKeys) -> None:
    with pytest.raises(TokenRefused):
        read(keys, Scripted(token=answered(400)))
    with pytest.raises(PlatformUnreachable):
        read(keys, Scripted(PlatformUnreachable(PLATFORM, "tls")))
