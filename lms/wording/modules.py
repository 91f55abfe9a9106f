"""What kinds of modules are called, as headings over lists of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


_STATES: dict[str, Callable[[], str]] = {
    "not_adopted": lambda: _("not adopted"),
    "current": lambda: _("in force"),
    "coming": lambda: _("adopted, not in force yet"),
    "newer_shipped": lambda: _("newer version shipped"),
}


def catalogue_state_label(state: str) -> str:
    """Return how a shipped module stands to the adopted ones."""
    return _STATES[state]()


_PARTS: dict[str, Callable[[], str]] = {
    "body": lambda: _("Text"),
    "supplement": lambda: _("Supplementary lesson"),
    "exercise": lambda: _("Case exercise"),
    "guide": lambda: _("Marking guide"),
}


def module_part_label(part: str) -> str:
    """Return what a part of a module is called."""
    return _PARTS[part]()


_ADOPTION_FAULTS: dict[str, Callable[[], str]] = {
    "no_module": lambda: _("Please tick at least one module."),
    "decision": lambda: _("Please give the number or name of the decision, in at most 200 characters."),
    "approved_by": lambda: _("Please name the office or body that decided, in at most 200 characters."),
    "effective_on": lambda: _("Please give the day on which it takes effect."),
    "retroactive": lambda: _(
        "A decision can't take effect on a day that is over: what people read then was something else."
    ),
    "values_missing": lambda: _("Some values are not set yet that the texts need."),
}


def adoption_fault(code: str) -> str:
    """Return what is wrong with a decision that adopts modules."""
    return _ADOPTION_FAULTS[code]()


_VALUE_FAULTS: dict[str, Callable[[], str]] = {
    "missing": lambda: _("Please fill it in, in each language."),
    "unfit": lambda: _(
        "This does not fit: an address begins with https://, a number is written in digits, and all stands on one line."
    ),
    "too_long": lambda: _("At most 1,000 characters."),
}


def value_fault(code: str, titles: Sequence[str] = ()) -> str:
    """Return what is wrong with a value that fills texts, or with values together that fill modules with these titles."""
    if code == "alike":
        return _(
            "With these values, two choices of a question would read the same in: %(modules)s.",
            modules=_(", ").join(titles),
        )
    return _VALUE_FAULTS[code]()
