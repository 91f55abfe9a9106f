"""The catalogue: what is in force and what is shipped, reading it before it is adopted, adopting it, and its values."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from courses.awareness import LANGUAGES, Lesson, Section
from courses.calendar import jst_date
from courses.glossary import in_order
from courses.parameters import read_values
from lms.services.catalogue import (
    CatalogueState,
    Decision,
    ParametersNotSetError,
    adopt_catalogue,
    catalogue_of,
    shipped_catalogue,
    shipped_glossary,
    shipped_parameters,
    spoilt_questions,
    unset_parameters,
    year_samples,
)
from lms.services.organisations import set_parameters
from lms.services.permissions import Permission
from lms.store.organisations import parameters_of
from lms.web.markdown import to_html
from lms.web.modules import values_here
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.modules import adoption_fault, value_fault
from quizzes.marking import right_answer

blueprint = Blueprint("catalogue", __name__, url_prefix="/s/<handle>/catalogue")

glossary_blueprint = Blueprint("glossary", __name__, url_prefix="/s/<handle>/glossary")

_LONGEST = 200
_LONGEST_VALUE = 1000


@blueprint.get("")
@requires(Permission.READ_CATALOGUE)
def overview(handle: str) -> str:
    """Show each module with the version in force and the shipped one, the decisions, and the form of the next."""
    return _overview()


def _overview(error: str = "") -> str:
    session, organisation_id = reading(), visitor().organisation.id
    entries, adoptions = catalogue_of(session, organisation_id, jst_date(now()))
    needed = {name for each in entries for name in each.shipped.module.parameters}
    missing = unset_parameters(session, organisation_id, needed)
    labels = {each.name: each.label for group in shipped_parameters() for each in group.parameters}
    waiting = [
        each.shipped.module.key
        for each in entries
        if each.state in {CatalogueState.NOT_ADOPTED, CatalogueState.NEWER_SHIPPED}
    ]
    return render_template(
        "catalogue/overview.html",
        entries=entries,
        adoptions=adoptions,
        missing=[labels[name][visitor().language] for name in missing],
        ticked=request.form.getlist("module") if error else waiting,
        waiting=waiting,
        today=jst_date(now()),
        error=error,
        sent=request.form,
    )


@blueprint.post("/adopt")
@requires(Permission.ADOPT_CATALOGUE)
def adopt(handle: str) -> Response:
    """Record the decision that adopts the ticked modules as they are shipped."""
    asking, keys = visitor(), request.form.getlist("module")
    decision, fault = _decision()
    if decision is None or not keys:
        return make_response(_overview(adoption_fault(fault or "no_module")), 422)
    if not {each.module.key for each in shipped_catalogue()}.issuperset(keys):
        abort(404)
    try:
        with transaction() as session:
            adopt_catalogue(session, asking.organisation, decision, asking.actor, now(), keys)
    except ParametersNotSetError:
        return make_response(_overview(adoption_fault("values_missing")), 409)
    return make_response(redirect(url_for("catalogue.overview", handle=handle, done="adopted"), 303))


def _decision() -> tuple[Decision | None, str]:
    """Return the decision in the form, or what is wrong with it."""
    texts = {name: request.form.get(name, "").replace("\0", "").strip() for name in ("decision", "approved_by")}
    for name, text in texts.items():
        if not 0 < len(text) <= _LONGEST:
            return None, name
    try:
        effective_on = date.fromisoformat(request.form.get("effective_on", "").strip())
    except ValueError:
        return None, "effective_on"
    if effective_on < jst_date(now()):  # what people read on a day that is over was something else
        return None, "retroactive"
    return Decision(texts["decision"], texts["approved_by"], effective_on), ""


@blueprint.get("/modules/<key>")
@requires(Permission.READ_CATALOGUE)
def module(handle: str, key: str) -> str:
    """Show a shipped module whole, as it reads with the organisation's values; for those who adopt, with its questions."""
    asking = visitor()
    found = next((each for each in shipped_catalogue() if each.module.key == key), None)
    if found is None:
        abort(404)
    values = _values_or_defaults()
    parts: list[tuple[str, list[tuple[Section, Markup]]]] = [
        ("body", _shown(found.module.body[asking.language], values))
    ]
    parts.append(("supplement", _shown(found.module.supplement[asking.language], values)))
    if found.module.exercise:
        parts.append(("exercise", _shown(found.module.exercise[asking.language], values)))
        if asking.may(Permission.ADOPT_CATALOGUE):
            parts.append(("guide", _shown(found.module.guide[asking.language], values)))
    questions = found.questions if asking.may(Permission.ADOPT_CATALOGUE) else ()
    return render_template(
        "catalogue/module.html",
        shipped=found,
        lesson=found.module.body[asking.language],
        parts=parts,
        questions=[(each, right_answer(each)) for each in questions],
        values=values,
    )


def _values_or_defaults() -> dict[str, str]:
    """Return the organisation's values; in place of those not set the default, or the parameter's name in brackets."""
    language = visitor().language
    shown = {
        each.name: each.default[language] if each.default else f"［{each.label[language]}］"
        for group in shipped_parameters()
        for each in group.parameters
    }
    return shown | values_here()


def _shown(lesson: Lesson, values: dict[str, str]) -> list[tuple[Section, Markup]]:
    return [(each, to_html(each.markdown, values)) for each in lesson.sections]


@glossary_blueprint.get("")
@requires(Permission.LEARN)
def glossary(handle: str) -> str:
    """Show the glossary."""
    terms = shipped_glossary()
    language = visitor().language
    names = {each.key: each.term[language] for each in terms}
    return render_template("catalogue/glossary.html", rows=in_order(terms, language), names=names)


@blueprint.get("/values")
@requires(Permission.READ_CATALOGUE)
def values_page(handle: str) -> str:
    """Show the values that fill the texts, to be changed by those who may; a sample of the year can be put in first."""
    sample = year_samples().get(request.args.get("sample", ""))
    sent = (
        {(name, language): text for name, texts in sample.parameters.items() for language, text in texts.items()}
        if sample
        else {}
    )
    return _values(sent, {})


def _values(sent: dict[tuple[str, str], str], faults: dict[tuple[str, str], str], error: str = "") -> str:
    row = parameters_of(reading(), visitor().organisation.id)
    present = {
        (name, language): text
        for name, texts in (row.entries if row else {}).items()
        for language, text in texts.items()
    }
    return render_template(
        "catalogue/values.html",
        groups=shipped_parameters(),
        languages=LANGUAGES,
        shown=present | sent,
        present=present,
        faults=faults,
        changed=row,
        samples=year_samples(),
        error=error,
        fills_sample=bool(sent) and not faults and not error,
        longest=_LONGEST_VALUE,
    )


@blueprint.post("/values")
@requires(Permission.MANAGE_CATALOGUE)
def set_values(handle: str) -> Response:
    """Set the values that differ; nothing is set while one of them does not fit."""
    asking = visitor()
    sent = {
        (each.name, language): request.form[f"{each.name}-{language}"][: _LONGEST_VALUE + 1]
        for group in shipped_parameters()
        for each in group.parameters
        for language in LANGUAGES
        if f"{each.name}-{language}" in request.form
    }
    row = parameters_of(reading(), asking.organisation.id)
    filled = read_values(shipped_parameters(), sent, row.entries if row else (), LANGUAGES)
    faults = {place: value_fault(fault) for place, fault in filled.faults.items()}
    faults |= {place: value_fault("too_long") for place, text in sent.items() if len(text) > _LONGEST_VALUE}
    if faults:
        return make_response(_values(sent, faults), 422)
    spoilt = spoilt_questions((row.entries if row else {}) | dict(filled.entries))
    if spoilt:
        titles = dict.fromkeys(each.module.body[asking.language].title for each, _question in spoilt)
        return make_response(_values(sent, {}, value_fault("alike", list(titles))), 422)
    with transaction() as session:
        set_parameters(session, asking.organisation, filled.entries, now(), asking.actor)
    return make_response(redirect(url_for("catalogue.values_page", handle=handle, done="set"), 303))
