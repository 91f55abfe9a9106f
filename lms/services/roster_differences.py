"""How a course's roster differs from the staff list, and from its own former snapshot.

Source: lti.md rule 14; domain.md §2 (scope).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.people import KnownPerson, in_scope_on
from lms.lti.roles import is_instructor
from lms.services.people import Particulars, particulars_on, people_facts
from lms.services.rosters import newest_snapshots
from lms.store.identities import LtiIdentity, links_of
from lms.store.records import Moment
from lms.store.rosters import RosterMember, RosterPull, RosterSource


class Difference(StrEnum):
    """In what a roster and the staff list differ, or two snapshots."""

    UNLINKED = "unlinked"
    """In the course, and nobody on the staff list so far."""
    NOT_IN_SCOPE = "not_in_scope"
    """In the course as a learner, and not in scope on the day: has left, or was never bound."""
    TWICE = "twice"
    """One person with two accounts in the course."""
    MISSING = "missing"
    """In scope on the day, and in the course by no account."""
    JOINED = "joined"
    """Came since the former snapshot."""
    LEFT = "left"
    """In the former snapshot and absent from the newest, which is complete."""
    CHANGED = "changed"
    """Other roles, or active and inactive, since the former snapshot."""


@dataclass(frozen=True, slots=True)
class DifferingOne:
    """Somebody in whom they differ."""

    difference: Difference
    person_id: int | None
    """None while nobody knows who the account is."""
    name: str
    """On the staff list; of an account that is nobody's, what the platform says; may be empty."""
    staff_number: str
    """On the staff list, else what the platform says, which proves nothing; may be empty."""
    unit: str
    """On the staff list; empty for others."""


@dataclass(frozen=True, slots=True)
class RosterComparison:
    """A course's newest snapshot beside the staff list and the snapshot before."""

    newest: RosterPull | None
    former: RosterPull | None
    """The complete snapshot that the newest is compared with."""
    learners: int
    instructors: int
    linked: int
    """People on the staff list who are in the course."""
    in_scope: int
    """People in scope on the day."""
    differing: tuple[DifferingOne, ...]

    @property
    def counts(self) -> dict[Difference, int]:
        """How many there are of each difference."""
        found = Counter(each.difference for each in self.differing)
        return {each: found[each] for each in Difference}


@dataclass(frozen=True, slots=True)
class _Listed:
    identity_id: int
    claimed_name: str
    claimed_number: str
    is_instructor: bool
    is_active: bool


def compare_roster(session: Session, source: RosterSource, moment: Moment) -> RosterComparison:
    """Compare the newest snapshot of a course with the staff list as of a date, and with the snapshot before."""
    snapshots = newest_snapshots(session, source.id, 2)
    newest = snapshots[0] if snapshots else None
    former = snapshots[1] if len(snapshots) > 1 else None
    names = particulars_on(session, source.organisation_id, moment.as_of, moment.known_at)
    facts = people_facts(session, source.organisation_id, moment.known_at)
    links = links_of(session, source.organisation_id, moment.known_at)
    desk = _Desk(names, facts, links, moment.as_of)
    if newest is None:
        return RosterComparison(None, None, 0, 0, 0, desk.count_in_scope(), ())
    now_listed = _listed(session, newest)
    differing = [*desk.against_staff_list(now_listed)]
    if former is not None:
        differing += desk.against_former(now_listed, _listed(session, former))
    return RosterComparison(
        newest=newest,
        former=former,
        learners=sum(not each.is_instructor for each in now_listed.values()),
        instructors=sum(each.is_instructor for each in now_listed.values()),
        linked=len({links[each] for each in now_listed if each in links}),
        in_scope=desk.count_in_scope(),
        differing=tuple(differing),
    )


def _listed(session: Session, pull: RosterPull) -> dict[int, _Listed]:
    rows = session.execute(
        select(
            RosterMember.identity_id,
            RosterMember.lti_roles,
            RosterMember.is_active,
            LtiIdentity.claimed_family_name,
            LtiIdentity.claimed_given_name,
            LtiIdentity.claimed_staff_number,
        )
        .join(LtiIdentity, LtiIdentity.id == RosterMember.identity_id)
        .where(RosterMember.pull_id == pull.id)
        .order_by(LtiIdentity.claimed_staff_number, LtiIdentity.id)
    )
    return {
        identity_id: _Listed(
            identity_id, " ".join(part for part in (family, given) if part), number or "", is_instructor(roles), active
        )
        for identity_id, roles, active, family, given, number in rows
    }


@dataclass(frozen=True, slots=True)
class _Desk:
    """The staff list as of a day, with the links to it."""

    names: dict[int, Particulars | None]
    facts: dict[int, KnownPerson]
    links: dict[int, int]
    day: date

    def count_in_scope(self) -> int:
        return sum(in_scope_on(each, self.day) for each in self.facts.values())

    def against_staff_list(self, listed: dict[int, _Listed]) -> list[DifferingOne]:
        found = [
            self._account(Difference.UNLINKED, each) for each in listed.values() if each.identity_id not in self.links
        ]
        present = Counter(self.links[each] for each in listed if each in self.links)
        # Inactive enrolments and teachers are no sign that somebody trains who should not.
        learning = {
            self.links[each.identity_id]
            for each in listed.values()
            if each.identity_id in self.links and each.is_active and not each.is_instructor
        }
        bound = {person_id for person_id, person in self.facts.items() if in_scope_on(person, self.day)}
        found += self._people(Difference.NOT_IN_SCOPE, learning - bound)
        found += self._people(Difference.TWICE, {each for each, times in present.items() if times > 1})
        found += self._people(Difference.MISSING, bound - present.keys())
        return found

    def against_former(self, listed: dict[int, _Listed], former: dict[int, _Listed]) -> list[DifferingOne]:
        return [
            *(self._account(Difference.JOINED, each) for key, each in listed.items() if key not in former),
            *(self._account(Difference.LEFT, each) for key, each in former.items() if key not in listed),
            *(
                self._account(Difference.CHANGED, each)
                for key, each in listed.items()
                if key in former and _standing(each) != _standing(former[key])
            ),
        ]

    def _people(self, difference: Difference, person_ids: set[int]) -> list[DifferingOne]:
        found = [self._person(difference, each) for each in person_ids]
        return sorted(found, key=lambda each: (each.unit, each.staff_number, each.person_id or 0))

    def _account(self, difference: Difference, each: _Listed) -> DifferingOne:
        person_id = self.links.get(each.identity_id)
        if person_id is not None:
            return self._person(difference, person_id)
        return DifferingOne(difference, None, each.claimed_name, each.claimed_number, "")

    def _person(self, difference: Difference, person_id: int) -> DifferingOne:
        named = self.names.get(person_id)
        person = self.facts.get(person_id)
        units: Sequence[str] = [each.unit for each in person.affiliations if self.day in each.period] if person else ()
        name = f"{named.family_name} {named.given_name}" if named else ""
        return DifferingOne(difference, person_id, name, named.staff_number if named else "", units[0] if units else "")


def _standing(each: _Listed) -> tuple[bool, bool]:
    return each.is_instructor, each.is_active
