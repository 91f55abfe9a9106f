"""The keys that sign checkpoints: one file for each organisation, readable by the worker's account alone.

The key's name is the ledger's origin. A key is made with the first checkpoint and not replaced by another when its file
is missing: readers know the ledger by it.

Source: quality.md §3; docs/ledger.md section 4 (checkpoint, verifier key).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courses.signed_notes import NoteVerifier, ledger_origin


class LedgerKeyError(Exception):
    """A ledger's key can't be used; it carries the file's name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class LedgerKeyMissingError(LedgerKeyError):
    """There is no such file."""


class LedgerKeyExposedError(LedgerKeyError):
    """Others than the owner may read or write the file."""


class LedgerKeyUnreadableError(LedgerKeyError):
    """The file is not an Ed25519 private key in PEM."""


def load_or_create_ledger_key(keys_dir: Path, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key of a ledger, made now if there is none; processes that do so at once get the same one.

    Raises:
        LedgerKeyError: the file is there and can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    try:
        return load_ledger_key(keys_dir, organisation_key)
    except LedgerKeyMissingError:
        _create(_path(keys_dir, organisation_key))
    return load_ledger_key(keys_dir, organisation_key)


def load_ledger_key(keys_dir: Path, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key of a ledger.

    Raises:
        LedgerKeyError: the file is missing or can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    path = _path(keys_dir, organisation_key)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise LedgerKeyMissingError(path.name) from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise LedgerKeyExposedError(path.name)
        pem = file.read()
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise LedgerKeyUnreadableError(path.name) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerKeyUnreadableError(path.name)
    return key


def verifier_for(keys_dir: Path, organisation_key: str) -> NoteVerifier:
    """Return the public half of a ledger's key, under its name.

    Raises:
        LedgerKeyError: the file is missing or can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    return NoteVerifier.of(ledger_origin(organisation_key), load_ledger_key(keys_dir, organisation_key).public_key())


def _path(keys_dir: Path, organisation_key: str) -> Path:
    # The origin's grammar leaves no slash and no leading dot in an organisation's key.
    return keys_dir / f"ledger-{ledger_origin(organisation_key).removeprefix('akashi/')}.pem"


def _create(path: Path) -> None:
    """Write a complete key, or leave the one that another process wrote first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(
                Ed25519PrivateKey.generate().private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            file.flush()
            os.fsync(file.fileno())
        try:
            # A hard link appears whole or not at all, and never replaces a file that is there.
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
    _flush_directory(path.parent)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
