"""A zygote: a process that has its libraries loaded and forks once for each request, into a program behind fences.

It lies within the outer sandbox, and never reads, holds or runs anything of a student's. A request is one datagram,
an `Order` as JSON with its descriptors; what comes of it is told, a datagram each, on the `report` that came along:

    {"process": true}                 with a pidfd of the fork
    {"ready": ..., "absent": ...}     from the fork, once nothing more can be reached
    {"status": ..., "cpu_seconds"}    all of it has ended

An empty datagram with a report alone is answered there at once.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from . import fork, gpu, landlock, namespaces, pages
from .confine import Policy, become, filters_of, signals_are_kept_in
from .fork import Order, Prepared
from .kernel import NO_NEW_PRIVS, PARENT_DEATH_SIGNAL, prctl
from .seccomp import Filters
from .start import Settings, furnish, prepare, say_ready
from .supervise import SIGNALLED, supervise

LARGEST_REQUEST, MOST_DESCRIPTORS = 1 << 16, 16


@dataclass(frozen=True)
class Forked:
    """A program that runs."""

    report: socket.socket
    leash: int | None  # watched here where no supervisor of its own does


def become_zygote(settings: Settings, proc: int) -> NoReturn:
    """Load the libraries, say so, and answer requests until the channel or the leash is closed.

    proc: a descriptor of /proc.
    """
    if settings.own_processes:
        become(settings.policy.user)
        prctl(NO_NEW_PRIVS, 1)
        namespaces.enter_own_user(proc)
    supervise(settings.leash, (settings.channel, settings.ready, proc), None, own_processes=settings.own_processes)
    prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if settings.own_processes:
        namespaces.keep_to_make_namespaces()
    furnish(settings.work, ())
    gc.disable()  # a tenth of the time: it would look at all that is loaded, again and again
    absent = prepare(settings)
    fork.import_program(settings.program)
    if started := gpu.opened_by(proc):
        sys.exit(
            f"No submission can be forked once CUDA has started ({'; '.join(started)}). Importing one of "
            f"{', '.join(settings.modules)} starts it: take that out of the exercise's libraries."
        )
    os.chdir("/")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    zygote = Zygote(settings, proc)
    pages.settle(proc)
    gc.enable()
    say_ready(settings.ready, (), absent)
    zygote.serve()


class Zygote:
    """Forks, and tells of each how it ended."""

    def __init__(self, settings: Settings, proc: int) -> None:
        self._program = settings.program
        places = {} if settings.own_processes else landlock.look_up(_shared(settings.policy))
        self._prepared = Prepared(settings.own_processes, proc, _filters(settings), places)
        self._requests = socket.socket(fileno=settings.channel)
        self._namespace = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        self._running: dict[int, Forked] = {}
        self._poll = select.poll()

    def serve(self) -> NoReturn:
        """Answer requests until nobody is left to ask."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        self._poll.register(self._requests, select.POLLIN)
        self._poll.register(woken, select.POLLIN)
        while True:
            for descriptor, event in self._poll.poll():
                if descriptor == self._requests.fileno():
                    if not event & select.POLLIN or not self._answer():
                        os._exit(0)  # with it all forks end
                elif descriptor == woken:
                    os.read(woken, 4096)
                else:
                    self._cut(descriptor)
            self._reap()

    def _answer(self) -> bool:
        """Whether there was a request."""
        data, descriptors, _, _ = socket.recv_fds(self._requests, LARGEST_REQUEST, MOST_DESCRIPTORS)
        if not descriptors:
            return False
        report = socket.socket(fileno=descriptors[0])
        try:
            if data == b"{}":
                _tell(report, {})
            else:
                self._fork(data, descriptors)
        except OSError as error:
            _tell(report, {"refused": f"{type(error).__name__}: {error}"})
        finally:
            report.detach()
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, order: bytes, descriptors: list[int]) -> None:
        in_use = pages.address_space(self._prepared.proc)
        sys.stdout.flush()
        sys.stderr.flush()
        child = namespaces.fork_into_namespace(self._namespace) if self._prepared.own_processes else os.fork()
        if child == 0:
            self._become(order, descriptors, in_use)
        report = socket.socket(fileno=os.dup(descriptors[0]))
        leash = os.dup(descriptors[3]) if self._prepared.own_processes else None
        self._running[child] = Forked(report, leash)
        if leash is not None:
            self._poll.register(leash, 0)  # a hang-up is always reported
        process = os.pidfd_open(child)
        try:
            _tell(report, {"process": True}, process)
        finally:
            os.close(process)

    def _become(self, order: bytes, descriptors: list[int], in_use: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            report, channel, output, leash, files, *groups = descriptors
            given = fork.Given(report, channel, output, leash, files, tuple(groups))
            begun = fork.begin(Order.of(order), given, self._prepared, in_use)
            status = fork.run_to_its_end(self._program, Order.of(order).work, begun)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _cut(self, leash: int) -> None:
        """End the fork whose leash was closed at its other end."""
        self._poll.unregister(leash)
        for child, forked in self._running.items():
            if forked.leash == leash:
                os.kill(child, signal.SIGKILL)

    def _reap(self) -> None:
        while self._running:
            child, status, used = os.wait4(-1, os.WNOHANG)
            if child == 0:
                return
            forked = self._running.pop(child, None)
            if forked is None:  # an orphan
                continue
            code = os.waitstatus_to_exitcode(status)
            code = SIGNALLED - code if code < 0 else code
            with forked.report:
                _tell(forked.report, {"status": code, "cpu_seconds": used.ru_utime + used.ru_stime})
            if forked.leash is not None:
                self._forget(forked.leash)

    def _forget(self, leash: int) -> None:
        with suppress(KeyError):
            self._poll.unregister(leash)
        os.close(leash)


def _shared(policy: Policy) -> Iterator[str]:
    """Paths that mean the same in every process, and that every fork is shown."""
    yield from policy.listable
    yield from policy.executable
    yield from (path for path in policy.readable if not path.startswith("/proc/self"))


def _filters(settings: Settings) -> Filters | None:
    """The filters of every fork; None where each has to make its own."""
    if settings.policy.same_user and not signals_are_kept_in():
        return None
    try:
        return filters_of(settings.policy)
    except OSError:
        return None


def _tell(report: socket.socket, message: dict[str, object], *descriptors: int) -> None:
    with suppress(OSError):  # whoever asked is gone
        socket.send_fds(report, [json.dumps(message).encode()], descriptors, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
