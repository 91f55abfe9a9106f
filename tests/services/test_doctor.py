"""The doctor: each thing that can be wrong is made wrong, and found; a sound installation gets a clean bill."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from lms.config import Settings
from lms.jobs.heartbeat import BEAT_EVERY, Heart
from lms.lti.tool_keys import ToolKeyring, add_key, load_or_create
from lms.services import doctor, doctor_probes
from lms.services.doctor import SILENT_AFTER, installation_findings
from lms.services.doctor_organisations import organisation_findings
from lms.services.doctor_probes import probe, questions_for
from lms.services.findings import Area, Finding, Level, looked
from lms.store.base import Database
from lms.store.jobs import WorkerBeat
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Deployment, Platform
from lms.store.rosters import RosterPull, RosterSource
from lms.wording import doctor as words
from lms.wording.doctor import finding_advice, finding_sentence
from lms.wording.gettext import use_language
from tests.accounts import make_account
from tests.factories import adopt, register, serve_lms, small_module
from tests.practice_lms.lms import PracticeLms
from tests.services.test_scores import CONFIG, Campus

PORT_OF_NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    made = Settings(database.url, "http://127.0.0.1:8000", tmp_path / "keys")
    load_or_create(made.keys)
    if database.is_sqlite:
        (tmp_path / "akashi.sqlite").chmod(0o600)
    return made


@pytest.fixture
def sound(database: Database, settings: Settings, now: datetime) -> Settings:
    """An installation with a worker at work."""
    Heart(database, now).beat({}, now)
    return settings


def codes(found: list[Finding], *levels: Level) -> set[str]:
    return {each.code for each in found if each.level in (levels or (Level.WRONG,))}


def look(settings: Settings, database: Database, now: datetime, *levels: Level) -> set[str]:
    return codes(installation_findings(settings, database, now), *levels)


# The installation


def test_nothing_is_wrong_with_a_sound_installation(sound: Settings, database: Database, now: datetime) -> None:
    found = installation_findings(sound, database, now)
    assert codes(found) == set()
    assert codes(found, Level.NOTE) <= {"base_http", "keys_plain", "libraries_differ"}
    assert {"schema_good", "triggers_good", "worker_good", "keys_good", "files_good"} <= codes(found, Level.GOOD)


def test_a_worker_that_never_ran_or_fell_silent_is_found(settings: Settings, database: Database, now: datetime) -> None:
    assert look(settings, database, now) == {"worker_never"}
    Heart(database, now).beat({"scores": "OSError"}, now)
    assert look(settings, database, now) == {"round_fails"}
    assert look(settings, database, now + SILENT_AFTER) == {"worker_silent"}


def test_a_heart_beats_now_and_then_and_at_once_when_something_fails(database: Database, now: datetime) -> None:
    heart = Heart(database, now)
    for moment in (now, now + BEAT_EVERY / 2):
        heart.beat({}, moment)
    assert beat_of(database).at == now
    heart.beat({"ledger": "KeyFileMissing"}, now + BEAT_EVERY / 2)
    assert beat_of(database).failing == {"ledger": "KeyFileMissing"}
    heart.beat({}, now + 2 * BEAT_EVERY)
    assert (beat_of(database).at, beat_of(database).failing) == (now + 2 * BEAT_EVERY, {})
    heart.stop()
    with database.reading() as session:
        assert session.scalars(select(WorkerBeat)).all() == []


def beat_of(database: Database) -> WorkerBeat:
    with database.reading() as session:
        return session.scalars(select(WorkerBeat)).one()


def test_taken_away_triggers_are_named(sound: Settings, database: Database, now: datetime) -> None:
    drop = "DROP TRIGGER unit_refuses_delete" if database.is_sqlite else "DROP TRIGGER unit_refuses_change ON unit"
    with database.transaction() as session:
        session.execute(text(drop))
    [finding] = [each for each in installation_findings(sound, database, now) if each.code == "triggers_missing"]
    assert finding.facts["tables"] == "unit"


def test_an_older_schema_is_found(sound: Settings, database: Database, now: datetime) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    assert "schema_behind" in look(sound, database, now)


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_folders_open_to_others_are_found(sound: Settings, database: Database, now: datetime, mode: int) -> None:
    sound.keys_dir.chmod(mode)
    assert look(sound, database, now) == {"folder_exposed"}


def test_anchors_may_be_read_by_others_and_not_written(sound: Settings, database: Database, now: datetime) -> None:
    sound.anchor_dir.mkdir(mode=0o755)
    sound.anchor_dir.chmod(0o755)
    assert look(sound, database, now) == set()
    sound.anchor_dir.chmod(0o775)
    assert look(sound, database, now) == {"folder_exposed"}


def test_keys_that_others_may_read_or_that_do_not_open_are_found(
    sound: Settings, database: Database, now: datetime, tmp_path: Path
) -> None:
    key = sound.keys_dir / "tool-key-0001.pem"
    key.chmod(0o640)
    assert look(sound, database, now) == {"key_fault"}
    key.chmod(0o600)
    locked = replace(sound, keys_passphrase_file=tmp_path / "no such file")
    assert look(locked, database, now) == {"key_fault"}


def test_a_full_disk_is_found(
    sound: Settings, database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, code, level in ((50_000_000, "disk_full", Level.WRONG), (500_000_000, "disk_low", Level.NOTE)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _place, free=free: SimpleNamespace(free=free))
        assert code in look(sound, database, now, level)


def test_keys_are_due_for_rotation_after_a_year_and_spent_ones_for_retirement(
    sound: Settings, database: Database, now: datetime
) -> None:
    later = now + timedelta(days=400)
    os.utime(sound.keys_dir / "tool-key-0001.pem", (now.timestamp(), now.timestamp()))
    assert "rotation_due" in look(sound, database, later, Level.NOTE)
    add_key(sound.keys, later)
    assert "rotation_underway" in look(sound, database, later, Level.GOOD)
    noted = look(sound, database, later + timedelta(days=3), Level.NOTE)
    assert "key_spent" in noted
    assert "rotation_due" not in noted


def test_settings_are_looked_over(sound: Settings, database: Database, now: datetime, tmp_path: Path) -> None:
    from ipaddress import ip_network

    (tmp_path / "ca.pem").write_text("no certificate")
    odd = replace(sound, ca_bundle=str(tmp_path / "ca.pem"), allowed_networks=(ip_network("10.0.0.0/8"),))
    assert "ca_bundle_bad" in look(odd, database, now)
    assert "network_wide" in look(odd, database, now, Level.NOTE)
    narrow = replace(sound, base_url="https://akashi.example.invalid", allowed_networks=(ip_network("10.1.0.0/16"),))
    assert not {"network_wide", "base_http"} & look(narrow, database, now, Level.NOTE)


def test_a_package_of_another_version_is_named(
    sound: Settings, database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: "0.0.1" if name == "flask" else real(name))
    [finding] = [each for each in installation_findings(sound, database, now) if each.code == "libraries_differ"]
    assert "flask 0.0.1" in finding.facts["names"]


def test_a_look_that_fails_is_a_finding_and_the_others_go_on(
    sound: Settings, database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_settings: Settings) -> Iterator[Finding]:
        raise KeyError("secret")
        yield

    monkeypatch.setattr(doctor, "_settings", broken)
    found = installation_findings(sound, database, now)
    [finding] = [each for each in found if each.code == "look_failed"]
    assert finding.facts == {"error": "KeyError"}
    assert "schema_good" in codes(found, Level.GOOD)


# An organisation


def of_organisation(session: Session, organisation: Organisation, settings: Settings, now: datetime) -> set[str]:
    return codes(organisation_findings(session, organisation, settings, now), Level.WRONG, Level.NOTE)


def test_what_an_empty_organisation_lacks_is_named(
    session: Session, organisation: Organisation, settings: Settings, now: datetime
) -> None:
    lacks = {"secretariat_none", "catalogue_none", "requirements_none", "account_none", "platform_none"}
    assert of_organisation(session, organisation, settings, now) == lacks


def test_an_emergency_account_that_is_open_counts(
    database: Database, organisation: Organisation, settings: Settings, now: datetime
) -> None:
    make_account(database, settings.keys, now, organisation_key=organisation.key)
    with database.reading() as session:
        assert "account_none" not in of_organisation(session, organisation, settings, now)


@pytest.fixture
def campus(database: Database, organisation: Organisation, settings: Settings) -> Iterator[Campus]:
    keyring = ToolKeyring(settings.keys)
    with serve_lms(CONFIG) as lms:
        lms.fetch_jwks = lambda _: keyring.public_jwks()
        with database.transaction() as session:
            register(session, organisation, lms)
            module = adopt(session, organisation, small_module())
        yield Campus(database, organisation, lms, module, settings)


def at_campus(campus: Campus, now: datetime) -> set[str]:
    with campus.database.reading() as session:
        return of_organisation(session, campus.organisation, campus.settings, now)


def test_grades_that_wait_long_or_are_refused_are_counted(campus: Campus, now: datetime) -> None:
    campus.take(now, 1)
    assert not {"outbox_waits", "outbox_dead"} & at_campus(campus, now + timedelta(minutes=59))
    assert "outbox_waits" in at_campus(campus, now + timedelta(minutes=61))
    with campus.database.transaction() as session:
        session.execute(update(ScoreDelivery).values(state="dead"))
    assert "outbox_dead" in at_campus(campus, now)
    with campus.database.transaction() as session:
        session.execute(update(ScoreDelivery).values(set_aside_at=now))
    assert "outbox_dead" not in at_campus(campus, now)


def test_gradebooks_that_nobody_compares_are_noticed(campus: Campus, now: datetime) -> None:
    campus.take(now, 1)
    campus.deliver(now)
    assert "comparison_overdue" not in at_campus(campus, now + timedelta(hours=47))
    assert "comparison_overdue" in at_campus(campus, now + timedelta(hours=49))


def test_events_that_wait_for_the_ledger_are_noticed(campus: Campus, now: datetime) -> None:
    assert "ledger_waits" in at_campus(campus, now), "nothing was sequenced here"


def test_a_platform_without_deployment_or_visitors_is_noticed(campus: Campus, now: datetime) -> None:
    change(campus, created_at=now)
    assert not {"deployments_none", "platform_unused"} & at_campus(campus, now)
    with campus.database.transaction() as session:
        session.execute(delete(Deployment))
    assert {"deployments_none", "platform_unused"} <= at_campus(campus, now + timedelta(days=400))
    with campus.database.transaction() as session:
        session.execute(update(Platform).values(stopped_at=now))
    assert not {"deployments_none", "platform_unused"} & at_campus(campus, now + timedelta(days=400))


def test_a_roster_that_is_not_pulled_is_noticed(campus: Campus, now: datetime) -> None:
    with campus.database.transaction() as session:
        platform_id = session.scalars(select(Platform)).one().id
        facts = {"organisation_id": campus.organisation.id, "platform_id": platform_id, "deployment_id": "1"}
        source = RosterSource(
            **facts, context_id="2", context_title="講習", memberships_url="https://lms.example.invalid/", seen_at=now
        )
        session.add(source)
        session.flush()
        pull: dict[str, Any] = {"organisation_id": campus.organisation.id, "source_id": source.id, "wanted_by": "x"}
        session.add(
            RosterPull(**pull, wanted_at=now, state="complete", refusal=None, next_try_at=now, finished_at=now, pages=1)
        )
    assert "rosters_overdue" not in at_campus(campus, now + timedelta(days=2))
    assert "rosters_overdue" in at_campus(campus, now + timedelta(days=4))
    assert "rosters_overdue" not in at_campus(campus, now + timedelta(days=15)), "nobody launches the course any more"


# Asking


@pytest.fixture
def standing(campus: Campus, now: datetime) -> Campus:
    """The practice LMS on our clock; its replies carry the machine's own date."""
    campus.lms.clock.set(now)
    return campus


def asked(campus: Campus, now: datetime) -> list[Finding]:
    with campus.database.reading() as session:
        questions = questions_for(session, campus.organisation.id)
    return [each for each in probe(campus.settings, questions, now) if each.area is Area.PLATFORMS]


def test_a_platform_that_answers_is_told_so(standing: Campus, now: datetime) -> None:
    assert {"keyset_good", "token_good"} <= codes(asked(standing, now), Level.GOOD)


def change(campus: Campus, **columns: Any) -> None:
    with campus.database.transaction() as session:
        session.execute(update(Platform).values(**columns))


def test_addresses_that_do_not_answer_are_named_with_the_reason(standing: Campus, now: datetime) -> None:
    change(standing, keyset_url=f"{PORT_OF_NOBODY}/certs", token_url=f"{PORT_OF_NOBODY}/token")
    found = {each.code: each.facts for each in asked(standing, now)}
    assert found["keyset_unreachable"]["reason"] == "PlatformUnreachable connection"
    assert found["token_unreachable"]["reason"] == "PlatformUnreachable connection"


def test_an_address_that_is_no_key_set_and_a_refused_token_are_found(standing: Campus, now: datetime) -> None:
    with standing.database.reading() as session:
        row = session.scalars(select(Platform)).one()
        wrong_place = row.authorization_url.rpartition("/mod/")[0] + "/"
    change(standing, keyset_url=wrong_place, token_url=wrong_place)
    found = codes(asked(standing, now))
    assert "keyset_malformed" in found or "keyset_unreachable" in found
    assert "token_refused" in found


def test_scopes_that_the_platform_does_not_grant_are_named(standing: Campus, now: datetime) -> None:
    tool = standing.lms.config.tool
    without_rosters = tuple(each for each in tool.scopes if "nrps" not in each)
    standing.lms.config = replace(standing.lms.config, tool=replace(tool, scopes=without_rosters))
    [finding] = [each for each in asked(standing, now) if each.code == "scopes_missing"]
    assert (finding.level, finding.facts["scopes"]) == (Level.NOTE, "contextmembership.readonly")
    without_scores = tuple(each for each in tool.scopes if not each.endswith("/score"))
    standing.lms.config = replace(standing.lms.config, tool=replace(tool, scopes=without_scores))
    assert "scopes_missing" in codes(asked(standing, now), Level.WRONG)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "clock_good"), (15, "clock_good"), (30, "clock_apart"), (-30, "clock_apart"), (3600, "clock_apart")],
)
def test_a_clock_that_differs_is_found(now: datetime, seconds: int, expected: str) -> None:
    from email.utils import format_datetime

    [finding] = doctor_probes._clock("LMS", format_datetime(now + timedelta(seconds=seconds)), now)
    assert finding.code == expected
    assert (finding.level is Level.WRONG) is (abs(seconds) > 60)
    for odd in (None, "", "yesterday", "Mon, 23 Nov 2026 03:00:00 -0000"):
        assert list(doctor_probes._clock("LMS", odd, now)) == []


def test_a_platform_that_hangs_keeps_nobody_waiting_beyond_the_time(
    standing: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_arguments: object) -> Iterator[Finding]:
        time.sleep(2)
        yield from ()

    monkeypatch.setattr(doctor_probes, "LONGEST", 0.3)
    monkeypatch.setattr(doctor_probes, "_platform", hang)
    begun = time.monotonic()
    found = asked(standing, now)
    assert time.monotonic() - begun < 1.5
    assert codes(found, Level.UNKNOWN) == {"probe_late"}


def test_our_own_address_is_asked_and_other_keys_are_found(standing: Campus, now: datetime) -> None:
    def own(address: str) -> set[str]:
        settings = replace(standing.settings, base_url=address)
        return codes(
            [each for each in probe(settings, [], now) if each.area is Area.SETTINGS], Level.WRONG, Level.UNKNOWN
        )

    assert own(PORT_OF_NOBODY) == {"own_unreachable"}
    assert own("http://192.0.2.1:8000") == {"own_not_asked"}, "no address that the guard lets us ask"
    with serve_keys(standing.lms) as address:
        assert own(address) == {"own_other_keys"}


class serve_keys:  # noqa: N801 - reads as the context that it is
    """Another tool's public keys, at an address of this machine."""

    def __init__(self, lms: PracticeLms) -> None:
        self.document = lms.keys.jwks()

    def __enter__(self) -> str:
        import threading

        from flask import Flask
        from werkzeug.serving import make_server

        app = Flask("other tool")
        app.add_url_rule("/lti/jwks", "jwks", lambda: self.document)
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


# Words


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_finding_has_words_and_every_bad_one_advice(language: str) -> None:
    import re

    sources = "".join(Path(each.__file__).read_text() for each in _MODULES)
    placeholders = re.findall(r"%\((\w+)\)s|f\[['\"](\w+)['\"]\]", Path(words.__file__).read_text())
    facts = {name: "1" for pair in placeholders for name in pair} | {"kind": "KeyFileExposed", "name": "1"}
    found = re.findall(r"\b(good|note|wrong|unknown)\((?:area|Area\.\w+), \"(\w+)\"", sources)
    assert len({code for _, code in found}) > 60
    with use_language(language):
        for level, code in found:
            assert finding_sentence(code, facts) != code, code
            if level != "good" and code != "key_fault":
                assert finding_advice(code, facts), code


def test_looking_tells_no_values_of_what_failed() -> None:
    def broken() -> Iterator[Finding]:
        raise ValueError("a person's name")
        yield

    [finding] = looked(Area.FILES, broken)
    assert dict(finding.facts) == {"error": "ValueError"}


def _modules() -> list[Any]:
    from lms.services import doctor_organisations, findings
    from lms.web import doctor as page

    return [doctor, doctor_organisations, doctor_probes, findings, page]


_MODULES = _modules()
