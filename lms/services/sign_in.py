"""Signing in with a local account: password and one-time code in one step, counted before they are looked at.

A try is written down as a failure first, so that fifty at once are fifty counted tries; a success then says so. After a
few failures in a row a name waits, longer each time, at most a quarter of an hour: whoever knows the name can delay its
owner, and not shut them out. Names that nobody has are counted, and take as long, as those that somebody has.

Source: OWASP ASVS 5.0, V6.3; quality.md §5.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

import pyotp
import structlog
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms.config import KeyFolder
from lms.services.accounts import (
    HASHER,
    LONGEST_PASSWORD,
    AccountKeys,
    SecretLostError,
    account_keys,
    as_typed,
    fingerprint,
    totp_of,
)
from lms.services.audit import note
from lms.services.sessions import ACCOUNT_IDLE
from lms.store.accounts import LocalAccount, SignInAttempt
from lms.store.base import Database
from lms.store.launches import LaunchSession

REMEMBERED = timedelta(days=1)
FREE_FAILURES = 5
"""In a row, by name; the next one waits."""
FIRST_LOCK = timedelta(seconds=30)
"""Doubled with each further failure."""
LONGEST_LOCK = timedelta(minutes=15)
ADDRESS_FAILURES = 30
ADDRESS_WINDOW = timedelta(hours=1)
_STEP = 30
_LONGEST_NAME = 64

_log = structlog.get_logger("akashi.accounts")


class SignInRefused(Exception):
    """Name, password or code is wrong, or the account is closed; nobody is told which."""

    def __init__(self, organisation_id: int | None = None) -> None:
        super().__init__()
        self.organisation_id = organisation_id


class SignInLocked(Exception):
    """The name or the address has to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class SignIn:
    """What was sent."""

    login_name: str
    password: str
    code: str
    address: str
    """Network address that it came from."""
    language: str
    browser: str | None


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """A session of an account: where it goes on, and the secret for the browser's cookie."""

    handle: str
    secret: str


@dataclass(frozen=True, slots=True)
class _Try:
    attempt_id: int
    account: LocalAccount | None
    failures: int
    """In a row, this one among them."""
    address_failures: int


def sign_in(database: Database, keys: KeyFolder, sent: SignIn, now: datetime) -> OpenedAccount:
    """Check a password and a code, and open a session.

    Raises:
        SignInRefused: something is wrong.
        SignInLocked: it was not even looked at.
        KeyFileFault: the key of the accounts can't be used.
    """
    name = sent.login_name.strip().lower()[:_LONGEST_NAME]
    opened = account_keys(keys)
    prints = fingerprint(opened, name), fingerprint(opened, sent.address)
    with database.transaction() as session:
        this = _begin(session, name, prints, now)
    step = _checked_step(opened, this.account, sent, now)
    with database.transaction() as session:
        if this.account is not None and step is not None and _use_step(session, this.account.id, step):
            _succeed(session, this, now)
            return _open(session, this.account, sent, now)
        _fail(session, this, now)
    raise SignInRefused(this.account.organisation_id if this.account else None)


def lock_of(failures: int) -> timedelta:
    """Return how long a name waits after so many failures in a row."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(FIRST_LOCK * (1 << min(failures - FREE_FAILURES, 10)), LONGEST_LOCK)


def _begin(session: Session, name: str, prints: tuple[bytes, bytes], now: datetime) -> _Try:
    """Count the tries so far and write this one down as a failure, for now."""
    account = session.scalar(select(LocalAccount).where(LocalAccount.login_name == name).with_for_update())
    by_name, by_address = prints
    failures, last = _failures_in_a_row(session, by_name, now)
    from_address = select(SignInAttempt.at).where(
        SignInAttempt.address_hash == by_address,
        SignInAttempt.is_success.is_(False),
        SignInAttempt.at > now - ADDRESS_WINDOW,
    )
    recent = list(session.scalars(from_address.order_by(SignInAttempt.at.desc()).limit(ADDRESS_FAILURES)))
    until = now if last is None else last + lock_of(failures)
    if len(recent) == ADDRESS_FAILURES:
        until = max(until, recent[-1] + ADDRESS_WINDOW)
    if until > now:
        raise SignInLocked(max(1, round((until - now).total_seconds())))
    row = SignInAttempt(
        organisation_id=account.organisation_id if account else None,
        login_name_hash=by_name,
        address_hash=by_address,
        at=now,
        is_success=False,
    )
    session.add(row)
    session.flush()
    return _Try(row.id, account, failures + 1, len(recent) + 1)


def _failures_in_a_row(session: Session, by_name: bytes, now: datetime) -> tuple[int, datetime | None]:
    mine = (SignInAttempt.login_name_hash == by_name, SignInAttempt.at > now - REMEMBERED)
    success = session.scalar(select(func.max(SignInAttempt.id)).where(*mine, SignInAttempt.is_success.is_(True)))
    failed = select(SignInAttempt.at).where(*mine, SignInAttempt.id > (success or 0)).order_by(SignInAttempt.id.desc())
    times = session.scalars(failed).all()
    return len(times), times[0] if times else None


def _checked_step(keys: AccountKeys, account: LocalAccount | None, sent: SignIn, now: datetime) -> int | None:
    """Return the time step of the right code beside the right password; None otherwise, after the same work."""
    reference = _nobodys_hash()
    password = as_typed(sent.password[: LONGEST_PASSWORD + 1])
    is_right = _is_password(account.password_hash if account else reference, password)
    step = _step_of(_totp(keys, account), sent.code, now)
    if account is None or account.disabled_at is not None or not is_right:
        return None
    return step


@lru_cache
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe(16))


def _is_password(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def _totp(keys: AccountKeys, account: LocalAccount | None) -> pyotp.TOTP:
    if account is not None:
        try:
            return totp_of(keys, account)
        except SecretLostError:
            _log.error("secret of an account can't be opened", account=account.id)
    return pyotp.TOTP(pyotp.random_base32())


def _step_of(totp: pyotp.TOTP, code: str, now: datetime) -> int | None:
    """Return the step, of the present one and its neighbours, whose code it is; all three are compared."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        digits = ""
    present = int(now.timestamp()) // _STEP
    found = [each for each in (present - 1, present, present + 1) if _is_code(totp, digits, each)]
    return found[-1] if found else None


def _is_code(totp: pyotp.TOTP, digits: str, step: int) -> bool:
    return pyotp.utils.strings_equal(digits, totp.generate_otp(step))


def _use_step(session: Session, account_id: int, step: int) -> bool:
    """Use a code up; False where it, or a later one, has served, or the account was closed meanwhile."""
    result = session.execute(
        update(LocalAccount)
        .where(LocalAccount.id == account_id, LocalAccount.last_totp_step < step, LocalAccount.disabled_at.is_(None))
        .values(last_totp_step=step)
    )
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE has one


def _succeed(session: Session, this: _Try, now: datetime) -> None:
    assert this.account is not None  # noqa: S101 - the caller's condition; this tells mypy
    session.execute(update(SignInAttempt).where(SignInAttempt.id == this.attempt_id).values(is_success=True))
    facts = {"account": this.account.id, "failures_before": this.failures - 1}
    note(session, "account.signed_in", f"account:{this.account.id}", now, this.account.organisation_id, **facts)


def _fail(session: Session, this: _Try, now: datetime) -> None:
    account = this.account
    organisation_id = account.organisation_id if account else None
    facts: dict[str, object] = {"account": account.id if account else None, "failures": this.failures}
    note(session, "account.refused", "anonymous", now, organisation_id, **facts)
    lock = lock_of(this.failures)
    if lock:
        seconds = int(lock.total_seconds())
        note(session, "account.locked", "anonymous", now, organisation_id, **facts, by="name", seconds=seconds)
    if this.address_failures == ADDRESS_FAILURES:
        note(session, "account.locked", "anonymous", now, organisation_id, **facts, by="address")


def _open(session: Session, account: LocalAccount, sent: SignIn, now: datetime) -> OpenedAccount:
    secret = secrets.token_urlsafe(32)
    row = LaunchSession(
        handle=secrets.token_hex(8),
        secret_hash=sha256(secret.encode()).digest(),
        organisation_id=account.organisation_id,
        kind="account",
        account_id=account.id,
        lti_roles=[],
        return_url=None,
        is_framed=False,
        language=sent.language,
        browser=sent.browser,
        created_at=now,
        touched_at=now,
        expires_at=now + ACCOUNT_IDLE,
        revoked_at=None,
    )
    session.add(row)
    return OpenedAccount(row.handle, secret)
