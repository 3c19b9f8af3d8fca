"""Say why a call gave no value, in words that point the student to the cell at fault."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assay.errors import StudentError
from assay.outcome import CheckResult, Outcome
from assay.sandbox.proxy import Student

NOT_ANSWERED = "Not answered yet."
_NOT_DEFINED = re.compile(r"\w+ is not defined\. The cell ")


class ExplainedStudent(Student):
    """A student whose errors name the cell that is missing, unchanged or stopped, and mark what their code says."""

    answered: frozenset[str] = frozenset()  # grade_ids of the solution cells that the submission has

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().call(name, *args, **kwargs)
        except StudentError as error:
            raise StudentError(error.kind, explanation(error, name, self.answered, self.notes)) from error


def explanation(error: StudentError, function: str, answered: Iterable[str], notes: Iterable[str]) -> str:
    """A sentence about a failed call of `function`.

    `answered` are the grade_ids of the answers found, `<function>_answer` among them; `notes` tell which cells
    stopped while loading, each beginning with the cell's name.
    """
    if error.kind == "missing":
        return _missing(error.message, function, answered, notes)
    if error.kind != "raised":
        return f"your {function} returned {error.message}"
    if error.message.startswith("NotImplementedError"):
        return NOT_ANSWERED
    return f"your {function} raised {error.message}"


def without_noise(check: CheckResult) -> CheckResult:
    """Where the message says all: no hint, no input, and nothing that would have to be kept from the student."""
    # At the start: further on it may be a text that the student returned, beside one that is to be hidden.
    says_all = check.message == NOT_ANSWERED or _NOT_DEFINED.match(check.message) is not None
    if check.outcome is not Outcome.FAILED or not says_all or check.reveals == "nothing":
        return check
    return replace(check, hint="", counterexample=None, reveals="counterexample")


def _missing(message: str, function: str, answered: Iterable[str], notes: Iterable[str]) -> str:
    cell = f"{function}_answer"
    stopped = [note for note in notes if " stopped " in note]
    here = [note for note in stopped if note.startswith(f"{cell} ")]
    if here:
        return f"{function} is not defined. The cell {here[0]}"
    if cell not in answered:
        return NOT_ANSWERED
    return f"{function} is not defined. The cell {stopped[0]}" if stopped else message
