"""Setting up organisations, their units and their parameters."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.staff_lists import read_unit_list
from lms.services import organisations as o
from lms.services.shipped import shipped_catalogue
from lms.services.text_values import unset_parameters
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation, OrganisationParameters, parameters_of, units_of

PRACTICE = Path(__file__).parents[1] / "practice_organisation"
ACTOR = "operator:test"


def test_an_organisation_is_added_once(session: Session, now: datetime) -> None:
    added = o.add_organisation(session, "mihon-u", " 見本大学 ", "Mihon University", now)
    assert (added.key, added.name_ja, added.name("en")) == ("mihon-u", "見本大学", "Mihon University")
    with pytest.raises(o.OrganisationExistsError) as caught:
        o.add_organisation(session, "mihon-u", "別", "Other", now)
    assert caught.value.key == "mihon-u"


@pytest.mark.parametrize("key", ["", "Kakuu", "架空", "a b", "-a", "a--b", "a" * 65])
def test_a_key_that_cannot_stand_in_the_ledger_is_refused(session: Session, now: datetime, key: str) -> None:
    with pytest.raises(o.BadOrganisationKeyError):
        o.add_organisation(session, key, "架空", "Kakuu", now)


@pytest.mark.parametrize("names", [("", "Kakuu"), ("架空", " ")])
def test_an_organisation_needs_both_names(session: Session, now: datetime, names: tuple[str, str]) -> None:
    with pytest.raises(o.EmptyNameError):
        o.add_organisation(session, "mihon", *names, now)


def test_the_only_organisation_needs_no_name(session: Session, organisation: Organisation, now: datetime) -> None:
    assert o.find_organisation_or_only(session, None).id == organisation.id
    assert o.find_organisation_or_only(session, "kakuu").id == organisation.id
    with pytest.raises(o.UnknownOrganisationError) as unknown:
        o.find_organisation_or_only(session, "mihon")
    assert (unknown.value.key, unknown.value.known) == ("mihon", ("kakuu",))
    o.add_organisation(session, "mihon", "見本", "Mihon", now)
    with pytest.raises(o.OrganisationNotNamedError) as unnamed:
        o.find_organisation_or_only(session, None)
    assert unnamed.value.known == ("kakuu", "mihon")


def test_without_any_organisation_none_is_found(session: Session, organisation: Organisation) -> None:
    session.delete(session.get_one(Organisation, organisation.id))
    session.flush()
    with pytest.raises(o.NoOrganisationError):
        o.find_organisation_or_only(session, None)


def test_units_are_added_and_known_ones_passed_over(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    first = o.add_units(session, organisation, [(" 総務係 ", "General Affairs"), ("図書係", "")], now, ACTOR)
    assert [(unit.name_ja, unit.name_en) for unit in first] == [("総務係", "General Affairs"), ("図書係", "図書係")]
    again = [("総務係", "General Affairs"), ("総務係", ""), ("図書係", ""), ("教務係", "Academic Affairs")]
    assert [unit.name_ja for unit in o.add_units(session, organisation, again, now, ACTOR)] == ["教務係"]
    assert [unit.recorded_by for unit in units_of(session, organisation.id)] == [ACTOR] * 3
    assert session.scalar(select(func.count()).select_from(LedgerEvent)) == 3


def test_a_unit_with_another_english_name_is_refused(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(o.UnitExistsError) as caught:
        o.add_units(session, organisation, [("総務係", "General Affairs"), ("総務係", "Affairs")], now, ACTOR)
    assert (caught.value.name_ja, caught.value.recorded, caught.value.given) == ("総務係", "General Affairs", "Affairs")
    assert units_of(session, organisation.id) == []


def test_a_unit_needs_a_name(session: Session, organisation: Organisation, now: datetime) -> None:
    with pytest.raises(o.EmptyNameError):
        o.add_units(session, organisation, [(" ", "x")], now, ACTOR)


def test_parameters_are_set_one_by_one_and_older_ones_stay_recorded(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    o.set_parameters(session, organisation, {"contact_name": {"ja": "窓口", "en": "Desk"}}, now, ACTOR)
    o.set_parameters(session, organisation, {"policy_url": {"ja": "https://j", "en": "https://e"}}, now, ACTOR)
    o.set_parameters(session, organisation, {"contact_name": {"ja": "新窓口 ", "en": "New desk"}}, now, ACTOR)
    newest = parameters_of(session, organisation.id)
    assert newest is not None
    assert newest.entries == {
        "contact_name": {"ja": "新窓口", "en": "New desk"},
        "policy_url": {"ja": "https://j", "en": "https://e"},
    }
    assert session.scalar(select(func.count()).select_from(OrganisationParameters)) == 3


def test_the_same_parameters_again_write_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    entries = {"contact_name": {"ja": "窓口", "en": "Desk"}}
    first = o.set_parameters(session, organisation, entries, now, ACTOR)
    assert o.set_parameters(session, organisation, entries, now, ACTOR) is first
    assert o.set_parameters(session, organisation, {}, now, ACTOR) is first
    assert session.scalar(select(func.count()).select_from(OrganisationParameters)) == 1


def test_no_parameters_at_all_are_no_row(session: Session, organisation: Organisation, now: datetime) -> None:
    assert o.set_parameters(session, organisation, {}, now, ACTOR) is None


@pytest.mark.parametrize(
    ("entries", "problems"),
    [
        ({"Contact": {"ja": "a", "en": "b"}}, [("bad_name", "Contact", None)]),
        ({7: {"ja": "a", "en": "b"}}, [("bad_name", "7", None)]),
        ({"contact": "a"}, [("not_by_language", "contact", None)]),
        ({"contact": {"ja": "a"}}, [("missing_language", "contact", "en")]),
        ({"contact": {"ja": 110, "en": " "}}, [("not_text", "contact", "ja"), ("not_text", "contact", "en")]),
        ({"contact": {"ja": "a", "en": "b", "fr": "c"}}, [("unknown_language", "contact", "fr")]),
    ],
)
def test_bad_parameters_are_all_named_and_none_is_set(
    session: Session, organisation: Organisation, now: datetime, entries: dict, problems: list
) -> None:
    good = {"policy_url": {"ja": "https://j", "en": "https://e"}}
    with pytest.raises(o.BadParametersError) as caught:
        o.set_parameters(session, organisation, good | entries, now, ACTOR)
    assert [(each.code, each.name, each.language) for each in caught.value.problems] == problems
    assert parameters_of(session, organisation.id) is None


def test_the_practice_organisation_has_all_parameters_that_nobody_else_can_say(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    o.add_units(session, organisation, read_unit_list((PRACTICE / "units.csv").read_bytes()), now, ACTOR)
    entries = yaml.safe_load((PRACTICE / "parameters.yaml").read_text(encoding="utf-8"))
    row = o.set_parameters(session, organisation, entries, now, ACTOR)
    assert row is not None
    needed = {name for each in shipped_catalogue() for name in each.module.parameters}
    assert unset_parameters(session, organisation.id, needed) == []
