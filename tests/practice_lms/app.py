"""The practice LMS as a Flask application: the protocol's addresses here, the pages in ``pages``."""

import hashlib

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, request
from flask.json.provider import DefaultJSONProvider

from tests.practice_lms import pages
from tests.practice_lms.browser import person_logged_in, refusal_page
from tests.practice_lms.configuration import openid_configuration
from tests.practice_lms.faults import serve_with_fault
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import PlatformConfig
from tests.practice_lms.oidc import UntrustedAuthorizationError, answer_authorization
from tests.practice_lms.registration import (
    RegistrationRefusedError,
    describe,
    read_registration,
    receive_registration,
)
from tests.practice_lms.services import serve_call
from tests.practice_lms.tokens import token_reply

protocol = Blueprint("protocol", __name__, url_prefix="/mod/lti")


def create_platform(config: PlatformConfig) -> Flask:
    """Build one platform.

    Raises:
        AmbiguousConfigError: Two people, activities or links carry the same key or id.
    """
    app = Flask(__name__)
    lms = PracticeLms(config)
    app.extensions["practice_lms"] = lms
    app.config["SECRET_KEY"] = lms.state.session_secret
    # Cookies are shared by all ports of a host: two platforms on 127.0.0.1 need two names.
    app.config["SESSION_COOKIE_NAME"] = f"practice_{hashlib.sha256(config.issuer.encode()).hexdigest()[:8]}"
    app.config["SESSION_COOKIE_SAMESITE"] = config.profile.same_site
    app.config["SESSION_COOKIE_SECURE"] = config.issuer.startswith("https:")
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(protocol)
    app.register_blueprint(pages.pages)
    app.after_request(_read_whole)
    return app


@protocol.get("/openid-configuration.php")
def publish_configuration() -> Response:
    """The platform's description of itself, which a tool reads when it registers."""
    lms = platform_of(current_app)
    fault = lms.faults.take("configuration")
    lms.record("configuration", "", "", 200 if fault is None else 0, "", fault.kind if fault else "")
    return serve_with_fault(fault, lambda: jsonify(openid_configuration(lms, fault)))


@protocol.route("/openid-registration.php", methods=["GET", "POST"])
def register() -> Response:
    """Where a tool registers itself, updates its registration, or reads it before."""
    lms = platform_of(current_app)
    return serve_with_fault(lms.faults.take("registration"), lambda: _registration_reply(lms))


@protocol.get("/certs.php")
def publish_keys() -> Response:
    """The platform's key set."""
    lms = platform_of(current_app)
    fault = lms.faults.take("jwks")
    lms.record("jwks", "", "", 200 if fault is None else 0, "", fault.kind if fault else "")
    return serve_with_fault(fault, lambda: jsonify(lms.keys.jwks()))


@protocol.post("/token.php")
def give_token() -> Response:
    """The token endpoint."""
    lms = platform_of(current_app)
    return serve_with_fault(lms.faults.take("token"), lambda: token_reply(lms, request.form))


@protocol.route("/auth.php", methods=["GET", "POST"])
def authorize() -> Response:
    """The authorization endpoint: answers by a form that posts itself to the tool."""
    lms = platform_of(current_app)
    return serve_with_fault(lms.faults.take("auth"), lambda: _authorization_page(lms))


@protocol.route("/services.php/<path:path>", methods=["GET", "POST", "PUT", "DELETE"])
def serve(path: str) -> Response:
    """All service calls."""
    return serve_call(platform_of(current_app), f"/{path}")


def _registration_reply(lms: PracticeLms) -> Response:
    authorization = request.headers.get("Authorization", "")
    try:
        if request.method == "GET":
            tool = read_registration(lms, authorization)
        else:
            tool = receive_registration(lms, authorization, request.get_json(force=True, silent=True))
    except RegistrationRefusedError as refused:
        lms.record("registration", "", request.method, refused.status, refused.reason)
        return Response(refused.body, refused.status, content_type="text/html; charset=utf-8")
    lms.record("registration", "", f"{request.method} {tool.name}: {tool.client_id}", 200)
    reply = jsonify(describe(lms, tool))
    reply.headers["Content-Type"] = "application/json; charset=utf-8"
    return reply


def _authorization_page(lms: PracticeLms) -> Response:
    person = person_logged_in()
    if person is None:
        return refusal_page("auth.nobody", status=401)
    try:
        answer = answer_authorization(lms, request.values, person)
    except UntrustedAuthorizationError as untrusted:
        lms.record("auth", person.key, request.values.get("redirect_uri", ""), 400, untrusted.reason)
        return refusal_page("auth.untrusted", status=400, detail=untrusted.reason)
    return Response(render_template("form_post.html", name="response", form=answer))


def _read_whole(response: Response) -> Response:
    """Read a file at once and close it: Werkzeug's server leaves it open when a browser goes away while it is sent."""
    if response.direct_passthrough:
        parts = response.response
        response.direct_passthrough = False
        body = b"".join(part for part in parts if isinstance(part, bytes))
        response.close()
        response.set_data(body)
    return response
