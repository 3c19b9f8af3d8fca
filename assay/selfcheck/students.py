"""A student's functions as self-checks see them: behind the border that grading uses, in a thread of this process.

So `student.conv2d(...)` means the same here as in grading: arrays are copied, tensors come back as arrays, objects
stay where they are, and calls are remembered. Nothing is confined, since all of it is the student's own machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from assay.sandbox.explain import ExplainedStudent
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.local import Thread
from assay.selfcheck.disk import source_on_disk
from assay.submission import Source

LIMITS = Limits(call_seconds=30, load_seconds=600, seconds=24 * 3600, frame=1024 * MiB)
LIVE_LIMITS = replace(LIMITS, call_seconds=10)  # somebody sits in front of the notebook and waits


def student_on_disk(notebook: Path) -> ExplainedStudent:
    """The functions of a saved notebook, whose cells run with the first call. Raises SubmissionError."""
    return _student({"__name__": "__main__"}, source_on_disk(notebook), LIMITS)


@contextmanager
def live_student(namespace: Mapping[str, object]) -> Iterator[ExplainedStudent]:
    """The functions that are defined in a namespace right now."""
    answered = frozenset(f"{name}_answer" for name in namespace)
    student = _student(namespace, Source((), answered), LIVE_LIMITS)
    try:
        yield student
    finally:
        student.close()


def _student(namespace: Mapping[str, object], source: Source, limits: Limits) -> ExplainedStudent:
    student = ExplainedStudent(lambda: Thread(namespace), source, limits)
    student.answered = source.answered
    return student
