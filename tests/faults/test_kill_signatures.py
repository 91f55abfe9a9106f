"""SIGKILL of the web server while people sign pledges: every acknowledged signature stands once, with its event."""

from __future__ import annotations

import os
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from lms.clock import read_clock
from lms.services.identities import link_by_decision
from lms.services.launches import _hash
from lms.services.pledges import text_version
from lms.services.record_checks import verify_records
from lms.store.base import Database
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.ledger import LedgerEvent, LedgerPending
from lms.store.openings import openings_of
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeSignature
from tests.factories import ACTOR, FOUNDED, add_identity, add_people, add_practice_platform
from tests.faults.test_kill import Server, _free_port, _NoRedirect
from tests.pledges import approved

SIGNERS = int(os.environ.get("AKASHI_KILLED_SIGNATURES", "16"))
HANDS = 6
"""How many sign at one time."""


@dataclass(frozen=True)
class Pen:
    """A session of somebody who is about to sign."""

    person_id: int
    path: str
    cookie: str
    fields: dict[str, str]


@dataclass
class Signing:
    """What was sent and what the server has acknowledged."""

    acknowledged: dict[int, int] = field(default_factory=dict)
    """Person to the record that the answer named."""
    told_twice: set[int] = field(default_factory=set)
    """Who heard that they had signed already: an earlier answer was lost, not the signature."""
    cut_off: int = 0
    """Requests that got no answer."""
    statuses: Counter[int] = field(default_factory=Counter)


def _pens(database: Database, organisation: Organisation, count: int) -> list[Pen]:
    from lms.web.security import LaunchedSession, session_cookie_name

    now = read_clock()
    with database.transaction() as session:
        text = approved(session, organisation, "初版", date(2026, 4, 1))
        row = text_version(session, organisation.id, text.text_id)
        numbers = [f"K{number:05d}" for number in range(count)]
        people = add_people(session, organisation, *({"staff_number": each} for each in numbers))
        platform = add_practice_platform(session, organisation)
        link = ResourceLink(
            organisation_id=organisation.id, platform_id=platform.id, deployment_id="1", resource_link_id="kill",
            opens="pledges", last_launched_at=now,
        )  # fmt: skip
        session.add(link)
        session.flush()
        pens = []
        for number, (person_id, staff_number) in enumerate(zip(people, numbers, strict=True)):
            identity = add_identity(session, platform, f"kill-{number}")
            link_by_decision(session, organisation, identity.id, staff_number, (ACTOR, FOUNDED))
            handle, secret = f"{number:016x}", f"secret-{number}"
            session.add(
                LaunchSession(
                    handle=handle, secret_hash=_hash(secret), organisation_id=organisation.id,
                    platform_id=platform.id, deployment_id=link.deployment_id, identity_id=identity.id,
                    resource_link_pk=link.id, lti_roles=[], is_framed=False, language="ja",
                    created_at=now, touched_at=now, expires_at=now.replace(year=now.year + 1),
                )
            )  # fmt: skip
            fields = {
                "form_token": LaunchedSession(handle, secret).form_token, "text_id": str(row.id),
                "sha256": row.sha256_ja, "text_language": "ja", "signer": str(person_id), "accepted": "yes",
                "typed_name": "見本 あかり", "action": "sign",
            }  # fmt: skip
            cookie = f"{session_cookie_name(handle)}={secret}"
            pens.append(Pen(person_id, f"/s/{handle}/pledges/confidentiality/sign", cookie, fields))
    return pens


def _sign(port: int, pen: Pen) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{pen.path}",
        data=urllib.parse.urlencode(pen.fields).encode(),
        headers={"Cookie": pen.cookie, "Accept": "application/json"},
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=5) as response:
            return int(response.status), ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


def _sign_all(port: int, pens: list[Pen], seen: Signing) -> None:
    """Sign with one pen after the other, and again with each until the server has answered."""
    pauses = random.Random(pens[0].path)
    for pen in pens:
        while True:
            time.sleep(pauses.uniform(0, 0.1))
            try:
                status, location = _sign(port, pen)
            except OSError:  # killed, or not there yet
                seen.cut_off += 1
                continue
            seen.statuses[status] += 1
            if status == 303:
                seen.acknowledged[pen.person_id] = int(location.rsplit("/", 1)[-1])
                break
            if status == 409:
                seen.told_twice.add(pen.person_id)
                break


@pytest.mark.slow
@pytest.mark.parametrize("count", [SIGNERS, pytest.param(1_000, marks=pytest.mark.soak)])
def test_every_acknowledged_signature_stands_with_its_event_when_the_server_is_killed(
    database: Database, database_url: str, organisation: Organisation, tmp_path: Path, count: int
) -> None:
    pens = _pens(database, organisation, count)
    environment = dict(os.environ) | {
        "AKASHI_DATABASE_URL": database_url,
        "AKASHI_KEYS_DIR": str(tmp_path / "keys"),
        "AKASHI_LOG_FORMAT": "console",
    }
    server, seen, kills, pauses = Server(environment, _free_port()), Signing(), 0, random.Random(1)
    server.start()
    threads = [
        threading.Thread(target=_sign_all, args=(server.port, pens[hand::HANDS], seen), daemon=True)
        for hand in range(HANDS)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(pauses.uniform(0.05, 0.35))
        server.kill()
        kills += 1
        server.start()
    for thread in threads:
        thread.join()
    server.kill()
    print(
        f"{count} signers, {kills} kills, {len(seen.acknowledged)} acknowledged, {len(seen.told_twice)} whose answer was lost, "
        f"{seen.cut_off} requests without an answer, statuses {dict(seen.statuses)}"
    )
    assert kills > 1
    assert set(seen.statuses) <= {303, 409, 503}
    assert len(seen.acknowledged) + len(seen.told_twice) == count
    _check(database, organisation, seen, count)


def _check(database: Database, organisation: Organisation, seen: Signing, count: int) -> None:
    with database.reading() as session:
        rows = {row.id: row for row in session.scalars(select(PledgeSignature))}
        lost = [key for person, key in seen.acknowledged.items() if key not in rows or rows[key].person_id != person]
        assert lost == []
        assert Counter(row.person_id for row in rows.values()).most_common(1)[0][1] == 1
        assert len(rows) == count
        for row in rows.values():
            event = session.get(LedgerEvent, row.event_id)
            assert event is not None
            assert '"table":"pledge_signature"' in event.payload.decode()
            assert session.get(LedgerPending, row.event_id) is not None
        assert len(openings_of(session, [row.event_id for row in rows.values()])) == count
    with database.reading() as session:
        assert verify_records(session, organisation.id).problems == []
