"""What an evidence pack needs from the ledger: the events that it cites, all leaves, and the checkpoint over them.

Source: domain.md §7; docs/evidence-pack.md section 4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.ledger import short_id
from lms.config import KeyFolder
from lms.reports.evidence.pack import PackSeal
from lms.services.ledger import checkpoint_at
from lms.services.ledger_keys import load_pack_key, verifier_for
from lms.services.pack_keys import PackKeyNotIntroducedError, introduced_at
from lms.store.ledger import LedgerEvent, LedgerLeaf, leaves_between
from lms.store.organisations import Organisation

_ROWS_AT_A_TIME = 2_000


def pack_seal(session: Session, organisation: Organisation, keys: KeyFolder, known_at: int) -> PackSeal:
    """Return what ties a pack that answers from a size of the tree to the ledger, and the key that signs it.

    The checkpoint is the first that covers the known state and the introduction of the pack key, so that a pack made
    again later has the same bytes. The leaves are read when they are written: keep the session open.

    Raises:
        PackKeyNotIntroducedError: see `lms.services.pack_keys`.
        KeyFileFault: a key file is missing or can't be used.
    """
    place = introduced_at(session, organisation, keys)
    checkpoint = checkpoint_at(session, organisation.id, max(known_at, place + 1))
    if checkpoint is None:
        raise PackKeyNotIntroducedError(organisation.key)
    return PackSeal(
        note=checkpoint.note,
        ledger_key=verifier_for(keys, organisation.key),
        size=checkpoint.size,
        leaves=leaves_between(session, organisation.id, 0, checkpoint.size),
        signer=load_pack_key(keys, organisation.key),
        introduced_at=place,
    )


def cited_events(
    session: Session, organisation_id: int, evidence_ids: Collection[str], seal: PackSeal
) -> Iterator[tuple[int, bytes]]:
    """Give place and payload of the events with these evidence ids and of the pack key's introduction, in order."""
    query = (
        select(LedgerLeaf.n, LedgerLeaf.event_id, LedgerEvent.leaf)
        .join(LedgerEvent, LedgerEvent.id == LedgerLeaf.event_id)
        .where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.n < seal.size)
        .order_by(LedgerLeaf.n)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    for portion in session.execute(query).partitions():
        cited = {
            event_id: n for n, event_id, leaf in portion if n == seal.introduced_at or short_id(leaf) in evidence_ids
        }
        payloads = session.execute(
            select(LedgerEvent.id, LedgerEvent.payload).where(LedgerEvent.id.in_(cited)).order_by(LedgerEvent.id)
        )
        yield from sorted((cited[event_id], payload) for event_id, payload in payloads)
