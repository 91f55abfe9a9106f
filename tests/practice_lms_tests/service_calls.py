"""Calling the services as the tool does, and comparing with the recorded replies."""

import json
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import platform_of
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE
from tests.practice_lms.profiles import MOODLE_4_5
from tests.practice_lms.tokens import issue_token
from tests.practice_lms_tests.conftest import captured, moodle_like_config

BASE = "/mod/lti/services.php"
PROBE = {entry["test"]: entry for entry in captured("service_probe")}
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
ROSTER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


def post_score(client: FlaskClient, bearer: dict[str, str], sent: object, media_type: str = SCORE) -> TestResponse:
    return client.post(
        f"{BASE}/2/lineitems/2/lineitem/scores?type_id=1",
        data=json.dumps(sent),
        headers={**bearer, "Accept": "*/*"},
        content_type=media_type,
    )


def read(client: FlaskClient, bearer: dict[str, str], path: str, accept: str) -> TestResponse:
    return client.get(f"{BASE}{path}", headers={**bearer, "Accept": accept})


def results_of(client: FlaskClient, bearer: dict[str, str], sub: str) -> list[dict[str, Any]]:
    reply = read(client, bearer, f"/2/lineitems/2/lineitem/results?type_id=1&user_id={sub}", RESULTS)
    document: list[dict[str, Any]] = json.loads(reply.data)
    return document


def a_score(sub: str = "5", at: str = "2026-11-22T23:10:50+00:00", **changes: Any) -> dict[str, Any]:
    return {
        "userId": sub, "timestamp": at, "activityProgress": "Completed", "gradingProgress": "FullyGraded",
        "scoreGiven": 8, "scoreMaximum": 10,
    } | changes  # fmt: skip


def same_as_probe(reply: TestResponse, name: str) -> None:
    entry = PROBE[name]
    status, _, reason = reply.status.partition(" ")
    assert (int(status), reason) == (entry["status"], entry["reason"]), name
    assert reply.headers["Content-Type"] == entry["ct"], name
    assert reply.headers.get("Link") == entry["link"], name
    text = reply.get_data(as_text=True)
    assert (json.loads(text) if text else "") == entry["body"], name


def other(**switches: Any) -> tuple[FlaskClient, dict[str, str]]:
    """A platform with some of Moodle's habits turned off."""
    app = create_platform(moodle_like_config(profile=replace(MOODLE_4_5, **switches)))
    token = issue_token(platform_of(app), (*AGS_SCOPES, NRPS_SCOPE))
    return app.test_client(), {"Authorization": f"Bearer {token}"}
