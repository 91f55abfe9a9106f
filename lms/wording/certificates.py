"""The fixed sentences of a certificate of completion."""

from __future__ import annotations

from lms.wording.gettext import _, current_language


def certificate_wording() -> dict[str, str]:
    """Return the sentences in the language in force, by field of `lms.reports.certificate.CertificateWording`."""
    return {
        "title": _("Certificate of completion"),
        "honorific": "殿" if current_language() == "ja" else "",
        "statement": _(
            "This certifies that the person named above completed the following training and passed its test."
        ),
        "staff_number": _("Staff number"),
        "module": _("Module"),
        "version": _("Module version"),
        "fiscal_year": _("Fiscal year"),
        "completed_on": _("Completed on"),
        "mark": _("Mark"),
        "pass_mark": _("Pass mark"),
        "evidence": _("Evidence id"),
        "recorded_at": _("Recorded at"),
        "issued_by": _("Issued by"),
        "verification": _("The record in the organisation's register is what counts; the evidence id finds it there."),
    }
