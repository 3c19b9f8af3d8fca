"""Name the likely mistake: the known wrong answers that yield what the student's function yields, wherever asked.

A wrong answer is dropped at the first input on which it yields anything else. Those left after several fresh draws of
all checks of the task are what a tutor would say. Nothing is said where none is left, or too many, or where all that
speaks for them could be chance (see `evidence`). Data that a check keeps back is never used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from assay.checks.check import check_of
from assay.grading.handover import dumps, loads
from assay.grading.hearing import Candidate, Hearing, Voices
from assay.grading.known import Known, known
from assay.grading.rehearsal import rehearse
from assay.grading.witness import Lost, Witness
from assay.outcome import CheckResult, Outcome
from assay.sandbox.explain import NOT_ANSWERED

__all__ = ["Known", "adopt", "diagnosed", "is_usable", "known", "prepare", "worth_a_try"]

HEAVY = frozenset({"torch", "torch_geometric", "tensorflow", "keras", "jax"})
TOLD = 3  # more candidates than that say nothing
TASK_SECONDS, SECONDS = 20.0, 40.0  # of one task, and of a submission; only a busy machine needs them
PREPARING = 6.0  # seconds of processor time, for one round


def prepare(known: Known, secret: bytes, *, seconds: float = PREPARING) -> bytes:
    """What diagnoses of this round will draw and hear, but for the students, as bytes for `adopt`.

    For a process of its own: what mutants leave behind stays in it. `seconds` are of processor time; what they do not
    suffice for is drawn and heard when a diagnosis needs it.
    """
    with _light():
        rehearse(known, secret, seconds=seconds)
    return dumps(known)


def adopt(known: Known, data: bytes) -> None:
    """Take over what was prepared for the same exercise by a process that never had anything of a student's."""
    loads(known, data)


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
    return known.is_usable(result.name)


def _is_failure(result: CheckResult) -> bool:
    return result.outcome is Outcome.FAILED and result.looked_at and result.message != NOT_ANSWERED


def _of_task(
    known: Known, results: Sequence[CheckResult], student: Witness, secret: bytes, until: float
) -> dict[str, tuple[str, ...]]:
    """The diagnosis of one task, by the name of the check below which it is told. Raises Lost."""
    failed = [result.name for result in results if _is_failure(result)]
    abouts = (getattr(check_of(known.checks[name]), "about", None) for name in failed)
    for function in dict.fromkeys([results[0].task, *abouts]):
        if function not in {answer.of for answer in known.mutants} or student.has_cost_a_worker(function):
            continue
        names = [failed[0], *(result.name for result in results if result.name != failed[0])]
        with ExitStack() as stack:
            hearing = Hearing(Voices(known, function, known.limits, stack), student, until)
            candidates = hearing.survivors(names, secret)
        told = _told(candidates, len(names))
        place = next((name for name in failed if all(one.evidence.shows_on(name) for one in told)), None)
        if told and place is not None:
            return {place: tuple(dict.fromkeys(one.answer.says for one in told))}
    return {}


def _told(candidates: Sequence[Candidate], checks: int) -> list[Candidate]:
    """Those that are worth telling: convincing, with the fewest excuses, and not too many."""
    usable = [one for one in candidates if one.is_convincing and 2 * len(one.evidence.excused) <= checks]
    fewest = min((len(one.evidence.excused) for one in usable), default=0)
    best = [one for one in usable if len(one.evidence.excused) == fewest]
    return best if len({one.answer.says for one in best}) <= TOLD else []
