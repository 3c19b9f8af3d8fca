"""Messages between a judge and the process that started it: JSON objects, and at times a descriptor beside one.

A message is a length (4 bytes, big endian) and that many bytes of UTF-8. Both ends are ours, but the starter still
takes nothing on trust: a judge reads what students return.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

LENGTH = struct.Struct(">I")
LARGEST = 64 * 1024 * 1024  # bytes of one message


class ControlError(Exception):
    """The other end is gone, late, or does not speak as agreed."""


def send(channel: socket.socket, message: Mapping[str, Any], *, descriptor: int | None = None) -> None:
    """Send one message, with a copy of an open descriptor if there is one. Raises ControlError."""
    body = json.dumps(message, ensure_ascii=True).encode()
    if len(body) > LARGEST:
        raise ControlError(f"a message of {len(body)} bytes is too long")
    try:
        head = LENGTH.pack(len(body))
        if descriptor is None:
            channel.sendall(head + body)
        else:
            sent = socket.send_fds(channel, [head], [descriptor])
            channel.sendall(head[sent:] + body)
    except OSError as error:
        raise ControlError(f"nobody takes the message ({error})") from error


def receive(channel: socket.socket, *, deadline: float | None = None) -> dict[str, Any]:
    """The next message. Raises ControlError, also when the monotonic clock passes `deadline`.

    A descriptor sent along is never taken: the kernel closes it.
    """
    return _message(channel, exactly(channel, LENGTH.size, deadline), deadline)


def receive_with_descriptor(channel: socket.socket) -> tuple[dict[str, Any], int | None]:
    """The next message, and the descriptor that came with it or None. Raises ControlError."""
    try:
        head, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, 1)
    except OSError as error:
        raise ControlError(f"nothing can be received ({error})") from error
    try:
        if not head:
            raise ControlError("the other end is gone")
        head += exactly(channel, LENGTH.size - len(head), None)
        return _message(channel, head, None), descriptors[0] if descriptors else None
    except ControlError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _message(channel: socket.socket, head: bytes, deadline: float | None) -> dict[str, Any]:
    (length,) = LENGTH.unpack(head)
    if length > LARGEST:
        raise ControlError(f"a message of {length} bytes is announced")
    try:
        message = json.loads(exactly(channel, length, deadline))
    except (ValueError, RecursionError) as error:
        raise ControlError(f"a message is not JSON ({error})") from error
    if not isinstance(message, dict):
        raise ControlError("a message is not an object")
    return message


def exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    """So many bytes that follow a message. Raises ControlError."""
    parts = bytearray()
    while len(parts) < count:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise ControlError("no message came in time")
        try:
            channel.settimeout(left)
            part = channel.recv(min(count - len(parts), 1 << 20))
        except TimeoutError as error:
            raise ControlError("no message came in time") from error
        except OSError as error:
            raise ControlError(f"nothing can be received ({error})") from error
        if not part:
            raise ControlError("the other end is gone")
        parts += part
    return bytes(parts)
