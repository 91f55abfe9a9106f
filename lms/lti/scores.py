"""Sending a final score to a platform's grade book, and reading back what stands there.

Score and result are meant in their LTI sense: a score is what a tool states, a result what the platform's grade book
then holds, which a teacher may have changed.

Source: LTI Assignment and Grade Services 2.0, sections 3.3 (results) and 3.4 (scores).
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from lms.lti.access_tokens import AccessTokenFault, AccessTokens, ServiceCall, call_service
from lms.lti.connection import PlatformServices
from lms.lti.http import HttpReply, OutgoingFault, OutgoingRefused, PlatformHttp
from lms.lti.id_tokens import Registration
from lms.lti.pages import ListFault, read_list
from lms.lti.retry_after import retry_after

SCORE_SCOPE: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
RESULT_SCOPE: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
SCORE_TYPE: Final = "application/vnd.ims.lis.v1.score+json"
RESULT_TYPE: Final = "application/vnd.ims.lis.v2.resultcontainer+json"
COMPLETED: Final = "Completed"
FULLY_GRADED: Final = "FullyGraded"
_MAX_ID_LENGTH: Final = 255
_TOO_LARGE: Final = 1e15
_PASSING: Final = frozenset({408, 425, 429})


class ScoreFault(StrEnum):
    """What is wrong with a score."""

    USER_MISSING = "user_missing"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    TIME_WITHOUT_ZONE = "time_without_zone"
    NOT_FINAL = "not_final"


class ScoreInvalid(Exception):
    """A score that no platform should ever see."""

    def __init__(self, code: ScoreFault) -> None:
        super().__init__(code.value)
        self.code = code


@dataclass(frozen=True)
class Score:
    """One person's final result on one line item.

    Raises:
        ScoreInvalid: The user id is empty or too long, a number is not finite or out of range, the time has no zone, or
            the score is not final.
    """

    user_id: str
    """The platform's id of the person: the `sub` of their launches."""
    given: float
    """Points, from 0 to the maximum."""
    maximum: float
    """Points, above 0."""
    comment: str | None
    """Shown to the learner; None clears the former one on Moodle 4.5 (seen 2026-11)."""
    timestamp: datetime
    """When the result was decided; the platform refuses one that is not later than what it holds."""
    activity_progress: str = COMPLETED
    grading_progress: str = FULLY_GRADED
    """Only a fully graded score is ever sent: Moodle 4.5 answers 200 to any other and wipes the grade."""

    def __post_init__(self) -> None:
        """Refuse what must not be sent."""
        if not 0 < len(self.user_id) <= _MAX_ID_LENGTH:
            raise ScoreInvalid(ScoreFault.USER_MISSING)
        if not (_is_number(self.given) and _is_number(self.maximum)):
            raise ScoreInvalid(ScoreFault.NOT_A_NUMBER)
        if not 0 <= self.given <= self.maximum or self.maximum == 0:
            raise ScoreInvalid(ScoreFault.OUT_OF_RANGE)
        if self.timestamp.utcoffset() is None:
            raise ScoreInvalid(ScoreFault.TIME_WITHOUT_ZONE)
        if (self.activity_progress, self.grading_progress) != (COMPLETED, FULLY_GRADED):
            raise ScoreInvalid(ScoreFault.NOT_FINAL)


class RefusalReason(StrEnum):
    """Why a score will never be taken as it is."""

    NOT_GRADABLE = "not_gradable"
    """400: on Moodle, somebody who cannot be graded there, such as a teacher."""
    FORBIDDEN = "forbidden"
    """403: the registration may not write to this line item."""
    ADDRESS_REFUSED = "address_refused"
    """Our own policy does not let us call the line item's address."""
    OTHER = "other"
    """Any other 4xx."""


class RetryReason(StrEnum):
    """Why a score could not be delivered now."""

    BUSY = "busy"
    """429, 408 or 425."""
    PLATFORM_ERROR = "platform_error"
    """5xx, or a status that makes no sense."""
    UNREACHABLE = "unreachable"
    """No connection, time out, redirect or an oversized reply."""
    TOKEN_REFUSED = "token_refused"
    """No access token: an administrator can mend that, so the score waits."""
    UNAUTHORISED = "unauthorised"
    """401 even with a new token."""


@dataclass(frozen=True)
class Delivered:
    """The platform took the score."""


@dataclass(frozen=True)
class Conflict:
    """409: the platform holds a score of the same second or later; read it back and reconcile."""


@dataclass(frozen=True)
class Gone:
    """404: the line item is no longer there; find it anew."""


@dataclass(frozen=True)
class Refused:
    """The platform will not take this score however often it is sent."""

    reason: RefusalReason
    status: int | None
    """HTTP status; None where nothing was sent."""


@dataclass(frozen=True)
class Retry:
    """Try again later."""

    reason: RetryReason
    after_seconds: int | None
    """What the platform asked for, at most a day; None if it did not say."""


Delivery = Delivered | Conflict | Gone | Refused | Retry


class ResultFault(Exception):
    """A result could not be read; carries a code and the HTTP status, 0 where the reply's content is wrong."""

    def __init__(self, code: str, status: int, after_seconds: int | None = None) -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status
        self.after_seconds = after_seconds
        """What the platform asked for; None if it did not say."""


class LineItemGone(ResultFault):
    """404: the line item is no longer there."""


@dataclass(frozen=True)
class PlatformResult:
    """What the platform's grade book holds; it does not say whether a teacher has overridden it."""

    score: float
    """Points; may lie outside 0 to the maximum where a teacher set it."""
    maximum: float
    """Points."""
    timestamp: datetime | None
    """When the grade last changed, whole seconds; None where the platform gave no time with a zone."""


def is_same_share(held: PlatformResult, mark: float, maximum: float) -> bool:
    """Tell whether a result is the same share of its maximum, to a hundredth of one of our points.

    A platform converts scores to its own maximum, and rounds.
    """
    return abs(held.score * maximum - mark * held.maximum) < 0.01 * held.maximum


def score_body(score: Score) -> bytes:
    """The score as it is sent: UTF-8 JSON, its time in UTC with milliseconds and an explicit offset."""
    body: dict[str, Any] = {
        "scoreGiven": score.given,
        "scoreMaximum": score.maximum,
        "activityProgress": score.activity_progress,
        "gradingProgress": score.grading_progress,
        "timestamp": score.timestamp.astimezone(UTC).isoformat(timespec="milliseconds"),
        "userId": score.user_id,
    }
    if score.comment is not None:
        body["comment"] = score.comment
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def scores_url(line_item_url: str) -> str:
    """Where scores for a line item are sent; its query stays behind the inserted path."""
    return _below(line_item_url, "scores", "")


def results_url(line_item_url: str, user_id: str) -> str:
    """Where one person's result is read."""
    return _below(line_item_url, "results", f"user_id={quote(user_id, safe='')}")


def send_score(
    http: PlatformHttp,
    tokens: AccessTokens,
    registration: Registration,
    line_item_url: str,
    score: Score,
    now: datetime,
) -> Delivery:
    """Send a score once (twice where the first access token was refused) and say what became of it.

    `now` dates the access token; the score carries its own time.
    """
    call = ServiceCall(
        frozenset({SCORE_SCOPE}), "POST", scores_url(line_item_url), {"Content-Type": SCORE_TYPE}, score_body(score)
    )
    try:
        reply = call_service(http, tokens, registration, call, now)
    except OutgoingRefused:
        return Refused(RefusalReason.ADDRESS_REFUSED, None)
    except OutgoingFault:
        return Retry(RetryReason.UNREACHABLE, None)
    except AccessTokenFault:
        return Retry(RetryReason.TOKEN_REFUSED, None)
    return _judge(reply, now)


def read_result(
    http: PlatformHttp,
    tokens: AccessTokens,
    registration: Registration,
    line_item_url: str,
    user_id: str,
    now: datetime,
) -> PlatformResult | None:
    """What the platform holds for one person; None if it holds no grade.

    Raises:
        LineItemGone: The line item is no longer there.
        ResultFault: The platform answered another error, or something that is no list of results.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached.
    """
    call = ServiceCall(frozenset({RESULT_SCOPE}), "GET", results_url(line_item_url, user_id), {"Accept": RESULT_TYPE})
    reply = call_service(http, tokens, registration, call, now)
    if reply.status == 404:
        raise LineItemGone("gone", reply.status)
    if reply.status != 200:
        raise ResultFault("status", reply.status, retry_after(reply, now))
    try:
        results = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise ResultFault("not_json", 0) from None
    if not isinstance(results, list):
        raise ResultFault("not_a_list", 0)
    for entry in results:
        if isinstance(entry, dict) and entry.get("userId") == user_id and entry.get("resultScore") is not None:
            return _read_entry(entry)
    return None


def read_results(
    services: PlatformServices, registration: Registration, line_item_url: str, now: datetime
) -> dict[str, PlatformResult]:
    """What the platform holds for everybody on a line item, by user id; who has no grade is absent.

    Raises:
        LineItemGone: The line item is no longer there.
        ResultFault: The platform answered another error, or the list could not be read whole.
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached, or the list is too large for one reply.
    """
    url = _below(line_item_url, "results", "")
    call = ServiceCall(frozenset({RESULT_SCOPE}), "GET", url, {"Accept": RESULT_TYPE})
    try:
        entries = read_list(services, registration, call, now)
    except ListFault as fault:
        kind = LineItemGone if fault.status == 404 else ResultFault
        raise kind(fault.code, fault.status, fault.after_seconds) from None
    return {
        entry["userId"]: _read_entry(entry)
        for entry in entries
        if isinstance(entry.get("userId"), str) and entry.get("resultScore") is not None
    }


def _judge(reply: HttpReply, now: datetime) -> Delivery:
    status = reply.status
    if 200 <= status < 300:
        return Delivered()
    if status == 409:
        return Conflict()
    if status == 404:
        return Gone()
    if status == 401:
        return Retry(RetryReason.UNAUTHORISED, None)
    return _judge_error(status, retry_after(reply, now))


def _judge_error(status: int, after_seconds: int | None) -> Delivery:
    if status in _PASSING:
        return Retry(RetryReason.BUSY, after_seconds)
    if not 400 <= status < 500:
        return Retry(RetryReason.PLATFORM_ERROR, after_seconds)
    by_status = {400: RefusalReason.NOT_GRADABLE, 403: RefusalReason.FORBIDDEN}
    return Refused(by_status.get(status, RefusalReason.OTHER), status)


def _below(line_item_url: str, name: str, addition: str) -> str:
    parts = urlsplit(line_item_url)
    query = "&".join(part for part in (parts.query, addition) if part)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{name}", query, ""))


def _read_entry(entry: dict[str, Any]) -> PlatformResult:
    # The specification's default maximum is 1.
    score, maximum = entry["resultScore"], entry.get("resultMaximum", 1)
    if not (_is_number(score) and _is_number(maximum)):
        raise ResultFault("not_a_number", 0)
    return PlatformResult(float(score), float(maximum), _read_timestamp(entry.get("timestamp")))


def _read_timestamp(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Comparing also refuses NaN, infinity, and an integer too large for a float.
    return abs(value) < _TOO_LARGE
