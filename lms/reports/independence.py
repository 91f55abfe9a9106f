"""The paper "why this pairing is independent" 独立性の判定書 as a PDF.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5, §7 (file 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from lms.reports.documents import render_pdf

Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True, slots=True)
class CheckedGround:
    """One kind of ground, and the facts found."""

    label: str
    facts: Sequence[tuple[str, str]]
    """Sentence and evidence id; none found: empty."""


@dataclass(frozen=True, slots=True)
class IndependencePaper:
    """Everything on the paper, already in its language."""

    title: str
    organisation: str
    verdict: str
    tone: Tone
    statement: str
    """What the verdict means, as a whole sentence."""
    facts: Sequence[tuple[str, str]]
    """Label and value: audit, area, auditor, periods."""
    headings: Sequence[str]
    """Of the sections: qualification, grounds, duties, declaration, exceptions."""
    columns: Sequence[Sequence[str]]
    """Headings of the columns of the tables of qualification, grounds and duties."""
    qualification: Sequence[tuple[str, str, str]]
    """What is asked, what was found, evidence id."""
    grounds: Sequence[CheckedGround]
    none_found: str
    duties: Sequence[tuple[str, str]]
    """Every membership and tie within the window: sentence and evidence id."""
    declaration: Sequence[tuple[str, str]]
    exceptions: Sequence[Sequence[tuple[str, str]]]
    """Label and value of each approved exception."""
    no_exception: str
    verification: str


def independence_pdf(paper: IndependencePaper, dated: date, language: Literal["ja", "en"]) -> bytes:
    """Return the paper as PDF; the same values give the same bytes.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value.
    """
    return render_pdf("independence.typ", {"language": language, **asdict(paper)}, dated)
