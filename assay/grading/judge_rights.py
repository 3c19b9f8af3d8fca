"""What a judge and its zygote may reach and use. What this kernel cannot take from them is told to staff."""

from __future__ import annotations

import os
import resource
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import assay
from assay.data.places import cache_folder
from assay.sandbox.inside import landlock
from assay.sandbox.inside.confine import DEVICES, Policy, Step, address_space, bound, fence
from assay.sandbox.limits import MiB

MEMORY = 4096 * MiB  # beyond the libraries; a value that does not fit is the check's MemoryError, not the machine's
FILE = 256 * MiB
FILES = 1024  # open at the same time; every large array that judges share is one
SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime")
COMMAND_LINE = "/proc/self/cmdline"  # TensorFlow ends the process where it cannot read it
STEPS = ("files", "system calls", "memory", "closed memory")  # without which staff are told


def confine_zygote(folder: Path) -> list[str]:
    """Give up everything that importing the checks in `folder` does not need. Returns what did not hold.

    The limit of memory is one that each judge can set anew from what it finds loaded.
    """
    readable = (*_readable(folder), "/proc")  # of which each judge keeps its own command line
    steps = fence(Policy(readable=readable, writable=(os.getcwd(), *DEVICES), sealed_memory=True))
    steps += bound(Policy(file_size=FILE, open_files=FILES))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_within(address_space() + MEMORY, hard), hard))
    return _lacking(steps)


def confine_judge(folder: Path, own: str, seconds: float) -> list[str]:
    """What a judge gives up beyond that: all folders to write in but its own, and what it would see of others.

    It has so many seconds of processor time from now.
    """
    steps = bound(Policy(memory=MEMORY, cpu_seconds=seconds, file_size=FILE, open_files=FILES))
    try:
        landlock.restrict((*_readable(folder), COMMAND_LINE), writable=(own, *DEVICES))
    except OSError as error:
        steps += (Step("files", False, str(error)),)
    return _lacking(steps)


def _readable(folder: Path) -> tuple[str, ...]:
    return (*_libraries(), *SYSTEM, str(folder), *_data())


def _lacking(steps: Iterable[Step]) -> list[str]:
    return [f"{step.name} ({step.detail})" for step in steps if step.name in STEPS and not step.holds]


def _within(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _data() -> tuple[str, ...]:
    """The cache of data sets, which checks may load from. What is public in it, workers still do not see."""
    cache = cache_folder()
    return () if cache is None else (str(cache),)


def _libraries() -> set[str]:
    """Where Python and installed packages lie, and this package; not the folder around it, which may be a course."""
    ours = Path(assay.__file__).parent
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return places | {str(ours)} | {place for place in sys.path if place and Path(place) != ours.parent}
