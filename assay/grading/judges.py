"""Judge zygotes as a grader keeps them: started on first use, shared by processes, ended with whoever started them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO

from assay.course import Exercise
from assay.grading.assigned import Round
from assay.grading.control import ControlError, receive

MOST = 6  # zygotes kept; the one that was asked last longest ago goes first
TAIL = 2000  # bytes of what a judge printed
PREFIX = "assay-judge-"


@dataclass(frozen=True)
class Started:
    """A zygote that this process has started, and ends."""

    process: subprocess.Popen[bytes]
    leash: int
    folder: tempfile.TemporaryDirectory[str]
    log: IO[bytes]

    def end(self) -> None:
        """Kill it, which ends all its judges, and leave nothing behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        os.close(self.leash)
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


@dataclass(frozen=True)
class Zygote:
    """Where to ask for judges of one round."""

    channel: socket.socket
    started: Started | None = None  # None: by another process

    def ask(self, descriptors: Sequence[int]) -> None:
        """Raises OSError where it has ended."""
        socket.send_fds(self.channel, [b"judge"], descriptors)

    def fill(self) -> None:
        """Say that several submissions will come. Raises OSError where it has ended."""
        self.channel.send(b"fill")


@dataclass(frozen=True)
class Lent:
    """The zygotes of a `Judges` for another process; can be pickled while multiprocessing starts one."""

    channels: tuple[tuple[Round, socket.socket], ...]

    def judges(self) -> Judges:
        """One that shares them, and starts those that are missing."""
        return Judges({round: Zygote(channel) for round, channel in self.channels})


class Judges:
    """Starts judges, each a fork of the zygote of its round. A context manager; ends them all when it is closed."""

    def __init__(self, zygotes: Mapping[Round, Zygote] = MappingProxyType({})) -> None:
        self._zygotes = dict(zygotes)  # the one that was asked last at the end
        self._retired: list[Started] = []  # which end when their last judge has
        self._lock = threading.Lock()

    @contextmanager
    def start(self, exercise: Exercise, secret: bytes) -> Iterator[Judge]:
        """A judge without a job; killed with all it started when the block ends. Call its `begin`.

        `secret` is that of the round and suite (`rounds.draw_secret`).
        """
        with tempfile.TemporaryFile() as log:
            judge = Judge(self, Round.of(exercise, secret), log)
            try:
                judge.ask()
                yield judge
            finally:
                judge.end()

    def prepare(self, exercise: Exercise, secret: bytes) -> None:
        """Start the zygote of that round and have it fill its bank, for a class. Waits for neither."""
        with self._lock, suppress(OSError):  # who asks it first starts it again
            self._zygote(Round.of(exercise, secret)).fill()

    def lend(self) -> Lent:
        """What another process needs to use the zygotes that there are by now."""
        with self._lock:
            return Lent(tuple((round, zygote.channel) for round, zygote in self._zygotes.items()))

    def close(self) -> None:
        """End all zygotes that were started here, with their judges."""
        with self._lock:
            for zygote in self._zygotes.values():
                self._retire(zygote)
            self._zygotes.clear()
            for started in self._retired:
                started.end()
            self._retired.clear()

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ask(self, round: Round, descriptors: Sequence[int]) -> Zygote:
        """Pass a request on to a zygote that lives; returns it."""
        with self._lock:
            zygote = self._zygote(round)
            try:
                zygote.ask(descriptors)
            except OSError:
                self._forget(round, zygote)
                zygote = self._zygote(round)
                with suppress(OSError):  # then the judge is missed, and asked for once more
                    zygote.ask(descriptors)
            return zygote

    def give_up(self, round: Round, zygote: Zygote) -> None:
        """That zygote hangs: start another one next time."""
        with self._lock:
            self._forget(round, zygote)

    def _zygote(self, round: Round) -> Zygote:
        zygote = self._zygotes.pop(round, None) or _start(round)
        self._zygotes[round] = zygote
        while len(self._zygotes) > MOST:
            self._retire(self._zygotes.pop(next(iter(self._zygotes))))
        return zygote

    def _forget(self, round: Round, zygote: Zygote) -> None:
        if self._zygotes.get(round) is zygote:
            del self._zygotes[round]
            zygote.channel.close()
            if zygote.started is not None:
                zygote.started.end()

    def _retire(self, zygote: Zygote) -> None:
        """Ask it no more; it ends when its last judge has, and those that ended are cleared away."""
        zygote.channel.close()
        if zygote.started is not None:
            self._retired.append(zygote.started)
        for started in [one for one in self._retired if one.process.poll() is not None]:
            self._retired.remove(started)
            started.end()


@dataclass
class Judge:
    """One judge, from the request for it to its end."""

    judges: Judges
    round: Round
    log: IO[bytes]
    _descriptors: list[int] = field(default_factory=list)

    def ask(self) -> None:
        """Ask for it, without waiting."""
        self.channel, theirs = socket.socketpair()
        reading, self._leash = os.pipe2(os.O_CLOEXEC)
        try:
            self._zygote = self.judges.ask(self.round, [theirs.fileno(), self.log.fileno(), reading])
        finally:
            theirs.close()
            os.close(reading)

    def begin(self, deadline: float) -> str:
        """Wait for it until a time of the monotonic clock. Returns why the exercise is unusable, or an empty text.

        A zygote that is gone is started again, once. Raises ControlError where no judge came.
        """
        try:
            message = receive(self.channel, deadline=deadline)
        except ControlError:
            if time.monotonic() >= deadline:
                self.judges.give_up(self.round, self._zygote)
                raise
            self.end()
            self.ask()
            message = receive(self.channel, deadline=deadline)
        match message:
            case {"kind": "judging"}:
                return ""
            case {"kind": "unusable", "message": str(text)}:
                # It is about to end; who mends what was wrong must not be answered by it once more.
                self.judges.give_up(self.round, self._zygote)
                return text or "no reason was given"
        raise ControlError("it does not say that it judges")

    def end(self) -> None:
        """Kill it, if it has not ended by itself."""
        self.channel.close()
        os.close(self._leash)

    def output(self) -> str:
        """The end of what it printed, or of what the zygote printed that never came to it, for staff."""
        started = self._zygote.started
        return _tail(self.log) or ("" if started is None or started.log.closed else _tail(started.log))


def _start(round: Round) -> Zygote:
    """A new zygote, in an empty folder of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, leash = os.pipe2(os.O_CLOEXEC)
    _sweep()
    folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")
    log = tempfile.TemporaryFile()  # noqa: SIM115
    with theirs, open(reading, "rb", buffering=0):
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "assay.grading.judge_zygote", str(theirs.fileno()), str(reading)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder.name,
            env=_environment(folder.name),
            pass_fds=(theirs.fileno(), reading),
            start_new_session=True,
        )
    ours.send(json.dumps(round.message()).encode())
    return Zygote(ours, Started(process, leash, folder, log))


def _sweep() -> None:
    """Remove what graders that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        grader = folder.name.removeprefix(PREFIX).split("-")[0]
        with suppress(FileNotFoundError):  # another grader was first
            if folder.lstat().st_uid == os.geteuid() and not Path("/proc", grader).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: str) -> dict[str, str]:
    """What a judge sees of the environment: nothing of ours but where to find libraries."""
    from assay.data.places import cache_folder  # brings numpy along, which nobody needs who only asks for judges

    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    data = {"ASSAY_DATA": str(cache)} if (cache := cache_folder()) else {}  # which HOME no longer tells
    hidden = {"CUDA_VISIBLE_DEVICES": ""}  # references compute on the processor, and devices are for submissions
    return {**kept, **threads, **data, **hidden, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}


def _tail(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - TAIL))
    return log.read(TAIL).decode(errors="replace")
