"""A zygote as seen from outside: what it is asked, what it answers, and when it is given up.

Its socket can be held by several processes at once, because each request is one datagram that brings its own
descriptors, and is answered on one of these.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, Protocol

from assay.errors import SandboxError
from assay.sandbox.inside.fork import Order
from assay.sandbox.isolation.cgroup import Group
from assay.sandbox.isolation.job import Isolation, Job
from assay.sandbox.isolation.launch import HINT, START_SECONDS, files_of, pipe, written
from assay.sandbox.isolation.process import Fork
from assay.sandbox.isolation.running import Hold, Running

IDLE = 5.0  # seconds without an answer, after which a zygote is asked whether it lives
ANSWER_SECONDS = 10.0  # in which a zygote answers


class Lost(Exception):
    """The zygote is dead or stuck; another one may do."""


@dataclass
class Zygote:
    """Where to ask one. It can be sent to a process that multiprocessing starts."""

    requests: socket.socket
    view: str  # the folder of the libraries, as it looks from within
    answered: float = field(default_factory=time.monotonic)  # when it did last


class Forking(Isolation, Protocol):
    """A tier whose programs can be forks of a zygote."""

    @property
    def warm(self) -> bool:
        """Whether they may be: whether such a fork withstood the self-test."""
        ...

    def start_zygote(self, job: Job) -> tuple[Running, Zygote]:
        """Start a zygote for jobs such as this one; returns once the libraries are loaded. Raises SandboxError."""
        ...

    def fork(self, zygote: Zygote, job: Job) -> Running:
        """Start a program from a zygote. Raises Lost, and SandboxError as `Isolation.start` does."""
        ...


def fork(
    zygote: Zygote,
    job: Job,
    order: Order,
    group: Group | None,
    hold: Callable[[Fork, IO[bytes]], Hold],
) -> Running:
    """Start a program; returns once it is confined. `hold` is given its process and our end of its leash.

    Raises Lost, and SandboxError where the start fails for another reason.
    """
    if time.monotonic() - zygote.answered > IDLE:
        ping(zygote)
    with ExitStack() as near, ExitStack() as far:
        report, far_report = _pair(socket.SOCK_SEQPACKET, near, far)
        channel, far_channel = _pair(socket.SOCK_STREAM, near, far)
        output, far_output = pipe("rb", near, far)
        leash, far_leash = pipe("wb", near, far)
        files = written(json.dumps(files_of(job)), far)
        entrances = [_entrance(entrance, far) for entrance in (group.entrances if group else ())]
        descriptors = (far_report.fileno(), far_channel.fileno(), far_output, far_leash, files, *entrances)
        _send(zygote, order.as_json(), descriptors)
        far.close()
        process = _forked(zygote, report, output)
        running = Running(channel, process, hold(process, leash), job.limits, job.gpu)
        near.pop_all()
        _await(running, process)
        return running


def ping(zygote: Zygote) -> None:
    """Ask for a sign of life. Raises Lost."""
    with ExitStack() as near, ExitStack() as far:
        report, far_report = _pair(socket.SOCK_SEQPACKET, near, far)
        _send(zygote, b"{}", (far_report.fileno(),))
        far.close()
        _hear(zygote, report)


def _send(zygote: Zygote, data: bytes, descriptors: tuple[int, ...]) -> None:
    poll = select.poll()
    if zygote.requests.fileno() == -1:
        raise Lost("it was given up")
    poll.register(zygote.requests, select.POLLOUT)
    if not poll.poll(1000 * ANSWER_SECONDS):
        raise Lost("it takes no requests")
    try:
        socket.send_fds(zygote.requests, [data], descriptors, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError as error:
        raise Lost(str(error)) from None


def _hear(zygote: Zygote, report: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A message and its descriptors."""
    poll = select.poll()
    poll.register(report, select.POLLIN)
    if not poll.poll(1000 * ANSWER_SECONDS):
        raise Lost(f"it has not answered within {ANSWER_SECONDS:g} seconds")
    try:
        data, descriptors, _, _ = socket.recv_fds(report, 1 << 16, 1)
    except OSError as error:
        raise Lost(str(error)) from None
    if not data:
        raise Lost("it has ended")
    zygote.answered = time.monotonic()
    message = json.loads(data)
    if "refused" in message:
        raise SandboxError(f"The sandbox did not start: its zygote could not fork ({message['refused']}).{HINT}")
    return message, descriptors


def _forked(zygote: Zygote, report: socket.socket, output: IO[bytes]) -> Fork:
    ready = False
    while True:
        message, descriptors = _hear(zygote, report)
        if "process" in message:
            return Fork(report, output, descriptors[0], _process_id(descriptors[0]), ready)
        ready = ready or "ready" in message


def _process_id(handle: int) -> int:
    """The process id, on this machine, behind a pidfd."""
    with open(f"/proc/self/fdinfo/{handle}") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))


def _await(running: Running, process: Fork) -> None:
    """Wait until nothing more can be reached. Stops the program and raises where that does not come."""
    if not process.ready_within(START_SECONDS):
        ending = running.stop()
        raise SandboxError(
            f"The sandbox did not start ({ending.reason}, status {ending.status}). It said: "
            f"{ending.output.strip()[-2000:] or 'nothing'}{HINT}"
        )
    running.begins()


def _pair(kind: socket.SocketKind, near: ExitStack, far: ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket.socketpair(socket.AF_UNIX, kind)
    return near.enter_context(here), far.enter_context(there)


def _entrance(file: os.PathLike[str], far: ExitStack) -> int:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    far.callback(partial(os.close, descriptor))
    return descriptor
