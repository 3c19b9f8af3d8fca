"""Landlock: which files a process and all its children can reach, for good. Linux 5.13 and later.

`restrict` allows the given paths and denies every other file. What the running kernel knows (its ABI, 1 to 7
as of Linux 6.18) decides how much is denied beyond that; see `describe`.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .kernel import NO_NEW_PRIVS, prctl, syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture that has Landlock
RULE_PATH_BENEATH = 1
VERSION_FLAG = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FIRST = (1 << 13) - 1  # every right of ABI 1
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15  # ABI 2, 3, 5
TCP = 0b11  # bind and connect, ABI 4
SCOPES = 0b11  # abstract unix sockets and signals, ABI 6
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE  # rights that a single file can have

READ = READ_FILE | READ_DIR
MAKE_DEVICES = 1 << 6 | 1 << 11  # character and block devices: never


class Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


@dataclass(frozen=True)
class Place:
    """A file or a folder."""

    descriptor: int
    is_folder: bool


NOWHERE: Mapping[str, Place] = {}


class PathBeneath(ctypes.Structure):
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The version of Landlock in the running kernel; 0 where there is none or it is switched off."""
    try:
        return max(syscall(CREATE_RULESET, None, 0, VERSION_FLAG), 0)
    except OSError:
        return 0


def describe(version: int) -> str:
    """What the version does and does not deny, for `assay doctor`."""
    if version == 0:
        return "not in this kernel, or not among its active security modules"
    missing = [
        text
        for since, text in ((3, "truncating files"), (4, "TCP"), (5, "device commands"), (6, "signals"))
        if version < since
    ]
    return f"ABI {version}" + (f"; does not cover {', '.join(missing)}" if missing else "")


def restrict(
    readable: Iterable[str] = (),
    *,
    writable: Iterable[str] = (),
    executable: Iterable[str] = (),
    listable: Iterable[str] = (),
    known: Mapping[str, Place] = NOWHERE,
) -> int:
    """Deny the calling thread and its future children every file that is not under one of the paths.

    Paths that do not exist are skipped; those in `known` were looked up already. `listable` folders can be listed,
    their files not read. Returns the ABI that took effect; raises OSError where Landlock is missing.
    """
    version = abi()
    if version == 0:
        raise OSError("Landlock is not available")
    handled = FIRST | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    handled |= IOCTL_DEVICE if version >= 5 else 0
    attributes = Ruleset(handled, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        grants = ((readable, READ), (listable, READ_DIR), (executable, READ | EXECUTE))
        for paths, rights in (*grants, (writable, handled & ~MAKE_DEVICES & ~EXECUTE)):
            for path in paths:
                if path in known:
                    _allow(ruleset, known[path], rights)
                elif (place := _look_up(path)) is not None:
                    _allow(ruleset, place, rights)
                    os.close(place.descriptor)
        prctl(NO_NEW_PRIVS, 1)
        syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def look_up(paths: Iterable[str]) -> dict[str, Place]:
    """Those of the paths that exist, for `restrict` in this process and its forks to find without looking."""
    return {path: place for path in dict.fromkeys(paths) if (place := _look_up(path)) is not None}


def _look_up(path: str) -> Place | None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Place(descriptor, stat.S_ISDIR(os.fstat(descriptor).st_mode))


def _allow(ruleset: int, place: Place, rights: int) -> None:
    rights &= ~0 if place.is_folder else OF_FILES
    syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(PathBeneath(rights, place.descriptor)), 0)
