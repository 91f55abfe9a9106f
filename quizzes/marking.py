"""From answers to marks, and the rule by which a mark passes.

An answer is what a page saves, as JSON: `{"choice": "a"}` (single), `{"choices": ["a", "c"]}` (multiple),
`{"value": true}` (true/false), `{"pairs": {"p1": "p3"}}` (matching, left key to right key).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from quizzes.questions import Question, QuestionKind, refuse_equal_questions, right_keys

PASS_PERCENTS = range(1, 101)
"""At 0 per cent an empty paper would pass, and a test is met only by a passed test."""

_FIELDS = {
    QuestionKind.single: "choice",
    QuestionKind.multiple: "choices",
    QuestionKind.true_false: "value",
    QuestionKind.matching: "pairs",
}


class AnswerError(ValueError):
    """An answer that does not fit its question; the fact is the part that does not fit."""

    def __init__(self, question_key: str, fact: object = None) -> None:
        super().__init__(question_key, fact)
        self.question_key = question_key
        self.fact = fact


class AnswerShapeError(AnswerError):
    """Not the shape that this kind of question is answered in; the fact is the answer."""


class UnknownOptionError(AnswerError):
    """An option that is not on the question; the fact is its key."""


class UnknownLeftSideError(AnswerError):
    """A left side that is not on the question; the fact is its key."""


class UnknownRightSideError(AnswerError):
    """A right side that is not on the question; the fact is its key."""


class NotOnPaperError(AnswerError):
    """An answer to a question that is not on the paper."""


class MarkRangeError(ValueError):
    """Points outside 0 <= given <= maximum, or a test in which there are no points to be had."""

    def __init__(self, given: int, maximum: int) -> None:
        super().__init__(given, maximum)
        self.given = given
        self.maximum = maximum


class PassPercentError(ValueError):
    """A pass mark outside 1 to 100 per cent."""

    def __init__(self, pass_percent: int) -> None:
        super().__init__(pass_percent)
        self.pass_percent = pass_percent


@dataclass(frozen=True, slots=True)
class Mark:
    """Points given out of a maximum; `Mark(0, 0)` is what sums start from."""

    given: int
    maximum: int

    def __post_init__(self) -> None:
        if not 0 <= self.given <= self.maximum:
            raise MarkRangeError(self.given, self.maximum)

    def __add__(self, other: "Mark") -> "Mark":
        return Mark(self.given + other.given, self.maximum + other.maximum)

    @property
    def share(self) -> Fraction:
        """Exact, 0 to 1; nothing out of nothing is 0."""
        return Fraction(self.given, self.maximum) if self.maximum else Fraction(0)

    @property
    def percent(self) -> int:
        """Whole per cent rounded down, so that the shown figure reaches the pass mark only when the mark does."""
        return self.given * 100 // self.maximum if self.maximum else 0


@dataclass(frozen=True, slots=True)
class PaperMark:
    """The mark of a whole paper and of each question on it."""

    total: Mark
    per_question: Mapping[str, Mark]
    """By question key, in the order of the questions."""


def read_answer(question: Question, raw: object) -> dict[str, object]:
    """Check an answer as it came in against its question, and bring it into its one canonical form.

    Choices come back sorted and each once; pairs sorted by left key. What is incomplete is accepted, for answers are
    saved while they are being given: no choice at all, some left sides without a right one, or one right side for
    two left sides (a step on the way when swapping them).

    Raises:
        AnswerShapeError: for a shape other than the question's kind is answered in.
        UnknownOptionError, UnknownLeftSideError, UnknownRightSideError: for a key that is not on the question.
    """
    name = _FIELDS[question.kind]
    if not isinstance(raw, Mapping) or set(raw) != {name}:
        raise AnswerShapeError(question.key, raw)
    found = raw[name]
    if question.kind is QuestionKind.single and isinstance(found, str):
        return {name: _read_options(question, [found])[0]}
    if question.kind is QuestionKind.multiple and isinstance(found, list | tuple):
        return {name: _read_options(question, found)}
    if question.kind is QuestionKind.true_false and isinstance(found, bool):
        return {name: found}
    if question.kind is QuestionKind.matching and isinstance(found, Mapping):
        return {name: _read_pairs(question, found)}
    raise AnswerShapeError(question.key, raw)


def _read_options(question: Question, found: Sequence[object]) -> list[str]:
    known = {option.key for option in question.options}
    for key in found:
        if not isinstance(key, str):
            raise AnswerShapeError(question.key, found)
        if key not in known:
            raise UnknownOptionError(question.key, key)
    return sorted(known.intersection(found))


def _read_pairs(question: Question, found: Mapping[object, object]) -> dict[str, str]:
    lefts = {pair.key for pair in question.pairs}
    rights = right_keys(question)
    pairs = {}
    for left, right in found.items():
        if not isinstance(left, str) or not isinstance(right, str):
            raise AnswerShapeError(question.key, found)
        if left not in lefts:
            raise UnknownLeftSideError(question.key, left)
        if right not in rights:
            raise UnknownRightSideError(question.key, right)
        pairs[left] = right
    return dict(sorted(pairs.items()))


def right_answer(question: Question) -> dict[str, object]:
    """The answer that earns the points, in canonical form; for review pages and for the sealed answer key."""
    correct = sorted(option.key for option in question.options if option.correct)
    if question.kind is QuestionKind.single:
        return {"choice": correct[0]}
    if question.kind is QuestionKind.multiple:
        return {"choices": correct}
    if question.kind is QuestionKind.true_false:
        return {"value": question.answer}
    return {"pairs": {key: key for key in sorted(pair.key for pair in question.pairs)}}


def is_answered(question: Question, answer: Mapping[str, object] | None) -> bool:
    """Whether nothing is left to fill in: something is chosen, and each left side has a right side.

    Raises:
        AnswerError: for an answer that does not fit the question.
    """
    if answer is None:
        return False
    found = read_answer(question, answer)
    if question.kind is QuestionKind.multiple:
        return found != {"choices": []}
    if question.kind is QuestionKind.matching:
        return _left_sides(found) == _left_sides(right_answer(question))
    return True


def _left_sides(answer: Mapping[str, object]) -> list[str]:
    pairs = answer["pairs"]
    return list(pairs) if isinstance(pairs, Mapping) else []


def mark_answer(question: Question, answer: Mapping[str, object] | None) -> Mark:
    """All of the question's points for the right answer; none for any other, and none for no answer.

    Raises:
        AnswerError: for an answer that does not fit the question; it is never marked as merely wrong.
    """
    right = answer is not None and read_answer(question, answer) == right_answer(question)
    return Mark(question.points if right else 0, question.points)


def mark_paper(questions: Sequence[Question], answers: Mapping[str, Mapping[str, object] | None]) -> PaperMark:
    """Mark a paper; `answers` are by question key, and a question without one gets no points.

    Raises:
        NotOnPaperError: for an answer to a question that is not among `questions`.
        AnswerError: for an answer that does not fit its question.
        DuplicateQuestionError: where two questions go by one key.
    """
    refuse_equal_questions(questions)
    for key in answers:
        if all(key != question.key for question in questions):
            raise NotOnPaperError(key)
    per_question = {question.key: mark_answer(question, answers.get(question.key)) for question in questions}
    return PaperMark(sum(per_question.values(), Mark(0, 0)), per_question)


def is_pass(mark: Mark, pass_percent: int) -> bool:
    """Whether the mark reaches the pass mark, by exact arithmetic; a paper without points never passes.

    Raises:
        PassPercentError: for a pass mark outside 1 to 100.
    """
    if pass_percent not in PASS_PERCENTS:
        raise PassPercentError(pass_percent)
    return mark.maximum > 0 and mark.given * 100 >= mark.maximum * pass_percent


def points_needed(maximum: int, pass_percent: int) -> int:
    """The fewest points that pass.

    Raises:
        PassPercentError: for a pass mark outside 1 to 100.
        MarkRangeError: for a maximum below one, of which no points pass.
    """
    if pass_percent not in PASS_PERCENTS:
        raise PassPercentError(pass_percent)
    if maximum < 1:
        raise MarkRangeError(0, maximum)
    return -(-maximum * pass_percent // 100)
