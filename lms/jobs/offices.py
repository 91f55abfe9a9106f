"""What the rounds that call platforms share in one process: the health of the platforms, and the crews at work.

Source: architecture.md §2 (work in the background).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from lms.jobs.crews import Crews, Platforms
from lms.store.base import Database


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


def office_of(database: Database) -> Office:
    """Return the office of this process for a database."""
    with _lock:
        office = _offices.get(database)
        if office is None:
            office = _offices[database] = Office()
        return office
