"""A real judge and a real sandbox: what honest, wrong, broken and hostile submissions end with, and what is kept."""

import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.course import Course, Exercise
from assay.grading.pipeline import grade
from assay.grading.rounds import course_secret
from assay.outcome import Outcome, Report, to_json
from assay.sandbox.inside import landlock, seccomp
from assay.sandbox.isolation import Isolation, choose
from assay.sandbox.limits import Limits, MiB
from tests.support.grading import HONEST, TASKS, course_of, exercise_in, source

PLANTED = "planted-8c1f"  # stands in every place that must stay secret
QUICK = Limits(call_seconds=1.0, load_seconds=4.0, seconds=20.0, memory=512 * MiB)


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return choose()


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    exercise = replace(exercise_in(tmp_path, notes=f"NOTE = '{PLANTED}'\n"), limits=QUICK)
    course = course_of(exercise)
    course.secret.parent.mkdir()
    course.secret.write_bytes(PLANTED.encode().ljust(32, b"."))
    neighbour = course.submitted / "neighbour" / "tiny"
    neighbour.mkdir(parents=True)
    (neighbour / "tiny.ipynb").write_text(PLANTED)
    with sqlite3.connect(course.gradebook) as gradebook:
        gradebook.execute("create table grade (score text)")
        gradebook.execute("insert into grade values (?)", (PLANTED,))
    gradebook.close()
    return exercise


def graded(exercise: Exercise, isolation: Isolation, **answers: str) -> Report:
    submission = source({**HONEST, **{f"{name}_answer": body for name, body in answers.items()}})
    return grade(exercise, submission, secret=course_secret(course_of(exercise)), round="a", isolation=isolation)


def scores(report: Report) -> dict[str, float]:
    return {task: report.score(task, points) for task, points in TASKS.items()}


def failure(report: Report, name: str) -> str:
    check = next(check for check in report.checks if check.name == name)
    assert check.outcome is Outcome.FAILED
    return check.message


def test_an_honest_submission_gets_all_points(exercise: Exercise, isolation: Isolation) -> None:
    report = graded(exercise, isolation)
    assert scores(report) == TASKS
    assert report.notes == () and report.broken == ()


def test_a_wrong_answer_is_shown_the_smallest_input_that_breaks_it(exercise: Exercise, isolation: Isolation) -> None:
    report = graded(exercise, isolation, double="def double(x):\n    return 3 * x\n")
    assert scores(report) == {"double": 0.0, "total": 2.0}
    example = report.checks[0].counterexample
    assert example is not None and example.got is not None and example.expected is not None
    assert len(example.calls) == 1 and example.calls[0].arguments[0][0] == "x"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os\n    os._exit(0)", "ended"),
        ("import ctypes\n    ctypes.string_at(0)", "ended"),
        ("raise SystemExit(0)", "your double raised SystemExit"),
        ("while True: pass", "longer than allowed"),
        ("return [x] * 10**9", "memory"),
        ("return double(x)", "RecursionError"),
    ],
)
def test_a_function_that_breaks_costs_its_task_alone(
    exercise: Exercise, isolation: Isolation, body: str, words: str
) -> None:
    report = graded(exercise, isolation, double=f"def double(x):\n    {body}\n")
    assert scores(report) == {"double": 0.0, "total": 2.0}
    assert words in failure(report, "double_values") or words.title() in failure(report, "double_values")


def test_cells_that_never_end_cost_no_more_than_their_time(exercise: Exercise, isolation: Isolation) -> None:
    report = graded(exercise, isolation, double="def double(x):\n    return 2 * x\nwhile True: pass\n")
    assert scores(report) == TASKS
    assert any("double_answer stopped" in note for note in report.notes)


def test_a_submission_that_ends_python_while_loading_earns_nothing(exercise: Exercise, isolation: Isolation) -> None:
    report = graded(exercise, isolation, double="import os\nos._exit(0)\n")
    assert scores(report) == {"double": 0.0, "total": 0.0}
    assert report.notes and report.broken == ()


def test_the_time_of_all_calls_together_is_limited(exercise: Exercise, isolation: Isolation) -> None:
    short = replace(exercise, limits=replace(QUICK, call_seconds=3.0, seconds=2.0))
    report = graded(short, isolation, double="def double(x):\n    while True: pass\n")
    assert scores(report) == {"double": 0.0, "total": 0.0}
    assert "all calls together" in failure(report, "total_values")


LIAR = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __float__(self): return 0.0
    def __array__(self, *args, **kwargs): return np.zeros(3)
    __hash__ = None
    shape = property(lambda self: self)

def double(x):
    return Equal()
"""
FORGER = """
import json, os, struct

def double(x):
    body = json.dumps({"id": 1, "value": 0}).encode()
    for number in range(3, 64):
        try:
            os.write(number, struct.pack(">IQ", len(body), 0) + body)
        except OSError:
            pass
    return -x
"""
JUDGE_FORGER = """
import json, os, struct

def double(x):
    report = json.dumps({"kind": "report", "report": "{}", "staff_notes": []}).encode()
    for number in range(3, 256):
        try:
            os.write(number, struct.pack(">I", len(report)) + report)
        except OSError:
            pass
    os._exit(0)
"""


@pytest.mark.parametrize("body", [LIAR, FORGER, JUDGE_FORGER], ids=["liar", "forger", "judge_forger"])
def test_lies_earn_nothing(exercise: Exercise, isolation: Isolation, body: str) -> None:
    report = graded(exercise, isolation, double=body)
    assert scores(report) == {"double": 0.0, "total": 2.0}
    assert report.broken == ()


def test_no_secret_of_the_course_reaches_a_submission(exercise: Exercise, isolation: Isolation) -> None:
    course = course_of(exercise)
    places = [exercise.folder / "notes.py", exercise.checks, course.gradebook, course.secret]
    places += [course.submitted / "neighbour" / "tiny" / "tiny.ipynb"]
    assert all(PLANTED.encode() in place.read_bytes() for place in places if place != exercise.checks)
    body = f"""
import os

def double(x):
    found = []
    for place in {[str(place) for place in places]}:
        try:
            found.append(open(place, "rb").read().decode(errors="replace"))
        except OSError:
            pass
    for process in [name for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []:
        for name in ("environ", "cmdline"):
            try:
                found.append(open(f"/proc/{{process}}/{{name}}", "rb").read().decode(errors="replace"))
            except OSError:
                pass
    raise ValueError("read: " + " ".join(found))
"""
    report = graded(exercise, isolation, double=body)
    assert failure(report, "double_values").startswith("your double raised ValueError: read:")
    assert PLANTED not in to_json(report) and "agrees_with" not in failure(report, "double_values")


CURIOUS = """
import os
import socket
import subprocess
from pathlib import Path


@check("a judge opens nothing else", task="total")
def curious(student):
    opened = []
    for place in {places}:
        try:
            opened.append(place + str(open(place, "rb").read(1)))
        except OSError:
            pass
    for place in {writable}:
        try:
            opened.append(place + str(open(place, "ab").write(b"x")))
        except OSError:
            pass
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        try:
            opened.append(str(socket.socket(family, socket.SOCK_STREAM)))
        except OSError:
            pass
    try:
        socket.create_connection(("127.0.0.1", {port}), 1)
        opened.append("a connection")
    except OSError:
        pass
    try:
        opened.append(str(subprocess.run(["/bin/true"]).returncode))
    except OSError:
        pass
    assert not opened, opened
    Path("scratch").write_text("its own folder is its own")
"""


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.skipif(not (landlock.abi() and seccomp.available()), reason="not run: needs Landlock and libseccomp2")
def test_the_judge_reaches_no_gradebook_no_network_and_no_program(
    exercise: Exercise, isolation: Isolation, listening: int
) -> None:
    course: Course = course_of(exercise)
    neighbour = course.submitted / "neighbour" / "tiny" / "tiny.ipynb"
    places = [str(place) for place in (course.gradebook, course.secret, exercise.notebook, neighbour, "/etc/passwd")]
    writable = [*places, str(exercise.checks), str(exercise.folder / "new.py"), "/tmp/assay-judge-was-here"]
    curious = CURIOUS.format(places=places, writable=writable, port=listening)
    exercise.checks.write_text(exercise.checks.read_text() + curious)
    report = graded(exercise, isolation)
    assert [(check.name, check.message) for check in report.checks if check.outcome is not Outcome.PASSED] == []
    assert "curious" in [check.name for check in report.checks] and report.staff_notes == ()


def test_a_judge_overfed_with_large_values_lives_on(exercise: Exercise, isolation: Isolation) -> None:
    large = replace(exercise, limits=replace(QUICK, frame=32 * MiB, memory=2048 * MiB))
    report = graded(large, isolation, double="def double(x):\n    return np.zeros(4_000_000)\n")
    assert scores(report) == {"double": 0.0, "total": 2.0}
    assert "shape" in failure(report, "double_values")
