"""From how rules name a record, ``area_tie/3``, to the evidence id of its event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.ledger import short_id
from lms.store.base import Base
from lms.store.ledger import LedgerEvent
from lms.store.records import Record


def evidence_ids(session: Session, organisation_id: int, references: Iterable[str]) -> dict[str, str]:
    """Return the evidence ids of an organisation's records, by reference; what names no record is left out."""
    keys: defaultdict[str, set[int]] = defaultdict(set)
    for reference in references:
        table, _slash, key = reference.partition("/")
        if key.isascii() and key.isdigit():
            keys[table].add(int(key))
    models = {
        mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]  # mapped to tables, not to selects
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Record)
    }
    found = {}
    for table, wanted in keys.items():
        model: Any = models.get(table)
        if model is None:
            continue
        rows = (
            select(model.id, LedgerEvent.leaf)
            .join(LedgerEvent, LedgerEvent.id == model.event_id)
            .where(model.organisation_id == organisation_id, model.id.in_(wanted))
        )
        found.update({f"{table}/{key}": short_id(leaf) for key, leaf in session.execute(rows)})
    return found
