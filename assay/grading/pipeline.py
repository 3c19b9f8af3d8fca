"""Grade one submission: start a judge, start the sandboxed workers it asks for, and check what it reports.

this process ──job──► judge (own process: pytest, Hypothesis, the exercise's graders/ folder; nothing else)
     │  ◄─worker?──    │
     └─isolation─► worker ◄──calls──┘ over a descriptor that this process hands to the judge
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

from assay.course import Exercise
from assay.data.places import cache_folder
from assay.errors import AuthoringError, SandboxError
from assay.grading.control import ControlError, receive, send
from assay.grading.rounds import draw_secret, suite_version
from assay.grading.sound import Unsound, sound_report
from assay.outcome import Report
from assay.sandbox.isolation.job import Ending, Isolation, Job
from assay.sandbox.libraries import mentioned
from assay.submission import Source

if TYPE_CHECKING:
    from assay.sandbox.isolation.running import Running

GRACE_SECONDS = 90.0  # for the judge's own work: drawing inputs, the reference, looking for smaller examples
WORKERS = 2  # alive at the same time
NOTES = 20  # staff notes about workers
NOTE = 2000  # characters of a staff note
CHATTER = re.compile(  # what TensorFlow writes whenever it is loaded, before anybody can tell it not to
    r"^(?:WARNING: All log messages before absl::InitializeLog\(\) .*|I0000 00:00:[\d.]+ +\d+ \S+\] .*)\n?",
    re.MULTILINE,
)


def grade(
    exercise: Exercise,
    source: Source,
    *,
    secret: bytes,
    round: str,
    isolation: Isolation,
    files: Mapping[str, bytes] = MappingProxyType({}),
    grace_seconds: float = GRACE_SECONDS,
) -> Report:
    """Everything the hidden checks say about one submission.

    `secret` is the course secret (`rounds.course_secret`) and `round` a name such as `rounds.round_name()`: equal
    ones draw equal examples. `files` are the submitted side files that the exercise keeps. Whatever the submission
    does ends as a result in the report. The judge gets `exercise.limits.seconds + grace_seconds` of wall time.

    Raises AuthoringError where the exercise cannot be used, and SandboxError where the judge or a worker could not
    be started or the judge was lost: then nothing is known, and no points are given on that account.
    """
    started = time.monotonic()
    seconds = exercise.limits.seconds + grace_seconds
    version = suite_version(exercise)
    job = {
        "folder": str(exercise.folder.resolve()),
        "tasks": [[task.name, task.points] for task in exercise.tasks],
        "cells": [asdict(cell) for cell in source.cells],
        "answered": sorted(source.answered),
        "limits": asdict(exercise.limits),
        "secret": draw_secret(secret, suite=version, round=round).hex(),
        "seconds": seconds,
    }
    loaded = mentioned(exercise.libraries, "\n".join(cell.text for cell in source.cells))
    worker = Job("worker", exercise.libraries, loaded, exercise.limits, files)
    with _start_judge() as judge:
        try:
            send(judge.channel, job)
            report = _serve(judge, exercise, isolation, worker, deadline=started + seconds)
        except (ControlError, Unsound) as error:
            raise SandboxError(
                f"The judge of {exercise.name} was lost: {error}. Nothing was graded; grade this submission again, "
                f"and if it stays so, look at the exercise with `assay verify`.\n{judge.output()}".rstrip()
            ) from error
    taken = time.monotonic() - started
    return replace(report, assignment=exercise.name, suite_version=version, round=round, seconds=taken)


@dataclass(frozen=True)
class _Judge:
    channel: socket.socket
    log: IO[bytes]

    def output(self) -> str:
        """The end of what the judge printed, for staff."""
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - NOTE))
        return self.log.read(NOTE).decode(errors="replace")


@contextmanager
def _start_judge() -> Iterator[_Judge]:
    """A judge without a job, in an empty folder of its own; killed with all it started when the block ends."""
    ours, theirs = socket.socketpair()
    with (
        tempfile.TemporaryDirectory(prefix="assay-judge-") as folder,
        tempfile.TemporaryFile() as log,
        ours,
    ):
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "assay.grading.judge", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=_environment(folder),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        try:
            yield _Judge(ours, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(folder: str) -> dict[str, str]:
    """What a judge sees of the environment: nothing of ours but where to find libraries."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    data = {"ASSAY_DATA": str(cache)} if (cache := cache_folder()) else {}  # which HOME no longer tells
    return {**kept, **threads, **data, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}


def _serve(judge: _Judge, exercise: Exercise, isolation: Isolation, job: Job, *, deadline: float) -> Report:
    """Answer a judge's requests until it reports. Every worker has ended when this returns or raises."""
    waiting = [isolation.start(job)]  # the first worker starts while the judge does
    workers: dict[int, Running] = {}
    notes: list[str] = []
    try:
        while True:
            message = receive(judge.channel, deadline=deadline)
            match message:
                case {"kind": "start", "worker": int(number)} if number not in workers and len(workers) < WORKERS:
                    workers[number] = waiting.pop() if waiting else isolation.start(job)
                    send(judge.channel, {"kind": "started"}, descriptor=workers[number].channel.fileno())
                case {"kind": "stop", "worker": int(number)} if number in workers:
                    ending = workers.pop(number).stop()
                    notes += _note_of(ending)
                    send(judge.channel, {"kind": "ended", "reason": ending.reason})
                case {"kind": "unusable", "message": str(text)}:
                    raise AuthoringError(f"{exercise.name}: {text}")
                case {"kind": "report", "report": str(text), "staff_notes": [*said]}:
                    report = sound_report(text, exercise)
                    return replace(report, staff_notes=(*map(str, said), *notes[:NOTES]))
                case _:
                    raise ControlError("it says something that a judge does not say")
    finally:
        for worker in (*waiting, *workers.values()):
            worker.stop()


def _note_of(ending: Ending) -> list[str]:
    """What staff may want to know of how a worker ended."""
    output = CHATTER.sub("", ending.output)
    if ending.reason in ("ended", "stopped") and not output.strip():
        return []
    megabytes = ending.peak_memory / 2**20
    used = f"{ending.cpu_seconds:.1f} s of CPU time, {megabytes:.0f} MiB of memory"
    return [f"A worker ended ({ending.reason}, status {ending.status}, {used}).\n{output}"[:NOTE].rstrip()]
