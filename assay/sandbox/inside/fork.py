"""What a fork of a zygote does before it is a program: it leaves all that others could share, then sets its limits.

Only after that does it read anything of a student's.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from . import gpu, namespaces
from .confine import Policy, bound, fence, policy_from
from .kernel import DUMPABLE, PARENT_DEATH_SIGNAL, prctl
from .landlock import Place
from .seccomp import Filters
from .start import close_all_but, furnish, run
from .supervise import supervise


@dataclass(frozen=True)
class Order:
    """How to start one fork."""

    policy: Policy
    work: str  # its working folder, made in there
    disk: int  # bytes that each of its temporary folders can hold
    environment: tuple[tuple[str, str], ...] = ()  # beyond what the zygote has

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, data: bytes) -> Order:
        """Inverse of `as_json`."""
        given = json.loads(data)
        environment = tuple((name, value) for name, value in given["environment"])
        return cls(policy_from(given["policy"]), given["work"], given["disk"], environment)


@dataclass(frozen=True)
class Given:
    """Descriptors of one fork."""

    report: int
    channel: int  # the socket to the judge
    output: int  # what it prints goes here
    leash: int  # closes when it is to end
    files: int  # JSON, as in `Settings.files`
    groups: tuple[int, ...]


def import_program(program: str) -> None:
    """Load the program's own code, so that no fork has to."""
    importlib.import_module(f".{program}", __package__)


@dataclass(frozen=True)
class Prepared:
    """What the zygote has done once for all its forks."""

    own_processes: bool  # the fork is the first of a process namespace; else a supervisor ends what is left
    proc: int  # descriptor of /proc
    filters: Filters | None  # None: each fork has to compile its own
    places: Mapping[str, Place]  # that Landlock is told of


def begin(order: Order, given: Given, prepared: Prepared, in_use: int) -> socket.socket:
    """Be alone, be bound, furnish the working folder, and say so. The channel, now the only open descriptor.

    in_use: bytes of address space that do not count. Raises OSError and Unconfined.
    """
    for stream in (1, 2):
        os.dup2(given.output, stream)
    only_here = (given.report, given.channel, given.files, *given.groups, prepared.proc)
    only_here += tuple(place.descriptor for place in prepared.places.values())
    close_all_but(given.leash, *only_here)
    _be_the_first_to_go(prepared.proc)
    if prepared.own_processes:
        namespaces.enter_own_namespaces(prepared.proc, order.disk, *((gpu.THREADS,) if order.policy.has_gpu else ()))
    else:
        prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
        supervise(given.leash, only_here, order.policy.user, own_processes=False)
    steps = fence(order.policy, prepared.filters, prepared.places)
    prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if order.policy.has_gpu and prepared.own_processes:
        gpu.name_threads()
    _renew(order)
    with open(given.files, encoding="utf-8", closefd=False) as file:
        furnish(order.work, json.load(file))
    for group in given.groups:
        os.write(group, b"0")
    close_all_but(given.channel, given.report)
    steps += bound(order.policy, in_use)
    gpu.begin(order.policy)
    with socket.socket(fileno=given.report) as report:
        report.send(json.dumps({"ready": [asdict(step) for step in steps]}).encode())
    channel = os.dup(given.channel)  # the lowest number, as in a program that was started by itself
    os.close(given.channel)
    return socket.socket(fileno=channel)


def run_to_its_end(program: str, work: str, channel: socket.socket) -> int:
    """Be the program; its exit status."""
    try:
        run(program, work, channel)
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        with suppress(Exception):
            sys.stdout.flush()
    return 0


def _be_the_first_to_go(proc: int) -> None:
    """Should this machine run out of memory."""
    prctl(DUMPABLE, 1)  # otherwise the file is root's
    with suppress(OSError), open(os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=proc), "w") as file:
        file.write("1000")
    prctl(DUMPABLE, 0)


def _renew(order: Order) -> None:
    """What forks of one process would have in common."""
    os.environ.update(order.environment)
    tempfile.tempdir = None
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
