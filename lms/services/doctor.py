"""Looking an installation over: settings, files, database, keys and worker; nothing here asks the network.

Source: docs/administration.md says what each finding means; quality.md §2 (safe databases).
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pysqlite3.dbapi2
from sqlalchemy import select, text

from lms.config import Settings
from lms.lti.tool_keys import ROTATION_DUE, KeyState, ToolKeys, load_or_create
from lms.services.findings import Area, Finding, good, looked, note, wrong
from lms.store.base import Database, UnsafeDatabaseError
from lms.store.jobs import WorkerBeat
from lms.store.key_files import KeyFileFault, check_key_files, key_files
from lms.store.records import record_tables
from lms.store.revisions import FOLDER, current_revision, newest_revision
from lms.store.schema import Base

SILENT_AFTER = timedelta(minutes=10)
"""A worker beats each half minute; a large evidence pack may keep it for some minutes."""
WIDEST_NETWORK = 12
"""Bits of the widest private range, 172.16.0.0/12; 10.0.0.0/8 as a whole is more than any Moodle lives in."""
LOW_DISK, FULL_DISK = 1_000_000_000, 100_000_000
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z]+\])?==([^ ;\\]+)", re.MULTILINE)


def installation_findings(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    """Look over what all organisations share."""
    return [
        *looked(Area.SETTINGS, lambda: _settings(settings)),
        *looked(Area.SETTINGS, _libraries),
        *looked(Area.FILES, lambda: _files(settings, database)),
        *looked(Area.FILES, lambda: _disks(settings, database)),
        *looked(Area.DATABASE, lambda: _database(database)),
        *looked(Area.KEYS, lambda: _keys(settings, now)),
        *looked(Area.WORKER, lambda: _worker(database, now)),
    ]


def _settings(settings: Settings) -> Iterator[Finding]:
    area = Area.SETTINGS
    if settings.is_loopback_http:
        yield note(area, "base_http", address=settings.base_url)
    else:
        yield good(area, "base_https", address=settings.base_url)
    for network in settings.allowed_networks:
        if network.version == 4 and network.prefixlen < WIDEST_NETWORK:
            yield note(area, "network_wide", network=network)
    if settings.ca_bundle is not None:
        try:
            ssl.create_default_context(cafile=settings.ca_bundle)
        except (OSError, ssl.SSLError):
            yield wrong(area, "ca_bundle_bad", file=settings.ca_bundle)
        else:
            yield good(area, "ca_bundle_good", file=settings.ca_bundle)


def _libraries() -> Iterator[Finding]:
    pins = FOLDER.parent / "requirements" / "base.txt"
    wanted: dict[str, set[str]] = {}
    for name, pinned in _PINNED.findall(pins.read_text("utf-8")) if pins.exists() else ():
        wanted.setdefault(name, set()).add(pinned)  # several, for several Pythons
    differing = []
    for name, versions in wanted.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            continue  # for other systems only
        if found not in versions:
            differing.append(f"{name} {found} ({', '.join(sorted(versions))})")
    if differing:
        yield note(Area.SETTINGS, "libraries_differ", names=", ".join(sorted(differing)))
    elif wanted:
        yield good(Area.SETTINGS, "libraries_good", count=len(wanted))


def _files(settings: Settings, database: Database) -> Iterator[Finding]:
    area, faults = Area.FILES, 0
    # Anchors are no secrets; whoever can write them can hide that records are missing.
    folders = {settings.keys_dir: 0o077, settings.anchor_dir: 0o022, settings.spool_dir: 0o077}
    for folder, closed_to in folders.items():
        if folder.is_dir() and folder.stat().st_mode & closed_to:
            faults += 1
            yield wrong(area, "folder_exposed", folder=folder)
    files = [Path(database.engine.url.database)] if database.is_sqlite and database.engine.url.database else []
    for path in (*files, *(each for each in folders if each.is_dir())):
        facts = path.stat()
        if path in files and facts.st_mode & 0o077:
            faults += 1
            yield wrong(area, "file_exposed", file=path)
        if os.geteuid() not in {0, facts.st_uid}:
            faults += 1
            yield wrong(area, "owner_differs", file=path)
        elif not os.access(path, os.W_OK):
            faults += 1
            yield wrong(area, "not_writable", file=path)
    if not faults:
        yield good(area, "files_good")


def _disks(settings: Settings, database: Database) -> Iterator[Finding]:
    places = [settings.keys_dir, settings.anchor_dir, settings.spool_dir]
    if database.is_sqlite and database.engine.url.database:
        places.append(Path(database.engine.url.database).parent)
    disks: dict[int, Path] = {}
    for place in places:
        if place.is_dir():
            disks.setdefault(place.stat().st_dev, place)
    for place in disks.values():
        free = shutil.disk_usage(place).free
        facts = {"folder": place, "megabytes": free // 1_000_000}
        if free < FULL_DISK:
            yield wrong(Area.FILES, "disk_full", **facts)
        elif free < LOW_DISK:
            yield note(Area.FILES, "disk_low", **facts)
        else:
            yield good(Area.FILES, "disk_good", **facts)


def _database(database: Database) -> Iterator[Finding]:
    area = Area.DATABASE
    try:
        found = current_revision(database)
        with database.engine.connect() as connection:
            if database.is_sqlite:
                yield good(area, "sqlite_good", version=pysqlite3.dbapi2.sqlite_version)
                names = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            else:
                yield good(area, "postgresql_good", version=connection.scalar(text("SHOW server_version")))
                names = text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
            triggers = set(connection.scalars(names))
    except UnsafeDatabaseError as unsafe:  # opening it has looked at version, journal and flushing
        yield wrong(area, "database_unsafe", what=unsafe.what, found=unsafe.found, wanted=unsafe.wanted)
        return
    if found != newest_revision():
        yield wrong(area, "schema_behind", found=found or "-", wanted=newest_revision())
        return
    yield good(area, "schema_good", revision=found)
    endings = ("refuses_update", "refuses_delete") if database.is_sqlite else ("refuses_change",)
    lacking = [
        table.name
        for table in record_tables(Base)
        if not all(f"{table.name}_{ending}" in triggers for ending in endings)
    ]
    if lacking:
        yield wrong(area, "triggers_missing", tables=", ".join(lacking))
    else:
        yield good(area, "triggers_good", count=len(record_tables(Base)))


def _keys(settings: Settings, now: datetime) -> Iterator[Finding]:
    area = Area.KEYS
    files = key_files(settings.keys)
    exposed = [each.name for each in files if each.is_exposed]
    for name in exposed:
        yield wrong(area, "key_fault", kind="KeyFileExposed", name=name)
    try:
        check_key_files(settings.keys)
        known = load_or_create(settings.keys)
    except KeyFileFault as fault:
        if fault.name not in exposed:
            yield wrong(area, "key_fault", kind=type(fault).__name__, name=fault.name)
        return
    yield good(area, "keys_good", count=len(files))
    if any(not each.is_encrypted for each in files):
        yield note(area, "keys_plain")
    yield from _rotation(known, now)


def _rotation(known: ToolKeys, now: datetime) -> Iterator[Finding]:
    area = Area.KEYS
    for each in known.standings(now):
        facts = {"number": each.key.number, "kid": each.key.kid}
        if each.state is KeyState.SIGNING and now - each.key.began_at > ROTATION_DUE:
            yield note(area, "rotation_due", **facts, days=(now - each.key.began_at).days)
        if each.state is KeyState.SPENT:
            yield note(area, "key_spent", **facts)
        if each.state is KeyState.UPCOMING:
            yield good(area, "rotation_underway", **facts, time=each.key.began_at.isoformat())


def _worker(database: Database, now: datetime) -> Iterator[Finding]:
    with database.reading() as session:
        beats = session.scalars(select(WorkerBeat).order_by(WorkerBeat.at.desc())).all()
    live = [each for each in beats if now - each.at < SILENT_AFTER]
    if not beats:
        yield wrong(Area.WORKER, "worker_never")
    elif not live:
        yield wrong(Area.WORKER, "worker_silent", minutes=int((now - beats[0].at).total_seconds() // 60))
    else:
        yield good(Area.WORKER, "worker_good", count=len(live), seconds=int((now - live[0].at).total_seconds()))
    for each in live:
        for name, error in sorted(each.failing.items()):
            yield wrong(Area.WORKER, "round_fails", name=name, error=error)
