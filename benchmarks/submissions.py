"""Submissions of which it is known which task is right: drawn from the answers of an exercise, written as notebooks."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.course import Exercise
from assay.grading.bench import Bench
from benchmarks.cells import Unwritable, cell_of

SEED = 4
WRONG = 0.5  # of the submissions have a wrong answer or more
NOT_BEGUN = 0.05  # of the wrong ones are the notebook as it was handed out


@dataclass(frozen=True)
class Written:
    """One answer to one task, as text of a cell."""

    name: str
    text: str
    right: bool


@dataclass(frozen=True)
class Submission:
    """What one student hands in, by task."""

    student: str
    answers: Mapping[str, Written]

    @property
    def right(self) -> dict[str, bool]:
        return {task: answer.right for task, answer in self.answers.items()}

    def notebook(self, released: Mapping[str, Any]) -> dict[str, Any]:
        """A released notebook with these answers in it."""
        filled = copy.deepcopy(dict(released))
        for cell in filled["cells"]:
            task = cell["metadata"].get("nbgrader", {}).get("grade_id", "").removesuffix("_answer")
            if cell["metadata"].get("nbgrader", {}).get("solution") and task in self.answers:
                cell["source"] = f"# {self.student}\n{self.answers[task].text}"
        return filled


def drawn(exercise: Exercise, count: int, *, seed: int = SEED) -> tuple[Submission, ...]:
    """So many submissions: right ones, and wrong ones with one or two mistakes, mixed; equal seeds give equal ones."""
    pool = answers(exercise)
    random_numbers = random.Random(f"{exercise.name} {seed}")
    width = len(str(count - 1))
    return tuple(_submission(f"s{number:0{width}}", pool, random_numbers) for number in range(count))


def every_answer(exercise: Exercise) -> tuple[Submission, ...]:
    """The fewest submissions in which every known answer to every task appears."""
    pool = answers(exercise)
    count = max(map(len, pool.values()))
    return tuple(
        Submission(f"e{number:02}", {task: known[number % len(known)] for task, known in pool.items()})
        for number in range(count)
    )


def answers(exercise: Exercise) -> dict[str, tuple[Written, ...]]:
    """Every known answer to each task that is checked: the reference, alternatives and mutants."""
    bench = Bench(exercise)
    pool: dict[str, list[Written]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references = {task.name: bench.reference[task.name] for task in exercise.tasks if task.name in bench.reference}
        known = [(task, "reference", function, True) for task, function in references.items()]
        known += [(answer.of, answer.name, answer.function, True) for answer in bench.alternatives]
        known += [(answer.of, answer.name, answer.function, False) for answer in bench.mutants]
    for task, name, function, right in known:
        try:
            text = cell_of(function, task, exercise.folder)  # type: ignore[arg-type]
        except Unwritable:
            continue
        pool.setdefault(task, []).append(Written(name, text, right))
    return {task: tuple(found) for task, found in pool.items()}


def _submission(student: str, pool: Mapping[str, Sequence[Written]], random_numbers: random.Random) -> Submission:
    chosen = {task: random_numbers.choice([a for a in known if a.right]) for task, known in pool.items()}
    if random_numbers.random() < WRONG:
        if random_numbers.random() < NOT_BEGUN:
            stub = Written("not begun", "raise NotImplementedError()\n", False)
            return Submission(student, dict.fromkeys(pool, stub))
        for task in random_numbers.sample(sorted(pool), random_numbers.choice([1, 2])):
            chosen[task] = random_numbers.choice([a for a in pool[task] if not a.right])
    return Submission(student, chosen)


def spread(submissions: Sequence[Submission], count: int) -> tuple[Submission, ...]:
    """So many of them, evenly taken, for competitors that are too slow for all."""
    count = min(count, len(submissions))
    return tuple(submissions[number * len(submissions) // count] for number in range(count))
