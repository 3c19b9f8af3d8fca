"""Whether the server that was started is the one that listens at its port.

Servers share the loopback interface. Another user's program that took the port a moment earlier would be handed the
browser's requests in the server's place.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

from assay.errors import SandboxError
from assay.sandbox.inside.supervise import descendants

LISTEN = "0A"  # the state in /proc/net/tcp
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
PAUSE = 0.1  # seconds


async def until_listening(process: int, port: int, seconds: float) -> None:
    """Wait until the process, or one that it started, listens at the port, or has ended.

    Raises SandboxError where a stranger listens there, or nobody does in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        listening = listeners(port)
        if listening:
            if listening <= sockets_of(process):
                return
            raise SandboxError(
                f"Another program has taken the port {port} of a server that was starting. Start it once more; if "
                f"that comes back, look who it is: ss -ltnp 'sport = :{port}'"
            )
        if not Path(f"/proc/{process}").exists() or _is_zombie(process):
            return
        await asyncio.sleep(PAUSE)
    raise SandboxError(f"A server did not listen at its port {port} within {seconds:.0f} seconds. See the Hub's log.")


def listeners(port: int) -> frozenset[str]:
    """The sockets (inodes) that listen at the port, on whatever address."""
    found = set()
    for table in TABLES:
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                    found.add(words[9])
    return frozenset(found)


def sockets_of(process: int) -> frozenset[str]:
    """The sockets (inodes) that the process and its descendants hold."""
    found = set()
    for one in (process, *descendants(process)):
        with suppress(OSError):
            for descriptor in os.listdir(f"/proc/{one}/fd"):
                with suppress(OSError):
                    target = os.readlink(f"/proc/{one}/fd/{descriptor}")
                    if target.startswith("socket:["):
                        found.add(target[len("socket:[") : -1])
    return frozenset(found)


def _is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
