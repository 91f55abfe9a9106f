"""The ledger at work: giving events their places, proving one of them, and checking everything that is stored.

Glossary: *to sequence* is to give pending events their places in the tree and to sign the new root; a *problem* is a
stored row that is not what the ledger wrote. The checks read with constant memory and change nothing.

Source: quality.md §3; docs/ledger.md; docs/adr/0004-the-ledger.md.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, Row, Select, delete, exists, func, insert, inspect, or_, select, text, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import NullType

from courses.events import EVENT_FORMAT, commit_fields, differing_members, recorded_time
from courses.ledger import (
    HASH_LENGTH,
    Frontier,
    LedgerError,
    LengthError,
    inclusion_proof_after,
    leaf_hash,
)
from courses.signed_notes import Checkpoint, NoteError, NoteVerifier, ledger_origin, open_checkpoint, sign_checkpoint
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, LedgerLeaf, LedgerPending, newest_checkpoint
from lms.store.organisations import Organisation
from lms.store.people import PERSONAL_FIELDS, PersonalOpening, PersonParticulars
from lms.store.records import Record, event_body
from lms.store.schema import Base

MOST_PROBLEMS_LISTED = 1_000

_ROWS_AT_A_TIME = 2_000
_AnyRow = Row[*tuple[Any, ...]]
_AnySelect = Select[*tuple[Any, ...]]
_EVIDENCE_ID = re.compile(r"E-([0-9a-f]{16})")


class UnusableCheckpointError(Exception):
    """The newest checkpoint is damaged or signed by another key; to build on it would sign for what it hides."""

    def __init__(self, organisation_id: int, size: int) -> None:
        super().__init__(organisation_id, size)
        self.organisation_id, self.size = organisation_id, size


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one run of the sequencer did."""

    count: int
    """Events that got a place."""
    checkpoint: LedgerCheckpoint | None
    """The new tree head; None when nothing was pending."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What shows a stranger that an event is in the tree of a signed checkpoint."""

    n: int
    """Place of the event, from 0."""
    size: int
    """Leaves in the checkpoint's tree."""
    proof: tuple[bytes, ...]
    """Inclusion proof, from the leaf upwards."""
    note: str
    """The checkpoint as signed."""


def sequence(
    session: Session, organisation_id: int, now: datetime, signer: Ed25519PrivateKey, limit: int = 10_000
) -> Sequenced:
    """Give the oldest pending events of an organisation their places, and sign a checkpoint over the tree.

    Runs within the caller's transaction. A second sequencer waits for the organisation's row; were it not to wait, the
    primary keys of leaves and checkpoints would make it fail.

    Raises:
        UnusableCheckpointError: the newest checkpoint is damaged, or this key has not signed it.
    """
    # NO KEY UPDATE keeps other sequencers out and lets writers of records through, whose foreign keys point here.
    key = session.scalars(
        select(Organisation.key).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    ).one()
    pending = session.execute(
        select(LedgerEvent.id, LedgerEvent.leaf)
        .join(LedgerPending, LedgerPending.event_id == LedgerEvent.id)
        .where(LedgerPending.organisation_id == organisation_id, LedgerEvent.organisation_id == organisation_id)
        .order_by(LedgerPending.event_id)
        .limit(limit)
    ).all()
    if not pending:
        return Sequenced(0, None)
    newest = newest_checkpoint(session, organisation_id)
    frontier = _resume(newest, NoteVerifier.of(ledger_origin(key), signer.public_key()))
    _place(session, organisation_id, frontier.size, [event_id for event_id, _ in pending])
    frontier.extend(leaf for _, leaf in pending)
    checkpoint = LedgerCheckpoint(
        organisation_id=organisation_id,
        size=frontier.size,
        root=frontier.root(),
        frontier=frontier.to_hex(),
        note=sign_checkpoint(Checkpoint(ledger_origin(key), frontier.size, frontier.root()), signer),
        # A clock set back must not make a larger tree older than a smaller one.
        created_at=max(now, newest.created_at) if newest else now,
    )
    session.add(checkpoint)
    session.flush()
    return Sequenced(len(pending), checkpoint)


def _resume(newest: LedgerCheckpoint | None, verifier: NoteVerifier) -> Frontier:
    if newest is None:
        return Frontier()
    try:
        signed = open_checkpoint(newest.note, verifier)
        frontier = Frontier.from_hex(newest.frontier)
    except (LedgerError, NoteError):
        raise UnusableCheckpointError(newest.organisation_id, newest.size) from None
    if (newest.size, newest.root) != (signed.size, signed.root) or not frontier.is_at(signed.size, signed.root):
        raise UnusableCheckpointError(newest.organisation_id, newest.size)
    return frontier


def _place(session: Session, organisation_id: int, first: int, event_ids: Sequence[int]) -> None:
    session.execute(
        insert(LedgerLeaf),
        [
            {"organisation_id": organisation_id, "n": n, "event_id": event_id}
            for n, event_id in enumerate(event_ids, start=first)
        ],
    )
    # By the places just given, not "up to the last id": a smaller id may have been committed since they were read.
    placed = select(LedgerLeaf.event_id).where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.n >= first)
    session.execute(
        delete(LedgerPending).where(LedgerPending.event_id.in_(placed)).execution_options(synchronize_session=False)
    )


def inclusion(session: Session, organisation_id: int, event_id: int) -> Inclusion | None:
    """Prove an event by the first checkpoint that covers it; None while it has no place.

    The same event always gives the same proof, and only the leaves between two checkpoints are read for it.
    """
    n = session.scalar(
        select(LedgerLeaf.n).where(LedgerLeaf.organisation_id == organisation_id, LedgerLeaf.event_id == event_id)
    )
    checkpoint = None if n is None else checkpoint_at(session, organisation_id, n + 1)
    if n is None or checkpoint is None:
        return None
    earlier = session.scalar(
        select(LedgerCheckpoint.frontier)
        .where(LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.size <= n)
        .order_by(LedgerCheckpoint.size.desc())
        .limit(1)
    )
    before = Frontier.from_hex(earlier) if earlier else Frontier()
    leaves = session.scalars(
        select(LedgerEvent.leaf)
        .join(LedgerLeaf, LedgerLeaf.event_id == LedgerEvent.id)
        .where(
            LedgerLeaf.organisation_id == organisation_id,
            LedgerLeaf.n >= before.size,
            LedgerLeaf.n < checkpoint.size,
        )
        .order_by(LedgerLeaf.n)
    ).all()
    return Inclusion(n, checkpoint.size, tuple(inclusion_proof_after(before, leaves, n)), checkpoint.note)


def checkpoint_at(session: Session, organisation_id: int, size: int) -> LedgerCheckpoint | None:
    """Return the first checkpoint whose tree has at least so many leaves: by its time they were known."""
    return session.scalar(
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.organisation_id == organisation_id, LedgerCheckpoint.size >= size)
        .order_by(LedgerCheckpoint.size)
        .limit(1)
    )


def find_events(session: Session, organisation_id: int, evidence_id: str) -> Sequence[LedgerEvent]:
    """Return the events with an evidence id: one, none, or by a rare accident several."""
    match = _EVIDENCE_ID.fullmatch(evidence_id)
    if match is None:
        return []
    start = bytes.fromhex(match[1])
    rest = HASH_LENGTH - len(start)
    return session.scalars(
        select(LedgerEvent)
        .where(
            LedgerEvent.organisation_id == organisation_id,
            LedgerEvent.leaf.between(start + bytes(rest), start + b"\xff" * rest),
        )
        .order_by(LedgerEvent.id)
    ).all()


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
    RECORD_MISSING = "record.missing"
    """An event's record is not there."""
    RECORD_CHANGED = "record.changed"
    """The record differs from its event."""
    RECORD_UNREADABLE = "record.unreadable"
    """The record holds a value that its column can't hold."""
    RECORD_WITHOUT_EVENT = "record.without_event"
    """The record names an event that is not there."""
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


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What verify_records read and found."""

    records: int
    openings: int
    """Rows of personal values whose commitments were computed again."""
    problem_count: int
    problems: list[LedgerProblem]
    """The first MOST_PROBLEMS_LISTED."""


def verify_ledger(session: Session, organisation_id: int, verifier: NoteVerifier | None) -> LedgerReport:
    """Check an organisation's events, places and checkpoints against each other and against the ledger's key.

    Without a verifier no note can be believed. Needs a session that has read nothing yet: on PostgreSQL it fixes the
    state that all its queries see.

    Source: docs/ledger.md sections 2, 4 and 6.
    """
    _fix_snapshot(session)
    problems = Problems()
    walk = _TreeWalk(session, organisation_id, verifier, problems)
    walk.run()
    pending, waiting = _check_pending(session, organisation_id, problems)
    events = session.scalar(select(func.count()).where(LedgerEvent.organisation_id == organisation_id)) or 0
    if events != walk.own_events + waiting:
        for event_id in _unplaced(session, organisation_id):
            problems.add(ProblemCode.EVENT_UNPLACED, f"ledger_event {event_id}", event_id)
    return LedgerReport(events, walk.leaves, pending, walk.checkpoints, problems.count, problems.listed)


def _fix_snapshot(session: Session) -> None:
    if not session.in_transaction() and session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _raw(column: ColumnElement[Any] | InstrumentedAttribute[bytes], name: str) -> ColumnElement[Any]:
    """Read a column as the driver gives it: a damaged SQLite file can hold text where bytes belong, to be named here."""
    return type_coerce(column, NullType()).label(name)


_RAW_LEAF, _RAW_PAYLOAD = _raw(LedgerEvent.leaf, "leaf"), _raw(LedgerEvent.payload, "payload")


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

    def _add(self, chunk: Sequence[_AnyRow]) -> None:
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

    def _name_gaps(self, chunk: Sequence[_AnyRow]) -> None:
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
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )
        self._portions = session.execute(query).partitions()
        self._portion: Sequence[_AnyRow] = ()
        self._start = 0

    def below(self, size: int | None) -> Iterator[Sequence[_AnyRow]]:
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


def _check_event(row: _AnyRow, where: str, organisation_id: int, problems: Problems) -> None:
    if row.organisation_id is None:
        problems.add(ProblemCode.EVENT_MISSING, where, row.event_id)
    elif row.organisation_id != organisation_id:
        problems.add(ProblemCode.EVENT_FOREIGN, where, row.event_id)
    elif not isinstance(row.payload, bytes) or leaf_hash(row.payload) != row.leaf:
        problems.add(ProblemCode.EVENT_CHANGED, f"ledger_event {row.event_id}", row.event_id)


def _check_pending(session: Session, organisation_id: int, problems: Problems) -> tuple[int, int]:
    """Check the queue; give its length, and how many of the organisation's own events rightly wait in it."""
    query = (
        select(LedgerPending.event_id, LedgerEvent.organisation_id, _RAW_LEAF, _RAW_PAYLOAD, LedgerLeaf.n)
        .outerjoin(LedgerEvent, LedgerEvent.id == LedgerPending.event_id)
        .outerjoin(LedgerLeaf, LedgerLeaf.event_id == LedgerPending.event_id)
        .where(LedgerPending.organisation_id == organisation_id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
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
    yield from session.scalars(query.order_by(LedgerEvent.id).execution_options(yield_per=_ROWS_AT_A_TIME))


def verify_records(session: Session, organisation_id: int) -> RecordReport:
    """Check every record against its event, every event for its record, and personal values against commitments.

    Values that were erased are not missed. Needs a session that has read nothing yet, or that verify_ledger has used.
    """
    _fix_snapshot(session)
    organisation = session.get_one(Organisation, organisation_id)
    problems = Problems()
    check = _RecordCheck(session, organisation, problems)
    models = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Record)]
    models.sort(key=_table_of)
    for model in models:
        check.compare(model)
    check.name_missing(models)
    openings = _check_openings(session, organisation_id, problems)
    return RecordReport(check.records, openings, problems.count, problems.listed)


def _table_of(model: type[Record]) -> str:
    return str(inspect(model).local_table.name)


class _RecordCheck:
    """Compares records with their events, table by table."""

    def __init__(self, session: Session, organisation: Organisation, problems: Problems) -> None:
        self._session, self._organisation, self._problems = session, organisation, problems
        self.records = 0

    def compare(self, model: type[Record]) -> None:
        query = (
            select(model, LedgerEvent.organisation_id.label("owner"), _RAW_PAYLOAD)
            .outerjoin(LedgerEvent, LedgerEvent.id == model.event_id)
            .where(model.organisation_id == self._organisation.id)
            .execution_options(populate_existing=True)
        )
        ids = select(model.id).where(model.organisation_id == self._organisation.id).order_by(model.id)
        for portion in _portions(self._session, ids, model.id):
            for record_id, row in self._readable(model, query, portion):
                self.records += 1
                where = f"{_table_of(model)} {record_id}"
                if row is None:
                    self._problems.add(ProblemCode.RECORD_UNREADABLE, where)
                else:
                    self._compare_row(row[0], row.owner, row.payload, where)

    def _readable(
        self, model: type[Record], query: _AnySelect, ids: Sequence[int]
    ) -> Iterator[tuple[int, _AnyRow | None]]:
        """Give the rows of a portion; one by one, with None for those that can't be read, when it can't be read whole."""
        try:
            found = self._session.execute(query.where(model.id.in_(ids)).order_by(model.id)).all()
        except (ValueError, TypeError, LookupError):
            if len(ids) == 1:
                yield ids[0], None
                return
            for each in ids:
                yield from self._readable(model, query, [each])
            return
        yield from ((row[0].id, row) for row in found)

    def _compare_row(self, row: Record, owner: int | None, payload: object, where: str) -> None:
        if owner is None:
            self._problems.add(ProblemCode.RECORD_WITHOUT_EVENT, where, row.event_id)
            return
        if owner != self._organisation.id:
            self._problems.add(ProblemCode.EVENT_FOREIGN, where, row.event_id)
            return
        event = _read_event(payload)
        if event is None:
            self._problems.add(ProblemCode.EVENT_UNREADABLE, f"ledger_event {row.event_id}", row.event_id)
            return
        for member in differing_members(event, _expected_event(self._organisation.key, row)):
            self._problems.add(ProblemCode.RECORD_CHANGED, where, row.event_id, member)

    def name_missing(self, models: Sequence[type[Record]]) -> None:
        """Name the events of which no table has the record."""
        there = (
            exists().where(model.event_id == LedgerEvent.id, model.organisation_id == self._organisation.id)
            for model in models
        )
        query = (
            select(LedgerEvent.id, _RAW_PAYLOAD)
            .where(LedgerEvent.organisation_id == self._organisation.id, ~or_(*there))
            .order_by(LedgerEvent.id)
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )
        for event_id, payload in self._session.execute(query):
            event = _read_event(payload) or {}
            named = event.get("record")
            row = f"{named.get('table')} {named.get('id')}" if isinstance(named, dict) else f"ledger_event {event_id}"
            self._problems.add(ProblemCode.RECORD_MISSING, row, event_id)


def _portions(session: Session, ids: _AnySelect, key: Any) -> Iterator[Sequence[int]]:  # noqa: ANN401 - a column
    last = 0
    while portion := session.scalars(ids.where(key > last).limit(500)).all():
        yield portion
        last = portion[-1]


def _read_event(payload: object) -> dict[str, Any] | None:
    try:
        event = json.loads(payload) if isinstance(payload, bytes) else None
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _expected_event(organisation_key: str, row: Record) -> Mapping[str, object]:
    kind, _, actor = row.recorded_by.partition(":")
    return {
        "akashi_event": EVENT_FORMAT,
        "type": row.event_type,
        "organisation": organisation_key,
        "recorded_at": recorded_time(row.recorded_at),
        "actor": {"kind": kind, "id": actor},
        "record": {"table": _table_of(type(row)), "id": row.id},
        "supersedes": getattr(row, "supersedes_id", None),
        "body": event_body(row),
    }


def _check_openings(session: Session, organisation_id: int, problems: Problems) -> int:
    query = (
        select(PersonalOpening, PersonParticulars.event_id, _RAW_PAYLOAD)
        .join(PersonParticulars, PersonParticulars.id == PersonalOpening.particulars_id)
        .join(LedgerEvent, LedgerEvent.id == PersonParticulars.event_id)
        .where(PersonParticulars.organisation_id == organisation_id)
        .execution_options(yield_per=500, populate_existing=True)
    )
    count = 0
    for opening, event_id, payload in session.execute(query):
        count += 1
        commitments = (_read_event(payload) or {}).get("commitments")
        for member in _unopened(opening, commitments if isinstance(commitments, dict) else {}):
            problems.add(ProblemCode.OPENING_CHANGED, f"personal_opening {opening.particulars_id}", event_id, member)
    return count


def _unopened(opening: PersonalOpening, commitments: Mapping[str, object]) -> list[str]:
    """Name the fields that do not open their commitments; `salt` when none does."""
    try:
        expected = commit_fields(opening.salt, {name: getattr(opening, name) for name in PERSONAL_FIELDS})
    except (LengthError, TypeError):
        return ["salt"]
    changed = [name for name, commitment in expected.items() if commitments.get(name) != commitment]
    return ["salt"] if len(changed) == len(expected) else changed
