"""The planner's page: the pool of auditors as a matrix, its margin and outlook, and what-if side by side.

Everything asked stands in the address, so that a question can be kept as a bookmark.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, make_response, render_template, request

from courses.calendar import add_months
from courses.independence import AuditedArea
from courses.programme.horizon import horizon
from lms.reports.pool_chart import ChartWording, Step, outlook_svg
from lms.services.auditors import open_book
from lms.services.permissions import Permission
from lms.services.planner import Plan, Reckoning, grounds_of, make_plan, reckon_changed
from lms.services.pools import PoolChange, PoolQuestion, auditor_id, build_pool
from lms.store.records import Moment
from lms.web.moments import BadFilterError, asked_date, asked_moment, asked_size, moment_arguments
from lms.web.request import reading
from lms.web.security import requires, visitor
from lms.wording.auditors import check_sentence, ground_sentence
from lms.wording.gettext import _, current_language
from lms.wording.pools import Names, margin_meaning, minus

blueprint = Blueprint("pools", __name__, url_prefix="/s/<handle>/audit/pool")

MOST_LOOK_BACK = 120
MOST_TRAINED = 20


def _question(moment: Moment) -> PoolQuestion:
    audited_from = asked_date("audited_from")
    if audited_from is not None and audited_from > moment.as_of:
        raise BadFilterError("audited_from", audited_from.isoformat())
    return PoolQuestion(
        moment.as_of, audited_from, _size("look_back", MOST_LOOK_BACK), _size("train", MOST_TRAINED) or 1
    )


def _size(field: str, most: int) -> int | None:
    found = asked_size(field)
    if found is not None and found > most:
        raise BadFilterError(field, str(found))
    return found


def _change(plan: Plan) -> PoolChange:
    """Return what the address changes of the pool; whom or what it names must be there."""
    auditors = {auditor_id(row.person_id) for row in plan.rows}
    candidates = {auditor_id(file.person_id) for file in plan.book.files.values() if file.cost is not None}
    units = {str(key) for key in plan.book.units}
    return PoolChange(
        removed=_named("remove", auditors),
        trained=_named("train_also", candidates),
        without_consultants=request.args.get("without_consultants") == "1",
        look_back=_size("what_look_back", MOST_LOOK_BACK),
        areas=tuple(AuditedArea(f"+{key}", int(key)) for key in sorted(_named("add_unit", units))),
    )


def _named(field: str, known: set[str]) -> frozenset[str]:
    found = frozenset(each for each in request.args.getlist(field) if each)
    for each in sorted(found - known):
        raise BadFilterError(field, each)
    return found


@blueprint.get("")
@requires(Permission.READ_AUDITORS)
def planner(handle: str) -> str:
    """Show the pool as of a date, and beside it as it would be."""
    moment = asked_moment()
    plan = make_plan(reading(), visitor().organisation.id, moment, _question(moment))
    change = _change(plan)
    changed = None if change.is_empty or plan.reckoning is None else reckon_changed(plan, change)
    names = names_of(plan, change)
    kept = ("audited_from", "look_back", "train")
    return render_template(
        "pools/planner.html",
        plan=plan,
        moment=moment,
        names=names,
        reasons={row.person_id: _reasons(plan, row.person_id, names) for row in plan.rows},
        lacking={row.person_id: [check_sentence(each) for each in row.qualification.shortcomings] for row in plan.rows},
        change=change,
        changed=changed,
        kept={**moment_arguments(), **{name: request.args[name] for name in kept if request.args.get(name)}},
        candidates=sorted(
            auditor_id(file.person_id)
            for file in plan.book.files.values()
            if file.cost is not None and not file.record.terms
        ),
        counts=_counts(plan.reckoning),
        changed_counts=_counts(changed),
        minus=minus,
        margin_meaning=margin_meaning,
    )


def _reasons(plan: Plan, person_id: int, names: Names) -> dict[str, list[str]]:
    """Return for each area what keeps somebody from it, in words."""
    row = next(each for each in plan.rows if each.person_id == person_id)
    found = {}
    for key, cell in row.cells.items():
        sentences = [ground_sentence(each, names.units) for each in cell.grounds]
        if row.qualification.is_valid and not cell.is_declared:
            sentences.append(_("This year's declaration of interests is missing"))
        found[key] = sentences
    return found


def _counts(reckoning: Reckoning | None) -> dict[str, int]:
    """Return how many may certainly audit each area."""
    if reckoning is None:
        return {}
    pool = reckoning.pool
    usable = [each for each in pool.auditors if each.is_valid(pool.as_of) and each.is_declared]
    return {
        area.id: sum(area.id not in {ground.area for ground in pool.grounds(each, pool.as_of)} for each in usable)
        for area in pool.areas
    }


def names_of(plan: Plan, change: PoolChange | None = None) -> Names:
    """Return how everybody and everything of a plan is called in the language in force."""
    language = current_language()
    units = {key: unit.name_ja if language == "ja" else unit.name_en for key, unit in plan.book.units.items()}
    areas = {key: row.name(language) for key, row in plan.book.areas_on(plan.question.day).items()}
    extra = {each.key: each for each in change.areas} if change else {}
    for key, area in extra.items():
        areas[key] = _("%(unit)s, further area", unit=units.get(area.unit or 0, key))
    grounds = {**plan.grounds, **grounds_of(plan.book, plan.question, extra)} if extra else plan.grounds
    return Names(plan.people, areas, units, grounds)


@blueprint.get("/outlook.svg")
@requires(Permission.READ_AUDITORS)
def picture(handle: str) -> Response:
    """Draw the margin over the next 24 months."""
    moment = asked_moment()
    question = _question(moment)
    book = open_book(reading(), visitor().organisation.id, moment)
    if not book.areas_on(question.day):
        return make_response("", 404)
    ahead = horizon(build_pool(book, question), book.policy_on(question.day).training_days)
    wording = ChartWording(
        _("Margin of the pool over the next 24 months"), _("Margin"), _months(moment.as_of, ahead.until)
    )
    steps = [Step(each.first_day, each.margin) for each in ahead.steps]
    response = make_response(outlook_svg(steps, ahead.until, wording))
    response.headers["Content-Type"] = "image/svg+xml; charset=utf-8"
    return response


def _months(first: date, until: date) -> list[tuple[date, str]]:
    day = date(first.year, first.month, 1)
    found = []
    while day < until:
        if day >= first and day.month in (1, 4, 7, 10):
            label = f"{day.year}年{day.month}月" if current_language() == "ja" else f"{day:%b %Y}"
            found.append((day, label))
        day = add_months(day, 1)
    return found
