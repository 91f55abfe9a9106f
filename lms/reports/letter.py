"""Letters of appointment 任命書 and of release from a role, as PDF of A4 pages.

Source: ISO/IEC 27001 clause 5.3; domain.md §1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from courses.calendar import era_date
from lms.reports.certificate import date_text
from lms.reports.documents import render_pdf


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """What the letter says, as recorded."""

    organisation: str
    number: str
    """Number of this letter."""
    name: str
    name_beneath: str
    """The name in Japanese writing where the first is romanised; empty: none."""
    belongs_to: str
    """Unit and post on the first day; empty where none is known."""
    role: str
    place: str
    """Body and seat; empty where the role has none."""
    unit: str
    term: str
    dated: date
    """Date of appointment 発令日, or last day in the role."""
    appointer: str
    evidence_id: str
    refers_to: str
    """Number of the letter of appointment, on a letter of release."""
    end_kind: str
    summary: str
    responsibilities: Sequence[str]
    authorities: Sequence[str]
    text_version: int


@dataclass(frozen=True, slots=True)
class LetterWording:
    """The fixed sentences and labels, already in the language of the letter."""

    title: str
    honorific: str
    statement: str
    particulars: str
    """記; empty in English."""
    end_of_particulars: str
    """以上; empty in English."""
    role: str
    place: str
    unit: str
    term: str
    refers_to: str
    end_kind: str
    duties: str
    responsibilities: str
    authorities: str
    closing: str
    number: str
    """Stands before the number; empty in Japanese."""
    evidence: str
    version: str


def role_letter(facts: LetterFacts, wording: LetterWording, language: Literal["ja", "en"]) -> bytes:
    """Return the letter as PDF; the same facts and wording give the same bytes.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value, most often of the name.
    """
    dated = era_date(facts.dated) if language == "ja" else date_text(facts.dated, language)
    values: dict[str, object] = {
        "language": language,
        "facts": asdict(facts) | {"dated": dated},
        "wording": asdict(wording),
    }
    return render_pdf("letter.typ", values, facts.dated)
