"""One matrix as a grid of coloured cells, with its numbers where there is room, and the scale below it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assay.feedback.compared import number
from assay.feedback.svg import at, text
from assay.feedback.tables import UNEQUAL

# Lightness rises or falls evenly along both, so that they can be read in grey and by colour-blind readers: viridis,
# and blue to orange around a light middle.
RISING = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
AROUND = ((5, 70, 130), (115, 170, 215), (243, 243, 243), (240, 160, 85), (150, 60, 5))
SHADES = 32  # colours of a grid without numbers
BAR = 76  # pixels of the scale

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high` as colours."""

    low: float
    high: float
    colours: tuple[Colour, ...] = RISING

    def colour(self, value: float) -> Colour:
        width = self.high - self.low
        share = min(max((value - self.low) / width, 0.0), 1.0) if width > 0 else 0.5
        place = share * (len(self.colours) - 1)
        left = min(int(place), len(self.colours) - 2)
        mixed = zip(self.colours[left], self.colours[left + 1], strict=True)
        red, green, blue = (round(a + (place - left) * (b - a)) for a, b in mixed)
        return red, green, blue

    def shade(self, value: float) -> Colour:
        """One of a few colours, so that a large grid stays a small drawing."""
        width = self.high - self.low
        share = (value - self.low) / width if width > 0 else 0.5
        return self.colour(self.low + round(min(max(share, 0.0), 1.0) * SHADES) / SHADES * width)


@dataclass(frozen=True)
class Grid:
    """A matrix to be drawn, its entries in C order. `wrong` are the positions that differ."""

    shape: tuple[int, int]
    values: Sequence[float]
    texts: Sequence[str]
    wrong: Collection[int]
    scale: Scale
    starts: tuple[int, int] = (0, 0)  # index of the first row and column
    signs: bool = False  # + and - on what differs, where there is no room for numbers


def written_grid(grid: Grid, x: float, y: float, cell: tuple[float, float]) -> str:
    """Cells with their numbers; what differs has a frame and a sign of inequality."""
    wide, high = cell
    cells, frames = [], []
    for position, value in enumerate(grid.values):
        row, column = divmod(position, grid.shape[1])
        left, top = x + column * wide, y + row * high
        colour = grid.scale.colour(value) if math.isfinite(value) else None
        fill = f'fill="{_hex(colour)}"' if colour else 'class="card"'
        cells.append(f'<rect x="{at(left)}" y="{at(top)}" width="{at(wide)}" height="{at(high)}" {fill}/>')
        wrong = position in grid.wrong
        sign = f"{UNEQUAL} " if wrong and not grid.signs else ""
        style = f"m{_contrast(colour)}{' b' if wrong else ''}"
        cells.append(text(left + wide / 2, top + high / 2 + 4, sign + grid.texts[position], style))
        if wrong:
            size = f'width="{at(wide - 2)}" height="{at(high - 2)}"'
            frames.append(f'<rect class="mark" x="{at(left + 1)}" y="{at(top + 1)}" {size}/>')
    return "".join(cells) + "".join(frames) + _indices(grid, x, y, cell, 1)


def plain_grid(grid: Grid, x: float, y: float, side: float) -> str:
    """Cells without numbers, one path a colour; what differs has a dot, or the sign of its difference."""
    squares: dict[str, list[str]] = defaultdict(list)
    signs: dict[str, list[str]] = defaultdict(list)
    for position, value in enumerate(grid.values):
        row, column = divmod(position, grid.shape[1])
        left, top = x + column * side, y + row * side
        colour = grid.scale.shade(value) if math.isfinite(value) else None
        style = f'fill="{_hex(colour)}"' if colour else 'class="card"'
        squares[style].append(f"M{at(left)} {at(top)}h{at(side)}v{at(side)}h-{at(side)}z")
        if colour is None or position in grid.wrong:
            sign = "cross" if colour is None else "dot" if not grid.signs else "plus" if value > 0 else "minus"
            signs[_contrast(colour).strip() or "g"].append(_sign(sign, left + side / 2, top + side / 2, side / 4))
    drawn = [f'<path {style} shape-rendering="crispEdges" d="{"".join(parts)}"/>' for style, parts in squares.items()]
    drawn += [f'<path class="{style}" d="{"".join(parts)}"/>' for style, parts in signs.items()]
    return "".join(drawn) + _indices(grid, x, y, (side, side), 5)


def bar(scale: Scale, x: float, y: float) -> tuple[str, float]:
    """The colours from the smallest to the largest number, and how wide that is."""
    low, high = number(scale.low, 3), number(scale.high, 3)
    if scale.low == scale.high:
        words = f"all {low}"
        return text(x, y + 9, words, "quiet"), 7.0 * len(words)
    start = x + 7 * len(low) + 4
    stops = "".join(
        f'<stop offset="{at(100 * i / (len(scale.colours) - 1))}%" stop-color="{_hex(colour)}"/>'
        for i, colour in enumerate(scale.colours)
    )
    gradient = f'<linearGradient id="scale">{stops}</linearGradient>'
    block = f'<rect x="{at(start)}" y="{at(y)}" width="{BAR}" height="10" fill="url(#scale)" class="bar"/>'
    ends = text(x, y + 9, low, "quiet") + text(start + BAR + 4, y + 9, high, "quiet")
    return gradient + block + ends, start + BAR + 4 + 7 * len(high) - x


def _indices(grid: Grid, x: float, y: float, cell: tuple[float, float], step: int) -> str:
    """Row and column numbers along two sides, every `step`-th."""
    (rows, columns), (wide, high) = grid.shape, cell
    step = 1 if max(rows, columns) * min(wide, high) < 14 * step and max(rows, columns) < 4 else step
    names = [
        text(x + (i + 0.5) * wide, y - 4, str(i + grid.starts[1]), "quiet m")
        for i in range(columns)
        if (i + grid.starts[1]) % step == 0
    ]
    names += [
        text(x - 4, y + (i + 0.5) * high + 4, str(i + grid.starts[0]), "quiet e")
        for i in range(rows)
        if (i + grid.starts[0]) % step == 0
    ]
    return "".join(names)


def _sign(sign: str, x: float, y: float, size: float) -> str:
    """A small mark as part of a path."""
    a, b = at(size), at(size / 2.5)
    across = f"M{at(x - size)} {at(y - size / 5)}h{at(2 * size)}v{b}h-{at(2 * size)}z"
    upright = f"M{at(x - size / 5)} {at(y - size)}h{b}v{at(2 * size)}h-{b}z"
    dot = f"M{at(x - size / 2)} {at(y - size / 2)}h{a}v{a}h-{a}z"
    cross = f"M{at(x - size)} {at(y - size)}l{at(2 * size)} {at(2 * size)}v-1l-{at(2 * size)} -{at(2 * size)}z"
    return {"dot": dot, "minus": across, "plus": across + upright, "cross": cross}[sign]


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _contrast(colour: Colour | None) -> str:
    """The class of what is written on a colour."""
    if colour is None:
        return ""
    red, green, blue = colour
    return " on-dark" if 0.299 * red + 0.587 * green + 0.114 * blue < 135 else " on-light"
