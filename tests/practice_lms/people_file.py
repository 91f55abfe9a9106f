"""Reading the cast and the courses from a JSON file: ``{"people": [...], "courses": [...]}``.

Fields are those of ``LmsPerson``, ``LmsCourse`` and ``Activity``; beside the two lists the file may give ``name``,
``short_name``, ``sends_names`` and ``sends_email`` of the platform.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tests.practice_lms.model import Activity, LmsCourse, LmsPerson, LmsRole, PlatformConfig, ToolRegistration, Window

PLATFORM_FIELDS = ("name", "short_name", "sends_names", "sends_email")


class PeopleFileError(Exception):
    """The file does not say what it should; the text names the place and the field."""


def with_people_file(config: PlatformConfig, path: Path) -> PlatformConfig:
    """The configuration with the people and courses of the file.

    Raises:
        PeopleFileError: A field is missing or unknown, or a value is not one of those allowed.
        OSError: The file cannot be read.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not isinstance(document.get("people"), list):
        raise PeopleFileError("people")
    if not isinstance(document.get("courses"), list):
        raise PeopleFileError("courses")
    unknown = set(document) - {"people", "courses", *PLATFORM_FIELDS}
    if unknown:
        raise PeopleFileError(", ".join(sorted(unknown)))
    more = {name: document[name] for name in PLATFORM_FIELDS if name in document}
    people = tuple(_person(entry, f"people[{place}]") for place, entry in enumerate(document["people"]))
    courses = tuple(course_from(entry, f"courses[{place}]") for place, entry in enumerate(document["courses"]))
    return replace(config, people=people, courses=courses, **more)


def _person(entry: Any, place: str) -> LmsPerson:
    values = _values(LmsPerson, entry, place)
    if "lms_role" in values:
        values["lms_role"] = _member(LmsRole, values["lms_role"], f"{place}.lms_role")
    return LmsPerson(**_texts(values, ("sub", "staff_number")))


def course_from(entry: Any, place: str) -> LmsCourse:
    """A course from its JSON object; ``place`` stands in the error.

    Raises:
        PeopleFileError: A field is missing or unknown, or a value is not one of those allowed.
    """
    values = _values(LmsCourse, entry, place)
    values["activities"] = tuple(
        activity_from(activity, f"{place}.activities[{index}]") for index, activity in enumerate(values["activities"])
    )
    return LmsCourse(**_texts(values, ("id",)))


def activity_from(entry: Any, place: str) -> Activity:
    """An activity from its JSON object; ``place`` stands in the error.

    Raises:
        PeopleFileError: A field is missing or unknown, or a value is not one of those allowed.
    """
    values = _values(Activity, entry, place)
    if "window" in values:
        values["window"] = _member(Window, values["window"], f"{place}.window")
    if not str(values["link_id"]).isdecimal():
        raise PeopleFileError(f"{place}.link_id")
    return Activity(**_texts(values, ("link_id",)))


def tool_from(entry: Any) -> ToolRegistration:
    """A registration from its JSON object, as the platform itself has written it."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return ToolRegistration(**values | {"window": Window(entry["window"])})


def _values(kind: type, entry: Any, place: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise PeopleFileError(place)
    known = {field.name for field in fields(kind)}
    needed = {name for name in known if name not in vars(kind) and not _has_factory(kind, name)}
    wrong = (set(entry) - known) | (needed - set(entry))
    if wrong:
        raise PeopleFileError(f"{place}: {', '.join(sorted(wrong))}")
    return dict(entry)


def _has_factory(kind: type, name: str) -> bool:
    return any(field.name == name and callable(field.default_factory) for field in fields(kind))


def _member(kind: type, value: Any, place: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise PeopleFileError(f"{place}: {value}") from None


def _texts(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Ids written as numbers become text; a staff number written so has lost its zeros, which is the file's matter."""
    return values | {name: str(values[name]) for name in names if name in values}
