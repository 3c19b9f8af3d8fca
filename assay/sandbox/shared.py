"""Large arrays that many workers get: kept once in sealed memory, which a worker maps instead of being sent the bytes.

    images = share(images)     # read-only; any call of a student's function that gets it takes this way

Each array has memory of its own, so that a worker never holds more than its inputs. The seals keep everybody, us
included, from changing what others read; and each worker gets an opened file of its own, because a position in a
file, its flags and its times are places to leave a message for the next. Processes forked later share the memory too.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from typing import NamedTuple

import numpy as np

from assay.sandbox.inside.wire import SMALL

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
NOT_EXECUTABLE = 0x8  # MFD_NOEXEC_SEAL, since Linux 6.3


class Sealed(NamedTuple):
    """Sealed memory, and what identifies it should its descriptor have been closed and taken by another file."""

    descriptor: int
    device: int
    inode: int


_SHARED: dict[tuple[int, int], Sealed] = {}  # by address and size in bytes


def share(array: np.ndarray) -> np.ndarray:
    """An equal array, C-contiguous and read-only, whose bytes workers map.

    A small one, and any on a system without sealed memory, is only made read-only; it is sent as every other.
    """
    if _sealed(array) is not None:
        return array
    shared = array.copy(order="C") if array.nbytes < SMALL else _in_sealed_memory(np.asarray(array, order="C"))
    shared.flags.writeable = False
    return shared


def lent(array: np.ndarray) -> int | None:
    """A new descriptor, to be closed soon, of memory that holds the whole of a shared array and nothing else.

    None where the array is not shared.
    """
    sealed = _sealed(array)
    if sealed is None:
        return None
    try:
        return os.open(f"/proc/self/fd/{sealed.descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOATIME)
    except OSError:
        return None


def _sealed(array: np.ndarray) -> Sealed | None:
    sealed = _SHARED.get((_address(array), array.nbytes)) if _SHARED else None
    return sealed if sealed is not None and array.flags.c_contiguous and _is_open(sealed) else None


def _in_sealed_memory(array: np.ndarray) -> np.ndarray:
    """A copy in sealed memory where there is such a thing."""
    try:
        descriptor = _new(array)
    except OSError:
        return array.copy()
    # With `mmap`, no flag of the array can be set so that a write would end the process.
    memory = mmap.mmap(descriptor, array.nbytes, mmap.MAP_PRIVATE, mmap.PROT_READ)
    shared = np.ndarray(array.shape, array.dtype, memory)
    found, place = os.fstat(descriptor), (_address(shared), shared.nbytes)
    _SHARED[place] = Sealed(descriptor, found.st_dev, found.st_ino)
    weakref.finalize(memory, _forget, place).atexit = False
    return shared


def _new(array: np.ndarray) -> int:
    """A new descriptor of memory with these bytes, which nobody can change any more. Raises OSError."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no sealed memory")
    try:
        descriptor = os.memfd_create("array", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | NOT_EXECUTABLE)
    except OSError:
        descriptor = os.memfd_create("array", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.fchmod(descriptor, 0o400)
        if os.fstat(descriptor).st_mode & 0o777 != 0o400:  # a filter can make fchmod do nothing
            raise OSError("sealed memory that others could touch")
        left = array.reshape(-1).view(np.uint8).data
        while left:
            left = left[os.write(descriptor, left) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_open(sealed: Sealed) -> bool:
    """Whether the descriptor is still the one that it was, and not that of another file."""
    try:
        found = os.fstat(sealed.descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (sealed.device, sealed.inode)


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _forget(place: tuple[int, int]) -> None:
    sealed = _SHARED.pop(place)
    if _is_open(sealed):
        os.close(sealed.descriptor)
