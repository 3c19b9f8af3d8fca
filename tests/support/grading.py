"""A tiny exercise, and workers without a sandbox, for tests of grading."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.course import Course, Exercise
from assay.sandbox.inside.worker import serve
from assay.sandbox.isolation.job import Ending, Job
from assay.submission import Cell, Source
from tests.support.notebooks import marker, notebook, text, write_course

REFERENCE = """
    import numpy as np

    from assay.checks import Float


    def double(x: Float["n"]) -> Float["n"]:
        \"\"\"Twice x.\"\"\"
        return 2 * x


    def total(x: Float["n"]) -> float:
        \"\"\"The sum of x.\"\"\"
        return float(x.sum())
"""
CHECKS = """
    from assay.checks import *
    from reference import double, total

    double_values = agrees_with(double, points=3, hint="Twice, not half.")
    double_inputs = leaves_inputs_alone(double, points=1, after=double_values)
    total_values = agrees_with(total, points=2)
"""
TASKS = {"double": 4.0, "total": 2.0}
HONEST = {"double_answer": "def double(x):\n    return x + x\n", "total_answer": "def total(x):\n    return sum(x)\n"}


def exercise_in(
    root: Path, *, checks: str = CHECKS, reference: str = REFERENCE, tasks: Mapping[str, float] = TASKS, **files: str
) -> Exercise:
    """The exercise `tiny` in a new course; `files` are further files of its folder, without `.py`."""
    graders = {"reference.py": reference, "checks.py": checks, **{f"{name}.py": body for name, body in files.items()}}
    cells = [marker(task, points) for task, points in tasks.items()]
    return write_course(root, {"tiny": notebook(*cells)}, {"tiny": graders})["tiny"]


def course_of(exercise: Exercise) -> Course:
    return Course(exercise.folder.parent.parent)


def source(answers: Mapping[str, str] = HONEST, *, first: str = "import numpy as np") -> Source:
    """A submission with these answers, by grade_id."""
    cells = [Cell(name, text(body), False) for name, body in answers.items()]
    return Source((Cell("imports", first, True), *cells), frozenset(answers))


@dataclass
class Threads:
    """Workers in threads of this process: the border without a sandbox, for code of our own."""

    name: str = "threads"
    running: list[ThreadWorker] = field(default_factory=list)

    def start(self, job: Job) -> ThreadWorker:
        worker = ThreadWorker()
        self.running.append(worker)
        return worker


class ThreadWorker:
    """One worker, until its channel closes."""

    def __init__(self) -> None:
        self.channel, far = socket.socketpair()
        self.stopped = False
        self._thread = threading.Thread(target=self._serve, args=(far,), daemon=True)
        self._thread.start()

    def _serve(self, far: socket.socket) -> None:
        with far:
            serve(far, {"__name__": "__main__"})

    def stop(self) -> Ending:
        if not self.stopped:
            self.stopped = True
            self.channel.shutdown(socket.SHUT_RDWR)
            self.channel.close()
            self._thread.join(timeout=5)
        return Ending("stopped", None, "", 0.0, 0)
