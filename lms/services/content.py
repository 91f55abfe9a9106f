"""What an activity can open: the modules in force on a day, and the tool's own pages; each under its key.

The key stands in the activity's custom parameter ``akashi``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from courses.awareness import Module
from lms.lti.deep_linking import POINTS
from lms.services.awareness import modules_in_use
from lms.store.awareness import adopted_hashes
from lms.wording.gettext import _, current_language

PLEDGES = "pledges"
ROLES = "roles"
TRAINING = "training"
_PAGES = (PLEDGES, ROLES, TRAINING)
_PAGE = "page"
PARAMETER = "akashi"
"""Name of the custom parameter that holds the key."""
ITEM_PARAMETER = "akashi_item"
"""Name of the custom parameter that holds the stable key of a placed item."""


class UnknownContentError(LookupError):
    """Nothing that an activity can open has this key today."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Content:
    """Something that an activity can open, in the language of the reader."""

    key: str
    kind: str
    """`courses.awareness.ModuleKind` of a module, or ``page``."""
    title: str
    summary: str
    minutes: int | None
    """Reading time of a module."""
    questions: int | None
    """Questions of a module's test."""
    maximum: int | None
    """Points of its line item unless somebody says otherwise; None for what no grade is sent of."""
    words: str
    """What a search looks into, folded."""

    @property
    def is_module(self) -> bool:
        """Tell whether it is a module with its test."""
        return self.kind != _PAGE


def contents_on(session: Session, organisation_id: int, on: date) -> dict[str, Content]:
    """Return what an organisation's activities can open on a day, by key: modules first, then the tool's pages."""
    found = {key: _module(module) for key, module in modules_in_use(session, organisation_id, on).items()}
    for key in _PAGES:
        found.setdefault(key, _page(key))
    return found


def can_open(session: Session, organisation_id: int, key: str, on: date) -> bool:
    """Tell whether an activity with this key opens something on a day, without reading what."""
    return key in _PAGES or key in adopted_hashes(session, organisation_id, on)


def search(contents: Iterable[Content], wanted: str) -> list[Content]:
    """Return the contents in which every word of a search stands, whatever its width and case."""
    words = _fold(wanted).split()
    return [each for each in contents if all(word in each.words for word in words)]


def _module(module: Module) -> Content:
    lesson = module.body[current_language()]
    headings = " ".join(section.heading for section in lesson.sections)
    return Content(
        key=module.key,
        kind=module.kind.value,
        title=lesson.title,
        summary=lesson.summary,
        minutes=module.minutes,
        questions=module.test.questions,
        maximum=min(module.test.questions, POINTS[-1]),
        words=_fold(f"{lesson.title} {lesson.summary} {headings} {module.key}"),
    )


def _page(key: str) -> Content:
    title, summary = {
        PLEDGES: lambda: (
            _("Pledges"),
            _("Each person's own pledges: what is to be signed, in a window of its own, and what was signed."),
        ),
        ROLES: lambda: (
            _("My roles"),
            _("Each person's own roles of the ISMS: responsibilities, authorities, and acknowledging the appointment."),
        ),
        TRAINING: lambda: (
            _("My training"),
            _("Each person's own overview: what is due, what is done, results and certificates."),
        ),
    }[key]()
    maximum = None if key == TRAINING else 1
    return Content(key, _PAGE, title, summary, None, None, maximum, _fold(f"{title} {summary} {key}"))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
