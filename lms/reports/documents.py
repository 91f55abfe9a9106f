"""Documents as PDF: a Typst template and values in, bytes out.

The PDF follows PDF/A-2a (keeps for decades) and PDF/UA-1 (readable by screen readers), embeds its fonts and carries no
wall clock: the same values give the same bytes. Values travel as JSON and are never read as markup.

Source: ISO 19005-2 (every shown character must have a glyph in an embedded font); ISO 14289-1.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from courses.calendar import start_of_day

if TYPE_CHECKING:
    from typst import Fonts

# Noto Sans CJK JP has 𠮷, 髙, 﨑 and the variants that variation selectors ask for; IPAex lacks 𠮷.
_FONT_PACKAGES = ("noto_cjk_sans_jp_regular", "noto_cjk_sans_jp_bold")

_PROBE = b'#set text(font: "Noto Sans CJK JP", lang: "ja"); #json(bytes(sys.inputs.values))'


class UnprintableCharacterError(ValueError):
    """A value holds characters that the embedded font cannot show."""

    def __init__(self, characters: tuple[str, ...]) -> None:
        super().__init__(" ".join(ascii(character) for character in characters))
        self.characters = characters
        """Each once, in the order of appearance; a letter together with the marks that combine with it."""


def render_pdf(template: str, values: Mapping[str, object], dated: date) -> bytes:
    """Fill a template of this package and return the PDF.

    The template finds the values, as JSON, in ``sys.inputs.values``. ``dated`` becomes the PDF's time of creation (the
    first moment of that JST day).

    Raises:
        UnprintableCharacterError: the font lacks a character of some value.
    """
    import typst  # noqa: PLC0415 - a web process starts without it

    source = files("lms.reports").joinpath(template).read_bytes()
    try:
        pdf = typst.compile(
            source,
            font_paths=_fonts(),
            format="pdf",
            sys_inputs={"values": json.dumps(values)},
            pdf_standards=["a-2a", "ua-1"],
            timestamp=int(start_of_day(dated).timestamp()),
        )
    except typst.TypstError:
        unprintable = tuple(cluster for cluster in _clusters(_texts(values)) if not _is_printable(cluster))
        if not unprintable:
            raise
        raise UnprintableCharacterError(unprintable) from None
    return pdf


@lru_cache(maxsize=1)
def _fonts() -> Fonts:
    """Return the embedded fonts alone, so that a machine's own fonts never change a document."""
    import typst  # noqa: PLC0415 - see render_pdf

    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(files(package)) for package in _FONT_PACKAGES],
    )


def _is_printable(cluster: str) -> bool:
    """Ask the compiler itself, since its message names only the first character and may change its wording."""
    import typst  # noqa: PLC0415 - see render_pdf

    try:
        typst.compile(
            _PROBE,
            font_paths=_fonts(),
            format="pdf",
            sys_inputs={"values": json.dumps(cluster)},
            pdf_standards=["a-2a"],
            timestamp=0,
        )
    except typst.TypstError:
        return False
    return True


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _clusters(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct characters, each with its combining marks and variation selectors (their category is M)."""
    seen: dict[str, None] = {}
    for text in texts:
        cluster = ""
        for character in text:
            if cluster and unicodedata.category(character).startswith("M"):
                cluster += character
            else:
                seen[cluster] = None
                cluster = character
        seen[cluster] = None
    return tuple(cluster for cluster in seen if cluster)
