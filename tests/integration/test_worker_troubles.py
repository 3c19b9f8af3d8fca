"""What the worker and its grader do when something around them fails: it is said, and costs nobody else anything."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay.errors import CourseError, ExchangeError, JobError
from assay.exchange import store
from assay.jobs import table
from assay.jobs.table import TRIES
from assay.notebook.nbgrader_services import Services
from assay.serving import api_grading, grading
from assay.serving.grader_protocol import Look, Warm
from assay.serving.worker import SELDOM
from assay.settings import CourseSettings, Settings
from tests.support.exchange_server import PREFIX, exchange_server
from tests.support.serving import COURSE, Site

pytestmark = pytest.mark.xdist_group("worker troubles")
FULL = 6.0


def away(*_: object, **__: object) -> None:
    raise JobError("The database failed.")


@pytest.mark.parametrize("what", ["tell", "finish", "fail"])
def test_a_database_that_fails_at_one_job_is_in_the_log_and_the_job_is_done_again(
    server: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    attempt = server.submit("student1")
    with monkeypatch.context() as patched:
        patched.setattr(table, what, away)
        assert server.worker(**({"grade": away} if what == "fail" else {})).work()
    (job,) = server.jobs(attempt)
    assert f"What came of job {job.id} is not recorded, so it may be done again: The database failed." in caplog.text
    if what == "tell":
        assert server.result(attempt).points == FULL
        return
    assert job.state == "leased" and not server.worker().work()
    table.take_over(server.materials.jobs, server.of.grading)
    server.work()
    assert server.result(attempt).points == FULL and server.jobs(attempt)[0].tries == 2
    assert len(store.feedback_history(server.materials.exchange, attempt.id)) == 1


def test_a_database_that_fails_at_the_start_does_not_make_older_attempts_forgotten(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, worker = server.submit("student1", enqueue=False), server.worker()
    monkeypatch.setattr("assay.serving.worker.RECENT", timedelta(0))  # it is older than that
    with monkeypatch.context() as patched:
        patched.setattr("assay.serving.worker.reconcile", away)
        worker.recover(everything=True)
    worker.recover()
    assert len(server.jobs(lost)) == 1


def test_a_job_that_somebody_else_has_by_now_is_not_spoken_of(
    server: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempt, finish = server.submit("student1"), table.finish

    def too_late(engine, job, *arguments, **options):  # type: ignore[no-untyped-def]
        table.take_over(engine, server.of.grading)
        other = table.lease(engine, "another worker", 60)
        assert other is not None and other.id == job.id
        monkeypatch.setattr(table, "finish", finish)
        finish(engine, job, *arguments, **options)

    monkeypatch.setattr(table, "finish", too_late)
    assert server.worker().work()
    assert server.jobs(attempt)[0].worker == "another worker" and "not recorded" not in caplog.text


def test_a_job_of_an_attempt_that_is_not_there_fails_alone_and_says_so(server: Site) -> None:
    kind = server.of.grading
    lost = table.enqueue(server.materials.jobs, kind, "0" * 32, "submitted.2026-11-21")
    attempt, worker = server.submit("student1"), server.worker(2)
    for _ in range(TRIES):
        assert not worker.work_or_wait()
    job = table.get(server.materials.jobs, lost.id)
    assert (job.state, job.tries) == ("failed", TRIES) and "no such attempt" in job.error
    assert worker.work_or_wait() and server.result(attempt).points == FULL


def test_jobs_that_were_leased_when_something_failed_do_not_wait_for_the_end_of_their_lease(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [server.submit(f"student{number}") for number in range(3)]
    (second,) = server.jobs(attempts[1])

    def companions(*_: object) -> Iterator[object]:
        yield second, attempts[1]
        raise ExchangeError("The database failed.")

    with monkeypatch.context() as patched:
        patched.setattr(grading, "_companions", companions)
        assert not server.worker(2).work_or_wait()
    assert [(job.state, job.tries) for one in attempts for job in server.jobs(one)] == [
        ("waiting", 1),
        ("waiting", 1),
        ("waiting", 0),
    ]
    server.work()
    assert all(server.result(one).points == FULL for one in attempts)


def test_a_lock_that_cannot_be_asked_for_is_not_taken_for_somebody_who_grades(server: Site) -> None:
    server.course.lock.mkdir(parents=True)
    with pytest.raises(CourseError, match=r"cannot be locked .* Remove it"):
        server.worker().ask(Look())


def test_what_fails_every_second_is_not_said_every_second(server: Site, caplog: pytest.LogCaptureFixture) -> None:
    server.course.lock.mkdir(parents=True)
    worker = server.worker()
    assert not any(worker.work_or_wait() for _ in range(5))
    assert len([one for one in caplog.records if "cannot be locked" in one.getMessage()]) == 1
    worker.said = dict.fromkeys(worker.said, time.monotonic() - SELDOM)
    assert not worker.work_or_wait()
    assert len([one for one in caplog.records if "cannot be locked" in one.getMessage()]) == 2


def test_an_exercise_that_cannot_be_used_keeps_no_other_from_being_made_ready(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, ready = server.course, threading.Event()
    shutil.copytree(course.graders / "scale", course.graders / "broken")
    (course.graders / "broken" / "exercise.toml").write_text("no = TOML = at all")
    (course.source / "broken").mkdir()
    shutil.copy2(course.source / "scale" / "scale.ipynb", course.source / "broken" / "broken.ipynb")
    started: list[str] = []

    def prepare(_: Services, exercises: list[object]) -> None:
        started.extend(one.name for one in exercises)  # type: ignore[attr-defined]
        ready.set()

    monkeypatch.setattr(Services, "prepare", prepare)
    server.worker().ask(Warm("2026-11-21", ("broken", "scale")))
    assert ready.wait(60) and started == ["scale"]


def test_a_database_that_fails_is_not_taken_for_a_job_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = table.opened(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    of = CourseSettings(COURSE, Path("/nowhere"))

    def more(exchange):  # type: ignore[no-untyped-def]
        places = api_grading.Places(Settings(tmp_path, (of,)), exchange.engine, jobs)
        return api_grading.handlers(exchange, places, PREFIX)

    failed = table.enqueue(jobs, of.grading, "0" * 32, "1")
    leased = table.lease(jobs, "worker", 60)
    assert leased is not None
    table.fail(jobs, leased, "it was us", again=False)
    with exchange_server(tmp_path, more=more) as server:
        for function in ("get", "retry"):
            with monkeypatch.context() as patched:
                patched.setattr(table, function, away)
                answer = server.call("POST", f"/courses/{COURSE}/jobs/{failed.id}/retry", "instructor1")
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        for number in (failed.id + 1, 10**9, 10**30, "²"):
            answer = server.call("POST", f"/courses/{COURSE}/jobs/{number}/retry", "instructor1")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
        again = server.call("POST", f"/courses/{COURSE}/jobs/{failed.id}/retry", "instructor1")
        assert again.json()["state"] == "waiting"
    jobs.dispose()
