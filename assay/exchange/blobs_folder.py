"""Contents in a folder: FOLDER/ab/<sha256>. A name is given when the bytes are on the disk, never before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.errors import ExchangeError
from assay.exchange.blobs_staged import Staged, not_stored
from assay.exchange.disk import sync_folder

_BLOCK = 2**20


@dataclass(frozen=True)
class Folder:
    """A store, as `blobs.Store`."""

    folder: Path

    def keep(self, staged: Iterable[Staged]) -> None:
        """Give contents their lasting names. Raises ExchangeError; then some may be kept and others not."""
        folders = set()
        try:
            for one in staged:
                target = self._place(one.sha256)
                target.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(one.place, target)  # also over equal contents: those on the disk may be damaged by now
                folders.add(target.parent)
            for folder in sorted(folders):
                sync_folder(folder)
            sync_folder(self.folder)
        except OSError as error:
            raise not_stored(error) from error

    def blocks(self, sha256: str) -> Iterator[bytes]:
        """What lies under a name, whatever it is by now. Raises ExchangeError where nothing can be read."""
        try:
            with open(self._place(sha256), "rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise ExchangeError(f"The file {sha256} cannot be read ({error}). Restore it from a backup.") from error

    def _place(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256
