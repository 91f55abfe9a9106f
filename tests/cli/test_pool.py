"""``akashi pool analyse``: the examples, every fault of a file, and that nothing is printed where the file is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lms.cli.context import CommandContext
from lms.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "pool.md"

EXAMPLE: dict[str, Any] = {
    "as_of": "2026-11-30",
    "areas": [{"id": "A"}, {"id": "B"}],
    "auditors": [
        {"id": "p1", "works_in": ["A"]},
        {"id": "p2", "works_in": ["A"]},
        {"id": "p3", "works_in": ["B"]},
        {"id": "p4", "works_in": ["B"]},
    ],
}
FULL: dict[str, Any] = {
    "as_of": "2026-11-30", "k": 2, "leaders_per_team": 0, "train": 1,
    "areas": [{"id": "A1", "hours": 4, "skills": []}, {"id": "A2", "hours": 2.5}],
    "auditors": [
        {"id": "p1", "lead": True, "works_in": ["A1"], "conflicts": ["A2"], "declared": True,
         "valid_until": "2027-03-31", "hours": 8, "skills": []},
        {"id": "p2"}, {"id": "p3", "valid_until": None, "hours": None}, {"id": "p4", "declared": False},
    ],
    "candidates": [{"id": "c1", "cost": 1.5}, {"id": "c2", "cost": 1, "works_in": ["A1", "A2"]}],
}  # fmt: skip


def run(path: Path, *options: str, language: str = "en") -> Result:
    return CliRunner().invoke(
        cli, ["--language", language, "pool", "analyse", str(path), *options], obj=CommandContext({})
    )


def analysed(tmp_path: Path, content: object, language: str = "en") -> dict[str, Any]:
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(content), "utf-8")
    result = run(path, "--json", language=language)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refusal(tmp_path: Path, data: bytes, language: str = "en") -> list[str]:
    """Return the problems of a file that must be refused without anything on stdout."""
    path = tmp_path / "pool.json"
    path.write_bytes(data)
    result = run(path, "--json", language=language)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    first, *problems = result.stderr.splitlines()
    assert str(len(problems)) in first
    return [problem.removeprefix("- ") for problem in problems]


def changed(pointer: str, value: object) -> dict[str, Any]:
    """Return the full example with one value changed, or a member added."""
    content: Any = json.loads(json.dumps(FULL))
    *path, last = pointer.strip("/").split("/")
    place = content
    for name in path:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return dict(content)


def test_the_example_is_feasible_without_any_spare(tmp_path: Path) -> None:
    found = analysed(tmp_path, EXAMPLE)
    assert (found["verdict"], found["margin"], found["binding_areas"]) == ("feasible", 0, ["A", "B"])
    assert found["loss_sets"] == [["p1"], ["p2"], ["p3"], ["p4"]]
    assert found["minimum_pool"] == {"size": 4, "auditors": ["p1", "p2", "p3", "p4"]}
    assert found["assignment"] == {"A": ["p3", "p4"], "B": ["p1", "p2"]}
    assert (found["undecided_by"], found["explanation"], found["train_next"]) == ([], [], [])


def test_the_example_without_p4_is_infeasible_and_says_why(tmp_path: Path) -> None:
    found = analysed(tmp_path, {**EXAMPLE, "auditors": EXAMPLE["auditors"][:3]})
    assert (found["verdict"], found["margin"], found["binding_areas"]) == ("infeasible", -1, ["A"])
    assert (found["loss_sets"], found["minimum_pool"], found["assignment"]) == ([], None, {})
    (reason,) = found["explanation"]
    assert (reason["area"], reason["eligible"]) == ("A", ["p3"])
    assert [(each["auditor"], each["ground"]) for each in reason["facts"]] == [("p1", "works_in"), ("p2", "works_in")]
    assert reason["sentence"].endswith("and 1 are eligible (p3). p1 works in A. p2 works in A.")


def test_reasons_are_told_in_japanese_too(tmp_path: Path) -> None:
    found = analysed(tmp_path, {**EXAMPLE, "auditors": EXAMPLE["auditors"][:3]}, language="ja")
    assert "p1はAの業務に従事しています。" in found["explanation"][0]["sentence"]


def test_every_member_is_read(tmp_path: Path) -> None:
    found = analysed(tmp_path, FULL)
    assert (found["verdict"], found["margin"]) == ("feasible", 0)
    assert found["train_next"] == [["c1"]]
    assert found["train_next_result"] == {"margin": 1, "deficit": 0, "cost": 1.5}
    assert found["helps_no_area"] == ["c2"]
    assert found["load"] == {"largest": 6.5, "largest_bound": 6.5, "overrun": 0, "overrun_bound": 0}
    undecided = analysed(tmp_path, changed("/auditors/2/declared", False))
    assert (undecided["verdict"], undecided["undecided_by"]) == ("cannot_tell", ["p3", "p4"])


def test_today_in_japan_stands_for_a_missing_day(tmp_path: Path) -> None:
    content = {key: value for key, value in EXAMPLE.items() if key != "as_of"}
    content["auditors"] = [{**each, "valid_until": "2020-01-01"} for each in EXAMPLE["auditors"]]
    found = analysed(tmp_path, content)
    assert found["as_of"] > "2026"
    assert found["margin"] == -2


@pytest.mark.parametrize(
    ("pointer", "value", "sentence"),
    [
        ("/auditors/0/works_in", ["A9"], "/auditors/0/works_in/0: There is no area A9."),
        ("/auditors/0/conflicts", ["A9"], "/auditors/0/conflicts/0: There is no area A9."),
        ("/candidates/0/works_in", ["A9"], "/candidates/0/works_in/0: There is no area A9."),
        ("/areas/1/id", "A1", "/areas/1/id: A1 is already there at /areas/0/id."),
        ("/auditors/1/id", "p1", "/auditors/1/id: p1 is already there at /auditors/0/id."),
        ("/candidates/0/id", "p1", "/candidates/0/id: p1 is already there at /auditors/0/id."),
        ("/auditors/0/works_in", ["A1", "A1"], "/auditors/0/works_in/1: A1 is already there at /auditors/0/works_in/0."),
        ("/as_of", "2026-02-30", "/as_of: 2026-02-30 is not a date of the form 2026-11-30."),
        ("/as_of", "20261130", "/as_of: 20261130 is not a date of the form 2026-11-30."),
        ("/as_of", "0001-01-01", "/as_of: 0001-01-01 is not a date of the form 2026-11-30."),
        ("/as_of", 20261130, "/as_of: 20261130 is not a text."),
        ("/auditors/0/valid_until", "2027-13-01", "/auditors/0/valid_until: 2027-13-01 is not a date of the form 2026-11-30."),
        ("/areas/0/hours", -1, "/areas/0/hours: -1 is negative."),
        ("/auditors/0/hours", -0.5, "/auditors/0/hours: -0.5 is negative."),
        ("/candidates/0/cost", -1, "/candidates/0/cost: -1 is negative."),
        ("/areas/0/hours", 1e7, "/areas/0/hours: 10000000.0 is beyond the limit 1000000."),
        ("/areas/0/hours", 0.0000001, "/areas/0/hours: 1E-7 has more than 6 decimals."),
        ("/areas/0/hours", "4", "/areas/0/hours: 4 is not a number."),
        ("/areas/0/hours", True, "/areas/0/hours: true is not a number."),
        ("/areas/0/hours", None, "/areas/0/hours: null is not a number."),
        ("/areas/0/hours", float("nan"), "/areas/0/hours: NaN is not a number that can be used."),
        ("/areas/0/hours", float("-inf"), "/areas/0/hours: -Infinity is not a number that can be used."),
        ("/k", float("inf"), "/k: Infinity is not a number that can be used."),
        ("/k", 0, "/k: 0 is beyond the limit 1."),
        ("/k", -3, "/k: -3 is negative."),
        ("/k", 501, "/k: 501 is beyond the limit 500."),
        ("/k", 2.0, "/k: 2.0 is not a whole number."),
        ("/k", True, "/k: true is not a whole number."),
        ("/leaders_per_team", 3, "/leaders_per_team: 3 is beyond the limit 2."),
        ("/train", -1, "/train: -1 is negative."),
        ("/auditors/0/lead", 1, "/auditors/0/lead: 1 is not true or false."),
        ("/auditors/0/declared", "yes", "/auditors/0/declared: yes is not true or false."),
        ("/auditors/0/cost", 1, "/auditors/0/cost: There is no member cost here."),
        ("/areas/0/name", "x", "/areas/0/name: There is no member name here."),
        ("/areas/0/id", "", "/areas/0/id: “” is not a text of 1 to 100 printable characters."),
        ("/areas/0/id", "x" * 101, f"/areas/0/id: “{'x' * 39}…” is not a text of 1 to 100 printable characters."),
        ("/areas/1/id", "a\u0000", "/areas/1/id: “a\ufffd” is not a text of 1 to 100 printable characters."),
        ("/areas/1/id", "\ud800", "/areas/1/id: “\ufffd” is not a text of 1 to 100 printable characters."),
        ("/areas/1/id", 7, "/areas/1/id: 7 is not a text."),
        ("/areas/1", "A2", "/areas/1: A2 is not an object."),
        ("/auditors", {}, "/auditors: {…} is not a list."),
        ("/areas", [], "/areas: The list has 0 entries; at least 1 are needed."),
        ("/areas", [{"id": f"A{n}"} for n in range(1, 502)], "/areas: The list has 501 entries; at most 500 are allowed."),
        ("/auditors", [{"id": f"p{n}"} for n in range(501)], "/auditors: The list has 501 entries; at most 500 are allowed."),
        ("/areas/0/skills", [str(n) for n in range(21)], "/areas/0/skills: The list has 21 entries; at most 20 are allowed."),
    ],
)  # fmt: skip
def test_each_fault_of_a_value_is_named_where_it_stands(
    tmp_path: Path, pointer: str, value: object, sentence: str
) -> None:
    problems = refusal(tmp_path, json.dumps(changed(pointer, value)).encode())
    assert problems == [sentence]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is not JSON: it cannot be read at line 1, column 1."),
        (b'{"areas": [}', "The file is not JSON: it cannot be read at line 1, column 12."),
        (b'{"areas": "\xff"}', "The file is not UTF-8 text: it cannot be read at byte 11."),
        ("{}".encode("utf-16"), "The file is not UTF-8 text: it cannot be read at byte 0."),
        (b"[" * 200_000, "Lists and objects are nested too deep in the file."),
        (b" " * 10_000_001, "The file has more than 10000000 bytes."),
        (b"[]", "[…] is not an object."),
        (b"null", "null is not an object."),
        (b'{"areas": [{"id": "A"}], "auditors": [], "k": 1, "k": 2}', "/k: The member k is there more than once."),
        (b'{"areas": [{"id": "A"}], "auditors": [], "a/b~": 1}', "/a~1b~0: There is no member a/b~ here."),
        (b'{"areas": [{"id": "A"}]}', "The member auditors is missing."),
        (b'{"areas": [{}], "auditors": []}', "/areas/0: The member id is missing."),
        (b'{"areas": [{"id": "A", "hours": 1' + b"0" * 5000 + b'}], "auditors": []}',
         "/areas/0/hours: 1" + "0" * 38 + "… is not a number that can be used."),
        (b'{"areas": [{"id": "A", "hours": 1e999999999}], "auditors": []}',
         "/areas/0/hours: 1e999999999 is not a number that can be used."),
    ],
)  # fmt: skip
def test_each_fault_of_a_file_is_named(tmp_path: Path, data: bytes, sentence: str) -> None:
    assert refusal(tmp_path, data) == [sentence]


def test_all_problems_are_listed_at_once_in_the_language_in_force(tmp_path: Path) -> None:
    content = changed("/k", 0)
    content["areas"][0]["hours"] = -4
    content["auditors"][1]["works_in"] = ["X", 5]
    problems = refusal(tmp_path, json.dumps(content).encode(), language="ja")
    assert problems == [
        "/k: 0は限度の1を外れています。",
        "/areas/0/hours: -4は負の数です。",
        "/auditors/1/works_in/0: 部門Xはありません。",
        "/auditors/1/works_in/1: 5は文字列ではありません。",
    ]


def test_more_than_a_hundred_problems_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text(json.dumps({**EXAMPLE, "auditors": [{"id": f"p{n}", "x": 1} for n in range(150)]}), "utf-8")
    result = run(path)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].startswith("The file was refused; it has 150 problems, of which the first 100")
    assert len(result.stderr.splitlines()) == 101


def test_a_missing_file_is_refused_with_exit_code_2(tmp_path: Path) -> None:
    result = run(tmp_path / "none.json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode())
    assert run(path, "--json").exit_code == 0


def test_words_say_what_json_says(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(FULL), "utf-8")
    told = run(path).stdout
    for line in (
        "As of 2026-11-30: Feasible", "Margin: 0", "Smallest losses that break coverage: 2", "- p2", "Smallest pool: 2 (p2, p3)",
        "- A1: p2, p3", "Largest load: 6.5 hours; not possible below 6.5.", "Train next (margin then 1, cost 1.5):",
        "Candidates who help no area: c2",
    ):  # fmt: skip
        assert line in told.splitlines()
    path.write_text(json.dumps(changed("/auditors/2/declared", False)), "utf-8")
    told = run(path).stdout
    for line in (
        "As of 2026-11-30: Cannot tell", "Declarations that decide: p3, p4", "p3 has not declared interests.",
        "p1 works in A1.", "- Obtain declarations from 1 of: p3, p4.", "- Train 1 of: c1.",
    ):  # fmt: skip
        assert line in told.splitlines()
    path.write_text(json.dumps({"areas": [{"id": f"A{n:02}"} for n in range(60)], "auditors": []}), "utf-8")
    assert "Areas with the same shortfall that are not explained here: A50" in run(path).stdout


def test_the_same_file_is_answered_with_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(FULL), "utf-8")
    answers = {
        subprocess.run(
            [sys.executable, "-m", "lms.cli", "--language", "en", "pool", "analyse", str(path), "--json"],
            capture_output=True, check=True, env={"PYTHONHASHSEED": seed}, cwd=PAGE.parents[1],
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(answers) == 1


def test_the_example_of_the_page_is_answered_as_the_page_says(tmp_path: Path) -> None:
    given, told = (part.partition("```")[0] for part in PAGE.read_text("utf-8").split("```json\n")[1:3])
    assert analysed(tmp_path, json.loads(given)) == json.loads(told)
