"""Users' servers as containers of Docker or Podman: what one is given, and what it cannot do.

A container sees its image, read-only, and its user's volume. It has no privilege, and none is to be gained. It is in
one network, with the Hub; neither a folder of the Hub nor the socket of the engine is mounted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig
from docker.types import DeviceRequest
from docker.utils import kwargs_from_env
from dockerspawner import DockerSpawner
from traitlets import Integer, Unicode

from assay.errors import CourseError
from assay.hub import gpus
from assay.hub.addresses import hub_of_containers
from assay.hub.profiles import ProfiledSpawner, check_options
from assay.settings import Settings

IMAGE = "assay-student:cpu"
NETWORK = "assay-students"
PATIENCE = 180  # seconds for the first server from an image, whose files the engine has not read yet
SERVER = "org.assay.server"  # a label by which an operator finds users' servers: whose it is
LABEL = "org.assay.gpu"  # on a container that has a device; the engine's word counts when the Hub was away
CDI = "nvidia.com/gpu"  # how the Container Device Interface calls Nvidia's devices
PODMAN_WITH_DEVICES = (5, 5)  # before that it ignores what it is asked for, and starts a container without
_ENDED = frozenset({"exited", "dead", "removing", "stopped"})
# What [spawner] cannot set: names and mounts keep people apart, and the command is ours.
_DECIDED = """allowed_images apply_user_options args cmd environment escape format_volume_name gpu image_whitelist
    name_template notebook_dir options_form options_from_form post_start_cmd remove remove_containers settings"""


class ContainerSpawner(ProfiledSpawner, DockerSpawner):  # type: ignore[misc]
    """A container of one user."""

    home = Unicode("/home/jovyan", config=True, help="The home of the image's user, where the volume is mounted.")
    pids_limit = Integer(2048, config=True, help="Processes and threads of one server.")
    shm_size = Unicode("1G", config=True, help="Shared memory of one server, as part of its memory.")
    tmp_size = Unicode("2G", config=True, help="What /tmp holds, in memory.")
    gpu_requests = Unicode(config=True, help="How the engine is asked for a device: nvidia, cdi; empty: as it needs.")

    async def start(self) -> Any:
        """Raises HTTPError as `prepared`, and where an image is asked for that is no profile's."""
        profile = await self.prepared()
        self.image = profile.image or self._of_the_site["image"]
        self.mem_limit = profile.memory or self._of_the_site["mem_limit"]
        self.cpu_limit = profile.cpus or self._of_the_site["cpu_limit"]
        try:
            return await super().start()
        except BaseException:  # it can be cancelled, too, when it takes too long
            # One that never ran is not removed by the engine, and would go on having its device.
            if self.object_id:
                await self.remove_object()
            raise

    async def remove_object(self) -> None:
        """Even where it runs: a Hub that was killed while it started a server does not know about it."""
        try:
            await self.docker("remove_container", self.object_id, v=True, force=True)
        except APIError as error:
            if error.status_code not in (404, 409):  # it is gone, or just going
                raise

    @cached_property
    def _of_the_site(self) -> dict[str, Any]:
        """What the configuration says, before a profile says otherwise. One object can start more than once."""
        return {name: getattr(self, name) for name in ("image", "mem_limit", "cpu_limit")}

    async def gpus_in_use(self) -> Collection[str]:
        """By the containers that the engine has, of whatever Hub; not by what a crash left of this server."""
        found = await self.docker("containers", all=True, filters={"label": LABEL})
        as_set = {_identity(self.settings, device): device for device in self.settings.gpus}
        return {
            as_set.get(_identity(self.settings, one["Labels"][LABEL]), one["Labels"][LABEL])
            for one in found
            if one["State"].lower() not in _ENDED and f"/{self.object_name}" not in one["Names"]
        }

    def get_env(self) -> dict[str, str]:
        """Images made for CUDA ask for all devices, and get them where Nvidia's runtime is the default one."""
        found: dict[str, str] = super().get_env()
        return found if self.gpu else {**found, "NVIDIA_VISIBLE_DEVICES": "void"}


async def _host_config(spawner: ContainerSpawner) -> dict[str, Any]:
    """What the container is given and cannot do; what [spawner] says under the same name counts more."""
    found: dict[str, Any] = {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,size={spawner.tmp_size},mode=1777"},
        "shm_size": spawner.shm_size,
        "pids_limit": spawner.pids_limit,
    }
    if spawner.gpu:
        how = spawner.gpu_requests or _requests(await spawner.docker("version"))
        found["device_requests"] = [_request(_identity(spawner.settings, spawner.gpu), how)]
    return {**found, **spawner.settings.spawner_options.get("extra_host_config", {})}


def _create_options(spawner: ContainerSpawner) -> dict[str, Any]:
    own = spawner.settings.spawner_options.get("extra_create_kwargs", {})
    labels = {SERVER: spawner.user.name, **({LABEL: spawner.gpu} if spawner.gpu else {})}
    return {**own, "labels": {**own.get("labels", {}), **labels}}


def _identity(settings: Settings, device: str) -> str:
    """A device's identity: an engine may count otherwise than /dev/nvidiaN. One elsewhere is asked for what is set."""
    address = settings.spawner_options.get("client_kwargs", {}).get("base_url") or os.environ.get("DOCKER_HOST")
    here = not address or urlsplit(address).scheme.endswith("unix")
    return gpus.identity_of(device) if here else device


def _request(device: str, how: str) -> DeviceRequest:
    """Exactly this device: a number of devices would be the same one for everybody."""
    if how == "cdi":
        return DeviceRequest(driver="cdi", device_ids=[f"{CDI}={device}"], capabilities=[["gpu"]])
    return DeviceRequest(driver="nvidia", device_ids=[device], capabilities=[["gpu"]])


def _requests(version: Mapping[str, Any]) -> str:
    """How an engine wants to be asked for a device. Raises CourseError where it would not listen."""
    if not any(one["Name"].startswith("Podman") for one in version.get("Components", ())):
        return "nvidia"
    numbers = tuple(int(one) for one in version["Version"].split(".")[:2])
    if numbers < PODMAN_WITH_DEVICES:
        needed = ".".join(map(str, PODMAN_WITH_DEVICES))
        raise CourseError(
            f"Podman {version['Version']} gives no GPU to a container that is started through its Docker API. Use "
            f"Podman {needed} or later, or Docker, or remove the profiles with gpu = true."
        )
    return "cdi"


def choose(settings: Settings) -> tuple[str, str]:
    """The spawner's class, and what it keeps from whom. Raises CourseError where the engine cannot be used."""
    check_options(settings, ContainerSpawner, _DECIDED)
    hub_of_containers(settings)
    _check_engine(settings)
    kind = ContainerSpawner
    return f"{kind.__module__}.{kind.__qualname__}", (
        "Each user's server is a container: it sees its image and its user's volume, and reaches the Hub's network. "
        "Who controls the Hub controls the engine of containers, and so this machine."
    )


def configure(c: Any, settings: Settings) -> None:
    """Set the spawner's options on JupyterHub's configuration."""
    one = c.ContainerSpawner
    one.image, one.network_name, one.use_internal_ip, one.prefix = IMAGE, NETWORK, True, "assay"
    one.mem_limit, one.cpu_limit = "4G", 2.0
    one.start_timeout = one.http_timeout = PATIENCE
    one.pull_policy = "never"  # an image is brought here on purpose
    for name, value in settings.spawner_options.items():
        one[name] = value
    one.cmd = ["python3", "-P", "-m", "assay.hub.student_server"]
    one.remove = True
    home = settings.spawner_options.get("home", ContainerSpawner.home.default_value)
    one.volumes = {**settings.spawner_options.get("volumes", {}), "{prefix}-home-{username}": home}
    one.notebook_dir = home
    one.extra_host_config, one.extra_create_kwargs = _host_config, _create_options


def _check_engine(settings: Settings) -> None:
    """Whether there is one, with the images and the network, and whether it can give devices."""
    options = settings.spawner_options
    images = {one.image for one in settings.profiles if one.image} | {options.get("image", IMAGE)}
    network = options.get("network_name", NETWORK)
    try:
        tls = {"tls": TLSConfig(**options["tls_config"])} if options.get("tls_config") else {}
        client = APIClient(**{"version": "auto", **tls, **kwargs_from_env(), **options.get("client_kwargs", {})})
        try:
            version = client.version()
            if any(one.gpu for one in settings.profiles) and not options.get("gpu_requests"):
                _requests(version)
            for image in sorted(images if options.get("pull_policy", "never") == "never" else ()):
                client.inspect_image(image)
            client.inspect_network(network)
        finally:
            client.close()
    except ImageNotFound as error:
        raise CourseError(f"There is no image {image} ({error.explanation}). Build or pull it first.") from error
    except NotFound as error:
        raise CourseError(
            f"There is no network {network} of containers. Make it: docker network create {network}"
        ) from error
    except (DockerException, OSError, TypeError) as error:  # TypeError: of client_kwargs
        raise CourseError(
            f"The engine of containers does not answer ({error}). Start it, and let the Hub reach it: DOCKER_HOST, or "
            "/var/run/docker.sock."
        ) from error
