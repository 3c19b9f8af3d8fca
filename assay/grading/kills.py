"""Who kills whom: which checks fail which known wrong answers, on one draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from assay.checks.answers import Answer
from assay.grading.bench import Bench


@dataclass(frozen=True)
class Row:
    """A check."""

    name: str
    sentence: str
    points: float


@dataclass(frozen=True)
class Victim:
    """A known wrong answer, and what became of it."""

    name: str
    says: str
    killed_by: frozenset[str]  # names of the checks that it fails, each run on its own
    first: str | None  # the first of them to take points; None where it keeps them all


@dataclass(frozen=True)
class Block:
    """The wrong answers to one function, and the checks that can fail them."""

    function: str
    checks: tuple[Row, ...]
    mutants: tuple[Victim, ...]
    alternatives: int  # how many right answers to it are known


@dataclass(frozen=True)
class Kills:
    """All wrong answers of an exercise, by function."""

    exercise: str
    blocks: tuple[Block, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """How many wrong and how many right answers are known."""
        return sum(len(block.mutants) for block in self.blocks), sum(block.alternatives for block in self.blocks)

    @property
    def idle(self) -> tuple[str, ...]:
        """The checks that no wrong answer fails, by name."""
        killers = {name for block in self.blocks for victim in block.mutants for name in victim.killed_by}
        return tuple(sorted({row.name for block in self.blocks for row in block.checks} - killers))


def kills_on(bench: Bench, seed: int = 0) -> Kills:
    """Every wrong answer tried on every check of its task. Tasks without wrong answers are there too, empty."""
    victims = {answer: _victim(bench, answer, seed) for answer in bench.mutants}
    functions = dict.fromkeys([*(task.name for task in bench.exercise.tasks), *(answer.of for answer in victims)])
    return Kills(bench.exercise.name, tuple(_block(bench, name, victims, seed) for name in functions))


def idle(bench: Bench, seed: int = 0) -> tuple[str, ...]:
    """The checks that no wrong answer fails, by name, found without trying every answer on every check."""
    wanting = {check.name for check in bench.sound(seed)} - bench.killing(seed)
    for answer in sorted(bench.mutants, key=lambda answer: bench.efforts.get(answer, 0.0)):  # trainings last
        names = [check.name for check in bench.about(answer, seed) if check.name in wanting]
        wanting.difference_update(bench.failed(answer, names, seed=seed))
    return tuple(sorted(wanting))


def ranked(block: Block) -> tuple[Victim, ...]:
    """The wrong answers by the check that takes their points first, in the order of the checks."""
    order = {row.name: index for index, row in enumerate(block.checks)}

    def place(victim: Victim) -> tuple[int, int]:
        return (len(order) if victim.first is None else order[victim.first]), -len(victim.killed_by)

    return tuple(sorted(block.mutants, key=place))


def groups(block: Block) -> Iterator[tuple[str | None, tuple[Victim, ...]]]:
    """The same, one group for each check that is the first to take points."""
    for first, victims in groupby(ranked(block), key=lambda victim: victim.first):
        yield first, tuple(victims)


def _block(bench: Bench, function: str, victims: dict[Answer, Victim], seed: int) -> Block:
    checks = tuple(check for check in bench.sound(seed) if check.task == function) or bench.sound(seed)
    return Block(
        function,
        tuple(Row(check.name, check.sentence, check.points) for check in checks),
        tuple(victim for answer, victim in victims.items() if answer.of == function),
        sum(answer.of == function for answer in bench.alternatives),
    )


def _victim(bench: Bench, answer: Answer, seed: int) -> Victim:
    checks = bench.about(answer, seed)
    killed_by = frozenset(bench.failed(answer, [check.name for check in checks], seed=seed))
    worth = [check.name for check in checks if check.points and check.name in killed_by]
    if not worth and loses_points(bench, answer, seed):
        worth = [check.name for check in checks if check.name in killed_by]
    return Victim(answer.name, answer.says, killed_by, worth[0] if worth else None)


def loses_points(bench: Bench, answer: Answer, seed: int) -> bool:
    """Also by a check without points, where another that has some comes after it."""
    checks = bench.run({answer.of: answer.function}, seed=seed)
    return any(check.points and not check.earned for check in checks)
