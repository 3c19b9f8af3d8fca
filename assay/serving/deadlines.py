"""How long a grader may take to answer: long enough for any course that works, and never for ever.

A course is a program, which can hang. Who waits for it would keep all its students waiting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.serving.grader_protocol import Begin, Grade, Request


@dataclass(frozen=True)
class Deadlines:
    """In seconds. All that comes in answer to one question counts together, in however small pieces it comes."""

    start: float = 300.0  # until it is ready
    short: float = 120.0  # what reads or writes some files
    begin: float = 600.0  # nbgrader makes the assignment known to its gradebook, or a course beside the course
    attempt: float = 6 * 3600.0  # grading one attempt, whatever its course allows it

    def of(self, request: Request, attempt: float) -> float:
        """For the answer to this. `attempt` is what grading one attempt may take, as `said` by the grader."""
        match request:
            case Begin():
                return self.begin
            case Grade(students, _, processes):
                return self.begin + attempt * math.ceil(len(students) / max(1, processes))
            case _:
                return self.short

    def said(self, text: str) -> float:
        """What a grader said that one attempt may take: it is the course that says so, hence a bound."""
        return min(float(text), self.attempt) if text.isascii() and text.isdecimal() else self.attempt
