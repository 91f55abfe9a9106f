"""Proofreading: a sound module has no remarks, and each fault brings its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from courses.awareness import LANGUAGES, Lesson, Module, ModuleKind, Section, read_lesson, read_module
from courses.parameters import Parameter, ParameterGroup, ParameterKind
from courses.plain_words import copied, foreign_words
from courses.proofreading import Remark, is_clause, proofread, proofread_catalogue, stems_twice, unfit_parameters
from courses.reading_time import characters, minutes, minutes_of_test, newcomers_path, reading_minutes, yearly_load
from quizzes.questions import Question, read_bank

KNOWN = {
    "contact_name": Parameter(
        "contact_name", ParameterKind.TEXT, {"ja": "窓口", "en": "Contact"}, {"ja": "窓口", "en": "Desk"}, None
    )
}
CASE = "> 出来事。A case.\n\nどうしますか。What do you do?\n\n::: reveal 開く\n\n知らせます。Tell.\n\n:::"


@dataclass(frozen=True)
class Draft:
    """A module with its bank, as services read it."""

    module: Module
    questions: tuple[Question, ...]


def both(text: str) -> dict[str, str]:
    return {"ja": f"{text} すべて", "en": f"{text} all"}


def raw_questions() -> list[dict[str, Any]]:
    def common(number: int, kind: str) -> dict[str, Any]:
        stem = f"{chr(0x4E00 + number * 40) * 12} {'qwertyuiopasdfghjklz'[number] * 12}"
        return {
            "key": f"q{number}", "kind": kind, "objective": number % 3 + 1, "clause": "7.3", "section": "s1",
            "stem": both(stem), "feedback": both("feedback"),
        }  # fmt: skip

    options = [{"key": key, "correct": key == "b", "text": both(key)} for key in "abc"]
    bank = [common(number, "single") | {"options": options} for number in range(12)]
    bank += [common(number, "multiple") | {"options": options} for number in range(12, 14)]
    bank += [common(number, "true_false") | {"answer": number % 2 == 0} for number in range(14, 18)]
    pairs = [{"key": key, "left": both(key), "right": both(f"{key} right")} for key in "xy"]
    return bank + [common(number, "matching") | {"pairs": pairs} for number in range(18, 20)]


def lesson(count: int = 8) -> Lesson:
    sections = "\n\n".join(
        f"## 見出し{each} {{#s{each}}}\n\n{{{{ contact_name }}}}に話す。" for each in range(1, count - 1)
    )
    cases = "\n\n".join(f"## 事例 {{#case-{each}}}\n\n{CASE}" for each in "ab")
    matter = {"title": "Title", "summary": "Summary", "objectives": ["One", "Two", "Three"]}
    return read_lesson("m", matter, f"{sections}\n\n{cases}")


def draft(**facts: Any) -> Draft:
    known = {
        "key": "m", "kind": "awareness", "position": 1, "minutes": 1, "clauses": ["7.3"], "parameters": ["contact_name"],
        "test": {"questions": 10, "pass_percent": 80, "attempts": 3, "wait_minutes": 10},
    }  # fmt: skip
    lessons = dict.fromkeys(LANGUAGES, lesson())
    return Draft(read_module(known | facts, lessons, lessons), read_bank(raw_questions()))


SOUND = draft()


def problems(of: Draft) -> set[str]:
    return {remark.problem for remark in proofread(of, KNOWN)}


def with_section(change: Callable[[Section], Section], section_id: str = "s1") -> Draft:
    body = {
        language: replace(
            each, sections=tuple(change(one) if one.section_id == section_id else one for one in each.sections)
        )
        for language, each in SOUND.module.body.items()
    }
    return Draft(replace(SOUND.module, body=body), SOUND.questions)


def with_text(text: str, section_id: str = "s1") -> Draft:
    return with_section(lambda one: replace(one, markdown=f"{{{{ contact_name }}}} {text}"), section_id)


def with_question(place: int, **fields: Any) -> Draft:
    bank = list(SOUND.questions)
    bank[place] = replace(bank[place], **fields)
    return Draft(SOUND.module, tuple(bank))


def test_a_sound_module_has_no_remarks() -> None:
    assert list(proofread(SOUND, KNOWN)) == []


@pytest.mark.parametrize(
    ("problem", "spoilt"),
    [
        ("sections", Draft(replace(SOUND.module, body=dict.fromkeys(LANGUAGES, lesson(5))), SOUND.questions)),
        ("cases", with_section(lambda one: replace(one, section_id="other"), "case-a")),
        ("case_without_reveal", with_text("どうしますか。", "case-a")),
        ("case_tells_first", with_text("\n\n::: reveal 開く\n\nこうします。\n\n:::\n\nどうしますか。", "case-a")),
        ("objectives", Draft(replace(SOUND.module, body={each: replace(lesson(), objectives=("One",)) for each in LANGUAGES}), SOUND.questions)),
        ("exercise", draft(kind="auditor")),
        ("questions", Draft(SOUND.module, SOUND.questions[:19])),
        ("clause", draft(clauses=["7.3", "A.5.38"])),
        ("reveal_not_closed", with_text("\n\n::: reveal 開く\n\nこうします。")),
        ("reveal_label", with_text("\n\n::: reveal {{ contact_name }}\n\nこうします。\n\n:::")),
        ("link", with_text("[外](https://www.example.invalid/)")),
        ("bare_address", with_text("https://www.example.invalid/ を見る")),
        ("html", with_text("<b>太字</b>")),
        ("parameter_in_title", with_section(lambda one: replace(one, heading="{{ contact_name }}"))),
        ("parameter_unknown", with_text("{{ colour }}")),
        ("parameter_undeclared", with_text("{{ colour }}")),
        ("parameter_unused", draft(parameters=["contact_name", "policy_url"])),
        ("parameters_differ", with_question(0, stem={"ja": "{{ contact_name }}は？", "en": "Who?"})),
        ("question_section", with_question(0, section="nowhere")),
        ("question_objective", with_question(0, objective=4)),
        ("question_clause", with_question(0, clause="7.4")),
        ("objective_untested", Draft(SOUND.module, tuple(replace(each, objective=1) for each in SOUND.questions))),
        ("kind_missing", Draft(SOUND.module, tuple(each for each in SOUND.questions if each.kind != "matching"))),
        ("multiple_does_not_say_all", with_question(12, stem={"ja": "選んでください。", "en": "Choose."})),
        ("all_or_none_of_the_above", with_question(0, options=(replace(SOUND.questions[0].options[0], text={"ja": "上記のすべて", "en": "x"}), *SOUND.questions[0].options[1:]))),
        ("markup_in_right_side", with_question(18, pairs=(replace(SOUND.questions[18].pairs[0], right={"ja": "**太**", "en": "x"}), SOUND.questions[18].pairs[1]))),
        ("longest_is_right", Draft(SOUND.module, tuple(replace(each, options=tuple(replace(one, text=both(one.key * (9 if one.correct else 1))) for one in each.options)) for each in SOUND.questions))),
        ("statements_lean", Draft(SOUND.module, tuple(replace(each, answer=True) if each.answer is not None else each for each in SOUND.questions))),
        ("word", with_text("監査人に話す。")),
        ("too_long", with_text("長い文章。" * 2500)),
        ("minutes", draft(minutes=9)),
    ],
)  # fmt: skip
def test_each_fault_brings_its_remark(problem: str, spoilt: Draft) -> None:
    assert problem in problems(spoilt)


def test_a_case_exercise_belongs_to_units_of_the_auditors_course() -> None:
    lessons = dict.fromkeys(LANGUAGES, lesson())
    assert "exercise" in problems(Draft(replace(SOUND.module, exercise=lessons, guide=lessons), SOUND.questions))
    unit = replace(SOUND.module, kind=ModuleKind.AUDITOR, exercise=lessons, guide=lessons)
    assert "exercise" not in problems(Draft(unit, SOUND.questions))


@pytest.mark.parametrize("number", ["4.1", "4.4", "6.1.3", "7.5.1", "9.2.2", "9.3.3", "5.3", "6.3", "7.5", "9.2", "10.2", "A.5.1", "A.5.37", "A.6.8", "A.7.14", "A.8.34"])  # fmt: skip
def test_the_standard_has_the_clause(number: str) -> None:
    assert is_clause(number)


@pytest.mark.parametrize("number", ["", "3.1", "4.5", "10.3", "11.1", "A.5.0", "A.5.38", "A.6.9", "A.7.15", "A.8.35", "A.9.1", "A.5", "6.1.4", "9.2.3", "8.1.1", "5.4", "A.5.٣"])  # fmt: skip
def test_the_standard_has_no_such_clause(number: str) -> None:
    assert not is_clause(number)


def test_questions_that_ask_the_same_are_found_across_modules() -> None:
    other = replace(SOUND.module, key="n")
    again = replace(SOUND.questions[3], key="again")
    found = list(stems_twice([SOUND, Draft(other, (again,))]))
    assert {(each.module, each.problem) for each in found} == {("m", "stem_twice")}
    assert {each.where for each in found} == {"q3 = n/again (ja)", "q3 = n/again (en)"}
    assert list(stems_twice([SOUND])) == []


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("内部監査員が確かめます。", "ja", []),
        ("組織は記録を残さなければならない。", "ja", ["なければならない。"]),
        ("記録を残さなければなりません。", "ja", []),
        ("電子署名法という法律があります。", "ja", []),
        ("電子署名をします。利害関係者に聞きます。", "ja", ["電子署名"]),
        ("The organisation shall keep it.", "en", ["shall"]),
        ("Shall we keep it? We shall. Marshall does too.", "en", []),
    ],
)
def test_the_fields_terms_are_used_and_nobody_speaks_like_a_standard(
    text: str, language: str, found: list[str]
) -> None:
    assert foreign_words(text, language) == found


def test_what_is_copied_is_found_whatever_its_blanks_and_punctuation() -> None:
    standard = "A made-up rule: every kettle, large or small, is to be descaled on Mondays by its owner. Others follow."
    ours = "We think that every kettle large or small is to be descaled on mondays, and that is all."
    assert copied(ours, standard, 30) == ["everykettlelargeorsmallistobedescaledonmondays"]
    assert copied(ours, standard, 60) == []
    assert copied("every kettle", standard, 30) == []
    assert copied(standard, "", 30) == []


def test_values_that_are_not_of_their_kind_are_found() -> None:
    address = Parameter("a", ParameterKind.URL, both("x"), {"ja": "https://a.invalid/", "en": "a.invalid"}, both("no"))
    assert {each.where for each in unfit_parameters([*KNOWN.values(), address])} == {
        "a.example.en", "a.default.ja", "a.default.en",
    }  # fmt: skip


def test_reading_takes_longer_for_more_text_and_for_cases_to_think_over() -> None:
    plain = replace(lesson(), sections=lesson().sections[:1])
    assert characters("読 む", "ja") == 2
    assert characters("a  b", "en") == 3
    assert reading_minutes(replace(plain, sections=(Section("s", "", "字" * 500),)), "ja") == pytest.approx(1)
    assert reading_minutes(replace(plain, sections=(Section("case-s", "", "字" * 500),)), "ja") == pytest.approx(1.5)
    assert minutes_of_test(SOUND, "ja") > 10 * 12 / 60
    assert minutes(SOUND, "ja") == pytest.approx(
        reading_minutes(SOUND.module.body["ja"], "ja") + minutes_of_test(SOUND, "ja")
    )


def named(key: str, kind: ModuleKind) -> Draft:
    return Draft(replace(SOUND.module, key=key, kind=kind), SOUND.questions)


def test_the_fullest_year_and_the_way_in_are_summed_up() -> None:
    one = minutes(SOUND, "en")
    catalogue = [named(key, ModuleKind.AWARENESS) for key in ("core", "a", "b", "c")]
    catalogue += [named("unit", ModuleKind.YEARLY), named("x", ModuleKind.BRIEFING), named("y", ModuleKind.BRIEFING)]
    assert yearly_load(catalogue, "core", "en") == pytest.approx(4 * one)
    assert newcomers_path(catalogue, "core", "en") == pytest.approx(3 * one + 5)


def test_a_catalogue_that_takes_too_long_is_remarked_on() -> None:
    long = with_text("長い文章。" * 1600)
    catalogue = [replace_key(long, key) for key in ("core", "a", "b")]
    group = ParameterGroup("g", both("g"), tuple(KNOWN.values()))
    found = {each.problem for each in proofread_catalogue(catalogue, [group], "core")}
    assert "year_too_long" in found
    assert {each for each in found if each == "way_in_too_long"} == set()
    assert Remark("core", "year_too_long", f"{yearly_load(catalogue, 'core', 'ja'):.1f} (ja)") in list(
        proofread_catalogue(catalogue, [group], "core")
    )


def replace_key(of: Draft, key: str) -> Draft:
    return Draft(replace(of.module, key=key), of.questions)
