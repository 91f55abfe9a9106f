"""Files 03 beside the matrix: exemptions with their approver, ground and end, and periods of leave; voided ones too.

Source: ISO/IEC 27001 clause 7.2; domain.md §3, §7.
"""

from __future__ import annotations

from collections.abc import Iterator

from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.store.people import PersonLeave
from lms.store.requirements import Exemption

EXEMPTIONS = "03_exemptions.csv"
LEAVE = "03_leave.csv"

_PERIOD = (
    EventColumn("from", "evidence_id", "body.valid_from"),
    EventColumn("to", "evidence_id", "body.valid_to"),
    EventColumn("is_void", "evidence_id", "body.is_void"),
    EventColumn("recorded_at", "evidence_id", "recorded_at", "jst"),
)
_VOID = ("is_void", "true: recorded by mistake and taken back; it never held")


def absence_tables(source: Source) -> Iterator[Table]:
    """Yield exemptions and leave that touch the period."""
    yield _exemptions(source)
    yield _leave(source)


def _exemptions(source: Source) -> Table:
    table = source.table(
        path=EXEMPTIONS,
        columns=(
            *("person", "requirement", "from", "to", "approved_by", "ground", "is_void", "correction_reason"),
            *("recorded_at", "recorded_by", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"approved_by", "recorded_by"}),
        evidence=("evidence_id",),
        values=(
            *_PERIOD,
            EventColumn("requirement", "evidence_id", "body.requirement_key"),
            EventColumn("ground", "evidence_id", "body.reason"),
            EventColumn("correction_reason", "evidence_id", "body.correction_reason"),
        ),
        notes=(
            ("content", "every exemption that touches the period; to: first day on which it no longer holds"),
            ("approved_by, ground, to", "written as recorded; one that lacks any of them is a hit of NC12"),
            _VOID,
        ),
    )
    for row, evidence_id in source.standing(
        Exemption, *source.overlapping(Exemption), order=(Exemption.person_id, Exemption.valid_from)
    ):
        table.add(
            *(row.person_id, row.requirement_key, row.valid_from, row.valid_to, row.approved_by, row.reason),
            *(row.is_void, row.correction_reason, row.recorded_at, row.recorded_by, evidence_id),
        )
    return table


def _leave(source: Source) -> Table:
    table = source.table(
        path=LEAVE,
        columns=("person", "from", "to", "is_void", "recorded_at", "recorded_by", "evidence_id"),
        people=frozenset({"person"}),
        actors=frozenset({"recorded_by"}),
        evidence=("evidence_id",),
        values=_PERIOD,
        notes=(
            ("content", "every leave that touches the period; to: day of return; why is never recorded"),
            (
                "effect",
                "leave that began by a due date suspends it; after the return the obligation is due within the days that its requirement gives (days_after_leave in 02_requirements.csv)",
            ),
            _VOID,
        ),
    )
    for row, evidence_id in source.standing(
        PersonLeave, *source.overlapping(PersonLeave), order=(PersonLeave.person_id, PersonLeave.valid_from)
    ):
        table.add(
            *(row.person_id, row.valid_from, row.valid_to, row.is_void, row.recorded_at, row.recorded_by),
            evidence_id,
        )
    return table
