"""What the exercise server answers, as frozen data. openapi.yaml describes the JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from assay.errors import ExchangeError, Refusal
from assay.exchange.manifest import File, Manifest
from assay.exchange.moments import read_moment
from assay.exchange.policy import Extension, Policy
from assay.exchange.records import Assignment, Attempt, Feedback, State

Role = Literal["student", "instructor"]
Read = TypeVar("Read")


@dataclass(frozen=True)
class Membership:
    """A course, and what the caller is in it."""

    course: str
    role: Role


@dataclass(frozen=True)
class AssignmentForCaller:
    """An assignment, and what holds for who asked."""

    assignment: Assignment
    released: bool
    extension: Extension | None
    due: datetime | None  # for the caller
    attempts_used: int
    attempts_left: int | None

    @property
    def name(self) -> str:
        return self.assignment.name

    @property
    def has_more_time(self) -> bool:
        """Whether the extension counts: not one that ends before the common due date."""
        return self.due != self.assignment.policy.due

    @property
    def files(self) -> Manifest:
        return self.assignment.files


@dataclass(frozen=True)
class AttemptNow:
    """An attempt, which never changes, and how far it is."""

    attempt: Attempt
    state: State
    feedback: Feedback | None


def read(kind: Callable[[Any], Read], data: Any) -> Read:
    """The JSON of an answer as what it is. Raises ExchangeError where it is not that."""
    try:
        return kind(data)
    except (KeyError, TypeError, ValueError, AttributeError, Refusal) as error:
        raise ExchangeError(
            f"The exercise server answered in a way that is not understood here ({type(error).__name__}: {error}). "
            "Update Assay here, or tell whoever runs the server."
        ) from error


def membership(data: Any) -> Membership:
    return Membership(str(data["name"]), "instructor" if data["role"] == "instructor" else "student")


def assignment(data: Any) -> AssignmentForCaller:
    policy = Policy(
        release=_moment(data["release"]),
        due=_moment(data["due"]),
        grace=timedelta(seconds=data["grace_seconds"]),
        attempts=data["attempts"],
        late=data["late"],
    )
    given = data.get("extension")
    return AssignmentForCaller(
        Assignment(str(data["course"]), str(data["name"]), policy, files(data["files"]), bool(data["withdrawn"])),
        released=bool(data["released"]),
        extension=None if given is None else extension({"student": "", **given}),
        due=_moment(data.get("due_for_you")),
        attempts_used=data.get("attempts_used") or 0,
        attempts_left=data.get("attempts_left"),
    )


def extension(data: Any) -> Extension:
    return Extension(str(data["student"]), read_moment(data["until"]), str(data.get("reason") or ""))


def attempt(data: Any) -> AttemptNow:
    given = data.get("feedback")
    return AttemptNow(
        Attempt(
            id=str(data["id"]),
            course=str(data["course"]),
            assignment=str(data["assignment"]),
            student=str(data["student"]),
            number=int(data["number"]),
            submitted=read_moment(data["submitted"]),
            files=files(data["files"]),
            digest=str(data["digest"]),
            late=bool(data["late"]),
        ),
        State(data["state"]["name"], data["state"]["place"]),
        None if given is None else feedback(str(data["id"]), given),
    )


def feedback(attempt: str, data: Any) -> Feedback:
    return Feedback(attempt, read_moment(data["given"]), files(data["files"]), bool(data["released"]))


def files(data: Iterable[Mapping[str, Any]]) -> Manifest:
    return tuple(sorted(File(str(one["path"]), str(one["sha256"]), int(one["bytes"])) for one in data))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else read_moment(text)
