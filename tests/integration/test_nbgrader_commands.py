"""The same submissions graded with nbgrader's own commands and with `grade_class`, in the sandbox: no difference."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from assay.course import Course
from assay.notebook.nbgrader_class import Result, grade_class
from tests.support import gradebook
from tests.support.notebooks import SCALE_ANSWERS, answered, as_bytes, cell_of, code, released, scale_course, submit

pytestmark = pytest.mark.xdist_group("nbgrader_commands")  # one course is graded for all
ROOT = Path(__file__).parents[2]
HIDDEN = ("numbers = st.integers", "reference.py", "checks.py", "agrees_with(", "planted-secret")
PLOT = """
import matplotlib.pyplot as plt
plt.plot([1, 2], [3, 4])
print("look", flush=True)
"""
SEARCH = """
import glob
for path in glob.glob("/**/graders/**/*.py", recursive=True) + glob.glob("/**/gradebook.db", recursive=True):
    print("FOU" + "ND", path, open(path, "rb").read()[:200])
"""


def nbgrader(course: Course, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def courses(tmp_path_factory) -> tuple[Course, Course]:
    """A course with submissions, graded by nbgrader's commands, and its copy, not graded yet."""
    root = tmp_path_factory.mktemp("commands")
    root.chmod(0o755)  # an ordinary user of the sandbox may have to look for the course, and not find it
    course = scale_course(root / "stock")
    config = (ROOT / "nbgrader_config.py").read_text()
    (course.root / "nbgrader_config.py").write_text(f'{config}\nc.Exchange.root = "{root / "exchange"}"\n')
    (course.graders / "scale" / "notes.txt").write_text("planted-secret")
    (root / "exchange").mkdir(mode=0o777)
    (root / "exchange").chmod(0o777)
    nbgrader(course, "generate_assignment", "scale")
    nbgrader(course, "release_assignment", "scale")
    fill(course)
    shutil.copytree(course.root, root / "ours", symlinks=True)
    log = nbgrader(course, "autograde", "scale")
    assert "set aside" in log
    shutil.copytree(course.state, root / "ours" / ".assay")  # the same secret, so the same examples
    shutil.rmtree(root / "ours" / ".assay" / "reports")
    nbgrader(course, "generate_feedback", "scale")
    return course, Course(root / "ours")


def fill(course: Course) -> None:
    handed_out = released(course, "scale")
    honest = answered(handed_out, SCALE_ANSWERS)
    with_plot = answered(handed_out, SCALE_ANSWERS)
    with_plot["cells"] += [code(PLOT, id="plot"), code(SEARCH, id="search"), code("1 / 0", id="error")]
    wrong = answered(handed_out, {**SCALE_ANSWERS, "shift_answer": "def shift(x, offset):\n    return x - offset"})
    submit(course, "honest", "scale", with_plot)
    submit(course, "sign_error", "scale", wrong)
    folder = submit(course, "not_json", "scale", as_bytes(honest)[:-20])
    (folder / "data.txt").symlink_to(course.gradebook)


@pytest.fixture(scope="module")
def results(courses) -> dict[str, Result]:
    return {result.student: result for result in grade_class(courses[1], "scale")}


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_gradebooks_are_equal(courses, results):
    stock, ours = courses
    assert gradebook.rows(stock) == gradebook.rows(ours)
    assert len(gradebook.rows(ours)) == 3 * (3 + 3)


def test_the_autograded_notebooks_are_equal(courses, results):
    stock, ours = (written(course.autograded) for course in courses)
    assert stock == ours
    assert sorted(stock) == [f"{name}/scale/scale.ipynb" for name in ("honest", "not_json", "sign_error")]


def test_the_feedback_is_equal(courses, results):
    stock, ours = (written(course.feedback) for course in courses)
    assert stock == ours
    assert sorted(stock) == [f"{name}/scale/scale.html" for name in ("honest", "not_json", "sign_error")]


def test_the_scores_are_the_right_ones(results):
    scores = {name: [score.points for score in result.scores] for name, result in results.items()}
    assert scores == {"honest": [4, 2, None], "sign_error": [4, 0, None], "not_json": [0, 0, 0]}


def test_a_student_reads_what_was_wrong_on_a_small_input(courses, results):
    page = BeautifulSoup(
        (courses[1].feedback / "sign_error" / "scale" / "scale.html").read_text(), "html.parser"
    ).get_text()
    assert "expected" in page
    assert "shift(" in page


def test_plots_and_errors_are_there_for_whoever_grades_by_hand(courses, results):
    notebook = json.loads((courses[1].autograded / "honest" / "scale" / "scale.ipynb").read_text())
    plot, _, error = notebook["cells"][-3:]
    kinds = [kind for output in plot["outputs"] for kind in output.get("data", {output["output_type"]: ""})]
    assert {"stream", "image/png"} <= set(kinds)
    assert error["outputs"][-1]["ename"] == "ZeroDivisionError"


def test_nothing_hidden_is_where_a_student_can_see_it(courses, results):
    for course in courses:
        for folder in (course.release, course.autograded, course.feedback):
            text = "\n".join(content.decode() for content in written(folder).values())
            assert not [word for word in HIDDEN if word in text]
            assert "FOUND" not in text


def test_the_checks_do_not_run_in_the_visible_notebook(courses, results):
    notebook = json.loads((courses[1].autograded / "honest" / "scale" / "scale.ipynb").read_text())
    marker = cell_of(notebook, "scale")
    assert marker["execution_count"] is None
    assert [output["output_type"] for output in marker["outputs"]] == ["display_data", "execute_result"]


def test_grades_are_exported_as_ever(courses):
    nbgrader(courses[0], "export")
    lines = (courses[0].root / "grades.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert {row["student_id"]: float(row["score"]) for row in rows} == {"honest": 6, "sign_error": 4, "not_json": 0}
