"""``python -m benchmarks``: measures, prints, and writes docs/performance.md."""

from __future__ import annotations

import gzip
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import answers, launches, ledger, packs, pools, registers
from benchmarks.measure import Row, installation
from lms.clock import read_clock


def starting() -> Iterator[Row]:
    """Measure the start of a web process beside that of Flask alone."""

    def run(code: str, environment: dict[str, str]) -> float:
        from benchmarks.measure import children_cpu  # noqa: PLC0415 - keeps the order of the report's imports plain

        before = children_cpu()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return children_cpu() - before

    with installation() as made:
        reference = min(run("import flask", made.environment) for _ in range(3))
        seconds = min(run("import wsgi", made.environment) for _ in range(3))
    yield Row(
        "Start of a web process",
        f"import flask: {reference:.2f} s CPU",
        f"{seconds:.2f} s CPU = {seconds / reference:.1f} ×",
        "≤ 1.5 s",
        seconds <= 1.5,
    )


def page_weight() -> Iterator[Row]:
    """Measure what the first page weighs over the wire, compressed."""
    folder = Path("lms/web/static")
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in folder.iterdir()}
    script = sum(size for name, size in sizes.items() if name.endswith(".js"))
    total = sum(sizes.values())
    yield Row(
        "Weight of all static files, gzipped; of these script",
        "",
        f"{total / 1000:.1f} kB; {script / 1000:.1f} kB",
        "< 200 kB; < 40 kB",
        total < 200_000 and script < 40_000,
    )


MEASUREMENTS: tuple[Callable[[], Iterator[Row]], ...] = (
    launches.launching,
    answers.saving,
    answers.whole_attempts,
    registers.states,
    registers.files,
    packs.packs,
    ledger.appending,
    ledger.verifying,
    pools.analysing,
    page_weight,
    starting,
)


def main() -> None:
    """Run what is asked for by name, or everything, and write the report if it was everything."""
    wanted = sys.argv[1:]
    rows = []
    for measurement in MEASUREMENTS:
        if wanted and measurement.__name__ not in wanted:
            continue
        for row in measurement():
            rows.append(row)
            print(f"{_mark(row)} {row.what}: {row.measured} ({row.bar}; {row.reference})", flush=True)
    if not wanted:
        Path("docs/performance.md").write_text(_report(rows), "utf-8")


def _mark(row: Row) -> str:
    return {True: "met", False: "NOT MET", None: "–"}[row.is_met]


def _report(rows: list[Row]) -> str:
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. Every row was measured in one run, beside its reference; times on shared machines are",
        "noisy, so read them as ratios. Bars are those that the project has set itself.",
        "",
        (
            f"{read_clock():%Y-%m-%d}; {os.cpu_count()} cores ({processor[1] if processor else 'unknown processor'}), "
            f"Python {platform.python_version()}, SQLite, load at the end {os.getloadavg()[0]:.1f}."
        ),
        "",
        "| what | reference in the same run | measured | bar | met |",
        "|---|---|---|---|---|",
        *(f"| {row.what} | {row.reference} | {row.measured} | {row.bar} | {_mark(row)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
