"""Run the self-checks of a released file against code that we trust: references, right and wrong answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from assay.checks.answers import Answer, answers_in
from assay.checks.check import is_property
from assay.checks.siblings import load, siblings
from assay.course import Course, Exercise
from assay.outcome import CheckResult
from assay.selfcheck.magic import read_checks
from assay.selfcheck.running import Runs, SelfCheck, parameters_in, self_checks
from assay.selfcheck.students import live_student


@dataclass(frozen=True)
class SelfChecks:
    """The file of self-checks of one exercise, and answers to try it on."""

    exercise: Exercise

    @property
    def file(self) -> Path:
        return self.exercise.notebook.with_name(f"test_{self.exercise.notebook.stem}.py")

    @cached_property
    def module(self) -> ModuleType:
        return read_checks(self.file)

    @cached_property
    def checks(self) -> tuple[SelfCheck, ...]:
        return self_checks(self.module)

    @cached_property
    def reference(self) -> dict[str, object]:
        with siblings(self.exercise.folder):
            return dict(vars(load(self.exercise.reference)))

    @cached_property
    def mutants(self) -> tuple[Answer, ...]:
        return answers_in(self.exercise.mutants)

    @cached_property
    def alternatives(self) -> tuple[Answer, ...]:
        return answers_in(self.exercise.alternatives)

    def about(self, function: str) -> tuple[SelfCheck, ...]:
        return tuple(one for one in self.checks if one.about == function)

    def run(
        self,
        changes: Mapping[str, object] | None = None,
        *,
        about: str | None = None,
        seed: int = 0,
        drawn: bool = False,
    ) -> tuple[CheckResult, ...]:
        """The checks, or those about one function, against the reference with some functions replaced.

        With `drawn`, only the checks that draw their inputs: a seed changes nothing in the others.
        """
        checks = self.checks if about is None else self.about(about)
        checks = tuple(one for one in checks if is_property(one.function)) if drawn else checks
        with live_student({**self.reference, **(changes or {})}) as student:
            runs = Runs(student, parameters_in(self.module), secret=f"seed {seed}".encode())
            return tuple(runs.run(one, shrink_seconds=0.0) for one in checks)


def all_self_checks(course: Course) -> tuple[SelfChecks, ...]:
    """Those of every exercise that has a file of self-checks."""
    exercises = [course[name] for assignment in course.assignments for name in course.exercises_of(assignment)]
    return tuple(one for one in map(SelfChecks, exercises) if one.file.is_file())
