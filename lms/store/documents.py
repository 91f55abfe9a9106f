"""Documents that records rest on: scans kept in the tool, documents kept elsewhere, and batches that brought in history.

Source: ISO/IEC 27001 clause 7.5; domain.md §2 (migration batches), §7 (file 19).
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base
from lms.store.records import Fact, Record


class StoredDocument(Record, Base):
    """A file that was handed in, such as the scan of a paper; its content is sealed by its hash."""

    __tablename__ = "stored_document"
    event_type: ClassVar[str] = "document.stored"
    unledgered: ClassVar[frozenset[str]] = frozenset({"content"})  # named by sha256

    sha256: Mapped[str]
    """64 hex digits."""
    media_type: Mapped[str]
    """As found by looking at the content."""
    size: Mapped[int]
    """Bytes."""
    content: Mapped[bytes]

    def is_seal_whole(self) -> bool:
        """Tell whether the content still has its hash and size."""
        return sha256(self.content).hexdigest() == self.sha256 and len(self.content) == self.size


class DocumentReference(Fact, Base):
    """A document kept elsewhere: its number, version, place and hash; the newest of a kind holds."""

    __tablename__ = "document_reference"
    event_type: ClassVar[str] = "document.referenced"

    kind: Mapped[str] = mapped_column(index=True)
    """``scope_statement``, ``statement_of_applicability``, ``audit_programme``, ``appointment_letter``, ``other`` …"""
    number: Mapped[str]
    version: Mapped[str]
    title_ja: Mapped[str]
    title_en: Mapped[str]
    place: Mapped[str]
    """Where the original is kept."""
    sha256: Mapped[str | None]

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.title_ja if language == "ja" else self.title_en


class MigrationBatch(Record, Base):
    """A batch 移行 of history from before the tool; its rows are not blamed for being recorded late."""

    __tablename__ = "migration_batch"
    event_type: ClassVar[str] = "migration.verified"

    source_document: Mapped[str]
    """Name and number of the document that the rows were taken from."""
    place: Mapped[str]
    """Where it is kept."""
    verified_by: Mapped[str]
    """Who compared the rows with the document: ``person:12`` or an office."""
    verified_on: Mapped[date]
