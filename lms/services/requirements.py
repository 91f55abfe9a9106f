"""Who owes what, and how it stands: obligations and their states from the records, as of a date and as known then.

Source: domain.md §3; the rules are `courses.requirements`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, jst_date
from courses.people import KnownPerson, in_scope_during
from courses.requirements import (
    Completion,
    Credit,
    Obligation,
    Occasion,
    Requirement,
    Status,
    credit,
    obligations_of,
    status_on,
)
from lms.services.people import people_facts
from lms.store.attempts import AttemptResult
from lms.store.identities import links_of
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation
from lms.store.records import Moment, known, record
from lms.store.requirements import RequirementVersion, requirements_of


@dataclass(frozen=True, slots=True)
class Result:
    """A submitted attempt as the registers need it."""

    result_id: int
    competence: str
    module_version: str
    occasion: str
    submitted_at: datetime
    mark: int
    maximum: int
    pass_mark: int
    is_passed: bool
    leaf: bytes
    """Leaf hash of its ledger event; its short form is the evidence id."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One obligation of one person and how it stands."""

    obligation: Obligation
    requirement: RequirementVersion
    status: Status
    result: Result | None
    """The result that is credited."""
    attempts: int
    """Submitted attempts that worked on it."""


@dataclass(frozen=True, slots=True)
class PersonStandings:
    """A person in scope in the year, with all their obligations of that year."""

    person: KnownPerson
    standings: tuple[Standing, ...]


def standings(
    session: Session, organisation_id: int, year: int, moment: Moment, person_ids: Collection[int] | None = None
) -> Iterator[PersonStandings]:
    """Yield everyone who is in scope on any day of a fiscal year, in order of their keys, with their obligations.

    Args:
        session: a reading session.
        organisation_id: whose people.
        year: the fiscal year.
        moment: as of which date, as known at which tree size.
        person_ids: only these people; None: all.
    """
    asked = _asked(session, organisation_id, moment.known_at)
    people = people_facts(session, organisation_id, moment.known_at, person_ids)
    results = results_by_person(session, organisation_id, moment.known_at, person_ids)
    period = FiscalYear(year).period
    for person_id in sorted(people):
        person = people[person_id]
        if in_scope_during(person, period):
            theirs = results.get(person_id, [])
            yield PersonStandings(person, _stand(person, asked, theirs, (year, moment.as_of)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The requirements in force, as rows and as the rules take them."""

    versions: dict[str, RequirementVersion]
    rules: tuple[Requirement, ...]
    """Made once for a whole register: making them for each person cost as much as all the rest."""

    @property
    def first_year(self) -> int | None:
        """The first fiscal year of any; None where nothing is asked."""
        return min((rule.first_year for rule in self.rules), default=None)


def _asked(session: Session, organisation_id: int, known_at: int | None) -> _Asked:
    versions = {row.key: row for row in requirements_of(session, organisation_id, known_at)}
    return _Asked(versions, tuple(row.rule() for row in versions.values()))


def _stand(
    person: KnownPerson,
    asked: _Asked,
    results: Sequence[Result],
    when: tuple[int, date],
) -> tuple[Standing, ...]:
    year, as_of = when
    current = obligations_of(person, asked.rules, year)
    by_id = {each.result_id: each for each in results}
    credited: dict[str, Credit] = {}
    if any(each.is_passed for each in results):
        first = year if asked.first_year is None else asked.first_year
        earlier = [each for past in range(first, year) for each in obligations_of(person, asked.rules, past)]
        completions = [
            Completion(each.result_id, each.competence, jst_date(each.submitted_at))
            for each in results
            if each.is_passed
        ]
        credited = credit([*earlier, *current], completions)
    found = []
    for obligation in current:
        status = status_on(obligation, as_of, credited.get(obligation.key), person.leave)
        result = by_id[status.completion.evidence_id] if status.completion is not None else None
        attempts = _attempts(obligation, results, result, as_of)
        found.append(Standing(obligation, asked.versions[obligation.requirement.key], status, result, attempts))
    return tuple(found)


def _attempts(obligation: Obligation, results: Sequence[Result], credited: Result | None, as_of: date) -> int:
    occasions = {obligation.key, open_occasion(obligation.year)}
    if credited is not None:
        occasions.add(credited.occasion)
    return sum(
        each.competence == obligation.requirement.competence
        and each.occasion in occasions
        and jst_date(each.submitted_at) <= as_of
        and (credited is None or each.submitted_at <= credited.submitted_at)
        for each in results
    )


def open_occasion(year: int) -> str:
    """Return the occasion of an attempt that works on no obligation."""
    return f"open:{year}"


def results_by_person(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None = None
) -> dict[int, list[Result]]:
    """Return the known results of every linked person, in order of submission."""
    links = links_of(session, organisation_id, known_at)
    wanted = links if person_ids is None else {key: person for key, person in links.items() if person in person_ids}
    query = (
        select(
            AttemptResult.identity_id,
            AttemptResult.id,
            AttemptResult.module_key,
            AttemptResult.module_version,
            AttemptResult.occasion,
            AttemptResult.submitted_at,
            AttemptResult.mark,
            AttemptResult.maximum,
            AttemptResult.pass_mark,
            AttemptResult.is_passed,
            LedgerEvent.leaf,
        )
        .join(LedgerEvent, LedgerEvent.id == AttemptResult.event_id)
        .where(AttemptResult.organisation_id == organisation_id, known(AttemptResult, known_at))
        .order_by(AttemptResult.submitted_at, AttemptResult.id)
    )
    if person_ids is not None:
        query = query.where(AttemptResult.identity_id.in_(wanted))
    found: dict[int, list[Result]] = {}
    for identity_id, *fields in session.execute(query):
        person_id = wanted.get(identity_id)
        if person_id is not None:
            found.setdefault(person_id, []).append(Result(*fields))
    return found


def standings_of(session: Session, organisation_id: int, person_id: int, now: datetime) -> tuple[Standing, ...]:
    """Return how one person stands today: this year's obligations, and last year's that are still unmet."""
    year = FiscalYear.of(jst_date(now)).year
    return tuple(
        each
        for each in _standings_since(session, organisation_id, person_id, year - 1, jst_date(now))
        if each.obligation.year == year or each.status.completion is None
    )


def _standings_since(
    session: Session, organisation_id: int, person_id: int, first_year: int | None, as_of: date
) -> list[Standing]:
    """Return how one person stands from a fiscal year (None: the first of any requirement) to that of a date."""
    asked = _asked(session, organisation_id, None)
    this_year = FiscalYear.of(as_of).year
    if first_year is None:
        first_year = this_year if asked.first_year is None else asked.first_year
    people = people_facts(session, organisation_id, None, {person_id})
    results = results_by_person(session, organisation_id, None, {person_id}).get(person_id, [])
    return [
        standing
        for person in people.values()
        for year in range(first_year, this_year + 1)
        if in_scope_during(person, FiscalYear(year).period)
        for standing in _stand(person, asked, results, (year, as_of))
    ]


def occasion_of(session: Session, organisation_id: int, person_id: int | None, module_key: str, now: datetime) -> str:
    """Return what an attempt at a module works on: the earliest unmet obligation, the one met, or ``open:YEAR``."""
    today = jst_date(now)
    fallback = open_occasion(FiscalYear.of(today).year)
    if person_id is None:
        return fallback
    # All years, and in the order of `courses.requirements.credit`: the attempt names what a pass will be credited to.
    theirs = [
        each
        for each in _standings_since(session, organisation_id, person_id, None, today)
        if each.obligation.requirement.competence == module_key and _takes_evidence(each.obligation, today)
    ]
    theirs.sort(key=lambda each: (each.obligation.due_on, each.obligation.key))
    unmet = [each for each in theirs if each.status.completion is None]
    if unmet:
        return unmet[0].obligation.key
    met = [each.result.occasion for each in theirs if each.result is not None]
    return met[-1] if met else fallback


def _takes_evidence(obligation: Obligation, today: date) -> bool:
    return obligation.counts_from <= today and (obligation.left_on is None or today < obligation.left_on)


def year_credited(
    session: Session, organisation_id: int, person_id: int, result_id: int, completed_on: date
) -> FiscalYear:
    """Return the fiscal year credited 対象年度 with a passed attempt; that of its date where it met no obligation."""
    years = [
        each.obligation.year
        for each in _standings_since(session, organisation_id, person_id, None, completed_on)
        if each.result is not None and each.result.result_id == result_id
    ]
    return FiscalYear(years[0]) if years else FiscalYear.of(completed_on)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved a requirement, from which day on, and in which words it is known."""

    approved_by: str
    approved_on: date
    title_ja: str
    title_en: str
    clauses: tuple[str, ...] = ("7.2", "7.3")


def approve_requirement(
    session: Session, organisation: Organisation, rule: Requirement, approval: Approval, actor: str, now: datetime
) -> RequirementVersion:
    """Record an approved requirement; one with the same key is superseded."""
    former = next((row for row in requirements_of(session, organisation.id) if row.key == rule.key), None)
    audience = {
        name: sorted(values)
        for name in ("units", "categories", "employments")
        if (values := getattr(rule.audience, name)) is not None
    }
    row = RequirementVersion(
        key=rule.key,
        title_ja=approval.title_ja,
        title_en=approval.title_en,
        clauses=list(approval.clauses),
        approved_by=approval.approved_by,
        competence=rule.competence,
        occasion=rule.occasion.value,
        first_year=rule.first_year,
        last_year=rule.last_year,
        audience=audience,
        opens_month=rule.opens[0],
        opens_day=rule.opens[1],
        due_month=rule.due[0],
        due_day=rule.due[1],
        days_to_complete=rule.days_to_complete,
        days_after_leave=rule.days_after_leave,
        valid_months=rule.valid_months,
        valid_from=approval.approved_on,
        valid_to=None,
        is_void=False,
        reason=None,
        supersedes_id=former.id if former else None,
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, row)
    return row


def default_requirements(module_key: str, first_year: int, due: tuple[int, int]) -> tuple[Requirement, Requirement]:
    """Return the default load for a module: once in each fiscal year, and within 30 days of joining."""
    annual = Requirement(
        key=f"{module_key}-annual",
        competence=module_key,
        occasion=Occasion.FISCAL_YEAR,
        first_year=first_year,
        due=due,
    )
    joining = Requirement(
        key=f"{module_key}-joining",
        competence=module_key,
        occasion=Occasion.JOINING,
        first_year=first_year,
    )
    return annual, joining
