"""A small evidence pack and the values that it is made of; no database, nobody real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courses.events import Actor, ActorKind, EventFacts, RecordReference, build_event, event_bytes
from courses.ledger import leaf_hash, short_id, tree_root
from courses.signed_notes import Checkpoint, NoteVerifier, pack_key_name, sign_checkpoint
from lms.reports.evidence.pack import EventColumn, PackFacts, PackSeal, PackWriter

LEDGER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PACK_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
LEDGER_VERIFIER = NoteVerifier.of("akashi/kakuu", LEDGER_KEY.public_key())
PACK_VERIFIER = NoteVerifier.of(pack_key_name("kakuu"), PACK_KEY.public_key())
OTHER_VERIFIER = NoteVerifier.of(pack_key_name("kakuu"), OTHER_KEY.public_key())

COLUMNS = ("person", "mark", "title", "at_jst", "evidence_id")
VALUES = (
    EventColumn("mark", "evidence_id", "body.mark"),
    EventColumn("title", "evidence_id", "body.title"),
    EventColumn("at_jst", "evidence_id", "recorded_at", "jst"),
)
FACTS = PackFacts(
    organisation="kakuu",
    period_from=date(2026, 4, 1),
    period_to=date(2027, 4, 1),
    as_of=date(2026, 11, 23),
    known_at=9,
    criteria="2026-1",
    about={"named": "false"},
    generator="akashi test",
)


def event(number: int, event_type: str = "attempt.submitted", **body: object) -> bytes:
    """Return the payload of an event."""
    return event_bytes(
        build_event(
            EventFacts(
                event_type=event_type,
                organisation="kakuu",
                recorded_at=datetime(2026, 11, 1, 15, number % 60, tzinfo=UTC),
                actor=Actor(ActorKind.PERSON, str(number)),
                record=RecordReference("attempt_result", number + 1),
                body=body,
                commitments={"blinding": sha256(b"%d" % number).hexdigest()},
            )
        )
    )


@dataclass(frozen=True)
class PackValues:
    """What a pack is made of, to be varied by tests."""

    count: int = 9
    """Events about results; one more introduces the pack key."""
    facts: PackFacts = FACTS
    ledger_key: Ed25519PrivateKey = LEDGER_KEY
    pack_key: Ed25519PrivateKey = PACK_KEY
    introduced: NoteVerifier = PACK_VERIFIER
    """The key that the ledger introduces."""
    cited: tuple[int, ...] = (1, 3, 4)

    @cached_property
    def payloads(self) -> list[bytes]:
        results = [event(n, mark=n, title=f"=架空 {n}" if n == 3 else f"架空 {n}") for n in range(self.count)]
        return [*results, event(self.count, "pack_key.introduced", verifier_key=str(self.introduced))]

    @cached_property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(payload) for payload in self.payloads]

    @property
    def ledger_verifier(self) -> NoteVerifier:
        return NoteVerifier.of("akashi/kakuu", self.ledger_key.public_key())

    def note(self, size: int | None = None) -> str:
        """Return a signed checkpoint; of the whole tree, when no size is given."""
        leaves = self.leaves[:size]
        return sign_checkpoint(Checkpoint("akashi/kakuu", len(leaves), tree_root(leaves)), self.ledger_key)

    def rows(self) -> list[tuple[str, int, str, str, str]]:
        """Return a row for each cited event."""
        return [
            (
                f"P{n:03}",
                n,
                f"=架空 {n}" if n == 3 else f"架空 {n}",
                f"2026-11-02 00:{n:02}:00",
                short_id(self.leaves[n]),
            )
            for n in self.cited
        ]

    def seal(self) -> PackSeal:
        """Return what ties the pack to the ledger."""
        return PackSeal(
            note=self.note(),
            ledger_key=self.ledger_verifier,
            size=len(self.leaves),
            leaves=self.leaves,
            signer=self.pack_key,
            introduced_at=self.count,
        )


def write_pack(target: Path, values: PackValues | None = None) -> Path:
    """Write a pack with two tables, a page and the events behind them: the example for whoever fills packs."""
    values = values or PackValues()
    rows = values.rows()
    with PackWriter(target, values.facts) as pack:
        pack.add_csv(
            "06_results.csv",
            pack.head(len(rows), ("absent_columns", "grader")),
            COLUMNS,
            iter(rows),
            evidence=["evidence_id"],
            values=VALUES,
        )
        pack.add_csv("15_self_check.csv", pack.head(0), ("rule", "evidence_id"), [], evidence=["evidence_id"])
        pack.add_file("how-to-verify.txt", "手順".encode())
        pack.add_events((n, values.payloads[n]) for n in (*values.cited, values.count))
        pack.finish(values.seal())
    return target


def known_at(known_at: int) -> PackFacts:
    """Return the facts of a pack that answers from another state of the ledger."""
    return replace(FACTS, known_at=known_at)
