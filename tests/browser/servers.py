"""The tool, its worker and the practice LMS, as the tests in a browser meet them: three servers and one database."""

from __future__ import annotations

import itertools
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.clock import read_clock
from lms.services.attempts import Learner, start_attempt, submit_attempt
from lms.services.awareness import module_in_use
from lms.services.people import find_person
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.migrations import migrate
from lms.store.organisations import Organisation
from quizzes.questions import QuestionKind, draw_paper, read_bank
from tests.browser.newcomers import take_on
from tests.browser.right_answers import RAW_QUESTIONS
from tests.practice_lms.defaults import default_config
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.people_file import with_people_file
from tests.practice_lms.server import running_platform
from tests.practice_organisation.seed import MODULE, seed, write_cast

ROOT = Path(__file__).parents[2]
LONGEST_START = 60.0
"""Seconds in which a server must answer."""


class ServerFault(Exception):
    """A server ended, or never answered; the text is what it wrote last."""


@dataclass
class Site:
    """What the tests play on."""

    tool: str
    """Base address of the tool, without a closing slash."""
    lms: PracticeLms
    database: Database
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def lms_url(self) -> str:
        """Base address of the practice LMS."""
        return self.lms.config.issuer

    def somebody(self) -> str:
        """Return the staff number of somebody whom no other test has played: nothing done, nothing signed, all owed."""
        return take_on(self.database, self.lms, next(self._numbers))

    def name_of(self, staff_number: str) -> str:
        """Return somebody's name as on the staff list."""
        return self.lms.person(staff_number).display_name

    def hand_in_empty_papers(self, staff_number: str, hours_ago: Sequence[int]) -> None:
        """Record failed attempts of somebody who has opened the tool before."""
        for hours in hours_ago:
            moment = read_clock() - timedelta(hours=hours)
            attempt_id = self._start(staff_number, moment)
            with self.database.transaction() as session:
                submit_attempt(session, _learner(session, staff_number), attempt_id, moment)

    def start_paper_with_every_kind(self, staff_number: str) -> int:
        """Start an attempt that asks each kind of question, for somebody who has opened the tool before."""
        with patch("lms.services.attempts.secrets.token_hex", return_value=_seed_with_every_kind()):
            return self._start(staff_number, read_clock())

    def _start(self, staff_number: str, moment: datetime) -> int:
        with self.database.transaction() as session:
            learner = _learner(session, staff_number)
            module = module_in_use(session, learner.organisation.id, MODULE, jst_date(moment))
            return start_attempt(session, learner, module, moment)


def _learner(session: Session, staff_number: str) -> Learner:
    identity = session.scalars(select(LtiIdentity).where(LtiIdentity.claimed_staff_number == staff_number)).one()
    organisation = session.get_one(Organisation, identity.organisation_id)
    person_id = find_person(session, organisation.id, staff_number, jst_date(read_clock()))
    return Learner(organisation, identity.id, (identity.id,), person_id, f"person:{person_id}")


def _seed_with_every_kind() -> str:
    questions = read_bank(RAW_QUESTIONS)
    kinds = {question.key: question.kind for question in questions}
    seeds = (f"{number:032x}" for number in range(10_000))
    return next(
        seed
        for seed in seeds
        if {kinds[item.question_key] for item in draw_paper(questions, 10, seed)} == set(QuestionKind)
    )


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Seed a practice organisation and serve it, on plain http and free ports of this machine."""
    write_cast(folder / "people.json")
    port = free_port()
    tool = f"http://127.0.0.1:{port}"
    config = with_people_file(default_config(tool_url=tool), folder / "people.json")
    with ExitStack() as stack:
        lms = stack.enter_context(running_platform(config))
        database = stack.enter_context(closing(seeded_database(folder, lms.config.issuer)))
        environment = environment_of(folder, tool)
        stack.enter_context(running_worker(environment, folder))
        stack.enter_context(running_tool(environment, folder, port))
        yield Site(tool, lms, database)


def seeded_database(folder: Path, issuer: str) -> Database:
    """Make the practice organisation's database for a platform with this issuer."""
    database = Database(f"sqlite:///{folder / 'akashi.sqlite'}")
    migrate(database)
    seed(database, issuer, read_clock())
    return database


def environment_of(folder: Path, base_url: str) -> dict[str, str]:
    """Return the settings of a tool that keeps everything in one folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AKASHI_")}
    return inherited | {
        "AKASHI_DATABASE_URL": f"sqlite:///{folder / 'akashi.sqlite'}",
        "AKASHI_KEYS_DIR": str(folder / "keys"),
        "AKASHI_BASE_URL": base_url,
        "AKASHI_LOG_FORMAT": "console",
    }


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_tool(
    environment: Mapping[str, str], folder: Path, port: int, certificate: tuple[Path, Path] | None = None
) -> Iterator[None]:
    """Serve the tool while the block lasts; with the files of a certificate and its key, over TLS."""
    # Threads: Chromium opens connections ahead of need, and an idle one would hold a process that has none.
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--threads", "12", "--log-level", "warning", "--no-control-socket", "wsgi:app"]
    command += ["--access-logfile", "-", "--access-logformat", "%(t)s %(m)s %(U)s %(s)s %(L)s s"]
    context = None
    if certificate is not None:
        command += ["--certfile", str(certificate[0]), "--keyfile", str(certificate[1])]
        context = ssl.create_default_context(cafile=environment["AKASHI_CA_BUNDLE"])
    scheme = "http" if certificate is None else "https"
    with _running(command, environment, folder / "tool.log") as process:
        _wait_until_up(f"{scheme}://127.0.0.1:{port}/healthz", process, folder / "tool.log", context)
        yield


@contextmanager
def running_worker(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run the worker while the block lasts."""
    with _running([sys.executable, "-m", "lms.cli", "worker"], environment, folder / "worker.log"):
        yield


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path, context: ssl.SSLContext | None) -> None:
    ends = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(address, timeout=2, context=context):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise ServerFault(log.read_text("utf-8", "replace")[-2000:])
