"""A student's functions as self-checks see them: behind the border that grading uses, in a thread of this process.

So `student.conv2d(...)` means the same here as in grading: arrays are copied, tensors come back as arrays, objects
stay where they are, and calls are remembered. Nothing is confined, since all of it is the student's own machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.errors import StudentLost
from assay.sandbox.explain import ExplainedStudent
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.local import Thread
from assay.selfcheck.disk import source_on_disk
from assay.submission import Source

# Generous, for a call that is ended while it imports a library leaves half of that behind. Whoever has no patience
# with an endless loop interrupts it.
LIMITS = Limits(call_seconds=60, load_seconds=600, seconds=24 * 3600, frame=1024 * MiB)


class OwnStudent(ExplainedStudent):
    """A student on their own machine, who has not to wait again for what took too long before."""

    def __init__(self, namespace: Mapping[str, object], source: Source) -> None:
        super().__init__(lambda: Thread(namespace), source, LIMITS)
        self.answered = source.answered
        self.lost: dict[str, str] = {}  # what happened to the functions whose call did not come to an end

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().call(name, *args, **kwargs)
        except StudentLost as lost:
            self.lost.setdefault(name, lost.message)
            raise


def student_on_disk(notebook: Path) -> OwnStudent:
    """The functions of a saved notebook, whose cells run with the first call. Raises SubmissionError."""
    return OwnStudent({"__name__": "__main__"}, source_on_disk(notebook))


@contextmanager
def live_student(namespace: Mapping[str, object]) -> Iterator[OwnStudent]:
    """The functions that are defined in a namespace right now."""
    student = OwnStudent(namespace, Source((), frozenset(f"{name}_answer" for name in namespace)))
    try:
        yield student
    finally:
        student.close()
