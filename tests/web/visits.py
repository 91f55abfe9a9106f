"""Visits: what browsers do between the practice LMS and the tool, on one standing clock and without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lms.lti.http import HttpReply, OutgoingFault, OutgoingPolicy, PlatformHttp
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.launches import LaunchSession
from lms.store.schema import Base
from tests.practice_lms.clock import Clock
from tests.practice_lms.lms import PracticeLms

TOOL = "https://akashi.example.invalid"
LMS = "https://lms.example.invalid"
OTHER_LMS = "https://other-lms.example.invalid"

LOGIN = "/lti/login"
LAUNCH = "/lti/launch"


class StandingClock(Clock):
    """A clock for the tool and the practice LMS together; it moves only when told."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def timestamp(self) -> float:
        """Epoch seconds on this clock."""
        return self.moment.timestamp()

    def now(self) -> datetime:
        """The time on this clock."""
        return self.moment

    def set(self, instant: datetime) -> None:
        """Put the clock to an aware instant."""
        self.moment = instant

    def advance(self, seconds: float) -> None:
        """Put the clock forward, or back when negative."""
        self.moment += timedelta(seconds=seconds)


class KeyRoom(PlatformHttp):
    """Answers in place of the platforms' key-set addresses, and remembers who was asked."""

    def __init__(self) -> None:
        super().__init__(OutgoingPolicy())
        self.platforms: dict[str, PracticeLms] = {}
        self.fault: OutgoingFault | None = None
        self.reply: HttpReply | None = None
        self.asked: list[str] = []

    def clear(self) -> None:
        """Forget all platforms and faults."""
        self.platforms, self.fault, self.reply, self.asked = {}, None, None, []

    def request(self, method: str, url: str, **_how: Any) -> HttpReply:
        """The key set of the platform that lives there."""
        self.asked.append(url)
        if self.fault is not None:
            raise self.fault
        if self.reply is not None:
            return self.reply
        lms = self.platforms[url]
        return HttpReply(200, {"content-type": "application/json"}, json.dumps(lms.keys.jwks()).encode())


class Browser(FlaskClient):
    """A browser that keeps cookies and knows the tool by its https address."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request; the address of the tool goes before a path."""
        kwargs.setdefault("base_url", TOOL)
        return super().open(*args, **kwargs)


def page_of(response: TestResponse) -> str:
    """The page as text, its entities resolved."""
    return unescape(response.get_data(as_text=True))


def path_of(response: TestResponse) -> str:
    """Where a response redirects to, within the tool."""
    assert response.status_code == 303, (response.status_code, page_of(response))
    parts = urlsplit(response.headers["Location"])
    assert f"{parts.scheme}://{parts.netloc}" in {"://", TOOL}, response.headers["Location"]
    return parts.path


def cookies_set(response: TestResponse) -> list[str]:
    """The Set-Cookie headers."""
    return response.headers.getlist("Set-Cookie")


def log_in(browser: Browser, fields: Mapping[str, str], **how: Any) -> dict[str, str]:
    """Post a login and pass the cookie check; return what the platform's authorization address is asked."""
    posted = browser.post(LOGIN, data=fields, **how)
    checked = browser.get(posted.headers["Location"], **how)
    assert checked.status_code == 303, page_of(checked)
    return dict(parse_qsl(urlsplit(checked.headers["Location"]).query))


def answer_of(
    browser: Browser, lms: PracticeLms, person_key: str, activity_key: str, locale: str = "ja"
) -> dict[str, str]:
    """Go from the activity to the form that the platform answers with: ``id_token`` and ``state``."""
    query = log_in(browser, lms.launch(person_key, activity_key, locale).fields)
    return lms.authorize(query, person_key)


@dataclass
class Visit:
    """A launched session: its browser, its handle, and its own pages with the form token carried along."""

    browser: Browser
    handle: str
    landing: str
    """Path to which the launch led."""
    response: TestResponse = field(repr=False)
    """The answer to the launch."""

    def path(self, path: str) -> str:
        """The whole path of one of the session's pages."""
        return f"/s/{self.handle}{path}"

    @cached_property
    def form_token(self) -> str:
        """The token in the session's forms."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.get("/").get_data(as_text=True))
        assert found is not None
        return found[1]

    def get(self, path: str, **how: Any) -> TestResponse:
        """Get one of the session's pages."""
        return self.browser.get(self.path(path), **how)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **how: Any) -> TestResponse:
        """Post to one of the session's pages with the form token."""
        return self.browser.post(self.path(path), data={"form_token": self.form_token, **(data or {})}, **how)


def visit(browser: Browser, lms: PracticeLms, person_key: str, activity_key: str = "core", locale: str = "ja") -> Visit:
    """Launch an activity as a person: login, cookie check, authorization, launch."""
    response = browser.post(LAUNCH, data=answer_of(browser, lms, person_key, activity_key, locale))
    landing = path_of(response)
    return Visit(browser, landing.split("/")[2], landing, response)


def audit_events(database: Database, kind: str | None = None) -> list[AuditEvent]:
    """Audit events, the oldest first; of one kind if asked."""
    with database.reading() as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    return [row for row in rows if kind in {None, row.kind}]


def session_count(database: Database) -> int:
    """How many launch sessions there are."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(LaunchSession)) or 0


def contents(database: Database, *but: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables except the audit events' and those named: what a refused request must leave alone."""
    with database.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in Base.metadata.sorted_tables
            if table.name not in {"audit_event", *but}
        }
