"""Modules in use: versions are kept once, adopted by decision, and remembered; and where each reader is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.services.awareness import (
    UnknownModuleError,
    keep_place,
    module_in_use,
    module_version,
    parameter_values,
    questions_by_hash,
    reading_place,
)
from lms.services.catalogue import Decision, adopt_catalogue, keep_versions
from lms.services.organisations import add_organisation, set_parameters
from lms.services.shipped import shipped_catalogue
from lms.store.awareness import Adoption, ModuleVersion, QuestionVersion, ReadingPlace
from lms.store.base import Database
from lms.store.organisations import Organisation
from tests.factories import (
    ACTOR,
    FOUNDED,
    MODULE,
    add_learner,
    adopt,
    all_at_once,
    errors_in,
    set_examples,
    small_module,
)

DAY = date(2026, 4, 1)


def rows(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_shipped_catalogue_is_adopted_by_one_decision(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    set_examples(session, organisation, now)
    decision = Decision("第1回委員会 議題2", "情報セキュリティ委員会", DAY)
    adoption = adopt_catalogue(session, organisation, decision, ACTOR, now)
    assert adoption.versions == {each.module.key: each.version_hash for each in shipped_catalogue()}
    for each in shipped_catalogue():
        found = module_in_use(session, organisation.id, each.module.key, DAY)
        assert found.version_hash == each.version_hash
        assert found.module == each.module
        assert found == module_version(session, found.version_id)
        kept = questions_by_hash(session, organisation.id, found.question_hashes)
        assert tuple(kept.values()) == each.questions
    assert rows(session, Adoption) == 1


def test_versions_are_kept_once_for_each_organisation(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    first, second = small_module(), small_module(edition="改訂版")
    assert keep_versions(session, organisation, [first, second], ACTOR, now) == 2
    assert keep_versions(session, organisation, [first], ACTOR, now) == 0
    # Other rules for the test are another version of the module, of the same questions.
    assert keep_versions(session, organisation, [small_module(pass_percent=70)], ACTOR, now) == 1
    assert (rows(session, ModuleVersion), rows(session, QuestionVersion)) == (3, 20)
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    assert keep_versions(session, other, [first], ACTOR, now) == 1


def test_the_newest_decision_in_effect_decides_for_each_module(session: Session, organisation: Organisation) -> None:
    first, second, third = (small_module(edition=each) for each in ("初版", "第2版", "第3版"))
    beside = small_module("beside")

    def on(day: date, key: str = MODULE) -> str:
        return module_in_use(session, organisation.id, key, day).version_hash

    adopt(session, organisation, first, beside)
    adopt(session, organisation, second, effective_on=date(2026, 10, 1))
    assert [on(date(2026, 9, 30)), on(date(2026, 10, 1))] == [first.version_hash, second.version_hash]
    adopt(session, organisation, third, effective_on=date(2026, 10, 1))
    adopt(session, organisation, first, effective_on=date(2026, 6, 1))  # recorded last, in effect before
    assert on(date(2027, 1, 1)) == third.version_hash
    assert on(date(2027, 1, 1), "beside") == beside.version_hash


def test_before_its_decision_a_module_is_not_in_use(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    adopt(session, organisation, small_module())
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    for organisation_id, key, day in (
        (organisation.id, MODULE, DAY - timedelta(days=1)),
        (organisation.id, "unknown", DAY),
        (other.id, MODULE, DAY),
    ):
        with pytest.raises(UnknownModuleError) as caught:
            module_in_use(session, organisation_id, key, day)
        assert caught.value.key == key


def test_parameters_are_read_in_a_language(session: Session, organisation: Organisation, now: datetime) -> None:
    assert parameter_values(session, organisation.id, "ja") == {}
    set_parameters(session, organisation, {"contact_name": {"ja": "窓口", "en": "Desk"}}, now, ACTOR)
    assert parameter_values(session, organisation.id, "ja") == {"contact_name": "窓口"}
    assert parameter_values(session, organisation.id, "en") == {"contact_name": "Desk"}


def test_a_reader_is_where_the_last_of_the_identities_was(session: Session, organisation: Organisation) -> None:
    one, other = (add_learner(session, organisation, sub=sub).identity_id for sub in ("4", "5"))
    assert reading_place(session, (one, other), MODULE).section_id is None
    steps = [(one, "one", {"one"}), (other, "two", {"two"}), (one, "two", set()), (other, "one", set())]
    for minute, (identity_id, section, read) in enumerate(steps):
        moment = FOUNDED + timedelta(minutes=minute)
        keep_place(session, organisation.id, (identity_id, MODULE), section, read=frozenset(read), now=moment)
    session.flush()
    both = reading_place(session, (one, other), MODULE)
    assert (both.section_id, both.read_sections) == ("one", {"one", "two"})
    alone = reading_place(session, (one,), MODULE)
    assert (alone.section_id, alone.read_sections) == ("two", {"one"})
    assert reading_place(session, (one,), "beside").read_sections == frozenset()


def test_two_tabs_of_one_reader_lose_nothing(database: Database, organisation: Organisation, now: datetime) -> None:
    with database.transaction() as session:
        identity_id = add_learner(session, organisation).identity_id

    def read(number: int) -> None:
        with database.transaction() as session:
            place = (identity_id, MODULE)
            keep_place(session, organisation.id, place, "one", read=frozenset({f"s{number}"}), now=now)

    assert errors_in(all_at_once(8, read)) == []
    with database.reading() as session:
        assert session.scalars(select(ReadingPlace)).one().read_sections == [f"s{number}" for number in range(8)]
