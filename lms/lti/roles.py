"""The roles that a platform states for a person: what they say within their context, and nothing beyond it.

Only context ("membership") roles are read. System and institution roles say what somebody is elsewhere, and no LTI role
opens anything outside the context of its launch.

Source: LTI Core 1.3, appendix A.2 (role vocabularies).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class LtiRole(StrEnum):
    """A core context role, by its full URI."""

    ADMINISTRATOR = "http://purl.imsglobal.org/vocab/lis/v2/membership#Administrator"
    CONTENT_DEVELOPER = "http://purl.imsglobal.org/vocab/lis/v2/membership#ContentDeveloper"
    INSTRUCTOR = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"
    LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
    MENTOR = "http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor"


# The specification lets a platform send context roles, and only these, by their short names; Moodle 4.5 does so in
# rosters (seen 2026-11).
_BY_NAME: Final = {role.value: role for role in LtiRole} | {role.partition("#")[2]: role for role in LtiRole}

_PLACING: Final = frozenset({LtiRole.INSTRUCTOR, LtiRole.ADMINISTRATOR, LtiRole.CONTENT_DEVELOPER})


def context_roles(roles: Iterable[str]) -> frozenset[LtiRole]:
    """The core context roles among what the platform sent; everything else, sub-roles included, is passed over.

    A sub-role does not stand for its principal role: a platform sends both where both are meant.
    """
    return frozenset(_BY_NAME[role] for role in roles if role in _BY_NAME)


def is_instructor(roles: Iterable[str]) -> bool:
    """Whether the person teaches in the context (Moodle: teachers, non-editing teachers and managers alike)."""
    return LtiRole.INSTRUCTOR in context_roles(roles)


def is_learner(roles: Iterable[str]) -> bool:
    """Whether the person learns in the context."""
    return LtiRole.LEARNER in context_roles(roles)


def may_place_content(roles: Iterable[str]) -> bool:
    """Whether the person decides what stands in the context: teachers, its administrators, and who makes its content."""
    return bool(context_roles(roles) & _PLACING)
