"""A large fictional staff for the registers' benchmarks."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select

from courses.requirements import Occasion, Requirement
from courses.staff_lists import read_staff_list
from lms.services.requirements import Approval, approve_requirement
from lms.services.staff_lists import apply_import
from lms.store.attempts import Attempt, AttemptResult
from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity
from lms.store.organisations import Organisation
from lms.store.people import Person
from lms.store.platforms import Platform
from lms.store.records import record

FOUNDED = datetime(2026, 4, 1, tzinfo=UTC)


def staff_csv(count: int) -> bytes:
    """Return a staff list of so many people."""
    head = "staff_number,family_name,given_name,unit,post,employment,category,joined_on,left_on,scope_from,scope_to,scope_reason"
    lines = [
        f"N{number:06d},架空{number},見本,総務係,係員,regular,administrative,2015-04-01,,2015-04-01,,practice"
        for number in range(count)
    ]
    return "\r\n".join([head, *lines]).encode()


def fill(database: Database, people: int, requirements: int) -> None:
    """Add people, requirements, and for each person one passed result in the first competence."""
    with database.transaction() as session:
        organisation = session.scalars(select(Organisation)).one()
        apply_import(session, organisation, read_staff_list(staff_csv(people), ["総務係"]), FOUNDED, "operator:bench")
        for number in range(requirements):
            rule = Requirement(f"r{number}", f"module-{number}", Occasion.FISCAL_YEAR, 2026)
            approval = Approval("committee", date(2026, 4, 1), f"要件{number}", f"Requirement {number}")
            approve_requirement(session, organisation, rule, approval, "operator:bench", FOUNDED)
    with database.transaction() as session:
        organisation = session.scalars(select(Organisation)).one()
        platform = session.scalars(select(Platform)).one()
        known = {each.person_id for each in session.scalars(select(IdentityLink))}
        ids = [each for each in session.scalars(select(Person.id)) if each not in known]
        version = 1
        identities = [
            LtiIdentity(
                organisation_id=organisation.id,
                platform_id=platform.id,
                sub=f"b{each}",
                first_seen_at=FOUNDED,
                last_seen_at=FOUNDED,
            )
            for each in ids
        ]
        session.add_all(identities)
        session.flush()
        attempts = [
            Attempt(
                organisation_id=organisation.id,
                identity_id=each.id,
                module_version_id=version,
                module_key="module-0",
                occasion="r0/fiscal_year:2026",
                number=1,
                seed="0",
                paper=[],
                started_at=FOUNDED,
                submitted_at=FOUNDED,
            )
            for each in identities
        ]
        session.add_all(attempts)
        session.flush()
        stamp = {"recorded_at": FOUNDED, "recorded_by": "operator:bench"}
        record(
            session,
            organisation,
            *(
                IdentityLink(identity_id=each.id, person_id=person, method="decision", **stamp)
                for each, person in zip(identities, ids, strict=True)
            ),
        )
        record(
            session,
            organisation,
            *(
                AttemptResult(
                    attempt_id=each.id,
                    identity_id=each.identity_id,
                    module_key="module-0",
                    module_version="0" * 64,
                    occasion=each.occasion,
                    number=1,
                    seed="0",
                    started_at=FOUNDED,
                    submitted_at=FOUNDED,
                    mark=9,
                    maximum=10,
                    pass_mark=8,
                    is_passed=True,
                    questions=[],
                    **stamp,
                )
                for each in attempts
            ),
        )
