"""Zygotes as tests look at them from outside: by their process ids, and into their memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from assay.sandbox.inside.supervise import descendants
from assay.sandbox.isolation import Running, Warm
from assay.sandbox.isolation.process import Fork


def zygotes_of(warm: Warm) -> list[int]:
    """Outermost processes of the zygotes that this process has started."""
    return [running.process.pid for running in warm._started.values()]


def forking_process(fork: Running) -> int:
    """The process that forked this one: the zygote itself."""
    status = Path(f"/proc/{fork.process.pid}/status").read_text()
    return int(re.findall(r"^PPid:\s+(\d+)", status, re.MULTILINE)[0])


def processes_of(fork: Running) -> list[int]:
    """The process that a zygote forked, with all it has started."""
    assert isinstance(fork.process, Fork)
    return [fork.process.pid, *descendants(fork.process.pid)]


def memory_of(process: int) -> Iterator[bytes]:
    """All that can be read of a process's memory, a mapping at a time. Only root can."""
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(place, 16) for place in line.split()[0].split("-"))
            if line.split()[1][0] != "r" or "[v" in line:
                continue
            parts = []
            for at in range(start, end, 1 << 24):
                try:
                    parts.append(os.pread(memory.fileno(), min(end - at, 1 << 24), at))
                except OSError:
                    continue
            yield b"".join(parts)


def holds(process: int, text: bytes) -> bool:
    """Whether the text is anywhere in the process's memory, environment or command line."""
    said = [Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")]
    return any(text in part for part in (*said, *memory_of(process)))


def proportional(process: int, name: str) -> int:
    """Bytes of one line of /proc/<pid>/smaps_rollup, such as Pss."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[0]) * 1024
