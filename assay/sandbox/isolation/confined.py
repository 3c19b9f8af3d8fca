"""The tier for a machine that forbids namespaces, as many containers do: an ordinary process behind many fences.

Landlock shows it the libraries and its own folder, seccomp leaves it no network and no way to others, and as root
it gets a uid of its own. A supervising parent, outside the fences, ends all it has started.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from assay.errors import SandboxError
from assay.sandbox.inside.confine import DEVICES, Policy
from assay.sandbox.inside.fork import Order
from assay.sandbox.isolation import cgroup, gpu, ground, users
from assay.sandbox.isolation.job import Job
from assay.sandbox.isolation.launch import (
    INSIDE,
    Enclosure,
    caps_of,
    environment,
    launch,
    libraries_of,
    policy_of,
)
from assay.sandbox.isolation.running import Hold, Running
from assay.sandbox.isolation.scratch import Scratch, make_scratch
from assay.sandbox.isolation.zygote import Zygote, fork
from assay.sandbox.libraries import View

ITSELF = "/proc/self"
COMMAND_LINE = "/proc/self/cmdline"  # of the program alone: TensorFlow ends the process where it cannot read it
FENCES = ("own user", "no new privileges", "files", "system calls")


@dataclass(frozen=True)
class Confined:
    """A process with a uid of its own where we are root, Landlock, seccomp and limits."""

    groups: cgroup.Place | None = None
    required: tuple[str, ...] = FENCES
    name: str = "confined process"
    warm: bool = True

    def start(self, job: Job) -> Running:
        """See `Isolation.start`."""
        view = libraries_of(job)
        with ExitStack() as undo:
            user, scratch, group = self._own(job, view, undo)
            around = Enclosure(
                view=str(scratch.view),
                home=str(scratch.home),
                policy=policy(job, view, scratch.view, scratch, user, self.required),
                group=group,
            )
            return launch(job, around, lambda _, leash: _hold(leash, undo, scratch, group))

    def start_zygote(self, job: Job) -> tuple[Running, Zygote]:
        """See `Forking.start_zygote`. It stays outside the fences, so that each fork can have a uid of its own."""
        view = libraries_of(job)
        with ExitStack() as undo:
            scratch = make_scratch(view, None)
            undo.callback(scratch.remove)
            reach = policy(job, view, scratch.view, scratch, None, ())
            around = Enclosure(
                view=str(scratch.view),
                home=str(scratch.home),
                policy=replace(reach, same_user=os.geteuid() != 0),
                zygote=True,
            )
            running = launch(job, around, lambda _, leash: Hold(leash.close, undo.pop_all().close, watched=False))
        return running, Zygote(running.channel, str(scratch.view))

    def fork(self, zygote: Zygote, job: Job) -> Running:
        """See `Forking.fork`."""
        with ExitStack() as undo:
            user, scratch, group = self._own(job, None, undo)
            home = str(scratch.home)
            order = Order(
                policy(job, libraries_of(job), Path(zygote.view), scratch, user, self.required),
                f"{home}/work",
                job.limits.disk,
                tuple(environment(job, home).items()),
            )
            return fork(zygote, job, order, group, lambda _, leash: _hold(leash, undo, scratch, group))

    def _own(self, job: Job, view: View | None, undo: ExitStack) -> tuple[int | None, Scratch, cgroup.Group | None]:
        """A uid, a scratch folder and a control group for one program."""
        lease = users.lease_user()
        undo.callback(lease.release)
        scratch = make_scratch(view, lease.user)
        undo.callback(scratch.remove)
        group = cgroup.make_group(self.groups, **caps_of(job))
        if group is not None:
            undo.callback(group.remove)
        undo.callback(users.end_processes_of, lease.user)  # should the supervisor itself have been killed
        return lease.user, scratch, group


def _hold(leash: IO[bytes], undo: ExitStack, scratch: Scratch, group: cgroup.Group | None) -> Hold:
    # The supervisor inside ends all when it sees its leash closed.
    return Hold(leash.close, undo.pop_all().close, cap=group, disk_in_use=scratch.in_use)


def policy(job: Job, view: View, lies: Path, scratch: Scratch, user: int | None, required: tuple[str, ...]) -> Policy:
    """What the process may reach: its libraries, `lies` being the folder of links to them, what Python needs, and its
    own folder."""
    readable, listable = ground.readable()
    libraries = (*(library for _, library in view.entries), INSIDE)
    with_gpu = (*gpu.hardware(), *gpu.driver(), Path(ITSELF)) if job.gpu is not None else ()
    device = (*map(str, job.gpu.files), gpu.THREADS) if job.gpu is not None else ()
    return policy_of(
        job,
        readable=(*readable, str(lies), *map(str, libraries), COMMAND_LINE, *map(str, with_gpu)),
        listable=listable,
        writable=(str(scratch.home), *DEVICES, *device),
        open_to_itself=job.gpu is not None,  # so that it can name its threads
        executable=readable if job.program == "notebook" else (),
        user=user,
        reads_all=_must_read_all(user, libraries, scratch, required),
        same_user=user is None,
        processes_before=users.processes_of_user() if user is None else 0,
        required=required,
    )


def _must_read_all(user: int | None, libraries: Iterable[Path], scratch: Scratch, required: tuple[str, ...]) -> bool:
    """Whether a uid of its own needs the right to read every file, Landlock then being what keeps them secret.

    Raises SandboxError where there is no Landlock to do so.
    """
    if user is None or can_be_read_by_others(libraries, scratch):
        return False
    if "own user" in required and "files" not in required:
        raise SandboxError(
            f"Only root can read {ground.ground().python} or a library. Install Python where others can, as in /usr."
        )
    return True


def can_be_read_by_others(libraries: Iterable[Path], scratch: Scratch) -> bool:
    """Whether a uid of its own can read all that the program needs, by the permissions of files alone."""
    here = ground.ground()
    return all(map(users.others_can_reach, (*here.trees, *libraries))) and users.others_can_enter(scratch.folder)
