"""Launches: login, cookie test, token, session and first page, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.measure import Row, best_of, cpu_seconds, installation
from lms.app import create_app
from lms.config import Settings
from lms.lti.keysets import KeysetSource
from lms.store.base import Database
from tests.practice_lms.app import create_platform, platform_of
from tests.practice_lms.defaults import default_config


class _Keys:
    """The platform's keys without a network."""

    def __init__(self, document: dict[str, object]) -> None:
        self._keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(document).keys}

    def find_key(self, _owner: object, kid: str, _now: object) -> object:
        """Return the platform's key."""
        return self._keys[kid]


def launching() -> Iterator[Row]:
    """Measure login + launch + first page, beside one RS256 signature and verification."""
    lms = platform_of(create_platform(default_config("http://127.0.0.1:9", "http://127.0.0.1:8000")))

    def keysets(_settings: Settings, _database: Database) -> KeysetSource:
        return _Keys(lms.keys.jwks())  # type: ignore[return-value]  # finds keys as a KeysetSource does

    with installation() as made:
        app = create_app(made.environment, make_keysets=keysets)
        app.config["TESTING"] = True
        client = app.test_client()

        def launch() -> None:
            fields = lms.initiate_login("staff", "m1")
            step = client.post("/lti/login", data=fields, base_url="https://127.0.0.1:8000")
            step = client.get(step.headers["Location"], base_url="https://127.0.0.1:8000")
            query = dict(parse_qsl(urlsplit(step.headers["Location"]).query))
            answer = lms.authorize(query, "staff")
            step = client.post("/lti/launch", data=answer, base_url="https://127.0.0.1:8000")
            page = client.get(step.headers["Location"], base_url="https://127.0.0.1:8000")
            assert page.status_code == 200, page.status_code

        def platform_side() -> None:
            fields = lms.initiate_login("staff", "m1")
            lms.authorize(
                {
                    "response_type": "id_token", "response_mode": "form_post", "scope": "openid", "prompt": "none",
                    "client_id": fields["client_id"], "redirect_uri": fields["target_link_uri"], "state": "s",
                    "nonce": "n", "login_hint": fields["login_hint"], "lti_message_hint": fields["lti_message_hint"],
                },
                "staff",
            )  # fmt: skip

        launch()
        ours = min(cpu_seconds(launch, 20) for _ in range(3)) - min(cpu_seconds(platform_side, 20) for _ in range(3))
    key = rsa.generate_private_key(65537, 2048)
    reference = best_of(3, lambda: [_sign_and_verify(key) for _ in range(20)]) / 20
    yield Row(
        "LTI login + launch + first page",
        f"an RS256 signature and its verification: {reference * 1000:.2f} ms CPU",
        f"{ours * 1000:.1f} ms CPU per launch (the platform's own work taken off)",
        "≤ 12 ms CPU",
        ours <= 0.012,
    )


def _sign_and_verify(key: rsa.RSAPrivateKey) -> None:
    jwt.decode(jwt.encode({"a": 1}, key, "RS256"), key.public_key(), ["RS256"])
