"""Frames: a JSON header and a safetensors blob, both with their lengths in front.

    4 bytes  length of the header, little-endian
    8 bytes  length of the blob, little-endian
    header   one JSON object in ASCII
    blob     safetensors with tensors named "0", "1", ...; empty where there are none

Format of the blob: https://github.com/huggingface/safetensors#format. Writing it takes three lines and half the time
of the library; reading, where the bytes may be hostile, is left to the library.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from .refusals import Refused

PREFIX = struct.Struct("<IQ")
Parts = list[bytes | memoryview]
MiB = 1024 * 1024
CHUNK = 256 * 1024  # bytes read at once
SMALL = 64 * 1024  # bytes; below this, a copy costs less than another system call or view

DTYPES = {
    "BOOL": np.dtype("bool"),
    "I8": np.dtype("int8"),
    "I16": np.dtype("int16"),
    "I32": np.dtype("int32"),
    "I64": np.dtype("int64"),
    "U8": np.dtype("uint8"),
    "U16": np.dtype("uint16"),
    "U32": np.dtype("uint32"),
    "U64": np.dtype("uint64"),
    "F16": np.dtype("float16"),
    "F32": np.dtype("float32"),
    "F64": np.dtype("float64"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(Exception):
    """Bytes that are not a frame, or a frame that is not a message."""


@dataclass(frozen=True)
class Caps:
    """What one frame may hold. Lengths are refused from the prefix, before anything is read."""

    header: int = MiB  # bytes of JSON
    blob: int = 64 * MiB  # bytes of all arrays together
    depth: int = 16  # containers within containers
    nodes: int = 10_000  # values in the tree; an array counts as one


def pack(header: dict[str, Any], arrays: Sequence[np.ndarray], caps: Caps) -> Parts:
    """The bytes of one frame, in pieces. The arrays are C-contiguous and of a dtype in `NAMES`. Raises Refused."""
    text = _encode(header).encode("ascii")
    if len(text) > caps.header:
        raise Refused("size", f"text and numbers that take more than {caps.header} bytes; use an array instead")
    if not arrays:
        return [PREFIX.pack(len(text), 0) + text]
    index, size = _index(tuple([(array.dtype, array.shape) for array in arrays]))
    return [PREFIX.pack(len(text), len(index) + size) + text + index, *map(_bytes, arrays)]


@functools.lru_cache(maxsize=1024)
def _index(specs: tuple[tuple[np.dtype, tuple[int, ...]], ...]) -> tuple[bytes, int]:
    """The first part of the blob, which says where each tensor lies, and the bytes of all tensors."""
    entries, end = {}, 0
    for number, (dtype, shape) in enumerate(specs):
        start, end = end, end + dtype.itemsize * math.prod(shape)
        entries[str(number)] = {"dtype": NAMES[dtype], "shape": shape, "data_offsets": (start, end)}
    text = _encode(entries).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, end


def _bytes(array: np.ndarray) -> bytes | memoryview:
    return array.tobytes() if array.nbytes < SMALL else array.reshape(-1).view(np.uint8).data


def read(some: Callable[[int], bytes], caps: Caps) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The message and the arrays of the next frame. Raises WireError.

    `some(n)` returns between 1 and n bytes, and raises where there are no more.
    """
    start = some(CHUNK)
    if len(start) < PREFIX.size:
        start = _until(PREFIX.size, start, some)
    header, blob = PREFIX.unpack_from(start)
    if header > caps.header:
        raise WireError(f"a header of {header} bytes, more than {caps.header}")
    if blob > caps.blob + caps.header:  # the blob has an index of its own
        raise WireError(f"a blob of {blob} bytes, more than {caps.blob}")
    body = PREFIX.size + header
    if len(start) > body + blob:
        raise WireError("more than one frame at a time")
    if len(start) < body:
        start = _until(body, start, some)
    return unpack(start[PREFIX.size : body], _until(blob, start[body:], some))


def _until(size: int, start: bytes, some: Callable[[int], bytes]) -> bytes:
    """`start` and what follows it, up to `size` bytes."""
    pieces, missing = [start], size - len(start)
    while missing > 0:
        pieces.append(some(min(missing, CHUNK)))
        missing -= len(pieces[-1])
    return b"".join(pieces) if len(pieces) > 1 else start


def unpack(header: bytes, blob: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The message and the arrays of a frame, each with memory of its own. Raises WireError."""
    try:
        message, end = _decode(header.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"a header that is not JSON: {error}") from None
    if type(message) is not dict or end != len(header):
        raise WireError("a header that is not an object")
    return message, _arrays(blob) if blob else {}


def _arrays(blob: bytes) -> dict[str, np.ndarray]:
    try:
        tensors = deserialize(blob)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise WireError(f"a blob that is not safetensors: {error}") from None
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in tensors:
        dtype = DTYPES.get(tensor["dtype"])
        if dtype is None:
            raise WireError(f"a tensor of dtype {tensor['dtype']}")
        try:
            array = np.ndarray(tensor["shape"], dtype, tensor["data"])
        except (ValueError, TypeError, OverflowError) as error:
            raise WireError(f"a tensor that is not an array: {error}") from None
        if dtype is DTYPES["BOOL"] and (array.view(np.uint8) > 1).any():
            raise WireError("a truth value that is neither 0 nor 1")  # compares as numpy never would
        arrays[name] = array
    return arrays


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that occurs twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} stands as a bare number")  # floats travel as hexadecimal text


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse).raw_decode
