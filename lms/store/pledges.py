"""Pledges 誓約書: text versions, their approval, signature records, declines, withdrawals, invitations.

A signature record is 電磁的記録による署名記録, never 電子署名. What is personal in it (names, number, address, browser, the
platform's subject) stands in `lms.store.openings.RecordOpening`.

Source: ISO/IEC 27001 Annex A 6.2, 6.6, 5.20; domain.md §4.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Fact, Record, known


class PledgeText(Record, Base):
    """A version of a pledge's text 誓約文書版, in both languages, character for character; a draft until approved."""

    __tablename__ = "pledge_text"
    __table_args__ = (UniqueConstraint("organisation_id", "key", "version"),)
    event_type: ClassVar[str] = "pledge.text_drafted"

    key: Mapped[str] = mapped_column(index=True)
    """``confidentiality``, ``vendor``, ``leaving`` …"""
    version: Mapped[int]
    """From 1 within its key."""
    title_ja: Mapped[str]
    title_en: Mapped[str]
    text_ja: Mapped[str]
    """The exact text; its UTF-8 bytes are what is hashed."""
    text_en: Mapped[str]
    sha256_ja: Mapped[str]
    sha256_en: Mapped[str]

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.title_ja if language == "ja" else self.title_en

    def text(self, language: str) -> str:
        """Return the exact text in a language."""
        return self.text_ja if language == "ja" else self.text_en

    def sha256(self, language: str) -> str:
        """Return the hash of the text's bytes in a language."""
        return self.sha256_ja if language == "ja" else self.sha256_en


class PledgeApproval(Fact, Base):
    """The approval of a text version; ``valid_from`` is the day on which it takes effect."""

    __tablename__ = "pledge_approval"
    event_type: ClassVar[str] = "pledge.text_approved"

    text_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_text.id"), index=True)
    approved_by: Mapped[str]
    """Office or body, as it is named in the decision."""
    decision: Mapped[str]
    requires_resigning: Mapped[bool]
    """Whether those who signed an earlier version must sign this one 再誓約."""
    days_to_sign: Mapped[int]
    """Days from its taking effect within which they must."""


class PledgeSignature(Record, Base):
    """A signature record 署名記録, with the signer's unit and post as then."""

    __tablename__ = "pledge_signature"
    __table_args__ = (UniqueConstraint("person_id", "text_id", "number"),)
    event_type: ClassVar[str] = "pledge.signed"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    text_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_text.id"))
    approval_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_approval.id"))
    number: Mapped[int]
    """From 1 for the same person and text: two at once make one of them fail."""
    purpose: Mapped[str]
    """`courses.pledges.Purpose`: joining, changed text, yearly, role, leaving."""
    method: Mapped[str]
    """`courses.pledges.AssuranceMethod`."""
    language: Mapped[str]
    """``ja`` or ``en``: the language shown."""
    text_sha256: Mapped[str]
    """Hash of the bytes shown."""
    signed_at: Mapped[datetime]
    """The server's time; for a paper, the day that it bears, at its start in JST."""
    unit: Mapped[str]
    post: Mapped[str]
    """Both as on that day."""
    identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("lti_identity.id"))
    platform_issuer: Mapped[str | None]
    deployment_id: Mapped[str | None]
    launched_at: Mapped[datetime | None]
    """When the launch was verified in which it was signed."""
    invitation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("pledge_invitation.id"), unique=True)
    document_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("stored_document.id"))
    """Scan of the paper."""
    original_place: Mapped[str | None]
    verified_by: Mapped[str | None]
    """Who compared scan and paper: ``person:12``."""
    code: Mapped[str] = mapped_column(index=True)
    """Verify code, printed on the PDF."""
    migration_batch_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("migration_batch.id"))


class PledgeDecline(Record, Base):
    """That somebody was asked and declined; why, where said, is a personal value."""

    __tablename__ = "pledge_decline"
    event_type: ClassVar[str] = "pledge.declined"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    text_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_text.id"))
    language: Mapped[str]
    declined_at: Mapped[datetime]
    invitation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("pledge_invitation.id"))


class PledgeWithdrawal(Record, Base):
    """That a signature was withdrawn 撤回; it stays in the register and binds no more from then on."""

    __tablename__ = "pledge_withdrawal"
    event_type: ClassVar[str] = "pledge.withdrawn"

    signature_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_signature.id"), unique=True)
    withdrawn_on: Mapped[date]
    """First JST day on which it binds no more."""
    ground: Mapped[str]
    """`courses.pledges.WithdrawalGround`; words, where any, are personal values."""


class PledgeInvitation(Record, Base):
    """A one-time invitation to sign without a platform's account, for vendors; only its hash is kept."""

    __tablename__ = "pledge_invitation"
    event_type: ClassVar[str] = "pledge.invited"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    text_key: Mapped[str]
    purpose: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the secret in the address."""
    expires_at: Mapped[datetime]


class PledgeInvitationRevocation(Record, Base):
    """That an invitation was taken back before it was used."""

    __tablename__ = "pledge_invitation_revocation"
    event_type: ClassVar[str] = "pledge.invitation_revoked"

    invitation_id: Mapped[int] = mapped_column(BigId, ForeignKey("pledge_invitation.id"), unique=True)


def texts_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[PledgeText]:
    """Return all known text versions, by key and version."""
    return list(
        session.scalars(
            select(PledgeText)
            .where(PledgeText.organisation_id == organisation_id, known(PledgeText, known_at))
            .order_by(PledgeText.key, PledgeText.version)
        )
    )


def approvals_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[PledgeApproval]:
    """Return the known approvals that stand, in order of their recording."""
    return list(
        session.scalars(
            select(PledgeApproval)
            .where(PledgeApproval.organisation_id == organisation_id, known(PledgeApproval, known_at))
            .order_by(PledgeApproval.id)
        )
    )


def signatures_of(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> list[PledgeSignature]:
    """Return the known signature records, withdrawn ones too, in order of their recording."""
    rows = select(PledgeSignature).where(
        PledgeSignature.organisation_id == organisation_id, known(PledgeSignature, known_at)
    )
    if person_ids is not None:
        rows = rows.where(PledgeSignature.person_id.in_(person_ids))
    return list(session.scalars(rows.order_by(PledgeSignature.id)))


def declines_of(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> list[PledgeDecline]:
    """Return the known declines, in order of their recording."""
    rows = select(PledgeDecline).where(PledgeDecline.organisation_id == organisation_id, known(PledgeDecline, known_at))
    if person_ids is not None:
        rows = rows.where(PledgeDecline.person_id.in_(person_ids))
    return list(session.scalars(rows.order_by(PledgeDecline.id)))


def withdrawals_of(session: Session, organisation_id: int, known_at: int | None = None) -> dict[int, PledgeWithdrawal]:
    """Return the known withdrawals by the signature that they end."""
    rows = session.scalars(
        select(PledgeWithdrawal).where(
            PledgeWithdrawal.organisation_id == organisation_id, known(PledgeWithdrawal, known_at)
        )
    )
    return {row.signature_id: row for row in rows}
