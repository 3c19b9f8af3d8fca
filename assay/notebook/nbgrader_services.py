"""What grading needs besides a submission, gathered once and passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from assay.course import Course, Exercise
from assay.grading.pipeline import grade
from assay.grading.rounds import course_secret, round_name
from assay.outcome import Report
from assay.sandbox.isolation import Isolation, choose
from assay.sandbox.limits import Limits
from assay.sandbox.visible import run_notebook
from assay.submission import Source


@dataclass(frozen=True)
class Services:
    """A course with its sandbox. Tests pass stand-ins for `grade` and `run_notebook`."""

    course: Course
    isolation: Isolation
    round: str = field(default_factory=round_name)
    grade: Callable[..., Report] = grade
    run_notebook: Callable[..., str] = run_notebook
    stock_limits: Limits = Limits(seconds=900.0, cpu_seconds=900.0)  # nbgrader limits the cells, not their sum

    @classmethod
    def of(cls, course: Course) -> Services:
        """With the best sandbox of this machine. Raises SandboxError where there is none."""
        return cls(course, choose(course.root))

    def report(
        self, exercise: Exercise, source: Source, *, notes: tuple[str, ...], files: Mapping[str, bytes]
    ) -> Report:
        """Everything the hidden checks say, with the notes on how the submission was read in front."""
        report = self.grade(
            exercise,
            source,
            secret=course_secret(self.course),
            round=self.round,
            isolation=self.isolation,
            files=files,
        )
        return replace(report, notes=(*notes, *report.notes))

    def run(self, notebook: str, libraries: tuple[str, ...], files: Mapping[str, bytes], limits: Limits) -> str:
        """A notebook after its run in the sandbox, as JSON that is the student's claim."""
        return self.run_notebook(self.isolation, notebook, libraries=libraries, files=files, limits=limits)

    def lend(self) -> Lent:
        """The same services for another process, while multiprocessing starts it."""
        return Lent(self)

    def close(self) -> None:
        """End what was started for grading."""


@dataclass(frozen=True)
class Lent:
    """Services on their way to another process."""

    services: Services

    @contextmanager
    def borrowed(self) -> Iterator[Services]:
        """The services, in the other process."""
        yield self.services
