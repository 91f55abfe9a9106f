"""The margin of a pool of auditors over time, as an SVG picture: a step line, with everything below zero in a darker field.

The picture has no style sheet and no script, so that it can be shown by ``<img>`` under any policy; a table beneath it on
the page says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 26, 44
_INK, _QUIET, _LINE, _BLUE, _RED, _FIELD = "#212529", "#5c636a", "#dee2e6", "#0f5ea8", "#b3261e", "#fdeeec"
_FONT = 'font-family="sans-serif"'


@dataclass(frozen=True, slots=True)
class Step:
    """The margin from a day on."""

    day: date
    margin: int


@dataclass(frozen=True, slots=True)
class ChartWording:
    """What stands in the picture."""

    title: str
    margin: str
    """Name of the vertical axis."""
    months: Sequence[tuple[date, str]]
    """First days of months with their labels."""


def outlook_svg(steps: Sequence[Step], until: date, wording: ChartWording) -> str:
    """Return the picture; the same values give the same text."""
    return "\n".join(_Chart(steps, until, wording).lines()) + "\n"


class _Chart:
    def __init__(self, steps: Sequence[Step], until: date, wording: ChartWording) -> None:
        self._steps, self._until, self._wording = steps, until, wording
        self._first = steps[0].day
        self._low = min(-1, *(each.margin for each in steps))
        self._high = max(2, *(each.margin for each in steps)) + 1

    def lines(self) -> Iterator[str]:
        title = escape(self._wording.title)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img"><title>{title}</title>'
        )
        yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        yield from self._field()
        yield from self._grid()
        yield from self._months()
        yield from self._curve()
        yield "</svg>"

    def _x(self, day: date) -> float:
        span = max(1, (self._until - self._first).days)
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (day - self._first).days / span, 1)

    def _y(self, margin: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (self._high - margin) / (self._high - self._low), 1)

    def _field(self) -> Iterator[str]:
        """Below zero some area gets no team."""
        top = self._y(-0.5)
        yield (
            f'<rect x="{_LEFT}" y="{top}" width="{WIDTH - _LEFT - _RIGHT}" '
            f'height="{round(HEIGHT - _BOTTOM - top, 1)}" fill="{_FIELD}"/>'
        )

    def _grid(self) -> Iterator[str]:
        step = max(1, (self._high - self._low) // 8)
        for margin in range(self._low, self._high + 1):
            if margin % step and margin != 0:
                continue
            y = self._y(margin)
            colour, width = (_INK, 1.2) if margin == 0 else (_LINE, 1)
            yield f'<path d="M{_LEFT} {y}H{WIDTH - _RIGHT}" stroke="{colour}" stroke-width="{width}"/>'
            label = str(margin).replace("-", "−")
            yield f'<text x="{_LEFT - 8}" y="{y + 4.5}" text-anchor="end" font-size="13" {_FONT} fill="{_QUIET}">{label}</text>'
        yield f'<text x="{_LEFT}" y="16" font-size="13" {_FONT} fill="{_INK}">{escape(self._wording.margin)}</text>'

    def _months(self) -> Iterator[str]:
        for day, label in self._wording.months:
            x = self._x(day)
            anchor = "end" if x > WIDTH - _RIGHT - 36 else "middle"
            yield f'<path d="M{x} {HEIGHT - _BOTTOM}v6" stroke="{_QUIET}"/>'
            yield (
                f'<text x="{x}" y="{HEIGHT - _BOTTOM + 22}" text-anchor="{anchor}" font-size="12.5" {_FONT} '
                f'fill="{_QUIET}">{escape(label)}</text>'
            )

    def _curve(self) -> Iterator[str]:
        path = f"M{self._x(self._first)} {self._y(self._steps[0].margin)}"
        for each in self._steps[1:]:
            path += f"H{self._x(each.day)}V{self._y(each.margin)}"
        path += f"H{WIDTH - _RIGHT}"
        yield f'<path d="{path}" fill="none" stroke="{_BLUE}" stroke-width="2.5"/>'
        before = self._steps[0]
        for each in self._steps[1:]:
            if each.margin < before.margin:
                x, y = self._x(each.day), self._y(each.margin)
                colour = _RED if each.margin < 0 else _BLUE
                yield f'<path d="M{x - 6} {y - 11}h12l-6 9z" fill="{colour}"/>'
            before = each
