"""An assignment of several notebooks: hidden checks for two of them, tests of stock nbgrader in the third."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from rich.console import Console

from assay.cli import main
from assay.course import Course
from assay.grading.rounds import suite_version
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_release import is_registered, is_up_to_date, release
from assay.terminal import print_report, print_results
from tests.support import gradebook
from tests.support.notebooks import (
    SCALE_ANSWERS,
    answer,
    answered,
    as_bytes,
    assertions,
    locked_code,
    marker,
    notebook,
    scale_course,
    text,
)

pytestmark = pytest.mark.xdist_group("notebooks")  # one course is graded for all
ROOT = Path(__file__).parents[2]
FURTHER = notebook(
    locked_code("import numpy as np", "imports"),
    # The same grade_id as in the first notebook: a task is one of its notebook.
    answer("def scale(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION", "scale_answer"),
    locked_code("print('beside it lies', open('points.txt').read())", "points", tags=["example"]),
    marker("scale", 3),
)
PLAIN = notebook(
    answer("def one():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION", "one_answer"),
    assertions("assert one() == 1", "one", 2),
)
GRADERS = {
    "exercise.toml": 'files = ["notes.txt"]',
    "reference.py": """
        from assay.checks import Float


        def scale(x: Float["n"]) -> Float["n"]:
            \"\"\"Half of x.\"\"\"
            return x / 2
        """,
    "checks.py": """
        from assay.checks import *
        from reference import scale

        check_halves = agrees_with(scale, points=3)
        """,
}
HALF = {"scale_answer": "def scale(x):\n    return 0.5 * x"}


def several(root: Path) -> Course:
    """`scale` of three notebooks: scale, further and plain."""
    course = scale_course(root)
    for name, content in (("further", FURTHER), ("plain", PLAIN)):
        (course.source / "scale" / f"{name}.ipynb").write_text(json.dumps(content, indent=1))
    (course.source / "scale" / "points.txt").write_text("1 2")
    (course.graders / "scale" / "further").mkdir()
    for name, content in GRADERS.items():
        (course.graders / "scale" / "further" / name).write_text(text(content) + "\n")
    return course


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    root = tmp_path_factory.mktemp("several")
    root.chmod(0o755)
    course = several(root / "course")
    release(course, "scale")
    handed_out = {path.stem: json.loads(path.read_text()) for path in (course.release / "scale").glob("*.ipynb")}
    right = {
        "scale": answered(handed_out["scale"], SCALE_ANSWERS),
        "further": answered(handed_out["further"], HALF),
        "plain": answered(handed_out["plain"], {"one_answer": "def one():\n    return 1"}),
    }
    swapped = {"scale_answer": SCALE_ANSWERS["scale_answer"]}
    work = {
        "right": right,
        "only_further": {"further": right["further"]},
        "renamed": {**{name: right[name] for name in ("scale", "plain")}, "further (1)": right["further"]},
        "swapped": {**right, "further": answered(handed_out["further"], swapped)},
    }
    for student, notebooks in work.items():
        folder = course.submitted / student / "scale"
        folder.mkdir(parents=True)
        for name, content in notebooks.items():
            (folder / f"{name}.ipynb").write_bytes(as_bytes(content))
    (course.submitted / "right" / "scale" / "points.txt").write_text("3 4")  # the first notebook takes it
    (course.submitted / "right" / "scale" / "notes.txt").write_text("mine")  # the further one
    (course.submitted / "right" / "scale" / "else.txt").write_text("nobody")
    shutil.copytree(course.root, root / "by_commands")
    return course


@pytest.fixture(scope="module")
def results(course) -> dict[str, Result]:
    return {result.student: result for result in grade_class(course, "scale")}


def points(result: Result) -> dict[str, float | None]:
    return {f"{score.notebook} {score.name}": score.points for score in result.scores}


def test_every_notebook_is_released_and_known(course):
    assert sorted(path.name for path in (course.release / "scale").glob("*.ipynb")) == [
        "further.ipynb", "plain.ipynb", "scale.ipynb",
    ]  # fmt: skip
    assert is_up_to_date(course, "scale") and is_registered(course, "scale")


def test_each_notebook_is_judged_by_its_own_checks(results):
    full = {"scale scale": 4, "scale shift": 2, "scale order_explained": None, "further scale": 3, "plain one": 2}
    assert {student: result.error for student, result in results.items()} == dict.fromkeys(results, "")
    assert points(results["right"]) == full
    assert points(results["swapped"]) == {**full, "further scale": 0}
    assert (results["right"].points, results["right"].maximum) == (11, 12)


def test_no_notebook_is_graded_as_another_that_is_missing(results):
    graded = points(results["only_further"])
    assert {name for name, earned in graded.items() if earned} == {"further scale"}
    assert points(results["renamed"]) == points(results["right"])


def test_a_report_is_kept_for_each(course, results):
    reports = {report.assignment: report for report in results["right"].reports}
    assert list(reports) == ["scale", "scale/further"]
    assert results["right"].report == reports["scale"]
    assert results["right"].report_on("further") == reports["scale/further"]
    assert results["right"].report_on("plain") is None
    assert len({report.suite_version for report in reports.values()}) == 2
    assert len({course.report(name, "right") for name in reports}) == 2


def test_staff_are_told_of_tests_that_stand_in_a_notebook(results):
    said = [warning for warning in results["right"].warnings if "where a student's code can read" in warning]
    assert said == [
        "The tests of plain.ipynb stand in it, where a student's code can read hidden ones and forge a score."
    ]


def test_side_files_of_all_notebooks_are_kept_and_no_others(course, results):
    assert [warning for warning in results["right"].warnings if "set aside" in warning] == [
        f"else.txt of right is not among the files that this exercise takes; it was set aside in "
        f"{course.root / 'set_aside' / 'right' / 'scale'}"
    ]
    page = (course.feedback / "right" / "scale" / "further.html").read_text()
    # points.txt was handed out, and only the first notebook takes another in its place
    assert "beside it lies 1 2" in BeautifulSoup(page, "html.parser").get_text()


def test_all_pages_and_all_checks_are_shown(course, results):
    assert [path.name for path in results["swapped"].feedback] == ["further.html", "plain.html", "scale.html"]
    file = io.StringIO()
    console = Console(file=file, width=200)
    print_results(console, course, [results["swapped"]])
    table = file.getvalue()
    assert "scale/further" in table and "scale/plain" in table and "3 / 3" not in table and "0 / 3" in table
    print_report(console, course, results["swapped"])
    text = file.getvalue()[len(table) :]
    assert text.index("scale:") < text.index("shift") < text.index("scale/further:") < text.index("missing 1 required")


def test_nbgraders_own_commands_give_the_same_scores(course, results, tmp_path):
    other = Course(course.root.parent / "by_commands")
    config = (ROOT / "nbgrader_config.py").read_text()
    (other.root / "nbgrader_config.py").write_text(config)
    shutil.copytree(course.state, other.state)
    for name in ("autograde", "generate_feedback"):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", name, "scale"],
            cwd=other.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert gradebook.rows(other) == gradebook.rows(course)
    pages = {path.name for path in (other.feedback / "right" / "scale").glob("*.html")}
    assert pages == {"scale.html", "further.html", "plain.html"}


class TestNames:
    @pytest.fixture
    def course(self, tmp_path) -> Course:
        return several(tmp_path)

    def test_what_has_hidden_checks(self, course):
        assert course.assignments == ("scale",)
        assert course.exercises == course.exercises_of("scale") == ("scale", "scale/further")
        assert course["scale/further"].assignment == "scale"
        assert [task.points for task in course["scale/further"].tasks] == [3.0]
        assert course["scale"].files == ("points.txt",) and course["scale/further"].files == ("notes.txt",)
        assert not course.has_checks("scale/plain") and not course.has_checks("scale/..")

    def test_only_a_further_notebook_may_have_them(self, course):
        for name in GRADERS:
            (course.graders / "scale" / name).unlink()
        assert course.exercises == ("scale/further",)
        assert not course.has_checks("scale")

    def test_the_version_of_one_suite_says_nothing_about_the_other(self, course):
        before = [suite_version(course[name]) for name in course.exercises]
        with (course.graders / "scale" / "further" / "checks.py").open("a") as file:
            file.write("# changed\n")
        after = [suite_version(course[name]) for name in course.exercises]
        assert after[0] == before[0] and after[1] != before[1]
        with (course.graders / "scale" / "checks.py").open("a") as file:
            file.write("# changed\n")
        assert suite_version(course["scale"]) != after[0] and suite_version(course["scale/further"]) == after[1]

    @pytest.mark.parametrize(("asked", "shown"), [("scale", 2), ("scale/further", 1)])
    def test_verify_takes_an_assignment_for_all_its_notebooks(self, course, asked, shown, capsys):
        main(["--course", str(course.root), "verify", "--seeds", "1", asked])
        lines = capsys.readouterr().out.splitlines()
        assert len([line for line in lines if line.lstrip("│┃ ").startswith("scale")]) >= shown
        assert any("scale/further" in line for line in lines)
