"""Where everything of an organisation chart 体制図 stands: one layout, which SVG and PDF both draw.

Bodies stand under the one that they report to; more than four at the end of one line hang in two columns.
Units are px. Widths of texts are estimated on the safe side, since a chart is drawn by fonts that we don't see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

BOX = 248
"""Width of a body."""
GAP = 28
LEVEL_GAP = 44
PAD = 12
MARGIN = 28
NAME_SIZE, SEAT_SIZE, HOLDER_SIZE, NOTE_SIZE = 14.5, 11.5, 14.0, 11.0
_LINE = 1.5
_HANGING_FROM = 5
_NARROW, _BROAD = frozenset("iIljt.,'|:;!() "), frozenset("mwMW%@")


@dataclass(frozen=True, slots=True)
class HolderText:
    """Somebody who holds a seat."""

    name: str
    note: str = ""
    """Unit, where the role belongs to one."""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class SeatText:
    """A seat with its holders."""

    title: str
    holders: Sequence[HolderText]
    vacancy: str = ""
    """What stands in place of those who are lacking; empty: nobody is."""


@dataclass(frozen=True, slots=True)
class BodyText:
    """A body, after the one that it reports to."""

    key: str
    parent_key: str | None
    name: str
    seats: Sequence[SeatText]
    is_audit: bool = False


@dataclass(frozen=True, slots=True)
class ChartText:
    """Everything that a chart says."""

    title: str
    subtitle: str
    bodies: Sequence[BodyText]
    new_mark: str
    legend: Sequence[str] = ()
    """Lines beneath the chart."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    style: str
    """``body``, ``head``, ``head-audit``, ``vacancy`` or ``new``."""


@dataclass(frozen=True, slots=True)
class Path:
    """A line from point to point."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text."""

    x: float
    y: float
    """Of the baseline."""
    text: str
    size: float
    style: str
    """``title``, ``quiet``, ``body``, ``seat``, ``holder``, ``vacancy`` or ``new``."""
    centred_in: float | None = None
    """Width of the room in whose middle it stands; None: it begins at x."""


@dataclass(slots=True)
class Drawing:
    """A laid-out chart."""

    width: float
    height: float
    boxes: list[Box] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)


@dataclass(slots=True)
class _Node:
    body: BodyText
    height: float
    children: list[_Node] = field(default_factory=list)
    x: float = 0
    y: float = 0

    @property
    def hangs(self) -> bool:
        """Tell whether the children hang in two columns."""
        return len(self.children) >= _HANGING_FROM and not any(child.children for child in self.children)

    @property
    def width(self) -> float:
        """Width of the body with everything beneath it."""
        if self.hangs:
            return 2 * BOX + GAP
        return max(BOX, sum(child.width for child in self.children) + GAP * (len(self.children) - 1))


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, rather too much than too little."""
    return size * sum(_share(character) for character in text)


def _share(character: str) -> float:
    if unicodedata.combining(character) or unicodedata.category(character) == "Mn":
        return 0
    if unicodedata.east_asian_width(character) in "WFA":
        return 1.0
    if character in _NARROW:
        return 0.36
    if character in _BROAD:
        return 0.95
    return 0.72 if character.isupper() else 0.6


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Return a text in lines of a width: Latin words stay whole where they fit, Japanese breaks anywhere."""
    lines, line = [], ""
    for piece in _pieces(text, size, room):
        if line and text_width(line + piece.rstrip(), size) > room:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str, size: float, room: float) -> Iterator[str]:
    word = ""
    for character in text:
        is_wide = unicodedata.east_asian_width(character) in "WFA" and not unicodedata.combining(character)
        if is_wide or character == " " or text_width(word + character, size) > room:
            if character == " ":
                yield word + character
                word = ""
                continue
            if word:
                yield word
            word = character
            if is_wide:
                yield character
                word = ""
        else:
            word += character
    if word:
        yield word


def lay_out(chart: ChartText) -> Drawing:
    """Place everything of a chart."""
    roots = _trees(chart)
    width = sum(root.width for root in roots) + GAP * max(0, len(roots) - 1) + 2 * MARGIN
    legend_room = max(width, 640) - 2 * MARGIN
    drawing = Drawing(max(width, 640), 0)
    drawing.words.append(Words(MARGIN, MARGIN + 18, chart.title, 20, "title"))
    drawing.words.append(Words(MARGIN, MARGIN + 40, chart.subtitle, 12, "quiet"))
    left = (drawing.width - width) / 2 + MARGIN
    bottom = _place(roots, left, MARGIN + 62)
    for root in roots:
        _draw(root, chart, drawing)
    y = bottom + 34
    for entry in chart.legend:
        for line in wrapped(entry, 12, legend_room):
            drawing.words.append(Words(MARGIN, y, line, 12, "quiet"))
            y += 12 * 1.65
    drawing.height = y + MARGIN - 14
    return drawing


def _trees(chart: ChartText) -> list[_Node]:
    nodes: dict[str, _Node] = {}
    roots: list[_Node] = []
    for body in chart.bodies:
        node = _Node(body, _body(body, chart.new_mark, 0, 0, None))
        nodes[body.key] = node
        parent = nodes.get(body.parent_key) if body.parent_key is not None else None
        (parent.children if parent else roots).append(node)
    return roots


def _place(roots: list[_Node], left: float, top: float) -> float:
    """Give every node its place and return the bottom; what lies beneath one body keeps to its own columns."""
    lowest = top
    for root in roots:
        _spread(root, left)
        lowest = max(lowest, _drop(root, top))
        left += root.width + GAP
    return lowest


def _drop(node: _Node, top: float) -> float:
    node.y = top
    below = top + node.height + LEVEL_GAP
    if node.hangs:
        return _hang(node, below)
    return max([top + node.height, *(_drop(child, below) for child in node.children)])


def _spread(node: _Node, left: float) -> None:
    node.x = left + (node.width - BOX) / 2
    if node.hangs:
        return
    inner = sum(child.width for child in node.children) + GAP * (len(node.children) - 1)
    x = left + (node.width - inner) / 2
    for child in node.children:
        _spread(child, x)
        x += child.width + GAP


def _hang(node: _Node, top: float) -> float:
    columns = [top, top]
    middle = node.x + BOX / 2
    for child in node.children:
        side = 0 if columns[0] <= columns[1] else 1
        child.x = middle - GAP / 2 - BOX if side == 0 else middle + GAP / 2
        child.y = columns[side]
        columns[side] += child.height + 18
    return max(columns) - 18


def _draw(node: _Node, chart: ChartText, drawing: Drawing) -> None:
    _body(node.body, chart.new_mark, node.x, node.y, drawing)
    _connect(node, drawing)
    for child in node.children:
        _draw(child, chart, drawing)


def _connect(node: _Node, drawing: Drawing) -> None:
    middle, bottom = node.x + BOX / 2, node.y + node.height
    for child in node.children:
        if node.hangs:
            y = child.y + 18
            edge = child.x + BOX if child.x < middle - BOX / 2 else child.x
            drawing.paths.append(Path(((middle, bottom), (middle, y), (edge, y))))
        else:
            turn, below = child.y - LEVEL_GAP / 2, child.x + BOX / 2
            drawing.paths.append(Path(((middle, bottom), (middle, turn), (below, turn), (below, child.y))))


def _body(body: BodyText, new_mark: str, x: float, y: float, drawing: Drawing | None) -> float:
    """Draw a body at a place, or nowhere; return its height."""
    into = drawing or Drawing(0, 0)
    lines = wrapped(body.name, NAME_SIZE, BOX - 2 * PAD)
    head = len(lines) * NAME_SIZE * _LINE + 12
    frame = len(into.boxes)
    into.boxes.append(Box(x, y, BOX, head, "head-audit" if body.is_audit else "head"))
    for number, line in enumerate(lines):
        baseline = y + 6 + (number + 0.74) * NAME_SIZE * _LINE
        into.words.append(Words(x + PAD, baseline, line, NAME_SIZE, "body", BOX - 2 * PAD))
    bottom = y + head + 6
    for seat in body.seats:
        bottom = _seat(seat, new_mark, x, bottom, into)
    bottom += 6
    into.boxes.insert(frame, Box(x, y, BOX, bottom - y, "body"))
    return bottom - y


def _seat(seat: SeatText, new_mark: str, x: float, y: float, into: Drawing) -> float:
    room = BOX - 2 * PAD
    for line in wrapped(seat.title, SEAT_SIZE, room) if seat.title else ():
        y += SEAT_SIZE * _LINE
        into.words.append(Words(x + PAD, y - 4, line, SEAT_SIZE, "seat"))
    mark = text_width(new_mark, NOTE_SIZE) + 12
    for holder in seat.holders:
        y = _holder(holder, (new_mark, mark), x, y, into)
    if seat.vacancy:
        into.boxes.append(Box(x + PAD, y + 3, room, 21, "vacancy"))
        into.words.append(Words(x + PAD, y + 18, seat.vacancy, 12, "vacancy", room))
        y += 27
    return y + 5


def _holder(holder: HolderText, mark: tuple[str, float], x: float, y: float, into: Drawing) -> float:
    new_mark, mark_width = mark
    room = BOX - 2 * PAD - 8 - (mark_width if holder.is_new else 0)
    lines = wrapped(holder.name, HOLDER_SIZE, room)
    for number, line in enumerate(lines):
        y += HOLDER_SIZE * _LINE
        into.words.append(Words(x + PAD + 8, y - 5, line, HOLDER_SIZE, "holder"))
        if number == 0 and holder.is_new:
            edge = x + BOX - PAD - mark_width + 4
            into.boxes.append(Box(edge, y - 18, mark_width - 4, 16.5, "new"))
            into.words.append(Words(edge, y - 6, new_mark, NOTE_SIZE, "new", mark_width - 4))
    if holder.note:
        beside = text_width(lines[-1], HOLDER_SIZE) + 10
        if len(lines) == 1 and beside + text_width(holder.note, NOTE_SIZE) <= room:
            into.words.append(Words(x + PAD + 8 + beside, y - 5, holder.note, NOTE_SIZE, "quiet"))
        else:
            for line in wrapped(holder.note, NOTE_SIZE, BOX - 2 * PAD - 8):
                y += NOTE_SIZE * _LINE
                into.words.append(Words(x + PAD + 8, y - 5, line, NOTE_SIZE, "quiet"))
    return y
