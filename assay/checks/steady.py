"""Hypothesis drawing from nothing but the seed, whatever else this process has loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


class SteadyProvider(providers.HypothesisProvider):
    """Draws that depend on the seed alone.

    Hypothesis also draws numbers that it finds in the source of whatever modules are loaded, which would give
    two submissions of one round different examples.
    """

    def _maybe_draw_constant(self, *args: Any, **kwargs: Any) -> None:
        return None


_CONSTANTS: LRUCache[Any, Any] = LRUCache(1024)  # of Hypothesis's own constants, without those of modules


@contextmanager
def steady_draws() -> Iterator[None]:
    """While open, Hypothesis looks at no other module's source and writes no file for it.

    Where it looks for an example unlike those before, it asks its own provider, whichever is chosen.
    """
    known = providers.AVAILABLE_PROVIDERS["hypothesis"], providers._get_local_constants, providers.CONSTANTS_CACHE
    providers.AVAILABLE_PROVIDERS["hypothesis"] = f"{__name__}.{SteadyProvider.__name__}"
    providers._get_local_constants = Constants
    providers.CONSTANTS_CACHE = _CONSTANTS
    try:
        yield
    finally:
        providers.AVAILABLE_PROVIDERS["hypothesis"], providers._get_local_constants, providers.CONSTANTS_CACHE = known
