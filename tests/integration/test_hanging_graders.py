"""A grader that hangs is ended and started anew; the jobs in hand are ours to do again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.errors import SandboxError
from assay.hub import shut_in
from assay.jobs import table
from assay.jobs.table import TRIES
from assay.serving.asking import Grader
from assay.serving.deadlines import Deadlines
from assay.serving.enclosed import Enclosed
from assay.serving.grader_protocol import Begin, Grade, Look
from assay.serving.worker import Worker
from tests.support.answering import answering
from tests.support.serving import COURSE, Site

pytestmark = pytest.mark.xdist_group("hanging graders")
HANGING = """
import time
from pathlib import Path
while Path({place!r}).exists():
    time.sleep(0.05)
"""
SILENT = {
    "says nothing more": "time.sleep(10**6)",
    "says a little for ever": "[(os.write(0, bytes(1)), time.sleep(0.01)) for _ in range(10**9)]",
    "stops in the middle": "os.write(0, struct.pack('!II', 1000, 0)); time.sleep(10**6)",
}


def ended(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


@pytest.mark.parametrize("enclosed", [True, False])
def test_a_course_that_hangs_is_ended_and_graded_when_it_does_so_no_more(
    server: Site, enclosed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not enclosed:
        monkeypatch.setattr(shut_in, "grading_broken", lambda *_: "not wanted here")
    hang, config = server.course.root / "hang", server.course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + HANGING.format(place=str(hang)))
    way = Enclosed(server.materials.settings, server.of)
    with Grader(COURSE, way) as grader:
        worker = Worker(server.materials, grader.ask, 1)
        first = server.submit("student1")
        assert worker.work() and server.result(first).points == 6
        process = way.process
        assert process is not None
        hang.touch()
        grader.deadlines = Deadlines(short=2.0, begin=2.0)
        second = server.submit("student1")
        while (job := server.jobs(second)[0]).tries == 0:
            worker.work_or_wait()
        assert job.state == "waiting" and "had not answered" in job.error and ended(process)
        hang.unlink()
        grader.deadlines = Deadlines()
        assert worker.work() and server.result(second).points == 6
        assert server.whats(server.jobs(second)[0]) == ["enqueued", "leased", "put back", "leased", "done"]


@pytest.mark.parametrize("how", SILENT)
def test_a_grader_that_keeps_the_line_open_is_not_waited_for_for_ever(
    server: Site, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shut_in, "grading_broken", lambda *_: "not needed here")
    attempt = server.submit("student1")
    way = Enclosed(server.materials.settings, server.of, answering(SILENT[how]))
    with Grader(COURSE, way, Deadlines(begin=3.0, attempt=0.0)) as grader:
        worker = Worker(server.materials, grader.ask, 1)
        while worker.work():
            pass
    (job,) = server.jobs(attempt)
    assert (job.state, job.tries) == ("failed", TRIES) and "was lost in the middle" in job.error
    table.retry(server.materials.jobs, job.id, who="instructor1")
    server.work()
    assert server.result(attempt).points == 6


def test_one_that_is_never_ready_is_not_waited_for_for_ever(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shut_in, "grading_broken", lambda *_: "not needed here")
    way = Enclosed(server.materials.settings, server.of, [sys.executable, "-c", "import time; time.sleep(10**6)"])
    with Grader(COURSE, way, Deadlines(start=1.0)) as grader, pytest.raises(SandboxError, match="not ready after 1 s"):
        grader.start()
    assert way.process is None


def test_one_that_reads_nothing_is_not_waited_for_either(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shut_in, "grading_broken", lambda *_: "not needed here")
    deaf = answering("pass")[-1].replace("while True:", "time.sleep(10**6)\nwhile True:")
    way = Enclosed(server.materials.settings, server.of, [sys.executable, "-I", "-c", deaf])
    with Grader(COURSE, way, Deadlines(short=1.0)) as grader:
        grader.start()
        with pytest.raises(SandboxError, match="Look after 1 s"):
            grader.ask(Look(), [bytes(2**26)])


def test_grading_may_take_as_long_as_the_course_allows_but_not_for_ever() -> None:
    deadlines = Deadlines(short=1.0, begin=10.0, attempt=1000.0)
    class_of_five = Grade(tuple("abcde"), "2026-11-21", 2)
    assert deadlines.of(Look(), 100.0) == 1.0 and deadlines.of(Begin("scale", True), 100.0) == 10.0
    assert deadlines.of(class_of_five, deadlines.said("100")) == 310.0
    assert [deadlines.said(text) for text in ("999999999", "-1", "nan", "1e3", "", "²")] == [1000.0] * 6


def test_the_grader_says_what_its_course_allows(server: Site) -> None:
    settings = server.course.graders / "scale" / "exercise.toml"
    grader = server.worker().ask
    before = int(grader(Begin("scale", True)))
    settings.write_text(
        settings.read_text() + "\n[limits]\nseconds = 1120\n" if settings.exists() else "[limits]\nseconds = 1120\n"
    )
    assert int(grader(Begin("scale", True))) == before + 2 * 3 * 1000
    settings.write_text("seconds")
    assert int(grader(Begin("scale", True))) == before  # grading says what is wrong with it
