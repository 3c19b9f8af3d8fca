"""The pictures of a counterexample as HTML: what goes in, then got beside expected beside their difference."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from html import escape

from assay.feedback.compared import Compared, compared_of, inputs_of, largest_difference, part_of
from assay.feedback.curves import curve, curves
from assay.feedback.graphs import drawn_graph, drawn_graphs
from assay.feedback.heatmaps import heat_map, heat_maps
from assay.feedback.svg import Drawing
from assay.feedback.tables import table
from assay.outcome import Counterexample, Picture

POINTS = 3  # of a curve that is worth drawing
COLUMNS = 6  # of a table in its place


def pictures_html(example: Counterexample) -> str:
    """Tables and images with a text alternative each; empty where there is nothing to draw."""
    return inputs_html(example) + compared_html(example)


def inputs_html(example: Counterexample) -> str:
    """The arguments that say more as a picture than as text."""
    compared = compared_of(example)
    images = " ".join(_input(picture, compared).image for picture in inputs_of(example))
    return f"<div>{images}</div>\n" if images else ""


def compared_html(example: Counterexample) -> str:
    """got, expected and difference; empty where one of them is no array."""
    compared = compared_of(example)
    if compared is None or max(len(compared.got.values), len(compared.expected.values)) < 2:
        return ""
    largest = largest_difference(compared) if len(compared.wrong) > 1 else ""  # the message has the first one
    said = f"<div>{escape(largest[0].upper() + largest[1:])}.</div>\n" if largest else ""
    if _is_table(compared):
        return f"{said}{table(compared)}\n"
    images = " ".join(drawing.image for drawing in _drawings(compared))
    return f"{said}<div>{images}</div>\n"


def _is_table(compared: Compared) -> bool:
    """Matrices and vectors are; and a curve of a few points says less than its numbers."""
    shapes, kind = (compared.got.shape, compared.expected.shape), compared.expected.kind
    few = kind == "curve" and all(shape[0] < POINTS and math.prod(shape[1:]) <= COLUMNS for shape in shapes)
    return (kind == "matrix" or few) and all(len(shape) < 3 for shape in shapes)


def _drawings(compared: Compared) -> Iterator[Drawing]:
    shapes, kind = (compared.got.shape, compared.expected.shape), compared.expected.kind
    if kind == "graph" and all(_square(shape) for shape in shapes):
        yield from drawn_graphs(compared)
    elif kind == "curve" and all(len(shape) < 3 for shape in shapes):
        yield curves(compared)
    else:
        yield from heat_maps(compared)


def _input(picture: Picture, compared: Compared | None) -> Drawing:
    if picture.kind == "graph" and _square(picture.shape):
        return drawn_graph(picture, _rows_that_differ(compared, picture.shape[0]))
    if picture.kind == "curve" and len(picture.shape) < 3:
        return curve(picture)
    return heat_map(picture)


def _rows_that_differ(compared: Compared | None, nodes: int) -> Collection[int]:
    """Nodes of a graph whose row of the result differs, where it has a row for each and some are right."""
    if compared is None or compared.got.shape[:1] != (nodes,) or part_of(compared.got):
        return ()
    width = len(compared.got.values) // max(nodes, 1)
    rows = {position // width for position in compared.wrong}
    return rows if len(rows) < nodes else ()


def _square(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] == shape[1]
