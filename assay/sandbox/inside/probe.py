"""The self-test's view from inside: try what a hostile submission would try, and say what came of it.

What was done to the outside is looked at from there; this side only tells what it could read and how far it got.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

CHILDREN = 64  # forks tried beyond the cap
FAMILIES = ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK")
ATTACH = 16  # PTRACE_ATTACH


def serve_probe(channel: socket.socket) -> None:
    """Answer one line of JSON with another."""
    with channel.makefile("rw", encoding="utf-8") as file:
        asked = json.loads(file.readline())
        file.write(json.dumps(look_around(asked)) + "\n")


def look_around(asked: dict[str, Any]) -> dict[str, Any]:
    """Try everything. `asked` names a secret file, its folder, a process, listening sockets and the caps."""
    _harm(asked["process"])
    _write(asked["folder"], asked["secret"])
    return {
        "secret": _text(asked["secret"]),
        "listing": _attempt(lambda: os.listdir(asked["folder"])),
        "processes seen": _seen(asked["process"]),
        "environment": dict(os.environ),
        "reached": [name for name, reach in _reaches(asked).items() if _attempt(reach) is not None],
        "user": os.getuid(),
        "children": _forks(asked["processes"] + CHILDREN),
        "memory": _attempt(lambda: len(bytearray(asked["memory"]))),
        "modules": [name for name in asked["modules"] if _attempt(partial(__import__, name)) is not None],
    }


def _attempt(action: Callable[[], Any]) -> Any:
    """The result, or None where it failed."""
    try:
        return action()
    except (OSError, MemoryError, ImportError, AttributeError, ValueError):
        return None


def _text(path: str) -> str | None:
    with suppress(OSError), open(path, encoding="utf-8") as file:
        return file.read()
    return None


def _seen(process: int) -> list[str]:
    return [name for name in ("cmdline", "environ", "status", "maps") if _text(f"/proc/{process}/{name}")]


def _harm(process: int) -> None:
    """Act on a process outside in every way that its user could."""
    _attempt(lambda: ctypes.CDLL(None).ptrace(ATTACH, process, None, None))
    _attempt(lambda: resource.prlimit(process, resource.RLIMIT_NOFILE, (5, 5)))
    _attempt(lambda: os.sched_setaffinity(process, {0}))
    _attempt(lambda: os.setpriority(os.PRIO_PROCESS, process, 19))
    _attempt(lambda: os.kill(process, signal.SIGKILL))


def _write(folder: str, secret: str) -> None:
    """Change a folder and a file outside in every way."""
    for action in (
        lambda: open(os.path.join(folder, "planted"), "x").close(),
        lambda: open(secret, "a").close(),
        lambda: os.truncate(secret, 0),
        lambda: os.close(os.open(secret, os.O_RDONLY | os.O_TRUNC)),
        lambda: os.chmod(secret, 0o600),
        lambda: os.utime(secret, (0, 0)),
        lambda: os.rename(secret, os.path.join(folder, "moved")),
        lambda: os.link(secret, "linked"),
        lambda: os.unlink(secret),
    ):
        _attempt(action)


def _reaches(asked: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Ways to talk to something outside, each with a name."""

    def connect(family: int, address: Any) -> bool:
        with socket.socket(family) as tried:
            tried.settimeout(2)
            tried.connect(address)
        return True

    def datagram(address: str) -> bool:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with near, far:
            near.sendto(b"x", address)
        return True

    def opened(family: str) -> bool:
        with socket.socket(getattr(socket, family), socket.SOCK_RAW if family == "AF_NETLINK" else socket.SOCK_STREAM):
            return True

    ways: dict[str, Callable[[], Any]] = {
        "a TCP port": lambda: connect(socket.AF_INET, ("127.0.0.1", asked["port"])),
        "an abstract socket": lambda: connect(socket.AF_UNIX, "\0" + asked["abstract"]),
        "a socket in a folder": lambda: connect(socket.AF_UNIX, asked["socket"]),
        "a datagram socket": lambda: datagram(asked["datagram"]),
    }
    return ways | {f"a socket of {family}": partial(opened, family) for family in FAMILIES}


def _forks(most: int) -> int:
    """How many processes can live beside this one, at most the given number."""
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children)
