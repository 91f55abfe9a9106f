"""Certificates of completion 修了証, made from the record of a passed attempt."""

from __future__ import annotations

from typing import Literal

from sqlalchemy.orm import Session

from courses.awareness import short_version
from courses.calendar import JST, jst_date
from courses.ledger import short_id
from lms.reports.certificate import CertificateFacts, CertificateWording, completion_certificate
from lms.services.attempts import Learner, result_of
from lms.services.people import particulars_on
from lms.services.requirements import year_credited
from lms.store.ledger import LedgerEvent
from lms.wording.certificates import certificate_wording
from lms.wording.registers import year_label


class NotPassedError(ValueError):
    """The attempt was not passed; there is nothing to certify."""


class NotOnStaffListError(LookupError):
    """The one who passed is not linked to a person of the staff list yet: the certificate would name nobody."""


def certificate_of(session: Session, learner: Learner, attempt_id: int, language: str) -> bytes:
    """Return the certificate of one of the learner's passed attempts as PDF.

    Raises:
        NoSuchAttemptError: the learner has no such submitted attempt.
        NotPassedError: it was not passed.
        NotOnStaffListError: nobody on the staff list is linked to it yet.
    """
    paper, result = result_of(session, learner, attempt_id)
    if not result.is_passed:
        raise NotPassedError(attempt_id)
    completed_on = jst_date(result.submitted_at)
    people = particulars_on(session, learner.organisation.id, completed_on, None)
    person = people.get(learner.person_id) if learner.person_id is not None else None
    if person is None or learner.person_id is None:
        raise NotOnStaffListError
    year = year_credited(session, learner.organisation.id, learner.person_id, result.id, completed_on)
    event = session.get_one(LedgerEvent, result.event_id)
    chosen: Literal["ja", "en"] = "ja" if language == "ja" else "en"
    facts = CertificateFacts(
        organisation=learner.organisation.name(language),
        name=f"{person.family_name} {person.given_name}".strip(),
        kana=f"{person.family_kana} {person.given_kana}".strip() or None,
        staff_number=person.staff_number,
        module_title=paper.module.module.body[language].title,
        module_version=short_version(result.module_version),
        completed_on=completed_on,
        completed_at_label=result.submitted_at.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S JST"),
        mark=result.mark,
        maximum=result.maximum,
        pass_mark=result.pass_mark,
        fiscal_year_label=year_label(year),
        evidence_id=short_id(event.leaf),
    )
    return completion_certificate(facts, CertificateWording(**certificate_wording()), chosen)
