"""What grading needs besides a submission, gathered once and passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from assay.course import Course, Exercise
from assay.grading import judges as judging
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
    stock_limits: Limits = Limits(seconds=900.0, cpu_seconds=900.0)  # nbgrader limits the cells, not their sum

    @classmethod
    def of(cls, course: Course) -> Services:
        """With the best sandbox of this machine. Raises SandboxError where there is none."""
        return cls.within(course, choose(course.root))

    @classmethod
    def within(cls, course: Course, tier: isolating.Forking) -> Services:
        """With a tier of isolation, which starts programs warm where it can. Nothing is started before it is needed."""
        return cls(course, Warm(tier), Judges())

    def report(
        self, exercise: Exercise, source: Source, *, notes: tuple[str, ...], files: Mapping[str, bytes]
    ) -> Report:
        """Everything the hidden checks say, with the notes on how the submission was read in front."""
        kept = {} if self.judges is None else {"judges": self.judges}
        report = self.grade(
            exercise,
            source,
            secret=course_secret(self.course),
            round=self.round,
            isolation=self.isolation,
            files=files,
            **kept,
        )
        return replace(report, notes=(*notes, *report.notes))

    def run(self, notebook: str, libraries: tuple[str, ...], files: Mapping[str, bytes], limits: Limits) -> str:
        """A notebook after its run in the sandbox, as JSON that is the student's claim."""
        return self.run_notebook(self.isolation, notebook, libraries=libraries, files=files, limits=limits)

    def prepare(self, exercises: Iterable[Exercise]) -> None:
        """Start what all processes that grade a class of these exercises can share."""
        jobs: list[Job] = []
        for exercise in exercises:
            if self.judges is not None:
                suite = suite_version(exercise)
                secret = draw_secret(course_secret(self.course), suite=suite, round=self.round)
                self.judges.prepare(exercise, secret)
            shown = (*exercise.libraries, *exercise.notebook_libraries)
            jobs.append(Job("worker", exercise.libraries, limits=exercise.limits))
            jobs.append(Job("notebook", shown, limits=exercise.limits))
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
            self.stock_limits,
        )

    def close(self) -> None:
        """End what was started for grading."""
        if self.judges is not None:
            self.judges.close()
        if isinstance(self.isolation, Warm):
            self.isolation.close()


@dataclass(frozen=True)
class Lent:
    """Services on their way to another process."""

    course: Course
    isolation: isolating.Lent | Isolation
    judges: judging.Lent | None
    round: str
    grade: Callable[..., Report]
    run_notebook: Callable[..., str]
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
                stock_limits=self.stock_limits,
            )
