"""What the other files speak of: units, audit areas, the decisions that were applied, and the texts' parameters.

Source: domain.md §7; ISO/IEC 27001 clauses 4.3, 7.2 a, 7.5, 9.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.store.auditors import AuditArea, AuditorPolicy
from lms.store.awareness import Adoption
from lms.store.organisations import OrganisationParameters, Unit
from lms.store.pledges import PledgeApproval, PledgeText
from lms.store.requirements import RequirementVersion

UNITS = "01_units.csv"
DECISIONS = "02_decisions.csv"
PARAMETERS = "07_parameters.csv"
AREAS = "12_areas.csv"


def definition_tables(source: Source) -> Iterator[Table]:
    """Yield the files that other files refer to."""
    yield _units(source)
    yield _decision_table(source)
    yield _parameters(source)
    yield _areas(source)


@dataclass(frozen=True, slots=True)
class AppliedDecision:
    """A decision that the pack applies."""

    kind: str
    what: str
    """Keys, with versions where there are some."""
    decision: str
    approved_by: str
    effective_on: date
    evidence_id: str


def decisions(source: Source) -> list[AppliedDecision]:
    """Return the decisions effective by the as-of date: requirements, adoptions, pledge texts, auditor policy."""
    return [*_required(source), *_adopted(source), *_pledged(source), *_policies(source)]


def criteria_of(found: list[AppliedDecision]) -> str:
    """Return what names the version of everything that was approved and applied: a hash of the evidence ids."""
    digest = sha256(" ".join(each.evidence_id for each in found).encode()).hexdigest()
    return f"{len(found)} decisions, {digest[:12]}"


def _required(source: Source) -> Iterator[AppliedDecision]:
    as_of = source.question.as_of
    for row, evidence_id in source.records(RequirementVersion, RequirementVersion.valid_from <= as_of):
        document = " ".join(part for part in (row.document, row.document_version) if part)
        yield AppliedDecision("requirement", row.key, document, row.approved_by, row.valid_from, evidence_id)


def _adopted(source: Source) -> Iterator[AppliedDecision]:
    for row, evidence_id in source.records(Adoption, Adoption.effective_on <= source.question.as_of):
        what = " ".join(f"{key}@{version[:12]}" for key, version in sorted(row.versions.items()))
        yield AppliedDecision("adoption", what, row.decision, row.approved_by, row.effective_on, evidence_id)


def _pledged(source: Source) -> Iterator[AppliedDecision]:
    texts = {row.id: f"{row.key}@{row.version}" for row, _ in source.records(PledgeText)}
    for row, evidence_id in source.records(PledgeApproval, PledgeApproval.valid_from <= source.question.as_of):
        what = texts.get(row.text_id, "")
        yield AppliedDecision("pledge_text", what, row.decision, row.approved_by, row.valid_from, evidence_id)


def _policies(source: Source) -> Iterator[AppliedDecision]:
    for row, evidence_id in source.records(AuditorPolicy, AuditorPolicy.valid_from <= source.question.as_of):
        yield AppliedDecision("auditor_policy", "", row.reason or "", row.approved_by, row.valid_from, evidence_id)


def _decision_table(source: Source) -> Table:
    table = source.table(
        path=DECISIONS,
        columns=("place", "kind", "what", "decision", "approved_by", "effective_on", "evidence_id"),
        actors=frozenset({"approved_by"}),
        evidence=("evidence_id",),
        notes=(
            ("content", "the decisions that criteria names, effective by the as-of date"),
            (
                "criteria_hash",
                "number of rows; first 12 hex digits of SHA-256 over the column evidence_id in this order, joined by single spaces",
            ),
        ),
    )
    for place, each in enumerate(decisions(source), 1):
        cells = (each.kind, each.what, each.decision, each.approved_by, each.effective_on, each.evidence_id)
        table.add(place, *cells)
    return table


def _units(source: Source) -> Table:
    table = source.table(
        path=UNITS,
        columns=("unit_id", "name_ja", "name_en", "parent_id", "evidence_id"),
        evidence=("evidence_id",),
        values=tuple(EventColumn(name, "evidence_id", f"body.{name}") for name in ("name_ja", "name_en", "parent_id")),
        notes=(("unit_id", "number by which records name the unit, as in before and after of 18_corrections.csv"),),
    )
    for row, evidence_id in source.records(Unit):
        table.add(row.id, row.name_ja, row.name_en, row.parent_id, evidence_id)
    return table


def _areas(source: Source) -> Table:
    table = source.table(
        path=AREAS,
        columns=(
            *("area", "name_ja", "name_en", "unit_id", "unit", "effort_minutes", "skills", "from", "to"),
            "evidence_id",
        ),
        evidence=("evidence_id",),
        values=(
            EventColumn("area", "evidence_id", "body.key"),
            EventColumn("name_ja", "evidence_id", "body.name_ja"),
            EventColumn("name_en", "evidence_id", "body.name_en"),
            EventColumn("unit_id", "evidence_id", "body.unit_id"),
            EventColumn("effort_minutes", "evidence_id", "body.effort_minutes"),
            EventColumn("from", "evidence_id", "body.valid_from"),
            EventColumn("to", "evidence_id", "body.valid_to"),
        ),
        notes=(
            ("content", "audit areas that stood on a day of the period"),
            ("unit", "who belongs to this unit, or to one beneath it in 01_units.csv, works in the area"),
        ),
    )
    units = {row.id: row.name_ja for row, _ in source.records(Unit)}
    for row, evidence_id in source.records(AuditArea, *source.overlapping(AuditArea), order=(AuditArea.key,)):
        table.add(
            *(row.key, row.name_ja, row.name_en, row.unit_id, units.get(row.unit_id or 0, "")),
            *(row.effort_minutes, row.skills, row.valid_from, row.valid_to, evidence_id),
        )
    return table


def _parameters(source: Source) -> Table:
    table = source.table(
        path=PARAMETERS,
        columns=("parameter", "ja", "en", "set_at", "is_in_force", "evidence_id"),
        evidence=("evidence_id",),
        values=(EventColumn("set_at", "evidence_id", "recorded_at", "jst"),),
        notes=(
            ("parameter", "{{ parameter }} in a text of 07_modules stands for the value, in the language of the text"),
            ("content", "every setting up to the as-of date; a later one replaces all values of those before it"),
            ("is_in_force", "true: on the as-of date"),
        ),
    )
    rows = list(source.records(OrganisationParameters, OrganisationParameters.recorded_at < source.question.until))
    for row, evidence_id in rows:
        for name, texts in sorted(row.entries.items()):
            is_in_force = row is rows[-1][0]
            table.add(name, texts.get("ja", ""), texts.get("en", ""), row.recorded_at, is_in_force, evidence_id)
    return table
