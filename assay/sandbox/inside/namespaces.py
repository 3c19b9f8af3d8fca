"""Namespaces within those of bubblewrap: a process that gives each of its children namespaces of the child's own.

No /proc is mounted in there, and none may be. A descriptor of the machine's own stands in, and is closed in a child
before the child reads anything of a student's.
"""

from __future__ import annotations

import os

from .kernel import (
    DROP_FROM_BOUNDING_SET,
    DUMPABLE,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NETWORK,
    NEW_PROCESSES,
    NEW_USER,
    NO_DEVICES,
    NO_PROGRAMS,
    NO_SET_USER,
    mount,
    prctl,
    set_capabilities,
    setns,
    unshare,
)

TO_MAKE_NAMESPACES = 1 << 21  # CAP_SYS_ADMIN, over a user namespace of our own alone
TEMPORARY = ("/tmp", "/dev/shm")
TERMINALS = "/dev/pts"


def enter_own_user(proc: int) -> None:
    """Enter a user namespace of our own, where the children that follow are in a process namespace of it.

    proc: a descriptor of /proc. Raises OSError.
    """
    _map_user(proc, NEW_USER | NEW_PROCESSES)


def keep_to_make_namespaces() -> None:
    """Give up every capability but the one to make process namespaces for children."""
    set_capabilities(TO_MAKE_NAMESPACES)


def fork_into_namespace(own: int) -> int:
    """Fork a child that is the first of a process namespace: all others of it end with the child.

    own: a descriptor of the namespace in which later children are to be again. Raises OSError.
    """
    unshare(NEW_PROCESSES)
    child = -1
    try:
        child = os.fork()
    finally:
        if child != 0:
            setns(own, NEW_PROCESSES)
    return child


def enter_own_namespaces(proc: int, size: int, *further: str) -> None:
    """Give this process users, mounts, IPC and a network of its own, temporary folders among them, and no rights.

    proc: a descriptor of /proc. size: bytes that each temporary folder can hold. further: such folders. Raises OSError.
    """
    _map_user(proc, NEW_USER | NEW_MOUNTS | NEW_IPC | NEW_NETWORK)
    for place in (*TEMPORARY, *further):
        mount("tmpfs", place, f"size={size},mode=1777", NO_SET_USER | NO_DEVICES)
    mount("devpts", TERMINALS, "newinstance,ptmxmode=0666,mode=620", NO_SET_USER | NO_PROGRAMS)
    for capability in range(64):
        try:
            prctl(DROP_FROM_BOUNDING_SET, capability)
        except OSError:  # past the last one
            break
    set_capabilities(0)


def _map_user(proc: int, namespaces: int) -> None:
    """Enter the namespaces, a new one of users among them, as the user that we are."""
    user, group = os.getuid(), os.getgid()
    prctl(DUMPABLE, 1)  # otherwise the files below are root's
    try:
        unshare(namespaces)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            descriptor = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
    finally:
        prctl(DUMPABLE, 0)
