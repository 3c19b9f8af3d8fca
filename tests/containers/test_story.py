"""The whole story in containers that compose.yaml starts: released, fetched, submitted, graded, and kept apart."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import requests

from assay.hub.addresses import free_ports
from tests.support import containers
from tests.support import hub as hubs
from tests.support.containers import Engine, Site
from tests.support.hub import Person, Running, wait_for

pytestmark = pytest.mark.xdist_group("containers")

COURSE, ASSIGNMENT = "deep-learning", hubs.ASSIGNMENT
SENTENCE = "one step is right when there is a single data point"  # of the hidden check that fails
PATIENCE = 900.0  # seconds
GROUP = 4242  # of the engine's socket
OPEN = r"""
import socket, sys
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        print(place)
    except OSError:
        pass
"""
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
secrets:
  object_store_plain: {file: ./secrets/object_store_plain}
"""


@dataclass
class Story:
    """A running site, who is logged in, and what was said on the way."""

    site: Site
    hub: Running
    marker: str  # in the hidden checks, and nowhere else
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


@pytest.fixture(scope="module")
def site(
    engine: Engine, images: dict[str, str], podman_compose: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    socket = Path(f"/run/assay-{os.getpid()}.sock")  # the path of a socket has at most 107 bytes
    (port,) = free_ports(1)
    chosen = {
        "COURSE": COURSE,
        "DOCKER_GROUP": str(GROUP),
        "DOCKER_SOCKET": str(socket),
        "ADDRESS": f"127.0.0.1:{port}",
        "HUB_IMAGE": images["hub"],
        "GRADER_IMAGE": images["grader"],
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
            servers = engine.said("ps", "--quiet", "--filter=label=org.assay.server").split()
            engine.run("rm", "--force", "--time=5", *servers)  # they outlive the Hub, and are in its network
            made.compose("down", "--volumes", files=FILES)
            engine.run("rm", "--all", "--force", "--time=5")
            engine.run("volume", "rm", "--all", "--force")
            socket.unlink(missing_ok=True)


FILES = ("compose.yaml", "compose.override.yaml")


@pytest.fixture(scope="module")
def story(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """From an empty engine to a submission that is graded; what happens on the way is asserted in the tests."""
    marker = f"hidden {secrets.token_hex(16)}"
    course = tmp_path_factory.mktemp("course")
    hubs.make_course(course, COURSE, (ASSIGNMENT,))
    with (course / "graders" / ASSIGNMENT / "checks.py").open("a") as checks:
        checks.write(f"\n# {marker}\n")
    readable(course)
    into = (
        "run",
        "--rm",
        "--no-deps",
        "-T",
        f"--volume={course}:/from:ro",
        "grader",
        "cp",
        "-r",
        "/from/.",
        "/srv/course",
    )
    site.compose(*into, files=FILES)
    site.compose("up", "--detach", "--no-build", files=FILES)
    url = f"http://{re.search(r'ADDRESS=(.*)', (site.folder / '.env').read_text())[1]}"  # type: ignore[index]
    nobody = cast("subprocess.Popen[str]", None)
    made = Story(site, Running(site.folder, site.folder, url, nobody, site.folder / "none"), marker)
    wait_for(lambda: healthy(site, url), "the Hub in its container", PATIENCE)
    for name in ("instructor1", "student1", "student2"):
        printed = site.engine.said("exec", site.container("hub"), "assay", "user", name)
        password = re.search(r"\b[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}\b", printed)
        assert password, printed
        made.people[name] = made.hub.log_in(name, password[0])
    release(made)
    for name in ("student1", "student2"):
        made.people[name].start_server()
    made.said["list"] = made.student("student1", "nbgrader", "list", "--course", COURSE)
    made.said["fetch"] = made.student("student1", "nbgrader", "fetch_assignment", "--course", COURSE, ASSIGNMENT)
    made.student("student1", "python3", "-c", ANSWER)
    made.said["submit"] = made.student("student1", "nbgrader", "submit", "--course", COURSE, ASSIGNMENT)
    wait_for(lambda: feedback(made), "the feedback of the submission", PATIENCE)
    return made


def readable(folder: Path) -> None:
    """For the user of the containers, who is not the one of the test."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def healthy(site: Site, url: str) -> bool:
    try:
        return requests.get(f"{url}/hub/health", timeout=30).status_code == 200
    except requests.ConnectionError:
        state = site.engine.said("inspect", "--format={{.RestartCount}} {{.State.Running}}", site.container("hub"))
        assert state.split() == ["0", "true"], site.log("hub")
        time.sleep(3)
        return False


def release(story: Story) -> None:
    """As formgrader's button does, in the instructor's browser."""
    instructor, path = story.people["instructor1"], f"/services/{COURSE}/formgrader"
    instructor.visit(f"{path}/manage_assignments").raise_for_status()
    answer = instructor.post(f"{path}/api/assignment/{ASSIGNMENT}/release")
    assert answer.status_code == 200, answer.text
    story.said["release"] = answer.text


def feedback(story: Story) -> bool:
    story.student("student1", "nbgrader", "fetch_feedback", "--course", COURSE, ASSIGNMENT)
    shown = story.engine.inside("assay-student1", "sh", "-c", f"cat {COURSE}/{ASSIGNMENT}/feedback/*/*.html")
    story.said["feedback"] = shown.stdout
    time.sleep(2)
    return shown.returncode == 0


def test_an_instructor_releases_from_the_server_of_the_course(story: Story) -> None:
    assert json.loads(story.said["release"])["success"]
    assert ASSIGNMENT in story.said["list"]


def test_a_student_finds_what_the_hidden_check_found(story: Story) -> None:
    assert "Fetched" in story.said["fetch"] or ASSIGNMENT in story.said["fetch"]
    assert "ubmitted" in story.said["submit"]
    assert SENTENCE in story.said["feedback"]


def test_the_grader_did_it_and_not_the_hub(story: Story) -> None:
    assert "A worker is served" in story.site.log("grader")
    log = story.engine.inside(story.site.container("hub"), "cat", "/srv/assay/hub/hub.log").stdout
    assert "JupyterHub is now running" in log and "is not shut in here" not in log


def test_hidden_checks_are_in_the_course_volume_alone(story: Story) -> None:
    for service in ("grader", "course"):
        assert f"/srv/course/graders/{ASSIGNMENT}/checks.py" in story.found(story.site.container(service), story.marker)
    others = [
        *(story.site.container(one) for one in ("hub", "postgres", "objects")),
        "assay-student1",
        "assay-student2",
    ]
    assert {one: story.found(one, story.marker) for one in others} == {one: [] for one in others}


def test_secrets_are_with_those_who_need_them(story: Story) -> None:
    folder = story.site.folder / "secrets"
    password = (folder / "postgres_password").read_text()
    key = (folder / "object_store").read_text().rpartition("=")[2].strip()
    token = (folder / "course_token").read_text()
    hub, grader, course = (story.site.container(one) for one in ("hub", "grader", "course"))
    for secret, holders in ((password, {hub}), (key, {hub}), (token, {hub, course})):
        for one in (hub, grader, course, "assay-student1"):
            assert bool(story.found(one, secret)) == (one in holders), one
    for one in ("assay-student1", grader):
        environments = story.engine.inside(one, "sh", "-c", "cat /proc/[0-9]*/environ").stdout
        assert not [secret for secret in (password, key, token) if secret in environments]


def test_a_student_reaches_the_hub_and_nothing_behind_it(story: Story) -> None:
    backend, courses = "assay_backend", "assay_courses"
    behind = {
        "postgres": f"{story.address(story.site.container('postgres'), backend)}:5432",
        "objects": f"{story.address(story.site.container('objects'), backend)}:8333",
        "course": f"{story.address(story.site.container('course'), courses)}:8888",
    }
    names = ["postgres:5432", "objects:8333", f"course-{COURSE}:8888"]
    places = [*behind.values(), *names, "hub:8000"]
    assert story.student("student1", "python3", "-c", OPEN, *places).split() == ["hub:8000"]
    done = story.engine.inside(story.site.container("hub"), "python3", "-c", OPEN, *behind.values(), *names)
    assert set(done.stdout.split()) == {*behind.values(), *names}  # they are there


def test_a_student_has_no_rights_and_no_file_of_another(story: Story) -> None:
    story.student("student2", "sh", "-c", "echo of-student2 > private.txt")
    assert story.found("assay-student1", "of-student2") == []
    assert story.found("assay-student2", "of-student2") == ["/home/jovyan/private.txt"]
    status = dict(
        line.split(":\t", 1)
        for line in story.student("student1", "cat", "/proc/self/status").splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["Uid"].split()[0] == "1000"
    assert story.engine.inside("assay-student1", "touch", "/opt/assay/x").returncode != 0
    assert story.engine.inside("assay-student1", "test", "-e", "/var/run/docker.sock").returncode == 1


def test_the_grader_has_no_network_and_no_rights(story: Story) -> None:
    inside = story.engine.inside(story.site.container("grader"), "cat", "/proc/net/dev").stdout
    assert [line.partition(":")[0].strip() for line in inside.splitlines()[2:]] == ["lo"]
    assert story.engine.inside(story.site.container("grader"), "touch", "/opt/assay/x").returncode != 0


def test_database_and_object_store_are_used(story: Story) -> None:
    hub, postgres, objects = (story.site.container(one) for one in ("hub", "postgres", "objects"))
    tables = story.engine.inside(postgres, "psql", "--username=assay", "--tuples-only", "--command=\\dt *.*", "assay")
    assert "| attempt " in tables.stdout, tables.stderr
    kept = story.engine.inside(objects, "sh", "-c", "find /data/assay/blobs -type f | wc -l")
    assert int(kept.stdout) > 0
    assert story.engine.inside(hub, "sh", "-c", "ls -d /srv/assay/exchange/blobs/??").returncode != 0


def test_everything_is_there_after_a_restart(story: Story) -> None:
    running = story.engine.said("inspect", "--format={{.Id}}", "assay-student1")
    story.site.compose("restart", "hub", files=FILES)
    wait_for(lambda: healthy(story.site, story.hub.url), "the Hub after its restart", PATIENCE)
    wait_for(
        lambda: story.people["student1"].get("/hub/api/users/student1").json()["servers"][""]["ready"],
        "the server that ran on",
        PATIENCE,
    )
    assert story.engine.said("inspect", "--format={{.Id}}", "assay-student1") == running
    assert story.people["student1"].get("/hub/api/user").json()["name"] == "student1"
    again = story.people["student1"]
    again.stop_server()
    again.start_server()
    assert SENTENCE in story.student("student1", "sh", "-c", f"cat {COURSE}/{ASSIGNMENT}/feedback/*/*.html")
