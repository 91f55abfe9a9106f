"""Reading a roster: all of it or none, no further than the platform's own pages, no more than is needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lms.config import KeyFolder
from lms.lti.access_tokens import AccessTokens, ScopesNotGranted
from lms.lti.connection import PlatformServices
from lms.lti.http import HttpReply, OutgoingPolicy, PlatformHttp, PlatformTimedOut, ReplyTooLarge
from lms.lti.id_tokens import Registration
from lms.lti.roster import MAX_PAGES, ROSTER_SCOPE, ROSTER_TYPE, Member, Roster, RosterFault, next_page, pull_roster
from lms.lti.tool_keys import ToolKeys, load_or_create

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PLATFORM = "https://moodle.example"
URL = f"{PLATFORM}/mod/lti/services.php/CourseSection/2/bindings/1/memberships"
REGISTRATION = Registration(
    id=1, organisation_id=1, issuer=PLATFORM, client_id="me", authorization_url=f"{PLATFORM}/auth",
    token_url=f"{PLATFORM}/token", keyset_url=f"{PLATFORM}/keys", deployments=frozenset({"1"}),
)  # fmt: skip
CAPTURES = Path(__file__).parents[1] / "practice_lms_tests" / "captures"
AKARI = {"user_id": "4", "roles": ["Learner"], "family_name": "見本", "given_name": "あかり", "status": "Active"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> ToolKeys:
    return load_or_create(KeyFolder(Path(tmp_path_factory.mktemp("keys"))))


class Scripted(PlatformHttp):
    """A platform that gives a token, then answers what a test says."""

    def __init__(self, *replies: HttpReply | Exception, scope: str = ROSTER_SCOPE) -> None:
        super().__init__(OutgoingPolicy())
        self.replies = list(replies)
        self.asked: list[str] = []
        self.headers: list[Any] = []
        self.scope = scope

    def request(self, method: str, url: str, **rest: Any) -> HttpReply:
        if url == REGISTRATION.token_url:
            body = {"access_token": "t", "token_type": "bearer", "expires_in": 3600, "scope": self.scope}
            return HttpReply(200, {}, json.dumps(body).encode())
        self.asked.append(url)
        self.headers.append(rest["headers"])
        assert rest["origin_allowlist"] == {PLATFORM}
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


def page(*members: Any, link: str | None = None, context: str = "2", **more: Any) -> HttpReply:
    body = {"id": URL, "context": {"id": context}, "members": list(members), **more}
    return HttpReply(200, {} if link is None else {"link": link}, json.dumps(body).encode())


def pull(keys: ToolKeys, *replies: HttpReply | Exception, **more: Any) -> tuple[Roster, Scripted]:
    http = Scripted(*replies, **more)
    return pull_roster(PlatformServices(http, AccessTokens(http, keys)), REGISTRATION, URL, NOW), http


def fault(keys: ToolKeys, *replies: HttpReply | Exception) -> tuple[str, int]:
    with pytest.raises(RosterFault) as found:
        pull(keys, *replies)
    return found.value.code, found.value.status


def test_a_roster_in_one_piece_is_asked_for_once_and_by_its_media_type(keys: ToolKeys) -> None:
    roster, http = pull(keys, page(AKARI))
    assert roster == Roster("2", (Member("4", ("Learner",), True, "見本", "あかり", None),), 1)
    assert http.asked == [URL]
    assert http.headers == [{"Accept": ROSTER_TYPE}]


@pytest.mark.parametrize("name", ["nrps_members", "nrps_members_minimal_claims", "nrps_members_rlid"])
def test_what_moodle_sent_is_read_and_no_address_is_kept(keys: ToolKeys, name: str) -> None:
    document = json.loads((CAPTURES / f"{name}.json").read_text("utf-8"))
    roster, _ = pull(keys, HttpReply(200, {}, json.dumps(document).encode()))
    assert [each.user_id for each in roster.members] == [each["user_id"] for each in document["members"]]
    assert {each.family_name for each in roster.members} == {each.get("family_name") for each in document["members"]}
    assert "example.invalid" not in repr(roster)
    assert not any(each.get("ext_user_username", "\0") in repr(roster) for each in document["members"])


def test_pages_are_followed_word_for_word(keys: ToolKeys) -> None:
    second = f"{URL}?limit=1&from=1&odd=%2B+x"
    roster, http = pull(
        keys,
        page(AKARI, link=f'<{URL}>; rel="first", <{second}>; title="a, b"; rel="next"'),
        page({**AKARI, "user_id": "5"}),
    )
    assert http.asked == [URL, second]
    assert [each.user_id for each in roster.members] == ["4", "5"]
    assert roster.pages == 2


def test_one_whom_two_pages_list_is_one(keys: ToolKeys) -> None:
    roster, _ = pull(keys, page(AKARI, link=f'<{URL}?p=2>; rel="next"'), page({**AKARI, "roles": ["Instructor"]}))
    assert [each.lti_roles for each in roster.members] == [("Instructor",)]


def test_one_that_is_too_large_for_a_reply_is_asked_for_in_pages(keys: ToolKeys) -> None:
    roster, http = pull(keys, ReplyTooLarge(PLATFORM, "bytes"), page(AKARI))
    assert http.asked == [URL, f"{URL}?limit=1000"]
    assert len(roster.members) == 1


@pytest.mark.parametrize(
    ("link", "following"),
    [
        (None, None),
        ('<https://a.example/x>; rel="next"', "https://a.example/x"),
        ("<https://a.example/x>; rel=next", "https://a.example/x"),
        ('<https://a.example/x>;rel="prev next"', "https://a.example/x"),
        ('<https://a.example/x>; rel="prev", <https://a.example/y>; rel="next"', "https://a.example/y"),
        ('<https://a.example/x>; rel="nextish"', None),
        ('<https://a.example/x>; rel="first"', None),
        ("nonsense", None),
    ],
)
def test_the_next_page_is_what_the_header_calls_so(link: str | None, following: str | None) -> None:
    assert next_page({} if link is None else {"link": link}) == following


@pytest.mark.parametrize(
    ("code", "replies"),
    [
        ("page_foreign", (page(AKARI, link='<https://evil.example/x>; rel="next"'),)),
        ("page_foreign", (page(AKARI, link='<http://moodle.example/x>; rel="next"'),)),
        ("page_foreign", (page(AKARI, link='<//evil.example/x>; rel="next"'),)),
        ("pages_repeat", (page(AKARI, link=f'<{URL}>; rel="next"'),)),
        ("pages_repeat", (page(AKARI, link=f'<{URL}#a>; rel="next"'),)),
        ("context_changed", (page(AKARI, link=f'<{URL}?p=2>; rel="next"'), page(AKARI, context="3"))),
        ("not_json", (HttpReply(200, {}, b"<html>"),)),
        ("not_json", (HttpReply(200, {}, b"[" * 100_000),)),
        ("not_a_roster", (HttpReply(200, {}, b"[]"),)),
        ("not_a_roster", (HttpReply(200, {}, b'{"members": []}'),)),
        ("not_a_roster", (HttpReply(200, {}, b'{"context": {"id": "2"}, "members": {}}'),)),
        ("not_a_roster", (HttpReply(200, {}, b'{"context": {}, "members": []}'),)),
        ("member_malformed", (page("somebody"),)),
        ("member_malformed", (page({"roles": ["Learner"]}),)),
        ("member_malformed", (page({**AKARI, "user_id": 4}),)),
        ("member_malformed", (page({**AKARI, "user_id": "x" * 256}),)),
        ("member_malformed", (page({**AKARI, "user_id": "a\0"}),)),
        ("member_malformed", (page({**AKARI, "roles": "Learner"}),)),
        ("member_malformed", (page({**AKARI, "roles": [1]}),)),
    ],
)
def test_what_is_no_complete_roster_is_refused_whole(keys: ToolKeys, code: str, replies: tuple[HttpReply, ...]) -> None:
    assert fault(keys, *replies) == (code, 0)


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_an_error_on_any_page_names_its_status(keys: ToolKeys, status: int) -> None:
    assert fault(keys, HttpReply(status, {}, b"")) == ("status", status)
    assert fault(keys, page(AKARI, link=f'<{URL}?p=2>; rel="next"'), HttpReply(status, {}, b"")) == ("status", status)


def test_a_roster_without_an_end_is_given_up(keys: ToolKeys) -> None:
    endless = [page(AKARI, link=f'<{URL}?p={number}>; rel="next"') for number in range(MAX_PAGES + 5)]
    assert fault(keys, *endless) == ("too_many_pages", 0)


def test_a_page_that_never_comes_ends_the_pull(keys: ToolKeys) -> None:
    with pytest.raises(PlatformTimedOut):
        pull(keys, page(AKARI, link=f'<{URL}?p=2>; rel="next"'), PlatformTimedOut(PLATFORM, "silence"))


def test_a_platform_that_grants_no_rosters_is_not_asked(keys: ToolKeys) -> None:
    with pytest.raises(ScopesNotGranted):
        pull(keys, page(AKARI), scope="https://purl.imsglobal.org/spec/lti-ags/scope/score")


@pytest.mark.parametrize(
    ("sent", "number"),
    [("00123", "00123"), ("$Person.sourcedId", None), ("", None), (None, None), (123, None), ("  a  b ", "a b")],
)
def test_a_staff_number_is_taken_as_text_or_not_at_all(keys: ToolKeys, sent: Any, number: str | None) -> None:
    roster, _ = pull(keys, page({**AKARI, "lis_person_sourcedid": sent}))
    assert roster.members[0].staff_number == number


@pytest.mark.parametrize(("status", "is_active"), [("Active", True), ("Inactive", False), ("Deleted", False)])
def test_inactive_and_deleted_members_are_listed_as_such(keys: ToolKeys, status: str, is_active: bool) -> None:
    roster, _ = pull(keys, page({**AKARI, "status": status}))
    assert roster.members[0].is_active is is_active
