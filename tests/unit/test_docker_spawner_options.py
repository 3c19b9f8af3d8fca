"""What the engine of containers is asked for, as the library that speaks to it would send it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("dockerspawner", reason="not run: needs the docker extra")

import requests
from docker.errors import APIError, NotFound
from docker.types import HostConfig
from traitlets.config import Config

from assay.errors import CourseError
from assay.hub import addresses, checks, configure, docker_spawner, gpus, profiles, programs, spawners
from assay.settings import Profile, Settings
from tests.support.spawners import Site, new_site

SETTINGS = Settings(
    Path("/server"),
    spawner="docker",
    spawner_options={
        "volumes": {"datasets": {"bind": "/data", "mode": "ro"}},
        "extra_host_config": {"dns": ["10.0.0.1"], "pids_limit": 99},
        "extra_create_kwargs": {"labels": {"site": "own"}},
        "cpu_limit": 3.0,
    },
    profiles=(Profile("cpu"), Profile("gpu", gpu=True, groups=("nbgrader-deep",), image="student:gpu", memory="16G")),
    gpus=("0", "GPU-b"),
    hub_host="hub",
)
DOCKER = {"Version": "28.3.0", "Components": [{"Name": "Engine"}]}
PODMAN = {"Version": "5.6.1", "Components": [{"Name": "Podman Engine"}]}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(gpus, "TABLE", gpus.Table())
    with new_site(SETTINGS, docker_spawner.ContainerSpawner, profiles.configure, docker_spawner.configure) as found:
        yield found


def sent(spawner: Any, gpu: str = "", how: str = "nvidia") -> dict[str, Any]:
    """HostConfig of the request that makes the container."""
    spawner.gpu, spawner.gpu_requests = gpu, how
    options = spawner._render_templates(asyncio.run(spawner.extra_host_config(spawner)))
    return dict(HostConfig("1.41", **options, binds=spawner.volume_binds))


def test_nothing_is_allowed_that_a_server_does_not_need(site: Site) -> None:
    found = sent(site.spawner("student1"))
    assert found["CapDrop"] == ["ALL"] and found["ReadonlyRootfs"] is True
    assert found["SecurityOpt"] == ["no-new-privileges"]
    assert "CapAdd" not in found and "Privileged" not in found and "Devices" not in found
    assert "DeviceRequests" not in found
    assert found["Dns"] == ["10.0.0.1"] and found["PidsLimit"] == 99, "what the site sets counts more"
    assert sorted(found["Binds"]) == ["assay-home-student1:/home/jovyan:rw", "datasets:/data:ro"]


@pytest.mark.parametrize(
    ("how", "driver", "name"), [("nvidia", "nvidia", "GPU-b"), ("cdi", "cdi", "nvidia.com/gpu=GPU-b")]
)
def test_exactly_its_own_device(site: Site, how: str, driver: str, name: str) -> None:
    (request,) = sent(site.spawner("student1"), "GPU-b", how)["DeviceRequests"]
    assert (request["Driver"], request["DeviceIDs"], request["Capabilities"]) == (driver, [name], [["gpu"]])
    assert request["Count"] == 0, "a number would be the same device for everybody"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a machine whose /dev/nvidia0 the engine would count as 1."""
    for name, number in (("GPU-b", 1), ("GPU-a", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "information").write_text(f"GPU UUID: \t {name}\nDevice Minor: \t {number}\n")
    monkeypatch.setattr(gpus, "DRIVER", tmp_path)


@pytest.mark.usefixtures("driver")
class TestNumbersOfDevices:
    @pytest.mark.parametrize(
        ("address", "asked"), [("", "GPU-a"), ("unix:///run/podman.sock", "GPU-a"), ("tcp://elsewhere:2376", "0")]
    )
    def test_an_engine_on_this_machine_is_asked_for_the_identity(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, address: str, asked: str
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", address)
        (request,) = sent(site.spawner("student1"), "0")["DeviceRequests"]
        assert request["DeviceIDs"] == [asked]

    def test_a_device_is_in_use_under_either_name(self, site: Site) -> None:
        spawner, engine = site.spawner("student1"), Engine()
        spawner.docker = engine
        engine.add("other", "running", {docker_spawner.LABEL: "GPU-a"})  # as the settings said before
        assert asyncio.run(spawner.gpus_in_use()) == {"0"}


def test_a_container_says_whose_it_is_and_which_device_it_has(site: Site) -> None:
    spawner = site.spawner("student1")
    labels = {"site": "own", "org.assay.server": "student1"}
    assert spawner.extra_create_kwargs(spawner)["labels"] == labels
    spawner.gpu = "0"
    assert spawner.extra_create_kwargs(spawner)["labels"] == {**labels, "org.assay.gpu": "0"}


def test_images_for_cuda_see_no_device_without_one(site: Site) -> None:
    spawner = site.spawner("student1")
    assert spawner.get_env()["NVIDIA_VISIBLE_DEVICES"] == "void"
    spawner.gpu = "0"
    assert "NVIDIA_VISIBLE_DEVICES" not in spawner.get_env()


class Engine:
    """Containers by name, as an engine keeps them, which can refuse to start one."""

    def __init__(self, *, refuses: str = "", **states: str) -> None:
        """states: of other students' containers, each called `c` and the number of the device that it has."""
        self.refuses = refuses
        self.has: dict[str, dict[str, Any]] = {}
        for name, state in states.items():
            self.add(name, state, {docker_spawner.LABEL: name[1:]})

    def add(self, name: str, state: str, labels: dict[str, str]) -> dict[str, Any]:
        self.has[name] = {"Id": name, "Names": [f"/{name}"], "State": state, "Labels": labels}
        return self.has[name]

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        return [one for one in self.has.values() if all and filters["label"] in one["Labels"]]

    async def __call__(self, method: str, *words: Any, **named: Any) -> Any:
        if method == self.refuses:
            raise APIError("500", answered(500), "could not select device driver")
        return getattr(self, method)(*words, **named)

    def inspect_image(self, name: str) -> dict[str, Any]:
        return {"Id": name}

    def inspect_container(self, name: str) -> dict[str, Any]:
        if name not in self.has:
            raise NotFound("no such container", answered(404))
        return {"Id": name, "NetworkSettings": {"Networks": {docker_spawner.NETWORK: {"IPAddress": "10.0.0.2"}}}}

    def create_container(self, name: str, labels: dict[str, str], **_: Any) -> dict[str, Any]:
        if name in self.has:
            raise APIError("the name is in use", answered(409))
        return self.add(name, "created", labels)

    def start(self, name: str) -> None:
        self.has[name]["State"] = "running"

    def remove_container(self, name: str, *, v: bool, force: bool = False) -> None:
        if self.has[name]["State"] == "running" and not force:
            raise APIError("it runs", answered(409))
        del self.has[name]


def answered(status: int) -> requests.Response:
    found = requests.Response()
    found.status_code = status
    return found


def begun(spawner: Any, engine: Any) -> Any:
    """What a start returns whose engine is this one."""
    spawner.docker, spawner.server = engine, None
    spawner.user_options, spawner.gpu_requests = {"profile": "gpu"}, "nvidia"
    return asyncio.run(spawner.start())


@pytest.fixture
def no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that only writes down what a container is given."""
    client = SimpleNamespace(create_host_config=lambda **given: given)
    monkeypatch.setattr(docker_spawner.ContainerSpawner, "_client", client)


@pytest.mark.usefixtures("no_client")
class TestWhatIsLeftOver:
    def test_nothing_of_a_start_that_failed(self, site: Site) -> None:
        """Or its device would be in use for ever: the engine removes only what has run."""
        engine = Engine(refuses="start")
        with pytest.raises(APIError, match="could not select device driver"):
            begun(site.spawner("student1", ("nbgrader-deep",)), engine)
        assert engine.has == {}

    def test_nothing_of_a_start_that_took_too_long(self, site: Site) -> None:
        engine, spawner = Engine(), site.spawner("student1", ("nbgrader-deep",))

        async def hangs(method: str, *words: Any, **named: Any) -> Any:
            return await (asyncio.sleep(60) if method == "start" else engine(method, *words, **named))

        async def in_time() -> None:
            spawner.docker, spawner.server = hangs, None
            spawner.user_options, spawner.gpu_requests = {}, "nvidia"
            await asyncio.wait_for(spawner.start(), 0.5)

        with pytest.raises(TimeoutError):
            asyncio.run(in_time())
        assert engine.has == {}

    def test_a_server_that_the_hub_forgot_is_replaced_though_it_runs(self, site: Site) -> None:
        engine = Engine()
        engine.add("assay-student1", "running", {docker_spawner.LABEL: "0"})
        assert begun(site.spawner("student1", ("nbgrader-deep",)), engine) == ("10.0.0.2", 8888)
        labels = {"site": "own", "org.assay.server": "student1", "org.assay.gpu": "0"}
        assert engine.has["assay-student1"]["Labels"] == labels


@pytest.mark.usefixtures("no_client")
@pytest.mark.parametrize(
    ("states", "device"),
    [
        ({}, "0"),
        ({"c0": "running"}, "GPU-b"),
        ({"c0": "created"}, "GPU-b"),
        ({"c0": "exited"}, "0"),
        ({"c7": "running"}, "0"),
    ],
)
def test_devices_that_the_engine_has_lent_are_not_lent_again(site: Site, states: dict[str, str], device: str) -> None:
    """To another Hub's servers, or to those that this one was killed over."""
    engine = Engine(**states)
    begun(site.spawner("student1", ("nbgrader-deep",)), engine)
    assert engine.has["assay-student1"]["Labels"]["org.assay.gpu"] == device


def test_how_engines_want_to_be_asked() -> None:
    assert docker_spawner._requests(DOCKER) == "nvidia"
    assert docker_spawner._requests({"Version": "28"}) == "nvidia"
    assert docker_spawner._requests(PODMAN) == "cdi"
    with pytest.raises(CourseError, match="Podman 4.3.1 gives no GPU"):
        docker_spawner._requests({**PODMAN, "Version": "4.3.1"})


@pytest.mark.parametrize("others", [("a-b", "a.b", "ab", "a_b", "a-2db"), ("a@b", "a+b", "a--b", "a-b-")])
def test_no_two_users_share_a_name(site: Site, others: tuple[str, ...]) -> None:
    made = [site.spawner(name) for name in others]
    assert len({one.object_name for one in made}) == len(others)
    assert len({volume for one in made for volume in one.volume_binds if "home" in volume}) == len(others)


@pytest.mark.parametrize("option", ["cmd", "escape", "name_template", "remove", "allowed_images", "nothing_known"])
def test_what_a_site_cannot_set(option: str) -> None:
    with pytest.raises(CourseError, match=option):
        docker_spawner.choose(replace(SETTINGS, spawner_options={option: "x"}))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a socket that the library leaves
def test_an_engine_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(CourseError, match="does not answer"):
        spawners.choose(replace(SETTINGS, spawner_options={}))
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_options_of_the_client_count_more_than_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    for options, said in (({"base_url": "http://127.0.0.1:1"}, "port=1"), ({"nothing": 1}, "'nothing'")):
        with pytest.raises(CourseError, match=said):
            spawners.choose(replace(SETTINGS, spawner_options={"client_kwargs": options}))
    gc.collect()


class TestTheWayToTheHub:
    def test_by_its_name(self) -> None:
        site = replace(SETTINGS, bind_url="https://127.0.0.1:8000/lab/")
        assert programs.server_environment(site, "student")["ASSAY_EXCHANGE_URL"] == (
            "https://hub:8000/lab/services/exchange"
        )
        assert "127.0.0.1" in programs.server_environment(site, "staff")["ASSAY_EXCHANGE_URL"]

    def test_the_hub_listens_where_containers_reach_it(self, tmp_path: Path) -> None:
        hub = Config()
        configure._configure_hub(hub, replace(SETTINGS, home=tmp_path, hub_host="h.example.org:99"), 1)
        assert hub.JupyterHub.hub_connect_url == "http://h.example.org:99/"
        assert hub.JupyterHub.hub_bind_url == "http://0.0.0.0:99/"
        assert hub.JupyterHub.bind_url == "http://0.0.0.0:8000"
        alone = Config()
        configure._configure_hub(alone, replace(SETTINGS, home=tmp_path, hub_host=""), 1)
        assert alone.JupyterHub.hub_bind_url == "http://127.0.0.1:1/"
        assert "hub_connect_url" not in alone.JupyterHub

    def test_a_demo_is_not_for_containers(self) -> None:
        """For which the server listens on every address, whatever bind_url says."""
        with pytest.raises(CourseError, match="with hub_host the server listens on every address"):
            checks._check_demo(replace(SETTINGS, demo=True))
        checks._check_demo(replace(SETTINGS, demo=True, hub_host=""))

    @pytest.mark.parametrize("host", ["hub:", "hub:0", "hub:70000", "http://hub", "hub/x", "-hub", "hub name"])
    def test_what_is_no_name(self, host: str) -> None:
        with pytest.raises(CourseError, match="hub_host is"):
            addresses.hub_of_containers(replace(SETTINGS, hub_host=host))
