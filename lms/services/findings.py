"""What `akashi doctor` finds: a stable code with its facts, and how bad it is; `lms.wording.doctor` makes sentences of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

_log = structlog.get_logger("akashi.doctor")


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    NOTE = "note"
    """To be looked at; nothing is broken."""
    WRONG = "wrong"
    """Something does not work, or is not safe."""
    UNKNOWN = "unknown"
    """It could not be found out."""


class Area(StrEnum):
    """What a finding is about, in the order in which they are shown."""

    SETTINGS = "settings"
    FILES = "files"
    DATABASE = "database"
    KEYS = "keys"
    WORKER = "worker"
    LEDGER = "ledger"
    ORGANISATION = "organisation"
    PLATFORMS = "platforms"
    DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: Area
    code: str
    level: Level
    facts: Mapping[str, str] = field(default_factory=dict)
    """Names of files, platforms and organisations, numbers and times: what an administrator may read."""


def good(area: Area, code: str, **facts: object) -> Finding:
    """Return a finding that all is well."""
    return Finding(area, code, Level.GOOD, {name: str(value) for name, value in facts.items()})


def note(area: Area, code: str, **facts: object) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(area, code, Level.NOTE, {name: str(value) for name, value in facts.items()})


def wrong(area: Area, code: str, **facts: object) -> Finding:
    """Return a finding that something is wrong."""
    return Finding(area, code, Level.WRONG, {name: str(value) for name, value in facts.items()})


def unknown(area: Area, code: str, **facts: object) -> Finding:
    """Return a finding that something could not be found out."""
    return Finding(area, code, Level.UNKNOWN, {name: str(value) for name, value in facts.items()})


def looked(area: Area, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Take a look; a look that fails is itself a finding, and the others go on."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - a doctor that falls over what is broken helps nobody
        _log.error("look failed", area=area.value, error=type(error).__name__)
        return [wrong(area, "look_failed", error=type(error).__name__)]
