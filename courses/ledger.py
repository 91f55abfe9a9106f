"""The rules of the ledger: an event's bytes, commitments to personal values, the hash tree and its proofs.

Glossary: an *event* is a JSON object about one row that was recorded; its *payload* is that object's canonical bytes;
its *leaf* is the payload's hash; the *tree* is the history tree over the leaves in their order; a *root* stands for
all of them. Everything here is format 1, which docs/ledger.md fixes byte for byte.

Source: RFC 8785 (canonical JSON), RFC 2104 (HMAC), RFC 9162 section 2.1 (tree and proofs).
"""

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

import rfc8785

EVENT_FORMAT = 1
HASH_LENGTH = 32
SALT_LENGTH = 32
LARGEST_INTEGER = 2**53 - 1
DEEPEST_NESTING = 32
EMPTY_ROOT = sha256(b"").digest()

_FIELD_SALT_PREFIX = b"akashi field salt v1\0"
_NULL = b"\x00"
_TEXT = b"\x01"

_MEMBER_NAME = re.compile(r"[\x20-\x7e]{1,128}")
_EVENT_TYPE = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_ORGANISATION_KEY = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[._-][a-z0-9]+)*")
_ACTOR_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FIELD = re.compile(r"(?=.{1,128}\Z)[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
_FRONTIER = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{64})*")


class LedgerError(Exception):
    """A value cannot enter the ledger, or is not what the ledger wrote."""


class UnsupportedValueError(LedgerError):
    """A value is of a type that format 1 does not know."""

    def __init__(self, path: str, type_name: str) -> None:
        super().__init__(path, type_name)
        self.path, self.type_name = path, type_name


class FloatInEventError(UnsupportedValueError):
    """A value is a float, whose decimal form is no fact anybody entered."""


class IntegerRangeError(LedgerError):
    """An integer lies outside ±(2^53 - 1), where JSON readers begin to round."""

    def __init__(self, path: str, value: int) -> None:
        super().__init__(path, value)
        self.path, self.value = path, value


class UnpairedSurrogateError(LedgerError):
    """A text holds half of a surrogate pair and therefore has no UTF-8 form."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NestingError(LedgerError):
    """Lists and objects are nested deeper than DEEPEST_NESTING."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class MalformedMemberError(LedgerError):
    """A member of an event, or a member's name, breaks its grammar."""

    def __init__(self, member: str, value: object) -> None:
        super().__init__(member, value)
        self.member, self.value = member, value


class NaiveTimeError(LedgerError):
    """A recorded time does not say its offset from UTC."""


class ClearAndCommittedError(LedgerError):
    """The same field stands in clear in the body and hidden among the commitments."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class LengthError(LedgerError):
    """A salt or a hash is not 32 bytes long."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length


class FrontierFormatError(LedgerError):
    """A stored frontier is not what to_hex writes."""


class NoSuchLeafError(LedgerError):
    """The tree of that size has no leaf at that index."""

    def __init__(self, index: int, size: int) -> None:
        super().__init__(index, size)
        self.index, self.size = index, size


class NoSuchTreeError(LedgerError):
    """The tree has never had that size."""

    def __init__(self, size: int, largest: int) -> None:
        super().__init__(size, largest)
        self.size, self.largest = size, largest


class ActorKind(StrEnum):
    """Who caused an event."""

    PERSON = "person"
    IDENTITY = "identity"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who caused an event, by a key that names nobody to a stranger."""

    kind: ActorKind
    """A person, a platform identity not linked to a person, an operator at the command line, or the system."""
    key: str
    """A row number or another opaque key; never a name, an address or a staff number."""


@dataclass(frozen=True, slots=True)
class RecordReference:
    """The row that an event is about."""

    table: str
    """The table's name in the database."""
    number: int
    """The row's primary key, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What build_event needs to know."""

    event_type: str
    """Two or more dotted lower-case words, such as `attempt.submitted`."""
    organisation: str
    """The organisation's key, which is also the last part of the ledger's origin."""
    recorded_at: datetime
    """When the system learnt the fact; aware, any offset."""
    actor: Actor
    """Who caused it."""
    record: RecordReference
    """The row written together with the event."""
    body: Mapping[str, object]
    """Facts that may stay for ever: no personal value, no float."""
    commitments: Mapping[str, str]
    """Field name to commitment, as commit_fields gives them."""
    supersedes: int | None = None
    """The row of the same table that this one corrects."""


def is_organisation_key(text: str) -> bool:
    """Say whether a text may name an organisation in events and origins."""
    return _ORGANISATION_KEY.fullmatch(text) is not None


def build_event(facts: EventFacts) -> dict[str, object]:
    """Make the mapping of format 1, checked so that event_bytes accepts it.

    Raises:
        LedgerError: a fact breaks its grammar; the subclass names the rule.
    """
    _check_grammar(facts)
    _check_rows(facts.record, facts.supersedes)
    _check_commitments(facts)
    event: dict[str, object] = {
        "akashi_event": EVENT_FORMAT,
        "type": facts.event_type,
        "organisation": facts.organisation,
        "recorded_at": recorded_time(facts.recorded_at),
        "actor": {"kind": str(facts.actor.kind), "id": facts.actor.key},
        "record": {"table": facts.record.table, "id": facts.record.number},
        "supersedes": facts.supersedes,
        "body": dict(facts.body),
        "commitments": dict(facts.commitments),
    }
    _check_value(event, "", 0)
    return event


def recorded_time(moment: datetime) -> str:
    """Write a moment as UTC with six digits of a second and the letter Z.

    Raises:
        NaiveTimeError: the moment has no offset.
    """
    if moment.utcoffset() is None:
        raise NaiveTimeError
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def event_bytes(event: Mapping[str, object]) -> bytes:
    """Give the canonical JSON of an event: the payload that is stored and hashed.

    Raises:
        LedgerError: a value is a float, too large, too deep, not text or of an unknown type.

    Source: RFC 8785, narrowed to exact int, str, bool, None, list and dict with printable ASCII member names.
    """
    members: Any = dict(event)
    _check_value(members, "", 0)
    return rfc8785.dumps(members)


def _check_grammar(facts: EventFacts) -> None:
    for member, pattern, text in (
        ("type", _EVENT_TYPE, facts.event_type),
        ("organisation", _ORGANISATION_KEY, facts.organisation),
        ("actor.id", _ACTOR_KEY, facts.actor.key),
        ("record.table", _TABLE, facts.record.table),
    ):
        if pattern.fullmatch(text) is None:
            raise MalformedMemberError(member, text)
    if str(facts.actor.kind) not in {str(kind) for kind in ActorKind}:
        raise MalformedMemberError("actor.kind", facts.actor.kind)


def _check_rows(record: RecordReference, supersedes: int | None) -> None:
    if record.number < 1:
        raise MalformedMemberError("record.id", record.number)
    if supersedes is not None and (supersedes < 1 or supersedes == record.number):
        raise MalformedMemberError("supersedes", supersedes)


def _check_commitments(facts: EventFacts) -> None:
    for field, commitment in facts.commitments.items():
        if _FIELD.fullmatch(field) is None:
            raise MalformedMemberError("commitments", field)
        if _COMMITMENT.fullmatch(commitment) is None:
            raise MalformedMemberError(f"commitments.{field}", commitment)
        if field in facts.body:
            raise ClearAndCommittedError(field)


def _check_value(value: object, path: str, depth: int) -> None:
    # Exact types: an Enum that is also a str or an int would be written differently by different readers.
    kind = type(value)
    if isinstance(value, list | dict) and kind in (list, dict):
        if depth == DEEPEST_NESTING:
            raise NestingError(path)
        for child_path, child in _children(value, path):
            _check_value(child, child_path, depth + 1)
    elif isinstance(value, int) and kind is int:
        if abs(value) > LARGEST_INTEGER:
            raise IntegerRangeError(path, value)
    elif isinstance(value, str) and kind is str:
        _encode(value, path)
    elif kind is not bool and value is not None:
        raise (FloatInEventError if isinstance(value, float) else UnsupportedValueError)(path, kind.__name__)


def _children(value: list[object] | dict[object, object], path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"{path}/{index}", child) for index, child in enumerate(value))
        return
    for name, child in value.items():
        # With ASCII names the order by UTF-16 units of RFC 8785 is the order by bytes, which every language sorts by.
        if not isinstance(name, str) or type(name) is not str or _MEMBER_NAME.fullmatch(name) is None:
            raise MalformedMemberError(path, name)
        yield f"{path}/{name}", child


def _encode(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnpairedSurrogateError(path) from None


@dataclass(frozen=True, slots=True)
class Opening:
    """What shows the value behind one commitment, and nothing about the other fields of its row."""

    field: str
    """The field's name among the commitments."""
    salt: bytes
    """The field's salt, 32 bytes; the row's salt can't be found from it."""
    value: str | None
    """The value as it was committed, not normalised."""


def commit_fields(row_salt: bytes, values: Mapping[str, str | None]) -> dict[str, str]:
    """Commit to the personal values of one row: 64 lower-case hex digits for each field.

    Args:
        row_salt: 32 random bytes used for this event alone.
        values: field name to text, or None for a value that is absent, which differs from an empty text.

    Raises:
        LedgerError: the salt's length, a field's name or a text is not acceptable.
    """
    return {field: _commitment(field_salt(row_salt, field), value) for field, value in values.items()}


def open_field(row_salt: bytes, field: str, value: str | None) -> Opening:
    """Give the opening of one field, to be stored or shown without the row's salt."""
    return Opening(field=field, salt=field_salt(row_salt, field), value=value)


def field_salt(row_salt: bytes, field: str) -> bytes:
    """Derive the salt of one field from the salt of its row.

    Raises:
        LengthError: the row's salt is not 32 bytes.
        MalformedMemberError: the field's name breaks its grammar.
    """
    if len(row_salt) != SALT_LENGTH:
        raise LengthError(len(row_salt))
    if _FIELD.fullmatch(field) is None:
        raise MalformedMemberError("commitments", field)
    return hmac.digest(row_salt, _FIELD_SALT_PREFIX + field.encode(), "sha256")


def check_opening(commitment: str, field_salt: bytes, value: str | None) -> bool:
    """Say, in constant time, whether the salt and the value open the commitment."""
    # HMAC pads a short key with zeros, so a salt of another length could open the same commitment.
    if len(field_salt) != SALT_LENGTH:
        return False
    try:
        expected = _commitment(field_salt, value)
    except UnpairedSurrogateError:
        return False
    return hmac.compare_digest(expected.encode(), commitment.encode(errors="surrogatepass"))


def _commitment(salt: bytes, value: str | None) -> str:
    message = _NULL if value is None else _TEXT + _encode(value, "value")
    return hmac.digest(salt, message, "sha256").hex()


def leaf_hash(payload: bytes) -> bytes:
    """Hash a payload into a leaf of the tree."""
    return sha256(b"\x00" + payload).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into their parent."""
    return sha256(b"\x01" + left + right).digest()


def short_id(leaf: bytes) -> str:
    """Give the evidence id of a leaf: `E-` and the first 16 hex digits of its hash.

    It finds an event and does not prove one: the whole leaf hash does.

    Raises:
        LengthError: the leaf hash is not 32 bytes.
    """
    if len(leaf) != HASH_LENGTH:
        raise LengthError(len(leaf))
    return f"E-{leaf[:8].hex()}"


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Join the roots of complete subtrees, largest first, into one root."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = node_hash(peak, root)
    return root


class Frontier:
    """What the sequencer keeps of a tree: its size and the roots of its complete subtrees, largest first."""

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end.

        Raises:
            LengthError: the leaf hash is not 32 bytes.
        """
        if len(leaf) != HASH_LENGTH:
            raise LengthError(len(leaf))
        node, carry, pop = leaf, self._size, self._peaks.pop
        # Adding a leaf is adding one in binary: each carried bit joins two subtrees of the same height.
        while carry & 1:
            node = sha256(b"\x01" + pop() + node).digest()
            carry >>= 1
        self._peaks.append(node)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes at the end: all of them, or none when one is refused; append with its calls taken out.

        Raises:
            LengthError: a leaf hash is not 32 bytes.
        """
        digest = sha256
        peaks, size = self._peaks.copy(), self._size
        push, pop = peaks.append, peaks.pop
        for leaf in leaves:
            if len(leaf) != HASH_LENGTH:
                raise LengthError(len(leaf))
            node, carry = leaf, size
            while carry & 1:
                node = digest(b"\x01" + pop() + node).digest()
                carry >>= 1
            push(node)
            size += 1
        self._peaks, self._size = peaks, size

    def root(self) -> bytes:
        """Give the root of the tree so far."""
        return _fold(self._peaks)

    def to_hex(self) -> str:
        """Write the size as 16 hex digits, then 64 for each complete subtree, largest first."""
        return self._size.to_bytes(8, "big").hex() + b"".join(self._peaks).hex()

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read what to_hex wrote.

        Raises:
            FrontierFormatError: the text is anything else.
        """
        if _FRONTIER.fullmatch(text) is None:
            raise FrontierFormatError
        data = bytes.fromhex(text)
        frontier = cls()
        frontier._size = int.from_bytes(data[:8], "big")
        frontier._peaks = [data[start : start + HASH_LENGTH] for start in range(8, len(data), HASH_LENGTH)]
        if len(frontier._peaks) != frontier._size.bit_count():
            raise FrontierFormatError
        return frontier


def tree_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Give the root over leaf hashes in their order."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


class Tree:
    """A whole tree in memory, for many proofs at any size that it has had; 64 bytes of hashes for each leaf."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes]) -> None:
        level = list(leaf_hashes)
        for leaf in level:
            if len(leaf) != HASH_LENGTH:
                raise LengthError(len(leaf))
        self._levels = [level]
        while len(level) > 1:
            nodes = iter(level)
            level = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes, nodes, strict=False)]
            self._levels.append(level)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    def root(self, size: int | None = None) -> bytes:
        """Give the root that the tree had at a size; now, when none is given."""
        return self._range_root(0, self._known_size(size))

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Give the proof that the leaf at an index (from 0) is in the tree of a size.

        Raises:
            NoSuchTreeError: the tree never had that size.
            NoSuchLeafError: it had no leaf at that index.

        Source: RFC 9162 section 2.1.3.1.
        """
        start, stop = 0, self._known_size(size)
        if not 0 <= index < stop:
            raise NoSuchLeafError(index, stop)
        path: list[bytes] = []
        while stop - start > 1:
            middle = start + _left_width(stop - start)
            if index < middle:
                path.append(self._range_root(middle, stop))
                stop = middle
            else:
                path.append(self._range_root(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """Give the proof that the tree of the new size begins with the tree of the old; empty for size 0 or equal.

        Raises:
            NoSuchTreeError: the tree never had one of the sizes, or the old one is larger.

        Source: RFC 9162 section 2.1.4.1.
        """
        start, stop = 0, self._known_size(new_size)
        if not 0 <= old_size <= stop:
            raise NoSuchTreeError(old_size, stop)
        if old_size == 0:
            return []
        path: list[bytes] = []
        while old_size != stop:
            middle = start + _left_width(stop - start)
            if old_size <= middle:
                path.append(self._range_root(middle, stop))
                stop = middle
            else:
                path.append(self._range_root(start, middle))
                start = middle
        # The verifier holds the old root already, so it goes in only when it is not this last subtree itself.
        if start > 0:
            path.append(self._range_root(start, stop))
        path.reverse()
        return path

    def _known_size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise NoSuchTreeError(size, self.size)
        return size

    def _range_root(self, start: int, stop: int) -> bytes:
        """Root of the leaves [start, stop), where start is a multiple of the least power of 2 >= stop - start."""
        peaks: list[bytes] = []
        while start < stop:
            height = (stop - start).bit_length() - 1
            peaks.append(self._levels[height][start >> height])
            start += 1 << height
        return _fold(peaks)


def _left_width(width: int) -> int:
    """Largest power of 2 smaller than the width: how many leaves go to the left."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Give one inclusion proof; for many, keep a Tree."""
    return Tree(leaf_hashes).inclusion_proof(index)


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """Give one consistency proof; for many, keep a Tree."""
    return Tree(leaf_hashes).consistency_proof(old_size)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether the proof leads from a leaf hash to the root of a tree whose size is known from a checkpoint.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            # On the ragged right edge the subtree is its own parent until it is a right child.
            shift = _trailing_zeros(position)
            position, last = position >> shift, last >> shift
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hmac.compare_digest(node, root)


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether the proof shows that the new tree begins with the old one; sizes and roots come from checkpoints.

    Source: RFC 9162 section 2.1.4.2; the cases of size 0 and of equal sizes, which it leaves out, need an empty proof.
    """
    if not 0 <= old_size <= new_size or not _are_hashes(old_root, new_root, *proof):
        return False
    if old_size in (0, new_size):
        return not proof and _are_equal_or_empty(old_size, new_size, old_root, new_root)
    if not proof:
        return False
    position, last = old_size - 1, new_size - 1
    shift = _trailing_zeros(old_size)
    position, last = position >> shift, last >> shift
    first, *rest = [old_root, *proof] if old_size.bit_count() == 1 else proof
    old_node = new_node = first
    for sibling in rest:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            shift = _trailing_zeros(position)
            position, last = position >> shift, last >> shift
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old_node, old_root) and hmac.compare_digest(new_node, new_root)


def _are_equal_or_empty(old_size: int, new_size: int, old_root: bytes, new_root: bytes) -> bool:
    if old_size == 0 and old_root != EMPTY_ROOT:
        return False
    return old_size != new_size or old_root == new_root


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_LENGTH for value in values)


def _trailing_zeros(number: int) -> int:
    """How often a number, which is not 0, can be halved without a rest."""
    return (number & -number).bit_length() - 1
