"""File 09: the register of pledges, vendors apart, and the exact bytes of every text version.

Source: ISO/IEC 27001 Annex A 5.10, 5.20, 6.2, 6.6; domain.md §4, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import select

from courses.calendar import jst_date
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.materials import PackFile
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Absent, Table
from lms.store.documents import MigrationBatch
from lms.store.ledger import LedgerEvent
from lms.store.pledges import PledgeApproval, PledgeDecline, PledgeSignature, PledgeText, PledgeWithdrawal
from lms.store.vendors import VendorContract, VendorEngagement, VendorFirm

STAFF = "09_pledges.csv"
VENDORS = "09_pledges_vendors.csv"
DECLINES = "09_pledge_declines.csv"
TEXTS = "09_pledge_texts.csv"

_COLUMNS = (
    *("person", "pledge", "text_version", "text_sha256", "language", "purpose", "method", "signed_at"),
    *("verified_by", "original_place", "document_sha256", "migrated_from", "record_hash", "superseded_by"),
    *("withdrawn_on", "withdrawal_ground", "withdrawal_evidence_id", "evidence_id"),
)
_VALUES = (
    EventColumn("text_sha256", "evidence_id", "body.text_sha256"),
    EventColumn("language", "evidence_id", "body.language"),
    EventColumn("purpose", "evidence_id", "body.purpose"),
    EventColumn("method", "evidence_id", "body.method"),
    EventColumn("signed_at", "evidence_id", "body.signed_at", "jst"),
    EventColumn("original_place", "evidence_id", "body.original_place"),
    EventColumn("withdrawn_on", "withdrawal_evidence_id", "body.withdrawn_on"),
    EventColumn("withdrawal_ground", "withdrawal_evidence_id", "body.ground"),
)


def pledge_tables(source: Source) -> Iterator[Table]:
    """Yield file 09."""
    texts = {row.id: row for row, _ in source.records(PledgeText)}
    yield _declines(source, texts)
    yield _texts(source)
    yield from _registers(source, texts)


def text_files(source: Source) -> Iterator[PackFile]:
    """Yield the exact bytes of every text version, in both languages."""
    for row, _ in source.records(PledgeText, order=(PledgeText.key, PledgeText.version)):
        for language, text in (("ja", row.text_ja), ("en", row.text_en)):
            yield PackFile(_file_name(row, language), text.encode())


def _file_name(row: PledgeText, language: str) -> str:
    return f"09_texts/{row.key}-{row.version}.{language}.txt"


def _registers(source: Source, texts: dict[int, PledgeText]) -> Iterator[Table]:
    staff = source.table(
        path=STAFF,
        columns=_COLUMNS,
        people=frozenset({"person"}),
        actors=frozenset({"verified_by"}),
        evidence=("superseded_by", "withdrawal_evidence_id", "evidence_id"),
        values=_VALUES,
        notes=(
            ("content", "every signature record up to the as-of date, withdrawn and superseded ones too; times in JST"),
            ("record_hash", "leaf hash of the record in the ledger"),
            ("signed_at", "of a paper the day that it bears, at 00:00:00; its time of day is not known"),
            (
                "verified_by, original_place",
                "of a paper: who compared it with its scan (document_sha256), and where it lies",
            ),
        ),
    )
    vendors = source.table(
        path=VENDORS,
        columns=("firm", "contract", *_COLUMNS),
        people=staff.layout.people,
        actors=staff.layout.actors,
        evidence=staff.layout.evidence,
        values=_VALUES,
        notes=staff.layout.notes,
    )
    engaged = _engagements(source)
    withdrawals = {row.signature_id: (row, evidence_id) for row, evidence_id in source.records(PledgeWithdrawal)}
    kept = _Kept(source)
    for person_id, signatures in groupby(
        source.records(
            PledgeSignature,
            PledgeSignature.signed_at < source.question.until,
            order=(PledgeSignature.person_id, PledgeSignature.signed_at),
        ),
        key=lambda each: each[0].person_id,
    ):
        theirs = list(signatures)
        leaves = kept.leaves([row.event_id for row, _ in theirs])
        for row, evidence_id in theirs:
            later = _superseding(row, theirs, texts)
            withdrawal, withdrawal_id = withdrawals.get(row.id, (None, ""))
            text = texts[row.text_id]
            cells = (
                person_id,
                *(text.key, text.version, row.text_sha256, row.language, row.purpose, row.method, row.signed_at),
                *(row.verified_by, row.original_place),
                kept.documents.get(row.document_id or 0),
                kept.batches.get(row.migration_batch_id or 0),
                *(leaves[row.event_id], later),
                withdrawal.withdrawn_on if withdrawal else None,
                withdrawal.ground if withdrawal else "",
                *(withdrawal_id, evidence_id),
            )
            if person_id in engaged:
                vendors.add(*engaged[person_id], *cells)
            else:
                staff.add(*cells)
    yield staff
    yield vendors


def _superseding(
    row: PledgeSignature, theirs: Sequence[tuple[PledgeSignature, str]], texts: dict[int, PledgeText]
) -> str:
    """Return the evidence id of the person's next signature of the same pledge."""
    for other, evidence_id in theirs:
        is_later = (other.signed_at, other.id) > (row.signed_at, row.id)
        if is_later and texts[other.text_id].key == texts[row.text_id].key:
            return evidence_id
    return ""


class _Kept:
    """What signatures point at."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.documents = source.document_hashes()
        self.batches = {row.id: row.source_document for row, _ in source.records(MigrationBatch)}

    def leaves(self, event_ids: Sequence[int]) -> dict[int, str]:
        """Return the leaf hash of each event in hex."""
        rows = self._source.session.execute(
            select(LedgerEvent.id, LedgerEvent.leaf).where(LedgerEvent.id.in_(event_ids))
        )
        return {event_id: leaf.hex() for event_id, leaf in rows}


def _engagements(source: Source) -> dict[int, tuple[str, str]]:
    """Return firm and contract number of those who work under a vendor's contract, by the newest engagement."""
    firms = {row.id: row.name_ja for row, _ in source.records(VendorFirm)}
    contracts = {row.id: row.number for row, _ in source.records(VendorContract)}
    return {
        row.person_id: (firms.get(row.firm_id, ""), contracts.get(row.contract_id or 0, ""))
        for row, _ in source.records(
            VendorEngagement,
            VendorEngagement.valid_from <= source.question.as_of,
            order=(VendorEngagement.valid_from,),
        )
    }


def _declines(source: Source, texts: dict[int, PledgeText]) -> Table:
    table = source.table(
        path=DECLINES,
        columns=("person", "pledge", "text_version", "language", "declined_at", "evidence_id"),
        people=frozenset({"person"}),
        evidence=("evidence_id",),
        values=(
            EventColumn("language", "evidence_id", "body.language"),
            EventColumn("declined_at", "evidence_id", "body.declined_at", "jst"),
        ),
        absent=(Absent("reason", "what was said is a personal value and stays in the tool"),),
    )
    for row, evidence_id in source.records(
        PledgeDecline, PledgeDecline.declined_at < source.question.until, order=(PledgeDecline.declined_at,)
    ):
        text = texts[row.text_id]
        table.add(row.person_id, text.key, text.version, row.language, row.declined_at, evidence_id)
    return table


def _texts(source: Source) -> Table:
    table = source.table(
        path=TEXTS,
        columns=(
            *("pledge", "version", "title_ja", "title_en", "sha256_ja", "sha256_en", "file_ja", "file_en"),
            *("drafted_on", "approved_by", "decision", "effective_from", "requires_resigning", "days_to_sign"),
            *("approval_evidence_id", "evidence_id"),
        ),
        actors=frozenset({"approved_by"}),
        evidence=("approval_evidence_id", "evidence_id"),
        values=(
            *(EventColumn(name, "evidence_id", f"body.{name}") for name in ("version", "sha256_ja", "sha256_en")),
            EventColumn("pledge", "evidence_id", "body.key"),
            EventColumn("decision", "approval_evidence_id", "body.decision"),
            EventColumn("effective_from", "approval_evidence_id", "body.valid_from"),
            EventColumn("requires_resigning", "approval_evidence_id", "body.requires_resigning"),
            EventColumn("days_to_sign", "approval_evidence_id", "body.days_to_sign"),
        ),
        notes=(("file", "the exact bytes of the text; sha256 is their hash"),),
    )
    approvals: dict[int, list[tuple[PledgeApproval, str]]] = {}
    for approval, evidence_id in source.records(PledgeApproval, order=(PledgeApproval.valid_from,)):
        approvals.setdefault(approval.text_id, []).append((approval, evidence_id))
    for row, evidence_id in source.records(PledgeText, order=(PledgeText.key, PledgeText.version)):
        names = (_file_name(row, "ja"), _file_name(row, "en"))
        drafted = jst_date(row.recorded_at)
        cells = (row.key, row.version, row.title_ja, row.title_en, row.sha256_ja, row.sha256_en, *names, drafted)
        for approval, approval_id in approvals.get(row.id, []):
            table.add(
                *cells,
                approval.approved_by,
                approval.decision,
                approval.valid_from,
                approval.requires_resigning,
                approval.days_to_sign,
                *(approval_id, evidence_id),
            )
        if row.id not in approvals:
            table.add(*cells, *(None,) * 5, "", evidence_id)
    return table
