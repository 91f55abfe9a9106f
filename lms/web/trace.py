"""The trace: clause, requirements, people, records, versions, proof; and back from any record by its evidence id."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, jst_date
from courses.clauses import CLAUSES, clause
from courses.ledger import short_id
from courses.requirements import State
from lms.services.evidence.pseudonyms import Naming
from lms.services.evidence.source import PackQuestion, Source
from lms.services.ledger_proofs import inclusion_file
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.services.trace import UnknownEvidenceError, requirements_by_clause, trace_clause, trace_record
from lms.store.records import Moment
from lms.web.moments import asked_moment, asked_one_of, moment_arguments
from lms.web.request import now, reading
from lms.web.security import requires, visitor
from lms.wording.clauses import clause_title
from lms.wording.events import event_label, relation_label

blueprint = Blueprint("trace", __name__, url_prefix="/s/<handle>/trace")

PAGE_SIZE = 100


def _source(session: Session, moment: Moment) -> Source:
    """Return the reading of the fiscal year of the date."""
    year = FiscalYear.of(moment.as_of)
    question = PackQuestion(visitor().organisation, year.period, moment.as_of, moment.known_at)
    return Source(session, question, Naming(b"", {}))


@blueprint.get("")
@requires(Permission.TRACE)
def clauses(handle: str) -> str | Response:
    """List the clauses in both numberings; with an evidence id, lead to its record."""
    evidence_id = request.args.get("evidence", "").strip()
    if evidence_id:
        values: dict[str, Any] = {"handle": handle, "evidence_id": evidence_id[:64], **moment_arguments()}
        address = url_for("trace.record", **values)
        return make_response(redirect(address, 303))
    moment = asked_moment()
    return render_template(
        "trace/clauses.html",
        moment=moment,
        clauses=CLAUSES,
        requirements=requirements_by_clause(_source(reading(), moment)),
        arguments=moment_arguments(),
        clause_title=clause_title,
    )


@blueprint.get("/clauses/<number>")
@requires(Permission.TRACE)
def of_clause(handle: str, number: str) -> str:
    """Show what a clause leads to: requirements, the people who owe them, records."""
    found, moment = clause(number), asked_moment()
    state = asked_one_of("state", {each.value for each in State})
    trace = trace_clause(_source(reading(), moment), found)
    shown = [each for each in trace.shown if state is None or each.state.value == state]
    page, pages = _page(max(len(shown), len(trace.records)))
    part = slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)
    return render_template(
        "trace/clause.html",
        moment=moment,
        trace=trace,
        shown=shown[part],
        records=trace.records[part],
        shown_count=len(shown),
        state=state,
        states=[each.value for each in State],
        page=page,
        pages=pages,
        names=_names(moment),
        arguments=moment_arguments(),
        clause_title=clause_title,
        event_label=event_label,
    )


def _page(rows: int) -> tuple[int, int]:
    text = request.args.get("page", "1")
    pages = max(1, -(-rows // PAGE_SIZE))
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return min(max(1, page), pages), pages


def _names(moment: Moment) -> dict[int, str]:
    """Return how people are called; for those who may not see everybody's records, nobody's name."""
    if not visitor().may(Permission.READ_ATTENDANCE):
        return {}
    particulars = particulars_on(reading(), visitor().organisation.id, moment.as_of, moment.known_at)
    return {
        key: f"{each.family_name} {each.given_name} ({each.staff_number})"
        for key, each in particulars.items()
        if each is not None
    }


@blueprint.get("/records/<evidence_id>")
@requires(Permission.TRACE)
def record(handle: str, evidence_id: str) -> str:
    """Show a record: what was recorded, what it serves, its versions and corrections, and its place in the ledger."""
    moment = Moment(jst_date(now()))
    source = _source(reading(), moment)
    trace = trace_record(reading(), source.question, source, evidence_id)
    return render_template(
        "trace/record.html",
        trace=trace,
        names=_names(moment),
        clause_title=clause_title,
        event_label=event_label,
        relation_label=relation_label,
        arguments=moment_arguments(),
        recorded_at=datetime.fromisoformat(trace.payload["recorded_at"]),
    )


@blueprint.get("/records/<evidence_id>/proof")
@requires(Permission.TRACE)
def proof(handle: str, evidence_id: str) -> Response:
    """Hand out the proof that the record stands in the signed ledger."""
    source = _source(reading(), Moment(jst_date(now())))
    trace = trace_record(reading(), source.question, source, evidence_id)
    if trace.inclusion is None:
        raise UnknownEvidenceError(evidence_id)
    response = make_response(inclusion_file(trace.event, trace.inclusion))
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="proof-{short_id(trace.event.leaf)}.json"'
    return response
