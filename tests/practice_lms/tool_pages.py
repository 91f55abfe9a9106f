"""The pages of the LMS's administrator: tools that are registered, and registering one by its URL."""

import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from tests.practice_lms.browser import sesskey, this_lms
from tests.practice_lms.model import ToolRegistration, domain_of

NEW = "0"
"""In place of a deployment id: register the tool anew, whoever has its domain already."""

tools = Blueprint("tools", __name__)


@tools.get("/tools")
def show_tools() -> str:
    """The registered tools with their switches, and the field for a registration URL."""
    return render_template("tools.html", tools=this_lms().registrations())


@tools.get("/tools/register")
def register_tool() -> str:
    """The tool's registration page in a frame, or the choice of an update where its domain is known."""
    url, choice = _registration_url(), request.args.get("type")
    known = [tool for tool in this_lms().registrations() if tool.domain == domain_of(url)]
    if known and choice is None:
        return render_template("register_choice.html", tools=known, url=url, new=NEW)
    return render_template("register.html", url=url, choice=choice or NEW)


@tools.get("/mod/lti/startltiadvregistration.php")
def start_registration() -> AnyResponse:
    """Send the frame to the tool's registration page with a fresh token, for an update where ``type`` names one."""
    if not secrets.compare_digest(request.args.get("sesskey", "").encode(), sesskey().encode()):
        abort(400)
    url, choice = _registration_url(), request.args.get("type", NEW)
    client_id = None if choice == NEW else _tool(choice).client_id
    this_lms().record("tool", "", f"registration begun: {domain_of(url)}", 302)
    return redirect(this_lms().begin_registration(client_id).address(url))


@tools.post("/tools/<deployment_id>")
def change_tool(deployment_id: str) -> AnyResponse:
    """Activate a tool, show it in the activity chooser or hide it, or remove it."""
    lms, tool, action = this_lms(), _tool(deployment_id), request.form.get("action")
    if action == "activate":
        # Moodle's button switches the tool on, and leaves it out of the chooser.
        lms.activate(tool.client_id, in_chooser=tool.in_chooser)
    elif action in {"show", "hide"}:
        lms.keep_registration(replace(tool, in_chooser=action == "show"))
    elif action == "remove" and tool.client_id != lms.config.tool.client_id:
        lms.remove_registration(tool.client_id)
    else:
        abort(400)
    return redirect(url_for("pages.tools.show_tools"))


def _tool(deployment_id: str) -> ToolRegistration:
    found = next((tool for tool in this_lms().registrations() if tool.deployment_id == deployment_id), None)
    return found or abort(404)


def _registration_url() -> str:
    url = request.args.get("url", "").strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        abort(400)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        abort(400)
    return url
