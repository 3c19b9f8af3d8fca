"""Frames: a JSON header and the bytes of all arrays, both with their lengths in front.

    4 bytes  length of the header, little-endian
    8 bytes  length of the blob, little-endian
    header   one JSON object in ASCII
    blob     the arrays that the header names, in its order, each filled up with zeros to a multiple of 8 bytes

What the bytes of an array mean stands in the header; see `values`. Arrays are received where they stay.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .refusals import Refused

PREFIX = struct.Struct("<IQ")
Part = bytes | memoryview  # of single bytes, so that its length is its size
Blob = bytearray | np.ndarray  # of uint8
Into = Callable[[memoryview | bytearray], int]
MiB = 1024 * 1024
SMALL = 64 * 1024  # bytes; below this, a copy costs less than another system call or view


class WireError(Exception):
    """Bytes that are not a frame, or a frame that is not a message."""


@dataclass(frozen=True)
class Caps:
    """What one frame may hold. Lengths are refused from the prefix, before anything is read."""

    header: int = MiB  # bytes of JSON
    blob: int = 64 * MiB  # bytes of all arrays together
    depth: int = 16  # containers within containers
    nodes: int = 10_000  # values in the tree; an array counts as one


def pack(header: dict[str, Any], arrays: Sequence[Part], caps: Caps) -> list[Part]:
    """The bytes of one frame, in pieces to be sent one after another. Raises Refused."""
    text = _encode(header).encode("ascii")
    if len(text) > caps.header:
        raise Refused("size", f"text and numbers that take more than {caps.header} bytes; use an array instead")
    size = sum(map(len, arrays))
    start = PREFIX.pack(len(text), size) + text
    return [b"".join((start, *arrays))] if size < SMALL else [start, *arrays]


class Frames:
    """The frames that come over one connection, of which several may arrive at once.

    `into(memory)` fills between 1 and all bytes of memory and returns how many; it raises where there are no more.
    """

    __slots__ = ("_buffer", "_end", "_into", "_start")

    def __init__(self, into: Into) -> None:
        self._into = into
        self._buffer = bytearray(SMALL)
        self._start = self._end = 0  # of what is in the buffer and belongs to frames that nobody asked for yet

    @property
    def waiting(self) -> bool:
        """Whether something has come that belongs to later frames."""
        return self._end > self._start

    def next(self, caps: Caps) -> tuple[dict[str, Any], Blob]:
        """The message of the next frame, and a blob with memory of its own. Raises WireError."""
        if self._start == self._end:
            self._start, self._end = 0, self._into(self._buffer)
        self._have(PREFIX.size)
        header, size = PREFIX.unpack_from(self._buffer, self._start)
        if header > caps.header:
            raise WireError(f"a header of {header} bytes, more than {caps.header}")
        if size > caps.blob:
            raise WireError(f"a blob of {size} bytes, more than {caps.blob}")
        body = PREFIX.size + header
        if body + size > len(self._buffer):
            return self._large(body, size)
        self._have(body + size)
        start, self._start = self._start, self._start + body + size
        return _message(self._buffer[start + PREFIX.size : start + body]), self._buffer[start + body : self._start]

    def _have(self, wanted: int) -> None:
        """Read until so many bytes are in the buffer, which has room for them."""
        if self._end - self._start >= wanted:
            return
        if self._start + wanted > len(self._buffer):
            self._buffer[: self._end - self._start] = self._buffer[self._start : self._end]
            self._start, self._end = 0, self._end - self._start
        with memoryview(self._buffer) as memory:
            self._end = _fill(self._into, memory, self._end, self._start + wanted, len(memory))

    def _large(self, body: int, size: int) -> tuple[dict[str, Any], Blob]:
        """A frame that is larger than the buffer."""
        data = self._buffer[self._start : min(self._end, self._start + body + size)]
        self._start += len(data)
        text = data[PREFIX.size : body]
        known = len(text)
        text.extend(bytes(body - PREFIX.size - known))
        _fill(self._into, memoryview(text), known, len(text), len(text))
        message = _message(text)  # before memory is taken for the arrays
        blob = np.empty(size, np.uint8)
        here = max(len(data) - body, 0)
        blob.data[:here] = memoryview(data)[body:]
        _fill(self._into, blob.data, here, size, size)
        return message, blob


def _fill(into: Into, memory: memoryview, have: int, wanted: int, room: int) -> int:
    """Read until `wanted` bytes of memory are filled, and up to `room`."""
    while have < wanted:
        have += into(memory[have:room])
    return have


def _message(text: bytearray) -> dict[str, Any]:
    try:
        message, end = _decode(text.decode("ascii"), 0)
    except (ValueError, RecursionError, StopIteration) as error:
        raise WireError(f"a header that is not JSON: {error}") from None
    if type(message) is not dict or end != len(text):
        raise WireError("a header that is not an object")
    return message


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that occurs twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} stands as a bare number")  # floats travel as hexadecimal text


def _encoder() -> Callable[[dict[str, Any]], str]:
    """What `JSONEncoder.encode` does, without building its encoder anew for every message."""
    settings = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False)
    make: Callable[..., Any] | None = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return settings.encode
    pieces = make(None, settings.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)
    return lambda message: "".join(pieces(message, 0))


_encode = _encoder()
_decoder: Any = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
_decode = _decoder.scan_once
