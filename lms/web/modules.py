"""Reading a module, section by section; the place is kept and found again on another device."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for

from courses.awareness import Lesson
from courses.calendar import jst_date
from lms.services.attempts import Learner, complete_supplement, test_desk
from lms.services.awareness import ModuleInUse, keep_place, module_in_use, parameter_values, reading_place
from lms.services.permissions import Permission
from lms.web.markdown import shown_sections, to_html
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor

blueprint = Blueprint("modules", __name__, url_prefix="/s/<handle>/modules/<key>")


def learner() -> Learner:
    """Return the visitor as one who takes tests."""
    asking = visitor()
    return Learner(asking.organisation, asking.identity_id, asking.identity_ids, asking.person_id, asking.actor)


def module_here(key: str) -> ModuleInUse:
    """Return the module in force today; an unknown one is a page not found (`lms.app`)."""
    return module_in_use(reading(), visitor().organisation.id, key, jst_date(now()))


def values_here() -> dict[str, str]:
    """Return what the organisation puts into texts, in the visitor's language."""
    return parameter_values(reading(), visitor().organisation.id, visitor().language)


@blueprint.get("/")
@requires(Permission.LEARN)
def overview(handle: str, key: str) -> str:
    """Show what the module is about, how far the visitor is, and the way to the test."""
    asking = visitor()
    module = module_here(key)
    lesson = module.module.body[asking.language]
    place = reading_place(reading(), asking.identity_ids, key)
    ids = module.module.section_ids()
    resume = place.section_id if place.section_id in ids else ids[0]
    return render_template(
        "modules/overview.html",
        module=module,
        lesson=lesson,
        place=place,
        resume=resume,
        is_read=place.read_sections >= set(ids),
        desk=test_desk(reading(), learner(), module, now()),
    )


@blueprint.get("/sections/<section_id>")
@requires(Permission.LEARN)
def section(handle: str, key: str, section_id: str) -> str:
    """Show one section."""
    asking = visitor()
    module = module_here(key)
    lesson = module.module.body[asking.language]
    position = _position(lesson, section_id)
    current = lesson.sections[position]
    return render_template(
        "modules/section.html",
        module=module,
        lesson=lesson,
        section=current,
        html=to_html(current.markdown, values_here()),
        position=position,
        place=reading_place(reading(), asking.identity_ids, key),
    )


@blueprint.post("/sections/<section_id>")
@requires(Permission.LEARN)
def finish_section(handle: str, key: str, section_id: str) -> Response:
    """Keep that a section was read, and go on to the next one or to the test."""
    asking = visitor()
    module = module_here(key)
    lesson = module.module.body[asking.language]
    position = _position(lesson, section_id)
    is_last = position + 1 == len(lesson.sections)
    following = lesson.sections[position if is_last else position + 1].section_id
    with transaction() as session:
        reader = (asking.identity_id, key)
        keep_place(session, asking.organisation.id, reader, following, read=frozenset({section_id}), now=now())
    if is_last:
        return make_response(redirect(url_for("tests.desk", handle=handle, key=key), 303))
    return make_response(redirect(url_for("modules.section", handle=handle, key=key, section_id=following), 303))


@blueprint.get("/supplement")
@requires(Permission.LEARN)
def supplement(handle: str, key: str) -> str:
    """Show the supplementary lesson 補講."""
    module = module_here(key)
    lesson = module.module.supplement[visitor().language]
    return render_template(
        "modules/supplement.html",
        module=module,
        lesson=lesson,
        sections=shown_sections(lesson, values_here()),
        desk=test_desk(reading(), learner(), module, now()),
    )


@blueprint.post("/supplement")
@requires(Permission.LEARN)
def finish_supplement(handle: str, key: str) -> Response:
    """Record that the supplementary lesson was completed; the test is open again."""
    module = module_here(key)
    with transaction() as session:
        complete_supplement(session, learner(), module, now())
    return make_response(redirect(url_for("tests.desk", handle=handle, key=key), 303))


@blueprint.get("/exercise")
@requires(Permission.LEARN)
def exercise(handle: str, key: str) -> str:
    """Show the case exercise on one page, to be printed and worked on."""
    return _whole(key, "exercise")


@blueprint.get("/exercise/guide")
@requires(Permission.REVIEW_AUDITORS)
def guide(handle: str, key: str) -> str:
    """Show how the case exercise is marked, to those who mark."""
    return _whole(key, "guide")


def _whole(key: str, name: Literal["exercise", "guide"]) -> str:
    module = module_here(key)
    lessons = module.module.exercise if name == "exercise" else module.module.guide
    if not lessons:
        abort(404)
    lesson = lessons[visitor().language]
    return render_template(
        "modules/exercise.html", module=module, lesson=lesson, sections=shown_sections(lesson, values_here()), name=name
    )


def _position(lesson: Lesson, section_id: str) -> int:
    ids = [each.section_id for each in lesson.sections]
    if section_id not in ids:
        abort(404)
    return ids.index(section_id)
