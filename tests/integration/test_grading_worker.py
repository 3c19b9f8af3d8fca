"""The grading worker at a real course, gradebook and exchange: most of it with a stand-in judge, once in a sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from assay.course import Course
from assay.errors import SandboxError
from assay.exchange import store
from assay.exchange.policy import Extension, Policy
from assay.jobs import table
from assay.jobs.table import TRIES
from assay.notebook.nbgrader_class import only_one
from assay.notebook.nbgrader_marks import suite_of
from assay.notebook.nbgrader_services import Services
from assay.serving import grading, pages_shown, queue, regrades
from assay.serving.grader_work import is_being_graded
from tests.support import class_runs
from tests.support.notebooks import SCALE_ANSWERS
from tests.support.serving import COURSE, FULL, WRONG, Site, lose_the_sandbox, open_site, site

pytestmark = pytest.mark.xdist_group("grading worker")
ROOT = Path(__file__).parents[2]


def test_an_attempt_gets_a_result_feedback_and_grades(server: Site) -> None:
    right, wrong = server.submit("student1"), server.submit("student2", WRONG)
    server.work()
    result = server.result(right)
    assert (result.points, result.maximum, result.counts, result.late, result.broken) == (FULL, 7, True, False, ())
    assert [(task.name, task.points, task.maximum) for task in result.tasks] == [
        ("scale", 4, 4),
        ("shift", 2, 2),
        ("order_explained", None, 1),
    ]
    assert server.jobs(right)[0].version == f"submitted.{result.round}"
    assert result.suite == suite_of(server.course, "scale")
    assert result.round == right.submitted.date().isoformat() and len(result.report) == 64
    assert server.result(wrong).points == 0 and server.result(wrong).report != result.report
    assert server.gradebook() == {"student1": FULL, "student2": 0}
    for attempt in (right, wrong):
        given = store.find_feedback(server.materials.exchange, attempt.id, released_only=True)
        assert given is not None and [file.path for file in given.files] == ["scale.html"]
        assert server.whats(server.jobs(attempt)[0]) == ["enqueued", "leased", "done"]


def test_where_the_course_releases_feedback_itself_students_do_not_see_it_yet(course: Course, tmp_path: Path) -> None:
    with site(tmp_path, course, more="feedback = 'when released'") as server:
        attempt = server.submit("student1")
        server.work()
        engine = server.materials.exchange
        assert server.result(attempt).points == FULL and store.find_feedback(engine, attempt.id) is not None
        assert store.find_feedback(engine, attempt.id, released_only=True) is None


@pytest.mark.parametrize(("feedback", "shown"), [("at once", True), ("when released", False)])
def test_what_the_checks_found_is_told_before_the_feedback_is_written(
    course: Course, tmp_path: Path, feedback: str, shown: bool
) -> None:
    with site(tmp_path, course, more=f"feedback = '{feedback}'") as server:
        attempt = server.submit("student1", WRONG)
        early: list[tuple[str, str, bool]] = []

        def look(*arguments: object, **options: object) -> str:
            materials = server.materials
            places = regrades.Places(materials.settings, materials.exchange, materials.jobs)
            for _ in range(3000):  # the checks are at it as well
                (job,) = server.jobs(attempt)
                if not job.result:
                    time.sleep(0.01)
            early.append((job.state, job.result, "scale agrees" in pages_shown._found(places, attempt)))
            return class_runs.run(*arguments, **options)

        server.work(run_notebook=look)
        ((state, told, seen),) = early
        assert state == "leased" and "0/4 scale agrees with the reference" in told and seen == shown
        assert server.result(attempt).points == 0


def test_a_check_that_could_not_judge_is_not_told_early(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    early: list[str] = []
    monkeypatch.setattr(table, "tell", lambda engine, job, text: early.append(text))
    server.submit("student1", {"scale_answer": "break the check"})
    server.work()
    assert not early
    server.submit("student2", WRONG)
    server.work()
    assert len(early) == 1


def test_what_a_crash_kept_from_being_enqueued_is_found(server: Site) -> None:
    lost, queued = server.submit("student1", enqueue=False), server.submit("student2")
    server.worker().recover(everything=True)
    server.worker().recover()
    (job,) = server.jobs(lost)
    assert [event.who for event in table.history(server.materials.jobs, job.id)] == ["reconciled"]
    assert len(server.jobs(queued)) == 1
    assert queue.enqueue(server.materials.jobs, server.of, lost) == job


def test_attempts_of_several_students_are_graded_together_and_those_of_one_in_order(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [server.submit(f"student{number}", WRONG) for number in range(3)]
    second = [server.submit(f"student{number}") for number in range(3)]
    together: list[tuple[list[str], int]] = []
    monkeypatch.setattr(
        "assay.serving.worker.grade_together",
        lambda materials, ask, tasks, processes: (
            together.append(([task.attempt.id for task in tasks], processes)),
            grading.grade_together(materials, ask, tasks, 1),
        ),
    )
    worker = server.worker(2)
    while worker.work():
        pass
    assert together == [([one.id for one in first], 2), ([one.id for one in second], 2)]
    assert set(server.gradebook().values()) == {FULL}
    assert all(server.result(one).counts for one in (*first, *second))


def test_a_long_regrade_does_not_keep_those_who_submit_from_being_graded_together(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "MOST_EACH", 1)
    materials = server.materials
    for number in range(5):
        old = server.submit(f"old{number}", enqueue=False)
        table.enqueue(materials.jobs, server.of.grading, old.id, "suite.round", priority=queue.REGRADED)
    new = [server.submit(f"student{number}") for number in range(2)]
    assert [task.attempt for task in grading.lease_some(materials, "worker", 60, 2)] == new


def test_what_a_crash_kept_from_being_enqueued_is_found_while_others_never_stop_submitting(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.serving.worker.RECONCILE", 0.0)
    lost, queued = server.submit("student1", enqueue=False), server.submit("student2")
    assert server.worker().work_or_wait()
    assert server.result(queued).points == FULL and len(server.jobs(lost)) == 1


def test_an_older_attempt_never_takes_the_place_of_a_newer_one(server: Site) -> None:
    older = server.submit("student1", WRONG, enqueue=False)
    newer = server.submit("student1")
    server.work()
    pages = (server.course.feedback / "student1" / "scale" / "scale.html").read_bytes()
    server.worker().recover(everything=True)
    server.work()
    assert (server.result(newer).points, server.result(newer).counts) == (FULL, True)
    assert server.result(older).points < FULL and not server.result(older).counts
    assert server.gradebook() == {"student1": FULL}
    assert (server.course.feedback / "student1" / "scale" / "scale.html").read_bytes() == pages
    given = store.find_feedback(server.materials.exchange, older.id)
    assert given is not None and given != store.find_feedback(server.materials.exchange, newer.id)
    assert not list(server.course.older.iterdir())


def test_who_is_late_is_late_in_the_gradebook_too_and_with_an_extension_is_not(server: Site) -> None:
    config = server.course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    attempts = {name: server.submit(name, enqueue=False) for name in ("student1", "student2")}
    engine, due = server.materials.exchange, attempts["student1"].submitted - timedelta(hours=1)
    store.change_policy(engine, COURSE, "scale", Policy(due=due))
    extension = Extension("student2", due + timedelta(hours=2), "ill")
    store.extend(engine, COURSE, "scale", extension)
    server.worker().recover(everything=True)
    server.work()
    assert (server.result(attempts["student1"]).points, server.result(attempts["student1"]).late_penalty) == (0, FULL)
    assert (server.result(attempts["student2"]).points, server.result(attempts["student2"]).late_penalty) == (FULL, 0)


@pytest.mark.parametrize("kind", [SandboxError, ValueError])
def test_a_fault_of_ours_is_tried_again_and_then_shown_to_staff(server: Site, kind: type[Exception]) -> None:
    def fails(*_: object, **__: object) -> None:
        raise kind("it was us")

    attempt = server.submit("student1")
    server.work(grade=fails)
    (job,) = server.jobs(attempt)
    assert (job.state, job.tries) == ("failed", TRIES) and "it was us" in job.error
    assert server.whats(job) == ["enqueued", *["leased", "put back"] * (TRIES - 1), "leased", "failed"]
    table.retry(server.materials.jobs, job.id, who="instructor1")
    server.work()
    assert server.result(attempt).points == FULL


def test_between_tries_there_is_a_growing_pause(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "PAUSES", (100.0, 1000.0))
    attempt, pauses = server.submit("student1"), []
    for later in (0.0, 200.0):
        job = table.lease(server.materials.jobs, "worker", 10, now=time.time() + later)
        assert job is not None and job.subject == attempt.id
        grading.fail(server.materials, job, "ours")
        pauses.append(server.jobs(attempt)[0].not_before - time.time())
        assert not server.worker().work()
    assert 90 < pauses[0] < 101 and 990 < pauses[1] < 1001


def test_one_that_fails_does_not_keep_others_from_being_graded(server: Site) -> None:
    bad = server.submit("student1", {"scale_answer": "# lose the sandbox"})
    good = server.submit("student2")
    server.work()
    assert server.jobs(bad)[0].state == "failed" and server.result(good).points == FULL


def test_a_broken_check_is_tried_again_and_costs_no_points(server: Site) -> None:
    attempt = server.submit("student1", {**SCALE_ANSWERS, "scale_answer": "# break the check"})
    server.work()
    (job,) = server.jobs(attempt)
    assert job.tries == TRIES and server.result(attempt).points == FULL
    assert "check_scale" in job.error and "a line of ours" in job.error  # for staff
    given = store.find_feedback(server.materials.exchange, attempt.id, released_only=True)
    assert given is not None and server.result(attempt).broken[0].task == "scale"


def test_a_file_that_is_damaged_on_our_disk_fails_that_attempt_alone(server: Site) -> None:
    bad, good = server.submit("student1", WRONG), server.submit("student2")
    (file,) = bad.files
    (server.materials.settings.blobs / file.sha256[:2] / file.sha256).write_bytes(b"damaged")
    worker = server.worker()
    while worker.work():
        pass
    assert server.jobs(bad)[0].state == "failed" and "damaged" in server.jobs(bad)[0].error
    assert server.result(good).points == FULL


def test_the_worker_waits_while_somebody_grades_the_course(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    server.submit("student1")
    with only_one(server.course):
        assert is_being_graded(server.course)
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            raise KeyboardInterrupt

        monkeypatch.setattr("assay.serving.worker.time.sleep", nap)
        with pytest.raises(KeyboardInterrupt):
            server.worker().work()
    assert naps and not is_being_graded(server.course)


def test_a_database_that_fails_does_not_end_the_worker(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, worker = server.submit("student1"), server.worker()
    with monkeypatch.context() as patched:
        patched.setattr("assay.serving.worker.lease_some", lose_the_sandbox)
        assert not worker.work_or_wait()
    assert worker.work_or_wait() and server.result(attempt).points == FULL


def test_what_is_released_is_made_ready_before_anybody_submits(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[list[str]] = []
    monkeypatch.setattr(Services, "prepare", lambda _, exercises: ready.append([one.name for one in exercises]))
    monkeypatch.setattr("assay.serving.worker.WARMING", 0.0)
    worker = server.worker()

    def idle() -> int:
        worker.idle()
        for thread in threading.enumerate():
            if thread.daemon and thread is not threading.current_thread():
                thread.join(0.2)
        return len(ready)

    assert [idle(), idle()] == [1, 1] and ready == [["scale"]]
    server.make_stricter()
    assert [idle(), idle()] == [2, 2]
    store.withdraw(server.materials.exchange, COURSE, "scale")
    assert idle() == 2


def test_a_real_worker_grades_in_the_sandbox_and_ends_when_it_is_told(course: Course, tmp_path: Path) -> None:
    with site(tmp_path, course) as server:
        try:
            Services.of(server.course)
        except SandboxError as error:
            pytest.skip(f"not run: {error}")
        first = server.submit("student1", enqueue=False)  # found at the start
        command = [sys.executable, "-m", "assay.serving.grading_worker", "--home", str(server.home), "--course", COURSE]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            others = [server.submit("student2", WRONG), server.submit("student3"), server.submit("student4")]
            while not all(jobs and jobs[-1].state == "done" for jobs in map(server.jobs, (first, *others))):
                assert worker.poll() is None
                time.sleep(0.05)
            assert [server.result(one).points for one in (first, *others)] == [6, 0, 6, 6]
            second = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert second.returncode == 2 and "one a course" in second.stderr
        finally:
            worker.send_signal(signal.SIGTERM)
            _, log = worker.communicate()
        assert worker.returncode == 0, log
        assert "Traceback" not in log
    with open_site(server.home) as again:
        assert not again.worker().work()
