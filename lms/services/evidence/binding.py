"""File 09_binding: which pledge binds each person in scope on the as-of date, those bound by none included.

Source: ISO/IEC 27001 Annex A 6.2, 6.6; domain.md §4, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from courses.people import affiliation_on
from courses.pledges import LEAVING, Binding, History, SignatureState, binding_on
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import PEOPLE_AT_A_TIME, Source
from lms.services.evidence.tables import Table
from lms.services.people import people_facts
from lms.services.pledges import histories
from lms.store.people import PersonLeave, ScopeMembership

BINDING = "09_binding.csv"
BOUND = ("in_force", "obsolete_only", "none")
"""What holds a person in scope: a pledge in force; only one whose days for re-signing are over; nothing."""


def binding_table(source: Source) -> Table:
    """Return file 09_binding."""
    table = source.table(
        path=BINDING,
        columns=(
            *("person", "employment", "bound", "on_leave", "pledge", "text_version", "state", "since"),
            *("latest_reason", "reason_evidence_id", "evidence_id"),
        ),
        people=frozenset({"person"}),
        evidence=("reason_evidence_id", "evidence_id"),
        values=(EventColumn("since", "evidence_id", "body.signed_at", "jst_date"),),
        notes=(
            (
                "content",
                "everyone in scope on the as-of date, one row for each pledge that they signed or declined; one row with state none for those who did neither",
            ),
            (
                "bound",
                "of the person, in each of their rows: in_force, obsolete_only (signed, and a newer text was not signed in its days), none (nothing signed, or all of it withdrawn)",
            ),
            ("state", "in_force, resign_due, obsolete, withdrawn; none: no signature stands"),
        ),
    )
    people = _in_scope(source)
    for at in range(0, len(people), PEOPLE_AT_A_TIME):
        _enter(source, table, people[at : at + PEOPLE_AT_A_TIME])
    return table


def _in_scope(source: Source) -> list[int]:
    rows = source.records(ScopeMembership, *source.on_the_day(ScopeMembership))
    return sorted({row.person_id for row, _ in rows})


def _enter(source: Source, table: Table, people: Sequence[int]) -> None:
    moment = source.question.moment
    facts = people_facts(source.session, source.organisation_id, moment.known_at, people)
    away = {
        row.person_id
        for row, _ in source.records(PersonLeave, PersonLeave.person_id.in_(people), *source.on_the_day(PersonLeave))
    }
    bound = _bindings(source, histories(source.session, source.organisation_id, moment.known_at, people))
    events = source.evidence_ids([event_id for found in bound.values() for _, each in found for event_id in _events(each)])  # fmt: skip
    for person_id in people:
        known = facts.get(person_id)
        where = affiliation_on(known, moment.as_of) if known is not None else None
        found = bound.get(person_id, [])
        who = (person_id, where.employment if where else "", _bound(found), person_id in away)
        for row in [_row(key, each, events) for key, each in found] or [("", None, "none", None, "", "", "")]:
            table.add(*who, *row)


def _bindings(source: Source, known: Mapping[tuple[int, str], History]) -> dict[int, list[tuple[str, Binding]]]:
    found: dict[int, list[tuple[str, Binding]]] = {}
    for (person_id, key), history in known.items():
        each = binding_on(history, source.question.as_of)
        if each.signature is not None or any(reason.event_id for reason in each.reasons):
            found.setdefault(person_id, []).append((key, each))
    return found


def _bound(found: Sequence[tuple[str, Binding]]) -> str:
    """Return what holds a person; the confirmation of a leaver is not what was pledged on joining."""
    states = {each.state for key, each in found if key != LEAVING and each.signature is not None}
    if states & {SignatureState.IN_FORCE, SignatureState.RESIGN_DUE, SignatureState.CONTINUING}:
        return "in_force"
    return "obsolete_only" if SignatureState.OBSOLETE in states else "none"


def _events(binding: Binding) -> Iterator[int]:
    if binding.signature is not None:
        yield binding.signature.event_id
    last = binding.reasons[-1].event_id if binding.reasons else None
    if last is not None:
        yield last


def _row(key: str, binding: Binding, events: Mapping[int, str]) -> tuple[object, ...]:
    last = binding.reasons[-1] if binding.reasons else None
    return (
        key,
        binding.text.version if binding.text else None,
        binding.state.value if binding.state else "none",
        binding.signature.signed_on if binding.signature else None,
        last.code.value if last else "",
        events.get(last.event_id or 0, "") if last else "",
        events[binding.signature.event_id] if binding.signature else "",
    )
