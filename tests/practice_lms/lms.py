"""The practice LMS itself, as tests drive it: an LTI 1.3 platform without a browser or a network.

``launch`` → the tool's login → ``authorize`` → the tool's launch: a test passes the fields from one to the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import requests
from flask import Flask

from tests.practice_lms import grading
from tests.practice_lms.clock import Clock
from tests.practice_lms.faults import FaultBoard
from tests.practice_lms.keys import KeyMaterial, KeyRing, SigningKey
from tests.practice_lms.model import (
    Activity,
    Event,
    Grade,
    LineItem,
    LmsCourse,
    LmsPerson,
    PlatformConfig,
)
from tests.practice_lms.oidc import LoginRequest, answer_authorization, begin_login
from tests.practice_lms.profiles import Profile
from tests.practice_lms.state import State

Mutation = Callable[[dict[str, Any], dict[str, Any]], tuple[Any, Any] | str]
"""Gets header and claims of a launch; gives those to sign instead, or a finished token."""


T = TypeVar("T")


class AmbiguousConfigError(Exception):
    """Two people, activities or links carry the same key or id."""


class PracticeLms:
    """One platform: configuration, state, clock, keys, faults, and hooks that spoil a launch."""

    def __init__(self, config: PlatformConfig) -> None:
        self.config = config
        self.clock = Clock()
        self.faults = FaultBoard()
        self.state = State.load(config.state_path)
        self.mutate: Mutation | None = None
        """Called on each launch before it is signed."""
        self.sign_with: KeyMaterial = None
        """Signs launches instead of the current key, under the current ``kid``; ``None`` is the current key."""
        self.fetch_jwks: Callable[[str], Mapping[str, Any]] = _fetch_json
        """Reads the tool's key set; a test may put a function in its place and need no network."""
        self.tool_keys: dict[str, Any] = {}
        """The tool's key set as last read, by ``kid``."""
        self._people = _index("person", [(person.key, person) for person in config.people])
        self._courses = _index(
            "activity", [(activity.key, course) for course in config.courses for activity in course.activities]
        )
        self._activities = {activity.key: activity for course in config.courses for activity in course.activities}
        _index("sub", [(person.sub, person) for person in config.people])
        _index("course", [(course.id, course) for course in config.courses])
        _index("resource link", [(activity.link_id, activity) for activity in self._activities.values()])
        for course in config.courses:
            self.state.fit_line_items(course)
        self.state.save()

    @property
    def profile(self) -> Profile:
        """The habits in force."""
        return self.config.profile

    @property
    def keys(self) -> KeyRing:
        """The platform's own keys."""
        return self.state.keys

    # People, courses, activities: a KeyError says that the key is not in the configuration.

    def person(self, person_key: str) -> LmsPerson:
        """The person of this key."""
        return self._people[person_key]

    def person_by_sub(self, sub: str) -> LmsPerson | None:
        """The person of this user id, if any."""
        return next((person for person in self.config.people if person.sub == sub), None)

    def enrol(self, person: LmsPerson) -> None:
        """Add an account, which is in every course at once.

        Raises:
            AmbiguousConfigError: The key or the user id is taken.
        """
        people = (*self.config.people, person)
        found = _index("person", [(each.key, each) for each in people])
        _index("sub", [(each.sub, each) for each in people])
        with self.state.lock:
            self._people = found
            self.config = replace(self.config, people=people)

    def activity(self, activity_key: str) -> Activity:
        """The activity of this key."""
        return self._activities[activity_key]

    def course_of(self, activity_key: str) -> LmsCourse:
        """The course in which the activity stands."""
        return self._courses[activity_key]

    def course(self, course_id: str) -> LmsCourse | None:
        """The course of this id, if any."""
        return next((course for course in self.config.courses if course.id == course_id), None)

    def suspend(self, person_key: str, suspended: bool = True) -> None:
        """Suspend a person's enrolment: absent from rosters and not gradable, until lifted with ``False``."""
        with self.state.lock:
            if suspended:
                self.state.suspended.add(self.person(person_key).key)
            else:
                self.state.suspended.discard(person_key)
            self.state.save()

    # Launches

    def launch(self, person_key: str, activity_key: str, locale: str = "ja") -> LoginRequest:
        """Begin a launch; the form to post to the tool's login URL."""
        return begin_login(self, person_key, activity_key, locale)

    def initiate_login(self, person_key: str, activity_key: str, locale: str = "ja") -> dict[str, str]:
        """Begin a launch; the fields of the form alone."""
        return self.launch(person_key, activity_key, locale).fields

    def authorize(self, query: Mapping[str, str], person_key: str) -> dict[str, str]:
        """Answer the tool's authorization request as the person logged in.

        Returns:
            ``id_token`` and ``state``, or ``error``, ``error_description`` and ``state``.

        Raises:
            UntrustedAuthorizationError: Nothing may be posted to the redirect URI of this request.
        """
        return answer_authorization(self, query, self.person(person_key)).fields

    def rotate_key(self) -> SigningKey:
        """Sign with a new key from now on; the old ones stay published until ``retire_old_keys``."""
        with self.state.lock:
            key = self.keys.rotate()
            self.state.save()
            return key

    def retire_old_keys(self) -> None:
        """Publish the current key alone."""
        with self.state.lock:
            self.keys.retire_old()
            self.state.save()

    # Line items and grades

    def line_items_of(self, activity_key: str) -> tuple[LineItem, ...]:
        """The line items bound to the activity's link."""
        link_id = self.activity(activity_key).link_id
        with self.state.lock:
            return tuple(item for item in self.state.line_items.values() if item.link_id == link_id)

    def add_line_item(self, course_id: str, label: str, maximum: float, **more: str) -> LineItem:
        """Add a line item; ``more`` may hold ``resource_id``, ``tag`` and ``link_id``."""
        with self.state.lock:
            item = self.state.add_line_item(LineItem(0, course_id, label, maximum, **more))
            self.state.save()
            return item

    def remove_line_item(self, line_item_id: int) -> None:
        """Remove a line item with its grades, as a teacher or another tool might."""
        with self.state.lock:
            self.state.line_items.pop(line_item_id)
            for place in [place for place in self.state.grades if place[0] == line_item_id]:
                del self.state.grades[place]
            self.state.save()

    def grade(self, person_key: str, activity_key: str) -> Grade | None:
        """The person's grade in the activity's first line item, if there is one."""
        items = self.line_items_of(activity_key)
        if not items:
            return None
        with self.state.lock:
            return self.state.grades.get((items[0].id, self.person(person_key).sub))

    def override_grade(self, line_item_id: int, sub: str, points: float, comment: str | None = None) -> None:
        """Put a teacher's points over what the tool sent."""
        with self.state.lock:
            grade = self.state.grades.setdefault((line_item_id, sub), Grade())
            grading.override(grade, points, comment, int(self.clock.timestamp()))
            self.state.save()
        self._record_teacher("override", line_item_id, sub)

    def lift_override(self, line_item_id: int, sub: str) -> None:
        """Let the tool's points count again."""
        with self.state.lock:
            grading.lift_override(self.state.grades[line_item_id, sub])
            self.state.save()
        self._record_teacher("override lifted", line_item_id, sub)

    def delete_grade(self, line_item_id: int, sub: str) -> None:
        """Clear a grade, as when a teacher resets it or a course is restored without user data."""
        with self.state.lock:
            self.state.grades.pop((line_item_id, sub), None)
            self.state.save()
        self._record_teacher("deleted", line_item_id, sub)

    # Events

    def record(self, kind: str, person: str, what: str, status: int, reason: str = "", fault: str = "") -> None:
        """Add a line to the event log."""
        with self.state.lock:
            self.state.events.append(Event(self.clock.now(), kind, person, what, status, reason, fault))

    def events(self, kind: str | None = None) -> list[Event]:
        """What happened, the oldest first; of one kind if asked."""
        with self.state.lock:
            return [event for event in self.state.events if kind in {None, event.kind}]

    def _record_teacher(self, what: str, line_item_id: int, sub: str) -> None:
        person = self.person_by_sub(sub)
        self.record("gradebook", person.key if person else sub, f"{what}: item {line_item_id}", 200)


def platform_of(app: Flask) -> PracticeLms:
    """The platform behind an application made by ``create_platform``."""
    lms = app.extensions["practice_lms"]
    assert isinstance(lms, PracticeLms)
    return lms


def _index(what: str, pairs: list[tuple[str, T]]) -> dict[str, T]:
    index = dict(pairs)
    if len(index) != len(pairs):
        raise AmbiguousConfigError(what)
    return index


def _fetch_json(url: str) -> Mapping[str, Any]:
    reply = requests.get(url, timeout=5, headers={"User-Agent": "practice-lms"})
    reply.raise_for_status()
    document = reply.json()
    assert isinstance(document, dict)
    return document
