"""The arguments of a request, and what those were that a call can change."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import tensors
from .arrays import same_bytes
from .values import Decoder, Encoder
from .wire import Caps

FROM_JUDGE = Caps(header=32 * 1024 * 1024, blob=4 * 1024**3)  # trusted: it keeps its own limits


class Given:
    """The arguments of one call: the student gets copies of the arrays, which own their memory, or a mapping of
    their own where the memory is shared."""

    __slots__ = ("args", "before", "kwargs")

    def __init__(self, decoder: Decoder, message: dict[str, Any]) -> None:
        self.before: dict[int | str, Any] = {}
        self.args: list[Any] = []
        for index, node in enumerate(message.get("args", ())):
            self.args.append(self._kept(index, decoder, node))
        self.kwargs: dict[str, Any] = {}
        for name, node in message.get("kwargs", {}).items():
            self.kwargs[name] = self._kept(name, decoder, node)

    def _kept(self, name: int | str, decoder: Decoder, node: Any) -> Any:
        tag = node[0] if type(node) is list else None
        if tag == "a" or tag == "T":
            array = decoder.array(node)
            if len(node) == 4:
                self.before[name] = decoder.array(node, writable=False)
            else:
                self.before[name], array = array, array.copy()
            return array if tag == "a" else decoder.special["T"]([tag, array])
        value = decoder.decode(node)
        if tag == "l" or tag == "t" or tag == "d":
            self.before[name] = _snapshot(value)
        return value

    def changed(self, encoder: Encoder) -> dict[str, Any]:
        """The nodes of the arguments that are not what they were."""
        found: dict[str, Any] = {}
        for name, before in self.before.items():
            value = self.args[name] if type(name) is int else self.kwargs[name]  # type: ignore[index]
            if _same(value, before):
                continue
            try:
                found[str(name)] = encoder.attempt(value)
            except Exception:  # refused, or of a type whose methods fail
                found[str(name)] = ["gone"]
        return found


def _same(value: Any, before: Any) -> bool:
    if type(before) is not np.ndarray:
        return bool(_snapshot(value) == before)
    if type(value) is not np.ndarray:
        try:
            value = tensors.found_in(value)
        except Exception:  # it crosses no more
            return False
    return (
        value is not None
        and value.dtype == before.dtype
        and value.shape == before.shape
        and bool(value.flags.c_contiguous)
        and same_bytes(value, before)
    )


def _snapshot(value: object) -> tuple[Any, list[bytes]] | None:
    """Tree and bytes of a value; None where it cannot be written down."""
    encoder = Encoder(lambda other: ["o", id(other)], FROM_JUDGE)
    try:
        return encoder.encode(value), [bytes(part) for part in encoder.parts]
    except Exception:
        return None
