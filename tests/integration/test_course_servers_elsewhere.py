"""A course's server that the Hub does not start: same roles and rights, and no course folder here."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")

from assay.hub import accounts
from assay.hub.addresses import free_ports
from assay.settings import load
from tests.support import hub as hubs
from tests.support.hub import Person, Running
from tests.support.servers import NOBODY, as_ordinary_user

pytestmark = pytest.mark.xdist_group("course servers elsewhere")
EXCHANGE = "/services/exchange/api/v1"
PEOPLE = ("student1", "instructor1", "instructor2")
SETTINGS = """
admins = ["operator"]

[courses.physics]
root = "/nowhere/physics"
grader = "/nowhere/grader.sock"
server = "http://127.0.0.1:{port}"
instructors = ["instructor1"]
students = ["student1"]

[courses.logic]
root = "/nowhere/logic"
grader = "/nowhere/grader.sock"
server = "http://127.0.0.1:{other}"
instructors = ["instructor2"]
"""


@dataclass(frozen=True)
class Site:
    """A Hub without any course folder, and the server of one of its courses, which somebody else started."""

    hub: Running
    people: dict[str, Person]
    token: str  # of the course
    log: Path
    process: subprocess.Popen[bytes]

    def status(self, method: str, path: str, body: object = None) -> int:
        return self.hub.ask(method, path, self.token, json=body).status_code


def started(folder: Path, hub: Running, port: int) -> subprocess.Popen[bytes]:
    """The server as its container runs it: an ordinary user, and what the operator gave it."""
    token = folder / "token"
    token.write_text(hub.service_token("physics"))
    before = []
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder / "physics"), str(token)], check=True)
        before = as_ordinary_user()
    token.chmod(0o400)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder / "physics"),
        "JUPYTER_RUNTIME_DIR": str(folder / "physics" / ".run"),
        "JUPYTERHUB_API_TOKEN_FILE": str(token),
        "JUPYTERHUB_API_URL": f"{hub.url}/hub/api",
        "ASSAY_EXCHANGE_URL": f"{hub.url}/services/exchange",
    }
    words = ["--elsewhere", "--course", "physics", "--root", str(folder / "physics"), "--port", str(port)]
    command = [*before, sys.executable, "-P", "-m", "assay.hub.course_server", *words]
    with open(folder / "server.log", "wb") as log:
        return subprocess.Popen(command, cwd=hubs.ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="assay-site-") as name:  # which another user can enter
        folder = Path(name)
        folder.chmod(0o755)
        hubs.make_course(folder / "physics", "physics")
        port, other = free_ports(2)
        hubs.write_settings(folder / "home", SETTINGS.format(port=port, other=other))
        with hubs.running(folder, folder / "home") as hub:
            settings = load(hub.home, {})
            passwords = {name: accounts.set_new_password(settings, name) for name in PEOPLE}
            process = started(folder, hub, port)
            try:
                hubs.wait_for(lambda: answers(port, process, folder / "server.log"), "the server of the course")
                people = {name: hub.log_in(name, password) for name, password in passwords.items()}
                yield Site(hub, people, hub.service_token("physics"), folder / "server.log", process)
            finally:
                process.terminate()
                process.wait()


def answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return requests.get(f"http://127.0.0.1:{port}/services/physics/api", timeout=60).ok
    except requests.ConnectionError:
        return False


def test_an_instructor_opens_formgrader(site: Site) -> None:
    page = site.people["instructor1"].visit("/services/physics/formgrader/manage_assignments")
    assert page.status_code == 200 and "formgrader" in page.text, site.log.read_text()[-3000:]
    assert site.people["instructor1"].visit("/services/physics/lab").status_code == 200
    listed = site.people["instructor1"].get("/services/physics/formgrader/api/assignments")
    assert [one["name"] for one in listed.json()] == [hubs.ASSIGNMENT]


@pytest.mark.parametrize("who", ["student1", "instructor2"])
@pytest.mark.parametrize("path", ["formgrader/", "lab", "api/contents"])
def test_others_are_refused(site: Site, who: str, path: str) -> None:
    assert site.people[who].visit(f"/services/physics/{path}").status_code == 403


def test_nobody_gets_in_without_the_hub(site: Site) -> None:
    answer = requests.get(f"{site.hub.url}/services/physics/api/contents", timeout=60)
    assert answer.status_code == 403
    assert site.hub.ask("GET", "/services/physics/api/contents", "0" * 64).status_code == 403


def test_the_course_may_do_what_it_may_elsewhere_too(site: Site) -> None:
    members = "/hub/api/groups/nbgrader-physics"
    assert site.hub.ask("GET", f"{EXCHANGE}/courses", site.token).json() == [{"name": "physics", "role": "instructor"}]
    assert site.status("GET", members) == 200
    assert site.status("POST", f"{members}/users", {"users": ["instructor1"]}) == 200
    assert site.status("DELETE", f"{members}/users", {"users": ["instructor1"]}) in (200, 204)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hub/api/users"),
        ("POST", "/hub/api/groups/nbgrader-logic/users"),
        ("POST", "/hub/api/groups/formgrade-physics/users"),
        ("POST", "/hub/api/users/student1/tokens"),
        ("GET", "/services/logic/api/contents"),
        ("GET", f"{EXCHANGE}/courses/logic/assignments"),
    ],
)
def test_and_nothing_more(site: Site, method: str, path: str) -> None:
    assert site.status(method, path, {"users": ["student1"]}) in (403, 404, 503)  # 503: nobody started that one


def test_formgrader_releases_through_the_exchange(site: Site) -> None:
    instructor = site.people["instructor1"]
    instructor.visit("/services/physics/formgrader/manage_assignments").raise_for_status()
    for step in ("assign", "release"):
        answer = instructor.post(f"/services/physics/formgrader/api/assignment/{hubs.ASSIGNMENT}/{step}")
        assert answer.json()["success"], answer.json()
    listed = site.hub.ask("GET", f"{EXCHANGE}/courses/physics/assignments", site.token).json()
    assert [one["name"] for one in listed] == [hubs.ASSIGNMENT]


def test_the_worker_says_what_it_waits_for(site: Site) -> None:
    log = site.hub.home / "hub" / "hub.log"
    ends = time.monotonic() + 120
    while "The grader of physics does not answer at /nowhere/grader.sock" not in log.read_text():
        assert time.monotonic() < ends
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["--course", "x"], {}, "--home is needed"),
        (["--elsewhere", "--course", "x"], {}, "--elsewhere needs --root"),
        (["--elsewhere", "--course", "x", "--root", "/"], {}, "JUPYTERHUB_API_URL is '', which is no address"),
        (["--elsewhere", "--course", "x", "--root", "/"], {"JUPYTERHUB_API_URL": "http://hub/"}, "/hub/api"),
        (["--elsewhere", "--course", "x", "--root", "/"], {"JUPYTERHUB_API_TOKEN_FILE": "/none"}, "cannot be read"),
        (["--elsewhere", "--course", "x", "--root", "/"], {"ASSAY_EXCHANGE_URL": "hub"}, "which is no address"),
        (["--elsewhere", "--course", "x", "--root", "/"], {"JUPYTERHUB_API_TOKEN": ""}, "There is no token"),
        (["--elsewhere", "--course", "x", "--root", "/proc"], {"JUPYTERHUB_API_TOKEN": "x"}, "is not a course"),
    ],
)
def test_what_is_missing_is_said(words: list[str], variables: dict[str, str], said: str) -> None:
    given = {"JUPYTERHUB_API_URL": "http://hub:1/hub/api", "ASSAY_EXCHANGE_URL": "http://hub:2/services/exchange"}
    before = as_ordinary_user() if os.geteuid() == 0 else []
    command = [*before, sys.executable, "-P", "-m", "assay.hub.course_server", *words]
    environment = {"PATH": os.environ["PATH"], **(given if variables else {}), **variables}
    done = subprocess.run(command, cwd=hubs.ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_it_is_not_for_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("not run: we are an ordinary user")
    command = [sys.executable, "-P", "-m", "assay.hub.course_server", "--elsewhere", "--course", "x", "--root", "/"]
    done = subprocess.run(command, cwd=hubs.ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "not for root" in done.stderr
