"""Reading questions, their content hashes, and drawing papers."""

import json
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizzes import questions as q

RAW_SINGLE: dict[str, Any] = {
    "key": "core-01",
    "kind": "single",
    "objective": 1,
    "clause": "7.3",
    "section": "reporting",
    "stem": {
        "ja": "不審なメールを開いてしまった。まず何をするか。",
        "en": "You opened a suspicious mail. What comes first?",
    },
    "options": [
        {"key": "a", "correct": True, "text": {"ja": "窓口に知らせる", "en": "Tell the contact point"}},
        {"key": "b", "correct": False, "text": {"ja": "消して忘れる", "en": "Delete it and forget it"}},
        {"key": "c", "correct": False, "text": {"ja": "同僚に転送する", "en": "Forward it to a colleague"}},
    ],
    "feedback": {"ja": "早い連絡が被害を小さくする。", "en": "Early word keeps the damage small."},
}
RAW_MULTIPLE: dict[str, Any] = deepcopy(RAW_SINGLE) | {"key": "core-02", "kind": "multiple", "points": 2}
RAW_MULTIPLE["options"][1]["correct"] = True
RAW_TRUE_FALSE: dict[str, Any] = {k: v for k, v in RAW_SINGLE.items() if k != "options"} | {
    "key": "core-03",
    "kind": "true_false",
    "answer": False,
}
RAW_MATCHING: dict[str, Any] = {k: v for k, v in RAW_SINGLE.items() if k != "options"} | {
    "key": "core-04",
    "kind": "matching",
    "pairs": [
        {"key": "p1", "left": {"ja": "機密性", "en": "Confidentiality"}, "right": {"ja": "漏れない", "en": "No leak"}},
        {"key": "p2", "left": {"ja": "可用性", "en": "Availability"}, "right": {"ja": "使える", "en": "Usable"}},
    ],
    "distractors": [{"key": "d1", "text": {"ja": "安い", "en": "Cheap"}}],
}
ALL_RAW = [RAW_SINGLE, RAW_MULTIPLE, RAW_TRUE_FALSE, RAW_MATCHING]


def changed(raw: dict[str, Any], path: str, value: object = None, *, drop: bool = False) -> dict[str, Any]:
    """A copy in which the value at a dotted path is another one, or is gone."""
    copy = deepcopy(raw)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = copy
    for step in way:
        place = place[step]
    if drop:
        del place[last]
    else:
        place[last] = value
    return copy


def plain(key: str, objective: int = 1, options: int = 4) -> q.Question:
    """A single question of which only the key, the objective and the number of options matter."""
    text = {"ja": "文", "en": "text"}
    made = tuple(q.Option(f"o{n}", {"ja": f"{n}", "en": f"{n}"}, n == 0) for n in range(options))
    return q.Question(key, q.QuestionKind.single, text, text, objective, "7.2", "one", options=made)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_each_kind_is_read_with_what_belongs_to_it() -> None:
    single, multiple, true_false, matching = q.read_bank(ALL_RAW)
    assert (single.kind, single.points, single.objective) == (q.QuestionKind.single, 1, 1)
    assert [option.correct for option in single.options] == [True, False, False]
    assert single.options[0].text["ja"] == "窓口に知らせる"
    assert (multiple.kind, multiple.points) == (q.QuestionKind.multiple, 2)
    assert (true_false.answer, true_false.options, single.answer) == (False, (), None)
    assert matching.pairs[1].right == {"ja": "使える", "en": "Usable"}
    assert q.right_keys(matching) == ("p1", "p2", "d1")
    assert matching.distractors[0].text["en"] == "Cheap"


def test_distractors_may_be_left_out() -> None:
    assert q.read_question(changed(RAW_MATCHING, "distractors", drop=True)).distractors == ()


REQUIRED = [
    *[(RAW_SINGLE, field) for field in RAW_SINGLE if field != "key"],
    *[(RAW_SINGLE, f"options.1.{field}") for field in ("key", "correct", "text")],
    (RAW_TRUE_FALSE, "answer"),
    (RAW_MATCHING, "pairs"),
    *[(RAW_MATCHING, f"pairs.0.{field}") for field in ("key", "left", "right")],
    *[(RAW_MATCHING, f"distractors.0.{field}") for field in ("key", "text")],
]


@pytest.mark.parametrize(("raw", "path"), REQUIRED)
def test_a_missing_field_is_named(raw: dict[str, Any], path: str) -> None:
    with pytest.raises(q.MissingFieldError) as caught:
        q.read_question(changed(raw, path, drop=True))
    assert caught.value.question_key == raw["key"]
    assert caught.value.field.replace("[", ".").replace("]", "") == path


def test_a_question_without_a_key_is_refused_without_a_name() -> None:
    with pytest.raises(q.MissingFieldError) as caught:
        q.read_question(changed(RAW_SINGLE, "key", drop=True))
    assert (caught.value.question_key, caught.value.field) == ("", "key")


BROKEN = [
    (RAW_SINGLE, "hint", "x", q.UnknownFieldError, "hint"),
    (RAW_SINGLE, "options.0.weight", 1, q.UnknownFieldError, "options[0].weight"),
    (RAW_SINGLE, "answer", True, q.UnknownFieldError, "answer"),
    (RAW_SINGLE, "pairs", [], q.UnknownFieldError, "pairs"),
    (RAW_TRUE_FALSE, "options", [], q.UnknownFieldError, "options"),
    (RAW_MATCHING, "options", [], q.UnknownFieldError, "options"),
    (RAW_MATCHING, "pairs.0.hint", "x", q.UnknownFieldError, "pairs[0].hint"),
    (RAW_MATCHING, "distractors.0.correct", True, q.UnknownFieldError, "distractors[0].correct"),
    (RAW_SINGLE, "feedback.fr", "x", q.UnknownFieldError, "feedback.fr"),
    (RAW_SINGLE, "kind", "essay", q.UnknownKindError, "kind"),
    (RAW_SINGLE, "kind", 3, q.WrongTypeError, "kind"),
    (RAW_SINGLE, "clause", 7.2, q.WrongTypeError, "clause"),
    (RAW_SINGLE, "stem", "only text", q.WrongTypeError, "stem"),
    (RAW_SINGLE, "feedback", True, q.WrongTypeError, "feedback"),
    (RAW_SINGLE, "feedback.ja", 1, q.WrongTypeError, "feedback.ja"),
    (RAW_SINGLE, "points", True, q.WrongTypeError, "points"),
    (RAW_SINGLE, "points", 1.0, q.WrongTypeError, "points"),
    (RAW_SINGLE, "options", {"a": 1}, q.WrongTypeError, "options"),
    (RAW_SINGLE, "options.1", "b", q.WrongTypeError, "options[1]"),
    (RAW_SINGLE, "options.1.correct", 0, q.WrongTypeError, "options[1].correct"),
    (RAW_SINGLE, "options.1.key", False, q.WrongTypeError, "options[1].key"),
    (RAW_TRUE_FALSE, "answer", "no", q.WrongTypeError, "answer"),
    (RAW_SINGLE, "points", 0, q.OutOfRangeError, "points"),
    (RAW_SINGLE, "points", 2**53, q.OutOfRangeError, "points"),
    (RAW_SINGLE, "objective", 0, q.OutOfRangeError, "objective"),
    (RAW_SINGLE, "options.0.key", "a\nb", q.MalformedKeyError, "options[0].key"),
    (RAW_SINGLE, "options.0.key", "", q.MalformedKeyError, "options[0].key"),
    (RAW_SINGLE, "stem.JP", "x", q.MalformedKeyError, "stem.JP"),
    (RAW_SINGLE, "stem", {False: "x"}, q.MalformedKeyError, "stem.False"),
    (RAW_SINGLE, "section", " ", q.UnreadableTextError, "section"),
    (RAW_SINGLE, "stem.en", "\n", q.UnreadableTextError, "stem.en"),
    (RAW_SINGLE, "stem.en", "a\x00b", q.UnreadableTextError, "stem.en"),
    (RAW_SINGLE, "stem.en", "half \ud83d", q.UnreadableTextError, "stem.en"),
    (RAW_SINGLE, "options.1.text.ja", "窓口に知らせる ", q.DuplicateTextError, "options"),
    (RAW_MATCHING, "pairs.1.left.en", "Confidentiality", q.DuplicateTextError, "pairs"),
    (RAW_MATCHING, "pairs.1.right.en", "No leak", q.DuplicateRightSideError, "pairs"),
    (RAW_MATCHING, "distractors.0.text.ja", "使える", q.DuplicateRightSideError, "pairs"),
    (RAW_SINGLE, "options.1.key", "a", q.DuplicateKeyError, "options"),
    (RAW_MATCHING, "pairs.1.key", "p1", q.DuplicateKeyError, "pairs"),
    (RAW_MATCHING, "distractors.0.key", "p2", q.DuplicateKeyError, "distractors"),
    (RAW_SINGLE, "options", RAW_SINGLE["options"][:1], q.TooFewChoicesError, "options"),
    (RAW_MATCHING, "pairs", RAW_MATCHING["pairs"][:1], q.TooFewChoicesError, "pairs"),
    (RAW_SINGLE, "options.0.correct", False, q.CorrectCountError, "options"),
    (RAW_SINGLE, "options.1.correct", True, q.CorrectCountError, "options"),
    (
        RAW_MULTIPLE,
        "options",
        [o | {"correct": False} for o in RAW_MULTIPLE["options"]],
        q.CorrectCountError,
        "options",
    ),
]


@pytest.mark.parametrize(("raw", "path", "value", "error", "field"), BROKEN)
def test_a_broken_rule_has_its_own_error_that_names_question_and_field(
    raw: dict[str, Any], path: str, value: object, error: type[q.QuestionError], field: str
) -> None:
    with pytest.raises(q.QuestionError) as caught:
        q.read_question(changed(raw, path, value))
    assert type(caught.value) is error
    assert (caught.value.question_key, caught.value.field) == (raw["key"], field)


@pytest.mark.parametrize("path", ["stem.ja", "feedback.en", "options.2.text.ja"])
def test_a_text_without_one_of_the_languages_is_refused(path: str) -> None:
    with pytest.raises(q.LanguageMissingError) as caught:
        q.read_question(changed(RAW_SINGLE, path, drop=True))
    assert f"{caught.value.field}.{caught.value.fact}".replace("[", ".").replace("]", "") == path


def test_the_stem_sets_the_languages_of_all_other_texts() -> None:
    with pytest.raises(q.LanguageMissingError) as caught:
        q.read_question(changed(RAW_TRUE_FALSE, "stem.fr", "Vrai ?"))
    assert (caught.value.field, caught.value.fact) == ("feedback", "fr")
    complete = changed(changed(RAW_TRUE_FALSE, "stem.fr", "Vrai ?"), "feedback.fr", "Oui.")
    assert q.read_question(complete).stem["fr"] == "Vrai ?"


def test_a_question_in_one_language_is_read_where_only_that_one_is_asked() -> None:
    raw = changed(changed(RAW_TRUE_FALSE, "stem", {"ja": "文"}), "feedback", {"ja": "解説"})
    with pytest.raises(q.LanguageMissingError):
        q.read_question(raw)
    assert q.read_question(raw, languages=("ja",)).stem == {"ja": "文"}


def test_a_question_without_any_language_is_refused_even_where_none_is_asked() -> None:
    with pytest.raises(q.UnreadableTextError):
        q.read_question(changed(RAW_TRUE_FALSE, "stem", {}), languages=())


def test_texts_are_kept_to_the_character_with_their_line_breaks() -> None:
    stem = " One line.\n\tAnother.\n"
    assert q.read_question(changed(RAW_SINGLE, "stem.en", stem)).stem["en"] == stem


def test_a_question_must_be_a_mapping() -> None:
    with pytest.raises(q.WrongTypeError):
        q.read_bank(["core-01"])  # type: ignore[list-item]


def test_a_bank_refuses_two_questions_under_one_key() -> None:
    with pytest.raises(q.DuplicateQuestionError) as caught:
        q.read_bank([RAW_SINGLE, RAW_MATCHING, RAW_TRUE_FALSE | {"key": "core-04"}])
    assert caught.value.question_key == "core-04"


@given(st.sampled_from(ALL_RAW), st.text(min_size=1))
def test_any_field_that_is_not_known_is_refused(raw: dict[str, Any], name: str) -> None:
    known = {*raw, "points"}
    if name not in known:
        with pytest.raises(q.UnknownFieldError):
            q.read_question({**raw, name: 1})


# --- content and hash ------------------------------------------------------------------------------------------------

keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,9}", fullmatch=True)
words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(str.strip)
texts = st.fixed_dictionaries({"ja": words, "en": words})


@st.composite
def some_question(draw: st.DrawFn) -> q.Question:
    """Any sound question."""
    kind = draw(st.sampled_from(q.QuestionKind))
    part_keys = draw(st.lists(keys, min_size=2, max_size=5, unique=True))
    # A number after each text keeps them apart in both languages.
    part_texts = [{k: f"{v}{n}" for k, v in draw(texts).items()} for n in range(len(part_keys))]
    parts: dict[str, Any] = {}
    if kind is q.QuestionKind.true_false:
        parts["answer"] = draw(st.booleans())
    elif kind is q.QuestionKind.matching:
        parts["pairs"] = tuple(q.Pair(k, t, t) for k, t in zip(part_keys[:2], part_texts[:2], strict=True))
        parts["distractors"] = tuple(q.Distractor(k, t) for k, t in zip(part_keys[2:], part_texts[2:], strict=True))
    else:
        several = st.sets(st.sampled_from(part_keys), min_size=1)
        right = draw(several) if kind is q.QuestionKind.multiple else {part_keys[0]}
        parts["options"] = tuple(q.Option(k, t, k in right) for k, t in zip(part_keys, part_texts, strict=True))
    number = st.integers(1, q.LARGEST_NUMBER)
    return q.Question(
        draw(keys), kind, draw(texts), draw(texts), draw(number), draw(words), draw(words), points=draw(number), **parts
    )


@given(some_question())
def test_content_survives_json_and_is_read_back_as_the_same_question(question: q.Question) -> None:
    content = json.loads(json.dumps(q.question_content(question)))
    assert q.read_question(content) == question
    assert q.question_hash(q.read_question(content)) == q.question_hash(question)


@given(some_question(), some_question())
def test_hashes_are_equal_exactly_where_questions_are(one: q.Question, other: q.Question) -> None:
    assert (q.question_hash(one) == q.question_hash(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("key", "core-1"),
        ("objective", 2),
        ("points", 2),
        ("clause", "7.2"),
        ("section", "mail"),
        ("stem.en", "You opened a suspicious mail. What comes first? "),
        ("feedback.ja", "早い連絡。"),
        ("options.2.key", "d"),
        ("options.2.text.ja", "転送"),
        ("options", RAW_SINGLE["options"][::-1]),
    ],
)
def test_whatever_changes_in_a_question_changes_its_hash(path: str, value: object) -> None:
    before = q.question_hash(q.read_question(RAW_SINGLE))
    assert q.question_hash(q.read_question(changed(RAW_SINGLE, path, value))) != before


def test_hash_does_not_depend_on_spelt_out_defaults_or_on_the_order_of_fields() -> None:
    spelt_out = dict(reversed([*RAW_SINGLE.items(), ("points", 1)]))
    assert q.question_hash(q.read_question(spelt_out)) == q.question_hash(q.read_question(RAW_SINGLE))


def test_hashes_never_drift() -> None:
    assert [q.question_hash(question)[:16] for question in q.read_bank(ALL_RAW)] == [
        "17eed025952f080c",
        "853a2c1d2b825313",
        "ad4fc4eec56051b9",
        "80b84025568359cf",
    ]


# --- drawing ---------------------------------------------------------------------------------------------------------

seeds = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def bank_and_count(draw: st.DrawFn) -> tuple[list[q.Question], int]:
    """A bank of 1 to 20 questions over up to 5 objectives, and a length of paper that it can serve."""
    bank_keys = draw(st.lists(keys, min_size=1, max_size=20, unique=True))
    bank = [plain(key, draw(st.integers(1, 5)), draw(st.integers(2, 5))) for key in bank_keys]
    return bank, draw(st.integers(1, len(bank)))


@given(bank_and_count(), seeds, st.randoms(use_true_random=False))
def test_a_paper_depends_on_the_bank_and_the_seed_but_not_on_the_order_of_the_bank(
    bank_count: tuple[list[q.Question], int], seed: str, rng: Any
) -> None:
    bank, count = bank_count
    shuffled = [q.Question(**{**_fields(each), "options": tuple(reversed(each.options))}) for each in bank]
    rng.shuffle(shuffled)
    assert q.draw_paper(shuffled, count, seed) == q.draw_paper(bank, count, seed)


def _fields(question: q.Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in q.Question.__dataclass_fields__}


@given(bank_and_count(), seeds)
def test_a_paper_has_as_many_different_questions_as_asked_each_with_all_its_options(
    bank_count: tuple[list[q.Question], int], seed: str
) -> None:
    bank, count = bank_count
    paper = q.draw_paper(bank, count, seed)
    by_key = {question.key: question for question in bank}
    assert len({item.question_key for item in paper}) == len(paper) == count
    for item in paper:
        assert sorted(item.order) == sorted(option.key for option in by_key[item.question_key].options)


@given(bank_and_count(), seeds)
def test_objectives_differ_by_at_most_one_question_unless_their_supply_is_used_up(
    bank_count: tuple[list[q.Question], int], seed: str
) -> None:
    bank, count = bank_count
    objective = {question.key: question.objective for question in bank}
    supply = Counter(objective.values())
    drawn = Counter(objective[item.question_key] for item in q.draw_paper(bank, count, seed))
    most = max(drawn.values())
    for number, available in supply.items():
        assert drawn[number] >= min(available, most - 1)


@given(bank_and_count(), seeds)
def test_a_shorter_paper_asks_nothing_that_a_longer_one_does_not(
    bank_count: tuple[list[q.Question], int], seed: str
) -> None:
    bank, count = bank_count
    longer = [item.question_key for item in q.draw_paper(bank, len(bank), seed)]
    shorter = [item.question_key for item in q.draw_paper(bank, count, seed)]
    assert [key for key in longer if key in shorter] == shorter


EVEN_BANK = [plain(f"q{number:02}", objective=number % 3 + 1) for number in range(12)]


@pytest.fixture(scope="module")
def many_papers() -> list[tuple[q.PaperItem, ...]]:
    return [q.draw_paper(EVEN_BANK, 5, f"seed {number}") for number in range(2000)]


def within_a_fifth(counts: Counter[Any], places: int, total: int) -> bool:
    """Whether each of `places` outcomes came up within 20 % of its fair part of `total`."""
    fair = total / places
    return len(counts) == places and all(abs(count - fair) <= fair / 5 for count in counts.values())


def test_every_question_is_drawn_about_equally_often(many_papers: list[tuple[q.PaperItem, ...]]) -> None:
    drawn = Counter(item.question_key for paper in many_papers for item in paper)
    assert within_a_fifth(drawn, 12, 5 * 2000)


def test_every_question_comes_first_about_equally_often(many_papers: list[tuple[q.PaperItem, ...]]) -> None:
    assert within_a_fifth(Counter(int(paper[0].question_key[1:]) % 3 for paper in many_papers), 3, 2000)


def test_no_place_among_the_options_is_favoured(many_papers: list[tuple[q.PaperItem, ...]]) -> None:
    places = Counter(item.order.index("o0") for paper in many_papers for item in paper)
    assert within_a_fifth(places, 4, 5 * 2000)


def test_questions_of_a_small_objective_do_not_gather_at_the_end_of_the_paper() -> None:
    bank = [plain("rare", objective=1), *[plain(f"q{number:02}", objective=2) for number in range(30)]]
    papers = [q.draw_paper(bank, 4, f"seed {number}") for number in range(2000)]
    places = Counter([item.question_key for item in paper].index("rare") for paper in papers)
    assert within_a_fifth(places, 4, 2000)


def test_true_false_is_shown_in_fixed_order_and_matching_with_its_distractors() -> None:
    paper = q.draw_paper(q.read_bank(ALL_RAW), 4, "2026")
    order = {item.question_key: item.order for item in paper}
    assert order["core-03"] == ()
    assert sorted(order["core-04"]) == ["d1", "p1", "p2"]


def test_the_recipe_never_drifts() -> None:
    # Worked out a second time from the recipe in draw_paper's docstring, in another language.
    assert [(i.question_key, *i.order) for i in q.draw_paper(EVEN_BANK, 4, "令和8年度/1")] == [
        ("q08", "o1", "o0", "o3", "o2"),
        ("q10", "o3", "o2", "o1", "o0"),
        ("q06", "o1", "o2", "o0", "o3"),
        ("q04", "o3", "o2", "o1", "o0"),
    ]
    assert [(i.question_key, *i.order) for i in q.draw_paper(q.read_bank(ALL_RAW), 4, "2026")] == [
        ("core-02", "c", "a", "b"),
        ("core-03",),
        ("core-04", "d1", "p1", "p2"),
        ("core-01", "a", "c", "b"),
    ]


def test_a_paper_longer_than_the_bank_is_refused_with_both_numbers() -> None:
    with pytest.raises(q.NotEnoughQuestions) as caught:
        q.draw_paper(EVEN_BANK, 13, "seed")
    assert (caught.value.available, caught.value.wanted) == (12, 13)


@pytest.mark.parametrize("count", [0, -1])
def test_a_paper_without_questions_is_refused(count: int) -> None:
    with pytest.raises(q.EmptyPaperError) as caught:
        q.draw_paper(EVEN_BANK, count, "seed")
    assert caught.value.wanted == count


def test_a_draw_from_two_questions_under_one_key_is_refused() -> None:
    with pytest.raises(q.DuplicateQuestionError):
        q.draw_paper([*EVEN_BANK, EVEN_BANK[0]], 2, "seed")


@settings(max_examples=20)
@given(seeds, seeds)
def test_another_seed_gives_another_paper(one: str, other: str) -> None:
    # 12! / 7! draws of questions alone, times the orders of their options: a coincidence would be news.
    assert (q.draw_paper(EVEN_BANK, 5, one) == q.draw_paper(EVEN_BANK, 5, other)) == (one == other)
