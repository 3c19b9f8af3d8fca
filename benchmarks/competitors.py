"""Let ours and others grade the same submissions, and see what each found and took."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from assay.course import Course
from benchmarks import folders, processes
from benchmarks.folders import PROGRAMS, Work

Right = dict[str, dict[str, bool]]  # by student and task


@dataclass(frozen=True)
class Run:
    """What grading so many submissions once came to."""

    competitor: str
    exercise: str
    submissions: int
    examples: int  # inputs a check
    seconds: float  # of the whole command, or of all commands
    grading_seconds: float  # the same without starting and without feedback pages
    latencies: tuple[float, ...]  # seconds, of each submission
    peak_memory: int  # bytes, of all processes together
    left_behind: int
    right: Right


@dataclass(frozen=True)
class Order:
    """Grade this."""

    work: Work
    scratch: Path  # an empty folder
    done: Callable[[int], None] = lambda number: None  # is told how many submissions are graded


def ours(order: Order, *, jobs: int) -> Run:
    """`assay grade --jobs N`, with its feedback pages."""
    folder = folders.ours(order.scratch / "ours", order.work)
    command = (sys.executable, "-m", "assay.cli", "grade", order.work.exercise.name, "--jobs", str(jobs))
    return _of_course(f"assay-{jobs}", order, folder, command, jobs=jobs)


def nbgrader(order: Order) -> Run:
    """`nbgrader autograde` with its own Execute. It writes no feedback pages."""
    folder = folders.nbgraders(order.scratch / "nbgrader", order.work)
    command = (sys.executable, "-m", "nbgrader", "autograde", order.work.exercise.name)
    return _of_course("nbgrader", order, folder, command)


def otter(order: Order, *, environment: Path) -> Run:
    """`otter run`, once a submission: one command grades one notebook."""
    folder = folders.otters(order.scratch / "otter", order.work)
    runs, right = [], {}
    for number, submission in enumerate(order.work.submissions):
        notebook = folder / "submitted" / f"{submission.student}.ipynb"
        command = (environment / "bin" / "otter", "run", notebook, "-a", folder / "autograder.zip", "-o", folder)
        runs.append(processes.run(command, folder, path=[environment / "bin"]))
        tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
        scores = {test["name"].split(" ")[0]: test.get("score", 0) >= test.get("max_score", 1) for test in tests}
        right[submission.student] = {task: scores.get(task, False) for task in submission.answers}
        order.done(number + 1)
    seconds = tuple(run.seconds for run in runs)
    peak, left = max(run.peak_memory for run in runs), sum(run.left_behind for run in runs)
    return _run("otter", order, sum(seconds), sum(seconds), seconds, peak, left, right)


def in_process(order: Order) -> Run:
    """The same checks by Hypothesis in one warm process, without isolation. Starting is not counted."""
    folder = folders.bare(order.scratch / "in_process", order.work)
    measured = processes.run(
        (sys.executable, "-m", "benchmarks.in_process", folder, order.work.exercise.name), Path(__file__).parents[1]
    )
    lines = [json.loads(line) for line in measured.output.splitlines() if line.startswith('{"')]
    results = [line for line in lines if "student" in line]
    seconds = tuple(line["seconds"] for line in results)
    grading = measured.started + measured.seconds - lines[0]["ready"]
    right = {line["student"]: line["right"] for line in results}
    return _run("in-process", order, grading, grading, seconds, measured.peak_memory, measured.left_behind, right)


def _of_course(name: str, order: Order, folder: Path, command: Sequence[str], *, jobs: int = 1) -> Run:
    """Run a command that writes autograded/ and a gradebook."""
    course = Course(folder)
    pattern = f"*/{order.work.exercise.name}/{order.work.exercise.name}.ipynb"
    measured = processes.run(
        command, folder, path=[PROGRAMS], on_sample=lambda: order.done(len(list(course.autograded.glob(pattern))))
    )
    written = sorted(path.stat().st_mtime for path in course.autograded.glob(pattern))
    if len(written) != len(order.work.submissions):
        raise processes.Failed(
            f"{name} graded {len(written)} of {len(order.work.submissions)}:\n{measured.output[-3000:]}"
        )
    # With n at work, a submission is begun when the n-th before it is done; of the first ones only the start is known.
    latencies = tuple(end - begin for begin, end in zip(written, written[jobs:], strict=False))
    grading = (written[-1] - written[0]) * len(written) / max(1, len(written) - 1)
    right = _in_gradebook(course, order)
    return _run(name, order, measured.seconds, grading, latencies, measured.peak_memory, measured.left_behind, right)


def _in_gradebook(course: Course, order: Order) -> Right:
    right: Right = {}
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        for submission in order.work.submissions:
            try:
                notebook = gradebook.find_submission_notebook(
                    order.work.exercise.name, order.work.exercise.name, submission.student
                )
            except MissingEntry:
                raise processes.Failed(f"The gradebook has no grades of {submission.student}.") from None
            scores = {grade.name: (grade.score or 0) >= grade.max_score - 1e-9 for grade in notebook.grades}
            right[submission.student] = {task: scores[task] for task in submission.answers}
    return right


def _run(
    name: str,
    order: Order,
    seconds: float,
    grading: float,
    latencies: tuple[float, ...],
    peak: int,
    left: int,
    right: Right,
) -> Run:
    exercise, count = order.work.exercise.name, len(order.work.submissions)
    return Run(name, exercise, count, order.work.examples, seconds, grading, latencies, peak, left, right)


def otter_environment(folder: Path) -> Path:
    """A virtual environment with otter-grader, and behind it the libraries of this one (torch, TensorFlow)."""
    constraints = Path(__file__).parent / "otter_constraints.txt"
    if not (folder / "bin" / "otter").is_file():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints]
        subprocess.run([*install, "otter-grader", "ipykernel"], check=True)
    libraries = next(path for path in map(Path, sys.path) if (path / "nbgrader").is_dir())
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")  # searched after its own
    return folder
