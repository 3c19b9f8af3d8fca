"""Arrays as their dtype and shape in a header and their bytes in a blob, or in memory that is mapped."""

from __future__ import annotations

from typing import Any

import numpy as np

from .refusals import Refused
from .wire import SMALL, Blob, Part, WireError

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
TRUTH = DTYPES["BOOL"]
FILL = tuple(bytes(count) for count in range(8))
STEP = 1 << 17  # values compared at once, so that what a comparison needs beside them stays in the cache


def native_name(dtype: np.dtype) -> str:
    """The name of a dtype, in whatever byte order it is. Raises Refused where it cannot cross."""
    name = NAMES.get(dtype.newbyteorder("="))
    if name is None:
        raise Refused("type", f"an array of dtype {dtype}; use float64, float32, int64 or bool")
    return name


def parts_of(array: np.ndarray) -> list[Part]:
    """The bytes of a C-contiguous array, filled up to a multiple of 8; its own memory where that is large."""
    size = array.nbytes
    if size < SMALL:
        return [array.tobytes() + FILL[-size & 7] if size & 7 else array.tobytes()]
    memory = array.reshape(-1).view(np.uint8).data
    return [memory, FILL[-size & 7]] if size & 7 else [memory]


def array_in(blob: Blob | Any, start: int, name: object, shape: object) -> np.ndarray:
    """The array that begins at that byte of a blob or mapped memory, whose memory it shares. Raises WireError."""
    dtype = DTYPES.get(name) if type(name) is str else None
    if dtype is None:
        raise WireError("an array of no known dtype")
    if type(shape) is not list:
        raise WireError("an array without a shape")
    for count in shape:
        if type(count) is not int or count < 0:
            raise WireError("an array with a shape that is none")
    try:
        array = np.ndarray(shape, dtype, blob, start)
    except (ValueError, TypeError, OverflowError) as error:
        raise WireError(f"a shape that is not an array's: {error}") from None
    if dtype is TRUTH and array.size and array.view(np.uint8).max() > 1:
        raise WireError("a truth value that is neither 0 nor 1")  # compares as numpy never would
    return array


def same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two C-contiguous arrays of one dtype and shape are equal: nan equals nan, and -0.0 is not 0.0."""
    if one.nbytes < SMALL:
        return one.tobytes() == other.tobytes()
    left, right = (array.reshape(-1).view(np.uint8) for array in (one, other))
    whole = len(left) & ~7
    if left[whole:].tobytes() != right[whole:].tobytes():
        return False
    left, right = left[:whole].view(np.uint64), right[:whole].view(np.uint64)
    return all(
        np.array_equal(left[start : start + STEP], right[start : start + STEP]) for start in range(0, len(left), STEP)
    )
