"""What cannot cross the border, each in a sentence that a student understands."""

from __future__ import annotations

import types


class Refused(Exception):
    """A value cannot cross. `kind` is `type` or `size`; `message` names the value: "a set, which has no order"."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


_ITERATOR = "an iterator, which has no values until it runs; use a list, for example list(...)"
_REASONS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((set, frozenset), "a set, which has no order; use a list, for example sorted(...)"),
    ((types.GeneratorType,), "a generator, which has no values until it runs; use a list or an array"),
    ((types.CoroutineType, types.AsyncGeneratorType), "a coroutine; write a function without async"),
    ((map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())), type(iter({}))), _ITERATOR),
    ((type({}.keys()), type({}.values()), type({}.items())), "a view of a dict; use a list, for example list(...)"),
    ((range,), "a range; use a list, for example list(range(n)), or np.arange(n)"),
    ((slice,), "a slice; use its numbers"),
    ((complex,), "a complex number; use real numbers"),
    ((bytes, bytearray, memoryview), "bytes; use text, numbers or an array"),
    ((type(NotImplemented), type(...)), "a placeholder (Ellipsis or NotImplemented); use a value"),
)


def refusal(kind: type) -> str | None:
    """Why no value of this type crosses, or None where nothing is said about it."""
    for bases, reason in _REASONS:
        if issubclass(kind, bases):
            return reason
    return None
