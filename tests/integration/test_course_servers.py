"""The instructors' server of one course, run by a real Hub: it reaches its own course, and nothing of another's."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("websocket", reason="not run: needs the hub extra")

from assay.course import Course
from assay.hub import machine, own_port, shut_in
from assay.settings import CourseSettings, Settings, load
from tests.support.grading import HONEST, exercise_in
from tests.support.notebooks import answer, locked_code, marker, notebook, submit
from tests.support.servers import NOBODY, as_ordinary_user, attempts_in, got, plant_state
from tests.support.small_hub import REPOSITORY, SmallHub, small_hub

pytestmark = pytest.mark.xdist_group("course_servers")
WAYS = ("terminal", "kernel")
WITHOUT_IDMAPPING = REPOSITORY / "tests" / "support" / "without_idmapping.py"
CONFIG = """
from assay.notebook.nbgrader import configure

c = get_config()
configure(c)
c.CourseDirectory.course_id = "course-a"
c.CourseDirectory.root = {root!r}
"""


@dataclass(frozen=True)
class Site:
    """A server with two courses."""

    hub: SmallHub
    own: Course
    other: Course
    found: dict[str, dict[str, Any]]  # what breaking out came to, by way
    grades: bool = True  # whether a sandbox holds within

    @property
    def home(self) -> Path:
        return self.hub.home


def a_course(root: Path) -> Course:
    """A tiny course with one honest submission."""
    course = exercise_in(root).course
    cells = [locked_code("import numpy as np", "imports")]
    for task, points in {"double": 4.0, "total": 2.0}.items():
        cells += [answer(HONEST[f"{task}_answer"], f"{task}_answer"), marker(task, points)]
    (course.source / "tiny" / "tiny.ipynb").write_text(json.dumps(notebook(*cells)))
    submit(course, "student1", "tiny", notebook(*cells))
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)))
    return course


@pytest.fixture(scope="module", params=["as-we-are", "ordinary-user", "root-without-idmapping"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    if request.param != "as-we-are" and os.geteuid() != 0:
        pytest.skip("not run: we are an ordinary user already")
    before = {"as-we-are": [], "root-without-idmapping": [sys.executable, str(WITHOUT_IDMAPPING)]}
    root = Path(tempfile.mkdtemp(prefix="assay-site-"))  # which another user can enter
    root.chmod(0o755)
    try:
        own, other = a_course(root / "a"), a_course(root / "b")
        home = own.root / "server"  # where it lies if nobody chooses another place
        plant_state(home, f'[courses.course-a]\nroot = "{own.root}"\n[courses.course-b]\nroot = "{other.root}"\n')
        settings = load(home, {})
        if reason := shut_in.course_broken(settings, settings.courses[0]):
            pytest.skip(f"not run: nothing can be shut in here: {reason}")
        if request.param == "ordinary-user":
            before["ordinary-user"] = as_ordinary_user()
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(root)], check=True)
        with small_hub(home, begin=before[request.param], courses=["course-a"]) as hub:
            yield replace(tried_on(hub, own, other), grades=request.param != "root-without-idmapping")
    finally:
        shutil.rmtree(root)


def tried_on(hub: SmallHub, own: Course, other: Course) -> Site:
    server = "/services/course-a/"
    hub.until(lambda: hub.ask("GET", f"{server}api/status").status_code == 200, "the server of the course")
    hub.put(hub.start("student1"), "own.txt", "student1's own")
    plan = {
        "read": [*secrets_of(hub.home, other), *(f"/proc/1/root{path}" for path in secrets_of(hub.home, other))]
        + [f"/proc/{hub.process.pid}/environ", "/etc/shadow", "/proc/kcore", str(REPOSITORY / ".git")]
        + [str(own.graders / "tiny" / "checks.py"), "/usr/bin/env"],
        "write": [sys.prefix, sys.base_prefix, str(machine.PACKAGE), "/usr/bin", "/etc", "/dev"]
        + ["/etc/hosts", "/proc/sys/kernel/domainname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]
        + [str(machine.PACKAGE / "errors.py"), str(Path(sys.executable).resolve()), str(other.root), str(hub.home)]
        + [str(own.root), "/tmp"],
        "processes": [hub.process.pid, int(hub.model("student1")["servers"][""]["state"]["pid"])],
        "markers": ["PLANTED_SECRET", "configurable-http-proxy", "student1", str(other.root)],
        "urls": [
            *((f"{hub.url}/hub/api{path}", True) for path in ("/users", "/users/student1", "/services")),
            (f"{hub.url}/user/student1/api/contents", True),
            (f"{hub.url}/services/exchange/api/v1/health", True),
        ],
        "nodes": ["/dev/null", "/dev/urandom", "/dev/tty"],
    }
    return Site(hub, own, other, attempts_in(hub, server, plan))


def secrets_of(home: Path, other: Course) -> list[str]:
    """What is there on this machine and must not be read by the instructors of the other course."""
    state = ["settings.toml", "secrets", "secrets/receipts.pem", "hub", "hub/cookie_secret", "hub/jupyterhub.sqlite"]
    state += ["exchange/exchange.sqlite", "jobs.sqlite", "homes", "homes/student1", "homes/student1/own.txt"]
    of_other = [other.graders / "tiny" / "checks.py", other.source, other.submitted / "student1", other.root]
    return [*(str(home / name) for name in state), *map(str, of_other)]


@pytest.mark.parametrize("way", WAYS)
def test_only_the_own_course_can_be_read(site: Site, way: str) -> None:
    assert all(Path(path).exists() for path in secrets_of(site.home, site.other))
    assert got(site.found[way]["read"]) == {str(site.own.graders / "tiny" / "checks.py"), "/usr/bin/env"}


@pytest.mark.parametrize("way", WAYS)
def test_only_the_own_course_can_be_written(site: Site, way: str) -> None:
    assert got(site.found[way]["write"]) == {str(site.own.root), "/tmp"}
    assert not got(site.found[way]["nodes"])
    assert {Path(name).stat().st_mode & 0o777 for name in site.found[way]["nodes"]} == {0o666}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_else_on_the_machine_can_be_seen_or_touched(site: Site, way: str) -> None:
    found = site.found[way]
    assert not got(found["signal"]) and not got(found["trace"])
    assert found["seen"] == []
    privileges = got(found["privileges"]) - {"user namespace"}  # which the sandbox of grading needs, and gives nothing
    assert not privileges and set(found["capabilities"].values()) == {"0" * 16}
    assert found["user"] != 0 and found["no new privileges"] == "1"


@pytest.mark.parametrize("way", WAYS)
def test_its_token_is_no_key_to_users(site: Site, way: str) -> None:
    answers = dict(site.found[way]["answers"])
    assert answers.pop(f"{site.hub.url}/services/exchange/api/v1/health") == 200
    assert len(answers) == 4 and set(answers.values()) <= {302, 403, 404}


def test_grading_inside_finds_a_sandbox(site: Site) -> None:
    commands = "nbgrader generate_assignment tiny --force; nbgrader autograde tiny --create"
    said = site.hub.in_terminal("/services/course-a/", commands, 300)
    if not site.grades:
        assert "nothing is graded" in said
        return
    with sqlite3.connect(site.own.gradebook) as book:
        scores = book.execute("select auto_score from grade").fetchall()
    assert sorted(score for (score,) in scores) == [2.0, 4.0], said
    assert site.own.gradebook.stat().st_uid == site.own.root.stat().st_uid
    assert (site.own.autograded / "student1" / "tiny" / "tiny.ipynb").is_file()


def test_formgrader_answers(site: Site) -> None:
    for path in ("lab", "formgrader/manage_assignments", "formgrader/api/assignments", "formgrader/gradebook"):
        answer = site.hub.ask("GET", f"/services/course-a/{path}")
        assert answer.status_code == 200, path
    assert [one["name"] for one in site.hub.ask("GET", "/services/course-a/formgrader/api/assignments").json()] == [
        "tiny"
    ]


def test_nothing_outlives_a_killed_hub(site: Site) -> None:  # the last of these, because it ends the Hub
    processes = own_port.descendants(site.hub.process.pid)
    assert any(b"singleuser" in Path(f"/proc/{one}/cmdline").read_bytes() for one in processes)
    site.hub.process.kill()
    deadline = time.monotonic() + 60
    while left := [one for one in processes if Path(f"/proc/{one}/exe").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_the_installation_in_a_course_folder_cannot_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("source", "assay", ".venv", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "Makefile").write_text("all:")
    monkeypatch.setattr(machine, "PACKAGE", tmp_path / "assay")
    course = CourseSettings("course-a", tmp_path)
    words = shut_in.course(Settings(home=tmp_path / "server", courses=(course,)), course).arguments
    bound = [words[place + 1 : place + 3] for place, word in enumerate(words) if word == "--ro-bind"]
    for name in (".git", ".venv", "Makefile", "assay"):
        assert (str(tmp_path / name),) * 2 in bound
    assert (str(tmp_path / "source"),) * 2 not in bound
