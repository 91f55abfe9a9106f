"""Pseudonyms: what stands for a person in a pack that goes to outsiders.

A pseudonym follows from the person's key and a secret of the organisation, so that two packs call one person the same
and nobody without the secret finds the person. The secret lies beside the ledger's key and is never replaced: a new one
would make everybody somebody else.

Source: domain.md §7 (packs are pseudonymous unless named), §8.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from courses.signed_notes import ledger_origin
from lms.config import KeyFolder
from lms.services.people import Particulars
from lms.store.key_files import load_or_create_secret

PERSON = re.compile(r"person:([0-9]{1,18})")
_ACCOUNT = re.compile(r"(identity|operator|system):.+")


def load_or_create_pseudonym_key(folder: KeyFolder, organisation_key: str) -> bytes:
    """Return the secret from which an organisation's pseudonyms are made; processes that make it at once get the same.

    Raises:
        KeyFileFault: the file is there and can't be used: others may read it, or it is damaged.
        NoteError: the organisation's key can't name a file.
    """
    return load_or_create_secret(folder, f"pseudonyms-{ledger_origin(organisation_key).removeprefix('akashi/')}.key")


@dataclass(slots=True)
class Naming:
    """How one pack writes people."""

    secret: bytes
    names: Mapping[int, Particulars | None] | None = None
    """Particulars on the as-of date; None in a pseudonymous pack."""
    used: dict[int, str] = field(default_factory=dict)
    """Pseudonym of everybody who occurs in the pack so far."""

    @property
    def is_named(self) -> bool:
        """Tell whether the pack names people."""
        return self.names is not None

    def person(self, person_id: int | None) -> str:
        """Return a person's pseudonym: ``P-`` and 12 letters or digits; nothing for nobody."""
        if person_id is None:
            return ""
        found = self.used.get(person_id)
        if found is None:
            found = self.used[person_id] = self._made("P", f"person:{person_id}")
        return found

    def account(self, identity_id: int) -> str:
        """Return the pseudonym of a platform's account that belongs to nobody on the staff list yet."""
        return self._made("A", f"identity:{identity_id}")

    def name(self, person_id: int | None) -> str:
        """Return staff number and name in a pack that names people; nothing where they are erased or not known."""
        particulars = (self.names or {}).get(person_id) if person_id is not None else None
        if particulars is None:
            return ""
        return f"{particulars.staff_number} {particulars.family_name} {particulars.given_name}".strip()

    def actor(self, text: str | None) -> str:
        """Write who did something: an office as it is, a person by pseudonym, an account of the system by its kind."""
        match = PERSON.fullmatch(text or "")
        if match is not None:
            return self.person(int(match[1]))
        account = _ACCOUNT.fullmatch(text or "")
        return account[1] if account is not None and not self.is_named else text or ""

    def grader(self, text: str | None) -> str:
        """Write who graded: what was typed is most often a name, and so ``named`` in a pack that names nobody."""
        if self.is_named or not text or PERSON.fullmatch(text):
            return self.actor(text)
        return "named"

    def _made(self, kind: str, of: str) -> str:
        digest = hmac.digest(self.secret, b"akashi pseudonym v1\0" + of.encode(), sha256)
        return f"{kind}-{base64.b32encode(digest)[:12].decode()}"
