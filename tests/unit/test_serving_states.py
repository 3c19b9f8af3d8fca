"""From jobs to what students and staff read: states, results, reasons, pages."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, event

from assay.errors import JobError
from assay.exchange import store
from assay.exchange.api import Caller
from assay.exchange.api import Exchange as Served
from assay.exchange.blobs import open_blobs
from assay.exchange.policy import Policy
from assay.exchange.records import State
from assay.exchange.tables import open_database
from assay.jobs import table
from assay.jobs.table import enqueue, fail, finish, get, history, lease, tell
from assay.serving import held as holding
from assay.serving import pages_shown
from assay.serving.held import held
from assay.serving.pages_html import FEEDBACK_POLICY, POLICY, page
from assay.serving.processes import the_only
from assay.serving.queue import round_of, version
from assay.serving.regrade_reports import why
from assay.serving.regrades import Places
from assay.serving.results import BrokenCheck, GradingResult, TaskResult, for_staff, latest_done, read, written
from assay.serving.states import states
from assay.serving.wake import wait, wake, woken
from assay.settings import Settings
from tests.unit.test_exchange_store import NOON, Exchange

TASKS = (TaskResult("scale", "scale", 3.0, 4.0, True), TaskResult("scale", "explained", None, 1.0, False))
RESULT = GradingResult("a" * 32, "2026-11-21", TASKS, 0.5, True, True, (), ("warned",), "f" * 64, 0.25)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Engine]:
    engine = table.opened(f"sqlite:///{tmp_path}/jobs.sqlite")
    yield engine
    engine.dispose()


def leased(engine: Engine) -> table.Job:
    return lease_of(engine, "grading-a")


def lease_of(engine: Engine, kind: str) -> table.Job:
    job = lease(engine, "worker", 10, kind=kind)
    assert job is not None
    return job


async def nobody(_: object) -> Any:
    raise AssertionError("nobody calls")


def test_the_state_of_an_attempt_follows_its_jobs(jobs: Engine) -> None:
    names = ("done", "failed", "first", "told", "second", "third")
    for name in names:
        enqueue(jobs, "grading-a", name, "1.r")
    enqueue(jobs, "grading-b", "other", "1.r")
    finish(jobs, leased(jobs), "{}")
    fail(jobs, leased(jobs), "ours", again=False)
    leased(jobs)
    tell(jobs, leased(jobs), "what the checks found")
    found = states(jobs, [*names, "unknown", "other"])
    assert found == {
        "done": State("graded"),
        "failed": State("failed"),
        "first": State("grading"),
        "told": State("checked"),
        "second": State("queued", 0),
        "third": State("queued", 1),
        "other": State("queued", 0),  # of another course, whose queue is its own
    }


def test_who_has_a_result_keeps_it_while_it_is_graded_again(jobs: Engine) -> None:
    enqueue(jobs, "grading-a", "attempt", "1.r")
    finish(jobs, leased(jobs), "{}")
    enqueue(jobs, "grading-a", "attempt", "2.r")
    assert states(jobs, ["attempt"]) == {"attempt": State("graded")}
    fail(jobs, leased(jobs), "ours", again=False)
    assert states(jobs, ["attempt"]) == {"attempt": State("graded")}


def test_who_waits_sees_the_job_that_comes_first(jobs: Engine) -> None:
    for name in ("one", "two", "three"):
        enqueue(jobs, "grading-a", name, "1.r")
        enqueue(jobs, "grading-a", name, "2.fresh", priority=10)
    tell(jobs, leased(jobs), "what the checks found")
    places = {"one": State("checked"), "two": State("queued", 0), "three": State("queued", 1)}
    assert states(jobs, ["one", "two", "three"]) == places
    fail(jobs, leased(jobs), "ours", again=False)
    assert states(jobs, ["two"]) == {"two": State("queued", 2)}


def test_a_result_is_read_as_it_was_written() -> None:
    broken = replace(RESULT, broken=(BrokenCheck("scale", "check_scale", "scale", "Traceback"),))
    for result in (RESULT, broken):
        assert read(written(result)) == result
    assert (RESULT.points, RESULT.maximum) == (2.5, 5.0)
    assert "check_scale" in for_staff(broken.broken) and for_staff(()) == ""
    for damaged in ("", "[]", "{}", written(RESULT).replace("tasks", "tusks")):
        with pytest.raises(JobError, match="damaged"):
            read(damaged)


def test_the_latest_result_is_the_one_that_was_done_last(jobs: Engine) -> None:
    first, second = (enqueue(jobs, "grading-a", "attempt", f"{number}.r") for number in (1, 2))
    fail(jobs, leased(jobs), "ours", again=False)
    finish(jobs, leased(jobs), "{}", now=10.0)
    table.retry(jobs, first.id, who="staff")
    finish(jobs, leased(jobs), "{}", now=20.0)
    found = latest_done([get(jobs, first.id), get(jobs, second.id)])
    assert found is not None and found.id == first.id
    assert latest_done([enqueue(jobs, "grading-a", "other", "1.r")]) is None


def test_a_version_names_suite_and_round(jobs: Engine) -> None:
    job = enqueue(jobs, "grading-a", "attempt", version("a" * 32, "2026-11-21") + ".regrade")
    assert round_of(job) == "2026-11-21"


@pytest.mark.parametrize(
    "after, reason",
    [
        (replace(RESULT, suite="b" * 32), "the suite changed (aaaaaaaa to bbbbbbbb)"),
        (replace(RESULT, round="fresh-1"), "other draws (2026-11-21 to fresh-1)"),
        (
            replace(RESULT, suite="b" * 32, round="fresh-1"),
            "the suite changed (aaaaaaaa to bbbbbbbb); other draws (2026-11-21 to fresh-1)",
        ),
        (replace(RESULT, late_penalty=0.0), "another penalty for being late"),
        (replace(RESULT, tasks=(TASKS[0], replace(TASKS[1], points=1.0))), "a person gave other points"),
    ],
)
def test_a_report_says_why_a_score_can_have_changed(after: GradingResult, reason: str) -> None:
    assert why(RESULT, after) == reason


def test_where_nothing_should_have_changed_staff_are_told_so() -> None:
    assert "nothing should have changed" in why(RESULT, replace(RESULT, tasks=TASKS))
    assert why(None, RESULT) == "graded for the first time"


def test_a_worker_is_woken(tmp_path: Path) -> None:
    wake(tmp_path, "grading-a")  # nobody is there yet
    (tmp_path / "grading-a").write_text("no pipe")
    with woken(tmp_path, "grading-a") as pipe:
        assert not wait(pipe, 0)
        for _ in range(70_000):  # more than a pipe holds: nobody who submits has to wait
            wake(tmp_path, "grading-a")
        assert wait(pipe, 0)
        later = threading.Timer(0.05, wake, (tmp_path, "grading-a"))
        while wait(pipe, 0):
            pass
        later.start()
        assert wait(pipe, 60)
        later.join()
    wake(tmp_path, "grading-a")  # nobody reads: nothing happens


def test_a_job_in_hand_is_kept(jobs: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "RENEWED", 0.01)
    enqueue(jobs, "grading-a", "attempt", "1.r")
    job = leased(jobs)
    with held(jobs, [job]):
        while get(jobs, job.id).leased_until <= job.leased_until:
            time.sleep(0.01)


def test_who_is_told_to_end_gives_back_what_is_not_done(jobs: Engine) -> None:
    for name in ("one", "two"):
        enqueue(jobs, "grading-a", name, "1.r")
    first, second = leased(jobs), leased(jobs)
    with pytest.raises(KeyboardInterrupt), held(jobs, [first, second]):
        finish(jobs, first, "{}")
        raise KeyboardInterrupt
    assert get(jobs, first.id).state == "done"
    assert (get(jobs, second.id).state, get(jobs, second.id).tries) == ("waiting", 0)
    assert [event.what for event in history(jobs, second.id)] == ["enqueued", "leased", "put back"]


def test_there_is_one_worker_of_a_course(tmp_path: Path) -> None:
    place = tmp_path / "wake" / "grading-a.lock"
    with the_only(place), pytest.raises(JobError, match="one a course"), the_only(place):
        pass
    with the_only(place):
        assert os.path.exists(place)


def test_a_lock_that_cannot_be_had_is_not_taken_for_another_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("assay.serving.processes.fcntl.flock", refuses)
    with pytest.raises(JobError, match=r"cannot be locked .*No locks available"), the_only(tmp_path / "a.lock"):
        pass
    (tmp_path / "wake").write_text("no folder")
    with pytest.raises(JobError, match="cannot be locked"), the_only(tmp_path / "wake" / "a.lock"):
        pass
    with pytest.raises(JobError, match="cannot be made"), woken(tmp_path / "wake", "a"):
        pass


def test_no_text_of_a_course_passes_for_an_event_in_the_log() -> None:
    code = "from assay.serving import processes as p; p.log_to_stderr(); p.logging.error('lost:\\n2026-11-21 all well')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert said.endswith(" root ERROR lost:\n    2026-11-21 all well\n")


def test_a_page_escapes_and_allows_its_own_style_and_script_only() -> None:
    text = page("<b>", "<p>ours</p>", live='"><script>', back='/"><script>')
    assert (
        "<h1>&lt;b&gt;</h1>" in text
        and 'href="/&quot;&gt;&lt;script&gt;"' in text
        and '<main data-live="&quot;&gt;&lt;script&gt;">' in text
    )
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in POLICY
    assert "unsafe" not in POLICY and POLICY.startswith("default-src 'none'")
    assert FEEDBACK_POLICY.startswith("sandbox; default-src 'none'") and "script" not in FEEDBACK_POLICY
    assert "<script>" not in page("still", "")


def test_a_list_of_submissions_asks_the_jobs_as_often_for_many_as_for_one(jobs: Engine, tmp_path: Path) -> None:
    asked: list[str] = []
    event.listen(jobs, "before_cursor_execute", lambda *of: asked.append(of[2]))
    with open_database(f"sqlite:///{tmp_path}/exchange.sqlite") as engine, open_blobs(tmp_path / "blobs") as blobs:
        course = Exchange(engine, blobs)
        course.release(Policy())
        exchange = Served(engine, blobs, Ed25519PrivateKey.generate(), ("course",), nobody, nobody)
        places = Places(Settings(tmp_path), engine, jobs)
        counts = []
        for number in range(1, 4):
            attempt = course.submit(homework=str(number))
            enqueue(jobs, "grading-course", attempt.id, "1.r")
            finish(jobs, lease_of(jobs, "grading-course"), written(RESULT))
            with course.upload(page="<p>") as upload:
                store.give_feedback(engine, attempt.id, upload, NOON, released=True)
            asked.clear()
            live, content = pages_shown.submissions(exchange, places, "/x/", Caller("student1", "user"))
            counts.append(len(asked))
            assert live and content.count("2.5 of 5") == number
    assert counts[0] == counts[2] > 0
