"""What an evidence pack holds: gaps found and no others, figures that can be counted again, nobody's name."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from courses.calendar import Period
from courses.events import commit_fields
from lms.reports.evidence import verify
from lms.services.evidence.source import PackPeriodError
from lms.services.moments import UnknownTreeSizeError
from lms.services.selfcheck import hits
from lms.store.attempts import AttemptResult
from lms.store.awareness import QuestionVersion
from lms.store.base import Database
from lms.store.ledger import LedgerEvent
from lms.store.openings import RecordOpening
from lms.store.organisations import Organisation
from lms.store.people import PERSONAL_FIELDS, PersonalOpening
from lms.store.records import Moment
from quizzes.marking import right_answer
from quizzes.questions import read_question
from tests.evidence import recompute
from tests.evidence.cases import TODAY, pack_of, plant
from tests.factories import items_of

TOLD_OF_A_TEST = {
    *("attempt_id", "identity_id", "module_key", "module_version", "occasion", "number", "seed", "started_at"),
    *("submitted_at", "mark", "maximum", "pass_mark", "is_passed", "questions"),
}
HEADS = ("organisation", "period_from", "period_to", "as_of", "known_at", "generator", "criteria")


def rows_of(pack: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(pack) as archive:
        return recompute.read_table(archive, name)


def test_the_planted_gaps_are_found_and_nothing_else(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        planted = plant(session, organisation)
    with database.reading() as session:
        found = {(each.rule.value, each.key) for each in hits(session, organisation.id, Moment(TODAY))}
    assert found == planted.hits
    made = pack_of(database, organisation, tmp_path)
    in_the_pack = {(row["rule"], row["hit"]) for row in rows_of(made.path, "15_self_check.csv")}
    assert in_the_pack == planted.hits
    assert all(row["judgement"] == "" for row in rows_of(made.path, "15_self_check.csv"))


def test_nothing_was_to_be_asked_before_anything_was_known(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    with database.reading() as session:
        assert hits(session, organisation.id, Moment(TODAY, known_at=0)) == []


def test_a_pack_verifies_and_each_figure_can_be_counted_again(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    assert verify.check(str(made.path)).findings == []
    wrong, total = recompute.differences(str(made.path))
    assert wrong == []
    assert total > 60
    run = subprocess.run([sys.executable, recompute.__file__, made.path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    states = [row["state"] for row in rows_of(made.path, "03_matrix.csv")]
    assert {"complete", "late_complete", "overdue", "left_before_due", "exempt"} <= set(states)
    obligations = sum({row["person"]: int(row["obligations"]) for row in rows_of(made.path, "01_people.csv")}.values())
    assert obligations == len(states), "population = sum of the states"


def test_a_changed_cell_is_found_by_its_row_and_column(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    content = made.path.read_bytes()
    where = content.index(b",5,10,8,false,")  # the failed attempt
    made.path.write_bytes(content[:where] + b",9,10,8,false," + content[where + 14 :])
    found = verify.check(str(made.path)).findings
    assert "file.changed" in {each.code for each in found}
    values = [each for each in found if each.code == "csv.value"]
    assert [each.where for each in values] == ["06_test_results.csv, 1, mark"]


def test_the_same_state_gives_the_same_bytes_in_another_process_and_folder(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    first = pack_of(database, organisation, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    script = (
        "import sys; from pathlib import Path; from lms.store.base import Database; "
        "from lms.store.organisations import find_organisation; from tests.evidence.cases import pack_of; "
        "database = Database(sys.argv[1]); session = database.reading().__enter__(); "
        "organisation = find_organisation(session, 'kakuu'); session.close(); "
        "pack_of(database, organisation, Path(sys.argv[2]), 'again.zip')"
    )
    root = Path(recompute.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", script, database.url, str(tmp_path)],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": str(root), "TZ": "America/Lima", "PYTHONHASHSEED": "7"},
        check=True,
    )
    assert (tmp_path / "again.zip").read_bytes() == first.path.read_bytes()


def test_no_pack_tells_an_answer_or_what_is_right(seeded_sqlite: Path, tmp_path: Path) -> None:
    shutil.copyfile(seeded_sqlite, tmp_path / "akashi.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'akashi.sqlite'}")
    with database.reading() as session:
        organisation = session.scalars(select(Organisation)).one()
        questions = [read_question(row.content) for row in session.scalars(select(QuestionVersion))]
        taken = {row.event_id: items_of(session, row) for row in session.scalars(select(AttemptResult))}
    made = pack_of(database, organisation, tmp_path)
    database.close()
    assert any(item["answer"] for items in taken.values() for item in items), "there is something to be told"

    events = [json.loads(line.split(b" ", 1)[1]) for line in member_of(made.path, "proofs/events.txt").splitlines()]
    tests = [each for each in events if each["type"] == "attempt.submitted"]
    assert len(tests) == len(taken) > 5
    for each in tests:
        assert set(each["body"]) == TOLD_OF_A_TEST
        assert all(sorted(asked) == ["question", "version"] for asked in each["body"]["questions"])
        assert [*each["commitments"]] == ["items"]

    texts = texts_in(made.path, tmp_path)
    explained = {text for question in questions for text in question.feedback.values()}
    answered = {json.dumps(item["answer"], separators=(",", ":")) for items in taken.values() for item in items}
    answered |= {json.dumps(each, separators=(",", ":")) for each in map(right_answer, questions)}
    told = {
        (name, value)
        for name, text in texts.items()
        if name != "verify.py"
        for value in (explained | answered - {"null"})
        if value in text
    }
    assert told == set()
    keys = re.compile(rb'"+(?:answer|correct|given|choice|choices|pairs|order)"+:')
    assert [name for name in texts if name != "verify.py" and keys.search(member_of(made.path, name))] == []


def test_a_plain_hash_of_a_tests_answers_is_not_in_its_event(seeded_sqlite: Path) -> None:
    database = Database(f"sqlite:///{seeded_sqlite}")
    with database.reading() as session:
        for row in session.scalars(select(AttemptResult)):
            event = json.loads(session.get_one(LedgerEvent, row.event_id).payload)
            opening = session.get_one(RecordOpening, row.event_id)
            items = opening.entries["items"]
            assert event["commitments"] == commit_fields(opening.salt, {"items": items})
            guessed = {sha256(items.encode()).hexdigest(), *commit_fields(bytes(32), {"items": items}).values()}
            assert not guessed & set(event["commitments"].values())
    database.close()


def member_of(pack: Path, name: str) -> bytes:
    with zipfile.ZipFile(pack) as archive:
        return archive.read(name)


def personal_values(database: Database) -> set[str]:
    """Everything personal that the database keeps apart, and names as people write them."""
    with database.reading() as session:
        openings = session.scalars(select(PersonalOpening)).all()
        values = {getattr(each, name) for each in openings for name in PERSONAL_FIELDS}
        values |= {f"{each.family_name} {each.given_name}" for each in openings}
        values |= {f"{each.family_name}{each.given_name}" for each in openings}
        for opening in session.scalars(select(RecordOpening)):
            values |= {str(value) for value in opening.entries.values() if value is not None}
    return {value for value in values if value and len(value) > 1}


def texts_in(pack: Path, folder: Path) -> dict[str, str]:
    """Every member as text; of a PDF the text that it shows."""
    texts = {}
    with zipfile.ZipFile(pack) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith(".pdf"):
                path = folder / Path(name).name
                path.write_bytes(data)
                data = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout
            texts[name] = data.decode("utf-8", "replace")
    return texts


def test_a_pseudonymous_pack_names_nobody_anywhere(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    values = personal_values(database)
    assert {"秘密野", "000301", "himitsu@example.invalid"} <= values
    texts = texts_in(made.path, tmp_path)
    leaked = {
        (name, value)
        for name, text in texts.items()
        for value in values
        if re.search(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])", text)
    }
    assert leaked == set()


def test_names_lie_beside_the_pack_only_when_asked_for_and_for_the_owner_alone(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    pack_of(database, organisation, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == []
    key_list = tmp_path / "pack.zip.names.csv"
    made = pack_of(database, organisation, tmp_path, names=key_list)
    assert key_list.stat().st_mode & 0o777 == 0o600
    lines = key_list.read_text("utf-8-sig")
    people = {row["person"] for row in rows_of(made.path, "01_people.csv")}
    assert all(person in lines for person in people)
    assert "000301" in lines
    assert "秘密野" in lines


def test_a_named_pack_has_the_same_pseudonyms_and_the_names_beside_them(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    plain = rows_of(pack_of(database, organisation, tmp_path).path, "01_people.csv")
    named = rows_of(pack_of(database, organisation, tmp_path, "named.zip", is_named=True).path, "01_people.csv")
    assert [row["person"] for row in plain] == [row["person"] for row in named]
    assert "000301 秘密野 あかり" in {row["person_name"] for row in named}
    assert "person_name" not in plain[0]


def test_pseudonyms_depend_on_the_organisations_secret(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    first = rows_of(pack_of(database, organisation, tmp_path).path, "01_people.csv")
    (tmp_path / "keys" / "pseudonyms-kakuu.key").unlink()
    other = rows_of(pack_of(database, organisation, tmp_path, "other.zip").path, "01_people.csv")
    assert {row["person"] for row in first}.isdisjoint(row["person"] for row in other)


def test_each_table_has_its_head_and_names_the_columns_that_are_absent(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    with zipfile.ZipFile(made.path) as archive:
        tables = [name for name in archive.namelist() if name.endswith(".csv")]
        assert len(tables) > 20
        for name in tables:
            lines = list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))
            head = dict(line for line in lines[: lines.index([])])
            assert list(head)[:7] == list(HEADS), name
            assert list(head)[-1] == "rows", name
            assert int(head["rows"]) == len(lines) - lines.index([]) - 2, name
        attendance = archive.read("05_attendance.csv").decode("utf-8-sig")
    assert "absent:in_time" in attendance


def test_texts_and_modules_lie_in_the_pack_as_the_bytes_that_were_hashed(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    with zipfile.ZipFile(made.path) as archive:
        for row in rows_of(made.path, "07_module_versions.csv"):
            assert sha256(archive.read(row["file"])).hexdigest() == row["sha256"]
        texts = rows_of(made.path, "09_pledge_texts.csv")
        assert len(texts) == 2
        for row in texts:
            for language in ("ja", "en"):
                assert sha256(archive.read(row[f"file_{language}"])).hexdigest() == row[f"sha256_{language}"]


def test_a_correction_shows_before_and_after(database: Database, organisation: Organisation, tmp_path: Path) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    (row,) = rows_of(made.path, "18_corrections.csv")
    assert row["record"] == "training_record"
    assert row["reason"] == "修了証の誤読"
    assert '"is_passed":true' in row["before"]
    assert '"is_passed":false' in row["after"]


def test_an_earlier_state_of_knowledge_gives_an_earlier_pack(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    pack_of(database, organisation, tmp_path)
    earlier = pack_of(database, organisation, tmp_path, "earlier.zip", known_at=10)
    assert verify.check(str(earlier.path)).findings == []
    assert rows_of(earlier.path, "06_test_results.csv") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"period": Period(date(2026, 4, 1), date(2026, 4, 1))},
        {"period": Period(date(2026, 4, 1))},
        {"as_of": date(2026, 3, 31)},
    ],
)
def test_a_period_must_hold_a_day_and_be_begun(
    database: Database, organisation: Organisation, tmp_path: Path, changes: dict[str, object]
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    with pytest.raises(PackPeriodError):
        pack_of(database, organisation, tmp_path, **changes)


def test_a_refused_pack_leaves_nothing_behind_and_what_stood_there_still_stands(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    made = pack_of(database, organisation, tmp_path)
    before = made.path.read_bytes()
    with pytest.raises(UnknownTreeSizeError):
        pack_of(database, organisation, tmp_path, known_at=10_000)
    assert made.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in {".zip", ".csv"} or path.name[0] == ".") == ["pack.zip"]  # fmt: skip


def test_a_period_across_two_years_holds_the_obligations_of_both(
    database: Database, organisation: Organisation, tmp_path: Path
) -> None:
    with database.transaction() as session:
        plant(session, organisation)
    period = Period(date(2025, 10, 1), TODAY + timedelta(days=1))
    made = pack_of(database, organisation, tmp_path, period=period)
    assert {row["year"] for row in rows_of(made.path, "03_matrix.csv")} == {"2026"}, "nothing was asked in 2025"
    assert verify.check(str(made.path)).findings == []
