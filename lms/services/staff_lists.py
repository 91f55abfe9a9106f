"""What a staff list changes in people's dated facts.

A staff list describes the state on one day, ``effective_on``. Per person, found by the staff number in force that day:

- Somebody new gets particulars, service, affiliation and scope from the days that the list names.
- A change of name, number, unit, post, employment or category takes effect on ``effective_on``: the fact in force then is
  closed and a new one opened. Where none is in force (not yet joined, or left), the nearest one is corrected instead.
- Other ``joined_on`` or ``left_on`` correct the latest service, and the affiliations that began or ended with it; a
  ``joined_on`` at or after its end is a return and opens a service of its own. Scope memberships behave alike.
- Who is absent from the list is reported and left. So is a scope membership whose ``scope_from`` was emptied.

Rows are insert-only, so closing and correcting are rows that supersede; the first recording stays.

Source: domain.md §1-2; courses/staff_lists.py for how a list is read.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session

from courses.calendar import Period, jst_date
from courses.events import commit_fields
from courses.staff_lists import Remark, RemarkCode, StaffList, StaffListRefused, StaffRow, variant_key
from lms.services.audit import note
from lms.services.people import (
    AFFILIATION_COLUMNS,
    AFFILIATION_FIELDS,
    Dated,
    dated_rows,
    in_force,
    particulars_rows,
)
from lms.store.organisations import Organisation, units_of
from lms.store.people import (
    PERSONAL_FIELDS,
    Person,
    PersonAffiliation,
    PersonalOpening,
    PersonParticulars,
    PersonService,
    ScopeMembership,
)
from lms.store.records import Fact, record, record_personal

IMPORT_REASON = "staff_list"
"""Stands as the reason on rows with which an import closes or corrects a fact."""


class AmbiguousStaffNumberError(LookupError):
    """Several people have the same staff number on a day, so that a list cannot say whom it means."""

    def __init__(self, staff_number: str) -> None:
        super().__init__(staff_number)
        self.staff_number = staff_number


class UnknownUnitError(LookupError):
    """A list names a unit that the organisation does not have."""

    def __init__(self, unit: str) -> None:
        super().__init__(unit)
        self.unit = unit


class FieldChange(NamedTuple):
    """One value that a list changes."""

    staff_number: str
    field: str
    """A column of the staff list."""
    before: str
    after: str
    """As the list writes it: codes, and dates as last days; empty for nothing."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What a staff list changes."""

    added: tuple[str, ...]
    """Staff numbers of people who were not known."""
    changed: tuple[FieldChange, ...]
    unchanged: int
    """How many people of the list stay as they are."""
    absent: tuple[str, ...]
    """Staff numbers of people who serve or are in scope on the day or later and are not in the list; they are left."""
    warnings: tuple[Remark, ...]
    staff_list: StaffList
    effective_on: date
    """The JST day on which changes take effect."""

    @property
    def is_empty(self) -> bool:
        """Tell whether the list changes nothing."""
        return self.unchanged == len(self.staff_list.rows)


@dataclass(slots=True)
class _Facts:
    """Somebody's facts, each list in order of start."""

    particulars: list[Dated] = field(default_factory=list)
    """Values are `PERSONAL_FIELDS`; () where they were erased."""
    service: list[Dated] = field(default_factory=list)
    """Values are ()."""
    affiliations: list[Dated] = field(default_factory=list)
    """Values are unit_id, post, employment, category."""
    scope: list[Dated] = field(default_factory=list)
    """Values are the reason alone."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """What an import writes for one person."""

    person_id: int | None
    """None: a new person."""
    writes: _Facts
    changes: tuple[FieldChange, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is written."""
        facts = self.writes
        return not (facts.particulars or facts.service or facts.affiliations or facts.scope)


def plan_import(session: Session, organisation: Organisation, staff_list: StaffList, effective_on: date) -> ImportPlan:
    """Tell what a staff list would change, and change nothing.

    Raises:
        AmbiguousStaffNumberError: two known people have one staff number on the day.
        UnknownUnitError: the list was read for other units.
    """
    return _decide(session, organisation, staff_list, effective_on)[0]


def apply_import(
    session: Session, organisation: Organisation, plan_or_list: ImportPlan | StaffList, now: datetime, actor: str
) -> ImportPlan:
    """Record what a staff list changes and return it; decided anew within the session, as facts may have changed since.

    A bare list takes effect today.

    Raises:
        AmbiguousStaffNumberError: two known people have one staff number on the day.
        UnknownUnitError: the list was read for other units.
    """
    if isinstance(plan_or_list, ImportPlan):
        staff_list, effective_on = plan_or_list.staff_list, plan_or_list.effective_on
    else:
        staff_list, effective_on = plan_or_list, jst_date(now)
    plan, decisions = _decide(session, organisation, staff_list, effective_on)
    newcomers = [
        Person(organisation_id=organisation.id, created_at=now) for each in decisions if each.person_id is None
    ]
    session.add_all(newcomers)
    session.flush()
    new_ids = iter([person.id for person in newcomers])
    written = [(next(new_ids) if each.person_id is None else each.person_id, each.writes) for each in decisions]
    stamp = {"recorded_at": now, "recorded_by": actor}
    _record_particulars(
        session, organisation, [(key, row) for key, facts in written for row in facts.particulars], stamp
    )
    for model, fields, attribute in (
        (PersonService, (), "service"),
        (PersonAffiliation, AFFILIATION_FIELDS, "affiliations"),
        (ScopeMembership, ("reason",), "scope"),
    ):
        rows = [(key, row) for key, facts in written for row in getattr(facts, attribute)]
        record(session, organisation, *(_fact(model, fields, key, row, stamp) for key, row in rows))
    return plan


def note_refusal(
    session: Session, organisation: Organisation, refusal: StaffListRefused, now: datetime, actor: str
) -> None:
    """Append the audit event of a refused list: codes and places of its problems, without what stands there."""
    problems = [
        {"code": str(problem.code), "row": problem.row, "column": problem.column} for problem in refusal.problems
    ]
    note(session, "people.import_refused", actor, now, organisation.id, count=refusal.count, problems=problems)


def note_import(session: Session, organisation: Organisation, plan: ImportPlan, now: datetime, actor: str) -> None:
    """Append the audit event of an import that was recorded: how many people it touched."""
    counts = {"added": len(plan.added), "unchanged": plan.unchanged, "absent": len(plan.absent)}
    changed = len({change.staff_number for change in plan.changed})
    note(session, "people.imported", actor, now, organisation.id, changed=changed, **counts)


def _known_facts(session: Session, organisation_id: int) -> dict[int, _Facts]:
    facts: defaultdict[int, _Facts] = defaultdict(_Facts)
    for person_id, row in particulars_rows(session, organisation_id, None):
        facts[person_id].particulars.append(row)
    tables: tuple[tuple[Any, Sequence[Any], str], ...] = (
        (PersonService, (), "service"),
        (PersonAffiliation, AFFILIATION_COLUMNS, "affiliations"),
        (ScopeMembership, (ScopeMembership.reason,), "scope"),
    )
    for model, columns, kind in tables:
        rows = dated_rows(model, organisation_id, None).add_columns(model.id, *columns)
        for person_id, start, end, key, *value in session.execute(rows):
            getattr(facts[person_id], kind).append(Dated(key, start, end, tuple(value)))
    return dict(facts)


class _Importer:
    """Decides what one list changes, given what is known."""

    def __init__(
        self, known_facts: Mapping[int, _Facts], units: Mapping[str, int], staff_list: StaffList, effective_on: date
    ) -> None:
        self.facts = known_facts
        self._unit_ids = units
        self._unit_names = {key: name for name, key in units.items()}
        self._columns = staff_list.columns
        self._day = effective_on
        self.by_number: dict[str, int] = {}
        for person_id, facts in known_facts.items():
            value = in_force(facts.particulars, effective_on).value if facts.particulars else ()
            if value and self.by_number.setdefault(value[0], person_id) != person_id:
                raise AmbiguousStaffNumberError(value[0])

    def decide(self, row: StaffRow) -> _Decision:
        """Decide for one person of the list."""
        person_id = self.by_number.get(row.staff_number)
        facts = _Facts() if person_id is None else self.facts[person_id]
        wanted = self._wanted(row, facts)
        writes = _Facts(
            _writes(facts.particulars, wanted.particulars),
            _writes(facts.service, wanted.service),
            _writes(facts.affiliations, wanted.affiliations),
            _writes(facts.scope, wanted.scope),
        )
        return _Decision(person_id, writes, () if person_id is None else self._changes(row, facts, writes))

    def _wanted(self, row: StaffRow, facts: _Facts) -> _Facts:
        first_day = row.service.start if row.scope is None else min(row.service.start, row.scope.start)
        if facts.particulars:
            first_day = facts.particulars[0].start
        service = _with_period(facts.service, row.service, ())
        affiliations = facts.affiliations
        if service is not facts.service and service[-1].origin is not None:
            latest = facts.service[-1]
            affiliations = _moved(affiliations, Period(latest.start, latest.end), row.service)
        return _Facts(
            particulars=_with_value(facts.particulars, Period(first_day), self._personal(row, facts), self._day),
            service=service,
            affiliations=_with_value(affiliations, row.service, self._affiliation(row), self._day),
            scope=facts.scope
            if row.scope is None
            else _with_period(facts.scope, row.scope, (row.scope_reason or None,)),
        )

    def _personal(self, row: StaffRow, facts: _Facts) -> tuple[str, ...]:
        """Return the personal values of a row; those of columns that the list lacks stay as they are known."""
        known_values = in_force(facts.particulars, self._day).value if facts.particulars else ()
        present = dict(zip(PERSONAL_FIELDS, known_values, strict=False))
        return tuple(getattr(row, name) if name in self._columns else present.get(name, "") for name in PERSONAL_FIELDS)

    def _affiliation(self, row: StaffRow) -> tuple[int, str, str, str]:
        unit_id = self._unit_ids.get(row.unit)
        if unit_id is None:
            raise UnknownUnitError(row.unit)
        return unit_id, row.post, row.employment.value, row.category.value

    def _present_affiliation(self, row: StaffRow, facts: _Facts) -> tuple[Any, ...]:
        within = [each for each in facts.affiliations if Period(each.start, each.end).overlaps(row.service)]
        rows = within or facts.affiliations
        return in_force(rows, self._day).value if rows else ("", "", "", "")

    def _changes(self, row: StaffRow, facts: _Facts, writes: _Facts) -> tuple[FieldChange, ...]:
        """Return what differs between the facts before and the row, of those facts that are written."""
        pairs: list[tuple[str, str, str]] = []
        if writes.particulars:
            before = in_force(facts.particulars, self._day).value
            pairs += zip(PERSONAL_FIELDS, before, self._personal(row, facts), strict=True)
        if writes.service:
            pairs += zip(("joined_on", "left_on"), _shown(facts.service), _days(row.service), strict=True)
        if writes.affiliations:
            unit_id, *others = self._present_affiliation(row, facts)
            old = (self._unit_names.get(unit_id, ""), *others)
            new = (row.unit, *self._affiliation(row)[1:])
            pairs += zip(("unit", "post", "employment", "category"), old, new, strict=True)
        if writes.scope and row.scope is not None:
            reason = facts.scope[-1].value[0] or "" if facts.scope else ""
            old_scope, new_scope = (*_shown(facts.scope), reason), (*_days(row.scope), row.scope_reason)
            pairs += zip(("scope_from", "scope_to", "scope_reason"), old_scope, new_scope, strict=True)
        return tuple(FieldChange(row.staff_number, *pair) for pair in pairs if pair[1] != pair[2])


def _days(period: Period) -> tuple[str, str]:
    """Write a period as a staff list does: its first and its last day."""
    return period.start.isoformat(), period.last_day.isoformat() if period.last_day else ""


def _shown(rows: Sequence[Dated]) -> tuple[str, str]:
    return _days(Period(rows[-1].start, rows[-1].end)) if rows else ("", "")


def _with_period(rows: list[Dated], period: Period, value: tuple[Any, ...]) -> list[Dated]:
    """Return rows that hold a period: a new one where it begins at or after the latest's end, else the latest corrected.

    Earlier rows that the corrected one overlaps are gone: the list knows them as one.
    """
    if any((row.start, row.end, row.value) == (period.start, period.end, value) for row in rows):
        return rows
    if not rows or ((ended := rows[-1].end) is not None and period.start >= ended):
        return [*rows, Dated(None, period.start, period.end, value)]
    apart = [row for row in rows[:-1] if not Period(row.start, row.end).overlaps(period)]
    return [*apart, Dated(rows[-1].origin, period.start, period.end, value)]


def _moved(rows: list[Dated], old: Period, new: Period) -> list[Dated]:
    """Return rows that lay in one period fitted into another: what began or ended with it does so again.

    Nothing is stretched over rows that ended before.
    """
    moved: list[Dated] = []
    for row in rows:
        start, end = row.start, row.end
        if Period(start, end).overlaps(old):
            earlier = [each.end for each in moved if each.end is not None and each.end <= row.start]
            start = max([new.start if start == old.start else max(start, new.start), *earlier])
            end = new.end if end == old.end else min((day for day in (end, new.end) if day), default=None)
        if end is None or start < end:
            moved.append(row._replace(start=start, end=end))
    return moved


def _with_value(rows: list[Dated], period: Period, value: tuple[Any, ...], day: date) -> list[Dated]:
    """Return rows that have a value within a period from a day on, as long as the row in force there lasted."""
    inside = [row for row in rows if Period(row.start, row.end).overlaps(period)]
    if not inside:
        return [*rows, Dated(None, period.start, period.end, value)]
    present = in_force(inside, day)
    if present.value == value:
        return rows
    if present.start < day and (present.end is None or day < present.end):
        changed = [present._replace(end=day), Dated(None, day, present.end, value)]
    else:
        changed = [present._replace(value=value)]
    place = rows.index(present)
    return [*rows[:place], *changed, *rows[place + 1 :]]


def _writes(before: list[Dated], wanted: list[Dated]) -> list[Dated]:
    """Return the rows to insert: new ones, those that supersede a changed row, and those that void one."""
    if before is wanted:
        return []
    kept = {row.origin: row for row in wanted if row.origin is not None}
    voided = [row._replace(is_void=True) for row in before if row.origin not in kept]
    known_rows = set(before)
    return [*voided, *(row for row in wanted if row not in known_rows)]


def _decide(
    session: Session, organisation: Organisation, staff_list: StaffList, effective_on: date
) -> tuple[ImportPlan, list[_Decision]]:
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    importer = _Importer(_known_facts(session, organisation.id), units, staff_list, effective_on)
    decisions = [(row, importer.decide(row)) for row in staff_list.rows]
    listed = {row.staff_number for row in staff_list.rows}
    added = [row for row, decision in decisions if decision.person_id is None]
    effective = [decision for _, decision in decisions if not decision.is_empty]
    plan = ImportPlan(
        added=tuple(row.staff_number for row in added),
        changed=tuple(change for _, decision in decisions for change in decision.changes),
        unchanged=len(decisions) - len(effective),
        absent=tuple(
            number
            for number, person_id in sorted(importer.by_number.items())
            if number not in listed and _is_present(importer.facts[person_id], effective_on)
        ),
        warnings=(*staff_list.warnings, *_remarks(importer, staff_list, added, effective_on)),
        staff_list=staff_list,
        effective_on=effective_on,
    )
    return plan, effective


def _is_present(facts: _Facts, day: date) -> bool:
    return any(row.end is None or day < row.end for row in (*facts.service, *facts.scope))


def _remarks(importer: _Importer, staff_list: StaffList, added: list[StaffRow], day: date) -> Iterator[Remark]:
    """Name new people who may be known under another number, and emptied scope memberships."""
    by_name: dict[str, str] = {}
    by_digits: dict[str, str] = {}
    for number, person_id in importer.by_number.items() if added else ():
        value = in_force(importer.facts[person_id].particulars, day).value
        by_name.setdefault(variant_key(value[1] + value[2]), number)
        by_digits.setdefault(number.lstrip("0"), number)
    for row in added:
        if other := by_digits.get(row.staff_number.lstrip("0")):
            yield Remark(RemarkCode.LEADING_ZEROS, row.row, "staff_number", row.staff_number, other)
        elif other := by_name.get(variant_key(row.family_name + row.given_name)):
            yield Remark(RemarkCode.SAME_PERSON, row.row, "staff_number", row.staff_number, other)
    for row in staff_list.rows:
        known_id = importer.by_number.get(row.staff_number)
        if row.scope is None and known_id is not None and importer.facts[known_id].scope:
            yield Remark(RemarkCode.SCOPE_LEFT_EMPTY, row.row, "scope_from", row.staff_number)


def _fact(
    model: Any,  # noqa: ANN401 - a mapped class with a person
    fields: Sequence[str],
    person_id: int,
    row: Dated,
    stamp: Mapping[str, Any],
) -> Fact:
    values = dict(zip(fields, row.value, strict=True))
    values.setdefault("reason", None if row.origin is None else IMPORT_REASON)
    fact: Fact = model(
        person_id=person_id,
        valid_from=row.start,
        valid_to=row.end,
        is_void=row.is_void,
        supersedes_id=row.origin,
        **values,
        **stamp,
    )
    return fact


def _record_particulars(
    session: Session, organisation: Organisation, written: Sequence[tuple[int, Dated]], stamp: Mapping[str, Any]
) -> None:
    """Record particulars with commitments to their values, and the openings of these."""
    openings: list[dict[str, Any]] = []
    rows: list[tuple[Fact, dict[str, str]]] = []
    for person_id, row in written:
        values: dict[str, str] = dict(zip(PERSONAL_FIELDS, row.value, strict=True))
        salt = secrets.token_bytes(32)
        rows.append(
            (_fact(PersonParticulars, (), person_id, row._replace(value=()), stamp), commit_fields(salt, values))
        )
        openings.append({"organisation_id": organisation.id, "salt": salt, **values})
    record_personal(session, organisation, rows)
    for (fact, _), opening in zip(rows, openings, strict=True):
        opening["particulars_id"] = fact.id
    if openings:
        session.execute(insert(PersonalOpening), openings)
