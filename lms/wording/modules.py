"""What kinds of modules are called, as headings over lists of them."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_KINDS: dict[str, Callable[[], str]] = {
    "awareness": lambda: _("For everyone"),
    "yearly": lambda: _("Objective of the year"),
    "briefing": lambda: _("Briefings for roles, vendors and leavers"),
    "auditor": lambda: _("Course for internal auditors"),
    "page": lambda: _("Pages of the tool"),
}


def module_kind_label(kind: str) -> str:
    """Return what modules of a kind are called together; ``page`` is what an activity can open beside modules."""
    return _KINDS[kind]()
