"""What the practice LMS knows: people, courses, activities, line items, grades, events, and its configuration.

``sub``, context ids and resource-link ids are text, as in a launch; line-item ids are whole numbers, as in the
platform's URLs. Points are plain numbers out of the line item's maximum.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tests.practice_lms.profiles import MOODLE_4_5, Profile

PageText = str | Mapping[str, str]
"""Text for the pages: one string for both languages, or one for each of ``ja`` and ``en``."""


class LmsRole(StrEnum):
    """A person's place in the course, in the LMS's own words."""

    STUDENT = "student"
    TEACHER = "teacher"
    NONEDITING_TEACHER = "nonediting_teacher"
    MANAGER = "manager"
    ADMIN = "admin"


class Window(StrEnum):
    """Where an activity opens."""

    EMBED = "embed"
    NEW = "new"


class MessageType(StrEnum):
    """What a launch is for."""

    RESOURCE_LINK = "LtiResourceLinkRequest"
    DEEP_LINKING = "LtiDeepLinkingRequest"
    SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"


@dataclass(frozen=True)
class LmsPerson:
    """An account of the LMS."""

    key: str
    """Short name for tests and addresses of pages; unique in the platform."""
    sub: str
    """Numeric user id as text, the ``sub`` of a launch."""
    username: str
    family_name: str
    given_name: str
    staff_number: str = ""
    """ID number in Moodle; ``lis.person_sourcedid`` of a launch. Leading zeros matter."""
    email: str = ""
    lms_role: LmsRole = LmsRole.STUDENT
    group: PageText = ""
    """Heading under which the person stands on the first page."""
    note: PageText = ""
    """One line that says who this is."""
    timezone: str = "Asia/Tokyo"
    """``$Person.address.timezone``; Moodle sends "99" for the server's own."""
    moodle_groups: str = ""
    """``$Moodle.Person.userGroupIds``: ids separated by commas."""

    @property
    def display_name(self) -> str:
        """Family name first, as the pages show it."""
        return f"{self.family_name} {self.given_name}".strip()

    @property
    def is_gradable(self) -> bool:
        """Only students have grades; a score for anyone else is refused."""
        return self.lms_role is LmsRole.STUDENT

    @property
    def edits_courses(self) -> bool:
        """May add activities and copy courses: teachers, managers and the administrator, not assistants."""
        return self.lms_role in {LmsRole.TEACHER, LmsRole.MANAGER, LmsRole.ADMIN}

    @property
    def is_enrolled(self) -> bool:
        """The site's administrator enters courses without being enrolled in them."""
        return self.lms_role is not LmsRole.ADMIN


@dataclass(frozen=True)
class Activity:
    """An external-tool activity in a course."""

    key: str
    """Short name for tests and addresses of pages; unique in the platform."""
    title: str
    link_id: str
    """Resource-link id: a whole number as text, unique in the platform."""
    custom: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters of this activity."""
    maximum: float | None = None
    """Points of its own line item; ``None`` means that it has none."""
    window: Window = Window.EMBED
    description: str = ""
    resource_id: str = ""
    """``resourceId`` of its line item."""
    tag: str = ""
    """``tag`` of its line item."""
    section: PageText = ""
    """Heading under which it stands in the course."""
    client_id: str = ""
    """The registration of the tool that it opens; empty for the platform's first tool."""
    url: str = ""
    """Its own ``target_link_uri``; empty for the tool's."""
    line_item_label: str = ""
    """Label of its line item; empty for the title, as always in Moodle."""
    reviews: bool = False
    """Its line item names a submission review; review launches work without, too."""
    review_url: str = ""
    """``target_link_uri`` of its review launches; empty for that of the activity."""
    review_custom: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters of its review launches, beside its own."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """Values of ``ResourceLink.available.*`` and ``ResourceLink.submission.*``, by variable; none in Moodle."""


@dataclass(frozen=True)
class LmsCourse:
    """A course, the context of its launches."""

    id: str
    label: str
    title: str
    activities: tuple[Activity, ...]
    idnumber: str = ""
    """``lis.course_section_sourcedid``."""
    summary: PageText = ""
    copied_from: str = ""
    """``$Context.id.history``: the ids of the courses that this is a copy of."""
    starts_at: int = 1_795_301_683
    """Epoch seconds, ``$Context.timeFrame.begin``."""


AGS_SCOPES = tuple(
    f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}"
    for name in ("lineitem", "lineitem.readonly", "result.readonly", "score")
)
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"


@dataclass(frozen=True)
class ToolRegistration:
    """What the platform knows about the tool, and the ids that it gave it."""

    login_url: str
    redirect_uris: tuple[str, ...]
    """Compared character by character."""
    jwks_url: str
    target_link_uri: str
    client_id: str = "uPracticeLms001"
    deployment_id: str = "1"
    """Also the ``type_id`` of service URLs, as in Moodle."""
    name: str = "ISMS"
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters of every launch, after those of the activity."""
    scopes: tuple[str, ...] = (*AGS_SCOPES, NRPS_SCOPE)
    """What its service tokens may hold."""
    domain: str = ""
    """Host and port of ``target_link_uri``; filled in where left empty."""
    description: str = ""
    logo_url: str = ""
    """Icon of its activities; empty for the LMS's own."""
    takes_deep_linking: bool = True
    deep_linking_url: str = ""
    """``target_link_uri`` of its deep-linking launches; empty for ``target_link_uri``."""
    sends_names: bool | None = None
    """Names and user name go to this tool; ``None`` for what the platform does."""
    sends_email: bool | None = None
    """E-mail addresses go to this tool; ``None`` for what the platform does."""
    is_active: bool = True
    """Switched on by the administrator; a tool that registered itself waits for that."""
    in_chooser: bool = True
    """Teachers find it when they add an activity."""
    window: Window = Window.EMBED
    """Where activities open that its deep linking makes."""

    def __post_init__(self) -> None:
        if not self.domain:
            object.__setattr__(self, "domain", domain_of(self.target_link_uri))


def domain_of(url: str) -> str:
    """Host and port of an address, without ``www.``, as Moodle compares them; a bare host is an address too."""
    found = re.match(r"(?:https?://)?(?:www\.)?([^/]+)", url, re.IGNORECASE)
    return found[1] if found else ""


@dataclass(frozen=True)
class PlatformConfig:
    """One platform: one issuer, one organisation."""

    issuer: str
    """The base URL without a closing slash; also the ``iss`` of every launch."""
    tool: ToolRegistration
    """The first tool; others register themselves (``PracticeLms.registrations``)."""
    people: tuple[LmsPerson, ...]
    courses: tuple[LmsCourse, ...]
    name: str = "Practice LMS"
    """Site name on the pages; ``description`` of ``tool_platform``."""
    short_name: str = "practice"
    """``name`` of ``tool_platform``."""
    sends_names: bool = True
    """Names and user name are sent in launches and rosters."""
    sends_email: bool = True
    """E-mail addresses are sent in launches and rosters."""
    profile: Profile = MOODLE_4_5
    state_path: Path | None = None
    """JSON file that keeps keys, line items and grades from one run to the next; ``None`` keeps nothing."""

    def for_tool(self, tool: ToolRegistration) -> "PlatformConfig":
        """The platform as this tool sees it: the tool in the first one's place, its own privacy in force."""
        return replace(
            self,
            tool=tool,
            sends_names=self.sends_names if tool.sends_names is None else tool.sends_names,
            sends_email=self.sends_email if tool.sends_email is None else tool.sends_email,
        )


@dataclass
class LineItem:
    """A column of the gradebook."""

    id: int
    course_id: str
    label: str
    maximum: float
    resource_id: str = ""
    tag: str = ""
    link_id: str | None = None
    """Resource link to which it is bound, if any."""
    client_id: str = ""
    """The registration whose item it is; empty for the platform's first tool. Other tools do not see it."""


@dataclass
class Grade:
    """A person's place in one line item. The stored time is the score's, in whole seconds, not the clock's."""

    raw: float | None = None
    """What the tool sent, scaled to the line item's maximum."""
    final: float | None = None
    """What counts: the raw grade, or what a teacher put over it."""
    comment: str | None = None
    modified: int | None = None
    """Epoch seconds; ``None`` when there is neither grade nor comment."""
    overridden: bool = False
    """A teacher's grade, or nothing, stands here; later scores are answered 200 and do not change it."""
    locked: bool = False
    """A teacher has locked it: scores are refused, and nothing changes."""


@dataclass(frozen=True)
class Event:
    """Something that happened, for the log page and for tests."""

    at: datetime
    kind: str
    """login, auth, launch, token, jwks, configuration, registration, tool, content, course, gradebook, or the name of a service
    (lineitems, lineitem, results, scores, memberships)."""
    person: str
    """Key of the person, or an empty string."""
    what: str
    status: int
    reason: str = ""
    fault: str = ""
    """The fault that was served on demand, or an empty string."""
