"""Courses and people with nbgrader's commands at a real exercise server: what `assay serve` gives each of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from assay.course import Course
from tests.support.exchange_server import Running, token_of
from tests.support.notebooks import scale_course
from tests.support.warm_python import WarmPython

ROOT = Path(__file__).parents[2]
OF_THE_HUB = """
from assay.exchange.nbgrader_plugins import configure
configure(c)
"""
OF_A_COURSE = """
c = get_config()
from assay.notebook.nbgrader import configure
configure(c)
c.CourseDirectory.course_id = "{name}"
c.CourseDirectory.root = "{root}"
c.LateSubmissionPlugin.penalty_method = "zero"
"""


@dataclass(frozen=True)
class Person:
    """Somebody with a folder to work in: a student with a home, or the service of a course in its folder."""

    name: str  # of the token
    folder: Path
    server: Running
    python: WarmPython

    @property
    def environment(self) -> dict[str, str]:
        """What the Hub gives to a server of theirs."""
        place = self.folder.parent / f"{self.folder.name}.jupyter"
        places = {name: str(place / name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")}
        user = {} if self.name.startswith("service-") else {"JUPYTERHUB_USER": self.name}
        hub = {"ASSAY_EXCHANGE_URL": self.server.url, "JUPYTERHUB_API_TOKEN": token_of(self.name)}
        return {"JUPYTER_CONFIG_PATH": str(place), "HOME": str(self.folder), **places, **user, **hub}

    def run(self, *command: str, status: int = 0) -> str:
        """What a program printed."""
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        ended, printed = self.python.run([*command], self.folder, environment)
        assert ended == status, printed
        return printed

    def nbgrader(self, *arguments: str, status: int = 0) -> str:
        return self.run("nbgrader", *arguments, status=status)

    def assay(self, *arguments: str, status: int = 0) -> str:
        return self.run("assay.cli", *arguments, status=status)


def student(server: Running, python: WarmPython, name: str, root: Path) -> Person:
    """A student with an empty home."""
    return _person(server, python, name, root / name)


def course_of(server: Running, python: WarmPython, name: str, root: Path) -> tuple[Course, Person]:
    """A course with the assignment `scale`, and its service."""
    course = scale_course(root / name)
    (course.root / "nbgrader_config.py").write_text(OF_A_COURSE.format(name=name, root=course.root))
    return course, _person(server, python, f"service-{name}", course.root)


def _person(server: Running, python: WarmPython, name: str, folder: Path) -> Person:
    folder.mkdir(exist_ok=True)
    place = folder.parent / f"{folder.name}.jupyter"
    place.mkdir()
    (place / "nbgrader_config.py").write_text(f"c = get_config()\n{OF_THE_HUB}")
    return Person(name, folder, server, python)
