"""What goes over the line between the worker and its grader: a text, and files after it."""

from __future__ import annotations

import math
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import SandboxError
from assay.exchange.tar import Caps

MOST_TEXT = 2**22  # bytes
MOST_FILES = Caps.files  # of an attempt: what the exchange has taken can be graded
_HEAD = struct.Struct("!II")  # bytes of the text, number of files
_SIZE = struct.Struct("!Q")
_BLOCK = 2**20


@dataclass(frozen=True)
class Frame:
    """One message."""

    text: bytes
    files: tuple[bytes, ...] = ()


def send(connection: socket.socket, frame: Frame, *, until: float | None = None) -> None:
    """Raises OSError where nobody reads any more, or not all of it until then (monotonic)."""
    sizes = b"".join(_SIZE.pack(len(one)) for one in frame.files)
    for block in (_HEAD.pack(len(frame.text), len(frame.files)) + sizes + frame.text, *frame.files):
        _limit(connection, until)
        connection.sendall(block)


def receive(connection: socket.socket, *, most: float = math.inf, until: float | None = None) -> Frame | None:
    """The next frame; None where the line has ended. `most` is what all its files can hold, in bytes: no bound where
    the sender is believed, since only the site's settings say how much an attempt may hold.

    Raises SandboxError where what comes is no frame or a larger one, and OSError; among those TimeoutError where it is
    not there as a whole until then (monotonic).
    """
    head = _exactly(connection, _HEAD.size, until)
    if head is None:
        return None
    length, number = _HEAD.unpack(head)
    if length > MOST_TEXT or number > MOST_FILES:
        raise SandboxError(f"A message of {length:,} bytes and {number:,} files is larger than any of ours.")
    sizes = [size for (size,) in _SIZE.iter_unpack(_whole(connection, number * _SIZE.size, until))]
    if sum(sizes) > most:
        raise SandboxError(f"A message with files of {sum(sizes):,} bytes is larger than any of ours.")
    return Frame(_whole(connection, length, until), tuple(_whole(connection, size, until) for size in sizes))


def fits(files: Sequence[bytes], most: int) -> bool:
    """Whether a frame can carry these files."""
    return len(files) <= MOST_FILES and sum(map(len, files)) <= most


def _whole(connection: socket.socket, size: int, until: float | None) -> bytes:
    found = _exactly(connection, size, until)
    if found is None:
        raise SandboxError("A message ended before it was whole.")
    return found


def _exactly(connection: socket.socket, size: int, until: float | None) -> bytes | None:
    """So many bytes, or None where the line ends before the first of them."""
    found = bytearray()
    while len(found) < size:
        _limit(connection, until)
        block = connection.recv(min(size - len(found), _BLOCK))
        if not block:
            if found:
                raise SandboxError("A message ended before it was whole.")
            return None
        found += block
    return bytes(found)


def _limit(connection: socket.socket, until: float | None) -> None:
    """Let the next call wait no longer than until then. Raises TimeoutError where that is over."""
    left = None if until is None else until - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError("the time for it was over")
    connection.settimeout(left)
