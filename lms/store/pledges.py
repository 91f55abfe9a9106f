"""Pledges 誓約書: text versions, their approval, signature records, declines, withdrawals, invitations.

A signature record is 電磁的記録による署名記録, never 電子署名. What is personal in it (names, number, address, browser, the
platform's subject) stands in `lms.store.openings.RecordOpening`.

Source: ISO/IEC 27001 Annex A 6.2, 6.6, 5.20; domain.md §4.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Fact, Record


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
