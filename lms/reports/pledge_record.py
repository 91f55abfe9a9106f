"""A signature record 電磁的記録による署名記録 as PDF: the text that was signed, the record, and a code to verify it.

The record in the register is what counts; the paper points to it.

Source: domain.md §4.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from io import BytesIO
from typing import Literal

from lms.reports.documents import render_pdf


@dataclass(frozen=True, slots=True)
class PledgePaper:
    """What the paper says; all values are words already, in the language of the paper."""

    organisation: str
    title: str
    version: str
    text: str
    """Exactly as signed."""
    text_language: str
    name: str
    staff_number: str
    unit: str
    post: str
    typed_name: str
    signed_jst: str
    signed_utc: str
    method: str
    purpose: str
    approved: str
    """Decision, approver and day of effect of the text."""
    sha256: str
    evidence_id: str
    code: str
    verify_url: str
    """Address at which anybody can look the code up."""
    withdrawn: str | None
    """Day from which the signature binds no more."""
    dated: date
    """Becomes the PDF's time of creation."""


@dataclass(frozen=True, slots=True)
class PledgePaperWording:
    """The fixed sentences and labels."""

    kind: str
    """電磁的記録による署名記録."""
    signed_text: str
    record: str
    name: str
    staff_number: str
    unit: str
    post: str
    typed_name: str
    signed_jst: str
    signed_utc: str
    method: str
    purpose: str
    text_version: str
    approved: str
    sha256: str
    evidence_id: str
    code: str
    withdrawn: str
    verification: str
    """How a reader checks the paper, as a whole sentence."""


def pledge_record_pdf(paper: PledgePaper, wording: PledgePaperWording, language: Literal["ja", "en"]) -> bytes:
    """Return the record as PDF; the same values give the same bytes.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value.
    """
    values = asdict(paper)
    del values["dated"]
    values["hash_lines"] = [paper.sha256[start : start + 32] for start in range(0, len(paper.sha256), 32)]
    return render_pdf(
        "pledge_record.typ",
        {
            "language": language,
            "paper": values,
            "wording": asdict(wording),
            "qr": qr_svg(paper.verify_url),
            "paragraphs": paper.text.split("\n"),
        },
        paper.dated,
    )


def qr_svg(text: str) -> str:
    """Return a QR code of a text as SVG."""
    import segno  # noqa: PLC0415 - a web process starts without it

    out = BytesIO()
    segno.make(text, error="m").save(out, kind="svg", border=2, xmldecl=False, svgns=True)
    return out.getvalue().decode()
