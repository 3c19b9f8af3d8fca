"""From the bytes of image files to frozen, read-only numpy arrays. Malformed bytes raise DataError."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError

IDX_UINT8 = 0x08  # the idx code of unsigned bytes, the only one that MNIST and its successors use


@dataclass(frozen=True)
class Digits:
    """Grey pictures with classes: images uint8 [n, height, width], ink 255 on 0; labels int64 [n]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Mnist:
    """A training set and a test set that were never meant to be mixed."""

    train: Digits
    test: Digits


def read_mnist(files: Mapping[str, bytes]) -> Mnist:
    """Four idx files, named as MNIST's author named them."""

    def part(name: str) -> Digits:
        return _digits(read_idx(files[f"{name}-images-idx3-ubyte"]), read_idx(files[f"{name}-labels-idx1-ubyte"]))

    return Mnist(train=part("train"), test=part("t10k"))


def read_mnist_5000(files: Mapping[str, bytes]) -> Digits:
    """One gzipped table of whole numbers below 256: 784 pixels row by row, then the class."""
    try:
        lines = gzip.decompress(files["mnist_5k.csv.gz"]).decode("ascii").splitlines()
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"the table of digits cannot be read ({error}).") from None
    if table.shape[1] != 28 * 28 + 1:
        raise DataError(f"the table of digits has {table.shape[1]} columns; expected 784 pixels and a class.")
    return _digits(table[:, :-1].reshape(-1, 28, 28), table[:, -1])


def read_idx(content: bytes) -> NDArray[np.uint8]:
    """An idx file of unsigned bytes: two zeros, type, rank, big-endian sizes, values.

    The format is described at http://yann.lecun.com/exdb/mnist/.

    Raises DataError for another type, and where the header and the number of values disagree.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError("this is not an idx file: it does not begin with two zero bytes.")
    kind, rank = content[2], content[3]
    if kind != IDX_UINT8:
        raise DataError(f"this idx file holds values of type 0x{kind:02x}; only unsigned bytes (0x08) are read.")
    begin = 4 + 4 * rank
    if rank == 0 or len(content) < begin:
        raise DataError(f"the header of this idx file is cut short: rank {rank}, {len(content)} bytes.")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, begin, 4))
    if prod(shape) != len(content) - begin:
        raise DataError(f"this idx file says shape {shape} but holds {len(content) - begin} values.")
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)


def _digits(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Digits:
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"images of shape {images.shape} and labels of shape {labels.shape} do not belong together.")
    if labels.size and labels.max() > 9:
        raise DataError(f"a label is {labels.max()}; ten classes are numbered 0 to 9.")
    return Digits(fixed(images), fixed(labels.astype(np.int64)))


def fixed(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, C-contiguous and not to be written to: callers share it."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
