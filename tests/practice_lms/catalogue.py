"""The courses and activities in force: those of the configuration, and those that came while the platform ran."""

from dataclasses import replace
from typing import TypeVar

from tests.practice_lms.model import Activity, LmsCourse, PlatformConfig
from tests.practice_lms.state import State

FIRST_ADDED_LINK = 1001
FIRST_ADDED_COURSE = 101
"""Added links and courses have numbers of their own, so that a configuration can grow beneath a kept state."""

T = TypeVar("T")


class AmbiguousConfigError(Exception):
    """Two people, activities or links carry the same key or id."""


class Catalogue:
    """Courses and activities by key and id; a KeyError says that there is none of this key."""

    def __init__(self, config: PlatformConfig, state: State) -> None:
        self._config = config
        self._state = state
        self._read()

    @property
    def courses(self) -> tuple[LmsCourse, ...]:
        """The courses, with all their activities."""
        return self._courses

    def activity(self, key: str) -> Activity:
        """The activity of this key."""
        return self._activities[key]

    def course_of(self, key: str) -> LmsCourse:
        """The course in which the activity of this key stands."""
        return self._places[key]

    def activity_of_link(self, link_id: str) -> Activity | None:
        """The activity of this resource link, if any."""
        return next((activity for activity in self._activities.values() if activity.link_id == link_id), None)

    def course(self, course_id: str) -> LmsCourse | None:
        """The course of this id, if any."""
        return next((course for course in self._courses if course.id == course_id), None)

    def add_activity(self, course_id: str, activity: Activity) -> Activity:
        """Add an activity to a course, under a new key and link id, with its line item."""
        with self._state.lock:
            placed = self._numbered(activity, self._next_link())
            self._state.activities.append((course_id, placed))
            self._read()
            self._state.save()
            return placed

    def add_course(self, course: LmsCourse) -> LmsCourse:
        """Add a course under a new id; its activities get new keys, link ids and line items."""
        with self._state.lock:
            numbers = [int(other.id) for other in self._courses if other.id.isdecimal()]
            course_id = str(max([FIRST_ADDED_COURSE - 1, *numbers]) + 1)
            first = self._next_link()
            activities = tuple(
                self._numbered(activity, first + place) for place, activity in enumerate(course.activities)
            )
            placed = replace(course, id=course_id, activities=activities)
            self._state.courses.append(placed)
            self._read()
            self._state.save()
            return placed

    def _next_link(self) -> int:
        return max([FIRST_ADDED_LINK - 1, *(int(activity.link_id) for activity in self._activities.values())]) + 1

    @staticmethod
    def _numbered(activity: Activity, link: int) -> Activity:
        return replace(activity, key=f"link{link}", link_id=str(link))

    def _read(self) -> None:
        """Put configuration and state together.

        Raises:
            AmbiguousConfigError: Two courses, activities or links carry the same key or id.
        """
        courses = []
        for course in (*self._config.courses, *self._state.courses):
            added = [activity for course_id, activity in self._state.activities if course_id == course.id]
            courses.append(replace(course, activities=(*course.activities, *added)))
        places = [(activity.key, course) for course in courses for activity in course.activities]
        activities = [activity for course in courses for activity in course.activities]
        index("course", [(course.id, course) for course in courses])
        index("resource link", [(activity.link_id, activity) for activity in activities])
        self._courses = tuple(courses)
        self._places = index("activity", places)
        self._activities = {activity.key: activity for activity in activities}
        for course in courses:
            self._state.fit_line_items(course)


def index(what: str, pairs: list[tuple[str, T]]) -> dict[str, T]:
    """The pairs as a dictionary.

    Raises:
        AmbiguousConfigError: A key stands there twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AmbiguousConfigError(what)
    return found
