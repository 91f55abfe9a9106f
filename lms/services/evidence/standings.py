"""What a line of the matrix rests on: the one place that knows which record speaks for which state.

Source: domain.md §3 (each state comes with the records that say so), §7 (file 03).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from courses.awareness import short_version
from courses.ledger import short_id
from courses.records import EvidenceKind
from lms.services.evidence.source import Source
from lms.services.requirements import Standing


@dataclass(frozen=True, slots=True)
class EvidenceCited:
    """The record behind a state, as the matrix writes it."""

    evidence_id: str = ""
    mode: str = ""
    mark: int | None = None
    maximum: int | None = None
    pass_mark: int | None = None
    module_version: str = ""
    evaluator: str = ""
    """``automatic`` for our own tests, else who graded or approved."""


def evidence_cited(source: Source, standings: Sequence[Standing]) -> dict[int, EvidenceCited]:
    """Return what each of these standings rests on, by its `id`; those without a record are left out."""
    found: dict[int, EvidenceCited] = {}
    for each in standings:
        if each.result is not None:
            found[id(each)] = EvidenceCited(
                short_id(each.result.leaf),
                each.result.kind.value,
                each.result.mark,
                each.result.maximum,
                each.result.pass_mark,
                short_version(each.result.module_version) if each.result.module_version else "",
                "automatic" if each.result.kind is EvidenceKind.OWN_TEST else "",
            )
    return found
