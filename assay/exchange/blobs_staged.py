"""Contents on their way into the store: on this machine's disk, in a folder of whoever opened it, until they are kept.

Whoever opens the store next removes what a crash left; a lock tells the folder of a process that lives.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import ExchangeError, Refusal


@dataclass(frozen=True)
class Staged:
    """Contents that are on the disk, but not kept yet."""

    sha256: str
    size: int
    place: Path


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """A new folder, which is gone at the end, as is what crashes left beside it. Raises OSError."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_what_a_crash_left(parent)
    folder, lock = _new_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def stage(folder: Path, blocks: Iterable[bytes], most: int) -> Staged:
    """Write contents of at most `most` bytes to the disk.

    Raises Refusal (`too_large`), ExchangeError where the disk refuses, and whatever `blocks` raises; then nothing is
    left of it.
    """
    place = folder / uuid.uuid4().hex
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
        raise not_stored(error) from error
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return Staged(digest.hexdigest(), size, place)


def drop(staged: Iterable[Staged]) -> None:
    """Remove what was not kept."""
    for one in staged:
        one.place.unlink(missing_ok=True)


def not_stored(error: Exception) -> ExchangeError:
    """For whoever submits, when a disk or an object store refuses."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
    return ExchangeError(
        f"The server cannot store files ({why}). This submission was not taken; it is not your fault. "
        "Submit it again later, and tell your instructor."
    )


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _new_folder(parent: Path) -> tuple[Path, int]:
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
