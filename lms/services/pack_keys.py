"""The key that signs evidence packs, and the event by which the ledger introduces it.

Source: docs/evidence-pack.md section 3; docs/adr/0011-evidence-pack-format.md.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.config import KeyFolder
from lms.services.ledger_keys import load_or_create_pack_key, load_pack_key, pack_verifier_for
from lms.store.evidence import PackKey
from lms.store.key_files import KeyFileMissing
from lms.store.ledger import LedgerLeaf
from lms.store.organisations import Organisation
from lms.store.records import record


class PackKeyNotIntroducedError(Exception):
    """The ledger does not name the pack key yet, or the event that does has no place yet."""

    def __init__(self, organisation_key: str) -> None:
        super().__init__(organisation_key)
        self.organisation_key = organisation_key


def introduce_pack_key(session: Session, organisation: Organisation, keys: KeyFolder, now: datetime, by: str) -> bool:
    """Record which key signs the organisation's packs, unless the ledger says so already; say whether it was recorded.

    The key is made with the first introduction. One that was introduced is not replaced when its file is missing.

    Raises:
        KeyFileFault: the file can't be used, or an introduced key's file is missing.
    """
    is_introduced = session.scalar(select(PackKey.id).where(PackKey.organisation_id == organisation.id).limit(1))
    (load_or_create_pack_key if is_introduced is None else load_pack_key)(keys, organisation.key)
    verifier_key = str(pack_verifier_for(keys, organisation.key))
    if _introduction(session, organisation.id, verifier_key) is not None:
        return False
    record(session, organisation, PackKey(verifier_key=verifier_key, recorded_at=now, recorded_by=by))
    return True


def introduced_at(session: Session, organisation: Organisation, keys: KeyFolder) -> int:
    """Return the place of the event that introduces the pack key in use.

    Raises:
        KeyFileFault: the file can't be used.
        PackKeyNotIntroducedError: there is no such event, or it has no place yet.
    """
    try:
        verifier_key = str(pack_verifier_for(keys, organisation.key))
    except KeyFileMissing:
        if session.scalar(select(PackKey.id).where(PackKey.organisation_id == organisation.id).limit(1)) is not None:
            raise
        raise PackKeyNotIntroducedError(organisation.key) from None
    row = _introduction(session, organisation.id, verifier_key)
    place = None if row is None else session.scalar(select(LedgerLeaf.n).where(LedgerLeaf.event_id == row.event_id))
    if place is None:
        raise PackKeyNotIntroducedError(organisation.key)
    return place


def _introduction(session: Session, organisation_id: int, verifier_key: str) -> PackKey | None:
    return session.scalar(
        select(PackKey)
        .where(PackKey.organisation_id == organisation_id, PackKey.verifier_key == verifier_key)
        .order_by(PackKey.id)
        .limit(1)
    )
