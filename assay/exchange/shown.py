"""What the exchange keeps, as the JSON that openapi.yaml describes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from assay.exchange.manifest import Manifest
from assay.exchange.moments import written
from assay.exchange.policy import Extension, attempts_left, due_for, may_fetch
from assay.exchange.records import Assignment, Attempt, Feedback, State

Json = dict[str, Any]


def assignment_shown(
    assignment: Assignment, now: datetime, *, to_student: bool, extension: Extension | None, attempts_used: int
) -> Json:
    """An assignment, with the extension and the attempts of whoever asks."""
    policy = assignment.policy
    released = may_fetch(policy, now)
    return {
        "course": assignment.course,
        "name": assignment.name,
        "release": _moment(policy.release),
        "due": _moment(policy.due),
        "grace_seconds": policy.grace.total_seconds(),
        "attempts": policy.attempts,
        "late": policy.late,
        "released": released and not assignment.withdrawn,
        "withdrawn": assignment.withdrawn,
        "files": files_shown(() if to_student and not released else assignment.files),
        "extension": None if extension is None else extension_shown(extension),
        "due_for_you": _moment(due_for(policy, extension)),
        "attempts_used": attempts_used,
        "attempts_left": attempts_left(policy, attempts_used),
    }


def extension_shown(extension: Extension) -> Json:
    """To the student who got it."""
    return {"until": written(extension.until), "reason": extension.reason}


def student_extension_shown(extension: Extension) -> Json:
    """To instructors."""
    return {"student": extension.student, **extension_shown(extension)}


def attempt_shown(attempt: Attempt, state: State, feedback: Feedback | None) -> Json:
    """An attempt, where grading it stands, and the feedback that whoever asks may see."""
    return {
        "id": attempt.id,
        "course": attempt.course,
        "assignment": attempt.assignment,
        "student": attempt.student,
        "number": attempt.number,
        "submitted": written(attempt.submitted),
        "digest": attempt.digest,
        "late": attempt.late,
        "files": files_shown(attempt.files),
        "state": asdict(state),
        "feedback": None if feedback is None else feedback_shown(feedback),
    }


def feedback_shown(feedback: Feedback) -> Json:
    """What is there, without the files themselves."""
    return {"given": written(feedback.given), "released": feedback.released, "files": files_shown(feedback.files)}


def files_shown(files: Manifest) -> list[Json]:
    """Paths, digests and sizes."""
    return [{"path": file.path, "sha256": file.sha256, "bytes": file.size} for file in files]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else written(moment)
