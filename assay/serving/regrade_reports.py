"""Whose score a regrade changed, from what to what and why: as data, as JSON, and as a page for staff."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

import sqlalchemy as sa

from assay.exchange.moments import readable, written
from assay.jobs import table
from assay.jobs.table import Job
from assay.serving import regrades
from assay.serving.grader_protocol import Ask, KeepReport
from assay.serving.materials import Materials
from assay.serving.pages_html import page
from assay.serving.regrades import Member, Regrade
from assay.serving.results import GradingResult, read

log = logging.getLogger("assay.grading")


@dataclass(frozen=True)
class Change:
    """One attempt with other points than before."""

    student: str
    attempt: str
    before: float | None  # None: there was no result
    after: float
    why: str
    tasks: tuple[tuple[str, float | None, float | None], ...]  # those that changed: name, before, after


@dataclass(frozen=True)
class RegradeReport:
    """What a regrade has come to so far."""

    regrade: Regrade
    total: int
    done: int
    failed: tuple[str, ...]  # students whose attempts could not be graded, by a fault of ours
    changes: tuple[Change, ...]

    @property
    def over(self) -> bool:
        return self.done + len(self.failed) == self.total


def report(jobs: sa.Engine, kind: str, regrade: Regrade) -> RegradeReport:
    """Raises JobError."""
    members = regrades.members(jobs, regrade)
    found = table.of_subjects(jobs, kind, [one.attempt for one in members])
    done, failed, changes = 0, [], []
    for one in members:
        job = next((job for job in found.get(one.attempt, ()) if job.version == one.version), None)
        if job is not None and job.state == "done":
            done += 1
            changes += _change(one, job)
        elif job is not None and job.state == "failed" and regrade.enqueued:  # else it is tried again
            failed.append(one.student)
    return RegradeReport(regrade, len(members), done, tuple(failed), tuple(changes))


def shown(found: RegradeReport) -> dict[str, Any]:
    """As openapi.yaml describes it."""
    regrade = found.regrade
    return {
        "id": regrade.id,
        "course": regrade.course,
        "assignment": regrade.assignment,
        "fresh_draws": regrade.fresh_draws,
        "reason": regrade.reason,
        "asked": written(_asked(regrade)),
        "by": regrade.by,
        "total": found.total,
        "done": found.done,
        "failed": list(found.failed),
        "changes": [
            {"student": one.student, "attempt": one.attempt, "before": one.before, "after": one.after, "why": one.why}
            for one in found.changes
        ],
    }


def write_finished(materials: Materials, ask: Ask) -> None:
    """Have the grader keep the reports of the regrades that have come to their end.

    Raises CourseError where the disk refuses, and SandboxError.
    """
    for regrade in regrades.not_reported(materials.jobs, materials.of.name):
        found = report(materials.jobs, materials.of.grading, regrade)
        if found.over:
            ask(KeepReport(regrade.id), [text.encode() for text in texts(found)])
            if not found.failed:  # else it is written once more, when staff had them tried again
                regrades.note_reported(materials.jobs, regrade)


def texts(found: RegradeReport) -> tuple[str, str]:
    """The report as JSON, with the tasks that changed, and as a page."""
    tasks = {one.attempt: [list(task) for task in one.tasks] for one in found.changes}
    data = {**shown(found), "tasks": tasks}
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return text, page(f"Regrade of {found.regrade.assignment}", body(found))


def body(found: RegradeReport) -> str:
    """The inside of a page for staff."""
    regrade = found.regrade
    draws = "fresh ones, which nobody has seen" if regrade.fresh_draws else "the same as before"
    facts = {
        "Course": regrade.course,
        "Assignment": regrade.assignment,
        "Asked": f"{readable(_asked(regrade))}, by {regrade.by}",
        "Reason": regrade.reason or "none given",
        "Inputs drawn": draws,
        "Graded again": f"{found.done} of {found.total}",
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    rows = "".join(
        f"<tr><td>{escape(one.student)}</td><td>{number(one.before)}</td><td>{number(one.after)}</td>"
        f"<td>{escape(one.why)}<br><small>{escape(_tasks(one))}</small></td></tr>"
        for one in found.changes
    )
    head = "<tr><th>student</th><th>before</th><th>after</th><th>why</th></tr>"
    changed = f"<table>{head}{rows}</table>" if rows else "<p>No score has changed.</p>"
    failed = f"<p class=ours>Could not be graded: {escape(', '.join(found.failed))}.</p>" if found.failed else ""
    return f"<dl>{listed}</dl>{failed}<h2>Changes</h2>{changed}"


def number(points: float | None) -> str:
    """Points in a table."""
    return "-" if points is None else f"{points:.4g}"


def _change(member: Member, job: Job) -> list[Change]:
    before, after = member.before, read(job.result)
    if before is not None and before.points == after.points and not _tasks_changed(before, after):
        return []
    points = None if before is None else before.points
    return [
        Change(member.student, member.attempt, points, after.points, why(before, after), _tasks_changed(before, after))
    ]


def why(before: GradingResult | None, after: GradingResult) -> str:
    """What can have changed a score, in words for staff."""
    if before is None:
        return "graded for the first time"
    reasons = []
    if before.suite != after.suite:
        reasons.append(f"the suite changed ({before.suite[:8]} to {after.suite[:8]})")
    if before.round != after.round:
        reasons.append(f"other draws ({before.round} to {after.round})")
    if before.late_penalty != after.late_penalty:
        reasons.append("another penalty for being late")
    if _broken(before) != _broken(after):
        reasons.append("by a fault of ours, other checks could not judge than before")
    if not reasons or _by_hand(before) != _by_hand(after):
        reasons.append("a person gave other points" if _by_hand(before) != _by_hand(after) else _NOTHING)
    return "; ".join(reasons)


_NOTHING = (
    "same suite and same draws: nothing should have changed. Look at this submission, it may not be deterministic"
)


def _broken(result: GradingResult) -> set[tuple[str, str]]:
    return {(one.exercise, one.check) for one in result.broken}


def _by_hand(result: GradingResult) -> list[tuple[str, str, float | None]]:
    return [(task.notebook, task.name, task.points) for task in result.tasks if not task.automatic]


def _tasks_changed(
    before: GradingResult | None, after: GradingResult
) -> tuple[tuple[str, float | None, float | None], ...]:
    old = {} if before is None else {(task.notebook, task.name): task.points for task in before.tasks}
    new = {(task.notebook, task.name): task.points for task in after.tasks}
    names = [*new, *(key for key in old if key not in new)]
    return tuple((key[1], old.get(key), new.get(key)) for key in names if old.get(key) != new.get(key))


def _tasks(change: Change) -> str:
    return ", ".join(f"{name}: {number(before)} to {number(after)}" for name, before, after in change.tasks)


def _asked(regrade: Regrade) -> datetime:
    return datetime.fromtimestamp(regrade.asked, UTC)
