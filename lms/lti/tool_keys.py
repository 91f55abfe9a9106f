"""The tool's own RSA keys: what it signs with, and what it publishes for platforms to verify with.

Each key is a file of its own, numbered from 1; the highest number signs and all are published, so that a new key and
its predecessor overlap until the old file is taken away.

Source: RFC 7517, RFC 7638 (the key id is the key's thumbprint); 1EdTech Security Framework 1.0, section 6.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pylti1p3.registration import Registration as StockRegistration

ALGORITHM: Final = "RS256"
KEY_BITS: Final = 2048
_PATTERN: Final = "tool-key-*.pem"


class KeyFileFault(Exception):
    """A key file that must not or cannot be used; it carries the file's name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class KeyFileOpen(KeyFileFault):
    """Others than the owner may read or write the file."""


class KeyFileUnreadable(KeyFileFault):
    """Not an RSA private key in PEM, or another passphrase."""


@dataclass(frozen=True)
class ToolKey:
    """One key pair."""

    kid: str
    """The RFC 7638 thumbprint."""
    private_key: rsa.RSAPrivateKey
    """An object and not a text: parsing it for each signature would cost a hundred times the signature."""
    public_jwk: Mapping[str, str]
    """The public half as it is published."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The claims as a compact RS256 token that names this key."""
        return jwt.encode(dict(claims), self.private_key, algorithm=ALGORITHM, headers={"kid": self.kid})


@dataclass(frozen=True)
class ToolKeys:
    """All keys of this installation, oldest first."""

    keys: tuple[ToolKey, ...]

    @property
    def current(self) -> ToolKey:
        """The key that signs."""
        return self.keys[-1]

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The document published for platforms."""
        return {"keys": [dict(key.public_jwk) for key in self.keys]}


def load_or_create(directory: Path, passphrase: bytes | None = None) -> ToolKeys:
    """The keys in a directory, after making the first one if there is none; safe in several processes at once.

    With a passphrase, private keys are written encrypted and must be encrypted when read.

    Raises:
        KeyFileOpen: A file's permissions are wider than its owner.
        KeyFileUnreadable: A file is no RSA key, or its passphrase is another one.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(directory.glob(_PATTERN)):
        _create(directory, 1, passphrase)
    return ToolKeys(tuple(_load(path, passphrase) for path in sorted(directory.glob(_PATTERN))))


def add_key(directory: Path, passphrase: bytes | None = None) -> ToolKeys:
    """Put a new key after the present ones, which stay published, and return them all.

    Raises:
        KeyFileOpen: A file's permissions are wider than its owner.
        KeyFileUnreadable: A file is no RSA key, or its passphrase is another one.
    """
    load_or_create(directory, passphrase)
    last = max(int(path.stem.rpartition("-")[2]) for path in directory.glob(_PATTERN))
    _create(directory, last + 1, passphrase)
    return load_or_create(directory, passphrase)


def _create(directory: Path, number: int, passphrase: bytes | None) -> None:
    """Write a complete key under its number, or leave the one that another process wrote first."""
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".new-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_as_pem(rsa.generate_private_key(65537, KEY_BITS), passphrase))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A hard link appears whole or not at all, and never replaces a file that is there.
            os.link(temporary, directory / f"tool-key-{number:04}.pem")
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
    _flush_directory(directory)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_pem(key: rsa.RSAPrivateKey, passphrase: bytes | None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _load(path: Path, passphrase: bytes | None) -> ToolKey:
    if path.stat().st_mode & 0o077:
        raise KeyFileOpen(path.name)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except (ValueError, TypeError):
        raise KeyFileUnreadable(path.name) from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS:
        raise KeyFileUnreadable(path.name)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = {name: str(value) for name, value in StockRegistration.get_jwk(public.decode()).items()}
    return ToolKey(jwk["kid"], key, jwk)
