"""Dynamic registration: what a platform may say of itself, what it is asked, and how each fault is named."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.lti.http import (
    AddressRefused,
    HttpReply,
    OutgoingFault,
    OutgoingPolicy,
    PlatformHttp,
    PlatformTimedOut,
    PlatformUnreachable,
    RedirectRefused,
    ReplyTooLarge,
    SchemeRefused,
    origin_of,
)
from lms.lti.registration import (
    PlatformConfiguration,
    RegistrationFault,
    RegistrationRefused,
    ask_to_register,
    check_keys,
    configuration_origin,
    read_configuration,
)
from lms.lti.tool_facts import SCOPES, ToolFacts, registration_request
from lms.services.activities import HISTORY_PARAMETER
from tests.lti.test_http import ok, platform, sends, trickles
from tests.registering import PLATFORM_CONFIGURATION, SITE, TOKEN, TOOL_CONFIGURATION, Site, json_reply

TOOL = ToolFacts("https://akashi.example.invalid:8444")
OTHER = "https://other.example.invalid"


def read(site: Site) -> PlatformConfiguration:
    return read_configuration(site, site.configuration_url)


def refused(site: Site) -> tuple[RegistrationFault, str, str]:
    with pytest.raises(RegistrationRefused) as found:
        read(site)
    assert not found.value.is_sent
    return found.value.code, found.value.step, found.value.detail


def test_what_moodle_says_of_itself_is_read() -> None:
    found = read(Site())
    assert (found.issuer, found.origin, found.product) == (SITE, SITE, "moodle 4.5.6")
    assert found.authorization_url == f"{SITE}/mod/lti/auth.php"
    assert found.token_url == f"{SITE}/mod/lti/token.php"
    assert found.keyset_url == f"{SITE}/mod/lti/certs.php"
    assert found.registration_url == f"{SITE}/mod/lti/openid-registration.php"
    assert found.scopes is not None
    assert set(SCOPES) <= set(found.scopes)
    assert found.messages == ("LtiResourceLinkRequest", "LtiDeepLinkingRequest")


def test_a_site_in_a_folder_and_one_that_says_little_are_read() -> None:
    site = Site()
    site.configuration["issuer"] = f"{SITE}/campus"
    for name in ("scopes_supported", "response_types_supported", PLATFORM_CONFIGURATION):
        del site.configuration[name]
    found = read(site)
    assert (found.issuer, found.scopes, found.product, found.messages) == (f"{SITE}/campus", None, None, ())


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint"])  # fmt: skip
def test_every_address_must_be_there_and_lie_on_the_configurations_origin(name: str) -> None:
    for value, code in (
        (f"{OTHER}/x", RegistrationFault.ORIGIN_FOREIGN),
        (f"{SITE}:8443/x", RegistrationFault.ORIGIN_FOREIGN),
        (f"{SITE}.evil.example.invalid/x", RegistrationFault.ORIGIN_FOREIGN),
        ("http://moodle.example.invalid/x", RegistrationFault.ORIGIN_FOREIGN),
        ("https://moodle.example.invalid@other.example.invalid/x", RegistrationFault.MALFORMED),
        ("/mod/lti", RegistrationFault.MALFORMED),
        ("javascript:alert(1)", RegistrationFault.MALFORMED),
        ("", RegistrationFault.MALFORMED),
        (None, RegistrationFault.MALFORMED),
        ([SITE], RegistrationFault.MALFORMED),
        (f"{SITE}/{'x' * 2100}", RegistrationFault.MALFORMED),
    ):
        site = Site()
        site.configuration[name] = value
        assert refused(site) == (code, "configuration", name), value
    site = Site()
    del site.configuration[name]
    assert refused(site) == (RegistrationFault.MALFORMED, "configuration", name)


def test_an_issuer_longer_than_a_column_bears_is_refused() -> None:
    site = Site()
    site.configuration["issuer"] = f"{SITE}/{'x' * 250}"
    assert refused(site) == (RegistrationFault.MALFORMED, "configuration", "issuer")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("id_token_signing_alg_values_supported", ["HS256"], RegistrationFault.METHOD_MISSING),
        ("token_endpoint_auth_methods_supported", ["client_secret_post"], RegistrationFault.METHOD_MISSING),
        ("response_types_supported", ["code"], RegistrationFault.METHOD_MISSING),
        ("id_token_signing_alg_values_supported", "RS256", RegistrationFault.MALFORMED),
        ("scopes_supported", "score", RegistrationFault.MALFORMED),
        ("scopes_supported", ["x"] * 201, RegistrationFault.MALFORMED),
    ],
)
def test_a_platform_that_does_not_speak_what_the_tool_speaks_is_refused(
    name: str, value: object, code: RegistrationFault
) -> None:
    site = Site()
    site.configuration[name] = value
    assert refused(site) == (code, "configuration", name)


@pytest.mark.parametrize(
    ("reply", "code", "detail"),
    [
        (HttpReply(200, {}, b"<html>"), RegistrationFault.MALFORMED, "not_json"),
        (HttpReply(200, {}, b"[" * 100_000), RegistrationFault.MALFORMED, "not_json"),
        (HttpReply(200, {}, b"\xff\xfe"), RegistrationFault.MALFORMED, "not_json"),
        (json_reply([1]), RegistrationFault.MALFORMED, "not_an_object"),
        (json_reply({PLATFORM_CONFIGURATION: 1}), RegistrationFault.MALFORMED, "authorization_endpoint"),
        (HttpReply(404, {}, b""), RegistrationFault.STATUS, "404"),
        (HttpReply(500, {}, b""), RegistrationFault.STATUS, "500"),
        (RedirectRefused(SITE, "302"), RegistrationFault.REDIRECTED, "302"),
        (PlatformTimedOut(SITE, "total"), RegistrationFault.TIMED_OUT, "total"),
        (PlatformUnreachable(SITE, "certificate"), RegistrationFault.UNREACHABLE, "certificate"),
        (ReplyTooLarge(SITE, "bytes"), RegistrationFault.TOO_LARGE, "bytes"),
        (AddressRefused(SITE, "network"), RegistrationFault.ADDRESS_REFUSED, "network"),
        (SchemeRefused(SITE, "http"), RegistrationFault.ADDRESS_REFUSED, "http"),
    ],
)
def test_a_configuration_that_cannot_be_had_is_named(
    reply: HttpReply | OutgoingFault, code: RegistrationFault, detail: str
) -> None:
    site = Site()
    site.instead["configuration"] = reply
    assert refused(site) == (code, "configuration", detail)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", RegistrationFault.CONFIGURATION_MISSING),
        ("moodle", RegistrationFault.ADDRESS_MALFORMED),
        ("file:///etc/passwd", RegistrationFault.ADDRESS_MALFORMED),
        ("https://user@moodle.example.invalid/", RegistrationFault.ADDRESS_MALFORMED),
        ("https://moodle.example.invalid/\n", RegistrationFault.ADDRESS_MALFORMED),
        (f"https://moodle.example.invalid/{'x' * 2100}", RegistrationFault.ADDRESS_MALFORMED),
    ],
)
def test_what_is_no_address_of_a_configuration_is_refused_before_any_call(
    address: str, code: RegistrationFault
) -> None:
    site = Site()
    with pytest.raises(RegistrationRefused) as found:
        read_configuration(site, address)
    assert found.value.code is code
    assert site.calls == []
    assert configuration_origin(site.configuration_url) == SITE


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (PlatformTimedOut(SITE, "silence"), RegistrationFault.TIMED_OUT),
        (HttpReply(500, {}, b""), RegistrationFault.STATUS),
        (HttpReply(200, {}, b"<html>"), RegistrationFault.KEYS_MALFORMED),
        (HttpReply(200, {}, b"\xff"), RegistrationFault.KEYS_MALFORMED),
        (json_reply({"keys": []}), RegistrationFault.KEYS_MALFORMED),
    ],
)
def test_keys_that_could_verify_nothing_are_refused(reply: HttpReply | OutgoingFault, code: RegistrationFault) -> None:
    site = Site()
    check_keys(site, read(site))
    site.instead["keys"] = reply
    with pytest.raises(RegistrationRefused) as found:
        check_keys(site, read(site))
    assert (found.value.code, found.value.step, found.value.is_sent) == (code, "keys", False)


def test_the_request_is_what_moodle_takes() -> None:
    site = Site()
    registered = ask_to_register(site, read(site), TOKEN, TOOL)
    (call,) = site.asked("registration")
    assert (call.method, call.bearer, call.origins) == ("POST", TOKEN, frozenset({SITE}))
    assert call.headers["Content-Type"] == "application/json"
    sent = call.body
    assert sent is not None
    assert sent["scope"] == " ".join(SCOPES)
    assert sent["redirect_uris"] == ["https://akashi.example.invalid:8444/lti/launch"]
    assert sent["initiate_login_uri"] == "https://akashi.example.invalid:8444/lti/login"
    assert sent["jwks_uri"] == "https://akashi.example.invalid:8444/lti/jwks"
    assert sent["logo_uri"] == "https://akashi.example.invalid:8444/static/icon.png"
    assert (sent["application_type"], sent["token_endpoint_auth_method"]) == ("web", "private_key_jwt")
    assert (sent["client_name"], sent["client_name#ja"]) == ("Akashi", "Akashi（証）")
    tool = sent[TOOL_CONFIGURATION]
    # Moodle compares the domain, its port included, with the tool URL's.
    assert tool["domain"] == "akashi.example.invalid:8444"
    assert tool["target_link_uri"] == sent["redirect_uris"][0]
    assert tool["custom_parameters"] == {HISTORY_PARAMETER: "$Context.id.history"}
    assert {entry["type"] for entry in tool["messages"]} == {
        "LtiResourceLinkRequest", "LtiDeepLinkingRequest", "LtiSubmissionReviewRequest",
    }  # fmt: skip
    assert {"given_name", "family_name"} <= set(tool["claims"])
    assert "email" not in tool["claims"]
    assert (registered.client_id, registered.deployment_id) == ("VShW6m08zr1IDqm", "2")
    assert set(registered.scopes) == set(SCOPES)


def test_scopes_that_a_platform_does_not_know_are_not_asked_for() -> None:
    assert registration_request(TOOL, [SCOPES[3], "openid"])["scope"] == SCOPES[3]
    assert registration_request(TOOL, [])["scope"] == ""
    assert registration_request(TOOL, None)["scope"] == " ".join(SCOPES)


def answered(**changes: Any) -> dict[str, Any]:
    return {"client_id": "c", "scope": SCOPES[0], TOOL_CONFIGURATION: {"deployment_id": "1"}} | changes


def test_an_answer_without_scope_or_deployment_grants_what_was_asked_and_names_no_deployment() -> None:
    site = Site()
    site.instead["registration"] = json_reply({"client_id": "c"}, 201)
    found = ask_to_register(site, read(site), None, TOOL)
    assert (found.client_id, found.deployment_id, set(found.scopes)) == ("c", None, set(SCOPES))
    assert site.asked("registration")[0].bearer is None


def test_scopes_that_nobody_asked_for_are_not_kept() -> None:
    site = Site()
    site.instead["registration"] = json_reply(answered(scope=f"{SCOPES[0]} invented everything"))
    assert ask_to_register(site, read(site), TOKEN, TOOL).scopes == (SCOPES[0],)


@pytest.mark.parametrize(
    ("reply", "code", "detail"),
    [
        (HttpReply(400, {}, b"invalid_domain"), RegistrationFault.STATUS, "400"),
        (HttpReply(401, {}, b"token_already_used"), RegistrationFault.STATUS, "401"),
        (HttpReply(404, {}, b"<html>"), RegistrationFault.STATUS, "404"),
        (PlatformTimedOut(SITE, "total"), RegistrationFault.TIMED_OUT, "total"),
        (RedirectRefused(SITE, "307"), RegistrationFault.REDIRECTED, "307"),
        (HttpReply(200, {}, b"ok"), RegistrationFault.MALFORMED, "not_json"),
        (json_reply({}), RegistrationFault.MALFORMED, "client_id"),
        (json_reply(answered(client_id="x" * 256)), RegistrationFault.MALFORMED, "client_id"),
        (json_reply(answered(client_id="a\0b")), RegistrationFault.MALFORMED, "client_id"),
        (json_reply(answered(client_id=" c ")), RegistrationFault.MALFORMED, "client_id"),
        (json_reply(answered(client_id=7)), RegistrationFault.MALFORMED, "client_id"),
        (json_reply(answered(scope=["a"])), RegistrationFault.MALFORMED, "scope"),
        (json_reply({"client_id": "c", TOOL_CONFIGURATION: []}), RegistrationFault.MALFORMED, "lti-tool-configuration"),
        (json_reply({"client_id": "c", TOOL_CONFIGURATION: {"deployment_id": ["1"]}}), RegistrationFault.MALFORMED, "deployment_id"),
    ],
)  # fmt: skip
def test_an_answer_that_registers_nothing_is_named_and_known_to_have_been_sent(
    reply: HttpReply | OutgoingFault, code: RegistrationFault, detail: str
) -> None:
    site = Site()
    site.instead["registration"] = reply
    with pytest.raises(RegistrationRefused) as found:
        ask_to_register(site, read(site), TOKEN, TOOL)
    assert (found.value.code, found.value.step, found.value.detail) == (code, "registration", detail)
    assert found.value.is_sent


# Whatever it says

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.sampled_from([SITE, OTHER, f"{SITE}/x", f"{SITE}\0", "https://[", "https://[::1]/", "RS256", "\ud800"]),
)
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_configuration_or_answer_is_a_fault_of_ours(data: st.DataObject) -> None:
    site = Site()
    for name in data.draw(st.lists(st.sampled_from(sorted(site.configuration)), max_size=3)):
        site.configuration[name] = data.draw(DOCUMENTS)
    answer = answered(**{data.draw(st.sampled_from(["client_id", "scope", TOOL_CONFIGURATION])): data.draw(DOCUMENTS)})
    try:
        body = json.dumps(answer).encode("utf-8", "surrogatepass")
    except ValueError:
        body = b""
    site.instead["registration"] = HttpReply(200, {}, body)
    try:
        found = read_configuration(site, site.configuration_url)
        assert {origin_of(each) for each in (found.issuer, found.token_url, found.keyset_url)} == {SITE}
        registered = ask_to_register(site, found, TOKEN, TOOL)
    except RegistrationRefused:
        return
    assert 0 < len(registered.client_id) <= 255
    assert registered.client_id.isprintable()
    assert set(registered.scopes) <= set(SCOPES)


# Over real sockets: the guarded client's own limits


def quick() -> PlatformHttp:
    return PlatformHttp(
        OutgoingPolicy(allow_http_loopback=True, timeout_seconds=0.4, total_seconds=0.6, max_bytes=5000)
    )


def test_a_token_that_is_none_is_not_sent() -> None:
    with platform(sends(ok(b"{}"))) as server:
        found = read(Site())
        local = PlatformConfiguration(
            **{name: getattr(found, name) for name in found.__slots__}
            | {"origin": server.url.removesuffix("/keys"), "registration_url": server.url}
        )
        with pytest.raises(RegistrationRefused) as refusal:
            ask_to_register(quick(), local, "two words", TOOL)
        assert server.requests == []
    assert (refusal.value.code, refusal.value.is_sent) == (RegistrationFault.TOKEN_MALFORMED, False)


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (sends(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example.invalid/\r\nContent-Length: 0\r\n\r\n"), RegistrationFault.REDIRECTED),
        (sends(ok(b"x" * 6000)), RegistrationFault.TOO_LARGE),
        (trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"), RegistrationFault.TIMED_OUT),
        (lambda connection: time.sleep(3), RegistrationFault.TIMED_OUT),
        (sends(b"SSH-2.0-x\r\n"), RegistrationFault.UNREACHABLE),
    ],
    ids=["redirect", "huge", "trickle", "silence", "not HTTP"],
)  # fmt: skip
def test_a_server_that_redirects_hangs_or_floods_is_left_within_its_time(behave: Any, code: RegistrationFault) -> None:
    with platform(behave) as server:
        began = time.monotonic()
        with pytest.raises(RegistrationRefused) as found:
            read_configuration(quick(), server.url)
        assert time.monotonic() - began < 2
    assert (found.value.code, found.value.step) == (code, "configuration")


@pytest.mark.parametrize("address", ["https://10.0.0.1/c", "https://127.0.0.1/c", "https://[::1]/c", "https://169.254.169.254/c"])  # fmt: skip
def test_a_private_address_is_not_called(address: str) -> None:
    with pytest.raises(RegistrationRefused) as found:
        read_configuration(PlatformHttp(OutgoingPolicy()), address)
    assert (found.value.code, found.value.detail) == (RegistrationFault.ADDRESS_REFUSED, "network")


def test_the_control_is_read_over_a_real_socket() -> None:
    site = Site()
    with platform(sends(b"")) as server:
        origin = server.url.removesuffix("/keys")
        document = json.dumps(site.configuration).replace(SITE, origin).encode()
        server.behave = sends(ok(document))
        assert read_configuration(quick(), server.url).issuer == origin
