"""The sequencer is killed again and again while others record: no event is skipped, no past is rewritten, anchors hold."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from courses.ledger import Tree, verify_consistency
from lms.config import Settings
from lms.jobs.ledger import begin_ledgers, run_sequencer
from lms.services.anchors import verify_anchors
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import verifier_for
from lms.services.record_checks import verify_records
from lms.store.base import Database
from lms.store.ledger import LedgerCheckpoint, leaves_between
from lms.store.organisations import Organisation, Unit
from lms.store.records import record

pytestmark = pytest.mark.slow

WRITERS = 8
SEQUENCER = """
import sys
from pathlib import Path
from lms.clock import read_clock
from lms.config import Settings
from lms.jobs.ledger import begin_ledgers, run_sequencer
from lms.store.base import Database
database = Database(sys.argv[1])
settings = Settings(sys.argv[1], "http://127.0.0.1:8000", Path(sys.argv[2]))
begin_ledgers(database, settings, read_clock())
print("begun", flush=True)
while True:
    run_sequencer(database, settings, read_clock())
"""


def write_units(url: str, organisation: Organisation, writer: int, stop: threading.Event, now: datetime) -> int:
    """Record five units at a time until told to stop; return how many."""
    database, count = Database(url), 0
    while not stop.wait(0.1):
        with database.transaction() as session:
            names = [f"{writer}-{count + each}" for each in range(5)]
            rows = [Unit(name_ja=name, name_en=name, recorded_at=now, recorded_by="operator:test") for name in names]
            record(session, organisation, *rows)
        count += 5
    database.close()
    return count


def start_and_kill(command: list[str], seconds: float) -> None:
    """Start a sequencer, which checks its anchor first, and kill it at work."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("kills", [10, pytest.param(500, marks=pytest.mark.soak)])
def test_a_sequencer_killed_while_eight_write_skips_nothing_and_every_start_finds_its_anchor(
    database: Database, organisation: Organisation, now: datetime, tmp_path: Path, kills: int
) -> None:
    settings = Settings(database.url, "http://127.0.0.1:8000", tmp_path / "keys")
    chance, stop = random.Random(9), threading.Event()
    command = [sys.executable, "-c", SEQUENCER, database.url, str(settings.keys_dir)]
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write_units, database.url, organisation, n, stop, now) for n in range(WRITERS)]
        try:
            for _ in range(kills):
                start_and_kill(command, chance.uniform(0.0, 0.1))
        finally:
            stop.set()
        total = sum(future.result() for future in writing)
    begin_ledgers(database, settings, now)
    while run_sequencer(database, settings, now):
        pass
    with database.reading() as session:
        verifier = verifier_for(settings.keys, organisation.key)
        ledger = verify_ledger(session, organisation.id, verifier)
        assert (ledger.leaves, ledger.pending, ledger.problems) == (total, 0, [])
        assert verify_records(session, organisation.id).problems == []
        assert verify_anchors(session, organisation, settings.anchor_dir, settings.keys).problems == []
        tree = Tree(leaves_between(session, organisation.id, 0, total))
        checkpoints = session.scalars(select(LedgerCheckpoint).order_by(LedgerCheckpoint.size)).all()
    assert len(checkpoints) > kills
    for older in checkpoints:
        newer = chance.choice([each for each in checkpoints if each.size >= older.size])
        proof = tree.consistency_proof(older.size, newer.size)
        assert verify_consistency(older.size, newer.size, older.root, newer.root, proof)
