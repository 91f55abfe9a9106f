"""What a second run remembers, and how platforms stay apart."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.practice_lms import app as platform_module
from tests.practice_lms.app import create_platform
from tests.practice_lms.catalogue import AmbiguousConfigError
from tests.practice_lms.defaults import default_config, two_organisations
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.people_file import PeopleFileError, with_people_file
from tests.practice_lms_tests.conftest import launched


def test_a_second_run_knows_keys_grades_and_suspensions(tmp_path: Path) -> None:
    config = default_config(state_path=tmp_path / "var" / "lms.json")
    first = PracticeLms(config)
    first.override_grade(2, "4", 7.5, "対面")
    first.suspend("newcomer")
    first.unenrol("newcomer")
    first.rotate_key()
    second = PracticeLms(config)
    grade = second.grade("staff", "m1")
    assert grade is not None
    assert (grade.final, grade.comment, grade.overridden) == (7.5, "対面", True)
    assert second.keys.jwks() == first.keys.jwks()
    assert second.state.session_secret == first.state.session_secret
    assert (second.state.suspended, second.state.unenrolled) == ({"newcomer"}, {"newcomer"})


def test_the_file_with_the_private_keys_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "lms.json"
    PracticeLms(default_config(state_path=path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_line_items_keep_their_ids_when_activities_are_added(tmp_path: Path) -> None:
    config = default_config(state_path=tmp_path / "lms.json")
    old = PracticeLms(config).line_items_of("pledge")[0].id
    course = config.courses[0]
    added = replace(course.activities[0], key="m0", link_id="50")
    changed = replace(config, courses=(replace(course, activities=(added, *course.activities)),))
    lms = PracticeLms(changed)
    assert lms.line_items_of("pledge")[0].id == old
    assert lms.line_items_of("m0")[0].id not in {2, old}


def test_two_platforms_have_different_keys_and_cookies() -> None:
    first, second = (create_platform(config) for config in two_organisations())
    assert platform_of(first).keys.current.kid != platform_of(second).keys.current.kid
    assert first.config["SESSION_COOKIE_NAME"] != second.config["SESSION_COOKIE_NAME"]


def test_two_organisations_share_every_id_but_issuer_client_and_deployment() -> None:
    claim = "https://purl.imsglobal.org/spec/lti/claim/"
    first, second = (launched(PracticeLms(config), "staff", "m1") for config in two_organisations())
    assert first["sub"] == second["sub"]
    assert first[claim + "context"]["id"] == second[claim + "context"]["id"]
    assert first[claim + "resource_link"]["id"] == second[claim + "resource_link"]["id"]
    for name in ("iss", "aud", claim + "deployment_id", claim + "lis"):
        assert first[name] != second[name]


def test_a_configuration_that_mixes_people_up_is_refused() -> None:
    config = default_config()
    twin = replace(config.people[1], sub=config.people[0].sub)
    with pytest.raises(AmbiguousConfigError):
        PracticeLms(replace(config, people=(config.people[0], twin)))


def people_file(tmp_path: Path, **changes: object) -> Path:
    document = {
        "name": "試験機構 LMS",
        "sends_email": False,
        "people": [
            {
                "key": "k", "sub": 21, "username": "k", "family_name": "架空", "given_name": "けい",
                "staff_number": "000021", "lms_role": "manager", "group": "manager", "note": {"ja": "部門長", "en": "Head"},
            }
        ],
        "courses": [
            {
                "id": 5, "label": "L", "title": "T",
                "activities": [
                    {"key": "a", "title": "A", "link_id": 7, "custom": {"akashi": "a"}, "maximum": 1, "window": "new"}
                ],
            }
        ],
    } | changes  # fmt: skip
    path = tmp_path / "people.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def test_people_and_courses_come_from_a_file(tmp_path: Path) -> None:
    lms = PracticeLms(with_people_file(default_config(), people_file(tmp_path)))
    claims = launched(lms, "k", "a")
    assert claims["sub"] == "21"
    assert claims["https://purl.imsglobal.org/spec/lti/claim/custom"]["akashi"] == "a"
    assert "email" not in claims
    assert lms.config.name == "試験機構 LMS"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"people": [{"key": "k"}]}, r"people\[0\]: family_name, given_name, sub, username"),
        ({"people": ["k"]}, r"people\[0\]"),
        ({"courses": None}, "courses"),
        ({"courses": [{"id": 1, "label": "L", "title": "T", "activities": [], "colour": "red"}]}, "colour"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_the_place(
    tmp_path: Path, changes: dict[str, object], place: str
) -> None:
    with pytest.raises(PeopleFileError, match=place):
        with_people_file(default_config(), people_file(tmp_path, **changes))


def test_the_practice_lms_shares_no_code_with_the_tool() -> None:
    folder = Path(platform_module.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            roots = {name.split(".")[0] for name in names}
            assert not roots & {"lms", "courses", "quizzes", "pylti1p3"}, path.name
