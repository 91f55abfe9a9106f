"""Ten thousand mutated launches and login requests: none gets in that a second opinion does not let in, none is a fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lms.services.launches import LoginRequest, begin_login
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.platforms import Platform
from tests.lti.mutations import MARK, Json, Known, Mutated, Mutator, public_forms
from tests.lti.oracle import Login, Opened, Oracle, Request
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import STAFF, RunningTool
from tests.web.visits import LAUNCH, LMS, LOGIN, TOOL, Browser, answer_of

pytestmark = pytest.mark.slow

PARTS = 4
"""So that several processes share the work; the last one is done on PostgreSQL, which keeps less than SQLite."""
IN_ALL = 10_000
LONG = 1_000_000
BATCH = 250
"""Logins that are begun in one transaction."""
LOGINS_IN_TEN = 2
ORDINARY = 50
"""After so many, a genuine one, which must get in."""


@dataclass
class Door:
    """The tool's door, and the second opinion beside it."""

    tool: RunningTool
    oracle: Oracle
    login: LoginRequest
    browser: Any
    seen: Counter[str] = field(default_factory=Counter)
    opened: dict[str, Opened] = field(default_factory=dict)
    """What came in, by handle."""
    refusals: int = 0
    """Requests answered with 4xx."""

    @property
    def spoilt(self) -> int:
        """How many requests were sent that must get nowhere."""
        return self.seen["launches spoilt"] + self.seen["logins spoilt"]

    def new_logins(self, count: int) -> list[Login]:
        """Begin so many logins, as by so many browsers."""
        made = []
        with self.tool.database.transaction() as session:
            platform = session.scalars(select(Platform)).one()
            for number in range(count):
                secret = f"{len(self.oracle.waiting)}-{number}-secret-of-a-browser"
                address, state = begin_login(session, platform, self.login, secret, self.tool.clock())
                made.append(Login(state, parse_qs(urlsplit(address).query)["nonce"][0], secret))
        self.oracle.waiting = {each.state: each for each in made}
        return made

    def send(self, path: str, request: Request) -> TestResponse:
        """Send a request as it is, and look at what no answer may hold."""
        body: Any = urlencode(request.form)
        if request.content_type == "multipart/form-data":
            body = {name: [value for other, value in request.form if other == name] for name, _ in request.form}
        cookies = "; ".join(f"{name}={value}" for name, value in request.cookies).encode().decode("latin-1")
        headers = dict(request.headers)
        if cookies:
            headers["Cookie"] = cookies.replace("\r", "").replace("\n", "")
        response: TestResponse = self.browser.open(
            path,
            method=request.method,
            query_string=urlencode(request.query),
            data=body,
            content_type=request.content_type,
            headers=headers,
        )
        self.refusals += response.status_code >= 400
        return response

    def launch(self, made: Mutated) -> None:
        """Launch, and compare with the second opinion."""
        allowed = self.oracle.opens(made.request)
        response = self.send(LAUNCH, made.request)
        check_answer(response, made)
        cookies = [each for each in response.headers.getlist("Set-Cookie") if each.startswith("__Host-s-")]
        is_in = bool(cookies) or response.status_code // 100 == 3
        assert allowed is not None or not is_in, made
        assert is_in or not made.is_harmless, (made, response.get_data(as_text=True))
        if is_in and allowed is not None:
            nothing, place, handle, _page = response.headers["Location"].split("/", 3)
            assert (nothing, place) == ("", "s"), made
            assert cookies[0].startswith(f"__Host-s-{handle}=")
            self.opened[handle] = allowed
            self.oracle.waiting.pop(dict(made.request.form)["state"])
        self.seen["launches spoilt"] += allowed is None
        self.seen["launches that came in"] += is_in
        self.seen["launches refused for more than binds them"] += allowed is not None and not is_in

    def begin(self, made: Mutated) -> None:
        """Begin a login, and compare with the second opinion."""
        response = self.send(LOGIN, made.request)
        check_answer(response, made)
        goes_on = response.status_code // 100 == 3
        expected = self.oracle.begins(made.request)
        # The second opinion knows nothing of hosts: one that can't be read is refused whatever the request says.
        may_be_refused = "header X-Forwarded-Host" in made.what
        assert goes_on is expected or (may_be_refused and not goes_on), made
        assert goes_on or not made.is_harmless, made
        if goes_on:
            self._follow(response, made)
        self.seen["logins spoilt"] += not goes_on
        self.seen["logins that went on"] += goes_on

    def _follow(self, response: TestResponse, made: Mutated) -> None:
        step = response.headers["Location"]
        assert step.startswith("/lti/login/check?"), made
        [cookie] = response.headers.getlist("Set-Cookie")
        name, _, value = cookie.partition(";")[0].partition("=")
        checked = self.browser.get(step, headers={"Cookie": f"{name}={value}"})
        check_answer(checked, made)
        address = urlsplit(checked.headers["Location"])
        assert (f"{address.scheme}://{address.netloc}", address.path) == (LMS, "/mod/lti/auth.php"), made
        asked = dict(parse_qsl(address.query))
        assert (asked["client_id"], asked["redirect_uri"]) == (self.oracle.client_id, f"{TOOL}/lti/launch"), made

    def check_books(self, database: Database) -> None:
        """Each refusal is one audit event, each session one of those that came in, for the one who was signed for."""
        with database.reading() as session:
            kinds = AuditEvent.kind.endswith(".refused")
            assert session.scalar(select(func.count()).select_from(AuditEvent).where(kinds)) == self.refusals
            rows = session.execute(
                select(LaunchSession.handle, LtiIdentity.sub, ResourceLink.resource_link_id)
                .join(LtiIdentity, LtiIdentity.id == LaunchSession.identity_id)
                .outerjoin(ResourceLink, ResourceLink.id == LaunchSession.resource_link_pk)
            ).all()
        assert {handle: Opened(sub, link_id) for handle, sub, link_id in rows} == self.opened


def check_answer(response: TestResponse, made: Mutated) -> None:
    """No fault of ours, nothing reflected that a browser would read as markup."""
    assert response.status_code < 500, (made, response.get_data(as_text=True))
    assert MARK.encode() not in response.get_data(), made
    if response.status_code // 100 == 2:
        assert made.request.method == "OPTIONS", made


@pytest.fixture
def known(lms: PracticeLms, client: Browser, ready_made_keys: list[rsa.RSAPrivateKey]) -> Known:
    """What a genuine launch of this platform is made of."""
    kept: list[Json] = []

    def keep(header: Json, claims: Json) -> tuple[Json, Json]:
        kept.extend((header, claims))
        return header, claims

    lms.mutate = keep
    assert client.post(LAUNCH, data=answer_of(client, lms, STAFF, "core")).status_code == 303
    key = lms.keys.current.private_key
    foreign = next(each for each in ready_made_keys if each is not key)
    fields = lms.initiate_login(STAFF, "core")
    return Known(kept[0], kept[1], fields, key, foreign, public_forms(key.public_key()))


@pytest.fixture
def door(tool: RunningTool, lms: PracticeLms, known: Known) -> Door:
    """The door of a tool into which nobody has come yet."""
    with tool.database.transaction() as session:
        session.query(LaunchSession).delete()
    registration, fields = lms.config.tool, known.login_fields
    keys = {key.kid: key.private_key.public_key() for key in lms.keys.keys}
    oracle = Oracle(
        LMS, registration.client_id, registration.deployment_id, f"{TOOL}/lti/launch", keys, tool.clock.timestamp()
    )
    request = LoginRequest(
        fields["iss"],
        fields["login_hint"],
        fields["target_link_uri"],
        fields["client_id"],
        fields["lti_message_hint"],
        fields["lti_deployment_id"],
    )
    return Door(tool, oracle, request, tool.app.test_client(use_cookies=False))


def walk(door: Door, mutator: Mutator, count: int) -> None:
    """Send requests until so many were spoilt, with genuine ones among them."""
    number, waiting = 0, list[Login]()
    while door.spoilt < count:
        if number % BATCH == 0:
            waiting = door.new_logins(2 * BATCH + BATCH // ORDINARY)
        if number % ORDINARY == 0:
            genuine = mutator.plain(waiting.pop())
            door.launch(genuine)
            door.launch(Mutated(genuine.request, ["once more"]))
            door.begin(mutator.plain_login())
        if number % 10 < LOGINS_IN_TEN:
            door.begin(mutator.login())
        else:
            door.launch(mutator.launch(waiting.pop(), waiting.pop()))
        number += 1


@pytest.mark.parametrize(
    ("part", "database_kind"),
    [(0, "sqlite"), (1, "sqlite"), (2, "sqlite"), pytest.param(3, "postgresql", marks=pytest.mark.postgresql)],
)
@pytest.mark.parametrize("wanted", [IN_ALL, pytest.param(LONG, marks=pytest.mark.soak)])
def test_mutated_launches_and_logins_get_nowhere(
    door: Door,
    known: Known,
    tool_database: Database,
    capfd: pytest.CaptureFixture[str],
    part: int,
    wanted: int,
) -> None:
    walk(door, Mutator(known, wanted * 10 + part), wanted // PARTS)
    door.check_books(tool_database)
    logged = "".join(capfd.readouterr())
    assert "Traceback" not in logged
    assert '"failed"' not in logged
    assert known.claims["family_name"] not in logged
    print(f"part {part}: {door.spoilt} spoilt requests, {dict(door.seen)}")
    assert door.spoilt >= wanted // PARTS
    assert len(door.opened) == door.seen["launches that came in"]


def test_the_second_opinion_knows_a_genuine_launch_from_others(door: Door, known: Known) -> None:
    mutator, [login, other] = Mutator(known, 1), door.new_logins(2)
    genuine = mutator.plain(login)
    assert door.oracle.opens(genuine.request) in {Opened(known.claims["sub"], "1"), Opened(known.claims["sub"], None)}
    verdicts = [door.oracle.opens(mutator.launch(login, other).request) for _ in range(400)]
    assert sum(verdict is None for verdict in verdicts) > 300
