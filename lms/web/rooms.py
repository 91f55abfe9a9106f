"""The bar over every page: which rooms a visitor may enter, in the order in which they stand there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lms.services.permissions import Permission
from lms.services.sessions import Visitor
from lms.wording.gettext import _


@dataclass(frozen=True, slots=True)
class Room:
    """One entry of the bar."""

    endpoint: str
    """Where it leads; the blueprint before the dot is the room that it stands for."""
    permission: Permission
    label: Callable[[], str]
    also: tuple[str, ...] = ()
    """Other blueprints that belong to the room."""
    is_of_moodle: bool = False
    """Whether it has its place in the second row, under the bar's one entry for the connection with Moodle."""

    @property
    def blueprints(self) -> tuple[str, ...]:
        """The blueprints whose pages lie in the room."""
        return (self.endpoint.partition(".")[0], *self.also)


ROOMS = (
    Room("pledges.mine", Permission.LEARN, lambda: _("My pledges")),
    Room("attendance.register", Permission.READ_ATTENDANCE, lambda: _("Attendance")),
    Room("people.register", Permission.READ_PEOPLE, lambda: _("People's records")),
    Room("pledge_register.register", Permission.READ_PLEDGES, lambda: _("Pledges"), ("pledge_texts", "vendors")),
    Room("catalogue.overview", Permission.READ_CATALOGUE, lambda: _("Catalogue")),
    Room("trace.clauses", Permission.TRACE, lambda: _("Trace")),
    Room("evidence.packs", Permission.EXPORT_EVIDENCE, lambda: _("Evidence packs")),
    Room("selfcheck.page", Permission.READ_SELF_CHECK, lambda: _("Self-check")),
    Room(
        "roles.chart",
        Permission.READ_CHART,
        lambda: _("Roles"),
        ("my_roles", "appointing", "renewing", "bodies"),
    ),
    Room("identities.queue", Permission.LINK_IDENTITIES, lambda: _("Linking queue"), is_of_moodle=True),
    Room("deliveries.overview", Permission.MANAGE_DELIVERIES, lambda: _("Grades to Moodle"), is_of_moodle=True),
    Room("rosters.courses", Permission.READ_ROSTERS, lambda: _("Rosters"), is_of_moodle=True),
    Room(
        "platforms.overview",
        Permission.MANAGE_PLATFORMS,
        lambda: _("Platforms"),
        ("platform_changes",),
        is_of_moodle=True,
    ),
    Room("pools.planner", Permission.READ_AUDITORS, lambda: _("Internal audit"), ("auditors", "audits", "audit_areas")),
)


def home_of(asking: Visitor) -> str:
    """Return the endpoint at which a visitor begins."""
    return "training.home" if asking.account_id is None else "accounts.home"


def room_label(endpoint: str) -> str:
    """Return the name of the room that a page lies in; pages outside the bar's rooms are called by what they are for."""
    blueprint = endpoint.partition(".")[0]
    beside = {
        "sessions": lambda: _("Sessions"),
        "doctor": lambda: _("System check"),
        "accounts": lambda: _("Emergency account"),
        "account_uses": lambda: _("Uses of emergency accounts"),
    }
    if blueprint in beside:
        return beside[blueprint]()
    return next((room.label() for room in ROOMS if blueprint in room.blueprints), "")


def rooms_of(asking: Visitor) -> tuple[Room, ...]:
    """Return the bar's rooms that a visitor may enter; those of Moodle are one, and stand for all of them."""
    rooms = tuple(room for room in ROOMS if asking.may(room.permission) and not room.is_of_moodle)
    of_moodle = moodle_rooms_of(asking)
    if not of_moodle:
        return rooms
    first, *others = of_moodle
    also = tuple(blueprint for room in (first, *others) for blueprint in room.blueprints)
    return (*rooms, replace(first, label=lambda: _("Moodle"), also=also))


def moodle_rooms_of(asking: Visitor) -> tuple[Room, ...]:
    """Return the rooms of the connection with Moodle that a visitor may enter."""
    return tuple(room for room in ROOMS if asking.may(room.permission) and room.is_of_moodle)
