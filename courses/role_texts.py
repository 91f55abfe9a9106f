"""What a role answers for and may decide, as versioned texts in both languages.

Source: ISO/IEC 27001 clause 5.3 (responsibilities and authorities are assigned and communicated).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from courses.roles import IsmsRole

_LANGUAGES = ("ja", "en")


class RoleTextError(ValueError):
    """A text is not as it must be."""

    def __init__(self, isms_role: IsmsRole, place: str) -> None:
        super().__init__(f"{isms_role}: {place}")
        self.isms_role = isms_role
        self.place = place


@dataclass(frozen=True, slots=True)
class RoleDuties:
    """The text of a role in one language."""

    summary: str
    responsibilities: tuple[str, ...]
    authorities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoleText:
    """A version of the text of a role."""

    isms_role: IsmsRole
    version: int
    """From 1 within the role."""
    duties: Mapping[str, RoleDuties]
    """By language."""


def read_role_text(isms_role: IsmsRole, matter: Mapping[str, object]) -> RoleText:
    """Read the text of a role from its file's content.

    Raises:
        RoleTextError: something is missing, or no text.
    """
    version = matter.get("version")
    if not isinstance(version, int) or version < 1:
        raise RoleTextError(isms_role, "version")
    return RoleText(
        isms_role, version, {language: _duties(isms_role, language, matter.get(language)) for language in _LANGUAGES}
    )


def _duties(isms_role: IsmsRole, language: str, matter: object) -> RoleDuties:
    if not isinstance(matter, Mapping):
        raise RoleTextError(isms_role, language)
    summary = matter.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        raise RoleTextError(isms_role, f"{language}.summary")
    lists = {}
    for name in ("responsibilities", "authorities"):
        entries = matter.get(name)
        is_list = isinstance(entries, Sequence) and not isinstance(entries, str) and len(entries) > 0
        if not is_list or not all(isinstance(each, str) and each.strip() for each in entries):  # type: ignore[union-attr]  # checked
            raise RoleTextError(isms_role, f"{language}.{name}")
        lists[name] = tuple(entries)  # type: ignore[arg-type]  # checked
    return RoleDuties(summary.strip(), **lists)
