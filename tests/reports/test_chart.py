"""The chart: nothing overlaps, everything lies within, both forms say everything."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.reports.chart import ChartList, chart_pdf, chart_svg
from lms.reports.chart_layout import (
    BOX,
    BodyText,
    Box,
    ChartText,
    Drawing,
    HolderText,
    SeatText,
    lay_out,
    text_width,
    wrapped,
)
from lms.reports.documents import UnprintableCharacterError

NAMES = ("見本 花子", "𠮷例 まこと", "KAKUU Hanako", "想像上の たいへん長い名前の人である ことをためす人", "A" * 60)


def chart_of(bodies: list[BodyText]) -> ChartText:
    return ChartText("架空大学のISMS体制図", "2026年11月23日現在", bodies, "新任", ["凡例の一行" * 40])


def many_seats() -> list[BodyText]:
    """Forty seats in eleven bodies, five of which hang beneath one."""
    holders = [HolderText(name, "情報基盤運用係", is_new=number % 2 == 0) for number, name in enumerate(NAMES)]
    seats = [
        SeatText(f"席{number}", holders[: number % 4], "欠員 1名" if number % 3 == 0 else "") for number in range(4)
    ]
    bodies = [BodyText("top", None, "経営陣", seats[:2])]
    bodies += [BodyText(f"b{number}", "top", f"会議体{number}" * 5, seats) for number in range(3)]
    bodies += [BodyText(f"c{number}", "b0", f"Body number {number}", seats) for number in range(6)]
    return [*bodies, BodyText("loose", None, "席のない役割", seats[:2], is_audit=True)]


def overlaps(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def check(drawing: Drawing) -> None:
    frames = [box for box in drawing.boxes if box.style == "body"]
    for number, one in enumerate(frames):
        assert not [other for other in frames[number + 1 :] if overlaps(one, other)]
        assert one.x >= 0
        assert one.x + one.width <= drawing.width
        assert one.y + one.height <= drawing.height
    inside = [words for words in drawing.words if words.style in {"body", "seat", "holder", "vacancy", "new"}]
    for words in inside:
        home = [box for box in frames if box.x <= words.x and words.x < box.x + BOX and box.y < words.y <= box.y + box.height]  # fmt: skip
        assert len(home) == 1, words
        assert words.x + text_width(words.text, words.size) <= home[0].x + BOX, words
    for one in inside:
        for other in inside:
            is_same_line = one is not other and abs(one.y - other.y) < 1 and abs(one.x - other.x) < BOX
            if is_same_line and one.x < other.x and one.centred_in is None and other.centred_in is None:
                assert one.x + text_width(one.text, one.size) <= other.x, (one, other)


def test_forty_seats_overlap_nowhere() -> None:
    bodies = many_seats()
    assert sum(len(body.seats) for body in bodies) == 40
    drawing = lay_out(chart_of(bodies))
    check(drawing)
    crossed = [
        (path, box)
        for path in drawing.paths
        for box in drawing.boxes
        if box.style == "body"
        for (x, y), (to_x, to_y) in zip(path.points, path.points[1:], strict=False)
        if min(x, to_x) < box.x + box.width - 1
        and max(x, to_x) > box.x + 1
        and min(y, to_y) < box.y + box.height - 1
        and max(y, to_y) > box.y + 1
    ]
    assert crossed == [], "a line runs through a body"


TEXTS = st.text("あ亜ア A1bＷ", min_size=1, max_size=40).filter(str.strip)
SEATS = st.lists(
    st.builds(
        SeatText,
        TEXTS,
        st.lists(st.builds(HolderText, TEXTS, st.one_of(st.just(""), TEXTS), st.booleans()), max_size=4),
        st.sampled_from(["", "欠員 2名"]),
    ),
    max_size=3,
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), TEXTS, SEATS), min_size=1, max_size=9))
def test_no_chart_overlaps(found: list[tuple[int, str, list[SeatText]]]) -> None:
    bodies = [
        BodyText(str(number), str(parent) if parent < number else None, name, seats)
        for number, (parent, name, seats) in enumerate(found)
    ]
    check(lay_out(chart_of(bodies)))


@given(st.text("あ亜 ab1、", max_size=60), st.floats(40, 200))
def test_wrapping_loses_nothing_but_spaces_and_keeps_to_its_room(text: str, room: float) -> None:
    lines = wrapped(text, 12, room)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line, 12) <= room for line in lines)


def test_the_svg_is_a_picture_with_every_name_and_no_markup_from_outside() -> None:
    bodies = [BodyText("a", None, "<b>\x01&", [SeatText("席", [HolderText('見本"<花子>', is_new=True)], "欠員 1名")])]
    document = ElementTree.fromstring(chart_svg(chart_of(bodies), "ja"))  # noqa: S314 - our own
    texts = [element.text for element in document.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<b>&", '見本"<花子>', "新任", "欠員 1名", "席"} <= set(texts)
    assert not list(document.iter("{http://www.w3.org/2000/svg}script"))


LIST = ChartList("一覧", ["会議体", "氏名"], [["経営陣", "見本 一郎"]] * 60)


def test_the_pdf_shows_the_chart_and_then_the_list() -> None:
    pdf = chart_pdf(chart_of(many_seats()), LIST, "架空大学", date(2026, 11, 23), "ja")
    assert pdf == chart_pdf(chart_of(many_seats()), LIST, "架空大学", date(2026, 11, 23), "ja")
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    for expected in ("架空大学のISMS体制図", "𠮷例 まこと", "欠員 1名", "見本 一郎", "一覧"):
        assert expected in text
    info = subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert "Tagged:          yes" in info


def test_a_name_that_the_font_lacks_is_named() -> None:
    body = replace(many_seats()[0], seats=[SeatText("席", [HolderText("見本 \U000e0100\U0001f600")])])
    with pytest.raises(UnprintableCharacterError):
        chart_pdf(chart_of([body]), LIST, "架空大学", date(2026, 11, 23), "ja")
