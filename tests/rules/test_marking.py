"""Answers, marks and the pass rule."""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations, product
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes import marking as m
from quizzes.questions import (
    Distractor,
    DuplicateQuestionError,
    Option,
    Pair,
    Question,
    QuestionKind,
    right_keys,
)

TEXT = {"ja": "文", "en": "text"}


def options(right: str) -> tuple[Option, ...]:
    """Options a to d, of which those in `right` are correct."""
    return tuple(Option(key, {"ja": key, "en": key}, key in right) for key in "abcd")


SINGLE = Question("s", QuestionKind.single, TEXT, TEXT, 1, "7.2", "one", options=options("b"), points=2)
MULTIPLE = Question("m", QuestionKind.multiple, TEXT, TEXT, 1, "7.2", "one", options=options("ca"), points=3)
HOLDS = Question("t", QuestionKind.true_false, TEXT, TEXT, 1, "7.2", "one", answer=True)
FAILS = Question("f", QuestionKind.true_false, TEXT, TEXT, 1, "7.2", "one", answer=False)
MATCHING = Question(
    "x",
    QuestionKind.matching,
    TEXT,
    TEXT,
    1,
    "7.2",
    "one",
    pairs=tuple(Pair(key, {"ja": key, "en": key}, {"ja": key, "en": key}) for key in ("p2", "p1", "p3")),
    distractors=(Distractor("d1", TEXT),),
    points=4,
)
PAPER = [SINGLE, MULTIPLE, HOLDS, FAILS, MATCHING]
RIGHT: dict[str, dict[str, object]] = {
    "s": {"choice": "b"},
    "m": {"choices": ["a", "c"]},
    "t": {"value": True},
    "f": {"value": False},
    "x": {"pairs": {"p1": "p1", "p2": "p2", "p3": "p3"}},
}


NO_ANSWERS: list[object] = [None, "b", 1, [], {}, {"choice": None}, {1: 2}]


def every_answer(question: Question) -> Iterator[Mapping[str, object]]:
    """All answers that can be given to a question, complete or not."""
    if question.kind is QuestionKind.single:
        yield from ({"choice": key} for key in "abcd")
    elif question.kind is QuestionKind.multiple:
        yield from ({"choices": list(some)} for size in range(5) for some in combinations("abcd", size))
    elif question.kind is QuestionKind.true_false:
        yield from ({"value": value} for value in (True, False))
    else:
        lefts = [pair.key for pair in question.pairs]
        for rights in product([None, *right_keys(question)], repeat=len(lefts)):
            yield {"pairs": {left: right for left, right in zip(lefts, rights, strict=True) if right is not None}}


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "raw", "expected"),
    [
        (SINGLE, {"choice": "d"}, '{"choice": "d"}'),
        (MULTIPLE, {"choices": ["c", "a", "c"]}, '{"choices": ["a", "c"]}'),
        (MULTIPLE, {"choices": ("b",)}, '{"choices": ["b"]}'),
        (MULTIPLE, {"choices": []}, '{"choices": []}'),
        (HOLDS, {"value": False}, '{"value": false}'),
        (MATCHING, {"pairs": {"p3": "d1", "p1": "p2"}}, '{"pairs": {"p1": "p2", "p3": "d1"}}'),
        (MATCHING, {"pairs": {"p1": "p2", "p2": "p2"}}, '{"pairs": {"p1": "p2", "p2": "p2"}}'),
        (MATCHING, {"pairs": {}}, '{"pairs": {}}'),
    ],
)
def test_an_answer_is_brought_into_its_one_form(question: Question, raw: object, expected: str) -> None:
    # Compared as JSON text, because equal dicts may differ in the order of their keys.
    assert json.dumps(m.read_answer(question, raw)) == expected


@pytest.mark.parametrize("question", PAPER)
def test_reading_an_answer_again_changes_nothing(question: Question) -> None:
    for answer in every_answer(question):
        once = m.read_answer(question, answer)
        assert json.dumps(m.read_answer(question, json.loads(json.dumps(once)))) == json.dumps(once)


@pytest.mark.parametrize(
    ("question", "raw", "error", "fact"),
    [
        (SINGLE, {"choice": "e"}, m.UnknownOptionError, "e"),
        (SINGLE, {"choice": ""}, m.UnknownOptionError, ""),
        (MULTIPLE, {"choices": ["a", "z"]}, m.UnknownOptionError, "z"),
        (MATCHING, {"pairs": {"d1": "p1"}}, m.UnknownLeftSideError, "d1"),
        (MATCHING, {"pairs": {"p1": "p9"}}, m.UnknownRightSideError, "p9"),
    ],
)
def test_a_key_that_is_not_on_the_question_is_refused(
    question: Question, raw: object, error: type[m.AnswerError], fact: str
) -> None:
    with pytest.raises(m.AnswerError) as caught:
        m.read_answer(question, raw)
    assert type(caught.value) is error
    assert (caught.value.question_key, caught.value.fact) == (question.key, fact)


@pytest.mark.parametrize(
    ("question", "raw"),
    [
        *[(question, raw) for question in PAPER for raw in NO_ANSWERS],
        *[
            (question, RIGHT[other])
            for question in PAPER
            for other in "smtx"
            if set(RIGHT[other]) != set(RIGHT[question.key])
        ],
        *[(question, {**RIGHT[question.key], "more": 1}) for question in PAPER],
        (SINGLE, {"choice": ["b"]}),
        (MULTIPLE, {"choices": "ac"}),
        (MULTIPLE, {"choices": [["a"]]}),
        (MULTIPLE, {"choices": {"a": "c"}}),
        (HOLDS, {"value": 1}),
        (HOLDS, {"value": "true"}),
        (MATCHING, {"pairs": [["p1", "p1"]]}),
        (MATCHING, {"pairs": {"p1": None}}),
        (MATCHING, {"pairs": {1: "p1"}}),
    ],
)
def test_an_answer_of_another_shape_is_refused(question: Question, raw: object) -> None:
    with pytest.raises(m.AnswerShapeError) as caught:
        m.read_answer(question, raw)
    assert caught.value.question_key == question.key


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "p1", "p2", "d1", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choice", "choices", "value", "pairs", "p1"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.sampled_from(PAPER), json_values)
def test_whatever_json_comes_in_is_read_or_refused_by_name(question: Question, raw: object) -> None:
    try:
        answer = m.read_answer(question, raw)
    except m.AnswerError:
        return
    assert m.read_answer(question, answer) == answer


def test_a_question_counts_as_answered_when_nothing_is_left_to_fill_in() -> None:
    for question in PAPER:
        assert not m.is_answered(question, None)
        for answer in every_answer(question):
            (given_part,) = answer.values()
            complete = {"multiple": given_part != [], "matching": isinstance(given_part, dict) and len(given_part) == 3}
            assert m.is_answered(question, answer) == complete.get(question.kind, True)


# --- marks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", PAPER)
def test_of_all_possible_answers_only_the_right_one_earns_the_points(question: Question) -> None:
    assert m.right_answer(question) == RIGHT[question.key]
    for answer in every_answer(question):
        expected = question.points if answer == RIGHT[question.key] else 0
        assert m.mark_answer(question, answer) == m.Mark(expected, question.points)


@given(st.permutations(["a", "c", "c", "a"]))
def test_the_order_of_choices_does_not_matter(choices: list[str]) -> None:
    assert m.mark_answer(MULTIPLE, {"choices": choices}) == m.Mark(3, 3)


def test_no_answer_earns_no_points() -> None:
    assert m.mark_answer(SINGLE, None) == m.Mark(0, 2)


def test_an_answer_that_does_not_fit_is_not_marked_as_wrong() -> None:
    with pytest.raises(m.UnknownOptionError):
        m.mark_answer(SINGLE, {"choice": "e"})
    with pytest.raises(m.AnswerShapeError):
        m.is_answered(SINGLE, {"value": True})


@given(st.sets(st.sampled_from([question.key for question in PAPER])))
def test_a_paper_earns_the_points_of_its_right_answers(right: set[str]) -> None:
    answers = {key: RIGHT[key] for key in right}
    result = m.mark_paper(PAPER, answers)
    points = {question.key: question.points for question in PAPER}
    assert result.total == m.Mark(sum(points[key] for key in right), 11)
    assert list(result.per_question) == ["s", "m", "t", "f", "x"]
    assert result.per_question == {key: m.Mark(points[key] if key in right else 0, points[key]) for key in points}


def test_an_answer_to_a_question_that_is_not_on_the_paper_is_refused() -> None:
    with pytest.raises(m.NotOnPaperError) as caught:
        m.mark_paper([SINGLE], {"s": RIGHT["s"], "m": None})
    assert caught.value.question_key == "m"


def test_a_paper_with_a_question_twice_is_refused() -> None:
    with pytest.raises(DuplicateQuestionError):
        m.mark_paper([SINGLE, SINGLE], {})


def test_a_paper_without_questions_is_marked_nothing_out_of_nothing() -> None:
    assert m.mark_paper([], {}).total == m.Mark(0, 0)


@pytest.mark.parametrize(("given_points", "maximum"), [(-1, 3), (4, 3), (0, -1), (1, 0)])
def test_points_outside_their_range_are_refused(given_points: int, maximum: int) -> None:
    with pytest.raises(m.MarkRangeError) as caught:
        m.Mark(given_points, maximum)
    assert (caught.value.given, caught.value.maximum) == (given_points, maximum)


def test_marks_add_up() -> None:
    assert m.Mark(1, 2) + m.Mark(3, 5) == m.Mark(4, 7)


@pytest.mark.parametrize(
    ("mark", "share", "percent"),
    [
        (m.Mark(0, 0), Fraction(0), 0),
        (m.Mark(2, 3), Fraction(2, 3), 66),
        (m.Mark(7, 9), Fraction(7, 9), 77),
        (m.Mark(10, 10), Fraction(1), 100),
    ],
)
def test_share_is_exact_and_percent_is_rounded_down(mark: m.Mark, share: Fraction, percent: int) -> None:
    assert (mark.share, mark.percent) == (share, percent)


# --- pass rule -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_points", "maximum", "pass_percent", "passes"),
    [
        (8, 10, 80, True),
        (7, 10, 80, False),
        (2, 3, 67, False),
        (2, 3, 66, True),
        (10, 10, 100, True),
        (0, 10, 1, False),
    ],
)
def test_a_mark_passes_when_it_reaches_the_pass_mark(
    given_points: int, maximum: int, pass_percent: int, *, passes: bool
) -> None:
    assert m.is_pass(m.Mark(given_points, maximum), pass_percent) is passes


def test_the_pass_rule_agrees_with_exact_fractions_everywhere_up_to_fifty_points() -> None:
    for maximum, percent in product(range(1, 51), range(1, 101)):
        limit = Fraction(percent, 100)
        assert m.points_needed(maximum, percent) == ceil(limit * maximum)
        for points in range(maximum + 1):
            mark = m.Mark(points, maximum)
            passes = m.is_pass(mark, percent)
            assert passes == (mark.share >= limit) == (mark.percent >= percent)
            assert passes == (points >= m.points_needed(maximum, percent))


@given(st.integers(1, 10**18), st.integers(1, 100))
def test_the_points_needed_pass_and_one_less_does_not(maximum: int, percent: int) -> None:
    needed = m.points_needed(maximum, percent)
    assert m.is_pass(m.Mark(needed, maximum), percent)
    assert not m.is_pass(m.Mark(needed - 1, maximum), percent)


def test_a_paper_without_points_never_passes() -> None:
    assert not m.is_pass(m.Mark(0, 0), 1)
    with pytest.raises(m.MarkRangeError):
        m.points_needed(0, 80)


@pytest.mark.parametrize("pass_percent", [0, -1, 101])
def test_a_pass_mark_outside_one_to_a_hundred_is_refused(pass_percent: int) -> None:
    with pytest.raises(m.PassPercentError) as caught:
        m.is_pass(m.Mark(1, 1), pass_percent)
    assert caught.value.pass_percent == pass_percent
    with pytest.raises(m.PassPercentError):
        m.points_needed(10, pass_percent)
