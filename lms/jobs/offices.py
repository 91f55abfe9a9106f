"""What the rounds that call platforms share: the health of the platforms, the crews at work, and how crews are set to it.

Glossary: an *errand* is one kind of work on platforms' services, such as sending scores.

Source: architecture.md §2 (work in the background).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from lms.config import Settings
from lms.jobs.crews import Breakdown, Crews, Done, Platforms
from lms.lti.connection import PlatformServices, platform_services
from lms.services.outbox import OF_THE_PLATFORM
from lms.store.base import Database

_Claimed = TypeVar("_Claimed")
_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class Errand(Generic[_Claimed, _Outcome]):
    """One kind of work: which platforms it is due for, how pieces of it are claimed, and the call that does one."""

    name: str
    due_for: Callable[[Session, datetime], list[int]]
    """The platforms for which something is due."""
    claim: Callable[[Session, int, int, datetime], list[_Claimed]]
    """Takes at most so many pieces of one platform's."""
    call: Callable[[PlatformServices, _Claimed], _Outcome]
    is_failure: Callable[[_Outcome], bool]
    """Whether an outcome says that the platform is out of order."""
    batch: int
    """Pieces that a platform's crew gets at once."""
    seconds: float
    """After which a crew begins no other piece, so that the slowest platform is done before the lease is."""


class Office:
    """The health of platforms, and the crews of each kind of work, for one database."""

    def __init__(self) -> None:
        """Begin with nobody at work."""
        self.platforms = Platforms()
        self._crews: dict[str, Crews[Any, Any]] = {}
        self._lock = threading.Lock()

    def crews(self, name: str, make: Callable[[], Crews[Any, Any]]) -> Crews[Any, Any]:
        """Return the crews of a kind of work, made at the first asking."""
        with self._lock:
            if name not in self._crews:
                self._crews[name] = make()
            return self._crews[name]

    def is_at_work(self) -> bool:
        """Tell whether any crew has not ended yet, or has not been asked what came of its work."""
        with self._lock:
            return any(each.has_work for each in self._crews.values())


_offices: WeakKeyDictionary[Database, Office] = WeakKeyDictionary()
_lock = threading.Lock()


ErrandCrews = Crews[tuple[PlatformServices, _Claimed], _Outcome]


def send_out(
    database: Database, settings: Settings, errand: Errand[_Claimed, _Outcome], now: datetime
) -> Iterator[list[Done[tuple[PlatformServices, _Claimed], _Outcome]]]:
    """Give each platform's crew what is due to it, and yield what is done, of this call and of those before."""
    office = office_of(database)
    crews: ErrandCrews[_Claimed, _Outcome] = office.crews(
        errand.name, lambda: Crews(lambda task: errand.call(*task), errand.is_failure)
    )
    yield from crews.gather(_start(database, settings, errand, crews, now))


def _start(
    database: Database,
    settings: Settings,
    errand: Errand[_Claimed, _Outcome],
    crews: ErrandCrews[_Claimed, _Outcome],
    now: datetime,
) -> list[int]:
    """Let crews begin; return the platforms whose crews have."""
    platforms = office_of(database).platforms
    with database.reading() as session:  # an idle worker leaves the write lock to those who answer
        due = errand.due_for(session, now)
    ready = [each for each in due if not crews.is_busy(each) and not platforms.rests(each, now)]
    if not ready:
        return []
    with database.transaction() as session:
        claims = {
            each: errand.claim(session, each, 1 if platforms.is_doubtful(each) else errand.batch, now) for each in ready
        }
    services = platform_services(settings)
    begun = [each for each, claimed in claims.items() if claimed]
    for each in begun:
        crews.start(each, [(services, claimed) for claimed in claims[each]], errand.seconds)
    return begun


def breakdown_of(code: str | None, after_seconds: int | None) -> Breakdown | None:
    """Return what the code of an outcome says of the platform; None where it answered as it should."""
    if code not in OF_THE_PLATFORM and code != "busy":
        return None
    return Breakdown(code in OF_THE_PLATFORM, None if after_seconds is None else timedelta(seconds=after_seconds))


def office_of(database: Database) -> Office:
    """Return the office of this process for a database."""
    with _lock:
        office = _offices.get(database)
        if office is None:
            office = _offices[database] = Office()
        return office
