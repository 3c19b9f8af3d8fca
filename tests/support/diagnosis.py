"""Diagnose answers of our own, without a sandbox."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from assay.checks.answers import Answer
from assay.checks.bank import Bank
from assay.checks.check import Check, check_of
from assay.checks.collected import seed_for
from assay.checks.probes import Probe
from assay.checks.runner import Verdict, run_check
from assay.course import Exercise
from assay.grading.bench import Bench
from assay.grading.diagnosis import Known, adopt, diagnosed, is_usable, known, prepare
from assay.grading.evidence import Yielded, agree
from assay.grading.witness import Witness, local_witness
from assay.outcome import CheckResult, Outcome
from assay.sandbox.limits import Limits

DISGUISED = Path(__file__).parents[1] / "exercises" / "disguised"
PATIENT = Limits(call_seconds=60.0, seconds=6000.0)  # the first call of torch may load much of it


@dataclass(frozen=True)
class Disguise:
    """A known mistake in other words."""

    name: str
    of: str
    mistakes: tuple[str, ...]  # names of the mutants that it is, all of them right
    function: Callable[..., Any]
    named: bool = True  # whether a diagnosis can name it: not where it draws other random numbers than the mutants


def disguise(of: str, *mistakes: str, named: bool = True) -> Callable[[Callable[..., Any]], Disguise]:
    """Mark a function or class as an answer to the task `of` with a mistake that these mutants make."""
    return lambda function: Disguise(function.__name__, of, mistakes, function, named)


def disguised_exercises() -> list[str]:
    """Names of the exercises for which disguises are written: their files are named as the exercises are."""
    return sorted(path.relative_to(DISGUISED).with_suffix("").as_posix() for path in DISGUISED.rglob("*.py"))


def by_hand(exercise: str) -> tuple[Disguise, ...]:
    """The disguises written for an exercise."""
    module = import_module(f"tests.exercises.disguised.{exercise.replace('/', '.')}")
    return tuple(value for value in vars(module).values() if isinstance(value, Disguise))


@dataclass(frozen=True)
class Clinic:
    """An exercise whose diagnosis is tried."""

    exercise: Exercise
    bank: Bank = field(default_factory=Bank)
    already_told: dict[tuple[Callable[..., Any], str, int, bool], tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def known(self) -> Known:
        return known(self.exercise.folder, self.exercise.tasks, self.exercise.limits)

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """The results of the reference on the checks that a diagnosis may use. The others, which train, are not run."""
        kept_back = {name for name, mark in self._marks.items() if mark.reveals != "counterexample"}
        return Bench(self.exercise, self.bank).run({}, only=frozenset(self.known.checks) - kept_back)

    def kept_back(self, task: str) -> tuple[CheckResult, ...]:
        """The checks of a task that keep their inputs back, as if all had failed. Nothing is run."""
        return tuple(
            CheckResult(name, task, mark.sentence, mark.points, Outcome.FAILED, reveals=mark.reveals)
            for name, mark in self._marks.items()
            if mark.reveals != "counterexample" and task in (mark.task, mark.about)
        )

    @cached_property
    def _marks(self) -> dict[str, Check]:
        marks = {name: check_of(body) for name, body in self.known.checks.items()}
        return {name: mark for name, mark in marks.items() if mark is not None}

    def can_diagnose(self, task: str) -> bool:
        """Whether a task has checks that a diagnosis may use."""
        return any(check.task == task and is_usable(self.known, check) for check in self.checks)

    def sentences(self, disguise: Disguise) -> set[str]:
        """What may be told of it: the sentences of the mistakes that it is."""
        return {answer.says for answer in self._mutants(disguise.of) if answer.name in disguise.mistakes}

    def accused_wrongly(self, disguise: Disguise, told: tuple[str, ...]) -> set[str]:
        """The sentences told that are of no mistake which yields the same, on further inputs."""
        doubtful = set(told) - self.sentences(disguise)
        return {says for says in doubtful if not self._yields_the_same(disguise, says)}

    def _yields_the_same(self, disguise: Disguise, says: str) -> bool:
        functions = [answer.function for answer in self._mutants(disguise.of) if answer.says == says]
        only = None if inspect.isclass(disguise.function) else disguise.of
        names = [check.name for check in self.checks if check.task == disguise.of and is_usable(self.known, check)]
        probes = [probe for name in names for probe in self.known.draw(name, seed=1, count=25)]
        return any(
            all(
                agree(*pair)
                for pair in zip(
                    *(self._heard(f, disguise.of, probes, only) for f in (function, disguise.function)), strict=True
                )
            )
            for function in functions
        )

    def _heard(self, function: Callable[..., Any], of: str, probes: list[Probe], only: str | None) -> list[Yielded]:
        with local_witness({**self.known.reference, of: function}, PATIENT) as witness:
            return [witness.listen(probe, only=only, until=math.inf) for probe in probes]

    def _mutants(self, of: str) -> list[Answer]:
        return [answer for answer in self.known.mutants if answer.of == of]

    def told(
        self, function: Callable[..., Any], of: str, *, seed: int = 0, all_failed: bool = False
    ) -> tuple[str, ...]:
        """What is told to a student whose answer to the task `of` is that function; all else is right.

        With `all_failed`, as if each check had failed.
        """
        asked = function, of, seed, all_failed
        if asked not in self.already_told:
            self.already_told[asked] = self._told(*asked)
        return self.already_told[asked]

    def _told(self, function: Callable[..., Any], of: str, seed: int, all_failed: bool) -> tuple[str, ...]:
        results = self.results(function, of, seed=seed, all_failed=all_failed)
        with local_witness({**self.known.reference, of: function}, PATIENT) as student:
            found = diagnosed(self.known, results, student, secret_of(seed), seconds=math.inf, task_seconds=math.inf)
        return tuple(sentence for result in found for sentence in result.diagnosis)

    def results(
        self, function: Callable[..., Any], of: str, *, seed: int = 0, all_failed: bool = False
    ) -> list[CheckResult]:
        """Those of the checks of the task `of`, on that function."""
        about = [check for check in self.checks if check.task == of and check.name in self.known.checks]
        if all_failed:
            return [replace(check, outcome=Outcome.FAILED) for check in about]
        with local_witness({**self.known.reference, of: function}, PATIENT) as student:
            return [self._result(check, student, secret_of(seed)) for check in about]

    def prepared(self, *, seed: int = 0, seconds: float = math.inf) -> Clinic:
        """The same, but all is prepared that students with this seed may be asked."""
        other = Clinic(self.exercise, self.bank)
        adopt(other.known, prepare(Clinic(self.exercise).known, secret_of(seed), seconds=seconds))
        return other

    def told_of_kept_back(self, function: Callable[..., Any], of: str) -> tuple[str, ...]:
        """The same where all checks of the task have failed that keep their inputs back."""
        with local_witness({**self.known.reference, of: function}, PATIENT) as student:
            found = diagnosed(self.known, self.kept_back(of), student, secret_of(0))
        return tuple(sentence for result in found for sentence in result.diagnosis)

    def _result(self, check: CheckResult, student: Witness, secret: bytes) -> CheckResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = run_check(
                self.known.checks[check.name],
                {"student": student},
                student,
                name=check.name,
                seed=seed_for(secret, check.name),
                shrink_seconds=0.0,
                bank=self.bank,
            )
        outcome = Outcome.PASSED if ran.verdict is Verdict.PASSED else Outcome.FAILED
        return replace(check, outcome=outcome, message=ran.message)


def secret_of(seed: int) -> bytes:
    return sha256(f"seed {seed}".encode()).digest()
