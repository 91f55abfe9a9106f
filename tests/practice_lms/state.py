"""Everything that changes while the platform runs, behind one lock, with an optional JSON file beneath.

The file keeps what a second run needs: signing keys, the secret of the session cookie, line items, grades,
suspensions, and the tools, courses and activities that came while it ran. Launches under way, service tokens and the event log are forgotten, as after a restart of an LMS.
"""

import json
import os
import secrets
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.practice_lms.keys import KeyRing, SigningKey
from tests.practice_lms.model import Activity, Event, Grade, LineItem, LmsCourse, MessageType, ToolRegistration
from tests.practice_lms.people_file import activity_from, course_from, tool_from

EVENTS_KEPT = 2000
PENDING_LAUNCHES_KEPT = 10_000
FIRST_LINE_ITEM = 2
"""In Moodle the first grade item of a site is the course total."""


@dataclass(frozen=True)
class PendingLaunch:
    """A login that the platform began and the tool has not come back from."""

    person_key: str
    course_id: str
    locale: str
    client_id: str
    activity_key: str = ""
    """Empty while content is being chosen."""
    message: MessageType = MessageType.RESOURCE_LINK
    for_user: str = ""
    """``sub`` of the person whose work is to be reviewed."""


@dataclass(frozen=True)
class PendingReturn:
    """A choice of content that was begun: who chooses, where, and with which tool."""

    person_key: str
    course_id: str
    client_id: str
    data: str


@dataclass(frozen=True)
class AccessToken:
    """A service token: what it allows and until when (epoch seconds)."""

    scopes: tuple[str, ...]
    expires: float
    client_id: str
    """The registration for which it was given."""


@dataclass
class State:
    """The platform's memory. Take ``lock`` around whatever reads and then writes."""

    path: Path | None = None
    keys: KeyRing = field(default_factory=KeyRing)
    session_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    line_items: dict[int, LineItem] = field(default_factory=dict)
    grades: dict[tuple[int, str], Grade] = field(default_factory=dict)
    """By line-item id and ``sub``, in the order of first grading."""
    suspended: set[str] = field(default_factory=set)
    """Keys of people whose enrolment is suspended."""
    unenrolled: set[str] = field(default_factory=set)
    """Keys of people who have left the courses."""
    courses: list[LmsCourse] = field(default_factory=list)
    """Courses that came while the platform ran."""
    activities: list[tuple[str, Activity]] = field(default_factory=list)
    """Activities that came while the platform ran, each with the id of its course."""
    registrations: dict[str, ToolRegistration] = field(default_factory=dict)
    """Tools that registered themselves, and the first tool where it was updated, by client id."""
    used_registration_tokens: set[str] = field(default_factory=set)
    """Update tokens that have served, where a platform lets them serve once."""
    pending_launches: dict[str, PendingLaunch] = field(default_factory=dict)
    """By launch id, the oldest first."""
    pending_returns: dict[str, PendingReturn] = field(default_factory=dict)
    """Choices of content under way, by the key in the return address, the oldest first."""
    used_nonces: set[tuple[str, str]] = field(default_factory=set)
    """Nonces of deep-linking returns, each with the client id of its tool."""
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    used_assertions: set[str] = field(default_factory=set)
    """``jti`` values that bought a token."""
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def load(cls, path: Path | None) -> "State":
        """The state of the last run, or a new one where there is no file."""
        if path is None or not path.exists():
            return cls(path=path)
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            path=path,
            keys=KeyRing([SigningKey.from_pem(kid, pem) for kid, pem in kept["keys"]]),
            session_secret=kept["session_secret"],
            line_items={item["id"]: LineItem(**item) for item in kept["line_items"]},
            grades={(item, sub): Grade(**grade) for item, sub, grade in kept["grades"]},
            suspended=set(kept["suspended"]),
            unenrolled=set(kept.get("unenrolled", ())),
            courses=[course_from(course, "courses") for course in kept.get("courses", ())],
            activities=[(where, activity_from(entry, "activities")) for where, entry in kept.get("activities", ())],
            registrations={tool["client_id"]: tool_from(tool) for tool in kept.get("registrations", ())},
        )

    def save(self) -> None:
        """Write the file at once and whole, readable by its owner alone; without a path do nothing."""
        if self.path is None:
            return
        with self.lock:
            text = json.dumps(self._kept(), ensure_ascii=False, indent=1)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_name(self.path.name + ".new")
            beside.unlink(missing_ok=True)
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            beside.replace(self.path)

    def _kept(self) -> dict[str, Any]:
        return {
            "keys": [[key.kid, key.pem()] for key in self.keys.keys],
            "session_secret": self.session_secret,
            "line_items": [asdict(item) for item in self.line_items.values()],
            "grades": [[item, sub, asdict(grade)] for (item, sub), grade in self.grades.items()],
            "suspended": sorted(self.suspended),
            "unenrolled": sorted(self.unenrolled),
            "courses": [asdict(course) for course in self.courses],
            "activities": [[where, asdict(activity)] for where, activity in self.activities],
            "registrations": [asdict(tool) for tool in self.registrations.values()],
        }

    def add_line_item(self, item: LineItem) -> LineItem:
        """Give the item the next free id and keep it."""
        with self.lock:
            item.id = max(self.line_items, default=FIRST_LINE_ITEM - 1) + 1
            self.line_items[item.id] = item
            return item

    def fit_line_items(self, course: LmsCourse) -> None:
        """See that each activity with points has its item; ids of items that exist stay as they are."""
        by_link = {item.link_id: item for item in reversed(self.line_items.values()) if item.link_id}
        for activity in course.activities:
            if activity.maximum is None:
                continue
            found = by_link.get(activity.link_id)
            if found is None:
                self.add_line_item(
                    LineItem(
                        0, course.id, activity.line_item_label or activity.title, activity.maximum,
                        activity.resource_id, activity.tag, activity.link_id, activity.client_id,
                    )
                )  # fmt: skip
            else:
                found.course_id, found.label = course.id, activity.line_item_label or activity.title
                found.maximum, found.client_id = activity.maximum, activity.client_id
                found.resource_id, found.tag = activity.resource_id, activity.tag

    def keep_pending(self, launch_id: str, launch: PendingLaunch) -> None:
        """Remember a login that begins; the oldest are forgotten when there are very many."""
        with self.lock:
            self.pending_launches[launch_id] = launch
            while len(self.pending_launches) > PENDING_LAUNCHES_KEPT:
                self.pending_launches.pop(next(iter(self.pending_launches)))

    def keep_return(self, key: str, pending: PendingReturn) -> None:
        """Remember a choice of content that begins; the oldest are forgotten when there are very many."""
        with self.lock:
            self.pending_returns[key] = pending
            while len(self.pending_returns) > PENDING_LAUNCHES_KEPT:
                self.pending_returns.pop(next(iter(self.pending_returns)))
