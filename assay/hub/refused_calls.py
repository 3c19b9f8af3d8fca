"""System calls that no server of a person needs, and that reach into the kernel or beyond the server."""

from __future__ import annotations

import errno
import os
import socket
from functools import lru_cache

from assay.sandbox.inside import seccomp
from assay.sandbox.inside.seccomp import (
    CONSOLE_COMMAND,
    FAKE_INPUT,
    LOW_HALF,
    MASKED_EQUAL,
    NEW_NAMESPACES,
    Refusal,
)

SET_USER_AND_GROUP = (0o4000, 0o2000)  # a program that others run with its owner's rights
MODES = {  # which argument of a call is the mode of a file
    "chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "open": 2, "openat": 3, "mknod": 1,
    "mknodat": 2,
}  # fmt: skip
KERNEL = """acct bpf delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load lookup_dcookie
    nfsservctl open_by_handle_at perf_event_open quotactl quotactl_fd reboot swapoff swapon syslog userfaultfd vm86
    vm86old"""
KEYRINGS = "add_key keyctl request_key"  # of no namespace
NAMESPACES = """chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root setns umount
    umount2 unshare"""
HIDDEN_ARGUMENTS = "io_uring_setup openat2"  # no filter sees what they are asked for; programs have other ways
PACKET_SOCKETS = (socket.AF_PACKET, socket.AF_VSOCK)  # reach the host of a virtual machine


@lru_cache(maxsize=2)
def program(*, namespaces: bool) -> bytes:
    """The filter for bubblewrap to load; empty where libseccomp is missing.

    namespaces: whether new ones can be made, as a sandbox within needs.
    """
    try:
        return seccomp.program_of(refusals(namespaces=namespaces))
    except OSError:
        return b""


def refusals(*, namespaces: bool) -> tuple[Refusal, ...]:
    """What is refused; see `program`."""
    refused = [
        Refusal(name, where=((place, MASKED_EQUAL, bit, bit),))
        for name, place in MODES.items()
        for bit in SET_USER_AND_GROUP
    ]
    refused += [Refusal(name) for name in (KERNEL + " " + KEYRINGS).split()]
    refused += [Refusal(name, errno.ENOSYS) for name in HIDDEN_ARGUMENTS.split()]
    refused += [
        Refusal("ioctl", where=((1, MASKED_EQUAL, LOW_HALF, number),)) for number in (FAKE_INPUT, CONSOLE_COMMAND)
    ]
    refused += [Refusal("socket", where=((0, MASKED_EQUAL, LOW_HALF, family),)) for family in PACKET_SOCKETS]
    return (*refused, *([] if namespaces else _of_namespaces()))


def _of_namespaces() -> list[Refusal]:
    flags_at = 1 if os.uname().machine == "s390x" else 0
    single_flags = [1 << bit for bit in range(32) if NEW_NAMESPACES >> bit & 1]
    refused = [Refusal("clone", where=((flags_at, MASKED_EQUAL, flag, flag),)) for flag in single_flags]
    refused.append(Refusal("clone3", errno.ENOSYS))  # its flags are behind a pointer; the C library falls back
    return refused + [Refusal(name) for name in NAMESPACES.split()]
