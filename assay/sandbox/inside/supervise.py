"""A parent that stays outside the fence, so that nothing its child starts can outlive the child or the judge."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

from .kernel import CHILD_SUBREAPER, prctl, set_capabilities

RACE = 0.001  # seconds until those are looked for that were forked while others were killed
GONE = 0.1  # seconds for killed processes to be gone, where all were killed at once
SIGNALLED = 128  # added to a signal's number in an exit status, as shells do


def supervise(leash: int, not_ours: Iterable[int], user: int | None, *, own_processes: bool) -> None:
    """Fork. Returns in the child; the parent waits, ends what is left and exits with the child's status.

    It stops waiting when the child has ended or the leash is closed at its other end, as it is when the grader is no
    more. Orphans become its children. `not_ours` are descriptors that only the child may hold; `user` is the uid that
    the child takes for itself alone. In a process namespace of its own nothing can be left, so the parent gives up
    the means to look for it.
    """
    prctl(CHILD_SUBREAPER, 1)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (woken, wake, leash):
            os.close(descriptor)
        return
    for descriptor in not_ours:
        os.close(descriptor)
    if own_processes:
        set_capabilities(0)
    status = _wait(child, leash, woken)
    if not own_processes:
        end_all(user)
    os._exit(status)


def _wait(child: int, leash: int, woken: int) -> int:
    """Exit status of the child, or of a killed one where the leash was closed first."""
    poll = select.poll()
    poll.register(leash, select.POLLHUP)
    poll.register(woken, select.POLLIN)
    while True:
        while (ended := _reap()) is not None:
            if ended[0] == child:
                return ended[1]
        events = dict(poll.poll())
        if leash in events:
            _kill(child)
            os.waitpid(child, 0)
            return SIGNALLED + signal.SIGKILL
        os.read(woken, 4096)


def _reap() -> tuple[int, int] | None:
    """A child that ended, and its exit status; None where there is none, or none left."""
    try:
        child, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    code = os.waitstatus_to_exitcode(status) if child else 0
    return (child, SIGNALLED - code if code < 0 else code) if child else None


def end_all(user: int | None) -> None:
    """Kill every process of the user, or every descendant where it is not alone with its uid, and reap them."""
    while not _are_reaped_within(0):  # orphans are our children, too
        if user is None:
            for process in descendants(os.getpid()):
                _kill(process)
        else:
            _kill_as(user)
        _are_reaped_within(RACE if user is None else GONE)


def _are_reaped_within(seconds: float) -> bool:
    """Whether all children have ended, waiting so long for it."""
    deadline = time.monotonic() + seconds
    while True:
        while _reap() is not None:
            pass
        if not _has_children():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.0005)


def descendants(process: int) -> list[int]:
    """Process ids of all descendants that can be seen in /proc, nearest first."""
    found = [process]
    for parent in found:
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    found.extend(map(int, file.read().split()))
            except OSError:
                continue
    return found[1:]


def _kill_as(user: int) -> None:
    """kill(-1) as that user reaches all its processes at once, so that none can fork away."""
    killer = os.fork()
    if killer == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(killer, 0)


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
