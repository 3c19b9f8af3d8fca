"""What a process gives up for good, as a list of named steps. The same in every tier, and for the judge.

`fence` takes away what can be reached, before any library is loaded. `bound` sets the limits that count from
what the libraries take, so it comes after them. Both before the first byte of a student's code is read.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import landlock, seccomp
from .kernel import (
    AMBIENT,
    AMBIENT_RAISE,
    DROP_FROM_BOUNDING_SET,
    DUMPABLE,
    KEEP_CAPABILITIES,
    NO_NEW_PRIVS,
    prctl,
    set_capabilities,
)

SEARCH_AND_READ = 2  # CAP_DAC_READ_SEARCH
SIGNALS_SINCE = 6  # the ABI of Landlock that keeps signals in
DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))


class Unconfined(Exception):
    """A step without which nothing untrusted may run did not hold."""


@dataclass(frozen=True)
class Policy:
    """What one process may reach and use."""

    readable: tuple[str, ...] = ()
    listable: tuple[str, ...] = ()  # names can be read, contents not
    writable: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    sockets: seccomp.Sockets = "pair"
    user: int | None = None  # uid and gid to become; None: stay who we are
    reads_all: bool = False  # keep the right to read every file, where Landlock alone decides
    same_user: bool = True  # others that must not be touched have the same uid
    sealed_memory: bool = False  # may keep data for others in memory that nobody can change
    driver: str = ""  # library of a GPU that the program has; asked before it begins
    gpu_memory: int = 0  # bytes that libraries may take of it; 0: all
    open_to_itself: bool = False  # its files in /proc are its own, not root's
    memory: int | None = None  # bytes beyond what is in use when `bound` is called
    cpu_seconds: float | None = None  # from now on
    processes: int | None = None  # of this uid, threads included
    file_size: int | None = None  # bytes
    open_files: int = 256
    required: tuple[str, ...] = ()  # names of steps that must hold

    @property
    def has_gpu(self) -> bool:
        return self.sockets == "gpu"


@dataclass(frozen=True)
class Step:
    """One thing given up, and whether it holds."""

    name: str
    holds: bool
    detail: str = ""


def policy_from(data: dict[str, Any]) -> Policy:
    """Inverse of `dataclasses.asdict`, for data that came as JSON."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Policy(**values)


def fence(
    policy: Policy, filters: seccomp.Filters | None = None, known: Mapping[str, landlock.Place] = landlock.NOWHERE
) -> tuple[Step, ...]:
    """Take away what can be reached. Raises Unconfined where a required step does not hold.

    filters, known: what `filters_of` and `landlock.look_up` gave for this policy, where they were asked already.
    """
    return _taken(
        policy,
        ("own user", lambda: become(policy.user, reads_all=policy.reads_all)),
        ("no new privileges", lambda: prctl(NO_NEW_PRIVS, 1)),
        ("files", lambda: _files(policy, known)),
        ("system calls", lambda: seccomp.load(filters or filters_of(policy))),
    )


def bound(policy: Policy, in_use: int | None = None) -> tuple[Step, ...]:
    """Set the limits. Raises Unconfined where a required step does not hold.

    in_use: bytes of address space that do not count, where they are known; otherwise all that are in use now.
    """
    return _taken(
        policy,
        ("memory", lambda: _limit(resource.RLIMIT_AS, policy.memory, used=lambda: in_use or address_space())),
        ("cpu", lambda: _limit(resource.RLIMIT_CPU, policy.cpu_seconds, used=time.process_time, hard=2)),
        ("processes", lambda: _limit(resource.RLIMIT_NPROC, policy.processes)),
        ("file size", lambda: _limit(resource.RLIMIT_FSIZE, policy.file_size)),
        ("open files", lambda: _limit(resource.RLIMIT_NOFILE, policy.open_files)),
        ("no core dump", lambda: _limit(resource.RLIMIT_CORE, 0)),
        ("closed memory", lambda: prctl(DUMPABLE, int(policy.open_to_itself))),
    )


def confine(policy: Policy) -> tuple[Step, ...]:
    """Both at once, for a process that has loaded all it needs."""
    return fence(policy) + bound(policy)


def confine_judge(folder: str, *, memory: int | None = None, cpu_seconds: float | None = None) -> tuple[Step, ...]:
    """Confine the judge: it may read, and write into its own folder; no network, no new sandboxes, no other process.

    Its channel to a worker must be open already. Steps that this kernel does not have are skipped.
    """
    return confine(
        Policy(readable=("/",), writable=(folder, *DEVICES), memory=memory, cpu_seconds=cpu_seconds, open_files=1024)
    )


def become(user: int | None, *, reads_all: bool = False) -> str:
    """Give up root for a uid that nobody else has, with all capabilities but, on demand, the one to read files."""
    if user is None:
        return f"uid {os.getuid()} as before"
    kept = 1 << SEARCH_AND_READ if reads_all else 0
    if reads_all:
        prctl(KEEP_CAPABILITIES, 1)
    for capability in range(64):
        if not kept >> capability & 1:
            try:
                prctl(DROP_FROM_BOUNDING_SET, capability)
            except OSError:  # not allowed, or past the last one; no-new-privs makes the set harmless
                break
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    set_capabilities(kept)
    if reads_all:
        prctl(AMBIENT, AMBIENT_RAISE, SEARCH_AND_READ)  # a notebook's kernel is a program of its own
    return f"uid {user}" + (", may read what Landlock allows" if reads_all else "")


def address_space() -> int:
    """Bytes of address space in use, found without /proc: the limit less the largest mapping that it still lets."""
    limit, before = 1 << 44, resource.getrlimit(resource.RLIMIT_AS)
    if before[1] != resource.RLIM_INFINITY:
        limit = min(limit, before[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        fits, too_large = 0, limit // mmap.PAGESIZE
        while too_large - fits > 1:
            pages = (fits + too_large) // 2
            place = libc.mmap(None, pages * mmap.PAGESIZE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
            if place in (None, ctypes.c_void_p(-1).value):
                too_large = pages
            else:
                libc.munmap(place, pages * mmap.PAGESIZE)
                fits = pages
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    return limit - fits * mmap.PAGESIZE


def _files(policy: Policy, known: Mapping[str, landlock.Place]) -> str:
    version = landlock.restrict(
        policy.readable,
        writable=policy.writable,
        executable=policy.executable,
        listable=policy.listable,
        known=known,
    )
    return landlock.describe(version)


def filters_of(policy: Policy) -> seccomp.Filters:
    """The system calls that the policy leaves. Raises OSError where seccomp or libseccomp is missing."""
    return seccomp.compiled(
        policy.sockets,
        same_user=policy.same_user,
        signals_kept_in=signals_are_kept_in(),
        sealed_memory=policy.sealed_memory,
    )


def signals_are_kept_in() -> bool:
    """Whether Landlock keeps the signals of a process from reaching others."""
    return landlock.abi() >= SIGNALS_SINCE


def _limit(kind: int, value: float | None, *, used: Callable[[], float] = lambda: 0, hard: int = 0) -> str:
    """Set soft and hard limit to `value` beyond `used`, never above the hard limit in force."""
    if value is None:
        return "no limit asked for"
    soft = math.ceil(value + used())
    allowed = resource.getrlimit(kind)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, max(allowed - soft, 0))
    resource.setrlimit(kind, (soft, soft + hard))
    return str(soft)


def _taken(policy: Policy, *steps: tuple[str, Callable[[], object]]) -> tuple[Step, ...]:
    taken = []
    for name, action in steps:
        try:
            detail = action()
            taken.append(Step(name, True, detail if isinstance(detail, str) else ""))
        except (OSError, ValueError) as error:
            if name in policy.required:
                raise Unconfined(f"{name}: {error}") from error
            taken.append(Step(name, False, str(error)))
    return tuple(taken)
