"""The pages on which one plays a person: picking one, the course, an activity, and the way to the tool and back."""

import secrets
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from tests.practice_lms import content_pages, tool_pages, wording, workshop
from tests.practice_lms.browser import language, person_logged_in, refusal_page, sesskey, this_lms
from tests.practice_lms.model import Activity, LmsPerson, PageText

pages = Blueprint("pages", __name__)
pages.register_blueprint(workshop.workshop)
pages.register_blueprint(tool_pages.tools)
pages.register_blueprint(content_pages.content)


@pages.before_app_request
def _choose_language() -> None:
    asked = request.args.get("lang")
    if asked in wording.LANGUAGES:
        session["language"] = asked


@pages.before_app_request
def _check_form() -> Response | None:
    """Forms of the pages carry the session's own key, as in Moodle; the protocol's addresses have their own proof."""
    if request.method != "POST" or request.path.startswith("/mod/lti/"):
        return None
    if not secrets.compare_digest(request.form.get("sesskey", "").encode(), sesskey().encode()):
        return refusal_page("stale_form", 400)
    return None


@pages.app_context_processor
def _page_facts() -> dict[str, Any]:
    chosen = language()

    def say(key: str, **facts: object) -> str:
        return wording.say(chosen, key, **facts)

    def local(text: PageText) -> str:
        return wording.local(text, chosen)

    return {
        "say": say,
        "local": local,
        "language": chosen,
        "languages": wording.LANGUAGES,
        "config": this_lms().config,
        "me": person_logged_in(),
        "sesskey": sesskey,
        "show_time": _show_time,
        "show_points": _show_points,
        "here": _here,
    }


def _show_time(moment: datetime | int | None) -> str:
    if moment is None:
        return ""
    aware = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else moment
    return f"{aware.astimezone(ZoneInfo(this_lms().profile.server_timezone)):%Y-%m-%d %H:%M:%S}"


def _show_points(points: float | None) -> str:
    return "" if points is None else f"{points:g}"


def _here(other: str) -> str:
    """The address of this page in another language, or of the first page where this one cannot be asked for again."""
    endpoint = request.endpoint or ""
    if request.method != "GET" or not endpoint.startswith("pages."):
        return url_for("pages.pick_person", lang=other)
    kept = {name: value for name, value in request.args.items() if not name.startswith("_")}
    return url_for(endpoint, **{**kept, **(request.view_args or {}), "lang": other})


@pages.app_errorhandler(HTTPException)
def _http_error(error: HTTPException) -> AnyResponse:
    if error.code == 404:
        return refusal_page("error.missing", 404)
    return error.get_response()


@pages.get("/")
def pick_person() -> str:
    """The cast, by group."""
    chosen = language()
    groups: dict[str, list[LmsPerson]] = {}
    for person in this_lms().config.people:
        groups.setdefault(wording.group_title(person.group, chosen), []).append(person)
    return render_template("people.html", groups=groups)


@pages.post("/enter")
def enter() -> AnyResponse:
    """Become a person, and go to the first course."""
    key = request.form.get("person", "")
    if key not in {person.key for person in this_lms().config.people}:
        abort(404)
    session["person"] = key
    return redirect(url_for("pages.show_course", course_id=this_lms().courses[0].id))


@pages.get("/courses")
def list_courses() -> AnyResponse | str:
    """The courses, or the only one."""
    courses = this_lms().courses
    if len(courses) == 1:
        return redirect(url_for("pages.show_course", course_id=courses[0].id))
    return render_template("courses.html", courses=courses)


@pages.get("/courses/<course_id>")
def show_course(course_id: str) -> str:
    """A course with its activities, by section."""
    course = this_lms().course(course_id) or abort(404)
    sections: dict[str, list[Activity]] = {}
    for activity in course.activities:
        sections.setdefault(wording.local(activity.section, language()), []).append(activity)
    return render_template(
        "course.html",
        course=course,
        sections=sections,
        grades=_own_grades(course.activities),
        added=request.args.get("added", "").split(","),
        choosers=[
            tool
            for tool in this_lms().registrations()
            if tool.is_active and tool.in_chooser and tool.takes_deep_linking
        ],
        icons={tool.client_id: tool.logo_url for tool in this_lms().registrations()},
    )


def _own_grades(activities: tuple[Activity, ...]) -> dict[str, float]:
    """The final grades of the person played, by activity key."""
    person, lms = person_logged_in(), this_lms()
    if person is None:
        return {}
    grades = {activity.key: lms.grade(person.key, activity.key) for activity in activities}
    return {key: grade.final for key, grade in grades.items() if grade is not None and grade.final is not None}


@pages.get("/activities/<activity_key>")
def show_activity(activity_key: str) -> str:
    """An activity: the tool in a frame, or a button that opens it in a new window."""
    lms = this_lms()
    try:
        activity, course = lms.activity(activity_key), lms.course_of(activity_key)
    except KeyError:
        abort(404)
    logos = {tool.client_id: tool.logo_url for tool in lms.registrations()}
    return render_template(
        "activity.html",
        activity=activity,
        course=course,
        grades=_own_grades(course.activities),
        logo_url=logos.get(activity.client_id or lms.config.tool.client_id, ""),
    )


@pages.get("/mod/lti/launch.php")
def open_tool() -> Response:
    """Begin a launch of the link ``id``: a form that posts itself to the tool's login."""
    lms, person = this_lms(), person_logged_in()
    if person is None:
        return refusal_page("auth.nobody", 401)
    activity = lms.catalogue.activity_of_link(request.args.get("id", ""))
    if activity is None:
        abort(404)
    if activity.client_id and activity.client_id not in {tool.client_id for tool in lms.registrations()}:
        return refusal_page("tool.gone", 404)
    if request.args.get("action") == "gradeReport":
        learner = lms.person_by_sub(request.args.get("user", "")) or abort(404)
        form = lms.review(person.key, activity.key, learner.key, language())
    else:
        form = lms.launch(person.key, activity.key, language())
    return Response(render_template("form_post.html", name="ltiInitiateLoginForm", form=form))


@pages.get("/mod/lti/return.php")
def return_from_tool() -> str:
    """Where the tool sends the browser when it is done; leads out of the frame to the course."""
    course = this_lms().course(request.args.get("course", "")) or abort(404)
    return render_template("return.html", course=course, messages=_return_messages())


def _return_messages() -> list[str]:
    return [request.args[name] for name in ("lti_msg", "lti_errormsg") if name in request.args]
