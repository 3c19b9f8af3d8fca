"""Values that Python 2 pickled, rebuilt from the instructions as `pickletools` lists them.

Nothing that a file names is imported or called: what it would have built becomes an `Unbuilt`, and arrays are made of
their bytes. Covers protocol 2 as far as numpy, scipy and Planetoid used it.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS_AND_TEXT = ("BININT", "BININT1", "BININT2", "BINSTRING", "SHORT_BINSTRING")
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, type] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
MARK = object()


@dataclass
class Unbuilt:
    """What an instruction names, the arguments it would have been called with, and what was set on the result."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


def rebuilt(content: bytes) -> Any:
    """Numbers, text, lists, dictionaries and Unbuilt. Raises ValueError or IndexError for anything else."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    instructions: Iterable[tuple[pickletools.OpcodeInfo, Any, Any]] = pickletools.genops(content)
    for code, argument, _ in instructions:
        match code.name:
            case "PROTO" | "STOP":
                pass
            case "MARK":
                stack.append(MARK)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(Unbuilt(argument))
            case name if name in NUMBERS_AND_TEXT:
                stack.append(argument)
            case name if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case name if name in EMPTY:
                stack.append(EMPTY[name]())
            case name:
                _combine(name, stack)
    (value,) = stack
    return value


def array(node: Unbuilt) -> NDArray[Any]:
    """The array of one `numpy.core.multiarray._reconstruct`. Raises ValueError or TypeError for anything else."""
    if node.name != "numpy.core.multiarray _reconstruct":
        raise ValueError(f"it names {node.name} where an array should be")
    _, shape, kind, columns_first, raw = node.state
    letters = kind.state[1] + kind.arguments[0]  # such as < and f4
    if kind.name != "numpy dtype" or letters[1:2] not in "iuf":
        raise ValueError(f"an array of {letters} is none of numbers")
    return np.frombuffer(raw.encode("latin-1"), np.dtype(letters)).reshape(shape, order="F" if columns_first else "C")


def _combine(name: str, stack: list[Any]) -> None:
    """Carry out an instruction that takes what lies on the stack."""
    match name:
        case "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            size = int(name[-1])
            stack[-size:] = [tuple(stack[-size:])]
        case "APPEND":
            last = stack.pop()
            stack[-1].append(last)
        case "APPENDS":
            last = _since_mark(stack)
            stack[-1].extend(last)
        case "SETITEMS":
            pairs = _since_mark(stack)
            into = stack[-1].items if isinstance(stack[-1], Unbuilt) else stack[-1]
            into.update(zip(pairs[::2], pairs[1::2], strict=True))
        case "REDUCE" | "NEWOBJ":
            arguments = stack.pop()
            stack[-1] = Unbuilt(stack[-1].name, arguments)
        case "BUILD":
            stack[-1].state = stack.pop()
        case _:
            raise ValueError(f"it holds the instruction {name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    """Take all that was put on the stack since the last mark, and the mark."""
    at = max(index for index, value in enumerate(stack) if value is MARK)
    taken = stack[at + 1 :]
    del stack[at:]
    return taken
