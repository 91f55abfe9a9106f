"""Launches that must fail, numbered as in the design, each beside a control that must pass.

A refused launch leaves no session, one audit event, and nothing of its token on the page; it is never a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from lms.lti.http import AddressRefused, HttpReply, OutgoingFault, PlatformTimedOut, RedirectRefused
from lms.store.base import Database
from lms.store.platforms import Platform
from tests.lti.refused import *  # noqa: F403 - its fixture
from tests.lti.refused import Refused
from tests.lti.spoilt import ABSENT, CASES, LEARNER, ME, Case, choosing, claims, header, launch, reviewing
from tests.practice_lms.lms import Mutation, PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import OTHER_STAFF, STAFF
from tests.web.visits import (
    LAUNCH,
    LMS,
    LOGIN,
    OTHER_LMS,
    Browser,
    KeyRoom,
    answer_of,
    audit_events,
    log_in,
    session_count,
)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_negative(case: Case, client: Browser, lms: PracticeLms, tool_database: Database, refused: Refused) -> None:
    mutate: Mutation = case.mutate(lms) if case.needs_lms else case.mutate  # type: ignore[call-arg,arg-type,assignment]
    answer = launch(client, lms, mutate, ABSENT if case.key is None else case.key(lms))
    refused(answer, 401, case.code)
    assert [event.kind for event in audit_events(tool_database)][-1] == "launch.refused"
    assert launch(client, lms, case.control).status_code == 303
    assert session_count(tool_database) == 1


TABLE = {
    1: "no-kid",
    2: "an_unknown_kid_is_looked_up_once, unknown-kid",
    3: "version-1.2.0",
    4: "no-version",
    5: "not-a-jwt, a_form_of_lti_1_1",
    6: "no-iss, no-aud, no-nonce",
    7: "exp-past",
    8: "no-message-type, unknown-message-type",
    9: "no-roles",
    10: "no-deployment, unknown-deployment",
    11: "no-resource-link, resource-link-without-id, resource-link-null",
    12: "no-sub",
    13: "no-exp",
    14: "no-iat, iat-a-year-old",
    15: "iat-an-hour-ahead",
    16: "exp-ten-years-ahead",
    17: "alg-none",
    18: "hs256-with-the-public-key",
    19: "other-key, embedded-jwk, tampered-body",
    20: "aud-wrong, another-clients-aud",
    21: "extra-aud-without-azp, azp-not-mine, an_extra_aud_is_taken_from_where_it_is_trusted",
    22: "a_state_missing_or_unknown, a_state_of_another_browser",
    23: "the_same_answer_again",
    24: "a_used_nonce_in_a_fresh_login",
    25: "state_and_nonce_swapped",
    26: "a_login_at_one_platform_and_a_token_of_another",
    27: "no-target, foreign-target, foreign-target-at-login",
    28: "header-a-list, body-a-list, roles-a-string, roles-integers, sub-too-long, link-id-too-long",
    29: "unknown-iss, unknown-client, no-login-hint",
    30: "keys-500, keys-html, keys-hanging, keys-at-a-private-address, without-return-url",
}
"""The design's table: its numbers, and the mutations that each of them names."""


def test_every_mutation_of_the_design_has_its_case() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    methods = [method for name, method in vars(TestNegative).items() if name.startswith("test_")]
    parameters = [each for method in methods for mark in getattr(method, "pytestmark", []) for each in mark.args[1]]
    names = [case.name for case in CASES] + [method.__name__ for method in methods]
    names += [each.id for each in parameters if getattr(each, "id", None)]
    assert list(TABLE) == list(range(1, 31))
    for number, mutations in TABLE.items():
        for mutation in mutations.split(", "):
            starts = (f"{number:02}-{mutation}", f"test_{number:02}_{mutation}")
            assert any(name.startswith(starts) for name in names), starts


class TestNegative:
    """Those that take more than one spoilt token."""

    def test_02_an_unknown_kid_is_looked_up_once_in_half_a_minute(
        self, client: Browser, lms: PracticeLms, key_room: KeyRoom, refused: Refused
    ) -> None:
        assert launch(client, lms).status_code == 303
        for _ in range(3):
            refused(launch(client, lms, header(kid="x")), 401, "kid_unknown", sessions=1)
        assert len(key_room.asked) == 2
        lms.clock.advance(31)
        launch(client, lms, header(kid="x"))
        assert len(key_room.asked) == 3

    def test_21_an_extra_aud_is_taken_from_where_it_is_trusted(
        self, client: Browser, lms: PracticeLms, tool_database: Database, refused: Refused
    ) -> None:
        with tool_database.transaction() as session:
            session.scalars(select(Platform)).one().trusted_audiences = ["library"]
        both = ["library", ME]
        assert launch(client, lms, claims(aud=both, azp=ME)).status_code == 303
        refused(launch(client, lms, claims(aud=both)), 401, "azp_wrong", sessions=1)
        refused(launch(client, lms, claims(aud=both, azp="library")), 401, "azp_wrong", sessions=1)
        refused(launch(client, lms, claims(aud=["library"], azp=ME)), 401, "audience_wrong", sessions=1)
        refused(launch(client, lms, claims(aud=[*both, "x"], azp=ME)), 401, "audience_untrusted", sessions=1)

    @pytest.mark.parametrize("has_state", [True, False], ids=["with-state", "without-state"])
    def test_05_a_form_of_lti_1_1(self, client: Browser, lms: PracticeLms, refused: Refused, has_state: bool) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        form = {"lti_message_type": "basic-lti-launch-request", "lti_version": "LTI-1p0", "oauth_signature": "x"}
        if has_state:
            refused(client.post(LAUNCH, data={**form, "state": answer["state"]}), 401, "token_not_jwt")
        else:
            refused(client.post(LAUNCH, data=form), 401, "state_missing")

    @pytest.mark.parametrize(
        ("state", "code"),
        [(None, "state_missing"), ("", "state_missing"), ("x", "state_unknown"), ("é\0", "state_unknown")],
    )
    def test_22_a_state_missing_or_unknown(
        self, client: Browser, lms: PracticeLms, refused: Refused, state: str | None, code: str
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        form = {"id_token": answer["id_token"]} | ({} if state is None else {"state": state})
        refused(client.post(LAUNCH, data=form), 401, code)
        assert client.post(LAUNCH, data=answer).status_code == 303

    def test_22_a_state_of_another_browser(
        self, new_browser: Callable[[], Browser], lms: PracticeLms, refused: Refused
    ) -> None:
        mine, other = new_browser(), new_browser()
        answer = answer_of(mine, lms, STAFF, "core")
        refused(other.post(LAUNCH, data=answer), 401, "browser_changed")
        assert mine.post(LAUNCH, data=answer).status_code == 303

    def test_23_the_same_answer_again(
        self, client: Browser, new_browser: Callable[[], Browser], lms: PracticeLms, refused: Refused
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert client.post(LAUNCH, data=answer).status_code == 303
        refused(client.post(LAUNCH, data=answer), 401, "state_used", sessions=1)
        refused(new_browser().post(LAUNCH, data=answer), 401, "browser_changed", sessions=1)

    def test_23_a_token_spelt_anew_is_no_new_token(self, client: Browser, lms: PracticeLms, refused: Refused) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert client.post(LAUNCH, data=answer).status_code == 303
        padded = {**answer, "id_token": answer["id_token"] + "=="}
        refused(client.post(LAUNCH, data=padded), 401, "state_used", sessions=1)

    def test_23_a_state_or_token_that_stands_there_twice(
        self, client: Browser, lms: PracticeLms, refused: Refused
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        for name in ("state", "id_token"):
            twice = {**answer, name: [answer[name], answer[name]]}
            refused(client.post(LAUNCH, data=twice), 401, "answer_malformed")
        assert client.post(LAUNCH, data=answer).status_code == 303

    def test_24_a_used_nonce_in_a_fresh_login(self, client: Browser, lms: PracticeLms, refused: Refused) -> None:
        used = log_in(client, lms.initiate_login(STAFF, "core"))
        assert client.post(LAUNCH, data=lms.authorize(used, STAFF)).status_code == 303
        refused(launch(client, lms, claims(nonce=used["nonce"])), 401, "nonce_wrong", sessions=1)

    def test_25_state_and_nonce_swapped_between_two_pending_logins(
        self, client: Browser, lms: PracticeLms, refused: Refused
    ) -> None:
        first, second = answer_of(client, lms, STAFF, "core"), answer_of(client, lms, OTHER_STAFF, "core")
        swapped = {"state": first["state"], "id_token": second["id_token"]}
        refused(client.post(LAUNCH, data=swapped), 401, "nonce_wrong")
        assert client.post(LAUNCH, data=second).status_code == 303, "the control: the second login is untouched"

    def test_26_a_login_at_one_platform_and_a_token_of_another(
        self, client: Browser, lms: PracticeLms, other_lms: PracticeLms, refused: Refused
    ) -> None:
        query = log_in(client, lms.initiate_login(STAFF, "core"))
        foreign = log_in(client, other_lms.initiate_login(STAFF, "core"))
        token = other_lms.authorize({**foreign, "nonce": query["nonce"]}, STAFF)["id_token"]
        mixed = {"state": query["state"], "id_token": token}
        refused(client.post(LAUNCH, data=mixed), 401, "kid_unknown")
        assert launch(client, other_lms).status_code == 303, "the control: the other platform's own launch"

    def test_26_a_platform_speaking_in_the_name_of_another(
        self, client: Browser, lms: PracticeLms, other_lms: PracticeLms, refused: Refused
    ) -> None:
        refused(launch(client, lms, claims(iss=OTHER_LMS)), 401, "issuer_wrong")
        refused(launch(client, other_lms, claims(iss=LMS, aud=ME)), 401, "issuer_wrong")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param(
                {"target_link_uri": "https://evil.example.invalid/"}, "target_foreign", id="27-foreign-target-at-login"
            ),
            pytest.param({"target_link_uri": ""}, "target_foreign", id="27-no-target-at-login"),
            pytest.param({"iss": "https://unknown.example.invalid"}, "registration_unknown", id="29-unknown-iss"),
            pytest.param({"iss": ""}, "registration_unknown", id="29-no-iss"),
            pytest.param({"iss": f"{LMS}\0"}, "login_malformed", id="29-iss-with-a-nul"),
            pytest.param({"login_hint": "4" * 4097}, "login_malformed", id="29-login-hint-too-long"),
            pytest.param({"iss": [LMS, LMS]}, "login_malformed", id="29-iss-twice"),
            pytest.param({"client_id": "somebody"}, "registration_unknown", id="29-unknown-client"),
            pytest.param({"login_hint": ""}, "login_hint_missing", id="29-no-login-hint"),
        ],
    )
    def test_a_login_that_must_fail(
        self, client: Browser, lms: PracticeLms, refused: Refused, changes: dict[str, str | list[str]], code: str
    ) -> None:
        response = client.post(LOGIN, data={**lms.initiate_login(STAFF, "core"), **changes})
        refused(response, 400, code)
        assert launch(client, lms).status_code == 303

    def test_29_a_registration_that_was_stopped(
        self, client: Browser, lms: PracticeLms, tool_database: Database, refused: Refused
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        with tool_database.transaction() as session:
            session.scalars(select(Platform)).one().stopped_at = lms.clock.now()
        refused(client.post(LAUNCH, data=answer), 401, "registration_stopped")
        refused(client.post(LOGIN, data=lms.initiate_login(STAFF, "core")), 401, "registration_stopped")
        with tool_database.transaction() as session:
            session.scalars(select(Platform)).one().stopped_at = None
        assert launch(client, lms).status_code == 303

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            (reviewing({"user_id": "101"}, role=LEARNER), "submission_foreign"),
            (reviewing({"user_id": "101"}, role="Learner"), "submission_foreign"),
            (lambda head, found: claims(roles=[LEARNER])(*choosing()(head, found)), "may_not_choose"),
            (lambda head, found: claims(roles=[])(*choosing()(head, found)), "may_not_choose"),
        ],
    )
    def test_08_a_genuine_message_of_somebody_who_may_not_have_what_it_asks_for(
        self, client: Browser, lms: PracticeLms, refused: Refused, message: Mutation, code: str
    ) -> None:
        refused(launch(client, lms, message), 403, code)
        assert launch(client, lms, reviewing({"user_id": "100"}, role=LEARNER)).status_code == 303, "one's own"

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(HttpReply(500, {}, b""), id="30-keys-500"),
            pytest.param(HttpReply(200, {"content-type": "text/html"}, b"<html>"), id="30-keys-html"),
            pytest.param(PlatformTimedOut(LMS), id="30-keys-hanging"),
            pytest.param(RedirectRefused(LMS, "302"), id="30-keys-moved"),
            pytest.param(AddressRefused(LMS), id="30-keys-at-a-private-address"),
        ],
    )
    def test_30_keys_out_of_reach(
        self,
        client: Browser,
        lms: PracticeLms,
        key_room: KeyRoom,
        refused: Refused,
        fault: HttpReply | OutgoingFault,
    ) -> None:
        key_room.fault = fault if isinstance(fault, OutgoingFault) else None
        key_room.reply = fault if isinstance(fault, HttpReply) else None
        refused(launch(client, lms), 503, "keys_unavailable")
        key_room.fault = key_room.reply = None
        assert launch(client, lms).status_code == 303
        key_room.fault = PlatformTimedOut(LMS)
        assert launch(client, lms).status_code == 303, "the good keys are kept"
