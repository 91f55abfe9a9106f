"""The certificate of completion 修了証 as a PDF of one A4 page.

It names the evidence that it rests on; the record in the register is what counts, the paper only points to it.

Source: ISO/IEC 27001 clause 7.2 d; domain.md §3 (a completion points at module version, pass mark, attempt, marks).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from courses.calendar import era_date
from lms.reports.documents import render_pdf

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is certified, as recorded at the moment of completion."""

    organisation: str
    name: str
    """Printed as registered: 髙 stays 髙."""
    kana: str | None
    staff_number: str
    module_title: str
    module_version: str
    completed_on: date
    """JST date."""
    completed_at_label: str
    """Moment of completion with its zone, as the register writes it."""
    mark: int | None
    """Points of the credited attempt; None where no test belongs to the evidence."""
    maximum: int | None
    """Points."""
    pass_mark: int | None
    """Points."""
    fiscal_year_label: str
    """The year credited, for example 令和8年度."""
    evidence_id: str


@dataclass(frozen=True, slots=True)
class CertificateWording:
    """The fixed sentences and labels, already in the language of the certificate."""

    title: str
    honorific: str
    """Follows the name: 殿; empty in English."""
    statement: str
    """What is certified, as a whole sentence."""
    staff_number: str
    module: str
    version: str
    fiscal_year: str
    completed_on: str
    mark: str
    pass_mark: str
    evidence: str
    """Label of the evidence's id."""
    recorded_at: str
    """Label of the moment of completion."""
    issued_by: str
    """Stands above the organisation's name."""
    verification: str
    """How a reader checks the certificate against the register, as a whole sentence."""


def completion_certificate(
    facts: CertificateFacts, wording: CertificateWording, language: Literal["ja", "en"]
) -> bytes:
    """Return the certificate as PDF; the same facts and wording give the same bytes.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value, most often of the name.
    """
    values: dict[str, object] = {
        "language": language,
        "facts": asdict(facts) | {"completed_on": date_text(facts.completed_on, language)},
        "wording": asdict(wording),
    }
    return render_pdf("certificate.typ", values, facts.completed_on)


def date_text(day: date, language: Literal["ja", "en"]) -> str:
    """Return a date as a certificate writes it: "令和8年5月1日（2026年5月1日）" or "1 May 2026"."""
    if language == "ja":
        return f"{era_date(day)}（{day.year}年{day.month}月{day.day}日）"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
