"""The sequencer: gives pending events their places, one short transaction for each organisation and call.

Source: quality.md §3.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from lms.config import Settings
from lms.services.anchors import AnchorError, check_ledgers, check_newest_anchor, write_anchor
from lms.services.ledger import UnusableCheckpointError, sequence
from lms.services.ledger_keys import load_ledger_key, load_or_create_ledger_key
from lms.store.base import Database
from lms.store.key_files import KeyFileFault
from lms.store.ledger import LedgerPending, newest_checkpoint
from lms.store.organisations import Organisation

BATCH = 100
"""Events placed in one transaction: few, since on SQLite whoever saves an answer waits meanwhile."""


def run_sequencer(database: Database, settings: Settings, now: datetime) -> int:
    """Place a batch of pending events of every organisation and anchor the new tree; return how many were placed.

    An organisation whose ledger can't go on does not keep the others waiting. The anchor is written after each checkpoint:
    one flush to the disk, where a pause would leave its length of records that could be cut off unseen.

    Raises:
        ExceptionGroup: of KeyFileFault, UnusableCheckpointError, AnchorError and OSError, after all others had their turn.
    """
    placed, refusals = 0, []
    for organisation in _waiting(database):
        try:
            placed += _sequence(database, settings, organisation, now)
        except (KeyFileFault, UnusableCheckpointError, AnchorError, OSError) as refusal:
            refusals.append(refusal)
    if refusals:
        raise ExceptionGroup("ledgers that can't go on", refusals)
    return placed


def _sequence(database: Database, settings: Settings, organisation: Organisation, now: datetime) -> int:
    signer = _signer(database, settings, organisation.id, organisation.key)
    with database.reading() as session:
        acknowledged = check_newest_anchor(session, organisation, settings.anchor_dir, settings.keys)
    with database.transaction() as session:
        sequenced = sequence(session, organisation.id, now, signer, BATCH)
    if sequenced.checkpoint is not None:
        write_anchor(settings.anchor_dir / organisation.key, sequenced.checkpoint, now, acknowledged)
    return sequenced.count


def begin_ledgers(database: Database, settings: Settings, now: datetime) -> None:
    """Check every ledger against its anchor, and anchor what was signed just before the last end.

    Raises:
        AnchorError: a ledger does not go on from its anchor.
        OSError: an anchor can't be written.
    """
    with database.reading() as session:
        check_ledgers(session, settings.anchor_dir, settings.keys)
        for organisation in session.scalars(select(Organisation).order_by(Organisation.id)).all():
            newest = newest_checkpoint(session, organisation.id)
            acknowledged = check_newest_anchor(session, organisation, settings.anchor_dir, settings.keys)
            if newest is not None:
                write_anchor(settings.anchor_dir / organisation.key, newest, now, acknowledged)


def _waiting(database: Database) -> list[Organisation]:
    with database.reading() as session:
        waiting = select(LedgerPending.organisation_id).distinct()
        query = select(Organisation).where(Organisation.id.in_(waiting)).order_by(Organisation.id)
        return list(session.scalars(query))


def _signer(database: Database, settings: Settings, organisation_id: int, key: str) -> Ed25519PrivateKey:
    with database.reading() as session:
        is_begun = newest_checkpoint(session, organisation_id) is not None
    # Readers know a ledger that has begun by its key: a missing file is to be restored, not replaced.
    return (load_ledger_key if is_begun else load_or_create_ledger_key)(settings.keys, key)
