"""Files kept under the sha256 of what is in them: blobs/ab/<sha256>. Equal contents are kept once.

What is written lies in `new/<one opening>/` first. Only `keep` gives it its name, when its bytes are on the disk, so
that a name never leads to half a file. Whoever opens the store next removes what a crash left in `new/`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import ExchangeError, Refusal
from assay.exchange.disk import sync_folder
from assay.exchange.manifest import File, Manifest

_BLOCK = 2**20
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Blobs:
    """An open store."""

    folder: Path
    new: Path  # this opening's own


@dataclass(frozen=True)
class Staged:
    """Contents that are on the disk, but not kept yet."""

    sha256: str
    size: int
    place: Path


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
def open_blobs(folder: Path) -> Iterator[Blobs]:
    """Open a store, made where there is none. Several processes may have it open. Raises ExchangeError."""
    try:
        (folder / "new").mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_what_a_crash_left(folder / "new")
        new, lock = _own_folder(folder / "new")
    except OSError as error:
        raise ExchangeError(
            f"{folder} cannot hold submissions ({error}). Make it a folder that you can write."
        ) from error
    try:
        yield Blobs(folder, new)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        os.close(lock)


def stage(blobs: Blobs, blocks: Iterable[bytes], most: int) -> Staged:
    """Write contents of at most `most` bytes to the disk, without keeping them yet.

    Raises Refusal (`too_large`), ExchangeError where the disk refuses, and whatever `blocks` raises; then nothing is
    left of it.
    """
    place = blobs.new / uuid.uuid4().hex
    try:
        with open(place, "xb", opener=_for_its_owner) as file:
            digest, size = hashlib.sha256(), 0
            for block in blocks:
                size += len(block)
                if size > most:
                    raise Refusal("too_large", f"A file is larger than {most:,} bytes. Submit less of it.")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        place.unlink(missing_ok=True)
        raise _not_stored(error) from error
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return Staged(digest.hexdigest(), size, place)


def keep(blobs: Blobs, staged: Iterable[Staged]) -> None:
    """Give contents their lasting names. Raises ExchangeError; then some may be kept and others not."""
    folders = set()
    try:
        for one in staged:
            target = _place(blobs, one.sha256)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            os.replace(one.place, target)  # also over equal contents: those on the disk may be damaged by now
            folders.add(target.parent)
        for folder in sorted(folders):
            sync_folder(folder)
        sync_folder(blobs.folder)
    except OSError as error:
        raise _not_stored(error) from error


def drop(staged: Iterable[Staged]) -> None:
    """Remove what was not kept."""
    for one in staged:
        one.place.unlink(missing_ok=True)


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
    digest, left, held = hashlib.sha256(), size, b""
    try:
        with open(_place(blobs, sha256), "rb") as file:
            while block := file.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                if held:
                    yield held
                held = block
    except OSError as error:
        raise ExchangeError(f"The file {sha256} cannot be read ({error}). Restore it from a backup.") from error
    if left or digest.hexdigest() != sha256:
        raise ExchangeError(f"The file {sha256} is damaged on the disk. Restore it from a backup.")
    if held:
        yield held


def _place(blobs: Blobs, sha256: str) -> Path:
    if not _SHA256.fullmatch(sha256):
        raise ExchangeError(f"{sha256[:80]!r} is no sha256. The database may be damaged: restore it from a backup.")
    return blobs.folder / sha256[:2] / sha256


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _not_stored(error: OSError) -> ExchangeError:
    return ExchangeError(
        f"The server cannot store files ({error.strerror}). This submission was not taken; it is not your fault. "
        "Submit it again later, and tell your instructor."
    )


def _own_folder(parent: Path) -> tuple[Path, int]:
    """A new folder that is locked as long as this opening lasts; the lock ends with the process."""
    while True:
        folder = parent / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        lock = _lock(folder)
        if lock is not None and folder.is_dir():  # else another opening took it for a dead one
            return folder, lock
        if lock is not None:
            os.close(lock)


def _remove_what_a_crash_left(parent: Path) -> None:
    for folder in [*parent.iterdir()]:
        lock = _lock(folder)
        if lock is None:
            continue  # alive
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
