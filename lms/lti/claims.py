"""Single values out of verified claims: each type checked where it is read, and nothing longer than a page bears."""

from collections.abc import Mapping
from typing import Any, Final

from lms.lti.http import MAX_URL_LENGTH, OutgoingRefused, origin_of
from lms.lti.id_tokens import MAX_ID_LENGTH, LaunchFault, LaunchRefused

LTI: Final = "https://purl.imsglobal.org/spec/lti/claim/"
MAX_TEXT: Final = 255
MAX_ENTRIES: Final = 100


def section(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> Mapping[str, Any]:
    """A claim that is an object, or nothing where it is absent."""
    value = claims.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LaunchRefused(fault)
    return value


def string(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A text as it is; None where it is absent or empty."""
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise LaunchRefused(fault)
    return value or None


def identifier(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A platform's id of something."""
    value = string(claims, name, fault)
    if value is not None and len(value) > MAX_ID_LENGTH:
        raise LaunchRefused(fault)
    return value


def text(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A text for people, on one line and cut where it is too long."""
    value = string(claims, name, fault)
    return " ".join((value or "").split())[:MAX_TEXT] or None


def whole(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """A text that means something else when cut: taken whole or not at all."""
    value = string(claims, name, fault)
    stripped = (value or "").strip()
    return stripped if 0 < len(stripped) <= MAX_TEXT else None


def flag(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> bool | None:
    """Yes or no; None where it is absent."""
    value = claims.get(name)
    if value is not None and not isinstance(value, bool):
        raise LaunchRefused(fault)
    return value


def address(claims: Mapping[str, Any], name: str, fault: LaunchFault) -> str | None:
    """An absolute http or https address."""
    value = string(claims, name, fault)
    if value is None:
        return None
    try:
        origin_of(value)
    except OutgoingRefused:
        raise LaunchRefused(fault) from None
    return value


def strings(value: object, fault: LaunchFault) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise LaunchRefused(fault)
    if not all(isinstance(one, str) and len(one) <= MAX_URL_LENGTH for one in value):
        raise LaunchRefused(fault)
    return tuple(value)


def strings_or_none(value: object, fault: LaunchFault) -> tuple[str, ...]:
    """A list of texts, empty where it is absent."""
    return () if value is None else strings(value, fault)
