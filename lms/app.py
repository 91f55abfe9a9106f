"""The application factory: settings, database, keys, pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from flask import Flask, Response, current_app, make_response, redirect, render_template, url_for
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from lms.clock import read_clock
from lms.config import Settings, read_settings
from lms.logs import configure_logging
from lms.lti.connection import platform_http, registration_http
from lms.lti.keysets import KeysetSource
from lms.lti.tool_keys import ToolKeyring
from lms.services.anchors import check_ledgers
from lms.services.keysets import StoredKeysets
from lms.store.base import Database
from lms.store.key_files import KeyFileFault, check_key_files
from lms.store.revisions import check_schema
from lms.web import (
    accounts,
    activities,
    appointing,
    attendance,
    audit_areas,
    auditors,
    audits,
    bodies,
    catalogue,
    declarations,
    deep_linking,
    deliveries,
    doctor,
    errors,
    evidence,
    identities,
    invited,
    launches,
    limits,
    modules,
    my_roles,
    people,
    platform_changes,
    platforms,
    pledge_register,
    pledge_texts,
    pledges,
    pools,
    presentation,
    registration,
    renewing,
    reviews,
    roles,
    rosters,
    security,
    selfcheck,
    sessions,
    tests,
    trace,
    training,
    vendors,
    verify,
)
from lms.web.request import RowId, Tool, end_reading, reading
from lms.web.security import open_to_anyone
from lms.wording.gettext import use_language
from lms.wording.keys import key_fault_sentence

_log = structlog.get_logger("akashi")


def create_app(
    environment: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = read_clock,
    make_keysets: Callable[[Settings, Database], KeysetSource] | None = None,
) -> Flask:
    """Make the tool.

    Args:
        environment: variables to read the settings from; None: the process's own.
        clock: where the present time is read.
        make_keysets: where platforms' public keys come from; None: the guarded HTTP client.

    Raises:
        lms.config.BadSettingError: a setting can't be worked with.
        lms.store.revisions.SchemaBehindError: the database needs ``akashi db migrate``.
        lms.store.key_files.KeyFileFault: the private keys can't be opened; perhaps it is another passphrase.
        lms.services.anchors.AnchorError: a ledger is not the one that was anchored outside the database.
    """
    settings = read_settings(os.environ if environment is None else environment)
    configure_logging(settings)
    database = _checked_database(settings)
    app = Flask("lms.web", static_folder=None)
    app.static_folder = "static"
    app.config.update(MAX_CONTENT_LENGTH=1_000_000, COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"], COMPRESS_STREAMS=True, SEND_FILE_MAX_AGE_DEFAULT=31_536_000)  # fmt: skip
    keysets = (make_keysets or _keysets)(settings, database)
    app.extensions["akashi"] = Tool(
        settings, database, ToolKeyring(settings.keys), keysets, registration_http(settings)
    )
    app.extensions["akashi_clock"] = clock
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]  # Flask's own advice
    Compress(app)
    security.init_app(app)
    limits.init_app(app)
    errors.init_app(app)
    presentation.init_app(app)
    app.url_map.converters["row"] = RowId
    for room in (
        accounts,
        doctor,
        launches,
        deep_linking,
        reviews,
        activities,
        training,
        modules,
        tests,
        catalogue,
        attendance,
        people,
        identities,
        sessions,
        rosters,
        deliveries,
        pledges,
        pledge_texts,
        pledge_register,
        vendors,
        invited,
        verify,
        selfcheck,
        evidence,
        trace,
        roles,
        my_roles,
        appointing,
        renewing,
        bodies,
        pools,
        auditors,
        audit_areas,
        audits,
        declarations,
        registration,
        platforms,
        platform_changes,
    ):
        app.register_blueprint(room.blueprint)
    app.register_blueprint(catalogue.glossary_blueprint)
    app.register_blueprint(pledges.window_blueprint)
    app.register_blueprint(accounts.door_blueprint)
    app.register_blueprint(accounts.uses_blueprint)
    app.add_url_rule("/", view_func=front_door)
    app.add_url_rule("/healthz", view_func=health)
    app.add_url_rule("/favicon.ico", view_func=favicon)
    app.add_url_rule("/static/<path:filename>", "static", static_file)
    app.teardown_appcontext(lambda _error: end_reading())
    return app


def _checked_database(settings: Settings) -> Database:
    """Open the database after keys, schema and anchors were found in order."""
    try:
        check_key_files(settings.keys)
    except KeyFileFault as fault:
        with use_language("en"):  # as all of the log
            _log.error("start refused", reason=key_fault_sentence(type(fault).__name__, fault.name))
        raise
    database = Database(settings.database_url)
    try:
        check_schema(database)
        with database.reading() as session:
            check_ledgers(session, settings.anchor_dir, settings.keys)
    finally:
        database.close()  # no connection is carried into the workers that a preloading server forks
    return database


@open_to_anyone
def static_file(filename: str) -> Response:
    """Hand out a style sheet, script or picture; its address carries a version, so that browsers can keep it."""
    return current_app.send_static_file(filename)


def _keysets(settings: Settings, database: Database) -> KeysetSource:
    return KeysetSource(platform_http(settings), StoredKeysets(database))


@open_to_anyone
def front_door() -> str:
    """Tell whoever comes by the front door that the way in is Moodle."""
    return render_template("front_door.html")


@open_to_anyone
def health() -> Response:
    """Say whether the tool can read its database."""
    reading().connection().exec_driver_sql("SELECT 1")
    return make_response("ok\n", 200, {"Content-Type": "text/plain"})


@open_to_anyone
def favicon() -> Response:
    """Lead browsers that ask for the old address to the icon."""
    return make_response(redirect(url_for("static", filename="icon.svg"), 302))
