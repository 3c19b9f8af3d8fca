"""From the bytes of graph files to frozen, read-only numpy arrays. Malformed bytes raise DataError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.data.digits import fixed
from assay.errors import DataError


@dataclass(frozen=True)
class Graph:
    """One graph: adjacency float64 [n, n], symmetric, 0 or 1, without diagonal; labels int64 [n] of its nodes."""

    adjacency: NDArray[np.float64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Graphs:
    """Many graphs side by side, with N nodes and E directed edges in all (each edge is there in both directions).

    edges int64 [2, E]; batch int64 [N], the graph that a node is of; labels int64 [graphs]; node_labels int64 [N].
    Labels are numbered from 0 in the order of the file's own. node_attributes float64 [N, a], a = 0 where there are
    none; edge_labels int64 [E], or [0] where there are none.
    """

    edges: NDArray[np.int64]
    batch: NDArray[np.int64]
    labels: NDArray[np.int64]
    node_labels: NDArray[np.int64]
    node_attributes: NDArray[np.float64]
    edge_labels: NDArray[np.int64]


def read_karate_club(_: Mapping[str, bytes]) -> Graph:
    """Zachary's karate club from the code of networkx: who met outside the club, and which side they took."""
    import networkx

    graph = networkx.karate_club_graph()
    nodes = range(34)
    adjacency = networkx.to_numpy_array(graph, nodelist=nodes, weight=None, dtype=np.float64)
    labels = np.array([graph.nodes[node]["club"] == "Officer" for node in nodes], dtype=np.int64)
    return Graph(fixed(adjacency), fixed(labels))


def read_tu(files: Mapping[str, bytes]) -> Graphs:
    """The text files of a TU data set (https://chrsmrrs.github.io/datasets/docs/format/)."""
    tables = {name.split("_", 1)[1]: _table(name, content) for name, content in files.items()}
    edges = tables["A.txt"].astype(np.int64).T - 1
    batch = tables["graph_indicator.txt"][:, 0].astype(np.int64) - 1
    labels, node_labels = _classes(tables["graph_labels.txt"]), _classes(tables["node_labels.txt"])
    attributes = tables.get("node_attributes.txt", np.empty((len(batch), 0)))
    edge_labels = _classes(tables["edge_labels.txt"]) if "edge_labels.txt" in tables else np.empty(0, np.int64)
    nodes, graphs = len(batch), len(labels)
    if not (
        edges.shape[0] == 2
        and _below(edges, nodes)
        and _below(batch, graphs)
        and (np.diff(batch) >= 0).all()
        and (batch[edges[0]] == batch[edges[1]]).all()
        and len(node_labels) == len(attributes) == nodes
        and len(edge_labels) in (0, edges.shape[1])
    ):
        raise DataError("the files of this set contradict each other: edges, nodes and graphs do not fit together.")
    return Graphs(*map(fixed, (edges, batch, labels, node_labels, attributes, edge_labels)))


def _table(name: str, content: bytes) -> NDArray[np.float64]:
    """Numbers between commas, one row a line: float64 [rows, columns]."""
    try:
        table = np.loadtxt(content.decode("ascii").splitlines(), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(f"{name} is no table of numbers ({error}).") from None
    if table.size == 0 or not np.isfinite(table).all():
        raise DataError(f"{name} is empty or holds a number that is not finite.")
    return table


def _classes(table: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.unique(table[:, 0], return_inverse=True)[1].reshape(-1).astype(np.int64)


def _below(numbers: NDArray[np.int64], bound: int) -> bool:
    return bool(((numbers >= 0) & (numbers < bound)).all())
