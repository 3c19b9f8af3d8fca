"""Memory that lies in a descriptor, mapped for this process alone: a change in it is nobody else's."""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
FAILED = ctypes.c_void_p(-1).value


def mapped(descriptor: int, *, writable: bool) -> Any:
    """All bytes of a descriptor, as a buffer. Raises MemoryError.

    Unlike `mmap.mmap` it keeps no descriptor, so the caller can close its own at once. The memory is given back with
    the last array in it.
    """
    size = os.fstat(descriptor).st_size
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    address = _libc.mmap(None, size, protection, mmap.MAP_PRIVATE, descriptor, 0)
    if address is None or address == FAILED:
        raise MemoryError(f"{size} bytes of data could not be mapped: {os.strerror(ctypes.get_errno())}")
    memory = (ctypes.c_char * size).from_address(address)
    weakref.finalize(memory, _libc.munmap, address, size).atexit = False  # arrays may live until the very end
    return memory
