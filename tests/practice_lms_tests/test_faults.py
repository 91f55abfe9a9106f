"""Faults hit the calls that they should, in the way that they say."""

import time
from collections.abc import Iterator

import pytest
import requests
from flask.testing import FlaskClient

from tests.practice_lms.faults import Fault, FaultBoard, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import AGS_SCOPES
from tests.practice_lms.server import running_platform
from tests.practice_lms.tokens import issue_token
from tests.practice_lms_tests.conftest import moodle_like_config

SCORES = "/mod/lti/services.php/2/lineitems/2/lineitem/scores?type_id=1"
SCORE = {
    "userId": "5", "timestamp": "2026-11-22T23:10:50Z", "activityProgress": "Completed",
    "gradingProgress": "FullyGraded", "scoreGiven": 8, "scoreMaximum": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[PracticeLms]:
    """A platform on a port of its own."""
    with running_platform(moodle_like_config()) as lms:
        yield lms


@pytest.fixture
def running(served: PracticeLms) -> PracticeLms:
    served.faults.clear()
    served.delete_grade(2, "5")
    return served


def send_score(lms: PracticeLms) -> requests.Response:
    token = issue_token(lms, AGS_SCOPES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.ims.lis.v1.score+json"}
    return requests.post(lms.config.issuer + SCORES, json=SCORE, headers=headers, timeout=10)


def test_the_next_calls_fail_and_the_one_after_does_not(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.TOO_MANY_REQUESTS, calls=2, retry_after="7"))
    replies = [send_score(running) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert replies[0].headers["Retry-After"] == "7"
    assert running.grade("user2", "m1") is not None


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.SERVER_ERROR, 500), (FaultKind.UNAVAILABLE, 503)])
def test_an_error_is_answered_without_processing(running: PracticeLms, kind: FaultKind, status: int) -> None:
    running.faults.add(Fault("scores", kind, calls=1))
    assert send_score(running).status_code == status
    assert running.grade("user2", "m1") is None


def test_a_lost_reply_leaves_the_grade_behind(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.LOST_REPLY, calls=1))
    with pytest.raises(requests.ConnectionError):
        send_score(running)
    assert running.grade("user2", "m1") is not None
    assert send_score(running).status_code == 409


def test_an_error_after_processing_leaves_the_grade_behind(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.ERROR_AFTER, calls=1))
    assert send_score(running).status_code == 500
    assert running.grade("user2", "m1") is not None


def test_a_timeout_processes_nothing_and_hangs_up(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.TIMEOUT, calls=1, seconds=0.2))
    before = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        send_score(running)
    assert time.monotonic() - before >= 0.2
    assert running.grade("user2", "m1") is None


def test_a_slow_call_is_processed(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.SLOW, calls=1, seconds=0.2))
    before = time.monotonic()
    assert send_score(running).status_code == 200
    assert time.monotonic() - before >= 0.2


def test_a_served_platform_takes_the_address_of_its_port_as_issuer(running: PracticeLms) -> None:
    keys = requests.get(f"{running.config.issuer}/mod/lti/certs.php", timeout=10).json()
    assert keys == running.keys.jwks()


def test_a_share_of_calls_is_hit() -> None:
    board = FaultBoard(seed=1)
    board.add(Fault("scores", FaultKind.SERVER_ERROR, share=0.25))
    hits = sum(board.take("scores") is not None for _ in range(2000))
    assert 400 < hits < 600


def test_a_fault_hits_its_own_endpoint_alone() -> None:
    board = FaultBoard()
    board.add(Fault("token", FaultKind.SERVER_ERROR))
    assert board.take("scores") is None
    assert board.take("token") is not None


def test_a_fault_can_be_switched_off() -> None:
    board = FaultBoard()
    first, second = (board.add(Fault("token", FaultKind.SERVER_ERROR)) for _ in range(2))
    board.remove(first.id)
    assert board.active() == [second]
    board.clear()
    assert board.take("token") is None


def test_a_used_up_fault_is_no_longer_active() -> None:
    board = FaultBoard()
    board.add(Fault("token", FaultKind.SERVER_ERROR, calls=1))
    board.take("token")
    assert board.active() == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("nowhere", FaultKind.SLOW),
        Fault("token", FaultKind.SLOW, share=1.5),
        Fault("token", FaultKind.ELSEWHERE),
        Fault("lineitems", FaultKind.ENDLESS),
    ],
)
def test_a_fault_that_can_never_be_served_is_refused(fault: Fault) -> None:
    with pytest.raises(ValueError, match=r"nowhere|1\.5|elsewhere|endless"):
        FaultBoard().add(fault)


def configuration(lms: PracticeLms, **more: object) -> requests.Response:
    url = f"{lms.config.issuer}/mod/lti/openid-configuration.php"
    return requests.get(url, timeout=10, allow_redirects=False, stream=bool(more))


def test_a_redirect_leads_where_the_fault_says(running: PracticeLms) -> None:
    running.faults.add(Fault("configuration", FaultKind.REDIRECT, location="http://169.254.169.254/latest"))
    reply = configuration(running)
    assert (reply.status_code, reply.headers["Location"]) == (302, "http://169.254.169.254/latest")


def test_a_huge_reply_has_no_length_and_does_not_end_soon(running: PracticeLms) -> None:
    running.faults.add(Fault("configuration", FaultKind.HUGE))
    with configuration(running, stream=True) as reply:
        assert "Content-Length" not in reply.headers
        assert len(reply.raw.read(5_000_000)) == 5_000_000


def test_a_reply_can_be_a_page_of_html(running: PracticeLms) -> None:
    running.faults.add(Fault("configuration", FaultKind.NOT_JSON))
    reply = configuration(running)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_reply_is_cut_in_the_middle(running: PracticeLms) -> None:
    running.faults.add(Fault("configuration", FaultKind.CUT))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        configuration(running)


def test_a_reply_trickles_and_is_cut_at_last(running: PracticeLms) -> None:
    running.faults.add(Fault("configuration", FaultKind.TRICKLE, seconds=0.5))
    before = time.monotonic()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        configuration(running)
    assert time.monotonic() - before >= 0.4


def test_a_fault_can_let_some_calls_pass_first() -> None:
    board = FaultBoard()
    board.add(Fault("memberships", FaultKind.SERVER_ERROR, calls=1, after=2))
    assert [board.take("memberships") is not None for _ in range(4)] == [False, False, True, False]


@pytest.mark.parametrize(("endpoint", "path"), [("jwks", "certs.php"), ("auth", "auth.php")])
def test_the_addresses_of_the_login_can_fail_too(
    lms: PracticeLms, client: FlaskClient, endpoint: str, path: str
) -> None:
    lms.faults.add(Fault(endpoint, FaultKind.UNAVAILABLE, calls=1))
    assert client.get(f"/mod/lti/{path}").status_code == 503
    assert client.get(f"/mod/lti/{path}").status_code != 503


def test_a_fault_is_logged_beside_the_call_that_it_hit(running: PracticeLms) -> None:
    running.faults.add(Fault("scores", FaultKind.UNAVAILABLE, calls=1))
    send_score(running)
    assert (running.events("scores")[-1].status, running.events("scores")[-1].fault) == (503, "503")
