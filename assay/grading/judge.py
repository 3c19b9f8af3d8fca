"""The judge: a process that runs the hidden checks of one exercise against one submission, and says what came out.

    python -I -B -m assay.grading.judge DESCRIPTOR

It learns everything from the first message on that descriptor, and has no rights but to read libraries, the
cache of data sets and the exercise's own folder. Student code is elsewhere, in workers that it asks for:

    to the judge                            from the judge
    the job: folder, tasks, cells, ...
                                            {"kind": "start", "worker": 1}
    {"kind": "started"} and a descriptor
                                            {"kind": "stop", "worker": 1}
    {"kind": "ended", "reason": ...}
                                            {"kind": "report", ...}  or  {"kind": "unusable", "message": ...}
"""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import assay
from assay.checks.siblings import load, siblings
from assay.checks.suite import run_suite
from assay.course import Task
from assay.data.places import cache_folder
from assay.errors import AuthoringError, StudentLost
from assay.grading.control import ControlError, receive, receive_with_descriptor, send
from assay.grading.diagnosis import SECONDS, diagnosed, known, worth_a_try
from assay.grading.witness import Witness
from assay.outcome import CheckResult, Report, to_json
from assay.sandbox.explain import ExplainedStudent, without_noise
from assay.sandbox.inside.confine import DEVICES, Policy, confine
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.local import local_student
from assay.submission import Cell, Source

RESERVE = 30.0  # seconds of a judge's time that no diagnosis takes
MEMORY = 4096 * MiB  # beyond the libraries; a value that does not fit is the check's MemoryError, not the machine's
SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime")
STEPS = ("files", "system calls", "memory", "closed memory")  # without which staff are told


@dataclass(frozen=True)
class Assigned:
    """What one judge is to do."""

    folder: Path
    tasks: tuple[Task, ...]
    source: Source
    limits: Limits
    secret: bytes  # of this round and suite: what the examples are drawn from
    seconds: float  # of processor time

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Assigned:
        cells = tuple(Cell(**cell) for cell in message["cells"])
        return cls(
            folder=Path(message["folder"]),
            tasks=tuple(Task(name, points) for name, points in message["tasks"]),
            source=Source(cells, frozenset(message["answered"])),
            limits=Limits(**message["limits"]),
            secret=bytes.fromhex(message["secret"]),
            seconds=message["seconds"],
        )


class Worker:
    """A sandboxed worker that the parent started. Implements assay.sandbox.session.Connection."""

    def __init__(self, control: socket.socket, number: int) -> None:
        send(control, {"kind": "start", "worker": number})
        message, descriptor = receive_with_descriptor(control)
        if message != {"kind": "started"} or descriptor is None:
            raise ControlError("no worker came")
        self.channel = socket.socket(fileno=descriptor)
        self._control = control
        self._number = number
        self._ended: Ended | None = None

    def stop(self) -> Ended:
        """End the worker, once."""
        if self._ended is None:
            self.channel.close()
            send(self._control, {"kind": "stop", "worker": self._number})
            self._ended = Ended(str(receive(self._control)["reason"]))
        return self._ended


@dataclass(frozen=True)
class Ended:
    """How a worker ended, as far as a judge needs to know."""

    reason: str


def main() -> None:
    """Do one job and end."""
    control = socket.socket(fileno=int(sys.argv[1]))
    assigned = Assigned.from_message(receive(control))
    staff_notes = _confined(assigned)
    try:
        report = judge(assigned, control)
    except AuthoringError as error:
        send(control, {"kind": "unusable", "message": str(error)})
    else:
        staff_notes += report.staff_notes
        send(control, {"kind": "report", "report": to_json(report), "staff_notes": staff_notes})


def judge(assigned: Assigned, control: socket.socket) -> Report:
    """The results of all checks, and what the student should know about how the cells ran.

    Raises AuthoringError where the exercise cannot be used, ControlError where the parent is gone.
    """
    started = time.monotonic()
    numbers = count(1)
    student = Witness(lambda: Worker(control, next(numbers)), assigned.source, assigned.limits)
    student.answered = assigned.source.answered
    notes = _loading_notes(student)
    reference = assigned.folder / "reference.py"
    checks = assigned.folder / "checks.py"
    with siblings(assigned.folder):
        answers = vars(load(reference))
    with local_student(answers, assigned.limits) as control_student:
        results = run_suite(
            checks if checks.is_file() else None, reference, assigned.tasks, student, control_student, assigned.secret
        )
    results, staff_notes = _diagnosed(assigned, results, student, until=started + assigned.seconds - RESERVE)
    student.close()
    return Report("", tuple(map(without_noise, results)), notes, staff_notes)


def _diagnosed(
    assigned: Assigned, results: tuple[CheckResult, ...], student: Witness, *, until: float
) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """The results with likely mistakes. What goes wrong with these is told to staff and changes no verdict."""
    seconds = min(until - time.monotonic(), SECONDS)
    if not worth_a_try(results) or seconds <= 0:
        return results, ()
    try:
        exercise = known(assigned.folder, assigned.tasks, assigned.limits)
        return diagnosed(exercise, results, student, assigned.secret, seconds=seconds), ()
    except ControlError:
        raise
    except Exception as error:
        return results, (f"No likely mistakes could be looked for ({type(error).__name__}: {error}).",)


def _loading_notes(student: ExplainedStudent) -> tuple[str, ...]:
    try:
        return student.notes
    except StudentLost as lost:
        return (f"Your cells could not all be run: {lost.message}.",)


def _confined(assigned: Assigned) -> list[str]:
    """Give up everything that judging does not need. What this kernel cannot take away, for staff."""
    steps = confine(
        Policy(
            readable=(*_libraries(), *SYSTEM, str(assigned.folder), *_data()),
            writable=(os.getcwd(), *DEVICES),
            memory=MEMORY,
            cpu_seconds=assigned.seconds,
            file_size=256 * MiB,
        )
    )
    lacking = [f"{step.name} ({step.detail})" for step in steps if step.name in STEPS and not step.holds]
    return [f"The judge could not be confined in: {', '.join(lacking)}."] if lacking else []


def _data() -> tuple[str, ...]:
    """The cache of data sets, which checks may load from. What is public in it, workers still do not see."""
    cache = cache_folder()
    return () if cache is None else (str(cache),)


def _libraries() -> set[str]:
    """Where Python and installed packages lie, and this package; not the folder around it, which may be a course."""
    ours = Path(assay.__file__).parent
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return places | {str(ours)} | {place for place in sys.path if place and Path(place) != ours.parent}


if __name__ == "__main__":
    main()
