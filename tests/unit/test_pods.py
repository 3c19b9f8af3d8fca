"""The pods of users' servers, as KubeSpawner would send them to a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("kubespawner", reason="not run: needs the kubernetes extra")

from kubernetes_asyncio.client import ApiClient
from kubespawner import spawner as of_kubespawner
from tornado.web import HTTPError
from traitlets.config import Config

from assay.errors import CourseError
from assay.hub import kubernetes, profiles, spawners
from assay.settings import Profile, Settings
from tests.support.spawners import Site, new_site

GPU = ("nbgrader-deep",)
SETTINGS = Settings(
    Path("/server"),
    spawner="kubernetes",
    spawner_options={"image": "student:1", "gpu_node_selector": {"pool": "gpus"}, "storage_capacity": "5Gi"},
    profiles=(
        Profile("cpu"),
        Profile("gpu", gpu=True, groups=GPU, image="student:gpu", memory="16G", cpus=4.0, idle_minutes=20),
    ),
    hub_host="hub",
)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Without a cluster: who connects to one is told that there is none."""
    monkeypatch.setattr(of_kubespawner, "load_config", lambda **_: None)
    monkeypatch.setattr(of_kubespawner, "shared_client", lambda _: None)
    with new_site(SETTINGS, kubernetes.PodSpawner, profiles.configure, kubernetes.configure) as found:
        yield found


def pod(spawner: Any, **options: Any) -> dict[str, Any]:
    """What KubeSpawner makes of a start, as it goes to the cluster."""

    async def made() -> Any:
        spawner.user_options = options
        await spawner.load_user_options()
        async with ApiClient() as client:
            return client.sanitize_for_serialization(await spawner.get_pod_manifest())

    return dict(asyncio.run(made())["spec"])


def test_no_privilege_and_no_way_into_the_cluster(site: Site) -> None:
    found = pod(site.spawner("student1"))
    (container,) = found["containers"]
    assert found["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in found and found["enableServiceLinks"] is False
    assert not found.get("hostNetwork") and not found.get("hostPID") and not found.get("hostIPC")
    context = container["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (1000, 100, True)
    assert context["allowPrivilegeEscalation"] is False and not context.get("privileged")
    assert context["capabilities"] == {"drop": ["ALL"]} and context["readOnlyRootFilesystem"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_volume_of_ones_own_and_nothing_else_that_stays(site: Site) -> None:
    names = ("a-b", "a.b", "ab", "a_b", "a@b")
    claims = set()
    for name in names:
        found = pod(site.spawner(name))
        volumes = {one["name"]: one for one in found["volumes"]}
        assert set(volumes) == {"home", "tmp", "shm"}
        assert "emptyDir" in volumes["tmp"] and "emptyDir" in volumes["shm"]
        claims.add(volumes["home"]["persistentVolumeClaim"]["claimName"])
        places = {one["name"]: one["mountPath"] for one in found["containers"][0]["volumeMounts"]}
        assert places == {"home": "/home/jovyan", "tmp": "/tmp", "shm": "/dev/shm"}
    assert len(claims) == len(names)
    claim = site.spawner("a-b").get_pvc_manifest()
    assert claim.spec.resources.requests == {"storage": "5Gi"}


DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
MOUNTED = {"name": "data", "mountPath": "/data", "readOnly": True}


@pytest.mark.parametrize(("volume", "mount"), [([DATA], [MOUNTED]), ({"data": DATA}, {"data": MOUNTED})])
def test_what_a_site_adds_takes_nothing_away(site: Site, volume: Any, mount: Any) -> None:
    options = {"volumes": volume, "volume_mounts": mount, "extra_pod_config": {"priorityClassName": "low"}}
    options["container_security_context"] = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    site.config.PodSpawner = Config()
    kubernetes.configure(site.config, replace(SETTINGS, spawner_options=options))
    found = pod(site.spawner("student1"))
    (container,) = found["containers"]
    assert {one["name"] for one in found["volumes"]} == {"home", "tmp", "shm", "data"}
    places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert places == {"home": "/home/jovyan", "tmp": "/tmp", "shm": "/dev/shm", "data": "/data"}
    assert found["enableServiceLinks"] is False and found["priorityClassName"] == "low"
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True and context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "Localhost"}


def test_without_a_gpu(site: Site) -> None:
    found = pod(site.spawner("student1", GPU))
    (container,) = found["containers"]
    assert container["image"] == "student:1"
    assert container["resources"]["limits"] == {"cpu": 2.0, "memory": 4 * 2**30}
    assert "pool" not in found.get("nodeSelector", {}) and "nvidia" not in str(found.get("tolerations"))
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in container["env"]


def test_with_a_gpu_and_afterwards_without(site: Site) -> None:
    spawner = site.spawner("student1", GPU)
    found = pod(spawner, profile="gpu")
    (container,) = found["containers"]
    assert container["image"] == "student:gpu"
    assert container["resources"]["limits"] == {"cpu": 4.0, "memory": 16 * 2**30, "nvidia.com/gpu": "1"}
    assert found["nodeSelector"] == {"pool": "gpus"}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in found["tolerations"]
    assert "NVIDIA_VISIBLE_DEVICES" not in {one["name"] for one in container["env"]}
    assert "nvidia" not in str(pod(spawner, profile="cpu")).replace("NVIDIA", "")


@pytest.mark.parametrize("forged", ["gpu", "other", ["gpu"]])
def test_a_forged_request_is_refused(site: Site, forged: Any) -> None:
    spawner = site.spawner("student1")
    with pytest.raises(HTTPError) as caught:
        pod(spawner, profile=forged)
    assert caught.value.status_code == 403
    assert pod(spawner, image="other:1", profile="")["containers"][0]["image"] == "student:1"


def test_the_form_offers_gpus_that_the_cluster_counts(site: Site) -> None:
    page = asyncio.run(site.spawner("student1", GPU).get_options_form())
    assert 'value="gpu">' in page and "disabled" not in page


def test_the_command_and_the_way_back(site: Site) -> None:
    (container,) = pod(site.spawner("student1"))["containers"]
    assert container["args"][:4] == ["python3", "-P", "-m", "assay.hub.student_server"]


def test_what_a_site_can_set() -> None:
    assert spawners.choose(SETTINGS)[0] == "assay.hub.kubernetes.PodSpawner"
    for option in ("profile_list", "cmd", "pvc_name_template", "nothing_known"):
        with pytest.raises(CourseError, match=option):
            spawners.choose(replace(SETTINGS, spawner_options={option: "x"}))
    with pytest.raises(CourseError, match="hub_host"):
        spawners.choose(replace(SETTINGS, hub_host=""))


def test_servers_outlive_the_hub() -> None:
    config = Config()
    spawners.configure(config, SETTINGS)
    assert config.JupyterHub.cleanup_servers is False
