"""Descriptors that came with a message, until they are closed."""

from __future__ import annotations

import os
from typing import Any

from .mapped import mapped


class Descriptors:
    """At most one message's."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def take(self, data: bytes) -> None:
        """Those of one control message."""
        self._numbers += memoryview(data[: len(data) & ~3]).cast("i").tolist()

    def memory(self, number: object, writable: bool) -> Any:
        """What lies in the descriptor of that number, mapped. Raises OSError where it did not arrive."""
        if type(number) is not int or not 0 <= number < len(self._numbers):
            raise OSError("no file descriptor was free for the data; close files that are no longer used")
        return mapped(self._numbers[number], writable=writable)

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def close(self) -> None:
        """Close all."""
        while self._numbers:
            os.close(self._numbers.pop())
