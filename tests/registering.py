"""A site that takes registrations, answering in place of the network: what Moodle 4.5.6 was seen to say, and anything else.

Source: the documents in tests/practice_lms_tests' captures of a Moodle (2026-11).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from lms.lti.http import HttpReply, OutgoingFault, OutgoingPolicy, PlatformHttp
from tests.practice_lms.keys import SigningKey

SITE = "https://moodle.example.invalid"
TOKEN = "eyJraWQiOiJhIn0.eyJzdWIiOiJiIn0.c2ln"
"""A registration token as a platform hands it over."""
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"


@dataclass(frozen=True)
class Call:
    """One call as it would have left."""

    method: str
    url: str
    body: dict[str, Any] | None
    bearer: str | None
    origins: frozenset[str] | None
    headers: dict[str, str]


class Site(PlatformHttp):
    """One site: its three documents, each replaceable by a fault or a reply."""

    def __init__(self, origin: str = SITE, client_id: str = "VShW6m08zr1IDqm", deployment_id: str | None = "2") -> None:
        super().__init__(OutgoingPolicy())
        self.origin = origin
        base = f"{origin}/mod/lti"
        self.configuration_url = f"{base}/openid-configuration.php"
        ags = "https://purl.imsglobal.org/spec/lti-ags/scope"
        self.configuration: dict[str, Any] = {
            "issuer": origin,
            "token_endpoint": f"{base}/token.php",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "jwks_uri": f"{base}/certs.php",
            "authorization_endpoint": f"{base}/auth.php",
            "registration_endpoint": f"{base}/openid-registration.php",
            "scopes_supported": [
                *(f"{ags}/{name}" for name in ("lineitem.readonly", "result.readonly", "score", "lineitem")),
                "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
                "openid",
            ],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            PLATFORM_CONFIGURATION: {
                "product_family_code": "moodle",
                "version": "4.5.6 (Build: 20250811)",
                "messages_supported": [{"type": "LtiResourceLinkRequest"}, {"type": "LtiDeepLinkingRequest"}],
            },
        }
        self.client_id = client_id
        self.deployment_id = deployment_id
        self.instead: dict[str, HttpReply | OutgoingFault] = {}
        """By step: ``configuration``, ``keys``, ``registration``."""
        self.calls: list[Call] = []
        self._lock = threading.Lock()

    def asked(self, step: str) -> list[Call]:
        """The calls to one of the three addresses."""
        return [call for call in self.calls if self._step(call.url) == step]

    def _step(self, url: str) -> str:
        steps = {self.configuration_url: "configuration"}
        steps[str(self.configuration.get("jwks_uri"))] = "keys"
        steps[str(self.configuration.get("registration_endpoint"))] = "registration"
        return steps[url]

    def request(self, method: str, url: str, **how: Any) -> HttpReply:
        """Answer, or fail as told."""
        body = how.get("body")
        with self._lock:
            self.calls.append(
                Call(
                    method,
                    url,
                    None if body is None else json.loads(body),
                    how.get("bearer"),
                    how.get("origin_allowlist"),
                    dict(how.get("headers") or {}),
                )
            )
        step = self._step(url)
        found = self.instead.get(step) or self._answer(step, self.calls[-1].body or {})
        if isinstance(found, OutgoingFault):
            raise found
        return found

    def _answer(self, step: str, body: dict[str, Any]) -> HttpReply:
        if step == "configuration":
            return json_reply(self.configuration)
        if step == "keys":
            return json_reply({"keys": [_key().public_jwk()]})
        tool = dict(body[TOOL_CONFIGURATION]) | {"version": "1.3.0"}
        if self.deployment_id is not None:
            tool["deployment_id"] = self.deployment_id
        return json_reply({"client_id": self.client_id, "scope": body["scope"], TOOL_CONFIGURATION: tool})


@cache
def _key() -> SigningKey:
    return SigningKey.generate()


def json_reply(document: object, status: int = 200) -> HttpReply:
    """A reply with a JSON document."""
    return HttpReply(status, {"content-type": "application/json"}, json.dumps(document).encode())
