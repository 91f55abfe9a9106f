"""The keys that sign checkpoints and evidence packs: two files for each organisation, for the service's account alone.

The name of a ledger's key is the ledger's origin. It is made with the first checkpoint and not replaced by another when
its file is missing: readers know the ledger by it. The pack key is another one, since the ledger's signs checkpoints and
nothing else; the ledger introduces it (`lms.services.pack_keys`).

Source: quality.md §3; docs/ledger.md section 4 (checkpoint, verifier key); docs/evidence-pack.md section 3.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courses.signed_notes import NoteError, NoteVerifier, ledger_origin, pack_key_name


class LedgerKeyError(Exception):
    """A key can't be used; it carries the file's name."""

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
    return _load_or_create(_path(keys_dir, "ledger", organisation_key))


def load_ledger_key(keys_dir: Path, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key of a ledger.

    Raises:
        LedgerKeyError: the file is missing or can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    return _load(_path(keys_dir, "ledger", organisation_key))


def load_or_create_pack_key(keys_dir: Path, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key that signs an organisation's evidence packs, made now if there is none; raises as for a ledger."""
    return _load_or_create(_path(keys_dir, "pack", organisation_key))


def load_pack_key(keys_dir: Path, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key that signs an organisation's evidence packs; raises as for a ledger."""
    return _load(_path(keys_dir, "pack", organisation_key))


def _load_or_create(path: Path) -> Ed25519PrivateKey:
    try:
        return _load(path)
    except LedgerKeyMissingError:
        _create(path)
    return _load(path)


def _load(path: Path) -> Ed25519PrivateKey:
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


def pack_verifier_for(keys_dir: Path, organisation_key: str) -> NoteVerifier:
    """Return the public half of an organisation's pack key, under its name; raises as for a ledger."""
    return NoteVerifier.of(pack_key_name(organisation_key), load_pack_key(keys_dir, organisation_key).public_key())


def own_ledger_keys(keys_dir: Path) -> list[str]:
    """Return the verifier keys of the ledgers whose keys are here and can be read."""
    found = []
    for path in sorted(keys_dir.glob("ledger-*.pem")):
        with suppress(LedgerKeyError, NoteError, OSError):
            found.append(str(verifier_for(keys_dir, path.stem.removeprefix("ledger-"))))
    return found


def _path(keys_dir: Path, use: str, organisation_key: str) -> Path:
    # The origin's grammar leaves no slash and no leading dot in an organisation's key.
    return keys_dir / f"{use}-{ledger_origin(organisation_key).removeprefix('akashi/')}.pem"


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
