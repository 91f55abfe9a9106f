"""Appointing again for the next fiscal year: whose terms end together, and the letters that follow.

Source: domain.md §1 (term 任期, appointment letter 任命書).
"""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def next_letter_number(number: str, step: int = 1) -> str:
    """Return the letter number that follows: its last figure raised, and as wide as before; one without figures stays.

    ``架空任第R8-09号`` is followed by ``架空任第R8-10号``.
    """
    found = _NUMBER.search(number)
    if found is None:
        return number
    figure = str(int(found[1]) + step).zfill(len(found[1]))
    return f"{number[: found.start()]}{figure}{number[found.end() :]}"


def free_letter_number(number: str, used: Collection[str]) -> str:
    """Return the first letter number after one that is not used yet; one without figures stays."""
    following = next_letter_number(number)
    while following in used and following != number:
        number, following = following, next_letter_number(following)
    return following
