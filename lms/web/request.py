"""What belongs to one request: the time, the reading session, and the way to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from flask import current_app, g, request
from sqlalchemy.orm import Session
from werkzeug.routing import IntegerConverter

from lms.config import Settings
from lms.lti.http import PlatformHttp
from lms.lti.keysets import KeysetSource
from lms.lti.tool_facts import ToolFacts
from lms.lti.tool_keys import ToolKeyring
from lms.store.base import Database, OwnedSession


class RowId(IntegerConverter):
    """``<row:…>`` in an address: a number that every database can look up; a longer one names no page."""

    regex = "[0-9]{1,18}"


@dataclass(frozen=True, slots=True)
class Tool:
    """What the pages need of the building; made once by `lms.app.create_app`."""

    settings: Settings
    database: Database
    keys: ToolKeyring
    keysets: KeysetSource
    registrar: PlatformHttp
    """The client for registrations: quicker to give up than the others."""

    @property
    def facts(self) -> ToolFacts:
        """What the tool says of itself to platforms."""
        return ToolFacts(self.settings.base_url)


def tool() -> Tool:
    """Return the building that serves this request."""
    found: Tool = current_app.extensions["akashi"]
    return found


def now() -> datetime:
    """Return the time of this request, read once."""
    if "now" not in g:
        g.now = current_app.extensions["akashi_clock"]()
    moment: datetime = g.now
    return moment


def browser_language() -> str:
    """Return the language that the browser asks for; what is said before a session exists is said in it."""
    return request.accept_languages.best_match(["ja", "en"]) or tool().settings.default_language


def reading() -> Session:
    """Return this request's reading session."""
    if "reading" not in g:
        g.reading_context = tool().database.reading()
        g.reading = g.reading_context.__enter__()
        _keep_to_own(g.reading)
    session: Session = g.reading
    return session


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the one short writing transaction; what was read before is read anew after it."""
    end_reading()
    with tool().database.transaction() as session:
        _keep_to_own(session)
        yield session


def keep_to(organisation_id: int) -> None:
    """Let this request find and change rows of one organisation alone, from now on."""
    g.owner = organisation_id
    if "reading" in g:
        _keep_to_own(g.reading)


def _keep_to_own(session: OwnedSession) -> None:
    if "owner" in g:
        session.keep_to(g.owner)


def end_reading() -> None:
    """Close the reading session, so that the connection is free."""
    context = g.pop("reading_context", None)
    g.pop("reading", None)
    if context is not None:
        context.__exit__(None, None, None)
