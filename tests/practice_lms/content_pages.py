"""The pages of a course's teacher: choosing content of a tool, looking at a learner's work, copying the course."""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from tests.practice_lms.browser import language, person_logged_in, refusal_page, this_lms
from tests.practice_lms.deep_linking import DeepLinkingRefusedError
from tests.practice_lms.model import LmsCourse, LmsPerson, ToolRegistration
from tests.practice_lms.oidc import AuthorizationAnswer

content = Blueprint("content", __name__)


@content.get("/courses/<course_id>/choose/<deployment_id>")
def choose(course_id: str, deployment_id: str) -> str:
    """The tool's picker in a frame."""
    course, tool = _course(course_id), _tool(deployment_id)
    return render_template("choose.html", course=course, tool=tool)


@content.get("/mod/lti/contentitem.php")
def open_picker() -> Response:
    """Begin to choose content of the tool ``id`` for a course: a form that posts itself to the tool's login."""
    person = person_logged_in()
    if person is None:
        return refusal_page("auth.nobody", 401)
    course, tool = _course(request.args.get("course", "")), _tool(request.args.get("id", ""))
    try:
        form = this_lms().deep_link(person.key, course.id, language(), tool.client_id)
    except DeepLinkingRefusedError as refused:
        return refusal_page("content.refused", 403, refused.reason)
    return Response(render_template("form_post.html", name="ltiInitiateLoginForm", form=form))


@content.post("/mod/lti/contentitem_return.php")
def return_content() -> Response:
    """Where the tool posts what was chosen; leads out of the frame to the course with the new activities."""
    person = person_logged_in()
    if person is None:
        return _post_again()
    try:
        choice = this_lms().receive_content(request.full_path, request.form, person.key)
    except DeepLinkingRefusedError as refused:
        return refusal_page("content.refused", 400, refused.reason)
    added = ",".join(activity.key for activity in choice.activities) or None
    address = url_for("pages.show_course", course_id=choice.course_id, added=added)
    return Response(render_template("content_return.html", choice=choice, address=address))


def _post_again() -> Response:
    """A post from another site brings no cookie with SameSite=Lax: the same form once more, from here, as Moodle does."""
    if "repost" in request.form:
        return refusal_page("auth.nobody", 401)
    form = AuthorizationAnswer(request.full_path, {**request.form.to_dict(), "repost": "true"})
    return Response(render_template("form_post.html", name="autopostme", form=form))


@content.get("/activities/<activity_key>/review/<person_key>")
def review(activity_key: str, person_key: str) -> str:
    """A learner's work, as the tool shows it to the person played."""
    lms = this_lms()
    try:
        activity, course, learner = lms.activity(activity_key), lms.course_of(activity_key), lms.person(person_key)
    except KeyError:
        abort(404)
    return render_template("review.html", activity=activity, course=course, learner=learner)


@content.post("/courses/<course_id>/copy")
def copy_course(course_id: str) -> AnyResponse:
    """Copy the course here, or as if its backup had been restored elsewhere."""
    person, course = person_logged_in(), _course(course_id)
    if not _may_edit(person):
        abort(403)
    copied = this_lms().copy_course(course.id, restored_elsewhere=request.form.get("action") == "elsewhere")
    return redirect(url_for("pages.show_course", course_id=copied.id))


def _may_edit(person: LmsPerson | None) -> bool:
    return person is not None and person.edits_courses


def _course(course_id: str) -> LmsCourse:
    return this_lms().course(course_id) or abort(404)


def _tool(deployment_id: str) -> ToolRegistration:
    found = next((tool for tool in this_lms().registrations() if tool.deployment_id == deployment_id), None)
    return found or abort(404)
