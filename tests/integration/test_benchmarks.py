"""The benchmark: its exercises are sound, everybody is given the same work, and it leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.course import Exercise, open_course
from assay.grading.verify import parts_of, prove
from benchmarks.agreement import misjudged
from benchmarks.competitors import Run
from benchmarks.folders import hidden_tests, with_hidden_tests
from benchmarks.plan import ASSIGNMENTS, REAL, Sizes, steps
from benchmarks.results import Results
from benchmarks.submissions import Submission, Written, answers, drawn, every_answer, spread

ROOT = Path(__file__).parents[2]
NAMES = (*ASSIGNMENTS, REAL)
WITHOUT_TENSORFLOW = tuple(name for name in NAMES if name != "dense_network")


def exercise_of(name: str) -> Exercise:
    return open_course(ROOT if name == REAL else ROOT / "benchmarks" / "course")[name]


def in_python(text: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_its_exercises_keep_every_promise(name: str) -> None:
    for part in parts_of(exercise_of(name), seeds=1, closely=False):
        assert not prove(part).findings


@pytest.mark.parametrize("name", NAMES)
def test_every_known_answer_can_be_written_as_a_cell(name: str) -> None:
    exercise = exercise_of(name)
    for task, known in answers(exercise).items():
        assert {answer.right for answer in known} == {True, False}
        for answer in known:
            assert f"def {task}(" in answer.text and "@" not in answer.text.split("def ")[0]
            compile(answer.text, answer.name, "exec")
    made = {answer.name for answer in answers(exercise)[exercise.tasks[0].name]}
    judged = {one.answers[exercise.tasks[0].name].name for one in every_answer(exercise)}
    assert made == judged


@pytest.mark.parametrize("name", WITHOUT_TENSORFLOW)
def test_the_hidden_tests_of_others_know_right_from_wrong_as_ours_do(name: str) -> None:
    exercise = exercise_of(name)
    tests: dict[str, Any] = {}
    exec(hidden_tests(exercise), tests)
    for task, known in answers(exercise).items():
        wrongly = [answer.name for answer in known if passes(tests[f"test_{task}"], task, answer) != answer.right]
        assert not wrongly, task


def passes(test: Callable[[Any], None], task: str, answer: Written) -> bool:
    namespace: dict[str, Any] = {}
    exec(answer.text, namespace)
    try:
        test(namespace[task])
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_every_marker_cell_gets_the_tests_of_its_task(name: str) -> None:
    exercise = exercise_of(name)
    cells = with_hidden_tests(exercise)["cells"]
    sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    for task in exercise.tasks:
        assert f"\ntest_{task.name}({task.name})\n" in sources[task.name]


def test_submissions_are_mixed_and_drawn_alike_from_equal_seeds() -> None:
    exercise = exercise_of("softmax_regression")
    many = drawn(exercise, 100)
    assert many == drawn(exercise, 100) != drawn(exercise, 100, seed=5)
    right = sum(all(one.right.values()) for one in many)
    assert 30 < right < 70
    assert [one.student for one in spread(many, 4)] == ["s00", "s25", "s50", "s75"]


def test_everybody_is_given_the_same_and_takes_turns() -> None:
    exercises = {"softmax_regression": exercise_of("softmax_regression")}
    sizes = Sizes(submissions=20, slow=6, repeats=2, exercises=("softmax_regression",), growth=False)
    planned = steps(sizes, exercises)
    names = [step.competitor for step in planned]
    assert names == [*sizes.competitors, *reversed(sizes.competitors)]
    few = {one.student for step in planned if step.competitor == "otter" for one in step.submissions}
    same = {one.student for step in planned if step.competitor == "nbgrader" for one in step.submissions}
    every = {one.student for step in planned if step.competitor == "assay-1" for one in step.submissions}
    assert few == same < every and len(few) == 6 and len(every) == 20


def test_a_wrong_verdict_is_found() -> None:
    submission = Submission("s1", {"f": Written("twice", "", True), "g": Written("half", "", False)})
    run = Run("otter", "e", 1, 25, 1.0, 1.0, (1.0,), 0, 0, {"s1": {"f": True, "g": True}})
    (wrong,) = misjudged(run, [submission])
    assert (wrong.task, wrong.answer, wrong.right) == ("g", "half", False)
    assert Results(misjudged=[wrong]).unexplained == [wrong]


def test_what_a_command_leaves_running_is_ended() -> None:
    text = """
import pathlib, sys, tempfile
from benchmarks import processes
processes.adopt_orphans()
script = "import subprocess, time; subprocess.Popen(['sleep', '300'], start_new_session=True); time.sleep(1.5)"
run = processes.run((sys.executable, "-c", script), pathlib.Path(tempfile.gettempdir()))
print(run.left_behind, run.peak_memory > 2**20, list(processes.descendants(__import__("os").getpid())))
"""
    assert in_python(text).strip() == "1 True []"


def test_a_small_comparison(tmp_path: Path) -> None:
    few = ["--submissions", "2", "--slow", "2", "--repeats", "1", "--brief", "--exercises", "softmax_regression"]
    who = ["--competitors", "assay-1", "nbgrader", "in-process"]
    where = ["--results", str(tmp_path), "--name", "small", "--plot", str(tmp_path / "small.svg")]
    command = [sys.executable, "-m", "benchmarks", *few, *who, *where]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of them agree on every one." in done.stdout
    found = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    assert [line["competitor"] for line in found["table"]] == ["assay-1", "nbgrader", "in-process"]
    assert found["agreement"] == {"answers_judged": {"assay-1": 8, "nbgrader": 8, "in-process": 8}, "misjudged": []}
    assert all(run["peak_memory"] > 0 and run["left_behind"] == 0 for run in found["runs"])
    assert (tmp_path / "small.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
