"""Module texts as HTML: CommonMark with tables, parameters put in as plain text, then cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.container import container_plugin

from courses.awareness import Lesson, Section
from courses.parameters import fill
from lms.wording.gettext import _

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
    "details",
    "summary",
}
_REVEAL = "reveal"
"""Begins a part that readers open when they have thought for themselves: ``::: reveal What the button says``."""


_TABLE = '<div class="table-wrap" tabindex="0" role="group" aria-label="{}"><table>'
"""A wide table is moved within its own bounds on a phone, also by keyboard."""


@lru_cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").use(container_plugin, _REVEAL, render=_render_reveal)


def _render_reveal(_self: RendererProtocol, tokens: Sequence[Token], index: int, *_: object) -> str:
    if tokens[index].nesting < 0:
        return "</details>\n"
    return f"<details><summary>{escape(tokens[index].info.strip().removeprefix(_REVEAL).strip())}</summary>\n"


def to_html(markdown: str, values: Mapping[str, str]) -> Markup:
    """Return a text as clean HTML.

    Raises:
        courses.parameters.MissingParameterError: the organisation has not set a value that the text needs.
    """
    html = nh3.clean(_parser().render(_fill_escaped(markdown, values)), tags=_TAGS, link_rel="noopener noreferrer")
    wrapped = html.replace("<table>", _TABLE.format(escape(_("Table")))).replace("</table>", "</table></div>")
    return Markup(wrapped)  # noqa: S704 - cleaned just here


def shown_sections(lesson: Lesson, values: Mapping[str, str]) -> list[tuple[Section, Markup]]:
    """Return the sections of a lesson, each with its clean HTML.

    Raises:
        courses.parameters.MissingParameterError: the organisation has not set a value that the text needs.
    """
    return [(each, to_html(each.markdown, values)) for each in lesson.sections]


def to_inline_html(markdown: str, values: Mapping[str, str]) -> Markup:
    """Return one line of text, such as a question's stem, as clean HTML without a paragraph.

    Raises:
        courses.parameters.MissingParameterError: the organisation has not set a value that the text needs.
    """
    html = _parser().renderInline(_fill_escaped(markdown, values))
    return Markup(nh3.clean(html, tags={"strong", "em", "code"}))  # noqa: S704 - cleaned just here


def _fill_escaped(markdown: str, values: Mapping[str, str]) -> str:
    return fill(markdown, {name: _PUNCTUATION.sub(r"\\\1", value) for name, value in values.items()})
