"""Audits: planning them, choosing their teams with the verdicts in sight, exceptions, and the papers on independence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from courses.auditors import MemberKind
from courses.calendar import FiscalYear, jst_date
from courses.independence import Verdict
from lms.services.audit_teams import (
    BlockedPairingError,
    Member,
    TeamProblemError,
    assign_team,
    propose_teams,
)
from lms.services.auditor_decisions import BadDecisionError
from lms.services.auditors import Book, UnknownAreaError, open_book
from lms.services.audits import (
    AuditFacts,
    audit_periods,
    find_audit,
    pairings,
    plan_audit,
    team_on,
)
from lms.services.independence_papers import independence_paper
from lms.services.pairing_exceptions import (
    ExceptionFacts,
    ExceptionProblemError,
    decide_exception,
    propose_exception,
)
from lms.services.people import find_person
from lms.services.permissions import Permission
from lms.services.planner import people_names
from lms.store.audits import assignments_of, audits_of, exceptions_of
from lms.store.records import Moment
from lms.web import audit_fields as fields
from lms.web.audit_offers import chosen_members, make_offer, refusal_sentences, today, unit_names
from lms.web.downloads import download
from lms.web.moments import asked_moment
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.auditors import (
    decision_problem_sentence,
    ground_sentence,
)
from lms.wording.gettext import current_language

blueprint = Blueprint("audits", __name__, url_prefix="/s/<handle>/audit/audits")


@blueprint.get("")
@requires(Permission.READ_AUDITORS)
def programme(handle: str) -> str:
    """Show all audits, and the form that plans one."""
    return _programme(asked_moment(), [])


def _programme(moment: Moment, problems: list[str]) -> str:
    organisation, session = visitor().organisation, reading()
    book = open_book(session, organisation.id, moment)
    found = pairings(session, organisation.id, moment)
    return render_template(
        "audits/programme.html",
        moment=moment,
        audits=[each for each in audits_of(session, organisation.id, moment.known_at) if each.valid_from <= moment.as_of],
        years={each: FiscalYear(each) for each in {row.year for row in audits_of(session, organisation.id)}},
        flagged={key: sum(each.audit.key == key and bool(each.flags) for each in found) for key in _keys(found)},
        staffed={key: len({each.assignment.area_key for each in found if each.audit.key == key}) for key in _keys(found)},
        areas=_area_names(book, moment.as_of),
        periods=audit_periods,
        problems=problems,
        entered=request.form,
    )  # fmt: skip


def _keys(found: list[Any]) -> set[str]:
    return {each.audit.key for each in found}


def _area_names(book: Book, day: date) -> dict[str, str]:
    return {key: row.name(current_language()) for key, row in book.areas_on(day).items()}


@blueprint.post("")
@requires(Permission.PLAN_AUDITS)
def plan(handle: str) -> Response:
    """Plan an audit."""
    try:
        facts = AuditFacts(
            key=fields.text("key"),
            title_ja=fields.text("title_ja"),
            title_en=fields.text("title_en"),
            period=fields.period("period_from", "period_to"),
            held=fields.period("held_from", "held_to"),
            area_keys=tuple(request.form.getlist("area")),
            criteria=fields.text("criteria"),
            approved_by=fields.text("approved_by"),
        )
        with transaction() as session:
            audit = plan_audit(session, visitor().organisation, facts, visitor().actor, now())
            key = audit.key
    except BadDecisionError as refused:
        return make_response(_programme(today(), [decision_problem_sentence(refused.field, refused.problem)]), 422)
    except UnknownAreaError:
        return make_response(_programme(today(), [decision_problem_sentence("areas", "unknown")]), 422)
    return make_response(redirect(url_for("audits.audit", handle=handle, audit_key=key), 303))


@blueprint.get("/<audit_key>")
@requires(Permission.READ_AUDITORS)
def audit(handle: str, audit_key: str) -> str:
    """Show an audit with its teams, flags and exceptions."""
    return _audit(audit_key, asked_moment(), [], is_proposing=request.args.get("propose") == "1")


def _audit(audit_key: str, moment: Moment, problems: list[str], *, is_proposing: bool = False) -> str:
    asking, session = visitor(), reading()
    organisation = asking.organisation
    row = find_audit(session, organisation.id, audit_key, moment.known_at)
    found = pairings(session, organisation.id, moment, audit_key)
    book = open_book(session, organisation.id, moment)
    exceptions = exceptions_of(session, organisation.id, moment.known_at, audit_key)
    open_areas = [key for key in row.area_keys if not any(each.assignment.area_key == key for each in found)]
    units = unit_names(book)
    audited, held = audit_periods(row)
    return render_template(
        "audits/audit.html",
        moment=moment,
        audit=row,
        audited=audited,
        held=held,
        scene=book.scene(audited, held.last_day or held.start),
        policy=book.policy_on(row.held_from),
        teams={key: [each for each in found if each.assignment.area_key == key] for key in row.area_keys},
        areas={key: book.area_on(key, row.held_from).name(asking.language) for key in row.area_keys},
        open_areas=open_areas,
        proposal=propose_teams(book, row, exceptions, open_areas) if is_proposing and open_areas else None,
        people=people_names(session, organisation.id, moment),
        exceptions=[each for each in exceptions if each.approved_by is not None],
        proposals=[each for each in exceptions if each.approved_by is None],
        sentence=lambda ground: ground_sentence(ground, units),
        may_approve=lambda each: (
            asking.may(Permission.APPROVE_EXCEPTIONS)
            and each.proposed_by != asking.actor
            and each.person_id != asking.person_id
        ),
        problems=problems,
    )


@blueprint.post("/<audit_key>/teams")
@requires(Permission.PLAN_AUDITS)
def assign_proposal(handle: str, audit_key: str) -> Response:
    """Assign the proposed teams, as the form names them; all of them or none."""
    teams = [each.partition(":") for each in request.form.getlist("team")]

    def write(session: Session) -> None:
        find_audit(session, visitor().organisation.id, audit_key)
        if not teams:
            raise BadDecisionError("areas", "missing")
        for area_key, _colon, names in teams:
            members = _proposed(names)
            assign_team(session, visitor().organisation, (audit_key, area_key), members, (visitor().actor, now()))

    return _changed(handle, audit_key, write)


def _proposed(names: str) -> list[Member]:
    keys = [each for each in names.split(",") if each]
    if not keys or not all(each.isascii() and each.isdigit() and len(each) < 19 for each in keys):
        raise BadDecisionError("staff_number", "unknown")
    return [Member(int(key), MemberKind.AUDITOR, position == 0) for position, key in enumerate(keys)]


def _changed(handle: str, audit_key: str, write: Callable[[Session], None]) -> Response:
    """Write, and return to the audit's page; what is refused is said on it."""
    try:
        with transaction() as session:
            write(session)
    except (
        BadDecisionError,
        BlockedPairingError,
        TeamProblemError,
        ExceptionProblemError,
        UnknownAreaError,
    ) as refused:
        return make_response(_audit(audit_key, today(), refusal_sentences(refused)), 422)
    return make_response(redirect(url_for("audits.audit", handle=handle, audit_key=audit_key), 303))


@blueprint.get("/<audit_key>/areas/<area_key>")
@requires(Permission.READ_AUDITORS)
def team(handle: str, audit_key: str, area_key: str) -> str:
    """Show everybody's verdict for an area, and the form that chooses its team."""
    return _team(audit_key, area_key, asked_moment(), [])


def _team(audit_key: str, area_key: str, moment: Moment, problems: list[str]) -> str:
    asking, session = visitor(), reading()
    organisation = asking.organisation
    row = find_audit(session, organisation.id, audit_key, moment.known_at)
    if area_key not in row.area_keys:
        raise UnknownAreaError(area_key)
    present = {
        each.person_id: each
        for each in team_on(
            assignments_of(session, organisation.id, moment.known_at, audit_key), area_key, moment.as_of
        )
    }
    book = open_book(session, organisation.id, moment, present)
    exceptions = exceptions_of(session, organisation.id, moment.known_at, audit_key)
    names = people_names(session, organisation.id, moment)
    chosen = chosen_members() if request.method == "POST" else {
        key: (each.member_kind, each.is_leader) for key, each in present.items()
    }  # fmt: skip
    offers = [
        make_offer(book, row, area_key, (file.person_id, names, exceptions, chosen))
        for file in book.files.values()
        if file.is_auditor or file.person_id in present
    ]
    order = list(Verdict)
    offers.sort(key=lambda each: (not each.may_audit, order.index(each.found.verdict), each.person_id))
    audited, held = audit_periods(row)
    units = unit_names(book)
    return render_template(
        "audits/team.html",
        moment=moment,
        audit=row,
        area=book.area_on(area_key, row.held_from),
        audited=audited,
        held=held,
        scene=book.scene(audited, held.last_day or held.start),
        policy=book.policy_on(row.held_from),
        offers=offers,
        kinds=[each.value for each in MemberKind],
        blocked=[each for each in offers if each.found.grounds and not each.may_audit and each.found.is_declared
                 and each.found.verdict is Verdict.EXCLUDED],
        sentence=lambda ground: ground_sentence(ground, units),
        problems=problems,
        entered=request.form,
    )  # fmt: skip


@blueprint.post("/<audit_key>/areas/<area_key>")
@requires(Permission.PLAN_AUDITS)
def assign(handle: str, audit_key: str, area_key: str) -> Response:
    """Assign the team that the form names; the verdicts are computed anew within the transaction."""
    members = [Member(key, MemberKind(kind), leads) for key, (kind, leads) in chosen_members().items()]
    try:
        with transaction() as session:
            members += _further(session)
            place = (audit_key, area_key)
            assign_team(session, visitor().organisation, place, members, (visitor().actor, now()))
    except (BadDecisionError, BlockedPairingError, TeamProblemError) as refused:
        return make_response(_team(audit_key, area_key, today(), refusal_sentences(refused)), 422)
    return make_response(redirect(url_for("audits.audit", handle=handle, audit_key=audit_key), 303))


def _further(session: Session) -> list[Member]:
    """Return the further member whom the form names by staff number: no auditor."""
    number, kind = fields.text("further_number"), fields.text("further_kind")
    if not number:
        return []
    person_id = find_person(session, visitor().organisation.id, number, jst_date(now()))
    if person_id is None or kind not in {each.value for each in MemberKind}:
        raise BadDecisionError("staff_number", "unknown")
    return [Member(person_id, MemberKind(kind))]


@blueprint.post("/<audit_key>/areas/<area_key>/exceptions")
@requires(Permission.PLAN_AUDITS)
def propose(handle: str, audit_key: str, area_key: str) -> Response:
    """Propose an exception for a blocked pairing."""

    def write(session: Session) -> None:
        asking = visitor()
        facts = ExceptionFacts(
            audit_key,
            area_key,
            fields.needed_number("person"),
            request.form.getlist("ground"),
            fields.text("reason"),
            fields.text("mitigation"),
        )
        propose_exception(session, asking.organisation, facts, asking.person_id or 0, now())

    return _changed(handle, audit_key, write)


@blueprint.post("/<audit_key>/exceptions/<row:exception_id>")
@requires(Permission.APPROVE_EXCEPTIONS)
def decide(handle: str, audit_key: str, exception_id: int) -> Response:
    """Approve or refuse a proposed exception."""

    def write(session: Session) -> None:
        asking, decision = visitor(), fields.text("decision")
        if decision not in {"approve", "refuse"}:
            raise BadDecisionError("decision", "missing")
        by = (asking.person_id or 0, decision == "approve")
        decide_exception(session, asking.organisation, exception_id, by, now())

    return _changed(handle, audit_key, write)


@blueprint.get("/<audit_key>/areas/<area_key>/<row:person_id>.pdf")
@requires(Permission.READ_AUDITORS)
def paper(handle: str, audit_key: str, area_key: str, person_id: int) -> Response:
    """Print why a pairing is independent, or why it is not."""
    moment, organisation = asked_moment(), visitor().organisation
    place = (audit_key, area_key, person_id)
    content = independence_paper(reading(), organisation, place, moment)
    return download(content, f"independence-{audit_key}-{area_key}-{person_id}.pdf", "pdf")
