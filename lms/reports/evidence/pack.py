"""Writing an evidence pack: a ZIP whose every byte follows from what is in it.

Files stand in the order in which they were added; nothing is compressed, so that no version of a compressor shows in
the bytes, and a reader unpacks nothing. The manifest comes last, since it names the hash of all that stands before it.

Source: domain.md §7; docs/evidence-pack.md; docs/adr/0011-evidence-pack-format.md.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courses.ledger import leaf_hash, short_id
from courses.signed_notes import NoteVerifier, open_checkpoint, pack_key_name, sign_note
from lms.reports.evidence import verify
from lms.reports.tables import Cell, Head, csv_chunks

PACK_FORMAT = 1
LARGEST_FILE = 2**31 - 1
LARGEST_PACK = 2**32 - 1

ShownAs = Literal["text", "jst", "jst_date", "utc", "first_12", "json"]
"""How a table writes a member of an event: as it is; a time as `2026-05-01 10:00:00` in JST, as its JST date or as
`2026-05-01T01:00:00Z`; the first 12 characters of a hash; or as canonical JSON."""

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_LEAVES_PER_PIECE = 4096


class PackFileError(ValueError):
    """A file can't stand in a pack: its name is refused or taken, or it is too large."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class MissingEventsError(ValueError):
    """Tables cite evidence of which the pack was given no event."""

    def __init__(self, evidence_ids: Sequence[str]) -> None:
        super().__init__(*evidence_ids)
        self.evidence_ids = evidence_ids


class UnsoundPackError(ValueError):
    """The pack's own verifier finds something wrong with it; nothing was written."""

    def __init__(self, findings: Sequence[verify.Finding]) -> None:
        super().__init__(*findings[:5])
        self.findings = findings


@dataclass(frozen=True, slots=True)
class PackFacts:
    """What a pack answers for."""

    organisation: str
    """The organisation's key, which also stands in the ledger's origin."""
    period_from: date
    """First JST day of the period."""
    period_to: date
    """First day after it."""
    as_of: date
    """The end of this JST day."""
    known_at: int
    """Size of the ledger's tree from which everything is answered."""
    criteria: str
    """Version of the requirements and texts that were applied."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Further facts for the manifest, such as whether people are named."""
    generator: str = field(default_factory=lambda: f"akashi {metadata.version('akashi')}")


@dataclass(frozen=True, slots=True)
class EventColumn:
    """A column whose cells the verifier compares with the event that the row names."""

    column: str
    evidence: str
    """The column that holds the event's evidence id; where it is empty, the cell must be empty."""
    member: str
    """Path within the event, such as `body.mark` or `recorded_at`."""
    shown_as: ShownAs = "text"


@dataclass(frozen=True, slots=True)
class PackSeal:
    """What ties a pack to the ledger, and the key that signs it."""

    note: str
    """A signed checkpoint that covers `known_at` and the event that introduces the pack key."""
    ledger_key: NoteVerifier
    size: int
    """Leaves of the checkpoint's tree."""
    leaves: Iterable[bytes]
    """All their hashes, 32 bytes each, in order."""
    signer: Ed25519PrivateKey
    """The pack key."""
    introduced_at: int
    """Place of the event that introduces it; the event is among those added."""


class PackWriter:
    """Writes one pack: a temporary file beside the target, renamed when it is whole and its own verifier is content.

    In a ``with`` block; when that is left without `finish`, nothing remains. Call, in this order: `add_csv` and
    `add_file` for each file, `add_events` once with the events behind `evidence_ids` and the one that introduces the
    pack key, and `finish`::

        with PackWriter(target, facts) as pack:
            pack.add_csv("03_matrix.csv", pack.head(len(rows)), COLUMNS, rows, evidence=["evidence_id"],
                         values=[EventColumn("mark", "evidence_id", "body.mark")])
            pack.add_file("00_summary.pdf", pdf)
            pack.add_events(events)
            pack.finish(seal)

    Rows, events and leaves are written as they come; in memory remain the cited evidence ids and one line per file.
    """

    def __init__(self, target: Path, facts: PackFacts) -> None:
        """Begin the temporary file.

        Raises:
            OSError: the target's folder can't be written.
        """
        self._target, self._facts = target, facts
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")  # mkstemp makes it 0600
        self._temporary = Path(name)
        self._out = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_STORED, allowZip64=False)
        self._entries: list[dict[str, object]] = []
        self._names: set[str] = set()
        self._proven: set[str] = set()
        self.evidence_ids: set[str] = set()
        """Evidence ids that the tables cite so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, ValueError):
            self._zip.close()
        with suppress(OSError):
            self._out.close()
        self._temporary.unlink(missing_ok=True)

    def head(self, rows: int, *lines: tuple[str, Cell]) -> Head:
        """Return the head that every table of the pack has, with lines of its own after the common ones."""
        facts = self._facts
        common = (
            ("organisation", facts.organisation),
            ("period_from", facts.period_from),
            ("period_to", facts.period_to),
            ("as_of", facts.as_of),
            ("known_at", facts.known_at),
            ("generator", facts.generator),
            ("criteria", facts.criteria),
        )
        return Head((*common, *lines), rows)

    def add_csv(
        self,
        path: str,
        head: Head,
        columns: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        evidence: Sequence[str] = (),
        values: Sequence[EventColumn] = (),
    ) -> None:
        """Add a table.

        Args:
            path: name within the pack, such as `03_matrix.csv`.
            head: what `head` gave, with the number of rows.
            columns: names of the columns.
            rows: the rows; at once or one by one.
            evidence: the columns that hold evidence ids; a cell may hold several with spaces between, or none.
            values: the columns that come from an event.

        Raises:
            PackFileError: the name is refused or taken, or the table is too large.
            RowCountError: more or fewer rows came than the head says.
        """
        places = [columns.index(name) for name in evidence]
        noted = (self._note_evidence(row, places) for row in rows)
        with self._member(path) as member:
            for chunk in csv_chunks(head, columns, noted):
                member.write(chunk)
        member.entry |= {
            "rows": head.rows,
            "evidence": list(evidence),
            "values": [
                {"column": each.column, "evidence": each.evidence, "member": each.member, "as": each.shown_as}
                for each in values
            ],
        }

    def add_file(self, path: str, content: bytes) -> None:
        """Add a file as it is.

        Raises:
            PackFileError: the name is refused or taken, or the file is too large.
        """
        self._add(path, [content])

    def add_events(self, events: Iterable[tuple[int, bytes]]) -> None:
        """Add the events that the pack proves: pairs of place and payload, smallest place first."""
        self._add(verify.EVENTS, (self._event_line(n, payload) for n, payload in events))

    def finish(self, seal: PackSeal) -> None:
        """Add verifier, leaves, manifest and signature; let the verifier check everything; give the pack its name.

        Raises:
            MissingEventsError: an event that a table cites was not added.
            UnsoundPackError: the verifier finds something wrong, such as a cell that differs from its event.
            NoteError: the checkpoint is not the ledger's.
        """
        if missing := sorted(self.evidence_ids - self._proven):
            raise MissingEventsError(missing)
        open_checkpoint(seal.note, seal.ledger_key)
        self.add_file("verify.py", verifier_source())
        self._add(verify.LEAVES, _pieces(seal.leaves))
        pack_key = NoteVerifier.of(pack_key_name(self._facts.organisation), seal.signer.public_key())
        manifest = rfc8785.dumps(self._manifest(seal, pack_key))
        body = f"akashi-pack/{PACK_FORMAT}\n{self._facts.organisation}\n{sha256(manifest).hexdigest()}\n"
        self.add_file("manifest.json", manifest)
        self.add_file("manifest.json.sig", sign_note(body, pack_key.name, seal.signer).encode())
        self._zip.close()
        self._out.flush()
        report = verify.check(str(self._temporary), fingerprint(pack_key))
        if report.count:
            raise UnsoundPackError(report.findings)
        os.fsync(self._out.fileno())
        self._temporary.replace(self._target)

    def _manifest(self, seal: PackSeal, pack_key: NoteVerifier) -> dict[str, Any]:
        facts = self._facts
        return {
            "akashi_pack": PACK_FORMAT,
            "organisation": facts.organisation,
            "period": {"from": facts.period_from.isoformat(), "to": facts.period_to.isoformat()},
            "as_of": facts.as_of.isoformat(),
            "known_at": facts.known_at,
            "generator": facts.generator,
            "criteria": facts.criteria,
            "about": dict(facts.about),
            "ledger": {
                "origin": seal.ledger_key.name,
                "size": seal.size,
                "note": seal.note,
                "verifier_key": str(seal.ledger_key),
                "fingerprint": fingerprint(seal.ledger_key),
            },
            "pack_key": {
                "verifier_key": str(pack_key),
                "fingerprint": fingerprint(pack_key),
                "introduced_at": seal.introduced_at,
            },
            "files": self._entries,
        }

    def _note_evidence(self, row: Sequence[Cell], places: Sequence[int]) -> Sequence[Cell]:
        for place in places:
            if row[place]:
                self.evidence_ids.update(str(row[place]).split())
        return row

    def _event_line(self, n: int, payload: bytes) -> bytes:
        self._proven.add(short_id(leaf_hash(payload)))
        return b"%d %s\n" % (n, payload)

    def _add(self, path: str, pieces: Iterable[bytes]) -> None:
        with self._member(path) as member:
            for piece in pieces:
                member.write(piece)

    def _member(self, path: str) -> _Member:
        if verify.NAME.fullmatch(path) is None or path in self._names or len(self._names) == verify.MOST_FILES:
            raise PackFileError(path)
        self._names.add(path)
        info = zipfile.ZipInfo(path, _FIRST_DAY)
        info.create_system = 3  # Unix, wherever the pack is made
        info.external_attr = 0o100644 << 16
        member = _Member(path, self._zip.open(info, "w"), self._out)
        if path not in verify.OWN:
            self._entries.append(member.entry)
        return member


class _Member:
    """One file in the making: counts and hashes what is written."""

    def __init__(self, path: str, out: IO[bytes], archive: IO[bytes]) -> None:
        self.entry: dict[str, object] = {"path": path, "rows": None, "evidence": [], "values": []}
        self._path, self._out, self._archive = path, out, archive
        self._hash, self._size = sha256(), 0

    def __enter__(self) -> Self:
        return self

    def write(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > LARGEST_FILE or self._archive.tell() + len(piece) > LARGEST_PACK:
            raise PackFileError(self._path)
        self._hash.update(piece)
        self._out.write(piece)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()
        self.entry |= {"sha256": self._hash.hexdigest(), "bytes": self._size}


def fingerprint(key: NoteVerifier) -> str:
    """Return the 64 hex digits by which people compare a key: SHA-256 over its verifier key."""
    return sha256(str(key).encode()).hexdigest()


def verifier_source() -> bytes:
    """Return the verifier as it is put into packs."""
    return Path(verify.__file__).read_bytes()


def _pieces(leaves: Iterable[bytes]) -> Iterable[bytes]:
    piece: list[bytes] = []
    for leaf in leaves:
        piece.append(leaf)
        if len(piece) == _LEAVES_PER_PIECE:
            yield b"".join(piece)
            piece.clear()
    yield b"".join(piece)
