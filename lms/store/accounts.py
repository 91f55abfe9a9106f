"""Local accounts for emergencies: the way in when no platform works."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId, Owned


class LocalAccount(Owned, Base):
    """One break-glass administrator of an organisation."""

    __tablename__ = "local_account"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    login_name: Mapped[str] = mapped_column(unique=True)
    """Unique in the installation: whoever signs in names no organisation."""
    password_hash: Mapped[str]
    """Argon2id, in its own encoded form."""
    totp_secret: Mapped[bytes] = mapped_column(LargeBinary)
    """The shared secret of RFC 6238, encrypted by the installation's key."""
    last_totp_step: Mapped[int] = mapped_column(default=0)
    """The newest time step that was used: no code serves twice."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    disabled_at: Mapped[datetime | None]


class SignInAttempt(Owned, Base):
    """One try to sign in, kept for a day so that tries can be counted."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_account", "login_name_hash", "at"),
        Index("ix_sign_in_attempt_address", "address_hash", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"))
    """NULL where no account has the name."""
    login_name_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the network address that it came from."""
    at: Mapped[datetime]
    is_success: Mapped[bool]
