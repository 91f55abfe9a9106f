"""How identities stand and how they came to be linked, in words."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _


def link_state_label(code: str) -> str:
    """Return the name of how an identity stands."""
    labels: dict[str, Callable[[], str]] = {
        "waiting": lambda: _("waiting"),
        "linked": lambda: _("linked"),
        "taken_back": lambda: _("taken back"),
        "nobody": lambda: _("nobody's"),
    }
    return labels[code]()


def link_method_label(code: str) -> str:
    """Return how a link came about."""
    labels: dict[str, Callable[[], str]] = {
        "staff_number": lambda: _("by trusted staff number"),
        "registered_anew": lambda: _("as before the site was registered anew"),
        "decision": lambda: _("by decision"),
        "bulk": lambda: _("by decision, many at once"),
        "nobody": lambda: _("decided to be nobody's"),
        "undo": lambda: _("undone: as before"),
        "undo_waiting": lambda: _("undone: waiting again"),
        "undo_nobody": lambda: _("undone: nobody's again"),
    }
    return labels[code]() if code in labels else code


def held_back_label(code: str) -> str:
    """Return why an account is not proposed for linking."""
    labels: dict[str, Callable[[], str]] = {
        "twice_on_list": lambda: _("The staff list has this number twice."),
        "linked_already": lambda: _("The person with this number has another account already."),
        "twice_claimed": lambda: _("Several waiting accounts claim this number."),
    }
    return labels[code]()


def name_match_label(code: str) -> str:
    """Return how the claimed name and the one on the staff list compare."""
    labels: dict[str, Callable[[], str]] = {
        "same": lambda: _("Names agree"),
        "variant": lambda: _("Names agree but for variant characters, letters or a former name"),
        "different": lambda: _("Names differ"),
        "not_sent": lambda: _("Moodle sent no name"),
    }
    return labels[code]()
