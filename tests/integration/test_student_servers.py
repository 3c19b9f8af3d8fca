"""Servers of real users of a real Hub: what one reaches from their own terminal and kernel, and what they do not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("websocket", reason="not run: needs the hub extra")

from assay.hub import machine, own_port, people, shut_in
from assay.settings import load
from tests.support.grading import exercise_in
from tests.support.servers import NOBODY, as_ordinary_user, attempts_in, got, plant_state, ports_of
from tests.support.small_hub import REPOSITORY, SmallHub, small_hub
from tests.support.tiny_selfcheck import write_tiny

pytestmark = pytest.mark.xdist_group("student_servers")
WAYS = ("terminal", "kernel")


@dataclass(frozen=True)
class Site:
    """A server with one course and two users whose servers run."""

    hub: SmallHub
    course: Path
    servers: dict[str, str]  # addresses, by user
    processes: dict[str, int]  # outermost processes of the servers on this machine, by user
    found: dict[str, dict[str, Any]]  # what breaking out came to, by way

    @property
    def home(self) -> Path:
        return self.hub.home


def planted(root: Path) -> Path:
    """A course with everything that must stay secret, and the server's state with the same. Returns its root."""
    course = exercise_in(root / "course").folder.parents[1]
    (course / "gradebook.db").write_bytes(b"gradebook")
    (course / ".assay").mkdir()
    (course / ".assay" / "secret").write_text("secret")
    plant_state(root / "server", f'[courses.deep]\nroot = "{course}"\n')
    return course


@pytest.fixture(scope="module", params=["as-we-are", "ordinary-user"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    ordinary = request.param == "ordinary-user"
    if ordinary and os.geteuid() != 0:
        pytest.skip("not run: we are an ordinary user already")
    root = Path(tempfile.mkdtemp(prefix="assay-site-"))  # which another user can enter
    root.chmod(0o755)
    try:
        course = planted(root)
        reason = shut_in.student_broken(load(root / "server", {}))
        if reason:
            pytest.skip(f"not run: nothing can be shut in here: {reason}")
        if ordinary:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(root)], check=True)
        with small_hub(root / "server", begin=as_ordinary_user() if ordinary else ()) as hub:
            yield tried_on(hub, course)
    finally:
        shutil.rmtree(root)


def tried_on(hub: SmallHub, course: Path) -> Site:
    servers = {user: hub.start(user) for user in ("student1", "student2")}
    processes = {user: int(hub.model(user)["servers"][""]["state"]["pid"]) for user in servers}
    hub.put(servers["student2"], "own.txt", "student2's own")
    with ExitStack() as undo:
        other = undo.enter_context(hub.kernel(servers["student2"]))
        assert other.run("print(1)") == "1\n"
        site = Site(hub, course, servers, processes, {})
        site.found.update(attempts_in(hub, servers["student1"], plan(site)))
    return site


def secrets_of(site: Site) -> list[str]:
    """What is there on this machine and must not be read by a student."""
    home, course = site.home, site.course
    inside = ["graders", "graders/tiny/checks.py", "source", "source/tiny/tiny.ipynb", "gradebook.db", ".assay/secret"]
    state = ["settings.toml", "secrets", "secrets/receipts.pem", "hub", "hub/cookie_secret", "hub/jupyterhub.sqlite"]
    state += ["exchange/exchange.sqlite", "jobs.sqlite", "hub.log", "homes/student2", "homes/student2/own.txt"]
    return [str(course / name) for name in inside] + [str(home / name) for name in state]


def plan(site: Site) -> dict[str, Any]:
    hub, process = site.hub, site.processes["student2"]
    through = [f"/proc/{number}/{name}" for number in (hub.process.pid, process) for name in ("environ", "root", "fd")]
    direct = site.hub.in_terminal(site.servers["student2"], "echo $JUPYTERHUB_SERVICE_URL")
    theirs = f"{hub.url}{site.servers['student2']}api/contents"
    return {
        "read": [
            *secrets_of(site),
            *through,
            *(f"/proc/1/root{path}" for path in secrets_of(site)),
            *("/home/student2", "/etc/shadow", "/etc/gshadow", "/root/.bashrc"),
            *(str(REPOSITORY / name) for name in (".git", "tests", "graders", "README.md")),
            *("/home/student1/plan.json", "/usr/bin/env", str(machine.PACKAGE / "errors.py")),
        ],
        "write": [
            *(sys.prefix, sys.base_prefix, str(machine.PACKAGE), str(Path(sys.executable).parent)),
            *("/usr/bin", "/etc", "/", "/home", "/proc/sys/kernel/domainname", "/proc/sysrq-trigger", "/dev"),
            *("/home/student1", "/tmp"),
        ],
        "processes": [hub.process.pid, process],
        "markers": ["PLANTED_SECRET", "configurable-http-proxy", "student2", "/usr/bin/python3-not-there", "break_out"],
        "urls": [
            *((f"{direct}api/contents", own) for own in (False, True)),
            *((theirs, own) for own in (False, True)),
            *((f"{hub.url}/hub/api/users/{user}", True) for user in ("student1", "student2")),
            (f"{hub.url}/hub/api/users", True),
            (f"{hub.url}/services/exchange/api/v1/health", True),
            (f"{hub.url}{site.servers['student1']}api/contents", True),
        ],
    }


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_others_can_be_read(site: Site, way: str) -> None:
    assert all(Path(path).exists() for path in secrets_of(site))
    own = {"/home/student1/plan.json", "/usr/bin/env", str(machine.PACKAGE / "errors.py")}
    assert got(site.found[way]["read"]) == own


@pytest.mark.parametrize("way", WAYS)
def test_nothing_but_the_own_home_can_be_written(site: Site, way: str) -> None:
    assert got(site.found[way]["write"]) == {"/home/student1", "/tmp"}


@pytest.mark.parametrize("way", WAYS)
def test_other_processes_cannot_be_seen_or_touched(site: Site, way: str) -> None:
    found = site.found[way]
    assert not got(found["signal"]) and not got(found["trace"])
    assert "break_out" in found["seen"] or way == "kernel"
    assert not {"PLANTED_SECRET", "configurable-http-proxy", "student2"} & set(found["seen"])


@pytest.mark.parametrize("way", WAYS)
def test_no_privileges_can_be_gained(site: Site, way: str) -> None:
    found = site.found[way]
    assert not got(found["privileges"])
    assert set(found["capabilities"].values()) == {"0" * 16}
    assert found["no new privileges"] == "1"
    assert found["user"] not in (0, None) and 0 not in found["groups"]


@pytest.mark.parametrize("way", WAYS)
def test_others_servers_refuse_and_the_own_ones_answer(site: Site, way: str) -> None:
    answers = site.found[way]["answers"]
    refused = {url: status for url, status in answers.items() if "student2" in url or url.endswith("/users")}
    assert len(refused) == 4 and set(refused.values()) <= {302, 403, 404}
    assert {status for url, status in answers.items() if url not in refused} == {200}


def test_nobody_else_can_talk_to_a_kernel_or_listen_to_it(site: Site) -> None:
    hub, server = site.hub, site.servers["student2"]
    with hub.kernel(server) as kernel, zmq.Context() as context:
        said = kernel.run("import ipykernel, json; print(open(ipykernel.get_connection_file()).read())")
        connection = json.loads(said)
        assert connection["transport"] == "ipc" and not Path(connection["ip"]).parent.is_relative_to(site.home)
        ports = ports_of(site.processes["student2"])
        assert int(hub.in_terminal(server, "echo ${JUPYTERHUB_SERVICE_URL##*:}").partition("/")[0]) in ports
        # The kernel takes at one more port what its own children print, signed; nothing comes out of it.
        for port in ports:
            with context.socket(zmq.SUB) as listener:
                listener.subscribe("")
                listener.linger = 0
                listener.connect(f"tcp://127.0.0.1:{port}")
                assert kernel.run("print('private')") == "private\n"
                assert not listener.poll(500)


def test_each_user_owns_a_home_that_nobody_else_can_enter(site: Site) -> None:
    homes = [site.home / "homes" / user for user in site.servers]
    assert [home.stat().st_mode & 0o777 for home in homes] == [0o700, 0o700]
    owners = {home.stat().st_uid for home in homes}
    if site.home.stat().st_uid == 0:
        assert len(owners) == 2 and min(owners) >= people.FIRST
        assert {Path(f"/proc/{site.processes[user]}").exists() for user in site.servers} == {True}


def test_what_students_need_works(site: Site) -> None:
    hub, server = site.hub, site.servers["student1"]
    hub.in_terminal(server, "mkdir -p tiny")
    with tempfile.TemporaryDirectory() as folder:
        write_tiny(Path(folder))
        hub.put(server, "tiny/test_tiny.py", (Path(folder) / "test_tiny.py").read_text())
        hub.put(server, "tiny/tiny.ipynb", (Path(folder) / "tiny.ipynb").read_text())
    with hub.kernel(server) as kernel:
        assert kernel.run("import numpy, torch; print(numpy.ones(2) @ torch.ones(2).double().numpy())") == "2.0\n"
        kernel.run("%cd tiny\n%load_ext assay.selfcheck")
        kernel.run("def double(x):\n    return 3 * x\n\ndef total(x):\n    return float(x.sum())")
        said = kernel.run("%selfcheck")
        assert "twice 3 is 6" in said and "Two times." in said
        assert "1 and 2 are 3" in said
        kernel.run("open('kept.txt', 'w').write('kept')")
    assert hub.get(server, "tiny/kept.txt") == "kept"
    assert (site.home / "homes" / "student1" / "tiny" / "kept.txt").read_text() == "kept"


def test_lab_comes_up_with_the_tools_of_a_student(site: Site) -> None:
    server = site.servers["student1"]
    page = site.hub.ask("GET", f"{server}lab").text
    config = json.loads(
        page.partition('id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0]
    )
    disabled = set(config["disabledExtensions"])
    assert {f"@jupyter/nbgrader:{name}" for name in ("formgrader", "course-list", "create-assignment")} <= disabled
    assert "@jupyterlab/apputils-extension:announcements" in disabled
    assert "@jupyter/nbgrader:assignment-list" not in disabled
    assert site.hub.ask("GET", f"{server}formgrader").status_code == 404
    assert site.hub.ask("GET", f"{server}formgraders").status_code == 404
    assert site.hub.ask("GET", f"{server}nbgrader_version?version=0.9.6").status_code == 200


def test_a_stopped_server_leaves_no_process_and_keeps_the_home(site: Site) -> None:
    hub = site.hub
    server = hub.start("student@odd.example")
    hub.put(server, "own.txt", "kept")
    process = int(hub.model("student@odd.example")["servers"][""]["state"]["pid"])
    below = own_port.descendants(process)
    assert below
    hub.stop("student@odd.example")
    hub.until(lambda: not any(Path(f"/proc/{one}").exists() for one in (process, *below)), "the end of its processes")
    folder = people.folder_name("student@odd.example")
    assert folder.startswith("student-odd-exam") and "@" not in folder
    assert (site.home / "homes" / folder / "own.txt").read_text() == "kept"


def test_nothing_outlives_a_killed_hub(site: Site) -> None:  # the last of these, because it ends the Hub
    processes = own_port.descendants(site.hub.process.pid)
    assert any(b"singleuser" in Path(f"/proc/{one}/cmdline").read_bytes() for one in processes)
    site.hub.process.kill()
    deadline = time.monotonic() + 60
    while left := [one for one in processes if Path(f"/proc/{one}/exe").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
