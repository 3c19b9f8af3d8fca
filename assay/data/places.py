"""Where the files of a set may lie on this machine, and reading them there. Nothing here uses the network."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from assay.data.dataset import DataSet, File, Package
from assay.errors import DataError


@dataclass(frozen=True)
class Place:
    """A folder that may hold the files of a set, and what their names end in there; None where there is no folder."""

    title: str
    folder: Path | None
    packed: str = ""


def cache_folder() -> Path | None:
    """`$ASSAY_DATA`, else the user's cache folder as pooch has it; None where neither is known."""
    if chosen := os.environ.get("ASSAY_DATA"):
        return Path(chosen).expanduser().absolute()
    try:
        import platformdirs  # what pooch.os_cache asks, without importing all of pooch
    except ModuleNotFoundError:
        return None
    return Path(platformdirs.user_cache_dir("assay"))


def places_of(dataset: DataSet) -> Iterator[Place]:
    """Where the set's files may lie here, the cache first."""
    cache, package = cache_folder(), dataset.package
    if dataset.files and cache is not None:
        yield Place(f"the cache {cache / dataset.name}", cache / dataset.name)
    if package is not None and package.registry != "npm":  # which nobody installs for its data
        yield Place(f"the installed {package.title}", _installed(package), package.packed)


def read_files(dataset: DataSet, place: Place) -> dict[str, bytes]:
    """The contents of all files of a set, each compared with its sha256.

    Raises DataError that says what is wrong with the place.
    """
    folder = place.folder
    if folder is None:
        raise DataError("not installed")
    return {file.name: read_file(folder / f"{file.name}{place.packed}", file) for file in dataset.files}


def intact_place(dataset: DataSet) -> Place | None:
    """Where the whole set lies on this machine, byte for byte; None where nowhere."""
    for place in places_of(dataset):
        with suppress(DataError):
            read_files(dataset, place)
            return place
    return None


def read_file(path: Path, file: File) -> bytes:
    """The content of one file, gunzipped where its name says so and the set's does not. Raises DataError."""
    if not path.is_file():
        raise DataError(f"{path.name} is not there")
    try:
        with gzip.open(path) if path.name == f"{file.name}.gz" else path.open("rb") as stream:
            return checked(stream, file, path.name)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror or error})") from None


class Readable(Protocol):
    """What is read of an open file, packed or not."""

    def read(self, size: int, /) -> bytes: ...


def checked(stream: Readable, file: File, where: str) -> bytes:
    """All of a stream that must be that file; never more of it than the file has. Raises DataError."""
    try:
        content = stream.read(file.size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where} cannot be read ({error})") from None
    if len(content) != file.size or sha256(content).hexdigest() != file.sha256:
        raise DataError(f"{where} is not the file it should be (its sha256 differs)")
    return content


def _installed(package: Package) -> Path | None:
    """Where an installed package has its files, found without importing it."""
    if package.registry == "Debian":
        folder = Path(package.folder)
        return folder if folder.is_dir() else None
    module, _, below = package.folder.partition("/")
    spec = find_spec(module)
    return next((Path(top) / below for top in (spec and spec.submodule_search_locations) or ()), None)
