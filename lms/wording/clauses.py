"""What clauses are about, in our own words; the standard's text is nowhere in the tool."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_TITLES: dict[str, Callable[[], str]] = {
    "4.3": lambda: _("Where the ISMS applies"),
    "5.3": lambda: _("Who has which role, responsibility and authority"),
    "7.2": lambda: _("What people must be able to do, and the evidence of it"),
    "7.3": lambda: _("What everybody must be aware of"),
    "7.5": lambda: _("Keeping documents and records under control"),
    "9.2": lambda: _("Internal audit"),
    "10.2": lambda: _("Nonconformities and corrective action"),
    "A.5.2": lambda: _("Roles for information security"),
    "A.5.3": lambda: _("Duties that one person must not combine"),
    "A.5.4": lambda: _("What management asks of everybody"),
    "A.5.10": lambda: _("Permitted use of information and equipment"),
    "A.5.19": lambda: _("Information security with vendors"),
    "A.5.20": lambda: _("Agreements with vendors"),
    "A.5.33": lambda: _("Protecting records"),
    "A.5.35": lambda: _("Independent review"),
    "A.6.1": lambda: _("Checks before people begin"),
    "A.6.2": lambda: _("Terms of employment"),
    "A.6.3": lambda: _("Awareness, education and training"),
    "A.6.4": lambda: _("Consequences of breaches"),
    "A.6.5": lambda: _("Duties that go on after leaving"),
    "A.6.6": lambda: _("Pledges of confidentiality"),
    "A.6.7": lambda: _("Working from elsewhere"),
    "A.6.8": lambda: _("Reporting what people notice"),
}


def clause_title(number: str) -> str:
    """Return what a clause is about."""
    return _TITLES[number]()
