"""Module texts as HTML: CommonMark with tables, parameters put in as plain text, then cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from courses.awareness import fill

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_TAGS = {
    "p",
    "ul",
    "ol",
    "li",
    "strong",
    "em",
    "a",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "br",
    "h3",
    "h4",
}


@lru_cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def to_html(markdown: str, values: Mapping[str, str]) -> Markup:
    """Return a text as clean HTML.

    Raises:
        courses.awareness.MissingParameterError: the organisation has not set a value that the text needs.
    """
    escaped = {name: _PUNCTUATION.sub(r"\\\1", value) for name, value in values.items()}
    html = _parser().render(fill(markdown, escaped))
    return Markup(nh3.clean(html, tags=_TAGS, link_rel="noopener noreferrer"))  # noqa: S704 - cleaned just here


def to_inline_html(markdown: str) -> Markup:
    """Return one line of text, such as a question's stem, as clean HTML without a paragraph."""
    return Markup(nh3.clean(_parser().renderInline(markdown), tags={"strong", "em", "code"}))  # noqa: S704 - cleaned
