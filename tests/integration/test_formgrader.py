"""formgrader on a real server: its button grades through Assay, and its pages show no script of a student's."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from bs4 import BeautifulSoup

from assay.course import Course
from assay.grading.rounds import load_report
from assay.notebook.nbgrader_release import release
from tests.support import gradebook
from tests.support.notebooks import SCALE_ANSWERS, answered, code, released, scale_course, submit

ROOT = Path(__file__).parents[2]
SCRIPT = "<script>FORGED()</script><img src=x onerror='FORGED()'>[x](javascript:FORGED())"
SHOWN = f"from IPython.display import HTML\nHTML({SCRIPT!r})"


@dataclass(frozen=True)
class Server:
    """A running server with formgrader in it."""

    course: Course
    address: str
    token: str

    def ask(self, path: str, method: str = "GET") -> str:
        headers = {"Authorization": f"token {self.token}"}
        request = Request(f"{self.address}/formgrader/{path}", method=method, headers=headers)
        with urlopen(request, data=b"" if method == "POST" else None, timeout=120) as answer:
            return str(answer.read().decode())

    def api(self, path: str, method: str = "GET") -> object:
        return json.loads(self.ask(f"api/{path}", method))


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("formgrader")
    root.chmod(0o755)
    course = scale_course(root / "course")
    config = (ROOT / "nbgrader_config.py").read_text()
    (course.root / "nbgrader_config.py").write_text(f'{config}\nc.Exchange.root = "{root / "exchange"}"\n')
    (root / "exchange").mkdir()
    (root / "exchange").chmod(0o777)
    release(course, "scale")
    theirs = answered(released(course, "scale"), {**SCALE_ANSWERS, "order_explained": SCRIPT})
    theirs["cells"].append(code(SHOWN, id="html"))
    submit(course, "hostile", "scale", theirs)
    token, port = secrets.token_hex(16), free_port()
    command = [
        sys.executable, "-m", "jupyter_server", "--allow-root", "--ServerApp.open_browser=False",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={course.root}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]  # fmt: skip
    homes = {
        name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=course.root,
            env={**os.environ, **homes, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            running = Server(course, f"http://127.0.0.1:{port}", token)
            await_answer(running, process, root / "log")
            yield running
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_answer(server: Server, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            server.api("status")
            return
        except URLError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def graded(server) -> Server:
    outcome = server.api(f"submission/scale/{quote('hostile')}/autograde", "POST")
    assert outcome["success"], outcome
    return server


def test_assignments_are_listed(server):
    (assignment,) = server.api("assignments")
    assert (assignment["name"], assignment["max_score"]) == ("scale", 7)


def test_its_pages_open(server):
    for page in ("manage_assignments", "gradebook", "manage_students", "manage_submissions/scale"):
        assert "Formgrader" in server.ask(page) or "formgrader" in server.ask(page)


def test_its_button_grades_through_assay(graded):
    (submission,) = graded.api("submissions/scale")
    assert submission["autograded"]
    assert (submission["score"], submission["needs_manual_grade"]) == (6, True)
    assert load_report(graded.course, "scale", "hostile") is not None
    scores = {row[2]: row[3] for row in gradebook.rows(graded.course) if len(row) == 8}
    assert scores == {"scale": 4, "shift": 2, "order_explained": None}


def test_a_submission_is_shown_without_the_students_script(graded):
    (notebook,) = graded.api("submitted_notebooks/scale/scale")
    page = BeautifulSoup(graded.ask(f"submissions/{notebook['id']}/"), "html.parser")
    assert "passed, 4 of 4 points" in page.get_text()
    assert "FORGED" in page.get_text()
    assert not [tag for tag in page.find_all("script") if "FORGED" in tag.get_text()]
    assert not page.find_all("img", src="x")
    values = [str(value) for tag in page.find_all(True) for value in tag.attrs.values()]
    assert not [value for value in values if "FORGED" in value]


def test_feedback_is_written_by_its_button(graded):
    outcome = graded.api("assignment/scale/hostile/generate_feedback", "POST")
    assert outcome["success"], outcome
    assert "passed, 4 of 4 points" in (graded.course.feedback / "hostile" / "scale" / "scale.html").read_text()
