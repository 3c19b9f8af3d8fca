"""What of a grader's answers can be kept: it runs what its course wrote, so nothing in them is believed unseen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from assay.errors import Refusal, SandboxError
from assay.exchange.manifest import checked_path, printable
from assay.serving.grader_protocol import Answer, Graded, Told

MOST_PAGES = 2**28  # bytes, of all feedback pages of one attempt
MOST_SAID = 2**14  # characters, of what went wrong
MOST_TOLD = 2**18  # characters
MOST_WARNINGS, LONGEST_WARNING = 20, 1000  # of one attempt; characters
OFTEN = 8  # times that one student can be told what was found so far
_SUITE, _DIGEST = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{64}")


def hearing(
    students: Collection[str], told: Callable[[Told], None], graded: Callable[[Graded, Sequence[bytes]], None]
) -> Callable[[Answer, Sequence[bytes]], None]:
    """What listens to a grader that was asked to grade these students: each is told of and graded as was asked for.

    It raises SandboxError where an answer is none to that question.
    """
    left, often = set(students), OFTEN

    def hear(answer: Answer, files: Sequence[bytes]) -> None:
        nonlocal often
        if isinstance(answer, Told) and len(students) == 1 and answer.student in left and often:
            often -= 1
            told(_told(answer))
        elif isinstance(answer, Graded) and answer.student in left:
            left.remove(answer.student)
            graded(_graded(answer, files), files)
        else:
            raise SandboxError(f"A {type(answer).__name__} came that nobody asked for.")

    return hear


def _told(answer: Told) -> Told:
    if len(answer.text) > MOST_TOLD:
        raise SandboxError(f"What the checks found is {len(answer.text):,} characters long.")
    return answer


def _graded(answer: Graded, files: Sequence[bytes]) -> Graded:
    if len(answer.pages) != len(files) or len(set(answer.pages)) != len(files):
        raise SandboxError(f"There are {len(files)} feedback pages, and other names for them.")
    for name in answer.pages:
        try:
            checked_path(name, deepest=0)
        except Refusal as error:
            raise SandboxError(str(error)) from None
        if not name.endswith(".html") or name.startswith("."):
            raise SandboxError(f"{printable(name)} is no name of a feedback page.")
    if not answer.error and not (_SUITE.fullmatch(answer.suite) and _DIGEST.fullmatch(answer.report) and files):
        raise SandboxError("A result comes without its suite, the digest of its report, or feedback.")
    return replace(answer, error=answer.error[:MOST_SAID], warnings=_few(answer.warnings))


def _few(warnings: Sequence[str]) -> tuple[str, ...]:
    """A student decides how many there are: one for each file that the exercise does not take."""
    kept, more = warnings[:MOST_WARNINGS], len(warnings[MOST_WARNINGS:])
    return (*(one[:LONGEST_WARNING] for one in kept), *([f"and {more} more"] if more else []))
