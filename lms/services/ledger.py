"""The ledger at work: giving events their places, and proving one of them.

Glossary: to *sequence* is to give pending events their places in the tree and to sign the new root.

Source: quality.md §3; docs/ledger.md; docs/adr/0004-the-ledger.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from courses.ledger import (
    HASH_LENGTH,
    Frontier,
    LedgerError,
    inclusion_proof_after,
)
from courses.signed_notes import Checkpoint, NoteError, NoteVerifier, ledger_origin, open_checkpoint, sign_checkpoint
from lms.store.ledger import (
    LedgerCheckpoint,
    LedgerEvent,
    LedgerLeaf,
    LedgerPending,
    leaves_between,
    newest_checkpoint,
)
from lms.store.organisations import Organisation

_EVIDENCE_ID = re.compile(r"E-([0-9a-f]{16})")


class UnusableCheckpointError(Exception):
    """The newest checkpoint is damaged or signed by another key; to build on it would sign for what it hides."""

    def __init__(self, organisation_id: int, size: int) -> None:
        super().__init__(organisation_id, size)
        self.organisation_id, self.size = organisation_id, size


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one run of the sequencer did."""

    count: int
    """Events that got a place."""
    checkpoint: LedgerCheckpoint | None
    """The new tree head; None when nothing was pending."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What shows a stranger that an event is in the tree of a signed checkpoint."""

    n: int
    """Place of the event, from 0."""
    size: int
    """Leaves in the checkpoint's tree."""
    proof: tuple[bytes, ...]
    """Inclusion proof, from the leaf upwards."""
    note: str
    """The checkpoint as signed."""


def sequence(
    session: Session, organisation_id: int, now: datetime, signer: Ed25519PrivateKey, limit: int = 10_000
) -> Sequenced:
    """Give the oldest pending events of an organisation their places, and sign a checkpoint over the tree.

    Runs within the caller's transaction. A second sequencer waits for the organisation's row; were it not to wait, the
    primary keys of leaves and checkpoints would make it fail.

    Raises:
        UnusableCheckpointError: the newest checkpoint is damaged, or this key has not signed it.
    """
    # NO KEY UPDATE keeps other sequencers out and lets writers of records through, whose foreign keys point here.
    key = session.scalars(
        select(Organisation.key).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    ).one()
    pending = session.execute(
        select(LedgerEvent.id, LedgerEvent.leaf)
        .join(LedgerPending, LedgerPending.event_id == LedgerEvent.id)
        .where(LedgerPending.organisation_id == organisation_id, LedgerEvent.organisation_id == organisation_id)
        .order_by(LedgerPending.event_id)
        .limit(limit)
    ).all()
    if not pending:
        return Sequenced(0, None)
    newest = newest_checkpoint(session, organisation_id)
    frontier = _resume(newest, NoteVerifier.of(ledger_origin(key), signer.public_key()))
    _place(session, organisation_id, frontier.size, [event_id for event_id, _ in pending])
    frontier.extend(leaf for _, leaf in pending)
    checkpoint = LedgerCheckpoint(
        organisation_id=organisation_id,
        size=frontier.size,
        root=frontier.root(),
        frontier=frontier.to_hex(),
        note=sign_checkpoint(Checkpoint(ledger_origin(key), frontier.size, frontier.root()), signer),
        # A clock set back must not make a larger tree older than a smaller one.
        created_at=max(now, newest.created_at) if newest else now,
        previous_size=newest.size if newest else 0,
    )
    session.add(checkpoint)
    session.flush()
    return Sequenced(len(pending), checkpoint)


def _resume(newest: LedgerCheckpoint | None, verifier: NoteVerifier) -> Frontier:
    if newest is None:
        return Frontier()
    try:
        signed = open_checkpoint(newest.note, verifier)
        frontier = Frontier.from_hex(newest.frontier)
    except (LedgerError, NoteError):
        raise UnusableCheckpointError(newest.organisation_id, newest.size) from None
    if (newest.size, newest.root) != (signed.size, signed.root) or not frontier.is_at(signed.size, signed.root):
        raise UnusableCheckpointError(newest.organisation_id, newest.size)
    return frontier


def _place(session: Session, organisation_id: int, first: int, event_ids: Sequence[int]) -> None:
    session.execute(
        insert(LedgerLeaf),
        [
            {"organisation_id": organisation_id, "n": n, "event_id": event_id}
            for n, event_id in enumerate(event_ids, start=first)
        ],
    )
    # By the places just given, not "up to the last id": a smaller id may have been committed since they were read.
    placed = select(LedgerLeaf.event_id).where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.n >= first)
    session.execute(
        delete(LedgerPending).where(LedgerPending.event_id.in_(placed)).execution_options(synchronize_session=False)
    )


def inclusion(session: Session, organisation_id: int, event_id: int) -> Inclusion | None:
    """Prove an event by the first checkpoint that covers it; None while it has no place.

    The same event always gives the same proof, and only the leaves between two checkpoints are read for it.
    """
    n = session.scalar(
        select(LedgerLeaf.n).where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.event_id == event_id)
    )
    checkpoint = None if n is None else checkpoint_at(session, organisation_id, n + 1)
    if n is None or checkpoint is None:
        return None
    before = _stored_frontier(session, organisation_id, n)
    leaves = list(leaves_between(session, organisation_id, before.size, checkpoint.size))
    return Inclusion(n, checkpoint.size, tuple(inclusion_proof_after(before, leaves, n)), checkpoint.note)


def frontier_at(session: Session, organisation_id: int, size: int) -> Frontier:
    """Return the frontier of the tree at a size that it has had, from the nearest checkpoint before.

    Raises:
        LedgerError: what is stored is damaged.
    """
    frontier = _stored_frontier(session, organisation_id, size)
    frontier.extend(leaves_between(session, organisation_id, frontier.size, size))
    return frontier


def _stored_frontier(session: Session, organisation_id: int, size: int) -> Frontier:
    """Return the frontier of the largest checkpoint up to a size."""
    stored = session.scalar(
        select(LedgerCheckpoint.frontier)
        .where(LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.size <= size)
        .order_by(LedgerCheckpoint.size.desc())
        .limit(1)
    )
    return Frontier.from_hex(stored) if stored else Frontier()


def checkpoint_at(session: Session, organisation_id: int, size: int) -> LedgerCheckpoint | None:
    """Return the first checkpoint whose tree has at least so many leaves: by its time they were known."""
    return session.scalar(
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.size >= size)
        .order_by(LedgerCheckpoint.size)
        .limit(1)
    )


def find_events(session: Session, organisation_id: int, evidence_id: str) -> Sequence[LedgerEvent]:
    """Return the events with an evidence id: one, none, or by a rare accident several."""
    match = _EVIDENCE_ID.fullmatch(evidence_id)
    if match is None:
        return []
    start = bytes.fromhex(match[1])
    rest = HASH_LENGTH - len(start)
    return session.scalars(
        select(LedgerEvent)
        .where(
            LedgerEvent.organisation_id == organisation_id,
            LedgerEvent.leaf.between(start + bytes(rest), start + b"\xff" * rest),
        )
        .order_by(LedgerEvent.id)
    ).all()
