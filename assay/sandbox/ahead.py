"""Calls that a check will make, sent to a worker before the check asks for them.

A check that replays kept examples calls with arguments that are known beforehand. Sending many of these calls at once,
and holding replies back until several are there, wakes either process once for several calls instead of for each.
What a check then really asks for is compared with what was sent; nothing else is ever taken for its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any, NoReturn

import numpy as np

from assay.errors import Unforeseen
from assay.sandbox.channel import Channel
from assay.sandbox.inside.refusals import Refused
from assay.sandbox.inside.values import Encoder, Seed, Torch
from assay.sandbox.inside.wire import PREFIX, SMALL, Blob, Caps, WireError, pack

TOGETHER = 8  # replies that a worker may hold until it sends them
Call = tuple[str, tuple[Any, ...], Mapping[str, Any]]  # function, positional and keyword arguments


@dataclass(frozen=True)
class Foreseen:
    """A call of a function by name, ready to be sent."""

    function: str
    args: tuple[Any, ...] = field(compare=False)
    kwargs: Mapping[str, Any] = field(compare=False)
    header: bytes  # JSON without its first brace, to be put behind an id
    blob: bytes

    @property
    def size(self) -> int:
        """Bytes of its frame, roughly."""
        return len(self.header) + len(self.blob) + 64

    def is_asked_by(self, request: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether this is what a request asks for, to the last bit of its arguments."""
        return (
            request["op"] == "call"
            and request["target"] == self.function
            and _same(args, self.args)
            and _same(kwargs, self.kwargs)
        )

    def frame(self, number: int, *, hold: bool) -> bytes:
        header = b'{"id":%d,"ahead":%s,%s' % (number, b"true" if hold else b"false", self.header)
        return PREFIX.pack(len(header), len(self.blob)) + header + self.blob


def foreseen(calls: Sequence[Call]) -> tuple[Foreseen, ...] | None:
    """Calls ready to be sent; None where one of them passes what is not plain data, or too much of it."""
    try:
        return tuple(map(_ready, calls))
    except Refused:
        return None


def _ready(call: Call) -> Foreseen:
    function, args, kwargs = call
    caps = Caps(header=SMALL // 4, blob=SMALL // 4)  # so that what is sent at once never waits for its reader
    encoder = Encoder(_refuse, caps)
    message: dict[str, Any] = {"op": "call", "target": function, "args": [encoder.encode(value) for value in args]}
    if kwargs:
        message["kwargs"] = {name: encoder.encode(value) for name, value in kwargs.items()}
    frame = b"".join(pack(message, encoder.parts, caps))
    header, _ = PREFIX.unpack_from(frame)
    body = PREFIX.size + header
    return Foreseen(function, args, kwargs, frame[PREFIX.size + 1 : body], frame[body:])


def _refuse(value: object) -> NoReturn:
    raise Refused("type", f"a value of type {type(value).__name__}")


class Ahead:
    """The calls of one check, sent a few at a time, and their replies."""

    def __init__(self, channel: Channel, caps: Caps, calls: Sequence[Foreseen], numbers: Iterator[int]) -> None:
        self._channel = channel
        self._caps = caps
        self._numbers = numbers
        self._calls = deque(calls)  # not asked for yet
        self._sent: deque[int] = deque()  # ids of the first of these
        self.is_astray = False  # something else was asked for

    def reply(
        self, request: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], deadline: float
    ) -> tuple[dict[str, Any], Blob]:
        """The reply to a request. Raises Unforeseen where it is not the next call, else what Channel raises."""
        if self.is_astray or not self._calls or not self._calls[0].is_asked_by(request, args, kwargs):
            self.is_astray = True
            raise Unforeseen
        if not self._sent:
            self._send(deadline)
        self._calls.popleft()
        return self._next(deadline)

    def drop(self, deadline: float) -> None:
        """Read away what nobody asks for any more. Raises what Channel raises."""
        while self._sent:
            self._next(deadline)

    def _next(self, deadline: float) -> tuple[dict[str, Any], Blob]:
        number = self._sent.popleft()
        message, blob = self._channel.receive(deadline, self._caps, more=bool(self._sent))
        if type(message.get("id")) is not int or message["id"] != number or "callback" in message:
            raise WireError("a reply to another request")
        return message, blob

    def _send(self, deadline: float) -> None:
        """Send as many calls as the kernel surely keeps for a worker that does not read yet."""
        sizes = accumulate(call.size for call in self._calls)
        calls = [call for call, size in zip(self._calls, sizes, strict=True) if size <= SMALL]
        self._sent.extend(islice(self._numbers, len(calls)))
        held = [position % TOGETHER != 0 for position in range(1, len(calls))] + [False]
        frames = [call.frame(number, hold=hold) for call, number, hold in zip(calls, self._sent, held, strict=True)]
        self._channel.send([b"".join(frames)], deadline)


def _same(value: Any, sent: Any) -> bool:
    """Whether both are encoded alike."""
    kind = type(value)
    if kind is not type(sent):
        return False
    if kind is np.ndarray:
        return value.dtype == sent.dtype and value.shape == sent.shape and value.tobytes() == sent.tobytes()
    if kind is float:
        return bool(value.hex() == sent.hex())
    if kind is tuple or kind is list:
        return len(value) == len(sent) and all(map(_same, value, sent))
    if kind is dict:
        return list(value) == list(sent) and all(map(_same, value.values(), sent.values()))
    if kind is Torch:
        return _same(value.array, sent.array)
    return kind in (int, str, bool, type(None), Seed) and bool(value == sent)
