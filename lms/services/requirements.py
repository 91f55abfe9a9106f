"""Who owes what, and how it stands: obligations and their states from the records, as of a date and as known then.

Source: domain.md §3; the rules are `courses.obligations` and `courses.crediting`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, Period, jst_date
from courses.crediting import Credit, Exemption, Status, credit, status_on
from courses.obligations import Obligation, RequirementsInYear
from courses.people import KnownPerson, in_scope_during
from courses.records import EvidenceKind
from courses.requirements import PLEDGE, Occasion, Requirement, State, TextVersion
from lms.services.completions import Result, completions_by_person, texts_of_pledges
from lms.services.people import people_facts
from lms.store.organisations import Organisation
from lms.store.records import Moment, record
from lms.store.requirements import RequirementVersion, exemptions_of, requirement_versions_of


class Standing(NamedTuple):
    """One obligation of one person and how it stands."""

    obligation: Obligation
    requirement: RequirementVersion
    status: Status
    result: Result | None
    """What is credited: a test of our own, other training, or a signed pledge."""
    attempts: int
    """Submitted attempts that worked on it."""


class PersonStandings(NamedTuple):
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
    yield from StandingsOfPeople(session, organisation_id, moment, person_ids).in_year(year)


class StandingsOfPeople:
    """What is known of people and of their obligations, read once for any number of fiscal years."""

    def __init__(
        self, session: Session, organisation_id: int, moment: Moment, person_ids: Collection[int] | None = None
    ) -> None:
        """Read it; for the arguments see `standings`."""
        self._asked = _asked(session, organisation_id, moment, person_ids)
        self._shown = completions_by_person(session, organisation_id, moment.known_at, person_ids)
        self.people = people_facts(session, organisation_id, moment.known_at, person_ids)

    def in_year(self, year: int) -> Iterator[PersonStandings]:
        """Yield everyone who is in scope on any day of a fiscal year, in order of their keys, with their obligations."""
        period = FiscalYear(year).period
        for person_id, person in sorted(self.people.items()):
            if in_scope_during(person, period):
                yield PersonStandings(person, _stand(person, self._asked, self._shown.get(person_id, ()), year))


class _AskedInYear(NamedTuple):
    """The requirements of one fiscal year, and what follows from them alone."""

    requirements: RequirementsInYear
    rows: Mapping[str, RequirementVersion]
    """By key."""
    unmet: Mapping[int, Standing]
    """How each obligation that many share stands where nothing was shown for it and nothing suspends it, by its `id`."""


class _Asked:
    """The requirements in force on a date, as rows and as the rules take them, and the exemptions from them.

    A requirement asks nothing of anybody as of a day before its approval. Of several versions of one, the newest
    approved by that day that speaks of a fiscal year gives the obligations of that year.
    """

    def __init__(
        self,
        versions: Sequence[RequirementVersion],
        texts: Mapping[str, tuple[TextVersion, ...]],
        exemptions: Mapping[int, list[Exemption]],
        as_of: date,
    ) -> None:
        self.as_of = as_of
        self.exemptions = exemptions
        self._versions = [row for row in versions if row.valid_from <= as_of]
        self._rules = [row.rule(texts.get(row.competence, ())) for row in self._versions]
        self._years: dict[int, _AskedInYear] = {}

    @property
    def first_year(self) -> int | None:
        """The first fiscal year of any; None where nothing is asked."""
        return min((row.first_year for row in self._versions), default=None)

    def in_year(self, year: int) -> _AskedInYear:
        """Return the requirements of a fiscal year, made once for a whole register."""
        found = self._years.get(year)
        if found is None:
            chosen = {
                row.key: (rule, row)
                for rule, row in zip(self._rules, self._versions, strict=True)
                if rule.holds_in(year)
            }
            requirements = RequirementsInYear([rule for rule, _ in chosen.values()], year)
            rows = {key: row for key, (_, row) in chosen.items()}
            unmet = {
                id(each): Standing(each, rows[each.requirement.key], status_on(each, self.as_of, None), None, 0)
                for each in requirements.shared
            }
            found = self._years[year] = _AskedInYear(requirements, rows, unmet)
        return found


def _asked(session: Session, organisation_id: int, moment: Moment, person_ids: Collection[int] | None) -> _Asked:
    versions = requirement_versions_of(session, organisation_id, moment.known_at)
    asks_pledges = any(row.competence.startswith(PLEDGE) for row in versions)
    texts = texts_of_pledges(session, organisation_id, moment.known_at) if asks_pledges else {}
    exemptions: dict[int, list[Exemption]] = {}
    for row in exemptions_of(session, organisation_id, moment.known_at, person_ids):
        exempt = Exemption(row.requirement_key, Period(row.valid_from, row.valid_to), row.event_id)
        exemptions.setdefault(row.person_id, []).append(exempt)
    return _Asked(versions, texts, exemptions, moment.as_of)


def _stand(person: KnownPerson, asked: _Asked, shown: Sequence[Result], year: int) -> tuple[Standing, ...]:
    requirements, rows, unmet = asked.in_year(year)
    current = requirements.obligations_of(person)
    exemptions = asked.exemptions.get(person.person_id, ())
    is_usual = not person.leave and not exemptions
    competences = {each.competence for each in shown}
    by_event = {each.event_id: each for each in shown}
    credited = _credited(person, asked, shown, (year, current))
    found = []
    for obligation in current:
        usual = unmet.get(id(obligation)) if is_usual else None
        if usual is not None and obligation.requirement.competence not in competences:
            found.append(usual)
            continue
        status = status_on(obligation, asked.as_of, credited.get(obligation.key), person.leave, exemptions)
        result = by_event[status.completion.evidence_id] if status.completion is not None else None
        attempts = _attempts(obligation, shown, result, asked.as_of)
        found.append(Standing(obligation, rows[obligation.requirement.key], status, result, attempts))
    return tuple(found)


def _credited(
    person: KnownPerson, asked: _Asked, shown: Sequence[Result], current: tuple[int, Sequence[Obligation]]
) -> dict[str, Credit]:
    """Credit what was shown, of those competences alone in which anything was passed."""
    completions = [each.completion() for each in shown if each.is_passed]
    if not completions:
        return {}
    year, obligations = current
    competences = {each.competence for each in completions}
    earlier = (
        each
        for past in range(year if asked.first_year is None else asked.first_year, year)
        for each in asked.in_year(past).requirements.obligations_of(person)
    )
    owed = [each for each in (*earlier, *obligations) if each.requirement.competence in competences]
    return credit(owed, completions, asked.exemptions.get(person.person_id, ()))


def _attempts(obligation: Obligation, shown: Sequence[Result], credited: Result | None, as_of: date) -> int:
    competence = obligation.requirement.competence
    theirs = [each for each in shown if each.competence == competence and each.kind is EvidenceKind.OWN_TEST]
    if not theirs:
        return 0
    occasions = {obligation.key, open_occasion(obligation.year)}
    if credited is not None:
        occasions.add(credited.occasion)
    return sum(
        each.occasion in occasions
        and each.completed_on <= as_of
        and (credited is None or each.submitted_at <= credited.submitted_at)
        for each in theirs
    )


def open_occasion(year: int) -> str:
    """Return the occasion of an attempt that works on no obligation."""
    return f"open:{year}"


def standings_of(session: Session, organisation_id: int, person_id: int, now: datetime) -> tuple[Standing, ...]:
    """Return how one person stands today: this year's obligations, and last year's that are still unmet."""
    year = FiscalYear.of(jst_date(now)).year
    return tuple(
        each
        for each in standings_in(session, organisation_id, person_id, year - 1, Moment(jst_date(now)))
        if each.obligation.year == year or each.status.completion is None
    )


def standings_in(
    session: Session, organisation_id: int, person_id: int, first_year: int | None, moment: Moment
) -> list[Standing]:
    """Return how one person stands from a fiscal year (None: the first of any requirement) to that of a date."""
    asked = _asked(session, organisation_id, moment, {person_id})
    this_year = FiscalYear.of(moment.as_of).year
    if first_year is None:
        first_year = this_year if asked.first_year is None else asked.first_year
    people = people_facts(session, organisation_id, moment.known_at, {person_id})
    shown = completions_by_person(session, organisation_id, moment.known_at, {person_id}).get(person_id, [])
    return [
        standing
        for person in people.values()
        for year in range(first_year, this_year + 1)
        if in_scope_during(person, FiscalYear(year).period)
        for standing in _stand(person, asked, shown, year)
    ]


def occasion_of(session: Session, organisation_id: int, person_id: int | None, module_key: str, now: datetime) -> str:
    """Return what an attempt at a module works on: the earliest unmet obligation, else the renewal of one that lapsed.

    Otherwise it is the one that was met, or ``open:YEAR``.
    """
    today = jst_date(now)
    fallback = open_occasion(FiscalYear.of(today).year)
    if person_id is None:
        return fallback
    # All years, and in the order of `courses.crediting.credit`: the attempt names what a pass will be credited to.
    theirs = [
        each
        for each in standings_in(session, organisation_id, person_id, None, Moment(today))
        if each.obligation.requirement.competence == module_key and _takes_evidence(each.obligation, today)
    ]
    theirs.sort(key=lambda each: (each.obligation.year, each.obligation.due_on, each.obligation.key))
    for each in theirs:
        if each.status.completion is None:
            return each.obligation.key
    for each in theirs:
        if each.status.state is State.LAPSED and each.status.valid_until is not None:
            return f"{each.obligation.key}/renewal:{each.status.valid_until.isoformat()}"
    met = [each.result.occasion for each in theirs if each.result is not None and each.result.occasion]
    return met[-1] if met else fallback


def _takes_evidence(obligation: Obligation, today: date) -> bool:
    return obligation.counts_from <= today and (obligation.left_on is None or today < obligation.left_on)


def year_credited(
    session: Session, organisation_id: int, person_id: int, result_id: int, completed_on: date
) -> FiscalYear:
    """Return the fiscal year credited 対象年度 with a passed attempt; that of its date where it met no obligation."""
    years = [
        each.obligation.year
        for each in standings_in(session, organisation_id, person_id, None, Moment(completed_on))
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
    document: str | None = None
    """Number or name of the organisation's document that states the requirement."""
    document_version: str | None = None


def approve_requirement(
    session: Session, organisation: Organisation, rule: Requirement, approval: Approval, actor: str, now: datetime
) -> RequirementVersion:
    """Record an approved requirement.

    A version with the same key that was approved earlier holds up to this approval and stays answerable for the days
    before it; one approved on the same day or later is corrected.
    """
    versions = requirement_versions_of(session, organisation.id)
    former = next((row for row in reversed(versions) if row.key == rule.key), None)
    stamp = {"recorded_at": now, "recorded_by": actor}
    corrected = former
    if former is not None and former.valid_from < approval.approved_on:
        record(session, organisation, _ended(former, approval.approved_on, stamp))
        corrected = None
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
        audience={
            name: sorted(values)
            for name in ("units", "categories", "employments", "roles")
            if (values := getattr(rule.audience, name)) is not None
        },
        opens_month=rule.opens[0],
        opens_day=rule.opens[1],
        due_month=rule.due[0],
        due_day=rule.due[1],
        days_to_complete=rule.days_to_complete,
        days_after_leave=rule.days_after_leave,
        valid_months=rule.valid_months,
        equivalents=None if rule.equivalents is None else sorted(rule.equivalents),
        document=approval.document,
        document_version=approval.document_version,
        valid_from=approval.approved_on,
        valid_to=None,
        is_void=False,
        reason=None,
        supersedes_id=corrected.id if corrected else None,
        **stamp,
    )
    record(session, organisation, row)
    return row


def _ended(former: RequirementVersion, day: date, stamp: dict[str, Any]) -> RequirementVersion:
    """Return the same version again, closed on the day of the next one's approval."""
    kept = {
        name: getattr(former, name)
        for name in (each.key for each in inspect(RequirementVersion).column_attrs)
        if name not in {"id", "event_id", "organisation_id", "valid_to", "supersedes_id", *stamp}
    }
    return RequirementVersion(**kept, valid_to=day, supersedes_id=former.id, **stamp)


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
