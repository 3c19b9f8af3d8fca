"""What the worker asks its grader, and what that answers: frozen data, and its JSON.

Each request is answered by `Done` or `Failed` in the end; `Told` and `Graded` come before, where grading was asked for.
Answers are read as a stranger's: what is not of the kind that is written here is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from assay.errors import SandboxError
from assay.serving.frames import Frame
from assay.serving.results import BrokenCheck, TaskResult

MOST_LISTED = 10_000
LARGEST = 2**53  # of a whole number, which a float still tells from the next
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # but for tabs and ends of lines


@dataclass(frozen=True)
class Look:
    """Is somebody else grading the course? Done with a word, or nothing."""


@dataclass(frozen=True)
class Suite:
    """What decides how an assignment is graded, see `nbgrader_marks.suite_of`. Done with that."""

    assignment: str


@dataclass(frozen=True)
class Warm:
    """Start what grading these assignments needs, and wait for nothing."""

    round: str
    assignments: tuple[str, ...]


@dataclass(frozen=True)
class KeepReport:
    """Keep the report on a regrade; its JSON and its page are the files."""

    number: str


@dataclass(frozen=True)
class Begin:
    """Be ready to grade attempts of an assignment: those that count, or older ones, beside the course.

    Done with how many seconds one of them can take.
    """

    assignment: str
    in_gradebook: bool


@dataclass(frozen=True)
class LayOut:
    """The files of an attempt, to be graded next, and until when it was in time; times are ISO 8601."""

    student: str
    submitted: str
    paths: tuple[str, ...]  # of the files, in the order in which they come
    due: str | None
    grace: float  # seconds
    until: str | None  # the student's extension


@dataclass(frozen=True)
class Grade:
    """Grade what was laid out, and end what was begun."""

    students: tuple[str, ...]
    round: str
    processes: int


@dataclass(frozen=True)
class End:
    """Nothing more of what was begun."""


@dataclass(frozen=True)
class Done:
    """A request is done."""

    text: str = ""


@dataclass(frozen=True)
class Failed:
    """A request could not be done."""

    why: str


@dataclass(frozen=True)
class Told:
    """What the hidden checks found, for a student who waits alone."""

    student: str
    text: str


@dataclass(frozen=True)
class Graded:
    """What grading the attempt of a student came to; the feedback pages are the files."""

    student: str
    error: str = ""  # why it was not graded; ours, not the student's
    suite: str = ""
    tasks: tuple[TaskResult, ...] = ()
    late_penalty: float = 0.0
    broken: tuple[BrokenCheck, ...] = ()
    warnings: tuple[str, ...] = ()
    report: str = ""  # sha256 of what the hidden checks said
    seconds: float = 0.0
    pages: tuple[str, ...] = ()  # names of the files


Request = Look | Suite | Warm | KeepReport | Begin | LayOut | Grade | End
Answer = Done | Failed | Told | Graded
Hear = Callable[[Answer, Sequence[bytes]], None]
_KINDS = {kind.__name__: kind for kind in (*get_args(Request), *get_args(Answer))}


class Ask(Protocol):
    """What has a grader do something: the text of its `Done`; `hear` is told what comes before that, with its files.

    Raises CourseError with what the grader said where it failed, and SandboxError where there is no answer.
    """

    def __call__(self, request: Request, files: Sequence[bytes] = (), hear: Hear | None = None) -> str: ...


def encoded(message: Request | Answer, files: Iterable[bytes] = ()) -> Frame:
    """A message as it goes over the line."""
    return Frame(json.dumps([type(message).__name__, asdict(message)]).encode("ascii"), tuple(files))


def request_of(frame: Frame) -> Request:
    """Raises SandboxError."""
    return _decoded(frame, get_args(Request))  # type: ignore[no-any-return]


def answer_of(frame: Frame) -> Answer:
    """Raises SandboxError where it is none."""
    return _decoded(frame, get_args(Answer))  # type: ignore[no-any-return]


def _decoded(frame: Frame, kinds: tuple[type, ...]) -> Any:
    try:
        name, data = json.loads(frame.text)
        if name not in _KINDS or _KINDS[name] not in kinds:
            raise ValueError(f"there is no {str(name)[:40]!r}")
        return _read(_KINDS[name], data)
    except (ValueError, TypeError, RecursionError) as error:
        raise SandboxError(f"A message cannot be read ({error}).") from None


def _read(hint: Any, value: Any) -> Any:
    """The value as the hint has it. Raises ValueError."""
    if is_dataclass(hint) and isinstance(value, dict):
        kind: Any = hint
        hints = get_type_hints(kind)
        if set(value) == {one.name for one in fields(kind)}:
            return kind(**{name: _read(hints[name], one) for name, one in value.items()})
    elif get_origin(hint) is tuple and isinstance(value, list) and len(value) <= MOST_LISTED:
        return tuple(_read(get_args(hint)[0], one) for one in value)
    elif get_origin(hint) is UnionType:
        (other,) = (one for one in get_args(hint) if one is not NoneType)
        return None if value is None else _read(other, value)
    elif hint is float and type(value) in (int, float) and abs(value) <= LARGEST and math.isfinite(value):
        return float(value)
    elif hint is str and isinstance(value, str):
        return _CONTROL.sub("?", value)
    elif hint in (bool, int) and type(value) is hint and abs(value) <= LARGEST:
        return value
    raise ValueError(f"{str(value)[:40]!r} is no {getattr(hint, '__name__', hint)}")
