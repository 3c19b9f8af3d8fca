"""The few kernel calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os

NO_NEW_PRIVS, DUMPABLE, PARENT_DEATH_SIGNAL, CHILD_SUBREAPER, KEEP_CAPABILITIES = 38, 4, 1, 36, 8
DROP_FROM_BOUNDING_SET, AMBIENT = 24, 47
AMBIENT_RAISE = 2


def prctl(option: int, *values: int) -> int:
    """prctl(2). Raises OSError."""
    padded = [*values, 0, 0, 0, 0][:4]
    return _checked(ctypes.CDLL(None, use_errno=True).prctl(option, *map(ctypes.c_ulong, padded)))


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number; integers are passed as C long. Raises OSError."""
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(int(function(ctypes.c_long(number), *converted)))


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


class _Capabilities(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def set_capabilities(mask: int) -> None:
    """Make `mask` the effective, permitted and inheritable capabilities of this thread. Raises OSError."""
    header = _Header(0x20080522, 0)
    halves = [mask & 0xFFFFFFFF, mask >> 32]
    data = (_Capabilities * 2)(*(_Capabilities(half, half, half) for half in halves))
    _checked(ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), data))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
