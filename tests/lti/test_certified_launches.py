"""The certification suite's valid launches, as teacher and as student, from a platform like Moodle and from a strict one.

Source: 1EdTech LTI Advantage certification suite, "valid launches" of the core tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink, ResourceLinkVisit
from tests.lti.spoilt import ABSENT, claims, launch
from tests.practice_lms.claims import VOCABULARY
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.profiles import PROFILES
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import SECRETARY, STAFF
from tests.web.visits import Browser, audit_events, page_of, path_of

PEOPLE = {"student": STAFF, "teacher": SECRETARY}
INSTITUTION = VOCABULARY + "institution/person#"
NO_NAMES = dict.fromkeys(("given_name", "family_name", "name", "middle_name"), ABSENT)
NOT_LINKED = "アカウントが、まだ職員名簿とひも付いていません。"
NO_DATA = NO_NAMES | {"email": ABSENT, "lis": ABSENT}


@dataclass(frozen=True)
class Valid:
    """A launch that must open a session."""

    changes: dict[str, Any]
    """Claims that differ from a plain launch."""
    has_name: bool = True
    is_linked: bool = True
    """Whether the staff number came along, by which the account is linked."""
    is_learner: bool | None = None
    """Whether a student counts as one; None: as they are in the plain launch."""


LAUNCHES: dict[str, Callable[[str], Valid]] = {
    "plain": lambda _role: Valid({}),
    "several roles": lambda role: Valid({"roles": [INSTITUTION + "Staff", VOCABULARY + "membership#" + role, INSTITUTION + "Other"]}),
    "short role": lambda role: Valid({"roles": [role]}),
    "unknown role": lambda _role: Valid({"roles": [VOCABULARY + "unknown/unknown#Helper"]}, is_learner=False),
    "no role": lambda _role: Valid({"roles": []}, is_learner=False),
    "e-mail only": lambda _role: Valid(NO_NAMES, has_name=False),
    "names only": lambda _role: Valid({"email": ABSENT}),
    "no personal data": lambda _role: Valid(NO_DATA, has_name=False, is_linked=False),
    "e-mail without context": lambda _role: Valid(NO_NAMES | {"context": ABSENT}, has_name=False),
}  # fmt: skip


@pytest.mark.parametrize("lms_profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("name", LAUNCHES)
def test_a_valid_launch_opens_the_page_that_the_activity_is_for(
    client: Browser, lms: PracticeLms, tool_database: Database, name: str, role: str
) -> None:
    valid = LAUNCHES[name]({"student": "Learner", "teacher": "Instructor"}[role])
    person = lms.person(PEOPLE[role])
    landing = path_of(launch(client, lms, claims(**valid.changes), person_key=person.key))
    assert landing.endswith(f"/modules/{MODULE}/")
    assert client.get(landing).status_code == 200
    home = landing.partition("/modules")[0]
    is_linked = valid.is_linked or role == "teacher"  # who was linked once stays linked
    assert (NOT_LINKED in page_of(client.get(f"{home}/"))) is not is_linked
    # Rights come from roles held in the tool: no LTI role opens the secretariat's pages, or closes them.
    assert client.get(f"{home}/identities").status_code == {"teacher": 200, "student": 403}[role]
    with tool_database.reading() as session:
        [row] = session.scalars(select(LaunchSession)).all()
        identity = session.get_one(LtiIdentity, row.identity_id)
        link = session.get_one(ResourceLink, row.resource_link_pk)
        visit = session.get_one(ResourceLinkVisit, (link.id, identity.id))
    assert identity.sub == person.sub
    assert identity.claimed_family_name == (person.family_name if valid.has_name else None)
    assert (link.context_id is None) is ("context" in valid.changes)
    assert visit.is_learner is (role == "student" if valid.is_learner is None else valid.is_learner)
    assert audit_events(tool_database, "launch.refused") == []
