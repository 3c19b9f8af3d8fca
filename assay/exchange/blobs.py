"""Files kept under the sha256 of what is in them, equal contents once: in a folder, or in an object store.

What is written lies on this machine's disk first (`blobs_staged`). Only `keep` gives it its name, when it is all
there, so that a name never leads to half a file, and whoever reads compares it with its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assay.errors import ExchangeError
from assay.exchange import blobs_staged
from assay.exchange.blobs_folder import Folder
from assay.exchange.blobs_s3 import open_bucket
from assay.exchange.blobs_staged import Staged, drop
from assay.exchange.manifest import File, Manifest

__all__ = ["Blobs", "Staged", "Upload", "drop", "keep", "open_blobs", "read", "stage", "write"]

_SHA256 = re.compile("[0-9a-f]{64}")


class Store(Protocol):
    """Where contents lie under their names."""

    def keep(self, staged: Iterable[Staged]) -> None:
        """Raises ExchangeError; then some may be kept and others not."""

    def blocks(self, sha256: str) -> Iterator[bytes]:
        """Raises ExchangeError where nothing can be read."""


@dataclass(frozen=True)
class Blobs:
    """An open store."""

    folder: Path  # on this machine
    new: Path  # this opening's own
    store: Store


@dataclass(frozen=True)
class Upload:
    """Files that were received and checked, and are kept as soon as somebody says so."""

    blobs: Blobs
    staged: tuple[tuple[str, Staged], ...]  # by path

    @property
    def manifest(self) -> Manifest:
        return tuple(sorted(File(path, one.sha256, one.size) for path, one in self.staged))

    def keep(self) -> None:
        """After this no crash loses them. Raises ExchangeError."""
        keep(self.blobs, (one for _, one in self.staged))


@contextmanager
def open_blobs(folder: Path, address: str = "") -> Iterator[Blobs]:
    """Open a store, made where there is none: the folder, or what is behind the address, such as s3://bucket/prefix.

    Several processes may have it open. Raises ExchangeError.
    """
    store = open_bucket(address) if address else Folder(folder)
    with ExitStack() as stack:
        try:
            new = stack.enter_context(blobs_staged.own_folder(folder / "new"))
        except OSError as error:
            raise ExchangeError(
                f"{folder} cannot hold submissions ({error}). Make it a folder that you can write."
            ) from error
        yield Blobs(folder, new, store)


def stage(blobs: Blobs, blocks: Iterable[bytes], most: int) -> Staged:
    """Write contents of at most `most` bytes to the disk, without keeping them yet.

    Raises Refusal (`too_large`), ExchangeError where the disk refuses, and whatever `blocks` raises; then nothing is
    left of it.
    """
    return blobs_staged.stage(blobs.new, blocks, most)


def keep(blobs: Blobs, staged: Iterable[Staged]) -> None:
    """Give contents their lasting names. Raises ExchangeError; then some may be kept and others not."""
    blobs.store.keep(staged)


def write(blobs: Blobs, blocks: Iterable[bytes], most: int) -> Staged:
    """Stage and keep. Raises what they raise."""
    staged = stage(blobs, blocks, most)
    try:
        keep(blobs, [staged])
    finally:
        drop([staged])
    return staged


def read(blobs: Blobs, sha256: str, size: int) -> Iterator[bytes]:
    """The contents in blocks. The last one comes only after the digest of all was compared.

    Raises ExchangeError where the contents are missing or damaged.
    """
    if not _SHA256.fullmatch(sha256):
        raise ExchangeError(f"{sha256[:80]!r} is no sha256. The database may be damaged: restore it from a backup.")
    digest, left, held = hashlib.sha256(), size, b""
    for block in blobs.store.blocks(sha256):
        left -= len(block)
        if left < 0:
            break
        digest.update(block)
        if held:
            yield held
        held = block
    if left or digest.hexdigest() != sha256:
        raise ExchangeError(f"The file {sha256} is damaged on the disk. Restore it from a backup.")
    if held:
        yield held
