"""pytest plugin: collects whatever `@check`, `agrees_with` and the laws made, whatever it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assay.checks.check import check_of


def checks_in(name: str, value: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The checks that a module attribute holds: itself, or the entries of a list such as `standing` gives."""
    if check_of(value) is not None and callable(value):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            if check_of(entry) is not None:
                yield f"{name}_{getattr(entry, '__name__', index)}", entry


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> list[pytest.Function] | None:
    """Checks become items; everything else is left to pytest, plain tests with `@points` too."""
    if name.startswith("test") or not isinstance(collector, pytest.Module):
        return None
    found = list(checks_in(name, obj))
    return [pytest.Function.from_parent(collector, name=key, callobj=function) for key, function in found] or None
