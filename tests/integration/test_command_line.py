"""What a person reads where a command cannot do its work: one message, no traceback, nothing lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from assay.cli import main
from assay.course import Course
from assay.notebook.nbgrader_class import Result, Score
from assay.terminal import print_results
from tests.support.notebooks import scale_course, submit


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = scale_course(tmp_path)
    submit(course, "honest", "scale", b"{}")
    return course


def said(course: Course, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["--course", str(course.root), *words]) == 2
    return capsys.readouterr().err


def test_a_gradebook_that_is_none(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--course", str(course.root), "release"]) == 0
    course.gradebook.write_bytes(b"\x93" * 40_000)
    message = said(course, capsys, "grade", "scale")
    assert "gradebook" in message and "not a database" in message
    assert course.gradebook.read_bytes() == b"\x93" * 40_000


def test_a_place_that_cannot_be_written_to(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    (course.graders / "fresh").mkdir()
    (course.graders / "fresh" / "reference.py").write_text("def twice(x):\n    return 2 * x\n")
    (course.source / "fresh").write_text("a file where a folder should be")  # root may write anywhere
    message = said(course, capsys, "new", "fresh")
    assert str(course.source / "fresh") in message


def test_an_assignment_that_is_not_there(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no assignment scales" in said(course, capsys, "grade", "scales")


def test_no_id_and_no_error_commands_the_terminal(course: Course) -> None:
    evil = "\x1b]0;title\x07\x1b[31m[bold]name\u202e"
    file = io.StringIO()
    score = Score("scale", 1.0, 2.0, automatic=True, needs_manual_grade=False)
    warned = Result(evil, "scale", (score,), feedback=(course.feedback / evil / "page.html",), warnings=(evil,))
    print_results(Console(file=file, width=200), course, [warned, Result(f"{evil} too", "scale", error=evil)])
    shown = file.getvalue()
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown
    assert shown.count("[31m[bold]name") == 5
