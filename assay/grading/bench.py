"""Try code that we trust on the checks of an exercise: the reference, stubs, right and wrong answers."""

from __future__ import annotations

import importlib
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from inspect import signature
from typing import Any

from assay.checks.answers import Answer, answers_in
from assay.checks.bank import Bank
from assay.checks.collected import seed_for
from assay.checks.plugin import checks_in
from assay.checks.runner import Verdict, run_check
from assay.checks.siblings import load, siblings
from assay.checks.suite import run_suite
from assay.course import Exercise
from assay.errors import SandboxError
from assay.outcome import CheckResult, Outcome
from assay.sandbox.isolation.launch import LATE
from assay.sandbox.libraries import mentioned, modules_of
from assay.sandbox.limits import Limits
from assay.sandbox.local import Thread, local_student
from assay.sandbox.proxy import Student
from assay.submission import Source

PATIENCE = 30.0  # seconds for one call

Namespace = Mapping[str, object]


@dataclass(frozen=True)
class Spent:
    """What the calls of one run took."""

    seconds: float  # wall time of all calls
    cpu_seconds: float  # processor time of all calls
    call_seconds: float  # wall time of the longest


@dataclass(frozen=True)
class Bench:
    """An exercise on which code that we trust is tried, and what has been learnt about its checks."""

    exercise: Exercise
    bank: Bank = field(default_factory=Bank)
    costs: dict[str, float] = field(default_factory=dict)  # seconds that a check took, at most
    efforts: dict[Answer, float] = field(default_factory=dict)  # seconds that a check of an answer took, at most
    tries: Counter[str] = field(default_factory=Counter)  # how often a check looked at a wrong answer
    kills: Counter[str] = field(default_factory=Counter)  # and how often it failed one
    killers: dict[tuple[str, str], str] = field(default_factory=dict)  # the check that failed an answer last
    verdicts: dict[tuple[Answer, str, int], Verdict] = field(default_factory=dict)  # by answer, check and seed

    def run(self, changes: Namespace, *, seed: int = 0, only: frozenset[str] | None = None) -> tuple[CheckResult, ...]:
        """The results of the reference with some of its functions replaced.

        With `only`, just the checks of these names are run, each whether or not the one it comes after failed.
        """
        with local_student({**self.reference, **changes}, self._patient) as student:
            return self.judge(student, seed=seed, only=only)

    def load(self, source: Source) -> tuple[CheckResult, ...]:
        """The results of a notebook's cells, run in an empty namespace."""
        student = Student(lambda: Thread({"__name__": "__main__"}), source, self._patient)
        try:
            return self.judge(student)
        finally:
            student.close()

    def judge(self, student: Student, *, seed: int = 0, only: frozenset[str] | None = None) -> tuple[CheckResult, ...]:
        """The results of a student. Raises AuthoringError as `run_suite`."""
        exercise = self.exercise
        with local_student(self.reference, self._patient) as control:
            return run_suite(
                exercise.checks if exercise.checks.is_file() else None,
                exercise.reference,
                exercise.tasks,
                student,
                control,
                _secret(seed),
                shrink_seconds=0.0,
                bank=self.bank,
                only=only,
            )

    def sound(self, seed: int) -> tuple[CheckResult, ...]:
        """The results of the reference, run once a seed; that fills the bank."""
        return self.measured(seed)[0]

    def measured(self, seed: int) -> tuple[tuple[CheckResult, ...], Spent]:
        """The results of the reference, and what its calls took."""
        if seed not in self._measured:
            self.bank.clear()  # images take much memory, and seeds are tried one after another
            self._measured[seed] = self.measure(seed)
        return self._measured[seed]

    def measure(self, seed: int) -> tuple[tuple[CheckResult, ...], Spent]:
        """The same, measured anew."""
        student = _Timed(lambda: Thread(self.reference), Source(cells=()), self._patient)
        try:
            return self.judge(student, seed=seed), student.spent
        finally:
            student.close()

    def failed(self, answer: Answer, names: Iterable[str], *, seed: int = 0) -> Iterator[str]:
        """Which of these checks an answer does not pass, found one after another, each run on its own."""
        changes = {answer.of: answer.function}
        with local_student({**self.reference, **changes}, self._patient) as student:
            for name in names:
                if (answer, name, seed) not in self.verdicts:
                    self._try(answer, name, student, seed)
                if self.verdicts[answer, name, seed] is not Verdict.PASSED:
                    yield name

    def killing(self, seed: int) -> frozenset[str]:
        """The checks that are known by now to fail a wrong answer on that seed."""
        return frozenset(
            name
            for (answer, name, tried), verdict in self.verdicts.items()
            if answer.says and tried == seed and verdict is not Verdict.PASSED
        )

    def likeliest(self, answer: Answer, names: Iterable[str]) -> list[str]:
        """The checks in the order in which they are likely to fail a wrong answer soonest."""
        last = self.killers.get((answer.of, answer.name))
        dearest = max(self.costs.values(), default=0.0)  # as which what was never tried may turn out: a training

        def rank(name: str) -> tuple[bool, float]:
            return name != last, self.costs.get(name, dearest) * (2 + self.tries[name]) / (1 + self.kills[name])

        return sorted(names, key=rank)

    def about(self, answer: Answer, seed: int = 0) -> tuple[CheckResult, ...]:
        """The checks that an answer can fail: those of its task, or all where it is no task of its own."""
        checks = self.sound(seed)
        return tuple(check for check in checks if check.task == answer.of) or checks

    @cached_property
    def mutants(self) -> tuple[Answer, ...]:
        """Known wrong answers."""
        return answers_in(self.exercise.mutants)

    @cached_property
    def alternatives(self) -> tuple[Answer, ...]:
        """Right answers written differently."""
        return answers_in(self.exercise.alternatives)

    @cached_property
    def reference(self) -> Mapping[str, object]:
        """What the reference defines or imports by a public name."""
        _import_ahead(self.exercise)
        with siblings(self.exercise.folder):
            module = load(self.exercise.reference)
        return {name: value for name, value in vars(module).items() if not name.startswith("_")}

    @cached_property
    def _measured(self) -> dict[int, tuple[tuple[CheckResult, ...], Spent]]:
        return {}

    @cached_property
    def _plain(self) -> Mapping[str, Callable[..., Any]]:
        """The checks that need nothing but a student, so that they can be run without collecting a whole suite."""
        if not self.exercise.checks.is_file():
            return {}
        with siblings(self.exercise.folder):
            module = load(self.exercise.checks)
        found = [pair for name, value in vars(module).items() for pair in checks_in(name, value)]
        return {name: check for name, check in found if list(signature(check).parameters) == ["student"]}

    def _verdict(self, name: str, student: Student, seed: int) -> Verdict:
        """DOUBTFUL where only the whole suite can tell."""
        check = self._plain.get(name)
        if check is None:
            return Verdict.DOUBTFUL
        drawn_from = seed_for(_secret(seed), name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = run_check(
                check, {"student": student}, student, name=name, seed=drawn_from, shrink_seconds=0.0, bank=self.bank
            )
        return ran.verdict

    def _try(self, answer: Answer, name: str, student: Student, seed: int) -> None:
        """Run one check on an answer, whose student this is, and learn from it."""
        start = time.monotonic()
        verdict = self._verdict(name, student, seed)
        if verdict is Verdict.DOUBTFUL:
            checks = self.run({answer.of: answer.function}, seed=seed, only=frozenset([name]))
            passed = [check.outcome for check in checks] == [Outcome.PASSED]
            verdict = Verdict.PASSED if passed else Verdict.FAILED
        self.verdicts[answer, name, seed] = verdict
        seconds = time.monotonic() - start
        self.costs[name] = max(seconds, self.costs.get(name, 0.0))
        self.efforts[answer] = max(seconds, self.efforts.get(answer, 0.0))
        if answer.says:
            self.tries[name] += 1
            if verdict is not Verdict.PASSED:
                self.kills[name] += 1
                self.killers[answer.of, answer.name] = name

    @property
    def _patient(self) -> Limits:
        """Nobody is kept waiting, and a machine that is busy must not make a right answer wrong."""
        limits = self.exercise.limits
        return replace(limits, call_seconds=max(PATIENCE, limits.call_seconds), seconds=100 * PATIENCE + limits.seconds)


class _Timed(Student):
    """A student whose calls are timed. The judge waits meanwhile, so the process's time is theirs."""

    spent = Spent(0.0, 0.0, 0.0)

    def _timed(self, *args: Any) -> Any:
        wall, cpu = time.monotonic(), time.process_time()
        try:
            return super()._timed(*args)
        finally:
            seconds, processor = time.monotonic() - wall, time.process_time() - cpu
            before = self.spent
            longest = max(before.call_seconds, seconds)
            self.spent = Spent(before.seconds + seconds, before.cpu_seconds + processor, longest)


def _secret(seed: int) -> bytes:
    return sha256(f"seed {seed}".encode()).digest()


def _import_ahead(exercise: Exercise) -> None:
    """What the reference imports in its calls: one that is stopped in the middle leaves half a library behind."""
    # A library that is not installed the reference will miss; what one warns of is nobody's here to mend.
    with suppress(SandboxError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in mentioned(exercise.libraries, exercise.reference.read_text(encoding="utf-8")):
            for module in modules_of(name):
                for part in (module, *LATE.get(module, ())):
                    importlib.import_module(part)
