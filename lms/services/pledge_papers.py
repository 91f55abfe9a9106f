"""Pledges signed on paper: entered by somebody who compared scan and paper, and never by the signer.

Source: domain.md §2 (migration batches), §4 (paper: scan, hash, place of the original, who verified).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date, start_of_day
from courses.pledges import AssuranceMethod
from lms.services.people import particulars_on
from lms.services.pledges import LONGEST_WORDS, history_of, text_version
from lms.services.signing import (
    AlreadySignedError,
    new_code,
    purpose_of,
    signer_values,
    unit_and_post,
)
from lms.store.openings import record_with_openings
from lms.store.organisations import Organisation
from lms.store.people import Person
from lms.store.pledges import PledgeSignature


class SelfVerifiedError(ValueError):
    """The signer can't be the one who compared scan and paper."""


class BadPaperError(ValueError):
    """What was said of a paper can't be."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field
        """``signer``, ``text``, ``signed_on``, ``original_place`` or ``language``."""


@dataclass(frozen=True, slots=True)
class SignedPaper:
    """A paper that somebody signed."""

    person_id: int
    text_id: int
    signed_on: date
    """Day that the paper bears."""
    original_place: str
    language: str = "ja"
    document_id: int | None = None
    """Scan; None only in a migration batch."""
    batch_id: int | None = None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who enters a paper, and says so that scan and paper are alike."""

    actor: str
    person_id: int | None
    """None: an operator at the command line, who acts for the person named in ``verified_by``."""
    verified_by: str


def record_paper(
    session: Session, organisation: Organisation, paper: SignedPaper, verifier: Verifier, now: datetime
) -> PledgeSignature:
    """Record a signature that was given on paper.

    Raises:
        SelfVerifiedError: the signer would have verified it.
        BadPaperError: the signer is unknown, the text was not in effect on the day, the day is to come, or no place is
            named.
        UnknownPledgeError: there is no such text version.
        AlreadySignedError: a signature of this text stands.
    """
    if verifier.person_id == paper.person_id or verifier.verified_by == f"person:{paper.person_id}":
        raise SelfVerifiedError
    text = text_version(session, organisation.id, paper.text_id)
    place = paper.original_place.replace("\0", "").strip()
    if not 0 < len(place) <= LONGEST_WORDS:
        raise BadPaperError("original_place")
    if paper.language not in {"ja", "en"}:
        raise BadPaperError("language")
    if paper.signed_on > jst_date(now):
        raise BadPaperError("signed_on")
    person = session.scalar(select(Person).where(Person.id == paper.person_id).with_for_update(key_share=True))
    if person is None or person.organisation_id != organisation.id:
        raise BadPaperError("signer")
    history = history_of(session, organisation.id, paper.person_id, text.key)
    approvals = [each for each in history.approved if each.text_id == text.id]
    if not approvals or all(paper.signed_on < each.effective_on for each in approvals):
        raise BadPaperError("text")
    if any(each.text_id == text.id and each.withdrawn_on is None for each in history.signatures):
        raise AlreadySignedError
    particulars = particulars_on(session, organisation.id, paper.signed_on).get(paper.person_id)
    unit, post = unit_and_post(session, organisation.id, paper.person_id, paper.signed_on)
    is_known = any(
        each.text_id != text.id and each.withdrawn_on is None and each.signed_on <= paper.signed_on
        for each in history.signatures
    )
    row = PledgeSignature(
        person_id=paper.person_id,
        text_id=text.id,
        approval_id=max(each.approval_id for each in approvals),
        number=1 + sum(each.text_id == text.id for each in history.signatures),
        purpose=purpose_of(text.key, is_known=is_known).value,
        method=AssuranceMethod.PAPER.value,
        language=paper.language,
        text_sha256=text.sha256(paper.language),
        signed_at=start_of_day(paper.signed_on),
        unit=unit,
        post=post,
        document_id=paper.document_id,
        original_place=place,
        verified_by=verifier.verified_by,
        code=new_code(),
        migration_batch_id=paper.batch_id,
        recorded_at=now,
        recorded_by=verifier.actor,
    )
    record_with_openings(session, organisation, [(row, signer_values(particulars))])
    return row
