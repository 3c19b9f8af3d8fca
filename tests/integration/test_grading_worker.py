"""The grading worker at a real course, gradebook and exchange: most of it with a stand-in judge, once in a sandbox."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from assay.course import Course
from assay.errors import Refusal, SandboxError
from assay.exchange import store
from assay.exchange.policy import Extension, Policy
from assay.exchange.records import Attempt
from assay.jobs import table
from assay.jobs.table import TRIES
from assay.notebook.nbgrader_class import only_one
from assay.notebook.nbgrader_services import Services
from assay.serving import grading, pages_shown, queue, regrade_reports, regrades
from assay.serving.regrades import Asked
from assay.serving.worker import Worker
from tests.support import class_runs
from tests.support.notebooks import SCALE_ANSWERS
from tests.support.serving import COURSE, WRONG, Site, open_site, site, template

pytestmark = pytest.mark.xdist_group("grading worker")
ROOT = Path(__file__).parents[2]
FULL = 6.0  # of the points that checks give
SCORES = """
    SELECT submitted_assignment.student_id, sum(coalesce(grade.auto_score, 0)) FROM grade
    JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
    JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id GROUP BY 1
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def server(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    with site(tmp_path, course) as found:
        yield found


def gradebook(course: Course) -> dict[str, float]:
    with closing(sqlite3.connect(course.gradebook)) as connection:
        return dict(connection.execute(SCORES).fetchall())


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
    assert server.jobs(right)[0].version == f"{result.suite}.{result.round}"
    assert result.round == right.submitted.date().isoformat() and len(result.report) == 64
    assert server.result(wrong).points == 0 and server.result(wrong).report != result.report
    assert gradebook(server.course) == {"student1": FULL, "student2": 0}
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
            (job,) = server.jobs(attempt)
            early.append((job.state, job.result, "scale agrees" in pages_shown._found(places, attempt)))
            return class_runs.run(*arguments, **options)

        server.work(run_notebook=look)
        ((state, told, seen),) = early
        assert state == "leased" and "0/4 scale agrees with the reference" in told and seen == shown
        assert server.result(attempt).points == 0


def test_a_check_that_could_not_judge_is_not_told_early(server: Site) -> None:
    attempt = server.submit("student1", {"scale_answer": "break the check"})
    early: list[str] = []

    def look(*arguments: object, **options: object) -> str:
        early.extend(job.result for job in server.jobs(attempt))
        return class_runs.run(*arguments, **options)

    server.work(run_notebook=look)
    assert early == [""] * TRIES


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
        lambda materials, services, tasks, processes: (
            together.append(([task.attempt.id for task in tasks], processes)),
            grading.grade_together(materials, services, tasks, 1),
        ),
    )
    worker = server.worker(2)
    while worker.work():
        pass
    assert together == [([one.id for one in first], 2), ([one.id for one in second], 2)]
    assert set(gradebook(server.course).values()) == {FULL}
    assert all(server.result(one).counts for one in (*first, *second))


def test_an_older_attempt_never_takes_the_place_of_a_newer_one(server: Site) -> None:
    older = server.submit("student1", WRONG, enqueue=False)
    newer = server.submit("student1")
    server.work()
    pages = (server.course.feedback / "student1" / "scale" / "scale.html").read_bytes()
    server.worker().recover(everything=True)
    server.work()
    assert (server.result(newer).points, server.result(newer).counts) == (FULL, True)
    assert server.result(older).points < FULL and not server.result(older).counts
    assert gradebook(server.course) == {"student1": FULL}
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


def lose_the_sandbox(*_: object, **__: object) -> None:
    raise SandboxError("The sandbox was lost.")


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
        assert grading.is_being_graded(server.course)
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            raise KeyboardInterrupt

        monkeypatch.setattr("assay.serving.worker.time.sleep", nap)
        with pytest.raises(KeyboardInterrupt):
            server.worker().work()
    assert naps and not grading.is_being_graded(server.course)


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
    make_stricter(server)
    assert [idle(), idle()] == [2, 2]
    store.withdraw(server.materials.exchange, COURSE, "scale")
    assert idle() == 2


def ask(server: Site, **asked: object) -> regrades.Regrade:
    return regrades.ask(server.materials.places, server.of, Asked(**asked), by="instructor1")  # type: ignore[arg-type]


def report(server: Site, regrade: regrades.Regrade) -> regrade_reports.RegradeReport:
    return regrade_reports.report(server.materials.jobs, server.of.grading, regrade)


def make_stricter(server: Site) -> None:
    checks = server.course.graders / "scale" / "checks.py"
    checks.write_text(checks.read_text() + "# stricter\n")


def graded_class(server: Site) -> list[Attempt]:
    server.submit("student1", WRONG)
    attempts = [
        server.submit("student1"),
        server.submit("student2"),
        server.submit("student3", {"shift_answer": "# no"}),
    ]
    server.work()
    return attempts


def test_after_a_change_of_the_suite_a_regrade_says_whose_score_changed(server: Site) -> None:
    attempts = graded_class(server)
    make_stricter(server)
    regrade = ask(server, assignment="scale", reason="a check was too lenient")
    assert [one.student for one in regrades.members(server.materials.jobs, regrade)] == [a.student for a in attempts]
    assert not report(server, regrade).over
    server.work()
    found = report(server, regrade)
    assert found.over and (found.total, found.done) == (3, 3)
    assert {(one.student, one.before, one.after) for one in found.changes} >= {("student1", 6, 4), ("student2", 6, 4)}
    assert all(one.why.startswith("the suite changed") for one in found.changes)
    assert ("shift", 2.0, 0.0) in found.changes[0].tasks
    assert gradebook(server.course)["student1"] == 4
    assert all(len(server.jobs(one)) == 2 for one in attempts)
    page = server.course.regrade(regrade.id, "html").read_text()
    assert "a check was too lenient" in page and "student2" in page and "<td>6</td><td>4</td>" in page
    data = json.loads(server.course.regrade(regrade.id, "json").read_text())
    assert (data["done"], len(data["changes"])) == (3, len(found.changes))
    again = ask(server, assignment="scale")
    assert report(server, again).over and not report(server, again).changes
    assert all(len(server.jobs(one)) == 2 for one in attempts)  # nothing to be done


def test_a_regrade_with_the_same_suite_and_draws_changes_nothing(server: Site) -> None:
    graded_class(server)
    before = gradebook(server.course)
    found = report(server, ask(server, assignment="scale"))
    assert found.over and not found.changes
    assert not server.worker().work() and gradebook(server.course) == before


def test_a_suite_that_is_changed_back_is_graded_with_once_more(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    original = (server.course.graders / "scale" / "checks.py").read_text()
    make_stricter(server)
    ask(server, assignment="scale")
    server.work()
    assert gradebook(server.course) == {"student1": 4}
    (server.course.graders / "scale" / "checks.py").write_text(original)
    regrade = ask(server, assignment="scale")
    server.work()
    assert gradebook(server.course) == {"student1": FULL} and len(server.jobs(attempt)) == 3
    assert [(one.before, one.after) for one in report(server, regrade).changes] == [(4, 6)]


def test_the_final_regrade_draws_what_nobody_has_seen(server: Site) -> None:
    unlucky = server.submit("student1", {**SCALE_ANSWERS, "scale_answer": "# unlucky"})
    lucky = server.submit("student2")
    server.work()
    regrade = ask(server, assignment="scale", fresh_draws=True, reason="final")
    server.work()
    found = report(server, regrade)
    assert [(one.attempt, one.before, one.after) for one in found.changes] == [(unlucky.id, 6, 4)]
    assert found.changes[0].why.startswith("other draws") and server.result(lucky).round == f"fresh-{regrade.id}"
    after = ask(server, assignment="scale")  # goes on with the draws of the final one
    assert report(server, after).over and not report(server, after).changes


def test_one_attempt_or_one_student_can_be_graded_again(server: Site) -> None:
    old, new, *_ = server.submit("student1", WRONG), server.submit("student1"), server.submit("student2")
    server.work()
    make_stricter(server)
    one = ask(server, attempt=old.id)
    student = ask(server, assignment="scale", student="student1")
    server.work()
    assert [member.attempt for member in regrades.members(server.materials.jobs, one)] == [old.id]
    assert [member.attempt for member in regrades.members(server.materials.jobs, student)] == [new.id]
    assert not server.result(old).counts and gradebook(server.course) == {"student1": 4, "student2": 6}
    for wrong in ({"attempt": "0" * 32}, {"assignment": "none"}, {}, {"assignment": "scale", "student": "nobody"}):
        with pytest.raises(Refusal):
            ask(server, **wrong)
    assert len(regrades.of_course(server.materials.jobs, COURSE)) == 2


def test_who_submits_does_not_wait_for_a_regrade_and_is_not_overwritten_by_it(server: Site) -> None:
    old = server.submit("student1", WRONG)
    server.work()
    make_stricter(server)
    ask(server, assignment="scale")
    new = server.submit("student1")
    worker = server.worker()
    assert worker.work() and server.jobs(new)[0].state == "done" and server.jobs(old)[-1].state == "waiting"
    assert worker.work() and not server.result(old).counts
    assert gradebook(server.course) == {"student1": 4}


def test_a_regrade_that_a_crash_kept_from_being_enqueued_is_done_all_the_same(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = server.submit("student1")
    server.work()
    make_stricter(server)
    with monkeypatch.context() as patched, pytest.raises(SandboxError):
        patched.setattr(regrades, "_enqueue", lose_the_sandbox)
        ask(server, assignment="scale")
    assert len(server.jobs(attempt)) == 1
    server.worker().recover()
    server.work()
    (regrade,) = regrades.of_course(server.materials.jobs, COURSE)
    assert report(server, regrade).over and regrade.reported and len(server.jobs(attempt)) == 2


def test_a_regrade_tells_who_could_not_be_graded_and_is_reported_when_they_were(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    make_stricter(server)
    regrade = ask(server, assignment="scale")
    server.work(grade=lose_the_sandbox)
    assert report(server, regrade).failed == ("student1",)
    assert "Could not be graded: student1" in server.course.regrade(regrade.id, "html").read_text()
    table.retry(server.materials.jobs, server.jobs(attempt)[-1].id, who="instructor1")
    server.work()
    assert (
        report(server, regrade).done == 1 and "Could not" not in server.course.regrade(regrade.id, "html").read_text()
    )


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
        assert not Worker(again.materials, again.worker().services, 1).work()
