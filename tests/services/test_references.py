"""From references of rules to evidence ids."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from lms.services.references import evidence_ids
from lms.store.organisations import Organisation
from tests.auditing import cast_auditors


def test_a_reference_finds_the_event_of_its_record_and_nothing_else(
    session: Session, organisation: Organisation
) -> None:
    cast_auditors(session, organisation)
    wanted = ["training_record/1", "audit_area/2", "training_record/99", "no_table/1", "person/1", "", "service", "x/y"]
    found = evidence_ids(session, organisation.id, wanted)
    assert found.keys() == {"training_record/1", "audit_area/2"}
    assert all(re.fullmatch("E-[0-9a-f]{16}", each) for each in found.values())
    assert evidence_ids(session, organisation.id + 1, wanted) == {}
