"""The judge's end of a channel: frames in and out, and never a wait beyond a deadline.

The other end may dribble, flood, close, answer before it was asked, or never read; each ends in an exception here.
Descriptors that it sends are closed by the kernel, because nothing here asks for any.
"""

from __future__ import annotations

import array
import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

from assay.sandbox.inside.wire import Blob, Caps, Frames, Part, WireError

AT_ONCE = int(socket.MSG_DONTWAIT)  # a plain int: for a flag, Python calls its own code
PATIENCE = 0.02  # seconds that the kernel waits by itself; most answers come sooner, and cost no further system call


class TimedOut(Exception):
    """The deadline passed."""


class Closed(Exception):
    """The other end has closed the channel, so the worker has ended."""


class Channel:
    """A connected stream socket, whose mode it sets. Deadlines are on `time.monotonic`'s clock."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        patience = struct.pack("ll", 0, int(PATIENCE * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._socket = connection
        self._frames = Frames(self._into)
        self._deadline = 0.0
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._either = select.poll()
        self._either.register(connection, select.POLLIN | select.POLLOUT)

    def send(self, parts: Sequence[Part], deadline: float, descriptors: Sequence[int] = ()) -> None:
        """Send a frame, with descriptors, that the other end must read whole before it says anything.

        Raises TimedOut, Closed, or WireError where it says something meanwhile.
        """
        attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        for part in parts:
            sent = self._sent(part, attached, deadline)
            attached = []
            while sent < len(part):
                sent += self._sent(memoryview(part)[sent:], attached, deadline)

    def _sent(self, part: Part, attached: list[Any], deadline: float) -> int:
        """Bytes of it that were sent, together with what is attached."""
        while True:
            try:
                if attached:
                    return self._socket.sendmsg([part], attached, AT_ONCE)
                return self._socket.send(part, AT_ONCE)
            except BlockingIOError:
                self._wait_to_send(deadline)
            except OSError as error:
                raise Closed(str(error)) from None

    def receive(self, deadline: float, caps: Caps, *, more: bool = False) -> tuple[dict[str, Any], Blob]:
        """The message and the blob of one frame. Raises TimedOut, Closed, or WireError.

        `more` says that further frames were asked for, so that they may have come together with this one.
        """
        self._deadline = deadline
        frame = self._frames.next(caps)
        if self._frames.waiting and not more:
            raise WireError("more than one frame at a time")
        return frame

    def _into(self, memory: memoryview | bytearray) -> int:
        patient = self._deadline - time.monotonic() > PATIENCE
        while True:
            if not patient and not self._readable.poll(_milliseconds(self._deadline)):
                raise TimedOut
            try:
                received = self._socket.recv_into(memory)
            except BlockingIOError:
                patient = False
                continue
            except OSError as error:
                raise Closed(str(error)) from None
            if not received:
                raise Closed("while a frame was awaited")
            return received

    def _wait_to_send(self, deadline: float) -> None:
        events = self._either.poll(_milliseconds(deadline))
        if not events:
            raise TimedOut
        if events[0][1] & select.POLLIN:
            self._unasked()

    def _unasked(self) -> None:
        """Something to read where nothing was asked: the end, or a violation."""
        try:
            data = self._socket.recv(1, socket.MSG_PEEK | AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("before a request")
        raise WireError("an answer before the question")


def _milliseconds(deadline: float) -> int:
    """Until the deadline, rounded up, as far as `poll` can count. Raises TimedOut where it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimedOut
    return min(math.ceil(left * 1000), 1 << 30)
