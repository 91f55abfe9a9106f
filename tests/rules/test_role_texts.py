"""Texts of roles, and the numbers of letters that follow each other."""

from __future__ import annotations

from typing import Any

import pytest

from courses.renewal import free_letter_number, next_letter_number
from courses.role_texts import RoleTextError, read_role_text
from courses.roles import IsmsRole
from lms.services.role_texts import shipped_role_texts

DUTIES = {"summary": "概要", "responsibilities": ["一"], "authorities": ["二"]}


def test_every_role_has_its_text_in_both_languages() -> None:
    texts = shipped_role_texts()
    assert set(texts) == set(IsmsRole)
    for text in texts.values():
        assert set(text.duties) == {"ja", "en"}
        for duties in text.duties.values():
            assert len(duties.responsibilities) >= 3
            assert len(duties.authorities) >= 2
        assert len(text.duties["ja"].responsibilities) == len(text.duties["en"].responsibilities)
        assert len(text.duties["ja"].authorities) == len(text.duties["en"].authorities)


@pytest.mark.parametrize(
    ("matter", "place"),
    [
        ({"ja": DUTIES, "en": DUTIES}, "version"),
        ({"version": 0, "ja": DUTIES, "en": DUTIES}, "version"),
        ({"version": 1, "ja": DUTIES}, "en"),
        ({"version": 1, "ja": DUTIES | {"summary": " "}, "en": DUTIES}, "ja.summary"),
        ({"version": 1, "ja": DUTIES | {"responsibilities": []}, "en": DUTIES}, "ja.responsibilities"),
        ({"version": 1, "ja": DUTIES, "en": DUTIES | {"authorities": "text"}}, "en.authorities"),
        ({"version": 1, "ja": DUTIES, "en": DUTIES | {"authorities": [1]}}, "en.authorities"),
    ],
)
def test_a_text_that_lacks_something_is_refused_with_its_place(matter: dict[str, Any], place: str) -> None:
    with pytest.raises(RoleTextError) as caught:
        read_role_text(IsmsRole.CISO, matter)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("number", "following"),
    [
        ("架空任第R8-09号", "架空任第R8-10号"),
        ("第9号", "第10号"),
        ("099", "100"),
        ("令和8年度第1号の2", "令和8年度第1号の3"),
        ("番号なし", "番号なし"),
        ("", ""),
    ],
)
def test_the_last_figure_of_a_letter_number_is_raised(number: str, following: str) -> None:
    assert next_letter_number(number) == following


def test_a_number_in_use_is_passed_over() -> None:
    assert free_letter_number("第1号", {"第2号", "第3号"}) == "第4号"
    assert free_letter_number("番号なし", {"番号なし"}) == "番号なし"
