"""What is wrong with a key file and what to do; what a tool key is for."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_FAULTS: dict[str, Callable[[str], str]] = {
    "KeyFileMissing": lambda name: _("The key file %(name)s is missing. Put it back from a backup.", name=name),
    "KeyFileExposed": lambda name: _(
        "Others than its owner may read or write the key file %(name)s. Give it mode 600, and ask who has read it.",
        name=name,
    ),
    "KeyFileLocked": lambda name: _(
        "The key file %(name)s is encrypted with another passphrase than the one in AKASHI_KEYS_PASSPHRASE_FILE, or none is set there.",
        name=name,
    ),
    "KeyFilePlain": lambda name: _(
        "A passphrase is set, and the key file %(name)s is not encrypted. Stop the services and run: akashi keys encrypt",
        name=name,
    ),
    "PassphraseFault": lambda name: (
        _(
            "The passphrase's file %(name)s can't be used. It must be there, readable by the service's account alone (mode 600 or 400), with at least 20 random characters in it.",
            name=name,
        )
        if name
        else _("No passphrase is set. Name its file in AKASHI_KEYS_PASSPHRASE_FILE.")
    ),
}

_STATES: dict[str, Callable[[str], str]] = {
    "signing": lambda until: _("signs"),
    "upcoming": lambda until: _("published; signs from %(time)s", time=until),
    "overlapping": lambda until: _("published; to be retired from %(time)s", time=until),
    "spent": lambda until: _("published; may be retired"),
}


def key_fault_sentence(kind: str, name: str) -> str:
    """Say what is wrong with a key file: the name of the exception's class, and the file's."""
    if kind in _FAULTS:
        return _FAULTS[kind](name)
    return _("The key file %(name)s can't be used: look at its permissions and content.", name=name)


def key_state_label(state: str, until: str) -> str:
    """Say what a tool key is for; an unknown code stands for itself."""
    return _STATES[state](until) if state in _STATES else state
