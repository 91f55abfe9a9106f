"""The organisation chart 体制図 as SVG, and as PDF with the list of appointments that it shows.

Both draw the same layout (`lms.reports.chart_layout`). The SVG is served from its own address and shown as a picture, so
it carries its styles as attributes and no script.

Source: architecture.md §5 (charts); ISO/IEC 27001 clause 5.3.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from lms.reports.chart_layout import Box, ChartText, Path, Words, lay_out
from lms.reports.documents import render_pdf

_FONTS = (
    "system-ui, 'Hiragino Sans', 'Hiragino Kaku Gothic ProN', 'Yu Gothic UI', Meiryo, 'Noto Sans CJK JP', "
    "'Noto Sans JP', sans-serif"
)
_BOXES = {
    "body": 'fill="#ffffff" stroke="#8ba6c1" stroke-width="1"',
    "head": 'fill="#e4eef8" stroke="#8ba6c1" stroke-width="1"',
    "head-audit": 'fill="#e5f3ea" stroke="#86b59a" stroke-width="1"',
    "vacancy": 'fill="#fff4f2" stroke="#b3261e" stroke-width="1" stroke-dasharray="4 3"',
    "new": 'fill="#0f5ea8" stroke="none"',
}
_WORDS = {
    "title": 'fill="#1b2430" font-weight="700"',
    "quiet": 'fill="#55606e"',
    "body": 'fill="#1b2430" font-weight="700"',
    "seat": 'fill="#55606e" font-weight="600"',
    "holder": 'fill="#1b2430"',
    "vacancy": 'fill="#b3261e" font-weight="700"',
    "new": 'fill="#ffffff" font-weight="700"',
}


def chart_svg(chart: ChartText, language: str) -> str:
    """Return the chart as an SVG document."""
    drawing = lay_out(chart)
    size = f"{drawing.width:.0f}", f"{drawing.height:.0f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}"',
        f'lang={quoteattr(language)} xml:lang={quoteattr(language)} role="img" font-family="{_FONTS}">',
        f"<title>{_plain(chart.title)}</title>",
        f'<rect width="{size[0]}" height="{size[1]}" fill="#ffffff"/>',
        *(_path(each) for each in drawing.paths),
        *(_box(each) for each in drawing.boxes),
        *(_words(each) for each in drawing.words),
        "</svg>",
    ]
    return "\n".join(parts)


def _path(path: Path) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in path.points)
    return f'<polyline points="{points}" fill="none" stroke="#6c7f93" stroke-width="1.4"/>'


def _box(box: Box) -> str:
    radius = 8 if box.style == "new" else 4
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{radius}" {_BOXES[box.style]}/>'
    )


def _plain(text: str) -> str:
    """Return a text as XML takes it: its signs escaped, control characters gone."""
    return escape("".join(each for each in text if unicodedata.category(each) not in {"Cc", "Cs"}))


def _words(words: Words) -> str:
    x, anchor = words.x, "start"
    if words.centred_in is not None:
        x, anchor = words.x + words.centred_in / 2, "middle"
    return (
        f'<text x="{x:.1f}" y="{words.y:.1f}" font-size="{words.size}" text-anchor="{anchor}" '
        f"{_WORDS[words.style]}>{_plain(words.text)}</text>"
    )


@dataclass(frozen=True, slots=True)
class ChartList:
    """The list beneath a chart: headings, and one row for each holder or vacancy."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def chart_pdf(
    chart: ChartText, below: ChartList, organisation: str, dated: date, language: Literal["ja", "en"]
) -> bytes:
    """Return the chart as PDF: the chart on a landscape page that fits it, then the list.

    Raises:
        UnprintableCharacterError: the font lacks a character of some value, most often of a name.
    """
    drawing = lay_out(chart)
    values: dict[str, object] = {
        "language": language,
        "title": chart.title,
        "organisation": organisation,
        "width": drawing.width,
        "height": drawing.height,
        "paths": [list(map(list, each.points)) for each in drawing.paths],
        "boxes": [asdict(each) for each in drawing.boxes],
        "words": [asdict(each) for each in drawing.words],
        "list": asdict(below),
    }
    return render_pdf("chart.typ", values, dated)
