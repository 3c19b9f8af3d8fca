"""Wrong answers that students really give, with a tutor's diagnosis, and right answers written differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from assay.checks.siblings import load, siblings
from assay.errors import AuthoringError

Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "assay_answers"


@dataclass(frozen=True)
class Answer:
    """An answer to the task of writing the function `of`; `says` is a mutant's diagnosis, else empty."""

    name: str
    of: str
    function: Callable[..., Any]
    says: str = ""


def mutant(*, of: str, says: str) -> Callable[[Function], Function]:
    """Mark a wrong answer. `says` is the one line a tutor would say to whoever wrote it."""
    if not says.strip():
        raise AuthoringError(f"A mutant of {of} says nothing. Write the line a tutor would say.")
    return _answer(of, says)


def alternative(*, of: str) -> Callable[[Function], Function]:
    """Mark a right answer that is written differently from the reference."""
    return _answer(of, "")


def _answer(of: str, says: str) -> Callable[[Function], Function]:
    def decorate(function: Function) -> Function:
        answers = (Answer(function.__name__, of, function, says), *getattr(function, _MARK, ()))
        setattr(function, _MARK, answers)
        return function

    return decorate


def answers_in(path: Path) -> tuple[Answer, ...]:
    """All marked answers of a file, in order; none where there is no file. Raises AuthoringError."""
    if not path.is_file():
        return ()
    with siblings(path.parent):
        module = load(path)
    found: dict[tuple[str, str], Answer] = {}
    for value in vars(module).values():
        for answer in getattr(value, _MARK, ()) if callable(value) else ():
            if found.setdefault((answer.of, answer.name), answer) is not answer:
                raise AuthoringError(f"{path.name} has two answers {answer.name} of {answer.of}. Rename one.")
    return tuple(found.values())
