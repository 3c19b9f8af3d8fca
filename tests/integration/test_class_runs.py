"""A class in several processes, runs that end in the middle, and what the next run makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from nbgrader.converters import Autograde

from assay.course import Course
from assay.errors import GradebookError, SandboxError
from assay.grading.rounds import load_report
from assay.notebook.nbgrader_class import only_one
from assay.notebook.nbgrader_marks import read_mark
from assay.notebook.nbgrader_release import open_gradebook, release, run, settings
from assay.sandbox.inside.supervise import descendants
from tests.support.class_runs import STEPS, VICTIM, grade, judge, services, written
from tests.support.notebooks import SCALE_ANSWERS, answered, released, scale_course, submit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Course:
    """A class of seven, not graded yet: right, unfinished, unreadable, late, with files beside, and with an answer
    that only a person can grade."""
    course = scale_course(tmp_path_factory.mktemp("class"))
    config = (ROOT / "nbgrader_config.py").read_text()
    (course.root / "nbgrader_config.py").write_text(f"{config}\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    (course.source / "scale" / "data.csv").write_text("1,2")
    release(course, "scale")
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment("scale", duedate="2030-01-02 00:00:00 UTC")
    right = answered(released(course, "scale"), SCALE_ANSWERS)
    for number in range(3):
        submit(course, f"right{number}", "scale", right)
    submit(course, "unfinished", "scale", released(course, "scale"))
    submit(course, "unreadable", "scale", b"{")
    (submit(course, "late", "scale", right) / "timestamp.txt").write_text("2030-01-03 00:00:00 UTC")
    folder = submit(course, "broken", "scale", answered(right, {"scale_answer": "# break the check"}))
    (folder / "points.txt").write_text("1 2")
    (folder / "data.csv").write_text("changed")
    (folder / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    return course


@pytest.fixture
def course(template, tmp_path) -> Course:
    return copy_of(template, tmp_path / "course")


@pytest.fixture(scope="module")
def graded(template, tmp_path_factory) -> Course:
    """The class after an undisturbed run in one process."""
    course = copy_of(template, tmp_path_factory.mktemp("graded") / "course")
    grade(course)
    return course


@pytest.fixture(scope="module")
def two_more(graded, tmp_path_factory) -> Course:
    """And after another run, with two further submissions."""
    course = copy_of(graded, tmp_path_factory.mktemp("more") / "course")
    add_two_who_wait(course)
    (course.root / "go on").touch()
    grade(course)
    return course


def copy_of(course: Course, to: Path) -> Course:
    shutil.copytree(course.root, to)
    return Course(to)


def started(course: Course, jobs: int, *options: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "tests.support.class_runs", str(course.root), str(jobs), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def until_waiting(process: subprocess.Popen[str], jobs: int) -> list[int]:
    """Wait until nothing but those who wait is graded. Returns the processes that the run started."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[1:] == ["waits1", "waits2"][:jobs]:
            return descendants(process.pid)
    raise AssertionError("the run ended by itself")


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def gone(processes: list[int]) -> bool:
    """Whether all of them end, soon."""
    for _ in range(500):
        if not any(os.path.exists(f"/proc/{one}") for one in processes):
            return True
        time.sleep(0.02)
    return False


def add_two_who_wait(course: Course) -> None:
    right = answered(released(course, "scale"), {**SCALE_ANSWERS, "scale_answer": "# wait"})
    for name in ("waits1", "waits2"):
        submit(course, name, "scale", right)


def marked(course: Course) -> set[str]:
    """The students whose submissions count as graded."""
    return {name for name in everybody(course) if read_mark(course, "scale", name) is not None}


def everybody(course: Course) -> set[str]:
    return {path.name for path in course.submitted.iterdir()}


def test_rows_and_files_are_those_of_nbgraders_own_command(template, graded, tmp_path):
    course = copy_of(template, tmp_path / "stock")
    for student in sorted(path.name for path in course.submitted.iterdir()):
        converter = Autograde(**settings(course, "scale", student))
        converter.services = services(course)
        run(converter, "not graded")
    rows, files = written(course)
    ours, ours_too = written(graded)
    assert ours == rows
    assert {name: content for name, content in ours_too.items() if name.startswith("autograded")} == files
    modes = [
        {path.relative_to(one.root): path.stat().st_mode for path in one.autograded.rglob("*")}
        for one in (course, graded)
    ]
    assert modes[0] == modes[1]


def test_the_number_of_jobs_changes_nothing(course, graded):
    results = grade(course, jobs=3)
    assert not [result.error for result in results.values() if result.error]
    assert written(course) == written(graded)
    for student in results:
        assert load_report(course, "scale", student) == load_report(graded, "scale", student)


def test_nobody_is_graded_twice_unless_something_has_changed(course):
    asked = []

    def counting(exercise, source, **options):
        asked.append(exercise.name)
        return judge(exercise, source, **options)

    def number_graded(**options) -> int:
        asked.clear()
        results = grade(course, services=services(course, grade=counting), **options)
        assert len(asked) == sum(not result.skipped for result in results.values())
        assert not [result.error for result in results.values() if result.error]
        return len(asked)

    assert number_graded() == 7
    before = written(course)
    assert number_graded() == 0
    assert written(course) == before
    assert number_graded(force=True) == 7
    (course.submitted / "broken" / "scale" / "points.txt").write_text("3 4")
    assert number_graded() == 1
    (course.submitted / "right0" / "scale" / "__pycache__").mkdir()
    (course.submitted / "right0" / "scale" / "__pycache__" / "self.pyc").write_text("left behind")
    assert number_graded() == 0
    shutil.rmtree(course.autograded / "late" / "scale")
    assert number_graded() == 1
    with closing(sqlite3.connect(course.gradebook)) as connection, connection:
        connection.execute("DELETE FROM grade WHERE id = (SELECT min(id) FROM grade)")
    assert number_graded() == 1
    assert written(course)[0] == before[0]
    checks = course.graders / "scale" / "checks.py"
    checks.write_text(checks.read_text() + "# stricter\n")
    assert number_graded() == 7


def test_what_nbgraders_own_command_graded_meanwhile_is_graded_again(course):
    grade(course)
    converter = Autograde(**settings(course, "scale", "right0"))
    converter.services, converter.force = services(course), True
    run(converter, "not graded")
    assert [name for name, result in grade(course).items() if not result.skipped] == ["right0"]


def test_what_a_person_gave_survives_another_grading_as_nbgrader_keeps_it(course):
    grade(course)
    with open_gradebook(course) as gradebook:
        essay = gradebook.find_grade("order_explained", "scale", "scale", "right0")
        essay.manual_score, essay.needs_manual_grade = 0.5, False
        gradebook.find_grade("scale", "scale", "scale", "right0").manual_score = 1.0
        gradebook.find_grade("shift", "scale", "scale", "right0").extra_credit = 3.0
        gradebook.find_comment("scale_answer", "scale", "scale", "right0").manual_comment = "Well done."
        gradebook.db.commit()
    (again,) = grade(course, "right0").values()
    assert (again.points, again.skipped, again.needs_manual_grade) == (6.5, True, False)
    page = (course.feedback / "right0" / "scale" / "scale.html").read_text()
    assert "Well done." in page
    (again,) = grade(course, "right0", force=True).values()
    assert {score.name: score.points for score in again.scores} == {"scale": 1.0, "shift": 5.0, "order_explained": 0.5}
    assert again.needs_manual_grade  # as nbgrader asks to look at a manual grade again
    assert "Well done." in (course.feedback / "right0" / "scale" / "scale.html").read_text()


def test_a_process_that_is_lost_once_costs_nothing_but_time(course):
    theirs = answered(released(course, "scale"), {**SCALE_ANSWERS, "scale_answer": "# lose the process"})
    submit(course, "unlucky", "scale", theirs)
    results = grade(course, jobs=2)
    assert (results["unlucky"].points, results["unlucky"].error) == (6, "")
    assert (course.root / "attempts").read_text() == ".."


def test_a_process_that_is_lost_every_time_costs_one_submission(course, graded):
    theirs = answered(released(course, "scale"), {**SCALE_ANSWERS, "scale_answer": "# lose the process every time"})
    submit(course, "unlucky", "scale", theirs)
    results = grade(course, jobs=2)
    assert "unlucky was not graded: A process was lost while it worked on unlucky" in results.pop("unlucky").error
    assert (course.root / "attempts").read_text() == ".."
    assert not [result.error for result in results.values() if result.error]
    assert written(course) == written(graded)


def test_a_failure_of_ours_keeps_the_grades_from_before(course):
    grade(course)
    before = written(course)
    theirs = answered(released(course, "scale"), {**SCALE_ANSWERS, "scale_answer": "# lose the sandbox"})
    submit(course, "right0", "scale", theirs)
    assert "The sandbox was lost" in grade(course)["right0"].error
    assert written(course) == before
    assert "The sandbox was lost" in grade(course)["right0"].error  # it is not taken for graded


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_ends_in_the_middle_is_gone_on_with(graded, two_more, tmp_path, jobs, sent):
    course = copy_of(graded, tmp_path / "course")
    add_two_who_wait(course)
    process = started(course, jobs)
    children = until_waiting(process, jobs)
    process.send_signal(sent)
    process.communicate()
    assert process.returncode != 0
    assert gone(children)
    assert marked(course) == everybody(course) - {"waits1", "waits2"}
    assert written(course) == written(graded)
    (course.root / "go on").touch()
    assert {name for name, result in grade(course).items() if not result.skipped} == {"waits1", "waits2"}
    assert written(course) == written(two_more)


@pytest.mark.parametrize("whose", ["run", "forkserver"], ids=["all are forks of", "grades"])
def test_a_run_whose_process_is_killed_goes_on_without_it(graded, two_more, tmp_path, whose):
    course = copy_of(graded, tmp_path / "course")
    add_two_who_wait(course)
    process = started(course, 2)
    forks = [child for child in until_waiting(process, 2) if "forkserver" in command_of(child)]
    victims = [child for child in forks if (parent_of(child) == process.pid) == (whose == "run")]
    assert len(victims) == (1 if whose == "run" else 2)
    os.kill(victims[0], signal.SIGKILL)
    (course.root / "go on").touch()
    process.communicate()
    assert process.returncode == 0
    assert written(course) == written(two_more)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_killed_while_it_writes_is_gone_on_with(graded, tmp_path, step):
    course = copy_of(graded, tmp_path / "course")
    assert killed_at(course, step)
    assert marked(course) == everybody(course) - {VICTIM}
    assert [name for name, result in grade(course).items() if not result.skipped] == [VICTIM]
    assert written(course) == written(graded)
    assert not list(course.autograded.glob("*/.*"))


def test_a_first_run_that_is_killed_while_it_writes_is_gone_on_with(course, graded):
    assert killed_at(course, "commit")
    assert marked(course) == {"broken", "late"}
    grade(course)
    assert written(course) == written(graded)


def test_what_is_left_of_a_killed_run_is_put_back_where_grading_fails(graded, tmp_path):
    course = copy_of(graded, tmp_path / "course")
    assert killed_at(course, "moved")
    assert not (course.autograded / VICTIM / "scale").exists()
    failing = services(course, grade=lose_the_sandbox)
    assert "The sandbox was lost" in grade(course, services=failing)[VICTIM].error
    assert written(course) == written(graded)


def killed_at(course: Course, step: str) -> bool:
    process = started(course, 1, step)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def lose_the_sandbox(*_: object, **__: object) -> None:
    raise SandboxError("The sandbox was lost. Grade again.")


def test_two_do_not_grade_one_course_at_the_same_time(course):
    with only_one(course), pytest.raises(GradebookError, match="another `assay grade`"):
        grade(course)
