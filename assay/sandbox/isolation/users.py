"""A uid that nothing else on this machine uses, for as long as one sandbox runs."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.errors import SandboxError

FIRST, COUNT = 62000, 3000  # within the range that systemd and containers keep for transient users


@dataclass(frozen=True)
class Lease:
    """A uid of our own until `release` is called."""

    user: int | None  # None: we are not root, so everything runs as ourselves
    release: Callable[[], None]


def lease_user() -> Lease:
    """A uid that no other grader on this machine holds and no process has. Raises SandboxError where all are taken.

    The lease is a file lock, so that it ends with this process whatever happens.
    """
    if os.geteuid() != 0:
        return Lease(None, lambda: None)
    folder = _locks()
    busy = _users_of_processes()
    for user in range(FIRST, FIRST + COUNT):
        if user in busy:
            continue
        descriptor = os.open(folder / str(user), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return Lease(user, partial(os.close, descriptor))
    raise SandboxError(
        f"No uid between {FIRST} and {FIRST + COUNT - 1} is free for a sandbox. "
        "End what runs under them (ps -eo uid,pid,cmd) or grade fewer submissions at once."
    )


def _locks() -> Path:
    """A folder that root alone can enter, the same for every grader on this machine."""
    parent = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    folder = parent / "assay-users"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != 0 or status.st_mode & 0o170077 != 0o040000:
        raise SandboxError(f"{folder} must be a folder that only root can enter. Remove it and start again.")
    return folder


def _users_of_processes() -> set[int]:
    users = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                users.add(process.stat().st_uid)
            except OSError:
                continue
    return users


def end_processes_of(user: int | None) -> None:
    """Kill every process that runs under a leased uid."""
    while user is not None and user in _users_of_processes():
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with suppress(OSError):
                    if process.stat().st_uid == user:
                        os.kill(int(process.name), signal.SIGKILL)
        time.sleep(0.001)


def processes_of_user() -> int:
    """Processes and threads that already run under our uid, as RLIMIT_NPROC counts them."""
    count = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if process.stat().st_uid == os.getuid():
                count += len(list((process / "task").iterdir()))
        except OSError:
            continue
    return count


def others_can_reach(path: Path) -> bool:
    """Whether a process of another user can read this file or list this folder, by its permissions."""
    return bool(path.stat().st_mode & 0o004) and others_can_enter(path)


def others_can_enter(path: Path) -> bool:
    """Whether another user may pass through every folder above this path."""
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def counted_in_new_namespace() -> int:
    """Processes that count against RLIMIT_NPROC in a user namespace made now."""
    return processes_of_user() if counts_processes_by_user() else 0


def counts_processes_by_user() -> bool:
    """Whether this kernel counts a user's processes in all user namespaces together, as before Linux 5.14."""
    version = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    return version < (5, 14)
