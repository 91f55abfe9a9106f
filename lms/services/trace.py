"""The trace: from a clause to requirements, people and records, and from a record back to the clauses that it speaks to.

Source: domain.md §7; the list of clauses is `courses.clauses`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table as SqlTable
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from courses.clauses import CLAUSES, Clause, Records, clauses_of_table
from courses.ledger import short_id
from courses.requirements import PLEDGE, State
from lms.services.evidence.source import PackQuestion, Source
from lms.services.evidence.standings import evidence_cited
from lms.services.ledger import Inclusion, find_events, inclusion
from lms.services.requirements import standings
from lms.store.auditors import AuditorPolicy, CompetenceReview, InterestDeclaration
from lms.store.audits import Audit, PairingException, TeamAssignment
from lms.store.awareness import Adoption, ModuleVersion
from lms.store.base import Base
from lms.store.documents import DocumentReference
from lms.store.identities import person_of
from lms.store.ledger import LedgerEvent
from lms.store.people import ScopeMembership
from lms.store.pledges import PledgeApproval, PledgeDecline, PledgeSignature, PledgeText, PledgeWithdrawal
from lms.store.records import Fact, Record, known
from lms.store.requirements import RequirementVersion
from lms.store.roles import Acknowledgement, Appointment
from lms.store.selfcheck import SelfCheckJudgement
from lms.store.vendors import VendorContract, VendorEngagement

TABLES_OF: dict[Records, tuple[type[Record], ...]] = {
    Records.APPOINTMENTS: (Appointment, Acknowledgement),
    Records.PLEDGES: (PledgeText, PledgeApproval, PledgeSignature, PledgeDecline, PledgeWithdrawal),
    Records.MATERIALS: (ModuleVersion, Adoption),
    Records.AUDITORS: (Audit, TeamAssignment, PairingException, CompetenceReview, InterestDeclaration, AuditorPolicy),
    Records.VENDORS: (VendorContract, VendorEngagement),
    Records.SCOPE: (ScopeMembership,),
    Records.JUDGEMENTS: (SelfCheckJudgement,),
    Records.DOCUMENTS: (DocumentReference,),
}
"""Tables that a page about a clause lists; requirements and corrections have lists of their own."""


class UnknownEvidenceError(LookupError):
    """No event of the organisation has this evidence id."""

    def __init__(self, evidence_id: str) -> None:
        super().__init__(evidence_id)
        self.evidence_id = evidence_id


@dataclass(frozen=True, slots=True)
class Shown:
    """What one person has shown for one requirement."""

    person_id: int
    requirement: RequirementVersion
    state: State
    completed_on: date | None
    evidence_id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A record in a list."""

    event_type: str
    person_id: int | None
    day: datetime
    """When it was recorded."""
    evidence_id: str


@dataclass(slots=True)
class ClauseTrace:
    """Where a clause leads."""

    clause: Clause
    requirements: list[tuple[RequirementVersion, str]] = field(default_factory=list)
    """With the evidence id of each."""
    shown: list[Shown] = field(default_factory=list)
    records: list[Listed] = field(default_factory=list)


def requirements_by_clause(source: Source) -> dict[str, list[tuple[RequirementVersion, str]]]:
    """Return the requirements in force on the date, by the numbers that they name; either numbering finds its clause."""
    found: dict[str, list[tuple[RequirementVersion, str]]] = {}
    for row, evidence_id in source.records(
        RequirementVersion, RequirementVersion.valid_from <= source.question.as_of, order=(RequirementVersion.key,)
    ):
        for number in row.clauses:
            for each in CLAUSES:
                if _names(str(number), each):
                    found.setdefault(each.number, []).append((row, evidence_id))
    return found


def _names(number: str, each: Clause) -> bool:
    """Tell whether a requirement's number is the clause's or one beneath it: 7.2 c is of 7.2."""
    bare = number.split(" ", maxsplit=1)[0]
    return bare == each.number or bare.startswith(f"{each.number}.")


def trace_clause(source: Source, clause: Clause) -> ClauseTrace:
    """Return requirements, people and records to which a clause leads, as of a date and as known then."""
    trace = ClauseTrace(clause)
    if Records.REQUIREMENTS in clause.records:
        trace.requirements = requirements_by_clause(source).get(clause.number, [])
        trace.shown = list(_shown(source, {row.key for row, _ in trace.requirements}))
    for kind in clause.records:
        if kind is Records.CORRECTIONS:
            trace.records += _corrections(source)
        for model in TABLES_OF.get(kind, ()):
            trace.records += _listed(source, model)
    return trace


def _shown(source: Source, keys: set[str]) -> Iterator[Shown]:
    if not keys:
        return
    for year in source.question.years:
        portion = list(standings(source.session, source.organisation_id, year, source.question.moment))
        cited = evidence_cited(source, portion)
        for person in portion:
            for standing in person.standings:
                if standing.requirement.key in keys:
                    completion, evidence = standing.status.completion, cited.get(id(standing))
                    yield Shown(
                        person.person.person_id,
                        standing.requirement,
                        standing.status.state,
                        completion.completed_on if completion else None,
                        evidence.evidence_id if evidence else "",
                    )


def _listed(source: Source, model: type[Any]) -> Iterator[Listed]:
    has_person = "person_id" in inspect(model).column_attrs
    day = source.question.as_of
    conditions = [model.valid_from <= day] if issubclass(model, Fact) else []
    for row, evidence_id in source.records(model, *conditions):
        yield Listed(model.event_type, row.person_id if has_person else None, row.recorded_at, evidence_id)


def _corrections(source: Source) -> Iterator[Listed]:
    for mapper in sorted(Base.registry.mappers, key=lambda each: each.class_.__name__):
        model: Any = mapper.class_
        if issubclass(model, Fact):
            has_person = "person_id" in inspect(model).column_attrs
            query = (
                select(model, LedgerEvent.leaf)
                .join(LedgerEvent, LedgerEvent.id == model.event_id)
                .where(model.organisation_id == source.organisation_id, model.supersedes_id.is_not(None))
                .where(known(model, source.question.known_at))
                .order_by(model.id)
            )
            for row, leaf in source.session.execute(query):
                yield Listed(model.event_type, row.person_id if has_person else None, row.recorded_at, short_id(leaf))


@dataclass(frozen=True, slots=True)
class Related:
    """A record that has to do with another."""

    relation: str
    """``corrects``, ``corrected_by``, or the name of the column that points at it."""
    event_type: str
    evidence_id: str


@dataclass(slots=True)
class RecordTrace:
    """A record by its evidence id, and where it leads."""

    event: LedgerEvent
    evidence_id: str
    payload: dict[str, Any]
    person_id: int | None
    clauses: tuple[str, ...]
    requirements: list[tuple[RequirementVersion, str]]
    related: list[Related]
    inclusion: Inclusion | None


def trace_record(session: Session, question: PackQuestion, source: Source, evidence_id: str) -> RecordTrace:
    """Return a record with the clauses that it speaks to, its versions, its corrections and its proof.

    Raises:
        UnknownEvidenceError: no event has the id.
    """
    event = next(iter(find_events(session, question.organisation.id, evidence_id)), None)
    if event is None:
        raise UnknownEvidenceError(evidence_id)
    payload = json.loads(event.payload)
    table, body = payload["record"]["table"], payload["body"]
    row = _row(session, table, payload["record"]["id"])
    requirements = _requirements_of(source, table, body, row)
    numbers = [*clauses_of_table(table)]
    for requirement, _ in requirements:
        numbers += [each.number for each in CLAUSES for name in requirement.clauses if _names(str(name), each)]
    return RecordTrace(
        event,
        evidence_id,
        payload,
        _person_of(session, body),
        tuple(each.number for each in CLAUSES if each.number in numbers),
        requirements,
        list(_related(session, row)),
        inclusion(session, question.organisation.id, event.id),
    )


def _model(table: str) -> Any:  # noqa: ANN401 - one of the classes of records
    for mapper in Base.registry.mappers:
        if isinstance(mapper.local_table, SqlTable) and mapper.local_table.name == table:
            return mapper.class_ if issubclass(mapper.class_, Record) else None
    return None


def _row(session: Session, table: str, row_id: int) -> Any:  # noqa: ANN401 - a row of any record
    model = _model(table)
    return None if model is None else session.get(model, row_id)


def _person_of(session: Session, body: dict[str, Any]) -> int | None:
    if isinstance(body.get("person_id"), int):
        return int(body["person_id"])
    if isinstance(body.get("identity_id"), int):
        return person_of(session, body["identity_id"])
    return None


def _requirements_of(
    source: Source,
    table: str,
    body: dict[str, Any],
    row: Any,  # noqa: ANN401 - a row of any record
) -> list[tuple[RequirementVersion, str]]:
    """Return the requirements that a record serves: those that ask for its competence, or itself."""
    every = list(source.records(RequirementVersion, order=(RequirementVersion.key,)))
    if table == "requirement_version":
        return [each for each in every if each[0].key == body.get("key")]
    if table == "exemption":
        return [each for each in every if each[0].key == body.get("requirement_key")]
    competence = body.get("competence") or body.get("module_key")
    if table in {"module_version", "question_version"}:
        competence = body.get("module_key") or body.get("key")
    if table in {"pledge_signature", "pledge_decline"} and row is not None:
        text = source.session.get(PledgeText, row.text_id)
        competence = f"{PLEDGE}{text.key}" if text is not None else None
    if table == "pledge_text":
        competence = f"{PLEDGE}{body.get('key')}"
    return [each for each in every if competence and each[0].competence == competence]


def _related(session: Session, row: Any) -> Iterator[Related]:  # noqa: ANN401 - a row of any record
    if row is not None:
        yield from _corrected(session, row)
        yield from _pointed_at(session, row)
        yield from _versions(session, row)


def _corrected(session: Session, row: Any) -> Iterator[Related]:  # noqa: ANN401 - as above
    if isinstance(row, Fact):
        model: Any = type(row)
        if row.supersedes_id is not None:
            yield from _as_related(session, "corrects", [session.get_one(model, row.supersedes_id)])
        later = session.scalars(select(model).where(model.supersedes_id == row.id)).all()
        yield from _as_related(session, "corrected_by", later)


def _pointed_at(session: Session, row: Any) -> Iterator[Related]:  # noqa: ANN401 - as above
    for column in inspect(type(row)).local_table.columns:
        value = getattr(row, column.key)
        for key in column.foreign_keys if value is not None and column.key != "supersedes_id" else ():
            target = _model(key.column.table.name)
            if target is not None:
                yield from _as_related(session, column.key, [session.get_one(target, value)])


def _versions(session: Session, row: Any) -> Iterator[Related]:  # noqa: ANN401 - as above
    version = getattr(row, "module_version", None)
    if version:
        of_it = (ModuleVersion.organisation_id == row.organisation_id, ModuleVersion.version_hash == version)
        yield from _as_related(session, "module_version", session.scalars(select(ModuleVersion).where(*of_it)).all())
    if isinstance(row, ModuleVersion):
        adoptions = session.scalars(select(Adoption).where(Adoption.organisation_id == row.organisation_id)).all()
        in_use = [each for each in adoptions if row.version_hash in each.versions.values()]
        yield from _as_related(session, "adopted_by", in_use)
    if isinstance(row, PledgeText):
        approvals = session.scalars(select(PledgeApproval).where(PledgeApproval.text_id == row.id)).all()
        yield from _as_related(session, "text_approved_by", approvals)


def _as_related(session: Session, relation: str, rows: Sequence[Any]) -> Iterator[Related]:
    for row in rows:
        leaf = session.scalar(select(LedgerEvent.leaf).where(LedgerEvent.id == row.event_id))
        if leaf is not None:
            yield Related(relation, type(row).event_type, short_id(leaf))
