"""One person's whole record as plain values, for ``akashi people show --json`` and for programs that read it.

Source: domain.md §2 (two time axes), §8 (per-person export).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from courses.calendar import JST
from courses.ledger import short_id
from courses.people import affiliation_on, in_scope_on
from lms.services.completions import Result, completions_by_person
from lms.services.people import particulars_rows
from lms.services.person_record import FactHistory, FactVersion, PersonRecord, person_record
from lms.services.requirements import Standing
from lms.store.records import Moment


def people_with_number(session: Session, organisation_id: int, staff_number: str, moment: Moment) -> list[int]:
    """Return the people who have a staff number on a date, as known then; where nobody has, those who ever had it."""
    ever: dict[int, bool] = {}
    for person_id, row in particulars_rows(session, organisation_id, moment.known_at):
        if row.value and row.value[0] == staff_number:
            holds = row.start <= moment.as_of and (row.end is None or moment.as_of < row.end)
            ever[person_id] = ever.get(person_id, False) or holds
    return [key for key, holds in ever.items() if holds] or [*ever]


def person_as_values(session: Session, organisation_id: int, person_id: int, moment: Moment) -> dict[str, Any]:
    """Return a person's record as JSON values: dates as texts, periods with the first day on which they no longer hold.

    Raises:
        lms.services.person_facts.NoSuchPersonError: nothing was known of the person then.
    """
    record = person_record(session, organisation_id, person_id, moment)
    shown = completions_by_person(session, organisation_id, moment.known_at, {person_id}).get(person_id, [])
    return {
        "as_of": moment.as_of.isoformat(),
        "known_at": moment.known_at,
        "person": _person(record, moment.as_of),
        "facts": {kind: [_fact(each, moment.as_of) for each in facts] for kind, facts in record.facts.items()},
        "obligations": [_obligation(each) for each in record.standings],
        "evidence": [_evidence(each) for each in shown if each.completed_on <= moment.as_of],
    }


def _person(record: PersonRecord, as_of: date) -> dict[str, Any]:
    who, affiliation = record.particulars, affiliation_on(record.known, as_of)
    return {
        "person_id": record.person_id,
        "staff_number": who.staff_number if who else None,
        "name": f"{who.family_name} {who.given_name}".strip() if who else None,
        "unit": affiliation.unit if affiliation else None,
        "employment": affiliation.employment if affiliation else None,
        "category": affiliation.category if affiliation else None,
        "is_in_scope": in_scope_on(record.known, as_of),
        "is_on_leave": any(as_of in each for each in record.known.leave),
    }


def _fact(history: FactHistory, as_of: date) -> dict[str, Any]:
    *earlier, newest = history.versions
    return {**_version(newest), "holds": history.holds_on(as_of), "earlier": [_version(each) for each in earlier]}


def _version(version: FactVersion) -> dict[str, Any]:
    return {
        "fact_id": version.fact_id,
        "valid_from": version.start.isoformat(),
        "valid_to": version.end.isoformat() if version.end else None,
        "values": {
            name: value.isoformat() if isinstance(value, date | datetime) else value
            for name, value in version.values.items()
        },
        "reason": version.reason,
        "correction_reason": version.correction_reason,
        "is_void": version.is_void,
        "recorded_at": version.recorded_at.astimezone(JST).isoformat(),
        "recorded_by": version.recorded_by,
        "evidence_id": version.evidence_id,
    }


def _obligation(standing: Standing) -> dict[str, Any]:
    obligation, status, result = standing.obligation, standing.status, standing.result
    return {
        "requirement": obligation.requirement.key,
        "competence": obligation.requirement.competence,
        "occasion": obligation.occasion,
        "year": obligation.year,
        "opens_on": obligation.opens_on.isoformat(),
        "due_on": status.due_on.isoformat(),
        "state": status.state.value,
        "valid_until": status.valid_until.isoformat() if status.valid_until else None,
        "completed_on": result.completed_on.isoformat() if result else None,
        "evidence_id": short_id(result.leaf) if result else None,
        "attempts": standing.attempts,
    }


def _evidence(result: Result) -> dict[str, Any]:
    return {
        "competence": result.competence,
        "kind": result.kind.value,
        "completed_on": result.completed_on.isoformat(),
        "is_passed": result.is_passed,
        "mark": result.mark,
        "maximum": result.maximum,
        "pass_mark": result.pass_mark,
        "text_version": result.version,
        "withdrawn_on": result.ends_on.isoformat() if result.ends_on else None,
        "evidence_id": short_id(result.leaf),
    }
