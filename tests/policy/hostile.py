"""What hostile and careless visitors send: real keys of rows for addresses, and values for forms and questions.

All from a seeded generator: a failure can be had again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from courses.ledger import short_id
from lms.services.fact_kinds import KINDS
from lms.store.attempts import Attempt
from lms.store.auditors import AuditArea
from lms.store.audits import Audit, PairingException
from lms.store.base import Database
from lms.store.evidence import EvidencePackJob
from lms.store.identities import LtiIdentity
from lms.store.ledger import LedgerEvent
from lms.store.people import Person
from lms.store.platforms import Platform, PlatformInvitation, RegistrationRequest
from lms.store.pledges import PledgeInvitation, PledgeSignature, PledgeText
from lms.store.roles import Appointment
from lms.store.vendors import VendorEngagement

MARK = "<b id=zz>'\"&"
"""Markup that no page may show as it is."""

WORDS = (
    *("", " ", "0", "-1", "1", "999999999", "9" * 15, "9" * 18, "9" * 19, "9" * 40, "0" * 9 + "9" * 30, "9" * 5000),
    *("1.5", "1e9", "١٢", "１２", "²", "0x10", "+1", "NaN", "Infinity", "-0", "true", "None", "null"),
    *("0000-00-00", "0001-01-01", "1900-01-01", "1990-01-01", "2199-12-31", "9999-12-31", "9999-12-30", "2026-02-30"),
    *("2026-W48-1", "20261123", "2026-11-23T00:00", "令和8年11月23日", "2025-12-01", "2026-11-23", "2027-03-31"),
    *(
        "\0",
        "a\0b",
        "\u202eabc",
        "😀",
        "\ufffd",
        "\x1b[31m",
        "a\r\nSet-Cookie: x=1",
        "髙",
        "﨑",
        "ﷺ",
        "=cmd|' /C calc'!A0",
    ),
    *(
        MARK,
        f"</textarea>{MARK}",
        "{{7*7}}",
        "${7*7}",
        "../../etc/passwd",
        "%00",
        "' OR 1=1 --",
        "x" * 501,
        "あ" * 4001,
    ),
    *("approve", "refuse", "record", "annul", "void", "close", "yes", "no", "ja", "en", "secretariat", "role:ciso"),
    *("seat:", "role:", "body:", "nonconformity", "person:1", "affiliation", "csv", "2026", "2199", "1989", "99999"),
)
"""Wrong types, huge numbers, dates at the ends, and signs that break things."""

_FILLINGS = ("2026-11-23", "2027-03-31", "見本", "1", "2026-04-01")

ARGUMENTS = (
    *(
        "as_of",
        "known_at",
        "known_on",
        "page",
        "state",
        "kind",
        "unit",
        "key",
        "scope",
        "q",
        "employment",
        "rule",
        "done",
    ),
    *(
        "audited_from",
        "look_back",
        "train",
        "remove",
        "train_also",
        "without_consultants",
        "what_look_back",
        "add_unit",
    ),
    *(
        "evidence",
        "sample",
        "text",
        "propose",
        "ends_on",
        "place",
        "year",
        "requirement",
        "code",
        "recorded",
        "category",
    ),
)
"""Names that pages ask an address for."""


class Forms(HTMLParser):
    """The forms of a page: where each is sent, and its fields with the values that it offers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, list[str]]]] = []
        self._name = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form, or a field of the one that is open."""
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((facts.get("method", "get").upper(), facts.get("action", ""), {}))
        elif self.forms and tag in {"input", "select", "textarea", "button"} and facts.get("name"):
            self._name = facts["name"]
            values = self.forms[-1][2].setdefault(self._name, [])
            if "value" in facts:
                values.append(facts["value"])
        elif self.forms and tag == "option" and "value" in facts:
            self.forms[-1][2].setdefault(self._name, []).append(facts["value"])


def keys_of(session: Session, organisation_id: int) -> dict[str, list[Any]]:
    """Return for each variable of an address what the organisation has."""

    def column(found: Any) -> list[Any]:
        query = select(found).where(found.class_.organisation_id == organisation_id)
        return list(session.scalars(query.order_by(found.class_.id)))

    return {
        "person_id": column(Person.id),
        "pledge_key": sorted(set(column(PledgeText.key))),
        "text_id": column(PledgeText.id),
        "signature_id": column(PledgeSignature.id),
        "engagement_id": column(VendorEngagement.id),
        "invitation_id": column(PledgeInvitation.id),
        "platform_id": column(Platform.id),
        "platform_invitation_id": column(PlatformInvitation.id),
        "request_id": column(RegistrationRequest.id),
        "identity_id": column(LtiIdentity.id),
        "appointment_id": column(Appointment.id),
        "audit_key": sorted(set(column(Audit.key))),
        "area_key": sorted(set(column(AuditArea.key))),
        "exception_id": column(PairingException.id),
        "pack_id": column(EvidencePackJob.id),
        "attempt_id": column(Attempt.id),
        "evidence_id": [
            short_id(each)
            for each in session.scalars(
                select(LedgerEvent.leaf).where(LedgerEvent.organisation_id == organisation_id).limit(400)
            )
            if each is not None
        ],
        "fact_id": list(range(1, 12)),
        "kind": [*KINDS],
    }


@contextmanager
def writes_of(database: Database) -> Any:
    """Collect the tables to which transactions have written and that were committed."""
    pending: list[str] = []
    committed: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split(maxsplit=3)
        if words[0].upper() in {"INSERT", "UPDATE", "DELETE"}:
            pending.append(words[1] if words[0].upper() == "UPDATE" else words[2])

    def commit(_connection: Any) -> None:
        committed.extend(pending)
        pending.clear()

    listeners: list[tuple[str, Callable[..., None]]] = [
        ("before_cursor_execute", executed),
        ("commit", commit),
        ("rollback", lambda _connection: pending.clear()),
    ]
    for name, listener in listeners:
        event.listen(database.engine, name, listener)
    yield committed
    for name, listener in listeners:
        event.remove(database.engine, name, listener)


class Sender:
    """Makes up requests for a route: mostly real rows, mostly good fields, and something wrong in each."""

    def __init__(self, app: Flask, keys: dict[str, list[Any]], defaults: dict[str, Any], seed: int) -> None:
        self.random = random.Random(seed)
        self.adapter = app.url_map.bind("akashi.example.invalid", url_scheme="https")
        self.keys = keys
        self.defaults = defaults
        self.fields: dict[str, dict[str, list[str]]] = {}
        """By endpoint, what its form offers; learnt from the pages."""

    def learn(self, page: str, path: str) -> None:
        """Remember the forms of a page; one that names no address is sent to the page's own."""
        for sent_by, action, fields in Forms(page).forms:
            if sent_by == "POST":
                try:
                    endpoint, _values = self.adapter.match((action or path).partition("?")[0].partition("#")[0], "POST")
                except Exception:  # noqa: BLE001, S112 - an address elsewhere
                    continue
                known = self.fields.setdefault(endpoint, {})
                for name, values in fields.items():
                    known[name] = list(dict.fromkeys([*known.get(name, []), *values]))[:60]

    def address(self, rule: Any, handle: str, *, is_good: bool) -> str:
        """Return the address of a route with real or made-up values."""
        values: dict[str, Any] = {}
        for name in rule.arguments:
            values[name] = self.random.choice(self.keys.get(name) or [self.defaults.get(name, "x")])
            if not is_good and name != "handle" and self.random.random() < 0.4:
                values[name] = self.random.choice(WORDS)[:300] or "x"
        values["handle"] = handle
        try:
            return self.adapter.build(rule.endpoint, {key: values[key] for key in rule.arguments}, force_external=False)
        except Exception:  # noqa: BLE001 - the route takes no such value
            return self.address(rule, handle, is_good=True)

    def good_form(self, endpoint: str) -> dict[str, Any]:
        """Return the fields of a form with what it offers; empty ones filled with something."""
        found: dict[str, Any] = {}
        for name, values in self.fields.get(endpoint, {}).items():
            found[name] = self.random.choice(values or [""]) or self.random.choice(_FILLINGS)
        return found

    def form(self, endpoint: str) -> dict[str, Any]:
        """Return the fields of a form, one to three of which are bad, missing or given twice."""
        found = self.good_form(endpoint)
        for name in self.random.sample(sorted(found), min(len(found), self.random.randint(1, 3))):
            kind = self.random.random()
            if kind < 0.1:
                del found[name]
            elif kind < 0.2:
                found[name] = [found[name], self.random.choice(WORDS)]
            else:
                found[name] = self.random.choice(WORDS)
        return found

    def question(self) -> list[tuple[str, str]]:
        """Return arguments of an address, some of them twice."""
        names = self.random.choices(ARGUMENTS, k=self.random.randint(1, 4))
        return [(name, self.random.choice(WORDS)) for name in names]
