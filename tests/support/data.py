"""A tiny data set, and the archives it may come in."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from hashlib import sha256

import numpy as np

from assay.data.dataset import DataSet, Download, File, Package
from assay.data.digits import Digits, read_idx

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
LABELS = np.array([7, 0, 9], dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    """An idx file of unsigned bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


FILES = {"toy-images": idx(IMAGES), "toy-labels": idx(LABELS)}


def read_toy(files: Mapping[str, bytes]) -> Digits:
    return Digits(read_idx(files["toy-images"]), read_idx(files["toy-labels"]).astype(np.int64))


def toy(*, package: Package | None = None, canonical: tuple[Download, ...] = ()) -> DataSet:
    """The set `toy`, of three pictures."""
    return DataSet(
        name="toy",
        title="three toys",
        holds="three pictures",
        source="a test",
        licence="none",
        citation="nobody",
        read=read_toy,
        files=tuple(File(name, len(content), hexadecimal(content)) for name, content in FILES.items()),
        package=package,
        canonical=canonical,
    )


def npm_package(archive: bytes) -> Package:
    return Package("npm", "toy-data", "1.0.0", "package/data", f"sha256:{hexadecimal(archive)}", len(archive))


def hexadecimal(content: bytes) -> str:
    return sha256(content).hexdigest()


def tgz(members: Mapping[str, bytes] | None = None, *further: tarfile.TarInfo) -> bytes:
    """A package as npm gives it; by default the one with the toys."""
    if members is None:
        members = {f"package/data/{name}": content for name, content in FILES.items()}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in further:
            archive.addfile(member)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
