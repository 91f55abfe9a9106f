"""Two lives, step by step: what every register says after each, as of three dates and as known at three sizes of the ledger."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest

from lms.config import Settings
from lms.jobs.evidence import prepare_pack_key
from lms.reports.evidence import verify as verifier
from lms.services.attendance import AttendanceFilter, attendance
from lms.services.evidence.pack import make_pack, newest_known_at
from lms.services.evidence.source import PackQuestion
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import own_ledger_keys, verifier_for
from lms.services.people_register import PeopleFilter, people_register
from lms.services.pledge_register import PledgeFilter, pledge_register
from lms.services.record_checks import verify_records
from lms.services.roles_register import roles_register
from lms.store.base import Database
from lms.store.organisations import Organisation, find_organisation
from lms.store.records import Moment
from lms.wording.gettext import LANGUAGES, use_language
from tests.practice_organisation.life_registers import registers, rights
from tests.practice_organisation.life_steps import AS_OF, STEPS, live
from tests.practice_organisation.life_world import ACTOR, KEY, STAFF, VENDOR, YEAR
from tests.practice_organisation.lives import main

STORY = {
    "joins": """
        facts: scope | 2026-05-07.. | = | =
        facts: unit | ネットワーク係 | = | =
        facts: training | - | = | =
        obligations: isms-and-my-role-joining | open 06-06 | overdue 06-06 | =
        obligations: pledge-joining | open 06-06 | overdue 06-06 | =
        pledges: confidentiality | unsigned | = | =
        roles: held | - | = | =
        auditor: qualification | not_granted course_missing never_appointed review_missing | = | =
        auditor: A-AUTH | not_qualified | = | =
        auditor: A-GA | not_qualified | = | =
        auditor: A-NET | not_qualified affiliation 05-07 | = | =
        auditor: A-OPS | not_qualified | = | =
        vendor: engagement | - | = | =
        roles: rights | own | = | =
    """,
    "trains": """
        obligations: isms-and-my-role-joining | complete 06-06 | = | =
    """,
    "pledges": """
        obligations: pledge-joining | complete 06-06 | = | =
        pledges: confidentiality | v1 in_force launch | = | =
    """,
    "takes a role": """
        roles: held | - | secretariat to 2027-03-31 acknowledged | =
        roles: rights | own | everybody | =
    """,
    "vendor joins": """
        facts: scope | out | 2026-06-08..2026-12-31 | out
        facts: unit | - | 計算機システム係 | -
        facts: training | - | = | =
        obligations: isms-and-my-role-joining | not_yet_due 07-08 | overdue 07-08 | =
        obligations: pledge-vendor | not_yet_due 07-08 | overdue 07-08 | =
        obligations: pledge-leaving | not_yet_due 12-31 | = | overdue 12-31
        pledges: leaving | unsigned | = | =
        pledges: vendor | unsigned | = | =
        roles: held | - | = | =
        auditor: qualification | not_granted course_missing never_appointed review_missing | = | =
        auditor: A-AUTH | not_qualified | = | =
        auditor: A-GA | not_qualified | = | =
        auditor: A-NET | not_qualified | = | =
        auditor: A-OPS | not_qualified | = | =
        vendor: engagement | - | 架契-2026-001 to 2026-12-31 | -
        roles: rights | own | = | =
    """,
    "vendor is trained": """
        facts: training | - | isms-and-my-role 2026-06-09 | =
        obligations: isms-and-my-role-joining | not_yet_due 07-08 | complete 07-08 | =
    """,
    "vendor pledges": """
        obligations: pledge-vendor | not_yet_due 07-08 | complete 07-08 | =
        pledges: vendor | unsigned | v1 in_force invitation | v1 continuing invitation
    """,
    "is corrected": """
        facts: scope | 2026-04-16.. #2 | = | =
        obligations: isms-and-my-role-joining | late_complete 05-16 | = | =
        obligations: pledge-joining | late_complete 05-16 | = | =
        auditor: A-AUTH | not_qualified affiliation 04-16 | = | =
    """,
    "passes the course": """
        facts: training | - | internal-auditor-course 2026-07-17 | =
        auditor: qualification | not_granted course_missing never_appointed review_missing | not_granted never_appointed review_missing | =
    """,
    "becomes auditor": """
        obligations: auditor-course | not_yet_due 10-01 | complete 10-01 | =
        roles: held | - | internal_auditor to 2027-03-31 unacknowledged | =
        auditor: qualification | not_granted course_missing not_yet_appointed review_missing | not_granted review_missing | =
        roles: rights | own | = | =
    """,
    "qualifies": """
        roles: held | - | internal_auditor to 2027-03-31 acknowledged | =
        auditor: qualification | not_granted course_missing not_yet_appointed review_missing | valid | =
        auditor: A-AUTH | not_qualified affiliation 04-16 | excluded affiliation 04-16 | =
        auditor: A-GA | not_qualified | eligible | =
        auditor: A-NET | not_qualified affiliation 05-07 | excluded affiliation 05-07 | =
        auditor: A-OPS | not_qualified | eligible | =
    """,
    "meets a new text": """
        obligations: pledge-changed | not_yet_due 10-31 | = | overdue 10-31
        pledges: confidentiality | v1 in_force launch | = | v1 obsolete launch
    """,
    "signs anew": """
        obligations: pledge-changed | not_yet_due 10-31 | = | complete 10-31
        pledges: confidentiality | v1 in_force launch | = | v2 in_force launch
    """,
    "vendor leaves": """
        facts: scope | out | 2026-06-08..2026-11-30 #2 | out
        obligations: pledge-leaving | not_yet_due 11-30 | = | overdue 11-30
        vendor: engagement | - | 架契-2026-001 to 2026-11-30 | -
    """,
    "is to leave": """
        facts: scope | 2026-04-16..2027-01-31 #3 | = | out
        facts: unit | ネットワーク係 | = | -
        obligations: pledge-leaving | not_yet_due 01-31 | = | overdue 01-31
        pledges: confidentiality | v1 in_force launch | = | v2 continuing launch
        pledges: leaving | unsigned | = | =
        roles: held | - | internal_auditor to 2027-01-31 acknowledged | -
        auditor: qualification | not_granted course_missing not_yet_appointed review_missing | valid | lapsed term_over left
        auditor: A-AUTH | not_qualified affiliation 04-16 | excluded affiliation 04-16 | not_qualified affiliation 04-16
        auditor: A-GA | not_qualified | eligible | not_qualified
        auditor: A-NET | not_qualified affiliation 05-07 | excluded affiliation 05-07 | not_qualified affiliation 05-07
        auditor: A-OPS | not_qualified | eligible | not_qualified
    """,
    "leaves": """
        obligations: pledge-leaving | not_yet_due 01-31 | = | complete 01-31
        pledges: leaving | unsigned | = | v1 continuing launch
    """,
}
"""By step: each line of a register that it changes, as of 31 May 2026, 30 September 2026 and 28 February 2027, as known
after the step. ``=``: as in the column before. Lines that are not named stay as they were after the person's last step."""
pytestmark = pytest.mark.slow
MAY, JUNE, END = "in May", "in June", "at the end"

Codes = dict[str, str]


@dataclass
class Told:
    """Everything that the registers said while the two lived."""

    database: Database
    settings: Settings
    organisation: Organisation
    people: dict[str, int]
    """Keys of the two by staff number."""
    sizes: dict[str, int]
    """Of the ledger, by name of the state of knowledge."""
    after: dict[str, list[Codes]]
    """By step: as known right after it, of whom it happens to, one for each as-of date; with rights."""
    size_after: dict[str, int]
    """By step: the size of the ledger."""
    again: dict[tuple[str, str, date], list[Codes]]
    """By staff number, state of knowledge that is kept, and date: what was said after each step from then on."""

    def known(self, number: str, name: str, day: date) -> Codes:
        """Return what was said of somebody, as known at a kept size, when it was the newest."""
        return self.again[number, name, day][0]


def _live(database: Database, settings: Settings) -> Told:
    told = None
    for lived in live(database, settings):
        with database.reading() as session:
            if told is None:
                organisation = find_organisation(session, KEY)
                assert organisation is not None
                told = Told(database, settings, organisation, {}, {}, {}, {}, {})
            told.people[lived.step.number], told.sizes = lived.person_id, lived.known
            told.size_after[lived.step.key] = lived.size
            told.after[lived.step.key] = [
                {
                    each.key: each.code
                    for each in [
                        *registers(session, told.organisation, lived.person_id, Moment(day, lived.size)),
                        rights(session, lived.person_id, day),
                    ]
                }
                for day in AS_OF
            ]
            for number, person_id in told.people.items():
                for name, size in lived.known.items():
                    for day in AS_OF:
                        lines = registers(session, told.organisation, person_id, Moment(day, size))
                        codes = {each.key: each.code for each in lines}
                        told.again.setdefault((number, name, day), []).append(codes)
    assert told is not None
    return told


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Live both lives once for each kind of database."""
    folder = tmp_path_factory.mktemp("lives")
    name = f"t{uuid.uuid4().hex}"
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'akashi.sqlite'}"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "akashi.sqlite")
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.url(name)
        with psycopg.connect(cluster.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_akashi")
    database = Database(url)
    yield _live(database, Settings(url, "http://127.0.0.1:8000", folder / "keys"))
    database.close()


def _changes(step: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for line in STORY[step].strip().splitlines():
        key, *cells = (each.strip() for each in line.split(" | "))
        for place, cell in enumerate(cells):
            if cell == "=":
                cells[place] = cells[place - 1]
        found[key] = tuple(cells)
    return found


def test_after_each_step_every_register_says_what_has_happened_and_nothing_else(told: Told) -> None:
    """The whole registers are compared, line by line; the table names what changes."""
    so_far: dict[str, dict[str, tuple[str, ...]]] = {STAFF: {}, VENDOR: {}}
    assert list(STORY) == [step.key for step in STEPS]
    for step in STEPS:
        so_far[step.number] |= _changes(step.key)
        said = told.after[step.key]
        keys = {key for codes in said for key in codes}
        assert {key: tuple(codes.get(key, "") for codes in said) for key in keys} == so_far[step.number], step.key


def test_what_was_known_at_a_size_of_the_ledger_is_said_again_after_every_later_step(told: Told) -> None:
    for asked, said in told.again.items():
        assert all(codes == said[0] for codes in said), asked
    steps_since = {name: len(told.again[STAFF, name, AS_OF[0]]) for name in (MAY, JUNE, END)}
    assert steps_since == {MAY: 14, JUNE: 9, END: 1}


def test_what_was_known_after_each_step_is_said_again_at_the_end(told: Told) -> None:
    with told.database.reading() as session:
        for step in STEPS:
            for day, said in zip(AS_OF, told.after[step.key], strict=True):
                asked = Moment(day, told.size_after[step.key])
                lines = registers(session, told.organisation, told.people[step.number], asked)
                then = {key: code for key, code in said.items() if key != "roles: rights"}  # these open pages today
                assert {each.key: each.code for each in lines} == then, (step.key, day)


def test_a_correction_made_in_june_changes_may_as_known_in_june_and_not_as_known_in_may(told: Told) -> None:
    may, june = (told.known(STAFF, name, date(2026, 5, 31)) for name in (MAY, JUNE))
    changed = {key: (may[key], june[key]) for key in june if may[key] != june[key]}
    assert changed == {
        "facts: scope": ("2026-05-07..", "2026-04-16.. #2"),
        "obligations: isms-and-my-role-joining": ("complete 06-06", "late_complete 05-16"),
        "obligations: pledge-joining": ("complete 06-06", "late_complete 05-16"),
        "auditor: A-AUTH": ("not_qualified", "not_qualified affiliation 04-16"),
    }
    with told.database.reading() as session:
        asked = Moment(date(2026, 5, 31), told.sizes[MAY])
        lines = registers(session, told.organisation, told.people[STAFF], asked)
    assert {each.key: each.code for each in lines} == may, "after all that followed"


def test_nobody_is_known_before_they_join(told: Told) -> None:
    assert told.known(VENDOR, MAY, date(2027, 2, 28)) == {}, "joined in June"
    with told.database.reading() as session:
        for person_id in told.people.values():
            assert registers(session, told.organisation, person_id, Moment(date(2027, 2, 28), 1)) == []


@pytest.mark.parametrize("name", [MAY, JUNE, END])
@pytest.mark.parametrize("day", AS_OF, ids=str)
@pytest.mark.parametrize("number", [STAFF, VENDOR])
def test_the_registers_of_everybody_say_the_same_of_the_two(told: Told, number: str, day: date, name: str) -> None:
    moment, said = Moment(day, told.sizes[name]), told.known(number, name, day)
    with told.database.reading() as session:
        people = people_register(session, told.organisation.id, moment, PeopleFilter())
        owed = attendance(session, told.organisation.id, YEAR, moment, AttendanceFilter(), "ja").rows
        signed = pledge_register(session, told.organisation.id, moment, PledgeFilter(), "ja").rows
        held = roles_register(session, told.organisation.id, moment, "ja")
    person_id = told.people[number]
    row = next((each for each in people if each.person_id == person_id), None)
    if not said:
        assert row is None
    else:
        assert row is not None
        assert row.is_in_scope is (said["facts: scope"] != "out")
    states = sorted(f"{each.state} {each.due_on:%m-%d}" for each in owed if each.staff_number == number)
    assert states == sorted(code for key, code in said.items() if key.startswith("obligations: "))
    standing = sorted(
        f"v{each.version} {each.state} {each.method}"
        for each in signed
        if each.person_id == person_id and each.state != "replaced"
    )
    assert standing == sorted(code for key, code in said.items() if key.startswith("pledges: ") and code != "unsigned")
    roles = "; ".join(
        f"{each.isms_role} to {each.last_day} {'acknowledged' if each.acknowledged_at else 'unacknowledged'}"
        for each in held
        if each.person_id == person_id and each.standing == "in_force"
    )
    assert (roles or "-") == said.get("roles: held", "-")


def test_the_attendance_register_names_the_way_in_which_each_thing_was_shown(told: Told) -> None:
    moment = Moment(date(2027, 2, 28), told.sizes[END])
    with told.database.reading() as session:
        rows = attendance(session, told.organisation.id, YEAR, moment, AttendanceFilter(), "en").rows
    modes = {(each.staff_number, each.requirement): each.mode for each in rows if each.staff_number in told.people}
    assert modes == {
        (STAFF, "Security training (on joining)"): "own_test",
        (STAFF, "Confidentiality pledge (on joining)"): "signature",
        (STAFF, "Confidentiality pledge (changed text)"): "signature",
        (STAFF, "Confirmation on leaving"): "signature",
        (STAFF, "Internal auditor's course"): "external_course",
        (VENDOR, "Security training (on joining)"): "face_to_face",
        (VENDOR, "Vendors' pledge (on joining)"): "signature",
        (VENDOR, "Confirmation on leaving"): "",
    }


def test_an_acknowledgement_is_not_there_before_its_day(told: Told) -> None:
    with told.database.reading() as session:
        for day, is_there in ((date(2026, 9, 3), False), (date(2026, 9, 4), True)):
            rows = roles_register(session, told.organisation.id, Moment(day, told.sizes[END]), "ja")
            row = next(each for each in rows if each.person_id == told.people[STAFF] and each.standing == "in_force")
            assert (row.isms_role, row.acknowledged_at is not None) == ("internal_auditor", is_there), day


def test_ledger_records_and_pack_are_sound_at_the_end(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = told.settings.keys
    with told.database.reading() as session:
        tree = verify_ledger(session, told.organisation.id, verifier_for(keys, KEY))
        records = verify_records(session, told.organisation.id)
    assert (tree.problem_count, records.problem_count, tree.pending) == (0, 0, 0)
    assert tree.checkpoints >= len(STEPS)
    assert records.records == tree.events
    prepare_pack_key(told.database, told.settings, told.organisation, STEPS[-1].at, ACTOR)
    with told.database.reading() as session:
        known_at = newest_known_at(session, told.organisation.id)
        question = PackQuestion(told.organisation, YEAR.period, AS_OF[-1], known_at)
        made = make_pack(session, question, keys, tmp_path / "pack.zip")
    assert verifier.main(["--lang", "en", "--", str(made.path)], own_ledger_keys(keys)) == 0, capsys.readouterr().out


def test_the_script_tells_both_lives_and_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "lives.txt"
    assert main(["--out", str(target)]) == 0
    text = target.read_text("utf-8")
    sentences = ("適用範囲", "訂正は何を変えたか", "期限後修了", "担当除外", "check_proof: ok", "問題はありません。")
    assert [each for each in sentences if each not in text] == []
    assert text.count("━━") == len(STEPS) + 3
    assert text.count(" 0 problems") == 2


def test_codes_are_the_same_in_both_languages_and_words_are_not(told: Told) -> None:
    asked = Moment(date(2027, 2, 28), told.sizes[END])
    said = {}
    for language in LANGUAGES:
        with use_language(language), told.database.reading() as session:
            said[language] = registers(session, told.organisation, told.people[STAFF], asked)
    codes = {language: [(each.key, each.code) for each in lines] for language, lines in said.items()}
    assert codes["ja"] == codes["en"]
    same = {ja.label for ja, en in zip(said["ja"], said["en"], strict=True) if ja.label == en.label}
    assert same == set()
