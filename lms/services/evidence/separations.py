"""File 10, separation of duties: which pairs of roles are kept apart, and who holds two roles at once.

Source: ISO/IEC 27001 Annex A 5.3; domain.md §1, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby

from courses.roles import DEFAULT_SEPARATIONS, Separation
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.store.roles import Appointment, SeparationRule

SEPARATIONS = "10_separations.csv"
DOUBLE_ROLES = "10_double_roles.csv"

_Held = tuple[Appointment, str]


def separation_tables(source: Source) -> Iterator[Table]:
    """Yield the rules of separation, and the pairs of roles that one person holds at once."""
    yield _rules(source)
    yield _doubles(source)


def _rules(source: Source) -> Table:
    table = source.table(
        path=SEPARATIONS,
        columns=("first_role", "second_role", "from", "to", "set_by", "reason", "approved_by", "evidence_id"),
        actors=frozenset({"approved_by"}),
        evidence=("evidence_id",),
        values=(EventColumn("reason", "evidence_id", "body.reason"),),
        notes=(
            ("content", "pairs of roles that nobody may hold at once; no other pair is checked"),
            ("set_by", "tool: the rules that the tool brings, in force always; organisation: its own decision"),
        ),
    )
    for rule in DEFAULT_SEPARATIONS:
        table.add(rule.first.value, rule.second.value, None, None, "tool", "", "", "")
    for row, evidence_id in source.records(SeparationRule, *source.overlapping(SeparationRule)):
        cells = (row.first_role, row.second_role, row.valid_from, row.valid_to, "organisation", row.reason)
        table.add(*cells, row.approved_by, evidence_id)
    return table


def _doubles(source: Source) -> Table:
    table = source.table(
        path=DOUBLE_ROLES,
        columns=("person", "first_role", "second_role", "from", "to", "is_separated", "evidence_id"),
        people=frozenset({"person"}),
        evidence=("evidence_id",),
        notes=(
            ("content", "each two different roles that one person holds on the same day of the period"),
            ("is_separated", "true: a rule of 10_separations.csv keeps the two apart on one of these days"),
        ),
    )
    rules = [*DEFAULT_SEPARATIONS, *(row.rule() for row, _ in source.records(SeparationRule))]
    held = source.records(
        Appointment, *source.overlapping(Appointment), order=(Appointment.person_id, Appointment.isms_role)
    )
    for person_id, theirs in groupby(held, key=lambda each: each[0].person_id):
        for cells in _pairs(list(theirs), rules):
            table.add(person_id, *cells)
    return table


def _pairs(theirs: Sequence[_Held], rules: Sequence[Separation]) -> Iterator[tuple[object, ...]]:
    for (one, one_id), (other, other_id) in combinations(theirs, 2):
        first, second = one.rule(), other.rule()
        if first.isms_role is second.isms_role or not first.period.overlaps(second.period):
            continue
        start = max(first.period.start, second.period.start)
        ends = [end for end in (first.period.end, second.period.end) if end is not None]
        is_separated = any(
            each.divides(first.isms_role, second.isms_role)
            and each.period.overlaps(first.period)
            and each.period.overlaps(second.period)
            and (each.period.end is None or start < each.period.end)
            for each in rules
        )
        yield (one.isms_role, other.isms_role, start, min(ends, default=None), is_separated, [one_id, other_id])
