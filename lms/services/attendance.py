"""The register of attendance 受講記録: one row per person in scope and obligation, with the evidence that it rests on.

Population = sum of the states, for any filter: nobody vanishes by leaving.

Source: ISO/IEC 27001 clause 7.2 d; domain.md §3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from courses.awareness import short_version
from courses.calendar import FiscalYear
from courses.ledger import short_id
from courses.people import affiliation_on
from courses.requirements import State
from lms.reports.attendance import AttendanceRow
from lms.services.moments import check_known_at
from lms.services.people import Particulars, particulars_on
from lms.services.requirements import PersonStandings, Standing, standings
from lms.store.records import Moment


@dataclass(frozen=True, slots=True)
class AttendanceFilter:
    """What to show; None: everything."""

    unit: str | None = None
    category: str | None = None
    employment: str | None = None
    requirement: str | None = None
    state: State | None = None


@dataclass(slots=True)
class Attendance:
    """The register of a fiscal year."""

    rows: list[AttendanceRow] = field(default_factory=list)
    counts: Counter[State] = field(default_factory=Counter)
    """Obligations by state, within the filter (its own state left aside)."""
    people: int = 0
    """People in scope on any day of the year, within the filter."""
    people_without_obligation: int = 0
    units: set[str] = field(default_factory=set)
    """Units that occur, for the filter to offer."""


def attendance(
    session: Session, organisation_id: int, year: FiscalYear, moment: Moment, chosen: AttendanceFilter, language: str
) -> Attendance:
    """Return the register of a fiscal year as of a date and as known at a size of the tree.

    Raises:
        UnknownTreeSizeError: the ledger never had this size.
    """
    check_known_at(session, organisation_id, moment.known_at)
    register = Attendance()
    names = particulars_on(session, organisation_id, moment.as_of, moment.known_at)
    day = min(max(moment.as_of, year.start), year.last_day)
    for person in standings(session, organisation_id, year.year, moment):
        _enter(register, person, names.get(person.person.person_id), (day, chosen, language))
    register.rows.sort(key=lambda row: (row.unit or "", row.staff_number, row.due_on or date.max, row.requirement))
    return register


def _enter(
    register: Attendance,
    person: PersonStandings,
    particulars: Particulars | None,
    how: tuple[date, AttendanceFilter, str],
) -> None:
    day, chosen, language = how
    affiliation = affiliation_on(person.person, day)
    # Whose affiliation is not known (a tree size may lie between two facts) belongs to no unit, and so to no filter's.
    where = (affiliation.unit, affiliation.employment, affiliation.category) if affiliation else ("", "", "")
    register.units.add(where[0])
    if not _is_chosen(where, chosen):
        return
    register.people += 1
    register.people_without_obligation += not person.standings
    for standing in person.standings:
        if chosen.requirement is not None and standing.requirement.key != chosen.requirement:
            continue
        register.counts[standing.status.state] += 1
        if chosen.state is None or standing.status.state is chosen.state:
            register.rows.append(_row(standing, particulars, where, language))


def _is_chosen(where: tuple[str, str, str], chosen: AttendanceFilter) -> bool:
    wanted = (chosen.unit, chosen.employment, chosen.category)
    return all(each is None or each == found for each, found in zip(wanted, where, strict=True))


def _row(
    standing: Standing, particulars: Particulars | None, where: tuple[str, str, str], language: str
) -> AttendanceRow:
    unit, employment, category = where
    result = standing.result
    return AttendanceRow(
        staff_number=particulars.staff_number if particulars else "",
        name=f"{particulars.family_name} {particulars.given_name}".strip() if particulars else "",
        kana=f"{particulars.family_kana} {particulars.given_kana}".strip() if particulars else "",
        unit=unit,
        employment=employment,
        category=category,
        requirement=standing.requirement.title(language),
        occasion=standing.obligation.occasion,
        opens_on=standing.obligation.opens_on,
        due_on=standing.status.due_on,
        state=standing.status.state.value,
        completed_at=result.submitted_at if result else None,
        mode=result.kind.value if result else "",
        module=standing.obligation.requirement.competence,
        module_version=short_version(result.module_version) if result and result.module_version else "",
        mark=result.mark if result else None,
        maximum=result.maximum if result else None,
        pass_mark=result.pass_mark if result else None,
        attempts=standing.attempts,
        evidence_id=short_id(result.leaf) if result else "",
    )


def years_with_obligations(first_year: int, today: date) -> Iterator[FiscalYear]:
    """Yield the fiscal years that a register can be asked for, newest first."""
    for year in range(FiscalYear.of(today).year, first_year - 1, -1):
        yield FiscalYear(year)
