"""Anchors: the newest checkpoint of each ledger, kept in files outside the database.

Whoever cuts off the end of a ledger, or puts an older database back, leaves a tree that is whole in itself. The anchor
tells: it is larger. Each organisation has a folder with `newest.checkpoint` and one checkpoint for each of the last days.

Source: quality.md §3 (anchors).
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.ledger import Frontier, LedgerError, is_organisation_key
from courses.signed_notes import Checkpoint, NoteError, NoteVerifier, open_checkpoint, parse_checkpoint
from lms.config import KeyFolder
from lms.services.ledger import frontier_at
from lms.services.ledger_checks import LedgerProblem, ProblemCode
from lms.services.ledger_keys import verifier_for
from lms.store.key_files import KeyFileFault
from lms.store.ledger import LedgerCheckpoint, LedgerLeaf, leaves_between, newest_checkpoint
from lms.store.organisations import Organisation
from lms.store.records import record
from lms.store.restores import LedgerRestore

NEWEST = "newest.checkpoint"
MOST_DAYS = 400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.checkpoint")


class Standing(StrEnum):
    """How a ledger stands to one of its anchors."""

    FITS = "fits"
    SMALLER = "smaller"
    INCONSISTENT = "inconsistent"


class AnchorError(Exception):
    """A ledger can't go on from its anchor."""

    def __init__(self, organisation_key: str, file: str, tree_size: int, anchor_size: int | None) -> None:
        super().__init__(organisation_key, file, tree_size, anchor_size)
        self.organisation_key, self.file = organisation_key, file
        self.tree_size, self.anchor_size = tree_size, anchor_size


class TreeSmallerError(AnchorError):
    """The tree is smaller than its anchor."""


class TreeInconsistentError(AnchorError):
    """The tree does not begin with the anchored one."""


class AnchorUnreadableError(AnchorError):
    """The anchor is no checkpoint of this ledger; its size is not known."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One file with a checkpoint."""

    file: str
    """Folder and name, such as ``kakuu/newest.checkpoint``."""
    checkpoint: Checkpoint | None
    """None: the file can't be read, or the ledger's key has not signed it."""


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """What verify_anchors read and found."""

    anchors: int
    newest_size: int | None
    """Leaves of the newest anchored tree."""
    problem_count: int
    problems: list[LedgerProblem]


def write_anchor(
    own: Path, checkpoint: LedgerCheckpoint, now: datetime, acknowledged: Checkpoint | None = None
) -> None:
    """Keep a checkpoint as the newest and as this day's, unless another worker has written a larger one meanwhile.

    Args:
        own: the organisation's folder.
        checkpoint: what to keep.
        now: the time.
        acknowledged: the anchor that is there, if it no longer fits and somebody has said why.

    Raises:
        OSError: the folder can't be written.
    """
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(own):
        there = _read(own / NEWEST, own.name, None)
        if there is not None and there.size > checkpoint.size and there != acknowledged:
            return
        for stale in own.glob(".new-*"):  # of a worker that was killed while it wrote
            stale.unlink()
        descriptor, temporary = tempfile.mkstemp(dir=own, prefix=".new-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(checkpoint.note)
                file.flush()
                os.fsync(file.fileno())
            day = own / f"{jst_date(now).isoformat()}.checkpoint"
            twin = Path(f"{temporary}-day")
            os.link(temporary, twin)
            twin.replace(day)
            Path(temporary).replace(own / NEWEST)
        finally:
            Path(temporary).unlink(missing_ok=True)
        for old in sorted(own.glob("????-??-??.checkpoint"))[:-MOST_DAYS]:
            old.unlink()
        directory = os.open(own, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_anchors(folder: Path, organisation_key: str, verifier: NoteVerifier | None) -> list[Anchor]:
    """Return an organisation's anchors, the newest first; without a verifier their signatures are not checked.

    Raises:
        OSError: the folder is there and can't be read, so that nobody knows what it holds.
    """
    own = folder / organisation_key
    try:
        names = [path.name for path in own.iterdir() if path.name == NEWEST or _DAY.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    names.sort(key=lambda name: (name == NEWEST, name), reverse=True)
    return [Anchor(f"{organisation_key}/{name}", _read(own / name, organisation_key, verifier)) for name in names]


def _read(path: Path, organisation_key: str, verifier: NoteVerifier | None) -> Checkpoint | None:
    try:
        note = path.read_bytes().decode()
        if verifier is not None:
            return open_checkpoint(note, verifier)
        checkpoint = parse_checkpoint(note.partition("\n\n")[0] + "\n")
    except (OSError, ValueError, NoteError):
        return None
    return checkpoint if checkpoint.origin == f"akashi/{organisation_key}" else None


def check_newest_anchor(
    session: Session, organisation: Organisation, folder: Path, keys: KeyFolder
) -> Checkpoint | None:
    """Check that a ledger goes on from its newest anchor, reading the leaves after it alone.

    Returns the anchor when it does not fit and a restore was acknowledged.

    Raises:
        AnchorError: it does not, and no restore was acknowledged.
    """
    anchors = read_anchors(folder, organisation.key, _verifier(keys, organisation.key))[:1]
    for anchor in anchors:
        size = tree_size(session, organisation.id)
        if anchor.checkpoint is None:
            raise AnchorUnreadableError(organisation.key, anchor.file, size, None)
        standing = stand(session, organisation.id, anchor.checkpoint)
        if standing is Standing.FITS:
            return None
        if _is_acknowledged(session, organisation.id, anchor.checkpoint):
            return anchor.checkpoint
        error = TreeSmallerError if standing is Standing.SMALLER else TreeInconsistentError
        raise error(organisation.key, anchor.file, size, anchor.checkpoint.size)
    return None


def check_ledgers(session: Session, folder: Path, keys: KeyFolder) -> None:
    """Check every organisation's newest anchor, and that every anchored organisation is there.

    Raises:
        AnchorError: a ledger does not go on from its anchor.
    """
    organisations = session.scalars(select(Organisation).order_by(Organisation.id)).all()
    for organisation in organisations:
        check_newest_anchor(session, organisation, folder, keys)
    present = {organisation.key for organisation in organisations}
    for own in sorted(folder.glob("*/")) if folder.is_dir() else []:
        is_of_nobody = own.name not in present and is_organisation_key(own.name)
        anchors = read_anchors(folder, own.name, None) if is_of_nobody else []
        for anchor in anchors[:1]:
            raise TreeSmallerError(own.name, anchor.file, 0, anchor.checkpoint.size if anchor.checkpoint else None)


def verify_anchors(session: Session, organisation: Organisation, folder: Path, keys: KeyFolder) -> AnchorReport:
    """Check all anchors of an organisation, old ones too, against its tree."""
    anchors = read_anchors(folder, organisation.key, _verifier(keys, organisation.key))
    size = tree_size(session, organisation.id)
    problems = []
    for anchor in anchors:
        code, said = ProblemCode.ANCHOR_UNREADABLE, ""
        if anchor.checkpoint is not None:
            standing = stand(session, organisation.id, anchor.checkpoint)
            if standing is Standing.FITS or _is_acknowledged(session, organisation.id, anchor.checkpoint):
                continue
            is_smaller = standing is Standing.SMALLER
            code = ProblemCode.ANCHOR_SMALLER if is_smaller else ProblemCode.ANCHOR_INCONSISTENT
            said = f"tree {size}, anchor {anchor.checkpoint.size}"
        problems.append(LedgerProblem(code, f"anchor {anchor.file}", member=said))
    newest = anchors[0].checkpoint.size if anchors and anchors[0].checkpoint else None
    return AnchorReport(len(anchors), newest, len(problems), problems)


def acknowledge_restore(
    session: Session, organisation: Organisation, anchors: Sequence[Anchor], reason: str, stamp: tuple[str, datetime]
) -> list[LedgerRestore]:
    """Record that the ledger no longer fits some of its anchors, and why; an empty list when it fits all.

    Args:
        session: a writing session.
        organisation: whose ledger.
        anchors: what read_anchors gave.
        reason: why.
        stamp: who says so, and when.
    """
    unfit = {
        (checkpoint.size, checkpoint.root): checkpoint
        for checkpoint in (anchor.checkpoint for anchor in anchors)
        if checkpoint is not None
        and stand(session, organisation.id, checkpoint) is not Standing.FITS
        and not _is_acknowledged(session, organisation.id, checkpoint)
    }
    newest = newest_checkpoint(session, organisation.id)
    by, now = stamp
    rows = [
        LedgerRestore(
            reason=reason,
            found_size=newest.size if newest else 0,
            found_root=(newest.root if newest else Frontier().root()).hex(),
            anchor_size=size,
            anchor_root=root.hex(),
            recorded_at=now,
            recorded_by=by,
        )
        for size, root in sorted(unfit)
    ]
    record(session, organisation, *rows)
    return rows


def restores(session: Session, organisation_id: int) -> list[LedgerRestore]:
    """Return the acknowledged restores, oldest first."""
    query = select(LedgerRestore).where(LedgerRestore.organisation_id == organisation_id).order_by(LedgerRestore.id)
    return list(session.scalars(query))


def tree_size(session: Session, organisation_id: int) -> int:
    """Return how many leaves are there and covered by a checkpoint."""
    newest = newest_checkpoint(session, organisation_id)
    last = session.scalar(select(func.max(LedgerLeaf.n)).where(LedgerLeaf.organisation_id == organisation_id))
    return min(newest.size if newest else 0, 0 if last is None else last + 1)


def stand(session: Session, organisation_id: int, anchor: Checkpoint) -> Standing:
    """Say whether a ledger's tree begins with an anchored one and leads from there to its newest checkpoint."""
    newest = newest_checkpoint(session, organisation_id)
    if newest is None or tree_size(session, organisation_id) < anchor.size:
        return Standing.SMALLER
    try:
        frontier = frontier_at(session, organisation_id, anchor.size)
        if not frontier.is_at(anchor.size, anchor.root):
            return Standing.INCONSISTENT
        frontier.extend(leaves_between(session, organisation_id, anchor.size, newest.size))
    except (LedgerError, TypeError, ValueError):
        return Standing.INCONSISTENT
    return Standing.FITS if frontier.is_at(newest.size, newest.root) else Standing.INCONSISTENT


def _is_acknowledged(session: Session, organisation_id: int, anchor: Checkpoint) -> bool:
    query = select(LedgerRestore.id).where(
        LedgerRestore.organisation_id == organisation_id,
        LedgerRestore.anchor_size == anchor.size,
        LedgerRestore.anchor_root == anchor.root.hex(),
    )
    return session.scalar(query.limit(1)) is not None


def _verifier(keys: KeyFolder, organisation_key: str) -> NoteVerifier | None:
    try:
        return verifier_for(keys, organisation_key)
    except KeyFileFault:
        return None
