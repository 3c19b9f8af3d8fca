"""The README's main job, on some of the sample submissions: `assay demo` in a copy of this course."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import assay.demo
from assay.cli import main
from assay.course import open_course
from assay.errors import SandboxError
from assay.notebook.nbgrader_release import open_gradebook

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "convolution"
STUDENTS = ("honest", "small_mistakes", "unfinished")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("source", "graders"):
        shutil.copytree(ROOT / folder / ASSIGNMENT, tmp_path / folder / ASSIGNMENT)
    for student in STUDENTS:
        shutil.copytree(ROOT / "examples" / student / ASSIGNMENT, tmp_path / "examples" / student / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


def scores(root: Path) -> dict[str, float]:
    with open_gradebook(open_course(root)) as gradebook:
        return {student: gradebook.find_submission(ASSIGNMENT, student).score for student in STUDENTS}


def test_the_demo_grades_the_samples_and_shows_where_the_feedback_lies(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--course", str(copy), "demo"]) == 0
    shown = capsys.readouterr().out
    assert all(student in shown for student in STUDENTS)
    assert (copy / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").is_file()
    pages = {student: copy / "demo" / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html" for student in STUDENTS}
    assert all(page.is_file() and f"{page.parent.name}/{page.name}" in shown for page in pages.values())
    got = scores(copy / "demo")
    assert got == {"honest": 30.0, "small_mistakes": 14.0, "unfinished": 15.0}
    page = pages["small_mistakes"].read_text()
    assert "conv2d does not flip or transpose the kernel" in page and "expected" in page

    assert main(["--course", str(copy / "demo"), "grade", ASSIGNMENT, "--student", "small_mistakes"]) == 0
    one = capsys.readouterr().out
    assert ":(" in one and "expected" in one and "Hint: " in one and "conv_output_size(" in one

    before = {page: page.stat().st_mtime_ns for page in (copy / "demo" / "autograded").rglob("*.ipynb")}
    assert main(["--course", str(copy), "demo"]) == 0
    assert before == {page: page.stat().st_mtime_ns for page in (copy / "demo" / "autograded").rglob("*.ipynb")}
    assert scores(copy / "demo") == got


def test_without_any_sandbox_the_demo_runs_and_says_so(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SandboxError("No sandbox of this machine keeps a submission from reading your files.")

    for student in STUDENTS[1:]:
        shutil.rmtree(copy / "examples" / student)
    monkeypatch.setattr(assay.demo, "choose", refuse)
    assert main(["--course", str(copy), "demo"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "No sandbox of this machine" in shown and "the demo goes on unprotected" in shown
    with open_gradebook(open_course(copy / "demo")) as gradebook:
        assert gradebook.find_submission(ASSIGNMENT, "honest").score == 30.0


def test_grading_without_any_sandbox_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(guard: Path | None = None) -> None:
        raise SandboxError("No sandbox of this machine keeps a submission from reading your files.")

    monkeypatch.setattr("assay.notebook.nbgrader_services.choose", refuse)
    shutil.copytree(copy / "examples" / "honest", copy / "submitted" / "honest")
    assert main(["--course", str(copy), "grade", ASSIGNMENT]) == 2
    assert "No sandbox of this machine" in capsys.readouterr().err


def test_the_samples_are_notebooks_of_what_is_released() -> None:
    for path in sorted((ROOT / "examples").glob("*/*/*.ipynb")):
        handed_out = json.loads((ROOT / "release" / path.parent.name / path.name).read_text())
        ours = {c["metadata"]["nbgrader"]["grade_id"] for c in handed_out["cells"] if "nbgrader" in c["metadata"]}
        theirs = json.loads(path.read_text())
        assert ours == {c["metadata"]["nbgrader"]["grade_id"] for c in theirs["cells"] if "nbgrader" in c["metadata"]}
