"""What grading needs besides a submission, gathered once and passed on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from assay.course import Course, Exercise
from assay.grading import judges as judging
from assay.grading.gpus import NONE, Gpus
from assay.grading.judges import Judges
from assay.grading.pipeline import grade
from assay.grading.rounds import course_secret, draw_secret, round_name, suite_version
from assay.outcome import Report
from assay.sandbox import isolation as isolating
from assay.sandbox.isolation import Isolation, Job, Warm, choose
from assay.sandbox.limits import Limits
from assay.sandbox.visible import run_notebook
from assay.submission import Source


@dataclass(frozen=True)
class Services:
    """A course with its sandbox and its judges. Tests pass stand-ins for `grade` and `run_notebook`."""

    course: Course
    isolation: Isolation
    judges: Judges | None = None  # None: one is started for each submission
    round: str = field(default_factory=round_name)
    grade: Callable[..., Report] = grade
    run_notebook: Callable[..., str] = run_notebook
    tell: Callable[[str, Report], object] | None = None  # of a student's report as soon as it is there; in this process
    at_once: bool = False  # the notebook runs while the hidden checks do, for a student who waits alone
    gpus: Gpus = NONE  # devices that submissions may be graded on, one each
    stock_limits: Limits = Limits(seconds=900.0, cpu_seconds=900.0)  # nbgrader limits the cells, not their sum

    @classmethod
    def of(cls, course: Course) -> Services:
        """With the best sandbox of this machine, and the GPUs that the environment names.

        Raises SandboxError where there is no sandbox, and CourseError where something else is named.
        """
        gpus = Gpus.of(course, os.environ)
        return replace(cls.within(course, choose(course.root)), gpus=gpus)

    @classmethod
    def within(cls, course: Course, tier: isolating.Forking) -> Services:
        """With a tier of isolation, which starts programs warm where it can. Nothing is started before it is needed."""
        return cls(course, Warm(tier), Judges())

    def report(
        self, student: str, exercise: Exercise, source: Source, *, notes: tuple[str, ...], files: Mapping[str, bytes]
    ) -> Report:
        """Everything the hidden checks say, with the notes on how the submission was read in front."""
        kept: dict[str, Any] = {} if self.judges is None else {"judges": self.judges}
        kept |= {} if exercise.gpu == "never" else {"gpus": self.gpus}
        if (tell := self.tell) is not None:
            kept["found"] = lambda early: tell(student, _after(notes, early))
        report = self.grade(
            exercise,
            source,
            secret=course_secret(self.course),
            round=self.round,
            isolation=self.isolation,
            files=files,
            **kept,
        )
        report = _after(notes, report)
        if tell is not None:
            tell(student, report)
        return report

    def run(self, notebook: str, libraries: tuple[str, ...], files: Mapping[str, bytes], limits: Limits) -> str:
        """A notebook after its run in the sandbox, as JSON that is the student's claim."""
        return self.run_notebook(self.isolation, notebook, libraries=libraries, files=files, limits=limits)

    def run_exercise(self, exercise: Exercise, notebook: str, files: Mapping[str, bytes]) -> str:
        """The same for the notebook of an exercise, with a GPU where it wants one."""
        libraries = (*exercise.libraries, *exercise.notebook_libraries)
        if exercise.gpu == "never":
            return self.run(notebook, libraries, files, exercise.limits)
        with self.gpus.lent(exercise) as gpu:
            more = {"libraries": libraries, "files": files, "limits": exercise.limits, "gpu": gpu}
            return self.run_notebook(self.isolation, notebook, **more)

    def prepare(self, exercises: Iterable[Exercise]) -> None:
        """Start what all processes that grade a class of these exercises can share."""
        jobs: list[Job] = []
        for exercise in exercises:
            if self.judges is not None:
                suite = suite_version(exercise)
                secret = draw_secret(course_secret(self.course), suite=suite, round=self.round)
                self.judges.prepare(exercise, secret)
            shown = (*exercise.libraries, *exercise.notebook_libraries)
            for gpu in self.gpus.each_for(exercise):
                jobs.append(Job("worker", exercise.libraries, limits=exercise.limits, gpu=gpu))
                jobs.append(Job("notebook", shown, limits=exercise.limits, gpu=gpu))
        if isinstance(self.isolation, Warm):
            self.isolation.prepare(*jobs)

    def lend(self) -> Lent:
        """The same services for another process, while multiprocessing starts it."""
        return Lent(
            self.course,
            self.isolation.lend() if isinstance(self.isolation, Warm) else self.isolation,
            None if self.judges is None else self.judges.lend(),
            self.round,
            self.grade,
            self.run_notebook,
            self.gpus,
            self.stock_limits,
        )

    def close(self) -> None:
        """End what was started for grading."""
        if self.judges is not None:
            self.judges.close()
        if isinstance(self.isolation, Warm):
            self.isolation.close()


def _after(notes: tuple[str, ...], report: Report) -> Report:
    return replace(report, notes=(*notes, *report.notes))


@dataclass(frozen=True)
class Lent:
    """Services on their way to another process."""

    course: Course
    isolation: isolating.Lent | Isolation
    judges: judging.Lent | None
    round: str
    grade: Callable[..., Report]
    run_notebook: Callable[..., str]
    gpus: Gpus
    stock_limits: Limits

    @contextmanager
    def borrowed(self) -> Iterator[Services]:
        """The services, in the other process."""
        with ExitStack() as stack:
            lent = self.isolation
            isolation = stack.enter_context(lent.warm()) if isinstance(lent, isolating.Lent) else lent
            judges = None if self.judges is None else stack.enter_context(self.judges.judges())
            yield Services(
                self.course,
                isolation,
                judges,
                self.round,
                self.grade,
                self.run_notebook,
                gpus=self.gpus,
                stock_limits=self.stock_limits,
            )
