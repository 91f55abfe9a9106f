"""Local accounts for emergencies: who may come in when no platform works, made and taken back by commands alone.

A password is kept as Argon2id, the shared secret of the one-time codes encrypted with a key outside the database.

Source: RFC 9106 (Argon2, second recommended option); RFC 6238 (time-based one-time codes).
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import pyotp
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.config import KeyFolder
from lms.services.audit import note
from lms.store.accounts import LocalAccount, SignInAttempt
from lms.store.key_files import load_or_create_secret
from lms.store.launches import LaunchSession
from lms.store.organisations import Organisation

KEY_FILE = "accounts.key"
SHORTEST_PASSWORD = 15
LONGEST_PASSWORD = 200
_LOGIN_NAME = re.compile(r"[a-z0-9](?:[._-]?[a-z0-9]){2,31}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for each other on paper."""
_GROUPS, _GROUP = 5, 5
_NONCE = 12

HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class BadLoginNameError(ValueError):
    """A login name is 3 to 32 lower-case ASCII letters and digits, with single ``. _ -`` between them."""


class WeakPasswordError(ValueError):
    """The password is too short, or too long to be hashed in bounded time."""


class AccountExistsError(ValueError):
    """There is an account of this name in the installation."""


class UnknownAccountError(LookupError):
    """The organisation has no account of this name."""


class SecretLostError(Exception):
    """The shared secret can't be decrypted: the key file is another one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is shown once to whoever makes an account, and kept nowhere in the clear."""

    password: str
    totp_uri: str
    """``otpauth://…`` for an authenticator."""


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """Keys made from the one in the keys' folder: opening it may take as long as its passphrase is stretched."""

    totp: bytes
    """Encrypts the shared secrets."""
    attempts: bytes
    """Makes fingerprints of names and addresses."""


def account_keys(keys: KeyFolder) -> AccountKeys:
    """Return the keys of the accounts; whoever signs in is kept as long for a name that nobody has.

    Raises:
        KeyFileFault: the key of the accounts can't be used.
    """
    secret = load_or_create_secret(keys, KEY_FILE)
    return AccountKeys(
        *(hmac.digest(secret, f"akashi account {use} v1".encode(), sha256) for use in ("totp", "attempts"))
    )


def add_account(
    session: Session,
    keys: KeyFolder,
    organisation: Organisation,
    login_name: str,
    password: str | None,
    by: tuple[str, datetime],
) -> Credentials:
    """Make an account, with a generated password where none is given.

    Raises:
        BadLoginNameError: the name can't be one.
        AccountExistsError: it is taken, perhaps by another organisation.
        WeakPasswordError: the password is not long enough.
        KeyFileFault: the key of the accounts can't be used.
    """
    if _LOGIN_NAME.fullmatch(login_name) is None:
        raise BadLoginNameError(login_name)
    if session.scalar(select(LocalAccount.id).where(LocalAccount.login_name == login_name)) is not None:
        raise AccountExistsError(login_name)
    actor, now = by
    row = LocalAccount(
        organisation_id=organisation.id, login_name=login_name, created_at=now, created_by=actor, disabled_at=None
    )
    given = _give_credentials(row, keys, password)
    session.add(row)
    session.flush()
    note(session, "account.added", actor, now, organisation.id, account=row.id)
    return given


def reset_account(
    session: Session, keys: KeyFolder, account: LocalAccount, password: str | None, by: tuple[str, datetime]
) -> Credentials:
    """Give an account a new password and a new secret, end its sessions, and forget failed tries.

    Raises:
        WeakPasswordError: the password is not long enough.
        KeyFileFault: the key of the accounts can't be used.
    """
    given = _give_credentials(account, keys, password)
    _end_sessions(session, account, by[1])
    _forget_failures(session, keys, account)
    note(session, "account.reset", *by, account.organisation_id, account=account.id)
    return given


def disable_account(session: Session, account: LocalAccount, by: tuple[str, datetime]) -> bool:
    """Close an account and end its sessions; False if it was closed already."""
    if account.disabled_at is not None:
        return False
    account.disabled_at = by[1]
    _end_sessions(session, account, by[1])
    note(session, "account.disabled", *by, account.organisation_id, account=account.id)
    return True


def enable_account(session: Session, keys: KeyFolder, account: LocalAccount, by: tuple[str, datetime]) -> bool:
    """Open a closed account again, and forget failed tries; False if it was open."""
    _forget_failures(session, keys, account)
    if account.disabled_at is None:
        return False
    account.disabled_at = None
    note(session, "account.enabled", *by, account.organisation_id, account=account.id)
    return True


def find_account(session: Session, organisation_id: int, login_name: str) -> LocalAccount:
    """Return an organisation's account.

    Raises:
        UnknownAccountError: it has none of this name.
    """
    found = session.scalar(
        select(LocalAccount).where(
            LocalAccount.organisation_id == organisation_id, LocalAccount.login_name == login_name
        )
    )
    if found is None:
        raise UnknownAccountError(login_name)
    return found


def accounts_of(session: Session, organisation_id: int) -> list[LocalAccount]:
    """Return an organisation's accounts by name."""
    query = select(LocalAccount).where(LocalAccount.organisation_id == organisation_id)
    return list(session.scalars(query.order_by(LocalAccount.login_name)))


def totp_of(keys: AccountKeys, account: LocalAccount) -> pyotp.TOTP:
    """Return what makes and checks an account's one-time codes.

    Raises:
        SecretLostError: the secret was encrypted with another key.
    """
    sealed = account.totp_secret
    try:
        secret = AESGCM(keys.totp).decrypt(sealed[:_NONCE], sealed[_NONCE:], account.login_name.encode())
    except InvalidTag:
        raise SecretLostError from None
    return pyotp.TOTP(secret.decode())


def fingerprint(keys: AccountKeys, text: str) -> bytes:
    """Return what stands for a login name or an address among the tries; without the key nobody can try names out."""
    return hmac.digest(keys.attempts, text.encode(), sha256)


def as_typed(password: str) -> str:
    """Return a password as it is hashed: composed, whatever keyboard it came from."""
    return unicodedata.normalize("NFC", password)


def _give_credentials(row: LocalAccount, keys: KeyFolder, password: str | None) -> Credentials:
    chosen = as_typed(password) if password is not None else _generated()
    if not SHORTEST_PASSWORD <= len(chosen) <= LONGEST_PASSWORD:
        raise WeakPasswordError(len(chosen))
    secret, nonce = pyotp.random_base32(), secrets.token_bytes(_NONCE)
    row.password_hash = HASHER.hash(chosen)
    row.totp_secret = nonce + AESGCM(account_keys(keys).totp).encrypt(nonce, secret.encode(), row.login_name.encode())
    return Credentials(chosen, pyotp.TOTP(secret).provisioning_uri(name=row.login_name, issuer_name="Akashi"))


def _generated() -> str:
    """Return a password of 123 random bits that can be typed from paper."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _end_sessions(session: Session, account: LocalAccount, now: datetime) -> None:
    session.execute(
        update(LaunchSession)
        .where(LaunchSession.account_id == account.id, LaunchSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _forget_failures(session: Session, keys: KeyFolder, account: LocalAccount) -> None:
    name = fingerprint(account_keys(keys), account.login_name)
    session.execute(
        delete(SignInAttempt).where(SignInAttempt.login_name_hash == name, SignInAttempt.is_success.is_(False))
    )
