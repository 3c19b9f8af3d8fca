"""Grading with a real judge process, and workers without a sandbox: what is reported, and what a judge may not do."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import AuthoringError, SandboxError
from assay.grading.pipeline import WORKERS, grade
from assay.grading.rounds import suite_version
from assay.outcome import Outcome, Report
from assay.sandbox.explain import NOT_ANSWERED
from assay.sandbox.limits import Limits
from assay.submission import Source
from tests.support.grading import CHECKS, HONEST, TASKS, Threads, exercise_in, source

SECRET = b"s" * 32


def graded(exercise, submission: Source, *, round: str = "first", **more) -> Report:
    return grade(exercise, submission, secret=SECRET, round=round, isolation=Threads(), **more)


def scores(report: Report) -> dict[str, float]:
    return {task: report.score(task, points) for task, points in TASKS.items()}


def message_of(report: Report, name: str) -> str:
    return next(check.message for check in report.checks if check.name == name)


def test_a_right_submission_gets_all_points(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path)
    report = graded(exercise, source())
    assert scores(report) == TASKS
    assert {check.outcome for check in report.checks} == {Outcome.PASSED}
    assert (report.assignment, report.round, report.suite_version) == ("tiny", "first", suite_version(exercise))
    assert report.notes == () and report.seconds > 0


def test_a_wrong_answer_costs_its_task_and_no_other(tmp_path: Path) -> None:
    wrong = {**HONEST, "double_answer": "def double(x):\n    return x / 2\n"}
    report = graded(exercise_in(tmp_path), source(wrong))
    assert scores(report) == {"double": 0.0, "total": 2.0}
    failed = report.checks[0]
    assert failed.counterexample is not None and failed.counterexample.expected is not None
    assert failed.counterexample.calls[0].function == "double"


def test_equal_rounds_draw_equal_examples_and_others_do_not(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path)
    told = {**HONEST, "total_answer": "def total(x):\n    return 1e6 + sum(x)\n"}
    first, again, later = (graded(exercise, source(told), round=name) for name in ("a", "a", "b"))
    assert first.checks == again.checks
    assert replace(first, checks=(), seconds=0.0) == replace(again, checks=(), seconds=0.0)
    assert later.round == "b"


def test_what_is_not_answered_is_said_so(tmp_path: Path) -> None:
    report = graded(exercise_in(tmp_path), source({"total_answer": "def total(x):\n    raise NotImplementedError()\n"}))
    assert scores(report) == {"double": 0.0, "total": 0.0}
    for name in ("double_values", "total_values"):
        check = next(check for check in report.checks if check.name == name)
        assert (check.message, check.hint, check.counterexample) == (NOT_ANSWERED, "", None)


def test_a_syntax_error_costs_its_cell_and_is_named(tmp_path: Path) -> None:
    report = graded(exercise_in(tmp_path), source({**HONEST, "double_answer": "def double(x)\n    return 2 * x\n"}))
    assert scores(report) == {"double": 0.0, "total": 2.0}
    assert message_of(report, "double_values").startswith("double is not defined. The cell double_answer stopped")
    assert "SyntaxError" in message_of(report, "double_values") and "double_answer" in report.notes[0]


def test_what_student_code_says_is_marked_as_its_own(tmp_path: Path) -> None:
    loud = {**HONEST, "double_answer": "def double(x):\n    raise ValueError('full points')\n"}
    assert "your double raised ValueError: full points" in message_of(
        graded(exercise_in(tmp_path), source(loud)), "double_values"
    )


def test_every_worker_has_ended_afterwards(tmp_path: Path) -> None:
    isolation = Threads()
    grade(exercise_in(tmp_path), source(), secret=SECRET, round="a", isolation=isolation)
    assert isolation.running and all(worker.stopped for worker in isolation.running)


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ("raise RuntimeError('half written')", "half written"),
        ("def broken(", "checks.py"),
        (CHECKS.replace("points=2", "points=5"), "give 5 points"),
        (CHECKS + "\n    @check('adds', task='totals')\n    def adds(student): ...\n", "totals"),
    ],
)
def test_checks_that_cannot_be_used_are_the_authors_error(tmp_path: Path, checks: str, words: str) -> None:
    with pytest.raises(AuthoringError, match=words):
        graded(exercise_in(tmp_path, checks=checks), source())


def test_a_check_that_cannot_run_costs_nothing_and_is_told_to_staff(tmp_path: Path) -> None:
    checks = CHECKS + "\n    @check('never runs', task='total')\n    def broken(student):\n        1 / 0\n"
    report = graded(exercise_in(tmp_path, checks=checks), source())
    assert [check.name for check in report.broken] == ["broken"]
    assert "ZeroDivisionError" in report.broken[0].staff_note and scores(report) == TASKS


# A check that finds the judge's own channel can say anything on it.
FORGED = """
    import json, os, socket, stat, struct, time

    from assay.checks import *

    def say(*messages):
        last = max(number for number in range(3, 64) if is_channel(number))  # the others are workers
        channel = socket.socket(fileno=os.dup(last))
        for message in messages:
            text = message if isinstance(message, bytes) else json.dumps(message).encode()
            channel.sendall(struct.pack(">I", len(text)) + text)
        time.sleep(60)  # whoever has gone could not be answered

    def is_channel(number):
        try:
            return stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            return False

    def report(points=2.0):
        check = {{"name": "a", "task": "total", "sentence": "s", "points": points, "outcome": "passed", "message": "",
            "hint": "", "counterexample": None, "reveals": "counterexample", "staff_note": ""}}
        other = {{**check, "name": "b", "task": "double", "points": 4.0}}
        whole = {{"assignment": "", "checks": [check, other], "notes": [], "staff_notes": [], "suite_version": "",
            "round": "", "seconds": 0.0}}
        return {{"kind": "report", "report": json.dumps(whole), "staff_notes": []}}

    @check("forges", task="double", points=4.0)
    def forges(student):
        say({said})

    @check("is not run", task="total", points=2.0)
    def other(student):
        os._exit(5)
"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("b'full points'", "not JSON"),
        ("{'kind': 'stop', 'worker': 7}", "does not say"),
        ("{'kind': 'report', 'report': '', 'staff_notes': []}", "cannot be read"),
        ("report(-1.0)", "worth -1"),
        ("{'kind': 'found', 'report': ''}", "cannot be read"),
        ("*[{**report(), 'kind': 'found'}] * 3", "does not say"),
        ("*[{'kind': 'start', 'worker': number} for number in range(90, 99)]", "does not say"),
    ],
)
def test_a_judge_that_talks_nonsense_is_not_believed(tmp_path: Path, said: str, words: str) -> None:
    isolation = Threads()
    exercise = exercise_in(tmp_path, checks=FORGED.format(said=said))
    with pytest.raises(SandboxError, match=words):
        grade(exercise, source(), secret=SECRET, round="a", isolation=isolation)
    assert len(isolation.running) <= WORKERS and all(worker.stopped for worker in isolation.running)


def test_the_forgery_of_these_tests_reaches_the_pipeline(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    exercise = exercise_in(tmp_path, checks=FORGED.format(said="report()"))
    assert scores(graded(exercise, source())) == TASKS


def test_a_judge_that_dies_is_ours_and_says_what_it_printed(tmp_path: Path) -> None:
    checks = "import os, sys\nos.write(2, b'last words')\nos._exit(3)\n"
    with pytest.raises(SandboxError, match="last words"):
        graded(exercise_in(tmp_path, checks=checks), source())


def test_a_judge_that_hangs_is_ended(tmp_path: Path) -> None:
    exercise = replace(exercise_in(tmp_path, checks="while True: pass"), limits=Limits(seconds=2.0))
    started = time.monotonic()
    with pytest.raises(SandboxError, match="in time"):
        graded(exercise, source(), grace_seconds=2.0)
    assert time.monotonic() - started < 60


def test_the_judge_gets_no_environment_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "planted-token")
    checks = """
        import os, sys
        print(os.environ, sys.argv)
        assert "planted-token" not in str(os.environ) and "tiny" not in str(sys.argv), "leaked"
        os._exit(4)
    """
    with pytest.raises(SandboxError) as caught:
        graded(exercise_in(tmp_path, checks=checks), source())
    assert "leaked" not in str(caught.value)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    exercise = exercise_in(tmp_path / "course")
    before = sorted(exercise.folder.rglob("*"))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    descriptors = len(os.listdir("/proc/self/fd"))
    graded(exercise, source())
    assert list(scratch.iterdir()) == [] and sorted(exercise.folder.rglob("*")) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors
