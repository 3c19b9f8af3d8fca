"""The course folder, its paths and the settings of its exercises."""

import json
from pathlib import Path

import pytest

from assay.course import Course, Task, open_course, read_json
from assay.errors import AuthoringError, CourseError


def marked(grade_id: str, points: float, *, cell_type: str = "code", solution: bool = False) -> dict:
    mark = {"grade": True, "solution": solution, "locked": not solution, "grade_id": grade_id, "points": points}
    return {"cell_type": cell_type, "metadata": {"nbgrader": mark}, "source": ""}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "source" / "means").mkdir(parents=True)
    (tmp_path / "graders" / "means").mkdir(parents=True)
    cells = [
        {"cell_type": "code", "metadata": {}, "source": "import numpy as np"},
        marked("mean", 3),
        marked("plot", 5, cell_type="markdown", solution=True),
        marked("drawn", 5, solution=True),
        marked("median", 2.5),
    ]
    (tmp_path / "source" / "means" / "means.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "graders" / "means" / "reference.py").write_text("def mean(x): ...\n")
    return open_course(tmp_path)


def settings(course: Course, text: str) -> None:
    (course.graders / "means" / "exercise.toml").write_text(text)


def test_the_tasks_are_the_automatically_graded_cells_in_order(course: Course) -> None:
    assert course["means"].tasks == (Task("mean", 3.0), Task("median", 2.5))


def test_without_settings_an_exercise_gets_the_defaults(course: Course) -> None:
    exercise = course["means"]
    assert exercise.libraries == ("numpy",)
    assert exercise.limits.call_seconds == 5.0


def test_settings_are_read(course: Course) -> None:
    settings(course, 'title = "Means"\nlibraries = ["numpy", "torch"]\n[limits]\ncall_seconds = 1.5\n')
    exercise = course["means"]
    assert (exercise.title, exercise.libraries, exercise.limits.call_seconds) == ("Means", ("numpy", "torch"), 1.5)


@pytest.mark.parametrize(
    ("text", "word"), [("colour = 3", "colour"), ("[limits]\nseconsd = 3", "seconsd"), ("title =", "TOML")]
)
def test_a_setting_that_nothing_reads_is_an_error_that_names_it(course: Course, text: str, word: str) -> None:
    settings(course, text)
    with pytest.raises(AuthoringError, match=word):
        course["means"]


@pytest.mark.parametrize(
    "text",
    [
        "title = 3",
        "libraries = 3",
        'libraries = "numpy"',
        "files = [1]",
        "limits = 3",
        '[limits]\nseconds = "long"',
        "[limits]\nmemory = -1",
        "[limits]\nseconds = nan",
    ],
)
def test_a_setting_of_the_wrong_kind_is_the_authors_error(course: Course, text: str) -> None:
    settings(course, text)
    with pytest.raises(AuthoringError, match="exercise.toml sets"):
        course["means"]


@pytest.mark.parametrize("text", ["[]", "3", '{"cells": 3}'])
def test_a_notebook_without_cells_is_the_authors_error(course: Course, text: str) -> None:
    (course.source / "means" / "means.ipynb").write_text(text)
    with pytest.raises(AuthoringError, match="no cells"):
        assert course["means"].tasks


@pytest.mark.parametrize("missing", ["graders/means/reference.py", "source/means/means.ipynb"])
def test_what_an_exercise_lacks_is_named(course: Course, missing: str) -> None:
    (course.root / missing).unlink()
    with pytest.raises(AuthoringError, match=missing):
        course["means"]


def test_an_assignment_without_a_graders_folder_has_no_checks(course: Course) -> None:
    (course.source / "essay").mkdir()
    (course.source / "essay" / "essay.ipynb").write_text("{}")
    assert course.assignments == ("essay", "means")
    assert course.has_checks("means") and not course.has_checks("essay")
    with pytest.raises(AuthoringError, match="essay"):
        course["essay"]


def test_a_folder_that_is_no_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="source/"):
        open_course(tmp_path)


def test_a_notebook_that_is_not_json_is_the_authors_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(b"\xff{")
    with pytest.raises(AuthoringError, match=r"broken\.ipynb"):
        read_json(path)


@pytest.mark.parametrize("student", ["..", ".", "../../gradebook", "a/b", "/etc/passwd", "näme@uni"])
def test_no_student_id_leads_out_of_the_reports(course: Course, student: str) -> None:
    path = course.report("means", student)
    assert path.parent == course.state / "reports" / "means"
    assert path.resolve() == path and path.suffix == ".json"


def test_student_ids_that_differ_have_reports_that_differ(course: Course) -> None:
    ids = ["honest", "hon/est", "hon%2Fest", "hon.est", "hon%2Eest"]
    assert len({course.report("means", student) for student in ids}) == len(ids)
