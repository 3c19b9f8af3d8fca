"""Classes graded with stand-ins for judge and sandbox, in processes that a test can interrupt.

    python -m tests.support.class_runs COURSE JOBS [STEP]     grade `scale`; with STEP, all of it, to be killed there

A student's answer can say what the stand-in judge does with it.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from assay.course import Course
from assay.errors import SandboxError
from assay.notebook import nbgrader_recorder
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_services import Services
from assay.outcome import CheckResult, Outcome, Report
from tests.support import gradebook

OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": "printed"},
    {"output_type": "display_data", "data": {"text/html": "<script>FORGED</script>"}, "metadata": {}},
]
STEPS = ("rows", "files", "moved", "commit", "report", "mark")
VICTIM = "right0"


def judge(exercise, source, *, secret, round, isolation, files, found=None) -> Report:
    """Full points for an answer that does not hold the stub's error; an answer can ask for something else."""
    checks = []
    for task in exercise.tasks:
        text = "".join(cell.text for cell in source.cells if cell.name == f"{task.name}_answer")
        _obey(text, exercise.course)
        outcome = Outcome.PASSED if text and "NotImplementedError" not in text else Outcome.FAILED
        outcome = Outcome.BROKEN if "break the check" in text else outcome
        note = "Traceback: a line of ours" if outcome is Outcome.BROKEN else ""
        sentence = f"{task.name} agrees with the reference <b>"
        checks.append(CheckResult(f"check_{task.name}", task.name, sentence, task.points, outcome, staff_note=note))
    return Report(exercise.name, tuple(checks), notes=("cell 3 stopped",) if files else ())


def run(isolation, notebook, *, libraries, files, limits) -> str:
    """Every cell prints a line and shows HTML."""
    ran = json.loads(notebook)
    for number, cell in enumerate(ran["cells"], start=1):
        cell.update(outputs=OUTPUTS, execution_count=number)
    return json.dumps(ran)


def services(course: Course, **stand_ins) -> Services:
    return Services(course, isolation=None, **{"grade": judge, "run_notebook": run, **stand_ins})


def grade(course: Course, student: str = "*", **options) -> dict[str, Result]:
    """The results of grading `scale` with stand-ins, by student."""
    stand_ins = options.pop("services", services(course))
    return {result.student: result for result in grade_class(course, "scale", student, services=stand_ins, **options)}


def written(course: Course) -> tuple[list[tuple[object, ...]], dict[str, bytes]]:
    """All rows and files that grading leaves, without what tells the time or is drawn at random."""
    files = {
        path.relative_to(course.root).as_posix(): path.read_bytes()
        for folder in (course.autograded, course.feedback)
        for path in folder.rglob("*")
        if path.is_file()
    }
    with closing(sqlite3.connect(course.gradebook)) as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
        submissions = connection.execute("SELECT student_id, timestamp FROM submitted_assignment").fetchall()
    assert state == "ok"
    return sorted([*gradebook.rows(course), *submissions], key=repr), files


def _obey(text: str, course: Course) -> None:
    if "interrupt" in text:
        raise KeyboardInterrupt
    if "lose the sandbox" in text:
        raise SandboxError("The sandbox was lost. Grade again.")
    if "lose the process" in text:
        attempts = course.root / "attempts"
        with open(attempts, "a") as file:
            file.write(".")
        if "every time" in text or attempts.stat().st_size == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    while "wait" in text and not (course.root / "go on").exists():
        time.sleep(0.02)


def _die_at(step: str) -> None:
    """Be killed when the submission of VICTIM reaches a step of its recording."""
    recorder = nbgrader_recorder.Recorder
    if step == "rows":
        recorder._fill = _dying(recorder._fill)
    elif step == "files":
        recorder._put_in_place = _dying(recorder._put_in_place)
    elif step == "moved":  # the old files are away, the new ones not yet there
        move = _dying(lambda source, to: Path.replace(source, to), when=lambda source, to: source.name.endswith(".new"))
        nbgrader_recorder.os = SimpleNamespace(replace=move, path=os.path)
    elif step == "commit":
        recorder._put_in_place = _dying(recorder._put_in_place, afterwards=True)
    elif step == "report":
        nbgrader_recorder.save_report = _dying(nbgrader_recorder.save_report)
    else:
        nbgrader_recorder.write_mark = _dying(nbgrader_recorder.write_mark)


def _dying(
    action: Callable[..., object], *, when: Callable[..., bool] = lambda *_: True, afterwards: bool = False
) -> Callable[..., object]:
    def wrapped(*arguments: object) -> object:
        meant = any(VICTIM in (a, getattr(a, "student_id", ""), *getattr(a, "parts", ())) for a in arguments)
        if meant and when(*arguments) and not afterwards:
            os.kill(os.getpid(), signal.SIGKILL)
        result = action(*arguments)
        if meant and afterwards:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


if __name__ == "__main__":
    from tests.support import class_runs  # by its name: what is sent to another process must not be of `__main__`

    if sys.argv[3:]:
        _die_at(sys.argv[3])
    graded = grade_class(
        Course(Path(sys.argv[1])),
        "scale",
        jobs=int(sys.argv[2]),
        force=bool(sys.argv[3:]),
        services=class_runs.services(Course(Path(sys.argv[1]))),
        on_progress=lambda now: print(now.done, *now.at, flush=True),
    )
    sys.exit(any(result.error for result in graded))
