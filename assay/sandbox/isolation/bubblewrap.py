"""The tier for a machine that lets us make namespaces: bubblewrap shows a program nothing but its libraries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from assay.errors import SandboxError
from assay.sandbox.inside.confine import DEVICES, Policy
from assay.sandbox.inside.fork import Order
from assay.sandbox.isolation import cgroup, gpu, users
from assay.sandbox.isolation.ground import Ground, ground
from assay.sandbox.isolation.job import Job
from assay.sandbox.isolation.launch import (
    INSIDE,
    Enclosure,
    caps_of,
    launch,
    libraries_of,
    policy_of,
)
from assay.sandbox.isolation.process import Child, Fork
from assay.sandbox.isolation.running import Hold, Running
from assay.sandbox.isolation.zygote import Zygote, fork
from assay.sandbox.libraries import View

VIEW, HOME = "/libraries", "/tmp"
ITSELF = "/proc/self"  # all there is of /proc besides what the machine is: TensorFlow ends the process without it
NAMESPACES = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
TO_GIVE_UP_ROOT = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")  # given up themselves in the first step inside


@dataclass(frozen=True)
class Bubblewrap:
    """Own user, process, network, IPC, host-name and mount namespaces; a root folder made for one program.

    As root the program gets a uid of its own, otherwise a user namespace.
    """

    groups: cgroup.Place | None = None
    name: str = "bubblewrap"
    warm: bool = True

    def start(self, job: Job) -> Running:
        """See `Isolation.start`."""
        return self._start(job, zygote=False)

    def start_zygote(self, job: Job) -> tuple[Running, Zygote]:
        """See `Forking.start_zygote`. Below it each fork makes namespaces of its own."""
        if users.counts_processes_by_user():
            raise SandboxError("A warm start in bubblewrap needs Linux 5.14 or later, which caps processes for each.")
        running = self._start(job, zygote=True)
        return running, Zygote(running.channel, VIEW)

    def fork(self, zygote: Zygote, job: Job) -> Running:
        """See `Forking.fork`."""
        with ExitStack() as undo:
            group = cgroup.make_group(self.groups, **caps_of(job))
            if group is not None:
                undo.callback(group.remove)
            own = tuple(gpu.SEEN.items()) if job.gpu is not None else ()
            order = Order(policy(job, None, processes_before=0), f"{HOME}/work", job.limits.disk, own)

            def hold(process: Fork, leash: IO[bytes]) -> Hold:
                undo.callback(leash.close)
                return Hold(process.kill, undo.pop_all().close, cap=group)

            return fork(zygote, job, order, group, hold)

    def _start(self, job: Job, *, zygote: bool) -> Running:
        """A program, or a zygote of such."""
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed. Install it: apt-get install bubblewrap")
        view = libraries_of(job)
        with ExitStack() as undo:
            lease = users.lease_user()
            undo.callback(lease.release)
            group = None if zygote else cgroup.make_group(self.groups, **caps_of(job))
            if group is not None:
                undo.callback(group.remove)
            near_info, far_info = os.pipe2(os.O_CLOEXEC)
            info = undo.enter_context(open(near_info, "rb"))
            started_as = _command_line()
            command = [
                *(program, *arguments(view, lease.user, job.limits.disk, job.gpu)),
                *("--file", str(started_as), f"{ITSELF}/cmdline", "--remount-ro", "/"),
                *("--info-fd", str(far_info), "--"),
            ]
            reach = policy(job, lease.user, processes_before=0 if lease.user else users.counted_in_new_namespace())
            inherited = (far_info, started_as)
            around = Enclosure(VIEW, HOME, reach, command, inherited, own_processes=True, group=group, zygote=zygote)

            def hold(process: subprocess.Popen[bytes], leash: IO[bytes]) -> Hold:
                undo.callback(leash.close)
                kill = _killer(info.read(), process, undo)
                return Hold(kill, undo.pop_all().close, cap=group, watched=not zygote)

            return launch(job, around, hold)


def policy(job: Job, user: int | None, *, processes_before: int) -> Policy:
    """The second layer: within the sandbox's own root folder everything can be read, little be written.

    user: the uid to become. processes_before: those that count against the cap although they are not of this program.
    """
    return policy_of(
        job,
        readable=("/",),
        writable=(HOME, "/dev/shm", "/dev/pts", "/dev/ptmx", "/dev/tty", *DEVICES, *_writable(job)),
        executable=("/",) if job.program == "notebook" else (),
        user=user,
        same_user=False,  # nobody else is in its namespaces
        processes_before=processes_before,
        required=("own user", "no new privileges"),
    )


def _writable(job: Job) -> tuple[str, ...]:
    """What a GPU job writes to besides."""
    if job.gpu is None:
        return ()
    return (*(str(Path("/dev", name)) for name in job.gpu.names), gpu.THREADS)


def arguments(view: View, user: int | None, disk: int, device: gpu.Gpu | None = None) -> list[str]:
    """The policy of the sandbox in bubblewrap's words, one concern a line. `disk` in bytes.

    Raises SandboxError where a file of the device is missing.
    """
    here = ground()
    return [
        *NAMESPACES,
        *_privileges(user),
        "--as-pid-1",  # our own supervisor: with it the kernel ends every process of the namespace
        *("--hostname", "sandbox"),
        *parents_of((*here.trees, *(Path(VIEW, place) for place, _ in view.entries), Path(VIEW, INSIDE.name))),
        *parents_of((Path(ITSELF, "exe"),)),
        *_ground(here),
        *_libraries(view),
        *("--dev", "/dev", *_gpu(device), "--remount-ro", "/dev"),
        *("--perms", "1777", "--size", str(disk), "--tmpfs", "/dev/shm"),
        *("--perms", "1777", "--size", str(disk), "--tmpfs", HOME),
        *("--symlink", str(here.python), f"{ITSELF}/exe"),
    ]


def _command_line() -> int:
    """A descriptor of what a program can read as its own command line."""
    descriptor = os.memfd_create("cmdline")
    os.write(descriptor, b"python\0-\0")
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _privileges(user: int | None) -> Iterator[str]:
    if user is None:
        yield "--unshare-user"
    yield from ("--cap-drop", "ALL")
    if user is not None:
        for capability in TO_GIVE_UP_ROOT:
            yield from ("--cap-add", capability)


def parents_of(places: Iterable[Path]) -> Iterator[str]:
    """Make the folders above every place with permissions of their own: bubblewrap makes them for itself alone."""
    parents = {parent for place in places for parent in place.parents if parent != Path("/")}
    for parent in sorted(parents, key=lambda path: len(path.parts)):
        yield from ("--perms", "0755", "--dir", str(parent))


def _ground(here: Ground) -> Iterator[str]:
    for place, target in here.links:
        yield from ("--symlink", target, str(place))
    for tree in here.trees:
        yield from ("--ro-bind", str(tree), str(tree))
        for folder in here.shut:
            if folder.is_relative_to(tree):
                yield from ("--tmpfs", str(folder), "--remount-ro", str(folder))


def _gpu(device: gpu.Gpu | None) -> Iterator[str]:
    """The one device, and what its driver's library reads; names of threads in place of those in /proc."""
    if device is None:
        return
    for file in device.files:
        yield from ("--dev-bind", str(file), str(Path("/dev", file.name)))
    yield from parents_of((*gpu.hardware(), *gpu.driver()))
    for place in (*gpu.hardware(), *gpu.driver()):
        yield from ("--ro-bind", str(place), str(place))
    yield from ("--perms", "1777", "--size", str(1 << 20), "--tmpfs", gpu.THREADS)


def _libraries(view: View) -> Iterator[str]:
    for place, lies in view.entries:
        yield from ("--ro-bind", str(lies), str(PurePosixPath(VIEW, place)))
    yield from ("--ro-bind", str(INSIDE), str(PurePosixPath(VIEW, INSIDE.name)))


def _killer(said: bytes, process: subprocess.Popen[bytes], undo: ExitStack) -> Callable[[], None]:
    """How to end the sandbox: with the first process of its namespace all others end.

    bubblewrap outside then lives long enough to say how it went. `said` is what it wrote about itself.
    """
    try:
        first = os.pidfd_open(json.loads(said)["child-pid"])
    except (ValueError, KeyError, OSError):
        return Child(process).kill  # it has not come so far
    undo.callback(os.close, first)

    def kill() -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(first, signal.SIGKILL)

    return kill
