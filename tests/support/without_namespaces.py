"""Run a command as in a container that forbids namespaces, so that bubblewrap fails and nothing else does.

python tests/support/without_namespaces.py [--without-landlock] COMMAND...
"""

from __future__ import annotations

import errno
import os
import sys

from assay.sandbox.inside.seccomp import MASKED_EQUAL, NEW_NAMESPACES, Refusal, refuse

REFUSED = ("unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsmount")


def forbid_namespaces(*, landlock: bool = False) -> None:
    """For this process and its children, for good. `landlock` forbids that too, as a kernel without it would."""
    flags = [1 << bit for bit in range(32) if NEW_NAMESPACES >> bit & 1]
    refused = [Refusal(name) for name in REFUSED]
    refused += [Refusal("clone", where=((0, MASKED_EQUAL, flag, flag),)) for flag in flags]
    refused.append(Refusal("clone3", errno.ENOSYS))  # the C library then uses clone
    if landlock:
        refused.append(Refusal("landlock_create_ruleset", errno.ENOSYS))
    refuse(refused)


def main() -> None:
    command = sys.argv[1:]
    landlock = command[:1] == ["--without-landlock"]
    forbid_namespaces(landlock=landlock)
    os.execvp(command[landlock], command[landlock:])


if __name__ == "__main__":
    main()
