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
    "decision": lambda: _("Please give the number or name of the decision on one line, in at most 200 characters."),
    "approved_by": lambda: _("Please name the office or body that decided on one line, in at most 200 characters."),
    "effective_on": lambda: _("Please give the day on which it takes effect."),
    "too_far": lambda: _("Please give a day within two years."),
    "adopted_already": lambda: _(
        "The ticked modules are adopted from that day already, in the version that is shipped."
    ),
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
    "line": lambda: _("Please write it on one line, without control characters."),
    "too_long": lambda: _("At most 1,000 characters."),
    "address": lambda: _("An address begins with https:// or http:// and has no blanks."),
    "email": lambda: _("This is no mail address."),
    "number": lambda: _("Please write the number in digits, without zeros before it."),
    "differs": lambda: _("The number must be the same in each language."),
}


def value_fault(code: str) -> str:
    """Return what is wrong with a value that fills texts."""
    return _VALUE_FAULTS[code]()


def alike_sentence(titles: Sequence[str]) -> str:
    """Return that values spoil questions of the modules with these titles."""
    return _(
        "With these values, two choices of a question would read the same in: %(modules)s.",
        modules=_(", ").join(titles),
    )


def values_changed() -> str:
    """Return that somebody else was quicker."""
    return _(
        "Somebody set values while this page stood open. Below stand theirs, and yours where you changed something; please look them over and set them again."
    )
