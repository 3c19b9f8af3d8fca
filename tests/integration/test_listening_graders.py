"""A grader that runs elsewhere and listens for its worker: one at a time, and for the own user alone."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from assay.course import Course
from assay.errors import SandboxError
from assay.notebook.nbgrader_services import Services
from assay.sandbox.inside.supervise import descendants
from assay.serving import grading
from assay.serving.asking import Grader
from assay.serving.connected import Connected, way_to_grader
from assay.serving.deadlines import Deadlines
from assay.serving.grader_protocol import Begin, Look
from assay.serving.listening import Server
from assay.serving.peers import CHECK, IDLE, WORK, check, reachable
from assay.serving.worker import Worker
from tests.support.servers import NOBODY
from tests.support.serving import COURSE, Site, site, template

pytestmark = pytest.mark.xdist_group("listening graders")
ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-P", "-m", "assay.serving.grader"]
HANGING = """
import time
from pathlib import Path
while Path({place!r}).exists():
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    found = template(tmp_path_factory.mktemp("template"))
    try:
        Services.of(found)
    except SandboxError as error:
        pytest.skip(f"not run: {error}")
    return found


@dataclass(frozen=True)
class Elsewhere:
    """A site, and the place where its grader listens or will."""

    server: Site
    place: Path

    @property
    def way(self) -> Connected:
        found = way_to_grader(self.server.materials.settings, replace(self.server.of, grader=str(self.place)))
        assert isinstance(found, Connected)
        return found

    @contextmanager
    def listening(self) -> Iterator[subprocess.Popen[bytes]]:
        root = str(self.server.course.root)
        command = [*MODULE, "--course-root", root, "--name", COURSE, "--listen", str(self.place)]
        with open(self.place.with_name("log"), "ab") as log:
            grader = subprocess.Popen(command, cwd=ROOT, stderr=log)
        try:
            yield grader
        finally:
            below = descendants(grader.pid)
            grader.send_signal(signal.SIGTERM)
            grader.wait()
            assert not any(Path(f"/proc/{one}").exists() for one in below)

    def checked(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*MODULE, "--check", str(self.place)], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def elsewhere(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    with site(tmp_path, course) as found:
        yield Elsewhere(found, tmp_path / "grader")


def until(true: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


def answers(elsewhere: Elsewhere) -> str:
    try:
        return check(str(elsewhere.place))
    except SandboxError:
        return ""


def test_a_worker_is_served_again_after_each_of_them_has_restarted(
    elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = elsewhere.server
    first = server.submit("student1")
    assert elsewhere.checked().returncode == 2
    with Grader(COURSE, elsewhere.way) as grader:
        worker = Worker(server.materials, grader.ask, 1)
        done: list[bool] = []
        working = threading.Thread(target=lambda: done.append(worker.work()))
        working.start()
        until(lambda: "Submissions wait until it does" in caplog.text, "a word on what the worker waits for")
        with elsewhere.listening():
            working.join()
            assert done == [True] and server.result(first).points == 6
            assert "is there" in caplog.text and "a worker is connected" in elsewhere.checked().stdout
        second = server.submit("student2")
        with elsewhere.listening():
            while server.jobs(second)[0].state != "done":
                worker.work_or_wait()
            grader.ask(Begin("scale", True))
            grader.close()
            until(lambda: "waits for its worker" in answers(elsewhere), "the end of the first worker")
            with Grader(COURSE, elsewhere.way) as other:
                assert other.ask(Look()) == ""
                with pytest.raises(Exception, match="Nothing was begun"):
                    Worker(server.materials, other.ask, 1).ask(_lay_out())
    assert server.result(second).points == 6 and caplog.text.count("Submissions wait") == 1


def _lay_out():  # type: ignore[no-untyped-def]
    from assay.serving.grader_protocol import LayOut

    return LayOut("student1", "2026-11-21T00:00:00.000000Z", (), None, 0.0, None)


def test_a_worker_that_hangs_up_ends_a_grader_that_hangs(elsewhere: Elsewhere) -> None:
    server = elsewhere.server
    hang, config = server.course.root / "hang", server.course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + HANGING.format(place=str(hang)))
    with elsewhere.listening() as listener, Grader(COURSE, elsewhere.way) as grader:
        worker = Worker(server.materials, grader.ask, 1)
        grader.start()
        (process, *_) = descendants(listener.pid)
        hang.touch()
        grader.deadlines = Deadlines(short=2.0, begin=2.0)
        attempt = server.submit("student1")
        while (job := server.jobs(attempt)[0]).tries == 0:
            worker.work_or_wait()
        assert job.state == "waiting" and "had not answered" in job.error
        until(lambda: not Path(f"/proc/{process}").exists(), "the end of the grader that hangs")
        assert listener.poll() is None
        hang.unlink()
        grader.deadlines = Deadlines()
        assert worker.work() and server.result(attempt).points == 6


def test_one_worker_is_served_at_a_time_and_whoever_asks_how_it_is_does_not_wait(elsewhere: Elsewhere) -> None:
    with elsewhere.listening() as listener:
        until(lambda: answers(elsewhere), "a grader that listens")
        with Grader(COURSE, elsewhere.way) as first:
            first.start()
            with (
                pytest.raises(SandboxError, match="not ready after 1 s"),
                Grader(COURSE, elsewhere.way, Deadlines(start=1.0)) as second,
            ):
                second.start()
            assert answers(elsewhere) == "It listens, and a worker is connected."
            assert first.ask(Look()) == ""
            again = elsewhere.checked()
            assert (again.returncode, again.stdout) == (0, "It listens, and a worker is connected.\n")
            second_listener = subprocess.run(listener.args, cwd=ROOT, capture_output=True, text=True)  # type: ignore[call-overload]
            assert second_listener.returncode == 2 and "Another grader listens" in second_listener.stderr
        until(lambda: not descendants(listener.pid), "the end of what was started")


def test_a_socket_that_was_left_behind_is_replaced(elsewhere: Elsewhere) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(elsewhere.place))
    with elsewhere.listening():
        until(lambda: answers(elsewhere), "a grader that listens")
        assert elsewhere.place.stat().st_mode & 0o777 == 0o600
    assert not elsewhere.place.exists()


@pytest.mark.parametrize("place", ["{}/none/grader", "{}/" + "x" * 120])
def test_where_nobody_can_listen_that_is_said(tmp_path: Path, place: str) -> None:
    command = [*MODULE, "--course-root", "/", "--name", "x", "--listen", place.format(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "Nobody can listen at" in done.stderr and "Traceback" not in done.stderr


def as_nobody(program: str, *words: str) -> subprocess.Popen[str]:
    own = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-I", "-c", program]
    return subprocess.Popen([*own, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A folder that other users can enter."""
    with tempfile.TemporaryDirectory(prefix="assay-grader-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_only_the_own_user_is_let_in(elsewhere: Elsewhere, for_all: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("not run: only root can be another user, too")
    knock = (
        "import socket, sys; s = socket.socket(1); s.connect(sys.argv[1])\n"
        "try: s.sendall(b'w'); print(s.recv(1))\nexcept ConnectionError: print(b'')"
    )
    elsewhere = replace(elsewhere, place=for_all / "grader")
    with elsewhere.listening() as listener:
        until(lambda: answers(elsewhere), "a grader that listens")
        refused = as_nobody(knock, str(elsewhere.place))
        assert refused.communicate()[0] == "" and refused.returncode != 0
        elsewhere.place.chmod(0o666)
        ignored = as_nobody(knock, str(elsewhere.place))
        assert ignored.communicate()[0] == "b''\n"
        assert not descendants(listener.pid)
        assert "is not let in" in elsewhere.place.with_name("log").read_text()


def test_a_worker_says_nothing_to_another_users_program(elsewhere: Elsewhere, for_all: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("not run: only root can be another user, too")
    posing = (
        "import socket, sys; s = socket.socket(1); s.bind(sys.argv[1]); s.listen(); c, _ = s.accept(); print(c.recv(1))"
    )
    elsewhere = replace(elsewhere, place=for_all / "grader")
    for_all.chmod(0o777)
    pose = as_nobody(posing, str(elsewhere.place))
    until(elsewhere.place.exists, "a program that poses as a grader")
    with Grader(COURSE, elsewhere.way) as grader, pytest.raises(SandboxError, match="belongs to the user"):
        grader.start()
    assert pose.communicate()[0] == "b''\n"


def test_who_wants_nothing_that_there_is_gets_nothing(elsewhere: Elsewhere) -> None:
    with elsewhere.listening() as listener:
        until(lambda: answers(elsewhere), "a grader that listens")
        for said in (b"x", b""):
            with reachable(str(elsewhere.place)) as line:
                line.sendall(said)
                line.shutdown(socket.SHUT_WR)
                assert line.recv(1) == b""
        with reachable(str(elsewhere.place)) as line:
            line.sendall(WORK)  # and is gone
        until(lambda: "waits for its worker" in answers(elsewhere), "the end of that")
        until(lambda: not descendants(listener.pid), "the end of what was started")


def test_a_real_worker_connects_as_the_settings_say(course: Course, tmp_path: Path) -> None:
    place = tmp_path / "grader"
    with site(tmp_path, course, more=f'grader = "{place}"') as server, Elsewhere(server, place).listening():
        command = [sys.executable, "-P", "-m", "assay.serving.grading_worker", "--home", str(server.home)]
        with open(tmp_path / "worker.log", "wb") as log:
            worker = subprocess.Popen([*command, "--course", COURSE], cwd=ROOT, stderr=log)
        try:
            attempt = server.submit("student1")
            until(lambda: server.jobs(attempt)[0].state == "done", "grading")
            assert server.result(attempt).points == 6
            assert not [
                one for one in descendants(worker.pid) if b"grader" in Path(f"/proc/{one}/cmdline").read_bytes()
            ]
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait() == 0
        assert "Traceback" not in (tmp_path / "worker.log").read_text()


def words(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MODULE, *command], cwd=ROOT, capture_output=True, text=True)


def test_the_course_has_to_be_named() -> None:
    assert words([]).returncode == 2 and "--course-root and --name are needed" in words([]).stderr


def test_a_grader_that_cannot_be_started_is_said_and_the_next_who_comes_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "grader"

    def knock(wanted: bytes) -> bytes:
        with reachable(str(place)) as line:
            line.settimeout(60)
            line.sendall(wanted)
            return line.recv(1)

    async def story() -> list[bytes]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(place))
            listener.listen()
            listener.setblocking(False)
            accepting = asyncio.create_task(Server(["/nowhere/grader"]).accept(listener))
            try:
                return [await asyncio.to_thread(knock, wanted) for wanted in (WORK, CHECK)]
            finally:
                accepting.cancel()

    assert asyncio.run(story()) == [b"", IDLE]
    assert "A worker could not be served: [Errno 2] No such file or directory: '/nowhere/grader'" in caplog.text
    assert "Traceback" not in caplog.text
