"""The one table from exceptions to statuses and sentences; every refusal is an audit event, never a 500.

A fault of our own - disk full, database out of reach - is a 503 with a log line.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_login import current_user
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import BadHost, HTTPException

from courses.calendar import UnknownFiscalYearError
from courses.clauses import UnknownClauseError
from courses.parameters import MissingParameterError
from courses.programme.results import EffortSpentError
from courses.selfcheck import OwnCaseError
from lms.lti.http import OutgoingRefused
from lms.lti.id_tokens import LaunchRefused
from lms.lti.keysets import KeysetUnavailable
from lms.lti.registration import RegistrationFault, RegistrationRefused
from lms.reports.documents import UnprintableCharacterError
from lms.services.activities import ActivityDecidesError, UnknownActivityError
from lms.services.attempts import (
    AttemptOverError,
    MayNotStartError,
    NoSuchAttemptError,
    NoSupplementDueError,
    NotOnThisPaperError,
)
from lms.services.audit import note
from lms.services.auditors import UnknownAreaError
from lms.services.audits import UnknownAuditError
from lms.services.awareness import UnknownModuleError
from lms.services.certificates import NotOnStaffListError, NotPassedError
from lms.services.deep_linking import ChoiceAnsweredError, NothingToChooseError
from lms.services.deliveries import UnknownDeliveryError
from lms.services.documents import UnknownDocumentError
from lms.services.evidence.jobs import UnknownPackError
from lms.services.handover import TicketRefused
from lms.services.identities import NothingToUndoError, UnknownIdentityError
from lms.services.invitations import InvitationRefused
from lms.services.launches import LoginFault, LoginRefused
from lms.services.live_sessions import NoSuchSessionError
from lms.services.moments import UnknownTreeSizeError
from lms.services.opening import ForeignSubmissionError, MayNotChooseError
from lms.services.person_facts import NoSuchFactError, NoSuchPersonError
from lms.services.platforms import PlatformExistsError, UnknownPlatformError
from lms.services.pledges import UnknownPledgeError
from lms.services.registration_decisions import DecidedAlreadyError, UnknownRequestError
from lms.services.registrations import PlatformInvitationRefused
from lms.services.reviews import UnknownReviewError
from lms.services.roles import AcknowledgedAlreadyError, NotYourAppointmentError, UnknownAppointmentError
from lms.services.rosters import UnknownRosterError
from lms.services.selfcheck import UnknownHitError
from lms.services.signing import (
    AlreadySignedError,
    AlreadyWithdrawnError,
    BadGroundError,
    ForeignFormError,
    FramedSigningError,
    OutdatedTextError,
    SignerLeftError,
    SignerUnknownError,
    StaleLaunchError,
    UnknownSignatureError,
    WrongTextHashError,
)
from lms.services.trace import UnknownEvidenceError
from lms.store.records import CorrectedMeanwhileError
from lms.web.auditors import UnknownAuditorError
from lms.web.limits import TooManyRefusalsError, wait_after_refusal
from lms.web.moments import BadFilterError
from lms.web.refusal_frames import allow_reading_in_its_frame
from lms.web.request import browser_language, end_reading, now, tool
from lms.web.security import (
    AccountExpiredError,
    FormTokenError,
    NotLaunchedError,
    NotPermittedError,
    SessionEndedError,
    visitor,
)
from lms.wording.gettext import set_language
from lms.wording.refusals import refusal
from quizzes.marking import AnswerError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """How an exception is answered."""

    status: int
    code: str
    """Key of `lms.wording.refusals`."""
    is_noted: bool = True
    """Whether it becomes an audit event here; some were noted where they happened."""


TABLE: dict[type[Exception], Answer] = {
    NotLaunchedError: Answer(401, "not_launched", is_noted=False),
    AccountExpiredError: Answer(401, "account_expired", is_noted=False),
    SessionEndedError: Answer(401, "session_ended", is_noted=False),
    NoSuchSessionError: Answer(404, "session_unknown"),
    NotPermittedError: Answer(403, "not_permitted"),
    FormTokenError: Answer(403, "form_token"),
    TooManyRefusalsError: Answer(429, "too_many", is_noted=False),
    LoginRefused: Answer(401, "login_refused"),
    MayNotChooseError: Answer(403, "may_not_choose", is_noted=False),
    ForeignSubmissionError: Answer(403, "submission_foreign", is_noted=False),
    NothingToChooseError: Answer(404, "nothing_to_choose"),
    ChoiceAnsweredError: Answer(409, "choice_answered"),
    UnknownActivityError: Answer(404, "activity_unknown"),
    ActivityDecidesError: Answer(409, "activity_decides"),
    UnknownReviewError: Answer(404, "review_unknown"),
    LaunchRefused: Answer(401, "login_refused", is_noted=False),
    KeysetUnavailable: Answer(503, "keys_unavailable", is_noted=False),
    OutgoingRefused: Answer(503, "keys_unavailable"),
    UnknownModuleError: Answer(404, "module_unknown"),
    MissingParameterError: Answer(409, "parameter_missing"),
    NoSuchAttemptError: Answer(404, "attempt_unknown"),
    AttemptOverError: Answer(409, "attempt_over"),
    NotOnThisPaperError: Answer(404, "not_on_paper"),
    AnswerError: Answer(422, "answer_malformed"),
    MayNotStartError: Answer(409, "may_not_start"),
    NoSupplementDueError: Answer(409, "no_supplement_due"),
    NotPassedError: Answer(404, "not_passed"),
    NotOnStaffListError: Answer(409, "not_on_staff_list"),
    UnprintableCharacterError: Answer(409, "unprintable_name"),
    UnknownFiscalYearError: Answer(400, "year_unknown"),
    BadFilterError: Answer(400, "filter_bad"),
    UnknownTreeSizeError: Answer(400, "tree_size_unknown"),
    UnknownIdentityError: Answer(404, "identity_unknown"),
    UnknownDeliveryError: Answer(404, "delivery_unknown"),
    NothingToUndoError: Answer(409, "nothing_to_undo"),
    UnknownRosterError: Answer(404, "roster_unknown"),
    UnknownAuditError: Answer(404, "audit_unknown"),
    UnknownAreaError: Answer(404, "area_unknown"),
    UnknownAuditorError: Answer(404, "auditor_unknown"),
    InvitationRefused: Answer(410, "invitation_refused"),
    PlatformInvitationRefused: Answer(410, "platform_invitation_unknown"),
    RegistrationRefused: Answer(422, "registration_senseless", is_noted=False),
    UnknownPlatformError: Answer(404, "platform_unknown"),
    PlatformExistsError: Answer(409, "registration_elsewhere"),
    UnknownRequestError: Answer(404, "registration_request_unknown"),
    DecidedAlreadyError: Answer(409, "registration_decided"),
    UnknownDocumentError: Answer(404, "document_unknown"),
    TicketRefused: Answer(409, "ticket_refused"),
    UnknownPledgeError: Answer(404, "pledge_unknown"),
    UnknownSignatureError: Answer(404, "signature_unknown"),
    SignerUnknownError: Answer(409, "signer_unknown"),
    FramedSigningError: Answer(409, "signing_framed"),
    StaleLaunchError: Answer(409, "launch_stale"),
    ForeignFormError: Answer(409, "form_of_another"),
    OutdatedTextError: Answer(409, "text_outdated"),
    WrongTextHashError: Answer(422, "text_hash_wrong"),
    SignerLeftError: Answer(409, "signer_left"),
    AlreadySignedError: Answer(409, "already_signed"),
    AlreadyWithdrawnError: Answer(409, "already_withdrawn"),
    BadGroundError: Answer(422, "ground_bad"),
    UnknownHitError: Answer(404, "hit_unknown"),
    UnknownPackError: Answer(404, "pack_unknown"),
    UnknownClauseError: Answer(404, "clause_unknown"),
    UnknownEvidenceError: Answer(404, "evidence_unknown"),
    OwnCaseError: Answer(403, "own_case"),
    NoSuchPersonError: Answer(404, "person_unknown"),
    NoSuchFactError: Answer(404, "fact_unknown"),
    UnknownAppointmentError: Answer(404, "appointment_unknown"),
    NotYourAppointmentError: Answer(404, "appointment_not_yours"),
    AcknowledgedAlreadyError: Answer(409, "acknowledged_already"),
    CorrectedMeanwhileError: Answer(409, "corrected_meanwhile"),
    EffortSpentError: Answer(409, "effort_spent"),
}

_LOGIN_ANSWERS = {
    LoginFault.REGISTRATION_UNKNOWN: Answer(400, "registration_unknown"),
    LoginFault.REGISTRATION_WAITING: Answer(400, "registration_waiting"),
    LoginFault.REGISTRATION_STOPPED: Answer(401, "registration_stopped"),
    LoginFault.HINT_MISSING: Answer(400, "login_refused"),
    LoginFault.TARGET_FOREIGN: Answer(400, "login_refused"),
    LoginFault.LOGIN_MALFORMED: Answer(400, "login_refused"),
    LoginFault.STATE_USED: Answer(401, "launch_used"),
    LoginFault.BROWSER_CHANGED: Answer(401, "browser_changed"),
}

_REGISTRATION_ANSWERS = {
    RegistrationFault.CONFIGURATION_MISSING: Answer(400, "registration_unopened", is_noted=False),
    RegistrationFault.ADDRESS_MALFORMED: Answer(400, "registration_address", is_noted=False),
    RegistrationFault.TOKEN_MALFORMED: Answer(400, "registration_token", is_noted=False),
    RegistrationFault.ADDRESS_REFUSED: Answer(422, "registration_address", is_noted=False),
    RegistrationFault.REDIRECTED: Answer(422, "registration_redirected", is_noted=False),
    RegistrationFault.TIMED_OUT: Answer(422, "registration_silent", is_noted=False),
    RegistrationFault.UNREACHABLE: Answer(422, "registration_silent", is_noted=False),
    RegistrationFault.STATUS: Answer(422, "registration_declined", is_noted=False),
    RegistrationFault.ORIGIN_FOREIGN: Answer(422, "registration_foreign", is_noted=False),
    RegistrationFault.REGISTERED_ELSEWHERE: Answer(409, "registration_elsewhere", is_noted=False),
}
"""Noted where they happened; what stands not here is an answer that makes no sense."""

_INVITATION_ANSWERS = {
    "invitation_unknown": Answer(404, "invitation_unknown"),
    "invitation_used": Answer(410, "invitation_used"),
    "invitation_revoked": Answer(410, "invitation_revoked"),
    "invitation_expired": Answer(410, "invitation_expired"),
    "invitation_over": Answer(410, "invitation_over"),
    "platform_invitation_unknown": Answer(404, "platform_invitation_unknown"),
    "platform_invitation_used": Answer(410, "platform_invitation_used"),
    "platform_invitation_revoked": Answer(410, "platform_invitation_over"),
    "platform_invitation_expired": Answer(410, "platform_invitation_over"),
}


def init_app(app: Flask) -> None:
    """Set the handlers."""
    for kind in TABLE:
        app.register_error_handler(kind, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(SQLAlchemyError, answer_database)
    app.register_error_handler(OSError, answer_unavailable)
    app.register_error_handler(500, answer_failure)
    app.logger.disabled = True  # Flask would tell each failure once more, without our number and over many lines


def answer(error: Exception) -> Response:
    """Answer a refusal by the table; by 429 where an address has brought about too many."""
    found = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    seconds = error.seconds if isinstance(error, TooManyRefusalsError) else wait_after_refusal(found.status)
    return _too_many(error, seconds) if seconds else _answer(error, found)


def _too_many(error: Exception, seconds: int) -> Response:
    allow_reading_in_its_frame(error)
    response = _page(TABLE[TooManyRefusalsError], "too_many")
    response.headers["Retry-After"] = str(seconds)
    return response


def _answer(error: Exception, found: Answer) -> Response:
    if isinstance(error, InvitationRefused | PlatformInvitationRefused):
        found = _INVITATION_ANSWERS.get(error.code, found)
    if isinstance(error, LoginRefused):
        found = _LOGIN_ANSWERS.get(error.code, found)
    if isinstance(error, RegistrationRefused):
        found = _REGISTRATION_ANSWERS.get(error.code, found)
    reason = getattr(error, "code", None)
    reason_code = str(reason) if isinstance(reason, str) else found.code
    if isinstance(error, RegistrationRefused):
        # For the administrator: which of the calls, and what of it.
        reason_code = " ".join(part for part in (reason_code, error.step, error.detail) if part)
    if found.is_noted:
        _note(error, found, reason_code)
    if found.status == 503:
        log.error("unavailable", error=type(error).__name__, endpoint=request.endpoint)
    allow_reading_in_its_frame(error)
    return _page(found, reason_code)


def _note(error: Exception, found: Answer, reason_code: str) -> None:
    end_reading()
    organisation_id, actor = getattr(error, "organisation_id", None), "anonymous"
    if current_user.is_authenticated:
        organisation_id, actor = visitor().organisation.id, visitor().actor
    with tool().database.transaction() as session:
        facts = {"code": reason_code, "status": found.status, "endpoint": request.endpoint or ""}
        note(session, "request.refused", actor, now(), organisation_id, **facts)


def answer_http(error: HTTPException) -> Response:
    """Answer what the framework refuses: unknown pages, wrong methods, oversized bodies."""
    status = error.code or 500
    if 300 <= status < 400:
        return make_response(error.get_response())
    if status >= 500:
        return answer_failure(error)
    code = {404: "not_found", 413: "too_large"}.get(status, "malformed")
    found = Answer(status, code)
    if status != 404 and request.path.startswith("/lti/"):  # at the door every fault is noted
        seconds = wait_after_refusal(status)
        if seconds:
            return _too_many(error, seconds)
        _note(error, found, code)
    if isinstance(error, BadHost):  # without a host that can be read, no address in a page can be written
        return make_response("Bad Request\n", status, {"Content-Type": "text/plain"})
    allow_reading_in_its_frame(error)
    return _page(found, code)


def answer_database(error: SQLAlchemyError) -> Response:
    """Answer a database that is out of reach, locked or full with 503; another fault of it is ours to mend."""
    if isinstance(error, DBAPIError) and type(error).__name__ not in {
        "OperationalError",
        "InterfaceError",
        "InternalError",
    }:
        return answer_failure(error)
    return answer_unavailable(error)


def answer_unavailable(error: Exception) -> Response:
    """Answer with 503, and leave a line in the log; no database is asked for it."""
    log.error("unavailable", error=type(error).__name__, endpoint=request.endpoint)
    response = _page(Answer(503, "unavailable"), "unavailable")
    response.headers["Retry-After"] = "60"
    return response


def answer_failure(error: Exception) -> Response:
    """Answer what nobody foresaw, with a number that finds it in the log."""
    cause = getattr(error, "original_exception", None) or error
    if cause is not error and isinstance(cause, SQLAlchemyError | OSError):  # while a refusal was being noted
        return answer_database(cause) if isinstance(cause, SQLAlchemyError) else answer_unavailable(cause)
    number = uuid.uuid4().hex[:12]
    log.error("failed", number=number, endpoint=request.endpoint, exc_info=cause)
    return _page(Answer(500, "failed"), number)


def _page(found: Answer, reason_code: str) -> Response:
    _choose_language()
    sentence = refusal(found.code)
    if request.accept_mimetypes.best == "application/json":
        return make_response(jsonify(title=sentence.title, advice=sentence.advice, code=reason_code), found.status)
    page = render_template("errors/refusal.html", refusal=sentence, code=reason_code, status=found.status)
    response = make_response(page, found.status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _choose_language() -> None:
    """Answer in the visitor's language; before a session exists, in the browser's."""
    if "_login_user" in g and current_user.is_authenticated:
        set_language(visitor().language)
    else:
        set_language(browser_language())
