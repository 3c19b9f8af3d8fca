"""An assignment of stock nbgrader gets the scores that nbgrader gives it, in the sandbox, and staff are told."""

import json
import logging
import re
import shutil
from pathlib import Path

import nbgrader
import pytest
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from assay.course import Course
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_release import release, run
from assay.notebook.nbgrader_services import Services
from assay.notebook.nbgrader_stock import libraries_of
from tests.support import gradebook
from tests.support.notebooks import (
    answer,
    answered,
    as_bytes,
    assertions,
    cell_of,
    code,
    notebook,
    released,
    submit,
    write_course,
)

# What `nbgrader quickstart` copies; the command itself takes a minute for what else it does.
pytestmark = pytest.mark.xdist_group("stock_course")  # one course is graded for all
EXAMPLE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "source" / "ps1"
SEARCH = """
from pathlib import Path
for place in (Path.cwd(), *Path.cwd().parents, Path("{root}")):
    for name in ("gradebook.db", "source", "submitted", "nbgrader_config.py"):
        if (place / name).exists():
            print("FOUND", place / name)
"""
MIXED = {
    # Noise on stderr costs the point for cells that hear it; a missing error is not noticed; the test is passed.
    "squares": """
        import sys

        def squares(n):
            if n < 1:
                print("watch out", file=sys.stderr)
                raise ValueError("n must be at least 1")
            return [i ** 2 for i in range(1, n + 1)]
        """,
    "sum_of_squares": "def sum_of_squares(n):\n    return n * (n + 1) * (2 * n + 1) // 6",
    "sum_of_squares_equation": "$n(n+1)(2n+1)/6$",
}


def stock(course: Course) -> dict:
    """nbgrader without Assay."""
    config = Config()
    config.CourseDirectory.root = str(course.root)
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = "ps1"
    return {"coursedir": coursedir, "config": config}


def solved(name: str) -> dict:
    """The instructor's answers, without the marks around them."""
    solution = json.loads((EXAMPLE / f"{name}.ipynb").read_text())
    for cell in solution["cells"]:
        cell["source"] = re.sub(r"^\s*### (BEGIN|END) SOLUTION\n?", "", "".join(cell["source"]), flags=re.MULTILINE)
    return solution


@pytest.fixture(scope="module")
def courses(tmp_path_factory) -> tuple[Course, Course]:
    """The example course with submissions, graded by stock nbgrader, and its copy, not graded yet."""
    root = tmp_path_factory.mktemp("quickstart")
    root.chmod(0o755)
    course = Course(root / "stock")
    shutil.copytree(EXAMPLE, course.source / "ps1")
    release(course, "ps1")
    handed_out = {path.stem: json.loads(path.read_text()) for path in (course.release / "ps1").glob("*.ipynb")}
    work = {
        "right": {name: solved(name) for name in handed_out},
        "unfinished": handed_out,
        "mixed": {**handed_out, "problem1": answered(handed_out["problem1"], MIXED)},
    }
    work["mixed"]["problem1"]["cells"].append(code(SEARCH.format(root=root / "ours"), id="search"))
    for student, notebooks in work.items():
        folder = course.submitted / student / "ps1"
        folder.mkdir(parents=True)
        for name, content in notebooks.items():
            (folder / f"{name}.ipynb").write_bytes(as_bytes(content))
    shutil.copytree(course.root, root / "ours")
    run(Autograde(**stock(course)), "not graded")
    return course, Course(root / "ours")


@pytest.fixture(scope="module")
def results(courses) -> dict[str, Result]:
    return {result.student: result for result in grade_class(courses[1], "ps1")}


def test_all_scores_are_those_of_nbgrader(courses, results):
    theirs, ours = map(gradebook.rows, courses)
    assert ours == theirs
    assert len({row[0] for row in ours}) == 3


def test_the_scores_are_not_all_alike(results):
    points = {student: {s.name: s.points for s in result.scores} for student, result in results.items()}
    assert points["right"]["correct_squares"] == 1
    assert points["mixed"]["correct_squares"] == 1
    assert points["mixed"]["squares_invalid_input"] == 0
    assert points["unfinished"]["correct_squares"] == 0
    assert points["mixed"]["sum_of_squares_equation"] is None


def test_staff_are_told_what_cannot_be_promised(results):
    for result in results.values():
        assert any("has no folder in graders/" in w and "forge a score" in w for w in result.warnings)
        assert result.report is None


def test_the_tests_run_without_a_path_to_anything_of_the_course(courses, results):
    last = json.loads((courses[1].autograded / "mixed" / "ps1" / "problem1.ipynb").read_text())["cells"][-1]
    assert 'print("FOUND"' in "".join(last["source"])
    assert (last["outputs"], last["execution_count"]) == ([], pytest.approx(last["execution_count"]))


def ran_with(*cells: dict):
    """A stand-in for the sandbox: what a run of a notebook came back with."""

    def run_notebook(isolation, notebook, *, libraries, files, limits) -> str:
        ran = json.loads(notebook)
        for cell, outcome in zip(ran["cells"], cells, strict=True):
            cell.update(outcome)
        return json.dumps(ran)

    return run_notebook


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Course:
    content = notebook(
        answer("x = 1", "x_answer"), assertions("assert x == 1", "first", 2), assertions("x", "second", 3)
    )
    course = write_course(tmp_path_factory.mktemp("small"), {"small": content}, {})
    release(course, "small")
    return course


def result(value: str) -> dict:
    output = {"output_type": "execute_result", "data": {"text/plain": value}, "metadata": {}, "execution_count": 1}
    return {"outputs": [output], "execution_count": 1}


OK = {"outputs": [], "execution_count": 1}
LOST = {"outputs": [], "execution_count": None}


@pytest.mark.parametrize(
    ("cells", "points"),
    [
        ((OK, OK, OK), [2, 3]),
        ((OK, OK, result("1.5")), [2, 1.5]),
        ((OK, OK, result("7.5")), [2, 0]),
        ((OK, OK, result("inf")), [2, 0]),
        ((OK, OK, result("")), [2, 3]),
        ((OK, LOST, LOST), [0, 0]),
        ((LOST, LOST, LOST), [0, 0]),
        (
            (OK, {"outputs": [{"output_type": "stream", "name": "stderr", "text": "!"}], "execution_count": 1}, OK),
            [0, 3],
        ),
    ],
    ids=["passed", "partial", "too-much", "infinite", "no-text", "kernel-lost", "kernel-never-there", "stderr"],
)
def test_what_nbgrader_would_stumble_over_is_scored(small, cells, points):
    submit(small, "somebody", "small", released(small, "small"))
    services = Services(small, isolation=None, run_notebook=ran_with(*cells))
    (graded,) = grade_class(small, "small", services=services, force=True)
    assert graded.error == ""
    assert [score.points for score in graded.scores] == points


def test_deleted_tests_come_back_and_an_answer_elsewhere_counts(small):
    theirs = released(small, "small")
    theirs["cells"] = [code("x = 1", id="mine")]
    submit(small, "somebody", "small", theirs)
    services = Services(small, isolation=None, run_notebook=ran_with(OK, OK, OK))
    (graded,) = grade_class(small, "small", services=services, force=True)
    assert [score.points for score in graded.scores] == [2, 3]
    written = json.loads((small.autograded / "somebody" / "small" / "small.ipynb").read_text())
    assert "".join(cell_of(written, "first")["source"]) == "assert x == 1"


def test_files_that_a_browser_would_run_are_set_aside(small, caplog):
    folder = submit(small, "somebody", "small", released(small, "small"))
    (folder / "page.html").write_text("<script>")
    (folder / "helper.py").write_text("import numpy")
    services = Services(small, isolation=None, run_notebook=ran_with(OK, OK, OK))
    with caplog.at_level(logging.WARNING):
        grade_class(small, "small", services=services, force=True)
    assert sorted(p.name for p in (small.autograded / "somebody" / "small").iterdir()) == ["helper.py", "small.ipynb"]
    assert (small.root / "set_aside" / "somebody" / "small" / "page.html").exists()


def test_libraries_are_those_that_the_code_imports():
    code = [
        "import numpy as np, json\n%matplotlib inline\n",
        "def f(:\n  from pytest import raises",
        "import assay, nothing",
    ]
    assert libraries_of(code) == ("matplotlib", "numpy", "pytest")
    assert libraries_of(["x = 'import'", "import", "import ,", "# import torch"]) == ()
