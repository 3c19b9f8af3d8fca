"""The citation networks of Planetoid, as frozen, read-only numpy arrays. Malformed bytes raise DataError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.data.digits import fixed
from assay.data.python2 import Unbuilt, array, rebuilt
from assay.errors import DataError

VALIDATION = 500  # nodes after the labelled ones, by the split of Yang, Cohen, Salakhutdinov (2016)


@dataclass(frozen=True)
class CitationGraph:
    """One large graph of papers, with Planetoid's split.

    edges int64 [2, E], each in both directions, none twice, no loops; features float32 [n, words], 0 or 1; labels
    int64 [n]; train, validation and test are node numbers, int64.
    """

    edges: NDArray[np.int64]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def read_planetoid(files: Mapping[str, bytes]) -> CitationGraph:
    """Eight files of Planetoid: x and y of labelled nodes, allx and ally of all but tests, tx and ty, graph, tests.

    The rows of tx belong to the nodes that test.index names, in its order.
    """
    part = {name.split(".", 2)[2]: content for name, content in files.items()}
    try:
        tests = np.array(part.pop("test.index").split(), dtype=np.int64)
        told = {name: rebuilt(content) for name, content in part.items()}
        features = np.concatenate([_dense(told["allx"]), _dense(told["tx"])])
        classes = np.concatenate([array(told["ally"]), array(told["ty"])]).argmax(axis=1)
        labelled, untested = len(array(told["y"])), len(features) - len(tests)
        order = np.arange(len(features))
        order[tests] = np.arange(untested, len(features))
        return CitationGraph(
            edges=fixed(_edges(told["graph"], len(features))),
            features=fixed(features[order]),
            labels=fixed(classes[order].astype(np.int64)),
            train=fixed(np.arange(labelled)),
            validation=fixed(np.arange(labelled, min(labelled + VALIDATION, untested))),
            test=fixed(np.sort(tests)),
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise DataError(f"these are not the files of a Planetoid graph ({type(error).__name__}: {error}).") from None


def _dense(rows: Unbuilt) -> NDArray[np.float32]:
    """scipy's compressed sparse rows, from the fields they leave."""
    if rows.name != "scipy.sparse.csr csr_matrix":
        raise ValueError(f"it names {rows.name} where sparse rows should be")
    starts, columns = array(rows.state["indptr"]), array(rows.state["indices"])
    dense = np.zeros(rows.state["_shape"], np.float32)
    dense[np.repeat(np.arange(len(dense)), np.diff(starts)), columns] = array(rows.state["data"])
    return dense


def _edges(graph: Unbuilt | dict[int, list[int]], nodes: int) -> NDArray[np.int64]:
    if isinstance(graph, Unbuilt) and graph.name != "collections defaultdict":
        raise ValueError(f"it names {graph.name} where a dictionary should be")
    neighbours = graph.items if isinstance(graph, Unbuilt) else graph
    there = [(node, other) for node, others in neighbours.items() for other in others if node != other]
    edges = np.array(sorted({*there, *((b, a) for a, b in there)}), dtype=np.int64).reshape(-1, 2).T
    if edges.size and (edges.min() < 0 or edges.max() >= nodes):
        raise ValueError("an edge leads to no node")
    return edges
