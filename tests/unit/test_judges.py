"""Judges that are copies of one zygote: the same verdicts in any order, nothing kept, nobody outlives its starter."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.course import Exercise
from assay.errors import AuthoringError, SandboxError
from assay.grading.judges import Judges, Lent, Started
from assay.grading.pipeline import grade, prepare
from assay.outcome import Outcome, Report
from assay.sandbox.limits import Limits
from tests.support.grading import CHECKS, HONEST, REFERENCE, TASKS, Threads, exercise_in, source
from tests.support.notebooks import text

ROUND = {"secret": b"s" * 32, "round": "first"}
HALF = {**HONEST, "double_answer": "def double(x):\n    return x / 2\n"}
SLOPPY = {**HONEST, "total_answer": "def total(x):\n    return sum(x[1:])\n"}
PATIENCE = 30.0


@pytest.fixture
def judges() -> Iterator[Judges]:
    with Judges() as judges:
        yield judges


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return exercise_in(tmp_path)


def graded(exercise: Exercise, judges: Judges | None, answers: dict[str, str] = HONEST, **more) -> Report:
    return grade(exercise, source(answers), isolation=Threads(), judges=judges, **ROUND, **more)


def scores(report: Report) -> dict[str, float]:
    return {task: report.score(task, points) for task, points in TASKS.items()}


def zygotes(judges: Judges) -> list[Started]:
    return [zygote.started for zygote in judges._zygotes.values() if zygote.started is not None]


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def soon(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


# ---- verdicts


def test_verdicts_are_told_before_smaller_inputs_and_likely_mistakes_are_looked_for(
    exercise: Exercise, judges: Judges
) -> None:
    early: list[Report] = []
    assert scores(graded(exercise, judges, found=early.append)) == TASKS and not early
    report = graded(exercise, judges, HALF, found=early.append)
    first, told = early if len(early) == 2 else (early[0], early[0])  # a judge without a bank shrinks at once
    assert [(check.name, check.outcome) for check in first.checks] == [
        (check.name, check.outcome) for check in report.checks
    ]
    assert told.checks == tuple(replace(check, diagnosis=()) for check in report.checks)
    assert (told.assignment, told.suite_version) == (report.assignment, report.suite_version)


def test_one_zygote_judges_all_submissions_as_judges_of_their_own_would(exercise: Exercise, judges: Judges) -> None:
    answers = [HONEST, HALF, SLOPPY, HONEST]
    alone = {str(each): graded(exercise, None, each).checks for each in answers}
    assert [graded(exercise, judges, each).checks for each in answers] == [alone[str(each)] for each in answers]
    assert len(zygotes(judges)) == 1


def test_the_order_of_submissions_changes_nothing(exercise: Exercise) -> None:
    orders = [(HONEST, HALF, SLOPPY), (SLOPPY, HALF, HONEST), (HALF, SLOPPY, HONEST)]
    found = []
    for order in orders:
        with Judges() as judges:
            found.append({str(answers): replace(graded(exercise, judges, answers), seconds=0.0) for answers in order})
    assert found[0] == found[1] == found[2]


NUMBERED = (
    CHECKS
    + '''
    import os
    import numpy as np
    from hypothesis import given, strategies as st

    def drawn(value):
        """Fails where neither the first judge nor whoever fills the bank draws: theirs are the folders 1 and 2."""
        assert os.path.basename(os.getcwd()) in ("1", "2"), os.getcwd()
        return value

    @check("is drawn once", task="total")
    @given(st.integers(0, 9).map(drawn))
    def drawn_once(student, number):
        student.total(np.array([float(number)]))
'''
)


def test_from_the_second_submission_on_examples_are_replayed(tmp_path: Path, judges: Judges) -> None:
    exercise = exercise_in(tmp_path, checks=NUMBERED)
    for _ in range(3):
        report = graded(exercise, judges)
        assert {check.outcome for check in report.checks} == {Outcome.PASSED} and report.staff_notes == ()


UNFIT = (
    CHECKS
    + """
    import os
    from hypothesis import given, strategies as st

    @check("ends whoever runs it on the reference", task="total")
    @given(st.integers(0, 9))
    def unfit(student, number):
        if type(student).__name__ == "Student":
            os._exit(3)
"""
)


def test_a_prepared_zygote_replays_examples_from_the_first_submission_on(tmp_path: Path, judges: Judges) -> None:
    checks = NUMBERED.replace('("1", "2")', '("1",)')  # the folder of whoever fills the bank
    exercise = exercise_in(tmp_path, checks=checks)
    prepare(exercise, judges=judges, **ROUND)
    prepare(exercise, judges=judges, **ROUND)  # is filled once
    for _ in range(2):
        report = graded(exercise, judges)
        assert scores(report) == TASKS and not report.staff_notes, report.checks


def test_a_bank_that_cannot_be_filled_is_told_to_staff_and_changes_no_verdict(tmp_path: Path, judges: Judges) -> None:
    exercise = exercise_in(tmp_path, checks=UNFIT)
    reports = [graded(exercise, judges, answers) for answers in (HONEST, HONEST, HALF)]
    assert [scores(report)["double"] for report in reports] == [4.0, 4.0, 0.0]
    assert ["no bank is kept" in " ".join(report.staff_notes) for report in reports] == [False, True, True]


THREADED = (
    "    import threading, time\n    threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n" + CHECKS
)


def test_checks_that_start_threads_are_imported_for_each_submission(tmp_path: Path, judges: Judges) -> None:
    """A copy of such a process would lack the threads."""
    exercise = exercise_in(tmp_path, checks=THREADED)
    reports = [graded(exercise, judges, answers) for answers in (HONEST, HALF, HONEST)]
    assert [scores(report)["double"] for report in reports] == [4.0, 0.0, 4.0]
    assert all("start threads" in note for report in reports for note in report.staff_notes)


# ---- the suite


def test_an_edited_suite_has_a_new_zygote(exercise: Exercise, judges: Judges) -> None:
    before = graded(exercise, judges)
    exercise.checks.write_text(exercise.checks.read_text().replace("Twice, not half.", "Two times."))
    after = graded(exercise, judges, HALF)
    assert (before.checks[0].hint, after.checks[0].hint) == ("Twice, not half.", "Two times.")
    assert len(zygotes(judges)) == 2


def test_broken_checks_are_told_to_everybody_until_they_are_mended(tmp_path: Path, judges: Judges) -> None:
    exercise = exercise_in(tmp_path, checks="raise RuntimeError('half written')")
    for _ in range(3):
        with pytest.raises(AuthoringError, match="half written"):
            graded(exercise, judges)
    exercise.checks.write_text(text(CHECKS))
    assert scores(graded(exercise, judges)) == TASKS


def test_what_is_wrong_outside_of_the_exercise_can_be_mended(tmp_path: Path, judges: Judges) -> None:
    """A data set that was not at hand, for example."""
    looks = "import os\nif not os.path.isdir(os.path.dirname(__file__) + '/data'):\n    raise OSError('no data')\n"
    exercise = exercise_in(tmp_path, checks=looks + text(CHECKS))
    with pytest.raises(AuthoringError, match="no data"):
        graded(exercise, judges)
    assert not zygotes(judges)  # that one would tell of it again
    (exercise.folder / "data").mkdir()
    assert scores(graded(exercise, judges)) == TASKS


def test_only_so_many_zygotes_are_kept(tmp_path: Path, judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.grading.judges.MOST", 1)
    exercises = [exercise_in(tmp_path / name) for name in ("one", "two")]
    assert [scores(graded(exercise, judges)) for exercise in (*exercises, exercises[0])] == [TASKS] * 3
    assert len(zygotes(judges)) == 1 and len(judges._retired) <= 2


# ---- ends


def test_a_zygote_that_was_killed_is_started_again(exercise: Exercise, judges: Judges) -> None:
    assert scores(graded(exercise, judges)) == TASKS
    (before,) = zygotes(judges)
    os.kill(before.process.pid, signal.SIGKILL)
    assert scores(graded(exercise, judges)) == TASKS
    (after,) = zygotes(judges)
    assert after.process.pid != before.process.pid


def test_a_zygote_that_dies_with_a_request_in_its_hands_is_started_again(exercise: Exercise, judges: Judges) -> None:
    prepare(exercise, judges=judges, **ROUND)
    (before,) = zygotes(judges)
    os.kill(before.process.pid, signal.SIGSTOP)

    class Killing(Threads):
        def start(self, job):
            os.kill(before.process.pid, signal.SIGKILL)  # the judge has been asked for by now
            return super().start(job)

    report = grade(exercise, source(), isolation=Killing(), judges=judges, **ROUND)
    assert scores(report) == TASKS


def test_a_zygote_that_hangs_is_given_up(exercise: Exercise, judges: Judges) -> None:
    exercise = replace(exercise, limits=Limits(seconds=1.0))
    prepare(exercise, judges=judges, **ROUND)
    (hanging,) = zygotes(judges)
    os.kill(hanging.process.pid, signal.SIGSTOP)
    with pytest.raises(SandboxError, match="in time"):
        graded(exercise, judges, grace_seconds=1.0)
    assert not runs(hanging.process.pid)
    assert scores(graded(exercise, judges)) == TASKS


ENDING = (
    CHECKS
    + """
    import os

    @check("ends its own process", task="total")
    def ends(student):
        if student.total(np.array([1.0, 1.0])) != 2.0:
            {how}
"""
)


@pytest.mark.parametrize(("how", "words"), [("os._exit(3)", "gone"), ("while True: pass", "in time")])
def test_a_judge_that_is_lost_takes_nobody_with_it(tmp_path: Path, judges: Judges, how: str, words: str) -> None:
    exercise = replace(exercise_in(tmp_path, checks=ENDING.format(how=how)), limits=Limits(seconds=5.0))
    graded(exercise, judges)
    (zygote,) = zygotes(judges)
    with pytest.raises(SandboxError, match=words):
        graded(exercise, judges, SLOPPY, grace_seconds=3.0)
    assert scores(graded(exercise, judges)) == TASKS
    assert [one.process.pid for one in zygotes(judges)] == [zygote.process.pid]
    assert soon(lambda: not any(map(runs, children(zygote.process.pid))))


def test_a_judge_ends_with_its_block_and_leaves_no_file(exercise: Exercise, judges: Judges) -> None:
    with judges.start(exercise, ROUND["secret"]) as judge:
        assert judge.begin(time.monotonic() + PATIENCE) == ""
        (zygote,) = zygotes(judges)
        (process,) = children(zygote.process.pid)
        assert runs(process) and (Path(zygote.folder.name) / "1").is_dir()
    assert soon(lambda: not children(zygote.process.pid))
    assert soon(lambda: not (Path(zygote.folder.name) / "1").exists())
    judges.close()
    assert not runs(zygote.process.pid) and not Path(zygote.folder.name).exists()


STARTER = """
import os, sys, time
from pathlib import Path
from assay.course import Course
from assay.grading.judges import Judges

judges = Judges()
exercise = Course(Path(sys.argv[1]))["tiny"]
with judges.start(exercise, b"s" * 32) as judge:
    judge.begin(time.monotonic() + 60)
    zygote = next(iter(judges._zygotes.values())).started
    pid = zygote.process.pid
    print(pid, open(f"/proc/{pid}/task/{pid}/children").read(), zygote.folder.name, flush=True)
    time.sleep(600)
"""


def test_zygote_and_judges_end_with_a_grader_that_is_killed(exercise: Exercise) -> None:
    course = exercise.folder.parent.parent
    command = [sys.executable, "-c", STARTER, str(course)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout is not None
        zygote, judge, folder = grader.stdout.readline().split()
        assert runs(int(zygote)) and runs(int(judge))
        grader.kill()
    assert soon(lambda: not runs(int(zygote)) and not runs(int(judge)))
    with Judges() as judges:
        prepare(exercise, judges=judges, **ROUND)  # whoever grades next clears up
        assert not Path(folder).exists()


# ---- nothing is kept


def memory_holds(process: int, needle: bytes) -> bool:
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("r") and "[v" not in line:  # the kernel's own pages cannot be read
                memory.seek(start)
                try:
                    if needle in memory.read(end - start):
                        return True
                except OSError:
                    continue
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root can read the memory of a judge")
def test_nothing_of_a_submission_is_in_the_memory_of_the_next_ones_judge(tmp_path: Path, judges: Judges) -> None:
    planted = "planted" + os.urandom(8).hex()
    exercise = exercise_in(tmp_path, reference=REFERENCE + f"\n    HERE = 'ours-{planted[::-1]}'\n")
    curious = {**HONEST, "double_answer": f"def double(x):\n    raise ValueError('{planted}')\n"}
    for _ in range(3):  # live, while the bank is filled, and from the bank
        assert planted in json.dumps([check.message for check in graded(exercise, judges, curious).checks])
    (zygote,) = zygotes(judges)
    assert soon(lambda: not children(zygote.process.pid))
    with judges.start(exercise, next(iter(judges._zygotes)).secret) as judge:
        judge.begin(time.monotonic() + PATIENCE)
        for process in (zygote.process.pid, *children(zygote.process.pid)):
            assert memory_holds(process, f"ours-{planted[::-1]}".encode())  # else the next line would show nothing
            assert not memory_holds(process, planted.encode())


# ---- lent to other processes


def lent_grade(lent: Lent, course: Path, answers: dict[str, str], channel) -> None:
    from assay.course import Course

    with lent.judges() as judges:
        report = graded(Course(course)["tiny"], judges, answers)
        channel.send((report.checks, [zygote.started is None for zygote in judges._zygotes.values()]))


def test_several_processes_share_one_zygote(exercise: Exercise, judges: Judges) -> None:
    prepare(exercise, judges=judges, **ROUND)
    context = multiprocessing.get_context("spawn")
    course, submissions = exercise.folder.parent.parent, [HONEST, HALF, SLOPPY]
    found = []
    for answers in submissions:
        ours, theirs = context.Pipe()
        process = context.Process(target=lent_grade, args=(judges.lend(), course, answers, theirs))
        process.start()
        found.append((ours, process))
    received = [ours.recv() for ours, _ in found]
    for _, process in found:
        process.join()
    assert [shared for _, shared in received] == [[True]] * 3
    assert [checks for checks, _ in received] == [graded(exercise, judges, each).checks for each in submissions]


def test_a_borrower_starts_what_is_missing(exercise: Exercise, judges: Judges) -> None:
    prepare(exercise, judges=judges, **ROUND)
    lent = judges.lend()
    judges.close()
    with lent.judges() as borrowed:
        assert scores(graded(exercise, borrowed)) == TASKS
        assert len(zygotes(borrowed)) == 1
