"""Proofs to hand out: one event in the tree, or two trees of one history, each as one small JSON file.

Source: docs/ledger.md section 7.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from courses.events import event_bytes
from courses.ledger import LedgerError, Tree, leaf_hash, short_id, verify_consistency, verify_inclusion
from courses.signed_notes import NoteError, NoteVerifier, open_checkpoint
from lms.services.ledger import Inclusion
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, leaves_between

PROOF_FORMAT = 1


class NoSuchCheckpointError(Exception):
    """No checkpoint of that size was signed, or the first is larger than the second."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def inclusion_file(event: LedgerEvent, inclusion: Inclusion) -> bytes:
    """Write an event with its place and the checkpoint that covers it."""
    return _canonical(
        {
            "akashi_inclusion": PROOF_FORMAT,
            "evidence_id": short_id(event.leaf),
            "payload": event.payload.decode(),
            "n": inclusion.n,
            "proof": [each.hex() for each in inclusion.proof],
            "checkpoint": inclusion.note,
        }
    )


def consistency_file(session: Session, organisation_id: int, old_size: int, new_size: int) -> bytes:
    """Write two checkpoints of a ledger and the proof that the later goes on from the earlier.

    Raises:
        NoSuchCheckpointError: one of the sizes was never signed.
    """
    notes = []
    for size in (old_size, new_size):
        checkpoint = session.get(LedgerCheckpoint, (organisation_id, size))
        if checkpoint is None or size > new_size:
            raise NoSuchCheckpointError(size)
        notes.append(checkpoint.note)
    tree = Tree(leaves_between(session, organisation_id, 0, new_size))
    if tree.size != new_size:
        raise NoSuchCheckpointError(new_size)
    proof = [each.hex() for each in tree.consistency_proof(old_size)]
    return _canonical({"akashi_consistency": PROOF_FORMAT, "from": notes[0], "to": notes[1], "proof": proof})


def check_proof(data: bytes, verifier: NoteVerifier) -> list[str]:
    """Check a file of either kind against the ledger's key, and name the members that are wrong; none when it holds."""
    try:
        proof = json.loads(data)
        if not isinstance(proof, dict) or _canonical(proof) != data:
            return ["file"]
        for kind, (members, check) in _KINDS.items():
            if kind in proof:
                return check(proof, verifier) if _has_form(proof, kind, members) else ["file"]
    except (ValueError, TypeError, RecursionError, LedgerError):
        return ["file"]
    return ["file"]


def _has_form(proof: dict[str, Any], kind: str, members: frozenset[str]) -> bool:
    texts = (proof.get(name) for name in members - {"n", "proof"})
    hashes = proof.get("proof")
    return (
        proof.keys() == members | {kind}
        and (type(proof[kind]), proof[kind]) == (int, PROOF_FORMAT)
        and all(isinstance(each, str) for each in texts)
        and type(proof.get("n", 0)) is int
        and isinstance(hashes, list)
        and all(isinstance(each, str) and each == bytes.fromhex(each).hex() for each in hashes)
    )


def _check_inclusion(proof: dict[str, Any], verifier: NoteVerifier) -> list[str]:
    payload = proof["payload"].encode()
    leaf = leaf_hash(payload)
    wrong = [] if short_id(leaf) == proof["evidence_id"] else ["evidence_id"]
    if event_bytes(json.loads(payload)) != payload:
        wrong.append("payload")
    try:
        signed = open_checkpoint(proof["checkpoint"], verifier)
    except NoteError:
        return [*wrong, "checkpoint"]
    hashes = [bytes.fromhex(each) for each in proof["proof"]]
    if not verify_inclusion(leaf, proof["n"], signed.size, hashes, signed.root):
        wrong.append("proof")
    return wrong


def _check_consistency(proof: dict[str, Any], verifier: NoteVerifier) -> list[str]:
    signed, wrong = [], []
    for member in ("from", "to"):
        try:
            signed.append(open_checkpoint(proof[member], verifier))
        except NoteError:
            wrong.append(member)
    if wrong:
        return wrong
    old, new = signed
    hashes = [bytes.fromhex(each) for each in proof["proof"]]
    return [] if verify_consistency(old.size, new.size, old.root, new.root, hashes) else ["proof"]


_Check = Callable[[dict[str, Any], NoteVerifier], list[str]]
_KINDS: dict[str, tuple[frozenset[str], _Check]] = {
    "akashi_inclusion": (frozenset({"evidence_id", "payload", "n", "proof", "checkpoint"}), _check_inclusion),
    "akashi_consistency": (frozenset({"from", "to", "proof"}), _check_consistency),
}


def _canonical(value: dict[str, Any]) -> bytes:
    return rfc8785.dumps(value) + b"\n"
