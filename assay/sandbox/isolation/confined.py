"""The tier for a machine that forbids namespaces, as many containers do: an ordinary process behind many fences.

Landlock shows it the libraries and its own folder, seccomp leaves it no network and no way to others, and as root
it gets a uid of its own. A supervising parent, outside the fences, ends all it has started.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assay.errors import SandboxError
from assay.sandbox.inside.confine import DEVICES, Policy
from assay.sandbox.isolation import cgroup, ground, users
from assay.sandbox.isolation.job import Job
from assay.sandbox.isolation.launch import (
    INSIDE,
    Enclosure,
    caps_of,
    launch,
    libraries_of,
    policy_of,
)
from assay.sandbox.isolation.running import Hold, Running
from assay.sandbox.isolation.scratch import Scratch, make_scratch
from assay.sandbox.libraries import View

COMMAND_LINE = "/proc/self/cmdline"  # of the program alone: TensorFlow ends the process where it cannot read it
FENCES = ("own user", "no new privileges", "files", "system calls")


@dataclass(frozen=True)
class Confined:
    """A process with a uid of its own where we are root, Landlock, seccomp and limits."""

    groups: cgroup.Place | None = None
    required: tuple[str, ...] = FENCES
    name: str = "confined process"

    def start(self, job: Job) -> Running:
        """See `Isolation.start`."""
        view = libraries_of(job)
        with ExitStack() as undo:
            lease = users.lease_user()
            undo.callback(lease.release)
            scratch = make_scratch(view, lease.user)
            undo.callback(scratch.remove)
            group = cgroup.make_group(self.groups, **caps_of(job))
            if group is not None:
                undo.callback(group.remove)
            undo.callback(users.end_processes_of, lease.user)  # should the supervisor itself have been killed
            around = Enclosure(
                view=str(scratch.view),
                home=str(scratch.home),
                policy=policy(job, view, scratch, lease.user, self.required),
                group=group,
            )

            def hold(_: subprocess.Popen[bytes], leash: IO[bytes]) -> Hold:
                return Hold(
                    kill=leash.close,  # the supervisor inside ends all when it sees this
                    clean_up=undo.pop_all().close,
                    cap=group,
                    disk_in_use=scratch.in_use,
                )

            return launch(job, around, hold)


def policy(job: Job, view: View, scratch: Scratch, user: int | None, required: tuple[str, ...]) -> Policy:
    """What the process may reach: its libraries, what Python needs, and its own folder."""
    readable, listable = ground.readable()
    libraries = (*(lies for _, lies in view.entries), INSIDE)
    return policy_of(
        job,
        readable=(*readable, str(scratch.view), *map(str, libraries), COMMAND_LINE),
        listable=listable,
        writable=(str(scratch.home), *DEVICES),
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
