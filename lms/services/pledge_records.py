"""One signature record with all that it rests on: for its receipt, its paper, and whoever verifies it.

Source: domain.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import JST, jst_date
from courses.ledger import short_id
from courses.pledges import SignatureState, signature_state, text_hash
from lms.reports.pledge_record import PledgePaper, PledgePaperWording, pledge_record_pdf
from lms.services.ledger import Inclusion, inclusion
from lms.services.people import particulars_on
from lms.services.pledges import histories
from lms.services.signing import UnknownSignatureError, full_name, read_code
from lms.store.ledger import LedgerEvent
from lms.store.openings import openings_of
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeApproval, PledgeSignature, PledgeText, PledgeWithdrawal, withdrawals_of
from lms.wording.gettext import _
from lms.wording.pledges import method_label, paper_wording, purpose_label, version_label
from lms.wording.registers import date_label


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """A signature record and its surroundings."""

    signature: PledgeSignature
    text: PledgeText
    approval: PledgeApproval
    values: dict[str, str | None]
    """Personal values; empty where they were erased."""
    leaf: bytes
    inclusion: Inclusion | None
    """None until the event has its place in the ledger."""
    withdrawal: PledgeWithdrawal | None
    verifier: str | None
    """Name of who compared scan and paper; the office or key as recorded where no name is known."""

    @property
    def evidence_id(self) -> str:
        """The short form of the event's leaf hash."""
        return short_id(self.leaf)

    @property
    def shown_text(self) -> str:
        """The text in the language in which it was signed."""
        return self.text.text(self.signature.language)

    @property
    def is_text_whole(self) -> bool:
        """Tell whether the text as kept still has the hash that was signed."""
        return text_hash(self.shown_text) == self.signature.text_sha256


def record_of(
    session: Session, organisation: Organisation, signature_id: int, person_id: int | None = None
) -> SignatureRecord:
    """Return a signature record; with ``person_id`` only if it is that person's.

    Raises:
        UnknownSignatureError: there is none.
    """
    row = session.get(PledgeSignature, signature_id)
    if row is None or row.organisation_id != organisation.id or person_id not in {None, row.person_id}:
        raise UnknownSignatureError
    return SignatureRecord(
        signature=row,
        text=session.get_one(PledgeText, row.text_id),
        approval=session.get_one(PledgeApproval, row.approval_id),
        values=openings_of(session, [row.event_id]).get(row.event_id, {}),
        leaf=session.get_one(LedgerEvent, row.event_id).leaf,
        inclusion=inclusion(session, organisation.id, row.event_id),
        withdrawal=withdrawals_of(session, organisation.id).get(row.id),
        verifier=_verifier(session, row),
    )


def _verifier(session: Session, row: PledgeSignature) -> str | None:
    kind, _colon, key = (row.verified_by or "").partition(":")
    if kind != "person" or not key.isdigit():
        return row.verified_by
    names = particulars_on(session, row.organisation_id, jst_date(row.recorded_at))
    return full_name(names.get(int(key))) or row.verified_by


def find_record(session: Session, typed: str, organisation: Organisation | None = None) -> SignatureRecord:
    """Return the record with a verify code, of one organisation or of any.

    Raises:
        UnknownSignatureError: no record has this code.
    """
    code = read_code(typed)
    rows = select(PledgeSignature).where(PledgeSignature.code == (code or ""))
    if organisation is not None:
        rows = rows.where(PledgeSignature.organisation_id == organisation.id)
    row = session.scalars(rows).one_or_none()
    if row is None:
        raise UnknownSignatureError
    return record_of(session, session.get_one(Organisation, row.organisation_id), row.id)


def state_of(session: Session, found: SignatureRecord, day: date) -> SignatureState:
    """Return where a record stands on a JST date."""
    row = found.signature
    history = histories(session, row.organisation_id, None, {row.person_id})[(row.person_id, found.text.key)]
    signed = next(each for each in history.signatures if each.signature_id == row.id)
    return signature_state(signed, history, day)


def paper_of(found: SignatureRecord, organisation: Organisation, language: str, verify_url: str) -> bytes:
    """Return a record as PDF: text, record, verify code.

    Raises:
        UnprintableCharacterError: the font lacks a character of a value.
    """
    row, chosen = found.signature, _chosen(language)
    is_paper = row.document_id is not None or row.original_place is not None
    moment = row.signed_at
    paper = PledgePaper(
        organisation=organisation.name(chosen),
        title=found.text.title(row.language),
        version=version_label(found.text.version),
        text=found.shown_text,
        text_language=row.language,
        name=found.values.get("name") or _("(erased)"),
        staff_number=found.values.get("staff_number") or "–",
        unit=row.unit or "–",
        post=row.post or "–",
        typed_name=found.values.get("typed_name") or "–",
        signed_jst=date_label(jst_date(moment)) if is_paper else f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S} JST",
        signed_utc="–" if is_paper else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        method=method_label(row.method),
        purpose=purpose_label(row.purpose),
        approved=_(
            "%(decision)s (%(by)s), in effect from %(day)s",
            decision=found.approval.decision,
            by=found.approval.approved_by,
            day=date_label(found.approval.valid_from),
        ),
        sha256=row.text_sha256,
        evidence_id=found.evidence_id,
        code=row.code,
        verify_url=verify_url,
        withdrawn=date_label(found.withdrawal.withdrawn_on) if found.withdrawal else None,
        dated=jst_date(moment),
    )
    return pledge_record_pdf(paper, PledgePaperWording(**paper_wording()), chosen)


def _chosen(language: str) -> Literal["ja", "en"]:
    return "ja" if language == "ja" else "en"
