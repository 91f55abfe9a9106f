"""The register of auditors, its files, one auditor's page, and reviews of competence."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.auditors import checks_on
from courses.calendar import FiscalYear, jst_date
from courses.independence import is_declared
from lms.services.auditor_decisions import BadDecisionError, OwnReviewError, ReviewFacts, review_auditor
from lms.services.auditor_export import Format, export_auditors, file_name
from lms.services.auditor_register import auditor_register
from lms.services.auditors import open_book
from lms.services.audits import pairings
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.services.references import evidence_ids
from lms.store.records import Moment
from lms.web import audit_fields as fields
from lms.web.downloads import download
from lms.web.moments import asked_moment
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.auditors import decision_problem_sentence
from lms.wording.gettext import _

blueprint = Blueprint("auditors", __name__, url_prefix="/s/<handle>/audit/auditors")


class UnknownAuditorError(LookupError):
    """Nothing is recorded of this person as an auditor."""


@blueprint.get("")
@requires(Permission.READ_AUDITORS)
def register(handle: str) -> str:
    """Show the register."""
    asking, moment = visitor(), asked_moment()
    areas = open_book(reading(), asking.organisation.id, moment).areas_on(moment.as_of)
    return render_template(
        "auditors/register.html",
        moment=moment,
        rows=auditor_register(reading(), asking.organisation.id, moment),
        area_names={key: area.name(asking.language) for key, area in areas.items()},
        year=FiscalYear.of(moment.as_of),
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires(Permission.READ_AUDITORS)
def export(handle: str, file_format: Format) -> Response:
    """Hand out the register as a file."""
    moment, organisation = asked_moment(), visitor().organisation
    content = export_auditors(reading(), organisation, moment, file_format)
    return download(content, file_name(organisation, moment, file_format), file_format)


@blueprint.get("/<row:person_id>")
@requires(Permission.READ_AUDITORS)
def person(handle: str, person_id: int) -> str:
    """Show one auditor: qualification with its evidence, ties, declarations, audits."""
    return _page(person_id, asked_moment(), [])


def _page(person_id: int, moment: Moment, problems: list[str]) -> str:
    organisation, session = visitor().organisation, reading()
    book = open_book(session, organisation.id, moment)
    file = book.files.get(person_id)
    if file is None:
        raise UnknownAuditorError(str(person_id))
    names = particulars_on(session, organisation.id, moment.as_of, moment.known_at)
    standing = book.qualification(person_id, moment.as_of)
    references = [
        each.reference for each in checks_on(file.record, book.policy_on(moment.as_of).standard(), moment.as_of)
    ]
    references += [each.reference for each in file.record.courses] + [each.reference for each in file.record.terms]
    references += [each.reference for each in file.record.reviews] + [each.reference for each in file.ties.ties]
    references += [each.reference for each in file.ties.memberships]
    references += [each.reference for each in file.ties.declarations]
    asking = visitor()
    return render_template(
        "auditors/person.html",
        moment=moment,
        person_id=person_id,
        file=file,
        particulars=names.get(person_id),
        standing=standing,
        is_declared=is_declared(file.ties, moment.as_of),
        year=FiscalYear.of(moment.as_of),
        this_year=FiscalYear.of(jst_date(now())),
        evidence=evidence_ids(session, organisation.id, references),
        units={key: unit.name_ja if asking.language == "ja" else unit.name_en for key, unit in book.units.items()},
        areas={key: area.name(asking.language) for key, area in book.areas_on(moment.as_of).items()},
        audits=[each for each in pairings(session, organisation.id, moment) if each.assignment.person_id == person_id],
        may_review=asking.may(Permission.REVIEW_AUDITORS) and asking.person_id != person_id,
        problems=problems,
        entered=request.form,
    )


@blueprint.post("/<row:person_id>/reviews")
@requires(Permission.REVIEW_AUDITORS)
def review(handle: str, person_id: int) -> Response:
    """Record a review of competence."""
    asking = visitor()
    try:
        if asking.person_id is None:  # pragma: no cover - nobody without a person holds a role
            raise OwnReviewError
        facts = ReviewFacts(
            is_competent=_yes_or_no("is_competent"),
            may_lead=request.form.get("may_lead") == "1",
            skills=fields.skills(),
            capacity_minutes=fields.minutes("capacity", is_needed=False),
            basis=fields.text("basis"),
            period=fields.period("valid_from", "valid_to"),
        )
        with transaction() as session:
            review_auditor(session, asking.organisation, person_id, facts, asking.person_id, now())
    except BadDecisionError as refused:
        return make_response(_page(person_id, Moment(jst_date(now())), [_sentence(refused)]), 422)
    except OwnReviewError:
        problem = _("Nobody reviews the own competence.")
        return make_response(_page(person_id, Moment(jst_date(now())), [problem]), 422)
    return make_response(redirect(url_for("auditors.person", handle=handle, person_id=person_id), 303))


def _yes_or_no(field: str) -> bool:
    value = fields.text(field)
    if value not in {"yes", "no"}:
        raise BadDecisionError(field, "missing")
    return value == "yes"


def _sentence(refused: BadDecisionError) -> str:
    return decision_problem_sentence(refused.field, refused.problem)
