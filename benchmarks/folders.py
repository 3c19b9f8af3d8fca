"""The same submissions as a course of ours, a course of nbgrader's and an assignment of Otter's."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.course import Exercise
from benchmarks import processes
from benchmarks.submissions import Submission

HERE = Path(__file__).parent
HIDDEN_TESTS = HERE / "course" / "hidden_tests"
PROGRAMS = Path(sys.executable).parent
EXAMPLES = 25


@dataclass(frozen=True)
class Work:
    """What is to be graded."""

    exercise: Exercise
    submissions: Sequence[Submission]
    built: Path  # folder of courses that were built before
    examples: int = EXAMPLES  # inputs a check


def ours(folder: Path, work: Work) -> Path:
    """A course with the exercise, released, and the submissions."""
    return _course(folder, work, "ours", _write_ours)


def nbgraders(folder: Path, work: Work) -> Path:
    """A course of plain nbgrader, with hidden tests in the marker cells of the notebook."""
    return _course(folder, work, "nbgrader", _write_nbgraders)


def bare(folder: Path, work: Work) -> Path:
    """A course that is not released, for the checks alone."""
    _copy_exercise(folder, work)
    _submit(folder, work, work.exercise.notebook)
    return folder


def _course(folder: Path, work: Work, kind: str, write: Callable[[Path, Work], None]) -> Path:
    """A course with the submissions. What it is without them is built once, and copied from then on."""
    name = work.exercise.name
    built = work.built / f"{kind}-{name}-{work.examples}"
    if not built.is_dir():
        write(built, work)
    shutil.copytree(built, folder)
    _submit(folder, work, folder / "release" / name / f"{name}.ipynb")
    return folder


def _write_ours(folder: Path, work: Work) -> None:
    _copy_exercise(folder, work)
    processes.run((sys.executable, "-m", "assay.cli", "release", work.exercise.name), folder, path=[PROGRAMS])


def _write_nbgraders(folder: Path, work: Work) -> None:
    name = work.exercise.name
    shutil.copytree(work.exercise.notebook.parent, folder / "source" / name)
    notebook = folder / "source" / name / f"{name}.ipynb"
    notebook.write_text(json.dumps(with_hidden_tests(work.exercise, work.examples)), encoding="utf-8")
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "course"\n')
    processes.run((sys.executable, "-m", "nbgrader", "generate_assignment", name), folder, path=[PROGRAMS])


def _copy_exercise(folder: Path, work: Work) -> None:
    name = work.exercise.name
    shutil.copytree(work.exercise.notebook.parent, folder / "source" / name)
    shutil.copytree(work.exercise.folder, folder / "graders" / name, ignore=shutil.ignore_patterns("__pycache__"))
    checks = folder / "graders" / name / "checks.py"
    checks.write_text(_with_examples(checks.read_text(encoding="utf-8"), work.examples), encoding="utf-8")


def otters(folder: Path, work: Work) -> Path:
    """A folder with autograder.zip, and one notebook a submission in submitted/."""
    exercise = work.exercise
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("otter_config.json", "{}")
        for task in exercise.tasks:
            if has_hidden_tests(exercise, task.name):
                archive.writestr(f"tests/{task.name}.py", _otter_test(exercise, task.name, task.points, work.examples))
    released = json.loads(exercise.notebook.read_text(encoding="utf-8"))
    for submission in work.submissions:
        target = folder / "submitted" / f"{submission.student}.ipynb"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(submission.notebook(released)), encoding="utf-8")
    return folder


def with_hidden_tests(exercise: Exercise, examples: int = EXAMPLES) -> dict[str, Any]:
    """The instructor's notebook as nbgrader needs it: tests in the marker cells."""
    notebook: dict[str, Any] = json.loads(exercise.notebook.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        task = mark.get("grade_id", "")
        if mark.get("grade") and has_hidden_tests(exercise, task):
            tests = hidden_tests(exercise, examples)
            cell["source"] = f"### BEGIN HIDDEN TESTS\n{tests}\ntest_{task}({task})\n### END HIDDEN TESTS"
    return notebook


def has_hidden_tests(exercise: Exercise, task: str) -> bool:
    """Whether the plain tests of the exercise look at this task."""
    return f"def test_{task}(" in (HIDDEN_TESTS / f"{exercise.name}.py").read_text(encoding="utf-8")


def hidden_tests(exercise: Exercise, examples: int = EXAMPLES) -> str:
    """The checks of an exercise as plain tests, which need no more than numpy."""
    common = _with_examples((HIDDEN_TESTS / "common.py").read_text(encoding="utf-8"), examples)
    tests = (HIDDEN_TESTS / f"{exercise.name}.py").read_text(encoding="utf-8")
    return "\n\n".join((common, _expected(exercise), tests))


def _expected(exercise: Exercise) -> str:
    """The functions of the reference without annotations, each named expected_..."""
    tree = ast.parse(exercise.reference.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        for argument in (*function.args.args, *function.args.kwonlyargs):
            argument.annotation = None
        function.returns, function.name = None, f"expected_{function.name}"
    return "\n\n".join(map(ast.unparse, functions))


def _otter_test(exercise: Exercise, task: str, points: float, examples: int) -> str:
    return f"""OK_FORMAT = False
from otter.test_files import test_case

name = {task!r}
points = {points:g}

{hidden_tests(exercise, examples)}

@test_case(hidden=True)
def hidden(env):
    test_{task}(env[{task!r}])
"""


def _with_examples(text: str, examples: int) -> str:
    return re.sub(r"^EXAMPLES = \d+", f"EXAMPLES = {examples}", text, flags=re.MULTILINE)


def _submit(folder: Path, work: Work, released: Path) -> None:
    notebook = json.loads(released.read_text(encoding="utf-8"))
    for submission in work.submissions:
        target = folder / "submitted" / submission.student / work.exercise.name / released.name
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(submission.notebook(notebook)), encoding="utf-8")
