"""Checking the ledger: events, places and checkpoints against each other and against the ledger's key.

Glossary: a *problem* is a stored row that is not what the ledger wrote. The checks read with constant memory and change
nothing.

Source: quality.md §3; docs/ledger.md sections 2, 4 and 6.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, select, text, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import NullType

from courses.ledger import (
    HASH_LENGTH,
    Frontier,
    LedgerError,
    leaf_hash,
)
from courses.signed_notes import NoteError, NoteVerifier, open_checkpoint
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, LedgerLeaf, LedgerPending

MOST_PROBLEMS_LISTED = 1_000
ROWS_AT_A_TIME = 2_000

AnyRow = Row[*tuple[Any, ...]]


class ProblemCode(StrEnum):
    """What is wrong with a stored row."""

    EVENT_CHANGED = "event.changed"
    """The payload does not hash to the leaf beside it."""
    EVENT_MISSING = "event.missing"
    """A leaf or a pending row names an event that is not there."""
    EVENT_FOREIGN = "event.foreign"
    """A leaf, a pending row or a record names another organisation's event."""
    EVENT_UNPLACED = "event.unplaced"
    """An event is neither pending nor in the tree."""
    EVENT_PENDING_TWICE = "event.pending_though_placed"
    """An event is in the tree and still pending."""
    EVENT_UNREADABLE = "event.unreadable"
    """A record's event is not JSON."""
    LEAF_GAP = "leaf.gap"
    """The place before this leaf is empty."""
    LEAF_ORDER = "leaf.order"
    """The leaf does not stand where the sequencer, going by event ids, has put it."""
    LEAF_UNSIGNED = "leaf.unsigned"
    """From this leaf on, no checkpoint covers the tree."""
    CHECKPOINT_NOTE = "checkpoint.note"
    """The note is malformed, or the ledger's key has not signed it."""
    CHECKPOINT_CONTENT = "checkpoint.content"
    """The signed note says another size or root than its row."""
    CHECKPOINT_ROOT = "checkpoint.root"
    """The leaves up to this checkpoint, from the one before, do not lead to its root."""
    CHECKPOINT_FRONTIER = "checkpoint.frontier"
    """The stored frontier does not lead to the root."""
    CHECKPOINT_ORDER = "checkpoint.order"
    """The checkpoint is older than one of a smaller tree."""
    CHECKPOINT_GAP = "checkpoint.gap"
    """The checkpoint before this one is not there."""
    RECORD_MISSING = "record.missing"
    """An event's record is not there."""
    RECORD_CHANGED = "record.changed"
    """The record differs from its event."""
    RECORD_UNREADABLE = "record.unreadable"
    """The record holds a value that its column can't hold."""
    RECORD_WITHOUT_EVENT = "record.without_event"
    """The record names an event that is not there."""
    ANCHOR_UNREADABLE = "anchor.unreadable"
    """A file outside the database is no checkpoint that the ledger's key has signed."""
    ANCHOR_SMALLER = "anchor.smaller"
    """The tree is smaller than one that was anchored: its end is missing."""
    ANCHOR_INCONSISTENT = "anchor.inconsistent"
    """The tree does not begin with one that was anchored: its past is another one."""
    OPENING_CHANGED = "opening.changed"
    """A personal value, or the salt, does not open its commitment."""


@dataclass(frozen=True, slots=True)
class LedgerProblem:
    """One stored row that is not what the ledger wrote."""

    code: ProblemCode
    where: str
    """Table and key of the row within the organisation, such as `ledger_leaf 17`."""
    event_id: int | None = None
    """The event concerned, where one is known."""
    member: str = ""
    """What differs: a member of the event, a column, or the places [from, to) of leaves."""


class Problems:
    """A list that stops growing, so that a ledger damaged everywhere does not fill the memory."""

    def __init__(self) -> None:
        self.listed: list[LedgerProblem] = []
        self.count = 0

    def add(self, code: ProblemCode, where: str, event_id: int | None = None, member: str = "") -> None:
        """Count a problem, and list it while there is room."""
        self.count += 1
        if len(self.listed) < MOST_PROBLEMS_LISTED:
            self.listed.append(LedgerProblem(code, where, event_id, member))


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What verify_ledger read and found."""

    events: int
    leaves: int
    pending: int
    checkpoints: int
    problem_count: int
    problems: list[LedgerProblem]
    """The first MOST_PROBLEMS_LISTED."""


def verify_ledger(session: Session, organisation_id: int, verifier: NoteVerifier | None) -> LedgerReport:
    """Check an organisation's events, places and checkpoints against each other and against the ledger's key.

    Without a verifier no note can be believed. Needs a session that has read nothing yet: on PostgreSQL it fixes the
    state that all its queries see.

    Source: docs/ledger.md sections 2, 4 and 6.
    """
    fix_snapshot(session)
    problems = Problems()
    walk = _TreeWalk(session, organisation_id, verifier, problems)
    walk.run()
    pending, waiting = _check_pending(session, organisation_id, problems)
    events = session.scalar(select(func.count()).where(LedgerEvent.organisation_id == organisation_id)) or 0
    if events != walk.own_events + waiting:
        for event_id in _unplaced(session, organisation_id):
            problems.add(ProblemCode.EVENT_UNPLACED, f"ledger_event {event_id}", event_id)
    return LedgerReport(events, walk.leaves, pending, walk.checkpoints, problems.count, problems.listed)


def fix_snapshot(session: Session) -> None:
    """Let all queries of a session that has read nothing yet see one state."""
    if not session.in_transaction() and session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _raw(column: ColumnElement[Any] | InstrumentedAttribute[bytes], name: str) -> ColumnElement[Any]:
    """Read a column as the driver gives it: a damaged SQLite file can hold text where bytes belong, to be named here."""
    return type_coerce(column, NullType()).label(name)


RAW_LEAF, RAW_PAYLOAD = _raw(LedgerEvent.leaf, "leaf"), _raw(LedgerEvent.payload, "payload")


class _TreeWalk:
    """Reads leaves and checkpoints side by side, smallest first, building the tree as it goes."""

    def __init__(
        self, session: Session, organisation_id: int, verifier: NoteVerifier | None, problems: Problems
    ) -> None:
        self._session, self._organisation_id = session, organisation_id
        self._verifier, self._problems = verifier, problems
        self._frontier = Frontier()
        self._next_n = 0
        self.leaves = self.own_events = self.checkpoints = 0

    def run(self) -> None:
        chunks = _Chunks(self._session, self._organisation_id)
        newest_time = None
        query = (
            select(LedgerCheckpoint)
            .where(LedgerCheckpoint.organisation_id == self._organisation_id)
            .order_by(LedgerCheckpoint.size)
            .execution_options(yield_per=100, populate_existing=True)
        )
        size = 0
        for checkpoint in self._session.scalars(query):
            for chunk in chunks.below(checkpoint.size):
                self._add(chunk)
            self._check(checkpoint, size)
            if checkpoint.previous_size != size:
                self._report(ProblemCode.CHECKPOINT_GAP, checkpoint, f"{checkpoint.previous_size}")
            if newest_time is not None and checkpoint.created_at < newest_time:
                self._report(ProblemCode.CHECKPOINT_ORDER, checkpoint)
            newest_time, size = checkpoint.created_at, checkpoint.size
            self.checkpoints += 1
        for chunk in chunks.below(None):
            if self._next_n <= size:
                self._problems.add(ProblemCode.LEAF_UNSIGNED, f"ledger_leaf {chunk[0].n}", chunk[0].event_id)
            self._add(chunk)

    def _report(self, code: ProblemCode, checkpoint: LedgerCheckpoint, member: str = "") -> None:
        self._problems.add(code, f"ledger_checkpoint {checkpoint.size}", member=member)

    def _add(self, chunk: Sequence[AnyRow]) -> None:
        ns, event_ids, owners, leaves, payloads = zip(*chunk, strict=True)
        first, count = self._next_n, len(chunk)
        if _is_sound(self._organisation_id, owners, leaves, payloads):
            self._frontier.extend(leaves)
        else:
            for row in chunk:
                _check_event(row, f"ledger_leaf {row.n}", self._organisation_id, self._problems)
            self._frontier.extend(leaf if _is_hash(leaf) else bytes(HASH_LENGTH) for leaf in leaves)
        if ns != tuple(range(first, first + count)):
            self._name_gaps(chunk)
        if event_ids != (ordered := tuple(sorted(event_ids))):
            for row, expected in zip(chunk, ordered, strict=True):
                if row.event_id != expected:
                    self._problems.add(ProblemCode.LEAF_ORDER, f"ledger_leaf {row.n}", row.event_id)
        self.leaves += count
        self.own_events += owners.count(self._organisation_id)
        self._next_n = ns[-1] + 1

    def _name_gaps(self, chunk: Sequence[AnyRow]) -> None:
        expected = self._next_n
        for row in chunk:
            if row.n != expected:
                self._problems.add(ProblemCode.LEAF_GAP, f"ledger_leaf {row.n}", row.event_id, f"[{expected}, {row.n})")
            expected = row.n + 1

    def _check(self, checkpoint: LedgerCheckpoint, earlier_size: int) -> None:
        root = self._signed_root(checkpoint)
        if root is None:
            return
        if not self._frontier.is_at(checkpoint.size, root):
            self._report(ProblemCode.CHECKPOINT_ROOT, checkpoint, f"[{earlier_size}, {checkpoint.size})")
        stored = _parsed(checkpoint.frontier)
        if stored is None or not stored.is_at(checkpoint.size, root):
            self._report(ProblemCode.CHECKPOINT_FRONTIER, checkpoint)
        else:
            # Going on from what was signed, damage before it is not blamed on every later checkpoint.
            self._frontier = stored

    def _signed_root(self, checkpoint: LedgerCheckpoint) -> bytes | None:
        """Give the root that was signed; that of the row where the note can't be believed; None for another size's."""
        if self._verifier is None:
            self._report(ProblemCode.CHECKPOINT_NOTE, checkpoint, "no key")
            return checkpoint.root
        try:
            signed = open_checkpoint(checkpoint.note, self._verifier)
        except NoteError as refusal:
            self._report(ProblemCode.CHECKPOINT_NOTE, checkpoint, type(refusal).__name__)
            return checkpoint.root
        if signed.size != checkpoint.size:
            self._report(ProblemCode.CHECKPOINT_CONTENT, checkpoint, "size")
            return None
        if signed.root != checkpoint.root:
            self._report(ProblemCode.CHECKPOINT_CONTENT, checkpoint, "root")
        return signed.root


def _parsed(frontier: str) -> Frontier | None:
    try:
        return Frontier.from_hex(frontier)
    except LedgerError:
        return None


class _Chunks:
    """Leaves with their events in order of their places, in portions that can be cut at a size."""

    def __init__(self, session: Session, organisation_id: int) -> None:
        # Tables and not entities: a third of the time.
        leaf, event = LedgerLeaf.__table__, LedgerEvent.__table__
        query = (
            select(
                leaf.c.n,
                leaf.c.event_id,
                event.c.organisation_id,
                _raw(event.c.leaf, "leaf"),
                _raw(event.c.payload, "payload"),
            )
            .select_from(leaf.outerjoin(event, event.c.id == leaf.c.event_id))
            .where(leaf.c.organisation_id == organisation_id)
            .order_by(leaf.c.n)
            .execution_options(yield_per=ROWS_AT_A_TIME)
        )
        self._portions = session.execute(query).partitions()
        self._portion: Sequence[AnyRow] = ()
        self._start = 0

    def below(self, size: int | None) -> Iterator[Sequence[AnyRow]]:
        """Give what is left of the leaves whose place is below a size; all of it for None."""
        while True:
            if self._start == len(self._portion):
                self._portion, self._start = next(self._portions, ()), 0
            start, end = self._start, len(self._portion)
            if size is not None:
                end = bisect_left(self._portion, size, lo=start, key=lambda row: row.n)
            if start == end:
                return
            self._start = end
            yield self._portion[start:end]


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_LENGTH


def _is_sound(
    organisation_id: int, owners: Sequence[object], leaves: Sequence[object], payloads: Sequence[Any]
) -> bool:
    """Say whether all events are there, the organisation's own, and hash to their leaves."""
    try:
        hashes = tuple(map(leaf_hash, payloads))
    except TypeError:
        return False
    return hashes == leaves and owners.count(organisation_id) == len(owners)


def _check_event(row: AnyRow, where: str, organisation_id: int, problems: Problems) -> None:
    if row.organisation_id is None:
        problems.add(ProblemCode.EVENT_MISSING, where, row.event_id)
    elif row.organisation_id != organisation_id:
        problems.add(ProblemCode.EVENT_FOREIGN, where, row.event_id)
    elif not isinstance(row.payload, bytes) or leaf_hash(row.payload) != row.leaf:
        problems.add(ProblemCode.EVENT_CHANGED, f"ledger_event {row.event_id}", row.event_id)


def _check_pending(session: Session, organisation_id: int, problems: Problems) -> tuple[int, int]:
    """Check the queue; give its length, and how many of the organisation's own events rightly wait in it."""
    query = (
        select(LedgerPending.event_id, LedgerEvent.organisation_id, RAW_LEAF, RAW_PAYLOAD, LedgerLeaf.n)
        .outerjoin(LedgerEvent, LedgerEvent.id == LedgerPending.event_id)
        .outerjoin(LedgerLeaf, LedgerLeaf.event_id == LedgerPending.event_id)
        .where(LedgerPending.organisation_id == organisation_id)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    pending = waiting = 0
    for row in session.execute(query):
        where = f"ledger_pending {row.event_id}"
        _check_event(row, where, organisation_id, problems)
        if row.n is not None:
            problems.add(ProblemCode.EVENT_PENDING_TWICE, where, row.event_id)
        pending += 1
        waiting += row.n is None and row.organisation_id == organisation_id
    return pending, waiting


def _unplaced(session: Session, organisation_id: int) -> Iterator[int]:
    placed = exists().where(LedgerLeaf.event_id == LedgerEvent.id, LedgerLeaf.organisation_id == organisation_id)
    waits = exists().where(LedgerPending.event_id == LedgerEvent.id, LedgerPending.organisation_id == organisation_id)
    query = select(LedgerEvent.id).where(LedgerEvent.organisation_id == organisation_id, ~placed, ~waits)
    yield from session.scalars(query.order_by(LedgerEvent.id).execution_options(yield_per=ROWS_AT_A_TIME))
