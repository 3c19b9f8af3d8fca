"""The grader of a course is shut in with it: what an instructor writes there reaches nothing of the server, and what it
answers is kept only where it is an answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.course import Course
from assay.exchange import store
from assay.exchange.records import Attempt
from assay.hub import shut_in
from assay.jobs.table import TRIES
from assay.sandbox.inside.supervise import descendants
from assay.serving import enclosed, grading
from assay.serving.asking import Grader
from assay.serving.enclosed import Enclosed
from assay.serving.worker import Worker
from tests.support.answering import answering
from tests.support.notebooks import SCALE_ANSWERS, scale_course
from tests.support.servers import NOBODY, as_ordinary_user
from tests.support.serving import COURSE, Site, open_site, site
from tests.support.spying import SECRET, outside, spying

pytestmark = pytest.mark.xdist_group("contained grading")
ROOT = Path(__file__).parents[2]
NOT_SCALED = {"scale_answer": "def scale(x, factor):\n    return x"}


def until(true: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


def states(home: Path) -> list[str]:
    """Of all jobs, as anybody can see who may read the database."""
    with closing(sqlite3.connect(f"file:{home / 'jobs.sqlite'}?mode=ro", uri=True)) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM job ORDER BY id")]


@contextmanager
def working(home: Path, course: Course, before: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """A worker as the Hub starts it, with a secret in its environment, until the block ends."""
    command = [sys.executable, "-P", "-m", "assay.serving.grading_worker", "--home", str(home), "--course", COURSE]
    keys = dict.fromkeys(("JUPYTERHUB_API_TOKEN", "ASSAY_PLANTED", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"), SECRET)
    with open(home.parent / "log", "a") as log:
        worker = subprocess.Popen([*before, *command], cwd=ROOT, env={**os.environ, **keys}, stderr=log, text=True)
    try:
        (course.root / "worker").write_text(str(worker.pid))
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()
    assert "Traceback" not in (home.parent / "log").read_text()


@dataclass(frozen=True)
class Spied:
    """What a course that looked around got, and how its students were graded."""

    there: list[str]
    outside: list[str]
    found: dict[str, Any]  # by its configuration
    points: list[float]
    feedback: str  # of the wrong answers, with what its checks got


@pytest.fixture(scope="module", params=["as-we-are", "ordinary-user"])
def spied(request: pytest.FixtureRequest, course: Course) -> Iterator[Spied]:
    if request.param != "as-we-are" and os.geteuid() != 0:
        pytest.skip("not run: we are an ordinary user already")
    folder = Path(tempfile.mkdtemp(prefix="assay-site-"))  # which another user can enter
    folder.chmod(0o755)
    try:
        other = scale_course(folder / "other").root
        with site(folder, course, more=f"[courses.other]\nroot = {json.dumps(str(other))}") as server:
            needs_enclosure(server)
            home, own = server.home, server.course
            attempts = [server.submit("student1"), server.submit("student2", NOT_SCALED), server.submit("student3")]
        with spying(home, own, other) as there:
            before = []
            if request.param == "ordinary-user":
                subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
                before = as_ordinary_user()
            with working(home, own, before):
                from_outside = outside(own)
                until(lambda: set(states(home)) <= {"done", "failed"}, "grading")
        yield looked_at(home, own, attempts, there, from_outside)
    finally:
        shutil.rmtree(folder)


def looked_at(home: Path, own: Course, attempts: list[Attempt], there: list[str], from_outside: list[str]) -> Spied:
    with open_site(home) as server:
        points = [server.result(one).points for one in attempts]
    feedback = (own.feedback / "student2" / "scale" / "scale.html").read_text()
    return Spied(there, from_outside, json.loads((own.root / "found.json").read_text()), points, feedback)


def needs_enclosure(server: Site) -> None:
    if reason := shut_in.grading_broken(server.materials.settings, server.of):
        pytest.skip(f"not run: a grader cannot be shut in here: {reason}")


def test_what_an_instructor_writes_finds_nothing_of_the_server(spied: Spied) -> None:
    assert len(spied.there) == 11 and set(spied.outside) >= set(spied.there)  # where nothing stands in its way
    assert spied.found["got"] == []
    assert spied.found["user"] != 0
    assert "Spied: ." in spied.feedback


def test_and_its_students_are_graded(spied: Spied) -> None:
    assert spied.points == [6, 0, 6]


def graders(worker: int) -> list[int]:
    """The processes of the program itself, below a worker."""
    found = []
    for one in descendants(worker):
        with suppress(OSError):  # it has ended meanwhile
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
            if words[0] == sys.executable.encode() and b"assay.serving.grader" in words:
                found.append(one)
    return found


def test_a_grader_that_is_killed_costs_nobody_anything_and_none_outlives_its_worker(
    course: Course, tmp_path: Path
) -> None:
    with site(tmp_path, course) as server:
        needs_enclosure(server)
        home, root = server.home, server.course.root
        attempt = server.submit("student1")
        with spying(home, server.course, tmp_path), working(home, server.course) as worker:
            (root / "found.json").touch()
            until(lambda: graders(worker.pid), "the start of a grader")
            (root / "hold").touch()
            until(lambda: (root / "held").exists() and states(home) == ["leased"], "grading")
            (grader,) = graders(worker.pid)
            os.kill(grader, signal.SIGKILL)
            (root / "hold").unlink()
            until(lambda: states(home) == ["done"], "grading")
            assert server.result(attempt).points == 6
            whats = server.whats(server.jobs(attempt)[0])
            assert whats == ["enqueued", "leased", "put back", "leased", "done"]
            assert len(store.feedback_history(server.materials.exchange, attempt.id)) == 1
            left = descendants(worker.pid)
            assert graders(worker.pid)
            worker.kill()
            until(lambda: not any(Path(f"/proc/{one}/exe").exists() for one in left), "the end of all of them")


NONSENSE = {
    "bytes": "os.write(0, b'x' * 1000)",
    "no JSON": "send(b'{')",
    "a deep one": "send(b'[' * 10**6)",
    "a flood": "os.write(0, struct.pack('!II', 2**32 - 1, 0))",
    "a flood of files": "os.write(0, struct.pack('!IIQ', 0, 1, 2**40))",
    "an end": "sys.exit()",
    "a question": "send(json.dumps(['Grade', {'students': [], 'round': '', 'processes': 1}]).encode())",
    "nothing": "pass",
    "another student": "send(result(student='student2'), b'x')",
    "another student's words": "send(json.dumps(['Told', {'student': 'student2', 'text': 'x'}]).encode())",
    "too many words": "[send(json.dumps(['Told', {'student': 'student1', 'text': 'x'}]).encode()) for _ in range(99)]",
    "no points": "send(result(seconds=float('nan')), b'x')",
    "points of text": "send(result(late_penalty='0'), b'x')",
    "a field of its own": "send(result(attempt='1'), b'x')",
    "a page elsewhere": "send(result(pages=['../scale.html']), b'x')",
    "a page of another kind": "send(result(pages=['receipt.pem']), b'x')",
    "a page too few": "send(result())",
    "no page": "send(result(pages=[]))",
    "no suite": "send(result(suite='../../x'), b'x')",
}


@pytest.fixture(scope="module")
def served(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("nonsense"), course) as found:
        yield found


def work(server: Site, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do all jobs with a grader that answers like that."""
    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(shut_in, "grading_broken", lambda *_: "not needed here")
    with Grader(COURSE, Enclosed(server.materials.settings, server.of, answering(body))) as grader:
        worker = Worker(server.materials, grader.ask, 1)
        while worker.work():
            pass


@pytest.mark.parametrize("what", NONSENSE)
def test_of_an_answer_that_makes_no_sense_nothing_is_kept(
    served: Site, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = served.submit("student1", SCALE_ANSWERS)
    work(served, NONSENSE[what], monkeypatch)
    (job,) = served.jobs(attempt)
    assert (job.state, job.tries) == ("failed", TRIES) and "grader" in job.error.lower()
    assert job.result in ("", "x")  # at most what the student was told before
    assert store.find_feedback(served.materials.exchange, attempt.id) is None


def test_an_answer_that_makes_sense_is_kept(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = served.submit("student1")
    work(served, "send(result(), b'page')", monkeypatch)
    assert served.result(attempt).points == 4
    assert store.find_feedback(served.materials.exchange, attempt.id) is not None


def test_however_many_warnings_a_student_causes_few_are_kept(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = served.submit("student1")
    work(served, "send(result(warnings=['w' * 2000] * 1990), b'page')", monkeypatch)
    assert served.result(attempt).warnings == ("w" * 1000,) * 20 + ("and 1970 more",)


def test_where_nothing_can_be_shut_in_it_is_graded_all_the_same_and_said_once(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(enclosed.shut_in, "grading_broken", lambda *_: "namespaces are forbidden")
    for name in ("JUPYTERHUB_API_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, SECRET)
    with site(tmp_path, course) as server, Grader(COURSE, Enclosed(server.materials.settings, server.of)) as grader:
        attempt, pid = server.submit("student1"), []
        worker = Worker(server.materials, grader.ask, 1)
        while worker.work():
            assert isinstance(grader.way, Enclosed) and grader.way.process is not None
            pid.append(grader.way.process)
        assert server.result(attempt).points == 6
        assert SECRET.encode() not in Path(f"/proc/{pid[0]}/environ").read_bytes()
    assert not Path(f"/proc/{pid[0]}").exists()
    assert [one.getMessage() for one in caplog.records if "not shut in" in one.getMessage()] == [
        f"The grader of {COURSE} is not shut in here: namespaces are forbidden"
    ]
