"""Values in texts: what an organisation puts into the catalogue's texts and questions.

Source: domain.md §3; docs/adr/0016.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES, Module
from courses.parameters import ValueFault, faults_of, filled_question, read_values
from lms.services.organisations import set_parameters
from lms.services.shipped import ShippedModule, listed_parameters, shipped_catalogue
from lms.store.organisations import Organisation, parameters_of, wait_for_others
from quizzes.questions import Question, QuestionError


class UnfitValuesError(ValueError):
    """Values do not fit their parameters."""

    def __init__(self, faults: Mapping[tuple[str, str], ValueFault]) -> None:
        super().__init__(", ".join(f"{name} ({language}): {fault}" for (name, language), fault in faults.items()))
        self.faults = faults


class AlikeChoicesError(ValueError):
    """With these values two choices of a question would read the same."""

    def __init__(self, modules: Sequence[Module]) -> None:
        super().__init__(", ".join(module.key for module in modules))
        self.modules = tuple(modules)


class ValuesChangedError(RuntimeError):
    """Somebody set values since the page was made from which these come."""


def set_values(
    session: Session,
    organisation: Organisation,
    sent: Mapping[tuple[str, str], str],
    by: tuple[str, datetime],
    seen: int | None = None,
) -> None:
    """Set values of the list's parameters: those that were sent and differ.

    Args:
        session: a writing session.
        organisation: whose values.
        sent: texts by name and language; see `courses.parameters.read_values`.
        by: who sets them, and when.
        seen: id of the values that the sender saw, 0 for none; None: whatever they are.

    Raises:
        ValuesChangedError: others were set meanwhile.
        UnfitValuesError: a value does not fit; nothing is set.
        AlikeChoicesError: with these a question would have two choices that read the same; nothing is set.
    """
    wait_for_others(session, organisation.id)
    row = parameters_of(session, organisation.id)
    if seen is not None and seen != (row.id if row else 0):
        raise ValuesChangedError
    known = entries_of(session, organisation.id)
    filled = read_values(listed_parameters(), sent, known)
    if filled.faults:
        raise UnfitValuesError(filled.faults)
    _check_together(known, filled.entries)
    actor, now = by
    set_parameters(session, organisation, filled.entries, now, actor)


def set_entries(
    session: Session, organisation: Organisation, entries: Mapping[str, Mapping[str, str]], by: tuple[str, datetime]
) -> None:
    """Set values from a file: of the list's parameters, which must fit, and of others, which pledges may use.

    Raises:
        lms.services.organisations.BadParametersError: a name or a text is not acceptable.
        UnfitValuesError: a value does not fit; roll back.
        AlikeChoicesError: with these a question would have two choices that read the same; roll back.
    """
    known = entries_of(session, organisation.id)
    actor, now = by
    set_parameters(session, organisation, entries, now, actor)
    faults = {
        (each.name, language): fault
        for each in listed_parameters()
        if each.name in entries
        for language, fault in faults_of(each, entries[each.name]).items()
    }
    if faults:
        raise UnfitValuesError(faults)
    _check_together(known, entries)


def _check_together(known: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse values that spoil a question which the present ones do not spoil."""
    before = {(each.module.key, question.key) for each, question in spoilt_questions(shipped_catalogue(), known)}
    after = spoilt_questions(shipped_catalogue(), {**known, **new})
    if spoilt := [(each, question) for each, question in after if (each.module.key, question.key) not in before]:
        raise AlikeChoicesError(modules_of(spoilt))


Spoilt = list[tuple[ShippedModule, Question]]


def spoilt_questions(modules: Sequence[ShippedModule], entries: Mapping[str, Mapping[str, str]]) -> Spoilt:
    """Return the questions in which two choices would read the same with these values, defaults for the rest."""
    known = {each.name: each.default or each.example for each in listed_parameters()} | dict(entries)
    values = {language: {name: _as_read(texts[language]) for name, texts in known.items()} for language in LANGUAGES}
    found = []
    for each in modules:
        for question in each.questions:
            try:
                filled_question(question, values)
            except QuestionError:
                found.append((each, question))
    return found


def _as_read(text: str) -> str:
    """Return a text as the eye takes it: whatever the width of its letters and blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def modules_of(spoilt: Spoilt) -> list[Module]:
    """Return the modules of these questions, each once."""
    return list({each.module.key: each.module for each, _question in spoilt}.values())


def unset_parameters(session: Session, organisation_id: int, names: Collection[str]) -> list[str]:
    """Return which of these parameters have neither a value of the organisation nor a default, in order of the list."""
    known = entries_of(session, organisation_id)
    defaults = {each.name for each in listed_parameters() if each.default is not None}
    return [
        each.name
        for each in listed_parameters()
        if each.name in names and each.name not in known and each.name not in defaults
    ]


def unset_defaults(session: Session, organisation_id: int, names: Collection[str]) -> dict[str, Mapping[str, str]]:
    """Return the defaults of those of these parameters that the organisation has not set."""
    known = entries_of(session, organisation_id)
    return {
        each.name: each.default
        for each in listed_parameters()
        if each.default is not None and each.name in names and each.name not in known
    }


def entries_of(session: Session, organisation_id: int) -> dict[str, Mapping[str, str]]:
    """Return what an organisation has set, by name and language."""
    row = parameters_of(session, organisation_id)
    return dict(row.entries) if row else {}
