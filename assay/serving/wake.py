"""Who puts a job into the table wakes the worker that waits for it, so that nobody has to look often.

A byte in a named pipe: it needs no port, may get lost without harm, since a worker looks now and then anyway, and the
kernel removes nothing of it that a crash could leave locked.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.errors import JobError

_MANY = 4096  # bytes


def wake(folder: Path, kind: str) -> None:
    """Tell the worker of a kind of jobs that there is one. Nothing happens where none waits."""
    with suppress(OSError):  # there is no pipe yet, nobody reads it, or it is full: it will be looked at anyway
        pipe = os.open(folder / kind, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.write(pipe, b".")
        finally:
            os.close(pipe)


@contextmanager
def woken(folder: Path, kind: str) -> Iterator[int]:
    """The pipe of a worker, to wait for. Raises JobError where it cannot be made."""
    place = folder / kind
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (place.exists() and stat.S_ISFIFO(place.lstat().st_mode)):
            place.unlink(missing_ok=True)
            with suppress(FileExistsError):
                os.mkfifo(place, 0o600)
        pipe = os.open(place, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)  # also writing: it never ends
    except OSError as error:
        raise JobError(
            f"The pipe {place} cannot be made ({error}). ASSAY_HOME has to be a folder of this user, on a disk that "
            "knows pipes."
        ) from error
    try:
        yield pipe
    finally:
        os.close(pipe)


def wait(pipe: int, seconds: float) -> bool:
    """Whether somebody called within so many seconds; returns at once when they do."""
    called, _, _ = select.select([pipe], [], [], seconds)
    if called:
        with suppress(BlockingIOError):
            os.read(pipe, _MANY)
    return bool(called)
