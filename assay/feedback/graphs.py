"""Graphs from their adjacency matrices: numbered nodes, and edges that differ dashed and heavy."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from assay.feedback.compared import Compared, number, sentence
from assay.feedback.svg import MARGIN, Drawing, at, path, text
from assay.outcome import Picture

RADIUS = 10.0  # pixels of a node
ROUNDS = 60  # of the layout
NAMED = 20  # edges that are listed in words, and weights that are written
TOP = MARGIN + 18

Point = tuple[float, float]
Edge = tuple[int, int]


@dataclass(frozen=True)
class Graph:
    """Nodes 0 to n - 1 and the weight of each edge; both directions of an undirected edge are one."""

    nodes: int
    edges: dict[Edge, float]
    directed: bool

    @property
    def weighted(self) -> bool:
        return any(weight != 1 for weight in self.edges.values())


def graph_of(picture: Picture) -> Graph:
    """The graph of an adjacency matrix; an entry that is not 0 is an edge from its row to its column."""
    n = picture.shape[0]
    entries = {divmod(i, n): value for i, value in enumerate(picture.values) if value != 0}
    directed = any(not _same(entries.get((j, i), 0.0), value) for (i, j), value in entries.items())
    edges = {(i, j): value for (i, j), value in entries.items() if directed or i <= j}
    return Graph(n, edges, directed)


def drawn_graph(picture: Picture, marked: Collection[int] = ()) -> Drawing:
    """One graph alone. `marked` nodes have a second ring."""
    graph = graph_of(picture)
    says = f"{picture.name}: {in_words(graph)}."
    if marked:
        says += f" Marked: {_nodes(sorted(marked))}."
    return _drawing(graph, layout(graph), _titled(picture.name, graph), says, marked=marked)


def drawn_graphs(compared: Compared) -> list[Drawing]:
    """got, expected and the edges that only one of them has, with every node in the same place."""
    got, expected = graph_of(compared.got), graph_of(compared.expected)
    if compared.differs is None:
        pairs = (("got", got), ("expected", expected))
        return [
            _drawing(graph, layout(graph), _titled(name, graph), f"{name}: {in_words(graph)}.") for name, graph in pairs
        ]
    places = layout(expected if expected.edges else got)
    odd = {divmod(i, got.nodes) for i in compared.wrong}
    drawn = [
        _drawing(graph, places, _titled(name, graph), f"{name}: {in_words(graph)}.", odd=odd)
        for name, graph in (("got", got), ("expected", expected))
    ]
    gaps = Picture("difference", "graph", compared.got.shape, tuple(_gap(compared, i) for i in range(got.nodes**2)))
    difference = graph_of(gaps)
    says = f"got minus expected. {sentence(compared)}"
    return [*drawn, _drawing(difference, places, "got - expected", says, odd=odd, signs=True)]


def in_words(graph: Graph) -> str:
    """The graph as a list of its edges, and of the nodes without one."""
    line = "->" if graph.directed else "-"
    edges = [f"{i}{line}{j}" + (f" ({number(w)})" if w != 1 else "") for (i, j), w in graph.edges.items()]
    some = ", ".join(edges[:NAMED]) + (f" and {len(edges) - NAMED} more" if len(edges) > NAMED else "")
    alone = sorted(set(range(graph.nodes)) - {node for edge in graph.edges for node in edge})
    words = f"{graph.nodes} node{'s' * (graph.nodes != 1)}, {f'edges {some}' if edges else 'no edges'}"
    return words + (f"; {_nodes(alone)} without one" if alone and edges else "")


def layout(graph: Graph) -> list[Point]:
    """A place in the unit square for every node: neighbours near, others as far as they have to go.

    Stress majorisation (Gansner, Koren and North 2004) of distances in the graph, begun on a circle.
    """
    n = graph.nodes
    angles = [2 * math.pi * i / max(n, 1) - math.pi / 2 for i in range(n)]
    places = [(math.cos(angle), math.sin(angle)) for angle in angles]
    if n > 2 and graph.edges:
        distances = _distances(graph)
        for _ in range(ROUNDS):
            places = [_drawn_to(i, places, distances[i]) for i in range(n)]
    return _fitted(places)


def _drawn_to(i: int, places: Sequence[Point], distances: Sequence[float]) -> Point:
    """Where all others would have a node, the near ones weighing most."""
    x, y = places[i]
    total = right = down = 0.0
    for j, (u, v) in enumerate(places):
        if j != i:
            weight, apart = distances[j] ** -2, math.hypot(x - u, y - v) or 1e-9
            total += weight
            right += weight * (u + distances[j] * (x - u) / apart)
            down += weight * (v + distances[j] * (y - v) / apart)
    return right / total, down / total


def _distances(graph: Graph) -> list[list[float]]:
    """Edges from each node to each other; a little more than the longest where there is no way."""
    near: list[set[int]] = [set() for _ in range(graph.nodes)]
    for i, j in graph.edges:
        near[i].add(j)
        near[j].add(i)
    found = [_from(start, near) for start in range(graph.nodes)]
    apart = max(max(steps.values()) for steps in found) + 1
    return [[float(steps.get(j, apart)) for j in range(graph.nodes)] for steps in found]


def _from(start: int, near: Sequence[Collection[int]]) -> dict[int, int]:
    steps, edge = {start: 0}, [start]
    while edge:
        edge = sorted({j for i in edge for j in near[i] if j not in steps})
        steps |= {j: max(steps.values()) + 1 for j in edge} if edge else {}
    return steps


def _fitted(places: Sequence[Point]) -> list[Point]:
    """Moved and scaled, alike in both directions, into the unit square, from its upper left corner on."""
    if not places:
        return []
    xs, ys = zip(*places, strict=True)
    size = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    return [((x - min(xs)) / size, (y - min(ys)) / size) for x, y in places]


def _spread(points: Sequence[Point], least: float) -> list[Point]:
    """The points, those that lie too near to each other pushed apart."""
    moved = [list(point) for point in points]
    for _ in range(40):
        for i, one in enumerate(moved):
            for other in moved[:i]:
                dx, dy = one[0] - other[0], one[1] - other[1]
                apart = math.hypot(dx, dy) or 1e-9
                push = max(0.0, (least - apart) / 2 / apart)
                one[0], one[1] = one[0] + push * dx, one[1] + push * (dy or 1e-9)
                other[0], other[1] = other[0] - push * dx, other[1] - push * (dy or 1e-9)
    left, top = min(x for x, _ in moved), min(y for _, y in moved)
    return [(x - left, y - top) for x, y in moved]


def _drawing(
    graph: Graph,
    places: Sequence[Point],
    title: str,
    says: str,
    *,
    odd: Collection[Edge] = (),
    marked: Collection[int] = (),
    signs: bool = False,
) -> Drawing:
    side = 130.0 + 6 * min(graph.nodes, 32)
    around = MARGIN + RADIUS + (30 if graph.weighted else 14)
    spread = _spread([(x * side, y * side) for x, y in places], 2.6 * RADIUS) if places else []
    points = [(around + x, TOP + around + y) for x, y in spread]
    wide, high = (max((p[axis] for p in spread), default=0.0) + 2 * around for axis in (0, 1))
    body = [text(MARGIN, MARGIN + 11, title, "title")]
    for edge, weight in graph.edges.items():
        differs = edge in odd or (not graph.directed and edge[::-1] in odd)
        body += _edge(graph, edge, weight, points, differs, signs)
    for i, (x, y) in enumerate(points):
        body.append(f'<circle class="node" cx="{at(x)}" cy="{at(y)}" r="{RADIUS}"/>')
        if i in marked:
            body.append(f'<circle class="mark" cx="{at(x)}" cy="{at(y)}" r="{RADIUS + 4}"/>')
        body.append(text(x, y + 4, str(i), "m b" if i in marked else "m"))
    note = "dashed: differs" if odd else "ringed: its row of the result differs" if marked else ""
    high += TOP
    if note:
        body.append(text(MARGIN, high, note, "quiet"))
        high += MARGIN
    return Drawing(max(wide, 2 * MARGIN + 7.2 * max(len(note), len(title))), high, "".join(body), says)


def _edge(graph: Graph, edge: Edge, weight: float, points: Sequence[Point], odd: bool, signs: bool) -> Iterator[str]:
    style = "odd" if odd else "edge"
    (x, y), (u, v) = points[edge[0]], points[edge[1]]
    dash = ' stroke-dasharray="5 4"' if odd else ""
    if edge[0] == edge[1]:
        dx, dy = _outwards((x, y), points)
        reach = RADIUS + 5
        yield f'<circle class="{style}"{dash} cx="{at(x + reach * dx)}" cy="{at(y + reach * dy)}" r="8"/>'
        middle = (x + 2 * reach * dx, y + 2 * reach * dy)
    else:
        yield path([(x, y), (u, v)], style).replace("/>", f"{dash}/>")
        share = 0.32 if graph.directed and edge[::-1] in graph.edges else 0.5
        middle = (x + share * (u - x), y + share * (v - y))
        if graph.directed:
            yield _tip((x, y), (u, v))
    if (graph.weighted or signs) and len(graph.edges) <= NAMED:
        words = ("+" if signs and weight > 0 else "") + number(weight, 3)
        yield f'<rect class="card" x="{at(middle[0] - 4 * len(words))}" y="{at(middle[1] - 7)}" '
        yield f'width="{8 * len(words)}" height="14" rx="3"/>'
        yield text(middle[0], middle[1] + 4, words, "m b" if odd else "m")


def _outwards(point: Point, points: Sequence[Point]) -> Point:
    """The direction from the middle of all points to this one; up for the middle itself."""
    dx = point[0] - sum(x for x, _ in points) / len(points)
    dy = point[1] - sum(y for _, y in points) / len(points)
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if length > 1 else (0.0, -1.0)


def _tip(start: Point, end: Point) -> str:
    """The head of an arrow, just before the node."""
    length = math.dist(start, end) or 1.0
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    x, y = end[0] - dx * (RADIUS + 1), end[1] - dy * (RADIUS + 1)
    corners = [(x, y), (x - 8 * dx - 4 * dy, y - 8 * dy + 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx)]
    return path(corners, "tip")


def _gap(compared: Compared, position: int) -> float:
    return compared.difference[position] if position in compared.wrong else 0.0


def _titled(name: str, graph: Graph) -> str:
    return f"{name}, {graph.nodes} node{'s' * (graph.nodes != 1)}"


def _nodes(nodes: Sequence[int]) -> str:
    return f"node{'s' * (len(nodes) != 1)} {', '.join(map(str, nodes))}"


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
