"""Values as a JSON tree whose arrays lie in the frame's blob.

    null, true, false, "text"          themselves
    ["i", "123"]  ["f", "0x1.8p+1"]    int (decimal) and float (hexadecimal, inf, nan)
    ["t", ...]  ["l", ...]             tuple and list
    ["d", [key, value], ...]           dict; keys are text or ["i", ...]
    ["a", 0]  ["s", 0]  ["T", 0]       array, numpy scalar and tensor (torch, TensorFlow): number in the blob
    ["seed", "7"]                      becomes a numpy Generator in the worker
    ["c", 3]                           a function of the judge's, which the worker can call back
    ["o", 4, "Value"]                  an object that stays in the worker, and the name of its type

Only values of exactly these kinds are ever built by the decoder: a subclass becomes its base, an object a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tensors
from .refusals import Refused, refusal
from .wire import NAMES, Caps, WireError

DIGITS = 4000  # of an int; Python itself refuses to convert more than 4300
_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)
_FLOAT = re.compile(r"-?(0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|inf)\Z|nan\Z", re.ASCII)


@dataclass(frozen=True)
class Seed:
    """An argument that arrives as `numpy.random.default_rng(value)`."""

    value: int


@dataclass(frozen=True, eq=False)
class Torch:
    """An argument that arrives as a torch tensor. Torch itself is not needed on this side."""

    array: np.ndarray


class Encoder:
    """Builds the tree of one message. `other` gives the node of what is not plain data, or raises Refused."""

    def __init__(self, other: Callable[[object], list[Any]], caps: Caps) -> None:
        self.other = other
        self.caps = caps
        self.arrays: list[np.ndarray] = []
        self.nodes = 0
        self.bytes = 0

    def attempt(self, value: object) -> Any:
        """`encode`, leaving no array behind where the value is refused."""
        arrays, size, nodes = len(self.arrays), self.bytes, self.nodes
        try:
            return self.encode(value)
        except BaseException:
            del self.arrays[arrays:]
            self.bytes, self.nodes = size, nodes
            raise

    def encode(self, value: object, depth: int = 0) -> Any:
        """The node of a value. Raises Refused."""
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise Refused(
                "size", f"more than {self.caps.nodes} values in lists, tuples and dicts; use an array instead"
            )
        kind = type(value)
        if kind is np.ndarray:
            return ["a", self._add(value)]  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        if kind is str:
            return _text(value)  # type: ignore[arg-type]
        if kind is float:
            return ["f", value.hex()]  # type: ignore[attr-defined]
        if kind is int:
            return ["i", _decimal(value)]  # type: ignore[arg-type]
        if kind is tuple or kind is list or kind is dict:
            return self._container(value, kind, depth)
        return self._other(value, kind, depth)

    def _container(self, value: Any, base: type, depth: int) -> list[Any]:
        """Read with the base class's own methods, whatever a subclass says about itself."""
        if depth >= self.caps.depth:
            raise Refused("size", f"containers nested more than {self.caps.depth} deep")
        if base is dict:
            items = dict.items(value)
            return ["d", *([self._key(key), self.encode(item, depth + 1)] for key, item in items)]
        parts = tuple.__iter__(value) if base is tuple else list.__iter__(value)
        return ["t" if base is tuple else "l", *(self.encode(part, depth + 1) for part in parts)]

    def _key(self, key: object) -> Any:
        kind = type(key)
        if issubclass(kind, str):
            return _text(str.__str__(key))
        if issubclass(kind, np.integer):
            return ["i", _decimal(int(key))]  # type: ignore[call-overload]
        if issubclass(kind, int) and kind is not bool:
            return ["i", _decimal(int.__int__(key))]  # type: ignore[arg-type]
        raise Refused("type", f"a dict with a key of type {kind.__name__}; use str or int keys")

    def _other(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, np.ndarray):
            if issubclass(kind, np.ma.MaskedArray):
                raise Refused("type", "a masked array; use a plain array, for example with x.filled(0)")
            return ["a", self._add(np.ndarray.view(value, np.ndarray))]
        if issubclass(kind, str):  # before numpy's scalars: np.str_ is one of both
            return _text(str.__str__(value))
        if issubclass(kind, np.generic):
            return ["s", self._add(np.ndarray.view(np.asarray(value), np.ndarray))]
        if issubclass(kind, int):
            return ["i", _decimal(int.__int__(value))]
        if issubclass(kind, float):
            return ["f", float.hex(value)]
        for base in (tuple, list, dict):
            if issubclass(kind, base):
                return self._container(value, base, depth)
        if kind is Seed:
            return ["seed", _decimal(value.value)]
        if kind is Torch:
            return ["T", self._add(np.asarray(value.array))]
        if (array := tensors.found_in(value)) is not None:
            return ["T", self._add(array)]
        if (reason := refusal(kind)) is not None:
            raise Refused("type", reason)
        return self.other(value)

    def _add(self, array: np.ndarray) -> int:
        """Its number in the blob. Copied into C order where it lies otherwise; 0-d stays 0-d."""
        dtype = array.dtype
        if dtype not in NAMES or not dtype.isnative:
            native = dtype.newbyteorder("=")
            if native not in NAMES:
                raise Refused("type", f"an array of dtype {dtype}; use float64, float32, int64 or bool")
            dtype = native
        self.bytes += array.nbytes
        if self.bytes > self.caps.blob:
            raise Refused(
                "size", f"arrays of more than {self.caps.blob} bytes together; the last has shape {array.shape}"
            )
        if array.dtype != dtype:
            array = array.astype(dtype, order="C")
        elif not array.flags.c_contiguous:
            array = array.copy(order="C")
        self.arrays.append(array)
        return len(self.arrays) - 1


class Decoder:
    """Reads the trees of one message. `special` builds what only one side knows: seed, T, c, o."""

    def __init__(
        self, arrays: dict[str, np.ndarray], special: Mapping[str, Callable[[list[Any]], Any]], caps: Caps
    ) -> None:
        self.arrays = arrays
        self.special = special
        self.caps = caps
        self.nodes = 0

    def finish(self) -> None:
        """Raises WireError where an array was sent that no value refers to."""
        if self.arrays:
            raise WireError("an array that belongs to no value")

    def decode(self, node: Any, depth: int = 0) -> Any:
        """The value of a node. Raises WireError."""
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise WireError("too many values")
        kind = type(node)
        if node is None or kind is bool:
            return node
        if kind is str:
            return _checked(node)
        if kind is not list or not node or type(node[0]) is not str:
            raise WireError("a node without a tag")
        tag = node[0]
        if tag == "a" or tag == "s" or tag == "T":
            return self._array(tag, node)
        if tag == "f" or tag == "i":
            return _number(tag, node)
        if tag == "t" or tag == "l" or tag == "d":
            return self._container(tag, node, depth)
        if tag in self.special:
            return self.special[tag](node)
        raise WireError("a node with an unknown tag")

    def _array(self, tag: str, node: list[Any]) -> Any:
        if len(node) != 2 or type(node[1]) is not int:
            raise WireError("an array node without a number")
        array = self.arrays.pop(str(node[1]), None)
        if array is None:
            raise WireError("an array that was not sent, or that two values share")
        if tag == "a":
            return array
        if tag == "s":
            if array.shape != ():
                raise WireError("a scalar with a shape")
            return array[()]
        return self.special["T"]([tag, array])

    def _container(self, tag: str, node: list[Any], depth: int) -> Any:
        if depth >= self.caps.depth:
            raise WireError("values nested too deep")
        if tag == "l":
            return [self.decode(part, depth + 1) for part in node[1:]]
        if tag == "t":
            return tuple([self.decode(part, depth + 1) for part in node[1:]])
        found = {}
        for pair in node[1:]:
            if type(pair) is not list or len(pair) != 2:
                raise WireError("a dict entry that is not a pair")
            found[_decoded_key(pair[0])] = self.decode(pair[1], depth + 1)
        if len(found) != len(node) - 1:
            raise WireError("a dict key that occurs twice")
        return found


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("type", "text with half a character in it (a lone surrogate)") from None
    return text


def _decimal(number: int) -> str:
    if number.bit_length() > 3 * DIGITS:
        raise Refused("size", f"an int of more than {DIGITS} digits")
    return str(number)


def _decoded_key(node: Any) -> Any:
    if type(node) is str:
        return _checked(node)
    if type(node) is list and node and node[0] == "i":
        return _number("i", node)
    raise WireError("a dict key that is neither text nor int")


def _checked(text: str) -> str:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise WireError("text with a lone surrogate") from None
    return text


def _number(tag: str, node: list[Any]) -> int | float:
    if len(node) != 2 or type(node[1]) is not str or len(node[1]) > DIGITS:
        raise WireError("a number that is not text")
    text: str = node[1]
    if not (_INT if tag == "i" else _FLOAT).match(text):
        raise WireError("a number that is not written as one")
    try:
        return int(text) if tag == "i" else float.fromhex(text)
    except (ValueError, OverflowError) as error:
        raise WireError(f"a number that is none: {error}") from None
