"""Answers and whole attempts through the web server, as many people give them at once."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field

import pysqlite3.dbapi2

from benchmarks.measure import Row, installation, percentile, process_cpu, served
from lms.store.attempts import Attempt
from lms.store.base import Database
from tests.faults.test_kill import Seat, open_seats
from tests.practice_organisation.seed import MODULE


@dataclass
class Client:
    """One learner's browser, as far as the server sees it."""

    port: int
    seat: Seat
    waits: list[float] = field(default_factory=list)
    errors: int = 0

    def __post_init__(self) -> None:
        """Form the addresses of the session."""
        self.path = f"/s/{self.seat.handle}"

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Send one request; return status, Location and body, and keep the time that it took."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = (
            urllib.parse.urlencode({"form_token": self.seat.form_token} | (fields or {})) if method == "POST" else None
        )
        headers = {"Cookie": self.seat.cookie}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        start = time.perf_counter()
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        data = response.read()
        self.waits.append(time.perf_counter() - start)
        self.errors += response.status >= 400
        connection.close()
        return response.status, response.headers.get("Location", ""), data

    def start(self) -> int:
        """Start an attempt; return its number."""
        _status, location, _body = self.ask("POST", f"{self.path}/modules/{MODULE}/test")
        return int(location.split("/attempts/")[1].split("/")[0])


def _answer(database: Database, attempt_id: int) -> list[dict[str, str]]:
    with database.reading() as session:
        paper = session.get_one(Attempt, attempt_id).paper
    return [
        {"shown": "1", "choice": entry["order"][0] if entry["order"] else "true"}
        | {f"pair-{key}": str(place) for place, key in enumerate(entry["order"])}
        for entry in paper
    ]


def saving() -> Iterator[Row]:
    """Measure saving one answer: CPU for each, and the wait of 32 learners who each save once a second."""
    with installation() as made:
        seats = open_seats(made.database, 32)
        with served(made.environment) as (port, group):
            clients = [Client(port, seat) for seat in seats]
            attempts = [client.start() for client in clients]
            answers = [_answer(made.database, attempt) for attempt in attempts]
            for client in clients:
                client.waits.clear()

            def once(number: int, turn: int) -> None:
                position = turn % 10
                path = f"{clients[number].path}/attempts/{attempts[number]}/questions/{position + 1}"
                clients[number].ask("POST", path, answers[number][position] | {"go": "stay"})

            before = process_cpu(group)
            for turn in range(300):
                once(turn % 32, turn // 32)
            each = (process_cpu(group) - before) / 300
            for client in clients:
                client.waits.clear()
            _together(32, lambda number: _paced(lambda turn: once(number, turn), 12))
            waits = [wait for client in clients for wait in client.waits]
            paced_errors = sum(client.errors for client in clients)
            for client in clients:
                client.waits.clear()
            _together(32, lambda number: [once(number, turn) for turn in range(20)])
            saturated = [wait for client in clients for wait in client.waits]
            errors = sum(client.errors for client in clients)
        reference = _plain_insert()
    yield Row(
        "Save an answer (durable)",
        f"one INSERT with fsync through the same driver: {reference * 1000:.2f} ms CPU",
        f"{each * 1000:.2f} ms CPU in the server",
        "≤ 4 ms CPU",
        each <= 0.004,
    )
    yield Row(
        "… 32 learners each saving once a second",
        "",
        f"p50 {percentile(waits, 50) * 1000:.0f} ms, p99 {percentile(waits, 99) * 1000:.0f} ms, {paced_errors} errors",
        "p99 ≤ 100 ms",
        percentile(waits, 99) <= 0.1 and not paced_errors,
    )
    yield Row(
        "… 32 learners without pauses (saturated)",
        "",
        f"p99 {percentile(saturated, 99) * 1000:.0f} ms, {errors} errors",
        "no error ever",
        errors == 0,
    )


def _plain_insert() -> float:
    import tempfile  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory() as folder:
        connection = pysqlite3.dbapi2.connect(f"{folder}/plain.sqlite", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE answer (attempt INTEGER, position INTEGER, given TEXT)")
        start = time.process_time()
        for number in range(300):
            connection.execute("INSERT INTO answer VALUES (?, ?, ?)", (number, 1, '{"choice": "a"}'))
        return (time.process_time() - start) / 300


def _together(count: int, work: object) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _paced(work: object, times: int) -> None:
    start = time.perf_counter() + (hash(work) % 1000) / 1000
    for turn in range(times):
        time.sleep(max(0.0, start + turn - time.perf_counter()))
        work(turn)  # type: ignore[operator]


def whole_attempts() -> Iterator[Row]:
    """Measure whole attempts by 8 learners without pauses: open, 10 answers each saved, submit, review."""
    with installation() as made:
        seats = open_seats(made.database, 8 * 12)
        with served(made.environment) as (port, _group):
            clients = [Client(port, seat) for seat in seats]

            def attempt(client: Client) -> None:
                number = client.start()
                address = f"{client.path}/attempts/{number}"
                for position, fields in enumerate(_answer(made.database, number), start=1):
                    client.ask("GET", f"{address}/questions/{position}")
                    client.ask("POST", f"{address}/questions/{position}", fields | {"go": "stay"})
                client.ask("POST", f"{address}/submit")
                client.ask("GET", f"{address}/result")

            for client in clients[:2]:
                attempt(client)
                client.waits.clear()
            start = time.perf_counter()
            _together(8, lambda lane: [attempt(client) for client in clients[8 + lane :: 8]])
            seconds = time.perf_counter() - start
        done = len(clients) - 8
        waits = [wait for client in clients[8:] for wait in client.waits]
        errors = sum(client.errors for client in clients)
    yield Row(
        "Whole attempts, 8 learners without pauses",
        "Moodle 4.5's own quiz: measured only when a Moodle address is given",
        f"{done / seconds * 60:.0f} attempts/min, {len(waits) / seconds:.0f} requests/s, "
        f"p95 {percentile(waits, 95) * 1000:.0f} ms, {errors} errors",
        "≥ 10 × Moodle's attempts/min, ≤ 1/5 of its p95",
        None,
    )
