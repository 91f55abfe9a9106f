"""Making ready for evidence packs: the pack key is introduced, and everything recorded so far has its place."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from lms.config import Settings
from lms.jobs.ledger import run_sequencer
from lms.services.pack_keys import introduce_pack_key
from lms.store.base import Database
from lms.store.organisations import Organisation


def prepare_pack_key(
    database: Database, settings: Settings, organisation: Organisation, now: datetime, by: str
) -> bool:
    """Let the ledger introduce the organisation's pack key and place all pending events; say whether it was new.

    Nothing is recorded or placed when the ledger has introduced the key already.

    Raises:
        KeyFileFault: a key file can't be used.
    """
    with database.transaction() as session:
        is_new = introduce_pack_key(session, organisation, settings.keys, now, by)
    with suppress(ExceptionGroup):  # another organisation's ledger may have to wait; our own place is asked for later
        while is_new and run_sequencer(database, settings, now):
            pass
    return is_new
