"""``python -m tests.practice_organisation``: the tool, its worker and the practice LMS together, until Ctrl-C.

Ports are ``PORT`` (8000) and ``LMS_PORT`` (8001); everything is kept under ``var/``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from lms.clock import read_clock
from lms.store.base import Database
from lms.store.migrations import migrate
from tests.practice_organisation.seed import seed, write_cast

VAR = Path("var")


def main() -> int:
    """Prepare what is missing, start three processes, and end all when one ends or Ctrl-C comes."""
    port, lms_port = os.environ.get("PORT", "8000"), os.environ.get("LMS_PORT", "8001")
    tool, lms = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{lms_port}"
    VAR.mkdir(exist_ok=True)
    environment = {
        "AKASHI_DATABASE_URL": f"sqlite:///{VAR / f'practice-{lms_port}.sqlite'}",
        "AKASHI_KEYS_DIR": str(VAR / "keys"),
        "AKASHI_ANCHOR_DIR": str(VAR / f"anchors-{lms_port}"),
        "AKASHI_BASE_URL": tool,
        "AKASHI_LOG_FORMAT": "console",
        "LMS_STATE": str(VAR / f"practice-lms-{lms_port}.json"),
    } | dict(os.environ)
    try:
        _prepare(environment, lms)
    except RuntimeError as refused:  # by a migration that can't take over what an older version has filled
        print(f"The practice database is of an earlier version ({refused}). `make clean` removes it.", file=sys.stderr)
        return 1
    people = VAR / "practice-people.json"
    write_cast(people)
    python = sys.executable
    commands = {
        "tool": [
            python,
            "-m",
            "gunicorn",
            "--bind",
            f"127.0.0.1:{port}",
            "--workers",
            "2",
            "--preload",
            "--log-level",
            "warning",
            "wsgi:app",
        ],
        "worker": [python, "-m", "lms.cli", "worker"],
        "practice LMS": [
            python,
            "-m",
            "tests.practice_lms",
            "--port",
            lms_port,
            "--tool",
            tool,
            "--people",
            str(people),
        ],
    }
    processes = {
        name: subprocess.Popen(command, env=environment, start_new_session=True) for name, command in commands.items()
    }
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        _wait_until_up(f"{tool}/healthz", f"{lms}/")
        print(
            f"\n  Practice LMS  {lms}   <- begin here: pick a person, open the course\n  Akashi        {tool}\n\nCtrl-C stops everything.",
            flush=True,
        )
        return _wait(processes)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.terminate()
        for process in processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _prepare(environment: Mapping[str, str], issuer: str) -> None:
    """Bring the database to the newest schema, and fill a new one."""
    database = Database(environment["AKASHI_DATABASE_URL"])
    try:
        migrate(database)
        if seed(database, issuer, read_clock()):
            shutil.rmtree(environment["AKASHI_ANCHOR_DIR"], ignore_errors=True)  # of a database that was deleted
            print("Made the practice organisation 架空大学情報基盤センター (everybody in it is fictional).")
    finally:
        database.close()


def _wait_until_up(*addresses: str) -> None:
    for address in addresses:
        for _ in range(300):
            try:
                with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own loopback address
                    break
            except OSError:
                time.sleep(0.1)


def _wait(processes: dict[str, subprocess.Popen[bytes]]) -> int:
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                print(f"The {name} has stopped (exit code {process.returncode}).", file=sys.stderr)
                return process.returncode or 1
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
