"""Images, kernels and large matrices as heat maps, plane by plane; got and expected on one scale."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from assay.feedback.cells import AROUND, Grid, Scale, bar, plain_grid, written_grid
from assay.feedback.compared import Compared, held, number, offsets_of, part_of, planes_of, shape_text, texts_of
from assay.feedback.svg import CHARACTER, LINE, MARGIN, Drawing, text
from assay.outcome import Picture

PLANES, COMPARED = 6, 4  # matrices of one array that are drawn: of an argument, and of got and expected
WRITTEN, COLUMNS = 64, 8  # entries and columns of a plane that still carries its numbers
HIGH = 24.0  # pixels of a cell with a number
ACROSS, BESIDE = 560, 290  # pixels that planes beside each other may take, of an argument and of got and expected

Plane = tuple[tuple[int, ...], int]  # its index, and the position of its first entry


@dataclass(frozen=True)
class Panel:
    """One array to be drawn, and the positions that differ in it."""

    title: str
    says: str
    picture: Picture
    values: Sequence[float]
    texts: Sequence[str]
    scale: Scale
    wrong: Collection[int] = ()
    signs: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a plane."""
        shape = (1, *self.picture.shape)
        return shape[-2], shape[-1]

    @property
    def starts(self) -> tuple[int, int]:
        starts = (0, *offsets_of(self.picture))
        return starts[-2], starts[-1]

    @property
    def written(self) -> bool:
        return math.prod(self.size) <= WRITTEN and self.size[1] <= COLUMNS


def heat_map(picture: Picture) -> Drawing:
    """One array alone."""
    title, says = _title(picture.name, picture), f"{picture.name}, {_described(picture)}."
    texts = [number(value, 3) for value in picture.values]
    return _drawing(Panel(title, says, picture, picture.values, texts, _scale(picture.values)))


def heat_maps(compared: Compared) -> list[Drawing]:
    """got, expected and, where the shapes are the same, their difference."""
    panels = list(_panels(compared))
    width = max((len(word) for panel in panels for word in panel.texts), default=1)
    return [_drawing(panel, compared.wrong, width + 2) for panel in panels]


def _panels(compared: Compared) -> Iterator[Panel]:
    got, expected, wrong = compared.got, compared.expected, compared.wrong
    scale = _scale((*got.values, *expected.values))
    one, other, gaps = texts_of(compared, 3)
    says = f"got, {_described(got)}{f'; {len(wrong)} entries are marked as different' if wrong else ''}."
    yield Panel(_title("got", got), says, got, got.values, one, scale, wrong)
    says = f"expected, {_described(expected)}."
    yield Panel(_title("expected", expected), says, expected, expected.values, other, scale)
    if compared.differs is not None:
        most = max(
            (held(abs(compared.difference[i])) for i in wrong if math.isfinite(compared.difference[i])), default=0.0
        )
        says = f"got minus expected: {len(wrong)} of {len(got.values)} entries differ"
        says += f", by at most {number(most)}." if most else "."
        around = Scale(-most, most, AROUND)
        yield Panel("got - expected", says, got, compared.difference, gaps, around, wrong, signs=True)


def _scale(values: Sequence[float]) -> Scale:
    finite = [held(value) for value in values if math.isfinite(value)]
    return Scale(min(finite, default=0.0), max(finite, default=0.0))


def _title(name: str, picture: Picture) -> str:
    part = part_of(picture)
    return f"{name.removesuffix(part)} {part or shape_text(picture.shape)}"


def _described(picture: Picture) -> str:
    finite = [value for value in picture.values if math.isfinite(value)]
    size = f"an array of shape {shape_text(picture.shape)}"
    return f"{size} with values from {number(min(finite))} to {number(max(finite))}" if finite else size


def _drawing(panel: Panel, first: Collection[int] = (), widest: int = 0) -> Drawing:
    """The planes of an array, those with an entry in `first` before others, and the scale below them."""
    title = text(MARGIN, MARGIN + 11, panel.title, "title")
    least = 2 * MARGIN + 7.2 * len(panel.title)
    if not panel.values:
        return Drawing(least, 62, title + text(MARGIN, 44, "no entries", "quiet"), panel.says)
    chosen, left_out, hidden = _chosen(panel, first)
    room = BESIDE if widest else ACROSS
    widest = widest or max(map(len, panel.texts))
    cell = (max(30.0, widest * CHARACTER + 8), HIGH) if panel.written else _square(panel.size)
    rows, columns = panel.size
    inset = 8 + CHARACTER * len(str(rows - 1 + panel.starts[0]))
    label = LINE if len(chosen) + left_out > 1 else 0
    wide, high = inset + cell[0] * columns + 14, label + LINE + cell[1] * rows + 10
    across = min(len(chosen), _beside(panel.picture), max(1, int(room // wide)))
    body = [title]
    for count, plane in enumerate(chosen):
        x, y = MARGIN + wide * (count % across), MARGIN + LINE + 6 + high * (count // across)
        if label:
            body.append(text(x + inset, y + 10, f"[{', '.join(map(str, plane[0]))}]", "quiet"))
        body.append(_plane(panel, plane, (x + inset, y + label + LINE), cell))
    y = MARGIN + LINE + 6 + high * -(-len(chosen) // across)
    if left_out:
        words = f"{left_out} more" + (", all equal" if first and not hidden else "")
        least = max(least, 2 * MARGIN + CHARACTER * len(words))
        body.append(text(MARGIN, y + 9, words, "quiet"))
        y += LINE + 2
    scale, length = bar(panel.scale, MARGIN, y)
    width = max(2 * MARGIN + wide * across - 14, 2 * MARGIN + length, least)
    return Drawing(width, y + 10 + MARGIN, "".join(body) + scale, panel.says)


def _chosen(panel: Panel, first: Collection[int]) -> tuple[list[Plane], int, int]:
    """Some planes in their order, how many others there are, and how many of those have an entry in `first`."""
    planes = list(planes_of(panel.picture.shape))
    entries = math.prod(panel.size)
    hit = sorted({position // entries for position in first})
    chosen = hit[:COMPARED] if hit else range(len(planes))[:PLANES]
    return [planes[i] for i in chosen], len(planes) - len(chosen), max(0, len(hit) - COMPARED)


def _beside(picture: Picture) -> int:
    """How many planes belong beside each other: the channels of an image."""
    return picture.shape[-3] if len(picture.shape) > 2 else 1


def _square(size: tuple[int, int]) -> tuple[float, float]:
    side = float(min(20, max(6, 200 // max(size))))
    return side, side


def _plane(panel: Panel, plane: Plane, corner: tuple[float, float], cell: tuple[float, float]) -> str:
    start, entries = plane[1], math.prod(panel.size)
    part = slice(start, start + entries)
    wrong = {position - start for position in panel.wrong}
    values, texts = panel.values[part], panel.texts[part]
    grid = Grid(panel.size, values, texts, wrong, panel.scale, panel.starts, panel.signs)
    return written_grid(grid, *corner, cell) if panel.written else plain_grid(grid, *corner, cell[0])
