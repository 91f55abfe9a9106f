"""The secretariat's pages of people: the register, one person's whole record, and recording facts about them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import FiscalYear, jst_date
from courses.facts import FactError
from courses.people import Employment, affiliation_on, in_scope_on
from lms.services.auditors import open_book
from lms.services.awareness import modules_in_use
from lms.services.fact_kinds import KINDS, FactKind
from lms.services.people_register import PeopleFilter, people_register
from lms.services.permissions import Permission
from lms.services.person_facts import (
    FactSupersededError,
    NothingChangedError,
    Recorder,
    close_fact,
    correct_fact,
    find_fact,
    given_by,
    record_fact,
    void_fact,
)
from lms.services.person_record import person_record
from lms.services.titles import titles_of
from lms.store.auditors import AuditArea, known_rows
from lms.store.organisations import units_of
from lms.store.records import Moment
from lms.store.requirements import requirements_of
from lms.web.actors import actor_words
from lms.web.forms.facts import (
    LONGEST_TEXT,
    Choices,
    Field,
    day_after,
    fields_of,
    filled,
    read_day,
    read_fact,
    typed_of,
)
from lms.web.moments import asked_moment, asked_one_of
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _
from lms.wording.people import fact_error_sentence, fact_field_label

blueprint = Blueprint("people", __name__, url_prefix="/s/<handle>/people")

PAGE_SIZE = 100
_SHOWN = {"appointment": ("isms_role", "unit", "letter_number", "appointed_on", "appointer"), "engagement": ("firm",)}
"""Columns shown of kinds that other rooms record; of the others: all."""


@blueprint.get("")
@requires(Permission.READ_PEOPLE)
def register(handle: str) -> str:
    """Show the people of the organisation."""
    asking = visitor()
    moment = asked_moment()
    scope = asked_one_of("scope", {"in", "out"})
    chosen = PeopleFilter(
        text=request.args.get("q", "").strip()[:100],
        unit=request.args.get("unit") or None,
        employment=asked_one_of("employment", {each.value for each in Employment}),
        is_in_scope=None if scope is None else scope == "in",
    )
    found = people_register(reading(), asking.organisation.id, moment, chosen)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page_text = request.args.get("page", "1")
    page = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1
    page = min(max(1, page), pages)
    return render_template(
        "people/register.html",
        moment=moment,
        chosen=chosen,
        scope=scope or "",
        found=found,
        rows=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        page=page,
        pages=pages,
        units=units_of(reading(), asking.organisation.id),
        employments=[each.value for each in Employment],
        arguments={name: request.args[name] for name in ("q", "unit", "employment", "scope") if request.args.get(name)},
    )


@blueprint.get("/<row:person_id>")
@requires(Permission.READ_PEOPLE)
def person(handle: str, person_id: int) -> str:
    """Show one person's whole record."""
    asking = visitor()
    moment = asked_moment()
    record = person_record(reading(), asking.organisation.id, person_id, moment)
    return render_template(
        "people/person.html",
        moment=moment,
        record=record,
        affiliation=affiliation_on(record.known, moment.as_of),
        is_in_scope=in_scope_on(record.known, moment.as_of),
        kinds=[*KINDS],
        shown=_SHOWN,
        years=[FiscalYear(year) for year in sorted({each.obligation.year for each in record.standings}, reverse=True)],
        actors=actor_words(
            {version.recorded_by for facts in record.facts.values() for fact in facts for version in fact.versions}
        ),
        titles=titles_of(reading(), asking.organisation.id, moment.as_of),
        is_auditor=asking.may(Permission.READ_AUDITORS)
        and person_id in open_book(reading(), asking.organisation.id, moment).files,
        done=request.args.get("done", ""),
    )


_KIND = f"<any({', '.join(KINDS)}):kind>"


@blueprint.get(f"/<row:person_id>/{_KIND}/new")
@requires(Permission.RECORD_PEOPLE)
def new_fact(handle: str, person_id: int, kind: str) -> str:
    """Show the empty form of a kind of fact."""
    return _form(KINDS[kind], person_id, {}, {})


@blueprint.post(f"/<row:person_id>/{_KIND}/new")
@requires(Permission.RECORD_PEOPLE)
def add_fact(handle: str, person_id: int, kind: str) -> Response:
    """Record a fact; voiding it is the undo."""
    typed = request.form.to_dict()
    try:
        given = read_fact(KINDS[kind], typed)
        with transaction() as session:
            record_fact(session, visitor().organisation, KINDS[kind], person_id, given, _recorder())
    except FactError as error:
        return make_response(_form(KINDS[kind], person_id, typed, {error.field: fact_error_sentence(error)}), 422)
    return _back(person_id, "recorded")


@blueprint.get(f"/<row:person_id>/{_KIND}/<row:fact_id>")
@requires(Permission.RECORD_PEOPLE)
def old_fact(handle: str, person_id: int, kind: str, fact_id: int) -> str:
    """Show a fact in a form in which it can be corrected, closed or voided."""
    fact = find_fact(reading(), visitor().organisation.id, KINDS[kind], person_id, fact_id)
    return _form(KINDS[kind], person_id, typed_of(given_by(fact)), {}, fact_id)


@blueprint.post(f"/<row:person_id>/{_KIND}/<row:fact_id>")
@requires(Permission.RECORD_PEOPLE)
def change_fact(handle: str, person_id: int, kind: str, fact_id: int) -> Response:
    """Correct, close or void a fact, with the reason."""
    typed = request.form.to_dict()
    action = typed.get("action", "")
    before = typed_of(given_by(find_fact(reading(), visitor().organisation.id, KINDS[kind], person_id, fact_id)))
    try:
        _change((KINDS[kind], person_id, fact_id), action, typed)
    except FactError as error:
        errors = {_field_of(action, error.field): fact_error_sentence(error)}
    except NothingChangedError:
        errors = {_field_of(action, "why"): _("Nothing was changed: the fact says so already.")}
    except FactSupersededError:
        return make_response(render_template("people/superseded.html", person_id=person_id), 409)
    else:
        return _back(person_id, {"close": "closed", "void": "voided"}.get(action, "corrected"))
    return make_response(_form(KINDS[kind], person_id, before | typed, errors, fact_id), 422)


def _field_of(action: str, field: str) -> str:
    """Return the field of the form in which an error belongs: closing and voiding have forms of their own."""
    return {"close": f"close_{field}", "void": f"void_{field}"}.get(action, field)


def _change(which: tuple[FactKind, int, int], action: str, typed: Mapping[str, str]) -> None:
    organisation, by = visitor().organisation, _recorder()
    why = typed.get(_field_of(action, "why"), "").replace("\0", "")[:LONGEST_TEXT]
    if action == "close":
        end = day_after(read_day("valid_to", typed.get("close_valid_to", "").strip()))
        with transaction() as session:
            close_fact(session, organisation, find_fact(session, organisation.id, *which), end, why, by)
    elif action == "void":
        with transaction() as session:
            void_fact(session, organisation, find_fact(session, organisation.id, *which), why, by)
    else:
        given = read_fact(which[0], typed)
        with transaction() as session:
            correct_fact(session, organisation, find_fact(session, organisation.id, *which), given, why, by)


def _recorder() -> Recorder:
    return Recorder(visitor().actor, now())


def _back(person_id: int, done: str) -> Response:
    return make_response(
        redirect(url_for("people.person", handle=visitor().handle, person_id=person_id, done=done), 303)
    )


def _form(
    kind: FactKind, person_id: int, typed: Mapping[str, str], errors: Mapping[str, str], fact_id: int | None = None
) -> str:
    asking = visitor()
    record = person_record(reading(), asking.organisation.id, person_id, Moment(jst_date(now())))
    history = next((each for each in record.facts[kind.key] for it in each.versions if it.fact_id == fact_id), None)
    why = Field("why", fact_field_label("why"), "text", value=typed.get("why", ""), error=errors.get("why", ""))
    return render_template(
        "people/fact.html",
        kind=kind,
        record=record,
        fields=filled(fields_of(kind, _choices()), typed, errors),
        why=why,
        typed=typed,
        errors=errors,
        fact_id=fact_id,
        history=history,
    )


def _choices() -> Choices:
    organisation_id, language = visitor().organisation.id, visitor().language
    modules = modules_in_use(reading(), organisation_id, jst_date(now()))
    areas = known_rows(reading(), AuditArea, organisation_id)
    return Choices(
        units=[
            (str(each.id), each.name_ja if language == "ja" else each.name_en)
            for each in units_of(reading(), organisation_id)
        ],
        areas=[(each.key, f"{each.name(language)} ({each.key})") for each in areas],
        requirements=[(each.key, each.title(language)) for each in requirements_of(reading(), organisation_id)],
        competences=[
            *((key, module.body[language].title) for key, module in modules.items()),
            ("internal-auditor-course", _("Course for internal auditors")),
        ],
    )
