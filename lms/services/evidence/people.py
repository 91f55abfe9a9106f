"""Files 01 to 03: people in scope with their reconciliation, competence requirements, and the matrix.

Source: ISO/IEC 27001 clauses 4.3 and 7.2 a, b, d; domain.md §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from courses.crediting import Status
from courses.people import KnownPerson, affiliation_on, in_scope_during
from courses.requirements import State
from lms.reports.evidence.pack import EventColumn
from lms.reports.tables import Cell
from lms.services.evidence.source import PEOPLE_AT_A_TIME, Source
from lms.services.evidence.standings import EvidenceCited, evidence_cited
from lms.services.evidence.tables import Absent, Table
from lms.services.requirements import Standing, StandingsOfPeople
from lms.store.attempts import AttemptResult
from lms.store.identities import IdentityLink, links_of
from lms.store.people import PersonService, ScopeMembership
from lms.store.records import Fact, known
from lms.store.requirements import RequirementVersion

PEOPLE = "01_people.csv"
RECONCILIATION = "01_reconciliation.csv"
REQUIREMENTS = "02_requirements.csv"
MATRIX = "03_matrix.csv"


def people_tables(source: Source) -> Iterator[Table]:
    """Yield files 01, 02 and 03."""
    people, matrix = _people_table(source), _matrix_table(source)
    in_scope = _people_in_scope(source)
    for at in range(0, len(in_scope), PEOPLE_AT_A_TIME):
        _enter(source, people, matrix, in_scope[at : at + PEOPLE_AT_A_TIME])
    yield people
    yield _reconciliation(source)
    yield _requirements(source)
    yield matrix


def _people_table(source: Source) -> Table:
    return source.table(
        path=PEOPLE,
        columns=(
            *("person", "category", "employment", "unit"),
            *("scope_from", "scope_to", "reason", "obligations", "evidence_id"),
        ),
        people=frozenset({"person"}),
        evidence=("evidence_id",),
        values=(
            EventColumn("scope_from", "evidence_id", "body.valid_from"),
            EventColumn("scope_to", "evidence_id", "body.valid_to"),
            EventColumn("reason", "evidence_id", "body.reason"),
        ),
        notes=(
            ("population", "everyone in scope on any day of the period, one row for each membership"),
            ("category_on", _day_shown(source)),
        ),
    )


def _matrix_table(source: Source) -> Table:
    return source.table(
        path=MATRIX,
        columns=(
            *("person", "category", "employment", "unit", "year", "requirement", "competence", "occasion"),
            *("opens_on", "due_on", "state", "completed_on", "days_late", "mode", "mark", "maximum", "pass_mark"),
            *("attempts", "module_version", "evaluator", "expires_on", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"evaluator"}),
        evidence=("evidence_id",),
        notes=(
            (
                "states",
                "complete late_complete exempt on_leave left_before_due lapsed overdue open not_yet_due: the first that fits",
            ),
            ("days_late", "days past due_on: of the completion where it came late, of the as-of date where overdue"),
            ("category_on", _day_shown(source)),
        ),
    )


def _day_shown(source: Source) -> date:
    """Return the day whose affiliation stands in the tables: the as-of date, kept within the period."""
    last = source.question.period.last_day or source.question.as_of
    return min(max(source.question.as_of, source.question.period.start), last)


def _people_in_scope(source: Source) -> list[int]:
    query = (
        select(ScopeMembership.person_id)
        .where(
            ScopeMembership.organisation_id == source.organisation_id,
            known(ScopeMembership, source.question.known_at),
            *source.overlapping(ScopeMembership),
        )
        .distinct()
        .order_by(ScopeMembership.person_id)
    )
    return list(source.session.scalars(query))


def _enter(source: Source, people: Table, matrix: Table, person_ids: Sequence[int]) -> None:
    known = StandingsOfPeople(source.session, source.organisation_id, source.question.moment, person_ids)
    day = _day_shown(source)
    where = {person_id: _shown(known.people.get(person_id), day) for person_id in person_ids}
    obligations = dict.fromkeys(person_ids, 0)
    for year in source.question.years:
        portion = [each for each in known.in_year(year) if in_scope_during(each.person, source.question.period)]
        cited = evidence_cited(source, portion)
        written: dict[int, tuple[Cell, ...]] = {}
        for each in portion:
            person_id = each.person.person_id
            obligations[person_id] += len(each.standings)
            who = matrix.written((person_id, *where[person_id]))
            for standing in each.standings:
                cells = written.get(id(standing))  # many share how they stand: whoever has shown nothing yet
                if cells is None:
                    said = _standing_cells(standing, cited, source.question.as_of)
                    cells = written[id(standing)] = matrix.written(said, _WHO)
                matrix.rows.append(who + cells)
    memberships = source.records(
        ScopeMembership,
        ScopeMembership.person_id.in_(person_ids),
        *source.overlapping(ScopeMembership),
        order=(ScopeMembership.person_id, ScopeMembership.valid_from),
    )
    for row, evidence_id in memberships:
        people.add(
            row.person_id,
            *where[row.person_id],
            row.valid_from,
            row.valid_to,
            row.reason,
            obligations[row.person_id],
            evidence_id,
        )


def _shown(person: KnownPerson | None, day: date) -> tuple[str, str, str]:
    found = affiliation_on(person, day) if person is not None else None
    return ("", "", "") if found is None else (found.category, found.employment, found.unit)


_WHO = 4
"""Columns of the matrix that say whose row it is; after them it says how an obligation stands."""


def _standing_cells(standing: Standing, cited: Mapping[int, EvidenceCited], as_of: date) -> tuple[object, ...]:
    obligation, status = standing.obligation, standing.status
    evidence = cited.get(id(standing), EvidenceCited())
    return (
        obligation.year,
        obligation.requirement.key,
        obligation.requirement.competence,
        obligation.occasion,
        obligation.opens_on,
        status.due_on,
        status.state.value,
        status.completion.completed_on if status.completion else None,
        _days_late(status, as_of),
        *(evidence.mode, evidence.mark, evidence.maximum, evidence.pass_mark),
        standing.attempts,
        *(evidence.module_version, evidence.evaluator),
        status.valid_until,
        evidence.evidence_id,
    )


def _days_late(status: Status, as_of: date) -> int | None:
    if status.state is State.OVERDUE:
        return (as_of - status.due_on).days
    if status.state is State.LATE_COMPLETE and status.completion is not None:
        return (status.completion.completed_on - status.due_on).days
    return None


def _requirements(source: Source) -> Table:
    table = source.table(
        path=REQUIREMENTS,
        columns=(
            *("requirement", "role", "units", "categories", "employments", "competence", "occasion"),
            *(
                "due",
                "days_to_complete",
                "days_after_leave",
                "method",
                "valid_months",
                "first_year",
                "last_year",
                "clauses",
            ),
            *("approved_by", "approved_on", "document", "document_version", "evidence_id"),
        ),
        actors=frozenset({"approved_by"}),
        evidence=("evidence_id",),
        values=tuple(
            EventColumn(column, "evidence_id", f"body.{member}")
            for column, member in (
                ("requirement", "key"),
                ("competence", "competence"),
                ("occasion", "occasion"),
                ("valid_months", "valid_months"),
                ("approved_on", "valid_from"),
            )
        ),
        notes=(("method", "kinds of evidence that count; any: every kind"),),
    )
    for row, evidence_id in source.records(
        RequirementVersion, RequirementVersion.valid_from <= source.question.as_of, order=(RequirementVersion.key,)
    ):
        if row.last_year is not None and row.last_year < source.question.years[0]:
            continue
        audience = {name: row.audience.get(name) for name in ("roles", "units", "categories", "employments")}
        table.add(
            row.key,
            *("any" if names is None else names for names in audience.values()),
            row.competence,
            row.occasion,
            f"{row.due_month:02d}-{row.due_day:02d}" if row.occasion == "fiscal_year" else "",
            *(row.days_to_complete, row.days_after_leave),
            "any" if row.equivalents is None else row.equivalents,
            row.valid_months,
            row.first_year,
            row.last_year,
            row.clauses,
            row.approved_by,
            row.valid_from,
            row.document,
            row.document_version,
            evidence_id,
        )
    return table


@dataclass(frozen=True, slots=True)
class _Days:
    """Who is in scope, in service, or was ever, at the end of the as-of date."""

    in_scope: frozenset[int]
    ever_in_scope: frozenset[int]
    in_service: frozenset[int]


def _reconciliation(source: Source) -> Table:
    """Compare the scope with the staff list's periods of service and with the platforms' accounts, on the as-of date."""
    table = source.table(
        path=RECONCILIATION,
        columns=("difference", "person", "account"),
        people=frozenset({"person"}),
        absent=(Absent("moodle_roster", "course rosters are not fetched yet"),),
        notes=(("compared_on", source.question.as_of),),
    )
    days = _Days(
        _people_on(source, ScopeMembership),
        _people_on(source, ScopeMembership, ever=True),
        _people_on(source, PersonService),
    )
    links = links_of(source.session, source.organisation_id, source.question.known_at)
    linked = frozenset(links.values())
    for difference, people in (
        ("in_scope_not_in_service", days.in_scope - days.in_service),
        ("in_service_not_in_scope", days.in_service - days.in_scope),
        ("in_scope_without_account", days.in_scope - linked),
        ("account_of_somebody_who_left", (linked & days.ever_in_scope) - days.in_scope - days.in_service),
    ):
        for person_id in sorted(people):
            table.add(difference, person_id, "")
    for identity_id in _unlinked(source, links):
        table.add("account_of_nobody", None, source.naming.account(identity_id))
    return table


def _people_on(source: Source, model: type[ScopeMembership | PersonService], *, ever: bool = False) -> frozenset[int]:
    fact: type[Fact] = model
    as_of = source.question.as_of
    query = select(model.person_id).where(
        model.organisation_id == source.organisation_id,
        known(model, source.question.known_at),
        fact.valid_from <= as_of,
    )
    if not ever:
        query = query.where(fact.valid_to.is_(None) | (fact.valid_to > as_of))
    return frozenset(source.session.scalars(query))


def _unlinked(source: Source, links: Mapping[int, int]) -> list[int]:
    """Return the accounts that took a test or were once linked, and belong to nobody.

    Only what the ledger knows is looked at: that an account merely exists would differ from one pack to the next.
    """
    tested = select(AttemptResult.identity_id).where(
        AttemptResult.organisation_id == source.organisation_id,
        known(AttemptResult, source.question.known_at),
        AttemptResult.submitted_at < source.question.until,
    )
    once_linked = (
        select(IdentityLink.identity_id)
        .where(
            IdentityLink.organisation_id == source.organisation_id,
            known(IdentityLink, source.question.known_at),
        )
        .group_by(IdentityLink.identity_id)
        .having(func.count() > 0)
    )
    found = {*source.session.scalars(tested), *source.session.scalars(once_linked)}
    return sorted(found - set(links))
