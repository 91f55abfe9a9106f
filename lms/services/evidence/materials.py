"""File 07: module and question versions, who adopted them, and from when on.

A module version lies in the pack as the very bytes whose SHA-256 names it. A question version does not: its content
holds the answer key, which the hash seals.

Source: ISO/IEC 27001 clause 7.5; domain.md §7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import rfc8785

from courses.awareness import short_version
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Absent, Table
from lms.store.awareness import Adoption, ModuleVersion, QuestionVersion

MODULES = "07_module_versions.csv"
QUESTIONS = "07_question_versions.csv"


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of a pack that is no table."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Use:
    """That a decision put a version in use."""

    decision: str
    approved_by: str
    effective_from: date
    effective_to: date | None
    evidence_id: str


def material_tables(source: Source) -> Iterator[Table]:
    """Yield file 07."""
    yield _modules(source)
    yield _questions(source)


def module_files(source: Source) -> Iterator[PackFile]:
    """Yield each module version as the bytes that its hash is of."""
    for row, _ in source.records(ModuleVersion, order=(ModuleVersion.key,)):
        content = rfc8785.dumps({"module": row.content, "questions": row.question_hashes})
        yield PackFile(_file_name(row), content)


def _file_name(row: ModuleVersion) -> str:
    return f"07_modules/{row.key}-{short_version(row.version_hash)}.json"


def _modules(source: Source) -> Table:
    table = source.table(
        path=MODULES,
        columns=(
            *(
                "module",
                "version",
                "sha256",
                "title_ja",
                "title_en",
                "clauses",
                "minutes",
                "questions",
                "questions_asked",
            ),
            *("pass_percent", "attempts", "wait_minutes"),
            *("decision", "approved_by", "effective_from", "effective_to", "file", "evidence_id"),
            "decision_evidence_id",
        ),
        evidence=("evidence_id", "decision_evidence_id"),
        values=(
            EventColumn("module", "evidence_id", "body.key"),
            EventColumn("version", "evidence_id", "body.version_hash", "first_12"),
            EventColumn("sha256", "evidence_id", "body.version_hash"),
            EventColumn("decision", "decision_evidence_id", "body.decision"),
            EventColumn("approved_by", "decision_evidence_id", "body.approved_by"),
            EventColumn("effective_from", "decision_evidence_id", "body.effective_on"),
        ),
        absent=(Absent("author", "the catalogue's versions are kept without their writers' names"),),
        notes=(
            ("sha256", "hash of the named file, byte for byte"),
            (
                "file",
                "the text as it was approved, before the organisation's parameters are filled in: see 07_parameters.csv",
            ),
            ("questions, questions_asked", "in the pool, and drawn from it for one attempt"),
            ("pass_percent", "an attempt is passed with this share of the marks, rounded up to a whole mark"),
            (
                "attempts, wait_minutes",
                "attempts before a supplementary lesson opens a new round of as many; minutes to wait after an attempt",
            ),
        ),
    )
    uses = _uses(source)
    for row, evidence_id in source.records(ModuleVersion, order=(ModuleVersion.key,)):
        body, test = row.content["body"], row.content["test"]
        for use in uses.get((row.key, row.version_hash), [_Use("", "", date.max, None, "")]):
            table.add(
                row.key,
                short_version(row.version_hash),
                row.version_hash,
                body["ja"]["title"],
                body["en"]["title"],
                row.content["clauses"],
                row.content["minutes"],
                len(row.question_hashes),
                *(test["questions"], test["pass_percent"], test["attempts"], test["wait_minutes"]),
                use.decision,
                use.approved_by,
                use.effective_from if use.evidence_id else None,
                use.effective_to,
                _file_name(row),
                evidence_id,
                use.evidence_id,
            )
    return table


def _uses(source: Source) -> dict[tuple[str, str], list[_Use]]:
    """Return for each module version the decisions that put it in use by the as-of date."""
    by_module: dict[str, list[tuple[Adoption, str, str]]] = {}
    for row, evidence_id in source.records(
        Adoption, Adoption.effective_on <= source.question.as_of, order=(Adoption.effective_on,)
    ):
        for key, version in row.versions.items():
            by_module.setdefault(key, []).append((row, version, evidence_id))
    uses: dict[tuple[str, str], list[_Use]] = {}
    for key, decisions in by_module.items():
        for number, (row, version, evidence_id) in enumerate(decisions):
            later = (each.effective_on for each, other, _ in decisions[number + 1 :] if other != version)
            use = _Use(row.decision, row.approved_by, row.effective_on, next(later, None), evidence_id)
            uses.setdefault((key, version), []).append(use)
    return uses


def _questions(source: Source) -> Table:
    table = source.table(
        path=QUESTIONS,
        columns=("module", "question", "version", "sha256", "kind", "clause", "stem_ja", "stem_en", "evidence_id"),
        evidence=("evidence_id",),
        values=(
            EventColumn("module", "evidence_id", "body.module_key"),
            EventColumn("question", "evidence_id", "body.key"),
            EventColumn("version", "evidence_id", "body.version_hash", "first_12"),
            EventColumn("sha256", "evidence_id", "body.version_hash"),
        ),
        absent=(Absent("author", "the catalogue's versions are kept without their writers' names"),),
        notes=(("answer_key", "sealed: sha256 is of the whole question with its answer key, which is not shown"),),
    )
    for row, evidence_id in source.records(QuestionVersion, order=(QuestionVersion.module_key, QuestionVersion.key)):
        stem = row.content["stem"]
        table.add(
            row.module_key,
            row.key,
            short_version(row.version_hash),
            row.version_hash,
            row.content["kind"],
            row.content.get("clause", ""),
            *(stem["ja"], stem["en"]),
            evidence_id,
        )
    return table
