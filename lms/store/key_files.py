"""Files of private keys: one folder, each file whole or not there, for the service's account alone, encrypted where a passphrase is set.

A private key is PKCS #8 in PEM; lines before it say what it is and since when it may sign. Another secret of 32 bytes is a
line of hexadecimal digits, or the same sealed. With a passphrase every file is written encrypted, and a plain one is
refused; `encrypt` is the way from one to the other.

Source: RFC 7468 section 2 (explanatory text before the key); RFC 5958; NIST SP 800-132.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lms.config import KeyFolder

SHORTEST_PASSPHRASE: Final = 20
"""Characters. PKCS #8 stretches a passphrase by some thousand rounds only: it has to be a random one."""
SECRET_LENGTH: Final = 32
_PATTERNS: Final = ("*.pem", "*.key")
_TEMPORARY: Final = ".new-"
_SEALED: Final = "akashi-sealed-1"
_ENCRYPTED_PEM: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_BEGIN: Final = b"-----BEGIN"


class KeyFileFault(Exception):
    """A key file that must not or cannot be used; it carries the file's name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class KeyFileMissing(KeyFileFault):
    """There is no such file."""


class KeyFileExposed(KeyFileFault):
    """Others than the owner may read or write the file."""


class KeyFileUnreadable(KeyFileFault):
    """The file does not hold a key of the kind that is wanted."""


class KeyFileLocked(KeyFileUnreadable):
    """The file is encrypted, and with another passphrase than the one set, or none is set."""


class KeyFilePlain(KeyFileUnreadable):
    """A passphrase is set, and the file is not encrypted: ``akashi keys encrypt``."""


class PassphraseFault(KeyFileFault):
    """The file of the passphrase is missing, open to others, or holds too short a one."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One file as it lies in the folder."""

    name: str
    is_encrypted: bool
    is_exposed: bool


def read_private_key(folder: KeyFolder, name: str) -> tuple[PrivateKeyTypes, str]:
    """Return a private key and the lines before it.

    Raises:
        KeyFileFault: one of its kinds says why not.
    """
    content = _read(folder.path / name)
    return _opened(content, name, read_passphrase(folder)), content.partition(_BEGIN)[0].decode("utf-8", "replace")


def write_new_private_key(folder: KeyFolder, name: str, key: PrivateKeyTypes, lines: str = "") -> bool:
    """Write a complete key under a name that is free; False if another process has written one first."""
    return _write_new(folder.path / name, lines.encode() + _as_pem(key, read_passphrase(folder)))


def load_or_create_secret(folder: KeyFolder, name: str) -> bytes:
    """Return a secret of 32 bytes, made now if there is none; processes that do so at once get the same one.

    Raises:
        KeyFileFault: the file is there and can't be used.
    """
    path = folder.path / name
    if not path.exists():
        _write_new(path, _as_text(secrets.token_bytes(SECRET_LENGTH), read_passphrase(folder)))
    return _secret_of(_read(path), name, read_passphrase(folder))


def key_files(folder: KeyFolder) -> list[KeyFile]:
    """Return the files of the folder, by name; nothing is decrypted."""
    paths = sorted(path for pattern in _PATTERNS for path in folder.path.glob(pattern))
    return [KeyFile(path.name, _is_encrypted(path.read_bytes()), _is_exposed(path)) for path in paths]


def check_key_files(folder: KeyFolder) -> None:
    """Open every file of the folder, so that a wrong passphrase is found at the start.

    Raises:
        PassphraseFault: the passphrase can't be read.
        KeyFileLocked: a file is encrypted with another passphrase.
        KeyFilePlain: a file is not encrypted, and should be.
    """
    passphrase = read_passphrase(folder)
    for file in key_files(folder):
        try:
            _content_of(file.name)((folder.path / file.name).read_bytes(), file.name, passphrase)
        except (KeyFileLocked, KeyFilePlain):
            raise
        except KeyFileUnreadable:
            continue  # said where it is used: one organisation's damaged key stops no other's


def read_passphrase(folder: KeyFolder) -> bytes | None:
    """Return the passphrase of the folder; None where none is set.

    Raises:
        PassphraseFault: its file is missing, open to others, or holds too short a one.
    """
    return None if folder.passphrase_file is None else _passphrase_in(folder.passphrase_file)


def encrypt(folder: KeyFolder, former: Path | None = None) -> list[str]:
    """Write every file anew under the passphrase that is set, and return the names of those that were not yet.

    Everything is opened before anything is written. Each file is replaced whole; what lay there is overwritten.

    Args:
        folder: the folder with its passphrase.
        former: file of the passphrase under which files are encrypted now, if they are.

    Raises:
        KeyFileFault: no passphrase is set, or a file can't be opened; nothing was written.
    """
    passphrase = read_passphrase(folder)
    if passphrase is None:
        raise PassphraseFault("")
    before = None if former is None else _passphrase_in(former)
    wanted: dict[str, bytes] = {}
    for file in key_files(folder):
        content = _read(folder.path / file.name)
        if file.is_encrypted and _is_openable(content, file.name, passphrase):
            continue
        wanted[file.name] = _rewritten(content, file.name, before if file.is_encrypted else None, passphrase)
    for name, content in wanted.items():
        _replace(folder.path / name, content)
    _remove_remains(folder.path)
    return list(wanted)


def remove_key_file(folder: KeyFolder, name: str) -> None:
    """Take a file away for good: its content is overwritten where the disk lets it be."""
    path = folder.path / name
    with path.open("r+b", buffering=0) as file:
        path.unlink()
        _blot_out(file.fileno())
    flush_directory(folder.path)


def flush_directory(directory: Path) -> None:
    """Make sure that names made or removed in a folder outlive a crash."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _passphrase_in(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        is_exposed = _is_exposed(path)
    except OSError:
        raise PassphraseFault(path.name) from None
    passphrase = content.strip()
    if is_exposed or len(passphrase) < SHORTEST_PASSPHRASE:
        raise PassphraseFault(path.name)
    return passphrase


def _is_exposed(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyFileMissing(path.name) from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise KeyFileExposed(path.name)
        return file.read()


def _is_encrypted(content: bytes) -> bool:
    return _ENCRYPTED_PEM in content or content.startswith(_SEALED.encode())


def _opened(content: bytes, name: str, passphrase: bytes | None) -> PrivateKeyTypes:
    is_encrypted = _is_encrypted(content)
    try:
        return serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError):
        if is_encrypted:
            raise KeyFileLocked(name) from None
    if passphrase is not None and _BEGIN in content:
        raise KeyFilePlain(name)
    raise KeyFileUnreadable(name)


def _secret_of(content: bytes, name: str, passphrase: bytes | None) -> bytes:
    if _is_encrypted(content):
        if passphrase is None:
            raise KeyFileLocked(name)
        try:
            _mark, salt, token = content.decode("ascii").split()
            secret = _sealer(passphrase, bytes.fromhex(salt)).decrypt(token)
        except (ValueError, InvalidToken):
            raise KeyFileLocked(name) from None
    elif passphrase is not None:
        raise KeyFilePlain(name)
    else:
        try:
            secret = bytes.fromhex(content.decode("ascii").strip())
        except ValueError:
            raise KeyFileUnreadable(name) from None
    if len(secret) != SECRET_LENGTH:
        raise KeyFileUnreadable(name)
    return secret


def _content_of(name: str) -> Callable[[bytes, str, bytes | None], object]:
    return _opened if name.endswith(".pem") else _secret_of


def _is_openable(content: bytes, name: str, passphrase: bytes) -> bool:
    try:
        _content_of(name)(content, name, passphrase)
    except KeyFileUnreadable:
        return False
    return True


def _rewritten(content: bytes, name: str, former: bytes | None, passphrase: bytes) -> bytes:
    if name.endswith(".pem"):
        return content.partition(_BEGIN)[0] + _as_pem(_opened(content, name, former), passphrase)
    return _as_text(_secret_of(content, name, former), passphrase)


def _as_pem(key: PrivateKeyTypes, passphrase: bytes | None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _as_text(secret: bytes, passphrase: bytes | None) -> bytes:
    if passphrase is None:
        return f"{secret.hex()}\n".encode()
    salt = secrets.token_bytes(16)
    return f"{_SEALED} {salt.hex()} {_sealer(passphrase, salt).encrypt(secret).decode()}\n".encode()


def _sealer(passphrase: bytes, salt: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(Scrypt(salt, length=32, n=2**14, r=8, p=1).derive(passphrase)))


def _temporary(directory: Path, content: bytes) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=_TEMPORARY)  # mkstemp makes it 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(temporary)


def _write_new(path: Path, content: bytes) -> bool:
    temporary = _temporary(path.parent, content)
    try:
        # A hard link appears whole or not at all, and never replaces a file that is there.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    flush_directory(path.parent)
    return True


def _replace(path: Path, content: bytes) -> None:
    temporary = _temporary(path.parent, content)
    with path.open("r+b", buffering=0) as former:
        facts = os.fstat(former.fileno())
        os.utime(temporary, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # a key without lines tells its age by it
        temporary.replace(path)
        flush_directory(path.parent)
        _blot_out(former.fileno())


def _blot_out(descriptor: int) -> None:
    """Overwrite a file that has no name any more; one that has another name is somebody's copy and is left."""
    facts = os.fstat(descriptor)
    if facts.st_nlink == 0:
        os.pwrite(descriptor, bytes(facts.st_size), 0)
        os.fsync(descriptor)


def _remove_remains(directory: Path) -> None:
    """Remove what a crash in the middle of a write left: it may be a plain key."""
    for path in directory.glob(f"{_TEMPORARY}*"):
        with suppress(FileNotFoundError):
            path.unlink()
