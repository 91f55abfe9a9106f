"""Making an evidence pack: its tables, its summary, its proofs, whole or not at all.

Source: domain.md §7; docs/evidence-pack.md.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.config import KeyFolder
from lms.reports.evidence.how_to_verify import how_to_verify
from lms.reports.evidence.pack import PackFacts, PackSeal, PackWriter, fingerprint, verifier_source
from lms.reports.evidence.summary import summary_json, summary_pdf
from lms.reports.tables import Head, write_csv
from lms.services.evidence.absences import absence_tables
from lms.services.evidence.auditors import auditor_tables
from lms.services.evidence.binding import binding_table
from lms.services.evidence.corrections import correction_table
from lms.services.evidence.definitions import criteria_of, decisions, definition_tables
from lms.services.evidence.materials import PackFile, material_tables, module_files
from lms.services.evidence.people import people_tables
from lms.services.evidence.pledges import pledge_tables, text_files
from lms.services.evidence.pool import pool_tables
from lms.services.evidence.pseudonyms import Naming, load_or_create_pseudonym_key
from lms.services.evidence.results import result_tables
from lms.services.evidence.roles import chart_files, role_tables
from lms.services.evidence.selfcheck import self_check_tables
from lms.services.evidence.separations import separation_tables
from lms.services.evidence.source import PackQuestion, Source
from lms.services.evidence.summary import About, document_table, summary_in
from lms.services.evidence.tables import Table
from lms.services.ledger_keys import pack_verifier_for
from lms.services.moments import check_known_at
from lms.services.pack_proofs import cited_events, pack_seal
from lms.services.people import Particulars, particulars_on
from lms.store.ledger import LedgerPending, newest_checkpoint
from lms.wording.gettext import _, use_language

Progress = Callable[[str, int, int], None]
"""Is told what was finished, how many steps are done, and how many there are."""


class NoCheckpointError(Exception):
    """Nothing has a place in the organisation's ledger yet: there is nothing that a pack could prove."""


@dataclass(frozen=True, slots=True)
class MadePack:
    """A pack that was written."""

    path: Path
    manifest_sha256: str
    size: int
    """Bytes."""
    rows: int
    """Of all its tables."""
    pending: int
    """Events that had no place in the ledger yet, and so are not in the pack."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A part of the pack: some tables, or some files."""

    name: str
    tables: Callable[[Source], Iterator[Table]]
    files: Callable[[Source], Iterator[PackFile]] | None = None


def _one(make: Callable[[Source], Table]) -> Callable[[Source], Iterator[Table]]:
    def tables(source: Source) -> Iterator[Table]:
        yield make(source)

    return tables


STEPS: tuple[_Step, ...] = (
    _Step("00", _one(document_table)),
    _Step("01-12", definition_tables),
    _Step("01-03", people_tables),
    _Step("03", absence_tables),
    _Step("05-06", result_tables),
    _Step("07", material_tables, module_files),
    _Step("09", pledge_tables, text_files),
    _Step("09", _one(binding_table)),
    _Step("10", role_tables, chart_files),
    _Step("10", separation_tables),
    _Step("11-12", auditor_tables),
    _Step("13", pool_tables),
    _Step("15", self_check_tables),
    _Step("18", _one(correction_table)),
)


def newest_known_at(session: Session, organisation_id: int) -> int:
    """Return the size of the newest checkpoint's tree.

    Raises:
        NoCheckpointError: there is none.
    """
    checkpoint = newest_checkpoint(session, organisation_id)
    if checkpoint is None:
        raise NoCheckpointError
    return checkpoint.size


def pending_events(session: Session, organisation_id: int) -> int:
    """Return how many events have no place in the ledger yet."""
    return session.scalar(select(func.count()).where(LedgerPending.organisation_id == organisation_id)) or 0


@dataclass(slots=True)
class _Parts:
    """What was made so far; temporary files until the pack is written."""

    tables: dict[str, Table] = field(default_factory=dict)
    files: list[PackFile] = field(default_factory=list)


def make_pack(
    session: Session,
    question: PackQuestion,
    keys: KeyFolder,
    target: Path,
    *,
    names: Path | None = None,
    progress: Progress = lambda _step, _done, _steps: None,
) -> MadePack:
    """Write the pack that answers a question, whole or not at all.

    Args:
        session: a reading session; it reads one state of knowledge throughout, by the size of the tree.
        question: what is asked.
        keys: where the organisation's keys lie.
        target: the ZIP; what stood there before still stands until the new one is whole.
        names: where to write who is who in a pseudonymous pack, for the organisation's own eyes; None: nowhere.
        progress: is told about each step.

    Raises:
        UnknownTreeSizeError: the ledger never had the size asked for.
        PackKeyNotIntroducedError, KeyFileFault, KeyFileFault: a key can't be used.
        UnprintableCharacterError: the summary's font lacks a character.
        UnsoundPackError: the pack's own verifier is not content.
        OSError: a file can't be written.
    """
    organisation = question.organisation
    check_known_at(session, organisation.id, question.size)
    are_names_wanted = question.is_named or names is not None
    particulars = particulars_on(session, organisation.id, question.as_of, question.size) if are_names_wanted else {}
    secret = load_or_create_pseudonym_key(keys, organisation.key)
    source = Source(session, question, Naming(secret, particulars if question.is_named else None))
    seal = pack_seal(session, organisation, keys, question.size)
    facts = PackFacts(
        organisation=organisation.key,
        period_from=question.period.start,
        period_to=question.end,
        as_of=question.as_of,
        known_at=question.size,
        criteria=criteria_of(decisions(source)),
        about={"people": "named" if question.is_named else "pseudonyms"},
    )
    steps = len(STEPS) + 2
    with ExitStack() as spools:
        parts = _Parts()
        for number, step in enumerate(STEPS, 1):
            for table in step.tables(source):
                spools.callback(table.rows.close)
                parts.tables[table.layout.path] = table
            parts.files += [*step.files(source)] if step.files else []
            progress(step.name, number, steps)
        parts.files += _pages(source, parts, facts, seal, pack_fingerprint(keys, organisation.key))
        progress("summary", steps - 1, steps)
        with PackWriter(target, facts) as pack:
            _write(pack, parts)
            pack.add_events(cited_events(session, organisation.id, pack.evidence_ids, seal))
            if names is not None:
                _write_names(names, source.naming, particulars, facts)
            pack.finish(seal)
        progress("pack", steps, steps)
        rows = sum(each.rows.count for each in parts.tables.values())
    return MadePack(
        target, manifest_hash(target), target.stat().st_size, rows, pending_events(session, organisation.id)
    )


def pack_fingerprint(keys: KeyFolder, organisation_key: str) -> str:
    """Return the fingerprint of the key that signs an organisation's packs."""
    return fingerprint(pack_verifier_for(keys, organisation_key))


def manifest_hash(pack: Path) -> str:
    """Return the SHA-256 of a pack's manifest, by which people name the pack."""
    with ZipFile(pack) as archive:
        return sha256(archive.read("manifest.json")).hexdigest()


def _pages(
    source: Source, parts: _Parts, facts: PackFacts, seal: PackSeal, pack_key_fingerprint: str
) -> Iterator[PackFile]:
    about = About(
        facts.criteria,
        facts.generator,
        fingerprint(seal.ledger_key),
        pack_key_fingerprint,
        [each.path for each in parts.files],
    )
    for language in ("ja", "en"):
        summary = summary_in(language, source, parts.tables, about)
        yield PackFile(f"00_summary.{language}.pdf", summary_pdf(summary))
        if language == "en":
            yield PackFile("00_summary.json", summary_json(summary))
        with use_language(language):
            naming = (
                _("This pack names people: beside each pseudonym stand staff number and name, as on the as-of date.")
                if source.naming.is_named
                else _("People stand under pseudonyms (P-…), the same in every pack of this organisation; the organisation alone can say who is who. A-… is an account that is linked to nobody.")
            )  # fmt: skip
        values = {
            "organisation": source.question.organisation.name(language),
            "period_from": facts.period_from.isoformat(),
            "period_to": facts.period_to.isoformat(),
            "as_of": facts.as_of.isoformat(),
            "known_at": str(facts.known_at),
            "verifier": sha256(verifier_source()).hexdigest(),
            "ledger_fingerprint": fingerprint(seal.ledger_key),
            "pack_fingerprint": pack_key_fingerprint,
            "naming": naming,
        }
        yield PackFile(f"HOW-TO-VERIFY.{language}.md", how_to_verify(language, values))


def _write(pack: PackWriter, parts: _Parts) -> None:
    """Add tables and files in the order of their names, so that they are read in the order of the specification."""
    files = {each.path: each for each in parts.files}
    for path in sorted({*files, *parts.tables}):
        if path in files:
            pack.add_file(path, files[path].content)
            continue
        table = parts.tables[path]
        pack.add_csv(
            path,
            pack.head(table.rows.count, *table.head_lines()),
            table.columns,
            table.rows,
            evidence=table.layout.evidence,
            values=table.layout.values,
        )


_NAMES = ("person", "staff_number", "family_name", "given_name", "former_name", "email")


def _write_names(path: Path, naming: Naming, particulars: Mapping[int, Particulars | None], facts: PackFacts) -> None:
    """Write who is who, readable by the owner alone; it never goes into the pack."""
    rows = _named(naming, particulars)
    head = Head((("organisation", facts.organisation), ("as_of", facts.as_of), ("known_at", facts.known_at)), len(rows))
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            write_csv(file, head, _NAMES, rows)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _named(naming: Naming, particulars: Mapping[int, Particulars | None]) -> Sequence[tuple[str, ...]]:
    return [
        (pseudonym, *(getattr(found, name) for name in _NAMES[1:])) if found is not None else (pseudonym, *("",) * 5)
        for person_id, pseudonym in sorted(naming.used.items(), key=lambda each: each[1])
        for found in (particulars.get(person_id),)
    ]
