"""Show a folder of root's as if it were another user's: what that user writes there is root's on disk.

python -m assay.hub.idmapped FOLDER UID COMMAND... runs a command to which it looks like that, and nothing else changes.
Linux 5.12 or later; ext4, XFS, Btrfs, and tmpfs since 6.3, but no NFS.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from assay.sandbox.inside.kernel import NEW_MOUNTS, NEW_USER, NO_DEVICES, NO_SET_USER, mount, syscall, unshare

OPEN_TREE, MOVE_MOUNT, SET_ATTRIBUTES = 428, 429, 442  # the same on every architecture that Debian has
HERE, EMPTY_PATH, CLONE = -100, 0x1000, 1  # AT_FDCWD, AT_EMPTY_PATH, OPEN_TREE_CLONE
FROM_EMPTY_PATH = 4  # MOVE_MOUNT_F_EMPTY_PATH
WITH_IDS_MAPPED = 0x100000
ALL_BELOW, SLAVE = 1 << 14, 1 << 19  # MS_REC, MS_SLAVE


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "cleared", "propagation", "users")]


def show(folder: Path, uid: int) -> None:
    """For this process and what it starts. Raises OSError where the kernel or the file system cannot."""
    users = _users(uid)
    unshare(NEW_MOUNTS)
    mount("none", "/", "", ALL_BELOW | SLAVE)
    place = ctypes.c_char_p(os.fsencode(folder))
    nothing = ctypes.c_char_p(b"")
    tree = syscall(OPEN_TREE, HERE, place, CLONE | os.O_CLOEXEC)
    attributes = _Attributes(WITH_IDS_MAPPED | NO_SET_USER | NO_DEVICES, 0, 0, users)
    syscall(SET_ATTRIBUTES, tree, nothing, EMPTY_PATH, ctypes.byref(attributes), ctypes.sizeof(attributes))
    syscall(MOVE_MOUNT, tree, nothing, HERE, place, FROM_EMPTY_PATH)
    for descriptor in (tree, users):
        os.close(descriptor)


def words(folder: Path, uid: int) -> tuple[str, ...]:
    """What to put before a command to which the folder is to look like that."""
    return (sys.executable, "-P", "-m", "assay.hub.idmapped", str(folder), str(uid))


def works(folder: Path, uid: int) -> bool:
    """Whether it can be done here. Found by trying."""
    done = subprocess.run([*words(folder, uid), "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return done.returncode == 0


def main() -> None:
    """Never returns."""
    folder, uid, *command = sys.argv[1:]
    try:
        show(Path(folder), int(uid))
    except OSError as error:
        sys.exit(f"{folder} cannot be shown as if it were another user's: {error}")
    os.execvp(command[0], command)


def _users(uid: int) -> int:
    """A descriptor of a user namespace in which root is that user."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    stay, leave = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        os.close(leave)
        try:
            unshare(NEW_USER)
            os.write(tell, b"x")
            os.read(stay, 1)
        finally:
            os._exit(0)
    os.close(tell)
    try:
        os.read(told, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{name}").write_text(f"0 {uid} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for descriptor in (told, stay, leave):
            os.close(descriptor)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
