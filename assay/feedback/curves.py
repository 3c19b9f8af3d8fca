"""Paths and other sequences as curves: got solid, expected dashed, and what lies between them below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.feedback.compared import Compared, held, number, offsets_of, part_of, sentence, shape_text
from assay.feedback.svg import CHARACTER, MARGIN, Drawing, at, path, text
from assay.outcome import Picture

CURVES = 6  # columns of a matrix that are drawn
WIDTH, HIGH, LOW = 340.0, 170.0, 80.0  # pixels of a plot, of the upper one and of the lower one

Column = tuple[float, ...]


@dataclass(frozen=True)
class Axes:
    """Where numbers lie on the page: x from `x0` to `x1` and y from `low` to `high` in a frame."""

    left: float
    top: float
    height: float
    x0: float
    x1: float
    low: float
    high: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        wide, tall = self.x1 - self.x0 or 1.0, self.high - self.low or 1.0
        return self.left + (x - self.x0) / wide * WIDTH, self.top + (self.high - y) / tall * self.height


def curve(picture: Picture) -> Drawing:
    """One sequence alone; a matrix has a curve for each column, over its rows."""
    columns = _columns(picture)
    shown = sorted(columns)[:CURVES]
    axes = _axes([columns[i] for i in shown], picture, MARGIN + 24, HIGH)
    lines = "".join(_line(axes, columns[i], i, "g") for i in shown)
    title = f"{picture.name.removesuffix(part_of(picture))} {part_of(picture) or shape_text(picture.shape)}"
    body = text(MARGIN, MARGIN + 11, title, "title") + _frame(axes) + lines + _names(axes, columns, shown)
    says = f"{picture.name}, {len(columns)} curve{'s' * (len(columns) > 1)} of {_length(picture)} points."
    return _drawing(axes, body, says, names=len(columns) > 1)


def curves(compared: Compared) -> Drawing:
    """got and expected in one plot, their difference in one below it, where there is one."""
    got, expected = _columns(compared.got), _columns(compared.expected)
    shown = _shown(compared, sorted({*got, *expected}))
    both = [columns[i] for columns in (got, expected) for i in shown if i in columns]
    longer = max((compared.got, compared.expected), key=_length)
    axes = _axes(both, longer, MARGIN + 24, HIGH)
    body = [_legend(), _frame(axes)]
    body += [_line(axes, expected[i], i, "dashed") for i in shown if i in expected]
    body += [_line(axes, got[i], i, "solid") for i in shown if i in got]
    body.append(_names(axes, {**expected, **got}, shown))
    if compared.differs is not None:
        gap = _columns(Picture("difference", "curve", compared.got.shape, compared.difference))
        axes = _axes([*(gap[i] for i in shown), (0.0,)], longer, axes.top + HIGH + 58, LOW)
        body += [text(MARGIN, axes.top - 14, "got - expected", "title"), _frame(axes), _zero(axes)]
        body += [_line(axes, gap[i], i, "solid") for i in shown]
        body.append(_names(axes, gap, shown))
    says = f"Curves of got (solid) and expected (dashed). {sentence(compared)}"
    return _drawing(axes, "".join(body), says, names=len(got) > 1)


def _columns(picture: Picture) -> dict[int, Column]:
    """The curves by their index in the whole value."""
    width = picture.shape[1] if len(picture.shape) > 1 else 1
    start = offsets_of(picture)[1] if len(picture.shape) > 1 else 0
    return {i + start: tuple(map(held, picture.values[i::width])) for i in range(width)} if picture.values else {}


def _length(picture: Picture) -> int:
    return picture.shape[0]


def _shown(compared: Compared, indices: Sequence[int]) -> list[int]:
    """At most CURVES of them, those that differ first."""
    shape = compared.got.shape
    wrong = {position % shape[1] for position in compared.wrong} if len(shape) > 1 else set()
    start = offsets_of(compared.got)[-1] if len(shape) > 1 else 0
    return sorted(sorted(indices, key=lambda i: i - start not in wrong)[:CURVES])


def _axes(columns: Sequence[Column], picture: Picture, top: float, height: float) -> Axes:
    finite = [value for column in columns for value in column if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    room = 0.06 * (high - low) or 0.5
    low, high = low - room, high + room
    widest = max(len(number(tick, 3)) for tick in _ticks(low, high))
    start = offsets_of(picture)[0]
    left = MARGIN + CHARACTER * widest + 8
    return Axes(left, top, height, start, start + max(_length(picture) - 1, 1), low, high)


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from low to high: 1, 2 or 5 times a power of ten apart."""
    if not high - low > 1e-300:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)] or [low]


def _frame(axes: Axes) -> str:
    """Rules with their numbers, and the line below."""
    parts = []
    ticks = _ticks(axes.low, axes.high, 6 if axes.height > LOW else 4)
    digits = next((n for n in range(3, 12) if len({number(tick, n) for tick in ticks}) == len(ticks)), 12)
    for tick in ticks:
        y = axes.point(axes.x0, tick)[1]
        parts.append(path([(axes.left, y), (axes.left + WIDTH, y)], "rule"))
        parts.append(text(axes.left - 6, y + 4, number(tick, digits), "quiet e"))
    bottom = axes.top + axes.height
    for tick in _ticks(axes.x0, axes.x1, 8):
        if tick == int(tick):
            x = axes.point(tick, axes.low)[0]
            parts.append(path([(x, bottom), (x, bottom + 4)], "line"))
            parts.append(text(x, bottom + 16, str(int(tick)), "quiet m"))
    return "".join(parts) + path([(axes.left, axes.top), (axes.left, bottom), (axes.left + WIDTH, bottom)], "line")


def _zero(axes: Axes) -> str:
    return path([axes.point(axes.x0, 0.0), axes.point(axes.x1, 0.0)], "line")


def _line(axes: Axes, column: Column, index: int, style: str) -> str:
    """One curve, broken where it is not finite; solid ones have a dot at every point."""
    colour = f"c s{index % CURVES}"
    pieces = list(_pieces(axes, column))
    dash = ' stroke-dasharray="6 4"' if style == "dashed" else ""
    drawn = "".join(path(piece, colour).replace("/>", f"{dash}/>") for piece in pieces)
    if style == "dashed" or len(column) > 60:
        return drawn
    drawn += "".join(_odd(axes, step, value) for step, value in enumerate(column) if not math.isfinite(value))
    dots = (f'<circle class="{colour}" cx="{at(x)}" cy="{at(y)}" r="2"/>' for piece in pieces for x, y in piece)
    return drawn + "".join(dots)


def _odd(axes: Axes, step: int, value: float) -> str:
    """A value that has no place on the page, in letters above the place it would have."""
    return text(axes.point(axes.x0 + step, axes.low)[0], axes.top + axes.height - 5, number(value), "m b")


def _pieces(axes: Axes, column: Column) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for step, value in enumerate(column):
        if math.isfinite(value):
            piece.append(axes.point(axes.x0 + step, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _names(axes: Axes, columns: dict[int, Column], shown: Sequence[int]) -> str:
    """The index of each curve at its right end, one below the other where they would overlap."""
    if len(columns) < 2:
        return ""
    ends = []
    for i in shown:
        finite = [(step, value) for step, value in enumerate(columns.get(i, ())) if math.isfinite(value)]
        if finite:
            ends.append((axes.point(axes.x0 + finite[-1][0], finite[-1][1])[1], i))
    names, last = [], axes.top - 12
    for y, i in sorted(ends):
        last = max(y, last + 12)
        names.append(text(axes.left + WIDTH + 6, last + 4, f"[:, {i}]"))
    return "".join(names)


def _legend() -> str:
    y = MARGIN + 7
    solid = path([(MARGIN, y), (MARGIN + 26, y)], "line") + f'<circle class="line" cx="{MARGIN + 13}" cy="{y}" r="2"/>'
    dashed = path([(MARGIN + 90, y), (MARGIN + 116, y)], "line").replace("/>", ' stroke-dasharray="6 4"/>')
    return solid + text(MARGIN + 32, y + 4, "got", "title") + dashed + text(MARGIN + 122, y + 4, "expected", "title")


def _drawing(axes: Axes, body: str, says: str, *, names: bool) -> Drawing:
    width = axes.left + WIDTH + (8 * CHARACTER if names else MARGIN) + MARGIN
    return Drawing(width, axes.top + axes.height + 24 + MARGIN / 2, body, says)
