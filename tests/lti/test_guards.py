"""Each guard of a launch is needed: taken out, its negative test fails, and as a rule the launch gets in."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import pytest
from werkzeug.test import TestResponse

from lms.lti.id_tokens import LaunchFault
from lms.services.launches import LoginFault
from lms.store.base import Database
from tests.lti.guards import believe_any_signature, take_any_message, take_out
from tests.lti.refused import *  # noqa: F403 - its fixture
from tests.lti.refused import Refused
from tests.lti.spoilt import ABSENT, CASES, Case, claims, launch
from tests.practice_lms.lms import Mutation, PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import OTHER_STAFF, STAFF
from tests.web.visits import LAUNCH, LOGIN, OTHER_LMS, Browser, StandingClock, answer_of, log_in, session_count

BY_NAME = {case.name: case for case in CASES}
Guard = Callable[[pytest.MonkeyPatch], None]


def out(*faults: StrEnum) -> Guard:
    """The guards that raise these faults, to be taken out."""
    return lambda patch: take_out(patch, *faults)


def algorithm(patch: pytest.MonkeyPatch) -> None:
    """The algorithm is pinned twice: where the header is read, and where the signature is checked."""
    take_out(patch, LaunchFault.ALGORITHM_REFUSED)
    believe_any_signature(patch)


AUDIENCE = (LaunchFault.AUDIENCE_WRONG, LaunchFault.AZP_WRONG, LaunchFault.AUDIENCE_UNTRUSTED)
DEPLOYMENT = (LaunchFault.DEPLOYMENT_UNKNOWN, LaunchFault.DEPLOYMENT_CHANGED)
GUARDS: dict[str, tuple[Guard, str]] = {
    "version": (out(LaunchFault.VERSION_WRONG), "03-version-1.2.0, 04-no-version"),
    "issuer": (out(LaunchFault.ISSUER_WRONG), "06-no-iss, 06-iss-null"),
    "nonce": (out(LaunchFault.NONCE_WRONG), "06-no-nonce, 06-nonce-empty"),
    "expiry": (out(LaunchFault.EXPIRED), "07-exp-past"),
    "message type": (take_any_message, "08-unknown-message-type"),
    "deployment": (out(*DEPLOYMENT), "10-unknown-deployment"),
    "age": (out(LaunchFault.ISSUED_TOO_EARLY), "14-iat-eleven-minutes-old"),
    "future": (out(LaunchFault.ISSUED_IN_FUTURE), "15-iat-an-hour-ahead"),
    "lifetime": (out(LaunchFault.LIFETIME_TOO_LONG), "16-exp-ten-years-ahead"),
    "algorithm": (algorithm, "17-alg-none-signed, 18-hs256-with-the-public-key"),
    "signature": (
        believe_any_signature,
        "18-rs256-with-an-hmac, 19-other-key, 19-embedded-jwk, 19-tampered-body",
    ),
    "audience": (out(*AUDIENCE), "20-aud-wrong, 20-another-clients-aud"),
    "azp": (out(LaunchFault.AZP_WRONG), "21-azp-not-mine"),
    "azp of several": (out(*AUDIENCE[1:]), "21-extra-aud-without-azp"),
    "trusted audiences": (out(LaunchFault.AUDIENCE_UNTRUSTED), "21-untrusted-extra-aud"),
    "target": (out(LaunchFault.TARGET_WRONG), "27-no-target, 27-foreign-target"),
    "roles": (out(LaunchFault.ROLES_MALFORMED), "28-roles-a-string, 28-roles-integers"),
    "subject": (out(LaunchFault.SUBJECT_MALFORMED), "28-sub-too-long"),
    "resource link": (out(LaunchFault.RESOURCE_LINK_MALFORMED), "28-link-id-too-long"),
    "return address": (out(LaunchFault.RETURN_URL_FOREIGN), "30-return-url-foreign"),
    "links accepted": (out(LaunchFault.LINKS_NOT_ACCEPTED), "30-links-not-accepted"),
    "storable text": (out(LaunchFault.TEXT_UNSTORABLE), "28-nul-in-a-name"),
}
"""Guards by name: how to take one out, and the launches of the design's table that it alone keeps out."""


def spoilt(case: Case, client: Browser, lms: PracticeLms) -> TestResponse:
    mutate: Mutation = case.mutate(lms) if case.needs_lms else case.mutate  # type: ignore[call-arg,arg-type,assignment]
    return launch(client, lms, mutate, ABSENT if case.key is None else case.key(lms))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_without_its_guard_a_negative_test_fails(
    case: Case, client: Browser, lms: PracticeLms, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out(monkeypatch, next(fault for fault in LaunchFault if fault.value == case.code))
    with pytest.raises(AssertionError):
        refused(spoilt(case, client, lms), 401, case.code)


@pytest.mark.parametrize("name", GUARDS)
def test_without_its_guard_a_spoilt_launch_gets_in(
    name: str, client: Browser, lms: PracticeLms, tool_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, names = GUARDS[name]
    cases = [BY_NAME[each] for each in names.split(", ")]
    assert [spoilt(case, client, lms).status_code for case in cases] == [401] * len(cases)
    take(monkeypatch)
    assert [spoilt(case, client, lms).status_code for case in cases] == [303] * len(cases)
    assert session_count(tool_database) == len(cases)


class TestOfTheLogin:
    """Guards of what binds a launch to its login; each control is in the negative tests."""

    def test_without_the_browser_binding_a_stolen_answer_gets_in(
        self, new_browser: Callable[[], Browser], lms: PracticeLms, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = answer_of(new_browser(), lms, STAFF, "core")
        assert new_browser().post(LAUNCH, data=answer).status_code == 401
        take_out(monkeypatch, LoginFault.BROWSER_CHANGED)
        assert new_browser().post(LAUNCH, data=answer).status_code == 303

    def test_without_single_use_the_same_answer_gets_in_again(
        self, client: Browser, lms: PracticeLms, tool_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert [client.post(LAUNCH, data=answer).status_code for _ in range(2)] == [303, 401]
        take_out(monkeypatch, LoginFault.STATE_USED)
        assert client.post(LAUNCH, data=answer).status_code == 303
        assert session_count(tool_database) == 2

    def test_without_its_five_minutes_an_old_login_gets_in(
        self, client: Browser, lms: PracticeLms, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = log_in(client, lms.initiate_login(STAFF, "core"))
        clock.advance(3600)
        answer = lms.authorize(query, STAFF)
        assert client.post(LAUNCH, data=answer).status_code == 401
        take_out(monkeypatch, LoginFault.STATE_EXPIRED)
        assert client.post(LAUNCH, data=answer).status_code == 303

    def test_without_the_nonce_a_used_one_gets_in_and_so_do_swapped_ones(
        self, client: Browser, lms: PracticeLms, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        used = log_in(client, lms.initiate_login(STAFF, "core"))
        assert client.post(LAUNCH, data=lms.authorize(used, STAFF)).status_code == 303
        take_out(monkeypatch, LaunchFault.NONCE_WRONG)
        assert launch(client, lms, claims(nonce=used["nonce"])).status_code == 303
        first, second = answer_of(client, lms, STAFF, "core"), answer_of(client, lms, OTHER_STAFF, "core")
        assert client.post(LAUNCH, data={**second, "state": first["state"]}).status_code == 303

    def test_without_the_issuer_one_platform_speaks_in_the_name_of_another(
        self, client: Browser, lms: PracticeLms, other_lms: PracticeLms, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert launch(client, lms, claims(iss=OTHER_LMS)).status_code == 401
        take_out(monkeypatch, LaunchFault.ISSUER_WRONG)
        assert launch(client, lms, claims(iss=OTHER_LMS)).status_code == 303

    @pytest.mark.parametrize(
        ("fault", "changes"),
        [
            (LoginFault.TARGET_FOREIGN, {"target_link_uri": "https://evil.example.invalid/"}),
            (LoginFault.HINT_MISSING, {"login_hint": ""}),
            (LoginFault.LOGIN_MALFORMED, {"login_hint": ["4", "5"]}),
        ],
    )
    def test_without_its_guard_a_spoilt_login_goes_on(
        self,
        client: Browser,
        lms: PracticeLms,
        monkeypatch: pytest.MonkeyPatch,
        fault: LoginFault,
        changes: dict[str, str | list[str]],
    ) -> None:
        fields = lms.initiate_login(STAFF, "core") | changes
        assert client.post(LOGIN, data=fields).status_code == 400
        take_out(monkeypatch, fault)
        assert client.post(LOGIN, data=fields).status_code == 303

    def test_without_its_guard_one_of_two_tokens_gets_in(
        self, client: Browser, lms: PracticeLms, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        twice = {**answer, "id_token": [answer["id_token"], "x.y.z"]}
        assert client.post(LAUNCH, data=twice).status_code == 401
        take_out(monkeypatch, LoginFault.ANSWER_MALFORMED)
        assert client.post(LAUNCH, data=twice).status_code == 303


def test_a_guard_that_is_nowhere_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoFault(StrEnum):
        NEVER_RAISED = "never_raised"

    with pytest.raises(AssertionError):
        take_out(monkeypatch, NoFault.NEVER_RAISED)
