"""A course to attack, with a secret of its own in every place where nothing of a student's may reach."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from assay.course import Course, open_course
from assay.errors import SandboxError
from assay.grading.judges import Judges
from assay.grading.rounds import course_secret
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_release import open_gradebook, release
from assay.notebook.nbgrader_services import Services
from assay.sandbox.isolation import Warm, choose
from tests.support.hostile import ASSIGNMENT, HOSTILE, Hostile, hand_in

SECRETS = ("reference", "checks", "gradebook", "neighbour", "environment", "service")
PORTS = (8765, 8081)  # that the submission `credentials` asks


@dataclass(frozen=True)
class Attacked:
    """The course, what must stay secret in it, and the bytes that reached a service of the grader's machine."""

    course: Course
    secrets: tuple[str, ...]
    services: Services
    asked: list[bytes]

    def grade(self, hostile: Hostile) -> Result:
        """Hand in one submission and grade it; students before it stay in the course."""
        folder = self.course.submitted / hostile.student / ASSIGNMENT
        shutil.rmtree(folder.parent, ignore_errors=True)
        hand_in(hostile, instructors_notebook(), folder)
        results = grade_class(self.course, ASSIGNMENT, hostile.student, force=True, services=self.services)
        assert len(results) == 1
        return results[0]

    def shown_to(self, student: str) -> dict[str, str]:
        """Everything that the student, or anybody who opens the student's work, gets to see."""
        folders = (self.course.feedback / student, self.course.autograded / student)
        paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.course.root)): path.read_text(errors="replace") for path in paths}


def instructors_notebook() -> dict:
    """The instructor's notebook with the solutions in it: honest work."""
    path = HOSTILE / "course" / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook: dict = json.loads(path.read_text())
    return notebook


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """The sandbox of this machine, as a class is graded: every program a fork of a zygote."""
    try:
        tier = choose()
    except SandboxError as error:
        pytest.skip(f"not run: {error}")
    with Warm(tier) as warm:
        yield warm


@pytest.fixture(scope="session")
def judges() -> Iterator[Judges]:
    with Judges() as judges:
        yield judges


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory, warm: Warm, judges: Judges) -> Iterator[Attacked]:
    root = tmp_path_factory.mktemp("attacked") / "course"
    shutil.copytree(HOSTILE / "course", root)
    course = open_course(root)
    planted = {name: f"PLANTED-{name}-{os.urandom(6).hex()}" for name in SECRETS}
    for name in ("reference", "checks"):
        with (course.graders / ASSIGNMENT / f"{name}.py").open("a") as file:
            file.write(f"\n{name.upper()} = {planted[name]!r}\n")
    release(course, ASSIGNMENT)
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("somebody", last_name=planted["gradebook"])
    neighbour = course.submitted / "neighbour" / ASSIGNMENT
    neighbour.mkdir(parents=True)
    (neighbour / f"{ASSIGNMENT}.ipynb").write_text(
        json.dumps(instructors_notebook()).replace("np.array", planted["neighbour"])
    )
    os.environ["ASSAY_PLANTED"] = planted["environment"]
    secrets = (*planted.values(), course_secret(course).hex())
    asked: list[bytes] = []
    with listening(planted["service"], asked):
        yield Attacked(course, secrets, Services(course, warm, judges), asked)
    del os.environ["ASSAY_PLANTED"]


class listening:
    """Services on loopback that would hand out a secret, as a cloud's metadata service does."""

    def __init__(self, secret: str, asked: list[bytes]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                asked.append(self.request.recv(1000))
                self.request.sendall(f"HTTP/1.0 200 OK\r\n\r\n{secret}".encode())

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.servers = []
        for port in PORTS:
            try:
                self.servers.append(Server(("127.0.0.1", port), Handler))
            except OSError:
                continue  # another test process serves the same port; either answers
        self.threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in self.servers]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *exception: object) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()
