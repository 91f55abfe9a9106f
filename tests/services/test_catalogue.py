"""Adopting the shipped catalogue: whole or in part, with the values that its texts need."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.parameters import parameters_in
from lms.services import catalogue
from lms.services.awareness import UnknownModuleError, module_in_use, parameter_values
from lms.services.catalogue import Decision, ParametersNotSetError, adopt_catalogue
from lms.services.shipped import UnknownShippedModuleError, shipped_catalogue, shipped_parameters
from lms.services.text_values import unset_parameters
from lms.store.awareness import Adoption
from lms.store.organisations import Organisation, OrganisationParameters
from tests.factories import ACTOR, MODULE, adopt, set_examples, small_module

DAY = date(2026, 4, 1)
DECISION = Decision("第1回委員会 議題2", "情報セキュリティ委員会", DAY)


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_what_only_the_organisation_can_say_is_asked_for_before_anything_is_recorded(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(ParametersNotSetError) as caught:
        adopt_catalogue(session, organisation, DECISION, ACTOR, now)
    without_default = [each.name for group in shipped_parameters() for each in group.parameters if each.default is None]
    assert list(caught.value.names) == without_default
    assert (count(session, Adoption), count(session, OrganisationParameters)) == (0, 0)


def test_the_defaults_become_the_organisations_own_with_the_decision(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now, "password_min_length")
    before = parameter_values(session, organisation.id, "ja")
    assert "backup_rule" not in before
    adopt_catalogue(session, organisation, DECISION, ACTOR, now)
    after = parameter_values(session, organisation.id, "ja")
    assert {name: after[name] for name in before} == before
    defaults = {each.name: each.default for group in shipped_parameters() for each in group.parameters if each.default}
    assert {name for name in after if name not in before} <= set(defaults)
    assert all(after[name] == defaults[name]["ja"] for name in after if name not in before)
    assert after["password_min_length"] != defaults["password_min_length"]["ja"]
    assert unset_parameters(session, organisation.id, list(after)) == []


def test_no_text_of_an_adopted_catalogue_lacks_a_value(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now)
    adopt_catalogue(session, organisation, DECISION, ACTOR, now)
    for language in ("ja", "en"):
        values = parameter_values(session, organisation.id, language)
        for each in shipped_catalogue():
            assert set(each.module.parameters) <= set(values), each.module.key
            for question in each.questions:
                assert parameters_in(question.stem[language]) <= set(values)


def test_one_module_is_adopted_alone_and_the_others_stay_as_they_are(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now)
    adoption = adopt_catalogue(session, organisation, DECISION, ACTOR, now, [MODULE])
    assert list(adoption.versions) == [MODULE]
    assert module_in_use(session, organisation.id, MODULE, DAY).version_hash == adoption.versions[MODULE]
    for each in shipped_catalogue():
        if each.module.key != MODULE:
            with pytest.raises(UnknownModuleError):
                module_in_use(session, organisation.id, each.module.key, DAY)


def test_a_module_that_is_not_shipped_is_not_adopted(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(UnknownShippedModuleError) as caught:
        adopt_catalogue(session, organisation, DECISION, ACTOR, now, [MODULE, "unknown"])
    assert caught.value.key == "unknown"
    assert count(session, Adoption) == 0


def test_what_is_adopted_already_is_not_adopted_twice(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now)
    adopt_catalogue(session, organisation, DECISION, ACTOR, now, [MODULE])
    with pytest.raises(catalogue.NothingToAdoptError):
        adopt_catalogue(session, organisation, DECISION, ACTOR, now, [MODULE])
    rest = adopt_catalogue(session, organisation, DECISION, ACTOR, now)
    assert MODULE not in rest.versions
    assert len(rest.versions) == len(shipped_catalogue()) - 1


def test_the_next_version_and_its_day_are_told(session: Session, organisation: Organisation, now: datetime) -> None:
    set_examples(session, organisation, now)
    old = small_module(edition="以前の版")
    adopt(session, organisation, old)
    state = catalogue.CatalogueState

    def of_core(today: date) -> catalogue.CatalogueEntry:
        entries, _adoptions = catalogue.catalogue_of(session, organisation.id, today)
        return next(each for each in entries if each.shipped.module.key == MODULE)

    assert of_core(DAY).state is state.NEWER_SHIPPED
    later = Decision("議題3", "委員会", date(2026, 10, 1))
    adopt_catalogue(session, organisation, later, ACTOR, now, [MODULE])
    assert (of_core(DAY).state, of_core(date(2026, 10, 1)).state) == (state.COMING, state.CURRENT)
    adopt(session, organisation, small_module(edition="別の版"), effective_on=date(2027, 4, 1))
    assert of_core(date(2026, 10, 1)).state is state.NEWER_SHIPPED
    coming = of_core(DAY).coming
    assert coming is not None
    assert coming.effective_on == date(2027, 4, 1)
