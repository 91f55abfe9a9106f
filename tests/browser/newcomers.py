"""People for tests that need somebody whom no other test has played: made up one after the other, as many as are asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from courses.calendar import Period
from courses.staff_lists import StaffList
from lms.clock import read_clock
from lms.services.staff_lists import apply_import
from lms.store.base import Database
from lms.store.organisations import find_organisation
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import LmsPerson
from tests.practice_organisation.seed import ACTOR, KEY, staff

FAMILY_NAME = "演習"
_LIKE = "00105"
"""Of the practice organisation: in scope for years, no role, no post beside the first."""


def take_on(database: Database, lms: PracticeLms, number: int) -> str:
    """Put somebody on the staff list and into the LMS; return their staff number."""
    staff_number = f"T{number:04d}"
    given_name = "".join("〇一二三四五六七八九"[int(digit)] for digit in str(number))
    row = replace(
        next(each for each in staff() if each.staff_number == _LIKE),
        staff_number=staff_number,
        family_name=FAMILY_NAME,
        given_name=given_name,
        family_kana="エンシュウ",
        given_kana="バンゴウ",
        romaji="ENSHUU Bangou",
        email=f"enshuu.{number}@example.invalid",
        service=Period(date(2020, 4, 1), None),
        scope=Period(date(2020, 4, 1), None),
    )
    with database.transaction() as session:
        organisation = find_organisation(session, KEY)
        assert organisation is not None
        apply_import(session, organisation, StaffList((row,), "utf-8"), read_clock(), ACTOR)
    lms.enrol(
        LmsPerson(
            key=staff_number,
            sub=str(5000 + number),
            username=f"enshuu{number}",
            family_name=FAMILY_NAME,
            given_name=given_name,
            staff_number=staff_number,
            email=row.email,
            group="staff",
        )
    )
    return staff_number
