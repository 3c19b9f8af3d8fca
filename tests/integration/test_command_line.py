"""What a person reads where a command cannot do its work: one message, no traceback, nothing lost."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from assay.cli import main
from assay.course import Course
from assay.notebook.nbgrader_class import Result, Score
from assay.notebook.nbgrader_release import release
from assay.outcome import CheckResult, Outcome, Report
from assay.terminal import grade_and_print, print_results
from assay.terminal_class import Effort, print_class, summary
from tests.support.class_runs import services
from tests.support.notebooks import SCALE_ANSWERS, answered, released, scale_course, submit


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


def words(shown: str) -> str:
    """Without the lines of tables."""
    return " ".join(shown.replace("│", " ").split())


def test_a_class_is_shown_by_task_and_what_needs_a_person(course: Course) -> None:
    def result(number: int, **changes: object) -> Result:
        checks = [("scale", Outcome.FAILED if number < 4 else Outcome.PASSED), ("shift", Outcome.PASSED)]
        report = Report(
            "scale", tuple(CheckResult(name, name, f"{name} is right", 2.0, outcome) for name, outcome in checks)
        )
        scores = (
            Score("scale", 0.0 if number < 4 else 2.0, 2.0, automatic=True, needs_manual_grade=False),
            Score("shift", 2.0, 2.0, automatic=True, needs_manual_grade=number == 5),
            Score("essay", None, 1.0, automatic=False, needs_manual_grade=True),
        )
        return replace(Result(f"s{number}", "scale", scores, reports=(report,), seconds=1.0 + number), **changes)

    results = [
        *map(result, range(12)),
        result(12, skipped=True),
        Result("s13", "scale", error="s13 was not graded: lost"),
    ]
    file = io.StringIO()
    console = Console(file=file, width=200)
    print_class(console, results)
    console.print(summary(results, Effort(seconds=24.0, jobs=2, memory=3 * 2**20)))
    shown = words(file.getvalue())
    assert "scale 1.38 / 2 9 of 13 scale is right (4) shift 2 / 2 13 of 13 essay - / 1 0 of 13" in shown
    assert "needs a person essay: 13 answers to be graded by hand shift: to be looked at, for s5 s13 was not" in shown
    assert "12 graded, 1 skipped, unchanged since they were graded (--force grades them again), 1 could not" in shown
    assert "in 24 s: 0.5 submissions/s with 2 jobs. One took 6 s (median), 12 s (95 of 100" in shown
    assert "memory at most 3 MiB" in shown


def test_grading_a_class_prints_its_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = scale_course(tmp_path)
    release(course, "scale")
    for number in range(11):
        submit(course, f"s{number}", "scale", answered(released(course, "scale"), SCALE_ANSWERS))
    submit(course, "s11", "scale", released(course, "scale"))
    options = {"jobs": 2, "services": services(course)}
    assert grade_and_print(course, ("scale",), **options) == 0
    shown = words(capsys.readouterr().out)
    assert "12 graded, in " in shown and "with 2 jobs" in shown
    assert "scale 3.67 / 4 11 of 12 scale agrees with the reference <b> (1)" in shown
    assert "order_explained: 11 answers to be graded by hand" in shown
    assert grade_and_print(course, ("scale",), **options) == 0
    assert "0 graded, 12 skipped, unchanged" in words(capsys.readouterr().out)
