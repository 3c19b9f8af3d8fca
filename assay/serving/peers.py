"""Who is at the other end of a Unix socket, and what whoever connects to a grader can want, in one byte."""

from __future__ import annotations

import os
import socket
import struct

from assay.errors import SandboxError

WORK, CHECK = b"w", b"?"
IDLE, BUSY = b"i", b"b"
HEAR = 10.0  # seconds for that one byte
_PEER = struct.Struct("3i")  # process, user, group


def reachable(place: str) -> socket.socket:
    """A connection to who listens there. Raises OSError."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(place)
    except BaseException:
        line.close()
        raise
    return line


def user_of(line: socket.socket) -> int:
    """Who is at the other end, as the kernel says."""
    _, user, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return int(user)


def allowed(line: socket.socket) -> bool:
    """Whether that is the own user, or root."""
    return user_of(line) in (os.geteuid(), 0)


def check(place: str) -> str:
    """Whether a grader listens there, in words. Raises SandboxError where none does."""
    try:
        with reachable(place) as line:
            line.settimeout(HEAR)
            line.sendall(CHECK)
            answer = line.recv(1)
    except OSError as error:
        raise SandboxError(
            f"No grader answers at {place} ({error.strerror or error}). Start one: python -m assay.serving.grader"
        ) from error
    if answer not in (IDLE, BUSY):
        raise SandboxError(f"What listens at {place} is no grader, or does not let this user in.")
    return "It listens, and a worker is connected." if answer == BUSY else "It listens, and waits for its worker."
