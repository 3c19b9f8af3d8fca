"""What a judge zygote and a judge are told: the round that they judge in, and the submission to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.course import Exercise, Task
from assay.sandbox.limits import Limits
from assay.submission import Cell, Source


@dataclass(frozen=True)
class Round:
    """One suite in one round: all that decides on which examples a submission is judged."""

    folder: Path
    tasks: tuple[Task, ...]
    limits: Limits
    secret: bytes  # of this round and suite (`rounds.draw_secret`): what the examples are drawn from

    @classmethod
    def of(cls, exercise: Exercise, secret: bytes) -> Round:
        return cls(exercise.folder.resolve(), exercise.tasks, exercise.limits, secret)

    @property
    def reference(self) -> Path:
        return self.folder / "reference.py"

    @property
    def checks(self) -> Path | None:
        checks = self.folder / "checks.py"
        return checks if checks.is_file() else None

    def message(self) -> dict[str, Any]:
        tasks = [[task.name, task.points] for task in self.tasks]
        return {"folder": str(self.folder), "tasks": tasks, "limits": asdict(self.limits), "secret": self.secret.hex()}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Round:
        tasks = tuple(Task(name, points) for name, points in message["tasks"])
        return cls(Path(message["folder"]), tasks, Limits(**message["limits"]), bytes.fromhex(message["secret"]))


@dataclass(frozen=True)
class Assigned:
    """What one judge is to do."""

    source: Source
    seconds: float  # of processor time, and of wall time from when it says that it judges

    def message(self) -> dict[str, Any]:
        cells = [asdict(cell) for cell in self.source.cells]
        return {"cells": cells, "answered": sorted(self.source.answered), "seconds": self.seconds}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Assigned:
        cells = tuple(Cell(**cell) for cell in message["cells"])
        return cls(Source(cells, frozenset(message["answered"])), message["seconds"])
