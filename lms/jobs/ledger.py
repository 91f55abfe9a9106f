"""The sequencer: gives pending events their places, one short transaction for each organisation and call.

Source: quality.md §3.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from lms.config import Settings
from lms.services.ledger import UnusableCheckpointError, sequence
from lms.services.ledger_keys import LedgerKeyError, load_ledger_key, load_or_create_ledger_key
from lms.store.base import Database
from lms.store.ledger import LedgerPending, newest_checkpoint
from lms.store.organisations import Organisation

BATCH = 100
"""Events placed in one transaction: few, since on SQLite whoever saves an answer waits meanwhile."""


def run_sequencer(database: Database, settings: Settings, now: datetime) -> int:
    """Place a batch of pending events of every organisation; return how many were placed.

    An organisation whose ledger can't go on does not keep the others waiting.

    Raises:
        ExceptionGroup: of LedgerKeyError and UnusableCheckpointError, after all others had their turn.
    """
    placed, refusals = 0, []
    for organisation_id, key in _waiting(database):
        try:
            signer = _signer(database, settings, organisation_id, key)
            with database.transaction() as session:
                placed += sequence(session, organisation_id, now, signer, BATCH).count
        except (LedgerKeyError, UnusableCheckpointError) as refusal:
            refusals.append(refusal)
    if refusals:
        raise ExceptionGroup("ledgers that can't go on", refusals)
    return placed


def _waiting(database: Database) -> list[tuple[int, str]]:
    with database.reading() as session:
        waiting = select(LedgerPending.organisation_id).distinct()
        query = select(Organisation.id, Organisation.key).where(Organisation.id.in_(waiting)).order_by(Organisation.id)
        return [(organisation_id, key) for organisation_id, key in session.execute(query)]


def _signer(database: Database, settings: Settings, organisation_id: int, key: str) -> Ed25519PrivateKey:
    with database.reading() as session:
        is_begun = newest_checkpoint(session, organisation_id) is not None
    # Readers know a ledger that has begun by its key: a missing file is to be restored, not replaced.
    return (load_ledger_key if is_begun else load_or_create_ledger_key)(settings.keys_dir, key)
