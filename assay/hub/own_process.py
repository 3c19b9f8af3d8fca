"""Which process a number means: after a restart of the machine it can mean another program."""

from __future__ import annotations

from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def identity(process: int) -> str:
    """What no other process has, now or later: the machine's start, and its own after that; empty where it is gone."""
    try:
        started = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{_BOOT.read_text().strip()} {started}"
    except OSError:
        return ""
