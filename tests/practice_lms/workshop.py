"""The pages behind the scenes: gradebook, event log, faults on demand, connection facts."""

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from tests.practice_lms.faults import ENDPOINTS, Fault, FaultKind
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import Grade, LineItem, LmsPerson

EVENTS_SHOWN = 200

workshop = Blueprint("workshop", __name__)


def _lms() -> PracticeLms:
    return platform_of(current_app)


@workshop.get("/courses/<course_id>/grades")
def show_grades(course_id: str) -> str:
    """People by line items."""
    lms = _lms()
    course = lms.course(course_id) or abort(404)
    with lms.state.lock:
        items = [item for item in lms.state.line_items.values() if item.course_id == course_id]
        grades = dict(lms.state.grades)
    people = [person for person in lms.config.people if person.is_gradable]
    links = {activity.link_id: activity.key for activity in course.activities}
    return render_template("gradebook.html", course=course, items=items, people=people, grades=grades, links=links)


@workshop.get("/grades/<int:item_id>/<sub>")
def edit_grade(item_id: int, sub: str) -> str:
    """One person's grade in one line item, with what a teacher may do to it."""
    item, person, grade = _place(item_id, sub)
    course = _lms().course(item.course_id)
    activity = _lms().catalogue.activity_of_link(item.link_id or "")
    return render_template("grade.html", item=item, person=person, grade=grade, course=course, activity=activity)


@workshop.post("/grades/<int:item_id>/<sub>")
def change_grade(item_id: int, sub: str) -> AnyResponse:
    """Override a grade, empty it, lift the override, lock or unlock it, or delete it."""
    item, _, grade = _place(item_id, sub)
    lms, action = _lms(), request.form.get("action")
    if action == "override":
        points = request.form.get("points", type=float)
        if points is None or not 0 <= points <= item.maximum:
            abort(400)
        lms.override_grade(item_id, sub, points, request.form.get("comment") or None)
    elif action == "empty":
        lms.override_grade(item_id, sub, None)
    elif action in {"lock", "unlock"}:
        lms.lock_grade(item_id, sub, action == "lock")
    elif action == "lift" and grade is not None:
        lms.lift_override(item_id, sub)
    elif action == "delete":
        lms.delete_grade(item_id, sub)
    return redirect(url_for("pages.workshop.show_grades", course_id=item.course_id))


def _place(item_id: int, sub: str) -> tuple[LineItem, LmsPerson, Grade | None]:
    lms = _lms()
    person = lms.person_by_sub(sub)
    with lms.state.lock:
        item, grade = lms.state.line_items.get(item_id), lms.state.grades.get((item_id, sub))
    if item is None or person is None or not person.is_gradable:
        abort(404)
    return item, person, grade


@workshop.get("/events")
def show_events() -> str:
    """The event log, the newest first, all kinds or one."""
    lms, kind = _lms(), request.args.get("kind")
    everything = lms.events()
    chosen = [event for event in everything if kind in {None, event.kind}]
    kinds = sorted({event.kind for event in everything})
    names = {person.key: person.display_name for person in lms.config.people}
    shown = chosen[: -EVENTS_SHOWN - 1 : -1]
    return render_template("events.html", events=shown, total=len(chosen), kinds=kinds, kind=kind, names=names)


@workshop.get("/faults")
def show_faults() -> str:
    """The faults that are on, and a form to switch on another."""
    return render_template("faults.html", faults=_lms().faults.active(), endpoints=ENDPOINTS, kinds=FaultKind)


@workshop.post("/faults")
def add_fault() -> AnyResponse:
    """Switch a fault on."""
    form = request.form
    try:
        fault = Fault(
            endpoint=form.get("endpoint", ""),
            kind=FaultKind(form.get("kind", "")),
            calls=int(form["calls"]) if form.get("calls") else None,
            share=float(form.get("share") or 100) / 100,
            seconds=float(form.get("seconds") or 5),
            retry_after=form.get("retry_after", ""),
            after=int(form.get("after") or 0),
            location=form.get("location") or Fault.location,
        )
        _lms().faults.add(fault)
    except ValueError:
        abort(400)
    return redirect(url_for("pages.workshop.show_faults"))


@workshop.post("/faults/clear")
def clear_faults() -> AnyResponse:
    """Switch all faults off."""
    _lms().faults.clear()
    return redirect(url_for("pages.workshop.show_faults"))


@workshop.post("/faults/<int:fault_id>/remove")
def remove_fault(fault_id: int) -> AnyResponse:
    """Switch one fault off."""
    _lms().faults.remove(fault_id)
    return redirect(url_for("pages.workshop.show_faults"))


@workshop.get("/facts")
def show_facts() -> str:
    """What a tool needs to know about this platform, to copy."""
    config = _lms().config
    platform = {
        "facts.issuer": config.issuer,
        "facts.client_id": config.tool.client_id,
        "facts.deployment_id": config.tool.deployment_id,
        "facts.auth": f"{config.issuer}/mod/lti/auth.php",
        "facts.token": f"{config.issuer}/mod/lti/token.php",
        "facts.jwks": f"{config.issuer}/mod/lti/certs.php",
    }
    tool = {
        "facts.target": config.tool.target_link_uri,
        "facts.login_url": config.tool.login_url,
        "facts.redirect": " ".join(config.tool.redirect_uris),
        "facts.tool_jwks": config.tool.jwks_url,
    }
    return render_template("facts.html", platform=platform, tool=tool, clock=_lms().clock.now())
