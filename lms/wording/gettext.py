"""One gettext for pages, mails, documents and commands alike; the language is the task's own.

Catalogues are read from their ``.po`` files at first use, so that no compiled copy can be stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

LANGUAGES = ("ja", "en")

_language: ContextVar[str] = ContextVar("akashi_language", default="ja")


def catalogue_path(language: str) -> Path:
    """Return where a language's catalogue lies; English needs none, its sentences are the keys."""
    return Path(__file__).parent / f"{language}.po"


@lru_cache
def _catalogue(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - only where a catalogue is read
    from babel.messages.pofile import read_po  # noqa: PLC0415
    from babel.support import Translations  # noqa: PLC0415

    compiled = BytesIO()
    with catalogue_path(language).open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return Translations(compiled)


def current_language() -> str:
    """Return the language in force: ``ja`` or ``en``."""
    return _language.get()


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Set the language within the block; an unknown one is answered in English."""
    token = _language.set(language if language in LANGUAGES else "en")
    try:
        yield
    finally:
        _language.reset(token)


def set_language(language: str) -> None:
    """Set the language of the present request or command for good."""
    _language.set(language if language in LANGUAGES else "en")


def gettext(message: str, **values: object) -> str:
    """Return the sentence in the language in force, its placeholders ``%(name)s`` filled."""
    translated = _catalogue(_language.get()).gettext(message)
    return translated % values if values else translated


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """Return the sentence for a count; ``%(count)s`` is filled by it."""
    translated = _catalogue(_language.get()).ngettext(singular, plural, count)
    return translated % {"count": count, **values}


_ = gettext
