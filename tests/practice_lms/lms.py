"""The practice LMS itself, as tests drive it: an LTI 1.3 platform without a browser or a network.

``launch`` → the tool's login → ``authorize`` → the tool's launch: a test passes the fields from one to the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import requests
from flask import Flask

from tests.practice_lms import course_copies, deep_linking, registration
from tests.practice_lms.catalogue import Catalogue, index
from tests.practice_lms.clock import Clock
from tests.practice_lms.deep_linking import ContentChoice, DeepLinkingRefusedError
from tests.practice_lms.faults import FaultBoard
from tests.practice_lms.gradebook import Gradebook
from tests.practice_lms.keys import KeyMaterial, KeyRing, SigningKey
from tests.practice_lms.model import (
    Activity,
    Event,
    LmsCourse,
    LmsPerson,
    MessageType,
    PlatformConfig,
    ToolRegistration,
)
from tests.practice_lms.oidc import LoginRequest, answer_authorization, begin_login
from tests.practice_lms.profiles import Profile
from tests.practice_lms.registration import RegistrationStart
from tests.practice_lms.state import PendingLaunch, State

Mutation = Callable[[dict[str, Any], dict[str, Any]], tuple[Any, Any] | str]
"""Gets header and claims of a launch; gives those to sign instead, or a finished token."""


class PracticeLms(Gradebook):
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
        self.tool_keys: dict[str, dict[str, Any]] = {}
        """The tools' key sets as last read, by client id and ``kid``."""
        self._people = index("person", [(person.key, person) for person in config.people])
        index("sub", [(person.sub, person) for person in config.people])
        # The first tool is the configuration's matter at each start, even where it has updated itself.
        self.state.registrations.pop(config.tool.client_id, None)
        self.catalogue = Catalogue(config, self.state)
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
        found = index("person", [(each.key, each) for each in people])
        index("sub", [(each.sub, each) for each in people])
        with self.state.lock:
            self._people = found
            self.config = replace(self.config, people=people)

    @property
    def courses(self) -> tuple[LmsCourse, ...]:
        """All courses, those that were copied here too."""
        return self.catalogue.courses

    def activity(self, activity_key: str) -> Activity:
        """The activity of this key."""
        return self.catalogue.activity(activity_key)

    def course_of(self, activity_key: str) -> LmsCourse:
        """The course in which the activity stands."""
        return self.catalogue.course_of(activity_key)

    def course(self, course_id: str) -> LmsCourse | None:
        """The course of this id, if any."""
        return self.catalogue.course(course_id)

    def copy_course(self, course_id: str, title: str = "", restored_elsewhere: bool = False) -> LmsCourse:
        """Copy a course without its grades: new context and link ids, the same custom parameters and line items.

        ``$Context.id.history`` of the copy names the course and what that is a copy of. With ``restored_elsewhere`` the
        copy is as a backup restored in another place: its tools have new client ids and deployments, and no history.
        """
        source = self.course(course_id)
        if source is None:
            raise KeyError(course_id)
        copied = course_copies.copy_course(self, source, title, restored_elsewhere)
        self.record("course", "", f"copied: {course_id} to {copied.id}", 200)
        return copied

    def suspend(self, person_key: str, suspended: bool = True) -> None:
        """Suspend a person's enrolment, until lifted with ``False``: absent from rosters, and in Moodle still gradable."""
        self._mark(self.state.suspended, person_key, suspended)

    def unenrol(self, person_key: str, gone: bool = True) -> None:
        """Take a person out of the courses, or back in with ``False``: absent from rosters, not gradable, grades gone."""
        if gone:
            sub = self.person(person_key).sub
            with self.state.lock:
                for place in [place for place in self.state.grades if place[1] == sub]:
                    del self.state.grades[place]
        self._mark(self.state.unenrolled, person_key, gone)

    def _mark(self, people: set[str], person_key: str, marked: bool) -> None:
        with self.state.lock:
            if marked:
                people.add(self.person(person_key).key)
            else:
                people.discard(person_key)
            self.state.save()

    # Tools

    def registrations(self) -> tuple[ToolRegistration, ...]:
        """The registered tools: the configuration's first, then those that registered themselves, in that order."""
        with self.state.lock:
            first = self.state.registrations.get(self.config.tool.client_id, self.config.tool)
            others = [tool for tool in self.state.registrations.values() if tool.client_id != first.client_id]
        return (first, *others)

    def registration(self, client_id: str = "") -> ToolRegistration:
        """The tool of this client id, or the first one. A KeyError says that there is none."""
        wanted = client_id or self.config.tool.client_id
        for tool in self.registrations():
            if tool.client_id == wanted:
                return tool
        raise KeyError(wanted)

    def begin_registration(self, client_id: str | None = None) -> RegistrationStart:
        """What an administrator's browser opens the tool's registration page with: ``start.address(url)``.

        With a client id, for an update of that registration, which keeps client id and deployment id.
        The tool then reads ``start.openid_configuration`` and posts to the registration endpoint named there.
        """
        return registration.begin_registration(self, client_id)

    def activate(self, client_id: str, in_chooser: bool = True) -> ToolRegistration:
        """Switch a pending tool on, and show it to teachers who add an activity, as an administrator would."""
        with self.state.lock:
            tool = replace(self.registration(client_id), is_active=True, in_chooser=in_chooser)
            self.keep_registration(tool)
        self.record("tool", "", f"activated: {tool.name}", 200)
        return tool

    def keep_registration(self, tool: ToolRegistration) -> None:
        """Put a registration in the place of what stood under its client id, if anything did."""
        with self.state.lock:
            self.state.registrations[tool.client_id] = tool
            self.tool_keys.pop(tool.client_id, None)
            self.state.save()

    def remove_registration(self, client_id: str) -> None:
        """Forget a tool that registered itself; its activities stay and open nothing, as in Moodle."""
        with self.state.lock:
            self.state.registrations.pop(client_id)
            self.state.save()

    def next_deployment_id(self) -> str:
        """The number of the next registration."""
        numbers = [int(tool.deployment_id) for tool in self.registrations() if tool.deployment_id.isdecimal()]
        return str(max(numbers, default=0) + 1)

    # Launches

    def launch(self, person_key: str, activity_key: str, locale: str = "ja", client_id: str = "") -> LoginRequest:
        """Begin a launch; the form to post to the tool's login URL.

        The activity says which tool it opens; ``client_id`` opens it with another.
        """
        activity, course = self.activity(activity_key), self.course_of(activity_key)
        tool = self.registration(client_id or activity.client_id)
        return begin_login(self, PendingLaunch(person_key, course.id, locale, tool.client_id, activity_key))

    def deep_link(self, person_key: str, course_id: str, locale: str = "ja", client_id: str = "") -> LoginRequest:
        """Begin to choose content of a tool, the first unless another is named; the form to post to its login URL.

        ``authorize`` then gives the id_token, whose ``deep_link_return_url`` and the tool's form go to
        ``receive_content``.

        Raises:
            DeepLinkingRefusedError: The person may not add activities, or the tool waits or offers no choice.
        """
        tool, course = self.registration(client_id), self.course(course_id)
        if course is None:
            raise KeyError(course_id)
        if not self.person(person_key).edits_courses:
            raise DeepLinkingRefusedError("only those who edit the course add activities")
        if not (tool.is_active and tool.takes_deep_linking):
            raise DeepLinkingRefusedError("the tool waits to be activated, or offers no choice of content")
        pending = PendingLaunch(person_key, course.id, locale, tool.client_id, message=MessageType.DEEP_LINKING)
        return begin_login(self, pending)

    def receive_content(self, return_url: str, form: Mapping[str, str], person_key: str) -> ContentChoice:
        """Take the form (``JWT``) that the tool has this person's browser post to the return address.

        The new activities have line items of their own, where the tool names one, and launch like all others:
        ``lms.launch(person, choice.activities[0].key)``.

        Raises:
            DeepLinkingRefusedError: Something is wrong, which stands in the event log too; nothing is made.
        """
        try:
            choice = deep_linking.receive_content(self, return_url, form, person_key)
        except DeepLinkingRefusedError as refused:
            self.record("content", person_key, "", 400, refused.reason)
            raise
        titles = ", ".join(activity.title for activity in choice.activities)
        self.record("content", person_key, titles, 200, choice.message)
        return choice

    def review(
        self, person_key: str, activity_key: str, for_person: str, locale: str = "ja", client_id: str = ""
    ) -> LoginRequest:
        """Begin to look at the work of ``for_person``; the form to post to the tool's login URL.

        A student gets such a launch for another student, as in Moodle: the tool has to refuse it.
        """
        activity, course = self.activity(activity_key), self.course_of(activity_key)
        tool, whose = self.registration(client_id or activity.client_id), self.person(for_person).sub
        kind = MessageType.SUBMISSION_REVIEW
        return begin_login(
            self, PendingLaunch(person_key, course.id, locale, tool.client_id, activity_key, kind, whose)
        )

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

    # Events

    def record(self, kind: str, person: str, what: str, status: int, reason: str = "", fault: str = "") -> None:
        """Add a line to the event log."""
        with self.state.lock:
            self.state.events.append(Event(self.clock.now(), kind, person, what, status, reason, fault))

    def events(self, kind: str | None = None) -> list[Event]:
        """What happened, the oldest first; of one kind if asked."""
        with self.state.lock:
            return [event for event in self.state.events if kind in {None, event.kind}]


def platform_of(app: Flask) -> PracticeLms:
    """The platform behind an application made by ``create_platform``."""
    lms = app.extensions["practice_lms"]
    assert isinstance(lms, PracticeLms)
    return lms


def _fetch_json(url: str) -> Mapping[str, Any]:
    reply = requests.get(url, timeout=5, headers={"User-Agent": "practice-lms"})
    reply.raise_for_status()
    document = reply.json()
    assert isinstance(document, dict)
    return document
