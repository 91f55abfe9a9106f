"""``python -m tests.practice_organisation.lives``: two lives, and what every register says of them after each step.

For each step it prints the registers as of three dates, each as known at the sizes of the ledger that are kept until
then; then what a correction changed and what it did not; then the way from one record to its proof, the checks of the
whole ledger, and an evidence pack with its verification. It works on a fresh SQLite database in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

from sqlalchemy.orm import Session

from courses.ledger import short_id
from lms.config import Settings
from lms.jobs.evidence import prepare_pack_key
from lms.reports.evidence import verify as verifier
from lms.services.evidence.pack import make_pack, newest_known_at
from lms.services.evidence.source import PackQuestion
from lms.services.ledger import find_events, inclusion
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import own_ledger_keys, verifier_for
from lms.services.ledger_proofs import check_proof, inclusion_file
from lms.services.people import particulars_on
from lms.services.pledge_register import person_pledges
from lms.services.record_checks import verify_records
from lms.services.signing import full_name
from lms.store.base import Database
from lms.store.migrations import migrate
from lms.store.organisations import Organisation, find_organisation
from lms.store.records import Moment
from lms.wording.gettext import LANGUAGES, current_language, use_language
from tests.practice_organisation.life_registers import Line, bracketed, registers, rights, word
from tests.practice_organisation.life_steps import AS_OF, STEPS, Lived, live
from tests.practice_organisation.life_world import ACTOR, KEY, STAFF, YEAR

Write = Callable[[str], None]
LABEL, KNOWN, CELL = 24, 14, 38
"""Widths of the columns; a Japanese character takes two."""
WORDS = {
    "in May": ("5月", "May"),
    "in June": ("6月", "June"),
    "at the end": ("最後", "end"),
    "now": ("この時点", "now"),
    "register": ("台帳・項目", "Register, item"),
    "known at": ("記録時点", "Known at"),
    "as of": ("基準日", "As of"),
    "step": ("手順", "Step"),
    "size": ("元帳の大きさ", "ledger size"),
    "correction": ("訂正は何を変えたか", "What the correction changed"),
    "trace": ("記録から証明まで", "From a record to its proof"),
    "pack": ("証跡パック", "Evidence pack"),
    "on that day": ("手順の日", "On that day"),
}


def say(key: str) -> str:
    """Return a word of the printed story in the language in force."""
    return WORDS[key][current_language() != "ja"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Live both lives and print them; 0 where everything verifies."""
    parser = argparse.ArgumentParser(prog="python -m tests.practice_organisation.lives", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, default="ja")
    parser.add_argument("--out", type=Path, help="file to write in place of the screen")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, use_language(options.language):
        settings = Settings(f"sqlite:///{folder}/lives.sqlite", "http://127.0.0.1:8000", Path(folder) / "keys")
        database = Database(settings.database_url)
        migrate(database)
        try:
            if options.out is None:
                return tell(database, settings)
            with options.out.open("w", encoding="utf-8") as file, redirect_stdout(file):
                return tell(database, settings)
        finally:
            database.close()


def tell(database: Database, settings: Settings) -> int:
    """Let both lives happen and print them; return how many checks at the end found something."""
    for number, lived in enumerate(live(database, settings), 1):
        with database.reading() as session:
            _tell_step(session, _organisation(session), number, lived)
    with database.reading() as session:
        organisation = _organisation(session)
        person_id = _staff(session, organisation)
        _tell_correction(session, organisation, person_id, lived.known)
    return _tell_proof(database, settings, organisation, person_id) + _tell_pack(database, settings, organisation)


def _organisation(session: Session) -> Organisation:
    found = find_organisation(session, KEY)
    assert found is not None
    return found


def _staff(session: Session, organisation: Organisation) -> int:
    names = particulars_on(session, organisation.id, AS_OF[0])
    return next(key for key, each in names.items() if each is not None and each.staff_number == STAFF)


# Tables


def _tell_step(session: Session, organisation: Organisation, number: int, lived: Lived) -> None:
    day, step = lived.step.at.date(), lived.step
    who = particulars_on(session, organisation.id, day).get(lived.person_id)
    name = who.romaji if who is not None and current_language() == "en" else full_name(who)
    size = bracketed(f"{say('size')} {lived.size}")
    print(
        f"\n━━ {say('step')} {number}/{len(STEPS)}  {day}  {step.number} {name}: {step.title[current_language()]}{size}"
    )
    allowed = rights(session, lived.person_id, day)
    print(f"   {say('on that day')}, {allowed.label}: {allowed.text}\n")
    known = {f"{say(each)} {size}": size for each, size in lived.known.items()}
    if lived.size not in known.values():
        known[f"{say('now')} {lived.size}"] = lived.size
    _print_table(session, organisation, lived.person_id, known)


def _print_table(session: Session, organisation: Organisation, person_id: int, known: dict[str, int]) -> None:
    found = {
        (name, day): {each.key: each for each in registers(session, organisation, person_id, Moment(day, size))}
        for name, size in known.items()
        for day in AS_OF
    }
    _print_row(say("register"), say("known at"), [f"{say('as of')} {day}" for day in AS_OF])
    print("─" * (LABEL + KNOWN + (CELL + 3) * len(AS_OF) + 3))
    register = ""
    for line in _all_lines(found):
        if line.register != register:
            register = line.register
            print(f"【{word(register)}】")
        label = line.label
        for names, cells in _rows(line.key, known, found):
            _print_row(label, names, cells)
            label = ""


def _all_lines(found: dict[tuple[str, date], dict[str, Line]]) -> list[Line]:
    """Return one line for each thing that any register speaks of, register by register."""
    lines = {key: line for each in found.values() for key, line in each.items()}
    order = ["facts", "obligations", "pledges", "roles", "auditor", "vendor"]
    return sorted(lines.values(), key=lambda line: order.index(line.register))


def _rows(
    key: str, known: dict[str, int], found: dict[tuple[str, date], dict[str, Line]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of one thing: states of knowledge that say the same share one."""
    rows: list[tuple[str, list[str]]] = []
    for name in known:
        lines = [found[name, day].get(key) for day in AS_OF]
        cells = _ditto(["–" if line is None else line.text for line in lines])
        if rows and rows[-1][1] == cells:
            rows[-1] = (f"{rows[-1][0]}\n{name}", cells)
        else:
            rows.append((name, cells))
    yield from rows


def _ditto(cells: Sequence[str]) -> list[str]:
    """Return cells with a mark in the place of each that says what the one before says."""
    return ["〃" if place and cell == cells[place - 1] and cell != "–" else cell for place, cell in enumerate(cells)]


def _print_row(label: str, known: str, cells: Sequence[str]) -> None:
    columns = [_wrapped(label, LABEL), _wrapped(known, KNOWN), *(_wrapped(cell, CELL) for cell in cells)]
    widths = (LABEL, KNOWN, *(CELL for _ in cells))
    for place in range(max(map(len, columns))):
        parts = [lines[place] if place < len(lines) else "" for lines in columns]
        print(
            " │ ".join(
                f"{part}{' ' * (width - _width(part))}" for part, width in zip(parts, widths, strict=True)
            ).rstrip()
        )


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of a width at most, broken at a space where there is one in the second half."""
    lines = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while _width(rest) > width:
            fitting = next(size for size in range(len(rest), 0, -1) if _width(rest[:size]) <= width)
            space = rest.rfind(" ", fitting // 2, fitting + 1)
            cut = fitting if space == -1 else space
            lines.append(rest[:cut])
            rest = f"  {rest[cut:].lstrip()}"
        lines.append(rest)
    return lines


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" and sign not in "–─…" else 1 for sign in text)


# The end of the story


def _tell_correction(session: Session, organisation: Organisation, person_id: int, known: dict[str, int]) -> None:
    """Print what was true in May, as known in May, in June and at the end: only what differs."""
    day = AS_OF[0]
    asked = bracketed(f"{say('as of')} {day}")
    print(f"\n━━ {say('correction')}{asked}\n")
    names = {f"{say('known at')}: {say(each)} {size}": size for each, size in known.items()}
    said = [
        {each.key: each for each in registers(session, organisation, person_id, Moment(day, size))}
        for size in names.values()
    ]
    _print_row("", "", list(names))
    for key, line in {key: line for each in said for key, line in each.items()}.items():
        cells = ["–" if (found := each.get(key)) is None else found.text for each in said]
        if len(set(cells)) > 1:
            _print_row(line.label, word(line.register), _ditto(cells))


def _tell_proof(database: Database, settings: Settings, organisation: Organisation, person_id: int) -> int:
    """Print the way from a signature to the signed root, and what the checks of everything found."""
    with database.reading() as session:
        _, pledges = person_pledges(session, organisation.id, person_id, Moment(AS_OF[1]))
        signature = next(each.signature for each in pledges if each.signature is not None)
        evidence_id = next(
            each.evidence_id for each in pledges[0].reasons if each.reason.event_id == signature.event_id
        )
        event = find_events(session, organisation.id, evidence_id or "")[0]
        proof = inclusion(session, organisation.id, event.id)
        assert proof is not None
        key = verifier_for(settings.keys, KEY)
        wrong = check_proof(inclusion_file(event, proof), key)
    said = json.loads(event.payload)
    print(f"\n━━ {say('trace')}\n")
    print(f"  pledge_signature {signature.id} → {evidence_id} → {said['type']} {said['recorded_at']}")
    print(f"  → leaf {event.leaf.hex()} ({short_id(event.leaf)})")
    print(f"  → place {proof.n} of {proof.size}, {len(proof.proof)} hashes → checkpoint:")
    print("".join(f"      {line}\n" for line in proof.note.splitlines()), end="")
    print(f"  check_proof: {wrong or 'ok'}")
    with database.reading() as session:
        tree, records = verify_ledger(session, organisation.id, key), verify_records(session, organisation.id)
    print(f"  verify_ledger: {tree.events} events, {tree.checkpoints} checkpoints, {tree.problem_count} problems")
    print(f"  verify_records: {records.records} records, {records.openings} openings, {records.problem_count} problems")
    return len(wrong) + tree.problem_count + records.problem_count


def _tell_pack(database: Database, settings: Settings, organisation: Organisation) -> int:
    """Make the pack of the year and print what its verifier says of it."""
    now = STEPS[-1].at
    prepare_pack_key(database, settings, organisation, now, ACTOR)
    pack = settings.keys_dir.parent / "pack.zip"
    with database.reading() as session:
        known_at = newest_known_at(session, organisation.id)
        question = PackQuestion(organisation, YEAR.period, AS_OF[-1], known_at)
        made = make_pack(session, question, settings.keys, pack)
    print(f"\n━━ {say('pack')}: {made.rows} rows, {made.size} bytes, manifest {made.manifest_sha256}\n")
    return verifier.main(["--lang", current_language(), "--", str(pack)], own_ledger_keys(settings.keys))


if __name__ == "__main__":
    sys.exit(main())
