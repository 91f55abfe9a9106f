"""Audited areas, the policy on auditors and teams, and candidates for training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.services.auditor_decisions import (
    AreaFacts,
    BadDecisionError,
    approve_policy,
    correct_area,
    define_area,
    name_candidate,
)
from lms.services.auditors import Policy, UnknownAreaError, open_book
from lms.services.people import find_person
from lms.services.permissions import Permission
from lms.services.planner import people_names
from lms.store.records import Moment
from lms.web import audit_fields as fields
from lms.web.moments import asked_moment
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.auditors import decision_problem_sentence

blueprint = Blueprint("audit_areas", __name__, url_prefix="/s/<handle>/audit/areas")


@blueprint.get("")
@requires(Permission.READ_AUDITORS)
def overview(handle: str) -> str:
    """Show areas, policy and candidates."""
    return _page(asked_moment(), [], "")


def _page(moment: Moment, problems: list[str], form: str) -> str:
    asking, session = visitor(), reading()
    book = open_book(session, asking.organisation.id, moment)
    return render_template(
        "audit_areas/overview.html",
        moment=moment,
        today=jst_date(now()),
        one_day=timedelta(days=1),
        areas=book.areas_on(moment.as_of),
        units={key: unit.name_ja if asking.language == "ja" else unit.name_en for key, unit in book.units.items()},
        policy=book.policy_on(moment.as_of),
        policies=sorted(book.policies, key=lambda each: each.valid_from, reverse=True),
        candidates=[file for file in book.files.values() if file.cost is not None],
        people=people_names(session, asking.organisation.id, moment),
        problems=problems,
        failed=form,
        entered=request.form,
    )


@blueprint.post("")
@requires(Permission.PLAN_AUDITS)
def define(handle: str) -> Response:
    """Define an area."""

    def write(session: Session) -> None:
        define_area(session, visitor().organisation, _area(fields.text("key")), visitor().actor, now())

    return _recorded(handle, write, "define")


@blueprint.post("/<area_key>")
@requires(Permission.PLAN_AUDITS)
def correct(handle: str, area_key: str) -> Response:
    """Correct an area."""

    def write(session: Session) -> None:
        correct_area(session, visitor().organisation, _area(area_key), visitor().actor, now())

    return _recorded(handle, write, f"correct-{area_key}")


def _area(key: str) -> AreaFacts:
    unit = fields.number("unit", is_needed=False)
    last = fields.day("valid_to", is_needed=False)
    return AreaFacts(
        key=key,
        name_ja=fields.text("name_ja"),
        name_en=fields.text("name_en"),
        unit_id=unit,
        effort_minutes=fields.minutes("effort") or 0,
        skills=fields.skills(),
        valid_from=fields.needed_day("valid_from"),
        valid_to=fields.period("valid_from", "valid_to").end if last else None,
        reason=fields.text("reason") or None,
    )


@blueprint.post("/policy")
@requires(Permission.PLAN_AUDITS)
def policy(handle: str) -> Response:
    """Record the policy from a day on."""

    def write(session: Session) -> None:
        asked = Policy(
            auditors_per_area=fields.needed_number("auditors_per_area"),
            leaders_per_team=fields.needed_number("leaders_per_team"),
            look_back_months=fields.needed_number("look_back_months"),
            course_valid_months=fields.number("course_valid_months", is_needed=False),
            needs_review=request.form.get("needs_review") == "1",
            needs_declaration=request.form.get("needs_declaration") == "1",
            training_days=fields.needed_number("training_days"),
            approved_by=fields.text("approved_by"),
            valid_from=fields.needed_day("valid_from"),
        )
        approve_policy(session, visitor().organisation, asked, visitor().actor, now())

    return _recorded(handle, write, "policy")


@blueprint.post("/candidates")
@requires(Permission.PLAN_AUDITS)
def candidate(handle: str) -> Response:
    """Name a candidate for training."""

    def write(session: Session) -> None:
        organisation = visitor().organisation
        person_id = find_person(session, organisation.id, fields.text("staff_number"), jst_date(now()))
        if person_id is None:
            raise BadDecisionError("staff_number", "unknown")
        name_candidate(session, organisation, person_id, fields.needed_number("cost"), visitor().actor, now())

    return _recorded(handle, write, "candidate")


def _recorded(handle: str, write: Callable[[Session], Any], form: str) -> Response:
    try:
        with transaction() as session:
            write(session)
    except BadDecisionError as refused:
        problem = decision_problem_sentence(refused.field, refused.problem)
        return make_response(_page(Moment(jst_date(now())), [problem], form), 422)
    except UnknownAreaError:
        problem = decision_problem_sentence("key", "unknown")
        return make_response(_page(Moment(jst_date(now())), [problem], form), 422)
    return make_response(redirect(url_for("audit_areas.overview", handle=handle), 303))
