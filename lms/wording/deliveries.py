"""Sentences about grades on their way: why one waits or was refused, what to do, and what stands in Moodle."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_KINDS: dict[str, Callable[[], str]] = {
    "dead": lambda: _("Refused"),
    "waiting": lambda: _("On their way"),
    "differing": lambda: _("Different in Moodle"),
    "aside": lambda: _("Put aside"),
    "delivered": lambda: _("Delivered"),
}

_REASONS: dict[str, tuple[Callable[[], str], Callable[[], str]]] = {
    "not_gradable": (
        lambda: _("Moodle does not grade this person: a teacher or manager there, or no longer enrolled."),
        lambda: _("Nothing, if that is so: the record here counts. Enrolled as a student again, send it again."),
    ),
    "forbidden": (
        lambda: _("Moodle does not let Akashi write into this column."),
        lambda: _("Compare the tool's registration in Moodle with the one here, then send it again."),
    ),
    "address_refused": (
        lambda: _("The column's address lies outside the registered site; nothing was sent."),
        lambda: _("Check the registration's addresses and AKASHI_ALLOWED_NETWORKS, then send it again."),
    ),
    "other": (
        lambda: _("Moodle refused the grade without a reason that Akashi knows."),
        lambda: _("Look into Moodle's log at the time of the last try, then send it again."),
    ),
    "no_line_item": (
        lambda: _("The activity has no column in the gradebook, and Akashi may not make one."),
        lambda: _(
            "In Moodle, set the activity's grade type to Point, or let the tool manage columns (Assignment and Grade Services). The next time it is opened, or when sent again, the grade goes there."
        ),
    ),
    "line_item_gone": (
        lambda: _("The activity's column is no longer in the gradebook, or its course is gone."),
        lambda: _("If the course is gone on purpose, put it aside. Otherwise open the activity once in Moodle."),
    ),
    "line_item_refused": (
        lambda: _("Moodle lets Akashi neither find nor make the activity's column."),
        lambda: _("Set the activity's grade type to Point in Moodle, then send it again."),
    ),
    "scope_missing": (
        lambda: _("The registration may not send grades."),
        lambda: _(
            "In Moodle, switch on Assignment and Grade Services in the tool's settings, and open the activity once."
        ),
    ),
    "activity_changed": (
        lambda: _("What the activity opens was changed before the grade was sent."),
        lambda: _("Nothing. If the former choice comes back, the grade is sent by itself."),
    ),
    "results_refused": (
        lambda: _("Moodle does not let Akashi read this column."),
        lambda: _("Check Assignment and Grade Services in the tool's settings in Moodle."),
    ),
    "busy": (lambda: _("Moodle asks for patience."), lambda: _("Nothing; it is sent by itself.")),
    "platform_error": (
        lambda: _("Moodle answered with an error of its own."),
        lambda: _(
            "Nothing at first; it is sent by itself. If it stays for one person or one column, see in Moodle whether a teacher locked the grade; otherwise look into Moodle's log."
        ),
    ),
    "unreachable": (
        lambda: _("Moodle did not answer in time."),
        lambda: _("Nothing at first; it is sent by itself. If it stays, can Akashi's server reach Moodle's?"),
    ),
    "token_refused": (
        lambda: _("Moodle gives Akashi no access token."),
        lambda: _("Is the tool still registered and active there, and its public keyset address right?"),
    ),
    "unauthorised": (
        lambda: _("Moodle does not accept the access token that it gave."),
        lambda: _("Nothing at first; it is sent by itself. If it stays, look at Assignment and Grade Services there."),
    ),
    "conflict": (
        lambda: _("Moodle holds another grade of the same moment."),
        lambda: _("Nothing; it is sent again with a newer time."),
    ),
    "overridden": (
        lambda: _("A teacher has set another grade in Moodle. It is left as it is."),
        lambda: _(
            "If that is not meant, lift the override in Moodle's gradebook: the grade sent from here then counts again."
        ),
    ),
    "emptied": (
        lambda: _("Moodle has taken the grade and shows none: a teacher has emptied or hidden it."),
        lambda: _("If that is not meant, lift the override in Moodle's gradebook, then send it again."),
    ),
}


def kind_label(kind: str) -> str:
    """Return how deliveries stand, as the page heads them."""
    return _KINDS[kind]()


def reason_sentence(code: str | None) -> str:
    """Return why a delivery stands as it does; a code without a sentence of its own stands in one."""
    if code is None:
        return _("It is next in turn.")
    return _REASONS[code][0]() if code in _REASONS else _("It failed with the code %(code)s.", code=code)


def advice_sentence(code: str | None) -> str:
    """Return what to do about it; empty where there is nothing to say."""
    return _REASONS[code][1]() if code in _REASONS else ""


def try_label(outcome: str) -> str:
    """Return what came of one try."""
    return _("taken") if outcome == "delivered" else reason_sentence(outcome)


def learner_sentence(code: str | None) -> str:
    """Return to learners why their grade is not in Moodle; who looks after it knows more."""
    if code == "not_gradable":
        return _(
            "Moodle does not take a grade for you there, for example because you are a teacher in the course. The record here is what counts."
        )
    if code in {"no_line_item", "line_item_gone", "line_item_refused"}:
        return _("The activity has no column for grades in Moodle. The record here is what counts.")
    return _(
        "Moodle has refused the grade. The secretariat can see this and send it again; the record here is what counts."
    )
