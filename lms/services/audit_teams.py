"""The teams that audit the areas of an audit: who may be in them, assigning them, proposing them.

A blocked pairing can be assigned through an approved exception alone (`lms.services.pairing_exceptions`).

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction

from sqlalchemy.orm import Session

from courses.auditors import Check, MemberKind, Review, checks_on, qualification_on
from courses.calendar import jst_date
from courses.independence import Ground, Independence, Verdict
from courses.programme.coverage import benches
from courses.programme.model import Area, Auditor, Pool
from courses.programme.teams import balanced_teams
from lms.services.auditor_decisions import known_person
from lms.services.auditors import Book, open_book
from lms.services.audits import approved_exceptions, excepted_grounds, find_audit, judge_pairing, team_on
from lms.services.pools import auditor_id, exclusion_from, person_of_auditor
from lms.store.audits import Audit, PairingException, TeamAssignment, assignments_of, exceptions_of
from lms.store.organisations import Organisation, wait_for_others
from lms.store.records import Moment, record


class TeamProblemCode(StrEnum):
    """What is wrong with a team, whoever is in it."""

    TWICE = "twice"
    """Somebody is in it twice."""
    TOO_FEW = "too_few"
    NO_LEADER = "no_leader"
    """Not exactly one auditor leads it."""
    LEADERS_LACKING = "leaders_lacking"
    """Fewer than the policy asks for may lead, or the leader may not."""
    SKILL_LACKING = "skill_lacking"


class TeamProblemError(ValueError):
    """A team does not meet what the policy and the area ask for."""

    def __init__(self, problem: TeamProblemCode, wanted: int = 0, skills: tuple[str, ...] = ()) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.wanted = wanted
        """TOO_FEW, LEADERS_LACKING: how many the policy asks for."""
        self.skills = skills
        """SKILL_LACKING: which ones."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A pairing that may not be: the auditor has worked in the area, is not qualified, or has not declared."""

    person_id: int
    area_key: str
    independence: Independence
    open_grounds: tuple[Ground, ...]
    """Those that no approved exception covers."""
    shortcomings: tuple[Check, ...] = ()
    """Of the qualification, on the first day of the audit on which it is lacking."""


class BlockedPairingError(ValueError):
    """An auditor would audit an area for which he or she is not eligible."""

    def __init__(self, blocked: Sequence[Blocked]) -> None:
        super().__init__(*(f"{each.person_id}: {each.area_key}" for each in blocked))
        self.blocked = tuple(blocked)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a team."""

    person_id: int
    kind: MemberKind = MemberKind.AUDITOR
    is_leader: bool = False


def assign_team(
    session: Session,
    organisation: Organisation,
    place: tuple[str, str],
    members: Sequence[Member],
    by: tuple[str, datetime],
) -> list[TeamAssignment]:
    """Record who audits an area; whoever was in the team and is not named leaves it. Everything is checked anew here.

    Args:
        session: the writing transaction.
        organisation: whose audit.
        place: keys of the audit and of its area.
        members: the whole team.
        by: who assigns, and when.

    Returns:
        The team.

    Raises:
        UnknownAuditError: no audit has the key.
        UnknownAreaError: the area is not one of the audit's.
        TeamProblemError: too few auditors, not exactly one leader, leaders or skills lacking, somebody twice.
        BlockedPairingError: an auditor is not eligible for the area; each is named with the reasons.
        BadDecisionError: nobody has the key of a member.
    """
    wait_for_others(session, organisation.id)
    audit_key, area_key = place
    actor, now = by
    audit = find_audit(session, organisation.id, audit_key)
    today = jst_date(now)
    for member in members:
        known_person(session, organisation, member.person_id)
    book = open_book(session, organisation.id, Moment(today), [each.person_id for each in members])
    verdicts = {each.person_id: judge_pairing(book, audit, area_key, each.person_id) for each in members}
    check_team(book, audit, area_key, members)
    excepted = exceptions_of(session, organisation.id, None, audit_key)
    approved = {each.person_id: approved_exceptions(excepted, audit_key, area_key, each.person_id) for each in members}
    auditors = [each.person_id for each in members if each.kind is MemberKind.AUDITOR]
    if found := list(blocked(book, audit, {key: verdicts[key] for key in auditors}, approved)):
        raise BlockedPairingError(found)
    present = team_on(assignments_of(session, organisation.id, None, audit_key), area_key, today)
    kept = {(row.person_id, row.member_kind, row.is_leader): row for row in present}
    wanted = [(each.person_id, each.kind.value, each.is_leader) for each in members]
    ended = [_ended(row, today, by) for key, row in kept.items() if key not in wanted]
    added = [
        TeamAssignment(
            person_id=person_id,
            audit_key=audit_key,
            area_key=area_key,
            member_kind=kind,
            is_leader=is_leader,
            exception_id=approved[person_id][-1].id if approved[person_id] else None,
            verdict=verdicts[person_id].as_json(),
            valid_from=today,
            valid_to=None,
            is_void=False,
            reason=None,
            recorded_by=actor,
            recorded_at=now,
        )
        for person_id, kind, is_leader in wanted
        if (person_id, kind, is_leader) not in kept
    ]
    record(session, organisation, *ended, *added)
    return list(team_on(assignments_of(session, organisation.id, None, audit_key), area_key, today))


def _ended(row: TeamAssignment, today: date, by: tuple[str, datetime]) -> TeamAssignment:
    actor, now = by
    return TeamAssignment(
        person_id=row.person_id,
        audit_key=row.audit_key,
        area_key=row.area_key,
        member_kind=row.member_kind,
        is_leader=row.is_leader,
        exception_id=row.exception_id,
        verdict=row.verdict,
        valid_from=row.valid_from,
        valid_to=today,
        is_void=False,
        reason="replaced",
        supersedes_id=row.id,
        recorded_by=actor,
        recorded_at=now,
    )


def check_team(book: Book, audit: Audit, area_key: str, members: Sequence[Member]) -> None:
    """Refuse a team that does not meet what the policy and the area ask for.

    Raises:
        TeamProblemError: it does not.
    """
    policy = book.policy_on(audit.held_from)
    auditors = [each for each in members if each.kind is MemberKind.AUDITOR]
    if len({each.person_id for each in members}) < len(members):
        raise TeamProblemError(TeamProblemCode.TWICE)
    if len(auditors) < policy.auditors_per_area:
        raise TeamProblemError(TeamProblemCode.TOO_FEW, policy.auditors_per_area)
    if sum(each.is_leader for each in auditors) != 1 or sum(each.is_leader for each in members) != 1:
        raise TeamProblemError(TeamProblemCode.NO_LEADER)
    reviews = {each.person_id: review_for(book, audit, each.person_id) for each in auditors}
    if policy.leaders_per_team:
        leading = {key for key, review in reviews.items() if review is not None and review.may_lead}
        leader = next(each.person_id for each in auditors if each.is_leader)
        if leader not in leading or len(leading) < policy.leaders_per_team:
            raise TeamProblemError(TeamProblemCode.LEADERS_LACKING, policy.leaders_per_team)
    wanted = frozenset(map(str, book.area_on(area_key, audit.held_from).skills))
    had = frozenset[str]().union(*(review.skills for review in reviews.values() if review is not None))
    if wanted - had:
        raise TeamProblemError(TeamProblemCode.SKILL_LACKING, skills=tuple(sorted(wanted - had)))


def review_for(book: Book, audit: Audit, person_id: int) -> Review | None:
    """Return the review of competence that holds on the first day of an audit."""
    return book.qualification(person_id, audit.held_from).review


def blocked(
    book: Book,
    audit: Audit,
    verdicts: Mapping[int, Independence],
    approved: Mapping[int, Sequence[PairingException]],
) -> Iterator[Blocked]:
    """Yield the auditors who may not audit an area, by their verdicts and the approved exceptions."""
    for person_id, found in verdicts.items():
        named = excepted_grounds(approved.get(person_id, ()))
        if not found.may_audit(named):
            lacking = shortcomings(book, audit, person_id) if found.verdict is Verdict.NOT_QUALIFIED else ()
            yield Blocked(person_id, found.area, found, found.open_grounds(named), lacking)


def shortcomings(book: Book, audit: Audit, person_id: int) -> tuple[Check, ...]:
    """Return what somebody's qualification lacks on the first day of an audit on which it lacks anything."""
    record_, standard = book.file(person_id).record, book.policy_on(audit.held_from).standard()
    first = qualification_on(record_, standard, audit.held_from)
    if not first.is_valid:
        return first.shortcomings
    if first.until is None or first.until >= audit.held_to:
        return ()
    return tuple(each for each in checks_on(record_, standard, first.until) if not each.is_met)


def audit_pool(book: Book, audit: Audit, excepted: Sequence[PairingException]) -> Pool:
    """Return the pool of an audit as it is judged for its period and days, approved exceptions taken into account."""
    policy = book.policy_on(audit.held_from)
    areas = {key: book.area_on(key, audit.held_from) for key in audit.area_keys}
    auditors = []
    for file in book.files.values():
        judged = [judge_pairing(book, audit, key, file.person_id) for key in areas]
        if not file.is_auditor or judged[0].verdict is Verdict.NOT_QUALIFIED:
            continue
        review = review_for(book, audit, file.person_id)
        named = {key: _named(excepted, audit.key, key, file.person_id) for key in areas}
        open_grounds = [ground for each in judged for ground in each.open_grounds(named[each.area])]
        minutes = review.capacity_minutes if review else None
        auditors.append(
            Auditor(
                auditor_id(file.person_id),
                may_lead=review is not None and review.may_lead,
                exclusions=tuple(exclusion_from(ground, is_dated=False) for ground in open_grounds),
                is_declared=judged[0].is_declared,
                hours=None if minutes is None else Fraction(minutes, 60),
                skills=review.skills if review else frozenset(),
            )
        )
    return Pool(
        as_of=audit.held_from,
        areas=tuple(
            Area(key, Fraction(row.effort_minutes, 60), frozenset(map(str, row.skills))) for key, row in areas.items()
        ),
        auditors=tuple(auditors),
        k=policy.auditors_per_area,
        leaders_per_team=policy.leaders_per_team,
    )


def _named(
    excepted: Sequence[PairingException], audit_key: str, area_key: str, person_id: int
) -> list[Mapping[str, object]]:
    return excepted_grounds(approved_exceptions(excepted, audit_key, area_key, person_id))


def propose_teams(
    book: Book, audit: Audit, excepted: Sequence[PairingException], area_keys: Collection[str]
) -> dict[str, list[Member]]:
    """Return balanced teams for those of the areas that can be covered, each with a leader.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before any answer.
    """
    pool = audit_pool(book, audit, excepted)
    certain = [each for each in benches(pool, pool.as_of) if each.area.id in area_keys and each.has_team]
    teams = balanced_teams(certain).members if certain else {}
    may_lead = {each.id for each in pool.auditors if each.may_lead}
    led: Counter[str] = Counter()
    found = {}
    for area, names in sorted(teams.items()):
        leader = min(names, key=lambda name: (name not in may_lead, led[name], name))
        led[leader] += 1
        ordered = sorted(names, key=lambda name: (name != leader, name))
        found[area] = [
            Member(person_id, MemberKind.AUDITOR, name == leader)
            for name in ordered
            if (person_id := person_of_auditor(name)) is not None
        ]
    return found
