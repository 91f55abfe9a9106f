"""Sentences about rosters: in what they differ, and why a pull failed."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_DIFFERENCES: dict[str, tuple[Callable[[], str], Callable[[], str]]] = {
    "unlinked": (
        lambda: _("Accounts that are nobody's yet"),
        lambda: _("In the course, and not linked to anybody on the staff list. Decide in the linking queue."),
    ),
    "not_in_scope": (
        lambda: _("In the course, not in scope"),
        lambda: _("Enrolled as learners, and not in scope today: they have left, or the staff list is not up to date."),
    ),
    "twice": (
        lambda: _("Two accounts of one person"),
        lambda: _("Both accounts are in the course. What either of them did counts for the person."),
    ),
    "missing": (
        lambda: _("In scope, not in the course"),
        lambda: _(
            "In scope today, and enrolled by no account: enrol them in Moodle, unless another course trains them."
        ),
    ),
    "joined": (lambda: _("New since the snapshot before"), lambda: _("Enrolled since then.")),
    "left": (
        lambda: _("Gone since the snapshot before"),
        lambda: _("No longer enrolled, or suspended. Nothing of their records changes by it."),
    ),
    "changed": (
        lambda: _("Changed since the snapshot before"),
        lambda: _("Became teachers or learners, active or inactive."),
    ),
}

_FAULTS: dict[str, Callable[[], str]] = {
    "scope_not_granted": lambda: _(
        "Moodle does not let Akashi read its rosters: switch on Names and Role Provisioning in the tool's settings there."
    ),
    "token_refused": lambda: _("Moodle gives no access token: the registration there may be gone or pending."),
    "address_refused": lambda: _("The roster's address lies outside the registered site; it was not asked."),
    "unreachable": lambda: _("Moodle did not answer in time."),
    "page_foreign": lambda: _("A page of the roster lies on another site; it was not asked, and nothing was kept."),
    "pages_repeat": lambda: _("The roster's pages lead in a circle; nothing was kept."),
    "too_many_pages": lambda: _("The roster has no end; nothing was kept."),
    "too_many_members": lambda: _("The roster is longer than 50,000 people; nothing was kept."),
    "context_changed": lambda: _("The roster's pages belong to different courses; nothing was kept."),
    "other_course": lambda: _("Moodle answered with another course's roster; nothing was kept."),
    "status_403": lambda: _("Moodle forbids it."),
    "status_404": lambda: _("The course is no longer there."),
    "launched_meanwhile": lambda: _("Somebody opened Akashi for the first time in the same moment; it is tried again."),
}


def difference_title(code: str) -> str:
    """Return a difference in a few words."""
    return _DIFFERENCES[code][0]()


def difference_sentence(code: str) -> str:
    """Return what a difference means, and what to do about it."""
    return _DIFFERENCES[code][1]()


def roster_fault(code: str) -> str:
    """Return why a pull failed; a code without a sentence of its own stands in one."""
    if code in _FAULTS:
        return _FAULTS[code]()
    return _("Moodle answered something that is no roster (%(code)s); nothing was kept.", code=code)
