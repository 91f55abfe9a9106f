"""Signed notes and checkpoints: how a root leaves the house under the ledger's signature.

Glossary: a *note* is a text with signature lines under it; a *checkpoint* is a note whose text says a ledger's
origin, its size in leaves and its root; a *verifier key* is the one line by which a reader knows whose signature to
expect. Only Ed25519 (type 1) is written and accepted.

Source: C2SP signed-note and tlog-checkpoint (c2sp.org), RFC 8032. docs/ledger.md says where we are stricter.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courses.ledger import EMPTY_ROOT, HASH_LENGTH, is_organisation_key

MOST_SIGNATURES = 100
LARGEST_SIZE = 2**63 - 1

_ED25519 = b"\x01"
_PUBLIC_KEY_LENGTH = 32
_KEY_ID_LENGTH = 4
_DASH = "\N{EM DASH}"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(Exception):
    """A note, a checkpoint or a key cannot be written or believed."""


class MalformedNoteError(NoteError):
    """A text is not a signed note, or cannot become one."""


class SignatureLineError(MalformedNoteError):
    """A signature line breaks the format."""

    def __init__(self, line_number: int) -> None:
        super().__init__(line_number)
        self.line_number = line_number


class TooManySignaturesError(MalformedNoteError):
    """A note has more than MOST_SIGNATURES lines under it."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class KeyNameError(NoteError):
    """A key's name is empty or holds a space, a plus or a control character."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class VerifierKeyError(NoteError):
    """A text is not the verifier key of an Ed25519 key."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class UnknownSignerError(NoteError):
    """No line of a note is signed by the expected key."""

    def __init__(self, name: str, key_id: bytes) -> None:
        super().__init__(name, key_id)
        self.name, self.key_id = name, key_id


class WrongSignatureError(NoteError):
    """A line names the expected key, and its signature is not over this text."""

    def __init__(self, name: str, key_id: bytes) -> None:
        super().__init__(name, key_id)
        self.name, self.key_id = name, key_id


class MalformedCheckpointError(NoteError):
    """The text of a note is not a checkpoint; the member says which part."""

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member


class OriginMismatchError(NoteError):
    """A checkpoint speaks for another ledger than its key."""

    def __init__(self, origin: str, expected: str) -> None:
        super().__init__(origin, expected)
        self.origin, self.expected = origin, expected


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """The public key whose signature a reader expects, under the name that it signs with."""

    name: str
    """The key's name; for a ledger, its origin."""
    public_key: bytes
    """The Ed25519 public key, 32 bytes."""

    def __post_init__(self) -> None:
        _check_key_name(self.name)
        if len(self.public_key) != _PUBLIC_KEY_LENGTH:
            raise VerifierKeyError(self.name)

    @classmethod
    def of(cls, name: str, public_key: Ed25519PublicKey) -> Self:
        """Take the verifier from a public key."""
        return cls(name, public_key.public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key.

        Raises:
            NoteError: the text is none, or its key id does not belong to its key.
        """
        name, _, rest = text.partition("+")
        hint, _, encoded = rest.partition("+")
        key = _strict_base64(encoded)
        if key is None or key[:1] != _ED25519:
            raise VerifierKeyError(text)
        verifier = cls(name, key[1:])
        if hint != verifier.key_id.hex():
            raise VerifierKeyError(text)
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names the key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_LENGTH]

    def __str__(self) -> str:
        """Write the verifier key: name, key id in hex and key in Base64, joined by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    def is_signature(self, signature: bytes, body: str) -> bool:
        """Say whether these are the key's 64 bytes over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, body.encode())
        except InvalidSignature:
            return False
        return True


def sign_note(body: str, name: str, private_key: Ed25519PrivateKey) -> str:
    """Sign a text, which ends with a newline, and give the whole note.

    Raises:
        MalformedNoteError: the text can't stand in a note.
        KeyNameError: the name can't stand in a signature line.
    """
    verifier = NoteVerifier.of(name, private_key.public_key())
    if not body.endswith("\n") or not _is_clean(body):
        raise MalformedNoteError
    signature = base64.b64encode(verifier.key_id + private_key.sign(body.encode())).decode()
    return f"{body}\n{_DASH} {name} {signature}\n"


def open_note(text: str, verifier: NoteVerifier) -> str:
    """Give the text of a note that the expected key has signed.

    Raises:
        MalformedNoteError: the text is not a note.
        UnknownSignerError: the expected key has not signed it; other keys' lines do not count.
        WrongSignatureError: it is named as a signer and has not signed this text.
    """
    body, lines = _split_note(text)
    key_id = verifier.key_id
    own_signatures = []
    for number, line in enumerate(lines, start=1):
        name, hint, signature = _signature_line(line, number)
        if name == verifier.name and hint == key_id:
            own_signatures.append(signature)
    if not own_signatures:
        raise UnknownSignerError(verifier.name, key_id)
    if not all(verifier.is_signature(signature, body) for signature in own_signatures):
        raise WrongSignatureError(verifier.name, key_id)
    return body


def _split_note(text: str) -> tuple[str, list[str]]:
    blank = text.rfind("\n\n")
    if blank < 0 or not text.endswith("\n") or not _is_clean(text):
        raise MalformedNoteError
    lines = text[blank + 2 : -1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise TooManySignaturesError(len(lines))
    return text[: blank + 1], lines


def _signature_line(line: str, number: int) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    decoded = _strict_base64(encoded)
    if dash != _DASH or not _is_key_name(name) or decoded is None or len(decoded) <= _KEY_ID_LENGTH:
        raise SignatureLineError(number)
    return name, decoded[:_KEY_ID_LENGTH], decoded[_KEY_ID_LENGTH:]


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return _CONTROL.search(text) is None


def _is_key_name(name: str) -> bool:
    return name != "" and _is_clean(name) and not any(sign == "+" or sign.isspace() for sign in name)


def _check_key_name(name: str) -> None:
    if not _is_key_name(name):
        raise KeyNameError(name)


def _strict_base64(text: str) -> bytes | None:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # The decoder overlooks set bits behind the last byte and padding in excess; one value has one spelling here.
    return decoded if base64.b64encode(decoded).decode() == text else None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A ledger's root at a size."""

    origin: str
    """Whose ledger: `akashi/` and the organisation's key."""
    size: int
    """The number of leaves."""
    root: bytes
    """The root over them, 32 bytes."""

    def __post_init__(self) -> None:
        if not _is_key_name(self.origin):
            raise MalformedCheckpointError("origin")
        if not 0 <= self.size <= LARGEST_SIZE:
            raise MalformedCheckpointError("size")
        if len(self.root) != HASH_LENGTH or (self.size == 0 and self.root != EMPTY_ROOT):
            raise MalformedCheckpointError("root")


def ledger_origin(organisation_key: str) -> str:
    """Give the origin of an organisation's ledger, which is also the name of its key.

    Raises:
        KeyNameError: the key is not one of an organisation.
    """
    if not is_organisation_key(organisation_key):
        raise KeyNameError(organisation_key)
    return f"akashi/{organisation_key}"


def pack_key_name(organisation_key: str) -> str:
    """Give the name of the key that signs an organisation's evidence packs.

    Raises:
        KeyNameError: the key is not one of an organisation.
    """
    return f"{ledger_origin(organisation_key)}/pack"


def checkpoint_body(checkpoint: Checkpoint) -> str:
    """Write the three lines that are signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def parse_checkpoint(body: str) -> Checkpoint:
    """Read the three lines of a checkpoint; extension lines are refused, since the ledger writes none.

    Raises:
        MalformedCheckpointError: a part is missing, misspelt or in excess.
    """
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedCheckpointError("lines")
    origin, size, encoded_root, _ = lines
    if _SIZE.fullmatch(size) is None:
        raise MalformedCheckpointError("size")
    root = _strict_base64(encoded_root)
    if root is None:
        raise MalformedCheckpointError("root")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, private_key: Ed25519PrivateKey) -> str:
    """Sign a checkpoint under the name of its origin."""
    return sign_note(checkpoint_body(checkpoint), checkpoint.origin, private_key)


def open_checkpoint(text: str, verifier: NoteVerifier) -> Checkpoint:
    """Read a checkpoint that the ledger's own key has signed.

    Raises:
        NoteError: it is malformed, not signed by the key, or speaks for another ledger than the key's name.
    """
    checkpoint = parse_checkpoint(open_note(text, verifier))
    if checkpoint.origin != verifier.name:
        raise OriginMismatchError(checkpoint.origin, verifier.name)
    return checkpoint
