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


def new_buffer() -> bytearray:
    """What `read` reads small frames into. Nothing of a frame stays in it, so one serves all frames of a channel."""
    return bytearray(SMALL)


def read(into: Into, caps: Caps, buffer: bytearray) -> tuple[dict[str, Any], Blob]:
    """The message of the next frame, and a blob with memory of its own. Raises WireError.

    `into(memory)` fills between 1 and all bytes of memory and returns how many; it raises where there are no more.
    """
    have = into(buffer)
    if have < PREFIX.size:
        have = _fill(into, memoryview(buffer), have, PREFIX.size)
    header, size = PREFIX.unpack_from(buffer)
    if header > caps.header:
        raise WireError(f"a header of {header} bytes, more than {caps.header}")
    if size > caps.blob:
        raise WireError(f"a blob of {size} bytes, more than {caps.blob}")
    body = PREFIX.size + header
    end = body + size
    if have > end:
        raise WireError("more than one frame at a time")
    if end > len(buffer):
        return _read_large(into, buffer, have, body, size)
    if have < end:
        _fill(into, memoryview(buffer), have, end)
    return _message(buffer[PREFIX.size : body]), buffer[body:end]


def _read_large(into: Into, buffer: bytearray, have: int, body: int, size: int) -> tuple[dict[str, Any], Blob]:
    """The rest of a frame that is larger than the buffer, of which `have` bytes are there."""
    text = buffer[PREFIX.size : min(have, body)]
    known = len(text)
    text.extend(bytes(body - PREFIX.size - known))
    _fill(into, memoryview(text), known, len(text))
    message = _message(text)  # before memory is taken for the arrays
    blob = np.empty(size, np.uint8)
    memory, here = blob.data, max(have - body, 0)
    memory[:here] = memoryview(buffer)[body : body + here]
    _fill(into, memory, here, size)
    return message, blob


def _fill(into: Into, memory: memoryview, have: int, wanted: int) -> int:
    while have < wanted:
        have += into(memory[have:wanted])
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
