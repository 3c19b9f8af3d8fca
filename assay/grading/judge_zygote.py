"""The judge zygote: has the checks of one exercise collected once, and is copied for each submission.

    python -I -B -m assay.grading.judge_zygote SOCKET LEASH

The first datagram on the socket names the exercise, each further one brings three descriptors: a control channel, a log
and a leash. A fork then is the judge at the other end of that channel (see `judge`) until the leash is let go. Several
processes can hold the other end of the socket. The datagram "fill" says that a class will come, so that the bank of
examples is filled at once; otherwise that is done when the second submission comes. The zygote never reads a control
channel, so that nothing of one submission is ever in the memory of the judge of another.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Literal, NoReturn

from hypothesis.configuration import set_hypothesis_home_dir

from assay.checks.collected import Seat, Session, Suite
from assay.checks.siblings import load, siblings
from assay.checks.suite import opened, results_of
from assay.errors import AuthoringError
from assay.grading import leash
from assay.grading.assigned import Round
from assay.grading.control import LARGEST, ControlError
from assay.grading.judge import Judge, refuse
from assay.grading.judge_ready import Filler, Filling, Ready, receive_filled
from assay.grading.judge_rights import confine_zygote
from assay.sandbox.inside.kernel import PARENT_DEATH_SIGNAL, prctl

PATIENCE = 10.0  # seconds for what was announced to come
FILL: Literal["fill"] = "fill"
THREADED = "The checks start threads when they are imported, so every submission has to wait until they are imported."


@dataclass(frozen=True)
class Request:
    """What comes with one request for a judge."""

    control: socket.socket
    log: int
    leash: int

    def close(self) -> None:
        self.control.close()
        os.close(self.log)
        os.close(self.leash)


@dataclass(frozen=True)
class Fork:
    """One judge, and the folder that is its own."""

    process: int
    folder: str


class Zygote:
    """Waits for requests; each fork of it returns from `admit` with a student."""

    def __init__(self, requests: socket.socket, own_leash: int, round: Round) -> None:
        self._requests = requests
        self._own_leash = own_leash
        self._round = round
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)
        self._threads = os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY)
        self._forks: dict[int, Fork] = {}  # by leash
        self._folders = count(1)
        self._asked = 0
        self._filling: Filling | None = None
        self._role: Judge | Filler | None = None  # in a fork
        self._lacking = confine_zygote(round.folder)

    def run(self) -> NoReturn:
        """Collect the suite, and serve; in a fork, judge."""
        try:
            with siblings(self._round.folder):
                self._ready = Ready(self._round, vars(load(self._round.reference)), self._lacking)
            with opened(self._round.checks, self._round.reference, self._round.tasks) as suite:
                self._judge_suite(suite)
        except AuthoringError as error:
            self._refuse_all(str(error))
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        os._exit(1)

    def admit(self, session: Session) -> Seat:
        """Whom to judge. Called when the checks are collected; returns in forks alone."""
        _settle()
        while True:
            request = self._next()
            if request is None:
                os._exit(0)
            if request == FILL:
                if self._filling is None and not self._has_threads() and (seat := self._fill(session)):
                    return seat
                continue
            if self._has_threads():  # which a fork would lack, and might wait for forever
                self._ready.staff_notes.append(THREADED)
                self._requests.close()
                return self._become(Judge, request, session)
            self._asked += 1
            if self._asked == 2 and self._filling is None and (seat := self._fill(session)):
                return seat
            if self._fork(request):
                return self._become(Judge, request, session)

    def _has_threads(self) -> bool:
        return len(os.listdir(self._threads)) > 1

    def _judge_suite(self, suite: Suite) -> NoReturn:
        """Inside of `opened`, whose files a fork must not remove. Raises AuthoringError in the zygote alone."""
        try:
            results = results_of(suite, self.admit, self._round.secret)
            assert self._role is not None
            self._role.finish(results)
        except AuthoringError as error:
            if self._role is None:
                raise
            self._role.refuse(str(error))
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        os._exit(0)

    def _fill(self, session: Session) -> Seat | None:
        """Have a fork fill the bank of examples, and then prepare diagnoses. A seat in that fork."""
        channel, theirs = socket.socketpair()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        request = Request(theirs, os.dup(1), reading)
        self._filling = Filling(channel, writing)
        if self._fork(request):
            return self._become(Filler, request, session)
        deadline = time.monotonic() + self._round.limits.seconds
        if self._take("bank", self._ready.take_bank, deadline):
            self._poll.register(channel, select.POLLIN)
        return None

    def _take(self, kind: str, take: Callable[[bytes], None], deadline: float) -> bool:
        """Take over what the filling fork has done. Whether that could be."""
        assert self._filling is not None
        try:
            take(receive_filled(self._filling.channel, kind, deadline))
            return True
        except AuthoringError:  # each judge will meet it and tell
            self._filling.close()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            self._ready.staff_notes.append(f"Each judge does work that could be done once: no {kind} is kept ({what}).")
            self._filling.close()
        finally:
            _settle()
        return False

    def _take_diagnosis(self) -> None:
        """What the filling fork has prepared since, which is complete or will be at once."""
        assert self._filling is not None
        self._poll.unregister(self._filling.channel)
        self._take("diagnosis", self._ready.take_diagnosis, time.monotonic() + PATIENCE)
        self._filling.close()

    def _next(self) -> Request | Literal["fill"] | None:
        """The next request, or None where nobody can ask any more. Forks whose leash was let go are ended meanwhile."""
        while self._requests.fileno() != -1 or self._forks:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._forks:
                    self._end(descriptor)
                elif descriptor != self._requests.fileno():
                    self._take_diagnosis()
                elif request := self._received():
                    return request
        return None

    def _received(self) -> Request | Literal["fill"] | None:
        data, descriptors, _, _ = socket.recv_fds(self._requests, 4096, 3)
        if data == FILL.encode() and not descriptors:
            return FILL
        if len(descriptors) == 3:
            control, log, own = descriptors
            return Request(socket.socket(fileno=control), log, own)
        for descriptor in descriptors:
            os.close(descriptor)
        if not data:
            self._poll.unregister(self._requests)
            self._requests.close()
        return None

    def _fork(self, request: Request) -> bool:
        """Whether this is the fork that was asked for."""
        folder = os.path.join(os.getcwd(), str(next(self._folders)))
        zygote = os.getpid()
        try:
            os.mkdir(folder, 0o700)
            process = os.fork()
        except OSError:  # the other end sees its channel close
            traceback.print_exc(file=sys.__stderr__)
            request.close()
            return False
        if process == 0:
            os.setsid()
            prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() != zygote:
                os._exit(1)
            self._leave(folder)
            return True
        self._forks[request.leash] = Fork(process, folder)
        self._poll.register(request.leash, 0)
        request.control.close()
        os.close(request.log)
        return False

    def _leave(self, folder: str) -> None:
        """In a fork: let go of what is the zygote's, and live in a folder of its own."""
        for descriptor in (self._own_leash, self._threads, *self._forks):
            os.close(descriptor)
        if self._filling is not None:
            self._filling.close()
        self._forks.clear()
        self._requests.close()
        os.chdir(folder)
        os.environ.update(HOME=folder, TMPDIR=folder)
        tempfile.tempdir = None
        set_hypothesis_home_dir(folder)

    def _become(self, role: type[Judge] | type[Filler], request: Request, session: Session) -> Seat:
        """Be what was asked for, as long as it is wanted."""
        try:
            leash.put_on(request.leash)
            os.dup2(request.log, 1)
            os.dup2(request.log, 2)
            os.close(request.log)
            self._role = role(self._ready, request.control)
            return self._role.seat(session)
        except BaseException:  # pytest would take it for a fault of its own
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)

    def _end(self, descriptor: int) -> None:
        """A judge whose leash was let go: the kernel has killed it."""
        fork = self._forks.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        with suppress(OSError):
            os.killpg(fork.process, signal.SIGKILL)
        os.waitpid(fork.process, 0)
        shutil.rmtree(fork.folder, ignore_errors=True)

    def _refuse_all(self, message: str) -> None:
        """Tell whoever has asked by now. Who asks later finds nobody, and has the exercise looked at anew."""
        while True:
            request = self._next()
            if request is None:
                return
            if request == FILL:
                continue
            with suppress(ControlError):
                refuse(request.control, message)
            request.close()
            if not self._poll.poll(0):
                return


def _settle() -> None:
    """What is here stays, so that no fork looks at it again."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Be a zygote until nobody can ask any more, or whoever started it has ended."""
    requests, own_leash = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    leash.put_on(own_leash)
    Zygote(requests, own_leash, Round.from_message(json.loads(requests.recv(LARGEST)))).run()


if __name__ == "__main__":
    main()
