"""Processes that end with whoever started them: a leash is a pipe, and who holds its writing end holds the process."""

from __future__ import annotations

import fcntl
import os
import select
import signal


def put_on(leash: int) -> None:
    """From now on the kernel kills this process group when the writing end of that pipe is closed everywhere.

    Also where this process hangs in native code, and where it may signal nobody. `leash` is the reading end, which
    nobody else may read from or put on.
    """
    fcntl.fcntl(leash, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(leash, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)
    if is_loose(leash):  # it was closed before anybody listened
        os.killpg(0, signal.SIGKILL)


def is_loose(leash: int) -> bool:
    """Whether nobody holds the other end any more."""
    poll = select.poll()
    poll.register(leash, 0)  # a hang-up is always reported
    return bool(poll.poll(0))
