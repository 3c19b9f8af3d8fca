"""Users' servers as pods of Kubernetes, by KubeSpawner: what one is given, and what it cannot do.

A pod sees its image, read-only, and its user's volume. It runs as an ordinary user without any privilege, and has no
token of the cluster. Which machine has a GPU for it, and whether one is free, Kubernetes knows.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from kubespawner import KubeSpawner
from traitlets import Dict, List, Unicode

from assay.hub.addresses import hub_of_containers
from assay.hub.profiles import ProfiledSpawner, check_options, chosen
from assay.settings import Settings

IMAGE = "assay-student:cpu"
PATIENCE = 180  # seconds for a server whose image a machine has not read yet
USER, GROUP = 1000, 100  # of the image
# What [spawner] cannot set: the command, the choice and the names of what belongs to a user are ours.
_DECIDED = """apply_user_options args cmd environment gpu options_form options_from_form pod_name_template profile_list
    pvc_name_template settings slug_scheme"""
# What [spawner] adds to, and does not replace: without our part a home would not be kept, or a fence be missing.
_ADDED = ("container_security_context", "extra_pod_config", "volumes", "volume_mounts")
_UNPRIVILEGED = {
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


class PodSpawner(ProfiledSpawner, KubeSpawner):  # type: ignore[misc]
    """A pod of one user."""

    home = Unicode("/home/jovyan", config=True, help="The home of the image's user, where the volume is mounted.")
    tmp_size = Unicode("2Gi", config=True, help="What /tmp holds.")
    shm_size = Unicode("1Gi", config=True, help="Shared memory of one server, as part of its memory.")
    gpu_resource = Unicode("nvidia.com/gpu", config=True, help="How this cluster calls a GPU.")
    gpu_node_selector = Dict(config=True, help="Labels of the machines with GPUs.")
    gpu_tolerations = List(
        [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        config=True,
        help="What keeps other pods from the machines with GPUs.",
    )
    with_gpu = False

    async def load_user_options(self) -> None:
        """The pod as the profile wants it. Raises HTTPError where the profile is not for this user."""
        profile = chosen(self.settings, self.groups(), self.user_options)
        before = self._of_the_site
        self.with_gpu = profile.gpu
        self.image = profile.image or before["image"]
        self.mem_limit = profile.memory or before["mem_limit"]
        self.cpu_limit = profile.cpus or before["cpu_limit"]
        of_gpus = {self.gpu_resource: "1"} if profile.gpu else {}
        self.extra_resource_limits = {**before["extra_resource_limits"], **of_gpus}
        self.node_selector = {**before["node_selector"], **(self.gpu_node_selector if profile.gpu else {})}
        self.tolerations = [*before["tolerations"], *(self.gpu_tolerations if profile.gpu else ())]

    @cached_property
    def _of_the_site(self) -> dict[str, Any]:
        """What the configuration says, before a profile says otherwise. One object can start more than once."""
        names = ("image", "mem_limit", "cpu_limit", "extra_resource_limits", "node_selector", "tolerations")
        return {name: getattr(self, name) for name in names}

    def get_env(self) -> dict[str, str]:
        """Images made for CUDA ask for all devices, and get them where Nvidia's runtime is the default one."""
        found: dict[str, str] = super().get_env()
        return found if self.with_gpu else {**found, "NVIDIA_VISIBLE_DEVICES": "void"}


def choose(settings: Settings) -> tuple[str, str]:
    """The spawner's class, and what it keeps from whom. Raises CourseError where an option is unknown."""
    check_options(settings, PodSpawner, _DECIDED)
    hub_of_containers(settings)
    return f"{PodSpawner.__module__}.{PodSpawner.__qualname__}", (
        "Each user's server is a pod: it sees its image and its user's volume, and has no token of the cluster. What "
        "it reaches on the network, a NetworkPolicy decides."
    )


def configure(c: Any, settings: Settings) -> None:
    """Set the spawner's options on JupyterHub's configuration."""
    one = c.PodSpawner
    one.image, one.mem_limit, one.cpu_limit = IMAGE, "4G", 2.0
    one.http_timeout = PATIENCE
    one.uid, one.gid, one.fs_gid = USER, GROUP, GROUP
    one.allow_privilege_escalation = one.privileged = one.automount_service_account_token = False
    one.container_security_context = _UNPRIVILEGED
    one.extra_pod_config = {"enableServiceLinks": False}  # which would tell it of every service of the cluster
    one.storage_pvc_ensure, one.storage_capacity, one.storage_access_modes = True, "10Gi", ["ReadWriteOnce"]
    one.volumes, one.volume_mounts = _volumes(settings)
    for name, value in settings.spawner_options.items():
        one[name] = _added(one[name], value) if name in _ADDED else value
    one.cmd = ["python3", "-P", "-m", "assay.hub.student_server"]
    one.notebook_dir = settings.spawner_options.get("home", PodSpawner.home.default_value)


def _added(ours: Any, of_the_site: Any) -> Any:
    """KubeSpawner takes lists as dictionaries, too, whose keys then mean nothing."""
    if isinstance(ours, dict):
        return {**ours, **of_the_site}
    return [*ours, *(of_the_site.values() if isinstance(of_the_site, dict) else of_the_site)]


def _volumes(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The user's own volume as home, and what a server writes elsewhere, which goes with its pod."""
    size = {name: settings.spawner_options.get(name, PodSpawner.class_traits()[name].default_value) for name in _SIZES}
    home = settings.spawner_options.get("home", PodSpawner.home.default_value)
    volumes = [
        {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": size["tmp_size"]}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size["shm_size"]}},
    ]
    places = {"home": home, "tmp": "/tmp", "shm": "/dev/shm"}
    return volumes, [{"name": name, "mountPath": place} for name, place in places.items()]


_SIZES = ("tmp_size", "shm_size")
