"""Launches: login, cookie test, token, session and first page, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.measure import Row, best_of, installation
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


class _Meter:
    """Adds up the CPU seconds spent in the tool, apart from those of the browser's and the platform's stand-ins."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self._inner = inner
        self.spent = 0.0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, its body included."""
        start = time.process_time()
        answer = self._inner(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            if hasattr(answer, "close"):
                answer.close()
            self.spent += time.process_time() - start

    def cpu_seconds(self, work: Callable[[], object], times: int) -> float:
        """Return the tool's CPU seconds in one run of the work, averaged."""
        self.spent = 0.0
        for _ in range(times):
            work()
        return self.spent / times


def launching() -> Iterator[Row]:
    """Measure login + launch + first page, beside one RS256 signature and verification."""
    lms = platform_of(create_platform(default_config("http://127.0.0.1:9", "http://127.0.0.1:8000")))

    def keysets(_settings: Settings, _database: Database) -> KeysetSource:
        return _Keys(lms.keys.jwks())  # type: ignore[return-value]  # finds keys as a KeysetSource does

    with installation() as made:
        app = create_app(made.environment, make_keysets=keysets)
        app.config["TESTING"] = True
        client = app.test_client()

        meter = _Meter(app.wsgi_app)
        app.wsgi_app = meter  # type: ignore[method-assign]  # as Flask advises

        def launch() -> None:
            fields = lms.initiate_login("staff", "m1")
            step = client.post("/lti/login", data=fields, base_url="https://127.0.0.1:8000")
            step = client.get(step.headers["Location"], base_url="https://127.0.0.1:8000")
            query = dict(parse_qsl(urlsplit(step.headers["Location"]).query))
            answer = lms.authorize(query, "staff")
            step = client.post("/lti/launch", data=answer, base_url="https://127.0.0.1:8000")
            page = client.get(step.headers["Location"], base_url="https://127.0.0.1:8000")
            assert page.status_code == 200, page.status_code

        launch()
        ours = min(meter.cpu_seconds(launch, 20) for _ in range(3))
    key = rsa.generate_private_key(65537, 2048)
    reference = best_of(3, lambda: [_sign_and_verify(key) for _ in range(20)]) / 20
    yield Row(
        "LTI login + launch + first page",
        f"an RS256 signature and its verification: {reference * 1000:.2f} ms CPU",
        f"{ours * 1000:.1f} ms CPU per launch, in the tool alone",
        "≤ 12 ms CPU",
        ours <= 0.012,
    )


def _sign_and_verify(key: rsa.RSAPrivateKey) -> None:
    jwt.decode(jwt.encode({"a": 1}, key, "RS256"), key.public_key(), ["RS256"])
