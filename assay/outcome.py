"""What grading a submission yields, as frozen data with one JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

PICTURE_KINDS = ("matrix", "image", "graph", "curve")
MOST_PICTURES = 8  # of one counterexample
MOST_ENTRIES = 1024  # numbers of one picture


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # the student's
    BROKEN = "broken"  # ours: costs no points and is shown to staff


@dataclass(frozen=True)
class Call:
    """One call of a student's function, as text that a student may read."""

    function: str
    arguments: tuple[tuple[str, str], ...]  # (parameter name, value)
    returned: str | None  # None: it did not return


@dataclass(frozen=True)
class Picture:
    """The numbers of one value of a counterexample, to be drawn."""

    name: str  # of a parameter, or `got`, `expected` or `differs` (1 where those differ); `x[2, 0:32]` for a part
    kind: str  # `matrix`, `image`, `graph` (an adjacency matrix) or `curve`
    shape: tuple[int, ...]
    values: tuple[float, ...]  # in C order; may hold nan and infinities


@dataclass(frozen=True)
class Counterexample:
    """The smallest failing input found: the calls made on it, and got beside expected where there is one."""

    calls: tuple[Call, ...]
    got: str | None = None
    expected: str | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check for one submission."""

    name: str  # of the check function; for staff
    task: str  # grade_id of the marker cell whose points it earns
    sentence: str  # what a student reads
    points: float
    outcome: Outcome
    message: str = ""  # what happened, in words for the student
    hint: str = ""
    counterexample: Counterexample | None = None
    reveals: str = "counterexample"  # or "message", "sentence" or "nothing"
    staff_note: str = ""  # traceback of a BROKEN check; never shown to a student
    diagnosis: tuple[str, ...] = ()  # what a tutor would say; several where one of them is meant
    looked_at: bool = True  # False: FAILED because the check it comes after failed

    @property
    def earned(self) -> float:
        return 0.0 if self.outcome is Outcome.FAILED else self.points


@dataclass(frozen=True)
class Report:
    """Everything the judge says about one submission."""

    assignment: str
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...] = ()  # for the student: cells that stopped while loading
    staff_notes: tuple[str, ...] = ()  # never shown to a student
    suite_version: str = ""
    round: str = ""
    seconds: float = 0.0

    def for_task(self, task: str) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.task == task)

    def score(self, task: str, maximum: float) -> float:
        """Points earned in a task, within [0, maximum]."""
        earned = sum(check.earned for check in self.for_task(task))
        return float(min(max(earned, 0.0), maximum))

    @property
    def broken(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.outcome is Outcome.BROKEN)


def to_json(report: Report) -> str:
    return json.dumps(asdict(report), ensure_ascii=True)


def from_json(text: str) -> Report:
    """Inverse of `to_json`. Raises ValueError, KeyError or TypeError on anything else."""
    data = json.loads(text)
    lists = {name: tuple(data[name]) for name in ("notes", "staff_notes")}
    return Report(**{**data, **lists, "checks": tuple(map(_check, data["checks"]))})


def _check(data: dict[str, Any]) -> CheckResult:
    example = data["counterexample"]
    if example is not None:
        calls = tuple(
            Call(call["function"], tuple((name, value) for name, value in call["arguments"]), call["returned"])
            for call in example["calls"]
        )
        pictures = tuple(
            Picture(one["name"], one["kind"], tuple(one["shape"]), tuple(map(float, one["values"])))
            for one in example.get("pictures", ())
        )
        example = Counterexample(calls, example["got"], example["expected"], pictures)
    changed = {
        "outcome": Outcome(data["outcome"]),
        "counterexample": example,
        "diagnosis": tuple(data.get("diagnosis", ())),
    }
    return CheckResult(**{**data, **changed})
