"""The ledger's tree: roots, proofs and the frontier.

Source of the eight leaves, their roots and paths: the test tree of Certificate Transparency (RFC 6962).
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import ledger
from courses.ledger import Frontier, Tree

RFC_PAYLOADS = [
    bytes.fromhex(payload)
    for payload in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RFC_LEAVES = [sha256(b"\0" + payload).digest() for payload in RFC_PAYLOADS]
RFC_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NODE_01 = RFC_ROOTS[2]
NODE_0123 = RFC_ROOTS[4]
NODE_23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
NODE_67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NODE_4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"

LARGEST_TREE = 200
LEAVES = [sha256(index.to_bytes(2, "big")).digest() for index in range(LARGEST_TREE)]
TREE = Tree(LEAVES)


# The definitions of RFC 9162 section 2.1, written as they stand there and slow.


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    left = split_point(len(leaves))
    return sha256(b"\x01" + tree_hash(leaves[:left]) + tree_hash(leaves[left:])).digest()


def split_point(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def path_of(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    left = split_point(len(leaves))
    if index < left:
        return [*path_of(index, leaves[:left]), tree_hash(leaves[left:])]
    return [*path_of(index - left, leaves[left:]), tree_hash(leaves[:left])]


def subproof(old_size: int, leaves: Sequence[bytes], is_whole: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if is_whole else [tree_hash(leaves)]
    left = split_point(len(leaves))
    if old_size <= left:
        return [*subproof(old_size, leaves[:left], is_whole), tree_hash(leaves[left:])]
    return [*subproof(old_size - left, leaves[left:], False), tree_hash(leaves[:left])]


def with_bit_flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")


def test_the_roots_of_the_known_tree_are_right_at_every_size() -> None:
    assert [ledger.leaf_hash(payload) for payload in RFC_PAYLOADS] == RFC_LEAVES
    frontier = Frontier()
    assert frontier.root().hex() == RFC_ROOTS[0]
    for size, leaf in enumerate(RFC_LEAVES, start=1):
        frontier.append(leaf)
        assert frontier.size == size
        assert frontier.root().hex() == RFC_ROOTS[size]
        assert Tree(RFC_LEAVES).root(size).hex() == RFC_ROOTS[size]
        assert ledger.tree_root(RFC_LEAVES[:size]).hex() == RFC_ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, [LEAF_1, NODE_23, NODE_4567]),
        (5, 8, [LEAF_4, NODE_67, NODE_0123]),
        (2, 3, [NODE_01]),
        (1, 5, [RFC_ROOTS[1], NODE_23, LEAF_4]),
    ],
)
def test_the_known_inclusion_proofs_are_made(index: int, size: int, path: list[str]) -> None:
    proof = ledger.inclusion_proof(RFC_LEAVES[:size], index)
    assert [node.hex() for node in proof] == path
    assert ledger.verify_inclusion(RFC_LEAVES[index], index, size, proof, bytes.fromhex(RFC_ROOTS[size]))


@pytest.mark.parametrize(
    ("old_size", "new_size", "path"),
    [
        (1, 1, []),
        (1, 8, [LEAF_1, NODE_23, NODE_4567]),
        (6, 8, [NODE_45, NODE_67, NODE_0123]),
        (2, 5, [NODE_23, LEAF_4]),
    ],
)
def test_the_known_consistency_proofs_are_made(old_size: int, new_size: int, path: list[str]) -> None:
    proof = ledger.consistency_proof(RFC_LEAVES[:new_size], old_size)
    assert [node.hex() for node in proof] == path
    roots = bytes.fromhex(RFC_ROOTS[old_size]), bytes.fromhex(RFC_ROOTS[new_size])
    assert ledger.verify_consistency(old_size, new_size, *roots, proof)


@given(size=st.integers(1, LARGEST_TREE), data=st.data())
@settings(deadline=None, max_examples=60)
def test_roots_and_proofs_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    leaves = LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    old_size = data.draw(st.integers(1, size))
    assert TREE.root(size) == ledger.tree_root(leaves) == tree_hash(leaves)
    assert TREE.inclusion_proof(index, size) == ledger.inclusion_proof(leaves, index) == path_of(index, leaves)
    assert TREE.consistency_proof(old_size, size) == subproof(old_size, leaves, True)
    assert ledger.consistency_proof(leaves, old_size) == subproof(old_size, leaves, True)


def test_every_leaf_of_every_tree_up_to_200_is_proven() -> None:
    for size in range(1, LARGEST_TREE + 1):
        root = TREE.root(size)
        for index in range(size):
            proof = TREE.inclusion_proof(index, size)
            assert ledger.verify_inclusion(LEAVES[index], index, size, proof, root), (index, size)


def test_any_two_sizes_up_to_200_are_proven_consistent() -> None:
    roots = [TREE.root(size) for size in range(LARGEST_TREE + 1)]
    for new_size in range(LARGEST_TREE + 1):
        for old_size in range(new_size + 1):
            proof = TREE.consistency_proof(old_size, new_size)
            assert ledger.verify_consistency(old_size, new_size, roots[old_size], roots[new_size], proof), (
                old_size,
                new_size,
            )


@given(size=st.integers(1, LARGEST_TREE), data=st.data())
@settings(deadline=None, max_examples=300)
def test_no_bit_of_an_inclusion_proof_may_change(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    parts = [LEAVES[index], TREE.root(size), *TREE.inclusion_proof(index, size)]
    part = data.draw(st.integers(0, len(parts) - 1))
    parts[part] = with_bit_flipped(parts[part], data.draw(st.integers(0, 255)))
    leaf, root, *proof = parts
    assert not ledger.verify_inclusion(leaf, index, size, proof, root)


@given(new_size=st.integers(1, LARGEST_TREE), data=st.data())
@settings(deadline=None, max_examples=300)
def test_no_bit_of_a_consistency_proof_may_change(new_size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, new_size))
    parts = [TREE.root(old_size), TREE.root(new_size), *TREE.consistency_proof(old_size, new_size)]
    part = data.draw(st.integers(0, len(parts) - 1))
    parts[part] = with_bit_flipped(parts[part], data.draw(st.integers(0, 255)))
    old_root, new_root, *proof = parts
    assert not ledger.verify_consistency(old_size, new_size, old_root, new_root, proof)


def test_every_bit_of_the_proofs_of_a_small_tree_matters() -> None:
    inclusion = [RFC_LEAVES[4], bytes.fromhex(RFC_ROOTS[7]), *Tree(RFC_LEAVES).inclusion_proof(4, 7)]
    consistency = [bytes.fromhex(RFC_ROOTS[6]), bytes.fromhex(RFC_ROOTS[7]), *Tree(RFC_LEAVES).consistency_proof(6, 7)]
    inclusion_holds: Callable[..., bool] = lambda leaf, root, *proof: ledger.verify_inclusion(leaf, 4, 7, proof, root)  # noqa: E731
    consistency_holds: Callable[..., bool] = lambda *parts: ledger.verify_consistency(6, 7, *parts[:2], parts[2:])  # noqa: E731
    for parts, holds in ((inclusion, inclusion_holds), (consistency, consistency_holds)):
        assert holds(*parts)
        for part in range(len(parts)):
            for bit in range(256):
                changed = [*parts]
                changed[part] = with_bit_flipped(parts[part], bit)
                assert not holds(*changed), (part, bit)


@given(size=st.integers(2, LARGEST_TREE), data=st.data())
@settings(deadline=None)
def test_a_leaf_is_not_proven_at_another_index(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda other: other != index))
    proof = TREE.inclusion_proof(index, size)
    assert not ledger.verify_inclusion(LEAVES[index], elsewhere, size, proof, TREE.root(size))


@given(size=st.integers(1, LARGEST_TREE), data=st.data())
@settings(deadline=None)
def test_a_longer_a_shorter_and_a_misshapen_inclusion_proof_are_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = TREE.inclusion_proof(index, size), TREE.root(size)
    assert not ledger.verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], root)
    assert not ledger.verify_inclusion(LEAVES[index], index, size, [*proof, b""], root)
    assert not proof or not ledger.verify_inclusion(LEAVES[index], index, size, proof[:-1], root)
    assert not ledger.verify_inclusion(LEAVES[index][:31], index, size, proof, root)


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0), (3, -1)])
def test_an_index_outside_the_tree_is_never_proven(index: int, size: int) -> None:
    assert not ledger.verify_inclusion(RFC_LEAVES[0], index, size, [], RFC_LEAVES[0])


@given(new_size=st.integers(2, LARGEST_TREE), data=st.data())
@settings(deadline=None)
def test_a_longer_a_shorter_and_a_misshapen_consistency_proof_are_refused(new_size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, new_size - 1))
    proof, roots = TREE.consistency_proof(old_size, new_size), (TREE.root(old_size), TREE.root(new_size))
    assert not ledger.verify_consistency(old_size, new_size, *roots, [*proof, LEAVES[0]])
    assert not ledger.verify_consistency(old_size, new_size, *roots, [*proof, b""])
    assert not ledger.verify_consistency(old_size, new_size, *roots, proof[:-1])
    assert not ledger.verify_consistency(old_size, new_size, *roots, [])
    assert not ledger.verify_consistency(new_size, old_size, *reversed(roots), proof)


def test_a_proof_that_stops_at_a_subtree_is_refused_though_its_hash_fits() -> None:
    sibling, subtree = bytes.fromhex(LEAF_1), bytes.fromhex(NODE_01)
    assert not ledger.verify_inclusion(RFC_LEAVES[0], 0, 8, [sibling], subtree)
    assert not ledger.verify_consistency(1, 8, RFC_LEAVES[0], subtree, [sibling])


def test_the_bytes_of_two_neighbours_can_not_be_divided_otherwise() -> None:
    pair, root = RFC_LEAVES[0] + RFC_LEAVES[1], bytes.fromhex(NODE_01)
    assert ledger.verify_inclusion(pair[32:], 1, 2, [pair[:32]], root)
    assert not ledger.verify_inclusion(pair[33:], 1, 2, [pair[:33]], root)
    assert ledger.verify_consistency(1, 2, pair[:32], root, [pair[32:]])
    assert not ledger.verify_consistency(1, 2, pair[:31], root, [pair[31:]])


def test_a_tree_with_a_changed_leaf_is_not_consistent_with_the_old_one() -> None:
    forged = Tree([LEAVES[9], *LEAVES[1:]])
    for old_size in range(1, LARGEST_TREE):
        proof = forged.consistency_proof(old_size)
        assert not ledger.verify_consistency(old_size, LARGEST_TREE, TREE.root(old_size), forged.root(), proof)


def test_equal_sizes_need_equal_roots_and_the_empty_tree_its_own() -> None:
    empty, one, two = (bytes.fromhex(root) for root in RFC_ROOTS[:3])
    assert ledger.verify_consistency(0, 0, empty, empty, [])
    assert ledger.verify_consistency(0, 2, empty, two, [])
    assert ledger.verify_consistency(2, 2, two, two, [])
    assert not ledger.verify_consistency(2, 2, one, two, [])
    assert not ledger.verify_consistency(2, 2, two, two, [one])
    assert not ledger.verify_consistency(0, 2, one, two, [])
    assert not ledger.verify_consistency(0, 0, empty, one, [])
    assert not ledger.verify_consistency(0, 2, empty, two, [one])
    assert not ledger.verify_consistency(-1, 2, empty, two, [])


def test_a_proof_of_what_the_tree_has_not_is_refused() -> None:
    tree = Tree(RFC_LEAVES)
    assert tree.size == 8
    for index, size in ((8, 8), (-1, 8), (3, 3), (0, 0)):
        with pytest.raises(ledger.NoSuchLeafError) as no_leaf:
            tree.inclusion_proof(index, size)
        assert (no_leaf.value.index, no_leaf.value.size) == (index, size)
    with pytest.raises(ledger.NoSuchTreeError) as no_tree:
        tree.root(9)
    assert (no_tree.value.size, no_tree.value.largest) == (9, 8)
    with pytest.raises(ledger.NoSuchTreeError):
        tree.consistency_proof(5, 4)
    with pytest.raises(ledger.NoSuchTreeError):
        tree.consistency_proof(-1)


# The frontier


@given(size=st.integers(0, LARGEST_TREE), more=st.integers(0, LARGEST_TREE))
@settings(deadline=None)
def test_a_frontier_goes_on_from_its_stored_form(size: int, more: int) -> None:
    end = min(size + more, LARGEST_TREE)
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    stored = frontier.to_hex()
    assert len(stored) == 16 + 64 * size.bit_count()
    resumed = Frontier.from_hex(stored)
    resumed.extend(LEAVES[size:end])
    assert (resumed.size, resumed.root()) == (end, TREE.root(end))
    assert frontier.to_hex() == stored


def test_the_stored_form_of_a_frontier_never_changes() -> None:
    frontier = Frontier()
    assert frontier.to_hex() == "0000000000000000"
    frontier.extend(RFC_LEAVES[:3])
    assert frontier.to_hex() == "0000000000000003" + NODE_01 + RFC_LEAVES[2].hex()


@pytest.mark.parametrize(
    "text",
    ["", "0", "0000000000000001", "0000000000000000" + "0" * 64, "0000000000000001" + "A" * 64, "0" * 16 + "\n"],
)
def test_a_stored_frontier_that_is_damaged_is_refused(text: str) -> None:
    with pytest.raises(ledger.FrontierFormatError):
        Frontier.from_hex(text)


def test_a_refused_leaf_leaves_the_frontier_as_it_was() -> None:
    frontier = Frontier()
    frontier.extend(RFC_LEAVES[:3])
    with pytest.raises(ledger.LengthError):
        frontier.extend([RFC_LEAVES[3], b"short"])
    with pytest.raises(ledger.LengthError):
        frontier.append(b"short")
    assert (frontier.size, frontier.root().hex()) == (3, RFC_ROOTS[3])
    with pytest.raises(ledger.LengthError):
        Tree([b"short"])
    with pytest.raises(ledger.LengthError):
        ledger.short_id(b"short")


def test_a_frontier_and_the_leaves_after_it_prove_each_of_those_leaves() -> None:
    for size in range(1, 70):
        for before_size in range(size):
            before = Frontier()
            before.extend(LEAVES[:before_size])
            for index in range(before_size, size):
                proof = ledger.inclusion_proof_after(before, LEAVES[before_size:size], index)
                assert proof == TREE.inclusion_proof(index, size), (before_size, index, size)


def test_a_frontier_is_at_its_own_size_and_root_alone() -> None:
    frontier = Frontier()
    frontier.extend(RFC_LEAVES[:3])
    assert frontier.is_at(3, bytes.fromhex(RFC_ROOTS[3]))
    assert not frontier.is_at(4, bytes.fromhex(RFC_ROOTS[3]))
    assert not frontier.is_at(3, bytes.fromhex(RFC_ROOTS[4]))


@pytest.mark.parametrize("index", [-1, 0, 2, 5])
def test_a_leaf_that_did_not_come_after_the_frontier_is_not_proven_from_it(index: int) -> None:
    before = Frontier()
    before.extend(LEAVES[:3])
    with pytest.raises(ledger.NoSuchLeafError) as refusal:
        ledger.inclusion_proof_after(before, LEAVES[3:5], index)
    assert (refusal.value.index, refusal.value.size) == (index, 5)
