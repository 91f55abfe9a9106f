"""File 18: what was corrected, when, by whom and why, before and after.

Source: ISO/IEC 27001 clause 7.5.3, Annex A 5.33; domain.md §2 (nothing is updated in place), §7.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import aliased

from courses.ledger import short_id
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.pseudonyms import PERSON, Naming
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.store.base import Base
from lms.store.ledger import LedgerEvent, LedgerLeaf
from lms.store.records import Fact

CORRECTIONS = "18_corrections.csv"

_ROWS_AT_A_TIME = 500


def correction_table(source: Source) -> Table:
    """Return file 18."""
    table = source.table(
        path=CORRECTIONS,
        columns=(
            *("kind", "record", "person", "valid_from", "recorded_at", "recorded_by", "reason", "is_void"),
            *("before", "after", "corrected_evidence_id", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"recorded_by"}),
        evidence=("corrected_evidence_id", "evidence_id"),
        values=(
            EventColumn("record", "evidence_id", "record.table"),
            EventColumn("valid_from", "evidence_id", "body.valid_from"),
            EventColumn("recorded_at", "evidence_id", "recorded_at", "jst"),
            EventColumn("reason", "evidence_id", "body.reason"),
            EventColumn("is_void", "evidence_id", "body.is_void"),
        ),
        notes=(
            ("content", "every row that follows another and was recorded since the period began; times in JST"),
            (
                "kind",
                "correction; void: the earlier row was never true; approval: a proposal was approved by somebody else",
            ),
            ("is_void", "true: the corrected row was never true"),
            (
                "before, after",
                "the bodies of the two events as JSON, people by pseudonym; what is personal is not in them: the ledger holds commitments to it",
            ),
            ("unit_id", "a unit of 01_units.csv; ids of other kinds are row numbers of the database"),
        ),
    )
    for model in _corrected_tables():
        for row in _corrections(source, model):
            table.add(*row)
    return table


def _corrected_tables() -> list[Any]:
    models = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Fact)]
    return sorted(models, key=lambda model: str(model.__tablename__))


def _corrections(source: Source, model: Any) -> Iterator[tuple[object, ...]]:  # noqa: ANN401 - one of the classes of facts
    """Yield the corrections in one table that were known, in order of their recording."""
    earlier, before, after = aliased(model), aliased(LedgerEvent), aliased(LedgerEvent)
    has_person = "person_id" in inspect(model).column_attrs
    person = model.person_id if has_person else model.id
    query = (
        select(
            person, model.valid_from, model.recorded_at, model.recorded_by, model.reason, model.is_void, before, after
        )
        .join(earlier, earlier.id == model.supersedes_id)
        .join(before, before.id == earlier.event_id)
        .join(after, after.id == model.event_id)
        .join(LedgerLeaf, LedgerLeaf.event_id == model.event_id)
        .where(
            model.organisation_id == source.organisation_id,
            LedgerLeaf.n < source.question.size,
            model.recorded_at >= source.question.since,
        )
        .order_by(model.id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    for person_id, *facts, old, new in source.session.execute(query):
        was, is_now = (json.loads(each.payload)["body"] for each in (old, new))
        yield (
            _kind(was, is_now),
            model.__tablename__,
            person_id if has_person else None,
            *facts,
            _text(source.naming, was),
            _text(source.naming, is_now),
            short_id(old.leaf),
            short_id(new.leaf),
        )


def _kind(was: Mapping[str, Any], is_now: Mapping[str, Any]) -> str:
    if is_now.get("is_void"):
        return "void"
    is_proposal = "proposed_by" in was and not was.get("approved_by")
    return "approval" if is_proposal and is_now.get("approved_by") else "correction"


def _text(naming: Naming, body: Mapping[str, Any]) -> str:
    shown = {name: _shown(naming, name, value) for name, value in body.items()}
    return json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _shown(naming: Naming, name: str, value: Any) -> Any:  # noqa: ANN401 - a member of an event
    if name == "person_id" and isinstance(value, int):
        return naming.person(value)
    if isinstance(value, str) and PERSON.fullmatch(value):
        return naming.actor(value)
    return value
