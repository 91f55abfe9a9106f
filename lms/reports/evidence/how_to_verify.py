"""The page in every pack that says how to verify it, what to expect, and what the proof does not prove.

Source: domain.md §7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

_VALUE = re.compile(r"\{\{ ([a-z_]+) \}\}")


def how_to_verify(language: Literal["ja", "en"], values: Mapping[str, str]) -> bytes:
    """Return the page as Markdown; a KeyError names a value that is missing."""
    text = files("lms.reports.evidence").joinpath(f"how-to-verify.{language}.md").read_text("utf-8")
    return _VALUE.sub(lambda match: values[match[1]], text).encode()
