"""The glossary: reading it, and its order in each language."""

from typing import Any

import pytest

from courses.glossary import GlossaryError, in_order, read_glossary


def entry(key: str, reading: str, **changes: Any) -> dict[str, Any]:
    words = {"ja": f"{key}語", "en": key}
    return {"key": key, "term": words, "reading": reading, "text": words, "see": []} | changes


def test_words_stand_under_the_row_of_their_reading_whatever_its_marks() -> None:
    readings = {"ka": "かん", "ga": "がい", "a": "あん", "n": "んん", "pa": "ぱす", "ha": "はい", "sho": "しょるい", "shi": "しよう"}  # fmt: skip
    terms = read_glossary([entry(key, reading) for key, reading in readings.items()])
    rows = [(row, [term.key for term in found]) for row, found in in_order(terms, "ja")]
    assert rows == [("あ", ["a"]), ("か", ["ga", "ka"]), ("さ", ["shi", "sho"]), ("は", ["ha", "pa"]), ("わ", ["n"])]


def test_english_words_stand_under_their_first_letter() -> None:
    terms = read_glossary([entry(key, "あ") for key in ("beta", "Alpha", "apple")])
    assert [(row, [term.key for term in found]) for row, found in in_order(terms, "en")] == [
        ("A", ["Alpha", "apple"]), ("B", ["beta"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"key": "b"}, "twice"),
        ({"term": {"ja": "語"}}, "language"),
        ({"text": {"ja": "", "en": "x"}}, "language"),
        ({"reading": ""}, "reading"),
        ({"reading": "漢字"}, "reading"),
        ({"see": ["nowhere"]}, "see"),
        ({"see": ["a"]}, "see"),
    ],
)
def test_a_faulty_entry_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(GlossaryError) as caught:
        read_glossary([entry("b", "い"), entry("a", "あ") | changes])
    assert caught.value.problem == problem
