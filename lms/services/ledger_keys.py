"""The keys that sign checkpoints and evidence packs: two files for each organisation, for the service's account alone.

The name of a ledger's key is the ledger's origin. It is made with the first checkpoint and not replaced by another when
its file is missing: readers know the ledger by it. The pack key is another one, since the ledger's signs checkpoints and
nothing else; the ledger introduces it (`lms.services.pack_keys`).

Source: quality.md §3; docs/ledger.md section 4 (checkpoint, verifier key); docs/evidence-pack.md section 3.
"""

from __future__ import annotations

from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courses.signed_notes import NoteError, NoteVerifier, ledger_origin, pack_key_name
from lms.config import KeyFolder
from lms.store.key_files import (
    KeyFileFault,
    KeyFileMissing,
    KeyFileUnreadable,
    read_private_key,
    write_new_private_key,
)


def load_or_create_ledger_key(folder: KeyFolder, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key of a ledger, made now if there is none; processes that do so at once get the same one.

    Raises:
        KeyFileFault: the file is there and can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    return _load_or_create(folder, _name("ledger", organisation_key))


def load_ledger_key(folder: KeyFolder, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key of a ledger.

    Raises:
        KeyFileFault: the file is missing or can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    return _load(folder, _name("ledger", organisation_key))


def load_or_create_pack_key(folder: KeyFolder, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key that signs an organisation's evidence packs, made now if there is none; raises as for a ledger."""
    return _load_or_create(folder, _name("pack", organisation_key))


def load_pack_key(folder: KeyFolder, organisation_key: str) -> Ed25519PrivateKey:
    """Return the key that signs an organisation's evidence packs; raises as for a ledger."""
    return _load(folder, _name("pack", organisation_key))


def verifier_for(folder: KeyFolder, organisation_key: str) -> NoteVerifier:
    """Return the public half of a ledger's key, under its name.

    Raises:
        KeyFileFault: the file is missing or can't be used.
        NoteError: the organisation's key can't name a ledger.
    """
    return NoteVerifier.of(ledger_origin(organisation_key), load_ledger_key(folder, organisation_key).public_key())


def pack_verifier_for(folder: KeyFolder, organisation_key: str) -> NoteVerifier:
    """Return the public half of an organisation's pack key, under its name; raises as for a ledger."""
    return NoteVerifier.of(pack_key_name(organisation_key), load_pack_key(folder, organisation_key).public_key())


def own_ledger_keys(folder: KeyFolder) -> list[str]:
    """Return the verifier keys of the ledgers whose keys are here and can be read."""
    found = []
    for path in sorted(folder.path.glob("ledger-*.pem")):
        with suppress(KeyFileFault, NoteError, OSError):
            found.append(str(verifier_for(folder, path.stem.removeprefix("ledger-"))))
    return found


def _name(use: str, organisation_key: str) -> str:
    # The origin's grammar leaves no slash and no leading dot in an organisation's key.
    return f"{use}-{ledger_origin(organisation_key).removeprefix('akashi/')}.pem"


def _load_or_create(folder: KeyFolder, name: str) -> Ed25519PrivateKey:
    try:
        return _load(folder, name)
    except KeyFileMissing:
        write_new_private_key(folder, name, Ed25519PrivateKey.generate())
    return _load(folder, name)


def _load(folder: KeyFolder, name: str) -> Ed25519PrivateKey:
    key, _ = read_private_key(folder, name)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileUnreadable(name)
    return key
