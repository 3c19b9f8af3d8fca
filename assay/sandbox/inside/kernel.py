"""The few kernel calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os

NO_NEW_PRIVS, DUMPABLE, PARENT_DEATH_SIGNAL, CHILD_SUBREAPER, KEEP_CAPABILITIES = 38, 4, 1, 36, 8
DROP_FROM_BOUNDING_SET, AMBIENT = 24, 47
AMBIENT_RAISE = 2
NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NO_SET_USER, NO_DEVICES, NO_PROGRAMS = 2, 4, 8  # of a mount: MS_NOSUID, MS_NODEV, MS_NOEXEC

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def prctl(option: int, *values: int) -> int:
    """prctl(2). Raises OSError."""
    padded = [*values, 0, 0, 0, 0][:4]
    return _checked(_libc.prctl(option, *map(ctypes.c_ulong, padded)))


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number; integers are passed as C long. Raises OSError."""
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *converted)))


def unshare(flags: int) -> None:
    """unshare(2): enter new namespaces; of processes, for children alone. Raises OSError."""
    _checked(_libc.unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    """setns(2): enter the namespace that a descriptor stands for. Raises OSError."""
    _checked(_libc.setns(descriptor, kind))


def mount(kind: str, place: str, options: str, flags: int) -> None:
    """mount(2) of a file system that lies on no device. Raises OSError."""
    _checked(_libc.mount(kind.encode(), place.encode(), kind.encode(), flags, options.encode()))


def madvise(start: int, length: int, advice: int) -> None:
    """madvise(2). Raises OSError."""
    _checked(_libc.madvise(start, length, advice))


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


class _Capabilities(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def set_capabilities(mask: int) -> None:
    """Make `mask` the effective, permitted and inheritable capabilities of this thread. Raises OSError."""
    header = _Header(0x20080522, 0)
    halves = [mask & 0xFFFFFFFF, mask >> 32]
    data = (_Capabilities * 2)(*(_Capabilities(half, half, half) for half in halves))
    _checked(_libc.capset(ctypes.byref(header), data))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
