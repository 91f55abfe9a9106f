"""The tool's own RSA keys: what it signs with, and what it publishes for platforms to verify with.

Each key is a file of its own, numbered from 1, and all are published. The newest whose time to sign has come signs: a new
key is published some hours before, because platforms keep our key set for a while, and its predecessor stays published
until it is retired.

Source: RFC 7517, RFC 7638 (the key id is the key's thumbprint); 1EdTech Security Framework 1.0, section 6;
docs/adr/0013-tool-keys-overlap-by-date.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import jwt
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pylti1p3.registration import Registration as StockRegistration

from lms.config import KeyFolder
from lms.store.key_files import (
    KeyFileFault,
    KeyFileUnreadable,
    read_private_key,
    remove_key_file,
    write_new_private_key,
)

ALGORITHM: Final = "RS256"
KEY_BITS: Final = 2048
PUBLISHED_BEFORE: Final = timedelta(hours=24)
"""How long a new key is published before it signs: as long as we ourselves keep a platform's key set unasked."""
OVERLAP: Final = timedelta(hours=24)
"""How long a key stays published after its successor has begun to sign."""
ROTATION_DUE: Final = timedelta(days=365)
_PATTERN: Final = "tool-key-*.pem"
_FILE_NAME: Final = re.compile(r"tool-key-(\d{4,9})\.pem")
_SIGNS_FROM: Final = re.compile(r"^Signs from: (\S+)$", re.MULTILINE)
_MADE: Final = re.compile(r"^Made: (\S+)$", re.MULTILINE)

_log = structlog.get_logger("akashi.keys")


class RotationUnderway(Exception):
    """A new key waits already for its time to sign."""

    def __init__(self, key: "ToolKey") -> None:
        super().__init__(key.number)
        self.key = key


class KeyInUse(Exception):
    """The key signs, is about to, or has signed a short while ago."""

    def __init__(self, standing: "KeyStanding") -> None:
        super().__init__(standing.key.number)
        self.standing = standing


class UnknownKey(LookupError):
    """There is no key of this number."""


@dataclass(frozen=True)
class ToolKey:
    """One key pair."""

    kid: str
    """The RFC 7638 thumbprint."""
    private_key: rsa.RSAPrivateKey
    """An object and not a text: parsing it for each signature would cost a hundred times the signature."""
    public_jwk: Mapping[str, str]
    """The public half as it is published."""
    number: int
    """What its file is called by."""
    made_at: datetime
    signs_from: datetime | None
    """None: since it was made."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The claims as a compact RS256 token that names this key."""
        return jwt.encode(dict(claims), self.private_key, algorithm=ALGORITHM, headers={"kid": self.kid})

    @property
    def file_name(self) -> str:
        """The file in the folder of keys."""
        return f"tool-key-{self.number:04}.pem"

    @property
    def began_at(self) -> datetime:
        """When it began to sign, or will."""
        return self.signs_from or self.made_at


class KeyState(StrEnum):
    """What a key is for at a moment."""

    UPCOMING = "upcoming"
    """Published, and not signing yet."""
    SIGNING = "signing"
    OVERLAPPING = "overlapping"
    """Its successor signs, and platforms may have seen its own signatures a short while ago."""
    SPENT = "spent"
    """May be retired."""


@dataclass(frozen=True)
class KeyStanding:
    """A key and what it is for."""

    key: ToolKey
    state: KeyState
    until: datetime | None
    """When an upcoming key begins to sign, or an overlapping one is spent."""


@dataclass(frozen=True)
class ToolKeys:
    """All keys of this installation, oldest first."""

    keys: tuple[ToolKey, ...]

    def signer(self, now: datetime) -> ToolKey:
        """The key that signs: the newest whose time has come."""
        ready = [key for key in self.keys if key.signs_from is None or key.signs_from <= now]
        return ready[-1] if ready else self.keys[0]

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The document published for platforms."""
        return {"keys": [dict(key.public_jwk) for key in self.keys]}

    def standings(self, now: datetime) -> list[KeyStanding]:
        """What each key is for, oldest first."""
        return [self._standing(key, self.signer(now), now) for key in self.keys]

    def _standing(self, key: ToolKey, signer: ToolKey, now: datetime) -> KeyStanding:
        if key is signer:
            return KeyStanding(key, KeyState.SIGNING, None)
        if key.number > signer.number:
            return KeyStanding(key, KeyState.UPCOMING, key.signs_from)
        spent_at = min(each.began_at for each in self.keys if key.number < each.number <= signer.number) + OVERLAP
        state = KeyState.OVERLAPPING if now < spent_at else KeyState.SPENT
        return KeyStanding(key, state, spent_at)


class ToolKeyring:
    """The keys of a running process: a look at the folder at each use finds what was rotated or retired meanwhile."""

    def __init__(self, folder: KeyFolder) -> None:
        """Load the keys, after making the first one if there is none.

        Raises:
            KeyFileFault: a file can't be used.
        """
        self._folder = folder
        self._refused: object = None
        self._seen = _listing(folder)
        self._keys = load_or_create(folder)

    def keys(self) -> ToolKeys:
        """All keys as they are now; those known before, where one in the folder can't be read."""
        listing = _listing(self._folder)
        if listing != self._seen and listing:
            try:
                self._keys, self._seen = load_or_create(self._folder), listing
            except (KeyFileFault, OSError) as fault:
                if listing != self._refused:
                    _log.error("keys not taken over", error=type(fault).__name__, file=getattr(fault, "name", ""))
                self._refused = listing
        return self._keys

    def signer(self, now: datetime) -> ToolKey:
        """The key that signs."""
        return self.keys().signer(now)

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The document published for platforms."""
        return self.keys().public_jwks()


def load_or_create(folder: KeyFolder) -> ToolKeys:
    """The keys in a folder, after making the first one if there is none; safe in several processes at once.

    Raises:
        KeyFileFault: A file can't be used: open to others, no RSA key, another passphrase.
    """
    if not any(folder.path.glob(_PATTERN)):
        write_new_private_key(folder, "tool-key-0001.pem", rsa.generate_private_key(65537, KEY_BITS))
    return ToolKeys(tuple(_load(folder, name) for name in sorted(path.name for path in folder.path.glob(_PATTERN))))


def add_key(folder: KeyFolder, now: datetime, signs_after: timedelta = PUBLISHED_BEFORE) -> ToolKey:
    """Put a new key after the present ones, which stay published; it signs after a while, at once with zero.

    Raises:
        RotationUnderway: another new key waits for its time already.
        KeyFileFault: A file can't be used.
    """
    keys = load_or_create(folder)
    if signs_after and keys.signer(now) is not keys.keys[-1]:
        raise RotationUnderway(keys.keys[-1])
    key = rsa.generate_private_key(65537, KEY_BITS)
    lines = f"Akashi tool key\nMade: {_stamp(now)}\nSigns from: {_stamp(now + signs_after)}\n"
    number = keys.keys[-1].number + 1
    if not write_new_private_key(folder, f"tool-key-{number:04}.pem", key, lines):
        raise RotationUnderway(_load(folder, f"tool-key-{number:04}.pem"))
    return _load(folder, f"tool-key-{number:04}.pem")


def retire_key(folder: KeyFolder, number: int, now: datetime, *, is_forced: bool = False) -> ToolKey:
    """Take a key away for good, so that nothing signed with it is believed any more.

    Raises:
        UnknownKey: there is no such key.
        KeyInUse: it is not spent; forcing helps, save for the only one.
        KeyFileFault: A file can't be used.
    """
    standings = load_or_create(folder).standings(now)
    found = next((each for each in standings if each.key.number == number), None)
    if found is None:
        raise UnknownKey(number)
    if found.state is not KeyState.SPENT and (len(standings) == 1 or not is_forced):
        raise KeyInUse(found)
    remove_key_file(folder, found.key.file_name)
    return found.key


def _listing(folder: KeyFolder) -> tuple[tuple[str, int, int, int], ...]:
    found = []
    for path in folder.path.glob(_PATTERN):
        facts = path.stat()
        found.append((path.name, facts.st_ino, facts.st_mtime_ns, facts.st_mode))
    return tuple(sorted(found))


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _load(folder: KeyFolder, name: str) -> ToolKey:
    match = _FILE_NAME.fullmatch(name)
    key, lines = read_private_key(folder, name)
    if match is None or not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS:
        raise KeyFileUnreadable(name)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = {name: str(value) for name, value in StockRegistration.get_jwk(public.decode()).items()}
    made_at = _time_in(_MADE, lines, name) or datetime.fromtimestamp((folder.path / name).stat().st_mtime, UTC)
    return ToolKey(jwk["kid"], key, jwk, int(match[1]), made_at, _time_in(_SIGNS_FROM, lines, name))


def _time_in(pattern: re.Pattern[str], lines: str, name: str) -> datetime | None:
    match = pattern.search(lines)
    if match is None:
        return None
    try:
        found = datetime.fromisoformat(match[1])
    except ValueError:
        raise KeyFileUnreadable(name) from None
    if found.tzinfo is None:
        raise KeyFileUnreadable(name)
    return found
