"""Reading the files of data sets: right ones give frozen arrays, malformed ones one clear error."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import numpy as np
import pytest

from assay.data.citations import read_planetoid
from assay.data.digits import read_idx, read_mnist, read_mnist_5000
from assay.data.graphs import read_karate_club, read_tu
from assay.errors import DataError
from tests.support.data import gzipped, idx


def arrays_of(read: Any) -> list[np.ndarray]:
    return [array for array in vars(read).values() if isinstance(array, np.ndarray)]


def test_an_idx_file_is_read_in_its_order() -> None:
    pictures = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(read_idx(idx(pictures)), pictures)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an idx file"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "not an idx file"),
        (b"<html>not found</html>", "not an idx file"),
        (b"\0\0\x0d\x01\0\0\0\x01" + bytes(4), "type 0x0d"),
        (b"\0\0\x08\x00", "rank 0"),
        (b"\0\0\x08\x03\0\0\0\x01", "cut short"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], "holds 5 values"),
        (idx(np.zeros((2, 3), np.uint8)) + b"\0", "holds 7 values"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff" + bytes(4), "holds 4 values"),
    ],
)
def test_a_malformed_idx_file(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_idx(content)


def mnist(**changed: bytes) -> dict[str, bytes]:
    pictures, labels = idx(np.zeros((3, 28, 28), np.uint8)), idx(np.array([0, 9, 4], np.uint8))
    files = {}
    for part in ("train", "t10k"):
        files |= {f"{part}-images-idx3-ubyte": pictures, f"{part}-labels-idx1-ubyte": labels}
    return files | {name.replace("_", "-"): content for name, content in changed.items()}


def test_mnist_has_two_parts_that_cannot_be_written_to() -> None:
    read = read_mnist(mnist(t10k_labels_idx1_ubyte=idx(np.array([1, 2, 3], np.uint8))))
    assert read.train.labels.tolist() == [0, 9, 4] and read.test.labels.tolist() == [1, 2, 3]
    assert read.train.images.dtype == np.uint8 and read.train.labels.dtype == np.int64
    for array in arrays_of(read.train) + arrays_of(read.test):
        assert not array.flags.writeable and array.flags.c_contiguous


@pytest.mark.parametrize(
    ("labels", "says"),
    [(np.array([1, 2]), "do not belong together"), (np.array([1, 2, 10]), "10"), (np.zeros((3, 1)), "do not belong")],
)
def test_labels_that_cannot_be_those_of_the_images(labels: np.ndarray, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_mnist(mnist(train_labels_idx1_ubyte=idx(labels.astype(np.uint8))))


def digits_table(rows: list[list[object]]) -> dict[str, bytes]:
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    return {"mnist_5k.csv.gz": gzipped(text.encode())}


def test_a_table_of_digits_is_pixels_row_by_row_and_a_class() -> None:
    read = read_mnist_5000(digits_table([[*range(200), *range(200), *range(200), *range(184), 3], [0] * 785]))
    assert read.images.shape == (2, 28, 28) and read.labels.tolist() == [3, 0]
    assert read.images[0, 1, 0] == 28 and read.images[0, 0, 1] == 1
    assert all(not array.flags.writeable for array in arrays_of(read))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"mnist_5k.csv.gz": b"0,0,0"}, "cannot be read"),
        ({"mnist_5k.csv.gz": digits_table([[0] * 785])["mnist_5k.csv.gz"][:-9]}, "cannot be read"),
        (digits_table([[0] * 784]), "784 columns"),
        (digits_table([[0] * 785, [0] * 784]), "cannot be read"),
        (digits_table([[256] + [0] * 784]), "cannot be read"),
        (digits_table([[-1] + [0] * 784]), "cannot be read"),
        (digits_table([["x"] + [0] * 784]), "cannot be read"),
        (digits_table([[0] * 784 + [10]]), "10"),
    ],
)
def test_a_malformed_table_of_digits(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_mnist_5000(files)


def test_the_karate_club() -> None:
    club = read_karate_club({})
    assert club.adjacency.shape == (34, 34) and club.adjacency.dtype == np.float64 and club.labels.dtype == np.int64
    assert set(np.unique(club.adjacency)) == {0.0, 1.0} and club.adjacency.sum() == 2 * 78
    assert (club.adjacency == club.adjacency.T).all() and not club.adjacency.diagonal().any()
    assert club.labels[0] == 0 and club.labels[33] == 1 and club.labels.sum() == 17
    assert all(not array.flags.writeable for array in arrays_of(club))


def molecules(**changed: str) -> dict[str, bytes]:
    """Two graphs, of three nodes and of two."""
    files = {
        "A": "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4\n",
        "graph_indicator": "1\n1\n1\n2\n2\n",
        "graph_labels": "1\n-1\n",
        "node_labels": "3\n1\n3\n2\n1\n",
        "edge_labels": "0\n0\n1\n1\n0\n0\n",
    }
    return {f"TOY_{name}.txt": text.encode() for name, text in (files | changed).items()}


def test_a_set_of_graphs_counts_from_zero() -> None:
    read = read_tu(molecules(node_attributes="0.5\n1\n2\n3\n-4e2\n"))
    assert read.edges.tolist() == [[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]]
    assert read.batch.tolist() == [0, 0, 0, 1, 1]
    assert read.labels.tolist() == [1, 0] and read.node_labels.tolist() == [2, 0, 2, 1, 0]
    assert read.node_attributes.tolist() == [[0.5], [1.0], [2.0], [3.0], [-400.0]]
    assert all(not array.flags.writeable for array in arrays_of(read))


def test_a_set_of_graphs_without_attributes_has_none() -> None:
    assert read_tu(molecules()).node_attributes.shape == (5, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"A": "1, 2\n2, 1\n1, 6\n"},
        {"A": "0, 1\n"},
        {"A": "3, 4\n4, 3\n"},  # from one graph to another
        {"A": "1\n2\n"},
        {"A": "1, 2\n2\n"},
        {"A": ""},
        {"graph_indicator": "1\n1\n1\n3\n3\n"},
        {"graph_indicator": "1\n2\n1\n2\n2\n"},
        {"graph_labels": "one\ntwo\n"},
        {"node_labels": "3\n1\n"},
        {"node_labels": "3\n1\nnan\n2\n1\n"},
        {"edge_labels": "0\n"},
        {"node_attributes": "1\n2\n"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:loadtxt")  # of an empty file, before we say so
def test_files_of_graphs_that_contradict_each_other(changed: dict[str, str]) -> None:
    with pytest.raises(DataError):
        read_tu(molecules(**changed))


# Pickles as Python 2 wrote them: its strings are bytes, which no pickler of Python 3 writes.
def text2(content: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(content)) + content


def array2(array: np.ndarray) -> bytes:
    kind = array.dtype.str[1:].encode()
    dtype = b"cnumpy\ndtype\n(" + text2(kind) + b"K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + b"".join(b"M" + struct.pack("<H", size) for size in array.shape) + b"t"
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    return start + b"(K\x01" + shape + dtype + b"\x89" + text2(array.tobytes()) + b"tb"


def rows2(dense: np.ndarray) -> bytes:
    at = [np.flatnonzero(row) for row in dense]
    fields = {
        b"data": array2(np.concatenate([row[place] for row, place in zip(dense, at, strict=True)]).astype(np.float32)),
        b"indices": array2(np.concatenate(at).astype(np.int32)),
        b"indptr": array2(np.cumsum([0, *map(len, at)]).astype(np.int32)),
        b"_shape": b"(" + b"".join(b"K" + bytes([size]) for size in dense.shape) + b"t",
    }
    body = b"".join(text2(name) + value for name, value in fields.items())
    return b"cscipy.sparse.csr\ncsr_matrix\n)\x81}(" + body + b"ub"


def whole(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


WORDS = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [0, 2]], np.float32)
CLASSES = np.eye(3, dtype=np.int32)[[0, 2, 1, 2, 0]]


def papers(**changed: bytes) -> dict[str, bytes]:
    """Five papers, of which 4 and 3 are for testing, in this order."""
    files = {
        "x": whole(rows2(WORDS[:2])),
        "y": whole(array2(CLASSES[:2])),
        "allx": whole(rows2(WORDS[:3])),
        "ally": whole(array2(CLASSES[:3])),
        "tx": whole(rows2(WORDS[[4, 3]])),
        "ty": whole(array2(CLASSES[[4, 3]])),
        "graph": pickle.dumps({0: [1, 1, 0], 1: [2], 3: [4]}, protocol=2),
        "test.index": b"4\n3\n",
    }
    return {f"ind.toy.{name}": content for name, content in (files | changed).items()}


def test_a_citation_network_puts_test_papers_where_their_index_says() -> None:
    read = read_planetoid(papers())
    assert np.array_equal(read.features, WORDS) and read.features.dtype == np.float32
    assert read.labels.tolist() == [0, 2, 1, 2, 0]
    assert (read.train.tolist(), read.validation.tolist(), read.test.tolist()) == ([0, 1], [2], [3, 4])
    assert read.edges.T.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1], [3, 4], [4, 3]]
    assert all(not array.flags.writeable for array in arrays_of(read))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"graph": whole(b"cos\nsystem\n(U\x04truetR")}, "names os system"),
        ({"graph": whole(b"(U\x04trueios\nsystem\n")}, "the instruction INST"),
        ({"graph": whole(b"c__builtin__\neval\n(U\x011tR")}, "names __builtin__ eval"),
        ({"graph": pickle.dumps({0: [9], 1: []}, protocol=2)}, "leads to no node"),
        ({"graph": pickle.dumps({0: [2**70]}, protocol=2)}, "the instruction LONG1"),
        ({"graph": b""}, "ValueError"),
        ({"graph": b"\x80\x02K\x00K\x00."}, "ValueError"),
        ({"graph": b"\x80\x02t."}, "ValueError"),
        ({"graph": b"\x80\x02\x85."}, "not the files"),
        ({"x": b"not a pickle"}, "not the files"),
        ({"y": whole(b"N")}, "AttributeError"),
        ({"y": whole(array2(CLASSES).replace(b"i4", b"O8"))}, "none of numbers"),
        ({"ty": whole(array2(CLASSES)[:-3] + b"\x85b")}, "not the files"),
        ({"test.index": b"four"}, "ValueError"),
        ({"test.index": b"40\n30\n"}, "IndexError"),
        ({"tx": whole(array2(WORDS))}, "where sparse rows should be"),
        ({"ally": whole(rows2(WORDS))}, "where an array should be"),
    ],
)
def test_a_malformed_citation_network(changed: dict[str, bytes], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_planetoid(papers(**changed))
