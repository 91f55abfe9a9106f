"""Filling a database with the practice organisation: a fictional university centre, by the tool's own services.

Everybody and everything in it is made up. The attempts are worked through with the rules in force, at times in the
past, so that the registers have something to show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.roles import IsmsRole
from courses.staff_lists import StaffRow, read_staff_list, read_unit_list
from lms.services.attempts import Learner, read_paper, save_answer, start_attempt, submit_attempt
from lms.services.awareness import module_in_use
from lms.services.catalogue import Decision, adopt_catalogue
from lms.services.identities import link_by_decision
from lms.services.organisations import add_organisation, add_units, set_parameters
from lms.services.people import find_person
from lms.services.permissions import grant_role
from lms.services.platforms import NewPlatform, add_platform
from lms.services.requirement_defaults import adopt_default_load, default_load
from lms.services.shipped import YEARLY_UNIT
from lms.services.staff_lists import apply_import
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.organisations import Organisation, find_organisation
from lms.store.platforms import Platform
from quizzes.marking import right_answer
from tests.practice_organisation.auditors import audit_this_year, found_auditors
from tests.practice_organisation.pledges import found_pledges, sign_some
from tests.practice_organisation.roles import acknowledge_some, found_roles

FOLDER = Path(__file__).parent
KEY = "kakuu"
ACTOR = "operator:practice"
MODULE = "isms-and-my-role"
SECRETARIAT = "00123"
CLIENT_ID = "uPracticeLms001"
DEPLOYMENT = "1"


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """An attempt of the past: when it was submitted, how many answers were wrong, and of which module."""

    staff_number: str
    submitted_at: datetime
    wrong: int = 0
    module: str = MODULE


def _at(month: int, day: int, hour: int = 2) -> datetime:
    return datetime(2026, month, day, hour, 15, tzinfo=UTC)


PAST_ATTEMPTS = (
    *(PastAttempt(f"{number:05d}", _at(10, 5 + number % 20, number % 8), number % 3) for number in range(107, 126)),
    PastAttempt("00128", _at(4, 20)),
    PastAttempt("00137", _at(5, 18), 1),
    PastAttempt("00134", _at(5, 20), 4),
    PastAttempt("00134", _at(5, 21), 2),
    PastAttempt("H0001", _at(4, 9)),
    PastAttempt("V0001", _at(4, 15), 1),
    PastAttempt("00104", _at(11, 10), 5),
    *(
        PastAttempt(f"{number:05d}", _at(10, 6 + number % 20, number % 8), module=YEARLY_UNIT)
        for number in range(107, 118)
    ),
)


def staff() -> tuple[StaffRow, ...]:
    """Return the staff list."""
    units = [name for name, _ in read_unit_list((FOLDER / "units.csv").read_bytes())]
    return read_staff_list((FOLDER / "staff.csv").read_bytes(), units).rows


def sub_of(staff_number: str) -> str:
    """Return the practice LMS's id of a member of staff."""
    return str([row.staff_number for row in staff()].index(staff_number) + 100)


def seed(database: Database, issuer: str, now: datetime) -> bool:
    """Fill the database, unless the practice organisation is there already; tell whether it was filled."""
    with database.reading() as session:
        if find_organisation(session, KEY) is not None:
            return False
    founded = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
    with database.transaction() as session:
        organisation = _found(session, issuer, founded)
        for each in PAST_ATTEMPTS:
            if each.submitted_at < now:
                _work(session, organisation, each)
        acknowledge_some(session, organisation, now)
        sign_some(session, organisation, now)
        audit_this_year(session, organisation, now)
    return True


def _found(session: Session, issuer: str, founded: datetime) -> Organisation:
    organisation = add_organisation(
        session, KEY, "架空大学情報基盤センター", "Information Technology Centre, Kakuu University", founded
    )
    units = read_unit_list((FOLDER / "units.csv").read_bytes())
    add_units(session, organisation, units, founded, ACTOR)
    set_parameters(session, organisation, yaml.safe_load((FOLDER / "parameters.yaml").read_bytes()), founded, ACTOR)
    staff_list = read_staff_list((FOLDER / "staff.csv").read_bytes(), [name for name, _ in units])
    apply_import(session, organisation, staff_list, founded, ACTOR)
    decision = Decision("令和8年度第1回情報セキュリティ委員会 議題2", "情報セキュリティ委員会", date(2026, 4, 1))
    adopt_catalogue(session, organisation, decision, ACTOR, founded)
    platform = NewPlatform(
        name="練習用LMS",
        issuer=issuer,
        client_id=CLIENT_ID,
        authorization_url=f"{issuer}/mod/lti/auth.php",
        token_url=f"{issuer}/mod/lti/token.php",
        keyset_url=f"{issuer}/mod/lti/certs.php",
        deployments=(DEPLOYMENT,),
        trusts_staff_number=True,
    )
    add_platform(session, organisation, platform, ACTOR, founded)
    secretary = find_person(session, organisation.id, SECRETARIAT, date(2026, 4, 1))
    assert secretary is not None
    grant_role(session, organisation, secretary, IsmsRole.SECRETARIAT, ACTOR, founded)
    found_roles(session, organisation, founded)
    found_pledges(session, organisation, founded)
    found_auditors(session, organisation, founded)
    load = default_load(session, organisation.id, 2026, (12, 31), date(2026, 4, 1))
    approved = "情報セキュリティ委員会", date(2026, 4, 1)
    adopt_default_load(session, organisation, load, approved, (ACTOR, founded))
    return organisation


def _identity(session: Session, organisation: Organisation, past: PastAttempt) -> LtiIdentity:
    platform = session.query(Platform).filter_by(organisation_id=organisation.id).one()
    sub = sub_of(past.staff_number)
    identity = session.query(LtiIdentity).filter_by(platform_id=platform.id, sub=sub).one_or_none()
    if identity is None:
        row = next(each for each in staff() if each.staff_number == past.staff_number)
        identity = LtiIdentity(
            organisation_id=organisation.id,
            platform_id=platform.id,
            sub=sub,
            claimed_family_name=row.family_name,
            claimed_given_name=row.given_name,
            claimed_staff_number=row.staff_number,
            first_seen_at=past.submitted_at,
            last_seen_at=past.submitted_at,
        )
        session.add(identity)
        session.flush()
        link_by_decision(session, organisation, identity.id, past.staff_number, (ACTOR, past.submitted_at))
    return identity


def _work(session: Session, organisation: Organisation, past: PastAttempt) -> None:
    """Work through an attempt as the person would have."""
    identity = _identity(session, organisation, past)
    person_id = find_person(session, organisation.id, past.staff_number, jst_date(past.submitted_at))
    learner = Learner(organisation, identity.id, (identity.id,), person_id, f"identity:{identity.id}")
    module = module_in_use(session, organisation.id, past.module, jst_date(past.submitted_at))
    started = past.submitted_at - timedelta(minutes=9)
    attempt_id = start_attempt(session, learner, module, started)
    for place in read_paper(session, learner, attempt_id).questions:
        if place.position > past.wrong:
            moment = started + timedelta(seconds=40 * place.position)
            save_answer(session, learner, (attempt_id, place.position), right_answer(place.question), moment)
    submit_attempt(session, learner, attempt_id, past.submitted_at)


def cast() -> dict[str, Any]:
    """Return the people and the course for the practice LMS, as its people file takes them."""
    people = [
        {
            "key": row.staff_number,
            "sub": sub_of(row.staff_number),
            "username": row.email.partition("@")[0] or row.staff_number.lower(),
            "family_name": row.family_name,
            "given_name": row.given_name,
            "staff_number": row.staff_number,
            "email": row.email,
            "lms_role": "teacher" if row.staff_number == SECRETARIAT else "student",
            "group": _group(row),
            "note": f"{row.unit}・{row.post}",
        }
        for row in staff()
        if row.service.end is None or row.service.end > date(2026, 11, 1)
    ]
    people.append(
        {
            "key": "unlinked",
            "sub": "99",
            "username": "guest",
            "family_name": "名簿",
            "given_name": "なし",
            "staff_number": "99999",
            "email": "guest@example.invalid",
            "lms_role": "student",
            "group": "staff",
            "note": {"ja": "職員名簿にない番号の人", "en": "Somebody whose number is not on the staff list"},
        }
    )
    activity = {"title": "ISMSと私の役割", "custom": {"akashi": MODULE}, "maximum": 10, "tag": "isms-test"}
    activities = [
        {**activity, "key": "core", "link_id": "1", "resource_id": MODULE, "window": "embed"},
        {
            **activity,
            "key": "core-window",
            "link_id": "2",
            "title": "ISMSと私の役割（新しいウィンドウ）",
            "window": "new",
        },
        {
            "key": "mine",
            "title": "わたしの受講状況",
            "link_id": "3",
            "custom": {"akashi": "training"},
            "window": "embed",
        },
        {
            "key": "pledges",
            "title": "誓約書",
            "link_id": "4",
            "custom": {"akashi": "pledges"},
            "window": "embed",
            "maximum": 1,
        },
        {"key": "handmade", "title": "手作業で作った活動", "link_id": "5", "custom": {}, "window": "embed"},
    ]
    course = {"id": "2", "label": "ISMS-2026", "title": "情報セキュリティ講習 2026", "activities": activities}
    return {"people": people, "courses": [course], "name": "練習用LMS", "short_name": "practice"}


def _group(row: StaffRow) -> str:
    if row.staff_number == SECRETARIAT:
        return "secretariat"
    return "newcomer" if row.service.start >= date(2026, 10, 1) else "staff"


def write_cast(path: Path) -> None:
    """Write the people file for the practice LMS."""
    path.write_text(json.dumps(cast(), ensure_ascii=False, indent=1), "utf-8")
