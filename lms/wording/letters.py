"""The sentences of letters of appointment 任命書 and of their ending, by field of `lms.reports.letter.LetterWording`."""

from __future__ import annotations

from lms.wording.gettext import _, current_language


def appointment_wording() -> dict[str, str]:
    """Return the words of a letter of appointment in the language in force."""
    return _common() | {
        "title": _("Letter of Appointment"),
        "statement": _(
            "You are appointed to the role below in the information security management system (ISMS) of this organisation."
        ),
        "duties": _("What the role answers for and may decide"),
        "closing": _("Please acknowledge receipt in the tool. Your consent is not asked by it."),
    }


def ending_wording() -> dict[str, str]:
    """Return the words of a letter that ends an appointment in the language in force."""
    return _common() | {
        "title": _("Letter of Release"),
        "statement": _(
            "You are released from the role below in the information security management system (ISMS) of this organisation."
        ),
        "duties": "",
        "closing": _("The duty to keep confidential what you learnt in the role goes on."),
    }


def _common() -> dict[str, str]:
    return {
        "honorific": "殿" if current_language() == "ja" else "",
        "particulars": "記" if current_language() == "ja" else "",
        "end_of_particulars": "以上" if current_language() == "ja" else "",
        "role": _("Role"),
        "place": _("Body and seat"),
        "unit": _("Unit"),
        "term": _("Term"),
        "refers_to": _("Letter of appointment"),
        "end_kind": _("Kind of ending"),
        "responsibilities": _("Responsibilities"),
        "authorities": _("Authorities"),
        "number": "No. " if current_language() == "en" else "",
        "evidence": _("Evidence id"),
        "version": _("Version of responsibilities and authorities"),
    }
