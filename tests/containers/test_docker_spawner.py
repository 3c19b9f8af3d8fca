"""Users' servers in real containers, started by a real Hub through the API of a real engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("dockerspawner", reason="not run: needs the docker extra")

import requests

from assay.hub import accounts, profiles
from assay.hub.addresses import free_ports
from assay.settings import load
from tests.support import podman
from tests.support.hub import Person, Running, end, make_course, start, wait_for, write_settings

pytestmark = pytest.mark.xdist_group("docker_spawner")
IMAGE, NETWORK = "localhost/student:test", "students"
STUDENTS = ("student-2", "student.2", "student2", "student1")
LOOPBACK = "0100007F"  # as /proc writes 127.0.0.1
SETTINGS = """
hub_host = "{host}"
gpus = ["GPU-a", "GPU-b"]
[courses.course]
root = "{course}"
instructors = ["instructor1"]
students = {students}
[spawner]
kind = "docker"
image = "{image}"
network_name = "{network}"
mem_limit = "1500M"
gpu_requests = "nvidia"  # so that an engine without devices takes part: it ignores what it cannot give
[spawner.volumes]
{volumes}
[profiles.cpu]
title = "Without a GPU"
[profiles.gpu]
title = "With a GPU"
gpu = true
groups = ["nbgrader-course"]
idle_minutes = 20
memory = "1600M"
"""


@dataclass
class Site:
    """A Hub outside, and the engine that it uses."""

    engine: podman.Engine
    hub: Running
    passwords: dict[str, str]
    people: dict[str, Person]

    def of(self, name: str) -> Person:
        if name not in self.people:
            self.people[name] = self.hub.log_in(name, self.passwords[name])
        return self.people[name]

    def begin(self, name: str, **options: str) -> requests.Response:
        """Ask for a server, and wait where it was granted."""
        person = self.of(name)
        answer = person.post(f"/hub/api/users/{name}/server", json=options)
        if answer.status_code in (201, 202):
            wait_for(lambda: self.server(name).get("ready"), f"server of {name}")
        return answer

    def server(self, name: str) -> dict[str, object]:
        return dict(self.of(name).get(f"/hub/api/users/{name}").json()["servers"].get("", {}))

    def stop_all(self) -> None:
        for name in list(self.people):
            if self.server(name):
                self.of(name).stop_server()
        wait_for(lambda: not self.engine.containers(), "end of the containers")

    def start_again(self) -> None:
        """The Hub, after its end."""
        self.people.clear()
        self.hub = start(self.hub.root, self.hub.home, environ={"DOCKER_HOST": self.engine.address})

    def device(self, container: str) -> str:
        return str(self.engine.inspect(container)["Config"]["Labels"].get("org.assay.gpu", ""))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if "ASSAY_IMAGES" not in os.environ:
        pytest.skip("not run: takes a quarter of an hour beside other tests; to have it done: make images")
    if reason := podman.unusable():
        pytest.skip(f"not run: {reason}")
    root = Path(tempfile.mkdtemp(prefix="assay-containers-"))  # a socket's path has to be short
    try:
        with podman.engine(root / "engine") as engine:
            engine.image(IMAGE, podman.search_path())
            gateway = engine.network(NETWORK, IMAGE)
            course = make_course(root / "course")
            text = SETTINGS.format(
                host=f"{gateway}:{free_ports(1)[0]}", course=course, image=IMAGE, network=NETWORK,
                students=json.dumps(list(STUDENTS)), volumes=toml(podman.mounts()),
            )  # fmt: skip
            write_settings(root / "home", text)
            hub = start(course, root / "home", environ={"DOCKER_HOST": engine.address})
            settings = load(hub.home, {})
            passwords = {name: accounts.set_new_password(settings, name) for name in (*STUDENTS, "instructor1")}
            found = Site(engine, hub, passwords, {})
            try:
                yield found
            finally:
                end(found.hub.process)
    finally:
        shutil.rmtree(root)


def toml(volumes: dict[str, dict[str, str]]) -> str:
    return "\n".join(f'"{host}" = {{bind = "{one["bind"]}", mode = "{one["mode"]}"}}' for host, one in volumes.items())


def test_a_server_works_and_can_do_no_more_than_it_needs(site: Site) -> None:
    assert site.begin("student1").status_code in (201, 202)
    person = site.of("student1")
    person.visit("/user/student1/lab").raise_for_status()
    person.post("/user/student1/api/kernels").raise_for_status()
    name = "assay-student1"
    (container,) = site.engine.containers()
    assert container == name
    found = site.engine.inspect(name)
    assert found["HostConfig"]["ReadonlyRootfs"] and not found["HostConfig"]["Privileged"]
    assert found["HostConfig"]["PidsLimit"] == 2048 and found["HostConfig"]["Memory"] == 1500 * 2**20
    assert list(found["NetworkSettings"]["Networks"]) == [NETWORK]
    assert {one["Name"] for one in found["Mounts"] if one["Type"] == "volume"} == {"assay-home-student1"}
    assert {one["Source"] for one in found["Mounts"] if one["Type"] == "bind"} == set(podman.mounts())
    status = site.engine.within(name, "cat", "/proc/1/status", "/proc/self/status")
    assert status.count("CapEff:\t0000000000000000") == 2 and status.count("CapBnd:\t0000000000000000") == 2
    assert status.count("NoNewPrivs:\t1") == 2 and status.count("Uid:\t1000") == 2
    written = site.engine.within(name, "sh", "-c", "for f in / /etc /tmp ~; do touch $f/x 2>/dev/null && echo $f; done")
    assert written.split() == ["/tmp", podman.HOME]
    out_of_sight = f"ls -d {site.hub.home} {site.hub.root} {site.engine.folder} /run/*.sock /var/run/*.sock"
    assert site.engine.within(name, "sh", "-c", out_of_sight) == ""
    wait_for(lambda: "ipykernel" in site.engine.within(name, "sh", "-c", "cat /proc/[0-9]*/cmdline"), "kernel")
    listening = site.engine.within(name, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
    listens = [line.split()[1].split(":") for line in listening.splitlines() if line.split()[3:4] == ["0A"]]
    assert {port for address, port in listens if address != LOOPBACK} == {f"{8888:04X}"}
    # A kernel takes there what processes forked from it print, with a key. Its five channels are files.
    assert len(listens) <= 2, "kernels listen at sockets that are files"


REACH = """
import json, os, urllib.request
def ask(url):
    request = urllib.request.Request(url, headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except OSError as error:
        return getattr(error, "code", str(error))
exchange = os.environ["ASSAY_EXCHANGE_URL"]
print(json.dumps([ask(exchange + "/api/v1/health"), ask(os.environ["JUPYTERHUB_API_URL"] + "/user"),
                  ask(os.environ["JUPYTERHUB_API_URL"] + "/users"), os.environ.get("NVIDIA_VISIBLE_DEVICES")]))
"""


def test_it_reaches_the_hub_and_the_exchange_as_its_user(site: Site) -> None:
    site.begin("student1")
    process = site.engine.within("assay-student1", "python3", "-P", "-c", REACH)
    health, me, everybody, devices = json.loads(process)
    assert (health, me, everybody, devices) == (200, 200, 403, "void")


def test_names_that_look_alike_share_nothing(site: Site) -> None:
    for name in ("student-2", "student.2", "student2"):
        site.begin(name)
    names = {"student-2": "assay-student-2d2", "student.2": "assay-student-2e2", "student2": "assay-student2"}
    assert set(names.values()) <= set(site.engine.containers())
    site.engine.within("assay-student-2d2", "sh", "-c", "echo theirs > ~/own.txt")
    homes = [site.engine.within(one, "sh", "-c", "ls ~/own.txt") for one in names.values()]
    assert homes == [f"{podman.HOME}/own.txt\n", "", ""]
    site.of("student-2").stop_server()
    wait_for(lambda: names["student-2"] not in site.engine.containers(), "end of the container")
    assert names["student-2"] not in site.engine.run("ps", "--all", "--format", "{{.Names}}").split()
    site.begin("student-2")
    assert site.engine.within(names["student-2"], "sh", "-c", "cat ~/own.txt") == "theirs\n"


@pytest.mark.parametrize("forged", [{"profile": "gpu"}, {"profile": "none"}, {"image": "localhost/other"}])
def test_a_forged_request_is_refused(site: Site, forged: dict[str, str]) -> None:
    """instructor1 is in no group that may have a GPU."""
    person = site.of("instructor1")
    answer = person.post("/hub/api/users/instructor1/server", json=forged)
    assert answer.status_code in (400, 403), answer.text
    assert "assay-instructor1" not in site.engine.containers()
    if "profile" in forged:
        assert "This kind of server is not for you" in answer.json()["message"]
        page = person.post("/hub/spawn", data=forged)
        assert page.status_code == 403 and "This kind of server is not for you" in page.text


def test_gpus_are_one_each_and_kept_over_a_crash_of_the_hub(site: Site) -> None:
    site.stop_all()
    assert 'value="gpu"' in site.of("student2").visit("/hub/spawn/student2").text
    for name in ("student-2", "student.2"):
        assert site.begin(name, profile="gpu").status_code in (201, 202)
    assert {site.device("assay-student-2d2"), site.device("assay-student-2e2")} == {"GPU-a", "GPU-b"}
    assert site.engine.inspect("assay-student-2d2")["HostConfig"]["Memory"] == 1600 * 2**20
    refused_for_now(site)
    listed = site.hub.ask("GET", "/hub/api/users", site.hub.service_token("culler")).json()
    chosen = {one["name"]: one["servers"][""]["user_options"] for one in listed if one["servers"]}
    assert chosen == {"student-2": {"profile": "gpu"}, "student.2": {"profile": "gpu"}}, "or all have one limit"
    os.kill(site.hub.pid, signal.SIGKILL)  # the hardest of its ends
    site.hub.process.wait(60)
    site.start_again()
    wait_for(lambda: site.server("student-2").get("ready"), "the server that ran on")
    refused_for_now(site)
    device = site.device("assay-student-2d2")
    site.of("student-2").stop_server()
    assert site.begin("student2", profile="gpu").status_code in (201, 202)
    assert site.device("assay-student2") == device


def test_servers_go_on_while_the_hub_is_restarted(site: Site) -> None:
    site.begin("student1")
    before = site.engine.inspect("assay-student1")["Id"]
    end(site.hub.process)
    assert "assay-student1" in site.engine.containers()
    site.start_again()
    wait_for(lambda: site.server("student1").get("ready"), "the server that ran on")
    assert site.engine.inspect("assay-student1")["Id"] == before
    site.of("student1").visit("/user/student1/lab").raise_for_status()
    site.of("student1").stop_server()
    wait_for(lambda: "assay-student1" not in site.engine.containers(), "end of the container")


def refused_for_now(site: Site) -> None:
    """In a sentence, on the page and to a program."""
    answer = site.begin("student2", profile="gpu")
    assert (answer.status_code, answer.json()["message"]) == (503, profiles.ALL_TAKEN)
    person = site.of("student2")
    page = person.post("/hub/spawn", data={"profile": "gpu"})
    assert profiles.ALL_TAKEN in page.text and 'value="cpu" checked' in page.text
    assert "assay-student2" not in site.engine.containers()
