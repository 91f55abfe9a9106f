"""An auditor's own yearly declaration of interests."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import FiscalYear, jst_date
from courses.independence import newest_of_each_year
from lms.services.auditor_decisions import (
    BadDecisionError,
    Declared,
    NotAnAuditorError,
    declare_interests,
    is_appointed_in,
)
from lms.services.auditors import UnknownAreaError, open_book
from lms.services.permissions import Permission
from lms.services.references import evidence_ids
from lms.store.records import Moment
from lms.web import audit_fields as fields
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.auditors import decision_problem_sentence

blueprint = Blueprint("declarations", __name__, url_prefix="/s/<handle>/declaration")


@blueprint.get("")
@requires(Permission.LEARN)
def own(handle: str) -> str:
    """Show what is declared, and the form for this year."""
    return _page([])


def _page(problems: list[str]) -> str:
    asking, today, session = visitor(), jst_date(now()), reading()
    book = open_book(session, asking.organisation.id, Moment(today))
    file = book.file(asking.person_id or 0)
    year = FiscalYear.of(today)
    declared = newest_of_each_year(file.ties.declarations)
    return render_template(
        "declarations/own.html",
        year=year,
        is_auditor=is_appointed_in(file, year),
        areas=book.areas_on(today),
        declared=[declared[each] for each in sorted(declared, reverse=True)],
        mine=declared.get(year.year),
        years={each: FiscalYear(each) for each in declared},
        evidence=evidence_ids(session, asking.organisation.id, [each.reference for each in declared.values()]),
        problems=problems,
        entered=request.form,
    )


@blueprint.post("")
@requires(Permission.LEARN)
def declare(handle: str) -> Response:
    """Record the declaration for this fiscal year."""
    asking = visitor()
    keys = request.form.getlist("area")
    try:
        has_interests = fields.text("interests")
        if has_interests not in {"none", "some"} or (has_interests == "some") is not bool(keys):
            raise BadDecisionError("areas", "missing")
        if asking.person_id is None:
            raise NotAnAuditorError
        with transaction() as session:
            facts = Declared(keys, fields.text("explanation"), asking.identity_id)
            declare_interests(session, asking.organisation, asking.person_id, facts, now())
    except BadDecisionError as refused:
        return make_response(_page([decision_problem_sentence(refused.field, refused.problem)]), 422)
    except UnknownAreaError:
        return make_response(_page([decision_problem_sentence("areas", "unknown")]), 422)
    except NotAnAuditorError:
        return make_response(_page([]), 422)
    return make_response(redirect(url_for("declarations.own", handle=handle), 303))
