"""What is run, in which order: ours and the others take turns, so that a noisy minute favours nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.course import Exercise
from benchmarks import competitors
from benchmarks.folders import EXAMPLES
from benchmarks.submissions import Submission, drawn, every_answer, spread

ASSIGNMENTS = ("softmax_regression", "graph_network", "dense_network")  # numpy only, torch, TensorFlow
REAL = "gradient_descent"  # one of the repository's own exercises
COMPETITORS = ("assay-1", "assay-2", "nbgrader", "otter", "in-process")
SLOW = ("nbgrader", "otter")
FEWER = {"nbgrader": 1, "otter": 1, "in-process": 3}  # grade so many times Sizes.slow of the submissions
MANY = (10, 100, 1000)  # submissions, as work grows
INPUTS = (1, 5, 25, 100, 200)  # a check, as work grows
GROWN = "graph_network"  # is graded as work grows


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    submissions: int = 100
    slow: int = 12  # of these, for each slow competitor
    repeats: int = 2
    competitors: tuple[str, ...] = COMPETITORS
    exercises: tuple[str, ...] = (*ASSIGNMENTS, REAL)
    growth: bool = True

    @classmethod
    def quick(cls) -> Sizes:
        """To see that everything runs; the figures mean little."""
        return cls(submissions=8, slow=2, repeats=1, growth=False)


@dataclass(frozen=True)
class Step:
    """One competitor grades some submissions once."""

    purpose: str  # compare, submissions, examples, agreement
    competitor: str
    exercise: Exercise
    submissions: Sequence[Submission]
    examples: int = EXAMPLES

    def __str__(self) -> str:
        many = "" if self.examples == EXAMPLES else f", {self.examples} examples"
        return f"{self.exercise.name}: {self.competitor} ({len(self.submissions)}{many})"


def steps(sizes: Sizes, exercises: dict[str, Exercise]) -> list[Step]:
    """The comparison, and the cost as work grows."""
    found: list[Step] = []
    for name in sizes.exercises:
        found += _compare(sizes, exercises[name], drawn(exercises[name], sizes.submissions))
    if sizes.growth and GROWN in sizes.exercises:
        found += _grow(sizes, exercises[GROWN])
    return found


def agreement_steps(sizes: Sizes, exercises: dict[str, Exercise]) -> list[Step]:
    """Every known answer, judged by everybody."""
    return [
        Step("agreement", competitor, exercises[name], every_answer(exercises[name]))
        for name in sizes.exercises
        for competitor in sizes.competitors
        if competitor != "assay-1" or "assay-2" not in sizes.competitors
    ]


def _compare(sizes: Sizes, exercise: Exercise, submissions: Sequence[Submission]) -> Iterator[Step]:
    for turn in range(sizes.repeats):
        for competitor in sizes.competitors if turn % 2 == 0 else reversed(sizes.competitors):
            share = _of(competitor, sizes, submissions)
            share = share[turn :: sizes.repeats] if competitor in FEWER else submissions
            if share:
                yield Step("compare", competitor, exercise, share)


def _of(competitor: str, sizes: Sizes, submissions: Sequence[Submission]) -> Sequence[Submission]:
    """The submissions that a competitor grades."""
    few = FEWER.get(competitor)
    return submissions if few is None else spread(submissions, few * sizes.slow)


def _grow(sizes: Sizes, exercise: Exercise) -> Iterator[Step]:
    ours = next((name for name in ("assay-2", "assay-1") if name in sizes.competitors), None)
    if ours is not None:
        for count in MANY:
            yield Step("submissions", ours, exercise, drawn(exercise, count))
    few = spread(drawn(exercise, sizes.submissions), sizes.slow)
    for examples in INPUTS:
        for competitor in sizes.competitors:
            if competitor not in SLOW and competitor in (ours, "in-process"):
                yield Step("examples", competitor, exercise, few, examples)
            elif competitor in SLOW and examples in (INPUTS[0], EXAMPLES, INPUTS[-1]):
                yield Step("examples", competitor, exercise, spread(few, 4), examples)


def carry_out(step: Step, order: competitors.Order, otter: Path) -> competitors.Run:
    """Let the competitor of a step grade."""
    if step.competitor.startswith("assay-"):
        return competitors.ours(order, jobs=int(step.competitor.removeprefix("assay-")))
    if step.competitor == "nbgrader":
        return competitors.nbgrader(order)
    if step.competitor == "otter":
        return competitors.otter(order, environment=otter)
    return competitors.in_process(order)
