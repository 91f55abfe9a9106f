"""The staff list's import: what it changes, from when, and that repeating it changes nothing; and the facts read back."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, insert, select
from sqlalchemy.orm import Session

from courses.calendar import Period
from courses.events import check_opening, commit_fields, field_salt
from courses.people import Affiliation, KnownPerson, affiliation_on, in_scope_on
from courses.staff_lists import COLUMNS, Remark, StaffList, StaffListRefused, read_staff_list, read_unit_list
from courses.staff_lists import RemarkCode as R
from lms.services.organisations import add_units
from lms.services.people import Particulars, find_person, particulars_on, people_facts
from lms.services.staff_lists import (
    AmbiguousStaffNumberError,
    FieldChange,
    ImportPlan,
    UnknownUnitError,
    apply_import,
    note_import,
    note_refusal,
    plan_import,
)
from lms.store.audit import AuditEvent
from lms.store.ledger import LedgerEvent, LedgerLeaf, LedgerPending
from lms.store.organisations import Organisation
from lms.store.people import (
    PERSONAL_FIELDS,
    Person,
    PersonAffiliation,
    PersonalOpening,
    PersonParticulars,
    PersonService,
    ScopeMembership,
)
from lms.store.records import known, record_personal

PRACTICE = Path(__file__).parents[1] / "practice_organisation"
ACTOR = "operator:test"
TODAY = date(2026, 11, 23)
UNITS = ("総務係", "ネットワーク係", "認証基盤係")
ROW = {
    "staff_number": "00101", "family_name": "架空", "given_name": "花子", "family_kana": "カクウ", "given_kana": "ハナコ",
    "romaji": "KAKUU Hanako", "former_name": "", "email": "hanako@example.invalid", "unit": "総務係", "post": "係員",
    "employment": "常勤", "category": "事務職員", "joined_on": "2020-04-01", "left_on": "", "scope_from": "2021-04-01",
    "scope_to": "", "scope_reason": "文書を扱うため",
}  # fmt: skip
JIROU = {"staff_number": "00106", "family_name": "試験", "given_name": "次郎"}


def staff_list(*rows: dict[str, str], without: frozenset[str] = frozenset()) -> StaffList:
    """Read a list of ROW with the given cells in place of its own."""
    columns = [column for column in COLUMNS if column not in without]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows([ROW | row for row in rows])
    return read_staff_list(text.getvalue().encode(), UNITS)


class Office:
    """An organisation with units, in one transaction."""

    def __init__(self, session: Session, organisation: Organisation, now: datetime) -> None:
        self.session, self.organisation, self.now = session, organisation, now
        add_units(session, organisation, [(name, "") for name in UNITS], now, ACTOR)

    def plan(self, *rows: dict[str, str], on: date = TODAY) -> ImportPlan:
        return plan_import(self.session, self.organisation, staff_list(*rows), on)

    def take(self, *rows: dict[str, str], on: date = TODAY, **options: Any) -> ImportPlan:
        """Apply a list and make sure that it then has nothing more to change."""
        given_list = staff_list(*rows, **options)
        plan = plan_import(self.session, self.organisation, given_list, on)
        done = apply_import(self.session, self.organisation, plan, self.now, ACTOR)
        assert done == plan
        before = self.counts()
        again = apply_import(self.session, self.organisation, done, self.now, ACTOR)
        assert (again.added, again.changed, again.unchanged) == ((), (), len(rows))
        assert again.is_empty
        assert self.counts() == before
        return done

    def counts(self) -> list[int]:
        tables = (
            Person,
            PersonParticulars,
            PersonalOpening,
            PersonAffiliation,
            PersonService,
            ScopeMembership,
            LedgerEvent,
        )
        return [self.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    def person(self, staff_number: str = "00101") -> KnownPerson:
        facts = people_facts(self.session, self.organisation.id)
        names = particulars_on(self.session, self.organisation.id, TODAY)
        (key,) = [key for key, each in names.items() if each and each.staff_number == staff_number]
        return facts[key]

    def service(self, staff_number: str = "00101") -> list[tuple[date, date | None]]:
        query = (
            select(PersonService.valid_from, PersonService.valid_to)
            .where(PersonService.person_id == self.person(staff_number).person_id, known(PersonService, None))
            .order_by(PersonService.valid_from)
        )
        return [(start, end) for start, end in self.session.execute(query)]

    def units(self, staff_number: str = "00101") -> list[tuple[str, date, date | None]]:
        affiliations = self.person(staff_number).affiliations
        return [(each.unit, each.period.start, each.period.end) for each in affiliations]

    def sequence(self) -> int:
        """Give every pending event its place in the tree and return the tree's size."""
        size = self.session.scalar(select(func.count()).select_from(LedgerLeaf)) or 0
        for pending in self.session.scalars(select(LedgerPending.event_id).order_by(LedgerPending.event_id)).all():
            self.session.execute(
                insert(LedgerLeaf).values(organisation_id=self.organisation.id, n=size, event_id=pending)
            )
            size += 1
        self.session.execute(delete(LedgerPending))
        return size

    def add_particulars(self, start: date, end: date | None = None, person_id: int | None = None, **values: str) -> int:
        """Record particulars as another way in than the staff list would."""
        if person_id is None:
            person = Person(organisation_id=self.organisation.id, created_at=self.now)
            self.session.add(person)
            self.session.flush()
            person_id = person.id
        row = PersonParticulars(
            person_id=person_id, valid_from=start, valid_to=end, recorded_at=self.now, recorded_by=ACTOR
        )
        texts = dict.fromkeys(PERSONAL_FIELDS, "") | values
        salt = secrets.token_bytes(32)
        record_personal(self.session, self.organisation, [(row, commit_fields(salt, texts))])
        self.session.execute(
            insert(PersonalOpening).values(
                particulars_id=row.id, organisation_id=self.organisation.id, salt=salt, **texts
            )
        )
        return person_id


@pytest.fixture
def office(session: Session, organisation: Organisation, now: datetime) -> Office:
    return Office(session, organisation, now)


def test_a_new_person_gets_dated_facts(office: Office) -> None:
    plan = office.take({"left_on": "2027-03-31"})
    assert (plan.added, plan.changed, plan.unchanged, plan.absent) == (("00101",), (), 0, ())
    person = office.person()
    assert person.scope == (Period(date(2021, 4, 1), date(2027, 4, 1)),)
    assert person.affiliations == (
        Affiliation(Period(date(2020, 4, 1), date(2027, 4, 1)), "総務係", "係員", "regular", "administrative"),
    )
    assert office.service() == [(date(2020, 4, 1), date(2027, 4, 1))]
    names = particulars_on(office.session, office.organisation.id, TODAY)[person.person_id]
    assert names == Particulars(
        "00101", "架空", "花子", "カクウ", "ハナコ", "KAKUU Hanako", "", "hanako@example.invalid"
    )
    assert office.session.scalars(select(ScopeMembership.reason)).all() == ["文書を扱うため"]


def test_facts_of_somebody_in_scope_before_joining_begin_with_the_scope(office: Office) -> None:
    office.take({"joined_on": "2026-12-01", "scope_from": "2026-10-01"})
    assert find_person(office.session, office.organisation.id, "00101", date(2026, 10, 1)) is not None
    assert find_person(office.session, office.organisation.id, "00101", date(2026, 9, 30)) is None


def test_a_dry_run_writes_nothing(office: Office) -> None:
    before = office.counts()
    plan = office.plan({}, JIROU)
    assert plan.added == ("00101", "00106")
    assert not plan.is_empty
    assert office.counts() == before


def test_the_ledger_holds_commitments_that_open_and_no_personal_value(office: Office) -> None:
    office.take({})
    row = office.session.scalars(select(PersonParticulars)).one()
    opening = office.session.scalars(select(PersonalOpening)).one()
    payload = office.session.get_one(LedgerEvent, row.event_id).payload
    commitments = json.loads(payload)["commitments"]
    assert set(commitments) == set(PERSONAL_FIELDS)
    for name in PERSONAL_FIELDS:
        assert check_opening(commitments[name], field_salt(opening.salt, name), getattr(opening, name))
    everything = b"".join(office.session.scalars(select(LedgerEvent.payload)))
    for text in ("架空", "花子", "KAKUU", "00101", "example.invalid"):
        assert text.encode() not in everything


def test_each_person_has_a_salt_of_their_own(office: Office) -> None:
    office.take({}, JIROU)
    assert len(set(office.session.scalars(select(PersonalOpening.salt)))) == 2


def test_a_list_alone_takes_effect_today(office: Office) -> None:
    office.take({})
    done = apply_import(office.session, office.organisation, staff_list({"unit": "ネットワーク係"}), office.now, ACTOR)
    assert done.effective_on == TODAY
    assert office.units()[-1] == ("ネットワーク係", TODAY, None)


def test_a_transfer_closes_the_old_affiliation_and_opens_a_new_one(office: Office) -> None:
    office.take({})
    plan = office.take({"unit": "ネットワーク係", "post": "係長"}, on=date(2026, 10, 1))
    assert plan.changed == (
        FieldChange("00101", "unit", "総務係", "ネットワーク係"),
        FieldChange("00101", "post", "係員", "係長"),
    )
    assert office.units() == [
        ("総務係", date(2020, 4, 1), date(2026, 10, 1)),
        ("ネットワーク係", date(2026, 10, 1), None),
    ]
    rows = office.session.scalars(select(PersonAffiliation).order_by(PersonAffiliation.id)).all()
    assert [(row.supersedes_id, row.valid_to, row.reason) for row in rows] == [
        (None, None, None),
        (rows[0].id, date(2026, 10, 1), "staff_list"),
        (None, None, None),
    ]


def test_a_changed_employment_and_category_are_changes_too(office: Office) -> None:
    office.take({})
    plan = office.take({"employment": "非常勤", "category": "技術職員"})
    assert [(each.field, each.after) for each in plan.changed] == [
        ("employment", "part_time"),
        ("category", "technical"),
    ]


def test_a_change_of_name_holds_from_its_day(office: Office) -> None:
    office.take({})
    plan = office.take({"family_name": "見本", "former_name": "架空"}, on=date(2026, 10, 1))
    assert plan.changed == (
        FieldChange("00101", "family_name", "架空", "見本"),
        FieldChange("00101", "former_name", "", "架空"),
    )
    key = office.person().person_id
    for day, name in ((date(2026, 9, 30), "架空"), (date(2026, 10, 1), "見本"), (date(2019, 1, 1), "架空")):
        names = particulars_on(office.session, office.organisation.id, day)[key]
        assert names is not None
        assert names.family_name == name


def test_a_change_on_the_first_day_of_a_fact_corrects_it(office: Office) -> None:
    office.take({})
    office.take({"unit": "ネットワーク係"}, on=date(2020, 4, 1))
    assert office.units() == [("ネットワーク係", date(2020, 4, 1), None)]


def test_a_change_before_joining_corrects_what_will_be(office: Office) -> None:
    newcomer = {"joined_on": "2027-04-01", "scope_from": "2027-04-01"}
    office.take(newcomer)
    office.take(newcomer | {"unit": "ネットワーク係", "family_name": "見本"})
    assert office.units() == [("ネットワーク係", date(2027, 4, 1), None)]
    assert len(office.session.scalars(select(PersonParticulars)).all()) == 2


def test_a_change_after_leaving_corrects_what_was_last(office: Office) -> None:
    gone = {"left_on": "2026-06-30"}
    office.take(gone)
    office.take(gone | {"post": "主任"})
    assert [(each.post, each.period) for each in office.person().affiliations] == [
        ("主任", Period(date(2020, 4, 1), date(2026, 7, 1)))
    ]


def test_a_recorded_transfer_to_come_is_kept_by_the_list_of_today(office: Office) -> None:
    office.take({})
    office.take({"unit": "ネットワーク係"}, on=date(2027, 4, 1))
    assert office.take({}, on=TODAY).is_empty
    office.take({"unit": "認証基盤係"}, on=TODAY)
    assert office.units() == [
        ("総務係", date(2020, 4, 1), TODAY),
        ("認証基盤係", TODAY, date(2027, 4, 1)),
        ("ネットワーク係", date(2027, 4, 1), None),
    ]


def test_leaving_ends_affiliation_and_scope_and_emptied_again_reopens_them(office: Office) -> None:
    office.take({})
    plan = office.take({"left_on": "2026-12-31"})
    assert plan.changed == (
        FieldChange("00101", "left_on", "", "2026-12-31"),
        FieldChange("00101", "scope_to", "", "2026-12-31"),
    )
    end = date(2027, 1, 1)
    assert office.service() == [(date(2020, 4, 1), end)]
    assert office.units() == [("総務係", date(2020, 4, 1), end)]
    assert office.person().scope == (Period(date(2021, 4, 1), end),)
    office.take({})
    assert office.service() == [(date(2020, 4, 1), None)]
    assert office.units() == [("総務係", date(2020, 4, 1), None)]
    assert office.person().scope == (Period(date(2021, 4, 1)),)


def test_a_scope_that_outlasts_leaving_keeps_its_own_end(office: Office) -> None:
    office.take({"left_on": "2026-06-30", "scope_to": "2026-12-31"})
    assert in_scope_on(office.person(), date(2026, 12, 31))
    assert not in_scope_on(office.person(), date(2027, 1, 1))


def test_leaving_voids_a_transfer_that_no_longer_comes(office: Office) -> None:
    office.take({})
    office.take({"unit": "ネットワーク係"}, on=date(2027, 4, 1))
    office.take({"left_on": "2026-12-31"})
    assert office.units() == [("総務係", date(2020, 4, 1), date(2027, 1, 1))]
    assert len(office.session.scalars(select(PersonAffiliation).where(PersonAffiliation.is_void)).all()) == 1


def test_a_corrected_joining_day_moves_the_first_affiliation(office: Office) -> None:
    office.take({})
    office.take({"unit": "ネットワーク係"}, on=date(2026, 10, 1))
    moved = {"unit": "ネットワーク係", "joined_on": "2020-05-01"}
    plan = office.take(moved, on=date(2026, 10, 1))
    assert plan.changed == (FieldChange("00101", "joined_on", "2020-04-01", "2020-05-01"),)
    assert office.units() == [
        ("総務係", date(2020, 5, 1), date(2026, 10, 1)),
        ("ネットワーク係", date(2026, 10, 1), None),
    ]
    assert office.service() == [(date(2020, 5, 1), None)]


def test_a_joining_day_corrected_beyond_a_transfer_leaves_the_later_unit(office: Office) -> None:
    office.take({})
    office.take({"unit": "ネットワーク係"}, on=date(2021, 4, 1))
    office.take({"unit": "ネットワーク係", "joined_on": "2022-04-01", "scope_from": "2022-04-01"})
    assert office.units() == [("ネットワーク係", date(2022, 4, 1), None)]


def test_who_returns_gets_a_service_of_their_own(office: Office) -> None:
    office.take({"left_on": "2025-03-31"})
    back = {"joined_on": "2026-04-01", "scope_from": "2026-04-01", "unit": "ネットワーク係"}
    plan = office.take(back)
    assert [each.field for each in plan.changed] == ["joined_on", "left_on", "unit", "scope_from", "scope_to"]
    assert office.service() == [(date(2020, 4, 1), date(2025, 4, 1)), (date(2026, 4, 1), None)]
    assert office.units() == [
        ("総務係", date(2020, 4, 1), date(2025, 4, 1)),
        ("ネットワーク係", date(2026, 4, 1), None),
    ]
    assert office.person().scope == (Period(date(2021, 4, 1), date(2025, 4, 1)), Period(date(2026, 4, 1)))


def test_a_return_to_come_leaves_the_earlier_unit_as_it_was(office: Office) -> None:
    office.take({"left_on": "2025-03-31"})
    office.take({"joined_on": "2027-04-01", "scope_from": "2027-04-01", "unit": "ネットワーク係"})
    office.take({"joined_on": "2027-04-01", "scope_from": "2027-04-01", "unit": "認証基盤係"})
    assert [unit for unit, _, _ in office.units()] == ["総務係", "認証基盤係"]


def test_a_corrected_last_day_of_an_earlier_stay_leaves_the_stays_before_it(office: Office) -> None:
    office.take({"left_on": "2022-03-31"})
    back = {"joined_on": "2024-04-01", "scope_from": "2024-04-01"}
    office.take(back)
    office.take(back | {"left_on": "2026-12-31"})
    assert office.units() == [
        ("総務係", date(2020, 4, 1), date(2022, 4, 1)),
        ("総務係", date(2024, 4, 1), date(2027, 1, 1)),
    ]


def test_a_list_of_an_earlier_stay_changes_nothing_of_the_dates(office: Office) -> None:
    office.take({"left_on": "2022-03-31"})
    office.take({"joined_on": "2024-04-01", "scope_from": "2024-04-01"})
    assert office.take({"left_on": "2022-03-31"}).is_empty
    assert len(office.service()) == 2


def test_a_stay_corrected_over_an_earlier_one_takes_it_up(office: Office) -> None:
    office.take({"left_on": "2022-03-31"})
    office.take({"joined_on": "2024-04-01", "scope_from": "2024-04-01", "unit": "ネットワーク係"})
    office.take({"unit": "ネットワーク係"})
    assert office.service() == [(date(2020, 4, 1), None)]
    assert office.units() == [
        ("総務係", date(2020, 4, 1), date(2022, 4, 1)),
        ("ネットワーク係", date(2022, 4, 1), None),
    ]
    assert office.person().scope == (Period(date(2021, 4, 1)),)


def test_scope_dates_and_reason_are_corrected(office: Office) -> None:
    office.take({})
    plan = office.take({"scope_from": "2021-05-01", "scope_to": "2026-12-31", "scope_reason": "兼務のため"})
    assert plan.changed == (
        FieldChange("00101", "scope_from", "2021-04-01", "2021-05-01"),
        FieldChange("00101", "scope_to", "", "2026-12-31"),
        FieldChange("00101", "scope_reason", "文書を扱うため", "兼務のため"),
    )
    rows = office.session.scalars(select(ScopeMembership).order_by(ScopeMembership.id)).all()
    assert [(row.supersedes_id, row.reason) for row in rows] == [(None, "文書を扱うため"), (rows[0].id, "兼務のため")]


def test_somebody_comes_into_scope_later(office: Office) -> None:
    outside = {"scope_from": "", "scope_reason": ""}
    office.take(outside)
    assert office.person().scope == ()
    plan = office.take({"scope_from": "2026-12-01"})
    assert plan.changed[0] == FieldChange("00101", "scope_from", "", "2026-12-01")
    assert office.person().scope == (Period(date(2026, 12, 1)),)


def test_an_emptied_scope_is_left_and_remarked(office: Office) -> None:
    office.take({})
    plan = office.take({"scope_from": "", "scope_reason": ""})
    assert plan.is_empty
    assert plan.warnings == (Remark(R.SCOPE_LEFT_EMPTY, 2, "scope_from", "00101"),)
    assert office.person().scope == (Period(date(2021, 4, 1)),)


def test_who_is_absent_is_reported_and_left(office: Office) -> None:
    office.take({}, JIROU, {"staff_number": "00107", "left_on": "2026-06-30"})
    plan = office.take({})
    assert plan.absent == ("00106",)
    assert len(people_facts(office.session, office.organisation.id)) == 3


def test_columns_that_the_list_lacks_keep_what_is_known(office: Office) -> None:
    office.take({})
    office.take({"post": "主任"}, JIROU, without=frozenset({"email", "romaji"}))
    names = particulars_on(office.session, office.organisation.id, TODAY)
    assert [(each.email, each.romaji) for each in names.values() if each] == [
        ("hanako@example.invalid", "KAKUU Hanako"),
        ("", ""),
    ]
    assert office.take({"post": "主任", "email": ""}, JIROU | {"email": "", "romaji": ""}).changed == (
        FieldChange("00101", "email", "hanako@example.invalid", ""),
    )


def test_a_new_number_with_a_known_name_is_remarked(office: Office) -> None:
    office.take({"family_name": "髙見"})
    plan = office.plan({"staff_number": "00900", "family_name": "高見"})
    assert (plan.added, plan.absent) == (("00900",), ("00101",))
    assert plan.warnings == (Remark(R.SAME_PERSON, 2, "staff_number", "00900", "00101"),)


def test_numbers_that_lost_their_zeros_are_remarked(office: Office) -> None:
    office.take({})
    assert office.plan({"staff_number": "101"}).warnings == (
        Remark(R.LEADING_ZEROS, 2, "staff_number", "101", "00101"),
    )


def test_the_warnings_of_the_list_stand_in_the_plan(office: Office) -> None:
    assert [remark.code for remark in office.plan({"staff_number": "００１０１"}).warnings] == [R.FULL_WIDTH_NUMBER]


def test_the_number_in_force_says_who_is_meant(office: Office) -> None:
    office.take({"staff_number": "00900"})
    key = office.person("00900").person_id
    office.add_particulars(date(2020, 1, 1), date(2020, 2, 1), key, staff_number="00101", family_name="架空")
    plan = office.take({"staff_number": "00900", "post": "主任"})
    assert (plan.added, [each.field for each in plan.changed]) == ((), ["post"])


def test_two_people_with_one_number_stop_the_import(office: Office) -> None:
    for _ in range(2):
        office.add_particulars(date(2020, 4, 1), staff_number="00101", family_name="架空")
    with pytest.raises(AmbiguousStaffNumberError) as caught:
        office.plan({})
    assert caught.value.staff_number == "00101"


def test_a_person_without_facts_gets_them(office: Office) -> None:
    office.add_particulars(date(2020, 4, 1), **{name: ROW[name] for name in PERSONAL_FIELDS})
    plan = office.take({})
    assert plan.added == ()
    assert FieldChange("00101", "unit", "", "総務係") in plan.changed
    assert FieldChange("00101", "joined_on", "", "2020-04-01") in plan.changed


def test_a_list_read_for_other_units_is_refused(office: Office) -> None:
    text = ",".join(COLUMNS) + "\n" + ",".join((ROW | {"unit": "図書係"})[column] for column in COLUMNS)
    with pytest.raises(UnknownUnitError) as caught:
        plan_import(office.session, office.organisation, read_staff_list(text.encode(), ("図書係",)), TODAY)
    assert caught.value.unit == "図書係"


def test_facts_answer_as_known_at_a_size_of_the_tree(office: Office) -> None:
    office.take({})
    first = office.sequence()
    office.take({"unit": "ネットワーク係", "left_on": "2027-03-31", "family_name": "見本"}, JIROU)
    second = office.sequence()
    then = people_facts(office.session, office.organisation.id, first)
    (person,) = then.values()
    assert person.affiliations == (
        Affiliation(Period(date(2020, 4, 1)), "総務係", "係員", "regular", "administrative"),
    )
    assert person.scope == (Period(date(2021, 4, 1)),)
    names = particulars_on(office.session, office.organisation.id, TODAY, first)
    assert [each.family_name for each in names.values() if each] == ["架空"]
    assert people_facts(office.session, office.organisation.id, second) == people_facts(
        office.session, office.organisation.id
    )
    assert people_facts(office.session, office.organisation.id, 0) == {}


def test_facts_of_chosen_people_are_those_of_everybody(office: Office) -> None:
    office.take({}, JIROU, {"staff_number": "00107"})
    everybody = people_facts(office.session, office.organisation.id)
    chosen = list(everybody)[1:]
    assert people_facts(office.session, office.organisation.id, None, chosen) == {key: everybody[key] for key in chosen}
    size = office.sequence()
    assert list(people_facts(office.session, office.organisation.id, size, chosen)) == chosen
    assert people_facts(office.session, office.organisation.id, None, []) == {}


def test_other_organisations_are_not_seen(office: Office, now: datetime) -> None:
    office.take({})
    other = Organisation(key="mihon", name_ja="見本", name_en="Mihon", created_at=now)
    office.session.add(other)
    office.session.flush()
    assert people_facts(office.session, other.id) == {}
    assert particulars_on(office.session, other.id, TODAY) == {}
    assert find_person(office.session, other.id, "00101", TODAY) is None


def test_erased_particulars_are_none_and_their_person_stays(office: Office) -> None:
    office.take({}, JIROU)
    key = office.person().person_id
    row = office.session.scalars(select(PersonParticulars).where(PersonParticulars.person_id == key)).one()
    office.session.execute(delete(PersonalOpening).where(PersonalOpening.particulars_id == row.id))
    names = particulars_on(office.session, office.organisation.id, TODAY)
    assert names[key] is None
    assert len(names) == 2
    assert key in people_facts(office.session, office.organisation.id)
    assert office.plan(JIROU).absent == ()


def test_a_person_is_found_by_the_number_of_the_day(office: Office) -> None:
    key = office.add_particulars(date(2020, 4, 1), date(2024, 4, 1), staff_number="H0007")
    office.add_particulars(date(2024, 4, 1), None, key, staff_number="00107")
    search = (office.session, office.organisation.id)
    assert find_person(*search, "H0007", date(2024, 3, 31)) == key
    assert find_person(*search, "H0007", date(2024, 4, 1)) is None
    assert find_person(*search, "00107", TODAY) == key
    assert find_person(*search, "107", TODAY) is None
    office.add_particulars(date(2026, 1, 1), None, staff_number="00107")
    assert find_person(*search, "00107", TODAY) is None
    assert find_person(*search, "00107", date(2025, 12, 31)) == key


def test_particulars_outside_their_periods_are_the_latest_before_else_the_first(office: Office) -> None:
    key = office.add_particulars(date(2020, 4, 1), date(2022, 4, 1), family_name="一")
    office.add_particulars(date(2024, 4, 1), date(2025, 4, 1), key, family_name="二")
    found = {}
    for year in (2019, 2021, 2023, 2024, 2026):
        names = particulars_on(office.session, office.organisation.id, date(year, 6, 1))[key]
        assert names is not None
        found[year] = names.family_name
    assert found == {2019: "一", 2021: "一", 2023: "一", 2024: "二", 2026: "二"}


def test_refusals_and_imports_leave_audit_events_without_personal_values(office: Office) -> None:
    with pytest.raises(StaffListRefused) as caught:
        staff_list({"unit": "無い係"})
    note_refusal(office.session, office.organisation, caught.value, office.now, ACTOR)
    note_import(office.session, office.organisation, office.take({}), office.now, ACTOR)
    events = office.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(each.kind, each.actor, each.organisation_id, each.facts) for each in events] == [
        (
            "people.import_refused",
            ACTOR,
            office.organisation.id,
            {"count": 1, "problems": [{"code": "unknown_unit", "row": 2, "column": "unit"}]},
        ),
        ("people.imported", ACTOR, office.organisation.id, {"added": 1, "changed": 0, "unchanged": 0, "absent": 0}),
    ]


@contextmanager
def counted_statements(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note_statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note_statement)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note_statement)


def test_the_number_of_statements_does_not_grow_with_the_people(office: Office) -> None:
    many = [{"staff_number": f"{n:05d}"} for n in range(60)]
    counts = []
    for rows in (many[:2], many):
        office.take(*rows)
        with counted_statements(office.session) as statements:
            people_facts(office.session, office.organisation.id)
            particulars_on(office.session, office.organisation.id, TODAY)
            office.plan(*rows)
        counts.append(len(statements))
    assert counts == [13, 13]


def test_the_practice_organisation_is_imported(session: Session, organisation: Organisation, now: datetime) -> None:
    units = read_unit_list((PRACTICE / "units.csv").read_bytes())
    add_units(session, organisation, units, now, ACTOR)
    given_list = read_staff_list((PRACTICE / "staff.csv").read_bytes(), [name for name, _ in units])
    done = apply_import(session, organisation, given_list, now, ACTOR)
    assert len(done.added) == len(given_list.rows)
    assert plan_import(session, organisation, given_list, TODAY).is_empty
    facts = people_facts(session, organisation.id)
    left = find_person(session, organisation.id, "00135", TODAY)
    newcomer = find_person(session, organisation.id, "00136", TODAY)
    assert left is not None
    assert newcomer is not None
    assert (in_scope_on(facts[left], date(2026, 6, 30)), in_scope_on(facts[left], date(2026, 7, 1))) == (True, False)
    assert (in_scope_on(facts[newcomer], date(2026, 10, 31)), in_scope_on(facts[newcomer], TODAY)) == (False, True)


_FIRST = date(2020, 4, 1)
_DAYS = st.integers(0, 40).map(lambda months: _FIRST + timedelta(days=60 * months))


@st.composite
def list_rows(draw: st.DrawFn) -> dict[str, str]:
    joined, left = draw(_DAYS), draw(st.none() | _DAYS)
    scope_from, scope_to = draw(st.none() | _DAYS), draw(st.none() | _DAYS)
    last = left if left and left >= joined else None
    row = {"joined_on": joined.isoformat(), "left_on": last.isoformat() if last else ""}
    row |= {"unit": draw(st.sampled_from(UNITS)), "family_name": draw(st.sampled_from(("架空", "見本")))}
    if scope_from is None or (last is not None and last < scope_from):
        return row | {"scope_from": "", "scope_reason": "", "scope_to": ""}
    is_ordered = scope_to is not None and scope_to >= scope_from
    return row | {"scope_from": scope_from.isoformat(), "scope_to": scope_to.isoformat() if is_ordered else ""}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(st.tuples(list_rows(), _DAYS), min_size=1, max_size=5))
def test_after_any_history_the_last_list_holds_on_its_day_and_changes_nothing_again(
    office: Office, history: list[tuple[dict[str, str], date]]
) -> None:
    with office.session.begin_nested() as savepoint:
        for row, day in history:
            office.take(row, on=day)
            wanted = staff_list(row).rows[0]
            person = office.person()
            assert Period(*office.service()[-1]) == wanted.service or wanted.service in [
                Period(*each) for each in office.service()
            ]
            within = [each for each in person.affiliations if each.period.overlaps(wanted.service)]
            for one, other in pairwise(within):
                assert not one.period.overlaps(other.period)
            if day in wanted.service:
                affiliation = affiliation_on(KnownPerson(person.person_id, (), tuple(within)), day)
                assert affiliation is not None
                assert affiliation.unit == wanted.unit
            names = particulars_on(office.session, office.organisation.id, day)[person.person_id]
            assert names is not None
            assert names.family_name == wanted.family_name
            assert wanted.scope is None or wanted.scope in person.scope
        savepoint.rollback()
