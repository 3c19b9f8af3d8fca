"""Vectors and matrices as tables: got, expected and difference side by side, what differs marked with a sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from assay.feedback.compared import Compared, offsets_of, sentence, shape_text, texts_of
from assay.outcome import Picture

UNEQUAL = "\N{NOT EQUAL TO}"
LEFT = "margin-left: 0;"  # nbconvert and JupyterLab put tables into the middle
MIDDLE = "text-align: center;"


def table(compared: Compared) -> str:
    """An HTML table. A vector has a row for got, expected and difference; a matrix has them beside each other."""
    got, expected, gaps = texts_of(compared, 3)
    wrong = compared.wrong
    marked = [_marked(f"{UNEQUAL}\N{NO-BREAK SPACE}{one}") if i in wrong else escape(one) for i, one in enumerate(got)]
    strong = [_marked(gap) if i in wrong else escape(gap) for i, gap in enumerate(gaps)]
    blocks = [("got", compared.got, marked), ("expected", compared.expected, list(map(escape, expected)))]
    if compared.differs is not None:
        blocks.append(("difference", compared.got, strong))
    rows = _vectors(blocks) if all(len(block[1].shape) == 1 for block in blocks) else _matrices(blocks)
    label = "got, expected and their difference" if compared.differs is not None else "got and expected"
    label = escape(f"{label}. {sentence(compared)}")
    return f'<table aria-label="{label}" style="{LEFT}">\n{"".join(rows)}</table>'


_Block = tuple[str, Picture, Sequence[str]]


def _marked(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"


def _vectors(blocks: Sequence[_Block]) -> Iterator[str]:
    """One row each, below the indices."""
    first = offsets_of(blocks[0][1])[0]
    most = max(picture.shape[0] for _, picture, _ in blocks)
    yield f"<thead><tr><td></td>{_heads(range(first, first + most))}</tr></thead>\n<tbody>\n"
    for name, picture, cells in blocks:
        values = "".join(f"<td>{cell}</td>" for cell in cells) + "<td></td>" * (most - len(cells))
        if not cells:
            values = f'<td colspan="{max(most, 1)}">empty, of shape {shape_text(picture.shape)}</td>'
        yield f'<tr><th scope="row">{name}</th>{values}</tr>\n'
    yield "</tbody>\n"


def _matrices(blocks: Sequence[_Block]) -> Iterator[str]:
    """One beside the other, the same row on the same line."""
    names, heads = [], []
    grids = [_grid(picture, cells) for _, picture, cells in blocks]
    for (name, picture, _), grid in zip(blocks, grids, strict=True):
        width = max(map(len, grid), default=0)
        start = offsets_of(picture)[-1]
        spans = f'scope="colgroup" colspan="{max(width, 1)}" style="{MIDDLE}"'
        names.append(f"<th {spans}>{name} {shape_text(picture.shape)}</th>")
        heads.append(_heads(range(start, start + width)) or "<td>empty</td>")
    start = offsets_of(blocks[0][1])[0] if len(blocks[0][1].shape) > 1 else 0
    yield f"<thead><tr><td></td>{'<td></td>'.join(names)}</tr>\n<tr><td></td>{'<td></td>'.join(heads)}</tr></thead>\n"
    yield "<tbody>\n"
    for row in range(max(map(len, grids))):
        parts = (_row(grid, row) for grid in grids)
        yield f'<tr><th scope="row">{row + start}</th>{"<td></td>".join(parts)}</tr>\n'
    yield "</tbody>\n"


def _row(grid: Sequence[Sequence[str]], row: int) -> str:
    """One row of a matrix, or as many empty cells."""
    width = max(map(len, grid), default=0)
    return "".join(f"<td>{cell}</td>" for cell in grid[row]) if row < len(grid) else "<td></td>" * max(width, 1)


def _grid(picture: Picture, cells: Sequence[str]) -> list[Sequence[str]]:
    width = picture.shape[-1]
    return [cells[start : start + width] for start in range(0, len(cells), width)] if width else []


def _heads(indices: range) -> str:
    return "".join(f'<th scope="col">{index}</th>' for index in indices)
