"""Who recorded something, in words: people by their names, the others by what they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from courses.calendar import jst_date
from lms.services.people import Particulars, particulars_on
from lms.web.request import now, reading
from lms.web.security import visitor
from lms.wording.gettext import _


def actor_words(names: Collection[str]) -> dict[str, str]:
    """Return words for actors, whom records name by their kinds: ``person:12``, ``identity:3``, ``operator:NAME``."""
    keys = {int(name.partition(":")[2]) for name in names if name.startswith("person:")}
    people = particulars_on(reading(), visitor().organisation.id, jst_date(now()), None, keys) if keys else {}
    return {name: _words(name, people) for name in names}


def _words(name: str, people: Mapping[int, Particulars | None]) -> str:
    kind, _colon, key = name.partition(":")
    found = people.get(int(key)) if kind == "person" else None
    if found is not None:
        return f"{found.family_name} {found.given_name}".strip()
    labels: dict[str, Callable[[], str]] = {
        "operator": lambda: _("administrator %(name)s", name=key),
        "system": lambda: _("the tool (%(name)s)", name=key),
        "identity": lambda: _("account %(name)s", name=key),
    }
    return labels[kind]() if kind in labels else name
