"""The judge's end of a channel: frames in and out, and never a wait beyond a deadline.

The other end may dribble, flood, close, answer before it was asked, or never read; each ends in an exception here.
"""

from __future__ import annotations

import math
import select
import socket
import time
from typing import Any

import numpy as np

from assay.sandbox.inside.wire import CHUNK, Caps, Parts, WireError, read


class TimedOut(Exception):
    """The deadline passed."""


class Closed(Exception):
    """The other end has closed the channel, so the worker has ended."""


class Channel:
    """A connected stream socket, which it sets to non-blocking. Deadlines are on `time.monotonic`'s clock."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._either = select.poll()
        self._either.register(connection, select.POLLIN | select.POLLOUT)

    def send(self, parts: Parts, deadline: float) -> None:
        """Send a frame that the other end must read whole before it says anything.

        Raises TimedOut, Closed, or WireError where it said something.
        """
        if self._readable.poll(0):
            self._unasked()
        pieces = [b"".join(parts)] if sum(map(len, parts)) < CHUNK else parts
        for piece in pieces:
            view = memoryview(piece)
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    self._wait_to_send(deadline)
                except OSError as error:
                    raise Closed(str(error)) from None

    def receive(self, deadline: float, caps: Caps) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The message and arrays of one frame. Raises TimedOut, Closed, or WireError."""

        def some(size: int) -> bytes:
            while True:
                self._wait(deadline)
                try:
                    data = self._socket.recv(size)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise Closed(str(error)) from None
                if not data:
                    raise Closed("while a frame was awaited")
                return data

        return read(some, caps)

    def _wait(self, deadline: float) -> None:
        if not self._readable.poll(_milliseconds(deadline)):
            raise TimedOut

    def _wait_to_send(self, deadline: float) -> None:
        events = self._either.poll(_milliseconds(deadline))
        if not events:
            raise TimedOut
        if events[0][1] & select.POLLIN:
            self._unasked()

    def _unasked(self) -> None:
        """Something to read where nothing was asked: the end, or a violation."""
        try:
            data = self._socket.recv(1, socket.MSG_PEEK)
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
