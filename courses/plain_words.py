"""The words of texts: the field's terms, nothing that speaks as a standard does, nothing copied from one.

Source: domain.md §1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST_QUOTATION = {"ja": 30, "en": 70}
"""Letters in a row that a text may share with a standard's: names of things are as long as that."""

TERMS: Mapping[str, str] = {
    r"監査人": "監査員",
    r"審査人": "審査員",
    r"是正措置": "是正処置",
    r"適用性宣言書|適合宣言書": "適用宣言書",
    r"文書化された情報": "文書化した情報",
    r"管理措置": "管理策",
    r"電子署名(?!法)": "電磁的記録による署名記録",
    r"利害関係(?!者)": "担当除外事由",
    r"年次監査人|内部監査人": "内部監査員",
}
"""Words in the place of which the field has a term, as regular expressions. Source: domain.md §1."""

_NORMATIVE = {
    "ja": re.compile(r"なければならない。|ものとする。|のが望ましい。"),
    "en": re.compile(r"(?<!\bwe )(?<!\bI )\bshall\b(?! we\b| I\b)", re.IGNORECASE),
}
"""How standards speak and these texts do not: every requirement of ISO/IEC 27001 says "shall"."""


def foreign_words(text: str, language: str) -> list[str]:
    """Return what in a text is not the field's term, or speaks as a standard does."""
    found = [match.group() for match in _NORMATIVE[language].finditer(text)]
    if language == "ja":
        found += [match.group() for word in TERMS for match in re.finditer(word, text)]
    return found


def copied(text: str, standard: str, longest: int) -> list[str]:
    """Return the runs that a text shares with a standard's and that are longer than allowed.

    Args:
        text: ours.
        standard: the standard's, of which organisations hold their own copy; the project holds none.
        longest: characters in a row, blanks and punctuation aside, that may be the same.
    """
    ours, theirs = (re.sub(r"\W", "", each).casefold() for each in (text, standard))
    windows = {theirs[place : place + longest + 1] for place in range(len(theirs) - longest)}
    found: list[str] = []
    place = 0
    while place < len(ours) - longest:
        if ours[place : place + longest + 1] not in windows:
            place += 1
            continue
        end = place + longest + 1
        while end < len(ours) and ours[end - longest : end + 1] in windows:
            end += 1
        found.append(ours[place:end])
        place = end
    return found
