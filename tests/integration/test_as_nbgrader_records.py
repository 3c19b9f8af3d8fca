"""Samples and a stock course, recorded by `assay grade` and by nbgrader's converter: every row and file alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbgrader
import pytest
from nbgrader.converters import Autograde

from assay.course import Course, open_course
from assay.notebook.nbgrader_class import grade_class
from assay.notebook.nbgrader_release import release, run, settings
from tests.support.class_runs import services, written

ROOT = Path(__file__).parents[2]
STOCK = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "source" / "ps1"


def samples_of(assignment: str, course: Course) -> None:
    for name in ("source", "graders"):
        shutil.copytree(ROOT / name / assignment, course.root / name / assignment)
    release(course, assignment)
    for folder in sorted((ROOT / "examples").glob(f"*/{assignment}")):
        theirs = course.submitted / folder.parent.name / assignment
        shutil.copytree(folder, theirs)
        (theirs / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")


def stock_course(assignment: str, course: Course) -> None:
    shutil.copytree(STOCK, course.source / assignment)
    release(course, assignment)
    shutil.copytree(course.release / assignment, course.submitted / "unfinished" / assignment)
    shutil.copytree(STOCK, course.submitted / "instructor" / assignment)


@pytest.mark.parametrize("assignment", [*open_course(ROOT).assignments, "ps1"])
def test_rows_and_files_are_those_of_nbgrader(assignment: str, tmp_path: Path) -> None:
    stock, ours = Course(tmp_path / "stock"), Course(tmp_path / "ours")
    (stock_course if assignment == "ps1" else samples_of)(assignment, stock)
    shutil.copytree(stock.root, ours.root)
    for student in sorted(path.name for path in stock.submitted.iterdir()):
        converter = Autograde(**settings(stock, assignment, student))
        converter.services = services(stock)
        run(converter, "not graded")
    results = grade_class(ours, assignment, services=services(ours))
    assert not [result.error for result in results if result.error]
    (rows, files), (our_rows, our_files) = written(stock), written(ours)
    assert our_rows == rows
    assert {name: content for name, content in our_files.items() if name.startswith("autograded/")} == files
