"""Pledges for tests: texts in force, signers, and signing as they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.pledges import ApprovedText, AssuranceMethod
from lms.services.pledges import NewText, TextDecision, approve_text, draft_text, text_in_force, text_version
from lms.services.signing import Assurance, SigningForm, sign_pledge
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from lms.store.pledges import PledgeSignature
from tests.factories import ACTOR, FOUNDED, add_learner

BY = (ACTOR, FOUNDED)


@dataclass(frozen=True)
class Signer:
    """Somebody with an account."""

    person_id: int
    identity_id: int
    name: str


def new_text(edition: str = "初版", key: str = "confidentiality") -> NewText:
    """Return a short text; another edition is another text."""
    return NewText(
        key,
        {"ja": f"誓約書 {edition}", "en": f"Pledge {edition}"},
        {"ja": f"誓います。{edition}", "en": f"I promise. {edition}"},
    )


def approved(
    session: Session, organisation: Organisation, edition: str, effective_on: date, *, key: str = "confidentiality",
    resign: bool = False, days: int = 30, now: datetime = FOUNDED,
) -> ApprovedText:  # fmt: skip
    """Draft and approve a text; return it as on the day on which it takes effect."""
    row = draft_text(session, organisation, new_text(edition, key), ACTOR, now)
    decided = TextDecision(f"決定 {edition}", "情報セキュリティ委員会", effective_on, resign, days)
    approve_text(session, organisation, row.id, decided, (ACTOR, now))
    return text_in_force(session, organisation.id, key, effective_on)


def signer_of(session: Session, organisation: Organisation, staff_number: str = "000101", **cells: str) -> Signer:
    """Add a person with an account."""
    learner = add_learner(session, organisation, staff_number, sub=f"sub-{staff_number}", **cells)
    assert learner.person_id is not None
    return Signer(
        learner.person_id,
        learner.identity_id,
        f"{cells.get('family_name', '見本')} {cells.get('given_name', 'あかり')}",
    )


def assurance_of(session: Session, organisation: Organisation, signer: Signer, now: datetime) -> Assurance:
    """Return how a launch made just now assures who signs."""
    platform = session.scalar(select(Platform).where(Platform.organisation_id == organisation.id))
    assert platform is not None
    return Assurance(
        AssuranceMethod.LAUNCH, f"person:{signer.person_id}", False, signer.identity_id, platform.issuer, "1", now,
        address="192.0.2.7", user_agent="Practice/1.0",
    )  # fmt: skip


def form_of(
    session: Session, organisation: Organisation, who: Signer, now: datetime, key: str = "confidentiality", **changes: Any
) -> SigningForm:  # fmt: skip
    """Return the form of the text in force, filled in as its who does."""
    text = text_in_force(session, organisation.id, key, now.date())
    row = text_version(session, organisation.id, text.text_id)
    return replace(SigningForm(row.id, row.sha256_ja, "ja", who.person_id, True, who.name), **changes)


def sign_as(
    session: Session, organisation: Organisation, who: Signer, now: datetime, key: str = "confidentiality", **changes: Any
) -> PledgeSignature:  # fmt: skip
    """Sign the text in force."""
    form = form_of(session, organisation, who, now, key, **changes)
    return sign_pledge(session, organisation, who.person_id, form, (assurance_of(session, organisation, who, now), now))
