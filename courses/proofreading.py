"""Proofreading the catalogue: what a machine can check of texts and questions before people read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from courses.awareness import LANGUAGES, LESSONS, Lesson, Module, ModuleKind, Section
from courses.parameters import Parameter, ParameterGroup, fault_of, parameters_in
from courses.plain_words import foreign_words
from courses.reading_time import Taught, asked, is_case, minutes, newcomers_path, reading_minutes, texts_of, yearly_load
from quizzes.questions import Question, QuestionKind, Text

LONGEST_YEAR = 50
"""Minutes of the fullest year. Source: domain.md §3."""
LONGEST_WAY_IN = 60
"""Minutes of a newcomer's path."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a module of a kind must look like."""

    sections: tuple[int, int]
    cases: int
    objectives: int
    questions: int
    """At least so many in the bank."""
    minutes: int
    """At most, reading and test together."""


SHAPES: Mapping[ModuleKind, Shape] = {
    ModuleKind.AWARENESS: Shape((8, 12), 2, 3, 20, 20),
    ModuleKind.YEARLY: Shape((5, 8), 1, 3, 10, 10),
    ModuleKind.BRIEFING: Shape((5, 8), 1, 3, 8, 12),
    ModuleKind.AUDITOR: Shape((8, 12), 1, 3, 30, 40),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that must be mended."""

    module: str
    problem: str
    """Stable code: ``sections``, ``case_tells_first``, ``stem_twice`` …"""
    where: str


_REVEAL = re.compile(r"^::: reveal (?P<label>[^\n]*)$\n(?P<told>.*?)^:::[ \t]*$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^:::", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(<?(?P<address>[^)>]*)>?\)")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_HTML = re.compile(r"</?[a-zA-Z][^>]*>")
_CLAUSE = re.compile(
    r"4\.[1-4]|5\.[1-3]|6\.[1-3]|6\.1\.[1-3]|7\.[1-5]|7\.5\.[1-3]|8\.[1-3]|9\.[1-3]|9\.2\.[12]|9\.3\.[1-3]|10\.[12]"
)
_OPENING, _CLOSING = tuple("「『（(［【"), tuple("」』）)］】。、")
_CONTROLS = {5: 37, 6: 8, 7: 14, 8: 34}
"""Controls of each theme of Annex A. Source: ISO/IEC 27001:2022 (numbers only)."""
_ALL_OR_NONE = re.compile(
    r"上記(?:の)?(?:すべて|全て|いずれ)|すべて(?:正しい|誤り)|どれも(?:正しい|当てはまらない)|(?:all|none) of the above",
    re.IGNORECASE,
)


def is_clause(number: str) -> bool:
    """Tell whether the standard has a clause or a control with this number."""
    theme, _dot, control = number.removeprefix("A.").partition(".")
    if not number.startswith("A."):
        return _CLAUSE.fullmatch(number) is not None
    return (
        number.isascii()
        and theme.isdecimal()
        and control.isdecimal()
        and 1 <= int(control) <= _CONTROLS.get(int(theme), 0)
    )


def proofread_catalogue(catalogue: Sequence[Taught], groups: Iterable[ParameterGroup], core: str) -> Iterator[Remark]:
    """Yield what must be mended in a whole catalogue.

    Args:
        catalogue: its modules.
        groups: the parameters that texts may use.
        core: key of the module that everyone takes every year.
    """
    known = {each.name: each for group in groups for each in group.parameters}
    yield from unfit_parameters(known.values())
    for taught in catalogue:
        yield from proofread(taught, known)
    yield from stems_twice(catalogue)
    for language in LANGUAGES:
        for problem, taken, longest in (
            ("year_too_long", yearly_load(catalogue, core, language), LONGEST_YEAR),
            ("way_in_too_long", newcomers_path(catalogue, core, language), LONGEST_WAY_IN),
        ):
            if taken > longest:
                yield Remark(core, problem, f"{taken:.1f} ({language})")


def proofread(taught: Taught, known: Mapping[str, Parameter]) -> Iterator[Remark]:
    """Yield what must be mended in a module and its questions.

    Args:
        taught: the module.
        known: the parameters that texts may use, by name.
    """
    key = taught.module.key
    for problem, where in (
        *_shape(taught),
        *_texts(taught.module),
        *_parameters(taught, known),
        *_questions(taught),
        *_words(taught),
        *_lengths(taught),
    ):
        yield Remark(key, problem, where)


def _shape(taught: Taught) -> Iterator[tuple[str, str]]:
    module, shape = taught.module, SHAPES[taught.module.kind]
    sections = module.body[LANGUAGES[0]].sections
    cases = sum(map(is_case, sections))
    checks = (
        ("sections", shape.sections[0] <= len(sections) <= shape.sections[1], str(len(sections))),
        ("cases", cases == shape.cases, str(cases)),
        ("exercise", (module.kind is ModuleKind.AUDITOR) == bool(module.exercise), module.kind),
        ("questions", len(taught.questions) >= shape.questions, str(len(taught.questions))),
        *(("objectives", len(module.body[each].objectives) == shape.objectives, each) for each in LANGUAGES),
        *(("clause", is_clause(each), each) for each in module.clauses),
    )
    yield from ((problem, where) for problem, is_well, where in checks if not is_well)
    for language in LANGUAGES:
        for section in filter(is_case, module.body[language].sections):
            yield from _case(section, language)


def _case(section: Section, language: str) -> Iterator[tuple[str, str]]:
    """A worked case asks before it tells: a question stands before what the reader opens."""
    where = f"{section.section_id} ({language})"
    revealed = _REVEAL.search(section.markdown)
    if revealed is None:
        yield "case_without_reveal", where
    elif not re.search(r"か。|[？?]", section.markdown[: revealed.start()]):
        yield "case_tells_first", where


def _texts(module: Module) -> Iterator[tuple[str, str]]:
    for name in LESSONS:
        lessons: Mapping[str, Lesson] = getattr(module, name)
        for language, lesson in lessons.items():
            if any(parameters_in(each) for each in (lesson.title, lesson.summary, *lesson.objectives)):
                yield "parameter_in_title", f"{name}.{language}"
            for section in lesson.sections:
                for problem in _section(section):
                    yield problem, f"{name}.{language}#{section.section_id}"


def _section(section: Section) -> Iterator[str]:
    if parameters_in(section.heading):
        yield "parameter_in_title"
    revealed = list(_REVEAL.finditer(section.markdown))
    if len(_FENCE.findall(section.markdown)) != 2 * len(revealed):
        yield "reveal_not_closed"
    if any(not each["label"].strip() or parameters_in(each["label"]) for each in revealed):
        yield "reveal_label"
    if any(not parameters_in(each["address"]) for each in _LINK.finditer(section.markdown)):
        yield "link"  # an address outside changes without us: organisations set theirs
    if _ADDRESS.search(_LINK.sub("", section.markdown)):
        yield "bare_address"
    if _HTML.search(_LINK.sub("", section.markdown)):
        yield "html"
    if any(_is_stuck(line) for line in section.markdown.splitlines()):
        yield "bold_not_shown"


def _is_stuck(line: str) -> bool:
    """Tell whether bold in a line stays two asterisks: beside a letter it can't begin with a bracket, nor end with one.

    Source: CommonMark 0.31, left- and right-flanking delimiter runs. A value may end in a bracket.
    """
    parts = line.split("**")
    for place in range(1, len(parts)):
        before, after = parts[place - 1], parts[place]
        if place % 2 and before[-1:].isalnum() and (after[:1] in _OPENING or after.startswith("{{")):
            return True
        if not place % 2 and after[:1].isalnum() and (before[-1:] in _CLOSING or before.endswith("}}")):
            return True
    return False


def _parameters(taught: Taught, known: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    module = taught.module
    lessons = [each for name in LESSONS for each in getattr(module, name).values()]
    used = frozenset[str]().union(*(lesson.parameters for lesson in lessons))
    for question in taught.questions:
        used |= _used(texts_of(question), LANGUAGES[0])
        if _used(texts_of(question), "ja") != _used(texts_of(question), "en"):
            yield "parameters_differ", question.key
    yield from (("parameter_unknown", name) for name in sorted(used - set(known)))
    yield from (("parameter_undeclared", name) for name in sorted(used - set(module.parameters)))
    yield from (("parameter_unused", name) for name in sorted(set(module.parameters) - used))


def _used(texts: Iterable[Text], language: str) -> frozenset[str]:
    return frozenset[str]().union(*(parameters_in(each[language]) for each in texts))


def _questions(taught: Taught) -> Iterator[tuple[str, str]]:
    module, questions = taught.module, taught.questions
    sections = set(module.section_ids())
    for question in questions:
        if question.section not in sections:
            yield "question_section", question.key
        if not 1 <= question.objective <= len(module.body[LANGUAGES[0]].objectives):
            yield "question_objective", question.key
        if question.clause not in module.clauses:
            yield "question_clause", question.key
        yield from ((problem, question.key) for problem in _wording(question))
    kinds = Counter(question.kind for question in questions)
    yield from (("kind_missing", kind) for kind in QuestionKind if not kinds[kind])
    yield from _hints(questions)
    for number in range(1, len(module.body[LANGUAGES[0]].objectives) + 1):
        if sum(question.objective == number for question in questions) < 2:
            yield "objective_untested", str(number)


def _wording(question: Question) -> Iterator[str]:
    if question.kind is QuestionKind.multiple and not (
        "すべて" in question.stem["ja"] and "all" in question.stem["en"].lower()
    ):
        yield "multiple_does_not_say_all"
    if any(_ALL_OR_NONE.search(text) for each in question.options for text in each.text.values()):
        yield "all_or_none_of_the_above"
    rights = [text for pair in question.pairs for text in pair.right.values()]
    if any("*" in text for text in rights):
        yield "markup_in_right_side"  # a drop-down list shows it as it stands
    if any(parameters_in(text) for text in rights):
        yield "parameter_in_right_side"  # and shows the beginning of a long one alone


def _hints(questions: Sequence[Question]) -> Iterator[tuple[str, str]]:
    """What gives answers away to those who have not read: the longest option, the true statement, the first letter."""
    single = [each for each in questions if each.kind is QuestionKind.single]
    for language in LANGUAGES:
        longest = sum(max(each.options, key=lambda one: len(one.text[language])).correct for each in single)
        if len(single) >= 8 and longest > 0.4 * len(single):
            yield "longest_is_right", f"{longest}/{len(single)} ({language})"
    statements = [each.answer for each in questions if each.kind is QuestionKind.true_false]
    if len(statements) >= 4 and not 0.25 <= sum(map(bool, statements)) / len(statements) <= 0.75:
        yield "statements_lean", f"{sum(map(bool, statements))}/{len(statements)}"


def _words(taught: Taught) -> Iterator[tuple[str, str]]:
    for where, language, text in texts_with_places(taught):
        yield from (("word", f"{where} ({language}): {word}") for word in foreign_words(text, language))


def texts_with_places(taught: Taught) -> Iterator[tuple[str, str, str]]:
    """Yield every text of a module: where it stands, its language, and itself."""
    for name in LESSONS:
        for language, lesson in getattr(taught.module, name).items():
            yield name, language, " ".join((lesson.title, lesson.summary, *lesson.objectives))
            for section in lesson.sections:
                yield f"{name}#{section.section_id}", language, f"{section.heading}\n{section.markdown}"
    for question in taught.questions:
        for language in LANGUAGES:
            yield question.key, language, "\n".join(each[language] for each in texts_of(question))


def _lengths(taught: Taught) -> Iterator[tuple[str, str]]:
    module = taught.module
    for language in LANGUAGES:
        taken = minutes(taught, language)
        if taken > SHAPES[module.kind].minutes:
            yield "too_long", f"{taken:.1f} ({language})"
        read = reading_minutes(module.body[language], language)
        if abs(read - module.minutes) > 2:
            yield "minutes", f"{read:.1f} ({language})"


def stems_twice(taughts: Iterable[Taught]) -> Iterator[Remark]:
    """Yield questions of the whole catalogue that ask the same in nearly the same words, in either language."""
    for language in LANGUAGES:
        stems = [
            (taught.module.key, question.key, _pieces(question.stem[language]), _asked_text(question, language))
            for taught in taughts
            for question in taught.questions
        ]
        for (module, key, pieces, whole), (other_module, other_key, other_pieces, other_whole) in combinations(
            stems, 2
        ):
            if _overlap(pieces, other_pieces) > 0.8 and _overlap(whole, other_whole) > 0.6:
                yield Remark(module, "stem_twice", f"{key} = {other_module}/{other_key} ({language})")


def _pieces(text: str) -> frozenset[str]:
    plain = re.sub(r"\W", "", text).lower()
    return frozenset(plain[place : place + 3] for place in range(max(1, len(plain) - 2)))


def _asked_text(question: Question, language: str) -> frozenset[str]:
    return _pieces("".join(each[language] for each in asked(question)))


def _overlap(one: Collection[str], other: Collection[str]) -> float:
    return len(set(one) & set(other)) / max(1, len(set(one) | set(other)))


def unfit_parameters(known: Iterable[Parameter]) -> Iterator[Remark]:
    """Yield parameters whose words, default or example are not there in each language, or not of their kind."""
    for each in known:
        texts = {"label": each.label, "example": each.example} | ({"default": each.default} if each.default else {})
        for name, text in texts.items():
            for language in LANGUAGES:
                value = text.get(language, "")
                if not value.strip() or (name != "label" and fault_of(each.kind, value)):
                    yield Remark("parameters", "unfit", f"{each.name}.{name}.{language}")
