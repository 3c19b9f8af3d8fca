"""How long grading one attempt can take where everything goes well: from what the course allows its exercises."""

from __future__ import annotations

import math
import os
from contextlib import suppress

from assay.course import Course
from assay.errors import AuthoringError
from assay.grading.pipeline import GRACE_SECONDS
from assay.sandbox.limits import Limits

SLOWER = 2  # times: other programs share the machine
BESIDES = 300  # seconds: starting sandboxes, nbgrader's own work, feedback


def longest(course: Course, assignment: str, stock: Limits, gpus: int = 0) -> int:
    """Seconds, with all that its limits allow used up.

    stock: limits of notebooks without hidden checks. gpus: devices of this grader, for which attempts wait.
    """
    names = course.exercises_of(assignment)
    notebooks = len(list((course.source / assignment).glob("*.ipynb")))
    graded = sum(_exercise(course, name, gpus) for name in names)
    return math.ceil(BESIDES + SLOWER * (graded + stock.seconds * max(0, notebooks - len(names))))


def _exercise(course: Course, name: str, gpus: int) -> float:
    limits, turns = Limits(), 1
    with suppress(AuthoringError):  # which grading will say
        exercise = course[name]
        limits = exercise.limits
        if gpus and exercise.gpu != "never":
            turns = math.ceil(len(os.sched_getaffinity(0)) / gpus)
    return turns * (limits.seconds + 2 * (limits.seconds + GRACE_SECONDS))  # its cells; a judge starts, and judges
