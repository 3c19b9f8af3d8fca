"""What grading an attempt came to, as it is kept with its job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assay.errors import JobError
from assay.jobs.table import Job


@dataclass(frozen=True)
class TaskResult:
    """Points of one graded cell; None until a person has graded it."""

    notebook: str
    name: str  # grade_id
    points: float | None
    maximum: float
    automatic: bool


@dataclass(frozen=True)
class BrokenCheck:
    """A check that could not judge: ours, it costs no points. For staff alone."""

    exercise: str
    check: str
    task: str
    note: str


@dataclass(frozen=True)
class GradingResult:
    """One attempt, graded with one suite and one round of draws."""

    suite: str  # everything but the attempt that decided it, see `nbgrader_marks.suite_of`
    round: str
    tasks: tuple[TaskResult, ...]
    late_penalty: float
    late: bool
    counts: bool  # it stood in the gradebook: no newer attempt had been graded
    broken: tuple[BrokenCheck, ...]
    warnings: tuple[str, ...]  # for staff
    report: str  # sha256 of what the hidden checks said
    seconds: float

    @property
    def points(self) -> float:
        """All points so far, less the penalty for being late."""
        return sum(task.points or 0.0 for task in self.tasks) - self.late_penalty

    @property
    def maximum(self) -> float:
        return sum(task.maximum for task in self.tasks)


def written(result: GradingResult) -> str:
    """The JSON of a job that is done; with points and maximum, for whoever reads the table."""
    return json.dumps({"points": result.points, "maximum": result.maximum, **asdict(result)})


def read(text: str) -> GradingResult:
    """The inverse of `written`. Raises JobError."""
    try:
        data: dict[str, Any] = json.loads(text)
        del data["points"], data["maximum"]
        return GradingResult(
            **{
                **data,
                "tasks": tuple(TaskResult(**one) for one in data["tasks"]),
                "broken": tuple(BrokenCheck(**one) for one in data["broken"]),
                "warnings": tuple(data["warnings"]),
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"A result in the table of jobs is damaged ({error}). Grade that attempt again.") from None


def latest_done(jobs: Sequence[Job]) -> Job | None:
    """Of the jobs on one attempt, the one that was done last."""
    return max((job for job in jobs if job.state == "done"), key=lambda job: (job.changed, job.id), default=None)


def for_staff(broken: Iterable[BrokenCheck]) -> str:
    """What staff read where checks could not judge."""
    return "\n".join(
        f"The check {one.check} of {one.exercise} could not judge and cost no points: {one.note}".rstrip(": ")
        for one in broken
    )
