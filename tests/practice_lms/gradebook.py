"""What tests and teachers do in the gradebook: line items, overrides, locks, deletions."""

from abc import ABC, abstractmethod

from tests.practice_lms import grading
from tests.practice_lms.clock import Clock
from tests.practice_lms.model import Activity, Grade, LineItem, LmsPerson
from tests.practice_lms.state import State


class Gradebook(ABC):
    """The part of a platform that holds line items and grades."""

    state: State
    clock: Clock

    @abstractmethod
    def person(self, person_key: str) -> LmsPerson:
        """The person of this key."""

    @abstractmethod
    def person_by_sub(self, sub: str) -> LmsPerson | None:
        """The person of this user id, if any."""

    @abstractmethod
    def activity(self, activity_key: str) -> Activity:
        """The activity of this key."""

    @abstractmethod
    def record(self, kind: str, person: str, what: str, status: int, reason: str = "", fault: str = "") -> None:
        """Add a line to the event log."""

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

    def override_grade(self, line_item_id: int, sub: str, points: float | None, comment: str | None = None) -> None:
        """Put a teacher's points over what the tool sent; ``None`` empties the cell, which then stays empty."""
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

    def lock_grade(self, line_item_id: int, sub: str, locked: bool = True) -> None:
        """Lock a grade as a teacher may, until lifted with ``False``: scores are refused, results show it as before."""
        with self.state.lock:
            self.state.grades.setdefault((line_item_id, sub), Grade()).locked = locked
            self.state.save()
        self._record_teacher("locked" if locked else "unlocked", line_item_id, sub)

    def delete_grade(self, line_item_id: int, sub: str) -> None:
        """Clear a grade, as when a teacher resets it or a course is restored without user data."""
        with self.state.lock:
            self.state.grades.pop((line_item_id, sub), None)
            self.state.save()
        self._record_teacher("deleted", line_item_id, sub)

    def _record_teacher(self, what: str, line_item_id: int, sub: str) -> None:
        person = self.person_by_sub(sub)
        self.record("gradebook", person.key if person else sub, f"{what}: item {line_item_id}", 200)
