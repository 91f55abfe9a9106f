"""The browser that asks: whom it plays, in which language, and with which key its forms come back."""

import secrets

from flask import Response, current_app, render_template, request, session

from tests.practice_lms import wording
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import LmsPerson


def this_lms() -> PracticeLms:
    """The platform whose page is asked for."""
    return platform_of(current_app)


def person_logged_in() -> LmsPerson | None:
    """The person whom this browser plays, if the configuration still has that person."""
    key = session.get("person")
    return next((person for person in this_lms().config.people if person.key == key), None)


def language() -> str:
    """The language of the pages for this browser."""
    chosen = session.get("language")
    if chosen in wording.LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(wording.LANGUAGES) or "ja"


def sesskey() -> str:
    """The session's own key, as in Moodle, which its forms must bring back."""
    if "sesskey" not in session:
        session["sesskey"] = secrets.token_hex(8)
    return str(session["sesskey"])


def refusal_page(words: str, status: int, detail: str = "") -> Response:
    """A page that says why it does not go on."""
    return Response(render_template("error.html", words=words, detail=detail), status)
