"""How the benchmarks measure: rows of a report, CPU and wall time, a scratch installation of the tool."""

from __future__ import annotations

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lms.clock import read_clock
from lms.store.base import Database
from lms.store.migrations import migrate
from tests.practice_organisation.seed import seed


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    what: str
    reference: str
    measured: str
    bar: str
    is_met: bool | None
    """None: there is no bar to meet, or it can't be judged here."""


def cpu_seconds(work: Callable[[], object], times: int = 1) -> float:
    """Return the CPU seconds of one run of the work, averaged."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def best_of(count: int, work: Callable[[], object]) -> float:
    """Return the smallest CPU time of some runs: what the work costs when nothing disturbs it."""
    return min(cpu_seconds(work) for _ in range(count))


def percentile(values: list[float], share: int) -> float:
    """Return a percentile of wall times."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else values[0]


def children_cpu() -> float:
    """Return the CPU seconds of ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its children so far, from /proc."""
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid or int(entry.parent.name) == pid:  # process group
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


@dataclass(slots=True)
class Installation:
    """The tool with the practice organisation, on a scratch database."""

    database: Database
    environment: dict[str, str]


@contextmanager
def installation(url: str | None = None) -> Iterator[Installation]:
    """Make a scratch installation; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        address = url or f"sqlite:///{folder}/akashi.sqlite"
        database = Database(address)
        migrate(database)
        seed(database, "http://127.0.0.1:9", read_clock())
        environment = dict(os.environ) | {
            "AKASHI_DATABASE_URL": address,
            "AKASHI_KEYS_DIR": f"{folder}/keys",
            "AKASHI_BASE_URL": "http://127.0.0.1:8000",
        }
        yield Installation(database, environment)
        database.close()


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Serve the tool with two workers; yield its port and process group."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--preload",
        "--log-level",
        "error",
    ]
    process = subprocess.Popen([*command, "--no-control-socket", "wsgi:app"], env=environment, start_new_session=True)
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                    break
            except OSError:
                time.sleep(0.05)
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
