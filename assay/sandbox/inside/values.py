"""Values as a JSON tree whose arrays lie in the frame's blob.

    null, true, false, "text"          themselves
    ["i", "123"]  ["f", "0x1.8p+1"]    int (decimal) and float (hexadecimal, inf, nan)
    ["t", ...]  ["l", ...]             tuple and list
    ["d", [key, value], ...]           dict; keys are text or ["i", ...]
    ["a", "F64", [2, 3]]               array of that dtype and shape; its bytes come next in the blob
    ["a", "F64", [2, 3], 0]            array whose bytes lie in the sealed memory that came along, by number
    ["s", "F64", []]  ["T", "F64", []] numpy scalar and tensor (torch, TensorFlow), otherwise as an array
    ["seed", "7"]                      becomes a numpy Generator in the worker
    ["c", 3]                           a function of the judge's, which the worker can call back
    ["o", 4, "Value"]                  an object that stays in the worker, and the name of its type

Only values of exactly these kinds are ever built by the decoder: a subclass becomes its base, an object a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tensors
from .arrays import DTYPES, NAMES, array_in, native_name, parts_of
from .refusals import Refused, refusal
from .scalars import checked, decimal, number_in, written
from .wire import SMALL, Blob, Caps, Part, WireError

LENT = 32  # arrays in sealed memory in one message; further ones are sent


@dataclass(frozen=True)
class Seed:
    """An argument that arrives as `numpy.random.default_rng(value)`."""

    value: int


@dataclass(frozen=True, eq=False)
class Torch:
    """An argument that arrives as a torch tensor. Torch itself is not needed on this side."""

    array: np.ndarray


class Encoder:
    """Builds the tree of one message, and the parts of its blob.

    `other` gives the node of what is not plain data, or raises Refused. `lend` gives the descriptor of sealed memory
    that holds just this array, if there is one.
    """

    __slots__ = ("bytes", "caps", "descriptors", "lend", "nodes", "other", "parts")

    def __init__(
        self,
        other: Callable[[object], list[Any]],
        caps: Caps,
        lend: Callable[[np.ndarray], int | None] | None = None,
    ) -> None:
        self.other = other
        self.caps = caps
        self.lend = lend
        self.parts: list[Part] = []
        self.descriptors: list[int] = []
        self.nodes = 0
        self.bytes = 0

    def attempt(self, value: object) -> Any:
        """`encode`, leaving no array behind where the value is refused."""
        parts, size, nodes = len(self.parts), self.bytes, self.nodes
        try:
            return self.encode(value)
        except BaseException:
            del self.parts[parts:]
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
            return self._array("a", value)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        if kind is str:
            return written(value)  # type: ignore[arg-type]
        if kind is float:
            return ["f", value.hex()]  # type: ignore[attr-defined]
        if kind is int:
            return ["i", decimal(value)]  # type: ignore[arg-type]
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
            return written(str.__str__(key))
        if issubclass(kind, np.integer):
            return ["i", decimal(int(key))]  # type: ignore[call-overload]
        if issubclass(kind, int) and kind is not bool:
            return ["i", decimal(int.__int__(key))]  # type: ignore[arg-type]
        raise Refused("type", f"a dict with a key of type {kind.__name__}; use str or int keys")

    def _other(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, np.ndarray):
            if issubclass(kind, np.ma.MaskedArray):
                raise Refused("type", "a masked array; use a plain array, for example with x.filled(0)")
            return self._array("a", np.ndarray.view(value, np.ndarray))
        if issubclass(kind, str):  # before numpy's scalars: np.str_ is one of both
            return written(str.__str__(value))
        if issubclass(kind, np.generic):
            return self._array("s", np.ndarray.view(np.asarray(value), np.ndarray))
        if issubclass(kind, int):
            return ["i", decimal(int.__int__(value))]
        if issubclass(kind, float):
            return ["f", float.hex(value)]
        for base in (tuple, list, dict):
            if issubclass(kind, base):
                return self._container(value, base, depth)
        if kind is Seed:
            return ["seed", decimal(value.value)]
        if kind is Torch:
            return self._array("T", np.asarray(value.array))
        if (array := tensors.found_in(value)) is not None:
            return self._array("T", array)
        if (reason := refusal(kind)) is not None:
            raise Refused("type", reason)
        return self.other(value)

    def _array(self, tag: str, array: np.ndarray) -> list[Any]:
        """Copied only where it does not lie in C order; 0-d stays 0-d."""
        name = NAMES.get(array.dtype) or native_name(array.dtype)
        self.bytes += array.nbytes + 7 & ~7
        if self.bytes > self.caps.blob:
            raise Refused(
                "size", f"arrays too large together: more than {self.caps.blob} bytes; the last has shape {array.shape}"
            )
        if not array.flags.c_contiguous or not array.dtype.isnative:
            array = array.astype(DTYPES[name], order="C")
        elif self.lend is not None and array.nbytes >= SMALL and len(self.descriptors) < LENT:
            lent = self.lend(array)
            if lent is not None:
                self.descriptors.append(lent)
                return [tag, name, list(array.shape), len(self.descriptors) - 1]
        self.parts += parts_of(array)
        return [tag, name, list(array.shape)]


class Decoder:
    """Reads the trees of one message, in the order in which they were written.

    `special` builds what only one side knows: seed, T, c, o. `mapped` gives the memory behind a descriptor's number,
    to be changed or not; without it there is none.
    """

    __slots__ = ("blob", "caps", "mapped", "nodes", "special", "start")

    def __init__(
        self,
        blob: Blob,
        special: Mapping[str, Callable[[list[Any]], Any]],
        caps: Caps,
        mapped: Callable[[object, bool], Any] | None = None,
    ) -> None:
        self.blob = blob
        self.start = 0  # of the next array in the blob
        self.special = special
        self.caps = caps
        self.mapped = mapped
        self.nodes = 0

    def finish(self) -> None:
        """Raises WireError where bytes were sent that belong to no value."""
        if self.start != len(self.blob):
            raise WireError("bytes that belong to no array")

    def decode(self, node: Any, depth: int = 0) -> Any:
        """The value of a node. Raises WireError."""
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise WireError("too many values")
        kind = type(node)
        if node is None or kind is bool:
            return node
        if kind is str:
            return checked(node)
        if kind is not list or not node or type(node[0]) is not str:
            raise WireError("a node without a tag")
        tag = node[0]
        if tag == "a":
            return self.array(node)
        if tag == "f" or tag == "i":
            return number_in(tag, node)
        if tag == "t" or tag == "l" or tag == "d":
            return self._container(tag, node, depth)
        if tag == "T":
            return self.special["T"]([tag, self.array(node)])
        if tag == "s":
            return self._scalar(node)
        if tag in self.special:
            return self.special[tag](node)
        raise WireError("a node with an unknown tag")

    def array(self, node: list[Any], *, writable: bool = True) -> np.ndarray:
        """The array of a node with tag a, s or T. `writable` is for mapped memory alone. Raises WireError."""
        if len(node) == 4 and self.mapped is not None:
            return array_in(self.mapped(node[3], writable), 0, node[1], node[2])
        if len(node) != 3:
            raise WireError("an array node without dtype and shape")
        array = array_in(self.blob, self.start, node[1], node[2])
        self.start += array.nbytes + 7 & ~7
        return array

    def _scalar(self, node: list[Any]) -> Any:
        array = self.array(node)
        if array.shape != ():
            raise WireError("a scalar with a shape")
        return array[()]

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


def _decoded_key(node: Any) -> Any:
    if type(node) is str:
        return checked(node)
    if type(node) is list and node and node[0] == "i":
        return number_in("i", node)
    raise WireError("a dict key that is neither text nor int")
