"""Modules: reading them, what they refuse, the hash that names a version, and the module that the tool ships."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import frontmatter
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import courses
from courses.awareness import (
    LANGUAGES,
    Lesson,
    Module,
    ModuleError,
    ModuleKind,
    Section,
    module_content,
    module_hash,
    read_lesson,
    read_module,
    read_sections,
    restore_module,
    short_version,
)
from courses.parameters import MissingParameterError, fill, parameters_in
from quizzes.questions import Question, draw_paper, question_hash, read_bank

SHIPPED = Path(courses.__path__[0]) / "catalogue" / "modules" / "isms-and-my-role"
FACTS: dict[str, Any] = {
    "key": "example",
    "minutes": 12,
    "clauses": ["7.3", "A.6.3"],
    "parameters": ["contact_name", "contact_phone"],
    "test": {"questions": 10, "pass_percent": 80, "attempts": 3, "wait_minutes": 10},
}
MATTER: dict[str, Any] = {"title": "Title", "summary": "Summary", "objectives": ["One", "Two"]}
MARKDOWN = "\n## First {#first}\n\nCall {{ contact_name }}.\n\n### Part\n\nMore.\n\n## Second {#second-1}\n\nText.\n"


def lessons(markdown: str = MARKDOWN, **matter: Any) -> dict[str, Lesson]:
    lesson = read_lesson("example", MATTER | matter, markdown)
    return {"ja": lesson, "en": lesson}


MODULE = read_module(FACTS, lessons(), lessons("## Again {#again}\n\nOnce more.\n"))
HASHES = ["1" * 64, "2" * 64]


def problem_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ModuleError) as caught:
        call()
    assert caught.value.module == "example"
    return caught.value.problem, caught.value.where


def test_a_text_is_cut_at_its_headings_and_deeper_headings_stay_inside() -> None:
    assert read_sections("example", MARKDOWN) == (
        Section("first", "First", "Call {{ contact_name }}.\n\n### Part\n\nMore."),
        Section("second-1", "Second", "Text."),
    )


def test_line_ends_of_other_systems_cut_the_same_headings() -> None:
    found = read_sections("example", MARKDOWN.replace("\n", "\r\n"))
    assert [(each.section_id, each.heading) for each in found] == [("first", "First"), ("second-1", "Second")]


@pytest.mark.parametrize(
    ("markdown", "problem", "where"),
    [
        ("", "no_sections", "before the first heading"),
        ("Text without any heading.", "no_sections", "before the first heading"),
        ("## Heading without an id\n\nText.", "no_sections", "before the first heading"),
        ("## Wrong id {#Upper}\n\nText.", "no_sections", "before the first heading"),
        ("Preamble.\n\n## A {#a}\n\nText.", "no_sections", "before the first heading"),
        ("## A {#a}\n\nText.\n\n## B {#a}\n\nText.", "duplicate_section", "a"),
        ("## A {#a}\n\n## B {#b}\n\nText.", "empty_section", "a"),
        ("## A {#a}\n\nText.\n\n## B {#b}\n\n \n", "empty_section", "b"),
    ],
)
def test_sections_that_do_not_hold_together_are_refused(markdown: str, problem: str, where: str) -> None:
    assert problem_of(lambda: read_sections("example", markdown)) == (problem, where)


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]) | st.sampled_from(" 、。力量"), min_size=1).filter(
    lambda text: text.strip() == text
)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_a_text_put_together_from_sections_is_cut_into_the_same_sections(parts: list[tuple[str, str]]) -> None:
    sections = tuple(Section(f"part-{number}", *part) for number, part in enumerate(parts))
    markdown = "\n\n".join(f"## {each.heading} {{#{each.section_id}}}\n\n{each.markdown}" for each in sections)
    assert read_sections("example", markdown) == sections


def test_a_lesson_has_its_front_matter_without_blanks_around() -> None:
    lesson = read_lesson("example", {"title": " T ", "summary": "\nS\n", "objectives": ["One", 2]}, MARKDOWN)
    assert (lesson.title, lesson.summary, lesson.objectives) == ("T", "S", ("One", "2"))


def test_a_supplementary_lesson_needs_no_objectives() -> None:
    assert read_lesson("example", {"title": "T", "summary": "S"}, MARKDOWN).objectives == ()


@pytest.mark.parametrize("name", ["title", "summary"])
@pytest.mark.parametrize("value", [None, "", "  ", 7, ["a"]])
def test_a_lesson_without_title_or_summary_is_refused(name: str, value: object) -> None:
    assert problem_of(lambda: read_lesson("example", MATTER | {name: value}, MARKDOWN)) == ("front_matter", name)
    without = {key: kept for key, kept in MATTER.items() if key != name}
    assert problem_of(lambda: read_lesson("example", without, MARKDOWN)) == ("front_matter", name)


@pytest.mark.parametrize("value", [None, "One", 1, {"one": "One"}])
def test_objectives_that_are_no_list_are_refused(value: object) -> None:
    call = lambda: read_lesson("example", MATTER | {"objectives": value}, MARKDOWN)  # noqa: E731
    assert problem_of(call) == ("front_matter", "objectives")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", set()),
        ("{{ a }} {{b}} {{  c_d  }} {{ a }}", {"a", "b", "c_d"}),
        ("{ a } {{ A }} {{ a b }} {{}}", set()),
    ],
)
def test_parameters_are_small_names_in_double_braces(text: str, names: set[str]) -> None:
    assert parameters_in(text) == names


def test_a_lesson_uses_the_parameters_of_all_its_texts() -> None:
    lesson = Lesson("{{ a }}", "{{ b }}", ("{{ c }}",), (Section("s", "{{ d }}", "{{ e }} {{ f }}"),))
    assert lesson.parameters == set("abcdef")


def test_values_are_filled_in_as_they_are_and_not_read_again() -> None:
    values = {"a": r"\1 {{ b }} <b>", "b": "second"}
    assert fill("x {{ a }} y {{b}} z {{ a }}", values) == r"x \1 {{ b }} <b> y second z \1 {{ b }} <b>"


@pytest.mark.parametrize("values", [{}, {"a": ""}, {"b": "x"}])
def test_a_value_that_is_not_set_is_named(values: dict[str, str]) -> None:
    with pytest.raises(MissingParameterError) as caught:
        fill("{{ a }}", values)
    assert caught.value.name == "a"


def test_a_module_has_what_its_facts_and_lessons_say() -> None:
    assert (MODULE.key, MODULE.minutes, MODULE.clauses) == ("example", 12, ("7.3", "A.6.3"))
    assert MODULE.parameters == ("contact_name", "contact_phone")
    test = MODULE.test
    assert (test.questions, test.pass_percent, test.attempts, test.wait_minutes) == (10, 80, 3, 10)
    assert MODULE.section_ids() == ("first", "second-1")


@pytest.mark.parametrize("languages", [(), ("ja",), ("en",), ("ja", "en", "fr")])
@pytest.mark.parametrize("is_body", [True, False])
def test_a_module_speaks_exactly_the_languages_of_the_tool(languages: tuple[str, ...], is_body: bool) -> None:
    found = {language: lessons()["ja"] for language in languages}
    pair = (found, lessons()) if is_body else (lessons(), found)
    assert problem_of(lambda: read_module(FACTS, *pair)) == ("languages_differ", ", ".join(sorted(languages)))


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (lessons(MARKDOWN.replace("second-1", "second-2")), "sections"),
        (lessons("## Second {#second-1}\n\nText.\n\n## First {#first}\n\nText.\n"), "sections"),
        (lessons("## First {#first}\n\nText.\n"), "sections"),
        (lessons(objectives=["One"]), "objectives"),
        (lessons(objectives=[]), "objectives"),
    ],
)
@pytest.mark.parametrize("is_body", [True, False])
def test_the_languages_keep_step_in_sections_and_objectives(
    other: dict[str, Lesson], where: str, is_body: bool
) -> None:
    mixed = {"ja": lessons()["ja"], "en": other["en"]}
    pair = (mixed, lessons()) if is_body else (lessons(), mixed)
    assert problem_of(lambda: read_module(FACTS, *pair)) == ("languages_differ", where)


@pytest.mark.parametrize("is_body", [True, False])
def test_a_parameter_that_the_module_does_not_declare_is_refused(is_body: bool) -> None:
    loose = lessons(MARKDOWN.replace("contact_name", "contact_fax"))
    pair = (loose, lessons()) if is_body else (lessons(), loose)
    assert problem_of(lambda: read_module(FACTS, *pair)) == ("parameter_undeclared", "contact_fax")


def paths_of(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every text and number of a nested content, by its path."""
    if isinstance(content, dict):
        return [each for key, part in content.items() for each in paths_of(part, (*path, key))]
    if isinstance(content, list):
        return [each for index, part in enumerate(content) for each in paths_of(part, (*path, index))]
    return [path]


PATHS = paths_of(module_content(MODULE))


def changed(content: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """A copy in which one text has a letter more, or one number is one higher."""
    copy: dict[str, Any] = json.loads(json.dumps(content))
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] += 1 if isinstance(place[path[-1]], int) else "a"
    return copy


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_the_hash_changes_with_any_text_and_any_setting(path: tuple[Any, ...]) -> None:
    other = restore_module(changed(module_content(MODULE), path))
    assert module_hash(other, HASHES) != module_hash(MODULE, HASHES)


def test_the_hash_changes_with_the_questions_and_their_order() -> None:
    versions = [HASHES, HASHES[::-1], HASHES[:1], [], ["1" * 64, "3" * 64]]
    assert len({module_hash(MODULE, each) for each in versions}) == len(versions)


def test_the_hash_changes_with_the_order_of_sections() -> None:
    turned = {language: replace(each, sections=each.sections[::-1]) for language, each in MODULE.body.items()}
    assert module_hash(replace(MODULE, body=turned), HASHES) != module_hash(MODULE, HASHES)


def test_the_hash_does_not_depend_on_the_order_in_which_languages_are_read() -> None:
    turned = replace(MODULE, body=dict(reversed(MODULE.body.items())))
    assert list(turned.body) != list(MODULE.body)
    assert module_hash(turned, HASHES) == module_hash(MODULE, HASHES)


def test_a_version_is_named_by_a_hash_of_which_people_read_twelve_digits() -> None:
    version = module_hash(MODULE, HASHES)
    assert re.fullmatch(r"[0-9a-f]{64}", version)
    assert short_version(version) == version[:12]


def test_kind_place_and_case_exercise_belong_to_the_version() -> None:
    plain = module_hash(MODULE, HASHES)
    unit = read_module(FACTS | {"kind": "auditor", "position": 2}, lessons(), lessons(), (lessons(), lessons()))
    others = [
        replace(MODULE, kind=ModuleKind.BRIEFING),
        replace(MODULE, position=2),
        unit,
        replace(unit, guide={each: replace(text, title="Other") for each, text in unit.guide.items()}),
    ]
    assert len({plain, *(module_hash(each, HASHES) for each in others)}) == len(others) + 1
    assert [restore_module(module_content(each)) for each in others] == others


@pytest.mark.parametrize(("case", "missing"), [(({}, lessons()), "exercise"), ((lessons(), {}), "guide")])
def test_a_case_exercise_and_its_marking_guide_come_together(case: Any, missing: str) -> None:
    assert problem_of(lambda: read_module(FACTS, lessons(), lessons(), case)) == ("case_incomplete", missing)


def test_a_case_exercise_speaks_every_language_and_declares_its_parameters() -> None:
    one = {"ja": lessons()["ja"]}
    assert problem_of(lambda: read_module(FACTS, lessons(), lessons(), (one, lessons())))[0] == "languages_differ"
    new = lessons("## A {#a}\n\n{{ policy_url }}")
    assert problem_of(lambda: read_module(FACTS, lessons(), lessons(), (lessons(), new)))[0] == "parameter_undeclared"


def test_an_unknown_kind_of_module_is_refused() -> None:
    assert problem_of(lambda: read_module(FACTS | {"kind": "film"}, lessons(), lessons())) == ("unknown_kind", "film")


def test_modules_are_listed_by_kind_and_place() -> None:
    wanted = [(ModuleKind.AWARENESS, 1), (ModuleKind.AWARENESS, 2), (ModuleKind.YEARLY, 1), (ModuleKind.AUDITOR, 1)]
    modules = [replace(MODULE, kind=kind, position=position) for kind, position in reversed(wanted)]
    assert [(each.kind, each.position) for each in sorted(modules, key=lambda each: each.place)] == wanted


def test_the_version_of_unchanged_texts_stays_the_same_for_ever() -> None:
    assert module_hash(MODULE, HASHES) == "ccc708036ca07cc33f9b04e6bfe8684db834e8c4dfd4f3fab43c61ab06798acf"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=6, max_size=6), st.integers(1, 2**31))
def test_a_module_kept_with_a_version_comes_back_whole(texts: list[str], number: int) -> None:
    title, summary, objective, heading, markdown, clause = texts
    lesson = Lesson(title, summary, (objective,), (Section("s", heading, markdown),))
    module = Module(
        "example",
        number,
        (clause,),
        ("contact_name",),
        replace(MODULE.test, questions=number),
        {"ja": lesson, "en": MODULE.body["en"]},
        {"ja": MODULE.supplement["ja"], "en": lesson},
    )
    kept = json.loads(json.dumps(module_content(module)))
    assert restore_module(kept) == module
    assert module_hash(restore_module(kept), HASHES) == module_hash(module, HASHES)


def shipped_lessons(name: str) -> dict[str, Lesson]:
    posts = {lang: frontmatter.loads((SHIPPED / f"{name}.{lang}.md").read_text("utf-8")) for lang in LANGUAGES}
    return {language: read_lesson("shipped", post.metadata, post.content) for language, post in posts.items()}


@pytest.fixture(scope="module")
def shipped() -> Module:
    facts = yaml.safe_load((SHIPPED / "module.yaml").read_text("utf-8"))
    return read_module(facts, shipped_lessons("module"), shipped_lessons("supplement"))


@pytest.fixture(scope="module")
def bank() -> tuple[Question, ...]:
    return read_bank(yaml.safe_load((SHIPPED / "questions.yaml").read_text("utf-8"))["questions"])


def test_the_shipped_module_is_named_after_its_folder_and_keeps_the_default_test(shipped: Module) -> None:
    assert shipped.key == SHIPPED.name
    test = shipped.test
    assert (test.questions, test.pass_percent, test.attempts, test.wait_minutes) == (10, 80, 3, 10)


def test_the_shipped_module_declares_the_parameters_that_it_uses_and_no_other(shipped: Module) -> None:
    used = {name for each in (*shipped.body.values(), *shipped.supplement.values()) for name in each.parameters}
    assert used == set(shipped.parameters)


def test_the_shipped_module_asks_for_the_same_parameters_in_every_language(shipped: Module) -> None:
    for texts in (shipped.body, shipped.supplement):
        assert len({texts[language].parameters for language in LANGUAGES}) == 1


def test_the_shipped_module_is_complete_once_its_parameters_are_filled_in(shipped: Module) -> None:
    values = dict.fromkeys(shipped.parameters, "架空")
    for lesson in (*shipped.body.values(), *shipped.supplement.values()):
        for text in (lesson.title, lesson.summary, *lesson.objectives, *(s.markdown for s in lesson.sections)):
            assert not re.search(r"\{\{|\}\}", fill(text, values))


def test_no_heading_of_the_shipped_module_lacks_its_id(shipped: Module) -> None:
    for lesson in (*shipped.body.values(), *shipped.supplement.values()):
        assert not [s.section_id for s in lesson.sections if re.search(r"^#{1,2}\s", s.markdown, re.MULTILINE)]


def test_the_shipped_module_comes_back_whole_from_what_is_kept(shipped: Module) -> None:
    assert restore_module(json.loads(json.dumps(module_content(shipped)))) == shipped


def test_the_shipped_bank_is_twice_the_paper_and_draws_a_whole_one(shipped: Module, bank: tuple[Question, ...]) -> None:
    assert len(bank) >= 20
    paper = draw_paper(bank, shipped.test.questions, "架空")
    assert len({item.question_key for item in paper}) == shipped.test.questions == 10


def test_the_shipped_questions_point_at_sections_and_objectives_that_exist(
    shipped: Module, bank: tuple[Question, ...]
) -> None:
    objectives = range(1, len(shipped.body["ja"].objectives) + 1)
    assert [each.key for each in bank if each.section not in shipped.section_ids()] == []
    assert {each.objective for each in bank} == set(objectives)
    assert {each.clause for each in bank} <= set(shipped.clauses)


def test_the_shipped_version_changes_with_a_question(shipped: Module, bank: tuple[Question, ...]) -> None:
    versions = [question_hash(each) for each in bank]
    altered = [question_hash(replace(bank[0], points=bank[0].points + 1)), *versions[1:]]
    assert module_hash(shipped, versions) != module_hash(shipped, altered)
