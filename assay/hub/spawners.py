"""The server of each user: shut in with bubblewrap, or the next best that this machine allows."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer, List, Unicode, default

from assay.errors import CourseError, SandboxError
from assay.hub import gpus, own_port, own_process, own_user, people, profiles, shut_in
from assay.hub.profiles import ProfiledSpawner
from assay.settings import Settings


class HomeSpawner(ProfiledSpawner, LocalProcessSpawner):  # type: ignore[misc]
    """A server whose user has a home in the server's folder, and needs no account on this machine."""

    pid: int
    gpu_device: gpus.Device | None = None
    first_user = Integer(people.FIRST, config=True, help="First uid that is given to a user, where the Hub is root.")
    users = Integer(people.COUNT, config=True, help="How many uids can be given away.")
    processes = Integer(4096, config=True, help="Processes and threads of one user, where the Hub is root.")
    niceness = Integer(5, config=True, help="By how much users' programs give way to the Hub and to grading.")
    devices = List(Unicode(), config=True, help="Further devices to show, such as /dev/nvidia0 and /dev/nvidiactl.")

    @default("env_keep")
    def _env_keep(self) -> list[str]:
        return ["LANG", "LC_ALL", "TZ"]

    async def start(self) -> Any:
        """Raises HTTPError as `prepared`, SandboxError where it is not shut in, or another program takes its port."""
        profile = await self.prepared()
        self.gpu_device = gpus.of_this_machine(self.gpu) if profile.gpu else None
        uid = self.own_uid()
        home = people.make_home(self.settings, self.user.name, uid)
        with ExitStack() as undo:
            command, descriptors = self.enclosed(home, uid, undo)
            self.cmd = [*command, *shut_in.SERVER]
            self.popen_kwargs = {"pass_fds": descriptors, "cwd": self.folder_of_start}
            address = await super().start()
        await own_port.until_listening(self.pid, self.port, self.start_timeout)
        return address

    def get_state(self) -> dict[str, Any]:
        state = super().get_state()
        return {**state, "process": own_process.identity(self.pid)} if self.pid else state

    def load_state(self, state: dict[str, Any]) -> None:
        """The server may be gone, and another program have its number, which the Hub would end in its place."""
        super().load_state(state)
        if self.pid and own_process.identity(self.pid) != state.get("process"):
            self.pid = 0

    def own_uid(self) -> int | None:
        """The uid that is this user's alone; None where we are not root."""
        if os.geteuid() != 0:
            return None
        return people.own_user(self.settings, self.user.name, self.first_user, self.users)

    @property
    def folder_of_start(self) -> str:
        """Where the words before the server's command are started."""
        return self.home_seen()

    def enclosed(self, home: Path, uid: int | None, undo: ExitStack) -> tuple[list[str], list[int]]:
        """The words before the server's command, and descriptors that it inherits. `undo` closes them."""
        raise NotImplementedError

    def home_seen(self) -> str:
        """Where the server finds its home."""
        return str(people.home_of(self.settings, self.user.name))

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        return shut_in.environment(env, people.folder_name(self.user.name), self.home_seen())

    def get_env(self) -> dict[str, str]:
        found: dict[str, str] = super().get_env()
        if not self.settings.gpus and not any(course.gpus for course in self.settings.courses):
            return found
        return {**found, "CUDA_VISIBLE_DEVICES": self.gpu_device.identity if self.gpu_device else ""}

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """What the process does to itself before it becomes the server."""
        uid, processes, niceness = self.own_uid(), self.processes, self.niceness

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.nice(niceness)
            if uid is not None:  # counted for each user; elsewhere it would count all of ours
                resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))

        return limit


class BubblewrapSpawner(HomeSpawner):
    """A server in namespaces of its own that sees no file of others, and no process."""

    def enclosed(self, home: Path, uid: int | None, undo: ExitStack) -> tuple[list[str], list[int]]:
        devices = [*self.devices, *(self.gpu_device.files if self.gpu_device else ())]
        return shut_in.student(self.settings, self.user.name, home, uid, devices).opened(undo)

    def home_seen(self) -> str:
        return shut_in.home_inside(self.user.name)

    @property
    def folder_of_start(self) -> str:
        return "/"


class OwnUserSpawner(HomeSpawner):
    """Where namespaces are forbidden to root: a uid of its own, and permissions of files that keep things secret."""

    def enclosed(self, home: Path, uid: int | None, undo: ExitStack) -> tuple[list[str], list[int]]:
        own_user.check(self.settings, self.first_user + self.users)
        assert uid is not None
        return own_user.command(uid, home), []

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        return {**super().user_env(env), "JUPYTER_RUNTIME_DIR": f"{own_user.TEMPORARY}/{self.own_uid()}"}


class OpenSpawner(HomeSpawner):
    """For the demo where nothing can be shut in: everything runs as the Hub does, and sees what it sees."""

    def own_uid(self) -> None:
        return None

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        found = super().user_env(env)
        del found["JUPYTER_RUNTIME_DIR"]
        return found

    def enclosed(self, home: Path, uid: int | None, undo: ExitStack) -> tuple[list[str], list[int]]:
        self.args = ["--allow-root"] if os.geteuid() == 0 else []
        return [], []


def choose(settings: Settings) -> tuple[str, str]:
    """The class of the spawner, and what it keeps from whom, for the operator. On this machine the best one that works.

    Raises CourseError where the settings ask for what there is not, SandboxError where a GPU is not there, or nothing
    can be shut in here, but for the demo, whose users are all the operator.
    """
    profiles.check(settings)
    if settings.spawner == "local":
        return _on_this_machine(settings)
    return _of_containers(settings).choose(settings)


def _of_containers(settings: Settings) -> ModuleType:
    """The module for the kind of containers, whose package need not be there for all others."""
    name = {"docker": "docker_spawner", "kubernetes": "kubernetes"}[settings.spawner]
    try:
        return import_module(f"assay.hub.{name}")
    except ModuleNotFoundError as error:
        raise CourseError(
            f"{error.name} is not installed, which [spawner] kind = {settings.spawner!r} needs. "
            f"Install it: pip install 'assay[{settings.spawner}]'"
        ) from error


def _on_this_machine(settings: Settings) -> tuple[str, str]:
    reason = shut_in.student_broken(settings)
    if not reason:
        return _named(BubblewrapSpawner), f"Each user's server is shut in with bubblewrap. {_of_courses(settings)}"
    if os.geteuid() == 0:
        try:
            own_user.check(settings, own_user.STRANGER)
        except SandboxError as error:
            problem = str(error)
        else:
            return _named(OwnUserSpawner), (
                "Namespaces are forbidden here, so each user's server runs under a uid of its own, and permissions of "
                f"files keep things secret: others' processes and /tmp can be seen. {_of_courses(settings)}"
            )
    else:
        problem = "An ordinary user can shut in nobody without namespaces."
    if settings.demo:
        return _named(OpenSpawner), (
            "NOT PROTECTED: nothing can be shut in here, so every user of this demo can read and change everything "
            f"that you can, hidden checks and other users' files too. Let nobody else log in. ({reason})"
        )
    raise SandboxError(
        f"No user's server can be shut in here, so the server does not start.\nbubblewrap: {reason}\n{problem}\n"
        "Install bubblewrap (apt-get install bubblewrap) on a machine that allows user namespaces, or run as root."
    )


def configure(c: Any, settings: Settings) -> str:
    """Set the spawner on JupyterHub's configuration, and say what it keeps from whom. Raises as `choose` does."""
    c.JupyterHub.spawner_class, sentence = choose(settings)
    profiles.configure(c, settings)
    if settings.spawner != "local":
        c.JupyterHub.cleanup_servers = False  # they outlive the Hub, which finds them again
        _of_containers(settings).configure(c, settings)
    return sentence


def _of_courses(settings: Settings) -> str:
    broken = [one.name for one in settings.courses if shut_in.course_broken(settings, one)]
    if not broken:
        return "Each course's server sees its own course alone."
    return (
        f"The server of {', '.join(broken)} cannot be shut in, so its instructors can read and change everything that "
        "the Hub can: name as instructors only whom you would give that."
    )


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
