"""The rules of the ledger's tree: leaf hashes, the root over them, and proofs of inclusion and consistency.

Glossary: a *leaf* is the hash of an event's payload (courses/events.py); the *tree* is the history tree over the leaves
in their order; a *root* stands for all of them. Everything here is format 1, which docs/ledger.md fixes byte for byte.

Source: RFC 9162 section 2.1 (tree and proofs).
"""

import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import islice
from typing import Self

HASH_LENGTH = 32
EMPTY_ROOT = sha256(b"").digest()

_LEAVES_AT_A_TIME = 4096
_ORGANISATION_KEY = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[._-][a-z0-9]+)*")
_FRONTIER = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{64})*")


class LedgerError(Exception):
    """A value cannot enter the ledger, or is not what the ledger wrote."""


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


def is_organisation_key(text: str) -> bool:
    """Say whether a text may name an organisation in events and origins."""
    return _ORGANISATION_KEY.fullmatch(text) is not None


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


def _heights(size: int) -> list[int]:
    """Heights of the complete subtrees of a tree, largest first: the binary ones of its size."""
    return [height for height in range(size.bit_length() - 1, -1, -1) if size >> height & 1]


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Join the roots of complete subtrees, largest first, into one root."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = node_hash(peak, root)
    return root


def _carried(peaks: Sequence[bytes], size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Add leaves to a tree's complete subtrees as one adds binary numbers: height by height, joined pairs carried."""
    rest, nodes, single = list(peaks), list(leaves), []
    while nodes or size:
        if size & 1:
            nodes = [rest.pop(), *nodes]
        if len(nodes) & 1:
            single.append(nodes.pop())
        halves = iter(nodes)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(halves, halves, strict=True)]
        size >>= 1
    return single[::-1]


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
        """Add leaf hashes at the end: all of them, or none when one is refused; many at once are cheaper than append.

        Raises:
            LengthError: a leaf hash is not 32 bytes.
        """
        peaks, size, source = self._peaks, self._size, iter(leaves)
        while block := list(islice(source, _LEAVES_AT_A_TIME)):
            for length in set(map(len, block)) - {HASH_LENGTH}:
                raise LengthError(length)
            peaks, size = _carried(peaks, size, block), size + len(block)
        self._peaks, self._size = peaks, size

    def root(self) -> bytes:
        """Give the root of the tree so far."""
        return _fold(self._peaks)

    def is_at(self, size: int, root: bytes) -> bool:
        """Say whether the tree has this size and this root."""
        return self._size == size and self.root() == root

    def within(self, start: int, stop: int) -> Self:
        """Give the frontier of those complete subtrees alone that lie within the leaves [start, stop)."""
        part, first = type(self)(), 0
        for peak, height in zip(self._peaks, _heights(self._size), strict=True):
            last = first + (1 << height)
            if start <= first and last <= stop:
                part._peaks.append(peak)
                part._size += 1 << height
            first = last
        return part

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
        stop = self._known_size(size)
        if not 0 <= index < stop:
            raise NoSuchLeafError(index, stop)
        return _inclusion_path(index, stop, self._range_root)

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


def _inclusion_path(index: int, size: int, range_root: Callable[[int, int], bytes]) -> list[bytes]:
    """Collect the roots beside the way from a leaf up to the root of a tree, nearest first."""
    start, stop = 0, size
    path: list[bytes] = []
    while stop - start > 1:
        middle = start + _left_width(stop - start)
        if index < middle:
            path.append(range_root(middle, stop))
            stop = middle
        else:
            path.append(range_root(start, middle))
            start = middle
    path.reverse()
    return path


def inclusion_proof_after(before: Frontier, leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Give the proof of a leaf in a tree of which only an earlier frontier and the leaves after it are known.

    Args:
        before: the tree when it was smaller.
        leaf_hashes: all leaves that came after it.
        index: place of the leaf in the whole tree; one of those that came after.

    Raises:
        NoSuchLeafError: the leaf is not one of them.
    """
    size = before.size + len(leaf_hashes)
    if not before.size <= index < size:
        raise NoSuchLeafError(index, size)

    def range_root(start: int, stop: int) -> bytes:
        # A subtree beside the way is a peak of the frontier, lies behind it, or begins with whole peaks of it.
        part = before.within(start, stop)
        part.extend(leaf_hashes[max(start - before.size, 0) : max(stop - before.size, 0)])
        return part.root()

    return _inclusion_path(index, size, range_root)


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
