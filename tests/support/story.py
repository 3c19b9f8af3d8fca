"""A site that compose.yaml starts, and a submission that goes through it, for the tests of the images."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import requests

from assay.hub.addresses import free_ports
from tests.support import containers
from tests.support import hub as hubs
from tests.support.containers import Engine, Site
from tests.support.hub import Person, Running, wait_for

COURSE, ASSIGNMENT = "deep-learning", hubs.ASSIGNMENT
SENTENCE = "one step is right when there is a single data point"  # of the hidden check that fails
PATIENCE = 900.0  # seconds
GROUP = 4242  # of the engine's socket
FILES = ("compose.yaml", "compose.override.yaml")
ANSWER = r"""
import json, pathlib
(path,) = pathlib.Path("deep-learning/gradient_descent").glob("*.ipynb")
notebook = json.loads(path.read_text())
(cell,) = [one for one in notebook["cells"] if one["cell_type"] == "code" and "def line_step" in "".join(one["source"])]
cell["source"] = '''def line_step(m, b, x, y, lr):
    r = m * x + b - y
    return m + lr * 2 * np.mean(r * x), b + lr * 2 * np.mean(r)'''
path.write_text(json.dumps(notebook))
"""
OVERRIDE = """\
services:
  objects:
    entrypoint: [sh, -c]
    command:
      - >-
        mkdir -p /data/assay && . /run/secrets/keys &&
        exec rclone serve s3 --addr :8333 --auth-key "$$AWS_ACCESS_KEY_ID,$$AWS_SECRET_ACCESS_KEY" /data
    secrets: [{source: object_store_plain, target: keys}]
    healthcheck:
      test: !override [CMD, bash, -c, "exec 3<>/dev/tcp/127.0.0.1/8333"]
secrets:
  object_store_plain: {file: ./secrets/object_store_plain}
"""


@dataclass
class Story:
    """A running site, who is logged in, and what was said on the way."""

    site: Site
    hub: Running
    marker: str  # in the hidden checks, and nowhere else
    passwords: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.site.engine

    def student(self, name: str, *words: str) -> str:
        """A command in the container of a student's server."""
        done = self.engine.inside(f"assay-{name}", *words)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def found(self, container: str, text: str) -> list[str]:
        """Files of a container that hold a text, as its root with all rights sees them."""
        words = ("grep", "-rslF", "--exclude-dir=proc", "--exclude-dir=sys", "--", text, "/")
        return self.engine.run("exec", "--user=root", "--privileged", container, *words).stdout.split()

    def address(self, container: str, network: str) -> str:
        shown = json.loads(self.engine.said("inspect", container))[0]["NetworkSettings"]["Networks"]
        return str(shown[network]["IPAddress"])

    def submitted(self, name: str) -> None:
        """A student fetches, answers, submits, and has the feedback."""
        self.said["fetch"] = self.student(name, "nbgrader", "fetch_assignment", "--course", COURSE, ASSIGNMENT)
        self.student(name, "python3", "-c", ANSWER)
        self.said["submit"] = self.student(name, "nbgrader", "submit", "--course", COURSE, ASSIGNMENT)
        wait_for(lambda: self.feedback(name), "the feedback of the submission", PATIENCE)

    def feedback(self, name: str) -> str:
        """The pages that a student has fetched, empty where there is none yet."""
        self.student(name, "nbgrader", "fetch_feedback", "--course", COURSE, ASSIGNMENT)
        shown = self.engine.inside(f"assay-{name}", "sh", "-c", f"cat {COURSE}/{ASSIGNMENT}/feedback/*/*.html")
        time.sleep(2)
        return shown.stdout if shown.returncode == 0 else ""


@contextmanager
def site_of(engine: Engine, images: Mapping[str, str], podman_compose: str, folder: Path) -> Iterator[Site]:
    """What an operator makes before the first start, and Docker's API; nothing of it is left afterwards."""
    socket = Path(f"/run/assay-{os.getpid()}.sock")  # the path of a socket has at most 107 bytes
    (port,) = free_ports(1)
    chosen = {
        "COURSE": COURSE,
        "TAG": images["hub"].rpartition(":")[2],
        "DOCKER_GROUP": str(GROUP),
        "DOCKER_SOCKET": str(socket),
        "ADDRESS": f"127.0.0.1:{port}",
        "POSTGRES_IMAGE": images["postgres"],
        "OBJECTS_IMAGE": images["objects"],
    }
    made = containers.make_site(engine, folder, chosen, podman_compose)
    (folder / "compose.override.yaml").write_text(OVERRIDE)
    plain = folder / "secrets" / "object_store_plain"
    plain.write_text((folder / "secrets" / "object_store").read_text())
    plain.chmod(0o600)
    with engine.answering(socket, GROUP):
        try:
            yield made
        finally:
            end(made)
            socket.unlink(missing_ok=True)


def end(site: Site) -> None:
    """Of all containers, with all that they kept."""
    end_servers(site)
    site.compose("down", "--volumes", files=FILES)
    site.engine.run("rm", "--all", "--force", "--time=5")
    site.engine.run("volume", "rm", "--all", "--force")


def end_servers(site: Site) -> None:
    """Of the users' servers, which outlive the Hub, and are in its network."""
    servers = site.engine.said("ps", "--all", "--quiet", "--filter=label=org.assay.server").split()
    if servers:
        site.engine.said("rm", "--force", "--time=5", *servers)


def begin(site: Site, course: Path) -> Story:
    """From an empty engine to accounts of an instructor and two students, who are logged in."""
    marker = f"hidden {secrets.token_hex(16)}"
    hubs.make_course(course, COURSE, (ASSIGNMENT,))
    with (course / "graders" / ASSIGNMENT / "checks.py").open("a") as checks:
        checks.write(f"\n# {marker}\n")
    _readable(course)
    volume = f"--volume={course}:/from:ro"
    site.compose("run", "--rm", "--no-deps", "-T", volume, "grader", "cp", "-r", "/from/.", "/srv/course", files=FILES)
    site.compose("up", "--detach", "--no-build", files=FILES)
    made = Story(site, hub_of(site), marker)
    wait_for_hub(made)
    for name in ("instructor1", "student1", "student2"):
        printed = site.engine.said("exec", site.container("hub"), "assay", "user", name)
        password = re.search(r"\b[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}\b", printed)
        assert password, printed
        made.passwords[name] = password[0]
    log_in(made)
    return made


def hub_of(site: Site, scheme: str = "http") -> Running:
    """The Hub of a site, as whoever visits it sees it."""
    found = re.search(r"ADDRESS=(.*)", (site.folder / ".env").read_text())
    assert found
    nobody = cast("subprocess.Popen[str]", None)
    return Running(site.folder, site.folder, f"{scheme}://{found[1]}", nobody, site.folder / "none")


def log_in(story: Story, session: Callable[[], requests.Session] = requests.Session) -> None:
    for name, password in story.passwords.items():
        story.people[name] = story.hub.log_in(name, password, session())


def wait_for_hub(story: Story, session: Callable[[], requests.Session] = requests.Session) -> None:
    wait_for(lambda: _healthy(story.site, story.hub.url, session()), "the Hub in its container", PATIENCE)


def release(story: Story) -> str:
    """As formgrader's button does, in the instructor's browser."""
    instructor, path = story.people["instructor1"], f"/services/{COURSE}/formgrader"
    instructor.visit(f"{path}/manage_assignments").raise_for_status()
    answer = instructor.post(f"{path}/api/assignment/{ASSIGNMENT}/release")
    assert answer.status_code == 200, answer.text
    return answer.text


def _readable(folder: Path) -> None:
    """For the user of the containers, who is not the one of the test."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _healthy(site: Site, url: str, session: requests.Session) -> bool:
    try:
        return session.get(f"{url}/hub/health", timeout=30).status_code == 200
    except requests.ConnectionError:
        state = site.engine.said("inspect", "--format={{.RestartCount}} {{.State.Running}}", site.container("hub"))
        assert state.split() == ["0", "true"], site.log("hub")
        time.sleep(3)
        return False
