"""A platform that is set up like the captured Moodle, and the means to call it."""

import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient

from tests.practice_lms.app import create_platform
from tests.practice_lms.defaults import tool_at
from tests.practice_lms.keys import SigningKey
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import (
    AGS_SCOPES,
    NRPS_SCOPE,
    Activity,
    LmsCourse,
    LmsPerson,
    LmsRole,
    PlatformConfig,
    ToolRegistration,
)
from tests.practice_lms.tokens import ASSERTION_TYPE, issue_token

CAPTURES = Path(__file__).parent / "captures"
ISSUER = "http://127.0.0.1:8081"
TOOL = "http://127.0.0.1:9001"

_CUSTOM = {
    "rl_avail_start": "$ResourceLink.available.startDateTime",
    "rl_avail_end": "$ResourceLink.available.endDateTime",
    "rl_sub_start": "$ResourceLink.submission.startDateTime",
    "rl_sub_end": "$ResourceLink.submission.endDateTime",
    "rl_id_history": "$ResourceLink.id.history",
    "ctx_id_history": "$Context.id.history",
    "ctx_sourcedid": "$Context.sourcedId",
    "user_id": "$User.id",
    "user_username": "$User.username",
    "person_sourcedid": "$Person.sourcedId",
    "person_name_full": "$Person.name.full",
    "person_email": "$Person.email.primary",
    "person_tz": "$Person.address.timezone",
    "rl_id": "$ResourceLink.id",
    "rl_title": "$ResourceLink.title",
    "ctx_id": "$Context.id",
    "ctx_begin": "$Context.timeFrame.begin",
    "ctx_end": "$CourseSection.timeFrame.end",
    "groups": "$Moodle.Person.userGroupIds",
    "membership_role": "$Membership.role",
    "plain": "固定値",
    "u_first": "$User.firstname",
    "person_institution": "$Person.webaddress",
    "nosuch": "$No.Such.Variable",
}


def captured(name: str) -> Any:
    """What the Moodle sent."""
    return json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))


def _student(number: int, family_name: str, given_name: str) -> LmsPerson:
    return LmsPerson(
        key=f"user{number}", sub=str(number + 3), username=f"user{number}", family_name=family_name,
        given_name=given_name, staff_number=f"S{number:05}", email=f"user{number}@example.invalid", moodle_groups="1",
    )  # fmt: skip


def _official(key: str, sub: str, family_name: str, given_name: str, lms_role: LmsRole) -> LmsPerson:
    return LmsPerson(
        key=key, sub=sub, username=key, family_name=family_name, given_name=given_name,
        email=f"{key}@example.invalid", lms_role=lms_role, timezone="99",
    )  # fmt: skip


_PEOPLE = (
    _student(7, "中村", "結衣"),
    _student(5, "伊藤", "さくら"),
    _student(1, "佐藤", "太郎"),
    _student(9, "加藤", "彩"),
    _student(10, "吉田", "拓也"),
    _student(8, "小林", "大輔"),
    LmsPerson(
        key="teacher1", sub="3", username="teacher1", family_name="山田", given_name="花子", staff_number="T0001",
        email="teacher1@example.invalid", lms_role=LmsRole.TEACHER,
    ),
    _student(6, "渡辺", "翔太"),
    _student(4, "田中", "健"),
    _student(2, "鈴木", "一郎"),
    _student(3, "高橋", "美咲"),
    _student(11, "髙﨑", "邊𠮷"),
    _student(12, "齋藤", "祐子"),
    _official("admin", "2", "User", "Admin", LmsRole.ADMIN),
    _official("ta1", "16", "助手", "一", LmsRole.NONEDITING_TEACHER),
    _official("mgr1", "17", "管理", "者", LmsRole.MANAGER),
)  # fmt: skip


def _module(link_id: str, key: str, title: str, resource_id: str = "m2") -> Activity:
    number = resource_id[1:]
    return Activity(
        key=key, title=title, link_id=link_id, maximum=10, description=f"説明テキスト module {number}",
        resource_id=resource_id, tag="isms-test",
        custom={"module": resource_id, "kind": "module", "sub_end": "$ResourceLink.submission.endDateTime"},
    )  # fmt: skip


def moodle_like_config(**changes: Any) -> PlatformConfig:
    """The captured site: its tool, people and course."""
    first = _module("1", "m1", "M1 個人情報と情報資産", "m1")
    second, again = _module("2", "m2", "M2 パスワードと多要素認証"), _module("3", "m2b", "M2 パスワードと多要素認証")
    unmarked = Activity(key="m3", title="M3 セキュリティ誓約", link_id="4")
    values: dict[str, Any] = {
        "issuer": ISSUER,
        "tool": ToolRegistration(
            **{
                **vars(tool_at(TOOL, ("/login", "/launch", "/jwks"))),
                "client_id": "uWABm2tolIlohLt",
                "name": "ISMS Lab Tool ",
                "custom_parameters": _CUSTOM,
            }
        ),
        "people": _PEOPLE,
        "courses": (
            LmsCourse(
                id="2", label="ISMS-2026", title="情報セキュリティ講習 2026", idnumber="ISMS26",
                activities=(first, second, again, unmarked),
            ),
            LmsCourse(
                id="4", label="ISMS-2027", title="Copy", idnumber="ISMS27", copied_from="2", starts_at=1_795_389_708,
                activities=(_module("16", "m1-copy", "M1 個人情報と情報資産", "m1"),),
            ),
        ),
        "name": "ISMS Lab Moodle",
        "short_name": "ismslab",
    }  # fmt: skip
    return PlatformConfig(**(values | changes))


@pytest.fixture(scope="session", autouse=True)
def ready_made_keys() -> Iterator[None]:
    """Each new signing key gets a fresh name over one of four ready-made keys: making 2048 bits takes 0.1 s."""
    ready = itertools.cycle([rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SigningKey, "generate", lambda: SigningKey(secrets.token_hex(10), next(ready)))
        yield


@pytest.fixture(scope="session")
def tool_key() -> rsa.RSAPrivateKey:
    """The tool's signing key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def tool_jwks(tool_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """The key set that the tool publishes, with the key named k1."""
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(tool_key.public_key(), as_dict=True)
    return {"keys": [{**jwk, "kid": "k1", "alg": "RS256", "use": "sig"}]}


@pytest.fixture
def app() -> Flask:
    """The captured site."""
    return create_platform(moodle_like_config())


@pytest.fixture
def lms(app: Flask, tool_jwks: dict[str, Any]) -> PracticeLms:
    """The platform behind the application, reading the tool's keys without a network."""
    lms = platform_of(app)
    lms.fetch_jwks = lambda url: tool_jwks
    return lms


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser, or the tool's HTTP client."""
    return app.test_client()


@pytest.fixture
def bearer(lms: PracticeLms) -> dict[str, str]:
    """The header of a service call that may do everything."""
    return {"Authorization": f"Bearer {issue_token(lms, (*AGS_SCOPES, NRPS_SCOPE))}"}


@pytest.fixture
def token_request(lms: PracticeLms, tool_key: rsa.RSAPrivateKey) -> Callable[..., dict[str, str]]:
    """Makes the form of a token request; claims may be replaced by name, ``kid`` left out, scopes chosen."""

    def make(kid: str | None = "k1", scopes: str = " ".join(AGS_SCOPES), **claims: Any) -> dict[str, str]:
        now = int(lms.clock.timestamp())
        client_id = lms.config.tool.client_id
        everything = {
            "iss": client_id, "sub": client_id, "aud": f"{lms.config.issuer}/mod/lti/token.php",
            "iat": now - 5, "exp": now + 60, "jti": "j1",
        } | claims  # fmt: skip
        header = {} if kid is None else {"kid": kid}
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode(everything, tool_key, "RS256", headers=header),
            "scope": scopes,
        }

    return make


def authorization_query(lms: PracticeLms, login: dict[str, str], **changes: str) -> dict[str, str]:
    """What a sound tool asks for after a login; a value of "" leaves a field out."""
    query = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": lms.config.tool.client_id,
        "redirect_uri": lms.config.tool.redirect_uris[0],
        "login_hint": login["login_hint"],
        "lti_message_hint": login["lti_message_hint"],
        "state": "state-1",
        "nonce": "nonce-1",
    } | changes
    return {name: value for name, value in query.items() if value}


def launched(lms: PracticeLms, person_key: str, activity_key: str, locale: str = "en") -> dict[str, Any]:
    """The claims of a whole launch, its signature checked against the published keys."""
    login = lms.initiate_login(person_key, activity_key, locale)
    answer = lms.authorize(authorization_query(lms, login), person_key)
    return verified(lms, answer["id_token"])


def verified(lms: PracticeLms, token: str, client_id: str = "") -> dict[str, Any]:
    """The claims of a token that one of the published keys has signed for the first tool or this one."""
    keys = {key["kid"]: jwt.PyJWK(key) for key in lms.keys.jwks()["keys"]}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], audience=client_id or lms.config.tool.client_id)
    return claims
