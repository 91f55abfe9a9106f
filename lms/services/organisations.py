"""Setting up organisations: the organisation itself, its units, and the parameters that fill its texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES
from courses.ledger import is_organisation_key
from lms.store.organisations import (
    Organisation,
    OrganisationParameters,
    Unit,
    find_organisation,
    parameters_of,
    units_of,
    wait_for_others,
)
from lms.store.records import record

_PARAMETER_NAME = re.compile(r"[a-z][a-z_]{0,63}")


class BadOrganisationKeyError(ValueError):
    """The key of an organisation is not made of lower-case ASCII letters, digits and single ``. _ -`` between them."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class OrganisationExistsError(ValueError):
    """There is an organisation with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class EmptyNameError(ValueError):
    """An organisation or a unit came without its name."""


class NoOrganisationError(LookupError):
    """There is no organisation yet."""


class UnknownOrganisationError(LookupError):
    """No organisation has this key."""

    def __init__(self, key: str, known: tuple[str, ...]) -> None:
        super().__init__(key)
        self.key = key
        self.known = known
        """Keys that there are."""


class OrganisationNotNamedError(LookupError):
    """There are several organisations, and none was named."""

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(*known)
        self.known = known
        """Keys that there are."""


class UnitExistsError(ValueError):
    """The unit is recorded, or stands twice in a list, with another English name."""

    def __init__(self, name_ja: str, recorded: str, given: str) -> None:
        super().__init__(name_ja, recorded, given)
        self.name_ja = name_ja
        self.recorded = recorded
        """English name that it has."""
        self.given = given


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    """What is wrong with one parameter."""

    code: str
    """``bad_name``, ``not_by_language``, ``unknown_language``, ``missing_language`` or ``not_text``."""
    name: str
    language: str | None = None


class BadParametersError(ValueError):
    """Parameters are not texts by language; none of them is set."""

    def __init__(self, problems: tuple[ParameterProblem, ...]) -> None:
        super().__init__(*problems)
        self.problems = problems


def add_organisation(session: Session, key: str, name_ja: str, name_en: str, now: datetime) -> Organisation:
    """Add an organisation.

    Raises:
        BadOrganisationKeyError: the key cannot stand in a ledger's origin.
        OrganisationExistsError: the key is taken.
        EmptyNameError: a name is empty.
    """
    if not is_organisation_key(key):
        raise BadOrganisationKeyError(key)
    if not name_ja.strip() or not name_en.strip():
        raise EmptyNameError
    if find_organisation(session, key) is not None:
        raise OrganisationExistsError(key)
    organisation = Organisation(key=key, name_ja=name_ja.strip(), name_en=name_en.strip(), created_at=now)
    session.add(organisation)
    session.flush()
    return organisation


def find_organisation_or_only(session: Session, key: str | None) -> Organisation:
    """Return the organisation with a key; without a key the only one that there is.

    Raises:
        UnknownOrganisationError: none has this key.
        NoOrganisationError: there is none at all.
        OrganisationNotNamedError: no key was given, and there are several.
    """
    organisations = session.scalars(select(Organisation).order_by(Organisation.key)).all()
    keys = tuple(organisation.key for organisation in organisations)
    if not organisations:
        raise NoOrganisationError
    if key is not None:
        found = next((organisation for organisation in organisations if organisation.key == key), None)
        if found is None:
            raise UnknownOrganisationError(key, keys)
        return found
    if len(organisations) > 1:
        raise OrganisationNotNamedError(keys)
    return organisations[0]


def add_units(
    session: Session, organisation: Organisation, names: Iterable[tuple[str, str]], now: datetime, actor: str
) -> list[Unit]:
    """Add units by their Japanese and English names, and return the new ones; those recorded already are passed over.

    Where the English name is empty, the Japanese one stands for it.

    Raises:
        EmptyNameError: a Japanese name is empty.
        UnitExistsError: a unit is recorded, or stands in the list, with another English name.
    """
    recorded = {unit.name_ja: unit.name_en for unit in units_of(session, organisation.id)}
    added: list[Unit] = []
    for name_ja, name_en in ((ja.strip(), en.strip()) for ja, en in names):
        if not name_ja:
            raise EmptyNameError
        if name_ja in recorded:
            if name_en not in ("", recorded[name_ja]):
                raise UnitExistsError(name_ja, recorded[name_ja], name_en)
            continue
        recorded[name_ja] = name_en or name_ja
        added.append(Unit(name_ja=name_ja, name_en=recorded[name_ja], recorded_at=now, recorded_by=actor))
    record(session, organisation, *added)
    return added


def set_parameters(
    session: Session, organisation: Organisation, entries: Mapping[str, Mapping[str, str]], now: datetime, actor: str
) -> OrganisationParameters | None:
    """Set parameters and return the row that now holds; those not named keep their texts.

    Nothing is written when nothing differs; the row is None where neither the organisation nor ``entries`` has any.

    Raises:
        BadParametersError: a name or a text is not acceptable; nothing is set.
    """
    if problems := tuple(problem for name in entries for problem in _parameter_problems(name, entries[name])):
        raise BadParametersError(problems)
    wait_for_others(session, organisation.id)
    present = parameters_of(session, organisation.id)
    known = dict(present.entries) if present else {}
    wanted = known | {
        name: {language: texts[language].strip() for language in LANGUAGES} for name, texts in entries.items()
    }
    if wanted == known:
        return present
    row = OrganisationParameters(entries=wanted, recorded_at=now, recorded_by=actor)
    record(session, organisation, row)
    return row


def _parameter_problems(name: object, texts: object) -> list[ParameterProblem]:
    # The mapping comes from a YAML file, which may hold anything in any place.
    if not isinstance(name, str) or _PARAMETER_NAME.fullmatch(name) is None:
        return [ParameterProblem("bad_name", str(name))]
    if not isinstance(texts, Mapping):
        return [ParameterProblem("not_by_language", name)]
    problems = [ParameterProblem("unknown_language", name, str(each)) for each in texts if each not in LANGUAGES]
    for language in LANGUAGES:
        if language not in texts:
            problems.append(ParameterProblem("missing_language", name, language))
        elif not isinstance(texts[language], str) or not texts[language].strip():
            problems.append(ParameterProblem("not_text", name, language))
    return problems
