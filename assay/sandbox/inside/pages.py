"""The memory of a process that is forked often: little of it, in large pages, so that a fork copies few entries."""

from __future__ import annotations

import gc
import os
from contextlib import suppress

from .kernel import madvise

LARGE = 1 << 21  # bytes of a large page
COLLAPSE = 25  # MADV_COLLAPSE, since Linux 6.1
PAGE = os.sysconf("SC_PAGE_SIZE")


def settle(proc: int) -> None:
    """Put what was loaded into large pages, where the kernel can, and out of the garbage collector's way.

    proc: a descriptor of /proc.
    """
    gc.collect()
    gc.freeze()
    for line in _read(proc, "self/maps").splitlines():
        place, rights, _, device, _, *name = line.split(maxsplit=5)
        if rights != "rw-p" or device != "00:00" or name not in ([], ["[heap]"]):
            continue
        start, end = (int(number, 16) for number in place.split("-"))
        start, end = (start + LARGE - 1) // LARGE * LARGE, end // LARGE * LARGE
        if start < end:
            with suppress(OSError):
                madvise(start, end - start, COLLAPSE)


def address_space(proc: int) -> int:
    """Bytes of address space that this process has in use. proc: a descriptor of /proc."""
    return int(_read(proc, "self/statm").split()[0]) * PAGE


def _read(proc: int, name: str) -> str:
    with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), encoding="utf-8") as file:
        return file.read()
