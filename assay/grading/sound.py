"""Whether a report could have come from a sound judge of this exercise. Nothing else of a judge is believed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from assay.course import Exercise
from assay.errors import AuthoringError
from assay.outcome import (
    MOST_ENTRIES,
    MOST_PICTURES,
    PICTURE_KINDS,
    CheckResult,
    Counterexample,
    Picture,
    Report,
    from_json,
)

MOST_POINTS = 1e6  # of one check
MOST_AXES = 8  # of a picture
REVEALS = ("counterexample", "message", "sentence", "nothing")


class Unsound(Exception):
    """A report that no sound judge of this exercise makes."""


def sound_report(text: str, exercise: Exercise) -> Report:
    """The report in a judge's JSON: one verdict a check, on tasks of the notebook, worth what the notebook says.

    Raises Unsound; and AuthoringError where the points of the checks are not those of the notebook, which is the
    one fault that a sound judge can pass on.
    """
    try:
        report = from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Unsound(f"its report cannot be read ({error!r})") from error
    names = [check.name for check in report.checks]
    tasks = {task.name for task in exercise.tasks}
    for check in report.checks:
        if problem := _problem_of(check, tasks):
            raise Unsound(f"its verdict on {check.name!r} {problem}")
    if len(set(names)) != len(names):
        raise Unsound("its report holds two verdicts on one check")
    if not all(isinstance(note, str) for note in (*report.notes, *report.staff_notes)):
        raise Unsound("a note in its report is not text")
    _compare_points(report, exercise)
    return report


def _problem_of(check: CheckResult, tasks: set[str]) -> str:
    said = (check.name, check.task, check.sentence, check.message, check.hint, check.staff_note, check.reveals)
    words = (*said, *check.diagnosis)
    if not all(isinstance(word, str) for word in (*words, *_words_of(check.counterexample))):
        return "holds something that is not text"
    if check.task not in tasks:
        return "is about a task that the notebook does not have"
    if type(check.points) not in (int, float) or not 0 <= check.points <= MOST_POINTS:
        return f"is worth {check.points!r} points"
    if check.reveals not in REVEALS:
        return f"reveals {check.reveals!r}"
    pictures = () if check.counterexample is None else check.counterexample.pictures
    if len(pictures) > MOST_PICTURES:
        return f"holds {len(pictures)} pictures"
    return next((f"holds a picture that {problem}" for problem in map(_problem_of_picture, pictures) if problem), "")


def _problem_of_picture(picture: Picture) -> str:
    if picture.kind not in PICTURE_KINDS:
        return "is of no known kind"
    if not 1 <= len(picture.shape) <= MOST_AXES or len(picture.values) > MOST_ENTRIES:
        return "is too large"
    if not all(type(size) is int and size >= 0 for size in picture.shape):
        return "has a size that is no number from 0 on"
    if math.prod(picture.shape) != len(picture.values):
        return f"holds {len(picture.values)} numbers for the shape {picture.shape}"
    square = len(picture.shape) == 2 and picture.shape[0] == picture.shape[1]
    if (picture.kind == "graph" and not square) or (picture.kind != "image" and len(picture.shape) > 2):
        return f"cannot be drawn as a {picture.kind}"
    return ""


def _words_of(example: Counterexample | None) -> Iterator[Any]:
    if example is None:
        return
    for call in example.calls:
        yield from (call.function, *(word for argument in call.arguments for word in argument))
        yield "" if call.returned is None else call.returned
    yield from ("" if word is None else word for word in (example.got, example.expected))
    yield from (word for picture in example.pictures for word in (picture.name, picture.kind))


def _compare_points(report: Report, exercise: Exercise) -> None:
    for task in exercise.tasks:
        total = math.fsum(check.points for check in report.for_task(task.name))
        if not math.isclose(total, task.points, abs_tol=1e-6):
            raise AuthoringError(
                f"{exercise.name}: the checks of {task.name} give {total:g} points, its cell in the notebook "
                f"{task.points:g}. Make them equal in {exercise.checks} or {exercise.notebook}."
            )
