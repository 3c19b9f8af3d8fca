"""What a process and all its descendants use, as /proc says it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from assay.sandbox.inside.supervise import descendants

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Sums over a tree of processes."""

    cpu_seconds: float = 0.0  # with that of descendants which have ended
    memory: int = 0  # resident bytes that no file backs; pages shared by a fork count for each process
    processes: int = 0

    def largest(self, other: Usage) -> Usage:
        """The larger of each."""
        return Usage(
            max(self.cpu_seconds, other.cpu_seconds),
            max(self.memory, other.memory),
            max(self.processes, other.processes),
        )


def usage_of(process: int) -> Usage:
    """The usage of this process and its descendants; of those that can still be seen."""
    members = [process, *descendants(process)]
    return Usage(sum(map(_cpu_seconds, members)), sum(map(_memory, members)), len(members))


def proportional_memory(process: int) -> int:
    """Bytes of memory that this process and its descendants take: a page that n processes share counts 1/n for each.

    For those whose share may not be read, the resident bytes that no file backs.
    """
    return sum(_share(member) for member in (process, *descendants(process)))


def _share(process: int) -> int:
    for line in _read(process, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _memory(process)


def _cpu_seconds(process: int) -> float:
    fields = _read(process, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK  # own user and system time, then that of children waited for


def _memory(process: int) -> int:
    fields = _read(process, "statm").split()
    return (int(fields[1]) - int(fields[2])) * PAGE if fields else 0


def _read(process: int, name: str) -> str:
    try:
        with open(f"/proc/{process}/{name}") as file:
            return file.read()
    except OSError:
        return ""
