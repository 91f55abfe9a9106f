"""Keeping platforms' public keys between processes.

Source: lti.md rule 3.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from lms.lti.keysets import StoredKeyset
from lms.store.base import Database
from lms.store.platforms import Platform, PlatformKeyset


class StoredKeysets:
    """Platforms' key sets in the database; each call is a transaction of its own (`lms.lti.keysets.KeysetStore`)."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def get(self, platform_id: int) -> StoredKeyset | None:
        """Return the last good key set."""
        with self._database.reading() as session:
            row = session.get(PlatformKeyset, platform_id)
            if row is None or row.document is None or row.fetched_at is None:
                return None
            return StoredKeyset(row.document, row.fetched_at, row.last_attempt_at)

    def put(self, platform_id: int, jwks_json: str, fetched_at: datetime) -> None:
        """Keep a good key set in place of the former one."""
        with self._database.transaction() as session:
            row = self._row(session, platform_id)
            row.document = jwks_json
            row.fetched_at = fetched_at

    def note_attempt(self, platform_id: int, attempted_at: datetime) -> None:
        """Remember that the platform is being asked again."""
        with self._database.transaction() as session:
            self._row(session, platform_id).last_attempt_at = attempted_at

    @staticmethod
    def _row(session: Session, platform_id: int) -> PlatformKeyset:
        # Held, so that of two first launches one waits for the other's row.
        platform = session.get_one(Platform, platform_id, with_for_update={"key_share": True})
        row = session.get(PlatformKeyset, platform_id)
        if row is None:
            row = PlatformKeyset(
                platform_id=platform_id, organisation_id=platform.organisation_id, document=None, last_attempt_at=None
            )
            session.add(row)
        return row
