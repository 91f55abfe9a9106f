"""Files that are handed in as evidence, such as scans: recognised by their content, kept once, sealed by their hash.

Source: ISO/IEC 27001 clause 7.5; OWASP, file upload (never trust a name or a declared type).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.store.documents import StoredDocument
from lms.store.organisations import Organisation
from lms.store.records import record

LARGEST_DOCUMENT = 10_000_000
"""Bytes."""
MEDIA_TYPES = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
"""What is taken, and how its files are named."""


class BadDocumentError(ValueError):
    """A file can't be taken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        """``document_empty``, ``document_too_large``, ``document_kind`` or ``document_cut``."""


class UnknownDocumentError(LookupError):
    """The organisation has no such document."""


def recognise(content: bytes) -> str:
    """Return the media type of a file by its beginning and its end.

    Raises:
        BadDocumentError: it is empty, too large, of another kind, or lacks its end.
    """
    if not content:
        raise BadDocumentError("document_empty")
    if len(content) > LARGEST_DOCUMENT:
        raise BadDocumentError("document_too_large")
    kinds = (
        ("application/pdf", b"%PDF-", b"%%EOF" in content[-1024:]),
        ("image/jpeg", b"\xff\xd8\xff", b"\xff\xd9" in content[-64:]),
        ("image/png", b"\x89PNG\r\n\x1a\n", content.endswith(b"IEND\xaeB`\x82")),
    )
    for media_type, beginning, is_whole in kinds:
        if content.startswith(beginning):
            if not is_whole:
                raise BadDocumentError("document_cut")
            return media_type
    raise BadDocumentError("document_kind")


def store_document(
    session: Session, organisation: Organisation, content: bytes, actor: str, now: datetime
) -> StoredDocument:
    """Keep a file; the same bytes are kept once.

    Raises:
        BadDocumentError: it can't be taken.
    """
    media_type = recognise(content)
    digest = sha256(content).hexdigest()
    known = session.scalars(
        select(StoredDocument).where(StoredDocument.organisation_id == organisation.id, StoredDocument.sha256 == digest)
    ).first()
    if known is not None:
        return known
    row = StoredDocument(
        sha256=digest, media_type=media_type, size=len(content), content=content, recorded_at=now, recorded_by=actor
    )
    record(session, organisation, row)
    return row


def document_of(session: Session, organisation: Organisation, document_id: int) -> StoredDocument:
    """Return a document of the organisation.

    Raises:
        UnknownDocumentError: it has none such.
    """
    row = session.get(StoredDocument, document_id)
    if row is None or row.organisation_id != organisation.id:
        raise UnknownDocumentError
    return row
