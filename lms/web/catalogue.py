"""The catalogue: what is in force and what is shipped, reading it before it is adopted, adopting it, and its values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from courses.awareness import LANGUAGES, LESSONS
from courses.calendar import jst_date
from courses.glossary import in_order
from courses.parameters import LONGEST_VALUE, ValueFault, by_place, is_one_line
from lms.services.catalogue import (
    CatalogueState,
    Decision,
    NothingToAdoptError,
    ParametersNotSetError,
    adopt_catalogue,
    catalogue_of,
)
from lms.services.permissions import Permission
from lms.services.shipped import (
    UnknownShippedModuleError,
    shipped_catalogue,
    shipped_glossary,
    shipped_parameters,
    year_samples,
)
from lms.services.text_values import (
    AlikeChoicesError,
    UnfitValuesError,
    ValuesChangedError,
    set_values,
    unset_parameters,
)
from lms.store.organisations import earlier_parameters, parameters_of
from lms.web.markdown import shown_sections
from lms.web.modules import values_here
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.modules import adoption_fault, alike_sentence, value_fault, values_changed

blueprint = Blueprint("catalogue", __name__, url_prefix="/s/<handle>/catalogue")

glossary_blueprint = Blueprint("glossary", __name__, url_prefix="/s/<handle>/glossary")

_LONGEST = 200
_FARTHEST = timedelta(days=731)
"""A decision takes effect within two years: a slip in the year would shut the others out."""


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
        is_open=any(each.state is not CatalogueState.CURRENT for each in entries),
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
    try:
        with transaction() as session:
            adopt_catalogue(session, asking.organisation, decision, asking.actor, now(), keys)
    except UnknownShippedModuleError:
        abort(404)
    except ParametersNotSetError:
        return make_response(_overview(adoption_fault("values_missing")), 409)
    except NothingToAdoptError:
        return make_response(_overview(adoption_fault("adopted_already")), 409)
    except AlikeChoicesError as alike:
        return make_response(_overview(_alike(alike)), 409)
    return make_response(redirect(url_for("catalogue.overview", handle=handle, done="adopted"), 303))


def _alike(alike: AlikeChoicesError) -> str:
    return alike_sentence([each.body[visitor().language].title for each in alike.modules])


def _decision() -> tuple[Decision | None, str]:
    """Return the decision in the form, or what is wrong with it."""
    texts = {name: request.form.get(name, "").strip() for name in ("decision", "approved_by")}
    for name, text in texts.items():
        if not 0 < len(text) <= _LONGEST or not is_one_line(text):
            return None, name
    try:
        effective_on = date.fromisoformat(request.form.get("effective_on", "").strip())
    except ValueError:
        return None, "effective_on"
    if effective_on < jst_date(now()):  # what people read on a day that is over was something else
        return None, "retroactive"
    if effective_on > jst_date(now()) + _FARTHEST:
        return None, "too_far"
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
    decides = asking.may(Permission.ADOPT_CATALOGUE)
    shown = [name for name in LESSONS if getattr(found.module, name) and (decides or name != "guide")]
    return render_template(
        "catalogue/module.html",
        shipped=found,
        lesson=found.module.body[asking.language],
        parts=[(name, shown_sections(getattr(found.module, name)[asking.language], values)) for name in shown],
        questions=found.questions if decides else (),
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
    if sample is None or not visitor().may(Permission.MANAGE_CATALOGUE):
        return _values({})
    return _values(by_place(sample.parameters), is_sample=True)


def _values(
    sent: Mapping[tuple[str, str], str],
    faults: Mapping[tuple[str, str], ValueFault] | None = None,
    error: str = "",
    *,
    is_sample: bool = False,
) -> str:
    row = parameters_of(reading(), visitor().organisation.id)
    present = by_place(row.entries if row else {})
    return render_template(
        "catalogue/values.html",
        groups=shipped_parameters(),
        languages=LANGUAGES,
        shown={**present, **sent},
        present=present,
        faults={place: value_fault(fault) for place, fault in (faults or {}).items()},
        error=error,
        seen=row.id if row else 0,
        changed=row,
        samples=year_samples(),
        is_sample=is_sample,
        longest=LONGEST_VALUE,
    )


@blueprint.post("/values")
@requires(Permission.MANAGE_CATALOGUE)
def set_values_here(handle: str) -> Response:
    """Set the values that were sent and differ; nothing is set while one of them does not fit."""
    asking = visitor()
    places = [
        (each.name, language) for group in shipped_parameters() for each in group.parameters for language in LANGUAGES
    ]
    sent = {place: text for place in places if (text := request.form.get("-".join(place))) is not None}
    raw = request.form.get("seen", "")
    seen = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 19 else -1
    try:
        with transaction() as session:
            set_values(session, asking.organisation, sent, (asking.actor, now()), seen)
    except ValuesChangedError:
        base = earlier_parameters(reading(), asking.organisation.id, seen)
        saw = by_place(base.entries) if base else {}
        own = {place: text for place, text in sent.items() if base and text != saw.get(place, "")}
        return make_response(_values(own, error=values_changed()), 409)
    except UnfitValuesError as unfit:
        return make_response(_values(sent, unfit.faults), 422)
    except AlikeChoicesError as alike:
        return make_response(_values(sent, error=_alike(alike)), 422)
    return make_response(redirect(url_for("catalogue.values_page", handle=handle, done="set"), 303))
