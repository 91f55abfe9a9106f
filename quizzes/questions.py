"""Question kinds, reading a question bank, content hashes, and drawing a paper from a seed."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice, zip_longest
from typing import Any, TypeVar

import rfc8785

_T = TypeVar("_T")

Text = Mapping[str, str]
"""What a person reads, by language code."""

LANGUAGES = ("ja", "en")
"""The languages that every shipped question speaks."""

LARGEST_NUMBER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact. Source: RFC 8785, appendix B (I-JSON)."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class QuestionKind(StrEnum):
    """How a question is answered."""

    single = "single"
    """One option is chosen; exactly one is correct."""
    multiple = "multiple"
    """Any number of options is chosen; at least one is correct."""
    true_false = "true_false"
    """A statement that holds or does not."""
    matching = "matching"
    """Each left side is given its right side; distractors are right sides that belong to no left side."""


class QuestionError(ValueError):
    """A question that cannot be used as written: which one (empty where it has no key), which field, further facts."""

    def __init__(self, question_key: str, field: str, fact: object = None) -> None:
        super().__init__(question_key, field, fact)
        self.question_key = question_key
        self.field = field
        self.fact = fact


class MissingFieldError(QuestionError):
    """A field that this kind of question must have is not there."""


class UnknownFieldError(QuestionError):
    """A field that this kind of question does not have, or a language that the stem does not speak."""


class WrongTypeError(QuestionError):
    """A value of another type than the field takes; the fact is the type that was found."""


class MalformedKeyError(QuestionError):
    """A key or language code with characters outside its alphabet; the fact is that key."""


class UnreadableTextError(QuestionError):
    """A text that is blank, or holds control characters or half a surrogate pair; the fact is the text."""


class OutOfRangeError(QuestionError):
    """A number below one or above LARGEST_NUMBER; the fact is the number."""


class UnknownKindError(QuestionError):
    """A kind that is not a QuestionKind; the fact is the kind as written."""


class LanguageMissingError(QuestionError):
    """A text without one of the question's languages; the fact is the language."""


class CorrectCountError(QuestionError):
    """Not exactly one correct option (single), or none (multiple); the fact is how many there are."""


class TooFewChoicesError(QuestionError):
    """Fewer than two options or pairs; the fact is how many there are."""


class DuplicateKeyError(QuestionError):
    """Two options, or two right sides, under one key; the fact is the key."""


class DuplicateTextError(QuestionError):
    """Two options, or two left sides, that read the same in one language; the fact is the language."""


class DuplicateRightSideError(DuplicateTextError):
    """Two right sides (distractors among them) that read the same, so that a right answer could be marked wrong."""


class DuplicateQuestionError(QuestionError):
    """Two questions under one key."""


class NotEnoughQuestions(ValueError):
    """A paper longer than the bank."""

    def __init__(self, available: int, wanted: int) -> None:
        super().__init__(available, wanted)
        self.available = available
        self.wanted = wanted


class EmptyPaperError(ValueError):
    """A paper of fewer than one question."""

    def __init__(self, wanted: int) -> None:
        super().__init__(wanted)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Option:
    """One of the options of a single or multiple question."""

    key: str
    text: Text
    correct: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A left side and the right side that belongs to it; the right side goes by the same key."""

    key: str
    left: Text
    right: Text


@dataclass(frozen=True, slots=True)
class Distractor:
    """A right side that belongs to no left side."""

    key: str
    text: Text


@dataclass(frozen=True, slots=True)
class Question:
    """One version of a question, as read by read_question, which is where its rules are checked."""

    key: str
    """Stays the same from version to version; the version is the content hash."""
    kind: QuestionKind
    stem: Text
    feedback: Text
    """Shown after submission, whatever the answer was."""
    objective: int
    """Number of the learning objective within the module, from 1."""
    clause: str
    """The clause that the question is about, such as 7.2 or A.6.3."""
    section: str
    """The section of the module to read again after a wrong answer."""
    options: tuple[Option, ...] = ()
    """Single and multiple only, in the author's order."""
    answer: bool | None = None
    """True/false only: whether the statement holds."""
    pairs: tuple[Pair, ...] = ()
    """Matching only, in the author's order, in which the left sides are shown."""
    distractors: tuple[Distractor, ...] = ()
    points: int = 1


@dataclass(frozen=True, slots=True)
class PaperItem:
    """One question of a drawn paper.

    A pair's right side goes by the pair's own key. A page must therefore offer the right sides by their place in
    `order`: offered by key, the page's source would give the answer away.
    """

    question_key: str
    order: tuple[str, ...]
    """Keys of the options (single, multiple) or right sides (matching) as shown; empty for true/false."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A mapping somewhere inside a raw question, which knows its place so that complaints can name it."""

    question_key: str
    place: str
    raw: Mapping[str, object]

    def field(self, name: object) -> str:
        return f"{self.place}.{name}" if self.place else str(name)

    def refuse_other_than(self, allowed: Collection[str]) -> None:
        for name in self.raw:
            if name not in allowed:
                raise UnknownFieldError(self.question_key, self.field(name))

    def value(self, name: str, wanted: type[_T]) -> _T:
        if name not in self.raw:
            raise MissingFieldError(self.question_key, self.field(name))
        found = self.raw[name]
        # bool is a kind of int for Python, but `points: yes` is a slip of the author's.
        if not isinstance(found, wanted) or (isinstance(found, bool) and wanted is not bool):
            raise WrongTypeError(self.question_key, self.field(name), type(found).__name__)
        return found

    def mapping(self, name: str) -> Mapping[str, object]:
        found = self.value(name, object)
        if not isinstance(found, Mapping):
            raise WrongTypeError(self.question_key, self.field(name), type(found).__name__)
        return found

    def key(self, name: str = "key") -> str:
        found = self.value(name, str)
        if not _KEY.fullmatch(found):
            raise MalformedKeyError(self.question_key, self.field(name), found)
        return found

    def number(self, name: str) -> int:
        found = self.value(name, int)
        if not 1 <= found <= LARGEST_NUMBER:
            raise OutOfRangeError(self.question_key, self.field(name), found)
        return found

    def words(self, name: str) -> str:
        found = self.value(name, str)
        unreadable = any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in found)
        if unreadable or not found.strip():
            raise UnreadableTextError(self.question_key, self.field(name), found)
        return found

    def text(self, name: str, languages: Iterable[str]) -> Text:
        part = _Part(self.question_key, self.field(name), self.mapping(name))
        wanted = tuple(languages)
        for language in wanted:
            if language not in part.raw:
                raise LanguageMissingError(self.question_key, part.place, language)
        part.refuse_other_than(wanted)
        return {language: part.words(language) for language in wanted}

    def parts(self, name: str) -> list["_Part"]:
        found = self.value(name, list)
        places = [f"{self.field(name)}[{index}]" for index in range(len(found))]
        for place, raw in zip(places, found, strict=True):
            if not isinstance(raw, Mapping):
                raise WrongTypeError(self.question_key, place, type(raw).__name__)
        return [_Part(self.question_key, place, raw) for place, raw in zip(places, found, strict=True)]


_COMMON = frozenset({"key", "kind", "objective", "clause", "section", "stem", "feedback", "points"})
_OWN = {
    QuestionKind.single: frozenset({"options"}),
    QuestionKind.multiple: frozenset({"options"}),
    QuestionKind.true_false: frozenset({"answer"}),
    QuestionKind.matching: frozenset({"pairs", "distractors"}),
}


def read_question(raw: Mapping[str, object], languages: Collection[str] = LANGUAGES) -> Question:
    """Read a question from the mapping that a YAML or JSON file holds.

    The stem speaks at least `languages`, and every other text exactly the languages of the stem. Texts are kept to
    the character. `points` may be left out (1), and so may `distractors`.

    Raises:
        QuestionError: the subclass says which rule is broken; `field` is a path such as `options[2].text.ja`.
    """
    if not isinstance(raw, Mapping):
        raise WrongTypeError("", "", type(raw).__name__)
    key = _Part("", "", raw).key()
    part = _Part(key, "", raw)
    kind = _read_kind(part)
    part.refuse_other_than(_COMMON | _OWN[kind])
    spoken = _read_languages(part, languages)
    question = Question(
        key=key,
        kind=kind,
        stem=part.text("stem", spoken),
        feedback=part.text("feedback", spoken),
        objective=part.number("objective"),
        clause=part.words("clause"),
        section=part.words("section"),
        options=_read_options(part, kind, spoken) if "options" in _OWN[kind] else (),
        answer=part.value("answer", bool) if kind is QuestionKind.true_false else None,
        pairs=_read_pairs(part, spoken) if kind is QuestionKind.matching else (),
        distractors=_read_distractors(part, spoken),
        points=part.number("points") if "points" in raw else 1,
    )
    _refuse_equal_right_sides(question)
    return question


def _read_kind(part: _Part) -> QuestionKind:
    found = part.value("kind", str)
    try:
        return QuestionKind(found)
    except ValueError:
        raise UnknownKindError(part.question_key, "kind", found) from None


def _read_languages(part: _Part, languages: Collection[str]) -> tuple[str, ...]:
    stem = part.mapping("stem")
    for language in stem:
        # YAML 1.1 reads an unquoted `no` as a boolean, whose name is no language code either.
        if not _LANGUAGE.fullmatch(str(language)):
            raise MalformedKeyError(part.question_key, f"stem.{language}", language)
    spoken = (*languages, *sorted(set(stem) - set(languages)))
    if not spoken:
        raise UnreadableTextError(part.question_key, "stem", "")
    return spoken


def _read_options(part: _Part, kind: QuestionKind, languages: Sequence[str]) -> tuple[Option, ...]:
    options = []
    for each in part.parts("options"):
        each.refuse_other_than({"key", "correct", "text"})
        options.append(Option(each.key(), each.text("text", languages), each.value("correct", bool)))
    if len(options) < 2:
        raise TooFewChoicesError(part.question_key, "options", len(options))
    _refuse_equal_keys(part, "options", [option.key for option in options])
    if language := _same_words([option.text for option in options]):
        raise DuplicateTextError(part.question_key, "options", language)
    correct = sum(option.correct for option in options)
    if correct == 0 or (kind is QuestionKind.single and correct > 1):
        raise CorrectCountError(part.question_key, "options", correct)
    return tuple(options)


def _read_pairs(part: _Part, languages: Sequence[str]) -> tuple[Pair, ...]:
    pairs = []
    for each in part.parts("pairs"):
        each.refuse_other_than({"key", "left", "right"})
        pairs.append(Pair(each.key(), each.text("left", languages), each.text("right", languages)))
    if len(pairs) < 2:
        raise TooFewChoicesError(part.question_key, "pairs", len(pairs))
    _refuse_equal_keys(part, "pairs", [pair.key for pair in pairs])
    if language := _same_words([pair.left for pair in pairs]):
        raise DuplicateTextError(part.question_key, "pairs", language)
    return tuple(pairs)


def _read_distractors(part: _Part, languages: Sequence[str]) -> tuple[Distractor, ...]:
    if "distractors" not in part.raw:
        return ()
    distractors = []
    for each in part.parts("distractors"):
        each.refuse_other_than({"key", "text"})
        distractors.append(Distractor(each.key(), each.text("text", languages)))
    return tuple(distractors)


def _refuse_equal_right_sides(question: Question) -> None:
    rights = [pair.right for pair in question.pairs] + [distractor.text for distractor in question.distractors]
    if language := _same_words(rights):
        raise DuplicateRightSideError(question.key, "pairs", language)
    _refuse_equal_keys(_Part(question.key, "", {}), "distractors", right_keys(question))


def _refuse_equal_keys(part: _Part, field: str, keys: Sequence[str]) -> None:
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise DuplicateKeyError(part.question_key, field, key)


def _same_words(texts: Sequence[Text]) -> str | None:
    """The first language in which two of the texts read the same, blanks around them aside."""
    for language in texts[0] if texts else ():
        if len({text[language].strip() for text in texts}) < len(texts):
            return language
    return None


def read_bank(raw: Iterable[Mapping[str, object]], languages: Collection[str] = LANGUAGES) -> tuple[Question, ...]:
    """Read a whole question bank, in its own order.

    Raises:
        QuestionError: for the first question that cannot be used; DuplicateQuestionError where a key comes twice.
    """
    questions = tuple(read_question(each, languages) for each in raw)
    refuse_equal_questions(questions)
    return questions


def refuse_equal_questions(questions: Iterable[Question]) -> None:
    """Check that no two questions go by one key.

    Raises:
        DuplicateQuestionError: for the first key that comes again.
    """
    seen = set()
    for question in questions:
        if question.key in seen:
            raise DuplicateQuestionError(question.key, "key")
        seen.add(question.key)


def question_content(question: Question) -> dict[str, Any]:
    """Everything that makes this version of the question, as JSON-able values; read_question reads it back."""
    content: dict[str, Any] = {
        "key": question.key,
        "kind": question.kind.value,
        "objective": question.objective,
        "clause": question.clause,
        "section": question.section,
        "stem": dict(question.stem),
        "feedback": dict(question.feedback),
        "points": question.points,
    }
    if question.options:
        content["options"] = [{"key": o.key, "correct": o.correct, "text": dict(o.text)} for o in question.options]
    if question.answer is not None:
        content["answer"] = question.answer
    if question.pairs:
        content["pairs"] = [{"key": p.key, "left": dict(p.left), "right": dict(p.right)} for p in question.pairs]
        content["distractors"] = [{"key": d.key, "text": dict(d.text)} for d in question.distractors]
    return content


def question_hash(question: Question) -> str:
    """The version's content hash: SHA-256, in lower-case hex, of the canonical bytes of its content.

    Source: RFC 8785.
    """
    return question_content_hash(question_content(question))


def question_content_hash(content: dict[str, Any]) -> str:
    """Return the hash of a question's content as kept with a version."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def right_keys(question: Question) -> tuple[str, ...]:
    """Keys of all right sides of a matching question: those of the pairs, then those of the distractors."""
    return (*(pair.key for pair in question.pairs), *(distractor.key for distractor in question.distractors))


def draw_paper(questions: Sequence[Question], count: int, seed: str) -> tuple[PaperItem, ...]:
    """Draw `count` questions, as evenly over the objectives as the bank allows, and shuffle what they show.

    The same bank and seed give the same paper for ever, in any language and whatever the order of `questions`:

    1. The rank of a thing is the lower-case hex SHA-256 of the UTF-8 bytes of its label and names, each parted from
       the next by one line feed (U+000A) and none at the end. "By rank" means in ascending order of these strings.
    2. Objectives stand by the rank of `seed LF "objective" LF number` (decimal, no leading zeros).
    3. Within an objective, questions stand by the rank of `seed LF "question" LF question key`.
    4. Going round the objectives, each gives its next question, if it has one left, until there are `count`.
    5. The drawn questions stand on the paper by the rank of `seed LF "place" LF question key`. This is a rank of its
       own: with that of step 3, questions of small objectives would come late on every paper.
    6. Options and right sides stand by the rank of `seed LF "choice" LF question key LF their key`.

    True/false is always shown in one fixed order.

    Raises:
        EmptyPaperError: for fewer than one question.
        NotEnoughQuestions: where the bank is smaller than the paper.
        DuplicateQuestionError: where two questions go by one key.
    """
    if count < 1:
        raise EmptyPaperError(count)
    if count > len(questions):
        raise NotEnoughQuestions(len(questions), count)
    refuse_equal_questions(questions)
    ranked = sorted(questions, key=lambda question: _rank(seed, "question", question.key))
    by_objective: defaultdict[int, list[Question]] = defaultdict(list)
    for question in ranked:
        by_objective[question.objective].append(question)
    objectives = sorted(by_objective, key=lambda objective: _rank(seed, "objective", str(objective)))
    rounds = chain.from_iterable(zip_longest(*(by_objective[objective] for objective in objectives)))
    drawn = islice((question for question in rounds if question is not None), count)
    return tuple(
        PaperItem(question.key, _shown_order(question, seed))
        for question in sorted(drawn, key=lambda question: _rank(seed, "place", question.key))
    )


def _shown_order(question: Question, seed: str) -> tuple[str, ...]:
    keys = [option.key for option in question.options] or right_keys(question)
    return tuple(sorted(keys, key=lambda key: _rank(seed, "choice", question.key, key)))


def _rank(*names: str) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
