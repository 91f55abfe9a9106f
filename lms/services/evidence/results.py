"""Files 05 and 06: who attended what, and all attempts at tests.

Source: ISO/IEC 27001 clause 7.2 c-d; domain.md §7.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from courses.awareness import short_version
from courses.calendar import jst_date
from courses.ledger import short_id
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Absent, Table
from lms.store.attempts import AttemptResult, SupplementCompletion
from lms.store.identities import links_of
from lms.store.ledger import LedgerEvent
from lms.store.records import known
from lms.store.training_records import TrainingRecord

ATTENDANCE = "05_attendance.csv"
TESTS = "06_test_results.csv"
RECORDED_TESTS = "06_recorded_results.csv"

_ROWS_AT_A_TIME = 1_000


def result_tables(source: Source) -> Iterator[Table]:
    """Yield files 05 and 06."""
    links = links_of(source.session, source.organisation_id, source.question.known_at)
    yield _attendance(source, links)
    yield _recorded(source)
    yield _tests(source, links)


def _attendance(source: Source, links: dict[int, int]) -> Table:
    table = source.table(
        path=ATTENDANCE,
        columns=(
            *("mode", "session", "person", "competence", "attended_on", "is_passed", "provider"),
            *("certificate", "document_sha256", "evidence_id"),
        ),
        people=frozenset({"person"}),
        evidence=("evidence_id",),
        absent=(
            Absent("in_time", "sessions with arrival and departure are not kept yet"),
            Absent("out_time", "sessions with arrival and departure are not kept yet"),
        ),
        notes=(("document_sha256", "scan of the sign-in sheet or of the certificate"),),
    )
    for row, sha256, evidence_id in _training(source):
        table.add(
            row.kind,
            row.session,
            row.person_id,
            row.competence,
            row.valid_from,
            row.is_passed,
            row.provider,
            row.certificate,
            sha256,
            evidence_id,
        )
    for done, evidence_id in source.records(
        SupplementCompletion,
        SupplementCompletion.completed_at >= source.question.since,
        SupplementCompletion.completed_at < source.question.until,
        order=(SupplementCompletion.completed_at,),
    ):
        who = links.get(done.identity_id) or source.naming.account(done.identity_id)
        day = jst_date(done.completed_at)
        table.add("supplement", "", who, done.module_key, day, None, "", "", "", evidence_id)
    return table


def _training(source: Source) -> Iterator[tuple[TrainingRecord, str | None, str]]:
    question = source.question
    documents = source.document_hashes()
    for row, evidence_id in source.records(
        TrainingRecord,
        TrainingRecord.valid_from >= question.period.start,
        TrainingRecord.valid_from < question.end,
        TrainingRecord.valid_from <= question.as_of,
        order=(TrainingRecord.valid_from, TrainingRecord.person_id),
    ):
        yield row, documents.get(row.document_id) if row.document_id else None, evidence_id


def _recorded(source: Source) -> Table:
    columns = ("competence", "kind", "mark", "maximum", "pass_mark", "is_passed")
    table = source.table(
        path=RECORDED_TESTS,
        columns=(
            *("person", "competence", "kind", "completed_on", "mark", "maximum", "pass_mark", "is_passed"),
            *("grader", "provider", "certificate", "equivalence_verified_by", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"equivalence_verified_by"}),
        evidence=("evidence_id",),
        values=(
            *(EventColumn(name, "evidence_id", f"body.{name}") for name in columns),
            EventColumn("completed_on", "evidence_id", "body.valid_from"),
        ),
        notes=(
            ("content", "tests and courses that were not taken in the tool, passed or not"),
            ("grader", "named: the record names somebody in words, which this pack does not repeat"),
        ),
    )
    for row, _, evidence_id in _training(source):
        table.add(
            row.person_id,
            row.competence,
            row.kind,
            row.valid_from,
            *(row.mark, row.maximum, row.pass_mark, row.is_passed),
            *(source.naming.grader(row.grader), row.provider, row.certificate, row.equivalence_verified_by),
            evidence_id,
        )
    return table


def _tests(source: Source, links: dict[int, int]) -> Table:
    table = source.table(
        path=TESTS,
        columns=(
            *("person", "module", "module_version", "occasion", "attempt", "started_at", "submitted_at"),
            *("mark", "maximum", "pass_mark", "is_passed", "questions", "grader", "evidence_id"),
        ),
        people=frozenset({"person"}),
        evidence=("evidence_id",),
        values=(
            EventColumn("module", "evidence_id", "body.module_key"),
            EventColumn("module_version", "evidence_id", "body.module_version", "first_12"),
            EventColumn("occasion", "evidence_id", "body.occasion"),
            EventColumn("attempt", "evidence_id", "body.number"),
            EventColumn("started_at", "evidence_id", "body.started_at", "jst"),
            EventColumn("submitted_at", "evidence_id", "body.submitted_at", "jst"),
            *(
                EventColumn(name, "evidence_id", f"body.{name}")
                for name in ("mark", "maximum", "pass_mark", "is_passed")
            ),
        ),
        notes=(
            ("content", "every submitted attempt, passed or not; times in JST"),
            ("questions", "in the order of the paper: question, @, first 12 digits of its version"),
            ("person", "A-…: an account that is linked to nobody"),
        ),
    )
    columns = (
        AttemptResult.identity_id,
        AttemptResult.module_key,
        AttemptResult.module_version,
        AttemptResult.occasion,
        AttemptResult.number,
        AttemptResult.started_at,
        AttemptResult.submitted_at,
        AttemptResult.mark,
        AttemptResult.maximum,
        AttemptResult.pass_mark,
        AttemptResult.is_passed,
        AttemptResult.questions,
        LedgerEvent.leaf,
    )
    query = (
        select(*columns)
        .join(LedgerEvent, LedgerEvent.id == AttemptResult.event_id)
        .where(
            AttemptResult.organisation_id == source.organisation_id,
            known(AttemptResult, source.question.known_at),
            AttemptResult.submitted_at >= source.question.since,
            AttemptResult.submitted_at < source.question.until,
        )
        .order_by(AttemptResult.submitted_at, AttemptResult.id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    for (
        identity_id,
        module,
        version,
        occasion,
        number,
        started,
        submitted,
        *marks,
        questions,
        leaf,
    ) in source.session.execute(query):
        table.add(
            links.get(identity_id) or source.naming.account(identity_id),
            module,
            short_version(version),
            *(occasion, number, started, submitted),
            *marks,
            [f"{each['question']}@{each['version'][:12]}" for each in questions],
            "automatic",
            short_id(leaf),
        )
    return table
