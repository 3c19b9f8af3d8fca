"""What is known of an exercise whatever is submitted: its checks, and what its reference and mutants yield on them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

from assay.checks.answers import Answer, answers_in
from assay.checks.check import check_of
from assay.checks.compare import kind
from assay.checks.probes import Body, Key, Probe, draw, plain_checks
from assay.checks.siblings import load, siblings
from assay.course import Task
from assay.grading.evidence import Contrast, Yielded, leaves
from assay.grading.witness import Failure
from assay.sandbox.limits import Limits, MiB

LARGE = MiB // 4  # bytes of arrays; what yields more on a probe is asked again


@dataclass(frozen=True)
class Memory:
    """What one function, right or wrong, yields on the probes that it was asked."""

    heard: dict[Key, Yielded] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)  # where its check does not hold
    lost: set[Key] = field(default_factory=set)  # where it takes too long, or yields too much
    contrasts: dict[Key, Contrast] = field(default_factory=dict)  # how it differs from what is right

    def keep(self, key: Key, heard: Yielded, *, held: bool) -> None:
        """Remember what was heard, unless it is large or no plain data."""
        parts = [leaf for one in heard for value in (one.value, one.after) for leaf in leaves(value)]
        plain = all(isinstance(part, Failure) or kind(part) != "object" for part in parts)
        if plain and sum(part.nbytes for part in parts if isinstance(part, np.ndarray)) <= LARGE:
            self.heard[key] = heard
            self.failed.update(() if held else (key,))


@dataclass(frozen=True)
class Drawn:
    """The first examples of a check for one seed."""

    count: int  # asked for; there may be fewer
    probes: list[Probe]


@dataclass(frozen=True)
class Known:
    """What a diagnosis needs of an exercise."""

    checks: Mapping[str, Body]  # those that need nothing but a student
    reference: Mapping[str, object]
    mutants: tuple[Answer, ...]
    limits: Limits
    tasks: tuple[Task, ...]
    modules: Mapping[str, ModuleType]  # that checks and reference import from their folder
    drawn: dict[tuple[str, int], Drawn] = field(default_factory=dict)  # by check and seed
    memories: dict[tuple[str, str], Memory] = field(default_factory=dict)  # by function and mutant; "": the reference

    def draw(self, name: str, *, seed: int, count: int) -> list[Probe]:
        """The first examples of a check, drawn once."""
        found = self.drawn.get((name, seed))
        if found is None or found.count < count:
            found = Drawn(count, draw(name, self.checks[name], seed=seed, count=count))
            self.drawn[name, seed] = found
        return found.probes[:count]

    def memory(self, function: str, mutant: str = "") -> Memory:
        """What a mutant of `function`, or the reference, is known to yield where calls of `function` are heard."""
        return self.memories.setdefault((function, mutant), Memory())

    def is_usable(self, name: str) -> bool:
        """Whether a check can be run again, on inputs that are no secret."""
        check = check_of(self.checks.get(name))
        return check is not None and check.reveals == "counterexample"

    def task_of(self, name: str) -> str | None:
        """The task whose points a check earns."""
        check = check_of(self.checks[name])
        said = () if check is None else (check.task, check.about)
        names = [task.name for task in self.tasks]
        return next((name for name in said if name in names), names[0] if len(names) == 1 else None)


def known(folder: Path, tasks: Sequence[Task], limits: Limits) -> Known:
    """The files of `graders/<exercise>/`. Raises AuthoringError where one of them cannot be used."""
    checks = folder / "checks.py"
    with siblings(folder):
        reference = load(folder / "reference.py")
        plain = plain_checks(checks if checks.is_file() else None, reference, tasks)
        files = {file.stem for file in folder.glob("*.py")}
        modules = {name: module for name, module in sys.modules.items() if name in files}
    return Known(plain, vars(reference), answers_in(folder / "mutants.py"), limits, tuple(tasks), modules)
