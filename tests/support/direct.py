"""A student without any border, for code that we trust: its functions are called in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.sandbox.proxy import NOTHING, Recorded


class Direct:
    """Calls are recorded as `Student` does. What raises is not turned into a StudentError."""

    def __init__(self, functions: Mapping[str, object]) -> None:
        self._functions = functions
        self.calls: list[Recorded] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        function: Any = self._functions[name]

        def call(*args: Any, **kwargs: Any) -> Any:
            returned = NOTHING
            try:
                returned = function(*args, **kwargs)
            finally:
                self.calls.append(Recorded(name, args, kwargs, returned, args, None))
            return returned

        return call

    def forget(self) -> None:
        self.calls = []

    def close(self) -> None:
        """There is nothing to end."""
