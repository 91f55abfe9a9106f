"""Values in texts: what fits, what spoils a question, and two who set values at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from courses.parameters import by_place
from lms.services import catalogue, text_values
from lms.services.awareness import parameter_values
from lms.services.catalogue import Decision, adopt_catalogue
from lms.services.organisations import set_parameters
from lms.store.organisations import Organisation, parameters_of
from tests.factories import ACTOR, MODULE, set_examples, small_module

DECISION = Decision("第1回委員会 議題2", "情報セキュリティ委員会", date(2026, 4, 1))


def test_values_that_make_two_choices_read_the_same_are_refused(
    session: Session, organisation: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = small_module()
    choices = ("{{ contact_name }}", "{{ secretariat_name }}", "誰でもよい")
    options = [
        replace(each, text=dict.fromkeys(("ja", "en"), text))
        for each, text in zip(shipped.questions[0].options, choices, strict=True)
    ]
    question = replace(shipped.questions[0], options=tuple(options))
    monkeypatch.setattr(text_values, "shipped_catalogue", lambda: (replace(shipped, questions=(question,)),))
    monkeypatch.setattr(catalogue, "chosen_modules", lambda _keys: (replace(shipped, questions=(question,)),))
    by = ACTOR, now
    same = {"ja": "総務係", "en": "General Affairs"}
    text_values.set_entries(session, organisation, {"contact_name": same}, by)
    spoiling = [
        {"secretariat_name": same},
        {"secretariat_name": {"ja": "総務　係", "en": "x"}, "contact_name": {"ja": "総務 係", "en": "y"}},
        {"secretariat_name": {"ja": "誰でもよい", "en": "x"}},
    ]
    for entries in spoiling:
        with pytest.raises(text_values.AlikeChoicesError) as caught:
            text_values.set_values(session, organisation, by_place(entries), by)
        assert [each.key for each in caught.value.modules] == [MODULE]
    # What others have spoilt before does not shut out a change that spoils nothing more.
    set_parameters(session, organisation, {"secretariat_name": same}, now, ACTOR)
    text_values.set_values(
        session, organisation, by_place({"contact_email": dict.fromkeys(("ja", "en"), "a@b.example.invalid")}), by
    )
    with pytest.raises(text_values.AlikeChoicesError):
        adopt_catalogue(session, organisation, DECISION, ACTOR, now)


def test_values_from_a_file_must_fit(session: Session, organisation: Organisation, now: datetime) -> None:
    for name, text in {
        "policy_url": "javascript:alert(1)",
        "password_min_length": "many",
        "backup_rule": "一\n二",
    }.items():
        with pytest.raises(text_values.UnfitValuesError) as caught:
            text_values.set_entries(session, organisation, {name: dict.fromkeys(("ja", "en"), text)}, (ACTOR, now))
        assert set(caught.value.faults) == {(name, "ja"), (name, "en")}
    own = {"own_name": {"ja": "独自\n二行", "en": "own"}}
    text_values.set_entries(session, organisation, own, (ACTOR, now))
    assert parameter_values(session, organisation.id, "en")["own_name"] == "own"


def test_values_that_somebody_else_set_meanwhile_are_not_written_over(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now)
    row = parameters_of(session, organisation.id)
    assert row is not None
    new = by_place({"contact_phone": dict.fromkeys(("ja", "en"), "0001")})
    set_parameters(session, organisation, {"backup_rule": {"ja": "毎晩。", "en": "Nightly."}}, now, ACTOR)
    with pytest.raises(text_values.ValuesChangedError):
        text_values.set_values(session, organisation, new, (ACTOR, now), row.id)
    newest = parameters_of(session, organisation.id)
    assert newest is not None
    text_values.set_values(session, organisation, new, (ACTOR, now), newest.id)
    assert parameter_values(session, organisation.id, "ja")["contact_phone"] == "0001"
