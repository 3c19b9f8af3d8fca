"""Name the likely mistake: the known wrong answers that yield what the student's function yields, wherever asked.

A wrong answer is dropped at the first input on which it yields anything else. Those left after several fresh draws of
all checks of the task are what a tutor would say. Nothing is said where none is left, or too many, or where all that
speaks for them could be chance (see `evidence`). Data that a check keeps back is never used.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.checks.answers import Answer, answers_in
from assay.checks.check import check_of
from assay.checks.collected import seed_for
from assay.checks.probes import Body, Probe, draw, plain_checks
from assay.checks.siblings import load, siblings
from assay.course import Task
from assay.grading.evidence import SIDES, Evidence, Yielded, agree, agree_on, shares_a_side
from assay.grading.witness import Failure, Lost, Witness, local_witness
from assay.outcome import CheckResult, Outcome
from assay.sandbox.explain import NOT_ANSWERED
from assay.sandbox.limits import Limits

HEAVY = frozenset({"torch", "torch_geometric", "tensorflow", "keras", "jax"})
TOLD = 3  # more candidates than that say nothing
JUDGED, FAILING = 25, 6  # examples on which the first failed check was judged, and how many failing ones are enough
LEADING, OTHERS = 8, 2  # examples of that check, and of each other check of the task, in one fresh draw
ROUNDS, MOST_ROUNDS = 3, 8  # fresh draws
TASK_SECONDS, SECONDS = 20.0, 40.0  # of one task, and of a submission; only a busy machine needs them


@dataclass(frozen=True)
class Known:
    """What a diagnosis needs of an exercise."""

    checks: Mapping[str, Body]  # those that need nothing but a student
    reference: Mapping[str, object]
    mutants: tuple[Answer, ...]
    limits: Limits
    drawn: dict[tuple[str, int, int], list[Probe]] = field(default_factory=dict)

    def draw(self, name: str, *, seed: int, count: int) -> list[Probe]:
        """The first examples of a check, drawn once."""
        if (name, seed, count) not in self.drawn:
            self.drawn[name, seed, count] = draw(name, self.checks[name], seed=seed, count=count)
        return self.drawn[name, seed, count]


@dataclass
class Candidate:
    """A wrong answer that may be the student's."""

    answer: Answer
    witness: Witness
    evidence: Evidence = field(default_factory=Evidence)

    def listen(self, probe: Probe, *, only: str | None, until: float) -> Yielded:
        """What it yields, with its class named as the student's is. Raises Lost."""
        heard = self.witness.listen(probe, only=only, until=until)
        return tuple(replace(one, value=self._renamed(one.value)) for one in heard)

    def _renamed(self, value: object) -> object:
        if isinstance(value, Failure):
            return Failure(value.message.replace(self.answer.name, self.answer.of))
        return value


def known(folder: Path, tasks: Sequence[Task], limits: Limits) -> Known:
    """The files of `graders/<exercise>/`. Raises AuthoringError where one of them cannot be used."""
    checks = folder / "checks.py"
    with siblings(folder):
        reference = load(folder / "reference.py")
        plain = plain_checks(checks if checks.is_file() else None, reference, tasks)
    return Known(plain, vars(reference), answers_in(folder / "mutants.py"), limits)


def diagnosed(
    known: Known,
    results: Sequence[CheckResult],
    student: Witness,
    secret: bytes,
    *,
    seconds: float = SECONDS,
    task_seconds: float = TASK_SECONDS,
) -> tuple[CheckResult, ...]:
    """The results, with the likely mistake in one failed check of each task where there is one."""
    until = time.monotonic() + seconds
    found: dict[str, tuple[str, ...]] = {}
    for task in dict.fromkeys(result.task for result in results):
        of_task = [result for result in results if result.task == task and is_usable(known, result)]
        end = min(until, time.monotonic() + task_seconds)
        if any(map(_is_failure, of_task)) and time.monotonic() < end:
            with suppress(Lost), _light():
                found |= _of_task(known, of_task, student, secret, end)
    return tuple(replace(result, diagnosis=found.get(result.name, ())) for result in results)


class _NoFrameworks:
    """Refuses to load what takes seconds and gigabytes; what is loaded already can be used."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        root = name.partition(".")[0]
        if root in HEAVY and root not in sys.modules:
            raise ModuleNotFoundError(f"{name} is not loaded for a diagnosis", name=name)


@contextmanager
def _light() -> Iterator[None]:
    """While open, references and mutants that would load a framework fail instead."""
    finder = _NoFrameworks()
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]


def worth_a_try(results: Sequence[CheckResult]) -> bool:
    """Whether there is a failure that a diagnosis could explain."""
    return any(result.reveals == "counterexample" and _is_failure(result) for result in results)


def is_usable(known: Known, result: CheckResult) -> bool:
    """Whether a check can be run again, on inputs that are no secret."""
    check = check_of(known.checks.get(result.name))
    return check is not None and check.reveals == "counterexample"


def _is_failure(result: CheckResult) -> bool:
    return result.outcome is Outcome.FAILED and result.looked_at and result.message != NOT_ANSWERED


def _of_task(
    known: Known, results: Sequence[CheckResult], student: Witness, secret: bytes, until: float
) -> dict[str, tuple[str, ...]]:
    """The diagnosis of one task, by the name of the check below which it is told. Raises Lost."""
    failed = [result.name for result in results if _is_failure(result)]
    abouts = (getattr(check_of(known.checks[name]), "about", None) for name in failed)
    for function in dict.fromkeys([results[0].task, *abouts]):
        mutants = [answer for answer in known.mutants if answer.of == function]
        if function is None or not mutants or student.has_cost_a_worker(function):
            continue
        names = [failed[0], *(result.name for result in results if result.name != failed[0])]
        with ExitStack() as stack:
            hearing = _Hearing(known, function, student, stack, until)
            candidates = hearing.survivors(mutants, names, secret)
        told = _told(candidates, len(names))
        place = next((name for name in failed if all(one.evidence.shows_on(name) for one in told)), None)
        if told and place is not None:
            return {place: tuple(dict.fromkeys(one.answer.says for one in told))}
    return {}


@dataclass
class _Hearing:
    """A student, the reference and known mistakes, asked the same things."""

    known: Known
    function: str
    student: Witness
    stack: ExitStack
    until: float

    def survivors(self, mutants: Sequence[Answer], names: Sequence[str], secret: bytes) -> list[Candidate]:
        """The mistakes that agree with the student wherever asked; the first check is one that failed. Raises Lost."""
        reference = self.stack.enter_context(local_witness(self.known.reference, self.known.limits))
        candidates = self._fit_failures([*map(self._candidate, mutants)], names[0], reference, secret)
        for number in range(MOST_ROUNDS):
            for probe in self._fresh(names, secret, number):
                if not candidates:
                    return []
                said, right = self._hear_both(probe, reference)
                candidates = [one for one in candidates if self._adds(one, probe, said, right)]
            if number + 1 >= ROUNDS and any(map(_is_convincing, candidates)):
                break
        return candidates

    def _fit_failures(
        self, candidates: list[Candidate], name: str, reference: Witness, secret: bytes
    ) -> list[Candidate]:
        """Those that agree with the student on the inputs on which a check failed; none where there are none."""
        failing = 0
        for probe in self.known.draw(name, seed=seed_for(secret, name), count=JUDGED):
            said, right = self._hear_both(probe, reference)
            sound = agree(said, right)
            if sound and all(agree_on(side, said, right) for side in SIDES):
                continue
            if not agree(said, self._hear(self.student, probe)):
                raise Lost  # an answer that changes from call to call explains nothing
            if sound:
                candidates = [one for one in candidates if self._shares_a_side(one, probe, said, right)]
            candidates = [one for one in candidates if self._adds(one, probe, said, right) and not one.evidence.excused]
            failing += 1
            if failing == FAILING:
                break
        if not failing:
            return []
        return [replace(one, evidence=Evidence()) for one in candidates]  # what convinces has to be seen afresh

    def _hear_both(self, probe: Probe, reference: Witness) -> tuple[Yielded, Yielded]:
        """What the student yields, and what is right. Raises Lost where the reference gives no value either."""
        said, right = self._hear(self.student, probe), self._hear(reference, probe)
        if right and all(isinstance(one.value, Failure) for one in right):
            raise Lost
        return said, right

    def _adds(self, candidate: Candidate, probe: Probe, said: Yielded, right: Yielded) -> bool:
        try:
            return candidate.evidence.add(probe.check, said, self._hear(candidate, probe), right)
        except Lost:
            return False

    def _shares_a_side(self, candidate: Candidate, probe: Probe, said: Yielded, right: Yielded) -> bool:
        try:
            return shares_a_side(said, self._hear(candidate, probe), right)
        except Lost:
            return False

    def _hear(self, speaker: Witness | Candidate, probe: Probe) -> Yielded:
        is_class = inspect.isclass(self.known.reference.get(self.function))
        return speaker.listen(probe, only=None if is_class else self.function, until=self.until)

    def _candidate(self, answer: Answer) -> Candidate:
        changed = {**self.known.reference, answer.of: answer.function}
        return Candidate(answer, self.stack.enter_context(local_witness(changed, self.known.limits)))

    def _fresh(self, names: Sequence[str], secret: bytes, number: int) -> Iterator[Probe]:
        for name in names:
            count = LEADING if name == names[0] else OTHERS
            drawn = self.known.draw(name, seed=seed_for(secret, f"{name} diagnosis {number}"), count=count + 1)
            if len(drawn) == 1 and number == 0:  # nothing is drawn
                yield from drawn
            yield from drawn[1:]  # the first one is the simplest, whatever the seed


def _is_convincing(candidate: Candidate) -> bool:
    return candidate.evidence.is_convincing(candidate.answer.says)


def _told(candidates: Sequence[Candidate], checks: int) -> list[Candidate]:
    """Those that are worth telling: convincing, with the fewest excuses, and not too many."""
    usable = [one for one in candidates if _is_convincing(one) and 2 * len(one.evidence.excused) <= checks]
    fewest = min((len(one.evidence.excused) for one in usable), default=0)
    best = [one for one in usable if len(one.evidence.excused) == fewest]
    return best if len({one.answer.says for one in best}) <= TOLD else []
