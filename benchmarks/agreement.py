"""Whether all who graded agree on which answers are right: the check that they do the same work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.competitors import Run
from benchmarks.submissions import Submission

# Known answers that a competitor judges otherwise, and why: (competitor, exercise, name of the answer).
EXPLAINED: dict[tuple[str, str, str], str] = {}


@dataclass(frozen=True)
class Misjudged:
    """An answer that is known to be right or wrong, and was taken for the other."""

    competitor: str
    exercise: str
    task: str
    answer: str
    student: str
    right: bool  # what it is
    explanation: str = ""


def misjudged(run: Run, submissions: Sequence[Submission]) -> Iterable[Misjudged]:
    """Every answer on which one run is wrong."""
    for submission in submissions:
        for task, found in run.right.get(submission.student, {}).items():
            answer = submission.answers[task]
            if found != answer.right:
                why = EXPLAINED.get((run.competitor, run.exercise, answer.name), "")
                yield Misjudged(run.competitor, run.exercise, task, answer.name, submission.student, answer.right, why)


def answers_judged(run: Run) -> int:
    """How many answers a run has judged."""
    return sum(map(len, run.right.values()))
