"""The citation networks of Planetoid: pickles of Python 2, read without running anything they name."""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.digits import fixed
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
        told = {name: _Data(io.BytesIO(content), encoding="latin1").load() for name, content in part.items()}
        features = np.concatenate([_dense(told["allx"]), _dense(told["tx"])])
        classes = np.concatenate([told["ally"], told["ty"]]).argmax(axis=1)
        labelled, untested = len(told["y"]), len(features) - len(tests)
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
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"these are not the files of a Planetoid graph ({type(error).__name__}: {error}).") from None


class _SparseRows:
    """Where scipy's compressed sparse rows leave their fields: data, indices, indptr, _shape."""


class _Data(pickle.Unpickler):
    """Builds arrays, lists and dictionaries, and nothing else."""

    BUILT = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
        ("scipy.sparse.csr", "csr_matrix"): _SparseRows,
        ("collections", "defaultdict"): defaultdict,
        ("__builtin__", "list"): list,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.BUILT:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.BUILT[module, name]


def _dense(rows: Any) -> NDArray[np.float32]:
    dense = np.zeros(rows._shape, np.float32)
    dense[np.repeat(np.arange(len(dense)), np.diff(rows.indptr)), rows.indices] = rows.data
    return dense


def _edges(neighbours: Mapping[int, list[int]], nodes: int) -> NDArray[np.int64]:
    pairs = {
        (a, b) for node, others in neighbours.items() for other in others for a, b in ((node, other), (other, node))
    }
    edges = np.array(sorted((a, b) for a, b in pairs if a != b), dtype=np.int64).reshape(-1, 2).T
    if edges.size and (edges.min() < 0 or edges.max() >= nodes):
        raise ValueError("an edge leads to no node")
    return edges
